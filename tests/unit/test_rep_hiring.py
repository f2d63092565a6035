"""Band of capacity, hiring plan, measured ramp, tenure."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import rep_hiring
from sop_helpers.planning.rep_capacity import rep_capacity

MONTHS = pd.date_range("2026-01-01", periods=18, freq="MS", unit="us")
RAMP = [0.0, 0.5, 1.0]


def staff(count: int = 10, attrition: float = 0.0, started: str = "2020-01-01", region: str = "N", expected: float = 1.0) -> pd.DataFrame:
    reps = pd.DataFrame({"rep": [f"{region}{i}" for i in range(count)], "region": region, "start_month": pd.Timestamp(started), "end_month": pd.NaT})
    reps["end_month"] = reps["end_month"].astype("datetime64[us]")
    quotas = reps[["rep"]].merge(pd.DataFrame({"month": MONTHS}), how="cross").assign(quota=100.0)
    return rep_capacity(reps, quotas, MONTHS, RAMP, expected, attrition)


def test_without_any_spread_the_band_is_the_capacity():
    band = rep_hiring.capacity_band(staff(expected=0.9), [0.7], common=0.0)
    np.testing.assert_allclose(band[["low", "high"]], np.c_[band["expected"], band["expected"]])
    assert band["expected"].eq(900).all() and band["region"].isna().sum() == 18


def test_the_band_of_leavers_is_that_of_a_binomial():
    """After 12 months 100 reps at 20 % attrition stay as a binomial of p = 0.8 ** (12.5 / 12) says."""
    from scipy.stats import binom

    table = staff(100, 0.2)
    band = rep_hiring.capacity_band(table, [], common=0.0, runs=4000)
    row = band[band["region"].isna() & (band["month"] == MONTHS[12])].iloc[0]
    low, high = (100 * q for q in binom.ppf([0.1, 0.9], 100, 0.8 ** (12.5 / 12)))
    assert row["low"] == pytest.approx(low, abs=100) and row["high"] == pytest.approx(high, abs=100)


def test_all_regions_together_spread_less_than_their_sum_and_the_seed_decides():
    both = pd.concat([staff(5), staff(5, region="S")])
    band = rep_hiring.capacity_band(both, [0.5, 1.0, 1.5], common=0.0)
    width = (band["high"] - band["low"]).groupby(band["region"].fillna("all")).sum()
    assert width["all"] < width["N"] + width["S"] and width["all"] > 0
    again, other = (rep_hiring.capacity_band(both, [0.5, 1.0, 1.5], seed=seed) for seed in (0, 1))
    pd.testing.assert_frame_equal(rep_hiring.capacity_band(both, [0.5, 1.0, 1.5]), again)
    assert not again.equals(other)


def test_a_lasting_gap_is_closed_by_hires_that_start_after_the_lead_time():
    """1,000 a month and 1,250 wanted: three reps of 100, as soon as the lead time lets them start; none later."""
    table = staff()
    gap = pd.DataFrame({"month": MONTHS, "region": "N", "gap": -250.0})
    need = rep_hiring.hiring_need(gap, table, RAMP, lead_months=2, cost_each=9.0)
    row = need.iloc[0]
    assert len(need) == 1 and row["hires"] == 3 and row["cost"] == 27 and row["left"] == 0
    assert (row["decide_month"], row["start_month"], row["closes_month"]) == (MONTHS[0], MONTHS[2], MONTHS[4])
    assert row["brings"] == pytest.approx(3 * (50 + 100 * 14))


def test_a_peak_of_one_month_hires_nobody_and_no_gap_neither():
    gap = pd.DataFrame({"month": MONTHS, "region": "N", "gap": np.where(np.arange(18) == 9, -100.0, 50.0)})
    assert rep_hiring.hiring_need(gap, staff(), RAMP).empty


def test_hires_start_so_that_their_ramp_ends_when_the_gap_opens():
    gap = pd.DataFrame({"month": MONTHS, "region": "N", "gap": np.where(np.arange(18) >= 8, -100.0, 0.0)})
    need = rep_hiring.hiring_need(gap, staff(), RAMP, lead_months=1, window=1, least=1)
    assert need["hires"].sum() == 1 and need["closes_month"].iloc[0] == MONTHS[8]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-500, 500), min_size=18, max_size=18), st.floats(0, 0.4), st.integers(0, 6))
def test_after_the_hires_nothing_lasting_is_left(gaps, attrition, lead):
    need = rep_hiring.hiring_need(pd.DataFrame({"month": MONTHS, "region": "N", "gap": gaps}), staff(), RAMP, lead, attrition)
    assert (need["left"] >= -1e-6).all() and (need["hires"] % 1 == 0).all() and (need["start_month"] >= MONTHS[lead]).all() and (need["gap"] < 0).all()


def test_the_ramp_is_read_from_newcomers_beside_settled_reps():
    reps = pd.DataFrame({"rep": ["old", "new"], "region": "N", "start_month": [pd.Timestamp("2020-01-01"), MONTHS[0]]})
    booked = pd.DataFrame({"month": np.repeat(MONTHS[:3], 2), "rep": ["old", "new"] * 3, "quota": 100.0, "bookings": [200.0, 20, 100, 60, 100, 90]})
    table = rep_hiring.measured_ramp(booked, reps, RAMP)
    assert table["measured"].tolist() == [0.1, 0.6, 0.9] and table["policy"].tolist() == RAMP and table["months_at_work"].tolist() == [1, 2, 3]
    tenure = rep_hiring.attainment_by_group(booked, reps)
    assert tenure["group"].tolist() == ["first half year", "longer"]
    np.testing.assert_allclose(tenure["attainment"], [170 / 300, 400 / 300])
    assert rep_hiring.attainment_by_group(booked, reps, "training_cohort").empty
    cohort = rep_hiring.attainment_by_group(booked, reps.assign(training_cohort=["2020", "2026"]), "training_cohort")
    assert cohort["group"].tolist() == ["2020", "2026"]


def test_leave_takes_its_share_of_a_month():
    leave = pd.DataFrame({"rep": ["N0", "N0", "N1"], "month": MONTHS[0], "share": [0.6, 0.6, 0.25]})
    table = rep_hiring.on_leave(staff(2), leave)
    assert table.loc[table["month"] == MONTHS[0], "capacity"].tolist() == [0, 75] and table.loc[table["month"] > MONTHS[0], "capacity"].eq(100).all()


def test_work_and_cost_by_region():
    accounts = pd.DataFrame({"account": list("ab"), "region": "N", "workload": [1500.0, 900.0]})
    work = rep_hiring.workload_by_region(accounts, staff(3), 1200).iloc[0]
    assert work["reps_needed"] == 2 and work["difference"] == 1
    reps = pd.DataFrame({"rep": ["N0", "N1"], "on_target_earnings": [120.0, np.nan]})
    cost = rep_hiring.force_cost(staff(2), reps).iloc[0]
    assert cost["earnings"] == pytest.approx(120) and cost["per_head"] == pytest.approx(1200) and cost["unknown"] == 1 and cost["cost"] == pytest.approx(0.05)
