"""The supply plan as a linear program: written with linopy so that it reads as on paper, solved by HiGHS.

    minimise   operations + overtime + holding + stock below target + stock above maximum + late + lost
    balance    stock[n, t] = stock[n, t-1] + receipts[n, t] + arrivals[n, t] - used[n, t] - shipped[n, t]
    backlog    owed[d, t] = owed[d, t-1] + demand[d, t] - ship[d, t] - lost[d, t]
    patience   owed[d, t] <= demand of the last months that customers wait
    capacity   hours of what is released in t <= regular + overtime + outside
    target     stock[n, t] + below[n, t] >= target[n, t];   maximum  stock[n, t] - above[n, t] <= max[n]

People, shared limits, shelf life and the price of changing last month's plan are added by `supply_workers` and `supply_limits` where a company states them.

Every limit that reality can break has a price, so there is always a plan. What is missing from a target in the last month costs
the unit itself, so stock is not drained at the end of the horizon; what is still owed then counts as lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sop_helpers.planning.supply_limits import add_limits
from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_orders import late_shares
from sop_helpers.planning.supply_terms import added, ahead, before, cost_of
from sop_helpers.planning.supply_workers import add_crews, add_strategy, held_back

if TYPE_CHECKING:
    import linopy

NAMES = ["arrive", "stock", "below", "above", "ship", "owed", "lost", "overtime"]


def build_model(net: Network) -> linopy.Model:
    """Return the linear program of a network, with named variables and constraints over labelled dimensions.

    A column of `arrive` is the month in which an operation's units arrive; they are released its lead time before.
    """
    import linopy
    import xarray as xr

    linopy.options["semantics"] = "v1"
    m = linopy.Model(sparse=True)
    month = pd.Index(net.months.strftime("%Y-%m"), name="month")
    node = numbered(pd.Index(net.nodes["node"], name="node"))
    op = pd.Index(net.operations["operation"], name="operation")
    serie = numbered(pd.Index(net.series["product"] + " / " + net.series["region"], name="series"))
    res = pd.Index(net.resources, name="resource")

    def table(values: Matrix, rows: pd.Index) -> Any:
        return xr.DataArray(np.broadcast_to(values, (len(rows), len(month))), coords=[rows, month])

    def column(values: Any, rows: pd.Index) -> Any:
        return table(np.asarray(values, dtype=float)[:, None], rows)

    arrive = m.add_variables(lower=table(0.0, op), upper=table(net.upper, op), name="arrive")
    stock = m.add_variables(lower=table(0.0, node), name="stock")
    below = m.add_variables(lower=table(0.0, node), upper=table(net.target, node), name="below")
    ship = m.add_variables(lower=table(0.0, serie), name="ship")
    owed = m.add_variables(lower=table(0.0, serie), upper=table(patience(net), serie), name="owed")
    lost = m.add_variables(lower=table(0.0, serie), name="lost")

    def released(rows: Any) -> Any:
        """Return what operations release in a month: their arrivals of the lead time later."""
        return ahead(arrive, rows, net.operations["lead"].to_numpy()[rows])

    made_at, sold_at = net.operations["node"].to_numpy(), net.series["node"].to_numpy()
    used, uses, used_at = (net.uses[c].to_numpy() for c in ("op", "units_per", "node"))
    arrivals = [(-share, before(arrive, k) if k else arrive, made_at) for k, share in enumerate(late_shares(net.operations.get("months_late"), len(op)))]
    outflow = [(1, ship, sold_at), (uses, released(used), used_at)]
    supply = net.receipts.copy()
    supply[:, 0] += net.opening
    scrap, gone = None, outflow
    shelf = net.limits.shelf
    if shelf is not None and (shelf > 0).any():
        kept = pd.Index(node[shelf > 0], name="node")
        scrap = m.add_variables(lower=table(0.0, kept), name="scrap")
        gone = [*outflow, (1, scrap, np.flatnonzero(shelf > 0))]
    m.add_constraints(added(node, *arrivals, (-1, before(stock)), (1, stock), *gone) == table(supply, node), name="balance")

    wanted = net.demand.copy()
    wanted[:, 0] += net.series["backlog"].to_numpy()
    m.add_constraints(added(serie, (1, ship), (-1, before(owed)), (1, owed), (1, lost)) == table(wanted, serie), name="backlog")

    m.add_constraints(added(node, (1, stock), (1, below)) >= table(net.target, node), name="target")
    cost: Any = 0
    prices = [
        (arrive, column(net.operations["price"], op)),
        (stock, column(net.nodes["holding"], node)),
        (below, table(below_price(net), node)),
        (owed, table(owed_price(net), serie)),
        (lost, column(net.series["lost"], serie)),
    ]
    capped = np.flatnonzero(net.nodes["max_units"].notna())
    if len(capped):
        full = pd.Index(node[capped], name="node")
        above = m.add_variables(lower=table(0.0, full), name="above")
        m.add_constraints(stock.isel(node=capped) - above <= column(net.nodes["max_units"].to_numpy()[capped], full), name="maximum")
        prices.append((above, column(net.nodes["above"].to_numpy()[capped], full)))
    if len(res):
        overtime = m.add_variables(lower=table(0.0, res), upper=table(overtime_left(net), res), name="overtime")
        on, hours, resource = (net.hours[c].to_numpy() for c in ("op", "hours_per_unit", "resource"))
        work = [(hours, released(on), resource), (-1, overtime)]
        prices.append((overtime, table(net.rate, res)))
        if net.outside is not None and (net.outside > 0).any():
            outside = m.add_variables(lower=table(0.0, res), upper=table(net.outside, res), name="outside")
            work.append((-1, outside))
            prices.append((outside, table(net.outside_rate, res)))
        inside, free = added(res, *work), regular_left(net)
        if net.crews is None:
            m.add_constraints(inside <= table(free, res), name="capacity")
        else:
            manned, pay = add_crews(m, net, res, month, inside)
            free[net.crews.rows] = -held_back(net)
            m.add_constraints(inside - manned <= table(free, res), name="capacity")
            cost = cost + pay
        cost = cost + add_strategy(m, net, inside, stock)
    cost = cost + add_limits(m, net, outflow, stock, arrive, scrap, released)
    if scrap is not None:
        prices.append((scrap, column(net.nodes["value"].to_numpy()[shelf > 0], kept)))
    m.add_objective(cost_of(*prices) + cost)
    return m


def numbered(names: pd.Index) -> pd.Index:
    """Return names of rows, numbered where two are the same: product "A / B" in region "C" is called as "A" in "B / C" is."""
    return names if names.is_unique else pd.Index([f"{name} ({k})" for k, name in enumerate(names, start=1)], name=names.name)


def patience(net: Network) -> Matrix:
    """Return the most that can be owed: the demand of the last months that customers wait, by series and month."""
    wanted = np.concatenate([net.series["backlog"].to_numpy(dtype=float)[:, None], net.demand], axis=1)
    total = np.concatenate([np.zeros((len(wanted), 1)), wanted.cumsum(axis=1)], axis=1)
    end = np.arange(2, wanted.shape[1] + 1)
    return np.maximum(total[:, end] - total[:, np.maximum(end - net.patience, 0)], 0.0)


def below_price(net: Network) -> Matrix:
    """Return the price of a unit below target; in the last month it is the unit itself, so that the plan does not drain stock."""
    price = np.repeat(net.nodes["below"].to_numpy(dtype=float)[:, None], len(net.months), axis=1)
    price[:, -1] += np.maximum(net.nodes["path_cost"], net.nodes["value"]).to_numpy(dtype=float)
    return price


def owed_price(net: Network) -> Matrix:
    """Return the price of a unit owed; in the last month it is that of a lost unit."""
    price = np.repeat(net.series["late"].to_numpy(dtype=float)[:, None], len(net.months), axis=1)
    price[:, -1] += net.series["lost"].to_numpy(dtype=float)
    return price


def regular_left(net: Network) -> Matrix:
    """Return the regular hours that open production orders leave free."""
    return np.maximum(net.regular - net.committed, 0.0)


def overtime_left(net: Network) -> Matrix:
    """Return the overtime hours that open production orders leave free."""
    return np.minimum(net.overtime, np.maximum(net.regular + net.overtime - net.committed, 0))
