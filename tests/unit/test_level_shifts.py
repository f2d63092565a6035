"""Level shifts: planted steps are found and undone, quiet and drifting series are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import MONTHS, demand, products, sales
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import history, level_shifts
from sop_helpers.planning.corrections import correct
from sop_helpers.planning.portfolio import portfolio

COLUMNS = ["id", "author", "time", "reason", "product", "region", "cause", "start_month", "end_month", "accepted"]


def planted(n: int, months: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seasonal series with one step each: values, place and factor of the step."""
    rng = np.random.default_rng(seed)
    season = 0.25 * np.sin(2 * np.pi * (np.arange(months) + rng.integers(0, 12, n)[:, None]) / 12)
    at, size = rng.integers(12, 52, n), rng.choice([-1, 1], n) * rng.uniform(0.35, 0.8, n)
    level = size[:, None] * (np.arange(months) >= at[:, None])
    return 200 * np.exp(season + level + rng.normal(0, 0.08, (n, months))), at, np.exp(size)


def test_a_planted_step_is_found_at_its_month_with_its_size() -> None:
    values, at, size = planted(200, 60, 1)
    steps = level_shifts.find_steps(values)
    found = steps.at >= 0
    assert found.mean() > 0.85
    assert (np.abs(steps.at - at)[found] <= 1).mean() > 0.9
    assert np.median(np.abs(np.log(steps.size / size))[found]) < 0.06


@pytest.mark.parametrize("kind", ["noise", "trend", "random walk"])
def test_what_does_not_step_is_left_alone(kind: str) -> None:
    rng = np.random.default_rng(7)
    season = 0.25 * np.sin(2 * np.pi * np.arange(60) / 12)
    level = {"noise": 0.0, "trend": 0.015 * np.arange(60), "random walk": np.cumsum(rng.normal(0, 0.06, (500, 60)), axis=1)}[kind]
    values = 200 * np.exp(season + level + rng.normal(0, 0.1, (500, 60)))
    assert (level_shifts.find_steps(values).at >= 0).mean() <= {"noise": 0.002, "trend": 0.002, "random walk": 0.03}[kind]


def test_a_step_needs_six_months_on_each_side() -> None:
    values, _, _ = planted(50, 60, 3)
    flat = values / np.exp(np.where(np.arange(60) >= planted(50, 60, 3)[1][:, None], np.log(planted(50, 60, 3)[2])[:, None], 0.0))
    late, early = flat.copy(), flat.copy()
    late[:, 55:] *= 2.0
    early[:, :4] *= 0.4
    for steps in (level_shifts.find_steps(late), level_shifts.find_steps(early)):
        assert (steps.at[steps.at >= 0] >= 6).all() and (steps.at <= 54).all()
    # Once six months have passed, the same step is seen.
    late[:, 54:] = flat[:, 54:] * 2.0
    assert (level_shifts.find_steps(late).at == 54).mean() > 0.8


def test_a_few_odd_months_are_no_step() -> None:
    values = demand()
    values[3, 30] *= 8
    values[4, 20:22] *= 0.1
    assert (level_shifts.find_steps(values).at == -1).all()


def test_undoing_planted_steps_improves_forecasts_from_several_origins() -> None:
    values, _, _ = planted(150, 78, 5)
    for origin in (60, 66):
        known, actual = values[:, :origin], values[:, origin : origin + 12]
        steps = level_shifts.find_steps(known)
        lifted = known * np.where(np.arange(origin) < steps.at[:, None], steps.size[:, None], 1.0)
        error = [np.abs(portfolio(y, 12).forecast - actual).sum() for y in (known, lifted)]
        assert error[1] < 0.85 * error[0]


def test_a_step_is_proposed_month_by_month_and_waits_for_a_word() -> None:
    values = demand(noise=0.05)
    values[3, 35:] *= 2.0
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    nobody = pd.DataFrame(columns=COLUMNS)
    corrections, cleansed = correct(raw, panel, nobody)
    rows = corrections[corrections["cause"] == "level shift"]
    assert set(zip(rows["product"], rows["region"], strict=True)) == {("P1", "R1")}
    assert not rows["accepted"].any() and (rows["units"] > 0).all() and rows["month"].max() == MONTHS[34]
    assert rows["note"].str.contains(f"from {MONTHS[35]:%Y-%m} on").all()
    word = pd.DataFrame([{"id": "1", "author": "Mia", "time": MONTHS[59], "reason": "listed at a chain", "product": "P1", "region": "R1",
                          "cause": "level shift", "start_month": MONTHS[0], "end_month": MONTHS[59], "accepted": True}])
    confirmed, lifted = correct(raw, panel, word)
    mine = lifted[(lifted["product"] == "P1") & (lifted["region"] == "R1")].set_index("month")["units"]
    assert mine[MONTHS[23]:MONTHS[34]].sum() / mine[MONTHS[35]:MONTHS[46]].sum() == pytest.approx(1.0, abs=0.12)
    by_rule, same = correct(raw, panel, nobody, accept_shifts=True)
    pd.testing.assert_frame_equal(same, lifted)
    assert by_rule["decided_by"].isna().all() and (confirmed.loc[confirmed["cause"] == "level shift", "decided_by"] == "Mia").all()


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-3, 1e6), st.integers(0, 100))
def test_steps_do_not_depend_on_the_unit(scale: float, seed: int) -> None:
    values, _, _ = planted(8, 60, seed)
    one, other = level_shifts.find_steps(values), level_shifts.find_steps(values * scale)
    assert (one.at == other.at).all()
    np.testing.assert_allclose(one.size, other.size, rtol=1e-6)


def test_short_empty_and_sparse_series_have_no_steps() -> None:
    rng = np.random.default_rng(1)
    sparse = np.where(rng.random((5, 60)) < 0.3, rng.integers(1, 9, (5, 60)), 0).astype(float)
    for values in (np.zeros((0, 0)), np.zeros((3, 60)), np.full((2, 20), 5.0), np.full((2, 60), np.nan), sparse, np.full((1, 60), 7.0)):
        assert (level_shifts.find_steps(values).at == -1).all()
