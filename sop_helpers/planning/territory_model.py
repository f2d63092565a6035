"""Assign accounts to territories at least travel within bounds of workload and potential: a column-restricted LP, then an integer program on what it left open.

Minimise sum c[a,t] x[a,t] over binary x: each account in one territory, each measure of each territory inside its bounds, and at most a stated amount of
potential away from where it is now. The bound is the Lagrangian one of the relaxation's multipliers over *all* columns (Geoffrion 1974), computed from the data
and not taken from the solver. Where an exact program ends in time, it proves or raises that bound.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sop_helpers.planning.supply_solver import quiet
from sop_helpers.planning.territory_moves import exchange, mend, neighbours
from sop_helpers.planning.territory_problem import ROOM, Problem

if TYPE_CHECKING:
    import highspy

PROVED = 1e-6
"""Relative gap at which an assignment may be called optimal."""

@dataclass(frozen=True)
class Assignment:
    """The territory of each account, its cost, and the lower bound that no assignment beats; both n/a where none was found."""

    chosen: np.ndarray
    cost: float
    bound: float
    seconds: float
    columns: int

    @property
    def gap(self) -> float:
        """Cost above the bound, as a share of it."""
        return (self.cost - self.bound) / abs(self.bound) if self.bound else (0.0 if self.cost <= PROVED else np.inf)

    @property
    def word(self) -> str:
        """What may be said of it: ``optimal`` only when the bound proves it."""
        return "optimal" if self.gap <= PROVED else f"at most {self.gap:.2%} above the least possible"


class Infeasible(ValueError):
    """No assignment keeps all bounds; `shortfall` is the least worst miss of the LP, as a share of the bound missed."""

    def __init__(self, message: str, shortfall: float = np.nan):
        super().__init__(message)
        self.shortfall = shortfall


def reduced_costs(problem: Problem, duals: np.ndarray) -> tuple[np.ndarray, float]:
    """Return reduced costs of all columns (n x t, each row's least is 0) and the Lagrangian bound for multipliers of measures and of staying.

    `duals` holds m x t multipliers, then one for the potential that must stay. Any multipliers give a valid bound.
    """
    left, price, keep = _priced(problem, duals)
    least = left.min(axis=1)
    edge = np.where(price > 0, np.where(np.isinf(problem.low), 0.0, problem.low), np.where(np.isinf(problem.high), 0.0, problem.high))
    bound = least.sum() + float((price * edge).sum()) + (keep * problem.least_kept if keep else 0.0)
    return left - least[:, None], float(bound)


def _priced(problem: Problem, duals: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return costs less what multipliers pay (n x t), and the multipliers that have a bound to stand on."""
    price = duals[:-1].reshape(len(problem.size), problem.territories)
    price = np.where((price > 0) & np.isinf(problem.low) | (price < 0) & np.isinf(problem.high), 0.0, price)
    keep = max(float(duals[-1]), 0.0) if np.isfinite(problem.least_kept) else 0.0
    left = problem.cost - problem.size.T @ price
    placed = np.flatnonzero(problem.current >= 0)
    left[placed, problem.current[placed]] -= keep * problem.stay[placed]
    return left, price, keep


class _Columns:
    """HiGHS on some columns of a problem; rows are accounts, measures by territory, and what must stay."""

    def __init__(self, problem: Problem, seconds: float, elastic: float | None = None):
        import highspy

        self.problem, self.account, self.territory = problem, np.zeros(0, dtype=int), np.zeros(0, dtype=int)
        with quiet():
            self.solver = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0), ("time_limit", max(seconds, 0.1))):
            self.solver.setOptionValue(option, value)
        accounts, rows = len(problem.cost), problem.low.size + 1
        low = np.concatenate([np.ones(accounts), problem.low.ravel(), [problem.least_kept]])
        high = np.concatenate([np.ones(accounts), problem.high.ravel(), [np.inf]])
        none = np.zeros(0, dtype=np.int32)
        self.solver.addRows(len(low), low, high, 0, none, none, np.zeros(0))
        self.slack = 0
        if elastic is not None:
            at = np.repeat(np.arange(accounts, accounts + rows, dtype=np.int32), 2)
            self.slack = len(at)
            self._add(np.full(len(at), elastic), np.arange(len(at), dtype=np.int32), at, np.tile([1.0, -1.0], rows), np.inf)

    def _add(self, cost: np.ndarray, starts: np.ndarray, index: np.ndarray, value: np.ndarray, upper: float) -> None:
        ends = np.full(len(cost), upper)
        starts, index = starts.astype(np.int32), index.astype(np.int32)
        self.solver.addCols(len(cost), cost.astype(float), np.zeros(len(cost)), ends, len(index), starts, index, value.astype(float))

    def add(self, account: np.ndarray, territory: np.ndarray, upper: float = np.inf) -> None:
        """Add columns by account and territory."""
        p, n, t = self.problem, len(self.problem.cost), self.problem.territories
        measures = len(p.size)
        entries = measures + 2
        index = np.empty((len(account), entries), dtype=np.int32)
        value = np.empty((len(account), entries))
        index[:, 0], value[:, 0] = account, 1.0
        for m in range(measures):
            index[:, m + 1], value[:, m + 1] = n + m * t + territory, p.size[m, account]
        index[:, -1], value[:, -1] = n + measures * t, np.where(p.current[account] == territory, p.stay[account], 0.0)
        held = value.ravel() != 0
        starts = np.concatenate([[0], np.cumsum((value != 0).sum(axis=1))[:-1]])
        self._add(p.cost[account, territory], starts, index.ravel()[held], value.ravel()[held], upper)
        self.account, self.territory = np.concatenate([self.account, account]), np.concatenate([self.territory, territory])

    def run(self) -> highspy.HighsModelStatus:
        """Solve as it stands."""
        self.solver.run()
        return self.solver.getModelStatus()

    def values(self) -> np.ndarray:
        """Return the value of each column of accounts."""
        return np.asarray(self.solver.getSolution().col_value)[self.slack :]

    def slacks(self) -> float:
        """Return the sum of what elastic bounds were stretched by, in shares of a bound."""
        return float(np.asarray(self.solver.getSolution().col_value)[: self.slack].sum())

    def duals(self) -> np.ndarray:
        """Return the multipliers of measures and of staying."""
        return np.asarray(self.solver.getSolution().row_dual)[len(self.problem.cost) :]


