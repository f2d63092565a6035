"""Drivers: outside series that say something of demand before it comes, kept only where the past proves it.

Changes of demand from month to month are laid beside those of each driver, so many months earlier. The closest driver and lag of each family are chosen on
older months; on newer ones the forecasts made with and without it are compared from every past origin. Nothing is used that was not known there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.panel import Panel
from sop_helpers.planning.portfolio import portfolio
from sop_helpers.planning.smoothing import Matrix, is_seasonal

AHEAD = 6  # months ahead that drivers are tried on
ORIGINS = 24  # past months from which they are tried, half to choose and half to judge
MOST_LAG = 6
LEAST_PAIRS = 12  # months whose changes can be compared
LEAST_ORIGINS = 12  # fewer prove nothing
GAIN = 0.02  # share of the error that a driver must save on the origins that it was not chosen on
CHANCE = 0.05  # that the closest of all drivers and lags tried is close by chance (Bonferroni)
LARGEST = np.log(2)  # no driver doubles or halves the plan
COLUMNS = ["family", "driver", "lag", "coefficient", "wmape_without", "wmape_with", "origins", "origins_better", "kept", "why"]
STREAM = ["month", "product", "region", "stream", "source", "units"]


class Drivers(NamedTuple):
    """Result of `find_drivers`: the ``table`` of the contract, and ``effects`` (family, month, source, factor): the factor on demand of those kept."""

    table: pd.DataFrame
    effects: pd.DataFrame


def price_index(sales: pd.DataFrame, products: pd.DataFrame, months: pd.DatetimeIndex) -> dict[str, Matrix]:
    """Return for each family the logarithm of its price index: mean price of each product, at fixed weights.

    Parameters
    ----------
    sales : DataFrame
        month, product, units, revenue.
    products : DataFrame
        product, family.
    months : DatetimeIndex
        Months of the history.
    """
    sums = sales.groupby(["product", "month"])[["units", "revenue"]].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log((sums["revenue"] / sums["units"]).where((sums["units"] > 0) & (sums["revenue"] > 0)))
    wide = logs.unstack("month").reindex(columns=months).ffill(axis=1).bfill(axis=1).dropna()
    weight = sums["units"].groupby("product").sum().reindex(wide.index)
    family = wide.index.map(products.set_index("product")["family"])
    return {str(one): np.average(wide[family == one], axis=0, weights=weight[family == one] + 1e-9) for one in family.dropna().unique()}


def find_drivers(
    panel: Panel, indicators: pd.DataFrame, months_ahead: pd.DatetimeIndex, *, prices: dict[str, Matrix] | None = None, season_length: int = 12,
) -> Drivers:
    """Look for one driver for each family, and say by how much it moves the months ahead where it proved itself.

    Parameters
    ----------
    panel : Panel
        Cleansed demand; keys hold ``family``.
    indicators : DataFrame
        month, indicator, value; months ahead count as known as far ahead at every past origin.
    months_ahead : DatetimeIndex
        Months planned.
    prices : dict of family -> ndarray, optional
        From `price_index`.
    season_length : int
        Months in a season.

    Notes
    -----
    With y and x the seasonally adjusted logarithms of demand and driver, the change of y is b times the change of x `lag` months earlier (least squares through
    the origin: a dynamic regression in first differences). Demand less b x is forecast by the smoothers, and b x of the months ahead put back (a regression
    with smoothed errors); a value of x that was not known at the origin is held at the last known one. Beyond the months tried the effect is halved
    month by month.
    """
    families = sorted(panel.keys["family"].dropna().astype("str").unique())
    months, T = panel.months, len(panel.months)
    values = np.stack([np.nansum(panel.values[(panel.keys["family"] == f).to_numpy()], axis=0) for f in families]) if families else np.zeros((0, T))
    origins = min(ORIGINS, T - 2 * season_length - AHEAD)
    if not families or origins < LEAST_ORIGINS or (indicators.empty and not prices):
        return Drivers(_table([]), _effects([]))
    origin = T - 1 - np.arange(AHEAD + origins - 1, AHEAD - 1, -1)
    rows, effects = [], []
    shared = {str(name): aligned(part, months, months_ahead) for name, part in indicators.groupby("indicator")}
    for i, name in enumerate(families):
        known = shared | ({"own price": prices[name]} if prices and name in prices else {})
        best = _best(values[i], origin, known, season_length)
        if best is None:
            continue
        row, factor = best
        rows.append((name, *row))
        if row[-2]:
            effects.append(pd.DataFrame({"family": name, "month": months_ahead, "source": f"{row[0]}, {row[1]} months before",
                                         "factor": _fade(factor, len(months_ahead))}))
    return Drivers(_table(rows), _effects(effects))


def aligned(part: pd.DataFrame, months: pd.DatetimeIndex, months_ahead: pd.DatetimeIndex) -> Matrix:
    """Indicator over history and months ahead, to its last known value; the logarithm where all values are above zero."""
    values = part.groupby("month")["value"].mean().reindex(months.append(pd.DatetimeIndex(months_ahead))).to_numpy(float)
    end = np.flatnonzero(~np.isnan(values))
    values = pd.Series(values[: end[-1] + 1] if len(end) else values[:0]).ffill().to_numpy()  # a month nobody reported is as the one before
    return np.log(values) if (values[~np.isnan(values)] > 0).all() else values / max(float(np.nanstd(values)), 1e-12)


def _adjusted(x: Matrix, until: int, season_length: int) -> Matrix:
    """Take the season out, where there is one, that regression on a trend and the months of the season finds before column `until`."""
    there = np.flatnonzero(~np.isnan(x[:until]))
    if len(there) < 2 * season_length or not is_seasonal(x[None, there], season_length)[0]:
        return x
    dummies = (np.arange(len(x))[:, None] % season_length == np.arange(season_length)).astype(float)
    design = np.column_stack([np.arange(len(x)), dummies])
    season = np.linalg.lstsq(design[there], x[there], rcond=None)[0][1:]
    return x - dummies @ (season - season.mean())


def _path(x: Matrix, origin: int, lag: int, ahead: int, late: int) -> Matrix:
    """Driver `lag` months before each month to the origin and the months ahead of it, held where it was not known at the origin or had not begun."""
    known = min(origin + late, len(x) - 1)
    column = np.clip(np.arange(origin + 1 + ahead) - lag, 0, known)
    start = int(np.flatnonzero(~np.isnan(x))[0])
    return x[np.maximum(column, start)]


def _with_driver(demand: Matrix, x: Matrix, origins: np.ndarray, slopes: Matrix, lag: int, late: int, season_length: int) -> tuple[Matrix, Matrix]:
    """Forecast (origins, months ahead) without the driver, and with it: demand less its effect is forecast and the effect of the months ahead put back."""
    width = int(origins.max()) + 1
    plain, less = np.full((len(origins), width), np.nan), np.full((len(origins), width), np.nan)
    ahead = np.ones((len(origins), AHEAD))
    for row, (o, slope) in enumerate(zip(origins, slopes, strict=True)):
        path = _path(x, int(o), lag, AHEAD, late)
        effect = np.exp(np.clip(slope * (path - path[o]), -LARGEST, LARGEST))
        plain[row, width - o - 1 :] = demand[: o + 1]
        less[row, width - o - 1 :] = demand[: o + 1] / effect[: o + 1]
        ahead[row] = effect[o + 1 :]
    both = portfolio(np.vstack([plain, less]), AHEAD, season_length).forecast
    return both[: len(origins)], both[len(origins) :] * ahead


def _slope(x: Matrix, y: Matrix, lag: int, until: int) -> tuple[float, float]:
    """Regress changes of demand on those of the driver `lag` months earlier, in months before column `until`; return slope and t value."""
    length = min(len(x) + lag, until)
    cause, effect = np.diff(x[: length - lag]), np.diff(y[lag:length])
    there = np.isfinite(cause) & np.isfinite(effect)
    cause, effect, power = cause[there], effect[there], float((cause[there] ** 2).sum())
    if there.sum() < LEAST_PAIRS or power < 1e-12:
        return 0.0, 0.0
    slope = float(cause @ effect / power)
    error = float(((effect - slope * cause) ** 2).sum()) / (there.sum() - 1)
    return slope, slope / max(np.sqrt(error / power), 1e-12)


def _best(demand: Matrix, origin: np.ndarray, known: dict[str, Matrix], season_length: int) -> tuple[tuple, Matrix] | None:
    """Choose driver and lag on the months to the middle origin, judge on the origins from there on; return the table's row and factors of the months ahead."""
    from scipy.stats import norm

    T, half = len(demand), len(origin) // 2
    middle = int(origin[half]) + 1
    y = _adjusted(np.log(np.where(demand > 0, demand, np.nan)), middle, season_length)
    choice, best, candidates = None, 0.0, 0
    for name, series in known.items():
        x, late = _adjusted(series, middle, season_length), len(series) - T  # late: months known ahead, below zero where it is published late
        for lag in range(0 if late > 0 else max(1, 1 - late), MOST_LAG + 1):
            t, candidates = abs(_slope(x, y, lag, middle)[1]), candidates + 1
            if t > best:
                choice, best = (name, lag, x, late), t
    if choice is None:
        return None
    name, lag, x, late = choice
    new = origin[half:]
    slopes = np.array([_slope(x, y, lag, int(o) + 1)[0] for o in new])
    slope = _slope(x, y, lag, T)[0]
    plain, moved = _with_driver(demand, x, np.append(new, T - 1), np.append(slopes, slope), lag, late, season_length)
    actual = demand[new[:, None] + np.arange(1, AHEAD + 1)]
    total = max(float(actual.sum()), 1e-9)
    error, with_it = (np.abs(f[:-1] - actual).sum(axis=1) for f in (plain, moved))
    better, count = int((with_it < error).sum()), len(new)
    steady = bool((np.sign(slopes) == np.sign(slope)).all()) and slope != 0
    saved = with_it.sum() < (1 - GAIN) * error.sum()
    clear = best > norm.ppf(1 - CHANCE / 2 / candidates)
    kept = bool(clear and saved and steady and better > count / 2)
    doubts = [(clear, "may be chance"), (steady, "its sign changes"), (saved, "does not save 2 % of the error"), (kept, "better at too few origins")]
    why = next((doubt for passed, doubt in doubts if not passed), "kept")
    row = (name, float(lag), slope, error.sum() / total, with_it.sum() / total, float(count), float(better), kept, why)
    return row, moved[-1] / np.where(plain[-1] > 0, plain[-1], 1.0)


