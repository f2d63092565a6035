"""Follow-up of actions: late is judged at the meeting, nothing is dropped until done, nothing is proposed twice."""

from __future__ import annotations

import pandas as pd
import pytest

from sop_helpers.book import tables
from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import actions as follow

DAY, SINCE = pd.Timestamp("2026-10-08"), pd.Timestamp("2026-09-08")
FIELDS = ["id", "time", "title", "owner", "deadline", "status", "done_on", "source", "comment"]


def _rows(*rows: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=FIELDS)
    for name in ("time", "deadline", "done_on"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return frame


JOURNAL = _rows(
    ("a1", "2026-09-20T10:00", "Late one", "Rosa", "2026-09-30", "open", None, "signal: X", None),
    ("a2", "2026-09-08T10:00", "Due on the day", "Ben", "2026-10-08", "open", None, None, None),
    ("a3", "2026-09-24T10:00", "Done since", "Hugo", "2026-09-25", "done", "2026-09-24", None, "ok"),
    ("a4", "2026-08-20T10:00", "Done before", "Hugo", "2026-08-25", "done", "2026-08-20", None, None),
    ("a5", "2026-09-15T10:00", "Called late, given more time", "Ben", "2026-11-30", "late", None, None, None),
    ("a6", "2026-09-30T10:00", "Dropped", "Ben", "2026-09-10", "cancelled", None, None, None),
)
HISTORY = pd.concat([JOURNAL[["id", "time"]], pd.DataFrame({"id": ["a1"], "time": pd.to_datetime(["2026-08-07T15:10"])})])


def test_status_and_age_at_the_meeting() -> None:
    table = conform("actions", follow.follow_up(JOURNAL, HISTORY, DAY, SINCE)).set_index("action")
    assert table["status"].to_dict() == {"a1": "late", "a2": "open", "a5": "open", "a3": "done", "a6": "cancelled"}
    assert table.loc["a1", "created"] == pd.Timestamp("2026-08-07") and table.loc["a1", "age_days"] == 62
    assert table.loc["a3", "age_days"] == 0 and table.loc["a2", "age_days"] == 30
    assert table.loc["a6", "done_on"] is pd.NaT


def test_nothing_open_is_ever_left_out() -> None:
    waiting = set(JOURNAL.loc[~JOURNAL["status"].isin(["done", "cancelled"]), "id"])
    for since in (None, SINCE, pd.Timestamp("2030-01-01")):
        assert waiting <= set(follow.follow_up(JOURNAL, HISTORY, DAY, since)["action"])


def test_without_actions_there_is_an_empty_contract() -> None:
    table = follow.follow_up(JOURNAL.head(0), HISTORY.head(0), DAY)
    assert conform("actions", table).empty and follow.summary(table) == "No actions stand."


def _exceptions() -> pd.DataFrame:
    rows = [
        ("shortage", "P1 in DE", 900.0),
        ("shortage", "P2 in DE", 800.0),
        ("shortage", "P3 in DE", 700.0),
        ("signal", "X", 600.0),
        ("strange", "thing", None),
    ]
    frame = pd.DataFrame(rows, columns=["kind", "subject", "money"])
    return conform("exceptions", frame.assign(rank=range(1, 6), message="It is so.", function=["supply"] * 4 + ["nobody"], notebook="21_supply"))


ROSTER = conform("roster", pd.DataFrame({"function": ["supply", "supply"], "person": ["Lukas", "Second"], "mandatory": True}))


def test_proposals_answer_exceptions_that_nobody_works_on() -> None:
    known = follow.follow_up(JOURNAL, HISTORY, DAY, SINCE)
    table = conform("actions", follow.propose(_exceptions(), ROSTER, known, DAY))
    assert table["source"].tolist() == ["shortage: P1 in DE", "shortage: P2 in DE", "strange: thing"], "two of a kind, and 'signal: X' is worked on already"
    assert table["owner"].tolist() == ["Lukas", "Lukas", "nobody"]
    assert (table["deadline"] == DAY + pd.Timedelta(days=21)).all() and (table["status"] == "open").all()
    assert table["title"].iloc[0] == "Secure supply of P1 in DE"


def test_a_proposal_that_became_an_action_is_not_proposed_again_until_done() -> None:
    first = follow.propose(_exceptions(), ROSTER, empty("actions"), DAY)
    accepted = first.assign(action="action-1")
    assert not set(follow.propose(_exceptions(), ROSTER, accepted, DAY)["source"]) & set(first["source"])
    assert set(follow.propose(_exceptions(), ROSTER, accepted.assign(status="done"), DAY)["source"]) == set(first["source"])


def test_both_keeps_the_contract_and_every_row() -> None:
    standing = follow.follow_up(JOURNAL, HISTORY, DAY, SINCE)
    proposed = follow.propose(_exceptions(), ROSTER, standing, DAY)
    table = conform("actions", follow.both(standing, proposed))
    assert len(table) == len(standing) + len(proposed) and list(table.columns) == list(tables.columns("actions"))
    assert len(follow.both(standing, proposed.head(0))) == len(standing)
    assert len(follow.both(standing.head(0), proposed)) == len(proposed)


def test_summary_counts_and_names_the_one_that_waits_longest() -> None:
    text = follow.summary(follow.follow_up(JOURNAL, HISTORY, DAY, SINCE))
    assert text == 'Actions: 1 late, 2 open, 1 done since the last meeting. Longest late: "Late one" (Rosa, due 2026-09-30).'


@pytest.mark.parametrize(("month", "day"), [("2026-02-01", 28), ("2026-10-01", 1)])
def test_meeting_day(month: str, day: int) -> None:
    assert follow.meeting_day(pd.Timestamp(month), day) == pd.Timestamp(month).replace(day=day)
