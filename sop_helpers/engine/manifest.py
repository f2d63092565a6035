"""The record of a month: what each step was made from, and whether it still is.

A step is up to date when its notebook, our helpers, the workbook's settings, its parameters, the sources it gathered from, everything it read and
everything it wrote are what they were. What was read is what the step itself noted while it ran, so nobody keeps a list of dependencies.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from sop_helpers.book import files, tables
from sop_helpers.book.config import Workbook
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.sources import source_digest
from sop_helpers.engine.kernels import PACKAGE

PACKAGES = ["papermill", "nbconvert", "pandas", "numpy", "scipy", "statsmodels", "pandera", "pyarrow", "duckdb", "linopy", "highspy", "matplotlib"]


def _hash(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def notebook_digest(notebook: Path) -> str:
    """Return a digest of what a notebook says: its cells, not the outputs or numbers that opening and running it leave behind."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return _hash([[c["cell_type"], "".join(c["source"]), sorted(c.get("metadata", {}).get("tags", []))] for c in cells])


@cache
def helpers_digest() -> str:
    """Return a digest of our package and of the report's template."""
    parts = sorted([*(PACKAGE / "sop_helpers").rglob("*.py"), *(f for f in (PACKAGE / "templates" / "report").rglob("*") if f.is_file())])
    return _hash([[f.relative_to(PACKAGE).as_posix(), files.digest_file(f)] for f in parts if "__pycache__" not in f.parts])


def settings_digest(workbook: Workbook) -> str:
    """Return a digest of the settings; comments and order do not count."""
    return _hash(workbook.model_dump(mode="json", exclude={"month", "output", "notebooks"}))


@cache
def versions() -> dict[str, str]:
    """Return the versions of the libraries that numbers and pictures come from."""
    out = {}
    for name in PACKAGES:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out


def _source(cycle: Cycle, table: str) -> str:
    try:
        return source_digest(cycle.workbook, table, cycle.month)
    except WorkbookError as error:
        # Whoever reads it says what is wrong; here it only counts as a state of its own.
        return f"unreadable: {error.message}"


def made_from(cycle: Cycle, notebook: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the digests of what a step is made from, beside what it reads."""
    # The workbook counts by its settings, not by the folder it lies in.
    values = {name: value for name, value in parameters.items() if name != "workbook"}
    return {
        "notebook": notebook_digest(notebook), "helpers": helpers_digest(), "settings": settings_digest(cycle.workbook), "parameters": _hash(values),
        "versions": _hash(versions()),
    }


def sources_now(cycle: Cycle, names: list[str]) -> dict[str, str]:
    """Return the digest of the source of each input named."""
    return {table: _source(cycle, table) for table in names}


def digest_now(cycle: Cycle, name: str) -> str | None:
    """Return the digest that something read before has now.

    Parameters
    ----------
    name : str
        ``tables/...``, ``inputs/...``, ``journal/...`` or ``closed/...``, as the cycle notes it.
    """
    kind, _, rest = name.partition("/")
    if kind == "journal":
        return cycle.journal.digest(rest)
    if kind == "closed":
        label, _, inner = rest.partition("/")
        folder = cycle.closed_folders().get(label)
        if folder is None:
            return None
        if not inner:
            return files.digest_file(folder / "closed.json")
        return files.digest_file(folder / f"{inner}.parquet") or files.digest_file(folder / f"{inner}.csv")
    home = cycle.month_folder if kind == "inputs" else cycle.folder
    return files.digest_file(home / kind / f"{rest}.parquet")


def why_stale(cycle: Cycle, record: dict[str, Any] | None, made: dict[str, Any]) -> str:
    """Say why a step must run again; ``""`` where it need not."""
    if not record or record.get("status") != "done":
        return "it has not run" if not record else f"its last run {record.get('status', 'was broken off')}"
    words = {"notebook": "the notebook", "helpers": "the helper package", "settings": "workbook.toml", "parameters": "a parameter", "versions": "a library"}
    changed = [words[name] for name, digest in made.items() if record["made_from"].get(name) != digest]
    if changed:
        return f"{', '.join(changed)} changed"
    for table, digest in record["sources"].items():
        if _source(cycle, table) != digest:
            return f"the source of {table} changed"
    for name, digest in record["read"].items():
        if digest_now(cycle, name) != digest:
            return f"{name.split('/', 1)[1]} changed"
    for name, digest in record["written"].items():
        if digest_now(cycle, name) != digest:
            return f"{name.split('/', 1)[1]} was changed or removed since"
    return ""


def noted(reads: Path) -> dict[str, str | None]:
    """Return what a step noted that it read, the last digest of each."""
    if not reads.exists():
        return {}
    return dict(json.loads(line) for line in reads.read_text(encoding="utf-8").splitlines())


def _entries(cycle: Cycle, step: str) -> list[tuple[Path, str, dict[str, Any]]]:
    """Return home folder, table and entry of what a step wrote: inputs belong to the month, tables to the scenario."""
    homes = [("inputs", cycle.month_folder), ("tables", cycle.folder)]
    out = []
    for kind, home in homes:
        for table, entry in files.read_json(home / "manifest.json").get("tables", {}).items():
            if entry["step"] == step and (table in tables.INPUTS) == (kind == "inputs"):
                out.append((home, f"{kind}/{table}", entry))
    return out


def written_by(cycle: Cycle, step: str) -> dict[str, str]:
    """Return the tables that a step wrote in its last run and their digests."""
    return {name: entry["digest"] for _, name, entry in _entries(cycle, step)}


def forget(cycle: Cycle, step: str) -> None:
    """Remove what a step wrote before it runs again, so that nothing old can pass for new."""
    for home, name, _ in _entries(cycle, step):
        (home / f"{name}.parquet").unlink(missing_ok=True)
        manifest = files.read_json(home / "manifest.json")
        del manifest["tables"][name.split("/", 1)[1]]
        files.write_json(home / "manifest.json", manifest)


def note_step(cycle: Cycle, step: str, record: dict[str, Any]) -> None:
    """Put a step's record into the manifest."""
    manifest = files.read_json(cycle.folder / "manifest.json") or {"month": cycle.label, "scenario": cycle.scenario, "company": cycle.workbook.company.name}
    manifest.setdefault("steps", {})[step] = record
    files.write_json(cycle.folder / "manifest.json", manifest)


def steps_of(cycle: Cycle) -> dict[str, dict[str, Any]]:
    """Return the records of the steps of a month."""
    return files.read_json(cycle.folder / "manifest.json").get("steps", {})
