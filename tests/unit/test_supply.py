"""The supply plan: identities on random networks, a second formulation, and each rule of the plan on an example of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company, second_opinion, table

from sop_helpers.book import tables
from sop_helpers.book.conform import conform
from sop_helpers.planning import supply_lots
from sop_helpers.planning.stress_results import likely_tests
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model


def plan(c, **rules):
    return plan_supply(**c, months=MONTHS, **rules)


def product(**fields):
    return {"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 10.0} | fields


def buy(**fields):
    return {"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 10.0} | fields


def stock(units, item="A", location="main"):
    return {"month": pd.Timestamp("2026-09-01"), "item": item, "location": location, "on_hand": units}


def check_identities(result):
    s = result.stock_projection
    assert np.allclose(s["closing_units"], s["opening_units"] + s["planned_receipts"] + s["open_receipts"] - s["issues"], atol=1e-6)
    assert s["closing_units"].min() > -1e-6
    following = s.sort_values(["item", "location", "month"]).groupby(["item", "location"])["closing_units"].shift()
    ordered = s.sort_values(["item", "location", "month"])
    assert np.allclose(ordered["opening_units"][following.notna()], following.dropna(), atol=1e-6)
    d = result.constrained_demand
    assert np.allclose(d["opening_backlog_units"] + d["demand_units"], d["shipped_units"] + d["lost_units"] + d["backlog_units"], atol=1e-6)
    load = result.capacity_load
    assert (load["planned_hours"] <= load["available_hours"] + load["overtime_limit"] + 1e-6).all()
    assert (load["overtime_hours"] <= load["overtime_limit"] + 1e-6).all()
    # What is issued is what is shipped, used and moved.
    used = result.supply_plan.merge(result.network.operations[["operation", "lead"]], on="operation")
    assert ((used["month"].dt.year - used["release_month"].dt.year) * 12 + used["month"].dt.month - used["release_month"].dt.month == used["lead"]).all()
    total = s["issues"].sum()
    moved = result.supply_plan.loc[result.supply_plan["kind"] == "move", "units"].sum()
    per = {"make A": 1.0, "make B": 2.0}
    component = (result.supply_plan["units"] * result.supply_plan["operation"].map(per).fillna(0.0)).sum()
    assert total == pytest.approx(d["shipped_units"].sum() + moved + component, abs=1e-4)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.booleans())
def test_identities_hold_on_random_networks(seed, lots):
    c = random_company(seed)
    if lots:
        c["operations"] = c["operations"].assign(lot_min=[30.0, 20.0, 10.0, np.nan, 100.0], lot_multiple=[10.0, np.nan, 5.0, 6.0, 50.0])
    result = plan(c)
    check_identities(result)
    if lots:
        orders = result.supply_plan.merge(c["operations"][["operation", "lot_min", "lot_multiple"]], on="operation")
        assert (orders["units"] >= orders["lot_min"].fillna(0) - 1e-6).all()
        step = orders["lot_multiple"].dropna()
        assert np.allclose(orders.loc[step.index, "units"] % step, 0, atol=1e-6)
        assert result.objective >= result.relaxed_objective - 1e-6 * abs(result.relaxed_objective)


@pytest.mark.parametrize("seed", range(12))
def test_another_formulation_finds_the_same_cost(seed):
    c = random_company(seed)
    assert plan(c).objective == pytest.approx(second_opinion(c), rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_another_formulation_finds_the_same_cost_with_people_yields_and_a_supplier_limit(seed):
    draw = np.random.default_rng(seed)
    c = random_company(seed)
    c["resources"] = c["resources"].assign(workers=float(draw.integers(0, 9)), hours_per_worker=20.0, wage=float(draw.integers(20, 80)), hire_cost=30.0,
                                           layoff_cost=40.0, overtime_per_worker=2.0, outside_hours=float(draw.integers(0, 20)), outside_rate=6.0)  # fmt: skip
    c["operations"] = c["operations"].assign(yield_share=[0.9, 0.8, np.nan, np.nan, np.nan])
    c["receipts"] = c["receipts"].assign(supplier="S")
    c["supplier_limits"] = table("supplier_limits", [{"supplier": "S", "max_units": float(draw.integers(60, 250))}])
    assert plan(c).objective == pytest.approx(second_opinion(c), rel=1e-6)


@pytest.mark.parametrize("seed", [3, 4])
def test_the_frames_keep_their_contracts(seed):
    result = plan(random_company(seed))
    for name in ("supply_plan", "stock_projection", "constrained_demand", "capacity_load", "shortages", "purchase_plan"):
        tables.schema(name).validate(conform(name, getattr(result, name)))


def test_no_row_of_the_model_is_dropped():
    c = random_company(1)
    net = build_network(**c, months=MONTHS)
    model = build_model(net)
    size = {name: con.labels.size for name, con in model.constraints.items()}
    months = len(MONTHS)
    assert size == {"balance": 5 * months, "backlog": 4 * months, "target": 5 * months, "capacity": months}
    # Under linopy's v1 semantics a shifted variable without fillna(0) would lose the first month.
    first = model.constraints["balance"].to_polars()
    assert len(np.unique(first["labels"].to_numpy())) == 5 * months


def test_the_same_inputs_give_the_same_plan():
    c = random_company(7)
    pd.testing.assert_frame_equal(plan(c).supply_plan, plan(c).supply_plan)
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in c.items()}
    assert plan(shuffled).objective == pytest.approx(plan(c).objective, rel=1e-9)


def test_an_hour_is_worth_what_one_more_hour_saves():
    c = random_company(5)
    c["resources"]["regular_hours"] = 60.0
    base = plan(c)
    worth = base.capacity_load.set_index("month")["value_of_hour"]
    step = 1e-3
    for month in MONTHS[:4]:
        rows = c["resources"].assign(month=pd.NaT).astype({"month": "datetime64[us]"})
        more = pd.concat([rows, rows.assign(month=month, regular_hours=60.0 + step)], ignore_index=True)
        less = pd.concat([rows, rows.assign(month=month, regular_hours=60.0 - step)], ignore_index=True)
        gain = (base.objective - plan(c | {"resources": more}).objective) / step
        loss = (plan(c | {"resources": less}).objective - base.objective) / step
        assert gain - 1e-4 <= worth[month] <= loss + 1e-4


def test_stock_is_not_drained_at_the_end_of_the_horizon():
    targets = monthly([40.0] * 6, item="A", location="main")
    c = company(demand=monthly([50.0] * 6, product="A", region="r"), targets=targets, products=[product()], operations=[buy()],
                inventory=[stock(40.0)])  # fmt: skip
    closing = plan(c).stock_projection.set_index("month")["closing_units"]
    assert closing.iloc[-1] == pytest.approx(40.0)
    assert closing.min() == pytest.approx(40.0)


def test_capacity_is_built_ahead_before_overtime_and_overtime_before_losing():
    c = company(
        demand=monthly([0, 0, 0, 100, 0, 0], product="A", region="r"), products=[product()],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": 40.0, "overtime_hours": 10.0, "overtime_rate": 0.5}],
    )  # fmt: skip
    result = plan(c)
    load = result.capacity_load.set_index("month")
    assert load["planned_hours"].tolist() == pytest.approx([0, 20, 40, 40, 0, 0])
    assert load["overtime_hours"].sum() == pytest.approx(0)
    assert load["load"].iloc[3] == pytest.approx(2.5), "what just in time would ask for is never clipped"
    assert result.shortages.empty
    urgent = plan(c | {"demand": company(demand=monthly([100, 0, 0, 0, 0, 0], product="A", region="r"))["demand"]})
    first = urgent.capacity_load.iloc[0]
    assert (first["planned_hours"], first["overtime_hours"]) == (pytest.approx(50), pytest.approx(10))
    short = urgent.shortages.iloc[0]
    assert short["short_units"] == pytest.approx(50)
    assert short["cause"] == "capacity of line in 2026-10" and "50 hours more on line in 2026-10" in short["remedy"]
    assert short["recovered_month"] == MONTHS[1]


def test_demand_without_margin_is_served_while_that_costs_less_than_its_goodwill():
    c = company(
        demand=monthly([50.0] * 6, product="A", region="r"), products=[product(unit_price=9.0)],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": 40.0, "overtime_hours": 10.0, "overtime_rate": 0.5}],
    )  # fmt: skip
    assert plan(c).constrained_demand["lost_units"].sum() == pytest.approx(0)
    dear = plan(c | {"resources": c["resources"].assign(overtime_rate=5.0)}, patience_months=0)
    assert dear.constrained_demand["lost_units"].sum() == pytest.approx(60)
    assert dear.shortages["cause"].str.fullmatch(r"regular hours of line in 20\d\d-\d\d: overtime does not pay").all()


def test_lead_time_stops_an_order_and_is_named():
    c = company(demand=monthly([10.0] * 6, product="A", region="r"), products=[product()], operations=[buy(lead_time_months=1.6)])
    result = plan(c, patience_months=0)
    assert result.supply_plan["month"].min() == MONTHS[2]
    assert result.supply_plan["release_month"].min() == MONTHS[0]
    assert result.shortages["month"].tolist() == list(MONTHS[:2])
    assert result.shortages["cause"].str.contains("lead time of 2 months: A @ main cannot arrive before 2026-12").all()
    assert result.constrained_demand["lost_units"].sum() == pytest.approx(20)
    assert result.shortages["recovered_month"].isna().all()


def test_customers_wait_as_long_as_they_are_patient():
    c = company(demand=monthly([10.0] * 6, product="A", region="r"), products=[product()], operations=[buy(lead_time_months=3.0)])
    lost = {months: plan(c, patience_months=months).constrained_demand["lost_units"].sum() for months in (0, 1, 2, 3)}
    assert lost == {0: pytest.approx(30), 1: pytest.approx(20), 2: pytest.approx(10), 3: pytest.approx(0)}


def test_open_receipts_are_fixed_and_overdue_ones_arrive_first():
    receipts = [
        {"receipt": "1", "kind": "purchase", "item": "A", "location": "main", "due_month": pd.Timestamp("2026-07-01"), "units": 7.0},
        {"receipt": "2", "kind": "purchase", "item": "A", "location": "main", "due_month": MONTHS[2], "units": 5.0},
    ]
    c = company(demand=monthly([10.0] * 6, product="A", region="r"), products=[product()], operations=[buy()], receipts=receipts)
    result = plan(c)
    assert result.stock_projection.set_index("month")["open_receipts"].tolist() == [7, 0, 5, 0, 0, 0]
    assert any("overdue" in note for note in result.notes)
    assert result.supply_plan["release_month"].min() >= MONTHS[1], "purchases of the frozen month are the open ones"
    assert plan(c, frozen_months=0).supply_plan["release_month"].min() == MONTHS[0]


def test_orders_past_their_month_are_owed_from_the_start():
    c = company(demand=monthly([10.0] * 6, product="A", region="r"), products=[product()], operations=[buy()],
                open_orders=[{"order": "1", "product": "A", "region": "r", "due_month": pd.Timestamp("2026-08-01"), "units": 5.0},
                             {"order": "2", "product": "A", "region": "r", "due_month": MONTHS[1], "units": 4.0}])  # fmt: skip
    served = plan(c).constrained_demand.set_index("month")
    assert served["opening_backlog_units"].iloc[0] == 5
    assert served["demand_units"].sum() == 60, "orders ahead are part of the demand plan"
    assert served["shipped_units"].iloc[0] == pytest.approx(15)


def test_bills_of_several_levels_and_yesterdays_component_stop_the_product():
    make = {"kind": "make", "location": "main", "unit_cost": 1.0}
    c = company(
        demand=monthly([10.0] * 6, product="A", region="r"), products=[product()],
        operations=[{"operation": "make A", "item": "A", "lead_time_months": 0.0} | make, {"operation": "make S", "item": "S", "lead_time_months": 1.0} | make,
                    buy(operation="buy C", item="C", lead_time_months=2.0, unit_cost=1.0)],
        components=[{"operation": "make A", "item": "S", "units_per": 2.0}, {"operation": "make S", "item": "C", "units_per": 3.0}],
    )  # fmt: skip
    result = plan(c, patience_months=0)
    bought = result.supply_plan[result.supply_plan["item"] == "C"]
    assert bought["units"].sum() == pytest.approx(10 * 3 * 6) and bought["month"].min() == MONTHS[2]
    assert result.constrained_demand.set_index("month")["shipped_units"].tolist() == pytest.approx([0, 0, 0, 10, 10, 10])
    assert (
        result.shortages["cause"].iloc[2] == "lead time of 2 months: C @ main cannot arrive before 2026-12 (through S)"
        or "C @ main" in result.shortages["cause"].iloc[2]
    )


def test_the_cheaper_source_comes_first_and_its_limit_is_named():
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()],
                operations=[buy(max_units=20.0), buy(operation="buy A dear", supplier="T", unit_cost=12.0, max_units=5.0)])  # fmt: skip
    result = plan(c)
    by = result.supply_plan.groupby("operation")["units"].sum()
    assert by.to_dict() == {"buy A": pytest.approx(120), "buy A dear": pytest.approx(30)}
    assert result.shortages["cause"].str.contains("supplier limit of S: at most 20").all()
    assert result.purchase_plan.groupby("supplier")["cost"].sum().to_dict() == {"S": pytest.approx(1200), "T": pytest.approx(360)}


def test_lots_are_whole_and_what_is_too_much_is_carried():
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()], operations=[buy(lot_min=50.0, lot_multiple=25.0, fixed_cost=7.0)])
    result = plan(c)
    assert result.supply_plan["units"].isin([50.0, 75.0, 100.0]).all() and result.supply_plan["units"].sum() == 200
    assert result.shortages.empty and any("Whole lots add" in note for note in result.notes)
    assert (result.supply_plan["cost"] == result.supply_plan["units"] * 10 + 7).all()
    assert plan(c, whole_lots=False).supply_plan["units"].tolist() == pytest.approx([30.0] * 6)


@pytest.mark.parametrize("lots", [np.nan, 40.0])
def test_the_cost_of_a_plan_charges_every_order_its_fixed_cost(lots):
    c = company(demand=monthly([10.0, 50, 10, 50, 10, 50], product="A", region="r"), products=[product()], operations=[buy(fixed_cost=30.0, lot_multiple=lots)])
    result = plan(c)
    held = float(result.stock_projection["closing_units"] @ np.repeat(result.network.nodes["holding"].to_numpy(), len(MONTHS)))
    assert result.objective == pytest.approx(result.supply_plan["cost"].sum() + held)
    # Before lots each month orders for itself.
    assert result.relaxed_objective == pytest.approx(6 * 30 + 180 * buy()["unit_cost"])
    assert np.isnan(lots) or any("Whole lots" in note for note in result.notes)


def test_the_fixed_cost_of_an_order_counts_once_a_month_not_once_a_unit():
    demand = monthly([100.0] * 6, product="A", region="r")
    cheap = buy() | {"operation": "per order", "unit_cost": 9.0, "fixed_cost": 50.0, "lot_multiple": 1.0, "supplier": "S"}
    dear = buy() | {"operation": "per unit", "unit_cost": 10.0, "supplier": "T"}
    # An order of a month's 100 costs 9.5 a unit there, not 59.
    result = plan(company(demand=demand, products=[product()], operations=[cheap, dear]))
    assert set(result.supply_plan["operation"]) == {"per order"} and result.objective == pytest.approx(6 * 950)
    for without_lots in (cheap | {"lot_multiple": np.nan}, cheap | {"lot_multiple": np.nan, "fixed_cost": 150.0}):
        result = plan(company(demand=demand, products=[product()], operations=[without_lots, dear]))
        wanted = {"per order"} if without_lots["fixed_cost"] == 50 else {"per unit"}
        assert set(result.supply_plan["operation"]) == wanted, "an order that costs 150 is dearer than a unit's 10 for 100 units"


def test_what_is_bought_from_nobody_by_name_is_paid_all_the_same():
    result = plan(company(demand=monthly([10.0] * 6, product="A", region="r"), products=[product()], operations=[buy() | {"supplier": None}]))
    assert result.purchase_plan.groupby("supplier")["cost"].sum().to_dict() == {"not named": pytest.approx(600.0)}
    assert likely_tests(result.capacity_load, result.purchase_plan)["late_suppliers"] == []


def kit(**more):
    """A kit of two parts; lots of the first are above what its supplier delivers in a month, those of the second are small."""
    part = {"kind": "buy", "location": "main", "lead_time_months": 0.0}
    return company(
        demand=monthly([50.0] * 6, product="A", region="r"), products=[product()],
        operations=[
            {"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 1.0},
            part | {"operation": "buy near", "item": "C", "supplier": "S", "unit_cost": 3.0, "lot_min": 100.0},
            part | {"operation": "buy D", "item": "D", "supplier": "T", "unit_cost": 3.0, "lot_multiple": 10.0}, *more.pop("operations", []),
        ],
        components=[{"operation": "make A", "item": name, "units_per": 1.0} for name in "CD"], supplier_limits=[{"supplier": "S", "max_units": 60.0}], **more,
    )  # fmt: skip


def test_nothing_is_bought_to_go_with_a_part_whose_lots_cannot_come():
    result = plan(kit())
    assert result.supply_plan.empty, "the other part alone makes nothing"
    assert result.shortages["short_units"].sum() == pytest.approx(300)


def test_another_source_comes_in_where_lots_of_the_cheap_one_cannot():
    far = {"operation": "buy far", "kind": "buy", "item": "C", "location": "main", "supplier": "U", "lead_time_months": 0.0, "unit_cost": 5.0}
    result = plan(kit(operations=[far]))
    units = result.supply_plan.groupby("operation")["units"].sum()
    assert units.to_dict() == pytest.approx({"make A": 300.0, "buy far": 300.0, "buy D": 300.0}) and result.shortages.empty


def test_what_is_short_because_other_lots_were_cut_is_not_given_up():
    """The far source comes in lots as well, and so does what the other part is made of: both want less once the near source is refused."""
    buy = {"operation": "buy far", "kind": "buy", "item": "C", "location": "main", "supplier": "U", "lead_time_months": 0.0}
    far = buy | {"unit_cost": 5.0, "lot_multiple": 10.0}
    c = kit(operations=[far])
    c["operations"] = c["operations"].replace({"operation": {"buy D": "buy E"}, "item": {"D": "E"}})
    make = {"operation": "make D", "kind": "make", "item": "D", "location": "main", "lead_time_months": 0.0, "unit_cost": 1.0}
    c["operations"] = pd.concat([c["operations"], pd.DataFrame([make])], ignore_index=True)
    c["components"] = pd.concat([c["components"], pd.DataFrame([{"operation": "make D", "item": "E", "units_per": 1.0}])], ignore_index=True)
    result = plan(c)
    units = result.supply_plan.groupby("operation")["units"].sum()
    assert units.to_dict() == pytest.approx({"make A": 300.0, "buy far": 300.0, "buy E": 300.0, "make D": 300.0}) and result.shortages.empty


def test_what_comes_from_one_supplier_by_two_ways_is_ordered_each_in_its_month():
    way = {"kind": "buy", "item": "A", "location": "main", "supplier": "S"}
    sea = way | {"operation": "sea", "lead_time_months": 3.0, "unit_cost": 10.0, "max_units": 50.0}
    ops = [way | {"operation": "air", "lead_time_months": 0.0, "unit_cost": 11.0}, sea]
    c = company(demand=monthly([0.0, 0, 0, 100, 0, 0], product="A", region="r"), products=[product()], operations=ops)
    orders = conform("purchase_plan", plan(c, patience_months=0).purchase_plan)
    assert orders.set_index("order_month")["units"].to_dict() == pytest.approx({MONTHS[0]: 50.0, MONTHS[3]: 50.0}), "both arrive in the same month"


def test_the_least_lot_is_the_minimum_in_whole_multiples():
    least = supply_lots.least_lot(np.array([90.0, 90, 0, 0]), np.array([60.0, 0, 60, 0]))
    assert least.tolist() == [120, 90, 60, 0]


def test_a_lot_that_capacity_cannot_make_is_not_made():
    c = company(
        demand=monthly([30.0] * 6, product="A", region="r"), products=[product()],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0, "lot_multiple": 40.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}], resources=[{"resource": "line", "regular_hours": 39.0}],
    )  # fmt: skip
    result = plan(c)
    assert result.supply_plan.empty and result.constrained_demand["lost_units"].sum() == pytest.approx(180)


def test_open_production_takes_its_hours():
    c = company(
        demand=monthly([30.0] * 6, product="A", region="r"), products=[product()],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 10.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}], resources=[{"resource": "line", "regular_hours": 40.0}],
        receipts=[{"receipt": "1", "kind": "production", "item": "A", "location": "main", "due_month": MONTHS[1], "units": 25.0}],
    )  # fmt: skip
    load = plan(c, frozen_months=0).capacity_load.set_index("month")
    assert load["planned_hours"].iloc[1] >= 25 and (load["planned_hours"] <= 40 + 1e-6).all()


def test_a_maximum_is_kept_where_it_can_be():
    policy = pd.DataFrame({"item": ["A"], "location": ["main"], "holding_rate": [0.1], "max_units": [5.0]})
    c = company(demand=monthly([0, 0, 60, 0, 0, 0], product="A", region="r"), products=[product()], operations=[buy(max_units=55.0)])
    result = plan(c, stock_policies=policy)
    assert result.stock_projection["closing_units"].max() <= 5 + 1e-6 and result.shortages.empty


def test_without_operations_supply_is_unlimited_and_the_plan_says_so():
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()])
    result = plan(c)
    assert result.shortages.empty and result.supply_plan["units"].sum() == pytest.approx(180)
    assert result.purchase_plan.empty
    assert any("assumes unlimited supply" in note for note in result.notes)
    assert any("starts from zero stock" in note for note in result.notes)


def test_a_product_that_nothing_makes_lives_on_its_stock():
    c = company(demand=monthly([30.0] * 6, product="A", region="r") + monthly([1.0] * 6, product="Z", region="r"), products=[product(), product(product="Z")],
                operations=[buy()], inventory=[stock(2.5, item="Z"), stock(-4.0)])  # fmt: skip
    result = plan(c)
    assert result.constrained_demand.query("product == 'Z'")["shipped_units"].sum() == pytest.approx(2.5)
    assert result.shortages["cause"].eq("nothing makes, buys or moves Z @ main").all()
    assert any("Nothing makes, buys or moves Z @ main" in n for n in result.notes) and any("negative stock" in n for n in result.notes)


def test_regions_are_served_from_their_location_through_moves():
    move = {"operation": "move A", "kind": "move", "item": "A", "from_location": "main", "location": "depot", "lead_time_months": 1.0, "unit_cost": 1.0}
    c = company(
        demand=monthly([30.0] * 6, product="A", region="r"), products=[product()], operations=[buy(), move], regions=[{"region": "r", "ship_from": "depot"}]
    )
    result = plan(c)
    moved = result.supply_plan[result.supply_plan["kind"] == "move"]
    assert moved["units"].sum() == pytest.approx(180) and moved["month"].min() == MONTHS[1]
    assert result.shortages["month"].tolist() == [MONTHS[0]]


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        ("operations", "unit_cost", -3.0, "operations.unit_cost of 'buy A' is -3.0; expected a finite number, zero or more"),
        ("operations", "lead_time_months", np.inf, "operations.lead_time_months of 'buy A' is inf"),
        ("operations", "lot_multiple", 0.0, "operations.lot_multiple of 'buy A' is 0.0; expected a finite number above zero"),
        ("demand", "units", np.nan, "demand.units of 'A' is nan"),
        ("products", "unit_price", -1.0, "products.unit_price of 'A' is -1.0"),
    ],
)
def test_bad_numbers_are_caught_before_the_solver(name, column, value, message):
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()], operations=[buy()])
    c[name] = c[name].assign(**{column: value})
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        plan(c)


def test_a_move_that_leaves_nowhere_is_refused_by_name():
    move = {"operation": "move A", "kind": "move", "item": "A", "location": "depot", "lead_time_months": 0.0, "unit_cost": 1.0}
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()], operations=[buy(), move])
    with pytest.raises(ValueError, match=r"operations\.from_location of 'move A' is blank; expected the location that a move leaves$"):
        plan(c)


def test_a_bill_with_a_cycle_is_refused_by_name():
    make = {"kind": "make", "location": "main", "lead_time_months": 0.0, "unit_cost": 1.0}
    c = company(demand=monthly([30.0] * 6, product="A", region="r"), products=[product()],
                operations=[{"operation": "a", "item": "A"} | make, {"operation": "b", "item": "B"} | make],
                components=[{"operation": "a", "item": "B", "units_per": 1.0}, {"operation": "b", "item": "A", "units_per": 1.0}])  # fmt: skip
    with pytest.raises(ValueError, match="a bill of material has a cycle: A needs B needs A|a bill of material has a cycle: B needs A needs B"):
        plan(c)


def test_an_unknown_resource_is_refused_by_name():
    c = company(
        demand=monthly([30.0] * 6, product="A", region="r"),
        products=[product()],
        operations=[buy()],
        loads=[{"operation": "buy A", "resource": "ghost", "hours_per_unit": 1.0}],
    )
    with pytest.raises(ValueError, match="loads.resource ghost is not in resources"):
        plan(c)
