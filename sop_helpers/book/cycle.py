"""A month of planning: open it, read and write its tables, close it."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path

import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.config import Workbook, load_workbook
from sop_helpers.book.errors import DataError, WorkbookError
from sop_helpers.book.journal import Journal
from sop_helpers.book.sources import has_source, read_table

STAGE = "SOP_STAGE"


def month_start(month: str | pd.Timestamp) -> pd.Timestamp:
    """Return the first day of a month given as ``2026-10``.

    Raises
    ------
    WorkbookError
        The text is not a month.
    """
    try:
        return pd.to_datetime(str(month)[:7], format="%Y-%m")
    except ValueError as error:
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
        Where the month's tables are, published or staged.
    """

    def __init__(self, month: str, workbook: Workbook, scenario: str = "base", folder: Path | None = None):
        if scenario != "base" and scenario not in workbook.scenarios:
            raise WorkbookError(f"no scenario is called {scenario!r}", f"Choose one of {['base', *workbook.scenarios]}.")
        self.month = month_start(month)
        self.workbook = workbook
        self.scenario = scenario
        self.label = f"{self.month:%Y-%m}"
        stage = os.environ.get(STAGE)
        self.folder = folder or (Path(stage) if stage else workbook.output_folder / self.label)

    def __repr__(self) -> str:
        return f"Cycle {self.label} of {self.workbook.company.name}, {self.scenario}"

    @property
    def last_actual(self) -> pd.Timestamp:
        """Last month with actuals."""
        return self.month - pd.DateOffset(months=1)

    @property
    def horizon(self) -> pd.DatetimeIndex:
        """Months planned, as period starts."""
        return pd.date_range(self.month, periods=self.workbook.calendar.horizon_months, freq="MS", unit="us", name="month")

    @property
    def policies(self):
        """Rules of planning from the workbook."""
        return self.workbook.policies

    @property
    def currency(self) -> str:
        """The workbook's currency."""
        return self.workbook.company.currency

    @cached_property
    def journal(self) -> Journal:
        """People's words as this month sees them."""
        return Journal(self.workbook, self.label)

    def _file(self, table: str) -> Path:
        tables.contract(table)
        return self.folder / ("inputs" if table in tables.INPUTS else "tables") / f"{table}.parquet"

    def has(self, table: str) -> bool:
        """Tell whether the table is there: made by a step, or brought by the company."""
        return self._file(table).exists() or (table in tables.INPUTS and has_source(self.workbook, table))

    def gather(self, table: str) -> pd.DataFrame:
        """Read an input from its source anew, validate it and keep it as the month's snapshot."""
        frame = read_table(self.workbook, table, self.month)
        self._store(table, frame)
        return frame

    def read(self, table: str) -> pd.DataFrame:
        """Return a table of the month, validated; empty where an optional input is missing.

        Parameters
        ----------
        table : str
            Name of an input or of a table that an earlier step made.

        Raises
        ------
        WorkbookError
            A step that makes the table has not run, or the company lacks a required input.
        """
        file = self._file(table)
        if file.exists():
            return pd.read_parquet(file)
        meta = tables.meta(table)
        if meta["direction"] == "input":
            if has_source(self.workbook, table):
                return self.gather(table)
            if not meta["required"]:
                return empty(table)
            raise DataError(f"table {table!r} is required and {self.workbook.sources.folder} has no {table}.csv", f"Bring it; templates/inputs/{table}.csv shows the columns.")
        raise WorkbookError(f"table {table!r} of {self.label} is not there yet", f"Run {meta['step']} first.")

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
        """
        if tables.meta(table)["direction"] != "output":
            raise WorkbookError(f"{table!r} is an input and is not written by a notebook")
        spec = tables.columns(table)
        frame = frame.copy()
        for name, column in spec.items():
            if name not in frame and column["optional"]:
                frame[name] = pd.NA
            if name in frame:
                frame[name] = frame[name].astype({"number": "float64", "month": "datetime64[us]", "day": "datetime64[us]", "flag": "bool"}.get(column["kind"], "str"))
        extra = [c for c in frame if c not in spec]
        if extra:
            raise DataError(f"{table}: columns {extra} are not in its contract")
        frame = frame[[c for c in spec if c in frame]].reset_index(drop=True)
        try:
            tables.schema(table).validate(frame, lazy=True)
        except Exception as error:
            raise DataError(f"{table} does not keep its contract: {error}") from error
        self._store(table, frame)
        return frame

    def _store(self, table: str, frame: pd.DataFrame) -> None:
        file = self._file(table)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        frame.to_parquet(part)
        os.replace(part, file)

    def previous(self, months: int = 1) -> Cycle | None:
        """Return the cycle closed `months` before this one, or None where there is none."""
        label = f"{self.month - pd.DateOffset(months=months):%Y-%m}"
        for folder in (self.workbook.output_folder / label, *( [self.workbook.inside(self.workbook.closed) / label] if self.workbook.closed else [])):
            if (folder / "closed.json").exists():
                return Cycle(label, self.workbook, self.scenario, folder)
        return None


def empty(table: str) -> pd.DataFrame:
    """Return a table without rows, with the columns and dtypes of its contract."""
    kinds = {"number": "float64", "month": "datetime64[us]", "day": "datetime64[us]", "flag": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(column["kind"], "str")) for name, column in tables.columns(table).items()})


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
