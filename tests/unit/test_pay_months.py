"""Pay by rep and month, with its parts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import empty
from sop_helpers.planning import commissions, pay_months

MONTHS = pd.date_range("2026-01-01", periods=3, freq="MS", unit="us")
REPS = pd.DataFrame({"rep": ["a", "b"], "comp_plan": "P", "on_target_earnings": np.nan, "variable_share": np.nan})
PLANS = pd.DataFrame({"plan": "P", "tier": ["base", "more"], "from_attainment": [0.0, 1.0], "to_attainment": [1.0, np.nan], "rate": [0.1, 0.2],
                      "effective_from": pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]")})
DEALS = pd.DataFrame({"opportunity": ["D1", "D2"], "rep": "a", "amount": [100.0, 40.0], "family": "F", "outcome": "won",
                      "closed": pd.to_datetime(["2026-01-10", "2026-02-20"])})


def booked(a, b=(100.0, 100.0, 100.0)) -> pd.DataFrame:
    return pd.DataFrame({"month": np.tile(MONTHS, 2), "rep": np.repeat(["a", "b"], 3), "quota": 100.0, "bookings": [*a, *b]})


def pay(table, **given) -> pd.DataFrame:
    names = {"splits": "deal_splits", "spifs": "spifs", "draws": "draws", "cancelled": "cancellations"}
    return pay_months.pay_by_month(table, REPS, PLANS, given.pop("deals", DEALS), **{k: given.get(k, empty(v)) for k, v in names.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 500), min_size=3, max_size=3))
def test_the_months_add_up_to_the_pay_of_the_year(a):
    table, whole = pay(booked(a)), commissions.dated_pay(booked(a), REPS, PLANS).set_index("rep")["pay"]
    np.testing.assert_allclose(table.groupby("rep")["paid"].sum(), whole, atol=1e-6)
    assert (table[["spif", "draw", "clawback", "owed"]] == 0).all().all()


def test_a_month_is_paid_by_the_year_to_date():
    """300 in the first month are above the quota to date, but not above that of the year: what was paid early is settled later."""
    assert pay(booked((300.0, 0, 0)))["commission"].iloc[::2].round(9).tolist() == [10 + 40, -10, -10]


def test_shared_deals_move_credit_and_keep_the_total():
    splits = pd.DataFrame({"opportunity": ["D1", "D1"], "rep": ["a", "b"], "share": [0.7, 0.3]})
    table, alone = pay(booked((100.0, 100, 100)), splits=splits), pay(booked((100.0, 100, 100)))
    assert table["bookings"].sum() == alone["bookings"].sum() and table.loc[:1, "bookings"].tolist() == [70, 130]
    with pytest.raises(ValueError, match="add up to 0.7; expected 1"):
        pay(booked((1.0, 1, 1)), splits=splits.head(1))


def test_bonuses_draws_and_cancelled_deals_are_parts_of_what_is_paid():
    spifs = pd.DataFrame({"spif": ["S"], "first_day": pd.Timestamp("2026-01-01"), "last_day": pd.Timestamp("2026-02-28"), "family": None, "per_deal": 5.0,
                          "rate": 0.1, "cap": 20.0})
    draws = pd.DataFrame({"rep": ["a"], "draw": [8.0], "recoverable": [True]})
    cancelled = pd.DataFrame({"opportunity": ["D2"], "cancelled": pd.Timestamp("2026-03-05"), "share": [0.5]})
    table = pay(booked((0.0, 100, 100)), spifs=spifs, draws=draws, cancelled=cancelled)
    a = table[table["rep"] == "a"].set_index("month")
    assert a["spif"].tolist() == [0, 20, 0] and a["commission"].tolist() == [0, 10, 10]
    # 8 in advance, kept back from what is above 8 afterwards.
    assert a["draw"].tolist() == [8, -2, -2] and a["owed"].tolist() == [8, 6, 4]
    assert a["clawback"].tolist() == [0, 0, pytest.approx(-0.5 * 40 * 0.1)]
    np.testing.assert_allclose(table["paid"], table[["commission", "spif", "draw", "clawback"]].sum(axis=1))
    guaranteed = pay(booked((0.0, 100, 100)), draws=draws.assign(recoverable=False))
    assert guaranteed.loc[guaranteed["rep"] == "a", "draw"].tolist() == [8, 0, 0] and (guaranteed["owed"] == 0).all()


def test_a_rep_who_is_not_there_yet_draws_nothing():
    late = booked((0.0, 0, 0)).iloc[2:]
    table = pay(late, draws=pd.DataFrame({"rep": ["a"], "draw": [8.0], "recoverable": [True]}), deals=DEALS.head(0))
    assert table.loc[table["rep"] == "a", "owed"].tolist() == [8]


def test_credit_from_a_shared_deal_before_the_first_quota_draws_nothing():
    splits = pd.DataFrame({"opportunity": ["D1", "D1"], "rep": ["b", "a"], "share": [0.5, 0.5]})
    late = booked((0.0, 0, 0)).drop(index=[0])
    table = pay(late, splits=splits, draws=pd.DataFrame({"rep": ["a"], "draw": [8.0], "recoverable": [True]}))
    a = table[table["rep"] == "a"]
    assert a["quota"].tolist() == [0, 100, 100] and a["draw"].iloc[0] == 0 and a["bookings"].iloc[0] == -50


def test_without_bookings_there_is_no_pay():
    assert pay(booked((0.0, 0, 0)).head(0)).empty
