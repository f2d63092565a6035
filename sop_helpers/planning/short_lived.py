"""Items that live too briefly to be forecast alone: half by their own history, half by their recent share of their family.

A family outlives its items. Its demand in a region, ended items included, is forecast as one series and split over the live items by what each of them
had of the latest months; the mean of that and the item's own forecast is taken where the backtest gains by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.forecasting import Scope, living
from sop_helpers.planning.smoothing import Matrix

BRIEF = 24  # months of sale up to which an item counts as short-lived
RECENT = 3  # months whose shares split the family
GAIN = 0.98  # of the item's own error in the backtest, below which the share is taken


class Shared(NamedTuple):
    """Backtest (series, origins, lags), today's forecast (series, h), and which series (n,) were forecast by half from their family's share."""

    tried: Matrix
    units: Matrix
    used: NDArray[np.bool_]


def short_lived(values: Matrix, scope: Scope, season_length: int = 12) -> NDArray[np.bool_]:
    """Tell which live series have sold in so few months, and have no like product to go by."""
    now = living(values, scope, season_length)
    return now.live & (now.sold <= BRIEF) & (scope.like < 0)


def family_sums(keys: pd.DataFrame, family: pd.Series) -> Any:
    """Return the matrix (families and regions, series) that adds up all series of a family in a region, ended ones included.

    Parameters
    ----------
    keys : DataFrame
        product, region: one row a series.
    family : Series
        Family of each product, indexed by product.
    """
    from scipy import sparse

    code = keys.assign(family=keys["product"].map(family).fillna("(no family)")).groupby(["family", "region"], sort=True).ngroup().to_numpy()
    return sparse.csr_array((np.ones(len(keys)), (code, np.arange(len(keys)))), shape=(int(code.max(initial=-1)) + 1, len(keys)))


def recent_shares(values: Matrix, sums: Any, scope: Scope, season_length: int = 12) -> Matrix:
    """Share of each live series in the latest months of its family and region (n,); zero for the others."""
    recent = np.nan_to_num(values[:, -RECENT:]).clip(min=0).sum(axis=1) * living(values, scope, season_length).live
    total = np.asarray(sums.T @ (sums @ recent))
    return np.where(total > 0, recent / np.where(total > 0, total, 1.0), 0.0)


def share_families(
    values: Matrix, scope: Scope, sums: Any, back: NDArray[np.int64], *, node_tried: Matrix, node_units: Matrix, tried: Matrix, units: Matrix, actual: Matrix,
    lag_months: int, season_length: int = 12,
) -> Shared:
    """Forecast short-lived items by the mean of their own forecast and their share of the family, if that makes the backtest clearly better.

    Parameters
    ----------
    values : ndarray (n, T)
        Cleansed demand.
    scope : Scope
        As for the forecast.
    sums : csr_array (nodes, n)
        From `family_sums`.
    back : ndarray of int (origins,)
        Months between each origin and the last actual.
    node_tried, tried, actual : ndarray (nodes or n, origins, lags)
        Backtest of the families, of the series, and what came of the series.
    node_units, units : ndarray (nodes or n, h)
        Today's forecasts.
    lag_months, season_length : int
        Lags that are measured; months in a season.
    """
    short = short_lived(values, scope, season_length)
    half = tried.copy()
    node = np.asarray(sums.T @ np.arange(sums.shape[0])).astype(int)
    for o, b in enumerate(back):
        share = recent_shares(values[:, : values.shape[1] - b], sums, scope, season_length)
        half[short, o] = (tried[short, o] + share[short, None] * node_tried[node[short], o]) / 2
    half = np.where(np.isfinite(half), half, tried)
    there = np.isfinite(tried[short, :, :lag_months]) & np.isfinite(actual[short, :, :lag_months])
    own, other = (np.nan_to_num(np.abs(f - actual)[short, :, :lag_months])[there].sum() for f in (tried, half))
    if not there.any() or other > GAIN * own:
        return Shared(tried, units, np.zeros(len(values), dtype=bool))
    share = recent_shares(values, sums, scope, season_length)
    today = np.where(short[:, None], (units + share[:, None] * node_units[node]) / 2, units)
    return Shared(half, today, short)
