"""Bad input of the sales plan: each is refused or listed by name."""

import pandas as pd
import pytest
from pydantic import ValidationError
from small_inputs import MONTH, company, table

from sop_helpers.book.checks import check_inputs
from sop_helpers.book.coerce import TableError
from sop_helpers.book.config import SalesPolicy
from sop_helpers.book.sources import read_table


def said(**inputs: pd.DataFrame) -> list[str]:
    issues = check_inputs(inputs, MONTH)
    return [f"{level} {message}" for level, message in zip(issues["level"], issues["message"], strict=True)]


def deals() -> pd.DataFrame:
    days = {"created": pd.to_datetime(["2026-05-01"] * 3), "closed": pd.to_datetime(["2026-06-01"] * 3)}
    one = {"opportunity": ["o1", "o2", "o3"], "rep": ["a"] * 3, "stage": ["s"] * 3, "amount": [1.0, 2.0, 3.0], "outcome": ["won", "won", "lost"]}
    return table("opportunities", **one, **days)


def test_shares_that_do_not_add_up_and_those_that_do():
    splits = table("splits", opportunity=["o1", "o1", "o2", "o2"], rep=["a", "b", "a", "b"], share=[0.7, 0.4, 0.6, 0.4])
    found = said(splits=splits, opportunities=deals())
    assert "red 1 deal has shares that differ from 100 % in sum: o1 (110%)." in found
    assert len([m for m in found if "o1" in m]) == 1, "a fault is told once"


def test_a_spif_that_ends_before_it_begins():
    spifs = table("spifs", spif=["S", "T"], first_day=["2026-06-02", "2026-06-01"], last_day=["2026-06-01", "2026-06-01"])
    assert [m for m in said(spifs=spifs) if "before it begins" in m] == ["red 1 of 2 bonuses ends before it begins: S."]


def test_cancelled_before_it_closed_or_never_won():
    off = table("cancellations", opportunity=["o1", "o2", "o3"], cancelled=["2026-05-30", "2026-06-30", "2026-06-30"], share=[1.0, 1.0, 1.0])
    found = said(cancellations=off, opportunities=deals())
    assert [m for m in found if "cancelled" in m] == ["red 1 deal was cancelled before it closed: o1.", "amber 1 cancelled deal was never won: o3."]


def test_a_region_with_reps_and_a_target_of_zero():
    reps = table("reps", rep=["a", "b"], region=["N", "S"], start_month=["2020-01", "2020-01"])
    budget = table("budget", month=["2026-11", "2026-11"], family=["F", "F"], region=["N", "S"], revenue=[0.0, 5.0])
    assert "amber 1 region has reps and a target of zero in the budget ahead: N." in said(reps=reps, budget=budget)
    assert not [m for m in said(reps=reps[1:], budget=budget) if "target of zero" in m]


def test_a_rep_without_a_start_is_refused_by_row(tmp_path):
    workbook = company(tmp_path, {"reps.csv": "rep,region,start_month\na,N,2020-01\nb,N,\n"})
    with pytest.raises(TableError, match="column start_month") as error:
        read_table(workbook, "reps", MONTH)
    assert "row" in str(error.value)


def test_an_account_twice_is_refused(tmp_path):
    workbook = company(tmp_path, {"accounts.csv": "account,territory\n1,T1\n1,T2\n"})
    with pytest.raises(TableError, match="account"):
        read_table(workbook, "accounts", MONTH)


@pytest.mark.parametrize("ramp", [[0.5, 1.2], [-0.1, 1.0]])
def test_a_ramp_over_100_percent_or_below_0_is_refused(ramp):
    with pytest.raises(ValidationError, match="a ramp holds shares between 0 and 1"):
        SalesPolicy(ramp=ramp)
