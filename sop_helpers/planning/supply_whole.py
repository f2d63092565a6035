"""What must be whole, exactly: a mixed-integer program on the supply model, solved by HiGHS."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import linopy

SECONDS, GAP = 60.0, 1e-6


def solve_whole(model: linopy.Model, whole: Collection[str], seconds: float = SECONDS, gap: float = GAP) -> tuple[dict[str, np.ndarray], float, float, float]:
    """Solve a model some of whose variables must be whole.

    Parameters
    ----------
    whole : collection of str
        Their names.
    seconds, gap : float
        When to stop: after a time, or as near to the best as this share of the cost.

    Returns
    -------
    values, objective, gap, bound
        Values by variable; the gap that is left between the plan and the best that could be, as a share of its cost; what no plan can cost less than.

    Raises
    ------
    RuntimeError
        No plan was found in the time given.
    """
    import highspy

    from sop_helpers.planning.supply_solver import new_highs, program

    linear = program(model)
    # No solver is named: with one, HiGHS would leave out that anything has to be whole.
    highs = new_highs(linear.matrix, linear.low, linear.high, linear.cost, linear.lower, linear.upper, time_limit=seconds, mip_rel_gap=gap)
    at = np.concatenate([linear.columns[name].ravel() for name in whole]).astype(np.int32)
    highs.changeColsIntegrality(len(at), at, np.full(len(at), highspy.HighsVarType.kInteger))
    highs.run()
    info = highs.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise RuntimeError(f"no plan in whole numbers was found in {seconds:.0f} s: {highs.modelStatusToString(highs.getModelStatus())}")
    x = np.asarray(highs.getSolution().col_value)
    values = {name: x[of] for name, of in linear.columns.items()}
    return values, float(info.objective_function_value), max(float(info.mip_gap), 0.0), float(info.mip_dual_bound)


def fix_whole_workers(model: linopy.Model) -> list[str]:
    """Find the best plan in whole people and fix them in the model, which is a linear program again; return what to say about it."""
    values, _, gap, _ = solve_whole(model, ["workers"])
    fix_workers(model, np.round(values["workers"]))
    return [] if gap <= 10 * GAP else [f"Whole people were planned within {gap:.2%} of the least cost in the time given."]


def fix_workers(model: linopy.Model, people: np.ndarray) -> None:
    """Fix people, by crew and month, in the model."""
    workers = model.variables["workers"]
    same = workers.lower * 0 + people
    workers.update(lower=same, upper=same)
