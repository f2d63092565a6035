"""What trend and season led to expect: robust decompositions that a few odd months cannot bend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sop_helpers.planning.smoothing import Matrix

LEAST_NOISE = 0.03  # of the level: a perfectly regular series does not make every small change a signal
CHUNK = 1024  # series at a time
CAUTION = 1.2  # the noise is itself an estimate from few months; without this 1 % of quiet months would pass 3.5 sigma


class Expected(NamedTuple):
    """Expectation ``units`` (n, T), robust z of each month ``score`` (n, T), noise of the logarithm ``noise`` (n,), and ``base``: units without the season."""

    units: Matrix
    score: Matrix
    noise: Matrix
    base: Matrix


def median(values: Matrix, axis: int = -1) -> Matrix:
    """Median that leaves NaN out; NaN where nothing is left."""
    if values.shape[axis] == 0:
        return np.full(np.delete(values.shape, axis), np.nan)
    ordered = np.sort(values, axis=axis)  # NaN last
    count = (~np.isnan(values)).sum(axis=axis, keepdims=True)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    high = np.minimum(high, values.shape[axis] - 1)
    both = (np.take_along_axis(ordered, low, axis) + np.take_along_axis(ordered, high, axis)) / 2
    return np.squeeze(both, axis=axis)


def to_log(values: Matrix, scale: Matrix) -> Matrix:
    """Logarithm that bears zeros: one hundredth of the series' mean is added."""
    return np.log1p(100 * np.maximum(values, 0.0) / scale[:, None])


def from_log(logs: Matrix, scale: Matrix) -> Matrix:
    """Undo `to_log`."""
    return np.maximum(np.expm1(np.minimum(logs, 60.0)) / 100, 0.0) * scale[:, None]


def log_scale(values: Matrix) -> Matrix:
    """Mean of each series, 1 where it is zero."""
    mean = np.nansum(values, axis=1) / np.maximum((~np.isnan(values)).sum(axis=1), 1)
    return np.where(mean > 0, mean, 1.0)


def _rolling_median(x: Matrix, width: int) -> Matrix:
    """Centred rolling median; at the ends of what is there."""
    half = width // 2
    padded = np.pad(x, ((0, 0), (half, half)), constant_values=np.nan)
    windows = sliding_window_view(padded, width, axis=1)
    out = np.empty(windows.shape[:2])
    for i in range(0, len(x), CHUNK):  # sorting copies every month into each of its windows
        out[i : i + CHUNK] = median(windows[i : i + CHUNK])
    return out


def _carry(x: Matrix) -> Matrix:
    """Fill holes with the value before, leading ones with the first after."""
    there = ~np.isnan(x)
    last = np.maximum.accumulate(np.where(there, np.arange(x.shape[1]), -1), axis=1)
    filled = np.take_along_axis(x, np.maximum(last, 0), axis=1)
    first = np.take_along_axis(x, there.argmax(axis=1)[:, None], axis=1)
    return np.where(last < 0, first, filled)


def _season(detrended: Matrix, m: int) -> Matrix:
    """Median of each month of the season, shrunk by how often it was seen, without a level of its own."""
    out = np.zeros((len(detrended), m))
    for j in range(m):
        column = detrended[:, j::m]
        count = (~np.isnan(column)).sum(axis=1)
        out[:, j] = np.where(count > 0, np.nan_to_num(median(column)) * count / (count + 0.5), 0.0)
    return out - out.mean(axis=1, keepdims=True)


