"""Quotas: to the cent, sum over sum, bands at their edges."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import quotas

MONTH = pd.Timestamp("2026-10-01")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("decimals", [0, 2])
def test_a_split_adds_up_to_the_last_cent_and_is_fair(seed, decimals):
    rng = np.random.default_rng(seed)
    weights = pd.Series(rng.random(int(rng.integers(1, 60))), index=None).rename(lambda i: f"r{i}")
    target = round(float(rng.random() * 1e7), decimals)
    parts = quotas.split_target(target, weights, decimals=decimals)
    assert round(parts.sum() * 10**decimals) == round(target * 10**decimals)
    assert (parts - target * weights / weights.sum()).abs().max() <= 10.0**-decimals + 1e-9


def test_held_values_stay_and_the_rest_is_shared():
    parts = quotas.split_target(100.0, pd.Series({"a": 1, "b": 1, "c": 1, "d": 5}), held={"d": 10.01})
    assert parts["d"] == 10.01 and parts.sum() == pytest.approx(100) and sorted(parts[:3]) == [29.99, 30.0, 30.0]


@pytest.mark.parametrize("weights, held, word", [
    ({"a": 1.0}, {"x": 1.0}, "x"), ({"a": -1.0}, {}, "negative"), ({"a": 1.0, "b": 1.0}, {"a": 200.0}, "exceed"), ({"a": 0.0}, {}, "no part"),
])
def test_impossible_splits_are_refused_by_name(weights, held, word):
    with pytest.raises(ValueError, match=word):
        quotas.split_target(100.0, pd.Series(weights), held)


def test_bands_at_their_edges():
    table = quotas.bands(pd.Series([0.49, 0.5, 0.79, 0.8, 0.999, 1.0, 1.2, 1.21, np.nan])).set_index("band")["reps"]
    assert table.tolist() == [1, 2, 2, 2, 1]
    assert quotas.share_at_quota(pd.Series([1.0, 0.99, np.nan])) == 0.5
    assert np.isnan(quotas.share_at_quota(pd.Series([np.nan])))


def test_fiscal_years():
    assert quotas.fiscal_year_start(pd.Timestamp("2026-03-01"), 4) == pd.Timestamp("2025-04-01")
    assert quotas.fiscal_year_start(pd.Timestamp("2026-04-01"), 4) == pd.Timestamp("2026-04-01")


def test_to_date_starts_anew_with_the_fiscal_year():
    frame = pd.DataFrame({"month": pd.date_range("2026-03-01", periods=2, freq="MS"), "quota": 10.0, "bookings": [20.0, 5.0]})
    assert quotas.attainment_to_date(frame, 4)["to_date"].tolist() == [2.0, 0.5]


@pytest.fixture
def book() -> pd.DataFrame:
    months = pd.date_range("2026-01-01", "2026-12-01", freq="MS")
    rows = [(m, rep, 10.0, b if m < MONTH else 99.0) for m in months for rep, b in (("a", 12.0), ("b", 5.0))]
    return conform("quotas", pd.DataFrame(rows, columns=["month", "rep", "quota", "bookings"]))


def test_bookings_of_the_month_planned_are_not_known(book):
    known = quotas.with_bookings(book, empty("opportunities"), MONTH)
    assert known.loc[known["month"] >= MONTH, "bookings"].isna().all()


def test_won_deals_stand_in_for_months_without_credit(book):
    bare = book.assign(bookings=np.nan)
    deals = pd.DataFrame({"rep": ["a"], "closed": [pd.Timestamp("2026-02-17")], "amount": [7.0], "outcome": ["won"]})
    known = quotas.with_bookings(bare, deals, MONTH).set_index(["month", "rep"])["bookings"]
    assert known[(pd.Timestamp("2026-02-01"), "a")] == 7 and known.sum() == 7


def test_the_plan_by_rep_adds_up(book):
    known = quotas.with_bookings(book, empty("opportunities"), MONTH)
    due = pd.to_datetime(["2026-11-01", "2026-12-31", "2027-01-01"])
    deals = pd.DataFrame({"rep": ["a", "b", "b"], "expected_close": due, "amount": [6.0, 75.0, 99.0], "outcome": "open"})
    table = conform("quota_plan", quotas.quota_plan(known, empty("reps"), deals, MONTH)).set_index("rep")
    assert table["quota_to_date"].sum() + table["quota_to_go"].sum() == book["quota"].sum()
    np.testing.assert_allclose(table["attainment"], [1.2, 0.5])
    assert table.loc["a", "coverage"] == pytest.approx(6 / 12) and table.loc["b", "coverage"] == pytest.approx(75 / 75)


def test_no_quota_no_attainment(book):
    known = quotas.with_bookings(book.assign(quota=0.0), empty("opportunities"), MONTH)
    assert quotas.quota_plan(known, empty("reps"), empty("opportunities"), MONTH)["attainment"].isna().all()
    assert quotas.quota_plan(empty("quotas"), empty("reps"), empty("opportunities"), MONTH).empty
    assert np.isnan(quotas.over_assignment(5, 0))


def test_who_won_nothing_in_a_recorded_month_booked_nothing():
    months = pd.date_range("2026-06-01", periods=5, freq="MS", unit="us")
    table = conform("quotas", pd.DataFrame([(m, rep, 10.0) for m in months for rep in ("a", "b")], columns=["month", "rep", "quota"]))
    deals = pd.DataFrame({"rep": ["a", "a"], "outcome": "won", "closed": pd.to_datetime(["2026-07-05", "2026-09-05"]), "amount": 100.0})
    booked = quotas.with_bookings(table, deals, MONTH).pivot(index="month", columns="rep", values="bookings")
    assert booked["a"].iloc[1:4].tolist() == [100.0, 0.0, 100.0] and booked["b"].iloc[1:4].tolist() == [0.0] * 3
    assert booked.iloc[[0, 4]].isna().all().all(), "before the first win on record, and ahead"
    credited = quotas.with_bookings(table.assign(bookings=[5.0, np.nan] * 5), deals, MONTH).pivot(index="month", columns="rep", values="bookings")
    assert credited["b"].iloc[:4].tolist() == [0.0] * 4, "a single blank is no booking"
