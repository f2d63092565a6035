"""Where the solver starts: a whole basis, the same optimum, and far less to do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company

from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import BASIC, latest_plan, starting_basis


def network(data, **rules):
    return build_network(**data, months=MONTHS, **({"frozen_months": 0} | rules))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_the_optimum_is_the_same_from_any_start(seed: int) -> None:
    net = network(random_company(seed))
    model = build_model(net)
    anew, started = Solver(model).solve(), Solver(model, starting_basis(net)).solve()
    assert started.objective == pytest.approx(anew.objective, rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_every_row_has_one_basic_variable(seed: int) -> None:
    net = network(random_company(seed))
    start = starting_basis(net)
    columns = sum(int((values == BASIC).sum()) for values in start.columns.values())
    slacks = sum(int((values == BASIC).sum()) for values in start.rows.values())
    assert columns + slacks == sum(values.size for values in start.rows.values())


def test_what_capacity_does_not_touch_is_done_before_the_solver_begins() -> None:
    names = [f"P{k}" for k in range(40)]
    draw = np.random.default_rng(1)
    data = company(
        products=[{"product": p, "family": "F", "unit_price": 20.0, "unit_cost": 8.0} for p in names],
        operations=[{"operation": f"make {p}", "kind": "make", "item": p, "location": "plant", "lead_time_months": float(k % 3), "unit_cost": 8.0}
                    for k, p in enumerate(names)],
        inventory=[{"month": MONTHS[0], "item": p, "location": "plant", "on_hand": float(draw.integers(0, 300))} for p in names],
        demand=[row for p in names for row in monthly(draw.integers(50, 150, 6).astype(float).tolist(), product=p, region="north")],
        targets=[row for p in names for row in monthly([60.0] * 6, item=p, location="plant")],
    )  # fmt: skip
    net = network(data)
    solvers = Solver(build_model(net)), Solver(build_model(net), starting_basis(net))
    objective = [one.solve().objective for one in solvers]
    assert objective[1] == pytest.approx(objective[0])
    scratch = Solver(build_model(net))
    scratch._highs.setOptionValue("presolve", "off")
    scratch.solve()
    done, todo = (one._highs.getInfo().simplex_iteration_count for one in (solvers[1], scratch))
    assert done < 0.1 * todo, (done, todo)


def test_the_latest_plan_serves_when_it_can_and_no_earlier() -> None:
    data = company(
        products=[{"product": "P", "family": "F", "unit_price": 20.0, "unit_cost": 8.0}],
        operations=[{"operation": "make", "kind": "make", "item": "P", "location": "plant", "lead_time_months": 1.0, "unit_cost": 5.0},
                    {"operation": "buy", "kind": "buy", "item": "C", "location": "plant", "lead_time_months": 1.0, "unit_cost": 1.0}],
        components=[{"operation": "make", "item": "C", "units_per": 2.0}],
        inventory=[{"month": MONTHS[0], "item": i, "location": "plant", "on_hand": n} for i, n in (("P", 30.0), ("C", 100.0))],
        demand=monthly([50.0] * 6, product="P", region="north"),
    )  # fmt: skip
    net = network(data)
    plan = latest_plan(net)
    by = dict(zip(net.operations["operation"], plan.arrive.tolist(), strict=True))
    assert by["make"] == [0.0, 70.0, 50.0, 50.0, 50.0, 50.0]
    assert by["buy"] == [0.0, 140.0, 100.0, 100.0, 100.0, 0.0]
    assert plan.owed[net.nodes["item"] == "P"].tolist() == [[20.0, 0.0, 0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("lead", [5.0, 6.0, 8.0, 30.0])
def test_parts_of_what_cannot_arrive_within_the_plan_are_not_asked_for(lead: float) -> None:
    data = company(
        products=[{"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 8.0}],
        operations=[
            {"operation": "MA", "kind": "make", "item": "A", "location": "plant", "lead_time_months": lead, "unit_cost": 1.0},
            {"operation": "BC", "kind": "buy", "item": "C", "location": "plant", "lead_time_months": 0.0, "unit_cost": 2.0},
        ],
        components=[{"operation": "MA", "item": "C", "units_per": 1.0}],
        demand=monthly([10.0] * 6, product="A", region="north"),
    )
    net = network(data)
    arrive = dict(zip(net.operations["operation"], latest_plan(net).arrive, strict=True))
    # What is owed from five months before arrives with month six and takes its part in month one; six months or more bring nothing within six.
    assert arrive["BC"].sum() == arrive["MA"].sum() == (60.0 if lead == 5 else 0.0)
    model = build_model(net)
    assert Solver(model, starting_basis(net)).solve().objective == pytest.approx(Solver(model).solve().objective)
