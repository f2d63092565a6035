"""Overrides that the plan cannot use are named before anything runs, refused where they are written, and reading them writes nothing."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from demand_company import insights, overrides, products
from small_inputs import MONTH, company

from sop_helpers.book.checks import check_workbook
from sop_helpers.book.config import JournalSettings
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.journal import Journal
from sop_helpers.planning.consensus import problems


def seeded(tmp_path, *entries: dict):
    """The small company with these overrides in its journal's seed."""
    stamp = {"kind": "override", "month": "2026-10", "author": "Ann", "time": "2026-10-02T10:00", "reason": "r"}
    ahead = {"start_month": "2026-11", "end_month": "2026-11"}
    rows = [stamp | {"id": f"o{k}", "fields": ahead | {"units": 5} | entry} for k, entry in enumerate(entries)]
    (tmp_path / "journal.json").write_text(json.dumps(rows))
    return company(tmp_path).model_copy(update={"journal": JournalSettings(seed="journal.json")})


@pytest.mark.parametrize(("entry", "message"), [
    ({"product": "0O7"}, "1 override names a product that is not in products: o0 (Ann): '0O7'."),
    ({"family": "Pump"}, "1 override names a family that is not in products: o0 (Ann): 'Pump' (is it 'Pumps'?)."),
    ({"region": "Mars"}, "1 override names a region that is not in sales: o0 (Ann): 'Mars'."),
    ({"family": "Valves", "product": "007"}, "1 override names a product of another family: o0 (Ann): 007 is of Pumps, not Valves."),
    ({"start_month": "2026-08", "end_month": "2026-08"}, "1 override is wholly in the past: o0 (Ann, 2026-08 to 2026-08)."),
    ({"expires_month": "2026-10"}, "1 override has expired and no longer counts: o0 (Ann, 2026-11 to 2026-11)."),
    ({"start_month": "2031-01", "end_month": "2031-02"}, "1 override begins after the last month planned: o0 (Ann, 2031-01 to 2031-02)."),
])
def test_what_the_plan_cannot_use_is_named_before_anything_runs(tmp_path, entry: dict, message: str) -> None:
    book = seeded(tmp_path, entry, {"product": "007", "region": "North"}, {"family": "Pumps"}, {})
    found = check_workbook(book, MONTH)
    assert found.loc[found["table"] == "journal", ["level", "message"]].to_numpy().tolist() == [["amber", message]]


@pytest.mark.parametrize(("entry", "message"), [
    ({"units": -5}, "override: units must be at least 0, found -5"),
    ({"units": None}, "override needs either units or change_pct, not both"),
    ({"change_pct": 3}, "override needs either units or change_pct, not both"),
    ({"start_month": "2026-12"}, "override: start_month 2026-12 is after end_month 2026-11"),
])
def test_what_is_no_override_blocks_the_month_by_name(tmp_path, entry: dict, message: str) -> None:
    found = check_workbook(seeded(tmp_path, entry), MONTH)
    (row,) = found[found["table"] == "journal"].itertuples()
    assert row.level == "red" and row.message.endswith(message) and "entry 1 of the journal's seed" in row.message and row.action == "Mend that entry."


def test_an_override_of_a_past_month_is_refused_where_it_is_written(tmp_path) -> None:
    journal = Journal(company(tmp_path), "2026-10")
    past = {"start_month": "2026-08", "end_month": "2026-09"}
    with pytest.raises(WorkbookError, match="its last month 2026-09 is past; the first month that is planned is 2026-10"):
        journal.add("override", author="Ann", units=5, **past)
    name = journal.add("override", author="Ann", units=5, start_month="2026-08", end_month="2026-11")
    with pytest.raises(WorkbookError, match="is past"):
        journal.change("override", name, version=1, author="Ann", **past)
    later = Journal(journal.workbook, "2027-01")
    assert later.change("override", name, version=1, author="Ann", reason="said again") == 2, "its months were not touched"


def test_reading_a_seeded_journal_writes_nothing_and_gives_what_writing_keeps(tmp_path) -> None:
    journal = Journal(seeded(tmp_path, {"product": "007"}, {"units": None, "change_pct": 3, "expires_month": "2027-01"}), "2026-10")
    before, digest = journal.read("override"), journal.digest("override")
    assert not journal.file.exists() and len(before) == 2
    journal.add("comment", author="Ann", topic="t", text="now there is a file")
    assert journal.file.exists()
    pd.testing.assert_frame_equal(journal.read("override"), before)
    assert journal.digest("override") == digest


def test_launches_and_overrides_out_of_reach_are_listed_in_the_month() -> None:
    new = products(5).assign(launch_month=pd.Timestamp("2026-12-01")).tail(2).assign(like_product=["P4", None])
    mine = pd.concat([products(3), new], ignore_index=True)
    cells = pd.DataFrame({"product": ["P0", "P1"], "region": "R0"})
    past = overrides({"id": "late", "start_month": "2026-08", "end_month": "2026-08", "units": 1.0}).assign(month="2026-10")
    old = overrides({"id": "old", "start_month": "2026-08", "end_month": "2026-08", "units": 1.0}).assign(month="2026-08")
    said = problems(mine, insights(), pd.concat([past, old]), cells, MONTH).set_index("source")["message"]
    assert said["late"] == "its months are past: the first month planned is 2026-10" and "old" not in said
    assert said["P3"] == "its like product P4 has no history to follow: name another, or bring its volume as an insight or an override in units"
    assert said["P4"] == "it has no like product: name one, or bring its volume as an insight or an override in units"
