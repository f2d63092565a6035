"""The journal: versions, conflicts, expiry, what a month may see, the seed, and two writers at once."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sop_helpers.book.config import JournalSettings, Workbook
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.entries import KINDS
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.journal import ConflictError, Journal

ROOT = Path(__file__).resolve().parents[2]
SPAN = {"start_month": "2026-10", "end_month": "2026-12"}


@pytest.fixture()
def book(tmp_path: Path) -> Workbook:
    return Workbook(company={"name": "Tiny"}, root=tmp_path)


@pytest.fixture()
def journal(book: Workbook) -> Journal:
    return Journal(book, "2026-10")


def test_reading_creates_nothing(journal: Journal, tmp_path: Path) -> None:
    for kind in KINDS:
        frame = journal.read(kind)
        assert frame.empty and list(frame.columns[:6]) == ["id", "version", "month", "author", "time", "reason"]
    assert list(tmp_path.iterdir()) == []


def test_an_entry_comes_back_typed(journal: Journal) -> None:
    key = journal.add("override", author="Ann", reason="tender won", product="00123", units="1250", **SPAN)
    row = journal.read("override").iloc[0]
    assert (row["id"], row["version"], row["month"], row["author"], row["reason"]) == (key, 1, "2026-10", "Ann", "tender won")
    assert row["product"] == "00123" and row["units"] == 1250.0 and row["start_month"] == pd.Timestamp("2026-10-01")
    assert pd.isna(row["family"]) and pd.isna(row["change_pct"]) and pd.isna(row["expires_month"])
    assert journal.read("override").dtypes["start_month"] == "datetime64[us]"


def test_a_change_is_a_new_version_and_the_old_one_stays(journal: Journal) -> None:
    key = journal.add("override", author="Ann", reason="first", units=10, **SPAN)
    assert journal.change("override", key, version=1, author="Bob", reason="customer called", units=12) == 2
    now = journal.read("override")
    assert len(now) == 1 and now["units"].item() == 12 and now["end_month"].item() == pd.Timestamp("2026-12-01")
    trail = journal.history("override", key)
    assert trail["units"].tolist() == [10, 12] and trail["author"].tolist() == ["Ann", "Bob"]


def test_only_units_can_be_locked_and_a_lock_stays_until_it_is_taken_off(journal: Journal) -> None:
    key = journal.add("override", author="Ann", units=10, locked="yes", **SPAN)
    journal.change("override", key, version=1, author="Bob", units=12)
    assert journal.read("override")[["units", "locked"]].to_numpy().tolist() == [[12.0, True]]
    journal.change("override", key, version=2, author="Bob", locked=False)
    assert not journal.read("override")["locked"].item() and journal.history("override", key)["locked"].tolist() == [True, True, False]
    with pytest.raises(WorkbookError, match="only units can be locked"):
        journal.add("override", author="Ann", change_pct=5, locked=True, **SPAN)


def test_a_journal_of_a_time_without_locks_goes_on(journal: Journal) -> None:
    key = journal.add("override", author="Ann", units=10, **SPAN)
    with sqlite3.connect(journal.file) as old:
        old.execute("ALTER TABLE journal_override DROP COLUMN locked")
    later = Journal(journal.workbook, "2026-10")
    assert later.read("override")[["id", "locked"]].to_numpy().tolist() == [[key, False]]
    later.change("override", key, version=1, author="Bob", locked=True)
    assert later.read("override")["locked"].item()


def test_a_stale_change_is_refused_and_shows_both_values(journal: Journal) -> None:
    key = journal.add("override", author="Ann", units=10, **SPAN)
    journal.change("override", key, version=1, author="Bob", reason="customer called", units=12)
    with pytest.raises(ConflictError) as caught:
        journal.change("override", key, version=1, author="Cy", units=15)
    assert "theirs 12.0, yours 15.0" in str(caught.value) and "Bob" in str(caught.value) and "version 2" in str(caught.value)
    assert caught.value.theirs["units"] == 12.0 and caught.value.yours == {"units": 15.0}
    assert journal.read("override")["units"].item() == 12


def test_a_withdrawn_entry_is_not_read_and_stays_in_the_history(journal: Journal) -> None:
    key = journal.add("override", author="Ann", units=10, **SPAN)
    journal.withdraw("override", key, version=1, author="Ann", reason="misread")
    assert journal.read("override").empty and journal.history("override")["withdrawn"].tolist() == [False, True]


def test_an_expired_override_no_longer_counts(book: Workbook) -> None:
    Journal(book, "2026-08").add("override", author="Ann", units=10, expires_month="2026-10", **SPAN)
    assert len(Journal(book, "2026-09").read("override")) == 1
    assert Journal(book, "2026-10").read("override").empty
    assert len(Journal(book, "2026-10").read("override", expired=True)) == 1


def test_a_month_sees_what_was_known_then(book: Workbook) -> None:
    september, october = Journal(book, "2026-09"), Journal(book, "2026-10")
    key = september.add("action", author="Ann", title="Call the mill", owner="Bob", deadline="2026-10-20")
    october.change("action", key, version=1, author="Bob", status="done", done_on="2026-10-12")
    assert september.read("action")["status"].item() == "open" and october.read("action")["status"].item() == "done"


def test_words_of_a_meeting_belong_to_its_month(book: Workbook) -> None:
    Journal(book, "2026-09").add("attendance", author="Ann", function="sales", person="Bob", status="present")
    assert Journal(book, "2026-10").read("attendance").empty
    assert len(Journal(book, "2026-10").read("attendance", all_months=True)) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("override", {"units": 1, "colour": "red", **SPAN}, "override has no field colour"),
        ("override", SPAN, "either units or change_pct"),
        ("override", {"units": "many", **SPAN}, "units 'many' is not a number"),
        ("override", {"units": float("inf"), **SPAN}, "must be finite"),
        ("override", {"change_pct": -120, **SPAN}, "change_pct must be at least -100, found -120"),
        ("override", {"units": 1, "start_month": "2027-01", "end_month": "2026-12"}, "start_month 2027-01 is after"),
        ("override", {"units": 1, "start_month": "October", "end_month": "2026-12"}, "start_month 'October' is not a month"),
        ("action", {"title": "t", "owner": "o"}, "action needs deadline"),
        ("action", {"title": "t", "owner": "o", "deadline": "2026-10-20", "status": "soon"}, "status 'soon' is unknown"),
        ("insight", {"function": "sales", "kind": "rumour", **SPAN}, "kind 'rumour' is unknown"),
        ("decision", {"decision": "D1", "question": "q", "option": "o", "chosen": "perhaps"}, "neither yes nor no"),
        ("gossip", {}, "the journal keeps no 'gossip'"),
    ],
)
def test_bad_entries_are_refused_by_name(journal: Journal, kind: str, fields: dict, message: str) -> None:
    with pytest.raises(WorkbookError) as caught:
        journal.add(kind, author="Ann", **fields)
    assert message in str(caught.value)


def test_an_author_and_a_known_version_are_needed(journal: Journal) -> None:
    with pytest.raises(WorkbookError, match="who says so"):
        journal.add("comment", author=" ", topic="t", text="x")
    with pytest.raises(WorkbookError, match="no action action-9 version 1"):
        journal.change("action", "action-9", version=1, author="Ann", status="done")


@pytest.mark.parametrize("text", ["x'; DROP TABLE journal_comment; --", '"); DELETE FROM journal_comment', "{{7*7}} %s :name ?", "\x00null", "改善 🏭"])
def test_text_stays_text(journal: Journal, text: str) -> None:
    journal.add("comment", author=text, reason=text, topic=text, text=text)
    row = journal.read("comment").iloc[0]
    assert row["text"] == row["topic"] == row["author"] == row["reason"] == text
    assert journal.history("comment", text).empty


def test_the_seed_fills_a_new_journal_once(tmp_path: Path) -> None:
    entries = [
        {"kind": "action", "id": "A-1", "month": "2026-09", "author": "Ann", "time": "2026-09-08T10:00:00", "reason": "meeting",
         "fields": {"title": "Call the mill", "owner": "Bob", "deadline": "2026-10-20"}},
        {"kind": "action", "id": "A-1", "month": "2026-10", "author": "Bob", "time": "2026-10-02T10:00:00",
         "fields": {"title": "Call the mill", "owner": "Bob", "deadline": "2026-10-20", "status": "done", "done_on": "2026-10-01"}},
        {"kind": "insight", "id": "I-1", "month": "2026-10", "author": "Cy", "time": "2026-10-02T10:00:00",
         "fields": {"function": "marketing", "kind": "campaign", "effect_pct": 8, "raised_on": "2026-10-02", **SPAN}},
    ]  # fmt: skip
    (tmp_path / "seed.json").write_text(json.dumps(entries))
    book = Workbook(company={"name": "Tiny"}, root=tmp_path, journal=JournalSettings(seed="seed.json"))
    assert Journal(book, "2026-09").read("action")["title"].tolist() == ["Call the mill"]
    actions = Journal(book, "2026-10").read("action")
    assert actions["id"].tolist() == ["A-1"] and actions["version"].tolist() == [2] and actions["status"].tolist() == ["done"]
    assert Journal(book, "2026-10").add("action", author="Ann", title="t", owner="o", deadline="2026-11-01") == "action-0002"
    assert len(Journal(book, "2026-10").history("action")) == 3
    insights = open_cycle("2026-10", book).read("insights")
    assert insights["insight"].tolist() == ["I-1"] and insights["author"].tolist() == ["Cy"]


def test_a_bad_seed_is_named(tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text('[{"kind": "action", "id": "A-1", "month": "2026-09", "author": "Ann"}]')
    book = Workbook(company={"name": "Tiny"}, root=tmp_path, journal=JournalSettings(seed="seed.json"))
    with pytest.raises(WorkbookError, match="entry 1 of the journal's seed .*action needs title, owner, deadline"):
        Journal(book, "2026-10").read("action")


WRITER = """
import sys
from pathlib import Path
from sop_helpers.book.config import Workbook
from sop_helpers.book.journal import ConflictError, Journal
journal = Journal(Workbook(company={"name": "Tiny"}, root=Path(sys.argv[1])), "2026-10")
conflicts = 0
for n in range(int(sys.argv[3])):
    journal.add("comment", author=sys.argv[2], topic="count", text=str(n))
    while True:
        row = journal.read("override").iloc[0]
        try:
            journal.change("override", row["id"], version=int(row["version"]), author=sys.argv[2], units=row["units"] + 1)
            break
        except ConflictError:
            conflicts += 1
