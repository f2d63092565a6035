"""Bad input beside reps and pay plans is named."""

import pandas as pd
import pytest
from small_inputs import table

from sop_helpers.book.checks import check_inputs
from sop_helpers.book.config import SalesPolicy
from sop_helpers.book.conform import conform
from sop_helpers.book.errors import WorkbookError

MONTH = pd.Timestamp("2026-10-01")


def found(closed: dict[str, pd.DataFrame] | None = None, **inputs: pd.DataFrame) -> list[str]:
    issues = check_inputs(inputs, MONTH, closed=closed)
    names = ["split credit", "bonus", "leave", "draw", "cancelled deal", "quota", "original quota"]
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


def test_credit_outside_the_months_at_work_is_listed_with_its_money():
    staff = table("reps", rep=["a", "b", "c"], start_month=["2024-01", "2024-01", "2026-05"], end_month=["2026-02", "2026-03", None])
    shares = table("splits", opportunity=["D1", "D1", "D1"], rep=["a", "b", "c"], share=[0.5, 0.3, 0.2])
    # D1 closed in March 2026 for 10: a left in February, b left at the end of March, c began in May.
    one = "amber 2 split shares go to a rep who was not at work in the month of closing: D1 to a (2026-03), D1 to c (2026-03)."
    assert found(reps=staff, opportunities=deals(), splits=shares) == [one]
    issues = check_inputs({"reps": staff, "opportunities": deals(), "splits": shares}, MONTH)
    assert issues.loc[issues["check"] == "split credit", "money"].tolist() == [pytest.approx(7.0)]
    # A lost or open deal credits nobody, and a rep at work all the time is fine.
    lost = shares.assign(opportunity="D2")
    assert not found(reps=staff, opportunities=deals(), splits=lost)
    assert not found(reps=staff.assign(end_month=pd.NaT, start_month=pd.Timestamp("2024-01-01")), opportunities=deals(), splits=shares)


def quotas(original: list[float | None], quota: list[float] | None = None, rep: list[str] | None = None) -> pd.DataFrame:
    return table("quotas", month=["2026-10", "2026-11", "2026-12"], rep=rep or ["b"] * 3, quota=quota or [10.0, 12, 12], original_quota=original)


def test_an_original_quota_stays_as_first_given():
    staff = reps()
    now = quotas([None, 10.0, 10.0])
    assert not found(reps=staff, quotas=now) and not found({"quotas": now}, reps=staff, quotas=now)
    # In the month closed before nothing was changed yet: the quota itself is what was first set.
    assert not found({"quotas": quotas([None, None, None], [10.0, 10, 10])}, reps=staff, quotas=now)
    assert found({"quotas": now}, reps=staff, quotas=quotas([None, 10.0, 11.0])) == [
        "amber 1 original quota is not what was first set, as the last month closed has it: b (2026-12)."
    ]
    # A second change that keeps no original, beside one that does.
    assert found({"quotas": now}, reps=staff, quotas=quotas([None, 10.0, 10.0], [9.0, 12, 12])) == [
        "amber 1 quota changed since the last month closed without its original: b (2026-10)."
    ]
    gone = quotas([None, 10.0, 10.0]).iloc[:2]
    assert found({"quotas": now}, reps=staff, quotas=gone) == ["amber 1 original quota of the last month closed has no row any more: b (2026-12)."]


def test_a_company_that_keeps_no_originals_is_not_asked_for_them():
    assert not found({"quotas": quotas([None] * 3, [9.0, 9, 9])}, reps=reps(), quotas=quotas([None] * 3))


def test_original_quotas_belong_to_people_at_work_and_to_one_row():
    # a left in June 2026
    assert "amber 3 original quotas are of a rep who was not at work in that month: a (2026-10), a (2026-11), a (2026-12)." in found(
        reps=reps(), quotas=quotas([1.0, 1, 1], rep=["a"] * 3)
    )
    twice = pd.concat([quotas([None, 10.0, 10.0]), quotas([None, 10.0, 11.0])])
    assert "amber 1 rep month states more than one original quota: b (2026-12)." in found(reps=reps(), quotas=twice)


def test_an_original_quota_below_zero_is_refused_when_read_and_when_checked():
    with pytest.raises(WorkbookError, match="original_quota"):
        conform("quotas", pd.DataFrame({"month": ["2026-10"], "rep": ["b"], "quota": [5.0], "original_quota": [-1.0]}))
    assert "red 1 original quota is below zero: b (2026-11)." in found(reps=reps(), quotas=quotas([None, -1.0, 10.0]))


def test_bonuses_end_after_they_begin_and_pay():
    bad = table("spifs", spif=["S", "T"], first_day=["2026-03-01"] * 2, last_day=["2026-02-01", "2026-04-01"], rate=[0.01, None])
    assert found(spifs=bad) == ["red 1 of 2 bonuses ends before it begins: S.", "amber 1 of 2 bonuses pays nothing: T."]


def test_a_bonus_that_pays_in_two_ways_is_asked_about():
    both = table("spifs", spif=["S", "T"], first_day=["2026-03-01"] * 2, last_day=["2026-04-01"] * 2, per_deal=[50.0, 50.0], rate=[0.01, None])
    assert found(spifs=both) == ["amber 1 of 2 bonuses pays money for each deal and a share of its amount as well: S."]


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
