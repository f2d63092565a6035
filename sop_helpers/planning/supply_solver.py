"""HiGHS on a supply plan's linear program, kept between solves.

The first solve starts from the plan that a planner would write down without thinking of capacity (see `supply_start`): simplex then only has to mend what
capacity and limits do to it. Later solves start from the last basis.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sop_helpers.planning.supply_network import Matrix
from sop_helpers.planning.supply_ranges import Range, price_ranges
from sop_helpers.planning.supply_start import BASIC, LOWER, Start
from sop_helpers.planning.supply_workers import WISHED

if TYPE_CHECKING:
    import linopy


PRICED = ("capacity", "manned", "transport", "supplier ", "space of ")  # how constraints are called whose price is told, and how far it holds


class Price(NamedTuple):
    """What one more of a limit would save, and how much less and more of it that ``held`` for, where it was asked for.

    A strategy is followed, and what it costs is no wish's price (see `limit_duals`), so one more may also save less than nothing.
    """

    one: Matrix
    held: Range | None = None


@dataclass
class Solution:
    """Values of the variables by name, as matrices; the objective, and the prices of limits by the name of their constraint, as solved last."""

    values: dict[str, Matrix]
    objective: float
    prices: dict[str, Price] = field(default_factory=dict)

    @property
    def hour(self) -> Price:
        """Of an hour, by resource and month."""
        return self.prices.get("capacity", Price(np.zeros((0, 0))))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the solver's banner, which it prints before it can be told not to, out of notebooks."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def positions(labels: np.ndarray, named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return where the columns or rows of each name stand in the matrix."""
    labels = np.asarray(labels)
    if labels.size and labels[0] == 0 and labels[-1] == len(labels) - 1 and (np.diff(labels) == 1).all():
        return named  # nothing is left out, so labels are positions
    place = np.full(int(labels.max(initial=0)) + 1, -1, dtype=np.int64)
    place[labels] = np.arange(len(labels))
    return {name: place[of] for name, of in named.items()}


def paid(cost: Matrix, x: Matrix) -> float:
    """Return what a solution costs; not by BLAS, whose last digit hangs on how many processors add up."""
    return float((cost * x).sum())


def priced(rows: Iterable[str]) -> list[str]:
    """Return the names of constraints whose price is told."""
    return [name for name in rows if name.startswith(PRICED)]


class Program(NamedTuple):
    """A linear program as arrays: rows between ``low`` and ``high``, columns between ``lower`` and ``upper``, and where each name of the model stands."""

    matrix: Any
    low: Matrix
    high: Matrix
    cost: Matrix
    lower: Matrix
    upper: Matrix
    columns: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]


LOOSE = 1e-6
"""How far a solution that is called optimal may leave a bound or a row, in the model's own units."""


def program(model: linopy.Model) -> Program:
    """Read a model as arrays.

    The same as `model.matrices` has: that also lays out types and scales of all columns, which no plan here has, and goes over all entries twice.
    """
    from scipy import sparse

    at, terms = model.variables.label_index, [model.constraints[name] for name in model.constraints]
    blocks, labels, right, senses = zip(*(rows.to_matrix_with_rhs(at) for rows in terms), strict=True)
    sense = np.concatenate(senses).view(np.uint32)  # one character each: numbers are compared faster than text
    low = np.concatenate(right)
    high = np.where(sense == ord(">"), np.inf, low)
    low[sense == ord("<")] = -np.inf
    cells = [(variable, variable.labels.to_numpy().ravel() >= 0) for _, variable in model.variables.items()]
    lower, upper = (np.concatenate([getattr(of, side).to_numpy().ravel()[there] for of, there in cells], dtype=float) for side in ("lower", "upper"))
    columns = positions(at.vlabels, {name: of.labels.to_numpy() for name, of in model.variables.items()})
    rows = positions(np.concatenate(labels), {name: of.labels.to_numpy() for name, of in zip(model.constraints, terms, strict=True)})
    paid_for, prices = model.objective.linear_terms()
    cost = np.bincount(at.label_to_pos[paid_for], weights=prices, minlength=len(lower))
    return Program(sparse.vstack(blocks, format="csr"), low, high, cost, lower, upper, columns, rows)


def moved(low: Matrix, high: Matrix, change: Matrix) -> tuple[Matrix, Matrix]:
    """Return limits of rows after a change of their right-hand sides, which stay zero or more where they limit from above."""
    least = np.where(np.isneginf(low), np.minimum(high, 0.0), -np.inf)
    return low + np.where(np.isneginf(low), 0.0, change), np.maximum(high + change, least)


