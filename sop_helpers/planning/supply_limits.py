"""Limits that several orders share, and what a change against last month's plan costs.

    supplier    sum of a supplier's arrivals[t] <= what it delivers in t, in units or money, less what is on order with it already
    location    sum of stock at a location[t] <= its space + over[t], over at a price
    lane        what `supply_lanes` says
    shelf life  stock[n, t] <= what is issued or scrapped of n in the months it keeps (first in, first out)
    change      more[o, t] - less[o, t] = arrivals[o, t] - arrivals in last month's plan, both at a price in the near months

Stock at the start counts as fresh; months in which stock would expire beyond the horizon are left free, since what is issued then is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import among, standing
from sop_helpers.planning.supply_lanes import Lanes, add_lanes
from sop_helpers.planning.supply_terms import added

if TYPE_CHECKING:
    import linopy

    from sop_helpers.planning.supply_network import Network

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What orders share.

    Attributes
    ----------
    suppliers : DataFrame, optional
        supplier, measure (``units`` or ``value``), and row, the position in `supplied`.
    supplied : ndarray (s, t), optional
        Most that each delivers in a month, infinite where nothing is stated.
    locations : list of str
        Places with limited space.
    space, over_price : ndarray (l, t), optional
        Units that fit; price of one that does not.
    shelf : ndarray (n), optional
        Whole months that stock keeps, zero where it does not expire.
    last : ndarray (o, t), optional
        Units arriving in last month's plan, NaN where it said nothing.
    change_price : ndarray (o, t), optional
        Price of a unit more or less than in last month's plan.
    lanes : Lanes, optional
        What moves between locations.
    """

    suppliers: pd.DataFrame | None = None
    supplied: Matrix | None = None
    locations: tuple[str, ...] = ()
    space: Matrix | None = None
    over_price: Matrix | None = None
    shelf: NDArray[np.int64] | None = None
    last: Matrix | None = None
    change_price: Matrix | None = None
    lanes: Lanes | None = None


def supplier_rows(
    limits: pd.DataFrame | None, ops: pd.DataFrame, receipts: pd.DataFrame, months: pd.DatetimeIndex
) -> tuple[pd.DataFrame | None, Matrix | None]:
    """Return the suppliers with a limit and what they can still deliver by month: what is on order with them already counts."""
    if limits is None or limits.empty:
        return None, None
    buys = ops[ops["kind"] == "buy"]
    names = [n for n in sorted(limits["supplier"].unique()) if n in set(buys["supplier"].dropna())]
    rows, out = [], []
    ordered = receipts[(receipts["kind"] == "purchase") & receipts["supplier"].isin(names)]
    # What is on order costs what its own supplier asks, as what is ordered does.
    asked = buys.groupby(["supplier", "item"])["unit_cost"].min().reindex(pd.MultiIndex.from_frame(ordered[["supplier", "item"]])).to_numpy(dtype=float)
    usual = ordered["item"].map(buys.groupby("item")["unit_cost"].min()).astype(float)
    cost = pd.Series(asked, index=ordered.index).fillna(usual).fillna(0.0)
    due = np.maximum(pd.DatetimeIndex(ordered["due_month"]), months[0]) if len(ordered) else pd.DatetimeIndex([])
    for measure, worth in (("units", ordered["units"]), ("value", ordered["units"] * cost)):
        most = standing(limits, "supplier", names, [f"max_{measure}"], months)[f"max_{measure}"]
        taken = np.zeros_like(most)
        place = months.get_indexer(due)
        inside = place >= 0
        np.add.at(taken, (pd.Index(names).get_indexer(ordered["supplier"])[inside], place[inside]), worth.to_numpy(dtype=float)[inside])
        for k in np.flatnonzero(~np.isnan(most).all(axis=1)):
            rows.append({"supplier": names[k], "measure": measure})
            out.append(np.where(np.isnan(most[k]), np.inf, np.maximum(most[k] - taken[k], 0.0)))
    return (pd.DataFrame(rows), np.array(out)) if rows else (None, None)


def supplier_weights(net: Network, op: int) -> list[tuple[int, float]]:
    """Return the rows of supplier limits that an operation counts in, and what one of its units takes of each."""
    rows, ops = net.limits.suppliers, net.operations
    if rows is None or ops["kind"].iat[op] != "buy":
        return []
    mine = np.flatnonzero((rows["supplier"] == ops["supplier"].iat[op]).to_numpy())
    return [(int(row), 1.0 if rows["measure"].iat[row] == "units" else float(ops["unit_cost"].iat[op])) for row in mine]


def supplier_use(net: Network, arrive: Matrix) -> Matrix:
    """Return what arrives of each row of supplier limits by month, in its measure."""
    if net.limits.suppliers is None:
        return np.zeros((0, arrive.shape[1]))
    source = net.operations["supplier"].where(net.operations["kind"] == "buy").astype(object).to_numpy()
    cost = net.operations["unit_cost"].to_numpy(dtype=float)
    rows = zip(net.limits.suppliers["supplier"], net.limits.suppliers["measure"], strict=True)
    return np.array([(arrive * (1.0 if measure == "units" else cost[:, None]))[source == name].sum(axis=0) for name, measure in rows])


