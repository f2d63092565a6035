"""Published aggregate plans entered as a company's ordinary tables and planned by `plan_supply`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from supply_networks import MONTHS, company, monthly  # noqa: E402

from sop_helpers.planning.supply import plan_supply  # noqa: E402

NOVEMBER = pd.Timestamp("2026-09-01")


def tomatoes():
    """Red Tomato Tools (Chopra & Meindl): 80 people, 4 hours a tool, a subcontractor at 30 as a second way to get it."""
    return company(
        demand=monthly([1600, 3000, 3200, 3800, 2200, 2200], product="tool", region="r"),
        products=[{"product": "tool", "family": "F", "unit_price": 60.0, "unit_cost": 30.0, "backorder_cost": 5.0}],
        operations=[
            {"operation": "make", "kind": "make", "item": "tool", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0},
            {"operation": "subcontract", "kind": "buy", "item": "tool", "location": "main", "lead_time_months": 0.0, "unit_cost": 30.0},
        ],
        loads=[{"operation": "make", "resource": "people", "hours_per_unit": 4.0}],
        resources=[{"resource": "people", "regular_hours": 1e5, "overtime_rate": 6.0, "workers": 80.0, "wage": 640.0, "hire_cost": 300.0, "layoff_cost": 500.0,
                    "hours_per_worker": 160.0, "overtime_per_worker": 10.0}],
        inventory=[{"month": NOVEMBER, "item": "tool", "location": "main", "on_hand": 1000.0}],
        targets=[{"month": MONTHS[5], "item": "tool", "location": "main", "target_units": 500.0}],
        stock_policies=[{"item": "tool", "location": "main", "holding_cost": 2.0}],
    )  # fmt: skip


def plan(c, **rules):
    return plan_supply(**c, months=MONTHS, patience_months=6, **rules)


def test_red_tomato_tools_as_ordinary_inputs():
    result = plan(tomatoes())
    assert result.objective == pytest.approx(422_275, abs=0.5)
    people = result.hiring_plan
    assert people["workers"].iloc[1] == pytest.approx(64.583, abs=0.001)
    assert people["laid_off"].sum() == pytest.approx(80 - 64.583, abs=0.001) and people["hired"].sum() == 0
    assert result.stock_projection["closing_units"].iloc[-1] == pytest.approx(500)
    assert result.constrained_demand[["lost_units"]].sum().sum() == 0 and result.constrained_demand["backlog_units"].iloc[-1] == 0


def test_red_tomato_tools_in_whole_people_as_ordinary_inputs():
    result = plan(tomatoes(), whole_workers=True)
    assert result.objective == pytest.approx(422_660, abs=0.5)
    assert np.allclose(result.hiring_plan["workers"] % 1, 0)


DAYS = [20, 24, 18, 26, 22, 15]


def densepack():
    """Densepack (Nahmias): units of one worker by month as hours of one worker, one hour a unit; idle time is priced out, as the book has all produce."""
    each = [2.931, 3.517, 2.638, 3.810, 3.224, 2.198]
    rows = [{"resource": "people", "month": m, "regular_hours": 1e4, "workers": 300.0, "hire_cost": 500.0, "layoff_cost": 1000.0, "hours_per_worker": u,
             "idle_cost": 1e4} for m, u in zip(MONTHS, each, strict=True)]  # fmt: skip
    return company(
        demand=monthly([1280, 640, 900, 1200, 2000, 1400], product="disk", region="r"),
        products=[{"product": "disk", "family": "F", "unit_price": 4e4, "unit_cost": 2e4, "backorder_cost": 2e4}],
        operations=[{"operation": "make", "kind": "make", "item": "disk", "location": "main", "lead_time_months": 0.0, "unit_cost": 0.0}],
        loads=[{"operation": "make", "resource": "people", "hours_per_unit": 1.0}], resources=rows,
        inventory=[{"month": NOVEMBER, "item": "disk", "location": "main", "on_hand": 500.0}],
        targets=[{"month": MONTHS[5], "item": "disk", "location": "main", "target_units": 600.0}],
        stock_policies=[{"item": "disk", "location": "main", "holding_cost": 80.0}],
    )  # fmt: skip


def test_densepack_as_ordinary_inputs():
    result = plan(densepack())
    assert result.objective == pytest.approx(379_320.90, abs=0.05)
    assert result.hiring_plan["idle_hours"].max() == pytest.approx(0, abs=1e-3)
    assert result.hiring_plan["cost"].sum() + 80 * result.stock_projection["closing_units"].sum() == pytest.approx(379_320.90, abs=0.5)


def test_red_tomato_strategies_cost_more_than_the_best_mix():
    free, level, chase = (plan(tomatoes(), strategy=s) for s in ("optimal", "level", "chase"))
    assert level.hiring_plan["workers"].nunique() == 1
    assert chase.stock_projection["closing_units"].iloc[1:5].max() == pytest.approx(0, abs=1e-6), "what is in stock at the start is used up first"
    assert level.objective >= free.objective - 1e-6 and chase.objective > free.objective


def test_densepack_chase_in_whole_people_as_ordinary_inputs():
    """The book lets all who are there produce and carries what they make too much; the plan lets them idle those hours, of one unit each, and holds nothing."""
    c = densepack()
    c["resources"]["idle_cost"] = 1e3  # an idle hour is dearer than a month between a lay-off and a hire, and cheaper than stock in a chase
    result = plan(c, strategy="chase", whole_workers=True)
    people, stock = result.hiring_plan, result.stock_projection["closing_units"].to_numpy()
    assert people["workers"].tolist() == [267, 182, 342, 315, 621, 910]
    assert (people["hired"].sum(), people["laid_off"].sum()) == (755, 145)
    assert stock.tolist() == pytest.approx([0, 0, 0, 0, 0, 600], abs=1e-6)
    carried = people["idle_hours"].cumsum().round().to_numpy()  # in whole units
    assert people["cost"].sum() + 80 * (stock + carried).sum() == pytest.approx(572_900, abs=1e-3)


def test_densepack_constant_crew_in_whole_people_as_ordinary_inputs():
    result = plan(densepack(), strategy="level", whole_workers=True)
    people = result.hiring_plan
    assert people["workers"].unique() == [411] and people["idle_hours"].max() == pytest.approx(0, abs=1e-6)
    wanted = result.constrained_demand.groupby("month")["demand_units"].sum()
    made = result.supply_plan.set_index("month")["units"].round()  # the book's output is in whole units
    assert people["cost"].sum() + 80 * (500 + (made - wanted).cumsum()).sum() == pytest.approx(580_460, abs=1e-3)


def skateboards(regular: float, overtime: list[float]):
    """Skateboards (Stevenson): an hour a board, 2 in regular time and 3 in overtime. Stock on the average of begin and end costs what closing stock does, as
    the plan begins and ends without any."""
    shop = {"resource": "shop", "regular_hours": regular, "overtime_rate": 1.0}
    rows = [shop | {"month": m, "overtime_hours": o} for m, o in zip(MONTHS, overtime, strict=True)]
    return company(
        demand=monthly([200, 200, 300, 400, 500, 200], product="board", region="r"),
        products=[{"product": "board", "family": "F", "unit_price": 60.0, "unit_cost": 2.0, "backorder_cost": 5.0}],
        operations=[{"operation": "make", "kind": "make", "item": "board", "location": "main", "lead_time_months": 0.0, "unit_cost": 2.0}],
        loads=[{"operation": "make", "resource": "shop", "hours_per_unit": 1.0}], resources=rows,
        stock_policies=[{"item": "board", "location": "main", "holding_cost": 1.0}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("regular", "overtime", "parts"),
    [(300.0, [0.0] * 6, [3600, 0, 600, 500, 4700]), (280.0, [0.0, 0.0, 40.0, 40.0, 40.0, 0.0], [3360, 360, 520, 400, 4640])],
)
def test_skateboards_as_ordinary_inputs(regular, overtime, parts):
    result = plan(skateboards(regular, overtime), strategy="level" if not any(overtime) else "optimal")
    load, stock = result.capacity_load, result.stock_projection
    over = load["overtime_hours"].sum()
    held = ((stock["opening_units"] + stock["closing_units"]) / 2).sum()
    costs = [2 * (load["planned_hours"].sum() - over), 3 * over, held, 5 * result.constrained_demand["backlog_units"].sum(), result.objective]
    assert costs == pytest.approx(parts)


def level_crew(demand: list[float], days: list[float], start: float, end: float):
    """A crew that makes a unit a day and is paid to; all who are there work."""
    rows = [{"resource": "crew", "month": m, "regular_hours": 1e4, "workers": 10.0, "wage": 1.0, "hire_cost": 0.0, "layoff_cost": 0.0, "hours_per_worker": d,
             "idle_cost": 1e3} for m, d in zip(MONTHS, days, strict=False)]  # fmt: skip
    return company(
        demand=monthly(demand, product="unit", region="r"), products=[{"product": "unit", "family": "F", "unit_price": 400.0, "unit_cost": 100.0}],
        operations=[{"operation": "make", "kind": "make", "item": "unit", "location": "main", "lead_time_months": 0.0, "unit_cost": 0.0}],
        loads=[{"operation": "make", "resource": "crew", "hours_per_unit": 1.0}], resources=rows,
        inventory=[{"month": NOVEMBER, "item": "unit", "location": "main", "on_hand": start}],
        targets=[{"month": MONTHS[len(demand) - 1], "item": "unit", "location": "main", "target_units": end}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("demand", "days", "start", "end", "crew", "stock"),
    [
        ([115, 125, 140, 150], [21, 19, 20, 10], 100.0, 130.0, 8.0, [153, 180, 200, 130]),  # 560 in all: 168, 152, 160, 80
        ([110, 120, 130, 120, 120], [1] * 5, 100.0, 80.0, 116.0, [106, 102, 88, 84, 80]),  # 580 in all (Arnold)
    ],
)
def test_level_plans_as_ordinary_inputs(demand, days, start, end, crew, stock):
    c = level_crew([float(d) for d in demand], [float(d) for d in days], start, end)
    result = plan_supply(**c, months=MONTHS[: len(demand)], strategy="level")
    assert result.hiring_plan["workers"].tolist() == pytest.approx([crew] * len(demand))
    assert result.supply_plan["units"].tolist() == pytest.approx([crew * d for d in days])
    assert result.stock_projection["closing_units"].tolist() == pytest.approx(stock)


def test_a_make_to_order_backlog_as_ordinary_inputs():
    """Arnold: 100 hours of orders a week, a backlog of 100 brought down to 80, which is what 0.8 of a week from order to delivery leaves open; level hours."""
    weeks, late = MONTHS[:5], {"made_to": "order", "promised_months": 0.8}  # the periods of the book are weeks
    c = company(
        demand=monthly([100.0] * 5, product="job", region="r"),
        open_orders=[{"order": "o", "product": "job", "region": "r", "due_month": weeks[0], "units": 100.0}],
        products=[{"product": "job", "family": "F", "unit_price": 400.0, "unit_cost": 100.0, "backorder_cost": 1.0} | late],
        operations=[{"operation": "make", "kind": "make", "item": "job", "location": "main", "lead_time_months": 0.0, "unit_cost": 0.0}],
        loads=[{"operation": "make", "resource": "shop", "hours_per_unit": 1.0}], resources=[{"resource": "shop", "regular_hours": 1e3}],
    )  # fmt: skip
    result = plan_supply(**c, months=weeks, strategy="level", frozen_months=0)
    backlog = result.constrained_demand
    assert result.supply_plan["units"].sum() == pytest.approx(520) and result.supply_plan["units"].tolist() == pytest.approx([104] * 5)
    assert backlog["opening_backlog_units"].iloc[0] == pytest.approx(100)
    assert backlog["backlog_units"].tolist() == pytest.approx([96, 92, 88, 84, 80])


@pytest.mark.parametrize(
    ("on_hand", "limits", "ordered"), [(60.0, {}, 25.0), (60.0, {"lot_min": 5.0, "max_units": 20.0}, 20.0), (100.0, {"lot_min": 5.0}, 0.0)]
)
def test_a_replenishment_suggestion_as_ordinary_inputs(on_hand, limits, ordered):
    """Odoo's master schedule: what brings stock to its target of 10, at least the minimum and at most the maximum, nothing where nothing is needed."""
    c = company(
        demand=monthly([75.0], product="A", region="r"), products=[{"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 10.0}],
        operations=[{"operation": "buy", "kind": "buy", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0} | limits],
        inventory=[{"month": NOVEMBER, "item": "A", "location": "main", "on_hand": on_hand}],
        targets=[{"month": MONTHS[0], "item": "A", "location": "main", "target_units": 10.0}],
    )  # fmt: skip
    assert plan_supply(**c, months=MONTHS[:1]).supply_plan["units"].sum() == pytest.approx(ordered)
