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

    from sop_helpers.planning.supply_solver import quiet

    parts = model.matrices
    with quiet():
        highs = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "random_seed": 0, "time_limit": seconds, "mip_rel_gap": gap}
    for option, value in options.items():
        highs.setOptionValue(option, value)
    count = len(parts.vlabels)
    highs.addVars(count, parts.lb, parts.ub)
    highs.changeColsCost(count, np.arange(count, dtype=np.int32), parts.c)
    rows = parts.A.tocsr()
    low, high = np.where(parts.sense != "<", parts.b, -np.inf), np.where(parts.sense != ">", parts.b, np.inf)
    highs.addRows(rows.shape[0], low, high, rows.nnz, rows.indptr, rows.indices, rows.data)
    labels = np.asarray(parts.vlabels)
    position = np.full(int(labels.max()) + 1, -1, dtype=np.int64)
    position[labels] = np.arange(count)
    at = np.concatenate([position[model.variables[name].labels.to_numpy()].ravel() for name in whole]).astype(np.int32)
    highs.changeColsIntegrality(len(at), at, np.full(len(at), highspy.HighsVarType.kInteger))
    highs.run()
    info = highs.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise RuntimeError(f"no plan in whole numbers was found in {seconds:.0f} s: {highs.modelStatusToString(highs.getModelStatus())}")
    x = np.asarray(highs.getSolution().col_value)
    values = {name: x[position[model.variables[name].labels.to_numpy()]] for name in model.variables}
    return values, float(info.objective_function_value), max(float(info.mip_gap), 0.0), float(info.mip_dual_bound)


def fix_whole_workers(model: linopy.Model) -> list[str]:
    """Find the best plan in whole people and fix them in the model, which is a linear program again; return what to say about it."""
    values, _, gap, _ = solve_whole(model, ["workers"])
    found = np.round(values["workers"])
    people = model.variables["workers"]
    same = people.lower * 0 + found
    people.update(lower=same, upper=same)
    return [] if gap <= 10 * GAP else [f"Whole people were planned within {gap:.2%} of the least cost in the time given."]
