"""HiGHS on a supply plan's linear program, kept between solves.

The first solve starts from the plan that a planner would write down without thinking of capacity (see `supply_start`): simplex then only has to mend what
capacity and limits do to it. Later solves start from the last basis.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sop_helpers.planning.supply_network import Matrix

if TYPE_CHECKING:
    import linopy

    from sop_helpers.planning.supply_start import Start


@dataclass
class Solution:
    """Values of the variables by name, as matrices; the objective and the price of capacity, as solved last."""

    values: dict[str, Matrix]
    objective: float
    hour: Matrix


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


def _positions(labels: np.ndarray, named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return where the columns or rows of each name stand in the matrix."""
    labels = np.asarray(labels)
    place = np.full(int(labels.max(initial=0)) + 1, -1, dtype=np.int64)
    place[labels] = np.arange(len(labels))
    return {name: place[of] for name, of in named.items()}


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
        import highspy

        self.model = model
        with quiet():
            self._highs = highspy.Highs()
        for option, value in (("output_flag", False), ("solver", "simplex"), ("threads", 1), ("random_seed", 0)):
            self._highs.setOptionValue(option, value)
        parts = model.matrices
        self._highs.addVars(len(parts.vlabels), parts.lb, parts.ub)
        self._highs.changeColsCost(len(parts.c), np.arange(len(parts.c), dtype=np.int32), parts.c)
        rows = parts.A.tocsr()
        low, high = np.where(parts.sense != "<", parts.b, -np.inf), np.where(parts.sense != ">", parts.b, np.inf)
        self._highs.addRows(rows.shape[0], low, high, rows.nnz, rows.indptr, rows.indices, rows.data)
        self._at = _positions(parts.vlabels, {name: model.variables[name].labels.to_numpy() for name in model.variables})
        self._rows = _positions(parts.clabels, {name: model.constraints[name].labels.to_numpy() for name in model.constraints})
        self._capacity = self._rows.get("capacity")
        self._cost = np.asarray(parts.c, dtype=float)
        if start is not None:
            self.begin(start)

    def begin(self, start: Start) -> None:
        """Let the next solve start from a basis; columns and rows that it does not name are at their lower bound, and basic."""
        import highspy

        status = (highspy.HighsBasisStatus.kLower, highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kUpper)
        columns, rows = np.zeros(self._highs.getNumCol(), dtype=np.int8), np.ones(self._highs.getNumRow(), dtype=np.int8)
        for found, given, at in ((columns, start.columns, self._at), (rows, start.rows, self._rows)):
            for name, values in given.items():
                found[at[name].ravel()] = values.ravel()
        basis = highspy.HighsBasis()
        basis.col_status, basis.row_status = [status[k] for k in columns.tolist()], [status[k] for k in rows.tolist()]
        basis.valid = True
        self._highs.setBasis(basis)

    def solve(self) -> Solution:
        """Solve as bounds and costs stand.

        Raises
        ------
        RuntimeError
            HiGHS ended with anything but an optimum.
        """
        import highspy

        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            # A basis can lead simplex into numbers that it cannot mend; without one the model is reduced first and solved anew.
            self._highs.clearSolver()
            self._highs.run()
            status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the solver ended without an optimal plan: {self._highs.modelStatusToString(status)}")
        found = self._highs.getSolution()
        x, dual = np.asarray(found.col_value), np.asarray(found.row_dual)
        hour = -dual[self._capacity] if self._capacity is not None else np.zeros((0, 0))
        return Solution({name: x[at] for name, at in self._at.items()}, float(self._cost @ x), np.maximum(hour, 0.0) + 0.0)

    def bound(self, rows: np.ndarray, lower: Matrix, upper: Matrix) -> None:
        """Set the bounds of the arrivals of some operations."""
        at = self._at["arrive"][rows].ravel().astype(np.int32)
        self._highs.changeColsBounds(len(at), at, np.ascontiguousarray(lower, dtype=float).ravel(), np.ascontiguousarray(upper, dtype=float).ravel())

    def reward(self, rows: np.ndarray, amount: Matrix) -> None:
        """Lower the cost of the arrivals of some operations by an amount; zero gives their own cost back."""
        at = self._at["arrive"][rows].ravel().astype(np.int32)
        self._highs.changeColsCost(len(at), at, np.ascontiguousarray(self._cost[at] - np.asarray(amount, dtype=float).ravel()))
