"""Views side by side: split down exactly, measured by what came, weighted by what they earned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, open_orders, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import consensus, views

CELL = ["month", "product", "region"]
SCOPES = {"family": {"family": "F0"}, "region": {"region": "R1"}, "product": {"product": "P3"}, "all": {}, "both": {"family": "F1", "region": "R0"}}
COLUMNS = ["stated_on", "view", "author", "month", "family", "product", "region", "units"]


def said(*rows: dict) -> pd.DataFrame:
    frame = pd.DataFrame([dict.fromkeys(COLUMNS) | {"stated_on": "2026-09-24", "view": "sales", "author": "Kim", "month": HORIZON[0]} | r for r in rows],
                         columns=COLUMNS)
    for column in ("stated_on", "month"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame.astype({"units": "float64", **{c: "str" for c in ("view", "author", "family", "product", "region")}})


def base(units: float = 100.0) -> pd.DataFrame:
    frame = pd.MultiIndex.from_product([HORIZON, [f"P{i}" for i in range(4)], ["R0", "R1"]], names=CELL).to_frame(index=False)
    return frame.assign(units=units * (1 + frame["product"].str[1].astype(float)))


def actuals() -> pd.DataFrame:
    frame = pd.MultiIndex.from_product([MONTHS, [f"P{i}" for i in range(4)], ["R0", "R1"]], names=CELL).to_frame(index=False)
    return frame.assign(units=100.0)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1e6), st.sampled_from(["family", "region", "product", "all", "both"]), st.booleans())
def test_a_view_is_split_down_to_the_last_unit(units: float, scope: str, empty: bool) -> None:
    out = views.spread(said(SCOPES[scope] | {"units": units}), base(0.0 if empty else 50.0), products(4))
    assert out["units"].sum() == pytest.approx(units, rel=1e-9, abs=1e-9) and (out["units"] >= 0).all()
    number = {"family": 4, "region": 4, "product": 2, "all": 8, "both": 2}[scope]
    assert len(out) == number and set(out["month"]) == {HORIZON[0]}


def test_a_narrower_word_stands_over_a_wider_one_of_the_same_team() -> None:
    rows = said({"family": "F0", "units": 800.0}, {"product": "P0", "region": "R0", "units": 7.0}, {"view": "marketing", "units": 1.0})
    out = views.spread(rows, base(), products(4))
    mine = out[out["stream"] == "sales"].set_index(["product", "region"])["units"]
    assert mine["P0", "R0"] == 7.0 and mine["P0", "R1"] == pytest.approx(100.0) and mine["P2", "R1"] == pytest.approx(300.0)
    assert set(out["stream"]) == {"sales", "marketing"}


def test_the_latest_word_counts_and_an_old_one_does_not_stand() -> None:
    rows = said({"units": 1.0}, {"units": 2.0, "stated_on": "2026-09-28"}, {"units": 3.0, "stated_on": "2026-05-28", "region": "R0"},
                {"units": 4.0, "month": "2026-09-01"}, {"units": 5.0, "stated_on": "2026-10-05"})
    assert list(views.standing(rows, HORIZON[0])["units"]) == [2.0]


def test_a_view_is_measured_at_the_decision_lag_on_what_it_spoke_of() -> None:
    rows = said(
        {"month": "2026-08-01", "stated_on": "2026-05-20", "family": "F0", "region": "R0", "units": 220.0},  # two products of 100: 20 too many
        {"month": "2026-08-01", "stated_on": "2026-05-20", "product": "P2", "region": "R1", "units": 90.0},
        {"month": "2026-08-01", "stated_on": "2026-07-20", "family": "F1", "units": 999.0},  # another lag
        {"month": "2026-07-01", "stated_on": "2026-04-20", "units": 800.0},  # all of it
    )
    out = views.measured(rows, actuals(), products(4), 3).set_index(["family", "month"])
    assert out.loc[("F0", pd.Timestamp("2026-08-01")), ["actual", "forecast"]].tolist() == [300.0, 310.0]
    assert out.loc[("all", pd.Timestamp("2026-07-01")), ["actual", "forecast"]].tolist() == [800.0, 800.0]
    assert len(out) == 2
    word = {"month": "2026-08-01", "family": "F0"}
    later = said(word | {"stated_on": "2026-05-25", "units": 1000.0}, word | {"stated_on": "2026-05-05", "units": 5.0})
    assert views.measured(later, actuals(), products(4), 3)["forecast"].tolist() == [1000.0], "the later word, in whatever order they stand"


def _errors(spread: dict[str, float], months: int, bias: float = 0.0) -> pd.DataFrame:
    parts = []
    for name, size in spread.items():
        sign = np.where(np.arange(months) % 2 == 0, 1.0, -1.0)
        parts.append(pd.DataFrame({"stream": name, "author": name, "family": "F0", "month": MONTHS[:months], "actual": 1000.0,
                                   "forecast": 1000.0 * (1 + bias) + size * sign}))
    return pd.concat(parts, ignore_index=True)


def test_weights_are_the_inverse_of_the_mean_squared_error() -> None:
    out = views.accuracy_of_views(_errors({"sales": 100.0, "statistical": 50.0}, 8)).set_index("stream")
    assert out.loc["statistical", "weight"] == pytest.approx(4 / 5) and out.loc["sales", "weight"] == pytest.approx(1 / 5)
    assert out.loc["sales", "wmape"] == pytest.approx(0.10) and out.loc["sales", "bias"] == pytest.approx(0.0)


def test_nobody_gets_weight_on_too_few_months() -> None:
    few = pd.concat([_errors({"sales": 1.0}, 5), _errors({"statistical": 50.0}, 8)])
    assert views.accuracy_of_views(few)["weight"].isna().all()


def test_a_habit_is_seen_and_half_of_it_taken_away() -> None:
    out = views.habits(pd.concat([_errors({"high": 20.0}, 12, 0.21), _errors({"even": 200.0}, 12), _errors({"new": 1.0}, 3, 0.5)])).set_index("stream")
    assert out.loc["high", "factor"] == pytest.approx(1 / np.sqrt(1.21), abs=0.002) and "too high" in out.loc["high", "note"]
    assert out.loc["even", "factor"] == 1 and out.loc["new", "factor"] == 1 and "too few" in out.loc["new", "note"]
    rows = said({"view": "high", "author": "high", "family": "F0", "units": 121.0}, {"family": "F0", "units": 5.0})
    fixed = views.corrected(rows, out.reset_index(), products(4))
    assert fixed["units"].tolist() == pytest.approx([110.0, 5.0], abs=0.3)


def _side() -> pd.DataFrame:
    return views.side_by_side(base(), base().assign(units=90.0), views.spread(said({"family": "F0", "units": 1200.0}), base(), products(4)))


@pytest.mark.parametrize("rule", ["statistical", "weights", "chosen"])
def test_the_plan_follows_the_rule_and_still_adds_up(rule: str) -> None:
    weights = pd.DataFrame({"family": "F0", "stream": ["statistical", "sales"], "weight": [0.75, 0.25]})
    agreed = views.agreed_stream(_side(), weights, products(4), rule, {"F0": "sales", "F1": "pipeline"})
    own = base().assign(stream="statistical", source="portfolio")
    streams = consensus.build_streams(own, products(4), overrides(), open_orders(), month=HORIZON[0], agreed=agreed)
    plan = consensus.demand_plan(streams, products(4)).set_index(CELL)["units"]
    first = plan.loc[HORIZON[0]]
    family = first[["P0", "P2"]].sum()
    # The workbook expects 800 of the family, sales 1,200; of later months and of the other family they say nothing.
    assert family == pytest.approx({"statistical": 800.0, "weights": 900.0, "chosen": 1200.0}[rule])
    assert first[["P1", "P3"]].sum() == pytest.approx(1200.0)
    assert plan.loc[HORIZON[1]].sum() == pytest.approx(2000.0)
    if rule == "weights":
        assert set(agreed["source"]) == {"weights: statistical 75 %, sales 25 %"}


def test_the_budget_stands_in_for_finance() -> None:
    budget = pd.DataFrame({"month": [MONTHS[-1], HORIZON[0]], "family": "F0", "region": "R0", "units": [50.0, 60.0]})
    out = views.with_budget(said(), budget, HORIZON[0])
    assert list(out["view"]) == ["finance"] * 2 and len(views.standing(out, HORIZON[0])) == 1
    kept = said({"view": "finance", "units": 3.0})
    assert views.with_budget(kept, budget, HORIZON[0]) is kept


def test_without_views_the_workbook_stands_alone() -> None:
    none = views.spread(said(), base(), products(4))
    side = views.side_by_side(base(), None, none)
    assert set(side["stream"]) == {"statistical"} and len(side) == len(base())
    assert views.agreed_stream(side, views.accuracy_of_views(views.no_measured()), products(4), "weights", {}).empty
    assert views.measured(said(), actuals(), products(4), 3).empty and views.habits(views.no_measured()).empty


def test_a_chosen_view_of_a_family_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="chosen_views names Grindres; products have the families F0, F1"):
        views.agreed_stream(_side(), pd.DataFrame(), products(4), "chosen", {"Grindres": "sales"})
