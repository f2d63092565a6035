"""Taking back what was saved at the desk: the last save of an author is read from the journal, so that it can be undone after a restart too.

Nothing is deleted: an undo is a further version that says again what held before, or withdraws an override where nothing did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from sop_helpers.book.entries import fields_of

if TYPE_CHECKING:
    from sop_helpers.book.journal import Journal

KIND = "override"
UNDONE = "undone at the desk"


class Saved(NamedTuple):
    """One override of a save: its id, the version that holds now, when and why it was saved, what it says, and what held before (None: nothing)."""

    id: str
    version: int
    time: pd.Timestamp
    reason: str
    fields: dict[str, Any]
    before: dict[str, Any] | None
    reason_before: str


def last_save(history: pd.DataFrame, author: str, month: str, prefix: str = "") -> list[Saved]:
    """Return the overrides of an author's last save that still stands; none where somebody built on it since.

    Parameters
    ----------
    history : DataFrame
        All versions of all overrides, from `Journal.history`; those of one save bear one time.
    author : str
        Whose save.
    month : str
        Month that it was written in, such as ``2026-10``; what earlier months saved is not offered.
    prefix : str
        Beginning of the ids that count.
    """
    mine = history[history["id"].str.startswith(prefix)] if len(history) else history
    standing: dict[str, list[Any]] = {}
    latest: dict[str, int] = {}
    for row in mine.sort_values(["id", "version"], kind="stable").itertuples():  # hundreds
        stack = standing.setdefault(row.id, [])
        if row.reason.startswith(UNDONE):
            del stack[-1:]
        else:
            stack.append(row)
        latest[row.id] = int(row.version)
    own = [row for stack in standing.values() for row in stack if row.author == author and row.month == month]
    newest = max((row.time for row in own), default=None)
    save = [row for row in own if row.time == newest]
    if any(standing[row.id][-1] is not row for row in save):
        return []
    out = []
    for row in save:
        under = standing[row.id][-2] if len(standing[row.id]) > 1 else None
        before = _fields(under) if under is not None and not under.withdrawn else None
        out.append(Saved(row.id, latest[row.id], row.time, row.reason, _fields(row), before, under.reason if before else ""))
    return out


def take_back(journal: Journal, save: list[Saved], author: str) -> None:
    """Write each override of a save as it was before, all of them or none.

    Raises
    ------
    ConflictError
        Somebody changed one of them since; shows both values.
    """
    with journal.together():
        for one in save:
            if one.before is None:
                journal.withdraw(KIND, one.id, version=one.version, author=author, reason=UNDONE)
            else:
                journal.change(KIND, one.id, version=one.version, author=author, reason=f"{UNDONE}; as before: {one.reason_before}", **one.before)


def _fields(row: Any) -> dict[str, Any]:
    """Return the fields of one version as the journal takes them."""
    values = {name: getattr(row, name) for name in fields_of(KIND)}
    return {name: None if pd.isna(v) else f"{v:%Y-%m}" if isinstance(v, pd.Timestamp) else v for name, v in values.items()}
