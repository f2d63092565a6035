"""Tables as spreadsheets: XLSX with types, CSV as text; what looks like a formula in the data stays text."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import CREATED, write_atomically
from sop_helpers.book.tables import days

# A cell that begins like this is run as a formula by some program when it opens or pastes the file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BLANKS = re.compile(r"[ \xa0\x85\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]+")  # which a program may trim, seen or not
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*%?")
MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384
MOST_TEXT = 32_767
MOST_NUMBER = 10**15  # a sheet keeps fifteen digits of a number


def neutral(text: str) -> str:
    """Return a text that no spreadsheet runs: an apostrophe goes before what could be a formula, control characters go.

    >>> neutral("=1+1"), neutral("-5"), neutral("plain")
    ("'=1+1", '-5', 'plain')
    """
    clean = _CONTROL.sub("", text)
    return f"'{clean}" if _BLANKS.sub("", clean).startswith(_FORMULA) and not _NUMBER.fullmatch(clean) else clean


def write_workbook(path: str | Path, sheets: Mapping[str, pd.DataFrame]) -> Path:
    """Write tables as an XLSX file, one sheet each, whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file.
    sheets : mapping
        Name of the sheet to its rows. Months and days become real dates, numbers numbers; text stays text whatever it looks like.

    Raises
    ------
    WorkbookError
        There is no sheet, or a table has more rows or columns than a sheet holds.
    """
    if not sheets:
        raise WorkbookError("a spreadsheet needs at least one table", "Name the tables to write.")
    big = [name for name, frame in sheets.items() if len(frame) > MOST_ROWS]
    if big:
        raise WorkbookError(f"{', '.join(big)} has more rows than a sheet holds ({MOST_ROWS:,})", "Write it as CSV.")

    wide = [name for name, frame in sheets.items() if frame.shape[1] > MOST_COLUMNS]
    if wide:
        raise WorkbookError(f"{', '.join(wide)} has more columns than a sheet holds ({MOST_COLUMNS:,})", "Leave columns out, or write it as CSV.")

    def write(part: Path) -> None:
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError

        # Rows go to disk as they come (the plan of 10,000 product-regions has eight million cells), and no text is taken for anything else.
        plain = dict.fromkeys(("strings_to_numbers", "strings_to_formulas", "strings_to_urls"), False)
        try:
            with Workbook(str(part), {"constant_memory": True, "default_date_format": "yyyy-mm-dd", **plain}) as book:
                book.set_properties({"created": CREATED})
                for name, title in zip(sheets, _titles(list(sheets)), strict=True):
                    _fill(book, book.add_worksheet(title), sheets[name])
        except FileCreateError as error:
            raise OSError(str(error)) from error

    write_atomically(Path(path), write)
    return Path(path)


def write_csv(path: str | Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV (UTF-8 with mark, so that spreadsheet programs read it right), formulas neutralised, whole or not at all."""

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file)
            out.writerow([neutral(str(name)) for name in frame.columns])
            columns = [[_as_text(value, months) for value in frame.iloc[:, n]] for n, months in enumerate(map(_holds_months, _columns(frame)))]
            out.writerows(zip(*columns, strict=True))

    write_atomically(Path(path), write)
    return Path(path)


def _columns(frame: pd.DataFrame) -> list[pd.Series]:
    return [frame.iloc[:, n] for n in range(frame.shape[1])]


def _titles(names: list[str]) -> list[str]:
    """Return names that a sheet may have: at most 31 characters, none of []:*?/\\, all different."""
    titles: list[str] = []
    for name in names:
        base = title = (re.sub(r"[\[\]:*?/\\\x00-\x1f]", "-", name).strip("' ") or "sheet")[:31]
        count = 1
        while title.casefold() in {t.casefold() for t in titles}:
            count += 1
            title = f"{base[: 30 - len(str(count))]} {count}"
        titles.append(title)
    return titles


def _holds_months(column: pd.Series) -> bool:
    return bool(types.is_datetime64_any_dtype(column) and column.name not in days() and (column.dropna().dt.day == 1).all())


def _fill(book: Any, sheet: Any, frame: pd.DataFrame) -> None:
    """Write a table into an empty sheet, row by row."""
    bold = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": "#12324A", "text_wrap": True, "valign": "top"})
    by_type = {str: sheet.write_string, bool: sheet.write_boolean, int: sheet.write_number, float: sheet.write_number}
    columns, formats = [], []
    for place, column in enumerate(_columns(frame)):
        head = neutral(str(column.name))[:MOST_TEXT]
        values, longest = _plain_values(column)
        form = _number_format(column)
        columns.append(values)
        formats.append(book.add_format({"num_format": form}) if form else None)
        sheet.set_column(place, place, max(len(head) + 2, min(longest or 11, 60)) + 1, formats[-1])
        sheet.write_string(0, place, head, bold)
    sheet.freeze_panes(1, 0)
    if columns:
        sheet.autofilter(0, 0, len(frame), len(columns) - 1)
    for row, values in enumerate(zip(*columns, strict=True), 1):
        for place, (value, form) in enumerate(zip(values, formats, strict=True)):
            if value is not None:
                by_type.get(type(value), sheet.write_datetime)(row, place, value, form)


def _plain_values(column: pd.Series) -> tuple[list[Any], int]:
    """Return what a sheet holds of a column, None for what it cannot hold (blanks, infinity), and the longest text in it."""
    if column.dtype == object or types.is_bool_dtype(column):  # 1 and True would be one value
        values = plain = [None if pd.isna(value) else _plain_value(value) for value in column]
    else:
        codes, known = pd.factorize(column)  # each text is looked at once
        plain = [*(_plain_value(value) for value in known), None]  # blanks are code -1
        values = [plain[code] for code in codes]
    return values, max((len(value) for value in plain if isinstance(value, str)), default=0)


def _plain_value(value: Any) -> Any:
    if isinstance(value, str):
        return neutral(value)[:MOST_TEXT]
    if isinstance(value, dt.datetime):  # a Timestamp is one
        return (value.to_pydatetime() if isinstance(value, pd.Timestamp) else value).replace(tzinfo=None)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # a sheet has no infinity
    known = isinstance(value, (bool, dt.date)) or (isinstance(value, int) and abs(value) < MOST_NUMBER)
    return value if known else neutral(str(value))[:MOST_TEXT]


def _number_format(column: pd.Series) -> str:
    if _holds_months(column):
        return "yyyy-mm"
    if types.is_datetime64_any_dtype(column):
        return "yyyy-mm-dd"
    if not types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return ""
    largest = column.abs().max()
    return "#,##0" if pd.isna(largest) or largest >= 100 else "#,##0.00"


def _as_text(value: Any, months: bool) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m}" if months else f"{value:%Y-%m-%d}"
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    if isinstance(value, str):
        return neutral(value)
    number = value.item() if hasattr(value, "item") else value
    # Twelve digits: more than any plan knows, and 0.1 + 0.2 is 0.3.
    return f"{number:.12g}" if isinstance(number, float) else repr(number)
