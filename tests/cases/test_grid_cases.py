"""Published rough-cut capacity and master schedule cases with their known answers; aggregate plans are in `test_supply_cases`."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from supply_networks import company  # noqa: E402

from sop_helpers.book.conform import conform, empty  # noqa: E402
from sop_helpers.planning import consensus, rough_cut, sop_grids  # noqa: E402
from sop_helpers.planning.consumption import booked, net_forecast  # noqa: E402
from sop_helpers.planning.master_schedule import master_schedule  # noqa: E402
from sop_helpers.planning.supply import plan_supply  # noqa: E402


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


def pumps():
    """Industrial pumps (Stevenson): the periods of the book are weeks, here they are months. What is forecast is the company's own view, and open orders
    consume it as they do in every month; the lot is the operation's minimum and multiple."""
    months = pd.date_range("2026-10-01", periods=8, freq="MS", unit="us")
    view = pd.DataFrame({"month": months, "product": "pump", "region": "r", "stream": "statistical", "source": "book", "units": [30.0] * 4 + [40.0] * 4})
    booked = [33.0, 20, 10, 4, 2]
    c = company(
        products=[{"product": "pump", "family": "F", "unit_price": 200.0, "unit_cost": 100.0}],
        open_orders=[{"order": f"o{m:%m}", "product": "pump", "region": "r", "due_month": m, "units": u} for m, u in zip(months, booked, strict=False)],
        operations=[{"operation": "make", "kind": "make", "item": "pump", "location": "main", "lead_time_months": 0.0, "unit_cost": 100.0, "lot_min": 70.0,
                     "lot_multiple": 70.0}],
        inventory=[{"month": pd.Timestamp("2026-09-01"), "item": "pump", "location": "main", "on_hand": 64.0}],
    )  # fmt: skip
    streams = consensus.build_streams(view, c["products"], empty("insights").rename(columns={"insight": "id"}), c["open_orders"], month=months[0])
    return c | {"demand": consensus.plan_of(streams)}, months


def scheduled(c, months):
    plan = plan_supply(**c, months=months)
    places = sop_grids.shipping_places([c["demand"], c["open_orders"]], c["regions"], c["inventory"], c["operations"])
    stock, served = plan.stock_projection, plan.constrained_demand
    promise = conform("atp", sop_grids.atp(stock, served, c["open_orders"], places))
    return conform("master_schedule", master_schedule(promise, stock, served, c["operations"], c["products"], places)), stock


def test_industrial_pumps_as_ordinary_inputs():
    schedule, stock = scheduled(*pumps())
    assert schedule["ordered_units"].tolist() == [33, 20, 10, 4, 2, 0, 0, 0]
    assert schedule["mps_units"].tolist() == [0, 0, 70, 0, 70, 0, 70, 70]
    assert schedule["projected_units"].tolist() == [31, 1, 41, 11, 41, 1, 31, 61], "the larger of forecast and orders counts"
    assert schedule["atp_units"].dropna().tolist() == [11, 56, 68, 70, 70]
    assert (schedule.index[schedule["atp_units"].notna()] + 1).tolist() == [1, 3, 5, 7, 8]
    assert stock["closing_units"].tolist() == [34, 4, 44, 14, 44, 4, 34, 64], "the three ordered above the first forecast are three of the second"


def test_forecast_consumption():
    assert net_forecast([350] * 3, [130, 100, 80]).tolist() == [220, 250, 270]
    assert net_forecast([350] * 4, [300, 500, 280, 0]).tolist() == [50, 0, 70, 350]
    assert net_forecast([350] * 4, [300, 500, 280, 0], early=1, late=1).tolist() == [0, 0, 0, 320]


@pytest.mark.parametrize(
    ("orders", "months_beside", "net"),
    [([130, 100, 80], 0, [220, 250, 270]), ([300, 500, 280, 0], 0, [50, 0, 70, 350]), ([300, 500, 280, 0], 1, [0, 0, 0, 320])],
)
def test_forecast_consumption_as_ordinary_inputs(orders, months_beside, net):
    months = pd.date_range("2026-10-01", periods=len(orders), freq="MS", unit="us")
    plan = pd.DataFrame({"month": months, "product": "P", "region": "r", "units": 350.0, "revenue": 3500.0})
    due = pd.DataFrame({"order": [f"o{m:%m}" for m in months], "product": "P", "region": "r", "due_month": months, "units": [float(u) for u in orders]})
    products = conform("products", pd.DataFrame({"product": ["P"], "family": ["F"], "unit_price": 10.0, "unit_cost": 6.0}))
    open_units = booked(plan, conform("open_orders", due), products, months_beside, months_beside)["open_units"]
    assert open_units.tolist() == net


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
