"""Splits, SPIFs, draws and clawback: nothing is paid twice, nothing is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import pay_events


@pytest.fixture
def deals() -> pd.DataFrame:
    days = pd.to_datetime(["2026-03-05", "2026-03-20", "2026-04-02"])
    return pd.DataFrame({"opportunity": ["o1", "o2", "o3"], "rep": ["a", "a", "b"], "amount": [100.0, 200.0, 50.0], "closed": days, "family": ["X", "Y", "X"]})


def test_split_credit_adds_up_to_the_deal(deals):
    splits = pd.DataFrame({"opportunity": ["o1", "o1"], "rep": ["a", "b"], "share": [0.7, 0.3]})
    credit = pay_events.split_credit(deals, splits)
    assert credit.groupby("opportunity")["credit"].sum().to_dict() == {"o1": 100, "o2": 200, "o3": 50}
    assert credit.groupby("rep")["credit"].sum().to_dict() == {"a": pytest.approx(270), "b": pytest.approx(80)}
    assert pay_events.split_credit(deals, splits.head(0))["credit"].sum() == 350


@pytest.mark.parametrize("rows, message", [
    ([("o1", "a", 0.7), ("o1", "b", 0.4)], "shares of opportunity o1 add up to 1.1; expected 1"),
    ([("o9", "a", 1.0)], "opportunity o9 is not among the deals"), ([("o1", "a", -0.2), ("o1", "b", 1.2)], "share of a in o1 is -0.2"),
])
def test_bad_splits_are_named(deals, rows, message):
    with pytest.raises(ValueError, match=message):
        pay_events.split_credit(deals, pd.DataFrame(rows, columns=["opportunity", "rep", "share"]))


def test_spifs_pay_for_what_closed_in_their_days(deals):
    march = {"first_day": pd.Timestamp("2026-03-01"), "last_day": pd.Timestamp("2026-03-31")}
    rules = pd.DataFrame([
        march | {"spif": "X push", "family": "X", "per_deal": 30.0, "rate": np.nan, "cap": np.nan},
        march | {"spif": "all", "family": None, "per_deal": np.nan, "rate": 0.1, "cap": 25.0},
    ])
    paid = pay_events.spif_pay(deals, rules).set_index("spif")
    assert paid["pay"].to_dict() == {"X push": 30.0, "all": 25.0} and paid["deals"].to_dict() == {"X push": 1, "all": 2}
    with pytest.raises(ValueError, match="all ends before it begins"):
        pay_events.spif_pay(deals, rules.assign(last_day=[march["last_day"], pd.Timestamp("2026-02-01")]))


def months(*pay: float) -> pd.DataFrame:
    return pd.DataFrame({"month": pd.date_range("2026-01-01", periods=len(pay), freq="MS"), "rep": "a", "pay": pay})


def test_a_recoverable_draw_is_paid_back_from_later_commission():
    table = pay_events.with_draw(months(1000, 4000, 6000), pd.Series({"a": 3000.0}))
    assert table["paid"].tolist() == [3000, 3000, 5000] and table["owed"].tolist() == [2000, 1000, 0]
    guarantee = pay_events.with_draw(months(1000, 4000, 6000), pd.Series({"a": 3000.0}), recoverable=False)
    assert guarantee["paid"].tolist() == [3000, 4000, 6000] and guarantee["owed"].eq(0).all()


@settings(max_examples=50, deadline=None)
@given(pay=st.lists(st.floats(0, 1e5), min_size=1, max_size=12), draw=st.floats(0, 1e4))
def test_paid_to_date_is_earned_to_date_and_what_is_owed(pay, draw):
    table = pay_events.with_draw(months(*pay), pd.Series({"a": draw}))
    np.testing.assert_allclose(table["paid"].cumsum(), table["earned"].cumsum() + table["owed"], atol=1e-6)
    assert (table["paid"] >= draw - 1e-6).all() and (table["owed"] >= 0).all()


def test_clawback_within_its_days():
    paid = pd.DataFrame({"opportunity": ["o1", "o2"], "rep": ["a", "b"], "closed": pd.Timestamp("2026-01-01"), "commission": [100.0, 80.0]})
    gone = pd.DataFrame({"opportunity": ["o1", "o2"], "cancelled": pd.to_datetime(["2026-02-10", "2026-12-01"]), "share": [0.5, 1.0]})
    assert pay_events.clawback(paid, gone, 100).to_dict("records") == [{"opportunity": "o1", "rep": "a", "days": 40, "clawback": 50.0}]
    assert pay_events.clawback(paid, gone, 100, declining=True)["clawback"].tolist() == pytest.approx([30.0])
    with pytest.raises(ValueError, match="o1 was cancelled before it closed"):
        pay_events.clawback(paid, gone.assign(cancelled=pd.Timestamp("2025-01-01")))
    with pytest.raises(ValueError, match="share of o1 is 1.5"):
        pay_events.clawback(paid, gone.assign(share=1.5))
