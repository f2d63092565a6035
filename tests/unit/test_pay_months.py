"""Payout by month: its parts add up, the months to the year, and credit moves between reps without loss."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import commissions, pay_months

MONTH = pd.Timestamp("2026-10-01")
YEAR = pd.date_range("2026-04-01", periods=12, freq="MS", unit="us")
PLANS = pd.DataFrame({
    "plan": "P", "tier": ["base", "more", "top"], "from_attainment": [0, 1, 1.25], "to_attainment": [1, 1.25, np.nan], "rate": [0.02, 0.03, 0.04],
    "cap": np.nan,
})
REPS = pd.DataFrame({
    "rep": ["a", "b"], "name": ["A", "B"], "comp_plan": "P", "on_target_earnings": np.nan, "variable_share": np.nan, "draw": [np.nan, 15.0],
})
NONE = pd.DataFrame()


def sold(a, b) -> pd.DataFrame:
    rows = [pd.DataFrame({"month": YEAR, "rep": rep, "quota": 1000.0, "bookings": np.asarray(x, float)}) for rep, x in (("a", a), ("b", b))]
    return pd.concat(rows, ignore_index=True).assign(actual=lambda t: t["month"] < MONTH)


def deals(**more) -> pd.DataFrame:
    rows = {"opportunity": ["o1", "o2"], "rep": ["a", "b"], "amount": [500.0, 300.0], "family": ["F", "G"], "outcome": "won"}
    return pd.DataFrame({**rows, "closed": pd.to_datetime(["2026-05-10", "2026-06-20"]), **more})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 4000), min_size=24, max_size=24))
def test_the_months_add_up_to_the_pay_of_the_year_and_no_month_is_below_zero(amounts):
    table = sold(amounts[:12], amounts[12:])
    months = pay_months.commission_months(table, REPS, PLANS)
    year = commissions.rep_pay(table.groupby("rep", as_index=False)[["quota", "bookings"]].sum(), REPS, PLANS).set_index("rep")["pay"]
    assert np.allclose(months.groupby("rep")["commission"].sum(), year) and (months["commission"] > -1e-6).all()
    plan = pay_months.commission_plan(table, REPS, PLANS, NONE, NONE, NONE, MONTH)
    assert np.allclose(plan["payout"], plan["commission"] + plan["spif"] + plan["draw"] - plan["clawback"])
    # A recoverable draw is only an advance: what is still owed at the end is all that was paid beyond commission.
    last = plan.groupby("rep").tail(1).set_index("rep")
    assert np.allclose(plan.groupby("rep")["payout"].sum(), plan.groupby("rep")["commission"].sum() + last["owed"])


def test_a_month_under_the_draw_is_paid_the_draw_and_a_guarantee_is_not_owed():
    table = sold(np.full(12, 1000.0), np.r_[0.0, np.full(11, 1000.0)])
    plan = pay_months.commission_plan(table, REPS, PLANS, NONE, NONE, NONE, MONTH).set_index(["rep", "month"]).loc["b"]
    # 20 a month is earned: 15 in April are drawn, 5 kept back in each of the next three
    assert plan["payout"].tolist()[:5] == pytest.approx([15, 15, 15, 15, 20]) and plan["owed"].tolist()[:5] == pytest.approx([15, 10, 5, 0, 0])
    kept = pay_months.commission_plan(table, REPS, PLANS, NONE, NONE, NONE, MONTH, recoverable=False)
    assert kept["owed"].eq(0).all() and kept.loc[kept["rep"] == "b", "payout"].tolist()[:2] == pytest.approx([15, 20])


def test_spifs_pay_in_the_month_of_their_last_day_and_clawback_when_cancelled():
    table = sold(np.full(12, 1000.0), np.full(12, 1000.0))
    days = pd.to_datetime
    spifs = pd.DataFrame({
        "spif": ["s", "t"], "first_day": days(["2026-05-01", "2026-05-01"]), "last_day": days(["2026-06-30", "2026-12-31"]), "family": [None, None],
        "per_deal": [50.0, 9.0], "rate": [0.1, np.nan], "cap": [90.0, np.nan],
    })
    off = pd.DataFrame({"opportunity": ["o1"], "cancelled": days(["2026-08-15"]), "share": [0.5]})
    plan = pay_months.commission_plan(table, REPS, PLANS, deals(), spifs, off, MONTH).set_index(["rep", "month"])
    june, august = pd.Timestamp("2026-06-01"), pd.Timestamp("2026-08-01")
    assert plan["spif"].sum() == 170 and plan.loc[("a", june), "spif"] == 90 and plan.loc[("b", june), "spif"] == 80
    assert plan["clawback"].sum() == plan.loc[("a", august), "clawback"] == pytest.approx(0.5 * 500 * 0.02)
    # too late after closing
    assert pay_months.commission_plan(table, REPS, PLANS, deals(), NONE, off, MONTH, days=60)["clawback"].sum() == 0


def test_a_split_moves_credit_and_loses_none():
    year = sold(np.full(12, 1000.0), np.full(12, 1000.0))
    year.loc[year["month"] >= MONTH, "bookings"] = np.nan
    staff = year[["month", "rep"]].assign(capacity=700.0)
    splits = pd.DataFrame({"opportunity": ["o1", "o1"], "rep": ["a", "b"], "share": [0.6, 0.4]})
    plain, moved = (pay_months.year_bookings(year, staff, deals(), s, MONTH).set_index(["rep", "month"])["bookings"] for s in (splits.head(0), splits))
    change = (moved - plain)[lambda d: d != 0]
    assert change.to_dict() == {("a", pd.Timestamp("2026-05-01")): -200, ("b", pd.Timestamp("2026-05-01")): 200}
    assert moved.sum() == plain.sum() == 2 * (6 * 1000 + 6 * 700)


def test_a_plan_that_changes_pays_each_month_by_the_version_in_force():
    new = PLANS.assign(rate=PLANS["rate"] * 2, effective_from=pd.Timestamp("2026-06-01"))
    both = pd.concat([PLANS.assign(effective_from=pd.NaT), new], ignore_index=True)
    paid = pay_months.commission_months(sold(np.full(12, 500.0), np.zeros(12)), REPS, both)
    assert paid.loc[paid["rep"] == "a", "commission"].tolist()[:3] == pytest.approx([10, 10, 20])


def test_nobody_draws_before_the_first_month_at_work():
    table = sold(np.full(12, 1000.0), np.zeros(12))
    late = table[(table["rep"] == "a") | (table["month"] >= "2026-08-01")]
    plan = pay_months.commission_plan(late, REPS, PLANS, NONE, NONE, NONE, MONTH).set_index(["rep", "month"]).loc["b"]
    assert plan["payout"].tolist() == [15.0] * 8 and plan["owed"].iloc[-1] == 120


def test_what_is_taken_back_of_a_shared_deal_is_taken_from_each():
    table = sold(np.full(12, 1000.0), np.full(12, 1000.0))
    off = pd.DataFrame({"opportunity": ["o1"], "cancelled": pd.to_datetime(["2026-08-15"]), "share": [1.0]})
    shared = pd.DataFrame({"opportunity": "o1", "rep": ["a", "b"], "share": 0.5})
    plan = pay_months.commission_plan(table, REPS, PLANS, deals(), NONE, off, MONTH, splits=shared).groupby("rep")["clawback"].sum()
    assert plan.tolist() == pytest.approx([5.0, 5.0])


def test_who_has_left_is_paid_what_was_earned_and_gives_back_what_was_cancelled():
    table = sold(np.full(12, 1000.0), np.full(12, 1000.0))
    left = table[(table["rep"] == "b") | (table["month"] <= pd.Timestamp("2026-06-01"))]
    spifs = pd.DataFrame({"spif": ["s"], "first_day": pd.to_datetime(["2026-05-01"]), "last_day": pd.to_datetime(["2026-09-30"]), "family": [None],
                          "per_deal": [500.0], "rate": [np.nan], "cap": [np.nan]})
    off = pd.DataFrame({"opportunity": ["o1"], "cancelled": pd.to_datetime(["2026-09-10"]), "share": [1.0]})
    plan = pay_months.commission_plan(left, REPS, PLANS, deals(), spifs, off, MONTH).set_index(["rep", "month"])
    row = plan.loc[("a", pd.Timestamp("2026-09-01"))]
    assert row["spif"] == 500 and row["clawback"] == pytest.approx(500 * 0.02) and row["payout"] == pytest.approx(490) and bool(row["actual"])
    before = deals(closed=pd.to_datetime(["2026-03-20", "2026-06-20"]))
    plan = pay_months.commission_plan(table, REPS, PLANS, before, NONE, off, MONTH)
    assert plan["clawback"].sum() == pytest.approx(500 * 0.02), "won in the year before: at the first band's rate"
    nothing_paid = pay_months.commission_plan(table.assign(bookings=0.0), REPS, PLANS, deals(), NONE, off, MONTH)
    assert nothing_paid["clawback"].sum() == 0, "no more than was paid"


def test_a_deal_is_taken_back_at_the_rate_of_its_month_and_spifs_follow_the_split():
    table = sold(np.full(12, 1000.0), np.full(12, 1000.0))
    later = pd.concat([PLANS.assign(effective_from=pd.NaT), PLANS.assign(effective_from=pd.Timestamp("2026-07-01"), rate=0.01)])
    off = pd.DataFrame({"opportunity": ["o1"], "cancelled": pd.to_datetime(["2026-08-15"]), "share": [1.0]})
    plan = pay_months.commission_plan(table, REPS, later, deals(), NONE, off, MONTH)
    assert plan["clawback"].sum() == pytest.approx(500 * 0.02), "won in May at 2 %, whatever is paid since July"
    spifs = pd.DataFrame({"spif": ["s"], "first_day": pd.to_datetime(["2026-05-01"]), "last_day": pd.to_datetime(["2026-06-30"]), "family": ["F"],
                          "per_deal": [50.0], "rate": [0.01], "cap": [np.nan]})
    shared = pd.DataFrame({"opportunity": "o1", "rep": ["a", "b"], "share": [0.6, 0.4]})
    paid = pay_months.commission_plan(table, REPS, PLANS, deals(), spifs, NONE, MONTH, splits=shared).groupby("rep")["spif"].sum()
    assert paid.tolist() == pytest.approx([0.6 * 55, 0.4 * 55])


def test_a_deal_of_an_owner_without_quota_is_taken_out_of_nothing():
    table = sold(np.full(12, 1000.0), np.full(12, 1000.0)).query("rep == 'b'")
    shared = pd.DataFrame({"opportunity": "o1", "rep": ["a", "b"], "share": 0.5})
    staff = pd.DataFrame(columns=["month", "rep", "capacity"])
    out = pay_months.year_bookings(table.drop(columns="actual"), staff, deals(), shared, MONTH).set_index(["rep", "month"])["bookings"]
    may = pd.Timestamp("2026-05-01")
    assert out["a", may] == 250.0 and out["b", may] == 1250.0


def test_a_draw_is_kept_back_in_a_month_without_quota():
    table = sold(np.full(12, 1000.0), np.r_[0.0, 1000.0, np.full(10, 0.0)])
    table.loc[(table["rep"] == "b") & (table["month"] != YEAR[0]), "quota"] = 0.0
    table.loc[(table["rep"] == "b") & (table["month"] == YEAR[0]), "quota"] = 12_000.0
    plan = pay_months.commission_plan(table, REPS, PLANS, NONE, NONE, NONE, MONTH).set_index(["rep", "month"]).loc["b"]
    assert plan["payout"].tolist()[:2] == pytest.approx([15, 5]) and plan["owed"].tolist()[:2] == pytest.approx([15, 0])
