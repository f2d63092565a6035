"""Bring a table that a step made into the shape of its contract, or say in one sentence what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.errors import DataError

DTYPES = {"number": "float64", "month": "datetime64[us]", "day": "datetime64[us]", "flag": "bool"}
EXPECTED = {"number": "a number", "month": "a month, held as its first day", "day": "a day", "flag": "true or false"}
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
SHOWN = 3


def empty(table: str) -> pd.DataFrame:
    """Return a table without rows, with the columns and dtypes of its contract."""
    return pd.DataFrame({name: pd.Series(dtype=DTYPES.get(column["kind"], "str")) for name, column in tables.columns(table).items()})


def _rows(bad: pd.Series) -> str:
    """Name the rows that are marked, the first few of them with their count."""
    places = np.flatnonzero(bad.to_numpy())
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return f"row{'s' if len(places) > 1 else ''} {', '.join(map(str, places[:SHOWN]))}{more}"


def _examples(values: pd.Series) -> str:
    return ", ".join(repr(v.isoformat()[:10] if isinstance(v, pd.Timestamp) else v) for v in values.drop_duplicates().head(SHOWN).tolist())


def _convert(table: str, name: str, column: dict, values: pd.Series) -> pd.Series:
    """Give a column its dtype."""
    kind = column["kind"]
    try:
        match kind:
            case "number":
                out = pd.to_numeric(values).astype("float64")
            case "month" | "day":
                dates = values.dt.to_timestamp() if isinstance(values.dtype, pd.PeriodDtype) else pd.to_datetime(values, format="ISO8601")
                out = dates.astype("datetime64[us]")
            case "flag":
                known = values.isin([True, False])
                if not known.all() and not (column["optional"] and values[~known].isna().all()):
                    raise ValueError("neither true nor false")
                out = values.where(known, False).astype("bool")
            case _:
                return values.astype("str")
    except (ValueError, TypeError) as error:
        probe = {"number": lambda v: pd.to_numeric(v, errors="coerce"), "flag": lambda v: v.where(v.isin([True, False]))}
        readable = probe.get(kind, lambda v: pd.to_datetime(v, errors="coerce", format="ISO8601"))(values)
        bad = readable.isna() & (values.notna() | (kind == "flag"))
        where = f" {_rows(bad)}: found {_examples(values[bad])};" if bad.any() else ""
        raise DataError(f"table {table!r}, column {name!r},{where} expected {EXPECTED[kind]}", "Mend the cell that makes this column.") from error
    if kind == "month" and (late := out.notna() & (out != out.dt.to_period("M").dt.to_timestamp())).any():
        raise DataError(f"table {table!r}, column {name!r}, {_rows(late)}: found {_examples(out[late])}; expected the first day of a month")
    if kind == "number" and np.isinf(out).any():
        raise DataError(f"table {table!r}, column {name!r}, {_rows(pd.Series(np.isinf(out)))}: found infinity; expected a finite number, or blank for n/a")
    return out


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its contract's columns and dtypes, in the contract's order.

    Parameters
    ----------
    table : str
        Name of the table.
    frame : DataFrame
        Its rows; optional columns may be left out.

    Raises
    ------
    DataError
        The table breaks its contract; names column, rows and what was expected.
    """
    spec = tables.columns(table)
    extra, missing = [c for c in frame if c not in spec], [name for name, column in spec.items() if name not in frame and not column["optional"]]
    if missing:
        also = f"; it has {', '.join(map(str, extra))}, which the contract does not know" if extra else ""
        raise DataError(f"table {table!r} lacks column {', '.join(missing)}{also}", f"Its columns are {', '.join(spec)}.")
    if extra:
        raise DataError(f"table {table!r} has column {', '.join(map(str, extra))}, which is not in its contract", f"Its columns are {', '.join(spec)}.")
    frame = frame.reset_index(drop=True)
    columns = {name: frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="object") for name in spec}
    out = pd.DataFrame({name: _convert(table, name, spec[name], values) for name, values in columns.items()})
    _check(table, out)
    return out


def _check(table: str, frame: pd.DataFrame) -> None:
    """Validate, and turn what pandera found into one message."""
    from pandera.errors import SchemaError, SchemaErrors

    try:
        tables.schema(table).validate(frame, lazy=True)
    except SchemaErrors as error:
        raise DataError("; ".join(_sentences(table, frame, error.failure_cases)), "Mend the cell that makes this table.") from error
    except SchemaError as error:
        raise DataError(f"table {table!r}: {error}") from error


def _sentences(table: str, frame: pd.DataFrame, cases: pd.DataFrame) -> list[str]:
    """Say each kind of breach once: table, column, rows, what was found and what was expected."""
    out = []
    key = tables.schema(table).unique or []
    if key and (twice := frame.duplicated(list(key))).any():
        rows = frame.loc[twice, list(key)].head(SHOWN).to_numpy()
        found = "; ".join(" / ".join(f"{v:%Y-%m}" if isinstance(v, pd.Timestamp) else str(v) for v in row) for row in rows)
        out.append(f"table {table!r}, {_rows(twice)}: found {found} again; expected each {' + '.join(key)} once")
    for (column, check), some in cases[cases["schema_context"] == "Column"].groupby(["column", "check"], sort=False):
        bad = pd.Series(frame.index.isin(some["index"].dropna().astype(int)))
        found = "blank" if check == "not_nullable" else _examples(some["failure_case"])
        out.append(f"table {table!r}, column {column!r}, {_rows(bad)}: found {found}; expected {_expected(str(check))}")
    return out or [f"table {table!r}: {', '.join(cases['check'].astype(str).unique())}"]


def _expected(check: str) -> str:
    name, _, argument = check.partition("(")
    words = {
        "not_nullable": "a value", "greater_than_or_equal_to": "at least", "greater_than": "more than", "less_than_or_equal_to": "at most",
        "less_than": "less than", "isin": "one of", "str_matches": "text of the form",
    }
    return f"{words.get(name, name)} {argument.rstrip(')')}".strip()


def from_text(table: str, file: Path) -> pd.DataFrame:
    """Read a table that was shipped as CSV back into its contract; codes stay text."""
    raw = pd.read_csv(file, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    out = {}
    for name, column in tables.columns(table).items():
        if name not in raw:
            continue
        values = raw[name].where(raw[name] != "")
        out[name] = values.str.lower().map(FLAGS) if column["kind"] == "flag" else values
    try:
        return conform(table, pd.DataFrame({**out, **{name: raw[name] for name in raw if name not in out}}))
    except DataError as error:
        raise DataError(f"{file}: {error.message}", "Put the closed month back as it was shipped.") from error
