"""People, outside hours and strategies in the supply plan, each on an example of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company

from sop_helpers.book import tables
from sop_helpers.book.conform import conform
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model


def plan(c, **rules):
    return plan_supply(**c, months=MONTHS, **rules)


def workshop(demand, **line):
    """One product made in one hour by people who work 10 hours a month."""
    crew = {"resource": "line", "regular_hours": 1000.0, "workers": 4.0, "wage": 20.0, "hire_cost": 15.0, "layoff_cost": 25.0, "hours_per_worker": 10.0}
    return company(
        demand=monthly(demand, product="A", region="r"), products=[{"product": "A", "family": "F", "unit_price": 50.0, "unit_cost": 10.0}],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 5.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}], resources=[crew | line],
    )  # fmt: skip


def test_people_follow_demand_where_hiring_is_cheap_and_stay_where_it_is_dear():
    demand = [40.0, 40, 80, 80, 40, 40]
    cheap = plan(workshop(demand, hire_cost=0.1, layoff_cost=0.1)).hiring_plan
    assert cheap["workers"].tolist() == pytest.approx([4, 4, 8, 8, 4, 4])
    assert cheap["cost"].sum() == pytest.approx(20 * 32 + 0.1 * 8)
    dear = plan(workshop(demand, layoff_cost=1e4)).hiring_plan
    assert dear["laid_off"].sum() == 0


def test_people_can_do_no_more_than_the_line_holds_and_hire_and_lay_off_add_up():
    result = plan(workshop([100.0] * 6, regular_hours=60.0))
    people = result.hiring_plan
    assert result.capacity_load["planned_hours"].max() <= 60 + 1e-6
    assert np.allclose(people["workers"].diff().fillna(people["workers"].iloc[0] - 4), people["hired"] - people["laid_off"])
    assert (people[["hired", "laid_off"]].min(axis=1) == 0).all()
    tables.schema("hiring_plan").validate(conform("hiring_plan", people))


def test_nobody_works_overtime_where_nobody_is():
    result = plan(workshop([60.0] * 6, workers=0.0, hire_cost=1e6, overtime_hours=40.0, overtime_rate=0.0))
    assert result.supply_plan["units"].sum() == 0 and result.capacity_load["planned_hours"].max() == 0
    some = plan(workshop([60.0] * 6, hire_cost=1e6, overtime_hours=1000.0, overtime_rate=0.0))
    hours = some.capacity_load["planned_hours"].to_numpy()
    people = some.hiring_plan["workers"].to_numpy()
    per = float(workshop([60.0])["resources"]["hours_per_worker"].iloc[0])
    assert (hours <= 2 * per * people + 1e-6).all(), "no more overtime of one worker than regular hours, where nothing is said"


def test_overtime_grows_with_people():
    result = plan(workshop([60.0] * 6, hire_cost=1e4, overtime_per_worker=3.0, overtime_rate=1.0))
    load = result.capacity_load
    assert load["overtime_hours"].tolist() == pytest.approx([12.0] * 6) and load["overtime_limit"].tolist() == pytest.approx([12.0] * 6)
    assert load["planned_hours"].tolist() == pytest.approx([52.0] * 6)


def test_hours_of_others_are_bought_where_overtime_is_dearer():
    result = plan(workshop([60.0] * 6, hire_cost=1e4, overtime_hours=50.0, overtime_rate=9.0, outside_hours=15.0, outside_rate=2.0))
    load = result.capacity_load
    assert load["outside_hours"].tolist() == pytest.approx([15.0] * 6) and load["overtime_hours"].tolist() == pytest.approx([5.0] * 6)
    hired = result.hiring_plan["cost"].sum()
    assert result.objective == pytest.approx(hired + 6 * (60 * 5 + 15 * 2 + 5 * 9), rel=1e-6)


def test_outside_hours_need_no_people_to_be_planned():
    c = workshop([60.0] * 6)
    c["resources"] = c["resources"].assign(hours_per_worker=np.nan, regular_hours=40.0, outside_hours=30.0, outside_rate=2.0)
    result = plan(c)
    assert result.capacity_load["outside_hours"].tolist() == pytest.approx([20.0] * 6)
    assert result.hiring_plan.empty and list(result.hiring_plan.columns) == list(tables.columns("hiring_plan"))


def test_strategies_keep_their_rules_and_none_is_cheaper_than_the_best_plan():
    c = workshop([30.0, 90, 20, 70, 60, 40])
    plans = {name: plan(c, strategy=name) for name in ("optimal", "level", "chase", "hybrid")}
    people = {name: p.hiring_plan["workers"].to_numpy() for name, p in plans.items()}
    assert np.ptp(people["level"]) == pytest.approx(0, abs=1e-6)
    assert np.ptp(people["hybrid"].reshape(2, 3), axis=1) == pytest.approx([0, 0], abs=1e-6)
    assert plans["chase"].stock_projection["closing_units"].max() == pytest.approx(0, abs=1e-6)
    assert plans["level"].stock_projection["closing_units"].max() > 1
    assert all(p.objective >= plans["optimal"].objective - 1e-6 for p in plans.values())
    assert plans["hybrid"].objective <= plans["level"].objective + 1e-6


def test_a_level_plan_without_people_keeps_hours_even():
    c = workshop([30.0, 90, 20, 70, 60, 40])
    c["resources"] = c["resources"].assign(hours_per_worker=np.nan, regular_hours=100.0)
    hours = {name: plan(c, strategy=name).capacity_load["planned_hours"] for name in ("optimal", "level")}
    assert np.ptp(hours["level"]) < 1e-6 < np.ptp(hours["optimal"])


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from(["optimal", "level", "chase", "hybrid"]))
def test_random_companies_with_people_always_get_a_plan(seed, strategy):
    c = random_company(seed)
    draw = np.random.default_rng(seed)
    c["resources"] = c["resources"].assign(workers=float(draw.integers(0, 9)), hours_per_worker=20.0, wage=50.0, hire_cost=30.0, overtime_per_worker=2.0,
                                           outside_hours=float(draw.integers(0, 20)), outside_rate=6.0)  # fmt: skip
    result = plan(c, strategy=strategy)
    load, people = result.capacity_load, result.hiring_plan
    assert (load["planned_hours"] <= load["available_hours"] + load["overtime_limit"] + 1e-5).all()
    assert (load["available_hours"].to_numpy() <= 20 * people["workers"].to_numpy() + 1e-5).all()
    assert (load["overtime_hours"].to_numpy() <= 2 * people["workers"].to_numpy() + 1e-5).all()


def test_no_row_of_people_is_dropped():
    net = build_network(**workshop([40.0] * 6, overtime_per_worker=1.0, idle_cost=1.0), months=MONTHS)
    model = build_model(net)
    size = {name: con.labels.size for name, con in model.constraints.items()}
    assert {name: size[name] for name in ("workforce", "manned", "overtime of workers", "idle time", "capacity")} == dict.fromkeys(
        ("workforce", "manned", "overtime of workers", "idle time", "capacity"), len(MONTHS)
    )


@pytest.mark.parametrize(("line", "said"), [({"workers": np.nan}, "resources.workers of 'line' is blank"), ({"hours_per_worker": -1.0}, "above zero")])
def test_people_that_cannot_be_planned_are_refused_by_name(line, said):
    with pytest.raises(ValueError, match=said):
        plan(workshop([40.0] * 6, **line))


def test_hours_per_worker_for_some_months_only_are_refused():
    c = workshop([40.0] * 6)
    c["resources"] = c["resources"].assign(month=MONTHS[0])
    with pytest.raises(ValueError, match="blank in some months"):
        plan(c)


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="strategy 'steady' is unknown"):
        plan(workshop([40.0] * 6), strategy="steady")


def test_what_is_not_stated_of_people_is_said():
    c = workshop([40.0] * 6, hire_cost=np.nan)
    assert any("hire_cost is not stated" in note for note in plan(c).notes)
    assert pd.notna(plan(c).objective)


def in_lots(seed):
    """A random company whose people are planned, with lots and the cost of an order."""
    c, draw = random_company(seed), np.random.default_rng(seed)
    c["resources"] = c["resources"].assign(workers=float(draw.integers(1, 9)), hours_per_worker=20.0, wage=50.0, hire_cost=30.0, layoff_cost=40.0,
                                           overtime_per_worker=2.0)  # fmt: skip
    c["operations"] = c["operations"].assign(lot_min=[30.0, 20.0, 10.0, np.nan, 100.0], lot_multiple=[10.0, np.nan, 5.0, 6.0, 50.0], fixed_cost=20.0)
    return c


@pytest.mark.parametrize(("seed", "whole"), [(0, True), (1, True), (2, True), (2, False), (4, False)])
def test_rounding_makes_no_strategy_cheaper_than_the_free_plan(seed, whole):
    plans = {name: plan(in_lots(seed), strategy=name, whole_workers=whole) for name in ("optimal", "level", "chase", "hybrid")}
    best = plans["optimal"]
    assert all(p.objective >= best.objective - 1e-6 * best.objective for p in plans.values())
    people = best.hiring_plan["workers"]
    assert not whole or np.allclose(people, people.round())
    # The plan that stands is read with its own people.
    assert (best.capacity_load["available_hours"].to_numpy() <= 20 * people.to_numpy() + 1e-5).all()
    cheapest = min(plans, key=lambda name: plans[name].objective)
    assert cheapest == "optimal" or any(f"the strategy {cheapest} is the cheapest" in note for note in best.notes)
