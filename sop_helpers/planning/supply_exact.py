"""Lots and set-ups exactly: a mixed-integer program whose set-ups are tied to the demand they serve.

    arrivals[o, s] = for[o, s, t >= s] + rest[o, s]
    for[o, s, t] <= demand[t] x order[o, s],   rest[o, s] <= most[o] x order[o, s]
    lot_min x order <= arrivals,   arrivals = multiple x lots

This is the facility-location form of lot sizing (Krarup & Bilde 1977), whose linear relaxation is nearly whole; what is kept at the end or served late is the
rest. Where other operations take an item too, only the looser tie to its whole requirement holds. It is for small plans: `SupplyResult.notes` say how far from
the best the plan may still be when its time is over, as a share of the cost that a plan can change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_network import Matrix, Network, exploded
from sop_helpers.planning.supply_solver import Solution
from sop_helpers.planning.supply_whole import solve_whole


def most_units(net: Network) -> Matrix:
    """Return the most units that any plan wants of each operation in one month: all demand, the largest target, and what these take, lots rounded up."""
    ops = net.operations
    lot = ops[["lot_min", "lot_multiple"]].astype(float).fillna(0.0).sum(axis=1).to_numpy()
    own = net.target.max(axis=1)
    np.add.at(own, net.series["node"].to_numpy(), net.demand.sum(axis=1) + net.series["backlog"].to_numpy(dtype=float))
    node = ops["node"].to_numpy()
    return exploded(own, node, net.uses, extra=net.demand.shape[1] * lot)[node] + lot


def exact_lots(net: Network, seconds: float) -> tuple[Solution, float]:
    """Return the best plan with whole lots and set-ups, charged as `true_cost`, and how far the best may lie below it.

    The gap is a share of controllable cost: all but what the units themselves cost.

    Raises
    ------
    RuntimeError
        No plan was found in the time given.
    """
    import xarray as xr

    ops = net.operations
    plain = replace(net, operations=ops.assign(price=ops["unit_cost"]))
    m = build_model(plain)
    month = pd.Index(net.months.strftime("%Y-%m"), name="month")
    least, step = (ops[c].astype(float).fillna(0.0).to_numpy() for c in ("lot_min", "lot_multiple"))
    fixed = ops["fixed_cost"].to_numpy(dtype=float)
    rows = np.flatnonzero((fixed > 0) | (least > 0) | (step > 0))
    op = pd.Index(ops["operation"].to_numpy()[rows], name="operation")
    arrive = m.variables["arrive"].isel(operation=rows)

    def by_row(values: Matrix, index: pd.Index = op) -> xr.DataArray:
        return xr.DataArray(np.asarray(values, dtype=float), coords=[index])

    most = np.minimum(most_units(net)[rows][:, None], net.upper[rows])
    order = m.add_variables(lower=0, upper=xr.DataArray((most > 0).astype(float), coords=[op, month]), coords=[op, month], name="order")
    m.add_constraints(arrive - order * xr.DataArray(most, coords=[op, month]) <= 0, name="set up")
    m.add_constraints(arrive - order * by_row(least[rows]) >= 0, name="least lot")
    whole, stepped = ["order"], np.flatnonzero(step[rows] > 0)
    if len(stepped):
        some = pd.Index(op[stepped], name="operation")
        lots = m.add_variables(lower=0, coords=[some, month], name="lots")
        m.add_constraints(arrive.isel(operation=stepped) - lots * by_row(step[rows][stepped], some) == 0, name="lots")
        whole.append("lots")
    if net.crews is not None and net.crews.whole:
        whole.append("workers")
    _tie(m, net, rows, order, most)
    m.add_objective(m.objective.expression + (order * by_row(fixed[rows])).sum(), overwrite=True)
    values, cost, _, bound = solve_whole(m, whole, seconds)
    control = cost - float(ops["unit_cost"].to_numpy(dtype=float) @ values["arrive"].sum(axis=1))
    spread = (ops["price"] - ops["unit_cost"]).to_numpy(dtype=float)
    paid = cost - float(fixed[rows] @ np.round(values["order"]).sum(axis=1)) + float(spread @ values["arrive"].sum(axis=1))
    return Solution(values, paid), max(cost - bound, 0.0) / max(abs(control), 1e-9)


def _tie(m, net: Network, rows: np.ndarray, order, most: Matrix) -> None:
    """Tie the set-ups of items that are only sold to the demand that each order serves."""
    import xarray as xr

    node = net.operations["node"].to_numpy()[rows]
    mine = np.flatnonzero(~np.isin(node, net.uses["node"]) & np.isin(node, net.series["node"]))
    if not len(mine):
        return
    wanted = np.zeros((len(net.nodes), len(net.months)))
    demand = net.demand.copy()
    demand[:, 0] += net.series["backlog"].to_numpy(dtype=float)
    np.add.at(wanted, net.series["node"].to_numpy(), demand)
    month = order.indexes["month"]
    use = pd.Index(month.to_numpy(), name="use")
    op = pd.Index(order.indexes["operation"][mine], name="operation")
    later = np.arange(len(month))[None, :] >= np.arange(len(month))[:, None]
    cap = xr.DataArray(wanted[node[mine]][:, None, :] * later[None], coords=[op, month, use])
    serves = m.add_variables(lower=0, coords=[op, month, use], name="serves")
    rest = m.add_variables(lower=0, coords=[op, month], name="rest")
    own = order.isel(operation=mine)
    m.add_constraints(serves - cap * own <= 0, name="serves a set-up")
    m.add_constraints(m.variables["arrive"].isel(operation=rows[mine]) - serves.sum("use") - rest == 0, name="split")
    m.add_constraints(rest - own * xr.DataArray(most[mine], coords=[op, month]) <= 0, name="rest of a set-up")
    names = m.variables["stock"].indexes["node"]
    for n in np.unique(node[mine]):
        at = np.flatnonzero(node[mine] == n)
        there = np.flatnonzero(net.series["node"].to_numpy() == n)
        m.add_constraints(serves.isel(operation=at).sum("operation").sum("month") <= xr.DataArray(wanted[n], coords=[use]), name=f"served once {names[n]}")
        kept = (1 * m.variables["stock"].isel(node=n, month=-1)) + m.variables["owed"].isel(series=there).sum()
        if "scrap" in m.variables and names[n] in m.variables["scrap"].indexes["node"]:
            kept = kept + m.variables["scrap"].sel(node=names[n]).sum()
        m.add_constraints(rest.isel(operation=at).sum() - kept <= 0, name=f"kept or late {names[n]}")
