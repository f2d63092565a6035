"""A company's tables, from files and databases into their contracts.

Every table is read by :func:`read_table`: find the source, read its cells (:mod:`readers`, :mod:`sql`), coerce them (:mod:`coerce`), cut what the
month could not know, add order lines up, and hold the result against the contract. All that is wrong with a table is told in one error.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from sop_helpers.book import coerce, tables
from sop_helpers.book.coerce import Dialect, Problem, TableError
from sop_helpers.book.config import Source, Workbook
from sop_helpers.book.fiscal import month_of, periods_of
from sop_helpers.book.lines import Summed, add_up_file
from sop_helpers.book.matching import allowed_values, check_contract, match_columns
from sop_helpers.book.readers import Unreadable, filled_sheets, read_file

SUFFIXES = (".csv", ".xlsx", ".parquet")
COLLECTION = "inputs.xlsx"
FAR = pd.DateOffset(months=24)
"""How far ahead of the month planned a date is more likely mistyped than known."""


@dataclass(frozen=True)
class Origin:
    """Where a table comes from: a file, or a query."""

    source: Source
    path: Path | None
    label: str
    problem: str = ""


@dataclass
class Loaded:
    """A table as read, with what people should know about the reading."""

    frame: pd.DataFrame
    label: str
    notes: list[Problem] = field(default_factory=list)


def _origin(workbook: Workbook, table: str) -> Origin | None:
    """Find a table's source; None where the company does not bring it."""
    tables.contract(table)
    folder = workbook.inside(workbook.sources.folder)
    source = workbook.sources.tables.get(table)
    if source is not None and source.query:
        return Origin(source, workbook.inside(source.query), f"query {source.query}", "" if not source.path else "names both a path and a query; keep one")
    if source is not None and source.url:
        return Origin(source, None, f"[sources.tables.{table}]", "it has a url and no query; name a SQL file as query")
    if source is not None and source.path:
        path = workbook.inside(str(Path(workbook.sources.folder) / source.path))
        return Origin(source, path, _label(workbook, path, source.sheet))
    found = [there[name] for suffix in SUFFIXES if (name := f"{table}{suffix}") in (there := _files(folder))]
    book = folder / COLLECTION
    sheets = _sheets(str(book), book.stat().st_mtime_ns, book.stat().st_size) if book.is_file() else ()
    listed = next((name for name in sheets if name.strip().lower() == table), None)
    if found:
        names = [p.name for p in found] + [f"sheet {listed} of {COLLECTION}"] * bool(listed)
        problem = f"{' and '.join(names)} are both there; keep one, or name one as path" if len(names) > 1 else ""
        return Origin(source or Source(), found[0], _label(workbook, found[0], source.sheet if source else None), problem)
    if listed:
        return Origin((source or Source()).model_copy(update={"sheet": listed}), book, _label(workbook, book, listed))
    if source is None:
        return None
    return Origin(source, None, f"[sources.tables.{table}]", f"it is described and there is no {table}.csv, .xlsx or .parquet in {workbook.sources.folder}")


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their names in lower case: Sales.CSV is the table sales."""
    return {file.name.lower(): file for file in sorted(folder.iterdir(), reverse=True) if file.is_file()} if folder.is_dir() else {}


def _label(workbook: Workbook, path: Path, sheet: str | None = None) -> str:
    shown = path.relative_to(workbook.root.resolve()) if path.is_relative_to(workbook.root.resolve()) else path
    return f"{shown.as_posix()}, sheet {sheet}" if sheet else shown.as_posix()


@lru_cache(maxsize=8)
def _sheets(path: str, changed: int, size: int) -> tuple[str, ...]:
    return tuple(filled_sheets(Path(path)))


def has_source(workbook: Workbook, table: str) -> bool:
    """Tell whether the company brings this table: the workbook names it, a file is called after it, or ``inputs.xlsx`` has it as a filled sheet."""
    return _origin(workbook, table) is not None


def source_of(workbook: Workbook, table: str) -> str:
    """Return how messages call the source of a table; ``""`` where it has none."""
    origin = _origin(workbook, table)
    return origin.label if origin else ""


def source_digest(workbook: Workbook, table: str, month: pd.Timestamp | None = None) -> str:
    """Return a SHA-256 of all that a table is read from, for reruns; ``""`` where it has no source.

    Files are hashed by their bytes, a query over files by its text and every file that it may read, a query over a database by its text and its rows.
    """
    origin = _origin(workbook, table)
    if origin is None:
        return ""
    digest = hashlib.sha256(json.dumps(origin.source.model_dump(), sort_keys=True).encode())
    digest.update(_bytes_digest(origin.path).encode())
    if origin.source.query:
        digest.update(str(month if month is not None else "").encode())
        try:
            if origin.source.url:
                rows = _cells(workbook, table, origin, month)[0].astype("str")
                digest.update(pd.util.hash_pandas_object(rows).to_numpy().tobytes())
            else:
                for folder in _folders(workbook):
                    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                        digest.update(f"{file.relative_to(folder)}{_bytes_digest(file)}".encode())
        except Unreadable as error:
            # reading the table will say so
            digest.update(str(error).encode())
    return digest.hexdigest()


def _bytes_digest(path: Path | None) -> str:
    if path is None or not path.is_file():
        return "missing"
    stat = path.stat()
    return _file_digest(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _file_digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folders(workbook: Workbook) -> list[Path]:
    """Folders that a query over files may read."""
    if workbook.sources.data and workbook.data_folder is None:
        todo = "Fetch the data, or set the folder under [sources] data or by its environment variable."
        raise Unreadable(f"none of the data folders {', '.join(workbook.sources.data)} is there", todo)
    own = workbook.inside(workbook.sources.folder)
    return [f for f in dict.fromkeys([workbook.data_folder, own]) if f is not None and f.is_dir()]


def _cells(workbook: Workbook, table: str, origin: Origin, month: pd.Timestamp | None) -> tuple[pd.DataFrame, int]:
    """Read the cells of a source, renamed; raises Unreadable."""
    source = origin.source
    if origin.problem:
        raise Unreadable(origin.problem)
    assert origin.path is not None
    if not origin.path.is_file():
        raise Unreadable("the file is not there", f"Put it there, or mend [sources.tables.{table}] in workbook.toml.")
    if source.query:
        from sop_helpers.book import sql

        try:
            query = origin.path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise Unreadable("the query file is not UTF-8", "Save it as UTF-8.") from None
        if source.url:
            return _once(sql.query_database(query, source.url, workbook, month)), 0
        return _once(sql.query_files(query, _folders(workbook), month)), 0
    return read_file(origin.path, source)


def _once(cells: pd.DataFrame) -> pd.DataFrame:
    """Refuse the result of a query that names a column twice."""
    twice = sorted(set(cells.columns[cells.columns.duplicated()].astype(str)))
    if twice:
        raise Unreadable(f"the query names {', '.join(map(repr, twice))} more than once", "Name each column once: SELECT the ones that are wanted.")
    return cells


def read_table(workbook: Workbook, table: str, month: pd.Timestamp | None = None) -> pd.DataFrame:
    """Read one input table and hold it against its contract.

    Parameters
    ----------
    workbook : Workbook
        The company's settings.
    table : str
        Name of an input.
    month : Timestamp, optional
        First day of the cycle's month: rows dated in or after it are left out, and deals closed in or after it are open again.

    Returns
    -------
    DataFrame
        All the columns of the contract, in its order; optional ones empty where the source has none.

    Raises
    ------
    TableError
        One `DataError` that names source, columns, rows, what was found and what was expected, for all that is wrong with the table.
    """
    return load_table(workbook, table, month).frame


def load_table(workbook: Workbook, table: str, month: pd.Timestamp | None = None) -> Loaded:
    """Read one input table as :func:`read_table` does and keep the notes on the reading."""
    origin = _origin(workbook, table)
    if origin is None:
        folder = workbook.sources.folder
        what = f"there is no {table}.csv, {table}.xlsx or {table}.parquet in {folder}, and the workbook names no other source"
        raise TableError(table, f"{folder}/{table}.csv", [Problem("", what)], f"Bring it; templates/inputs/{table}.csv shows the columns.")
    usable = origin.path is not None and origin.path.is_file() and not origin.problem
    as_of = tables.meta(table).get("as_of")
    fiscal = workbook.fiscal_weeks if as_of and tables.columns(table)[as_of]["kind"] == "month" else {}
    if usable and (summed := add_up_file(origin.path, origin.source, table, fiscal)) is not None:
        try:
            return _load(workbook, table, month, origin, fiscal, summed)
        except TableError:
            pass  # the rows of the sums are not those of the file, which people know: the ordinary reader names them
    return _load(workbook, table, month, origin, fiscal)


def _load(workbook: Workbook, table: str, month: pd.Timestamp | None, origin: Origin, fiscal: dict[str, Any], summed: Summed | None = None) -> Loaded:
    """Read a table from its source, or take what a large file was added up to, and hold it against its contract."""
    source, loaded = origin.source, Loaded(pd.DataFrame(), origin.label, list(summed.notes) if summed else [])
    try:
        cells, epoch = (summed.cells, 0) if summed else _cells(workbook, table, origin, month)
    except Unreadable as error:
        raise TableError(table, origin.label, [Problem("", str(error))], error.todo) from None
    dialect = Dialect(source.decimal, source.date_format, frozenset(source.null_values), workbook.company.currency, epoch)
    problems: list[Problem] = []
    taken = match_columns(table, list(cells.columns), Source() if summed else source, problems, [] if summed else loaded.notes)
    named = pd.DataFrame({ours: coerce.compose(cells, parts, dialect.null_values) for ours, parts in taken.items()}, index=cells.index)
    if not len(cells) and tables.meta(table)["required"]:
        problems.append(Problem("", "the query returns no rows" if source.query else "there is a header and no rows: fill it in; expected at least one row"))
    elif not len(cells):
        loaded.notes.append(Problem("", "there is a header and no rows: taken as none"))
    frame, lines, days = _coerce_columns(table, named, dialect, problems)
    if problems:
        raise TableError(table, origin.label, problems)
    if summed:
        days, lines = summed.days, bool((summed.days.dt.day > 1).any())
    elif lines and fiscal:
        dated = tables.meta(table)["as_of"]
        # A month that is named as such, 2026-10 between days, is the period of that name.
        frame = frame.assign(**{dated: month_of(days, **fiscal).mask(coerce.names_month(named[dated]), frame[dated])})
    frame = _as_known(table, frame, month, origin.label, loaded.notes, workbook.fiscal_weeks)
    if summed:
        _note_sums(table, int(summed.lines[frame.index].sum()), len(frame), loaded.notes)
    else:
        frame = _add_up(table, frame, lines or len(cells.columns) > len({part for parts in taken.values() for part in parts}), loaded.notes)
    if lines and "data_until" in frame:
        frame = _mark_partial_month(frame, days, month, loaded.notes, fiscal)
    problems = check_contract(table, frame)
    if problems:
        raise TableError(table, origin.label, problems)
    loaded.frame = frame.reset_index(drop=True)
    return loaded


def _coerce_columns(table: str, cells: pd.DataFrame, dialect: Dialect, problems: list[Problem]) -> tuple[pd.DataFrame, bool, pd.Series]:
    """Coerce every column of the contract; tell whether the rows are dated by days (order lines) rather than months, and by which."""
    dated = tables.meta(table).get("as_of")
    out, lines, days = {}, False, pd.Series(dtype="datetime64[us]")
    for name, spec in tables.columns(table).items():
        if name not in cells:
            kind = {"number": "float64", "month": "datetime64[us]", "day": "datetime64[us]", "flag": "object"}.get(spec["kind"], "str")
            out[name] = pd.Series(index=cells.index, dtype=kind)
            continue
        values, problem = coerce.coerce(cells[name], {**spec, "name": name}, dialect, allowed_values(table, name))
        if problem:
            problems.append(problem)
        elif not spec["optional"] and values.isna().any():
            problems.append(Problem(name, f"blank; expected a {spec['kind']} in every row", values.index[values.isna()].tolist()))
        if spec["kind"] == "month":
            lines = lines or (name == dated and bool((values.dt.day > 1).any()))
            days = values if name == dated else days
            values = coerce.month_start(values)
        elif spec["kind"] == "flag" and not problem and not values.isna().any():
            values = values.astype(bool)
        out[name] = values
    return pd.DataFrame(out), lines, days


def _mark_partial_month(
    frame: pd.DataFrame, days: pd.Series, month: pd.Timestamp | None, notes: list[Problem], fiscal: dict[str, Any]
) -> pd.DataFrame:
    """Say in ``data_until`` on which day the last month's order lines stop, where they stop well before it ends.

    Well before: two days further from the end than in any of the twelve months before, and three at least. In a calendar of weeks the lines may be
    dated by week: what all earlier months leave out of their end, the last line stands for.
    """
    days = days.dropna()
    name = month_of(days, **fiscal) if fiscal else coerce.month_start(days)
    known = (days if month is None else days[name < month]).dt.normalize()
    last = known.groupby(name[known.index]).max()
    if len(last) < 2:
        return frame
    names = pd.DatetimeIndex(last.index)
    ends = pd.DatetimeIndex(periods_of(names, **fiscal)["end"]) if fiscal else names + pd.offsets.MonthEnd(0)
    left = pd.Series((ends - pd.DatetimeIndex(last)).days)
    if not left.iloc[-1] > max(left.iloc[:-1].tail(12).max() + 1, 2):
        return frame
    until = last.iloc[-1] + pd.Timedelta(days=int(left.iloc[:-1].tail(12).min()) if fiscal else 0)
    notes.append(Problem("data_until", f"the order lines of {last.index[-1]:%Y-%m} end on {until:%Y-%m-%d}: the month is taken as partial"))
    mine = frame["month"] == last.index[-1]
    return frame.assign(data_until=frame["data_until"].where(~mine | frame["data_until"].notna(), until))


def _as_known(
    table: str, frame: pd.DataFrame, month: pd.Timestamp | None, label: str, notes: list[Problem], fiscal: dict[str, Any]
) -> pd.DataFrame:  # fmt: skip
    """Leave out what nobody could know at the start of the month, so that a past month can be replayed; say so where it looks like a mistake."""
    as_of = tables.meta(table).get("as_of")
    if month is None or frame.empty:
        return frame
    # Days are held against the day on which the period begins, months against its name.
    begins = periods_of(pd.DatetimeIndex([month]), **fiscal)["start"].iloc[0] if fiscal and month is not None else month
    start = begins if as_of and tables.columns(table)[as_of]["kind"] == "day" else month
    if as_of:
        known = frame[frame[as_of] < start]
        if known.empty and tables.meta(table)["required"]:
            raise TableError(table, label, [Problem(as_of, f"no row is dated before {month:%Y-%m}; the first is {frame[as_of].min():%Y-%m}")],
                             f"Bring earlier data, or plan a month after {frame[as_of].min():%Y-%m}.")
        cut = frame.loc[frame[as_of] >= start, as_of]
        if len(cut) and (known.empty or cut.max() > month + FAR):
            many = f"all {len(cut):,} rows are" if known.empty else f"{len(cut):,} rows are"
            notes.append(Problem(as_of, f"{many} dated in {start:%Y-%m} or after it and left out, the last of them {cut.max():%Y-%m}"))
        frame = known
    if table == "opportunities":
        later = frame["closed"] >= begins
        frame = frame.assign(closed=frame["closed"].mask(later), outcome=frame["outcome"].mask(later, "open"),
                             stage=frame["stage"].mask(later & frame["stage"].str.lower().isin(["won", "lost"]), "unknown"))
    if table == "quotas":
        frame = frame.assign(bookings=frame["bookings"].mask(frame["month"] >= month))
    return frame


def _note_sums(table: str, lines: int, rows: int, notes: list[Problem]) -> None:
    if lines > rows:
        notes.append(Problem("", f"{lines:,} lines are added up to {rows:,} rows by {', '.join(tables.schema(table).unique or [])}"))


def _add_up(table: str, frame: pd.DataFrame, lines: bool, notes: list[Problem]) -> pd.DataFrame:
    """Add order lines up to the contract's key; lines are dated by days or carry columns beyond the contract, such as a customer."""
    sums, key = tables.meta(table).get("sum"), list(tables.schema(table).unique or [])
    if not sums or not lines or not (repeated := frame.duplicated(key)).any():
        return frame
    _note_sums(table, len(frame), len(frame) - int(repeated.sum()), notes)
    groups = frame.assign(_row=frame.index).groupby(key, sort=True, dropna=False)
    for column in [c for c in sums if frame[c].isna().any()]:
        stated = groups[column].agg(["count", "size"])
        if (some := (stated["count"] > 0) & (stated["count"] < stated["size"])).any():
            notes.append(Problem(column, f"rows that only a part of their lines state: {int(some.sum()):,}; the other lines count as nothing"))
    # what no line of a month states stays blank
    first = groups[sums].sum(min_count=1).assign(_row=groups["_row"].first())
    # sums of cents would otherwise show the noise of floating point
    first[sums] = first[sums].round(6)
    for column in [c for c in frame.columns if c not in (*key, *sums)]:
        first[column] = groups[column].max()
    return first.reset_index().set_index("_row")[list(frame.columns)].rename_axis(None)
