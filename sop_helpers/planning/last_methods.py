"""What the methods of the last closed month would have forecast at the origins of the backtest, where a series changed its method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.chunks import Work
from sop_helpers.planning.forecasting import Scope, point_forecast
from sop_helpers.planning.learners import Learner
from sop_helpers.planning.method_choice import NAIVE, SILENT
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix

COLUMNS = ["month", *KEYS, "origin", "lag", "units"]


def models_of(last: pd.DataFrame | None, keys: pd.DataFrame) -> NDArray[np.object_]:
    """Return the model of each series in a forecast, "" where there is none.

    Parameters
    ----------
    last : DataFrame or None
        product, region, model.
    keys : DataFrame
        product, region: one row a series.
    """
    if last is None or last.empty:
        return np.full(len(keys), "", dtype=object)
    known = last.drop_duplicates(KEYS).set_index(KEYS)["model"]
    return known.reindex(pd.MultiIndex.from_frame(keys[KEYS])).astype("object").fillna("").to_numpy()


def tried_again(
    values: Matrix, scope: Scope, back: NDArray[np.int64], methods: NDArray[np.object_], lags: int, season_length: int, trained: list[Learner],
    work: Work | None = None,
) -> Matrix:
    """Forecast some series by the methods named, at every origin of a backtest.

    Parameters
    ----------
    values : ndarray (n, T)
        Cleansed demand, NaN before a series begins.
    scope : Scope
        Family, like product and end of each series.
    back : ndarray of int
        Months between each origin and the last actual.
    methods : ndarray of str (n,)
        Method of each series, "" where none is asked for.
    lags, season_length : int
        Months ahead, and in a season.
    trained : list of Learner
        Of the backtest.
    work : Work, optional
        Where chunks of series are worked on.

    Returns
    -------
    ndarray (series with a method, origins, lags)
        NaN where the history was too short for the method.
    """
    rows = np.flatnonzero(methods != "")
    # Who borrows from a like product needs its forecast.
    lenders = scope.like[rows[methods[rows] == "like product"]]
    asked = methods.copy()
    asked[lenders[(lenders >= 0) & (asked[lenders] == "")]] = "portfolio"
    out = np.full((len(rows), len(back), lags), np.nan)
    for o, b in enumerate(back if len(rows) else ()):
        ahead = min(int(b), lags)
        points = point_forecast(values[:, : values.shape[1] - b], ahead, scope, season_length, trained, Work(work.pool if work else None), asked)
        out[:, o, :ahead] = np.where((points.model == methods)[rows, None], points.units[rows], np.nan)
    return out


def last_tried(
    panel: Panel, scope: Scope, last: NDArray[np.object_], model: NDArray[np.object_], own: NDArray[np.object_], *, statistical: Matrix, naive: Matrix,
    actual: Matrix, back: NDArray[np.int64], lags: int, season_length: int, trained: list[Learner], work: Work | None = None,
) -> pd.DataFrame:
    """Return what last month's methods would have forecast in the backtest, for the series that changed theirs.

    Each is the method alone, before levels are brought in. A series that was not forecast counts with nothing; a share of a family, or a method that needs more
    history than there was at an origin, is left out.

    Parameters
    ----------
    panel : Panel
        Cleansed demand.
    scope : Scope
        Family, like product and end of each series.
    last, model, own : ndarray of str (n,)
        Method of last month ("" where there is none), of this month, and that of its class and length.
    statistical, naive, actual : ndarray (n, origins, lags)
        Backtest: the method of class and length alone, seasonal naive, what came.
    back : ndarray of int
        Months between each origin and the last actual.
    lags, season_length : int
        Lags up to this one are wanted; months in a season.
    trained : list of Learner
        Of the backtest.
    work : Work, optional
        Where chunks of series are worked on.

    Returns
    -------
    DataFrame
        month, product, region, origin, lag, units.
    """
    rows, lags = np.flatnonzero((last != "") & (last != model)), min(lags, actual.shape[2])
    was = last[rows]
    cases = [was == NAIVE, was == own[rows], np.isin(was, SILENT)]
    if not len(rows) or not len(back):
        return pd.DataFrame(columns=COLUMNS).astype({"units": "float64", "lag": "int64", "month": "datetime64[us]", "origin": "datetime64[us]"})
    known = [naive[rows, :, :lags], statistical[rows, :, :lags], 0.0]
    units = np.select([case[:, None, None] for case in cases], known, np.nan)
    others = ~np.any([*cases, was == "family share"], axis=0)
    if others.any():
        methods = np.full(len(last), "", dtype=object)
        methods[rows[others]] = was[others]
        units[others] = tried_again(panel.values, scope, back, methods, lags, season_length, trained, work)
    row, o, lag = np.nonzero(np.isfinite(units) & np.isfinite(actual[rows, :, :lags]))
    origin = len(panel.months) - 1 - back[o]
    out = panel.keys[KEYS].iloc[rows[row]].reset_index(drop=True)
    out.insert(0, "month", panel.months[origin + lag + 1].astype("datetime64[us]"))
    return out.assign(origin=panel.months[origin].astype("datetime64[us]"), lag=lag.astype(np.int64) + 1, units=units[row, o, lag])[COLUMNS]


def with_last_method(near: pd.DataFrame, last_tried: pd.DataFrame) -> pd.DataFrame:
    """Put what last month's method would have forecast beside a backtest: where nothing was changed, or could be tried, what is forecast now.

    Parameters
    ----------
    near : DataFrame
        product, region, origin, lag, statistical.
    last_tried : DataFrame
        As of `last_tried`.

    Returns
    -------
    DataFrame
        With ``last_method``.
    """
    out, keys = near["statistical"].to_numpy(float).copy(), [*KEYS, "origin", "lag"]
    some = np.flatnonzero(near["product"].isin(last_tried["product"].unique()))
    found = near.iloc[some][keys].merge(last_tried[[*keys, "units"]], on=keys, how="left")["units"].to_numpy(float)
    out[some] = np.where(np.isnan(found), out[some], found)
    return near.assign(last_method=out)
