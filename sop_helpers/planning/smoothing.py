"""Forecasting cores on matrices: all series at once, no loop over series.

A matrix holds one series a row and one month a column, the last column being the last actual; months before a series begins are NaN.
Every function is scale equivariant: ten times the demand gives ten times the forecast.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sop_helpers.planning.smoothing_grid import CHUNK, FORMS, LEAST_SEASON, smooth_grid

Matrix = NDArray[np.float64]
THETA_CHUNK = 512  # series at a time that `theta` smooths, which fit the processor's cache


class Smoothed(NamedTuple):
    """Result of `ets`: ``forecast`` (n, h), one-step ``sigma`` (n,) and the index of the heaviest of FORMS ``form`` (n,)."""

    forecast: Matrix
    sigma: Matrix
    form: NDArray[np.int64]


def lengths(values: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first column of each series and its number of months up to the last column (0 where it is empty)."""
    there = ~np.isnan(values)
    any_there = there.any(axis=1)
    start = np.where(any_there, there.argmax(axis=1) if values.shape[1] else 0, values.shape[1])
    return start, values.shape[1] - start


def seasonal_profile(values: Matrix, season_length: int = 12) -> Matrix:
    """Return multiplicative seasonal indices by classical decomposition, mean 1.

    Column ``j`` of the result belongs to matrix columns ``j, j + season_length, ...``. Series shorter than two seasons get ones.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    season_length : int
        Months in a season.
    """
    n, months = values.shape
    m = season_length
    profile = np.ones((n, m))
    if m < 2 or months < 2 * m:
        return profile
    weights = np.r_[0.5, np.ones(m - 1), 0.5] / m if m % 2 == 0 else np.ones(m) / m
    half = len(weights) // 2
    average = np.full(values.shape, np.nan)
    average[:, half : months - half] = sliding_window_view(values, len(weights), axis=1) @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / average
    good = np.isfinite(ratio)
    ratio = np.where(good, ratio, 0.0)
    for j in range(m):
        count = good[:, j::m].sum(axis=1)
        profile[:, j] = np.where(count > 0, ratio[:, j::m].sum(axis=1) / np.maximum(count, 1), 1.0)
    profile = np.clip(profile, 0.02, None)
    profile /= profile.mean(axis=1, keepdims=True)
    return np.where((lengths(values)[1] >= 2 * m)[:, None], profile, 1.0)


def is_seasonal(values: Matrix, season_length: int = 12) -> NDArray[np.bool_]:
    """Tell which series show a season: autocorrelation at the season beyond its 90 % band, as in the M4 competition."""
    m = season_length
    n, months = values.shape
    if m < 2 or months <= m:
        return np.zeros(n, dtype=bool)
    length = lengths(values)[1]
    mean = np.where(length > 0, np.nansum(values, axis=1) / np.maximum(length, 1), 0.0)
    x = np.nan_to_num(values - mean[:, None])
    variance = np.maximum((x * x).sum(axis=1), 1e-300)
    acf = np.stack([(x[:, k:] * x[:, :-k]).sum(axis=1) / variance for k in range(1, m + 1)], axis=1)
    limit = 1.645 * np.sqrt((1 + 2 * (acf[:, :-1] ** 2).sum(axis=1)) / np.maximum(length, 1))
    return (np.abs(acf[:, -1]) > limit) & (length >= 2 * m)


def seasonal_naive(values: Matrix, horizon: int, season_length: int = 12) -> Matrix:
    """Repeat the last season; a series shorter than that repeats its last value, an empty one gives zero. The benchmark of everything."""
    n, months = values.shape
    if months == 0:
        return np.zeros((n, horizon))
    last = np.nan_to_num(values[:, -1])
    m = season_length
    if months < m:
        return np.repeat(last[:, None], horizon, axis=1)
    season = values[:, -m:][:, np.arange(horizon) % m]
    return np.where(np.isnan(season), last[:, None], season)


