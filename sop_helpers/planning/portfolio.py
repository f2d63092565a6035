"""The forecast of regular demand: members that err differently, and their mean.

Tiers trade time for accuracy and are the same for all data: ``draft`` while a planner types, ``quick``, ``default``, ``deep``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning import learners, stacking
from sop_helpers.planning.chunks import Work
from sop_helpers.planning.learners import Learner, Recipe, fingerprint
from sop_helpers.planning.smoothing import Matrix, aggregated, ets, lengths, theta, theta_with_noise

SMALL = (Recipe("differences", 2, 80, 0.15, 15, 40_000), Recipe("seasons", 2, 120, 0.1, 15, 50_000))
LARGE = (Recipe("differences", 2, 300, 0.06, 31, 120_000), Recipe("differences", 3, 300, 0.06, 31, 120_000), Recipe("seasons", 2, 300, 0.06, 31, 120_000))
STACKED = Recipe("errors", 2, 300, 0.05, 15, 600_000, 1000, 0.3)  # learns the errors of WIDE, see `stacking`; examples of one origin are alike: large leaves
SMOOTHERS = ("ets", "ets of logarithms", "theta", "theta of logarithms", "ets of quarters")
SHARES = {"smoothers": 0.3, "mended": 0.4, "learned": 0.3}  # of the deep tier
WIDE = (*SMOOTHERS, "theta of half years", "theta of years", "ets of half years")
# months in a block of `smoothing.aggregated`, how the blocks are forecast, fewest of them
BLOCKS = {"ets of quarters": (3, "ets", 8), "ets of half years": (6, "ets", 4), "theta of half years": (6, "theta", 4), "theta of years": (12, "theta", 4)}
# recipes of the learners that stand beside the smoothers, and with how many seeds each is trained
TIERS: dict[str, tuple[tuple[Recipe, ...], int]] = {"draft": ((), 0), "quick": (SMALL, 1), "default": (LARGE, 1), "deep": ((*LARGE, STACKED), 1)}


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
    one = partial(_train, values=values, horizon=horizon, season_length=season_length)
    trained = (work or Work()).each(one, *zip(*[(recipe, seed + 101 * k) for recipe in recipes for k in range(seeds)], strict=True))
    return lambda: [learner for learner in trained if learner is not None]


def _train(recipe: Recipe, seed: int, values: Matrix, horizon: int, season_length: int) -> Learner | None:
    if recipe.kind != STACKED.kind:
        return learners.train(recipe, seed, values=values, horizon=horizon, season_length=season_length)
    if not learners.available():
        return None
    return stacking.train(recipe, seed, values=values / _scale(values), horizon=horizon, members=_wide, season_length=season_length)


def portfolio(values: Matrix, horizon: int, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None) -> Combined:
    """Forecast by smoothers and learners: `start`, and wait."""
    return start(values, horizon, season_length, trained, work)()


def start(
    values: Matrix, horizon: int, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None
) -> Callable[[], Combined]:
    """Begin to forecast by the mean of smoothers and learners, half and half; a series too short for the learners by the smoothers alone.

    With learners of the smoothers' errors (the deep tier), more smoothers and their mended mean, by SHARES; a series too short for the mended mean keeps
    that share with the smoothers.

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
    work, trained = work or Work(), trained or []
    plain, stacked = ([one for one in trained if (one.recipe.kind == STACKED.kind) is kind] for kind in (False, True))
    names, share = WIDE if stacked else SMOOTHERS, 0.5 if plain else 1.0
    smooth = partial(smoothers, horizon=horizon, season_length=season_length, stacked=stacked)
    name = f"smoothers {horizon} {season_length}" + (f" {fingerprint(stacked)}" if stacked and work.remembered is not None else "")
    smoothed = work.start(smooth, values, horizon + 2, name, share)
    told = None
    if plain:
        name = f"learners {horizon} {season_length} {fingerprint(plain)}" if work.remembered is not None else ""
        told = work.start(partial(learned, horizon=horizon, trained=plain), values, horizon + 1, name, 1 - share, learners.AT_ONCE)
    members = (*names, *dict.fromkeys(f"learned {learner.recipe.kind}" for learner in trained))

    def finish() -> Combined:
        found = smoothed()
        mean, noise, form = found[:, :horizon], found[:, horizon], found[:, horizon + 1].astype(np.int64)
        if told is not None:
            said = told()
            known = said[:, 0] > 0
            mean = mean.copy()  # what is remembered stays as it is
            part = SHARES["learned"] if stacked else 0.5  # smoothers and mended smoothers come as one mean
            mean[known] = (1 - part) * mean[known] + part * said[known, 1:]
        scale = _scale(values)
        return Combined(mean * scale, noise * scale[:, 0], form, members)

    return finish


def smoothers(values: Matrix, horizon: int, season_length: int = 12, stacked: list[Learner] | None = None) -> Matrix:
    """Return for each series the mean of the smoothers' forecasts, the one-step noise and the heaviest form (n, horizon + 2), in units of its mean month.

    With `stacked`, learners of the errors of WIDE, the mean is that of WIDE and what they make of it, by SHARES.
    """
    y = values / _scale(values)
    made, noise, form = _smoothed(y, horizon, season_length, WIDE if stacked else SMOOTHERS)
    mean = np.mean(made, axis=0)
    if stacked:
        mended = np.clip(np.mean([stacking.mended(learner, y, np.stack(made), noise) for learner in stacked], axis=0), 0.0, _ceiling(y))
        part = SHARES["mended"] / (SHARES["mended"] + SHARES["smoothers"])
        mean = np.where(np.isnan(mended), mean, (1 - part) * mean + part * mended)
    return np.column_stack([mean, noise, form])


def _wide(y: Matrix, horizon: int, season_length: int) -> tuple[Matrix, Matrix]:
    made, noise, _ = _smoothed(y, horizon, season_length, WIDE)
    return np.stack(made), noise


def _smoothed(y: Matrix, horizon: int, m: int, names: tuple[str, ...]) -> tuple[list[Matrix], Matrix, NDArray[np.int64]]:
    """Forecasts of the smoothers named, one-step noise and the heaviest form, of series in units of their mean month."""
    ceiling = _ceiling(y)
    # One hundredth of the mean keeps the logarithm of a zero month finite, and the result scale equivariant.
    logs = np.log1p(100 * np.maximum(y, 0.0))
    smoothed, form, noise = [], np.zeros(len(y), dtype=np.int64), np.zeros(len(y))
    for name in names:
        series = logs if name.endswith("logarithms") else y
        if name == "theta":
            found, noise = theta_with_noise(series, horizon, m)
        elif name == "theta of logarithms":
            found = theta(series, horizon, m)
        elif name in BLOCKS:
            found = aggregated(y, horizon, m, *BLOCKS[name])
        else:
            fit = ets(series, horizon, m)
            found, form = fit.forecast, fit.form if name == "ets" else form
        smoothed.append(np.clip(np.expm1(np.minimum(found, 50.0)) / 100 if name.endswith("logarithms") else found, 0.0, ceiling))
    return smoothed, noise, form


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
