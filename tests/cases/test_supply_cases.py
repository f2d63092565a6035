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