def relax(problem: Problem, near: int = 6, seconds: float = 60.0) -> tuple[np.ndarray, float, Any]:
    """Solve the linear relaxation over all columns by adding those that price out, from the `near` cheapest of each account.

    Returns
    -------
    reduced : ndarray
        Reduced costs, n x t, infinite where an account may not go.
    bound : float
        The Lagrangian bound, valid whether or not pricing finished in time.
    columns : object
        The solved restricted program.

    Raises
    ------
    Infeasible
        The relaxation already misses a bound.
    """
    until = time.perf_counter() + seconds
    finite = np.isfinite(problem.cost)
    if not finite.any(axis=1).all():
        raise Infeasible(f"account number {int(np.argmin(finite.any(axis=1)))} may go to no territory")
    top = float(np.where(finite, problem.cost, 0.0).max(axis=1).sum())
    lp = _Columns(problem, seconds, elastic=max(top, 1.0))
    first = np.zeros_like(finite)
    np.put_along_axis(first, np.argsort(problem.cost, axis=1, kind="stable")[:, :near], True, axis=1)
    placed = np.flatnonzero(problem.current >= 0)
    first[placed, problem.current[placed]] = True
    inside = first & finite
    lp.add(*np.nonzero(inside))
    best, best_reduced, tight = -np.inf, None, 1e-7 * max(top / len(problem.cost), 1e-9)
    while True:
        lp.run()
        reduced, bound = reduced_costs(problem, lp.duals())
        if bound > best or best_reduced is None:
            best, best_reduced = max(bound, best), reduced
        # Rows' own multipliers: a column outside is wanted when it is cheaper than the dearest one used.
        own = np.asarray(lp.solver.getSolution().row_dual)[: len(problem.cost)]
        base = own - _priced(problem, lp.duals())[0].min(axis=1)
        wanted = finite & ~inside & (reduced < base[:, None] - tight)
        if not wanted.any() or time.perf_counter() > until:
            break
        # The cheapest few of each account are enough for one round.
        rank = np.where(wanted, reduced, np.inf)
        few = np.zeros_like(wanted)
        np.put_along_axis(few, np.argsort(rank, axis=1)[:, :3], True, axis=1)
        new = wanted & few
        lp.add(*np.nonzero(new))
        inside |= new
    if (missed := lp.slacks()) > 1e-6:
        raise Infeasible(f"no assignment keeps all bounds: even with divided accounts they are missed by {missed:.1%} in all", missed)
    return best_reduced, best, lp


