"""Millions of order lines to monthly totals, out of core: the embedded engine reads, adds up and hands over what is left.

This is a short cut for large, plainly written files. Whatever is not plain is left to the ordinary reader, which names the rows.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.coerce import Problem
from sop_helpers.book.config import Source
from sop_helpers.book.matching import match_columns

if TYPE_CHECKING:
    import duckdb

LARGE = 100 * 2**20
"""Bytes from which a file is added up out of core; below it the ordinary reader is quick and names every row."""
MONTH = r"\d{4}-(0[1-9]|1[0-2])(-\d{2}([ T].*)?)?"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def add_up_file(path: Path, source: Source, table: str, notes: list[Problem]) -> pd.DataFrame | None:
    """Add a large file of order lines up to the contract's key.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 or Parquet file.
    source : Source
        How it is written.
    table : str
        A table whose contract has ``sum`` columns.
    notes : list of Problem
        Gets what people should know of the reading.

    Returns
    -------
    DataFrame or None
        The sums, in the contract's columns; None where the file is small, or anything in it is not plain: a blank, a number
        or date in another form, a repeated month that is not made of order lines.
    """
    utf8 = source.encoding.lower().replace("_", "-") in ("utf-8", "utf-8-sig", "utf8")
    plain = utf8 and source.decimal == "." and not source.date_format and not source.null_values
    if "sum" not in tables.meta(table) or path.suffix.lower() not in (".csv", ".parquet") or not plain or path.stat().st_size < LARGE:
        return None
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        return _add_up(connection, path, source, table, notes)
    except (duckdb.Error, csv.Error, UnicodeDecodeError, StopIteration):
        return None
    finally:
        connection.close()


def _add_up(connection: duckdb.DuckDBPyConnection, path: Path, source: Source, table: str, notes: list[Problem]) -> pd.DataFrame | None:
    if path.suffix.lower() == ".csv":
        options = "all_varchar = true, header = true, auto_detect = false, columns = $columns, delim = $delimiter, quote = '\"', escape = '\"', skip = $skip"
        relation = f"read_csv($path, {options})"
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=source.delimiter)
            header = next(row for number, row in enumerate(reader, start=1) if number == source.header_row)
        values = {"path": str(path), "delimiter": source.delimiter, "skip": source.header_row - 1, "columns": {name.strip(): "VARCHAR" for name in header}}
    else:
        relation, values = "read_parquet($path)", {"path": str(path)}
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", values).fetchall()
    types = {name: kind for name, kind, *_ in described}
    problems: list[Problem] = []
    said: list[Problem] = []
    taken = match_columns(table, list(types), source, problems, said)
    key, sums, dated = list(tables.schema(table).unique or []), [c for c in tables.meta(table)["sum"] if c in taken], tables.meta(table)["as_of"]
    if problems or any(types[taken[c]] not in ("VARCHAR", "BIGINT", "INTEGER", "DATE", "TIMESTAMP", "TIMESTAMP_NS") for c in key):
        return None
    quoted = {c: taken[c].replace('"', '""') for c in [*key, *sums]}
    texts = {c: f'trim(CAST("{name}" AS VARCHAR))' for c, name in quoted.items()}
    required = [c for c in [*key, *sums] if not tables.columns(table)[c]["optional"]]
    columns = [f"left({texts[c]}, 7) AS {c}" if c == dated else f"{texts[c]} AS {c}" for c in key]
    columns += [f"sum(TRY_CAST(nullif({texts[c]}, '') AS DOUBLE)) AS {c}" for c in sums]
    good = [f"regexp_full_match({texts[dated]}, '{MONTH}')", *[f"coalesce({texts[c]}, '') <> ''" for c in required]]
    good += [f"(coalesce({texts[c]}, '') = '' OR regexp_full_match({texts[c]}, '{NUMBER}'))" for c in sums]
    query = (
        f"SELECT {', '.join(columns)}, count(*) AS lines_, bool_and({' AND '.join(good)}) AS good_, "
        f"bool_or(substr({texts[dated]}, 9, 2) NOT IN ('', '01')) AS days_ FROM {relation} GROUP BY {', '.join(map(str, range(1, len(key) + 1)))} ORDER BY ALL"
    )
    frame = connection.execute(query, values).df()
    made_of_lines = bool(frame["days_"].any()) or len(types) > len(taken)
    if frame.empty or not frame["good_"].fillna(False).all() or (not made_of_lines and (frame["lines_"] > 1).any()):
        return None
    said.append(Problem("", f"{frame['lines_'].sum():,} lines are added up to {len(frame):,} rows by {', '.join(key)}"))
    notes += said
    frame = frame[[*key, *sums]].astype(dict.fromkeys(key, "str"))
    frame[sums] = frame[sums].round(6)
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
