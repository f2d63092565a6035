"""Signals: what was planted is found, quiet months are not, insights stand beside what they explain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from demand_company import MONTHS, demand, insights, products, sales

from sop_helpers.planning.calendars import partial_month
from sop_helpers.planning.history import complete_history, history_panel
from sop_helpers.planning.panel import Panel
from sop_helpers.planning.signals import explain, find_signals


def signals(values: np.ndarray, told: pd.DataFrame | None = None, **options) -> pd.DataFrame:
    raw = complete_history(sales(values), products(), MONTHS[-1])
    return find_signals(history_panel(raw, products(), "raw_units"), products(), insights() if told is None else told, **options)


def test_a_dip_and_a_spike_are_found_with_units_and_money() -> None:
    values, truth = demand(), demand()
    values[3, 58] = np.round(0.45 * values[3, 58])
    values[6, 59] *= 2
    found = signals(values).set_index(["product", "region"])
    assert found.loc[("P1", "R1"), "kind"] == "dip" and found.loc[("P1", "R1"), "month"] == MONTHS[58]
    assert found.loc[("P3", "R0"), "kind"] == "spike" and found.loc[("P3", "R0"), "month"] == MONTHS[59]
    assert len(found) == 2
    np.testing.assert_allclose(found.loc[("P3", "R0"), "expected_units"], truth[6, 59], rtol=0.2)
    np.testing.assert_allclose(found["money"], found["units"] * np.array([10.0 + int(p[1]) for p, _ in found.index]))
    assert list(found["money"].abs()) == sorted(found["money"].abs(), reverse=True)
    assert (found["units"] == found["actual_units"] - found["expected_units"]).all()
    assert (np.sign(found["score"]) == np.sign(found["units"])).all()


def test_three_months_on_one_side_are_one_shift() -> None:
    values = demand()
    values[4, -3:] *= 1.7
    found = signals(values)
    assert list(found["kind"]) == ["shift"] and found.loc[0, "month"] == MONTHS[-1]


def test_quiet_months_are_no_signals() -> None:
    false = sum(len(signals(demand(seed=seed))) for seed in range(10))
    assert false <= 4, f"{false} signals in 360 quiet months"


def test_a_season_is_no_signal() -> None:
    season = np.tile(np.r_[np.full(9, 100.0), np.full(3, 500.0)], 5)
    values = np.roll(season, 1)[None, :].repeat(12, axis=0) * np.exp(np.random.default_rng(0).normal(0, 0.05, (12, 60)))
    assert len(signals(np.round(values))) == 0


def test_short_and_sparse_series_are_judged_too() -> None:
    values = demand(2)
    values[0, :45] = np.nan
    values[0, 59] *= 6
    rng = np.random.default_rng(1)
    values[1] = np.where(rng.random(60) < 0.4, 5.0, 0.0)
    values[1, 58] = 400.0
    values[2, :58] = np.nan  # two months: nothing can be said
    found = signals(values).set_index(["product", "region"])
    assert found.loc[("P0", "R0"), "kind"] == "spike" and found.loc[("P0", "R1"), "kind"] == "spike"
    assert ("P1", "R0") not in found.index


def test_a_silence_is_told_once() -> None:
    values = demand(1)
    values[0] = np.tile([5.0, 0.0, 7.0, 6.0, 0.0], 12)
    values[0, -10:] = 0.0
    found = signals(values)
    mine = found[found["region"] == "R0"]
    assert list(mine["kind"]) == ["dip"]
    values[0, -16:] = 0.0
    assert "R0" not in set(signals(values)["region"])


def test_insights_stand_beside_what_they_touch() -> None:
    values = demand()
    values[3, 58] = np.round(0.4 * values[3, 58])
    month = MONTHS[58]
    told = insights(
        {"insight": "up", "product": "P1", "start_month": month, "end_month": month, "effect_pct": 20, "note": "a big order"},
        {"insight": "down", "product": "P1", "region": "R1", "start_month": month, "end_month": month, "effect_pct": -50, "note": "a strike", "kind": "strike"},
        {"insight": "elsewhere", "product": "P1", "region": "R0", "start_month": month, "end_month": month, "effect_pct": -50, "note": "not here"},
        {"insight": "family", "family": "F1", "start_month": MONTHS[57], "end_month": MONTHS[59], "note": "all of it"},
        {"insight": "later", "family": "F1", "start_month": MONTHS[59], "end_month": MONTHS[59], "note": "too late"},
    )
    text = signals(values, told).loc[0, "explanation"]
    assert text.index("a strike") < text.index("a big order") and "all of it" in text
    assert "not here" not in text and "too late" not in text


def test_no_signal_and_no_insight() -> None:
    found = signals(demand(noise=0.01))
    assert found.empty and list(found.columns)[:3] == ["month", "family", "product"]
    assert explain(found, insights()).empty


def test_few_series_are_decomposed_most_money_first() -> None:
    values = demand()
    values[:, 59] *= 3
    assert len(signals(values, most=2)) == 12, "the batch judges those that STL did not"


def seasonal(young: int) -> np.ndarray:
    """Twelve series that peak eightfold in the last two months; the first few have sold for sixteen months."""
    season = np.tile(np.r_[np.full(10, 100.0), 800.0, 800.0], 5)
    values = np.round(season * np.exp(np.random.default_rng(3).normal(0, 0.08, (12, 60))))
    values[:young, :44] = np.nan
    return values


def test_the_season_of_a_young_series_is_that_of_its_family_and_no_signal() -> None:
    """A peak that the family knows from four years was a spike in a series that had seen it once; one beyond the peak was lost in its noise."""
    keys = pd.DataFrame({"product": [f"P{i}" for i in range(12)], "region": "R", "family": "F"})
    told = products().iloc[:0]
    assert find_signals(Panel(keys, MONTHS, seasonal(4)), told, insights().iloc[:0]).empty
    more = seasonal(4)
    more[1, -1] *= 2
    found = find_signals(Panel(keys, MONTHS, more), told, insights().iloc[:0])
    assert found["product"].tolist() == ["P1"] and found["kind"].tolist() == ["spike"]
    np.testing.assert_allclose(found["expected_units"], 800, rtol=0.2)


def test_a_begun_month_of_a_young_series_is_filled_up_to_the_season_of_its_family() -> None:
    keys = pd.DataFrame({"product": [f"P{i}" for i in range(12)], "region": "R", "family": "F"})
    values = seasonal(4)
    whole = values[:4, -1].copy()
    values[:, -1] = 1.0
    added = partial_month(Panel(keys, MONTHS, values), MONTHS[-1] + pd.Timedelta(days=1)).set_index("product")["units"]
    np.testing.assert_allclose(added[["P0", "P1", "P2", "P3"]] + 1, whole, rtol=0.3)