def location_rows(limits: pd.DataFrame | None, nodes: pd.DataFrame, months: pd.DatetimeIndex) -> tuple[tuple[str, ...], Matrix | None, Matrix | None]:
    """Return the places with limited space, the units that fit and the price of one that does not.

    A blank price is that of the dearest unit there, so that space is overrun only where nothing else helps.
    """
    if limits is None or limits.empty:
        return (), None, None
    names = [n for n in sorted(limits["location"].unique()) if n in set(nodes["location"])]
    if not names:
        return (), None, None
    space, price = standing(limits, "location", names, ["max_units", "over_cost"], months).values()
    dearest = np.maximum(nodes["value"], nodes["path_cost"]).groupby(nodes["location"]).max().reindex(names).to_numpy(dtype=float)
    return tuple(names), np.where(np.isnan(space), np.inf, space), np.where(np.isnan(price), np.maximum(dearest, 0.01)[:, None], price)


def last_arrivals(plan: pd.DataFrame | None, ops: pd.DataFrame, months: pd.DatetimeIndex) -> Matrix | None:
    """Return the units that last month's plan had arriving by operation and month; zero where it had none, NaN for operations that it did not know.

    Parameters
    ----------
    plan : DataFrame
        As the contract supply_plan, of the month before.
    """
    if plan is None or plan.empty:
        return None
    row, col = pd.Index(ops["operation"]).get_indexer(plan["operation"]), months.get_indexer(pd.DatetimeIndex(plan["month"]))
    out = np.zeros((len(ops), len(months)))
    inside = (row >= 0) & (col >= 0)
    np.add.at(out, (row[inside], col[inside]), plan["units"].to_numpy(dtype=float)[inside])
    out[~among(ops["operation"], plan["operation"]).to_numpy()] = np.nan
    return out


def change_prices(net_value: Matrix, ops: pd.DataFrame, last: Matrix | None, rate: float, near: int) -> Matrix | None:
    """Return the price of changing an order of last month's plan: a share of the unit's value, in the first months of release.

    Parameters
    ----------
    net_value : ndarray (o)
        Value of the unit that each operation gives.
    """
    if last is None or rate <= 0 or near <= 0:
        return None
    release = np.arange(last.shape[1])[None, :] - ops["lead"].to_numpy()[:, None]
    return np.where((release >= 0) & (release < near) & ~np.isnan(last), rate * net_value[:, None], 0.0)


def add_limits(m: linopy.Model, net: Network, outflow: Any, stock: Any, arrive: Any, scrap: Any, released: Any) -> Any:
    """Add shared limits to the model and return what breaking them costs (zero where there are none).

    Parameters
    ----------
    outflow : list
        What is shipped, used or moved away, as terms by node (see `supply_terms.added`).
    scrap : variable or None
        What is thrown away, for items with a shelf life.
    released : callable
        What some operations release in a month.
    """
    import xarray as xr

    lim, cost = net.limits, 0
    month = pd.Index(net.months.strftime("%Y-%m"), name="month")
    if lim.suppliers is not None:
        source = net.operations["supplier"].where(net.operations["kind"] == "buy").astype(object).to_numpy()
        for row, (supplier, measure) in enumerate(zip(lim.suppliers["supplier"], lim.suppliers["measure"], strict=True)):
            at = np.flatnonzero(source == supplier)
            capped = np.flatnonzero(np.isfinite(lim.supplied[row]))
            if not len(capped):  # lifted in all months
                continue
            weight = np.ones(len(at)) if measure == "units" else net.operations["unit_cost"].to_numpy(dtype=float)[at]
            mine = arrive.isel(operation=at, month=capped)
            total = (mine * xr.DataArray(weight, coords=[mine.indexes["operation"]])).sum("operation")
            m.add_constraints(total <= xr.DataArray(lim.supplied[row, capped], coords=[month[capped]]), name=f"supplier {supplier} {measure}")
    if lim.space is not None:
        place = pd.Index(lim.locations, name="location")
        over = m.add_variables(lower=0, coords=[place, month], name="over")
        for row, name in enumerate(lim.locations):
            capped = np.flatnonzero(np.isfinite(lim.space[row]))
            if not len(capped):
                continue
            there = stock.isel(node=np.flatnonzero(net.nodes["location"] == name), month=capped).sum("node")
            room = xr.DataArray(lim.space[row, capped], coords=[month[capped]])
            m.add_constraints(there - over.isel(location=row, month=capped) <= room, name=f"space of {name}")
        cost = cost + (over * xr.DataArray(lim.over_price, coords=[place, month])).sum()
    if lim.lanes is not None:
        cost = cost + add_lanes(m, lim.lanes, released, month)
    if scrap is not None:
        taken = added(stock.indexes["node"], *outflow)
        for keeps in np.unique(lim.shelf[lim.shelf > 0]):
            at, periods = np.flatnonzero(lim.shelf == keeps), len(month) - int(keeps)
            if periods <= 0:
                continue
            gone = taken.isel(node=at) + scrap.sel(node=stock.indexes["node"][at])
            used = sum(gone.shift(month=-k).fillna(0) for k in range(1, int(keeps) + 1))
            m.add_constraints((stock.isel(node=at) - used).isel(month=slice(0, periods)) <= 0, name=f"shelf life of {keeps}")
    if lim.change_price is not None:
        rows = np.flatnonzero((lim.change_price > 0).any(axis=1))
        if len(rows):
            ops = pd.Index(net.operations["operation"].to_numpy()[rows], name="operation")
            more, less = (m.add_variables(lower=0, coords=[ops, month], name=n) for n in ("more", "less"))
            price = xr.DataArray(lim.change_price[rows], coords=[ops, month])
            m.add_constraints(arrive.isel(operation=rows) - more + less == xr.DataArray(lim.last[rows], coords=[ops, month]), name="change")
            cost = cost + ((more + less) * price).sum()
    return cost
