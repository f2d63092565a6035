"""What stands in a month: which steps ran, what changed since, which months are closed."""

from __future__ import annotations

from pathlib import Path

from sop_helpers.book import files
from sop_helpers.book.config import find_workbook, load_workbook
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.files import changed_since_closing
from sop_helpers.engine import manifest, parameters
from sop_helpers.engine.runner import default_month, notebooks_of


def describe_month(workbook: str | Path, month: str | None = None) -> str:
    """Return a few lines that say how a month stands.

    Parameters
    ----------
    workbook : str or Path
        The workbook file or its folder.
    month : str, optional
        The month; the workbook's by default.
    """
    loaded = load_workbook(workbook)
    cycle = open_cycle(month or default_month(loaded), loaded)
    lines = [f"{loaded.company.name}, {cycle.label}" + (", closed" if cycle.closed else "")]
    records = manifest.steps_of(cycle)
    for step, notebook in notebooks_of(loaded).items():
        values = parameters.check(notebook, {"month": cycle.label, "workbook": str(find_workbook(workbook)), "scenario": "base"})
        record = records.get(step)
        # A closed month is what it is: what changed since does not concern it.
        why = "" if cycle.closed else manifest.why_stale(cycle, record, manifest.made_from(cycle, notebook, values))
        state = why or f"done {record['started']} in {record['seconds']:.1f} s" if record or why else "has not run"
        lines.append(f"  {step:<16} {state}")
    if (failed := files.failed_folder(loaded.output_folder, cycle.label) / "error.html").exists():
        lines.append(f"  The last run failed: {failed}")
    if cycle.closed and (changed := changed_since_closing(cycle.folder)):
        lines.append(f"  Changed since it was closed: {', '.join(changed)}")
    lines.append(f"Closed before: {', '.join(cycle.closed_months()) or 'none'}")
    return "\n".join(lines)
