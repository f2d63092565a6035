"""Demand that comes now and then: rates, and how much may come over some months.

A rate is all that a point forecast can be here, and its absolute error says little: forecasting nothing at all has the least. What stock needs is the
quantile of the demand summed over the months it must bridge. Sources: Croston 1972; Syntetos & Boylan 2005 (SBA); Teunter, Syntetos & Babai 2011 (TSB);
Nikolopoulos et al. 2011 (ADIDA); Petropoulos & Kourentzes 2015 (IMAPA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning.smoothing import Matrix, lengths

if TYPE_CHECKING:
    from lightgbm import Booster

ALPHAS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
FEWEST_BLOCKS = 4  # a smoothed level of fewer is no better than their mean
FEWEST_EXAMPLES = 2000  # sums of demand below which quantiles are not learned but taken from a negative binomial
MOST_EXAMPLES = 60_000
SETTINGS = {
    "objective": "quantile", "num_leaves": 15, "learning_rate": 0.05, "min_child_samples": 100, "deterministic": True, "force_row_wise": True,
    "num_threads": 1, "verbose": -1,
}  # fmt: skip
TREES = 150


def croston(values: Matrix, horizon: int, variant: str = "sba", alpha: float = 0.1) -> Matrix:
    """Forecast a flat rate from the size of demands and how often they come.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand with its zeros, NaN before a series begins.
    horizon : int
        Months ahead.
    variant : {"croston", "sba", "tsb"}
        Croston; with the correction of Syntetos & Boylan; or TSB, which fades when demand stops.
    alpha : float
        Smoothing of size and of interval (croston, sba) or probability (tsb).
    """
    n, months = values.shape
    there = ~np.isnan(values)
    hit = there & (values > 0)
    count = hit.sum(axis=1)
    size = np.where(count > 0, np.where(hit, values, 0.0).sum(axis=1) / np.maximum(count, 1), 0.0)
    interval = there.sum(axis=1) / np.maximum(count, 1)
    chance = np.where(count > 0, count / np.maximum(there.sum(axis=1), 1), 0.0)
    gap, y = np.ones(n), np.nan_to_num(values)
    for t in range(months):
        now, on = hit[:, t], there[:, t]
        size = np.where(now, size + alpha * (y[:, t] - size), size)
        chance = np.where(on, chance + alpha * (now - chance), chance)
        interval = np.where(now, interval + alpha * (gap - interval), interval)
        gap = np.where(now, 1.0, gap + on)
    every = np.where(count > 0, size / np.maximum(interval, 1.0), 0.0)
    rate = {"croston": every, "sba": (1 - alpha / 2) * every, "tsb": size * chance}[variant]
    return np.repeat(np.maximum(rate, 0.0)[:, None], horizon, axis=1)


def blocks(values: Matrix, size: int) -> Matrix:
    """Add the months up in blocks that end with the last month; a block that begins before the series is NaN."""
    months = values.shape[1]
    return values[:, months % size :].reshape(len(values), -1, size).sum(axis=2)


def smoothed(values: Matrix) -> Matrix:
    """Level of each series at its end by exponential smoothing, with the weight of `ALPHAS` that has the least squared one-step error."""
    weights = np.array(ALPHAS)
    start, length = lengths(values)
    level = np.zeros((len(values), len(weights)))
    squares, y = np.zeros_like(level), np.nan_to_num(values)
    for t in range(values.shape[1]):
        begun = (t > start)[:, None]
        now = y[:, t, None]
        error = np.where(begun, now - level, 0.0)
        squares += error * error
        level = np.where(begun, level + weights * error, np.where((t == start)[:, None], now, level))
    best = level[np.arange(len(values)), squares.argmin(axis=1)]
    few = length < FEWEST_BLOCKS
    best[few] = np.nansum(values[few], axis=1) / np.maximum(length[few], 1)
    return best


def _usual_interval(values: Matrix) -> NDArray[np.int64]:
    """Months between demands, rounded; never more than a quarter of the history."""
    length = lengths(values)[1]
    hits = (np.nan_to_num(values) > 0).sum(axis=1)
    return np.clip(np.rint(length / np.maximum(hits, 1)), 1, np.maximum(length // FEWEST_BLOCKS, 1)).astype(np.int64)


def adida(values: Matrix, horizon: int) -> Matrix:
    """Forecast a flat rate: blocks as long as the usual interval between demands, smoothed, spread evenly over their months."""
    interval = _usual_interval(values)
    rate = np.zeros(len(values))
    for size in np.unique(interval):
        mine = interval == size
        rate[mine] = smoothed(blocks(values[mine], int(size))) / size
    return np.repeat(np.maximum(rate, 0.0)[:, None], horizon, axis=1)


def imapa(values: Matrix, horizon: int) -> Matrix:
    """Forecast a flat rate: the mean of what blocks of one month up to the usual interval say."""
    interval = _usual_interval(values)
    rate = np.zeros(len(values))
    for size in range(1, int(interval.max(initial=0)) + 1):
        mine = interval >= size
        rate[mine] += smoothed(blocks(values[mine], size)) / size
    return np.repeat(np.maximum(rate / interval, 0.0)[:, None], horizon, axis=1)


class SumModel(NamedTuple):
    """Learned quantiles of demand over ``months``: one model for each of ``levels``; none where there were too few examples."""

    months: int
    levels: tuple[float, ...]
    models: tuple[Booster, ...]


def learn_sums(values: Matrix, months: int, levels: tuple[float, ...], seed: int = 0) -> SumModel:
    """Learn from all series together how much comes over some months after a given history (quantile regression by LightGBM).

    Only pairs of a history and the months that followed it, both inside `values`, are learned from. Without LightGBM, or with fewer than
    `FEWEST_EXAMPLES` pairs, no model is learned and `sum_quantiles` uses a negative binomial.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand with its zeros, NaN before a series begins.
    months : int
        Length of the sum.
    levels : tuple of float
        Quantiles wanted, between 0 and 1.
    seed : int
        Seed of the examples drawn and of LightGBM.
    """
    from sop_helpers.planning.learners import available

    width = values.shape[1]
    earliest = max(12, width // 2)
    origins = range(earliest, width - months + 1)
    rows = [np.flatnonzero(lengths(values[:, :origin])[1] >= 12) for origin in origins]
    number = np.cumsum([0, *map(len, rows)])
    if number[-1] < FEWEST_EXAMPLES or not available():
        return SumModel(months, levels, ())
    import lightgbm

    if number[-1] > MOST_EXAMPLES:
        pick = np.sort(np.random.default_rng(seed).choice(number[-1], MOST_EXAMPLES, replace=False))
        rows = [mine[pick[(pick >= first) & (pick < last)] - first] for mine, first, last in zip(rows, number, number[1:], strict=False)]
    features = np.vstack([np.column_stack(history_features(values[mine, :origin])) for mine, origin in zip(rows, origins, strict=True)])
    target = np.concatenate([values[mine, origin : origin + months].sum(axis=1) for mine, origin in zip(rows, origins, strict=True)])
    examples = lightgbm.Dataset(features, target)
    models = tuple(lightgbm.train(SETTINGS | {"alpha": level, "seed": seed}, examples, TREES) for level in levels)
    return SumModel(months, levels, models)


def sum_quantiles(values: Matrix, model: SumModel) -> Matrix:
    """Return the quantiles (n, levels) of the demand that comes over the next months, never below zero and rising with the level.

    A series of less than a year is given the negative binomial's.
    """
    out = negative_binomial(values, model.months, model.levels)
    if model.models:
        rows = lengths(values)[1] >= 12
        features = np.column_stack(history_features(values[rows]))
        told = [one.predict(features, num_threads=1) for one in model.models]
        out[rows] = np.maximum.accumulate(np.maximum(np.column_stack(told), 0.0), axis=1)
    return out


def negative_binomial(values: Matrix, months: int, levels: tuple[float, ...]) -> Matrix:
    """Quantiles (n, levels) of the demand over some months: IMAPA's rate, with the variation of each series' own blocks drawn towards that of all."""
    from scipy import stats

    rate = imapa(values, 1)[:, 0] * months
    sums = blocks(values, months)
    number = np.maximum((~np.isnan(sums)).sum(axis=1), 1)
    total = np.nansum(sums, axis=1)
    mean = total / number
    variance = np.nansum((sums - mean[:, None]) ** 2, axis=1) / np.maximum(number - 1, 1)
    usual = variance.sum() / mean.sum() if mean.sum() > 0 else 1.0
    own = np.where(mean > 0, variance / np.where(mean > 0, mean, 1.0), usual)
    ratio = np.maximum((number * own + 3 * usual) / (number + 3), 1.05)
    level = np.array(levels)[None, :]
    found = stats.nbinom.ppf(level, np.maximum(rate / (ratio - 1), 1e-12)[:, None], (1 / ratio)[:, None])
    return np.where(rate[:, None] > 0, np.nan_to_num(found), 0.0)


def history_features(values: Matrix) -> tuple[Matrix, Matrix]:
    """What a history says of the months to come.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand with its zeros, NaN before a series begins.

    Returns
    -------
    ndarray (n, 10)
        In units: rates by TSB and IMAPA, means of the last 3, 6 and 12 months and of all, spread, the largest and third largest month, mean size of a demand.
    ndarray (n, 3)
        Months since the last demand, share of months with one, number of them in the last twelve.
    """
    there, y = ~np.isnan(values), np.nan_to_num(values)
    months = values.shape[1]
    hit, count = y > 0, np.maximum((y > 0).sum(axis=1), 1)
    length = np.maximum(there.sum(axis=1), 1)
    since = np.where(hit.any(axis=1), hit[:, ::-1].argmax(axis=1), months)
    recent = [y[:, -k:].mean(axis=1) for k in (3, 6, 12)]
    mean = y.sum(axis=1) / length
    spread = np.sqrt(np.where(there, (y - mean[:, None]) ** 2, 0.0).sum(axis=1) / length)
    top = np.sort(y, axis=1)
    units = [croston(values, 1, "tsb")[:, 0], imapa(values, 1)[:, 0], *recent, mean, spread, top[:, -1], top[:, -min(3, months)], y.sum(axis=1) / count]
    return np.column_stack(units), np.column_stack([since, hit.sum(axis=1) / length, hit[:, -12:].sum(axis=1)])
