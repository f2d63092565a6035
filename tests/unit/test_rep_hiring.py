"""Capacity with its band, ramp as measured, and hires that respect lead time and ramp."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import rep_capacity as rc
from sop_helpers.planning import rep_capacity_band as band
from sop_helpers.planning import rep_hiring as hiring

MONTH = pd.Timestamp("2026-10-01")
MONTHS = pd.date_range(MONTH, periods=18, freq="MS", unit="us")
RAMP = [0.0, 0.5, 1.0]


def team(size=10, start="2020-01-01", region="N"):
    names = [f"{region}{i}" for i in range(size)]
    rows = {"rep": names, "region": region, "start_month": pd.Timestamp(start), "end_month": pd.NaT, "on_target_earnings": 120.0}
    return pd.DataFrame(rows).astype({"start_month": "datetime64[us]", "end_month": "datetime64[us]"})


def quota(reps, months=MONTHS, amount=100.0):
    return reps[["rep"]].merge(pd.DataFrame({"month": months}), how="cross").assign(quota=amount, bookings=np.nan)


def runs_of(reps, **more):
    staff = rc.rep_capacity(reps, quota(reps), MONTHS, RAMP, 0.9, more.get("attrition_rate", 0.0), MONTH)
    return staff, band.capacity_runs(staff, reps, RAMP, more.pop("attained", [0.6, 1.4]), 0.9, begin=MONTH, runs=4000, **more)


def test_without_any_spread_each_run_is_the_plan():
    staff, runs = runs_of(team(), attained=[1.1], common=0.0)
    assert np.allclose(runs, staff.groupby(["month", "region"])["capacity"].sum().to_numpy())


def test_the_mean_of_the_runs_is_the_expected_capacity_and_the_spread_that_of_the_draws():
    staff, runs = runs_of(team(), attrition_rate=0.3, common=0.0)
    assert np.allclose(runs.mean(), staff.groupby(["month", "region"])["capacity"].sum(), rtol=0.03)
    # ten reps who each bring 90 x 0.6 or 90 x 1.4: sd of the sum 90 x 0.4 x sqrt(10), in the first month with the few leavers on top
    assert runs.iloc[:, 0].std() == pytest.approx(36 * np.sqrt(10), rel=0.05)
    pd.testing.assert_frame_equal(runs, runs_of(team(), attrition_rate=0.3, common=0.0)[1])


def test_a_new_rep_makes_the_band_wider_by_the_pace_of_the_ramp():
    _, runs = runs_of(team(1, "2026-10-01"), attained=[1.0], common=0.0)
    assert set(runs.iloc[:, 1].round(6)) == {0.0, 45.0, 90.0} and set(runs.iloc[:, 5].round(6)) == {90.0}


def test_edges_hold_the_middle_of_the_runs_and_regions_do_not_add_up():
    reps = pd.concat([team(5), team(5, region="S")], ignore_index=True)
    staff, runs = runs_of(reps)
    table = band.with_band(rc.sales_capacity(staff, quota(reps), reps, pd.DataFrame(), MONTHS), runs)
    inside = (runs.to_numpy() >= table["low"].to_numpy()) & (runs.to_numpy() <= table["high"].to_numpy())
    assert inside.mean() == pytest.approx(0.8, abs=0.05) and (table["low"] < table["capacity"]).all() and (table["capacity"] < table["high"]).all()
    total = band.month_band(runs)
    assert ((total["high"] - total["low"]).to_numpy() < table.groupby("month").apply(lambda t: (t["high"] - t["low"]).sum()).to_numpy()).all()
    assert len(band.capacity_runs(staff.iloc[:0], reps, RAMP, [])) == 1000 and band.month_band(pd.DataFrame()).empty


def test_the_ramp_is_measured_against_tenured_reps_of_the_same_months():
    past = pd.date_range("2026-01-01", periods=9, freq="MS", unit="us")
    reps = pd.concat([team(3), team(2, "2026-04-01", "S")], ignore_index=True).assign(training=["a"] * 3 + ["b"] * 2)
    sold = quota(reps, past)
    sold["bookings"] = np.where(sold["month"].dt.month % 2, 120.0, 80.0)  # the season of all
    new = sold["rep"].str.startswith("S")
    age = sold["month"].dt.month - 4
    sold.loc[new, "bookings"] *= np.select([age == 0, age == 1], [0.1, 0.4], 1.0)[new]
    worked = band.tenure_months(reps, sold, MONTH)
    found = band.measured_ramp(worked, pd.Series(100.0, worked.index), RAMP)
    assert found["measured"].tolist() == pytest.approx([0.1, 0.4, 1.0]) and found["planned"].tolist() == RAMP and (found["rep_months"] == 2).all()
    groups = band.enablement(worked)
    assert groups.loc[groups["group"] == "training", "value"].tolist() == ["a", "b"]
    assert groups.loc[groups["value"] == "over 3 years", "attainment"].item() == pytest.approx((120 * 5 + 80 * 4) / 900)


def need_of(gap, reps=None, **more):
    reps = team(4) if reps is None else reps
    staff = rc.rep_capacity(reps, quota(reps), MONTHS, RAMP)
    table = pd.DataFrame({"month": MONTHS, "region": "N", "heads": 4.0, "capacity": 400.0, "plan_revenue": 400.0 - np.asarray(gap), "gap": gap})
    return hiring.hiring_need(table, staff, reps, RAMP, MONTH, **more), table


def test_hires_respect_lead_time_and_ramp_and_none_is_idle():
    need, table = need_of(np.full(18, -250.0), lead_months=3, hiring_cost=10.0)
    first = need.iloc[0]
    # twelve months from January: short 3,000; a hire brings 0 + 50 + 10 x 100 = 1,050
    assert (first["start_month"], first["decide_by"], first["ramped_from"]) == (pd.Timestamp("2027-01-01"), MONTH, pd.Timestamp("2027-03-01"))
    assert first["hires"] == 2 and first["gap"] == 3000 and first["brings"] == 2 * (50 + 13 * 100) and first["cost"] == 2 * (10 + 15 * 10)
    assert hiring.too_late(table, MONTH, 3) == 750
    assert (need["start_month"] >= pd.Timestamp("2027-01-01")).all()


@pytest.mark.parametrize("gap", [np.zeros(18), np.full(18, 50.0), np.full(18, -20.0)])
def test_no_hire_where_none_would_be_used_up(gap):
    assert need_of(gap)[0].empty


def test_later_hires_count_earlier_ones():
    need, _ = need_of(np.r_[np.full(9, -100.0), np.full(9, -400.0)], lead_months=3)
    total = need["hires"].sum()
    assert 2 <= total <= 4 and need["start_month"].is_monotonic_increasing
    assert need_of(np.full(18, -250.0), lead_months=40)[0].empty


def test_economics_and_sizing():
    reps = team(4)
    staff = rc.rep_capacity(reps, quota(reps), MONTHS, RAMP)
    budget = pd.DataFrame({"month": MONTHS, "region": "N", "revenue": 500.0})
    row = hiring.region_economics(rc.sales_capacity(staff, quota(reps), reps, budget, MONTHS), staff, reps, budget).iloc[0]
    assert (row["heads"], row["capacity"], row["budget_gap"], row["capacity_per_head"], row["cost"]) == (4, 4800, -1200, 1200, 480)
    accounts = pd.DataFrame({"region": ["N"] * 3, "workload": [100.0, 200, 300]})
    # 100 a rep and year at exponent 0.5: profit 200 sqrt(n) - 120 n is best at (200 / 240)^2
    size = hiring.sizing(accounts, reps, pd.Series({"N": 400.0}), MONTH, 100.0, 0.5).iloc[0]
    assert (size["reps"], size["by_workload"]) == (4, 6)
    # ... which nobody has seen: no size is named beyond today's and one more or fewer.
    assert (200 / 240) ** 2 < size["fewest"] and (size["fewest"], size["most"], size["by_response"], size["says"]) == (3, 5, 3, hiring.FALLS)
    # A rep costs 120: at exponent 0.5 the fifth brings 200 (sqrt 5 - 2), and four would be the best where 400 e / 4 = 120.
    assert size["next_rep"] == pytest.approx(200 * (5**0.5 - 2) - 120) and size["break_even"] == pytest.approx(1.2)
    fair = hiring.sizing(accounts, reps, pd.Series({"N": 1920.0}), MONTH, 100.0, 0.5, 0.25).iloc[0]
    assert fair["break_even"] == 0.25 and fair["by_low"] == pytest.approx(4) and (fair["by_response"], fair["says"]) == (5, hiring.RISES + hiring.OPEN)
    seen = pd.DataFrame({"region": ["N"], "fewest": 2.0, "most": 18.0})
    wide = hiring.sizing(accounts, reps, pd.Series({"N": 1920.0}), MONTH, 100.0, 0.5, 0.25, 0.5, seen=seen)
    assert wide.loc[0, ["fewest", "most"]].tolist() == [1, 19] and wide.loc[0, "by_response"] == pytest.approx(16)
    assert wide.loc[0, "says"] == hiring.INSIDE + hiring.OPEN, "the fifth costs more than it brings at the low end"
    assert fair["next_low"] == pytest.approx(1920 * (1.25**0.25 - 1) - 120)
    assert np.isnan(hiring.sizing(accounts, reps, pd.Series(dtype=float), MONTH).loc[0, ["by_workload", "by_response"]].astype(float)).all()
