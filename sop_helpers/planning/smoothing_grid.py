"""Exponential smoothing at every point of a grid of parameters, all series of a chunk together: the core of `smoothing.ets`."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
# Chosen once on M3 monthly (benchmarks/forecast_m3.py); never per company.
ALPHAS = (0.02, 0.1, 0.2, 0.35, 0.55, 0.8)
BETAS = (0.05, 0.15, 0.4)
PHIS = (0.8, 0.9, 0.98)
GAMMAS = (0.0, 0.1, 0.25)
TRENDS = ((0.0, 0.0), *itertools.product(BETAS, PHIS))
LEAST_SEASON, LEAST_DIVISOR = 0.01, 0.05
FORMS = ("level", "damped trend", "level and season", "damped trend and season")
CHUNK = 100  # series at a time, whose states fit the second cache of a processor (1.1 MB)


class _States(NamedTuple):
    """Level, slope and summed squares of one-step errors, each (points, series), which advance in place."""

    level: Matrix
    slope: Matrix
    squares: Matrix


def _begin(level: Matrix, slope: Matrix, times: int) -> _States:
    """States of the points of a grid, (alphas x trends) so many times, from first states of one kind."""
    shape = (times * len(ALPHAS), len(TRENDS), level.shape[-1])
    states = _States(*(np.empty(shape, dtype=np.float32) for _ in range(2)), np.zeros(shape, dtype=np.float32))
    states.level[:, 0], states.level[:, 1:] = level
    states.slope[:, 0], states.slope[:, 1:] = 0.0, slope
    return _States(*(state.reshape(-1, shape[-1]) for state in states))


@lru_cache(maxsize=8)
def _points(gammas: tuple[float, ...], width: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Alpha, beta, phi and the season's gain (gamma times what alpha leaves) of a grid's points, each (points, width): repeated, as NumPy is quickest so."""
    grid = np.array([(a, b, p, g * (1 - a)) for g in gammas for a in ALPHAS for b, p in TRENDS], dtype=np.float32)
    alpha, beta, phi, gain = (np.repeat(column[:, None], width, axis=1) for column in grid.T)
    return alpha, beta, phi, gain


def _smooth(y: Matrix, states: _States, season: Matrix, there: NDArray[np.bool_], first: int) -> None:
    """Smooth demand less its season from a month on; the season (m, series) stays as it is, and ``y`` (T, series) has been divided by it."""
    level, slope, squares = states
    alpha, beta, phi, _ = _points((0.0,), y.shape[1])
    error, spare = np.empty_like(level), np.empty_like(level)
    weak, full = np.minimum(season / LEAST_DIVISOR, 1.0), there.all(axis=1)
    weakened = (weak < 1.0).any(axis=1)
    # Everything in place, here and below: what takes time is moving numbers through memory.
    for t in range(first, len(y)):
        j, gone = t % len(season), None if full[t] else np.flatnonzero(~there[t])
        kept = None if gone is None else (level[:, gone], slope[:, gone])
        slope *= phi
        level += slope
        np.subtract(y[t], level, out=error)
        if gone is not None:
            error[:, gone] = 0.0
        np.multiply(error, season[j], out=spare)
        squares += np.square(spare, out=spare)
        if weakened[j]:
            error *= weak[j]
        error *= alpha
        level += error
        error *= beta
        slope += error
        if kept is not None:
            level[:, gone], slope[:, gone] = kept


def _smooth_seasons(y: Matrix, states: _States, season: Matrix, there: NDArray[np.bool_], first: int) -> None:
    """Smooth demand ``y`` (T, series) from a month on with seasons (m, points, series) that change, in place like the states."""
    level, slope, squares = states
    alpha, beta, phi, gain = _points(GAMMAS[1:], y.shape[1])
    error, step, spare = (np.empty_like(level) for _ in range(3))
    least, full = season.min(axis=(1, 2)), there.all(axis=1)
    for t in range(first, len(y)):
        j, gone = t % len(season), None if full[t] else np.flatnonzero(~there[t])
        kept = None if gone is None else (level[:, gone], slope[:, gone])
        s = season[j]
        slope *= phi
        level += slope
        np.multiply(level, s, out=error)
        np.subtract(y[t], error, out=error)
        if gone is not None:
            error[:, gone] = 0.0
        squares += np.square(error, out=spare)
        np.multiply(alpha, error, out=step)
        step /= s if least[j] >= LEAST_DIVISOR else np.maximum(s, LEAST_DIVISOR, out=spare)
        error *= gain
        if level.min() > 1e-9:  # nearly always: nothing to guard against
            error /= level
            s += error
        else:
            error /= np.maximum(level, 1e-9, out=spare)
            np.add(s, error, out=s, where=level > 0)
        least[j] = s.min()
        if least[j] < LEAST_SEASON:
            least[j] = np.maximum(s, LEAST_SEASON, out=s).min()
        level += step
        step *= beta
        slope += step
        if kept is not None:
            level[:, gone], slope[:, gone] = kept


