"""Stress tests: what each changes, what it costs, and what cannot be tested."""

from __future__ import annotations

import pandas as pd
import pytest
from supply_networks import MONTHS, random_company

from sop_helpers.planning.stress import stress_tests
from sop_helpers.planning.supply import plan_supply


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


def test_two_weeks_count_where_they_pass_the_half_month():
    c = with_supplier(0)
    late = stress_tests(c, MONTHS, late_suppliers=["S"])["S 2 weeks late"]
    bought = c["operations"]["kind"] == "buy"
    longer = late["operations"]["lead_time_months"] - c["operations"]["lead_time_months"]
    assert longer[bought].tolist() == pytest.approx([14 / (365.25 / 12)] * bought.sum()) and (longer[~bought] == 0).all()
    assert (late["receipts"]["due_month"] == c["receipts"]["due_month"]).all()
    much = stress_tests(c, MONTHS, late_suppliers=["S"], weeks_late=3.0)["S 3 weeks late"]
    assert (much["receipts"]["due_month"] == c["receipts"]["due_month"] + pd.DateOffset(months=1)).all()


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