def exponential_smoothing(values: Matrix, alpha: float | Matrix, horizon: int, drift: float | Matrix = 0.0) -> tuple[Matrix, Matrix]:
    """Smooth each series with its alpha, seeded with its first actual; the forecast goes on from the last level by the drift alone.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    alpha, drift : float or ndarray (n,)
        Weight of the newest month; change a month that is taken for granted.
    horizon : int
        Months ahead.

    Returns
    -------
    levels : ndarray (n, T)
        Level at the end of each month, NaN before a series begins.
    forecast : ndarray (n, horizon)
    """
    n, months = values.shape
    weight, step = np.broadcast_to(alpha, n), np.broadcast_to(drift, n)
    levels = np.full(values.shape, np.nan)
    level = np.full(n, np.nan)
    for t in range(months):
        now = values[:, t]
        before = level + step
        level = np.where(np.isnan(level), now, np.where(np.isnan(now), before, before + weight * (now - before)))
        levels[:, t] = level
    return levels, np.nan_to_num(level)[:, None] + step[:, None] * np.arange(1, horizon + 1)


def theta(values: Matrix, horizon: int, season_length: int = 12) -> Matrix:
    """Return the forecast of `theta_with_noise` alone."""
    return theta_with_noise(values, horizon, season_length)[0]


def theta_with_noise(values: Matrix, horizon: int, season_length: int = 12) -> tuple[Matrix, Matrix]:
    """Forecast by the Theta method: exponential smoothing with half the linear drift, seasonally adjusted where a season shows.

    The smoothing parameter of each series is the one of 19 with the least squared one-step error.
    Source: Assimakopoulos & Nikolopoulos 2000 in the form of Hyndman & Billah 2003.

    Returns
    -------
    forecast : ndarray (n, horizon)
    noise : ndarray (n,)
        Root mean squared one-step error.
    """
    n, months = values.shape
    profile = np.where(is_seasonal(values, season_length)[:, None], seasonal_profile(values, season_length), 1.0)
    adjusted = values / profile[:, np.arange(months) % season_length]
    there = ~np.isnan(adjusted)
    start, length = lengths(adjusted)
    age = np.arange(months) - start[:, None] - (length[:, None] - 1) / 2
    spread = np.where(there, age**2, 0.0).sum(axis=1)
    drift = np.where(spread > 0, np.nansum(age * adjusted, axis=1) / np.maximum(spread, 1e-300), 0.0) / 2
    alphas = np.arange(0.05, 1.0, 0.05)
    cuts = [slice(i, i + THETA_CHUNK) for i in range(0, max(n, 1), THETA_CHUNK)]
    squares = np.concatenate([_theta_squares(adjusted[c], drift[c], alphas) for c in cuts], axis=1)
    _, ahead = exponential_smoothing(adjusted, alphas[squares.argmin(axis=0)], horizon, drift)
    noise = np.sqrt(squares.min(axis=0) / np.maximum(length, 1))
    return np.maximum(np.nan_to_num(ahead * profile[:, (months + np.arange(horizon)) % season_length]), 0.0), noise


def _theta_squares(values: Matrix, drift: Matrix, alphas: Matrix) -> Matrix:
    """Squared one-step errors (alphas, n) of smoothing with a drift, added up."""
    y, there = np.nan_to_num(values.T), ~np.isnan(values.T)
    full, start = there.all(axis=1), lengths(values)[0]
    level = np.tile(y[np.minimum(start, len(y) - 1), np.arange(len(values))], (len(alphas), 1))
    squares, error, spare = np.zeros_like(level), np.empty_like(level), np.empty_like(level)
    for t in range(int(start.min(initial=len(y))), len(y)):
        level += drift if full[t] else drift * there[t]
        np.subtract(y[t], level, out=error)
        if not full[t]:
            error *= there[t]
        squares += np.square(error, out=spare)
        error *= alphas[:, None]
        level += error
    return squares


