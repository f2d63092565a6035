"""Traps of the modelling layer and the solver that once cost rows or plans without a word; each is kept shut by a test."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pytest
from supply_networks import MONTHS, random_company

from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_solver import Solver


def rows(model):
    """Rows that reach the solver, by constraint and in all: those masked away would be missing from the matrix."""
    return {name: int((con.labels != -1).sum()) for name, con in model.constraints.items()}, model.matrices.A.shape[0]


def test_every_row_reaches_the_solver_whatever_semantics_stood_before():
    import linopy

    net = build_network(**random_company(2), months=MONTHS)
    expected, _ = rows(build_model(net))
    before = linopy.options["semantics"]
    try:
        linopy.options["semantics"] = "legacy"
        found, count = rows(build_model(net))
    finally:
        linopy.options["semantics"] = before
    assert found == expected and count == sum(expected.values()) == len(MONTHS) * (5 + 4 + 5 + 1)


def test_a_shift_without_a_fill_drops_the_first_month():
    """The trap itself: should linopy change, the fills can go."""
    import linopy
    import pandas as pd

    linopy.options["semantics"] = "v1"
    m = linopy.Model()
    x = m.add_variables(lower=0, coords=[pd.RangeIndex(3, name="month")], name="x")
    m.add_constraints(x - x.shift(month=1) == 1, name="bare")
    m.add_constraints(x - x.shift(month=1).fillna(0) == 1, name="filled")
    assert int((m.constraints["bare"].labels != -1).sum()) == 2
    assert int((m.constraints["filled"].labels != -1).sum()) == 3


def test_a_solver_with_other_threads_in_the_same_process_does_not_cost_the_plan():
    import highspy

    c = random_company(3)
    first = plan_supply(**c, months=MONTHS).objective
    other = highspy.Highs()
    other.setOptionValue("output_flag", False)
    other.setOptionValue("threads", 2)
    other.addVar(0.0, 1.0)
    other.changeColCost(0, 1.0)
    other.run()
    assert plan_supply(**c, months=MONTHS).objective == pytest.approx(first, rel=1e-12)


def test_a_solution_stays_as_it_was_when_bounds_change():
    net = build_network(**random_company(4), months=MONTHS)
    solver = Solver(build_model(net))
    found = solver.solve()
    kept = {name: values.copy() for name, values in found.values.items()}
    every = np.arange(len(net.operations))
    solver.bound(every, np.zeros_like(net.upper), np.zeros_like(net.upper))
    none = solver.solve()
    assert all(np.array_equal(found.values[name], values) for name, values in kept.items())
    assert none.values["arrive"].max() == 0 and none.objective > found.objective


def test_the_solver_is_not_one_that_is_known_to_be_wrong():
    assert tuple(int(part) for part in version("highspy").split(".")[:3]) >= (1, 15, 1)
