"""Commissions in the join go on from the fiscal year to date, as the pay report has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, table

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import commissions, pay_months
from sop_helpers.planning.join_money import Terms, commissions_by_month, profit_and_loss
from sop_helpers.planning.join_setup import JOIN_TABLES, commissions_due, selling_side

NEXT = pd.date_range("2026-10-01", periods=8, freq="MS", unit="us")
PLANS = pd.DataFrame({
    "plan": "P", "tier": ["base", "more", "top"], "from_attainment": [0, 1, 1.25], "to_attainment": [1, 1.25, np.nan], "rate": [0.02, 0.03, 0.04],
    "cap": np.nan,
})
REPS = pd.DataFrame({"rep": ["a", "b"], "comp_plan": ["P", None], "on_target_earnings": [np.nan, 4800.0], "variable_share": [np.nan, 0.5]})


def sold(rep: str, bookings: list[float], quota: float = 100.0) -> pd.DataFrame:
    return pd.DataFrame({"month": NEXT[: len(bookings)], "rep": rep, "quota": quota, "bookings": bookings})


def so_far(**reps: tuple[float, float, int]) -> pd.DataFrame:
    return pd.DataFrame([(rep, *values) for rep, values in reps.items()], columns=["rep", "quota", "bookings", "months"])


def test_the_first_months_sit_on_the_tier_that_the_year_has_reached():
    # The year from April asks 1200. 900 are in, then 100 a month: 1200 are reached in December, 1500 (125 %) in March; April begins a new year.
    paid = commissions_by_month(sold("a", [100.0] * 7), REPS, PLANS, 4, so_far(a=(600.0, 900.0, 6)))
    assert paid.tolist() == pytest.approx([2, 2, 2, 3, 3, 3, 2])
    # Ahead of plan, the months ahead climb both steps.
    ahead = commissions_by_month(sold("a", [300.0] * 6), REPS, PLANS, 4, so_far(a=(600.0, 1100.0, 6)))
    # 1400: 100 at 2 %, 200 at 3 %; 1700: 100 at 3 %, 200 at 4 %; then all at 4 %
    assert ahead.tolist() == pytest.approx([8, 11, 12, 12, 12, 12])
    # Without the year to date the same months would pay as if it began now.
    assert commissions_by_month(sold("a", [100.0] * 6), REPS, PLANS, 4).tolist() == pytest.approx([2.0] * 6)


def test_a_retroactive_plan_catches_up_in_the_month_of_its_step():
    back = PLANS.assign(mode="retroactive")
    paid = commissions_by_month(sold("a", [100.0] * 6), REPS, back, 4, so_far(a=(600.0, 1050.0, 6)))
    # 1150 at 2 %; 1250 at 3 % is 37.5 less 23 already earned; 1350 and 1450 at 3 %; 1550 at 4 % is 62 less 43.5
    assert paid.tolist() == pytest.approx([2, 14.5, 3, 3, 18.5, 4])


def test_on_target_earnings_and_caps_are_of_the_part_of_the_year_that_a_rep_has():
    # b: 2400 variable a year. Six months begun and six planned are a year: 200 a month at quota.
    known = commissions_by_month(sold("b", [100.0] * 6), REPS, PLANS, 4, so_far(b=(600.0, 300.0, 6)))
    assert known.tolist() == pytest.approx([200.0] * 6)
    # Hired now: half a year's variable for half a year's quota, beside somebody who was there all year.
    both = pd.concat([sold("a", [100.0] * 6), sold("b", [100.0] * 6)])
    assert commissions_by_month(both, REPS, PLANS, 4, so_far(a=(600.0, 600.0, 6))).tolist() == pytest.approx([202.0] * 6)
    # A cap of 24 a year, 18 of it earned: 2 a month are paid until nothing is left.
    capped = commissions_by_month(sold("a", [100.0] * 6), REPS, PLANS.assign(cap=24.0), 4, so_far(a=(600.0, 900.0, 6)))
    assert capped.tolist() == pytest.approx([2, 2, 2, 0, 0, 0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 3000), min_size=12, max_size=12), st.integers(0, 11))
def test_year_to_date_and_months_ahead_add_up_to_the_year(amounts, known):
    year = pd.date_range("2026-04-01", periods=12, freq="MS", unit="us")
    table = pd.DataFrame({"month": year, "rep": "a", "quota": 1000.0, "bookings": amounts})
    past, ahead = table.iloc[:known], table.iloc[known:]
    begun = so_far(a=(past["quota"].sum(), past["bookings"].sum(), known)) if known else None
    paid = commissions_by_month(ahead, REPS, PLANS, 4, begun)
    report = pay_months.commission_months(table, REPS, PLANS).set_index("month")["commission"]
    assert paid.to_numpy() == pytest.approx(report.loc[ahead["month"]].to_numpy(), abs=1e-6)
    whole = commissions.rep_pay(pd.DataFrame({"rep": ["a"], "quota": 12_000.0, "bookings": sum(amounts)}), REPS, PLANS)["pay"].sum()
    assert paid.sum() + report.iloc[:known].sum() == pytest.approx(whole, abs=1e-6)


def test_the_year_to_date_is_what_was_credited_with_shared_deals_moved():
    reps = conform("reps", table("reps", [{"rep": r, "region": "north", "start_month": pd.Timestamp("2020-01-01")} for r in "ab"]))
    months = pd.date_range("2026-03-01", periods=7, freq="MS", unit="us")
    quotas = conform("quotas", table("quotas", [{"month": m, "rep": r, "quota": 100.0, "bookings": 90.0} for m in months for r in "ab"]))
    deal = {"opportunity": "o", "product": None, "family": "F", "region": "north", "rep": "a", "stage": "s", "amount": 50.0, "units": 1.0,
            "created": pd.Timestamp("2026-01-02"), "closed": pd.Timestamp("2026-05-10"), "outcome": "won"}  # fmt: skip
    splits = conform("splits", table("splits", [{"opportunity": "o", "rep": r, "share": s} for r, s in (("a", 0.6), ("b", 0.4))]))
    given = {name: empty(name) for name in JOIN_TABLES} | {"reps": reps, "quotas": quotas, "splits": splits}
    given["opportunities"] = conform("opportunities", table("opportunities", [deal]))
    policy = {"ramp": [1.0], "expected_attainment": 1.0, "attrition_rate": 0.0}
    found = selling_side(given, MONTHS[0], policy, 4).begun.set_index("rep")
    assert found["quota"].tolist() == [600, 600] and found["months"].tolist() == [6, 6]
    assert found["bookings"].to_dict() == {"a": 6 * 90 - 20, "b": 6 * 90 + 20}
    # September's commission is paid in October, whichever fiscal year it belongs to: a has reached 460 of 600 less 20 before it, all at 2 %.
    given["comp_plans"] = conform("comp_plans", table("comp_plans", PLANS.to_dict("records")))
    given["reps"] = reps.assign(comp_plan="P")
    for fiscal_start in (4, 10):
        assert commissions_due(given, MONTHS[0], fiscal_start) == pytest.approx(2 * 90 * 0.02)
    money = profit_and_loss({"commissions": pd.Series(7.0, MONTHS)}, MONTHS, Terms(commissions=3.6))
    cash = money[(money["statement"] == "cash") & (money["line"] == "commissions")].set_index("month")["money"]
    assert cash.iloc[0] == -3.6 and (cash.iloc[1:] == -7).all()
    assert commissions_due(given | {"reps": empty("reps")}, MONTHS[0], 4) == 0.0
    assert selling_side(given, MONTHS[0], policy, 10).begun.empty, "a fiscal year that begins with the plan has nothing before it"
