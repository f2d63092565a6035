"""Limits that orders share in the supply plan: suppliers, places, yields, shelf life, made to order; each on an example of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company, table

from sop_helpers.planning.stock_health import stock_health
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model


def plan(c, **rules):
    return plan_supply(**c, months=MONTHS, **rules)


def shop(demand, *, product=None, operation=None, **more):
    buy = {"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 10.0}
    return company(
        demand=monthly(demand, product="A", region="r"), operations=[buy | (operation or {})],
        products=[{"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 10.0} | (product or {})], **more,
    )  # fmt: skip


def arrivals(result):
    return result.supply_plan.groupby("month")["units"].sum().reindex(MONTHS, fill_value=0.0).tolist()


def test_a_supplier_delivers_no_more_than_it_can_over_all_items():
    c = shop([30.0, 30, 90, 30, 30, 30], supplier_limits=[{"supplier": "S", "max_units": 50.0}, {"supplier": "S", "month": MONTHS[3], "max_units": 10.0}])
    result = plan(c)
    assert arrivals(result) == pytest.approx([50, 50, 50, 10, 30, 30], abs=1e-6) or max(arrivals(result)) <= 50 + 1e-6
    assert arrivals(result)[3] <= 10 + 1e-6 and result.shortages["short_units"].sum() > 0


def test_a_supplier_may_be_limited_in_money_and_what_is_on_order_counts():
    receipts = [{"receipt": "R", "kind": "purchase", "item": "A", "location": "main", "due_month": MONTHS[1], "units": 20.0, "supplier": "S"}]
    c = shop([60.0] * 6, supplier_limits=[{"supplier": "S", "max_value": 400.0}], receipts=receipts)
    units = arrivals(plan(c, frozen_months=0))
    assert units[0] == pytest.approx(40) and units[1] == pytest.approx(20) and max(units) <= 40 + 1e-6


def test_space_is_kept_where_it_can_be_and_overrun_at_its_price():
    c = shop([0.0, 0, 0, 80, 0, 0], operation={"max_units": 30.0}, location_limits=[{"location": "main", "max_units": 25.0, "over_cost": 0.5}])
    roomy = plan(c).stock_projection["closing_units"]
    assert roomy.max() == pytest.approx(50) and plan(c).shortages.empty
    dear = shop([0.0, 0, 0, 80, 0, 0], operation={"max_units": 30.0}, location_limits=[{"location": "main", "max_units": 25.0, "over_cost": 90.0}])
    assert plan(dear).stock_projection["closing_units"].max() == pytest.approx(25)


def test_a_yield_takes_more_components_and_hours():
    c = company(
        demand=monthly([90.0] * 6, product="A", region="r"), products=[{"product": "A", "family": "F", "unit_price": 50.0, "unit_cost": 20.0}],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 5.0, "yield_share": 0.9},
                    {"operation": "buy C", "kind": "buy", "item": "C", "location": "main", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 4.0}],
        components=[{"operation": "make A", "item": "C", "units_per": 2.0}], loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 0.5}],
        resources=[{"resource": "line", "regular_hours": 100.0}],
    )  # fmt: skip
    result = plan(c)
    bought = result.supply_plan.loc[result.supply_plan["kind"] == "buy", "units"].sum()
    assert bought == pytest.approx(6 * 90 * 2 / 0.9) and result.capacity_load["planned_hours"].tolist() == pytest.approx([50.0] * 6)
    c["operations"] = c["operations"].assign(yield_share=[0.0, np.nan])
    with pytest.raises(ValueError, match=r"operations\.yield_share of 'make A' is 0\.0; expected a share from 0\.001 to 1"):
        plan(c)
    c["operations"] = c["operations"].assign(yield_share=[90.0, np.nan])
    with pytest.raises(ValueError, match=r"operations\.yield_share of 'make A' is 90\.0; expected a share from 0\.001 to 1"):
        plan(c)


def test_nothing_is_kept_beyond_its_shelf_life():
    c = shop([10.0, 10, 10, 10, 100, 0], product={"shelf_life_months": 2.0}, operation={"last_month": MONTHS[1]})
    keeps = plan(c, lost_sale_rate=5.0)
    closing = keeps.stock_projection["closing_units"].to_numpy()
    issues = keeps.stock_projection["issues"].to_numpy()
    for t in range(4):
        assert closing[t] <= issues[t + 1 : t + 3].sum() + 1e-6
    assert keeps.constrained_demand["lost_units"].sum() == pytest.approx(100)
    forever = shop([10.0, 10, 10, 10, 100, 0], operation={"last_month": MONTHS[1]})
    assert plan(forever, lost_sale_rate=5.0).constrained_demand["lost_units"].sum() == pytest.approx(0)


def test_stock_that_cannot_be_used_in_time_is_scrapped():
    stock = [{"month": pd.Timestamp("2026-09-01"), "item": "A", "location": "main", "on_hand": 100.0}]
    c = shop([10.0] * 6, product={"shelf_life_months": 2.0}, inventory=stock)
    result = plan(c)
    s = result.stock_projection
    shipped = result.constrained_demand["shipped_units"].sum()
    assert s["issues"].sum() - shipped == pytest.approx(100 - 30, abs=1e-6), "three months can be served from it"
    assert s["scrapped_units"].sum() == pytest.approx(100 - 30, abs=1e-6)
    told = stock_health(c["inventory"], s, table("inventory_targets", []), c["products"]).iloc[0]
    assert told["obsolete_units"] == pytest.approx(80.0) and np.isnan(told["cover_months"]), "what is thrown away is no use of it"
    assert np.allclose(s["closing_units"], s["opening_units"] + s["planned_receipts"] + s["open_receipts"] - s["issues"])


def test_what_is_made_to_order_is_never_built_ahead():
    limit = {"max_units": 60.0}
    targets = monthly([20.0] * 6, item="A", location="main")
    stocked = plan(shop([30.0, 30, 100, 30, 30, 0], operation=limit, targets=targets))
    ordered = plan(shop([30.0, 30, 100, 30, 30, 0], operation=limit, targets=targets, product={"made_to": "order"}), patience_months=6)
    assert stocked.stock_projection["closing_units"].max() > 0
    assert ordered.stock_projection[["closing_units", "target_units"]].max().max() == pytest.approx(0)
    assert ordered.constrained_demand["backlog_units"].max() == pytest.approx(40) and ordered.constrained_demand["lost_units"].sum() == 0


def test_money_prices_of_holding_and_lateness_come_before_rates():
    c = shop([10.0] * 6, product={"backorder_cost": 3.0}, stock_policies=[{"item": "A", "location": "main", "holding_cost": 1.5, "holding_rate": 0.9}])
    net = build_network(**c, months=MONTHS)
    assert net.series["late"].tolist() == [3.0] and net.nodes["holding"].tolist() == [1.5]


def test_no_row_of_a_limit_is_dropped():
    c = random_company(1) | {
        "supplier_limits": table("supplier_limits", [{"supplier": "S", "max_units": 50.0}]),
        "location_limits": table("location_limits", [{"location": "plant", "max_units": 80.0}, {"location": "depot", "max_units": 80.0}]),
    }
    c["products"]["shelf_life_months"] = 2.0
    model = build_model(build_network(**c, months=MONTHS))
    size = {name: con.labels.size for name, con in model.constraints.items()}
    months = len(MONTHS)
    assert (size["supplier S units"], size["space of plant"], size["space of depot"], size["shelf life of 2"]) == (months, months, months, 5 * (months - 2))
    assert size["balance"] == 5 * months


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_random_companies_with_limits_always_get_a_plan_that_keeps_them(seed):
    draw = np.random.default_rng(seed)
    most, room = float(draw.integers(0, 150)), float(draw.integers(0, 100))
    c = random_company(seed)
    c["products"] = c["products"].assign(shelf_life_months=[1.0, 2.5, np.nan])
    result = plan(c, supplier_limits=table("supplier_limits", [{"supplier": "S", "max_units": most}]),
                  location_limits=table("location_limits", [{"location": "plant", "max_units": room}]))  # fmt: skip
    bought = result.supply_plan[result.supply_plan["kind"] == "buy"].groupby("month")["units"].sum()
    assert (bought <= most + 1e-6).all()
    s = result.stock_projection.sort_values(["item", "location", "month"])
    assert np.allclose(s["closing_units"], s["opening_units"] + s["planned_receipts"] + s["open_receipts"] - s["issues"], atol=1e-5)
    assert s["closing_units"].min() > -1e-5
    b = s[s["item"] == "B"].groupby("location")
    for _, rows in b:
        closing, issues = rows["closing_units"].to_numpy(), rows["issues"].to_numpy()
        assert all(closing[t] <= issues[t + 1 : t + 3].sum() + 1e-5 for t in range(4))


def profit(result, products):
    """Revenue less what is paid, with stock kept at the end valued as the plan values it."""
    price = products.set_index("product")["unit_price"]
    served = result.constrained_demand
    earned = (served["shipped_units"] * served["product"].map(price)).sum()
    lost = (served["lost_units"] * served["product"].map(result.network.series.set_index("product")["lost"].groupby(level=0).first())).sum()
    return earned - (result.objective - lost)


def test_profit_leaves_unserved_what_costs_more_than_it_earns_and_cost_serves_it():
    c = shop([30.0] * 6, product={"unit_price": 9.0})
    agreed, worth = (plan(c, objective=o) for o in ("cost", "profit"))
    assert agreed.constrained_demand["shipped_units"].sum() == pytest.approx(180)
    assert worth.constrained_demand["shipped_units"].sum() == pytest.approx(0)
    assert profit(worth, c["products"]) > profit(agreed, c["products"])
    gainful = shop([30.0] * 6)
    assert plan(gainful, objective="profit").constrained_demand["shipped_units"].sum() == pytest.approx(180)
    with pytest.raises(ValueError, match="objective 'revenue' is unknown"):
        plan(c, objective="revenue")


def test_people_who_make_the_last_unit_do_not_drain_safety_stock():
    c = company(
        demand=monthly([50.0] * 6, product="A", region="r"), targets=monthly([40.0] * 6, item="A", location="main"),
        products=[{"product": "A", "family": "F", "unit_price": 60.0, "unit_cost": 1.0}],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 1.0}],
        loads=[{"operation": "make A", "resource": "crew", "hours_per_unit": 2.0}],
        resources=[{"resource": "crew", "regular_hours": 1000.0, "workers": 10.0, "wage": 100.0, "hire_cost": 1.0, "layoff_cost": 0.0,
                    "hours_per_worker": 10.0}],
        inventory=[{"month": pd.Timestamp("2026-09-01"), "item": "A", "location": "main", "on_hand": 40.0}],
    )  # fmt: skip
    # The standard cost leaves the wages out, yet what is missing at the end is priced with them.
    assert plan(c).stock_projection["closing_units"].tolist() == pytest.approx([40.0] * 6)
