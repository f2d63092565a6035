"""Big plans exactly: only what hours really tie together is solved together.

Without the rows that many products share (capacity, limits, crews) the plan falls apart into one small program for each chain of products. Shared rows that
the latest plan breaks are put in from the start, others left out. Parts that hang together are solved on their own and the rows left out rechecked; those
broken are added and the parts that they touch solved again, until none is broken. What is optimal without some rows and keeps them is optimal with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix
from sop_helpers.planning.supply_ranges import Range, price_ranges
from sop_helpers.planning.supply_solver import (
    Price,
    Program,
    Solution,
    Solver,
    limit_duals,
    moved,
    new_highs,
    paid,
    priced,
    program,
    run,
    set_basis,
    spread,
    statuses,
    wishes,
    worth,
)
from sop_helpers.planning.supply_start import BASIC, LOWER, Start

if TYPE_CHECKING:
    import linopy

ALONE = ("balance", "backlog", "target", "maximum", "change", "chase", "shelf life")  # how constraints within one chain of products are called
MOVES = ("cost", "lower", "upper", "low", "high")  # numbers of a program that may change between solves
TOLERANCE = 1e-7  # as the solver's own
LARGE = 5_000  # columns from which a part is solved on its own, by a solver that is kept
TOGETHER = 40_000  # columns of small parts that are solved in one go: fewer goes, and still a small basis
BIG = 400_000  # columns from which a plan is solved in parts


def is_big(model: linopy.Model) -> bool:
    """Say whether a model is big enough to be solved in parts."""
    return int(model.nvars) >= BIG


class Parts:
    """A supply plan's program that is solved part by part.

    Bounds, costs, right-hand sides and coefficients may change between solves; only parts that they touch are solved again, from their last basis.

    Parameters
    ----------
    whole : Program
    start : Start
        Basis to start from.
    x : ndarray, optional
        The optimum, where the basis is that of one; else the program is solved from the plan in `start`.
    """

    def __init__(self, whole: Program, start: Start, x: Matrix | None = None):
        count_rows, count = whole.matrix.shape
        own = {name: getattr(whole, name).copy() for name in MOVES}
        self._whole, self._built, self._wish = whole._replace(**own), whole, wishes(whole)
        # Status of columns and rows; that of large parts is with their solvers, until it is asked for.
        self._column, self._row = spread(start.columns, whole.columns, count, LOWER), spread(start.rows, whole.rows, count_rows, BASIC)
        self._kept: dict[int, tuple[Any, NDArray[np.int64], NDArray[np.int64]]] = {}
        self._restart, self._later = False, np.zeros(0, dtype=np.int64)
        self._stale = True  # which part a row belongs to is worked out when it is asked for: several changes may come before
        self._dual, self._held = np.zeros(count_rows), (np.full(count_rows, np.inf), np.full(count_rows, np.inf))
        shared = {name: at for name, at in whole.rows.items() if not name.startswith(ALONE)}
        # Rows of whatever is limited by month, one line each, and what they take.
        self._lines = [at.reshape(len(at) if at.ndim > 1 else 1, -1) for at in shared.values() if at.size]
        self._takes = [whole.matrix[lines.ravel()] for lines in self._lines]
        self._active = np.ones(count_rows, dtype=bool)
        for lines in self._lines:
            self._active[lines.ravel()] = False
        if x is None:
            self._x, self._todo = np.clip(0.0, whole.lower, whole.upper), np.ones(count, dtype=bool)
            for name, values in start.values.items():
                self._x[whole.columns[name].ravel()] = values.ravel()
            self._put_in(self._broken())
        else:
            self._x, self._todo = x.copy(), np.zeros(count, dtype=bool)
            tight = [lines[(self._row[lines] != BASIC).any(axis=1)].ravel() for lines in self._lines]
            self._put_in(np.concatenate([*tight, self._broken()]))
            self._work_out()  # once, for all copies

    def solve(self, ranges: bool = False) -> Solution:
        """Solve what has changed and return the whole plan.

        Parameters
        ----------
        ranges : bool
            Tell prices of what limits, and how far they hold; only for the first solve.

        Raises
        ------
        RuntimeError
            HiGHS ended with anything but an optimum.
        """
        whole, todo, added = self._whole, self._todo.copy(), self._broken()
        if len(added):
            self._put_in(added)
        while todo.any() or len(added):
            self._work_out()
            touched = np.zeros(self._of_column.max() + 1, dtype=bool)
            touched[self._of_column[todo]] = True
            touched[self._of_row[added]] = True
            self._run(touched, todo, ranges)
            self._restart = False
            todo, added = np.zeros(len(todo), dtype=bool), np.union1d(self._broken(), self._later)
            self._later = self._later[:0]
            if len(added):
                self._put_in(added)
        self._todo[:], self._restart = False, False
        prices: dict[str, Price] = {}
        for name in priced(whole.rows) if ranges else ():
            at, (less, more) = whole.rows[name], self._held
            left = at.ravel()[~self._active[at.ravel()]]
            less[left] = np.maximum(whole.high[left] - whole.matrix[left] @ self._x, 0.0)
            prices[name] = Price(worth(self._dual[at], self._wish), Range(less[at], more[at]))
        return Solution({name: self._x[of] for name, of in whole.columns.items()}, paid(self._built.cost, self._x), prices)

    def bound(self, rows: NDArray[np.int64], lower: Matrix, upper: Matrix) -> None:
        """Set the bounds of the arrivals of some operations."""
        self._change(self._whole.lower, rows, lower)
        self._change(self._whole.upper, rows, upper)

    def reward(self, rows: NDArray[np.int64], amount: Matrix) -> None:
        """Lower the cost of the arrivals of some operations by an amount; zero gives their own cost back."""
        self._change(self._whole.cost, rows, self._built.cost[self._whole.columns["arrive"][rows]] - amount)

    def most(self, name: str, upper: Matrix) -> None:
        """Set the upper bounds of a variable whose lower bounds are zero."""
        at, new = self._whole.columns[name].ravel(), np.asarray(upper, dtype=float).ravel()
        self._todo[at[self._whole.upper[at] != new]] = True
        self._whole.upper[at] = new

    def right(self, name: str, change: Matrix) -> None:
        """Add to the right-hand sides of a constraint as it was built, which stay zero or more where they limit from above."""
        at = self._whole.rows[name].ravel()
        low, high = moved(self._built.low[at], self._built.high[at], np.ravel(change))
        self._touch(at[(low != self._whole.low[at]) | (high != self._whole.high[at])])
        self._whole.low[at], self._whole.high[at] = low, high

    def coefficient(self, constraint: str, variable: str, row: NDArray[np.int64], column: NDArray[np.int64], value: Matrix) -> None:
        """Set coefficients by the position (flat) of their row in a constraint and of their column in a variable; not in rows that parts share."""
        from scipy import sparse

        matrix = self._whole.matrix
        at, of = self._whole.rows[constraint].ravel()[row], self._whole.columns[variable].ravel()[column]
        step = value - np.asarray(matrix[at, of]).ravel()
        self._whole = self._whole._replace(matrix=(matrix + sparse.csr_matrix((step, (at, of)), shape=matrix.shape)).tocsr())
        self._touch(at)
        self._todo[of] = True  # where nothing of a column is left, no row leads to it any more
        self._stale = True

    def settled(self) -> Parts:
        """Return parts of the program as it was built that stand at the optimum found last, which has to be that of the program as it was built."""
        return Parts(self._built, self.basis(), self._x)

    def again(self) -> Parts:
        """Return a copy that may be changed and solved without touching these, which have to stand at an optimum: little is worked out anew."""
        self._work_out()
        self._gather()
        twin = copy(self)
        twin._whole = self._whole._replace(**{name: getattr(self._whole, name).copy() for name in MOVES})
        twin._column, twin._row, twin._kept = self._column.copy(), self._row.copy(), {}
        twin._active, twin._x, twin._todo = self._active.copy(), self._x.copy(), self._todo.copy()
        twin._dual, twin._held = self._dual.copy(), (self._held[0].copy(), self._held[1].copy())
        return twin

    def _work_out(self) -> None:
        """Find the parts, if rows have come or gone since."""
        if self._stale:
            self._of_row, self._of_column = _parts(self._whole.matrix, self._active)
            self._stale = False

    def basis(self) -> Start:
        """Return the basis of the last solve."""
        self._gather()
        return Start({n: self._column[at] for n, at in self._whole.columns.items()}, {n: self._row[at] for n, at in self._whole.rows.items()}, {})

    def _gather(self) -> None:
        """Take the status of columns and rows from the solvers that hold it."""
        for highs, c, r in self._kept.values():
            self._column[c], self._row[r] = statuses(highs)

    def restart(self, start: Start) -> None:
        """Let the next solve start from a basis."""
        self._column = spread(start.columns, self._whole.columns, len(self._column), LOWER)
        self._row = spread(start.rows, self._whole.rows, len(self._row), BASIC)
        self._restart = True

    def apart(self, start: Start) -> None:
        """Let the next solve start from a basis without shared rows: first what has changed by itself, then all that shared rows tied together."""
        self.restart(start)
        self._kept.clear()
        shared = np.concatenate([np.zeros(0, dtype=np.int64), *[lines.ravel() for lines in self._lines]])
        self._later = shared[self._active[shared]]
        self._active[shared] = False
        self._stale = True

    def _change(self, numbers: Matrix, rows: NDArray[np.int64], values: Matrix) -> None:
        at = self._whole.columns["arrive"][rows]
        self._todo[at[numbers[at] != values]] = True
        numbers[at] = values

    def _touch(self, rows: NDArray[np.int64]) -> None:
        """Let the parts be solved again that rows belong to; a row left out so far is put in when the plan breaks it."""
        self._todo[self._whole.matrix[rows[self._active[rows]]].indices] = True
        self._gather()
        self._kept.clear()  # solvers that are kept take up new bounds and costs, but no new rows

    def _put_in(self, rows: NDArray[np.int64]) -> None:
        self._active[rows] = True
        if not self._restart:
            self._gather()
        self._kept.clear()
        self._stale = True

    def _broken(self) -> NDArray[np.int64]:
        """Rows left out so far of whatever breaks one of its months: hours moved out of one month go into another."""
        out = [np.zeros(0, dtype=np.int64)]
        for lines, takes in zip(self._lines, self._takes, strict=True):
            rows = lines.ravel()
            use = takes @ self._x
            bad = ((use > self._whole.high[rows] + TOLERANCE) | (use < self._whole.low[rows] - TOLERANCE)) & ~self._active[rows]
            out.append(lines[bad.reshape(lines.shape).any(axis=1)].ravel())
        found = np.concatenate(out)
        return found[~self._active[found]]

    def _run(self, touched: NDArray[np.bool_], todo: NDArray[np.bool_], ranges: bool) -> None:
        """Solve the parts that were touched, and write their values down; with `ranges` also prices and how far they hold."""
        for part, c, r in self._batches(touched):
            whole, basis = self._whole, (self._column[c], self._row[r])
            if part in self._kept:
                highs, new = self._kept[part][0], np.flatnonzero(todo[c]).astype(np.int32)
                at = c[new]
                highs.changeColsBounds(len(new), new, whole.lower[at], whole.upper[at])
                highs.changeColsCost(len(new), new, whole.cost[at])
                if self._restart:
                    highs.clearSolver()
                    set_basis(highs, *basis)
            else:
                highs = new_highs(whole.matrix[r][:, c], whole.low[r], whole.high[r], whole.cost[c], whole.lower[c], whole.upper[c], basis, solver="simplex")
            run(highs)
            found = highs.getSolution()
            self._x[c] = found.col_value
            if part >= 0:
                self._kept[part] = highs, c, r
            else:
                self._column[c], self._row[r] = statuses(highs)
            if ranges:
                self._dual[r] = limit_duals(highs, self._wish[c])
                told = np.concatenate([whole.rows[name].ravel() for name in priced(whole.rows)] or [np.zeros(0, dtype=np.int64)])
                mine = np.flatnonzero(np.isin(r, told))
                self._held[0][r[mine]], self._held[1][r[mine]] = price_ranges(highs, whole.low[r], whole.high[r], whole.lower[c], whole.upper[c], mine)

    def _batches(self, touched: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield what is solved in one go: its part, -1 for small ones that go together, its columns and its rows."""
        size = np.bincount(self._of_column, minlength=len(touched))
        large, small = np.flatnonzero(touched & (size > LARGE)), touched & (size <= LARGE)
        of = np.full(len(touched), -1)
        of[small] = np.cumsum(size[small]) // TOGETHER
        number = of.max(initial=-1) + 1
        of[large] = number + np.arange(len(large))
        columns, rows = of[self._of_column], np.where(self._of_row >= 0, of[np.maximum(self._of_row, 0)], -1)
        order_c, order_r = np.argsort(columns, kind="stable"), np.argsort(rows, kind="stable")
        columns, rows = columns[order_c], rows[order_r]
        for k in range(number + len(large)):
            c, r = (order[slice(*np.searchsorted(all_of, [k, k + 1]))] for order, all_of in ((order_c, columns), (order_r, rows)))
            if len(c):
                yield int(large[k - number]) if k >= number else -1, c, r


