"""The forecast of regular demand: members that err differently, and their mean.

Tiers trade time for accuracy and are the same for all data: ``draft`` while a planner types, ``quick``, ``default``, ``deep``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning import learners
from sop_helpers.planning.chunks import Work
from sop_helpers.planning.learners import Learner, Recipe, fingerprint
from sop_helpers.planning.smoothing import Matrix, aggregated, ets, lengths, theta, theta_with_noise

SMALL = (Recipe("differences", 2, 80, 0.15, 15, 40_000), Recipe("seasons", 2, 120, 0.1, 15, 50_000))
LARGE = (Recipe("differences", 2, 300, 0.06, 31, 120_000), Recipe("differences", 3, 300, 0.06, 31, 120_000), Recipe("seasons", 2, 300, 0.06, 31, 120_000))
SMOOTHERS = ("ets", "ets of logarithms", "theta", "theta of logarithms", "ets of quarters")
# recipes of the learners that stand beside the smoothers, and with how many seeds each is trained
TIERS: dict[str, tuple[tuple[Recipe, ...], int]] = {"draft": ((), 0), "quick": (SMALL, 1), "default": (LARGE, 1), "deep": (LARGE, 3)}


class Combined(NamedTuple):
    """Result of `portfolio`: ``forecast`` (n, h), one-step ``sigma`` (n,), the heaviest of FORMS ``form`` (n,), and the names of the ``members``."""

    forecast: Matrix
    sigma: Matrix
    form: NDArray[np.int64]
    members: tuple[str, ...]


def train(values: Matrix, horizon: int, season_length: int = 12, tier: str = "default", seed: int = 0, work: Work | None = None) -> list[Learner]:
    """Train the learners of a tier on all series that are long enough: `start_training`, and wait."""
    return start_training(values, horizon, season_length, tier, seed, work)()


def start_training(
    values: Matrix, horizon: int, season_length: int = 12, tier: str = "default", seed: int = 0, work: Work | None = None
) -> Callable[[], list[Learner]]:
    """Begin to train the learners of a tier on all series that are long enough; none where there are too few, or LightGBM cannot be loaded.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    horizon, season_length : int
        Months ahead, and in a season.
    tier : {"draft", "quick", "default", "deep"}
        See `TIERS`.
    seed : int
        First seed.
    work : Work, optional
        Where they are trained, each by itself: a pool begins at once.

    Returns
    -------
    callable
        Waits for the learners and returns them as a list; to be called once.
    """
    recipes, seeds = TIERS[tier]
    if not recipes:
        return list
    one = partial(learners.train, values=values, horizon=horizon, season_length=season_length)
    trained = (work or Work()).each(one, *zip(*[(recipe, seed + 101 * k) for recipe in recipes for k in range(seeds)], strict=True))
    return lambda: [learner for learner in trained if learner is not None]


def portfolio(values: Matrix, horizon: int, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None) -> Combined:
    """Forecast by smoothers and learners: `start`, and wait."""
    return start(values, horizon, season_length, trained, work)()


def start(
    values: Matrix, horizon: int, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None
) -> Callable[[], Combined]:
    """Begin to forecast by the mean of smoothers and learners, half and half; a series too short for the learners by the smoothers alone.

    A forecast never exceeds five times the largest month: the exponential of a trend must not run away.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    horizon, season_length : int
        Months ahead, and in a season.
    trained : list of Learner, optional
        From `train`; they may have been trained on other series or earlier months.
    work : Work, optional
        Where chunks of series are worked on: a pool begins at once; here, when the result is asked for, by default.

    Returns
    -------
    callable
        Waits for the forecast and returns it; to be called once.
    """
    work, trained, share = work or Work(), trained or [], 0.5 if trained else 1.0
    smooth = partial(smoothers, horizon=horizon, season_length=season_length)
    smoothed = work.start(smooth, values, horizon + 2, f"smoothers {horizon} {season_length}", share)
    told = None
    if trained:
        name = f"learners {horizon} {season_length} {fingerprint(trained)}" if work.remembered is not None else ""
        told = work.start(partial(learned, horizon=horizon, trained=trained), values, horizon + 1, name, 1 - share)
    members = (*SMOOTHERS, *dict.fromkeys(f"learned {learner.recipe.kind}" for learner in trained))

    def finish() -> Combined:
        found = smoothed()
        mean, noise, form = found[:, :horizon], found[:, horizon], found[:, horizon + 1].astype(np.int64)
        if told is not None:
            said = told()
            known = said[:, 0] > 0
            mean = mean.copy()  # what is remembered stays as it is
            mean[known] = (mean[known] + said[known, 1:]) / 2
        scale = _scale(values)
        return Combined(mean * scale, noise * scale[:, 0], form, members)

    return finish


def smoothers(values: Matrix, horizon: int, season_length: int = 12) -> Matrix:
    """Return for each series the mean of the smoothers' forecasts, the one-step noise and the heaviest form (n, horizon + 2), in units of its mean month."""
    y = values / _scale(values)
    ceiling = _ceiling(y)
    # One hundredth of the mean keeps the logarithm of a zero month finite, and the result scale equivariant.
    logs = np.log1p(100 * np.maximum(y, 0.0))
    smoothed, form, noise, m = [], np.zeros(len(y), dtype=np.int64), np.zeros(len(y)), season_length
    for name in SMOOTHERS:
        series = logs if name.endswith("logarithms") else y
        if name == "theta":
            found, noise = theta_with_noise(series, horizon, m)
        elif name == "theta of logarithms":
            found = theta(series, horizon, m)
        elif name == "ets of quarters":
            found = aggregated(y, horizon, m)
        else:
            fit = ets(series, horizon, m)
            found, form = fit.forecast, fit.form if name == "ets" else form
        smoothed.append(np.clip(np.expm1(np.minimum(found, 50.0)) / 100 if name.endswith("logarithms") else found, 0.0, ceiling))
    return np.column_stack([np.mean(smoothed, axis=0), noise, form])


def learned(values: Matrix, horizon: int, trained: list[Learner]) -> Matrix:
    """Return for each series how many learners had enough to go by, and the mean of their forecasts (n, 1 + horizon), in units of its mean month."""
    y = values / _scale(values)
    told, count = np.zeros((len(y), horizon)), np.zeros(len(y))
    for learner in trained:
        found = np.clip(learners.predict(learner, y, horizon), 0.0, _ceiling(y))
        count += ~np.isnan(found[:, 0])
        told += np.nan_to_num(found)
    return np.column_stack([count, told / np.maximum(count, 1)[:, None]])


def _scale(values: Matrix) -> Matrix:
    """Mean month of each series (n, 1), 1 where it is nothing."""
    scale = np.nansum(np.abs(values), axis=1) / np.maximum(lengths(values)[1], 1)
    return np.where(scale > 0, scale, 1.0)[:, None]


def _ceiling(y: Matrix) -> Matrix:
    return 5 * np.nanmax(np.where(np.isnan(y), 0.0, y), axis=1, initial=0.0)[:, None]
