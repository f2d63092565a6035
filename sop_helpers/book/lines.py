"""Millions of order lines to monthly totals, out of core: the embedded engine reads, adds up and hands over what is left.

This is a short cut for large, plainly written files. Whatever is not plain is left to the ordinary reader, which names the rows.
"""

from __future__ import annotations

import codecs
import csv
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.coerce import CLOCK, Problem, month_start, names_month, to_day
from sop_helpers.book.config import Source
from sop_helpers.book.fiscal import month_of
from sop_helpers.book.matching import match_columns

if TYPE_CHECKING:
    import duckdb

LARGE = 100 * 2**20
"""Bytes from which a file is added up out of core; below it the ordinary reader is quick and names every row."""
MEMORY = "1GB"  # of the engine; what does not fit goes to a temporary folder
MONTH = rf"\d{{4}}-\d{{2}}(-\d{{2}}{CLOCK})?"
DAY = rf"\d{{4}}-\d{{2}}-\d{{2}}{CLOCK}"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


@dataclass(frozen=True)
class Summed:
    """A large file added up.

    Attributes
    ----------
    cells : DataFrame
        The sums, in the contract's columns; months by name.
    lines : Series
        Number of order lines behind each row.
    days : Series
        All days, each once, that the lines are dated by; a line dated by its month counts as its first day.
    notes : list of Problem
        What people should know of the reading.
    """

    cells: pd.DataFrame
    lines: pd.Series
    days: pd.Series
    notes: list[Problem] = field(default_factory=list)


def add_up_file(path: Path, source: Source, table: str, fiscal: dict[str, str | int] | None = None) -> Summed | None:
    """Add a large file of order lines up to the contract's key.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 or Parquet file.
    source : Source
        How it is written.
    table : str
        A table whose contract has ``sum`` columns.
    fiscal : dict, optional
        Calendar of weeks that lines dated by days are counted in (see `fiscal.periods`); calendar months by default.

    Returns
    -------
    Summed or None
        None where the file is small, or anything in it is not plain: a blank, a number or date in another form, a repeated month that is not made of
        order lines.
    """
    utf8 = source.encoding.lower().replace("_", "-") in ("utf-8", "utf-8-sig", "utf8")
    plain = utf8 and source.decimal == "." and not source.date_format and not source.null_values
    if "sum" not in tables.meta(table) or path.suffix.lower() not in (".csv", ".parquet") or not plain or path.stat().st_size < LARGE:
        return None
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:", config={"memory_limit": MEMORY, "temp_directory": folder}) as connection:
        try:
            return _add_up(connection, path, source, table, fiscal or {})
        except (duckdb.Error, csv.Error, UnicodeDecodeError, StopIteration):
            return None


def _relation(path: Path, source: Source) -> tuple[str, dict[str, object]]:
    """Return the file as the engine reads it, every cell of a CSV as text, and the values of the query's parameters."""
    if path.suffix.lower() == ".parquet":
        return "read_parquet($path)", {"path": str(path)}
    _check_text(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=source.delimiter)
        header = next(row for number, row in enumerate(reader, start=1) if number == source.header_row)
    options = "all_varchar = true, header = true, auto_detect = false, columns = $columns, delim = $delimiter, quote = '\"', escape = '\"', skip = $skip"
    values = {"path": str(path), "delimiter": source.delimiter, "skip": source.header_row - 1, "columns": {name.strip(): "VARCHAR" for name in header}}
    return f"read_csv($path, {options})", values


