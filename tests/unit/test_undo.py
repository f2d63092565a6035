"""Taking a save back from the journal alone: what holds after any saves and undos is what held before the saves that were undone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.config import Workbook
from sop_helpers.book.journal import Journal
from sop_helpers.book.undo import last_save, take_back

ONE_MONTH = {"start_month": "2026-12", "end_month": "2026-12"}


def save(journal: Journal, author: str, units: dict[str, float], reason: str = "a deal") -> None:
    """Write some overrides as one save, as the desk does."""
    with journal.together():
        for name, value in units.items():
            versions = journal.history("override", name)
            if versions.empty:
                journal.add("override", id=name, author=author, reason=reason, units=value, **ONE_MONTH)
            else:
                journal.change("override", name, version=int(versions["version"].max()), author=author, reason=reason, units=value)


def holding(journal: Journal) -> dict[str, float]:
    return journal.read("override").set_index("id")["units"].to_dict()


def journal_of(folder, month: str = "2026-10") -> Journal:
    return Journal(Workbook(company={"name": "Tiny"}, root=folder), month)


step = st.one_of(st.just("undo"), st.dictionaries(st.sampled_from(["desk-a", "desk-b", "desk-c"]), st.floats(0, 1e6), min_size=1))


@settings(max_examples=25, deadline=None)
@given(st.lists(step, max_size=10))
def test_any_row_of_saves_and_undos_ends_where_a_stack_would(tmp_path_factory, steps: list) -> None:
    journal = journal_of(tmp_path_factory.mktemp("undo"))
    stack: list[dict[str, float]] = [{}]
    for one in steps:
        if one == "undo":
            found = last_save(journal.history("override"), "Ann", "2026-10", "desk-")
            assert bool(found) == (len(stack) > 1)
            take_back(journal, found, "Ann")
            stack = stack[:-1] or stack
        else:
            save(journal, "Ann", one)
            stack.append(stack[-1] | one)
        assert holding(journal) == pytest.approx(stack[-1])
    written = journal.history("override")
    assert (written.groupby("id")["version"].max() == written.groupby("id").size()).all(), "nothing was deleted"


def test_only_ones_own_last_save_is_offered_and_only_while_nobody_built_on_it(tmp_path) -> None:
    journal = journal_of(tmp_path)
    save(journal, "Ann", {"desk-a": 1.0, "desk-b": 2.0})
    save(journal, "Bo", {"desk-c": 3.0})
    save(journal, "Ann", {"by-hand": 9.0})
    history = journal.history("override")
    mine = last_save(history, "Ann", "2026-10", "desk-")
    assert [one.id for one in mine] == ["desk-a", "desk-b"] and all(one.before is None for one in mine)
    assert [one.id for one in last_save(history, "Bo", "2026-10", "desk-")] == ["desk-c"]
    assert last_save(history, "Ann", "2026-11", "desk-") == [], "an earlier month's plan was decided on"
    assert last_save(journal_of(tmp_path / "none").history("override"), "Ann", "2026-10") == []
    save(journal, "Bo", {"desk-b": 4.0})
    assert last_save(journal.history("override"), "Ann", "2026-10", "desk-") == []
    take_back(journal, last_save(journal.history("override"), "Bo", "2026-10", "desk-"), "Bo")
    assert holding(journal)["desk-b"] == 2.0
    again = last_save(journal.history("override"), "Ann", "2026-10", "desk-")
    assert [one.id for one in again] == ["desk-a", "desk-b"], "what was built on it was taken back"


def test_what_was_withdrawn_by_hand_stands_again_when_that_is_taken_back(tmp_path) -> None:
    journal = journal_of(tmp_path)
    save(journal, "Ann", {"desk-a": 1.0})
    journal.withdraw("override", "desk-a", version=1, author="Ann", reason="the deal is off")
    assert holding(journal) == {}
    take_back(journal, last_save(journal.history("override"), "Ann", "2026-10", "desk-"), "Ann")
    assert holding(journal) == {"desk-a": 1.0}
    assert journal.read("override")["reason"].item() == "undone at the desk; as before: a deal"