def spread(named: dict[str, np.ndarray], at: dict[str, np.ndarray], count: int, other: int) -> np.ndarray:
    """Return the status of every column or row from that of those named."""
    out = np.full(count, other, dtype=np.int8)
    for name, values in named.items():
        out[at[name].ravel()] = values.ravel()
    return out


def new_highs(
    matrix: Any, low: Matrix, high: Matrix, cost: Matrix, lower: Matrix, upper: Matrix, basis: tuple[np.ndarray, np.ndarray] | None = None, **options: Any
) -> Any:
    """Return HiGHS with a linear program: rows between `low` and `high`, columns between `lower` and `upper`; `basis` is the status of columns and rows.

    Options are those of HiGHS, beside what holds for every solve here: silent, one thread, one seed.
    """
    import highspy

    with quiet():
        highs = highspy.Highs()
    for option, value in {"output_flag": False, "threads": 1, "random_seed": 0, **options}.items():
        highs.setOptionValue(option, value)
    rows = matrix.tocsr()
    by_row, least = int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize)
    matrix_of = rows.indptr, rows.indices, rows.data
    highs.passModel(len(cost), len(low), rows.nnz, by_row, least, 0.0, cost, lower, upper, low, high, *matrix_of, np.zeros(len(cost), dtype=np.int32))
    if basis is not None:
        set_basis(highs, *basis)
    return highs


def set_basis(highs: Any, column: np.ndarray, row: np.ndarray) -> None:
    """Let the next solve start from the status of columns and rows."""
    import highspy

    status = (highspy.HighsBasisStatus.kLower, highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kUpper, highspy.HighsBasisStatus.kZero)
    start = highspy.HighsBasis()
    start.col_status, start.row_status = ([status[k] for k in part.tolist()] for part in (column, row))
    start.valid = True
    highs.setBasis(start)


