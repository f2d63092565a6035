"""Whole lots: round the plan up, carry what is ordered too much forward, and let the rest of the plan rebalance.

The rule: from what is sold back to what is bought (moves before makes and buys of the same item), each operation's orders are rounded so that in total
never less has arrived than the plan asked for. The model is then solved again with those lots wanted; where capacity, components or a supplier's limit do
not allow a lot, it is cut to the largest that fits and the rest is carried to the next month. What stands at the end are whole lots, and all
balances and limits hold because the model is solved with them fixed.

Where an operation gets less than was asked of it when its turn came (a supplier delivers less in a month than its minimum lot) and that is dear, all is
planned once more with what that operation could get: what goes with it is then not bought in vain, and another source may come in. The cheapest plan stands.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_parts import Parts
from sop_helpers.planning.supply_solver import Solution
from sop_helpers.planning.supply_start import BASIC, LEAST, LOWER, UPPER

_TRIES, _CUTS, _ANEW = 8, 20, 3
DEAR = 0.01  # share of the plan's cost from which lots are dear enough to plan anew, and to ask other strategies for their plan
LEAST_LOT = 1e-5  # a lot smaller than the solver's digits is none


def true_cost(net: Network, solution: Solution) -> float:
    """Return the cost of a plan with every order charged its fixed cost, instead of a share of it by unit."""
    ops, arrive = net.operations, solution.values["arrive"]
    spread = (ops["price"] - ops["unit_cost"]).to_numpy(dtype=float)
    orders = (arrive > 1e-6).sum(axis=1)
    return solution.objective - float(spread @ arrive.sum(axis=1)) + float(ops["fixed_cost"].to_numpy(dtype=float) @ orders)


def least_lot(lot_min: Matrix, lot_multiple: Matrix) -> Matrix:
    """Return the smallest order that covers the minimum in whole multiples; zero where any quantity may be ordered."""
    stepped = lot_multiple > LEAST_LOT
    step = np.where(stepped, lot_multiple, 1.0)
    return np.where(stepped, np.maximum(np.ceil(lot_min / step - 1e-9), 1.0) * step, lot_min)


def whole(units: Matrix, lot_min: Matrix, lot_multiple: Matrix, up: bool) -> Matrix:
    """Round units to lots: up to the least lot that covers them, or down to the largest that fits (none below the minimum).

    Parameters
    ----------
    units, lot_min, lot_multiple : ndarray
        Multiples of zero mean any quantity.
    """
    stepped = lot_multiple > LEAST_LOT
    step, least = np.where(stepped, lot_multiple, 1.0), least_lot(lot_min, lot_multiple)
    near = 1e-6 * np.maximum(1.0, np.maximum(step, least))
    if up:
        rounded = np.where(stepped, np.ceil((units - near) / step) * step, units)
        return np.where(units > near, np.maximum(rounded, least), 0.0)
    rounded = np.where(stepped, np.floor((units + near) / step) * step, units)
    return np.where(rounded >= least - near, np.maximum(rounded, 0.0), 0.0)


def carry_forward(wanted: Matrix, lot_min: Matrix, lot_multiple: Matrix, most: Matrix) -> Matrix:
    """Return whole lots by month whose running total never falls short of what is wanted, as far as the most allowed in each month lets it.

    Parameters
    ----------
    wanted : ndarray (o, t)
        Units before rounding.
    lot_min, lot_multiple : ndarray (o)
    most : ndarray (o, t)
        Most units in a month.
    """
    out = np.zeros_like(wanted)
    ahead = np.zeros(len(wanted))
    for t in range(wanted.shape[1]):
        need = np.maximum(wanted[:, t] - ahead, 0.0)
        lots = np.minimum(whole(need, lot_min, lot_multiple, up=True), most[:, t])
        out[:, t] = whole(lots, lot_min, lot_multiple, up=False)
        ahead += out[:, t] - wanted[:, t]
    return out


def one_lot(net: Network) -> Matrix:
    """Return the `least_lot` of every operation."""
    return least_lot(*(net.operations[name].astype(float).fillna(0.0).to_numpy() for name in ("lot_min", "lot_multiple")))


def eager(net: Network) -> Matrix:
    """Return by operation a reward that makes a whole lot wanted before anything else, not so large that the solver loses digits."""
    ops = net.operations
    return 10.0 * np.maximum(1.0, net.nodes["path_cost"].to_numpy()[ops["node"].to_numpy()] + ops["price"].to_numpy(dtype=float))


def passes(net: Network) -> list[np.ndarray]:
    """Return the operations that have lots in the order in which they are rounded: from what is sold to what is bought."""
    ops, lots = net.operations, one_lot(net) > LEAST_LOT
    if not lots.any():
        return []
    items = pd.Index(net.nodes["item"].unique())
    of_node = items.get_indexer(net.nodes["item"])
    made = of_node[ops["node"].to_numpy()[net.uses["op"].to_numpy()]] if len(net.uses) else np.array([], dtype=int)
    used = of_node[net.uses["node"].to_numpy()] if len(net.uses) else made
    level = np.zeros(len(items), dtype=np.int64)
    for _ in range(len(items)):
        deeper = level.copy()
        np.maximum.at(deeper, used[made != used], level[made[made != used]] + 1)
        if (deeper == level).all():
            break
        level = deeper
    rank = 2 * level[of_node[ops["node"]]] + (ops["kind"] != "move").to_numpy()
    return [np.flatnonzero(lots & (rank == r)) for r in np.unique(rank[lots])]


def _start(net: Network, parts: Parts, now: NDArray[np.int64], lots: Matrix, current: Solution) -> None:
    """Say where the next solve starts: arrivals at their lots, and in each balance and target what the stock that follows makes basic.

    Right or wrong, it changes nothing but the time, as in `supply_start`.
    """
    node = net.operations["node"].to_numpy()[now]
    more = np.zeros(net.target.shape)
    np.add.at(more, node, (lots[now] - current.values["arrive"][now]).cumsum(axis=1))
    at = np.unique(node)
    held = current.values["stock"][at] + more[at]
    short = held < net.target[at] - LEAST
    basis = parts.basis()
    basis.columns["arrive"][now] = np.where(lots[now] > 0, UPPER, LOWER)
    basis.columns["stock"][at] = np.where(held > LEAST, BASIC, basis.columns["stock"][at])
    basis.columns["below"][at] = np.where(short, BASIC, LOWER)
    basis.rows["target"][at] = np.where(short, LOWER, BASIC)
    parts.restart(basis)


def round_lots(net: Network, solver: Parts, relaxed: Solution) -> Solution:
    """Return the plan in whole lots. The solver is left with the lots it tried last, which need not be those of the plan.

    Parameters
    ----------
    net : Network
        With operations that have lots.
    relaxed : Solution
        The plan without lots, as the solver left it.
    """
    most, order = net.upper.copy(), passes(net)
    every, lot = np.concatenate(order), one_lot(net)
    best, lots, wanted = _rounded(net, solver, relaxed, most, order)
    for _ in range(_ANEW):
        lacking = every[(wanted[every] - lots[every]).sum(axis=1) > lot[every] * (1 + 1e-6)]
        if not len(lacking) or best.objective - relaxed.objective <= DEAR * abs(relaxed.objective):
            break
        most[lacking] = lots[lacking]
        solver.bound(every, np.zeros_like(most[every]), most[every])
        solver.reward(every, np.zeros_like(lots[every]))
        try:
            found, lots, wanted = _rounded(net, solver, solver.solve(), most, order)
        except RuntimeError:  # numbers that simplex cannot mend: there is a plan already
            break
        if true_cost(net, found) < true_cost(net, best):
            best = found
    return best


def _rounded(net: Network, solver: Parts, relaxed: Solution, upper: Matrix, order: list[NDArray[np.int64]]) -> tuple[Solution, Matrix, Matrix]:
    """Round a plan without lots in the order of `passes`; return the plan in whole lots, and by operation and month the lots and what was asked of each."""
    ops, current = net.operations, relaxed
    reward = eager(net)
    least, step = (ops[c].astype(float).fillna(0.0).to_numpy() for c in ("lot_min", "lot_multiple"))
    most = np.where(np.isinf(upper), np.inf, whole(np.where(np.isinf(upper), 0.0, upper), least[:, None], step[:, None], up=False))
    wanted, lots, rows = np.zeros_like(most), np.zeros_like(most), np.array([], dtype=np.int64)
    for now in order:
        wanted[now] = np.where(current.values["arrive"][now] > 1e-6, current.values["arrive"][now], 0.0)
        lots[now] = carry_forward(wanted[now], least[now], step[now], most[now])
        rows = np.concatenate([rows, now])
        solver.reward(rows, np.repeat(reward[rows][:, None], lots.shape[1], axis=1))
        _start(net, solver, now, lots, current)
        for attempt in range(_TRIES + _CUTS + lots.size):
            # Nothing is forced: a lot that does not fit stays below what is wanted, and is cut to what fits.
            solver.bound(rows, np.zeros_like(lots[rows]), lots[rows])
            current = solver.solve()
            got = current.values["arrive"][rows]
            short = got < lots[rows] - 1e-6 * np.maximum(1.0, lots[rows])
            if not short.any():
                break
            fits = whole(got, least[rows, None], step[rows, None], up=False)
            if attempt < _TRIES:
                most[rows] = np.where(short, np.minimum(most[rows], fits), most[rows])
                lots[rows] = carry_forward(wanted[rows], least[rows], step[rows], most[rows])
            else:
                # Lots that keep moving on are cut for good, and in the end given up, so this ends.
                lots[rows] = np.where(short, fits if attempt < _TRIES + _CUTS else 0.0, lots[rows])
    solver.bound(rows, lots[rows], lots[rows])
    solver.reward(rows, np.zeros_like(lots[rows]))
    try:
        return solver.solve(), lots, wanted
    except RuntimeError:
        # What just fitted no longer does, by less than the solver's digits: the lots stay wanted, and nothing is forced.
        solver.bound(rows, np.zeros_like(lots[rows]), lots[rows])
        solver.reward(rows, np.repeat(reward[rows][:, None], lots.shape[1], axis=1))
        return solver.solve(), lots, wanted
