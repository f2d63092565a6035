"""From what stands in a cell to what the contract means: codes stay text, numbers and dates are read strictly.

Everything is done on distinct values where it costs anything, so 600,000 rows take about a second.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pandas as pd

from sop_helpers.book.errors import DataError

SIGNS = {"USD": ["$"], "AUD": ["$"], "CAD": ["$"], "MXN": ["$"], "EUR": ["€"], "GBP": ["£"], "JPY": ["¥", "円"], "CNY": ["¥", "元"], "KRW": ["₩", "원"],
         "INR": ["₹"], "CHF": ["Fr."], "BRL": ["R$"]}
TRUE, FALSE = {"yes", "true", "1", "y"}, {"no", "false", "0", "n"}
WHOLE = r"^[+-]?[0-9]{1,15}$"
PLAIN = r"^[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?$"
MONTH = re.compile(r"^(\d{4})(?:[-/](\d{1,2})|年(\d{1,2})月)$")
CLOCK = r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
DAY = re.compile(rf"^(\d{{4}})(?:-(\d{{1,2}})-(\d{{1,2}})|/(\d{{1,2}})/(\d{{1,2}})|年(\d{{1,2}})月(\d{{1,2}})日){CLOCK}$")
EPOCHS = {1900: dt.date(1899, 12, 30), 1904: dt.date(1904, 1, 1)}
SHOWN = 3


@dataclass(frozen=True)
class Dialect:
    """How a source writes things down.

    Attributes
    ----------
    decimal : str
        Decimal mark.
    date_format : str or None
        ``strptime`` format of dates that are not ISO dates.
    null_values : frozenset of str
        Texts that mean blank.
    currency : str
        ISO code whose sign may stand beside a number.
    serials : int
        1900 or 1904 where a bare number may be an Excel date serial of that epoch, 0 where not.
    """

    decimal: str = "."
    date_format: str | None = None
    null_values: frozenset[str] = frozenset()
    currency: str = "USD"
    serials: int = 0


@dataclass(frozen=True)
class Problem:
    """Something in one column that the contract does not allow."""

    column: str
    what: str
    rows: list[int] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = f"column {self.column}" if self.column else "table"
        if self.rows:
            some = ", ".join(str(r) for r in self.rows[:SHOWN])
            more = f" and {len(self.rows) - SHOWN:,} more" if len(self.rows) > SHOWN else ""
            where += f", row {some}" if len(self.rows) == 1 else f", rows {some}{more}"
        if not self.column and not self.rows:
            return self.what
        found = f": found {', '.join(repr(v) for v in self.found[:SHOWN])}; " if self.found else ": "
        return f"{where}{found}{self.what}"


class TableError(DataError):
    """All that is wrong with one table, in one message.

    Attributes
    ----------
    table : str
        Name of the table.
    problems : list of Problem
        What is wrong.
    """

    def __init__(self, table: str, label: str, problems: list[Problem], todo: str = ""):
        self.table, self.label, self.problems = table, label, problems
        head = f"table {table} from {label} cannot be used: "
        body = str(problems[0]) if len(problems) == 1 else f"{len(problems)} problems\n" + "\n".join(f"  - {p}" for p in problems)
        describe = f"Mend the source, or describe it under [sources.tables.{table}] in workbook.toml"
        super().__init__(head + body, todo or f"{describe}; DATA_DICTIONARY.md says what each column holds.")


def cell_text(value: object) -> str:
    """Return one cell as text: whole floats without ``.0``, dates as ISO dates, nothing as the empty text."""
    match value:
        case str():
            return value.strip()
        case None:
            return ""
        case bool() | np.bool_():
            return "yes" if value else "no"
        case float() | np.floating():
            return "" if math.isnan(value) else str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 2**63 else repr(float(value))
        case Decimal():
            return f"{value.normalize():f}" if value.is_finite() else str(value)
        case dt.datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case _:
            return "" if value is pd.NA or value is pd.NaT else str(value)


def as_text(values: pd.Series, nulls: frozenset[str] = frozenset()) -> pd.Series:
    """Return a column of any dtype as stripped text, blank where there is nothing."""
    if isinstance(values.dtype, pd.StringDtype):
        text = values.fillna("").astype("str").str.strip()
    elif pd.api.types.is_integer_dtype(values.dtype):
        text = values.astype("Int64").astype("str").fillna("")
    else:
        text = pd.Series([cell_text(v) for v in values], index=values.index, dtype="str", name=values.name)
    return text.mask(text.isin(list(nulls)), "") if nulls else text


def parse_number(text: str, dialect: Dialect = Dialect(), unit: str = "") -> float:
    """Read one number as people write it; NaN where it is none.

    Accepts full-width digits, thousands marks in groups of three (the first of which does not begin with 0: 0,125 is no number of thousands), (50) and 50-
    and leading triangles for below zero, the currency's own sign, and a percent sign where the unit is a share or %. Refuses inf, nan, and another currency's
    sign.
    """
    s = unicodedata.normalize("NFKC", text).replace("\u2212", "-").strip()
    marks = 0
    if s.startswith("(") and s.endswith(")"):
        s, marks = s[1:-1].strip(), 1
    scale = 1.0
    if s.endswith("%") and unit in ("share", "%"):
        s, scale = s[:-1].strip(), 0.01 if unit == "share" else 1.0
    plus, s = s.startswith("+"), s.removeprefix("+")
    for _ in range(2):
        # the sign stands before or behind the currency
        if s[:1] in ("-", "△", "▲"):
            s, marks = s[1:].strip(), marks + 1
        for mark in (dialect.currency, *SIGNS.get(dialect.currency, ())):
            s = s.removeprefix(mark).removesuffix(mark).strip()
    if s.endswith("-"):
        s, marks = s[:-1].strip(), marks + 1
    if marks + plus > 1:
        return math.nan
    sign = -1.0 if marks else 1.0
    point, comma = re.escape(dialect.decimal), re.escape("," if dialect.decimal == "." else ".")
    if re.fullmatch(rf"[1-9]\d{{0,2}}(?:{comma}\d{{3}})+(?:{point}\d*)?|[1-9]\d{{0,2}}(?:[ ']\d{{3}})+(?:{point}\d*)?", s):
        s = re.sub(rf"[ ']|{comma}", "", s)
    elif not re.fullmatch(rf"(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", s):
        return math.nan
    value = sign * scale * float(s.replace(dialect.decimal, "."))
    return value if math.isfinite(value) else math.nan


def to_number(values: pd.Series, dialect: Dialect = Dialect(), unit: str = "") -> tuple[pd.Series, pd.Series]:
    """Read a column of numbers.

    Returns
    -------
    tuple of Series
        The numbers as float64, NaN where blank or bad; and a mask of the bad.
    """
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        out = pd.Series(values.to_numpy(dtype="float64", na_value=np.nan), index=values.index)
        bad = out.notna() & ~np.isfinite(out)
        return out.mask(bad), bad
    if not isinstance(values.dtype, pd.StringDtype):
        return _mixed_numbers(values, dialect, unit)
    text = as_text(values, dialect.null_values)
    simple = text.str.match(PLAIN if dialect.decimal == "." else WHOLE)
    out = pd.to_numeric(text.where(simple).astype("str"), errors="coerce").astype("float64")
    rest = ~simple & (text != "")
    if rest.any():
        codes, distinct = pd.factorize(text[rest])
        out[rest] = np.array([parse_number(t, dialect, unit) for t in distinct])[codes]
    return out, rest & out.isna()


def _mixed_numbers(values: pd.Series, dialect: Dialect, unit: str) -> tuple[pd.Series, pd.Series]:
    """Read cells of a spreadsheet or database: numbers are taken as they are, texts are read as texts."""
    out = pd.Series(np.nan, index=values.index, dtype="float64")
    bad = pd.Series(False, index=values.index)
    native = np.array([isinstance(v, (int, float, Decimal, np.number)) and not isinstance(v, bool) for v in values], dtype=bool)
    if dialect.null_values:
        native &= ~as_text(values).isin(list(dialect.null_values)).to_numpy()
    out[native] = [float(v) for v in values[native]]
    infinite = np.isinf(out)
    rest = as_text(values[~native], dialect.null_values)
    out[~native], bad[~native] = to_number(rest, dialect, unit)
    return out.mask(infinite), bad | infinite


def parse_day(text: str, dialect: Dialect = Dialect(), month: bool = False) -> dt.date | None:
    """Read one date; None where it is none or can be read in two ways. ``month`` accepts ``2026-10`` too."""
    s = unicodedata.normalize("NFKC", text).strip()
    try:
        if dialect.date_format:
            try:
                return _sane(dt.datetime.strptime(s, dialect.date_format).date())
            except ValueError:
                pass
        if found := DAY.match(s):
            year, number, day = (int(g) for g in found.groups() if g)
            return _sane(dt.date(year, number, day))
        if month and (found := MONTH.match(s)):
            return _sane(dt.date(int(found[1]), int(found[2] or found[3]), 1))
        if dialect.serials and re.fullmatch(r"\d{5}(?:\.\d+)?", s):
            return _sane(EPOCHS[dialect.serials] + dt.timedelta(days=int(float(s))))
    except ValueError:
        return None
    return None


def _sane(day: dt.date) -> dt.date | None:
    return day if 1900 <= day.year <= 2200 else None


def to_day(values: pd.Series, dialect: Dialect = Dialect(), month: bool = False) -> tuple[pd.Series, pd.Series]:
    """Read a column of dates.

    Returns
    -------
    tuple of Series
        The days as datetime64[us], NaT where blank or bad (months not yet taken to their first day); and a mask of the bad.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values.dt.tz_localize(None) if getattr(values.dt, "tz", None) else values
        days = days.astype("datetime64[us]").dt.normalize()
        bad = days.notna() & ~days.dt.year.between(1900, 2200)
        return days.mask(bad), bad
    text = as_text(values, dialect.null_values)
    codes, distinct = pd.factorize(text)
    days = [parse_day(t, dialect, month) for t in distinct]
    parsed = np.array([np.datetime64(d, "us") if d else np.datetime64("NaT", "us") for d in days], dtype="datetime64[us]")
    out = pd.Series(parsed[codes] if len(codes) else parsed, index=values.index, dtype="datetime64[us]")
    return out, out.isna() & (text != "")


