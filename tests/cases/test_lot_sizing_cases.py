"""Published lot-sizing problems entered as a company's ordinary tables, planned with lots and set-ups looked for exactly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from supply_networks import company, random_company  # noqa: E402

from sop_helpers.planning.supply import plan_supply  # noqa: E402


def shop(demand, holding, setups):
    """One bought item; a set-up cost that differs by month is an operation of its own that may be released in that month only."""
    months = pd.date_range("2026-01-01", periods=len(demand), freq="MS", unit="us")
    buy = {"kind": "buy", "item": "A", "location": "main", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 0.0}
    if np.isscalar(setups):
        operations = [buy | {"operation": "buy", "fixed_cost": float(setups)}]
    else:
        one = [{"operation": f"buy in {m:%b}", "fixed_cost": float(k), "first_month": m, "last_month": m} for m, k in zip(months, setups, strict=True)]
        operations = [buy | row for row in one]
    c = company(
        demand=[{"month": m, "product": "A", "region": "r", "units": float(u)} for m, u in zip(months, demand, strict=True)],
        products=[{"product": "A", "family": "F", "unit_price": 2000.0, "unit_cost": 1000.0, "backorder_cost": 900.0}], operations=operations,
        stock_policies=[{"item": "A", "location": "main", "holding_cost": holding}],
    )  # fmt: skip
    return c, months


def lots(plan, months):
    return plan.supply_plan.groupby("month")["units"].sum().reindex(months, fill_value=0.0).tolist()


def test_wagner_whitin_four_months():
    c, months = shop([90, 120, 80, 70], 2.0, 500)
    plan = plan_supply(**c, months=months, exact_lots_seconds=20)
    assert plan.objective == pytest.approx(1380, abs=1e-4) and lots(plan, months) == pytest.approx([210, 0, 150, 0])
    assert plan.supply_plan["cost"].sum() + 2 * plan.stock_projection["closing_units"].sum() == pytest.approx(1380)


def test_wagner_whitin_1958():
    c, months = shop([69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56], 1.0, [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114])
    plan = plan_supply(**c, months=months, exact_lots_seconds=20)
    assert plan.objective == pytest.approx(864, abs=1e-4)


def test_silver_pyke_peterson():
    c, months = shop([10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41], 0.4, 54)
    plan = plan_supply(**c, months=months, exact_lots_seconds=20)
    assert plan.objective == pytest.approx(501.20, abs=1e-4)
    assert lots(plan, months) == pytest.approx([84, 0, 0, 130, 283, 0, 140, 0, 124, 160, 279, 0])
    rounded = plan_supply(**c, months=months)
    assert rounded.supply_plan["cost"].sum() == pytest.approx(648), "without the search every month orders for itself: lot for lot"


@pytest.mark.parametrize("seed", [1, 4])
def test_exact_lots_cost_no_more_than_rounded_ones_and_are_whole(seed):
    c = random_company(seed)
    c["operations"] = c["operations"].assign(lot_min=[30.0, 20.0, 10.0, np.nan, 100.0], lot_multiple=[10.0, np.nan, 5.0, 6.0, 50.0], fixed_cost=20.0)
    months = pd.date_range("2026-10-01", periods=6, freq="MS", unit="us")
    plan = plan_supply(**c, months=months, exact_lots_seconds=10)
    orders = plan.supply_plan.merge(c["operations"][["operation", "lot_min", "lot_multiple"]], on="operation")
    assert (orders["units"] >= orders["lot_min"].fillna(0) - 1e-5).all()
    step = orders["lot_multiple"].dropna()
    near = orders.loc[step.index, "units"] / step
    assert np.allclose(near, near.round(), atol=1e-6)
    s = plan.stock_projection
    assert np.allclose(s["closing_units"], s["opening_units"] + s["planned_receipts"] + s["open_receipts"] - s["issues"], atol=1e-5)
    assert any("controllable cost" in note for note in plan.notes)
    free = plan_supply(**(c | {"operations": c["operations"].assign(fixed_cost=np.nan)}), months=months, whole_lots=False)
    assert plan.objective >= free.objective - 1e-6