def _check_text(path: Path) -> None:
    """Raise csv.Error or UnicodeDecodeError where a file is not UTF-8 text throughout: the engine looks only at the columns it needs."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as file:
        while block := file.read(2**22):
            if b"\0" in block:
                raise csv.Error("a null character")
            decoder.decode(block)
    decoder.decode(b"", final=True)


def _add_up(connection: duckdb.DuckDBPyConnection, path: Path, source: Source, table: str, fiscal: dict[str, str | int]) -> Summed | None:
    relation, values = _relation(path, source)
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", values).fetchall()
    types = {name: kind for name, kind, *_ in described}
    problems: list[Problem] = []
    notes: list[Problem] = []
    taken = match_columns(table, list(types), source, problems, notes)
    key, sums, dated = list(tables.schema(table).unique or []), [c for c in tables.meta(table)["sum"] if c in taken], tables.meta(table)["as_of"]
    latest = [c for c in taken if c not in (*key, *sums)]
    dates = all(tables.columns(table)[c]["kind"] == "day" for c in latest)
    if problems or not dates or any(types[part] not in ("VARCHAR", "BIGINT", "INTEGER", "DATE", "TIMESTAMP", "TIMESTAMP_NS") for c in key for part in taken[c]):
        return None
    texts = {c: _text(parts) for c, parts in taken.items()}
    names = _names(connection, relation, values, texts[dated], fiscal)
    if names is None:
        return None
    connection.register("names", names)
    required = [c for c in [*key, *sums] if not tables.columns(table)[c]["optional"]]
    columns = [f"name AS {c}" if c == dated else f"{texts[c]} AS {c}" for c in key]
    columns += [f"sum(TRY_CAST(nullif({texts[c]}, '') AS DOUBLE)) AS {c}" for c in sums] + [f"max(left({texts[c]}, 10)) AS {c}" for c in latest]
    good = [f"coalesce({texts[c]}, '') <> ''" for c in required]
    good += [f"(coalesce({texts[c]}, '') = '' OR regexp_full_match({texts[c]}, '{NUMBER}'))" for c in sums]
    known = [f"(regexp_full_match({texts[c]}, '{DAY}') AND year(TRY_CAST(left({texts[c]}, 10) AS DATE)) BETWEEN 1900 AND 2200)" for c in latest]
    good += [f"(coalesce({texts[c]}, '') = '' OR {test})" for c, test in zip(latest, known, strict=True)]
    # Sums of which some lines say nothing are told by the ordinary reader.
    halves = " OR ".join(f"count(nullif({texts[c]}, '')) NOT IN (0, count(*))" for c in sums)
    query = (
        f"SELECT {', '.join(columns)}, count(*) AS lines_, {halves} AS half_, bool_and(coalesce({' AND '.join(good)}, false)) AS good_ "
        f"FROM {relation} JOIN names ON left({texts[dated]}, 10) = names.text GROUP BY {', '.join(map(str, range(1, len(key) + 1)))} ORDER BY ALL"
    )
    frame = connection.execute(query, values).df()
    made_of_lines = bool((names["day"].dt.day > 1).any()) or len(types) > len({part for parts in taken.values() for part in parts})
    if frame.empty or not frame["good_"].all() or frame["half_"].any() or (not made_of_lines and (frame["lines_"] > 1).any()):
        return None
    frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
    cells = frame[[*key, *sums, *latest]].astype(dict.fromkeys([*key, *latest], "str"))
    if np.isinf(cells[sums].to_numpy(dtype=float)).any():
        return None
    if any((cells[c].str.strip() != cells[c]).any() for c in key):  # the engine takes away spaces, the ordinary reader tabs and the like as well
        return None
    cells[sums] = cells[sums].round(6)
    return Summed(cells, frame["lines_"], names["day"], notes)


def _text(parts: list[str]) -> str:
    """Return the expression of a column as text; of several, joined as `coerce.compose` does."""
    texts = [f"""trim(CAST("{name.replace('"', '""')}" AS VARCHAR))""" for name in parts]
    stated = ", ".join(f"nullif({text}, '')" for text in texts)
    return texts[0] if len(texts) == 1 else f"concat_ws(' ', {stated})"


def _names(connection: duckdb.DuckDBPyConnection, relation: str, values: dict[str, object], dated: str, fiscal: dict[str, str | int]) -> pd.DataFrame | None:
    """Return the day of each text that dates a line (its first ten characters) and the name of the month it counts in; None where one is not plain."""
    query = f"SELECT left({dated}, 10) AS text, bool_and(coalesce(regexp_full_match({dated}, '{MONTH}'), false)) AS plain FROM {relation} GROUP BY 1"
    found = connection.execute(query, values).df()
    if found.empty or not found["plain"].all():
        return None
    day, bad = to_day(found["text"].astype("str"), month=True)
    if bad.any():
        return None
    month = month_start(day)
    if fiscal and (day.dt.day > 1).any():
        month = month_of(day, **fiscal).mask(names_month(found["text"]), month)
    return pd.DataFrame({"text": found["text"], "day": day, "name": month.dt.strftime("%Y-%m")})
