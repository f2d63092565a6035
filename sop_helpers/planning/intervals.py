"""Bands around the forecast that hold what they promise: conformal quantiles of past errors.

Errors of the backtest are divided by each series' own scale and pooled over series by class and lag; their quantiles, times the scale,
make the band. No distribution is assumed (Vovk, Gammerman & Shafer 2005; pooling as in Stankeviciute, Alaa & van der Schaar 2021).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import labelled, months_between
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


def run_together(trials: pd.DataFrame) -> float:
    """Return how far the errors of series run together: their mean correlation, weighted by spread, between 0 and 1; 0 where nothing was tried.

    Parameters
    ----------
    trials : DataFrame
        As the contract forecast_trials: product, region, origin, months, forecast_units, actual_units; the series of a sum.
    """
    error = trials["actual_units"] - trials["forecast_units"]
    square = error**2
    spread = np.sqrt(square.groupby([trials["product"], trials["region"], trials["months"]]).transform("mean"))
    parts = pd.DataFrame({"error": error, "square": square, "spread": spread, "alone": spread**2}).groupby([trials["origin"], trials["months"]]).sum()
    most = float((parts["spread"] ** 2 - parts["alone"]).sum())
    return float(np.clip((parts["error"] ** 2 - parts["square"]).sum() / most, 0.0, 1.0)) if most > 0 else 0.0


def band_of_sums(forecast: pd.DataFrame, tried: pd.DataFrame, by: list[str], correlation: float = 0.0) -> pd.DataFrame:
    """Return the bands of groups of series, such as families.

    Errors of series neither cancel nor add up fully. A half-width is the root of sum(s^2) + c ((sum s)^2 - sum(s^2)), s those of the series at 80 % and c how
    far their errors run together (see `_together`), times what held 80 and 95 % of the groups' own errors in the backtest.

    Parameters
    ----------
    forecast : DataFrame
        month, units, lo80, hi80 and the columns of `by`.
    tried : DataFrame
        Backtest: origin, lag, actual, statistical, lo80, hi80 and the columns of `by`.
    by : list of str
        Columns that make a group; all series together when empty.
    correlation : float
        How far errors run together where `tried` is empty (see `run_together`); there is no 95 % band then.

    Returns
    -------
    DataFrame
        The columns of `by`, month, units, lo95, lo80, hi80, hi95; units. No 95 % band where too few errors are known for one.
    """
    known = tried.dropna(subset=["lo80"])
    how = _together(_add_bands(known, "statistical", [*by, "origin", "lag"])) if len(known) else _Together(correlation, 1.0, np.nan)
    return _limits(_add_bands(forecast, "units", [*by, "month"]), "units", how)[[*by, "month", "units", *LEVELS]]


def kept_bands(forecast: pd.DataFrame, tried: pd.DataFrame, family: pd.Series) -> pd.DataFrame:
    """Return the bands of families, of regions and of the total, as a closed month keeps them.

    Parameters
    ----------
    forecast, tried : DataFrame
        As for `band_of_sums`, with product and region.
    family : Series
        Family of each product, indexed by product.

    Returns
    -------
    DataFrame
        As the contract forecast_bands.
    """
    frames = [labelled(frame, family) for frame in (forecast, tried)]
    parts = []
    for level in ("family", "region", "total"):
        band = band_of_sums(*frames, [level] if level != "total" else [])
        key = band.pop(level) if level != "total" else "total"
        parts.append(band.assign(level=level, key=key))
    return pd.concat(parts, ignore_index=True)[["level", "key", "month", "units", *LEVELS]]


def published_bands(kept: dict[pd.Timestamp, pd.DataFrame], level: str) -> pd.DataFrame:
    """Lay the bands of a level that closed cycles kept one under the other: its own column, but for the total; month, lag and limits."""
    parts = [table[table["level"] == level].assign(lag=months_between(table["month"], first) + 1) for first, table in kept.items()]
    rows = pd.concat(parts, ignore_index=True).reindex(columns=["key", "month", "lag", *LEVELS])
    return rows.rename(columns={"key": level}) if level != "total" else rows.drop(columns="key")


def tried_bands_of_sums(tried: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the bands that `band_of_sums` would have given groups of series at past origins, each as the other origins say, to be measured honestly.

    Parameters
    ----------
    tried : DataFrame
        Backtest: origin, lag, actual, statistical, lo80, hi80 and the columns of `by`.
    by : list of str
        Columns that make a group; all series together when empty.

    Returns
    -------
    DataFrame
        The columns of `by`, origin, lag, lo95, lo80, hi80, hi95; no rows for origins without bands.
    """
    sums = _add_bands(tried.dropna(subset=["lo80"]), "statistical", [*by, "origin", "lag"])
    parts = [_limits(rows, "statistical", _together(sums[sums["origin"] != origin])) for origin, rows in sums.groupby("origin")]
    return pd.concat(parts or [sums.assign(**dict.fromkeys(LEVELS, np.nan))], ignore_index=True)[[*by, "origin", "lag", *LEVELS]]


