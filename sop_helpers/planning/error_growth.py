"""How fast the error of a sum of months grows with their number, series by series.

The backtest has few origins, too few to tell it for one series. But growth is a matter of how demand moves, not of who forecasts it: where the level
stays, errors of months are independent; where it drifts, they go together. A smoothed level, tried out in every month of the history, tells which.
"""

from __future__ import annotations

import numpy as np

from sop_helpers.planning.smoothing import Matrix, lengths, seasonal_profile

ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8)
WARM_UP = 12  # months that the level is given to settle
BLOCK = 4096  # series at a time: their levels by all weights and months would fill the memory
CLASS_WEIGHT = 4.0  # independent sums that the class counts for beside a series' own


def growth(values: Matrix, seasonal: np.ndarray, most_months: int, season_length: int = 12) -> Matrix:
    """Return the growth of the error of sums, for each series and number of months.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    seasonal : ndarray of bool (n,)
        Series that have a season; it is divided out first.
    most_months : int
        Longest sum.
    season_length : int
        Months in a season.

    Returns
    -------
    ndarray (n, most_months)
        Variance of the summed error over that of as many independent errors: 1 for one month. NaN where the history is too short to tell.
    """
    n, months = values.shape
    out = np.full((n, most_months), np.nan)
    if not n or months <= WARM_UP + most_months:
        return out
    profile = np.where(seasonal[:, None], seasonal_profile(values, season_length), 1.0)
    flat = values / np.maximum(profile[:, np.arange(months) % season_length], 0.05)
    level = np.vstack([_levels(flat[at : at + BLOCK]) for at in range(0, n, BLOCK)])
    start = lengths(values)[0]
    settled = np.arange(months)[None, :] >= start[:, None] + WARM_UP
    total = np.concatenate([np.zeros((n, 1)), np.nan_to_num(flat).cumsum(axis=1)], axis=1)
    for k in range(1, most_months + 1):
        error = total[:, k:] - total[:, :-k] - k * level[:, : months - k + 1]
        there = settled[:, : months - k + 1]
        number = there.sum(axis=1)
        squares = np.where(there, error**2, 0.0).sum(axis=1)
        out[:, k - 1] = np.where(number >= 2 * k, squares / np.maximum(number, 1), np.nan)
    single = np.where(out[:, :1] > 0, out[:, :1], np.nan)
    return out / single / np.arange(1, most_months + 1)


def relative_growth(own: Matrix, kind: np.ndarray, independent: Matrix) -> Matrix:
    """Return each series' growth over the mean of its class, drawn towards 1 where few independent sums stand behind it.

    Parameters
    ----------
    own : ndarray (n, months)
        From `growth`.
    kind : ndarray (n,)
        Class of each series.
    independent : ndarray (n, months)
        Sums of the history that do not overlap.
    """
    out = np.ones_like(own)
    for name in np.unique(kind):
        mine = kind == name
        known = np.isfinite(own[mine])
        mean = np.where(known, own[mine], 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        out[mine] = np.where(known, own[mine] / np.where(mean > 0, mean, 1.0), 1.0)
    return (independent * out + CLASS_WEIGHT) / (independent + CLASS_WEIGHT)


def estimated(demands: np.ndarray) -> np.ndarray:
    """Return by what factor a spread grows because it is itself an estimate: Student's t over the normal, with as many degrees as months with demand.

    A part sold in twelve months of its history has shown less of its spread than one sold in sixty.
    """
    degrees = np.maximum(np.asarray(demands, dtype=float), 4.0)
    return np.sqrt(degrees / (degrees - 2))


def _levels(values: Matrix) -> Matrix:
    """Level before each month by exponential smoothing, with the weight that has the least squared one-step error in each history."""
    n, months = values.shape
    weights = np.array(ALPHAS)
    start = lengths(values)[0]
    level, squares = np.zeros((n, len(weights))), np.zeros((n, len(weights)))
    # A level is what the first months say, until it has learned more.
    first = np.where((np.arange(months)[None, :] - start[:, None] < WARM_UP) & ~np.isnan(values), values, np.nan)
    some = ~np.isnan(first)
    level += (np.where(some, first, 0.0).sum(axis=1) / np.maximum(some.sum(axis=1), 1))[:, None]
    before = np.zeros((months, n, len(weights)))
    for t in range(months):
        before[t] = level
        error = np.where((t >= start + WARM_UP)[:, None], values[:, t, None] - level, 0.0)
        squares += np.nan_to_num(error) ** 2
        level = level + weights * np.nan_to_num(error)
    best = squares.argmin(axis=1)
    return np.asarray(before[:, np.arange(n), best].T)
