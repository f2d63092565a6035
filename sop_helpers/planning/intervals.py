"""Bands around the forecast that hold what they promise: conformal quantiles of past errors.

Errors of the backtest are divided by each series' own scale and pooled over series by class and lag; their quantiles, times the scale,
make the band. No distribution is assumed (Vovk, Gammerman & Shafer 2005; pooling as in Stankeviciute, Alaa & van der Schaar 2021).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.smoothing import Matrix

LEVELS = {"lo95": 0.025, "lo80": 0.1, "hi80": 0.9, "hi95": 0.975}
FEWEST = 60  # pooled errors below which a class borrows from all classes
# Quantiles of a normal error, which stand in where no backtest was possible at all.
NORMAL = {"lo95": -1.96, "lo80": -1.2816, "hi80": 1.2816, "hi95": 1.96}


# A scale is the geometric mean of three measures, which err in different directions: noise of the fit, error of seasonal naive, error of the backtest.
WEIGHTS = (0.2, 0.5, 0.3)


def scales(noise: Matrix, naive: Matrix, error: Matrix, relative: tuple[float, float]) -> Matrix:
    """Return the scale that errors are divided by: the weighted geometric mean of what is known of a series, in units of seasonal naive's error.

    Parameters
    ----------
    noise, naive, error : ndarray, all of one shape
        One-step noise of the fit, mean absolute error of seasonal naive in the history, mean absolute error in the backtest; NaN or zero where unknown.
    relative : (float, float)
        Usual ratio of noise and of error to that of seasonal naive, from `usual_ratios`: a measure that is unknown gives its place to the others.
    """
    parts = np.stack([noise / relative[0], naive, error / relative[1]])
    known = np.isfinite(parts) & (parts > 0)
    weight = np.where(known, np.array(WEIGHTS).reshape(-1, *[1] * noise.ndim), 0.0)
    total = weight.sum(axis=0)
    mean = (weight * np.log(np.where(known, parts, 1.0))).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, np.exp(mean), 0.0)


def usual_ratios(noise: Matrix, naive: Matrix, error: Matrix) -> tuple[float, float]:
    """Return the medians over all series of noise and of backtest error, each over seasonal naive's error; 1 where nothing is known."""
    found = []
    for measure in (noise, error):
        good = np.isfinite(measure) & np.isfinite(naive) & (measure > 0) & (naive > 0)
        found.append(float(np.median(measure[good] / naive[good])) if good.any() else 1.0)
    return found[0], found[1]


class Bands(NamedTuple):
    """Quantiles of scaled errors: for each class a (level, lag) table; "" is the pool of all."""

    table: dict[str, Matrix]

    def apply(self, units: Matrix, scale: Matrix, kind: NDArray[np.object_]) -> dict[str, Matrix]:
        """Return the limits of each forecast, ordered and never below zero.

        Parameters
        ----------
        units : ndarray (n, h)
            Point forecasts.
        scale : ndarray (n,) or (n, h)
            Scale of each series, or of each of its months (see `scales`).
        kind : ndarray (n,)
            Class of each series.
        """
        horizon = units.shape[1]
        names = list(self.table)
        which = pd.Index(names).get_indexer(kind)
        factor = np.stack([self.table[name][:, :horizon] for name in names])[np.where(which < 0, names.index(""), which)]
        limit = units[:, None, :] + factor * np.nan_to_num(scale if scale.ndim == 2 else scale[:, None])[:, None, :]
        limit = np.maximum(limit, 0.0)
        # The point forecast lies between the limits whatever the pool says.
        lo95, lo80, hi80, hi95 = (limit[:, i] for i in range(4))
        lo80, hi80 = np.minimum(lo80, units), np.maximum(hi80, units)
        return {"lo95": np.minimum(lo95, lo80), "lo80": lo80, "hi80": hi80, "hi95": np.maximum(hi95, hi80)}


