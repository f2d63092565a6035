"""A learner that stands on the smoothers: it learns from past months by how much their mean misses, and mends it.

At origins in the past all smoothers forecast; one LightGBM over all series then learns the error of their mean, on the logarithm, from what was known at the
origin: how far the smoothers lie apart, recent months, the season, how restless the series is, how far ahead the month is (source: stacked
generalisation, Wolpert 1992; the mixture of smoothing with one learner over all series follows Smyl 2020, who won the M4 competition).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sop_helpers.planning.learners import FEWEST, OFFSET, Learner, Recipe, fit, look_back, profile_of
from sop_helpers.planning.smoothing import Matrix, lengths

ORIGINS = range(2, 62, 2)  # months back from the last actual at which the smoothers are tried
SERIES = 4096  # most series learned from
Members = Callable[[Matrix, int, int], tuple[Matrix, Matrix]]
"""Values (n, T) in units of their mean month, months ahead and in a season, to the members' forecasts (k, n, horizon) and one-step noise (n,)."""


def train(recipe: Recipe, seed: int = 0, *, values: Matrix, horizon: int, members: Members, season_length: int = 12) -> Learner | None:
    """Train on the errors of past origins, or return None where there are too few of them.

    Parameters
    ----------
    recipe : Recipe
        How.
    seed : int
        Seed of the series and examples drawn and of LightGBM.
    values : ndarray (n, T)
        Demand in units of each series' mean month, NaN before a series begins.
    horizon : int
        Months ahead; an origin teaches the lags up to the last actual.
    members : callable
        See `Members`.
    season_length : int
        Months in a season.
    """
    back, rng = look_back(recipe.seasons, season_length) + 1, np.random.default_rng(seed)
    if len(values) > SERIES:
        values = values[np.sort(rng.choice(len(values), SERIES, replace=False))]
    found: list[tuple[Matrix, Matrix]] = []
    for months in ORIGINS:
        known = values[:, :-months]
        old = lengths(known)[1] >= back
        if not old.any():
            break
        made, noise = members(known[old], horizon, season_length)
        lags = min(months, horizon)
        features, centre = _features(known[old], made, noise, season_length)
        came = values[old][:, values.shape[1] - months :][:, :lags]
        found.append((features[:, :lags].reshape(-1, features.shape[2]), (np.log(np.maximum(came, 0.0) + OFFSET) - centre[:, :lags]).ravel()))
    if sum(len(target) for _, target in found) < FEWEST:
        return None
    features, target = (np.concatenate(column) for column in zip(*found, strict=True))
    if len(target) > recipe.rows:
        pick = np.sort(rng.choice(len(target), recipe.rows, replace=False))
        features, target = features[pick], target[pick]
    return Learner(recipe, back, season_length, fit(recipe, features, target, seed))


def mended(learner: Learner, values: Matrix, made: Matrix, noise: Matrix) -> Matrix:
    """Return the mean of the smoothers' forecasts with its learned error taken out (n, horizon); NaN where a series is too short.

    Parameters
    ----------
    learner : Learner
        From `train`.
    values : ndarray (n, T)
        Demand in units of each series' mean month, NaN before a series begins; need not be those it was trained on.
    made, noise : ndarray (k, n, horizon) and (n,)
        Forecasts of the same members, and one-step noise.
    """
    out = np.full(made.shape[1:], np.nan)
    old = lengths(values)[1] >= learner.back
    if old.any():
        features, centre = _features(values[old], made[:, old], noise[old], learner.season_length)
        error = learner.says(features.reshape(-1, features.shape[2])).reshape(centre.shape)
        out[old] = np.maximum(np.exp(np.minimum(centre + error, 50.0)) - OFFSET, 0.0)
    return out


def _features(y: Matrix, made: Matrix, noise: Matrix, m: int) -> tuple[Matrix, Matrix]:
    """What is known at an origin of each month ahead (n, horizon, features), relative to the logarithm of the members' mean (also returned)."""
    n, months = y.shape
    ahead = np.arange(made.shape[2])
    profile = profile_of(y, m)
    season, year = profile[:, (months + ahead) % m], min(12, months)
    mean = made.mean(axis=0)
    centre, flat = np.log(mean + OFFSET), np.log(mean / season + OFFSET)
    logs, calm = (np.log(np.maximum(x, 0.0) + OFFSET) for x in (y, y / profile[:, np.arange(months) % m]))
    apart = np.log(made + OFFSET) - centre
    years = [_mean(calm[:, max(months - year * (k + 1), 0) : max(months - year * k, 0)]) for k in range(4)]
    steps = np.diff(calm, axis=1)
    naive = _mean(np.abs(y[:, m:] - y[:, :-m]))
    by_month = [np.broadcast_to(ahead, centre.shape), *apart, apart.std(axis=0), np.log(season), flat - flat[:, :1]]
    by_month += [_mean(calm[:, -k:])[:, None] - flat for k in (1, 3, 6, 12, 24)]
    by_month += [np.pad(logs, ((0, 0), (2 * m, 0)), constant_values=np.nan)[:, -k * m :][:, ahead % m] - centre for k in (1, 2)]
    by_series = [_spread(steps[:, -year:]), _spread(steps[:, -3 * year :]), np.log(noise + 0.001), np.log(naive + 0.001), profile.std(axis=1)]
    by_series += [np.minimum(lengths(y)[1], 120), *[years[0] - one for one in years[1:]], *[calm[:, -k] - years[0] for k in range(1, min(6, months) + 1)]]
    return np.stack([*by_month, *[np.broadcast_to(one[:, None], centre.shape) for one in by_series]], axis=2), centre


def _mean(x: Matrix) -> Matrix:
    """Mean of each row over what there is; NaN where there is nothing."""
    count = (~np.isnan(x)).sum(axis=1)
    return np.where(count > 0, np.nansum(x, axis=1) / np.maximum(count, 1), np.nan)


def _spread(x: Matrix) -> Matrix:
    """Standard deviation of each row over what there is."""
    return np.sqrt(_mean((x - _mean(x)[:, None]) ** 2))