def _add_bands(frame: pd.DataFrame, said: str, by: list[str]) -> pd.DataFrame:
    """Add forecasts up with the half-widths of their bands (below, above), those squared (low, high) and the errors, where any are known."""
    below, above = frame[said] - frame["lo80"], frame["hi80"] - frame[said]
    parts = frame[[*by, said]].assign(below=below, above=above, low=below**2, high=above**2)
    if "actual" in frame:
        parts["error"] = frame["actual"] - frame[said]
    return parts.groupby(by, as_index=False).sum()


class _Together(NamedTuple):
    """Mean correlation of the errors of a group's series, and the factors on the half-width that follows that hold 80 and 95 % of the groups' errors."""

    correlation: float
    factor80: float
    factor95: float


def _together(sums: pd.DataFrame) -> _Together:
    """Learn from the errors of sums how far the errors of their series run together, all groups of a level at once.

    Of the correlations 0, 0.1 to 1 the one is taken whose 80 % band has the least mean interval score (Gneiting & Raftery 2007), in half-widths of
    independent errors; its factors are order statistics of split conformal prediction. With a factor alone (correlation 0) a group of few series would be
    as much wider than independence as one of many.
    """
    over = sums["error"].to_numpy() > 0
    alone, straight = (np.where(over, sums[high], sums[low]) for high, low in (("high", "low"), ("above", "below")))
    some = alone > 0
    if some.sum() < 10:
        return _Together(0.0, 1.5, np.nan)
    alone, straight, error = alone[some], straight[some], np.abs(sums["error"].to_numpy()[some])
    best, least = _Together(0.0, 1.5, np.nan), np.inf
    for correlation in np.arange(11) / 10:
        half = np.sqrt(alone + correlation * np.maximum(straight**2 - alone, 0.0))
        factors = [_holding(error / half, share) for share in (0.8, 0.95)]
        score = float(np.mean((factors[0] * half + np.maximum(error - factors[0] * half, 0.0) / 0.2) / np.sqrt(alone)))
        if score < least - 1e-12:
            best, least = _Together(float(correlation), *factors), score
    return best


def _holding(ratio: NDArray[np.float64], share: float) -> float:
    """Return what at least a share of new ratios stay below: the ceil((n + 1) share)-th smallest of n known ones, NaN where there are too few."""
    rank = int(np.ceil(np.round((len(ratio) + 1) * share, 9)))
    return float(np.partition(ratio, rank - 1)[rank - 1]) if rank <= len(ratio) else np.nan


def _limits(sums: pd.DataFrame, said: str, how: _Together) -> pd.DataFrame:
    """Lay the bands of a sum about it."""
    straight = {"low": sums["below"], "high": sums["above"]}
    low, high = (np.sqrt(sums[side] + how.correlation * np.maximum(most**2 - sums[side], 0.0)) for side, most in straight.items())
    bands = {f"{name}{share}": (name, factor) for share, factor in ((80, how.factor80), (95, how.factor95)) for name in ("lo", "hi")}
    return sums.assign(**{
        name: np.maximum(sums[said] - factor * low, 0.0) if side == "lo" else sums[said] + factor * high for name, (side, factor) in bands.items()
    })