def aggregated(values: Matrix, horizon: int, season_length: int = 12, block: int = 3, method: str = "ets", fewest: int = 8) -> Matrix:
    """Forecast the seasonally adjusted means of blocks of months by `ets` or `theta` and give each month its block's, with its season.

    Noise averages out in a block and the trend stands clearer. Source: Kourentzes, Petropoulos & Trapero 2014 (temporal aggregation).
    A series of less than `fewest` blocks is forecast by `theta` from month to month.
    """
    n, months = values.shape
    profile = np.where(is_seasonal(values, season_length)[:, None], seasonal_profile(values, season_length), 1.0)
    adjusted = values / profile[:, np.arange(months) % season_length]
    blocks = adjusted[:, months % block :].reshape(n, -1, block).mean(axis=2)
    known = lengths(blocks)[1] >= fewest
    out = np.zeros((n, horizon))
    wanted = -(-horizon // block)
    found = ets(blocks[known], wanted, 1).forecast if method == "ets" else theta(blocks[known], wanted, 1)
    ahead = np.repeat(found, block, axis=1)[:, :horizon]
    out[known] = ahead * profile[known][:, (months + np.arange(horizon)) % season_length]
    out[~known] = theta(values[~known], horizon, season_length)
    return np.maximum(out, 0.0)


def ets(values: Matrix, horizon: int, season_length: int = 12) -> Smoothed:
    """Forecast by exponential smoothing in four forms over a grid of parameters, averaged with weights by AICc.

    Level or damped trend, without season or with a multiplicative one, additive errors; every point of the grid is a model, so that no optimiser
    runs and all series advance through time together, in single precision (half the memory to move, and seven digits are more than demand has) and in
    units of the power of two next to their mean. Source of the forms: Hyndman, Koehler, Ord & Snyder 2008.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins. Forms with a season need two seasons and one month.
    horizon : int
        Months ahead.
    season_length : int
        Months in a season.
    """
    n = len(values)
    if n == 0:
        return Smoothed(np.zeros((0, horizon)), np.zeros(0), np.zeros(0, dtype=np.int64))
    if n == 1:  # a single column would be added up in another order: the result must not hang on the company a series is in
        return Smoothed(*(part[:1] for part in ets(np.repeat(values, 2, axis=0), horizon, season_length)))
    start, length = lengths(values)
    mean = np.nansum(np.abs(values), axis=1) / np.maximum(length, 1)
    unit = np.exp2(np.floor(np.log2(np.where(mean > 0, mean, 1.0))))
    scaled, profile = values / unit[:, None], seasonal_profile(values, season_length)
    level, slope = _start_states(scaled, profile, start, season_length)
    y, season = scaled.T.astype(np.float32, order="C"), np.maximum(profile.T.astype(np.float32, order="C"), LEAST_SEASON)
    edges = np.linspace(0, n, -(-n // CHUNK) + 1).astype(int).tolist()
    cuts = [slice(*pair) for pair in itertools.pairwise(edges)]
    parts = [smooth_grid(y[:, c], season[:, c], level[:, :, c], slope[:, c], length[c], horizon) for c in cuts]
    forecast, sigma, form = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    return Smoothed(forecast.T * unit[:, None], sigma * unit, form)


def _start_states(y: Matrix, profile: Matrix, start: NDArray[np.int64], m: int) -> tuple[Matrix, Matrix]:
    """Level (2, 2, n) and slope (2, n) from a line through the first season, without and with seasonal adjustment; the slope is halved as most trends fade.

    The level is that of a flat line and that of the line's own beginning.
    """
    months = y.shape[1]
    index = np.minimum(start[:, None] + np.arange(m), months - 1)
    inside = start[:, None] + np.arange(m) < months
    first = np.take_along_axis(y, index, axis=1)
    inside &= ~np.isnan(first)
    first = np.where(inside, first, 0.0)
    count = np.maximum(inside.sum(axis=1), 1)
    age = np.where(inside, np.arange(m) - (np.where(inside, np.arange(m), 0).sum(axis=1) / count)[:, None], 0.0)
    spread = np.maximum((age**2).sum(axis=1), 1e-300)
    both = np.stack([first, first / np.take_along_axis(profile, index % m, axis=1)])
    slope, mean = (both * age).sum(axis=2) / spread / 2, both.sum(axis=2) / count
    return np.stack([mean, mean - slope * ((count - 1) / 2 + 1)], axis=1), slope


__all__ = [
    "FORMS", "Matrix", "Smoothed", "aggregated", "ets", "exponential_smoothing", "is_seasonal", "lengths", "seasonal_naive", "seasonal_profile", "theta",
    "theta_with_noise",
]  # fmt: skip
