"""How far errors of regions that one location serves run together: its stock answers for the error of their sum.

The variance of the sum of k errors with spreads s is sum(s^2) + c ((sum s)^2 - sum(s^2)), where c is their mean correlation, weighted by spread: 0 for
independent errors, 1 for errors that add up, below 0 for errors that cancel. It is measured on what the forecasts of past months missed at the location,
summed over the same months that stock bridges, and drawn to that of all items, as far as an item has little evidence of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.cumulative import CLASS_WEIGHT, OVERLAP
from sop_helpers.planning.error_bias import SPARSE
from sop_helpers.planning.published_errors import FEWEST_ORIGINS
from sop_helpers.planning.smoothing import Matrix

AT = ["product", "location"]


def together(trials: pd.DataFrame | None, series: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the mean correlation of the errors of the regions that a location serves.

    Parameters
    ----------
    trials : DataFrame, optional
        As the contract forecast_trials. Published plans tell it for the numbers of months that enough of them have seen, the backtest for others.
    series : DataFrame
        product, region, location.
    most : int
        Longest sum, in months.

    Returns
    -------
    DataFrame
        product and location as index, those that serve several regions; columns 1 to `most`. Zero where nothing was tried.
    """
    served = series.groupby(AT).size()
    places = served.index[served > 1]
    out = pd.DataFrame(0.0, index=places, columns=pd.RangeIndex(1, most + 1, name="months"))
    if trials is None or trials.empty or not len(places):
        return out
    known = _sums(trials, series[pd.MultiIndex.from_frame(series[AT]).isin(places)])
    if known.empty:
        return out
    raw = _pooled(known, np.zeros(len(known)))
    kinds = [_pooled(part, raw.reindex(part["months"]).to_numpy()) for _, part in known.groupby("sparse")]
    usual = pd.concat(kinds, keys=sorted(known["sparse"].unique()), names=["sparse"])
    number = known["origins"] / np.maximum(known["months"] * OVERLAP, 1.0)
    prior = usual.reindex(pd.MultiIndex.from_frame(known[["sparse", "months"]])).to_numpy()
    own = known.assign(value=(number * known["cross"] / known["norm"] + CLASS_WEIGHT * prior) / (number + CLASS_WEIGHT))
    told = own.pivot(index=AT, columns="months", values="value").reindex(index=places, columns=out.columns)
    # A number of months, or an item, that was never tried is like its neighbour, or like all.
    told = told.ffill(axis=1).bfill(axis=1).fillna(raw.reindex(out.columns).ffill().bfill())
    least = -1.0 / (served[places].to_numpy(dtype=float) - 1.0)
    return told.clip(lower=pd.Series(least, index=places), upper=1.0, axis=0)


def joint_variance(variance: Matrix, place: np.ndarray, correlation: Matrix) -> Matrix:
    """Return the variance of the summed error at each place.

    Parameters
    ----------
    variance : ndarray (series, m)
        Of each series.
    place : ndarray of int (series,)
        Where each is served from.
    correlation : ndarray (place, m)
        Mean correlation of the errors there.
    """
    alone, straight = np.zeros_like(correlation), np.zeros_like(correlation)
    np.add.at(alone, place, variance)
    np.add.at(straight, place, np.sqrt(variance))
    return np.maximum(alone + correlation * (straight**2 - alone), 0.0)


def _sums(trials: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """Add the errors of a location's regions up: by item, place and months the cross products, what they were if all went together, and the origins."""
    rows = trials.merge(series, on=["product", "region"])
    lived = rows[rows["basis"] == "closed months"]
    seen = lived.groupby("months")["origin"].nunique()
    enough = rows["months"].isin(seen.index[seen >= FEWEST_ORIGINS])
    rows = rows[(rows["basis"] == "closed months") == enough]
    error = rows["actual_units"] - rows["expected_units"]
    key = [*AT, "months"]
    spread = np.sqrt((error**2).groupby([rows[k] for k in [*key, "region"]]).transform("mean"))
    rows = rows.assign(error=error, spread=spread, square=error**2, wide=spread**2, sparse=rows["kind"].isin(SPARSE).astype(float))
    added = dict.fromkeys(["error", "square", "spread", "wide"], "sum") | {"sparse": "mean", "region": "size"}
    sums = rows.groupby([*key, "origin"]).agg(added).reset_index()
    sums = sums[sums["region"] > 1]
    sums = sums.assign(cross=sums["error"] ** 2 - sums["square"], norm=sums["spread"] ** 2 - sums["wide"])
    out = sums.groupby(key, as_index=False).agg(cross=("cross", "sum"), norm=("norm", "sum"), origins=("origin", "nunique"), sparse=("sparse", "mean"))
    return out[out["norm"] > 0].assign(sparse=lambda f: f["sparse"] > 0.5)


def _pooled(known: pd.DataFrame, prior: np.ndarray) -> pd.Series:
    """Mean correlation by number of months over all items, each by its origins, drawn to the prior."""
    number = known["origins"] / np.maximum(known["months"] * OVERLAP, 1.0)
    parts = known.assign(weight=number, told=number * known["cross"] / known["norm"], prior=prior).groupby("months")
    return (parts["told"].sum() + CLASS_WEIGHT * parts["prior"].first()) / (parts["weight"].sum() + CLASS_WEIGHT)