def solve(problem: Problem, seconds: float = 60.0, gap: float = 1e-3) -> Assignment:
    """Return an assignment that keeps all bounds, with the bound that says how good it is.

    The relaxation gives bound and reduced costs; a first assignment is sought on columns of small reduced cost and mended a few territories at a time, each
    a small integer program; last, the columns that could still lie in a better one are solved to prove it or to raise the bound.

    Parameters
    ----------
    problem : Problem
        What to assign.
    seconds : float
        Time allowed, roughly.
    gap : float
        Relative gap to the bound at which to stop; 0 asks for a proof of optimality.

    Raises
    ------
    Infeasible
        No assignment keeps all bounds, or none was found in time.
    """
    until = time.perf_counter() + seconds
    reduced, bound, lp = relax(problem, seconds=0.7 * seconds)
    value = lp.values()
    used = np.zeros_like(reduced, dtype=bool)
    used[lp.account[value > 1e-7], lp.territory[value > 1e-7]] = True
    duals, rounded = lp.duals(), np.zeros(len(reduced), dtype=int)
    order = np.argsort(value, kind="stable")
    rounded[lp.account[order]] = lp.territory[order]  # the biggest part of each account comes last
    chosen = mend(problem, reduced, duals, rounded, until)
    if chosen is None:
        chosen = _first(problem, reduced, used, until)
    loss = cost_of(problem, chosen) - bound
    if loss > gap * abs(bound):
        chosen = exchange(problem, reduced, chosen, until, bound * (1 + gap))
        chosen = _mend(problem, reduced, duals, chosen, bound * (1 + gap), until)
        loss = cost_of(problem, chosen) - bound
    # A better assignment uses no column that costs more than the loss: the integer program on the others bounds all.
    open_ = np.isfinite(reduced) & (reduced <= loss + ROOM * abs(bound))
    if loss > max(gap, PROVED) * abs(bound) and (left := until - time.perf_counter()) > 0:
        better, lower = _integer(problem, open_ | used, gap, left, chosen)
        chosen = better if better is not None and cost_of(problem, better) < cost_of(problem, chosen) else chosen
        bound = max(bound, min(lower, bound + loss))
    cost = cost_of(problem, chosen)
    return Assignment(chosen, cost, min(bound, cost), seconds - (until - time.perf_counter()), len(lp.account))


def cost_of(problem: Problem, chosen: np.ndarray) -> float:
    """Return the cost of an assignment."""
    return float(problem.cost[np.arange(len(chosen)), chosen].sum())


def _first(problem: Problem, reduced: np.ndarray, used: np.ndarray, until: float) -> np.ndarray:
    """Return some assignment that keeps all bounds, from more and more columns of small reduced cost."""
    order, count = np.sort(reduced[np.isfinite(reduced)]), len(reduced)
    for share in (0.3, 1.0, 3.0, np.inf):
        width = order[min(int((1 + share) * count), len(order) - 1)] if np.isfinite(share) else order[-1]
        if (left := until - time.perf_counter()) <= 0:
            break
        found, lower = _integer(problem, np.isfinite(reduced) & (reduced <= width) | used, 0.05, left, first=True)
        if found is not None:
            return found
    proved = not np.isfinite(share) and lower == np.inf
    raise Infeasible("no assignment of undivided accounts keeps all bounds" if proved else "no assignment that keeps all bounds was found in time")