def calibrate(residual: Matrix, scale: Matrix, kind: NDArray[np.object_], horizon: int) -> Bands:
    """Learn the bands from past errors.

    Parameters
    ----------
    residual : ndarray (n, origins, lags)
        Actual less forecast, NaN where nothing was compared.
    scale : ndarray (n, origins, lags)
        Scale of each error, to which the error itself adds nothing.
    kind : ndarray (n,)
        Class of each series.
    horizon : int
        Lags wanted; beyond those measured the last one grows with the square root of the lag.
    """
    scaled = np.where(scale > 0, scale, np.nan)
    np.divide(residual, scaled, out=scaled)  # in place: these are the largest arrays of all
    table = {"": _quantiles(scaled, horizon)}
    for name in sorted(set(kind) - {""}):
        pool = scaled[kind == name]
        if np.isfinite(pool).sum() >= FEWEST * max(1, scaled.shape[2] // 3):
            table[name] = _quantiles(pool, horizon)
    return Bands(table)


def _ranks(number: int) -> NDArray[np.int64]:
    """Return which of so many sorted errors are the limits, counted from 0: the ranks of split conformal prediction, both sides alike.

    A new error falls below the k-th smallest of n with probability k / (n + 1): the lower limit is the floor((n + 1) a / 2)-th, the upper one as far from
    the other end. Where there are too few, it is the outermost.

    >>> _ranks(60).tolist()
    [0, 5, 54, 59]
    """
    level = np.array(list(LEVELS.values()))
    lower = np.maximum(np.floor(np.round((number + 1) * np.minimum(level, 1 - level), 9)).astype(np.int64), 1)  # 0.1 x 20 must be 2
    return np.where(level < 0.5, lower - 1, number - lower)


def _quantiles(scaled: Matrix, horizon: int) -> Matrix:
    """Quantiles by level and lag; a thin lag borrows from its neighbours, and bands never narrow as the lag grows."""
    lags = scaled.shape[2]
    flat = [scaled[:, :, h][np.isfinite(scaled[:, :, h])] for h in range(lags)]
    out = np.full((len(LEVELS), horizon), np.nan)
    for h in range(min(lags, horizon)):
        width, pool = 0, flat[h]
        while len(pool) < FEWEST and width < lags:
            width += 1
            pool = np.concatenate(flat[max(0, h - width) : h + width + 1])
        if len(pool) < 10:
            continue
        ranks = _ranks(len(pool))
        out[:, h] = np.partition(pool, ranks)[ranks]
    known = np.flatnonzero(np.isfinite(out[0]))
    if len(known) == 0:
        return np.array(list(NORMAL.values()))[:, None] * np.sqrt(np.arange(1, horizon + 1))[None, :]
    last = known[-1]
    out[:, : known[0]] = out[:, known[0]][:, None]
    out[:, last + 1 :] = out[:, last][:, None] * np.sqrt((np.arange(last + 1, horizon) + 1) / (last + 1))[None, :]
    out[:2] = np.minimum.accumulate(np.minimum(out[:2], 0.0), axis=1)
    out[2:] = np.maximum.accumulate(np.maximum(out[2:], 0.0), axis=1)
    return out


def widening(trials: pd.DataFrame) -> float:
    """Return how much wider the error of a sum of series is than if their errors were independent; 1 where nothing was tried.

    The ratio of root mean squares, of the errors added up over the series and of the errors put together as independent ones.

    Parameters
    ----------
    trials : DataFrame
        As the contract forecast_trials: origin, months, forecast_units, actual_units; the series of the sum.
    """
    error = trials["actual_units"] - trials["forecast_units"]
    parts = pd.DataFrame({"error": error, "square": error**2}).groupby([trials["origin"], trials["months"]]).sum()
    alone = parts["square"].sum()
    return max(1.0, float(np.sqrt((parts["error"] ** 2).sum() / alone))) if alone > 0 else 1.0


def band_of_sums(forecast: pd.DataFrame, tried: pd.DataFrame, by: pd.Series, factor: float = 1.0) -> pd.DataFrame:
    """Return the 80 % band of groups of series, such as families.

    Errors of series neither cancel nor add up fully. The root of the summed squared half-widths would be the band of independent errors; it is widened by
    the 80 % quantile of how far the groups' backtest errors went beyond it, up to the sum of the half-widths.

    Parameters
    ----------
    forecast : DataFrame
        month, product, region, units, lo80, hi80.
    tried : DataFrame
        Backtest: month, product, origin, lag, actual, statistical, lo80, hi80.
    by : Series
        Group of each product, indexed by product.
    factor : float
        How much wider than that of independent errors, where `tried` is empty; see `widening`.

    Returns
    -------
    DataFrame
        month, group, units, lo80, hi80.
    """
    out = _add_bands(forecast.assign(group=forecast["product"].map(by)), "units", ["group", "month"])
    t = tried.dropna(subset=["lo80"])
    if len(t):
        factor = _beyond(_add_bands(t.assign(group=t["product"].map(by)), "statistical", ["group", "origin", "lag"]))
    return _limits(out, "units", factor)[["month", "group", "units", "lo80", "hi80"]]


def tried_bands_of_sums(tried: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the bands that `band_of_sums` would have given groups of series at past origins, each widened as the other origins say, to be measured honestly.

    Parameters
    ----------
    tried : DataFrame
        Backtest: origin, lag, actual, statistical, lo80, hi80 and the columns of `by`.
    by : list of str
        Columns that make a group; all series together when empty.

    Returns
    -------
    DataFrame
        The columns of `by`, origin, lag, lo80, hi80; no rows for origins without bands.
    """
    sums = _add_bands(tried.dropna(subset=["lo80"]), "statistical", [*by, "origin", "lag"])
    parts = [_limits(rows, "statistical", _beyond(sums[sums["origin"] != origin])) for origin, rows in sums.groupby("origin")]
    return pd.concat(parts or [sums.assign(hi80=np.nan, lo80=np.nan)], ignore_index=True)[[*by, "origin", "lag", "lo80", "hi80"]]


def _add_bands(frame: pd.DataFrame, said: str, by: list[str]) -> pd.DataFrame:
    """Add forecasts up with the half-widths of their bands (below, above), those squared (low, high) and the errors, where any are known."""
    below, above = frame[said] - frame["lo80"], frame["hi80"] - frame[said]
    parts = frame[[*by, said]].assign(below=below, above=above, low=below**2, high=above**2)
    if "actual" in frame:
        parts["error"] = frame["actual"] - frame[said]
    return parts.groupby(by, as_index=False).sum()


def _beyond(sums: pd.DataFrame) -> float:
    """Return the 80 % quantile of how far errors of sums went beyond the band of independent errors; never below 1, and 1.5 where too few are known."""
    half = np.sqrt(np.where(sums["error"] > 0, sums["high"], sums["low"]))
    ratio = (np.abs(sums["error"]) / np.where(half > 0, half, np.nan)).dropna()
    return max(1.0, float(np.quantile(ratio, 0.8))) if len(ratio) >= 10 else 1.5


def _limits(sums: pd.DataFrame, said: str, factor: float) -> pd.DataFrame:
    """Lay the band of a sum about it: errors that all go the same way are the worst, the sum of the half-widths."""
    low, high = (np.minimum(factor * np.sqrt(sums[square]), sums[most]) for square, most in (("low", "below"), ("high", "above")))
    return sums.assign(lo80=np.maximum(sums[said] - low, 0.0), hi80=sums[said] + high)
