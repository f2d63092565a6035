"""Stress tests: what each changes, what it costs, and what cannot be tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company

from sop_helpers.planning.stress import WEEKS_PER_MONTH, stress_tests
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_orders import late_shares


def with_supplier(seed):
    c = random_company(seed)
    bought = c["operations"]["kind"] == "buy"
    return c | {"operations": c["operations"].assign(supplier=c["operations"]["supplier"].mask(bought, "S")), "receipts": c["receipts"].assign(supplier="S")}


def cost(c):
    return plan_supply(**c, months=MONTHS, whole_lots=False).objective


@pytest.mark.parametrize("seed", range(5))
def test_a_stop_or_a_late_supplier_never_makes_a_plan_cheaper(seed):
    c = with_supplier(seed)
    tests = stress_tests(c, MONTHS, [("line", MONTHS[2])], ["S"], weeks_late=5.0)
    assert list(tests) == ["line stops in 2026-12", "S 5 weeks late", "demand +10 %"]
    base = cost(c)
    assert cost(tests["line stops in 2026-12"]) >= base - 1e-6
    assert cost(tests["S 5 weeks late"]) >= base - 1e-6


def test_a_stopped_line_has_no_hours_that_month_only():
    c = with_supplier(3)
    before = c["resources"].copy()
    load = plan_supply(**stress_tests(c, MONTHS, [("line", MONTHS[2])])["line stops in 2026-12"], months=MONTHS).capacity_load
    stopped = load["month"] == MONTHS[2]
    assert load.loc[stopped, ["available_hours", "overtime_limit", "planned_hours"]].to_numpy().max() == pytest.approx(0, abs=1e-6)
    assert (load.loc[~stopped, "available_hours"] == before["regular_hours"].iloc[0]).all()
    pd.testing.assert_frame_equal(c["resources"], before)


HALF = WEEKS_PER_MONTH / 2


def one_item(receipts, demand, lead):
    """One item that a supplier sells at 1, without stock."""
    bought = {"item": "A", "location": "main", "supplier": "S"}
    return company(
        products=[{"product": "A", "name": "A", "family": "F", "unit_price": 9.0, "unit_cost": 1.0}],
        operations=[{"operation": "buy A", "kind": "buy", "lead_time_months": lead, "unit_cost": 1.0, **bought}],
        receipts=[{"receipt": f"r{m:%m}", "kind": "purchase", "due_month": m, "units": u, **bought} for m, u in receipts],
        regions=[{"region": "N", "ship_from": "main"}],
        demand=monthly(demand, product="A", region="N"),
    )


def test_half_a_month_late_moves_half_of_what_is_on_order_into_the_next_month():
    c = one_item([(m, 100.0) for m in MONTHS[:3]], [100.0, 100.0, 100.0, 0.0, 0.0, 0.0], lead=6.0)
    assert plan_supply(**c, months=MONTHS).shortages.empty
    late = stress_tests(c, MONTHS, late_suppliers=["S"], weeks_late=HALF)[f"S {HALF:g} weeks late"]
    assert (late["receipts"]["due_month"] == c["receipts"]["due_month"]).all(), "what was promised stays"
    plan = plan_supply(**late, months=MONTHS)
    assert plan.stock_projection["open_receipts"].tolist() == pytest.approx([50.0, 100.0, 100.0, 50.0, 0.0, 0.0])
    assert plan.shortages["short_units"].tolist() == pytest.approx([50.0, 50.0, 50.0])
    assert (plan.shortages["recovered_month"] == plan.shortages["month"] + pd.DateOffset(months=1)).all()


def test_what_the_plan_orders_comes_half_a_month_late_too():
    c = one_item([], [0.0, 0.0, 0.0, 100.0, 0.0, 0.0], lead=1.0)
    late = stress_tests(c, MONTHS, late_suppliers=["S"], weeks_late=HALF)[f"S {HALF:g} weeks late"]
    base, plan = (plan_supply(**tables, months=MONTHS, frozen_months=0, holding_rate=0.24) for tables in (c, late))
    assert plan.supply_plan[["month", "units"]].values.tolist() == [[MONTHS[2], pytest.approx(100.0)]], "ordered a month earlier"
    stock = plan.stock_projection
    assert stock["planned_receipts"].tolist() == pytest.approx([0.0, 0.0, 50.0, 50.0, 0.0, 0.0])
    assert stock["closing_units"].tolist() == pytest.approx([0.0, 0.0, 50.0, 0.0, 0.0, 0.0])
    assert plan.objective - base.objective == pytest.approx(50 * 1.0 * 0.24 / 12), "half of it lies a month in stock"


def test_two_weeks_cost_something():
    c = with_supplier(0)
    late = stress_tests(c, MONTHS, late_suppliers=["S"])["S 2 weeks late"]
    mine = c["operations"]["kind"] == "buy"
    assert late["operations"].loc[mine, "months_late"].tolist() == pytest.approx([14 / (365.25 / 12)] * mine.sum())
    assert (late["operations"].loc[~mine, "months_late"] == 0).all() and "months_late" not in c["operations"]
    assert cost(late) > cost(c)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=6))
def test_shares_add_up_and_keep_the_mean_delay(delays):
    share = late_shares(pd.Series(delays), len(delays))
    assert share.sum(axis=0) == pytest.approx(np.ones(len(delays)))
    assert np.arange(len(share)) @ share == pytest.approx(np.array(delays))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stops": [("press", MONTHS[0])]}, "'press', which is not in resources"),
        ({"stops": [("line", pd.Timestamp("2030-01-01"))]}, "2030-01; expected a month from 2026-10"),
        ({"late_suppliers": ["nobody"]}, "'nobody' late, which is the supplier of no"),
        ({"weeks_late": -1.0}, "weeks_late is -1.0"),
        ({"demand_factor": float("nan")}, "demand_factor is nan"),
    ],
)
def test_what_cannot_be_tested_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        stress_tests(with_supplier(0), MONTHS, **wrong)
