"""The forecasting core: sane on anything, scale equivariant, routed by class and length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand, products
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import backtest, forecasting, launches, portfolio, smoothing
from sop_helpers.planning.panel import Panel

NAN = float("nan")


def plain_scope(n: int) -> forecasting.Scope:
    return forecasting.Scope(np.zeros(n, dtype=int), np.full(n, -1), np.full(n, 10**6))


def torture() -> np.ndarray:
    """Odd series, 60 months each, NaN before they begin."""
    rng = np.random.default_rng(3)
    rows = [np.full(60, NAN), np.zeros(60), np.full(60, 7.0), np.full(60, 1e12), np.full(60, 1e-9)]
    spike = np.zeros(60)
    spike[33] = 1e9
    last = np.zeros(60)
    last[-1] = 5.0
    rows += [spike, last, np.tile([0.0] * 11 + [120.0], 5), np.exp(np.arange(60) / 3), np.exp(-np.arange(60) / 3)]
    rows += [np.arange(60.0)[::-1], rng.poisson(0.2, 60).astype(float)]
    for length in range(1, 31):
        row = np.full(60, NAN)
        row[-length:] = rng.gamma(2.0, 50.0, length)
        rows.append(row)
        zeros = row.copy()
        zeros[-length:] = np.where(rng.random(length) < 0.6, 0.0, zeros[-length:])
        rows.append(zeros)
    return np.array(rows)


def test_odd_series_give_finite_forecasts_and_a_reason() -> None:
    values = torture()
    points = forecasting.point_forecast(values, 18, plain_scope(len(values)))
    assert np.isfinite(points.units).all() and (points.units >= 0).all()
    assert np.isfinite(points.scale).all()
    assert all(forecasting.why(m) for m in points.model)
    assert (points.units[:2] == 0).all()
    assert points.model[0] == "no history"
    np.testing.assert_allclose(points.units[2], 7.0, rtol=1e-6)
    np.testing.assert_allclose(points.units[3], 1e12, rtol=1e-6)


def test_the_whole_forecast_is_ordered_and_finite_on_odd_series() -> None:
    values = torture()
    panel = Panel(pd.DataFrame({"product": [f"{i:03}" for i in range(len(values))], "region": "R"}), MONTHS, values)
    table, tried, *_ = backtest.forecast(panel, plain_scope(len(values)), HORIZON)
    numbers = table[["lo95", "lo80", "units", "hi80", "hi95"]].to_numpy()
    assert np.isfinite(numbers).all() and (numbers >= 0).all()
    assert (np.diff(numbers, axis=1) >= 0).all()
    assert len(table) == len(values) * len(HORIZON)
    assert table["reason"].str.len().min() > 10
    assert np.isfinite(tried[["actual", "statistical", "naive"]].to_numpy()).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50), st.integers(1, 18))
def test_any_history_gives_a_forecast_between_zero_and_reason(history: list[float], horizon: int) -> None:
    values = np.array([history])
    points = forecasting.point_forecast(values, horizon, plain_scope(1))
    assert np.isfinite(points.units).all() and (points.units >= 0).all()
    assert points.units.max() <= 6 * max(values.max(), 1e-12)


@pytest.mark.parametrize("factor", [1e-4, 1000.0])
def test_ten_times_the_demand_is_ten_times_the_forecast(factor: float) -> None:
    values = np.vstack([demand(3), torture()[20:60]])
    scope = plain_scope(len(values))
    one, many = (forecasting.point_forecast(v, 12, scope).units for v in (values, values * factor))
    np.testing.assert_allclose(many, one * factor, rtol=1e-6, atol=1e-9 * factor)


def test_a_series_is_forecast_the_same_alone_and_among_others() -> None:
    values = demand(6)
    values[3, :40] = NAN
    together = portfolio.portfolio(values, 12).forecast
    alone = np.vstack([portfolio.portfolio(values[i : i + 1], 12).forecast for i in range(len(values))])
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_ets_finds_level_trend_and_season() -> None:
    t = np.arange(72)
    season = 1 + 0.4 * np.cos(2 * np.pi * t / 12)
    straight = 100 + 2.0 * t
    fit = smoothing.ets(np.array([100 * season[:60], straight[:60]]), 12)
    np.testing.assert_allclose(fit.forecast[0], 100 * season[60:], rtol=0.02)
    # A damped trend goes on, but not as far as the line.
    assert (np.diff(fit.forecast[1]) > 0).all()
    assert (fit.forecast[1] <= straight[60:] + 1).all() and fit.forecast[1, 0] > 215
    assert smoothing.FORMS[fit.form[0]].endswith("season") and "trend" in smoothing.FORMS[fit.form[1]]


def test_theta_follows_half_the_drift() -> None:
    line = 50.0 + 3.0 * np.arange(48)
    ahead = smoothing.theta(line[None, :], 6)[0]
    np.testing.assert_allclose(np.diff(ahead), 1.5, atol=1e-6)


def test_seasonal_naive_repeats_the_last_year() -> None:
    values = np.arange(24.0)[None, :]
    np.testing.assert_array_equal(smoothing.seasonal_naive(values, 14)[0], [*range(12, 24), 12, 13])
    short = np.array([[NAN, NAN, 4.0, 6.0]])
    np.testing.assert_array_equal(smoothing.seasonal_naive(short, 3)[0], [6, 6, 6])


def test_routes_by_length_and_class() -> None:
    values = demand(6)
    n = len(values)
    rng = np.random.default_rng(1)
    values[1, :42] = NAN  # 18 months
    values[2, :54] = NAN  # 6 months
    values[3] = np.where(rng.random(60) < 0.3, 20.0, 0.0)
    values[4, -14:] = 0.0
    values[5, :52] = NAN
    scope = forecasting.Scope(np.zeros(n, dtype=int), np.where(np.arange(n) == 5, 0, -1), np.where(np.arange(n) == 6, 60, 10**6))
    points = forecasting.point_forecast(values, 12, scope)
    assert list(points.model[:7]) == ["portfolio", "family season", "recent mean", "imapa", "stopped", "like product", "ended"]
    assert points.kind[3] == "intermittent"
    assert (points.units[[4, 6]] == 0).all()
    # Young series carry the season of their family: highest where the family is highest.
    assert abs(int(points.units[2].argmax()) - int(points.units[0].argmax())) <= 1
    ratio = np.nansum(values[5]) / values[0, ~np.isnan(values[5])].sum()
    np.testing.assert_allclose(points.units[5], points.units[0] * ratio)


def test_classes_of_syntetos_boylan_croston() -> None:
    smooth, erratic = np.full(24, 10.0), np.tile([1.0, 1.0, 1.0, 40.0], 6)
    intermittent, lumpy = np.tile([0.0, 0.0, 10.0], 8), np.tile([0.0, 0.0, 1.0, 0.0, 0.0, 50.0], 4)
    assert list(forecasting.classify(np.array([smooth, erratic, intermittent, lumpy]))) == ["smooth", "erratic", "intermittent", "lumpy"]


def test_scope_knows_like_products_and_ends() -> None:
    table = products(3)
    table.loc[1, "like_product"] = "P0"
    table.loc[2, "end_month"] = pd.Timestamp("2026-09-01")
    panel = Panel(pd.DataFrame({"product": ["P0", "P1", "P2"], "region": "R0"}), MONTHS, np.ones((3, 60)))
    scope = forecasting.scope_of(panel, table)
    assert list(scope.like) == [-1, 0, -1]
    assert scope.end[2] == 60
    assert scope.group[0] == scope.group[2] != scope.group[1]


def begun(rate: float, size: float, series: int, seed: int = 0) -> np.ndarray:
    """Series that sell one month in a while, each known from its first sale on; ages of one to eleven months after a year of others."""
    draw = np.random.default_rng(seed)
    values = np.where(draw.random((series, 24)) < rate, size, 0.0)
    start = 24 - draw.integers(1, 12, series)
    values[np.arange(series), start] = size  # the sale that it begins with
    values[np.arange(24)[None, :] < start[:, None]] = np.nan
    return values


def test_the_first_sale_of_a_young_series_says_nothing_of_how_often_it_sells() -> None:
    values = begun(0.3, 4.0, 4000)
    share = forecasting.selling_share(values, np.zeros(4000, dtype=int))
    assert share[0] == pytest.approx(0.3, abs=0.02)
    level = forecasting.young_levels(values, share)
    assert level.mean() == pytest.approx(0.3 * 4.0, rel=0.03), "counted in, the first month would make it a third more and above"
    assert (level > 0).all(), "a part that rested in all of its last months is not dead"


def test_young_series_of_families_that_sell_every_month_have_their_recent_mean() -> None:
    values = np.random.default_rng(1).uniform(50, 90, (30, 24))
    for row, age in enumerate(range(1, 11)):
        values[row, : 24 - age] = np.nan
    level = forecasting.young_levels(values, forecasting.selling_share(values, np.zeros(30, dtype=int)))
    expected = np.nanmean(values[:, -6:], axis=1)
    for row, age in enumerate(range(1, 11)):  # launched inside the data: the first three months count until three later ones are there
        expected[row] = values[row, -min(6, age - min(max(age - 3, 0), 3)) :].mean()
    np.testing.assert_allclose(level, expected, rtol=1e-12)


def with_family(old: int = 20, noise: float = 0.0) -> np.ndarray:
    """Series at 100 with the season of their family, the last one to be cut to a launch."""
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(60) / 12)
    return 100 * season * np.exp(np.random.default_rng(4).normal(0, noise, (old + 1, 60)))


@pytest.mark.parametrize("months", [6, 9, 13, 15, 18])
@pytest.mark.parametrize("first", [[0.4, 0.55, 0.7, 0.8, 0.9], [0.02, 0.2], [2.5, 1.6]])  # a ramp, a few days of its first months, shelves that are filled
def test_the_first_months_of_a_launch_are_neither_its_level_nor_its_trend(months: int, first: list[float]) -> None:
    values = with_family()
    values[-1, : 60 - months] = np.nan
    values[-1, 60 - months : 60 - months + len(first)] *= first
    found = forecasting.point_forecast(values, 12, forecasting.Scope(np.zeros(21, dtype=int), np.full(21, -1), np.full(21, 10**6)))
    assert found.model[-1] == ("recent mean" if months < 13 else "family season")
    if not (months >= 13 and first[0] > 1):  # what fell once may go on falling: that trend stays
        ratio = found.units[-1] / found.units[:-1].mean(axis=0)
        assert ratio.mean() == pytest.approx(1.0, abs=0.13 if months == 6 else 0.06)


def test_a_series_without_a_ramp_keeps_its_months() -> None:
    values = np.random.default_rng(3).normal(100, 10, (400, 60))
    values[:, :44] = np.nan
    assert np.isnan(launches.after_ramp(values)[:, 44:]).mean() < 0.01, "by chance the first may be the least"
    old = values[:, 44:]
    np.testing.assert_array_equal(launches.after_ramp(old), old)  # what the data begin with may have sold before


def test_what_may_have_sold_before_the_data_begins_says_nothing_of_first_years() -> None:
    draw = np.random.default_rng(2)
    old = np.where(draw.random((2000, 60)) < 0.3, 1.0, 0.0)
    old[:, 0] = 1.0  # sold for years, at half the rate of those that are new
    new = np.full((300, 60), np.nan)
    new[:, 40:] = draw.random((300, 20)) < 0.6
    new[:, 40] = 1.0
    share = forecasting.selling_share(np.vstack([old, new]), np.zeros(2300, dtype=int))
    assert share[0] == pytest.approx(0.6, abs=0.02)
    assert forecasting.selling_share(old, np.zeros(2000, dtype=int))[0] == pytest.approx(0.3, abs=0.02), "better than nothing where there are no others"


def test_a_family_with_few_months_of_first_years_goes_by_all_of_them() -> None:
    values = begun(0.4, 1.0, 500)
    group = np.r_[0, np.ones(499, dtype=int)]
    share = forecasting.selling_share(values, group)
    assert share[0] == pytest.approx(share[1], abs=0.01)
    assert (forecasting.selling_share(np.full((2, 3), np.nan), np.zeros(2, dtype=int)) == 1.0).all()