def statuses(highs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the status of columns and rows as the last solve left them."""
    basis = highs.getBasis()
    column, row = (np.array([int(s) for s in part], dtype=np.int8) for part in (basis.col_status, basis.row_status))
    return column, row


def wishes(whole: Program) -> Matrix:
    """Return what each column costs for going against a strategy."""
    out = np.zeros(len(whole.cost))
    for at in (whole.columns[name].ravel() for name in WISHED if name in whole.columns):
        out[at] = whole.cost[at]
    return out


def limit_duals(highs: Any, wish: Matrix) -> Matrix:
    """Return the dual values of the rows, for what is really paid.

    Where a strategy prices what goes against it, the plan is the best one with those prices, its cost is told without them, and so are its limits: with the
    basis B of that plan, a limit moves the basic variables by the column of B's inverse, and cost by that times their own cost. The dual values of the solver
    hold the wishes' prices as well; their part, w_B inv(B), is taken off. It holds as far as the basis does (`supply_ranges`).

    Parameters
    ----------
    highs : highspy.Highs
        Solved by simplex.
    wish : ndarray
        From `wishes`, of its columns.
    """
    dual = np.asarray(highs.getSolution().row_dual)
    if not wish.any():
        return dual
    basic = np.asarray(highs.getBasicVariables()[1])
    part = np.asarray(highs.getBasisTransposeSolve(np.where(basic < 0, 0.0, wish[np.maximum(basic, 0)]))[1])
    real = dual - part
    return np.where(np.abs(real) > 1e-9 * np.maximum(1.0, np.abs(part)), real, 0.0)


def worth(dual: Matrix, wish: Matrix) -> Matrix:
    """Return what one more of a limit saves: nothing less than zero, unless a strategy stands between it and the least cost."""
    return (-dual if wish.any() else np.maximum(-dual, 0.0)) + 0.0


def run(highs: Any) -> None:
    """Solve to an optimum.

    Raises
    ------
    RuntimeError
        HiGHS ended with anything else.
    """
    import highspy

    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        # A basis can lead simplex into numbers that it cannot mend; without one the model is reduced first and solved anew.
        highs.clearSolver()
        highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal and highs.getInfo().max_primal_infeasibility > LOOSE:
        # Optimal in the numbers as HiGHS scales them, and not in ours: a few steps without its scaling put that right.
        usual = highs.getOptionValue("simplex_scale_strategy")[1]
        highs.setOptionValue("simplex_scale_strategy", 0)
        highs.run()
        highs.setOptionValue("simplex_scale_strategy", usual)
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"the solver ended without an optimal plan: {highs.modelStatusToString(status)}")


class Solver:
    """HiGHS on a built model; bounds, right-hand sides and costs may change between solves, which then start from the last basis.

    Parameters
    ----------
    model : linopy.Model
        From `supply_model.build_model`.
    start : Start, optional
        Basis of the first solve; without one, HiGHS reduces the model and begins anew.
    """

    def __init__(self, model: linopy.Model, start: Start | None = None):
        self.model = model
        self.whole = whole = program(model)
        self._at, self._rows, self._cost = whole.columns, whole.rows, whole.cost
        self._limits, self._wish = (whole.low, whole.high, whole.lower, whole.upper), wishes(whole)
        basis = None
        if start is not None:
            basis = spread(start.columns, self._at, len(self._cost), LOWER), spread(start.rows, self._rows, len(whole.low), BASIC)
        self._highs = new_highs(whole.matrix, whole.low, whole.high, self._cost, whole.lower, whole.upper, basis, solver="simplex")

    def solve(self, ranges: bool = False) -> Solution:
        """Solve as bounds and costs stand.

        Parameters
        ----------
        ranges : bool
            Say how far prices hold; only for the program as it was built.

        Raises
        ------
        RuntimeError
            HiGHS ended with anything but an optimum.
        """
        run(self._highs)
        found = self._highs.getSolution()
        self.x = x = np.asarray(found.col_value)
        dual = limit_duals(self._highs, self._wish)
        rows = {name: self._rows[name] for name in priced(self._rows)}
        prices = {name: Price(worth(dual[at], self._wish), self._held(at) if ranges else None) for name, at in rows.items()}
        return Solution({name: x[at] for name, at in self._at.items()}, paid(self._cost, x), prices)

    def basis(self) -> Start:
        """Return the basis as it is."""
        column, row = statuses(self._highs)
        return Start({n: column[at] for n, at in self._at.items()}, {n: row[at] for n, at in self._rows.items()}, {})

    def _held(self, rows: np.ndarray) -> Range:
        return Range(*(part.reshape(rows.shape) for part in price_ranges(self._highs, *self._limits, rows.ravel())))

    def bound(self, rows: np.ndarray, lower: Matrix, upper: Matrix) -> None:
        """Set the bounds of the arrivals of some operations."""
        self._bounds(self._at["arrive"][rows], lower, upper)

    def reward(self, rows: np.ndarray, amount: Matrix) -> None:
        """Lower the cost of the arrivals of some operations by an amount; zero gives their own cost back."""
        self._prices(self._at["arrive"][rows], -np.asarray(amount, dtype=float))

    def most(self, name: str, upper: Matrix) -> None:
        """Set the upper bounds of a variable whose lower bounds are zero."""
        self._bounds(self._at[name], np.zeros(self._at[name].size), upper)

    def dearer(self, name: str, extra: Matrix) -> None:
        """Add to the cost of a variable as it was built; zero gives its own cost back."""
        self._prices(self._at[name], np.asarray(extra, dtype=float))

    def right(self, name: str, change: Matrix) -> None:
        """Add to the right-hand sides of a constraint as it was built, which stay zero or more where they limit from above."""
        at = self._rows[name].ravel()
        self._highs.changeRowsBounds(len(at), at.astype(np.int32), *moved(self._limits[0][at], self._limits[1][at], np.ravel(change)))

    def spent(self, solution: Solution, names: list[str]) -> float:
        """Return what a solution pays for some of the variables, at their cost as built."""
        return float(sum((self._cost[self._at[n]] * solution.values[n]).sum() for n in names if n in self._at))

    def _bounds(self, at: np.ndarray, lower: Matrix, upper: Matrix) -> None:
        flat = at.ravel().astype(np.int32)
        self._highs.changeColsBounds(len(flat), flat, *(np.ascontiguousarray(v, dtype=float).ravel() for v in (lower, upper)))

    def _prices(self, at: np.ndarray, extra: Matrix) -> None:
        flat = at.ravel().astype(np.int32)
        self._highs.changeColsCost(len(flat), flat, np.ascontiguousarray(self._cost[flat] + extra.ravel()))

    def coefficient(self, constraint: str, variable: str, row: np.ndarray, column: np.ndarray, value: Matrix) -> None:
        """Set coefficients by the position (flat) of their row in a constraint and of their column in a variable."""
        at, of = self._rows[constraint].ravel()[row], self._at[variable].ravel()[column]
        for r, c, v in zip(at.tolist(), of.tolist(), value.tolist(), strict=True):
            self._highs.changeCoeff(r, c, v)

    def keep(self) -> None:
        """Remember the basis as it is."""
        self._kept = self._highs.getBasis()

    def restore(self) -> None:
        """Go back to the basis remembered."""
        self._highs.setBasis(self._kept)
