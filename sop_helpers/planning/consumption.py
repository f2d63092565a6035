"""Forecast consumption: orders already booked eat the forecast they were part of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.smoothing import Matrix


def net_forecast(gross: Matrix, orders: Matrix, early: int = 0, late: int = 0) -> Matrix:
    """Return the forecast not yet consumed by orders.

    Each month's orders consume the forecast of their own month, then of earlier months, nearest first, then of later months. What finds no forecast consumes
    nothing. Source: the netting rule of frePPLe.

    Parameters
    ----------
    gross : ndarray (..., h)
        Forecast by month.
    orders : ndarray (..., h)
        Orders by month due.
    early, late : int
        Months before and after its own that an order may consume.
    """
    net = np.array(gross, dtype=float, copy=True)
    left = np.array(orders, dtype=float, copy=True)
    months = net.shape[-1]
    for due in range(months):
        for month in [due, *range(due - 1, max(due - early, 0) - 1, -1), *range(due + 1, min(due + late, months - 1) + 1)]:
            eaten = np.minimum(net[..., month], left[..., due])
            net[..., month] -= eaten
            left[..., due] -= eaten
    return net


def order_stream(plan: pd.DataFrame, open_orders: pd.DataFrame, early: int = 1, late: int = 1) -> pd.DataFrame:
    """Raise the plan to the orders already booked: they are its lower bound.

    Orders consume the plan of their month and of the months beside it; only what finds no plan there is added, in its due month. Past-due
    orders are backlog that supply owes, not demand to come, and stay out.

    Parameters
    ----------
    plan : DataFrame
        month, product, region, units.
    open_orders : DataFrame
        product, region, due_month, units; may be empty.

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units; only rows above zero.
    """
    columns = ["month", "product", "region", "stream", "source", "units"]
    months = pd.DatetimeIndex(sorted(plan["month"].unique()))
    if plan.empty or open_orders.empty:
        return _nothing()
    booked = open_orders[open_orders["due_month"].isin(months)]
    if booked.empty:
        return _nothing()
    booked = booked.groupby(["product", "region", "due_month"])["units"].sum().unstack("due_month").reindex(columns=months).fillna(0.0)
    wide = plan.groupby(["product", "region", "month"])["units"].sum().unstack("month").reindex(booked.index, columns=months).fillna(0.0)
    gross, orders = np.maximum(wide.to_numpy(float), 0.0), booked.to_numpy(float)
    excess = _unmet(gross, orders, early, late)
    row, column = np.nonzero(excess > 1e-9)
    out = booked.index.to_frame(index=False).iloc[row].reset_index(drop=True)
    out["month"] = months[column].astype("datetime64[us]")
    out["stream"], out["source"], out["units"] = "sales", "open orders above the plan", excess[row, column]
    return out[columns] if len(out) else _nothing()


def _unmet(gross: Matrix, orders: Matrix, early: int, late: int) -> Matrix:
    """Orders that find no forecast to consume, by their due month."""
    out = np.zeros_like(orders)
    net = gross
    for due in range(orders.shape[1]):
        only = np.zeros_like(orders)
        only[:, due] = orders[:, due]
        after = net_forecast(net, only, early, late)
        out[:, due] = orders[:, due] - (net - after).sum(axis=1)
        net = after
    return np.maximum(out, 0.0)


def _nothing() -> pd.DataFrame:
    return no_rows(["month", "product", "region", "stream", "source", "units"], ["product", "region", "stream", "source"])
