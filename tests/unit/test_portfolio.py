"""The tiers of the portfolio and their learners: what they may see, when they leave themselves out, and that a seed is a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand
from test_forecasting import plain_scope, torture

from sop_helpers.planning import backtest, forecasting, intervals, learners, portfolio, smoothing
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