def names_month(values: pd.Series) -> pd.Series:
    """Tell which cells name a month, ``2026-10``, rather than a day."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return pd.Series(False, index=values.index)
    text = values.astype("str")
    known = {t: bool(MONTH.match(unicodedata.normalize("NFKC", t).strip())) for t in text.dropna().unique()}
    return text.map(known).fillna(False).astype(bool)


def month_start(days: pd.Series) -> pd.Series:
    """Take days to the first of their month, datetime64[us]."""
    return pd.Series(days.to_numpy().astype("datetime64[M]").astype("datetime64[us]"), index=days.index)


def to_flag(values: pd.Series, dialect: Dialect = Dialect()) -> tuple[pd.Series, pd.Series]:
    """Read yes and no, true and false, 1 and 0 (any case); blank is left None for the contract to judge."""
    text = as_text(values, dialect.null_values).str.lower()
    known = text.isin([*TRUE, *FALSE])
    out = text.isin(list(TRUE)).astype(object).where(known, None)
    return out, ~known & (text != "")


def to_code(values: pd.Series, dialect: Dialect = Dialect(), allowed: tuple[str, ...] = ()) -> tuple[pd.Series, pd.Series]:
    """Keep text as text; where the contract lists the values, their case does not matter."""
    text = as_text(values, dialect.null_values)
    if allowed:
        lower = {a.casefold(): a for a in allowed}
        text = text.map({t: lower.get(t.casefold(), t) for t in text.unique()}).astype("str")
    dated = pd.Series(False, index=values.index)
    if not isinstance(values.dtype, pd.StringDtype):
        # a spreadsheet turns codes such as 3-4 into dates; what they were is lost
        dated = pd.Series([isinstance(v, dt.date) for v in values], index=values.index, dtype=bool)
    return text.mask(text == ""), dated


def compose(cells: pd.DataFrame, parts: list[str], nulls: frozenset[str] = frozenset()) -> pd.Series:
    """Join columns to one of text by a space, blank ones left out; a single column is left as it is, and a date that a spreadsheet made stays one.

    >>> compose(pd.DataFrame({"region": ["North", "South "], "channel": ["online", None]}), ["region", "channel"]).tolist()
    ['North online', 'South']
    """
    if len(parts) == 1:
        return cells[parts[0]]
    out = as_text(cells[parts[0]], nulls)
    for part in parts[1:]:
        out = (out + " " + as_text(cells[part], nulls)).str.strip()
    for part in parts:
        if (dated := to_code(cells[part])[1]).any():
            out = out.astype(object).mask(dated, cells[part])
    return out


EXPECTED = {
    "number": "expected a finite number such as 1200 or 1,200.50",
    "month": "expected a month such as 2026-10, or an ISO date; set date_format for any other, since 03/04/2026 can be read in two ways",
    "day": "expected a date such as 2026-10-31; set date_format for any other, since 03/04/2026 can be read in two ways",
    "flag": "expected yes or no",
    "code": "expected a code; the spreadsheet has made it a date, so format the column as text and enter it again",
    "text": "expected text; the spreadsheet has made it a date, so format the column as text and enter it again",
}


def coerce(values: pd.Series, spec: dict, dialect: Dialect, allowed: tuple[str, ...] = ()) -> tuple[pd.Series, Problem | None]:
    """Read one column as its contract says.

    Parameters
    ----------
    values : Series
        Cells; the index holds the rows' numbers in the file.
    spec : dict
        ``kind`` and ``unit`` of the column, and its ``name``.
    dialect : Dialect
        How the source writes.
    allowed : tuple of str
        Values that the contract lists, where it does.

    Returns
    -------
    tuple
        The column, days not yet taken to months; and what was rejected, or None.
    """
    kind = spec["kind"]
    match kind:
        case "number":
            out, bad = to_number(values, dialect, spec["unit"])
        case "month" | "day":
            out, bad = to_day(values, dialect, month=kind == "month")
        case "flag":
            out, bad = to_flag(values, dialect)
        case _:
            out, bad = to_code(values, dialect, allowed)
    if not bad.any():
        return out, None
    shown = as_text(values[bad].iloc[:SHOWN]).tolist()
    expected = EXPECTED[kind]
    if kind == "number" and dialect.decimal == ",":
        expected = "expected a finite number such as 1200 or 1.200,50 (decimal comma)"
    return out, Problem(spec["name"], expected, bad.index[bad].tolist(), shown)
