"""Bad input beside reps and pay plans is named."""

import pandas as pd
import pytest
from small_inputs import table

from sop_helpers.book.checks import check_inputs
from sop_helpers.book.config import SalesPolicy
from sop_helpers.book.conform import conform
from sop_helpers.book.errors import WorkbookError

MONTH = pd.Timestamp("2026-10-01")


def found(**inputs: pd.DataFrame) -> list[str]:
    issues = check_inputs(inputs, MONTH)
    names = ["split credit", "bonus", "leave", "draw", "cancelled deal", "quota"]
    issues = issues[issues["check"].isin(names)]
    return [f"{level} {message}" for level, message in zip(issues["level"], issues["message"], strict=True)]


def reps() -> pd.DataFrame:
    return table("reps", rep=["a", "b"], start_month=["2024-01", "2024-01"], end_month=["2026-06", None])


def deals() -> pd.DataFrame:
    return table("opportunities", opportunity=["D1", "D2"], rep=["a", "b"], stage=["x", "x"], amount=[10.0, 10.0], created=["2026-01-01"] * 2,
                 closed=["2026-03-01"] * 2, outcome=["won", "lost"])


def test_shares_of_a_deal_must_add_up():
    shares = {"opportunity": ["D1", "D1"], "rep": ["a", "b"]}
    assert found(reps=reps(), opportunities=deals(), splits=table("splits", **shares, share=[0.5, 0.3])) == [
        "red 1 deal has shares that differ from 100 % in sum: D1 (80%)."
    ]
    assert not found(reps=reps(), opportunities=deals(), splits=table("splits", **shares, share=[0.7, 0.3]))


def test_bonuses_end_after_they_begin_and_pay():
    bad = table("spifs", spif=["S", "T"], first_day=["2026-03-01"] * 2, last_day=["2026-02-01", "2026-04-01"], rate=[0.01, None])
    assert found(spifs=bad) == ["red 1 of 2 bonuses ends before it begins: S.", "amber 1 of 2 bonuses pays nothing: T."]


def test_leave_and_draws_belong_to_people_at_work():
    away = table("leave", rep=["a", "b"], month=["2026-08", "2026-08"], share=[1.0, 1.0])
    assert set(found(reps=reps().assign(draw=5.0), leave=away)) == {
        "amber 1 rep is away outside its months at work: a.", "amber 1 rep who has left has a draw: a.",
    }


def test_only_won_deals_can_be_cancelled_and_not_before_they_closed():
    back = table("cancellations", opportunity=["D1", "D2"], cancelled=["2026-02-01", "2026-04-01"], share=[1.0, 1.0])
    assert found(reps=reps(), opportunities=deals(), cancellations=back) == [
        "red 1 deal was cancelled before it closed: D1.", "amber 1 cancelled deal was never won: D2.",
    ]


def test_months_without_a_target_are_named():
    quotas = table("quotas", month=["2026-10", "2026-11"], rep=["b", "b"], quota=[0.0, 5.0])
    assert "amber 1 month has a target of zero: 2026-10." in found(reps=reps(), quotas=quotas)


def test_a_ramp_over_100_percent_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1, not 1.2; 1 is 100 %"):
        SalesPolicy(ramp=[0.5, 1.2])


def test_a_rep_without_start_is_named_with_the_row():
    with pytest.raises(WorkbookError, match="start_month"):
        conform("reps", pd.DataFrame({"rep": ["a", "b"], "start_month": ["2024-01", None]}))