def _ahead(states: _States, season: Matrix, first: int, weight: Matrix, horizon: int) -> Matrix:
    """Weighted sum (horizon, series) over the points of what each forecasts, never below zero; the states go on in place."""
    level, slope, spare = states
    phi = _points(GAMMAS[1:] if season.ndim == 3 else (0.0,), level.shape[1])[2]
    weight, out = weight.astype(np.float32), np.empty((horizon, level.shape[1]))
    for j in range(horizon):
        slope *= phi
        level += slope
        np.multiply(np.maximum(level, 0.0, out=spare), weight, out=spare)
        s = season[(first + j) % len(season)]
        if season.ndim == 3:
            spare *= s
        # By alpha first: fewer numbers one after the other lose fewer digits.
        total = spare.reshape(-1, len(TRENDS), spare.shape[1]).sum(axis=1).sum(axis=0, dtype=float)
        out[j] = total if season.ndim == 3 else total * s
    return out


def smooth_grid(y: Matrix, season: Matrix, level: Matrix, slope: Matrix, length: NDArray[np.int64], horizon: int) -> tuple[Matrix, Matrix, NDArray[np.int64]]:
    """Smooth a chunk of series at every point of the grid and average what the points forecast, with weights by AICc.

    Parameters
    ----------
    y : ndarray (T, k)
        Demand in single precision, NaN before a series begins.
    season : ndarray (m, k)
        Seasonal indices to begin with.
    level, slope : ndarray (2, 2, k) and (2, k)
        First states, without and with seasonal adjustment: the level of a flat line and of one that slopes.
    length : ndarray (k,)
        Months of each series.
    horizon : int
        Months ahead.

    Returns
    -------
    forecast : ndarray (horizon, k)
    sigma : ndarray (k,)
        One-step noise.
    form : ndarray (k,)
        Index of the heaviest of FORMS.
    """
    (months, k), m = y.shape, len(season)
    there, whole, count = ~np.isnan(y), np.nan_to_num(y), np.maximum(length, 1)
    long, first = length > 2 * m, int((months - length).min())
    # Points whose season stays, beside those that have none: as further series, divided by the season. A season of one month is none.
    kinds = 2 if m > 1 and long.any() else 1
    kept = np.concatenate([np.ones_like(season), season][:kinds], axis=1)
    still = _begin(level[:kinds].swapaxes(0, 1).reshape(2, -1), slope[:kinds].ravel(), 1)
    at = np.arange(months) % m
    _smooth(np.tile(whole, kinds) / kept[at], still, kept, np.tile(there, kinds), first)
    squares = [still.squares.reshape(-1, k)]
    if long.any():
        moving, moved = _begin(level[1], slope[1], len(GAMMAS) - 1), np.repeat(season[:, None], len(still.level) * (len(GAMMAS) - 1), axis=1)
        _smooth_seasons(whole, moving, moved, there, first)
        squares.append(moving.squares)
    trend, more = _forms(m, kinds, len(squares) - 1)
    weight = _weights(np.concatenate(squares), 3 + 3 * trend + more, count, 1e-12 * (whole.astype(float) ** 2).sum(axis=0), long | (more == 0)[:, None])
    if m == 1:  # they stand for those whose season stays as well
        weight[: len(squares[0])] *= 2.0
    weight /= weight.sum(axis=0)
    sigma = np.sqrt(sum((part * w).sum(axis=0) for part, w in zip(squares, np.split(weight, [len(squares[0])]), strict=False)) / count)
    held = weight[: len(squares[0])].reshape(still.level.shape)
    ahead = _ahead(still, kept, months, held, horizon).reshape(horizon, kinds, k).sum(axis=1)
    if long.any():
        ahead += _ahead(moving, moved, months, weight[len(squares[0]) :], horizon)
    form = trend + 2 * (more > 0)
    return ahead, sigma, np.stack([weight[form == f].sum(axis=0) for f in range(len(FORMS))]).argmax(axis=0)


@lru_cache(maxsize=8)
def _forms(m: int, kinds: int, moving: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whether each point has a trend, and how many parameters its season adds."""
    trend = np.tile([b > 0 for b, _ in TRENDS], len(ALPHAS)).astype(int)
    more = [np.tile([0, m - 1][:kinds], len(trend)), np.full(len(trend) * (len(GAMMAS) - 1) * moving, m)]
    return np.concatenate([np.repeat(trend, kinds), np.tile(trend, (len(GAMMAS) - 1) * moving)]), np.concatenate(more)


def _weights(squares: Matrix, parameters: NDArray[np.int64], count: NDArray[np.int64], tiny: Matrix, can: NDArray[np.bool_]) -> Matrix:
    """Weight of each point and series by AICc, the best one's being 1."""
    counts, which = np.unique(count, return_inverse=True)
    free = np.maximum(counts - parameters[:, None] - 1, 1)
    aicc = count * np.log(np.maximum(squares, np.maximum(tiny, 1e-312)) / count) + (2 * parameters[:, None] * counts / free)[:, which]
    if not can.all():
        aicc[~can] = np.inf
    aicc -= aicc.min(axis=0)
    aicc *= -0.5
    return np.exp(aicc, out=aicc)