def _fade(factor: Matrix, months: int) -> Matrix:
    rest = 1 + (factor[-1] - 1) * 0.5 ** np.arange(1, max(months - len(factor), 0) + 1)
    return np.concatenate([factor, rest])[:months]


def _table(rows: list[tuple]) -> pd.DataFrame:
    out = pd.DataFrame(rows, columns=COLUMNS)
    return out.astype(dict.fromkeys(["lag", "coefficient", "wmape_without", "wmape_with", "origins", "origins_better"], "float64") | {"kept": "bool"})


def _effects(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else no_rows(["family", "month", "source", "factor"], ["family", "source"])


def driver_stream(effects: pd.DataFrame, forecast: pd.DataFrame, family: pd.Series) -> pd.DataFrame:
    """Return what the drivers kept add to the statistical forecast, product by product, as a stream of its own.

    Parameters
    ----------
    effects : DataFrame
        family, month, source, factor (see `find_drivers`).
    forecast : DataFrame
        month, product, region, units.
    family : Series
        Family of each product, indexed by product.
    """
    both = forecast[["month", "product", "region", "units"]].assign(family=forecast["product"].map(family)).merge(effects, on=["family", "month"])
    both = both.assign(stream="driver", units=both["units"] * (both["factor"] - 1))
    return both.loc[both["units"] != 0, STREAM].reset_index(drop=True)
