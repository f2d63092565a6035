"""The tiers of the portfolio and their learners: what they may see, when they leave themselves out, and that a seed is a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand
from test_forecasting import plain_scope, torture

from sop_helpers.planning import backtest, forecasting, intervals, learners, portfolio, smoothing, stacking
from sop_helpers.planning.panel import Panel

NAN = float("nan")


def company(series: int = 48) -> np.ndarray:
    values = demand(series // 2)
    values[5, :30] = NAN  # thirty months: too short for a learner of three seasons
    return values


def test_the_forecast_of_an_origin_does_not_see_its_future() -> None:
    values = company()
    changed = values.copy()
    changed[:, -3:] *= np.linspace(0.2, 5.0, len(values))[:, None]
    options = {"tier": "quick", "origins": 2, "lag_months": 3}
    one, two = (backtest.backtest(v, plain_scope(len(v)), 12, **options) for v in (values, changed))
    np.testing.assert_array_equal(one.back, two.back)
    assert one.back.min() == 3, "every origin lies before the months that were changed"
    np.testing.assert_array_equal(one.statistical, two.statistical)
    np.testing.assert_array_equal(one.naive, two.naive)


def test_the_same_seed_gives_the_same_forecast_and_another_one_nearly_the_same() -> None:
    values = company()
    first, again, other = (portfolio.portfolio(values, 12, 12, portfolio.train(values, 12, 12, "quick", seed)).forecast for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert 0 < np.abs(other - first).max() / first.max() < 0.1


def test_too_few_examples_leave_the_learners_out_and_the_members_say_so() -> None:
    few = demand(2)
    assert portfolio.train(few[:, -30:], 12, 12, "default") == []
    fit = portfolio.portfolio(few, 12, 12, [])
    assert not [name for name in fit.members if name.startswith("learned")]
    np.testing.assert_array_equal(fit.forecast, portfolio.portfolio(few, 12, 12).forecast)


def test_a_series_too_short_for_a_learner_is_forecast_without_it() -> None:
    values = company()
    trained = portfolio.train(values, 12, 12, "default")
    assert {learner.back for learner in trained} == {24, 36}
    long = [learner for learner in trained if learner.back == 36]
    assert np.isnan(learners.predict(long[0], values, 12)[5]).all()
    fit = portfolio.portfolio(values, 12, 12, trained)
    assert np.isfinite(fit.forecast).all() and "learned differences" in fit.members
    alone = portfolio.portfolio(values[5:6], 12, 12, [learner for learner in trained if learner.back == 24]).forecast
    np.testing.assert_allclose(fit.forecast[5:6], alone)


def test_learners_bear_odd_series_and_are_scale_equivariant() -> None:
    values = np.vstack([company(), torture()])
    trained = forecasting.learn(values, 18, 12, "quick")
    assert len(trained) == 2
    points = forecasting.point_forecast(values, 18, plain_scope(len(values)), 12, trained)
    assert np.isfinite(points.units).all() and (points.units >= 0).all()
    many = forecasting.point_forecast(values * 1000, 18, plain_scope(len(values)), 12, trained)
    np.testing.assert_allclose(many.units, 1000 * points.units, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("season", [1, 3, 4, 12])
def test_learners_know_any_season(season: int) -> None:
    t = np.arange(60)
    rng = np.random.default_rng(4)
    pattern = 1 + 0.5 * np.cos(2 * np.pi * t / season) * (season > 1)
    values = (50 + rng.uniform(0, 100, 40))[:, None] * pattern * np.exp(rng.normal(0, 0.03, (40, 60)))
    trained = portfolio.train(values[:, :48], 12, season, "quick")
    found = portfolio.portfolio(values[:, :48], 12, season, trained).forecast
    error = np.abs(found - values[:, 48:]).mean() / values[:, 48:].mean()
    assert error < 0.06


def test_a_machine_without_lightgbm_still_forecasts(monkeypatch) -> None:
    monkeypatch.setattr(learners, "available", lambda: False)
    assert portfolio.train(company(), 12) == []


def test_blocks_of_months_follow_level_and_season() -> None:
    t = np.arange(72)
    season = 1 + 0.4 * np.cos(2 * np.pi * t / 12)
    found = smoothing.aggregated(np.array([100 * season[:60], np.full(60, 7.0)]), 12)
    np.testing.assert_allclose(found[0], 100 * season[60:], rtol=0.03)
    np.testing.assert_allclose(found[1], 7.0, rtol=1e-6)


def test_the_reason_names_members_and_the_whole_forecast_stands() -> None:
    values = company(24)
    panel = Panel(pd.DataFrame({"product": [f"{i:03}" for i in range(24)], "region": "R"}), MONTHS, values)
    table, tried, *_ = backtest.forecast(panel, plain_scope(24), HORIZON, tier="quick")
    said = table.loc[table["model"] == "portfolio", "reason"]
    assert len(said) and said.str.contains("learned seasons").all() and said.str.contains("; mostly ").all()
    assert (np.diff(table[["lo95", "lo80", "units", "hi80", "hi95"]].to_numpy()) >= 0).all() and len(tried)


def test_a_scale_is_the_geometric_mean_of_what_is_known() -> None:
    noise, naive, error = np.array([2.0, NAN, 0.0, NAN]), np.array([4.0, 4.0, NAN, NAN]), np.array([8.0, 8.0, 8.0, NAN])
    found = intervals.scales(noise, naive, error, (0.5, 2.0))
    # All three say four, whichever of them are known; nothing known is no scale.
    np.testing.assert_allclose(found, [4.0, 4.0, 4.0, 0.0])
    assert intervals.usual_ratios(np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([NAN, NAN])) == (0.5, 1.0)


def test_the_deep_tier_learns_the_smoothers_errors_and_leaves_the_other_tiers_alone() -> None:
    values = company()
    deep = portfolio.train(values, 12, 12, "deep")
    assert [one.recipe.kind for one in deep] == ["differences", "differences", "seasons", "errors"]
    fit = portfolio.portfolio(values, 12, 12, deep)
    assert set(portfolio.WIDE) <= set(fit.members) and "learned errors" in fit.members
    # Smoothers, mended smoothers and learners by their shares. The default tier keeps its five smoothers, half and half.
    scale = np.nanmean(values, axis=1, keepdims=True)
    made = portfolio._smoothed(values / scale, 12, 12, portfolio.WIDE)
    mended = stacking.mended(deep[-1], values / scale, np.stack(made[0]), made[1])
    told = portfolio.learned(values, 12, deep[:-1])[:, 1:]
    np.testing.assert_allclose(fit.forecast, scale * (0.3 * np.mean(made[0], axis=0) + 0.4 * mended + 0.3 * told), rtol=1e-9)
    five = portfolio._smoothed(values / scale, 12, 12, portfolio.SMOOTHERS)[0]
    np.testing.assert_allclose(portfolio.portfolio(values, 12, 12, deep[:-1]).forecast, scale * (np.mean(five, axis=0) + told) / 2, rtol=1e-9)


def test_the_learner_of_errors_takes_out_an_error_that_all_series_share() -> None:
    rng = np.random.default_rng(11)
    values = rng.uniform(50, 150, (60, 1)) * np.exp(rng.normal(0, 0.02, (60, 60)))
    values /= values.mean(axis=1, keepdims=True)

    def high(known: np.ndarray, horizon: int, season_length: int) -> tuple[np.ndarray, np.ndarray]:
        """Two members, a tenth and three tenths too high."""
        level = np.repeat(known[:, -12:].mean(axis=1)[:, None], horizon, axis=1)
        return np.stack([1.1 * level, 1.3 * level]), np.full(len(known), 0.02)

    learner = stacking.train(portfolio.STACKED, values=values, horizon=12, members=high)
    made, noise = high(values, 12, 12)
    found = stacking.mended(learner, values, made, noise)
    assert np.abs(made.mean(axis=0) - 1).mean() > 0.19 and np.abs(found - 1).mean() < 0.02


def test_the_learner_of_errors_sees_no_month_after_an_origin() -> None:
    values = company() / np.nanmean(company(), axis=1, keepdims=True)
    seen = []

    def watched(known: np.ndarray, horizon: int, season_length: int) -> tuple[np.ndarray, np.ndarray]:
        seen.append(known.shape[1])
        return smoothing.theta(known, horizon)[None], np.ones(len(known))

    stacking.train(portfolio.STACKED, values=values, horizon=12, members=watched)
    assert seen == [values.shape[1] - months for months in stacking.ORIGINS if values.shape[1] - months >= 25]


@pytest.mark.parametrize("season", [1, 3, 4, 12])
def test_the_deep_tier_knows_any_season_bears_odd_series_and_short_ones(season: int) -> None:
    values = np.vstack([company(), torture()])
    trained = forecasting.learn(values, 18, season, "deep")
    assert trained[-1].recipe == portfolio.STACKED
    points = forecasting.point_forecast(values, 18, plain_scope(len(values)), season, trained)
    assert np.isfinite(points.units).all() and (points.units >= 0).all()
    many = forecasting.point_forecast(values * 1000, 18, plain_scope(len(values)), season, trained)
    np.testing.assert_allclose(many.units, 1000 * points.units, rtol=1e-6, atol=1e-6)
    few = portfolio.portfolio(values[:2, -20:], 18, season, trained[-1:])
    assert np.isfinite(few.forecast).all()


def test_blocks_are_forecast_by_the_method_named() -> None:
    rising = np.array([100.0 + np.arange(72)])
    half_years = smoothing.aggregated(rising, 12, 1, 6, "theta", 4)
    # Theta goes on by half the slope, from block to block: half of 6 here.
    np.testing.assert_allclose(np.diff(half_years[0, ::6]), 3.0, rtol=0.01)
    np.testing.assert_allclose(half_years[0, :6], half_years[0, 0])
    np.testing.assert_array_equal(smoothing.aggregated(rising[:, :12], 6, 1, 6, "theta", 4), smoothing.theta(rising[:, :12], 6, 1))