def _mend(problem: Problem, reduced: np.ndarray, duals: np.ndarray, chosen: np.ndarray, goal: float, until: float) -> np.ndarray:
    """Return the assignment after solving a few territories at a time anew, those that lose most against the relaxation first."""
    accounts, t = np.arange(len(chosen)), problem.territories
    order = neighbours(reduced)
    price = duals[:-1].reshape(len(problem.size), t)
    for many, most in ((3, 240), (4, 300), (5, 400), (6, 500)):
        many, tried = min(many, t), set()
        while len(tried) < t:
            cost = cost_of(problem, chosen)
            if cost <= goal or time.perf_counter() > until:
                return chosen
            sums = problem.sums(chosen)
            slack = np.where(price > 0, sums - problem.low, np.where(price < 0, sums - problem.high, 0.0))
            lost = np.bincount(chosen, weights=reduced[accounts, chosen], minlength=t) + (price * np.where(np.isfinite(slack), slack, 0.0)).sum(axis=0)
            lost[list(tried)] = -np.inf
            middle = int(np.argmax(lost))
            better = _renew(problem, reduced, chosen, np.sort(order[middle, :many]), most, until)
            if cost_of(problem, better) < cost - 1e-9 * abs(cost):
                tried -= set(order[middle, :many].tolist())
                chosen = exchange(problem, reduced, better, until, goal)
            tried.add(middle)
        if many == t:
            break
    return chosen


def _renew(problem: Problem, reduced: np.ndarray, chosen: np.ndarray, group: np.ndarray, most: int, until: float) -> np.ndarray:
    """Return the assignment with the accounts of some territories assigned anew among them, the `most` cheapest columns open."""
    rows = np.flatnonzero(np.isin(chosen, group))
    place = np.full(problem.territories, -1)
    place[group] = np.arange(len(group))
    now, left = place[chosen[rows]], reduced[np.ix_(rows, group)]
    ranked = np.sort(left[np.isfinite(left)])
    open_ = np.isfinite(left) & (left <= ranked[min(len(rows) + most, len(ranked)) - 1])
    open_[np.arange(len(rows)), now] = True
    current = np.where(problem.current[rows] >= 0, place[problem.current[rows]], -1)
    part = problem.part(rows, group, current, problem.stay[chosen == problem.current].sum() - problem.stay[rows][current == now].sum())
    found, _ = _integer(part, open_, 1e-4, min(max(until - time.perf_counter(), 0.1), 10.0), now, nodes=200)
    if found is None:
        return chosen
    better = chosen.copy()
    better[rows] = group[found]
    return better if problem.violation(better) == 0 else chosen


def _integer(
    problem: Problem, open_: np.ndarray, gap: float, seconds: float, known: np.ndarray | None = None, first: bool = False, nodes: int = 0
) -> tuple[np.ndarray | None, float]:
    """Return the best assignment on the open columns, or None, and the solver's bound for them; `first` stops at any assignment."""
    import highspy

    model = _Columns(problem, seconds)
    model.add(*np.nonzero(open_), upper=1.0)
    count = len(model.account)
    model.solver.changeColsIntegrality(count, np.arange(count, dtype=np.int32), np.full(count, highspy.HighsVarType.kInteger))
    for option, value in (("mip_rel_gap", gap / 2), ("mip_abs_gap", 1e-9), ("mip_feasibility_tolerance", 1e-9), ("primal_feasibility_tolerance", 1e-9)):
        model.solver.setOptionValue(option, value)
    if first:
        model.solver.setOptionValue("mip_max_improving_sols", 1)
    if nodes:
        model.solver.setOptionValue("mip_max_nodes", nodes)
    if known is not None:
        start = highspy.HighsSolution()
        start.col_value = list((known[model.account] == model.territory).astype(float))
        model.solver.setSolution(start)
    status = model.run()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, np.inf
    lower, value = model.solver.getInfo().mip_dual_bound, model.values()
    if len(value) != count:
        return None, lower
    taken = value > 0.5
    chosen = np.full(len(problem.cost), -1)
    chosen[model.account[taken]] = model.territory[taken]
    return (None if (chosen < 0).any() or problem.violation(chosen) > 0 else chosen), lower
