"""Serving what is short all the same: what it costs within the limits that there are, and with lots that are not those of the plan.

In the best plan what pays is done already, so being late or lost is made dear for the rows that are short, and nothing else is lifted. Nobody else may be
served worse for it, and no target, space or strategy be left further than it is. What then comes of it is told apart by what may not change:

* build ahead: the item that is stopped does not arrive in more units in the months in which it is stopped, and only cheapest operations bring more;
* other source: its cheapest operation brings no more, and other items come by their cheapest;
* overtime: it arrives in more units only in the months in which it is stopped, by its cheapest operation;
* serve in time: anything goes.

Costs are those of the plan as it is, so the gain is below zero where being late is the cheaper way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from sop_helpers.planning.supply_lots import LEAST_LOT, eager, least_lot, one_lot
from sop_helpers.planning.supply_model import patience
from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_reasons import Finder
from sop_helpers.planning.supply_solver import Solution, Solver
from sop_helpers.planning.supply_workers import WISHED

URGENT = 10.0  # times the dearest lost sale: more than serving costs
HELD = ("below", "above", "over", "extra transport", *WISHED)  # what may not grow


def served_anyway(net: Network, solver: Solver, base: Solution, finder: Finder, rows: tuple[np.ndarray, np.ndarray], stopped: set[tuple[int, int]],
                  way: str) -> Solution:  # fmt: skip
    """Return the plan that serves short rows within the limits there are; the solver is left as it was built.

    Parameters
    ----------
    rows : tuple of ndarray
        Series and month of what is short.
    stopped : set of (node, month)
        Items that causes stop, and the months in which they would have to arrive.
    way : {"build ahead", "other source", "overtime", "serve in time"}
        See above.
    """
    extra = np.zeros(net.demand.shape)
    extra[rows] = URGENT * float(net.series["lost"].max())
    free = {name: np.full(base.values[name].shape, np.inf) for name in HELD if name in base.values}
    free |= {"below": net.target, "arrive": net.upper, "owed": patience(net), "lost": np.full(net.demand.shape, np.inf)}
    if net.limits.lanes is not None:
        free["extra transport"] = np.where(np.isfinite(net.limits.lanes.over_price), np.inf, 0.0)
    most = {name: np.minimum(upper, np.maximum(base.values[name], 0.0)) for name, upper in free.items() if name != "arrive"}
    most["arrive"] = np.where(_may_grow(net, finder, stopped, way), net.upper, np.minimum(net.upper, np.maximum(base.values["arrive"], 0.0)))
    for name, upper in most.items():
        solver.most(name, upper)
    for name in ("owed", "lost"):
        solver.dearer(name, extra)
    try:
        return solver.solve()
    finally:
        for name, upper in free.items():
            solver.most(name, upper)
        for name in ("owed", "lost"):
            solver.dearer(name, np.zeros_like(extra))


def _may_grow(net: Network, finder: Finder, stopped: set[tuple[int, int]], way: str) -> np.ndarray:
    """Return where more may arrive than is planned, (o, t)."""
    node = net.operations["node"].to_numpy()
    out = np.ones(net.upper.shape, dtype=bool)
    if way == "serve in time":
        return out
    out[finder.best[node] != np.arange(len(node))] = False
    for n in {n for n, _ in stopped}:
        mine, months = node == n, [t for k, t in stopped if k == n and t < net.upper.shape[1]]
        if way == "other source":
            out[mine] = (finder.best[n] != np.flatnonzero(mine))[:, None]
        elif way == "overtime":
            out[mine] &= np.isin(np.arange(out.shape[1]), months)
        else:
            out[np.ix_(mine, months)] = False
    return out


class Lots:
    """The plan in whole lots, as it stands, and what other lots would bring.

    Parameters
    ----------
    net : Network
    solver : Solver
        Of the network as it was built; it is left with the lots.
    lots : ndarray (o, t)
        Units planned.
    """

    def __init__(self, net: Network, solver: Solver, lots: Matrix):
        self.net, self.solver = net, solver
        self.rows = np.flatnonzero(one_lot(net) > LEAST_LOT)
        self.lots, self.eager = lots, eager(net)
        self.base = self._solve(lots)
        solver.keep()

    def _solve(self, most: Matrix, free: np.ndarray | None = None) -> Solution:
        """Solve with the most that may arrive wanted before anything else; where it is free, only as far as it pays."""
        rows, wanted = self.rows, np.repeat(self.eager[:, None], most.shape[1], axis=1)
        if free is not None:
            wanted[free] = 0.0
        self.solver.bound(rows, np.zeros_like(most[rows]), most[rows])
        self.solver.reward(rows, wanted[rows])
        return self.solver.solve()

    def tried(self, op: int, month: int) -> Iterator[tuple[str, Solution]]:
        """Yield what a whole lot more of an operation brings in a month, where it fits, and what a smaller one does."""
        net, name, label = self.net, self.net.operations["operation"].iat[op], f"{self.net.months[month]:%Y-%m}"
        if op not in self.rows or net.upper[op, month] <= 0:
            return
        least, step = (net.operations[c].astype(float).fillna(0.0).to_numpy()[op] for c in ("lot_min", "lot_multiple"))
        lots = self.lots.copy()
        lots[op, month] += step if lots[op, month] > 0 else float(least_lot(np.array(least), np.array(step)))
        if lots[op, month] <= self.lots[op, month] + LEAST_LOT:  # any quantity above the least lot may be ordered, and is
            return
        near = 1e-6 * np.maximum(1.0, lots[self.rows])
        if lots[op, month] <= net.upper[op, month] * (1 + 1e-9):
            self.solver.restore()
            found = self._solve(lots)
            if (found.values["arrive"][self.rows] >= lots[self.rows] - near).all():
                yield f"a whole lot of {name} in {label}", found
        free, most = np.zeros(lots.shape, dtype=bool), lots.copy()
        free[op, month], most[op, month] = True, min(lots[op, month], net.upper[op, month])
        self.solver.restore()
        found = self._solve(most, free)
        if found.values["arrive"][op, month] < lots[op, month] * (1 - 1e-6):
            yield f"a smaller lot of {name} in {label}, agreed for once", found


def whole_lots(net: Network, solver: Solver, plan: Matrix, wanted: Iterable[int]) -> Lots | None:
    """Return the plan in whole lots where any of the operations wanted has lots."""
    lot = one_lot(net)
    return Lots(net, solver, plan) if any(lot[op] > LEAST_LOT for op in wanted) else None
