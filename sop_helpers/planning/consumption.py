"""Forecast consumption: orders already booked eat the forecast they were part of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.smoothing import Matrix
from sop_helpers.planning.supply_orders import promised


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


def booked(plan: pd.DataFrame, open_orders: pd.DataFrame, products: pd.DataFrame, early: int = 1, late: int = 1) -> pd.DataFrame:
    """Return how much of the plan is booked already, and how much is still to be sold, over the months in which orders are due.

    Parameters
    ----------
    plan : DataFrame
        month, product, region, units, revenue.
    open_orders : DataFrame
        product, region, due_month, units, revenue.
    products : DataFrame
        product, family.
    early, late : int
        Months before and after its own that an order may consume.

    Returns
    -------
    DataFrame
        month, family, plan_units, booked_units (due in the month), open_units (of the plan, not yet consumed by orders), plan_money, booked_money,
        open_money (at the plan's prices).
    """
    columns = ["month", "family", "plan_units", "booked_units", "open_units", "plan_money", "booked_money", "open_money"]
    months = pd.DatetimeIndex(sorted(plan["month"].unique()))
    # Orders for what is made to order at a promised lead time are backlog, not part of the bookings to come.
    due = open_orders[open_orders["due_month"].isin(months) & ~open_orders["product"].isin(promised(products).index)].rename(columns={"due_month": "month"})
    if due.empty:
        return no_rows(columns, ["family"])
    wide = plan.groupby(["product", "region", "month"])[["units", "revenue"]].sum()
    gross = wide["units"].unstack("month").reindex(columns=months).fillna(0.0)
    orders = due.groupby(["product", "region", "month"])["units"].sum().unstack("month").reindex(gross.index, columns=months).fillna(0.0)
    net = pd.DataFrame(net_forecast(gross.to_numpy(float), orders.to_numpy(float), early, late), gross.index, months)
    cells = wide.join(net.rename_axis("month", axis=1).stack().rename("open_units")).reset_index()
    cells["open_money"] = cells["open_units"] * (cells["revenue"] / cells["units"].where(cells["units"] > 0)).fillna(0.0)
    cells = cells.rename(columns={"units": "plan_units", "revenue": "plan_money"})
    # An order without a price is worth what the plan sells it for.
    usual = (wide["revenue"] / wide["units"].where(wide["units"] > 0)).reindex(pd.MultiIndex.from_frame(due[["product", "region", "month"]])).to_numpy()
    due = due.assign(revenue=due["revenue"].astype(float).fillna(pd.Series(due["units"].to_numpy(float) * usual, index=due.index)))
    parts = pd.concat([cells, due.rename(columns={"units": "booked_units", "revenue": "booked_money"})[["month", "product", "booked_units", "booked_money"]]])
    family = parts["product"].map(products.set_index("product")["family"])
    out = parts.assign(family=family).groupby(["month", "family"], as_index=False)[columns[2:]].sum()
    return out[out["month"] <= due["month"].max()].reset_index(drop=True)


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