print(conflicts)
"""


def test_two_writers_at_once_lose_nothing(book: Workbook, journal: Journal, tmp_path: Path) -> None:
    key = journal.add("override", author="Ann", units=0, **SPAN)
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name, "40"], cwd=ROOT, stdout=subprocess.PIPE, text=True) for name in ("Bob", "Cy", "Di")]
    conflicts = [int(w.communicate(timeout=120)[0]) for w in writers]
    assert all(w.returncode == 0 for w in writers)
    trail = journal.history("override", key)
    assert trail["version"].tolist() == list(range(1, 122)) and trail["units"].tolist() == list(range(121)), conflicts
    assert len(journal.read("comment")) == 120 and journal.read("comment")["id"].is_unique


def test_two_processes_may_make_a_new_journal_together(tmp_path: Path) -> None:
    script = WRITER.replace("while True", "while False").replace('topic="count"', 'topic="first"')
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name, "1"], cwd=ROOT) for name in ("Bob", "Cy")]
    assert [w.wait(timeout=60) for w in writers] == [0, 0]
    assert len(Journal(Workbook(company={"name": "Tiny"}, root=tmp_path), "2026-10").read("comment")) == 2


def test_the_digest_follows_what_the_month_sees(book: Workbook) -> None:
    september, october = Journal(book, "2026-09"), Journal(book, "2026-10")
    before = september.digest("comment"), october.digest("comment")
    october.add("comment", author="Ann", topic="t", text="x")
    assert september.digest("comment") == before[0] and october.digest("comment") != before[1]


def test_a_journal_of_an_earlier_version_gets_the_kinds_that_were_added(journal: Journal) -> None:
    key = journal.add("comment", author="Ann", topic="t", text="x")
    with sqlite3.connect(journal.file) as connection:
        connection.execute("DROP TABLE journal_correction")
    assert journal.read("correction").empty
    journal.add("correction", author="Ann", accepted=True, **SPAN)
    assert journal.read("correction")["accepted"].tolist() == [True] and journal.read("comment")["id"].tolist() == [key]


def test_entries_written_together_stand_together_or_not_at_all(journal: Journal, book: Workbook) -> None:
    key = journal.add("override", author="Ann", units=10, **SPAN)
    with journal.together():
        second = journal.add("override", author="Ann", units=20, **SPAN)
        journal.change("override", second, version=1, author="Ann", units=21)
        assert journal.read("override")["units"].tolist() == [10, 21]
        assert Journal(book, "2026-10").read("override")["units"].tolist() == [10]  # others do not see half of it
    assert journal.read("override")["units"].tolist() == [10, 21]
    journal.change("override", key, version=1, author="Bob", units=11)
    with pytest.raises(ConflictError, match="11"), journal.together():
        journal.add("override", author="Ann", units=30, **SPAN)
        journal.change("override", key, version=1, author="Ann", units=12)
    assert journal.history("override")["units"].tolist() == [10, 11, 20, 21]
    assert journal.add("override", author="Ann", units=40, **SPAN) == "override-0003"


def test_a_journal_that_is_no_database_is_told(book: Workbook, tmp_path: Path) -> None:
    journal = Journal(book, "2026-10")
    journal.file.parent.mkdir(parents=True, exist_ok=True)
    journal.file.write_bytes(b"this is no database" * 100)
    with pytest.raises(WorkbookError, match="the journal cannot be opened: file is not a database"):
        journal.read("override")


@pytest.mark.parametrize(("field", "value"), [("start_month", "2026-100"), ("start_month", "2026-10 or later"), ("units", "1_000"), ("units", True)])
def test_what_stands_behind_a_value_is_not_cut_off(journal: Journal, field: str, value: object) -> None:
    entry = {"start_month": "2026-10", "end_month": "2026-12", "units": 5.0} | {field: value}
    with pytest.raises(WorkbookError, match=field):
        journal.add("override", author="Ann", reason="r", **entry)
