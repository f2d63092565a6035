"""Rates of intermittent demand against numbers worked out by hand, and the quantiles of its sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand
from hypothesis import given, settings
from hypothesis import strategies as st
from test_forecasting import plain_scope

from sop_helpers.planning import backtest, cumulative, intermittent, learners
from sop_helpers.planning.panel import Panel

NAN = float("nan")
LEVELS = (0.5, 0.9, 0.95)


def parts(number: int, months: int = 48, seed: int = 3) -> np.ndarray:
    """Spare parts: some sold often, some hardly ever."""
    rng = np.random.default_rng(seed)
    chance = rng.uniform(0.05, 0.6, number)[:, None]
    return np.where(rng.random((number, months)) < chance, 1 + rng.poisson(rng.uniform(0.5, 6, number)[:, None], (number, months)), 0).astype(float)


def test_croston_and_its_kin_on_a_regular_pattern() -> None:
    # A demand of 9 every third month is 3 a month; SBA takes half of alpha off.
    values = np.tile([0.0, 0.0, 9.0], 12)[None, :]
    np.testing.assert_allclose(intermittent.croston(values, 2, "croston", 0.1)[0], 3.0)
    np.testing.assert_allclose(intermittent.croston(values, 2, "sba", 0.1)[0], 3 * 0.95)
    faded = intermittent.croston(np.hstack([values, np.zeros((1, 8))]), 1, "tsb", 0.1)[0, 0]
    # A tenth less each month; the start knows the longer history, which moves the rate by less than a hundredth.
    assert faded == pytest.approx(intermittent.croston(values, 1, "tsb", 0.1)[0, 0] * 0.9**8, rel=0.01)


def test_aggregation_on_a_regular_pattern() -> None:
    # Blocks of three months hold 9 each, so ADIDA gives 3 a month exactly.
    values = np.tile([0.0, 0.0, 9.0], 12)[None, :]
    np.testing.assert_allclose(intermittent.adida(values, 2), 3.0)
    np.testing.assert_array_equal(intermittent.blocks(values[:, :7], 3), [[9, 9]])
    np.testing.assert_array_equal(np.isnan(intermittent.blocks(np.array([[NAN, NAN, 1, 2, 3, 4]]), 3)), [[True, False]])
    # One, two and three months a block, each smoothed with the best weight: IMAPA is their mean.
    each = [intermittent.smoothed(intermittent.blocks(values, size))[0] / size for size in (1, 2, 3)]
    assert intermittent.imapa(values, 1)[0, 0] == pytest.approx(np.mean(each))


def test_a_smoothed_level_is_that_of_the_best_weight() -> None:
    rising = np.arange(1.0, 21.0)[None, :]
    level = rising[0, 0]
    for value in rising[0, 1:]:
        level += 0.5 * (value - level)
    assert intermittent.smoothed(rising)[0] == pytest.approx(level), "the largest weight follows a trend best"
    assert intermittent.smoothed(np.array([[NAN, NAN, 2.0, 4.0]]))[0] == 3.0, "of less than four months the mean"
    assert intermittent.smoothed(np.full((1, 5), NAN))[0] == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=3, max_size=40), st.integers(0, 10), st.floats(0.01, 1000))
def test_rates_lie_within_the_demands_and_grow_with_them(demands: list[int], late: int, factor: float) -> None:
    values = np.array([[NAN] * late + [float(d) for d in demands]])
    for rate in (intermittent.adida, intermittent.imapa, intermittent.croston):
        one = rate(values, 3)
        assert one.shape == (1, 3) and (one >= 0).all() and (one <= max(demands) + 1e-9).all()
        np.testing.assert_allclose(rate(values * factor, 3), one * factor, rtol=1e-9, atol=1e-12)


def test_learned_quantiles_cover_months_they_never_saw() -> None:
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    values = parts(400)
    known, came = values[:, :45], values[:, 45:].sum(axis=1)
    model = intermittent.learn_sums(known, 3, LEVELS)
    told = intermittent.sum_quantiles(known, model)
    assert len(model.models) == 3 and (np.diff(told, axis=1) >= 0).all() and (told >= 0).all()
    covered = (came[:, None] <= told).mean(axis=0)
    assert 0.86 <= covered[1] <= 0.94 and 0.92 <= covered[2] <= 0.98
    again = intermittent.sum_quantiles(known, intermittent.learn_sums(known, 3, LEVELS))
    np.testing.assert_array_equal(told, again)


def test_too_few_examples_take_a_negative_binomial() -> None:
    values = parts(5)
    model = intermittent.learn_sums(values, 3, LEVELS)
    assert model.models == ()
    told = intermittent.sum_quantiles(values, model)
    np.testing.assert_array_equal(told, intermittent.negative_binomial(values, 3, LEVELS))
    assert np.isfinite(told).all() and (np.diff(told, axis=1) >= 0).all()
    assert (intermittent.negative_binomial(np.zeros((1, 24)), 3, LEVELS) == 0).all()


def tried_of(errors: np.ndarray) -> pd.DataFrame:
    """A backtest table of smooth series with a scale of one: errors (series, origins, lags)."""
    series, origin, lag = (index.ravel() for index in np.indices(errors.shape))
    keys = {"product": [f"P{i}" for i in series], "region": "R", "kind": "smooth", "origin": MONTHS[origin], "lag": lag + 1}
    return pd.DataFrame(keys | {"actual": 100 + errors.ravel(), "statistical": 100.0, "whole_scale": 1.0})


def test_errors_that_go_together_add_up_to_more_than_independent_ones() -> None:
    rng = np.random.default_rng(0)
    alone = rng.normal(0, 1, (200, 5, 3))
    together = np.repeat(rng.normal(0, 1, (200, 5, 1)), 3, axis=2)
    pools = [cumulative._pool(cumulative.summed_errors(tried_of(errors), 3), "smooth", 3).set_index("months") for errors in (alone, together)]
    # Independent errors grow with the root of the months, equal ones with the months.
    assert pools[0].loc[3, "correlation_factor"] == pytest.approx(1.0, abs=0.08)
    assert pools[1].loc[3, "correlation_factor"] == pytest.approx(np.sqrt(3), abs=0.01)
    assert pools[1].loc[3, "sd_units"] == pytest.approx(3 * pools[1].loc[1, "sd_units"], rel=0.01)
    assert pools[0].loc[1, "q95"] == pytest.approx(1.645, abs=0.2)


def test_a_sum_with_a_month_missing_is_left_out() -> None:
    tried = tried_of(np.ones((1, 1, 4)))
    sums = cumulative.summed_errors(tried[tried["lag"] != 2], 4)
    assert list(sums["months"]) == [1] and list(sums["error"]) == [1.0]


def test_the_table_has_a_row_for_each_series_and_number_of_months() -> None:
    values = np.vstack([demand(6), parts(12, len(MONTHS))])
    panel = Panel(pd.DataFrame({"product": [f"{i:03}" for i in range(len(values))], "region": "R"}), MONTHS, values)
    forecast, tried, *_ = backtest.forecast(panel, plain_scope(len(values)), HORIZON)
    table = cumulative.error_sums(panel, forecast, tried, most_months=4)
    assert list(table.columns) == cumulative.COLUMNS and not table.duplicated(["product", "region", "months"]).any()
    assert set(table["months"]) == {1, 2, 3, 4} and np.isfinite(table[["sd_units", *cumulative.LEVELS]].to_numpy()).all()
    wide = table.pivot(index="product", columns="months", values="sd_units")
    assert (wide.diff(axis=1).iloc[:, 1:] >= 0).all().all() and (np.diff(table[list(cumulative.LEVELS)].to_numpy(), axis=1) >= -1e-9).all()
    assert cumulative.error_sums(panel, forecast, tried.iloc[:0]).empty
    one = (tried["product"] == "000") & (tried["origin"] == tried["origin"].max())
    assert cumulative.error_sums(panel, forecast, tried[one & (tried["lag"] == 1)]).empty, "one error tells no spread"