def expectation(
    values: Matrix, masked: NDArray[np.bool_] | None = None, season_length: int = 12, ahead: int = 0, season: Matrix | None = None
) -> Expected:
    """Robust expectation of every month of every series, by rolling medians and medians by month of the season, in logarithms.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    masked : ndarray of bool (n, T), optional
        Months known to be odd: they are judged but teach nothing.
    season_length : int
        Months in a season; a series shorter than two of them gets none.
    ahead : int
        The last months that are judged but teach nothing: their expectation is the level before them and the season.
    season : ndarray (n, season_length), optional
        Logarithms of the season that a series too short for its own has from elsewhere, by column of the matrix.
    """
    n, months = values.shape
    m = season_length
    scale = log_scale(values)
    x = to_log(values, scale)
    known = x.copy()
    if masked is not None:
        known[masked] = np.nan
    if ahead:
        known[:, months - ahead :] = np.nan
    count = (~np.isnan(known)).sum(axis=1)
    long = count >= 2 * m
    column = np.arange(months) % m
    given = np.zeros((n, m)) if season is None else season
    season = np.where(long[:, None], _season(known - _rolling_median(known, m + 1 - m % 2), m), given)
    for _ in range(2):
        trend = _carry(_rolling_median(known - season[:, column], 7))
        season = np.where(long[:, None], _season(known - trend, m), given)
    if ahead and months > ahead:
        trend[:, months - ahead :] = trend[:, months - ahead - 1][:, None]
    fitted = trend + season[:, column]
    residual = known - fitted
    centre = median(residual)[:, None]
    spread = 1.4826 * median(np.abs(residual - centre))
    # A fit eats part of the noise: give back the degrees of freedom, and add the uncertainty of the fit when looking ahead.
    used = np.where(long, m, 0) + count / 4
    spread = spread * np.sqrt(count / np.maximum(count - used, 1)) * (CAUTION * np.sqrt(1 + used / np.maximum(count, 1)) if ahead else 1.0)
    noise = np.maximum(np.nan_to_num(spread), LEAST_NOISE)
    units = from_log(fitted, scale)
    return Expected(units, np.where(np.isnan(x), np.nan, deviation(values, units, noise)), noise, from_log(trend, scale))


def deviation(values: Matrix, expected: Matrix, noise: Matrix) -> Matrix:
    """Return how many times its usual noise each month lies off what was expected.

    The difference of logarithms over the noise; series of whole numbers are counts, which deviate at least as a Poisson variable does: twice the difference
    of the square roots is then the most that is said (Anscombe 1948).

    Parameters
    ----------
    values, expected : ndarray (n, T)
        Units.
    noise : ndarray (n,)
        Standard deviation of the logarithm.
    """
    scale = log_scale(values)
    score = (to_log(values, scale) - to_log(expected, scale)) / noise[:, None]
    counts = np.where(np.isnan(values), True, values == np.round(values)).all(axis=1)[:, None]
    poisson = 2 * (np.sqrt(np.maximum(values, 0)) - np.sqrt(np.maximum(expected, 0)))
    return np.where(counts & (np.abs(poisson) < np.abs(score)), poisson, score)


def stl_ahead(series: Matrix, ahead: int, season_length: int = 12) -> tuple[Matrix, float]:
    """Expect the last months of one series from robust STL (Cleveland et al. 1990) of what was known before them.

    Parameters
    ----------
    series : ndarray (T,)
        Logarithm of demand without holes, two seasons and more before the months looked at.
    ahead : int
        Months looked at.
    season_length : int
        Months in a season.

    Returns
    -------
    ndarray (ahead,)
        Expected logarithm: the last level with the last season.
    float
        Noise, by the median absolute deviation of the remainder, corrected for what the fit used.
    """
    from statsmodels.tsa.seasonal import STL

    before = series[:-ahead]
    n = len(before)
    fit = STL(before, period=season_length, seasonal=2 * (n // season_length) + 7, seasonal_deg=0, robust=True).fit()
    # Held, not drawn on: three months are too short for a trend to matter and long enough for it to mislead.
    level = float(np.median(fit.trend[-3:]))
    last = fit.seasonal[n - season_length :][np.arange(ahead) % season_length]
    used = season_length + n / season_length
    # Robust weights make the remainder too small; changes over a season, which the fit has not touched, put a floor under it.
    left = _deviation(fit.resid) * np.sqrt(n / max(n - used, 1))
    change = _deviation(before[season_length:] - before[:-season_length]) / np.sqrt(2)
    return level + last, max(CAUTION * max(left, change) * np.sqrt(1 + used / n), LEAST_NOISE)


def _deviation(x: Matrix) -> float:
    """Median absolute deviation, as the standard deviation of a normal variable."""
    return 1.4826 * float(np.median(np.abs(x - np.median(x))))
