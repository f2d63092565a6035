"""Published aggregate planning, rough-cut capacity and master schedule cases with their known answers."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import grids, rough_cut
from sop_helpers.planning.supply import plan_supply

RED_TOMATO = dict(
    demand=[1600, 3000, 3200, 3800, 2200, 2200], units_per_worker=40, workers=80, inventory=1000, end_inventory=500, wage=640, hire_cost=300,
    layoff_cost=500, material_cost=10, holding_cost=2, backlog_cost=5, overtime_cost=24, overtime_per_worker=2.5, subcontract_cost=30,
)  # fmt: skip
DENSEPACK = dict(
    demand=[1280, 640, 900, 1200, 2000, 1400], units_per_worker=[2.931, 3.517, 2.638, 3.810, 3.224, 2.198], workers=300, inventory=500,
    end_inventory=600, hire_cost=500, layoff_cost=1000, holding_cost=80,
)  # fmt: skip


def test_red_tomato_tools():
    plan = grids.aggregate_plan(**RED_TOMATO)
    assert plan.cost == pytest.approx(422_275, abs=0.5)
    assert plan.table["workers"].iloc[1] == pytest.approx(64.583, abs=0.001)
    assert plan.table["inventory"].iloc[-1] >= 500 - 1e-6 and plan.table["backlog"].iloc[-1] == pytest.approx(0)


def test_red_tomato_tools_in_whole_people():
    assert grids.aggregate_plan(**RED_TOMATO, whole_workers=True).cost == pytest.approx(422_660, abs=0.5)


def test_red_tomato_strategies_cost_more_than_the_best_mix():
    free = grids.aggregate_plan(**RED_TOMATO).cost
    level = grids.aggregate_plan(**RED_TOMATO, strategy="level")
    chase = grids.aggregate_plan(**RED_TOMATO, strategy="chase")
    assert level.table["workers"].nunique() == 1 or np.ptp(level.table["workers"]) < 1e-6
    assert chase.table["inventory"].iloc[:-1].max() < 1e-6
    assert level.cost >= free and chase.cost > free


def test_a_plan_that_cannot_be_is_refused_by_name():
    with pytest.raises(ValueError, match="chase plan cannot serve"):
        grids.aggregate_plan([10, 10], 0.0, strategy="chase")


def test_densepack():
    # The book gives no cost of idle time, so all who are there produce.
    assert grids.aggregate_plan(**DENSEPACK, idle=False).cost == pytest.approx(379_320.90, abs=0.05)


def test_densepack_chase_by_hand():
    plan = grids.whole_worker_plan(**DENSEPACK, strategy="chase")
    assert plan.table["workers"].tolist() == [267, 182, 342, 315, 621, 910]
    assert (plan.table["hired"].sum(), plan.table["laid_off"].sum()) == (755, 145)
    assert plan.cost == 572_900


def test_densepack_constant_crew_by_hand():
    plan = grids.whole_worker_plan(**DENSEPACK, strategy="level")
    assert plan.table["workers"].unique() == [411]
    assert plan.cost == 580_460


def test_skateboards():
    demand = [200, 200, 300, 400, 500, 200]
    prices = dict(regular_cost=2, overtime_cost=3, holding_cost=1, backlog_cost=5)
    level = grids.plan_cost(demand, 300, **prices)
    assert level[["regular", "holding", "backlog", "total"]].tolist() == [3600, 600, 500, 4700]
    mixed = grids.plan_cost(demand, 280, [0, 0, 40, 40, 40, 0], **prices)
    assert mixed[["regular", "overtime", "holding", "backlog", "total"]].tolist() == [3360, 360, 520, 400, 4640]


def test_level_plan_with_working_days():
    plan = grids.level_plan([115, 125, 140, 150], 100, 130, [21, 19, 20, 10])
    assert plan["production"].sum() == pytest.approx(560)
    assert (plan["production"] / plan["working_days"]).tolist() == pytest.approx([8] * 4)
    assert plan["production"].tolist() == pytest.approx([168, 152, 160, 80])
    assert plan["inventory"].tolist() == pytest.approx([153, 180, 200, 130])


def test_make_to_order_backlog():
    plan = grids.make_to_order_plan([100] * 5, 100, 80)
    assert plan["production"].sum() == pytest.approx(520) and plan["production"].tolist() == pytest.approx([104] * 5)
    assert plan["backlog"].iloc[-1] == pytest.approx(80)


def test_level_make_to_stock():
    plan = grids.level_plan([110, 120, 130, 120, 120], 100, 80)
    assert plan["production"].sum() == pytest.approx(580) and plan["production"].iloc[0] == pytest.approx(116)
    assert plan["inventory"].tolist() == pytest.approx([106, 102, 88, 84, 80])


@pytest.fixture()
def schedule():
    return pd.DataFrame({"A": [33] * 3 + [40] * 3 + [30] * 3 + [37] * 4, "B": [17] * 3 + [13] * 3 + [25] * 3 + [27] * 4}, index=range(1, 14))


def test_capacity_by_overall_factors(schedule):
    hours = rough_cut.overall_factors(schedule, pd.Series({"A": 0.95, "B": 1.85}), pd.Series({"WC100": 0.603, "WC200": 0.304, "WC300": 0.093}))
    assert (schedule["A"].sum(), schedule["B"].sum()) == (457, 273)
    assert hours.loc[1].sum() == pytest.approx(62.80)
    np.testing.assert_allclose(hours.loc[1], [37.87, 19.09, 5.84], atol=0.005)
    # The book's totals are sums of rounded weeks.
    np.testing.assert_allclose(hours.sum(), [566.34, 285.52, 87.35], atol=0.02)
    assert hours.to_numpy().sum() == pytest.approx(939.20)


def test_bill_of_capacity(schedule):
    bill = pd.DataFrame({"A": [0.05, 0.70, 0.20], "B": [1.30, 0.55, 0.0]}, index=["WC100", "WC200", "WC300"])
    hours = rough_cut.bill_of_capacity(schedule, bill)
    assert hours.loc[1].tolist() == pytest.approx([23.75, 32.45, 6.60])
    assert hours.sum().tolist() == pytest.approx([377.75, 470.05, 91.40])


def test_industrial_pumps():
    plan = grids.master_schedule([30] * 4 + [40] * 4, [33, 20, 10, 4, 2, 0, 0, 0], 64, 70)
    assert plan["mps"].tolist() == [0, 0, 70, 0, 70, 0, 70, 70]
    assert plan["atp"].dropna().tolist() == [11, 56, 68, 70, 70]
    assert plan.loc[plan["atp"].notna(), "period"].tolist() == [1, 3, 5, 7, 8]


def test_forecast_consumption():
    assert grids.consume_forecast([350] * 3, [130, 100, 80]).tolist() == [220, 250, 270]
    assert grids.consume_forecast([350] * 4, [300, 500, 280, 0]).tolist() == [50, 0, 70, 350]
    assert grids.consume_forecast([350] * 4, [300, 500, 280, 0], early=1, late=1).tolist() == [0, 0, 0, 320]


def test_replenishment_suggestion():
    assert grids.replenishment(60, 75, 10) == 25
    assert grids.replenishment(60, 75, 10, minimum=5, maximum=20) == 20
    assert grids.replenishment(100, 75, 10, minimum=5) == 0


def planned_without_routings(bill: pd.DataFrame, factors: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """The schedule as the demand of 13 periods, planned by the workbook's own supply plan on nothing but products, and the hours that it takes."""
    months = pd.date_range("2026-10-01", periods=13, freq="MS", unit="us")
    units = schedule.set_axis(months).rename_axis("month").rename_axis("product", axis=1).stack().rename("units").reset_index().assign(region="main")
    products = conform("products", pd.DataFrame({"product": ["A", "B"], "family": ["F", "F"], "unit_price": 10.0, "unit_cost": 6.0}))
    missing = {n: empty(n) for n in ("inventory", "operations", "components", "loads", "resources", "receipts", "open_orders", "regions")}
    plan = plan_supply(demand=units, **missing, targets=empty("inventory_targets"), products=products, months=months)
    made = plan.supply_plan[plan.supply_plan["kind"] != "move"].drop(columns="month").rename(columns={"release_month": "month"})
    hours = rough_cut.rough_cut(made, conform("bill_of_capacity", bill), conform("capacity_factors", factors), empty("resources"), products, months)
    return conform("rough_cut", hours).pivot(index="month", columns="resource", values="hours")