def solve_in_parts(model: linopy.Model, start: Start) -> tuple[Solution, Start]:
    """Solve a supply plan part by part and return its solution and its basis; the optimum is that of the whole program.

    Parameters
    ----------
    model : linopy.Model
        From `supply_model.build_model`.
    start : Start
        Basis and plan to start from, from `supply_start.starting_basis`.
    """
    parts = Parts(program(model), start)
    return parts.solve(ranges=True), parts.basis()


def parts_of(model: linopy.Model, start: Start) -> tuple[Parts, Solution]:
    """Return the parts of a program that stand at its optimum, and the optimum; small programs get there whole."""
    if is_big(model):
        parts = Parts(program(model), start)
        return parts, parts.solve(ranges=True)
    solver = Solver(model, start)
    found = solver.solve(ranges=True)
    return Parts(solver.whole, solver.basis(), solver.x), found


def optimum(model: linopy.Model, start: Start) -> Solution:
    """Return the optimum of a supply plan, in parts where the model is big."""
    return solve_in_parts(model, start)[0] if is_big(model) else Solver(model, start).solve(ranges=True)


def solver_of(model: linopy.Model, start: Start) -> tuple[Solver, Solution]:
    """Return a solver of the whole program that stands at its optimum, and the optimum; big programs get there in parts."""
    if not is_big(model):
        solver = Solver(model, start)
        return solver, solver.solve(ranges=True)
    found, basis = solve_in_parts(model, start)
    return Solver(model, basis), found


def _parts(matrix: Any, active: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the parts that rows (-1 for those left out) and columns belong to."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    used = sparse.csr_matrix((np.ones(matrix.nnz, dtype=np.int8), matrix.indices, matrix.indptr), shape=matrix.shape)[active]
    number, rows = matrix.shape[1], used.shape[0]
    graph = sparse.bmat([[None, used], [used.T, None]], format="csr")
    label = connected_components(graph, directed=False)[1]
    of_row = np.full(len(active), -1, dtype=np.int64)
    of_row[active] = label[:rows]
    return of_row, label[rows : rows + number].astype(np.int64)
