"""Rep capacity: ramp, attrition, totals, and what nobody sells."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import quotas as quotas_module
from sop_helpers.planning import rep_capacity, rep_capacity_band

RAMP = [0.25, 0.5, 0.75, 1.0]
MONTHS = pd.date_range("2026-10-01", periods=12, freq="MS", unit="us")


@pytest.fixture
def reps() -> pd.DataFrame:
    rows = {"rep": ["a", "b", "c"], "region": ["N", "N", None], "start_month": pd.to_datetime(["2020-01-01", "2026-11-01", "2024-01-01"]),
            "end_month": pd.to_datetime([None, None, "2026-12-01"])}
    return conform("reps", pd.DataFrame(rows))


@pytest.fixture
def quotas() -> pd.DataFrame:
    rows = [(m, rep, q) for m in MONTHS for rep, q in (("a", 100.0), ("c", 60.0))]
    return conform("quotas", pd.DataFrame(rows, columns=["month", "rep", "quota"]))


def test_ramp_rises_and_holds():
    assert rep_capacity.ramp_share([-1, 0, 1, 2, 3, 4, 99], RAMP).tolist() == [0, 0.25, 0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize("ramp", [[], [0.5, 1.2], [-0.1]])
def test_a_ramp_outside_0_to_1_is_refused(ramp):
    with pytest.raises(ValueError, match="between 0 and 1"):
        rep_capacity.ramp_share([1], ramp)


def test_people_count_from_their_first_to_their_last_month(reps):
    staff = rep_capacity.rep_months(reps, MONTHS, RAMP)
    assert staff[staff["rep"] == "c"]["month"].max() == pd.Timestamp("2026-12-01")
    new = staff[staff["rep"] == "b"]
    assert new["month"].min() == pd.Timestamp("2026-11-01") and new["ramp"].tolist()[:5] == [0.25, 0.5, 0.75, 1, 1]


def test_capacity_is_quota_x_ramp_x_attainment_less_attrition(reps, quotas):
    staff = rep_capacity.rep_capacity(reps, quotas, MONTHS, RAMP, 0.9, 0.15, MONTHS[0])
    np.testing.assert_allclose(staff["capacity"], staff["full_quota"] * staff["ramp"] * 0.9 * staff["stay"])
    own = staff[staff["rep"] == "a"]
    assert own["stay"].is_monotonic_decreasing and own["stay"].iloc[0] < 1
    assert own["stay"].iloc[-1] == pytest.approx(0.85 ** (11.5 / 12))
    # A rep without quota is taken to carry the mean of the region.
    assert staff.loc[staff["rep"] == "b", "full_quota"].eq(100).all()


def test_past_heads_are_known_and_do_not_leave(reps, quotas):
    staff = rep_capacity.rep_capacity(reps, quotas, MONTHS, RAMP, 1.0, 0.15, pd.Timestamp("2027-04-01"))
    assert staff.loc[staff["month"] < "2027-04-01", "stay"].eq(1).all()


def test_region_totals_are_the_sum_of_reps_and_all_quota_and_plan_is_there(reps, quotas):
    plan = pd.DataFrame({"month": MONTHS[:3], "region": ["N", "S", "N"], "revenue": [10.0, 20.0, 30.0]})
    staff = rep_capacity.rep_capacity(reps, quotas, MONTHS, RAMP, 0.9, 0.15)
    table = conform("sales_capacity", rep_capacity.sales_capacity(staff, quotas, reps, plan, MONTHS))
    assert table["capacity"].sum() == pytest.approx(staff["capacity"].sum())
    assert table["quota"].sum() == quotas["quota"].sum() and table["plan_revenue"].sum() == 60
    np.testing.assert_allclose(table["gap"], table["capacity"] - table["plan_revenue"])
    assert set(table["region"]) == {"N", "S", "not stated"}


def test_hires_close_the_gap_and_one_less_does_not():
    need = rep_capacity.hires_needed(-1000, 50, 12, RAMP)
    brought = 50 * (0.25 + 0.5 + 0.75 + 9)
    assert need * brought >= 1000 > (need - 1) * brought
    assert rep_capacity.hires_needed(10, 50, 12, RAMP) == 0
    assert np.isnan(rep_capacity.hires_needed(-10, 0, 12, RAMP))


def test_gap_by_region_adds_up(reps, quotas):
    plan = pd.DataFrame({"month": MONTHS, "region": "N", "revenue": 500.0})
    staff = rep_capacity.rep_capacity(reps, quotas, MONTHS, RAMP)
    table = rep_capacity.sales_capacity(staff, quotas, reps, plan, MONTHS)
    gaps = rep_capacity.gap_by_region(table, staff, RAMP)
    assert gaps["gap"].sum() == pytest.approx(table["gap"].sum()) and gaps["region"].iloc[0] == "N" and gaps["hires"].iloc[0] > 0


def test_without_reps_there_is_no_capacity():
    staff = rep_capacity.rep_capacity(empty("reps"), empty("quotas"), MONTHS, RAMP, 0.9, 0.1, MONTHS[0])
    assert conform("sales_capacity", rep_capacity.sales_capacity(staff, empty("quotas"), empty("reps"), empty("demand_plan"), MONTHS)).empty


def test_no_best_size_without_diminishing_returns():
    with pytest.raises(ValueError, match="exponent"):
        rep_capacity.response_size(1, 1, 1.0)


def test_leave_takes_its_share_of_a_month() -> None:
    months = pd.date_range("2026-01-01", periods=2, freq="MS", unit="us")
    reps = pd.DataFrame({"rep": ["a", "b"], "region": "N", "start_month": pd.Timestamp("2020-01-01")})
    reps["end_month"] = pd.Series([pd.NaT] * 2, dtype="datetime64[us]")
    staff = rep_capacity.rep_capacity(reps, pd.DataFrame({"month": months[0], "rep": ["a", "b"], "quota": 100.0}), months, [1.0])
    leave = pd.DataFrame({"rep": ["a", "a", "b"], "month": months[0], "share": [0.6, 0.6, 0.25]})
    away = rep_capacity.on_leave(staff, leave).set_index(["rep", "month"])
    runs = rep_capacity_band.capacity_runs(away.reset_index(), reps, [1.0], [], common=0.0, runs=5)
    assert (runs == [75.0, 200.0]).all().all()
    assert away["capacity"].tolist() == [0, 75, 100, 100] and away["ramp"].tolist() == [0, 0.75, 1, 1]


def test_quotas_of_quarters_are_spread_over_their_months(reps):
    later = pd.date_range("2027-01-01", periods=12, freq="MS", unit="us")
    for stamps, first in ((("2026-03", "2026-06", "2026-09"), 1), (("2026-01", "2026-04", "2026-07"), 1), (("2026-02", "2026-05", "2026-08"), 2)):
        quarters = conform("quotas", pd.DataFrame({"month": stamps, "rep": "a", "quota": 300.0, "bookings": 270.0}))
        spread = quotas_module.by_months(quarters, first)
        assert spread["quota"].tolist() == [100.0] * 9 and spread["bookings"].tolist() == [90.0] * 9 and spread["month"].is_monotonic_increasing
        assert spread["month"].iloc[0] == pd.Timestamp(2026, first, 1)
        assert rep_capacity.rep_capacity(reps.head(1), spread, later, RAMP)["capacity"].sum() == pytest.approx(1200)
    monthly = conform("quotas", pd.DataFrame({"month": MONTHS, "rep": "a", "quota": 100.0}))
    assert quotas_module.by_months(monthly)["quota"].tolist() == [100.0] * 12


def test_quotas_that_are_ramped_already_are_not_ramped_again(reps):
    new = reps.head(1).assign(rep="n", start_month=MONTHS[0])
    stated = pd.DataFrame({"month": MONTHS[:6], "rep": "n", "quota": [25.0, 50.0, 75.0, 100.0, 100.0, 100.0]})
    full = rep_capacity.unramped(stated, new, RAMP)
    assert full["quota"].tolist() == [100.0] * 6
    staff = rep_capacity.rep_capacity(new, full, MONTHS, RAMP)
    assert staff["capacity"].tolist() == pytest.approx([25.0, 50.0, 75.0] + [100.0] * 9)
    assert rep_capacity.unramped(stated, new, [0.0, 1.0])["month"].tolist() == list(MONTHS[1:6]), "a month without productivity tells nothing"


def test_nobody_leaves_before_the_first_day(reps, quotas):
    hire = reps.head(1).assign(rep="h", start_month=pd.Timestamp("2027-04-01"))
    staff = rep_capacity.rep_capacity(hire, quotas, MONTHS, RAMP, 1.0, 0.3, MONTHS[0])
    assert staff["stay"].iloc[0] == pytest.approx(0.7 ** (0.5 / 12)) and staff["month"].iloc[0] == pd.Timestamp("2027-04-01")
    runs = rep_capacity_band.capacity_runs(staff, hire, [1.0], [1.0], 1.0, 0.3, MONTHS[0], common=0.0, runs=4000)
    assert runs.iloc[:, 0].mean() == pytest.approx(staff["full_quota"].iloc[0] * 0.7 ** (0.5 / 12), rel=0.01)