def test_overall_factors_from_the_tables_of_a_workbook(schedule):
    bill = pd.DataFrame({"product": ["A", "B"], "hours_per_unit": [0.95, 1.85]})
    factors = pd.DataFrame({"resource": ["WC100", "WC200", "WC300"], "share": [0.603, 0.304, 0.093]})
    hours = planned_without_routings(bill, factors, schedule)
    assert hours.iloc[0].sum() == pytest.approx(62.80)
    np.testing.assert_allclose(hours.iloc[0], [37.87, 19.09, 5.84], atol=0.005)
    np.testing.assert_allclose(hours.sum(), [566.34, 285.52, 87.35], atol=0.02)
    assert hours.to_numpy().sum() == pytest.approx(939.20)


def test_bill_of_capacity_from_the_tables_of_a_workbook(schedule):
    rows = [("A", "WC100", 0.05), ("A", "WC200", 0.70), ("A", "WC300", 0.20), ("B", "WC100", 1.30), ("B", "WC200", 0.55)]
    bill = pd.DataFrame(rows, columns=["product", "resource", "hours_per_unit"])
    hours = planned_without_routings(bill, empty("capacity_factors"), schedule)
    assert hours.iloc[0].tolist() == pytest.approx([23.75, 32.45, 6.60])
    assert hours.sum().tolist() == pytest.approx([377.75, 470.05, 91.40])
