"""Rates learned from all intermittent series together: right in sum where demand fades with age, and honest about what was known when."""

from __future__ import annotations

import numpy as np
import pytest
from test_forecasting import plain_scope

from sop_helpers.planning import forecasting, intermittent, learners, rates

MONTHS, AHEAD = 42, 12


@pytest.fixture(scope="module")
def fading() -> tuple[np.ndarray, np.ndarray]:
    """Spare parts asked for ever less from their first sale on, as parts of ageing machines are: history, and the year after."""
    rng = np.random.default_rng(5)
    n, months = 1500, MONTHS + AHEAD
    start = rng.integers(0, 24, n)
    age = np.arange(months) - start[:, None]
    chance = np.where(age >= 0, 0.5 * np.exp(-age / 18), 0.0)
    demand = np.where(rng.random((n, months)) < chance, 1 + rng.poisson(rng.uniform(0.5, 30, n)[:, None], (n, months)), 0).astype(float)
    return demand[:, :MONTHS], demand[:, MONTHS:]


def learned(history: np.ndarray, seed: int = 0) -> learners.Learner:
    """The learner of rates alone."""
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    return rates.train(rates.RECIPE, seed, forecasting.trim(history), forecasting.intermittent_now)


def test_what_all_series_show_takes_the_bias_off(fading) -> None:
    history, came = fading
    learner, values = learned(history), forecasting.trim(history)
    rows = forecasting.intermittent_now(history)
    rate, smoothed = rates.predict(learner, values[rows]), intermittent.imapa(values[rows], 1)[:, 0]
    total = came[rows, : rates.MONTHS].mean(axis=1).sum()
    assert smoothed.sum() > 1.5 * total, "a rate of one history lags behind"
    assert abs(rate.sum() - total) < 0.25 * (smoothed.sum() - total)
    assert ((12 * rate - came[rows].sum(axis=1)) ** 2).mean() < 0.7 * ((12 * smoothed - came[rows].sum(axis=1)) ** 2).mean()
    np.testing.assert_array_equal(rate, rates.predict(learned(history), values[rows]))


def test_units_may_be_any(fading) -> None:
    history, _ = fading
    values = forecasting.trim(history)
    rows = forecasting.intermittent_now(history)
    # A power of two, which changes no digit: a split between trees of equal worth may fall either way on the last one.
    one, more = rates.predict(learned(history), values[rows]), rates.predict(learned(1024 * history), 1024 * values[rows])
    np.testing.assert_allclose(more, 1024 * one, rtol=1e-12)


def test_series_are_chosen_by_what_was_known_then(fading) -> None:
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    history, seen = forecasting.trim(fading[0]), []

    def watched(known: np.ndarray) -> np.ndarray:
        seen.append(known)
        return forecasting.intermittent_now(known)

    rates.train(rates.RECIPE, 0, history, watched)
    ends = [known.shape[1] for known in seen]
    assert ends == list(range(21, MONTHS - rates.MONTHS + 1)), "from half the history to the last month that six are known after"
    np.testing.assert_array_equal(seen[0], history[(history == 0).any(axis=1), :21])


def test_tiers_with_learners_use_them_and_few_series_do_not(fading) -> None:
    history, _ = fading
    scope = plain_scope(len(history))
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    quick = forecasting.point_forecast(history, 6, scope, trained=forecasting.learn(history, 6, tier="quick"))
    assert (quick.model == "learned rate").sum() > 1000 and not np.isin(quick.model, ["imapa", "tsb"]).any()
    assert (quick.units >= 0).all() and np.isfinite(quick.units).all()
    assert (quick.units == quick.units[:, :1]).all(where=(quick.model == "learned rate")[:, None]), "a rate is flat"
    asked = np.where(np.arange(len(history)) < 50, "imapa", "").astype(object)
    named = forecasting.point_forecast(history, 6, scope, trained=forecasting.learn(history, 6, tier="quick"), methods=asked)
    assert set(named.model[:50]) <= {"imapa", "ended", "stopped", "no history"} and not np.isin(named.model[50:], ["imapa", "learned rate"]).any()
    assert forecasting.learn(history, 6, tier="draft") == []
    few = history[:100]
    assert forecasting.learn(few, 6, tier="quick") == [], "too few examples to learn from"
    assert np.isin(forecasting.point_forecast(few, 6, plain_scope(100)).model, ["imapa", "tsb"]).sum() > 50


def test_histories_too_short_or_never_intermittent_teach_nothing() -> None:
    for values in (np.zeros((0, 40)), np.ones((3000, 40)), np.zeros((3000, 15)), np.full((10, 40), np.nan)):
        assert rates.train(rates.RECIPE, 0, values, forecasting.intermittent_now) is None
