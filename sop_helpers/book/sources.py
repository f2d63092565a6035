"""Reading a company's tables from files and databases into their contracts."""

from __future__ import annotations

import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.config import Workbook
from sop_helpers.book.errors import DataError


def has_source(workbook: Workbook, table: str) -> bool:
    """Tell whether the company brings this table."""
    return table in workbook.sources.tables or (workbook.inside(workbook.sources.folder) / f"{table}.csv").exists()


def read_table(workbook: Workbook, table: str, month: pd.Timestamp | None = None) -> pd.DataFrame:
    """Read one input table, coerce and validate it."""
    file = workbook.inside(workbook.sources.folder) / f"{table}.csv"
    raw = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    out = {}
    for name, spec in tables.columns(table).items():
        text = raw[name].str.strip() if name in raw else pd.Series([""] * len(raw), dtype=str)
        blank = text == ""
        match spec["kind"]:
            case "number":
                out[name] = pd.to_numeric(text.mask(blank))
            case "month" | "day":
                out[name] = pd.to_datetime(text.mask(blank)).astype("datetime64[us]")
            case "flag":
                out[name] = text.str.lower().isin(["yes", "true", "1"])
            case _:
                out[name] = text.mask(blank).astype("str")
    frame = pd.DataFrame(out)
    as_of = tables.meta(table).get("as_of")
    if month is not None and as_of:
        frame = frame[frame[as_of] < month].reset_index(drop=True)
    try:
        return tables.schema(table).validate(frame, lazy=True)
    except Exception as error:
        raise DataError(f"{file}: {error}") from error
