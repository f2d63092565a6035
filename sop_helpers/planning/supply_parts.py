"""Big plans exactly: only what hours really tie together is solved together.

Without the rows that many products share (capacity, limits, crews) the plan falls apart into one small program for each chain of products. Shared rows that
the latest plan breaks are put in from the start, others left out. Parts that hang together are solved on their own and the rows left out rechecked; those
broken are added and the parts that they touch solved again, until none is broken. What is optimal without some rows and keeps them is optimal with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix
from sop_helpers.planning.supply_ranges import Range, price_ranges
from sop_helpers.planning.supply_solver import PRICED, Program, Solution, Solver, new_highs, program, run, spread
from sop_helpers.planning.supply_start import BASIC, LOWER, Start

if TYPE_CHECKING:
    import linopy

ALONE = ("balance", "backlog", "target", "maximum", "change", "chase", "shelf life")  # how constraints within one chain of products are called
TOLERANCE = 1e-7  # as the solver's own
TOGETHER = 40_000  # columns of small parts that are solved in one go: fewer goes, and still a small basis
BIG = 400_000  # columns from which a plan is solved in parts


def is_big(model: linopy.Model) -> bool:
    """Say whether a model is big enough to be solved in parts."""
    return int(model.nvars) >= BIG


def solve_in_parts(model: linopy.Model, start: Start) -> tuple[Solution, Start]:
    """Solve a supply plan part by part and return its solution and its basis; the optimum is that of the whole program.

    Parameters
    ----------
    model : linopy.Model
        From `supply_model.build_model`.
    start : Start
        Basis and plan to start from, from `supply_start.starting_basis`.
    """
    whole = program(model)
    count_rows, count = whole.matrix.shape
    column, row = spread(start.columns, whole.columns, count, LOWER), spread(start.rows, whole.rows, count_rows, BASIC)
    x, dual, less, more = np.clip(0.0, whole.lower, whole.upper), np.zeros(count_rows), np.full(count_rows, np.inf), np.full(count_rows, np.inf)
    for name, values in start.values.items():
        x[whole.columns[name].ravel()] = values.ravel()
    shared = {name: at for name, at in whole.rows.items() if not name.startswith(ALONE)}
    active = np.ones(count_rows, dtype=bool)
    for at in shared.values():
        active[at.ravel()] = False
    added, todo = _broken(whole, shared, active, x), np.ones(count, dtype=bool)
    while True:
        active[added] = True
        part_of_row, part_of_column = _parts(whole.matrix, active)
        touched = np.zeros(part_of_column.max() + 1, dtype=bool)
        touched[part_of_column[todo]] = True
        touched[part_of_row[added]] = True
        _solve(whole, active, part_of_row, part_of_column, touched, x, dual, column, row, (less, more))
        added, todo = _broken(whole, shared, active, x), np.zeros(count, dtype=bool)
        if not len(added):
            break
    prices: dict[str, tuple[Matrix, Range]] = {}
    for name in set(PRICED) & set(whole.rows):
        at = whole.rows[name]
        left = at.ravel()[~active[at.ravel()]]
        less[left] = np.maximum(whole.high[left] - whole.matrix[left] @ x, 0.0)
        prices[name] = np.maximum(-dual[at], 0.0) + 0.0, Range(less[at], more[at])
    hour, lane = prices.get("capacity", (np.zeros((0, 0)), None)), prices.get("transport", (None, None))
    found = Solution({name: x[of] for name, of in whole.columns.items()}, float(whole.cost @ x), *hour, *lane)
    return found, Start({n: column[at] for n, at in whole.columns.items()}, {n: row[at] for n, at in whole.rows.items()}, {})


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


def _broken(whole: Program, shared: dict[str, NDArray[np.int64]], active: NDArray[np.bool_], x: Matrix) -> NDArray[np.int64]:
    """Rows left out so far of whatever breaks one of its months: hours moved out of one month go into another."""
    out = []
    for at in shared.values():
        lines = at.reshape(len(at) if at.ndim > 1 else 1, -1)
        rows = lines.ravel()
        use = whole.matrix[rows] @ x
        bad = ((use > whole.high[rows] + TOLERANCE) | (use < whole.low[rows] - TOLERANCE)) & ~active[rows]
        out.append(lines[bad.reshape(lines.shape).any(axis=1)].ravel())
    found = np.concatenate(out) if out else np.zeros(0, dtype=np.int64)
    return found[~active[found]]


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


def _solve(
    whole: Program, active: NDArray[np.bool_], of_row: NDArray[np.int64], of_column: NDArray[np.int64], touched: NDArray[np.bool_],
    x: Matrix, dual: Matrix, column: NDArray[np.int8], row: NDArray[np.int8], held: tuple[Matrix, Matrix],
) -> None:  # fmt: skip
    """Solve the parts that were touched, and write their values, prices, how far prices of hours hold, and their basis down."""
    hours = np.zeros(len(active), dtype=bool)
    for name in set(PRICED) & set(whole.rows):
        hours[whole.rows[name].ravel()] = True
    size = np.bincount(of_column, minlength=len(touched)) * touched
    # Small parts go together; a part that is large alone goes alone.
    batch = np.where(touched, np.cumsum(size) // TOGETHER, -1)
    batch = np.where(touched & (size > TOGETHER), batch.max() + 1 + np.arange(len(touched)), batch)
    columns, rows = batch[of_column], np.where(of_row >= 0, batch[np.maximum(of_row, 0)], -1)
    order_c, order_r = np.argsort(columns, kind="stable"), np.argsort(rows, kind="stable")
    blocks = whole.matrix[order_r][:, order_c]
    columns, rows = columns[order_c], rows[order_r]
    for number in np.unique(columns[columns >= 0]):
        c0, c1 = np.searchsorted(columns, [number, number + 1])
        r0, r1 = np.searchsorted(rows, [number, number + 1])
        c, r = order_c[c0:c1], order_r[r0:r1]
        block = blocks[r0:r1, c0:c1], whole.low[r], whole.high[r], whole.cost[c], whole.lower[c], whole.upper[c]
        highs = new_highs(*block, (column[c], row[r]), solver="simplex")
        run(highs)
        found, basis = highs.getSolution(), highs.getBasis()
        x[c], dual[r] = found.col_value, found.row_dual
        mine = np.flatnonzero(hours[r])
        held[0][r[mine]], held[1][r[mine]] = price_ranges(highs, whole.low[r], whole.high[r], whole.lower[c], whole.upper[c], mine)
        column[c], row[r] = [int(s) for s in basis.col_status], [int(s) for s in basis.row_status]
