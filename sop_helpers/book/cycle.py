"""A month of planning: open it, read and write its tables, look back at the months closed before."""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from sop_helpers.book import files, tables
from sop_helpers.book.config import Policies, Workbook, load_workbook
from sop_helpers.book.conform import conform, empty, from_text
from sop_helpers.book.errors import DataError, WorkbookError
from sop_helpers.book.fiscal import periods_of, weeks_of
from sop_helpers.book.journal import Journal
from sop_helpers.book.sources import has_source, read_table

# The engine tells a notebook's process where to work, which step it is, and where to note what it read.
STAGE, STEP, READS = "SOP_STAGE", "SOP_STEP", "SOP_READS"


def month_start(month: str | pd.Timestamp) -> pd.Timestamp:
    """Return the first day of a month given as ``2026-10``.

    Raises
    ------
    WorkbookError
        The text is not a month.
    """
    try:
        found = re.fullmatch(r"(\d{4}-\d{2})(-01)?( 00:00:00)?", str(month))
        return pd.to_datetime(found[1], format="%Y-%m")
    except (TypeError, ValueError) as error:
        raise WorkbookError(f"{month!r} is not a month", "Write it as 2026-10.") from error


class Cycle:
    """One month of one workbook.

    The cycle of 2026-10 is run at the start of October: it sees actuals up to September and plans October onwards.

    Attributes
    ----------
    month : pandas.Timestamp
        First month planned.
    workbook : Workbook
        The company's settings.
    scenario : str
        ``base`` or a scenario of the workbook.
    folder : Path
        Where the month's results are, published or staged; a scenario has its own folder in it.
    closed : bool
        Whether the month is frozen.
    """

    def __init__(self, month: str, workbook: Workbook, scenario: str = "base", folder: Path | None = None):
        if scenario != "base" and scenario not in workbook.scenarios:
            raise WorkbookError(f"no scenario is called {scenario!r}", f"Choose one of {['base', *workbook.scenarios]}.")
        self.month = month_start(month)
        self.workbook = workbook
        self.scenario = scenario
        self.label = f"{self.month:%Y-%m}"
        stage = Path(os.environ.get(STAGE) or ".")
        # A notebook may open another month than the one that is run; only the month that is run is staged.
        self._staged = folder is None and stage.name.startswith(f".stage-{self.label}-") and stage.parent == workbook.output_folder
        if folder is None and not self._staged:
            files.recover_if_needed(workbook.output_folder, self.label)
            shipped = workbook.inside(workbook.closed) / self.label if workbook.closed else None
            if shipped and (shipped / "closed.json").exists() and not (workbook.output_folder / self.label).exists():
                folder = shipped
        self.month_folder = folder or (stage if self._staged else workbook.output_folder / self.label)
        self.folder = self.month_folder if scenario == "base" else self.month_folder / "scenarios" / scenario
        self._seen: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return f"Cycle {self.label} of {self.workbook.company.name}, {self.scenario}"

    @property
    def last_actual(self) -> pd.Timestamp:
        """Last month with actuals."""
        return self.month - pd.DateOffset(months=1)

    def weeks(self, months: pd.DatetimeIndex) -> pd.Series | None:
        """Return the weeks of some months and of those planned in the workbook's calendar of weeks; None where periods are calendar months."""
        fiscal = self.workbook.fiscal_weeks
        return weeks_of(months.union(self.horizon), **fiscal) if fiscal else None

    def period(self, month: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Return the first and the last day of a month in the workbook's calendar of weeks; None where periods are calendar months."""
        fiscal = self.workbook.fiscal_weeks
        return tuple(periods_of(pd.DatetimeIndex([month]), **fiscal)[["start", "end"]].iloc[0]) if fiscal else None

    def data_until(self, sales: pd.DataFrame) -> pd.Timestamp | None:
        """Return the last day that the sales of the last actual month cover, from the workbook or the data; None where the month was over."""
        if self.workbook.calendar.data_until is not None:
            return pd.Timestamp(self.workbook.calendar.data_until)
        found = sales.loc[sales["month"] == self.last_actual, "data_until"].max() if "data_until" in sales else pd.NaT
        return None if pd.isna(found) else found

    @property
    def horizon(self) -> pd.DatetimeIndex:
        """Months planned, as period starts."""
        return pd.date_range(self.month, periods=self.workbook.calendar.horizon_months, freq="MS", unit="us", name="month")

    @property
    def policies(self) -> Policies:
        """Rules of planning from the workbook."""
        return self.workbook.policies

    @property
    def currency(self) -> str:
        """The workbook's currency."""
        return self.workbook.company.currency

    @property
    def closed(self) -> bool:
        """Whether the month is frozen."""
        return (self.month_folder / "closed.json").exists()

    @cached_property
    def journal(self) -> Journal:
        """People's words as this month sees them."""
        return Journal(self.workbook, self.label, self._note)

    def _file(self, table: str) -> Path:
        tables.contract(table)
        kind = "inputs" if table in tables.INPUTS else "tables"
        file = (self.month_folder if kind == "inputs" else self.folder) / kind / f"{table}.parquet"
        # Months closed elsewhere are shipped as CSV, which people can read and compare.
        return file.with_suffix(".csv") if not file.exists() and file.with_suffix(".csv").exists() else file

    def _note(self, name: str, digest: str | None) -> None:
        """Remember what was read, for the lineage of what is written next and for the rerun of what has changed."""
        self._seen[name] = digest
        reads = os.environ.get(READS)
        if reads:
            with open(reads, "a", encoding="utf-8") as file:
                file.write(json.dumps([name, digest]) + "\n")

    def _note_file(self, table: str, file: Path) -> None:
        name = f"{'inputs' if table in tables.INPUTS else 'tables'}/{table}"
        own = self.month_folder.parent == self.workbook.output_folder and (self._staged or not self.closed)
        self._note(name if own else f"closed/{self.label}/{name}", files.digest_file(file))

    def has(self, table: str) -> bool:
        """Tell whether the table is there: made by a step, or brought by the company."""
        file = self._file(table)
        self._note_file(table, file)
        return file.exists() or (table in tables.INPUTS and has_source(self.workbook, table))

    def keeps(self, table: str) -> bool:
        """Tell whether the month itself keeps the table, whatever the company would bring today."""
        file = self._file(table)
        self._note_file(table, file)
        return file.exists()

    def gather(self, table: str) -> pd.DataFrame:
        """Read an input from its source anew, validate it and keep it as the month's snapshot.

        An optional input that is not there comes back empty, and its old snapshot goes.
        """
        meta = tables.meta(table)
        if meta["direction"] != "input":
            raise WorkbookError(f"{table!r} is made by {meta['step']} and is not gathered")
        if not has_source(self.workbook, table):
            if meta["required"]:
                where = self.workbook.sources.folder
                raise DataError(f"table {table!r} is required and {where} has no {table}.csv", f"Bring it; templates/inputs/{table}.csv shows the columns.")
            if not self.closed:
                self._file(table).unlink(missing_ok=True)
            self._note_file(table, self._file(table))
            return empty(table)
        frame = read_table(self.workbook, table, self.month)
        if not self.closed:
            self._store(table, frame)
        self._note_file(table, self._file(table))
        return frame

    def read(self, table: str) -> pd.DataFrame:
        """Return a table of the month, validated; empty where an optional input is missing.

        Parameters
        ----------
        table : str
            Name of an input or of a table that an earlier step made. ``insights`` holds what the journal knows too.

        Raises
        ------
        WorkbookError
            A step that makes the table has not run, or the company lacks a required input.
        """
        frame = self._read(table)
        return self._with_journal(frame) if table == "insights" else frame

    def _read(self, table: str) -> pd.DataFrame:
        file = self._file(table)
        meta = tables.meta(table)
        if not file.exists() and meta["direction"] == "input":
            return self.gather(table)
        self._note_file(table, file)
        if not file.exists():
            raise WorkbookError(f"table {table!r} of {self.label} is not there yet", f"Run {meta['step']} first.")
        return from_text(table, file) if file.suffix == ".csv" else pd.read_parquet(file)

    def _with_journal(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the journal's insights; one that has the same identifier as an input's takes its place."""
        words = self.journal.read("insight").rename(columns={"id": "insight"})
        if words.empty:
            return frame
        kept = frame[~frame["insight"].isin(words["insight"])]
        return conform("insights", pd.concat([kept, words[list(frame.columns)]]) if len(kept) else words[list(frame.columns)])

    def write(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Validate a table against its contract and keep it, whole or not at all.

        Parameters
        ----------
        table : str
            Name of a produced table.
        frame : DataFrame
            Its rows; columns in any order, no others than the contract names. Optional columns may be left out.

        Returns
        -------
        DataFrame
            The table as kept.

        Raises
        ------
        DataError
            The table breaks its contract; names column, rows and what was expected.
        WorkbookError
            The month is closed, or the disk is full; what was there before is kept.
        """
        if tables.meta(table)["direction"] != "output":
            raise WorkbookError(f"{table!r} is an input and is not written by a notebook")
        frame = conform(table, frame)
        self._store(table, frame)
        return frame

    def _store(self, table: str, frame: pd.DataFrame) -> None:
        if self.closed:
            raise WorkbookError(
                f"{self.label} is closed and {table!r} cannot be written", f"Plan a later month, or reopen it on purpose: sop reopen {self.label} --reason WHY"
            )
        file = self._file(table)
        files.write_atomically(file, lambda part: frame.to_parquet(part, index=False))
        home = self.month_folder if table in tables.INPUTS else self.folder
        step = os.environ.get(STEP) or tables.meta(table).get("step", "10_gather")
        entry: dict[str, Any] = {"rows": len(frame), "digest": files.digest_file(file), "step": step, "read": dict(self._seen)}
        # Two notebooks run by hand may write at the same time.
        with files.locked(home / ".manifest.lock", "writing the manifest", wait=30):
            manifest = files.read_json(home / "manifest.json")
            manifest |= {"month": self.label, "scenario": self.scenario if home is self.folder else "base", "company": self.workbook.company.name}
            manifest.setdefault("tables", {})[table] = entry
            files.write_json(home / "manifest.json", manifest)

    def closed_folders(self) -> dict[str, Path]:
        """Return the folders of closed months by label; a month closed here comes before one that was shipped."""
        shipped = [self.workbook.inside(self.workbook.closed)] if self.workbook.closed else []
        return {file.parent.name: file.parent for place in [*shipped, self.workbook.output_folder] for file in sorted(place.glob("????-??/closed.json"))}

    def closed_months(self) -> list[str]:
        """Return the labels of the months closed before this one, oldest first."""
        return sorted(label for label in self.closed_folders() if label < self.label)

    def previous(self, months: int = 1) -> Cycle | None:
        """Return the cycle closed `months` before this one, or None where there is none.

        It is the base plan: that is what people agreed on.
        """
        label = f"{self.month - pd.DateOffset(months=months):%Y-%m}"
        folder = self.closed_folders().get(label)
        self._note(f"closed/{label}", files.digest_file(folder / "closed.json") if folder else None)
        if folder is None:
            return None
        cycle = Cycle(label, self.workbook, "base", folder)
        cycle._seen = self._seen
        return cycle


def open_cycle(month: str, workbook: str | Path | Workbook = "workbook.toml", scenario: str = "base") -> Cycle:
    """Open a month of a workbook: the first line of every notebook.

    Parameters
    ----------
    month : str
        First month planned, such as ``"2026-10"``; actuals go up to the month before.
    workbook : str, Path or Workbook
        The workbook file or its folder.
    scenario : str
        ``"base"`` or a scenario that the workbook defines.

    Raises
    ------
    WorkbookError
        The month, the workbook or the scenario is unknown.
    """
    loaded = workbook if isinstance(workbook, Workbook) else load_workbook(workbook)
    return Cycle(month, loaded, scenario)
