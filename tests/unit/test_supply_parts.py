"""A plan solved in parts is the plan solved whole: same cost, every row kept, same price of an hour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company
from threadpoolctl import threadpool_limits

from sop_helpers.planning import supply_parts
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_parts import Parts, solve_in_parts
from sop_helpers.planning.supply_solver import Solver, paid, positions, program, run
from sop_helpers.planning.supply_start import BASIC, UPPER, starting_basis


def lines(seed: int, count: int = 5, products: int = 24) -> dict[str, pd.DataFrame]:
    """Products on one line or two; some lines are short of hours, some full only in a month, some never."""
    draw = np.random.default_rng(seed)
    names = [f"P{k:02d}" for k in range(products)]
    loads = [{"operation": f"make {p}", "resource": f"L{r}", "hours_per_unit": float(draw.uniform(0.2, 1.5))}
             for p in names for r in draw.choice(count, draw.integers(1, 3), replace=False)]  # fmt: skip
    mean = 60 * sum(one["hours_per_unit"] for one in loads) / count
    return company(
        products=[{"product": p, "family": "F", "unit_price": float(draw.integers(20, 60)), "unit_cost": 12.0} for p in names],
        operations=[{"operation": f"make {p}", "kind": "make", "item": p, "location": "plant", "lead_time_months": float(draw.integers(0, 2)),
                     "unit_cost": float(draw.integers(8, 12)), "max_units": float(draw.choice([np.nan, 90.0]))} for p in names],
        loads=loads,
        resources=[{"resource": f"L{r}", "regular_hours": mean * float(draw.choice([0.6, 1.0, 1.2, 3.0])), "overtime_hours": 0.1 * mean,
                    "overtime_rate": float(draw.choice([2.0, 20.0]))} for r in range(count)],
        inventory=[{"month": pd.Timestamp("2026-09-01"), "item": p, "location": "plant", "on_hand": float(draw.integers(0, 120))} for p in names],
        demand=[row for p in names for row in monthly(draw.integers(0, 120, 6).astype(float).tolist(), product=p, region="north")],
        targets=[row for p in names for row in monthly([float(draw.integers(0, 60))] * 6, item=p, location="plant")],
    )  # fmt: skip


def both(data: dict[str, pd.DataFrame]):
    net = build_network(**data, months=MONTHS, frozen_months=0)
    model, start = build_model(net), starting_basis(net)
    return model, Solver(model).solve(), *solve_in_parts(model, start)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), small=st.booleans())
def test_parts_cost_what_the_whole_costs_and_keep_every_row(seed: int, small: bool) -> None:
    model, whole, found, basis = both(random_company(seed) if small else lines(seed))
    assert found.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-6)
    parts = model.matrices
    x = np.zeros(len(parts.vlabels))
    for name, at in positions(parts.vlabels, {n: model.variables[n].labels.to_numpy() for n in model.variables}).items():
        x[at] = found.values[name]
    use = parts.A @ x
    assert (use <= np.where(parts.sense != ">", parts.b, np.inf) + 1e-6).all() and (use >= np.where(parts.sense != "<", parts.b, -np.inf) - 1e-6).all()
    assert (x >= parts.lb - 1e-7).all() and (x <= parts.ub + 1e-7).all()
    # The basis of the parts is one of the whole: simplex has nothing left to do.
    again = Solver(model, basis)
    assert again.solve().objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-6)
    assert again._highs.getInfo().simplex_iteration_count <= 0.02 * len(parts.b)


def test_lines_that_are_never_full_are_left_out_and_priced_at_nothing() -> None:
    model, whole, found, _ = both(lines(3))
    full = (found.values["overtime"] > 1e-6).any(axis=1) | (found.hour.one > 1e-9).any(axis=1)
    assert 0 < full.sum() < len(full)
    assert found.hour.one.shape == whole.hour.one.shape and (found.hour.one[~full] == 0).all()


def test_a_plan_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lines(5)
    data["operations"]["lot_multiple"] = 10.0
    for lots in (False, True):
        one = plan_supply(**data, months=MONTHS, whole_lots=lots)
        monkeypatch.setattr(supply_parts, "BIG", 1)
        two = plan_supply(**data, months=MONTHS, whole_lots=lots)
        monkeypatch.undo()
        assert two.relaxed_objective == pytest.approx(one.relaxed_objective, rel=1e-9)
        assert lots or two.objective == pytest.approx(one.objective, rel=1e-9)
        assert not lots or (two.supply_plan["units"] % 10 == 0).all()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), large=st.sampled_from([1, 5_000]))
def test_parts_solved_again_cost_what_the_whole_costs_again(seed: int, large: int) -> None:
    net = build_network(**lines(seed), months=MONTHS, frozen_months=0)
    model, start, draw = build_model(net), starting_basis(net), np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supply_parts, "LARGE", large)
        parts, whole = Parts(program(model), start), Solver(model, start)
        assert parts.solve().objective == pytest.approx(whole.solve().objective, rel=1e-9, abs=1e-6)
        for _ in range(3):
            rows = np.sort(draw.choice(len(net.operations), 4, replace=False))
            most, gift = draw.integers(0, 200, (4, 6)).astype(float), draw.choice([0.0, 50.0], (4, 6))
            if draw.random() < 0.5:  # any start will do
                basis = parts.basis()
                basis.columns["arrive"][rows], basis.rows["target"][:5] = UPPER, BASIC
                parts.restart(basis)
            for one in (parts, whole):
                one.bound(rows, np.minimum(most, 10.0), most)
                one.reward(rows, gift)
            # At the costs changed both are optimal, so a unit that is a gift counts as one.
            found, other = parts.solve(), whole.solve()
            given_away = [float((gift * one.values["arrive"][rows]).sum()) for one in (found, other)]
            assert found.objective - given_away[0] == pytest.approx(other.objective - given_away[1], rel=1e-9, abs=1e-6)
            for one in (parts, whole):
                one.reward(rows, np.zeros_like(gift))


def test_a_copy_of_parts_is_solved_without_moving_them() -> None:
    net = build_network(**lines(5), months=MONTHS, frozen_months=0)
    model, start = build_model(net), starting_basis(net)
    parts = Parts(program(model), start)
    planned = parts.solve()
    settled, rows = parts.settled(), np.arange(3)
    found = []
    for most in (0.0, 20.0, 0.0):
        twin, whole = settled.again(), Solver(model, start)
        for one in (twin, whole):
            one.bound(rows, np.zeros((3, 6)), np.full((3, 6), most))
        found.append(twin.solve())
        assert found[-1].objective == pytest.approx(whole.solve().objective, rel=1e-9, abs=1e-6)
        assert settled.again().solve().objective == pytest.approx(planned.objective, rel=1e-9)
    assert all(np.array_equal(found[0].values[name], found[2].values[name]) for name in found[0].values)


def test_parts_that_nothing_changes_are_not_solved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build_network(**lines(3), months=MONTHS, frozen_months=0)
    monkeypatch.setattr(supply_parts, "LARGE", 1)
    parts, runs = Parts(program(build_model(net)), starting_basis(net)), []
    first = parts.solve()
    monkeypatch.setattr(supply_parts, "run", lambda highs: (runs.append(highs.getNumCol()), run(highs)))
    parts.bound(np.arange(1), net.upper[:1] * 0, net.upper[:1])
    assert parts.solve().objective == first.objective and not runs
    parts.bound(np.arange(1), net.upper[:1] * 0, first.values["arrive"][:1] / 2)
    assert parts.solve().objective > first.objective and 0 < max(runs) < sum(v.size for v in first.values.values())


def test_what_a_plan_costs_is_the_same_to_the_last_digit_however_many_processors_add_it_up() -> None:
    draw = np.random.default_rng(0)
    cost, x = draw.lognormal(0, 3, 300_000), draw.lognormal(0, 3, 300_000)
    found = set()
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.add(paid(cost, x))
    assert len(found) == 1 and found.pop() == pytest.approx(float(np.dot(cost, x)), rel=1e-12)
