"""Closing a month after sign-off, and reopening it on purpose."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from sop_helpers.book import files
from sop_helpers.book.config import load_workbook
from sop_helpers.book.cycle import Cycle, open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.engine import manifest
from sop_helpers.engine.runner import notebooks_of


def _differing(cycle: Cycle, digests: dict[str, str | None]) -> list[str]:
    return [name.split("/", 1)[1] for name, digest in digests.items() if manifest.digest_now(cycle, name) != digest]


def _missing(cycle: Cycle) -> list[str]:
    """Say what keeps a month from being closed."""
    records = manifest.steps_of(cycle)
    out = [f"{step} has not run" for step in notebooks_of(cycle.workbook) if records.get(step, {}).get("status") != "done"]
    for step, record in records.items():
        changed = _differing(cycle, record.get("written", {}))
        out += [f"{', '.join(changed)} of {step} changed after it ran"] if changed else []
        # What a step read must still be what stands there, or the month does not hang together.
        # Words that move the plan count as well; those of the meeting and of the closing come after it.
        counts = ("inputs/", "tables/", *(f"journal/{kind}" for kind in ("override", "insight", "correction")))
        moved = _differing(cycle, {n: d for n, d in record.get("read", {}).items() if n.startswith(counts)})
        out += [f"{step} has not seen the latest {', '.join(moved)}"] if moved else []
    return out


def close_month(workbook: str | Path, month: str, author: str, reason: str = "") -> Path:
    """Freeze a month: it can then no longer be written, and later months compare with it.

    Parameters
    ----------
    workbook : str or Path
        The workbook file or its folder.
    month : str
        The month.
    author : str
        Who closes it.
    reason : str
        Why; the sign-off it follows.

    Returns
    -------
    Path
        The month's folder.

    Raises
    ------
    WorkbookError
        The month is not complete, is being run, or is closed already.
    """
    loaded = load_workbook(workbook)
    cycle = open_cycle(month, loaded)
    with files.locked(files.lock_of(loaded.output_folder, cycle.label), f"the run of {cycle.label}"):
        if cycle.closed:
            raise WorkbookError(f"{cycle.label} is closed already", "Nothing is to be done.")
        missing = _missing(cycle)
        if missing:
            raise WorkbookError(f"{cycle.label} is not complete: {'; '.join(missing)}", f"Run it first: sop run --month {cycle.label}")
        kept = {f.relative_to(cycle.folder).as_posix(): files.digest_file(f) for f in sorted(cycle.folder.rglob("*.parquet"))}
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        cycle.journal.add("closing", author=author, reason=reason, status="closed")
        closed = {"month": cycle.label, "status": "closed", "closed_on": when, "author": author, "reason": reason, "files": kept}
        files.write_json(cycle.folder / "closed.json", closed)
        for file in cycle.folder.rglob("*"):
            if file.is_file():
                file.chmod(file.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return cycle.folder


def reopen_month(workbook: str | Path, month: str, author: str, reason: str) -> Path:
    """Open a closed month again, on purpose; the journal remembers who and why.

    Raises
    ------
    WorkbookError
        No reason is given, the month is not closed, or it was closed elsewhere and came with the workbook.
    """
    if not reason.strip():
        raise WorkbookError("a month is reopened only with a reason", "Give it with --reason.")
    loaded = load_workbook(workbook)
    cycle = open_cycle(month, loaded)
    with files.locked(files.lock_of(loaded.output_folder, cycle.label), f"the run of {cycle.label}"):
        if not cycle.closed or cycle.month_folder.parent != loaded.output_folder:
            closed = ", ".join(sorted(cycle.closed_folders())) or "none"
            raise WorkbookError(f"{cycle.label} is not closed here", f"Closed are {closed}; months that came closed with the workbook stay so.")
        cycle.journal.add("closing", author=author, reason=reason, status="reopened")
        for file in cycle.folder.rglob("*"):
            if file.is_file():
                file.chmod(file.stat().st_mode | stat.S_IWUSR)
        (cycle.folder / "closed.json").unlink()
    return cycle.folder
