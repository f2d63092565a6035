"""What people get when a step fails: which notebook, cell and table, why, and what to do."""

from __future__ import annotations

import html
import re
from pathlib import Path

from sop_helpers.book import tables
from sop_helpers.book.errors import WorkbookError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TODO = "What to do:"


class StepFailed(WorkbookError):
    """A step that did not finish.

    Attributes
    ----------
    step, cell, table, why, todo, trace : str
        What people want to know of it.
    """

    def __init__(self, step: str, cell: str, table: str, why: str, todo: str, trace: str = ""):
        where = f"step {step}" + (f", {cell}" if cell else "") + (f", table {table}" if table else "")
        super().__init__(f"{where}: {why}", todo)
        self.step, self.cell, self.table, self.why, self.trace = step, cell, table, why, trace


def _table_in(*texts: str) -> str:
    """Find the table that a message is about, or that the failing cell was reading or writing."""
    known = sorted(tables.TABLES, key=len, reverse=True)
    for text in texts:
        quoted = re.findall(r"""(?:table |read\(|write\(|gather\()?['"]([a-z_]+)['"]|\btable ([a-z_]+)\b|([a-z_]+)\.(?:csv|xlsx|parquet)\b""", text)
        for name in (part for parts in quoted for part in parts if part):
            if name in known:
                return name
    return ""


def describe(step: str, error: BaseException, notebook: Path) -> StepFailed:
    """Turn what papermill raised into what people want to know.

    Parameters
    ----------
    step : str
        The step.
    error : BaseException
        What was raised.
    notebook : Path
        The executed notebook, kept for people to look at.
    """
    look = f"Look at {notebook}; run the notebook in JupyterLab to see it live (sop lab)."
    if not hasattr(error, "ename"):
        text = str(error).strip() or type(error).__name__
        if "kernel died" in text.lower():
            return StepFailed(step, "", "", "its Python process died", "It may have run out of memory: try with less data, or a machine with more.", text)
        if isinstance(error, WorkbookError):
            return StepFailed(step, "", _table_in(error.message), error.message, error.todo or look)
        return StepFailed(step, "", "", f"{type(error).__name__}: {text}", look, text)
    why, _, todo = str(error.evalue).partition(TODO)
    source = str(error.source)
    first = next((line.strip() for line in source.splitlines() if line.strip() and not line.strip().startswith("#")), "")
    # The number is the place in the executed notebook, which has one cell more: the injected parameters.
    cell = f"cell {error.cell_index + 1 if isinstance(error.cell_index, int) else '?'} ({first[:70]})"
    trace = COLOURS.sub("", "\n".join(error.traceback))
    ours = error.ename in {"WorkbookError", "DataError", "TableError", "ConflictError", "Unreadable"}
    why = why.strip() if ours or todo else f"{error.ename}: {str(error.evalue).strip()}"
    return StepFailed(step, cell, _table_in(why, source), why, todo.strip() or look, trace)


def error_page(failed: StepFailed, company: str, label: str) -> str:
    """Return the error page: one file of plain HTML in which nothing of the data is markup."""
    rows = {
        "Company": company, "Month": label, "Step": failed.step, "Cell": failed.cell, "Table": failed.table, "Why": failed.why, "What to do": failed.todo,
    }
    body = "\n".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in rows.items() if value)
    trace = f"<details><summary>Where in the code</summary><pre>{html.escape(failed.trace)}</pre></details>" if failed.trace else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(failed.step)} failed in {label}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }}
dt {{ font-weight: 600; margin-top: .8rem; }} dd {{ margin: 0; white-space: pre-wrap; }} pre {{ overflow: auto; background: #f3f3f3; padding: 1rem; }}
</style></head>
<body><h1>{html.escape(failed.step)} failed in {label}</h1>
<p>Nothing was published: the month stays as it was before this run.</p>
<dl>
{body}
</dl>
{trace}
</body></html>
"""
