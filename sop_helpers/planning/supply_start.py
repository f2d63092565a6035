"""Where the solver starts: the plan that serves everything as late as it can be served, level by level, as if hours had no limit.

It is nearly the best plan wherever capacity does not bind, so that simplex has only the rest to do. Right or wrong, it changes nothing but the time: the solver
goes on from it to an optimum, and it mends a start that cannot be one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix, Network, depths, path_costs

LOWER, BASIC, UPPER = 0, 1, 2
LEAST = 1e-9
Status = NDArray[np.int8]


class Start(NamedTuple):
    """Status of columns and of rows (at the lower bound, basic, at the upper bound) by the names of the model; those not named are at their lower bound, and
    basic. ``values`` of some columns in the plan that it stands for."""

    columns: dict[str, Status]
    rows: dict[str, Status]
    values: dict[str, Matrix]


class LatestPlan(NamedTuple):
    """Units that arrive (o, t), closing stock and units owed by node (n, t), and the cheapest operation of each node, -1 without one."""

    arrive: Matrix
    stock: Matrix
    owed: Matrix
    best: NDArray[np.int64]


def latest_plan(net: Network) -> LatestPlan:
    """Plan every node by its cheapest operation, in the latest month that serves demand and target; what cannot arrive yet is owed."""
    nodes, periods = len(net.nodes), len(net.months)
    prices, value = net.operations["price"].to_numpy(dtype=float), net.nodes["value"].to_numpy(dtype=float)
    best = path_costs(net.operations["node"].to_numpy(), prices, net.uses, value)[1]
    depth, lead = depths(nodes, best, net.uses), net.operations["lead"].to_numpy()
    gross = np.zeros((nodes, periods))
    wanted = net.demand.copy()
    wanted[:, 0] += net.series["backlog"].to_numpy()
    np.add.at(gross, net.series["node"].to_numpy(), wanted)
    arrive, stock, owed = np.zeros((len(net.operations), periods)), np.zeros((nodes, periods)), np.zeros((nodes, periods))
    taken = net.uses[np.isin(net.uses["op"], best[best >= 0])]
    for level in range(int(depth.max(initial=0)) + 1):
        at = np.flatnonzero(depth == level)
        op, sourced = best[at], best[at] >= 0
        most = np.where(sourced[:, None], net.upper[op], 0.0) if len(net.operations) else np.zeros((len(at), periods))
        have, waiting = net.opening[at].copy(), np.zeros(len(at))
        for t in range(periods):
            have = have + net.receipts[at, t]
            want = waiting + gross[at, t]
            comes = np.clip(want + net.target[at, t] - have, 0.0, most[:, t])
            goes = np.minimum(want, have + comes)
            waiting, have = want - goes, have + comes - goes
            arrive[op[sourced], t] = comes[sourced]
            stock[at, t], owed[at, t] = have, waiting
        below = taken[np.isin(taken["op"], op[sourced])]
        for months in np.unique(lead[below["op"]]):
            mine = below[lead[below["op"]] == months]
            used = arrive[mine["op"], months:] * mine["units_per"].to_numpy()[:, None]
            np.add.at(gross[:, : max(periods - months, 0)], mine["node"].to_numpy(), used)
    return LatestPlan(arrive, stock, owed, best)


def starting_basis(net: Network) -> Start:
    """Return the basis of the latest plan: in every balance the order, or the stock where none arrives; in every backlog what is shipped or owed."""
    plan = latest_plan(net)
    sold = np.zeros(len(net.nodes), dtype=bool)
    sold[net.series["node"]] = True
    short = (plan.owed > LEAST) & sold[:, None]
    fed = np.flatnonzero(plan.best >= 0)
    op = plan.best[fed]
    ordered = np.zeros(plan.stock.shape, dtype=bool)
    ordered[fed] = (plan.arrive[op] > LEAST) & (plan.arrive[op] < net.upper[op] - LEAST)
    ordered &= ~short

    arrive = np.zeros(plan.arrive.shape, dtype=np.int8)
    arrive[op] = np.where(ordered[fed], BASIC, np.where((plan.arrive[op] > LEAST) & np.isfinite(net.upper[op]), UPPER, LOWER))
    wanted = net.target > 0
    held = ordered & wanted  # stock stands at its target
    low = ~ordered & ~short & (plan.stock < net.target - LEAST)
    stock = np.where(held | (~ordered & ~short), BASIC, LOWER)
    below = np.where(low, BASIC, np.where(short & wanted, UPPER, LOWER))
    at = net.series["node"].to_numpy()
    waits = short[at]
    first = ~net.series["node"].duplicated().to_numpy()[:, None]
    return Start(
        {
            "arrive": arrive, "stock": stock.astype(np.int8), "below": below.astype(np.int8),
            "ship": np.where(~waits | first, BASIC, LOWER).astype(np.int8), "owed": np.where(waits, BASIC, LOWER).astype(np.int8),
        },
        {
            "balance": np.zeros(stock.shape, dtype=np.int8), "backlog": np.zeros(waits.shape, dtype=np.int8),
            "target": np.where(held | low, LOWER, BASIC).astype(np.int8),
        },
        {"arrive": plan.arrive, "stock": plan.stock},
    )  # fmt: skip
