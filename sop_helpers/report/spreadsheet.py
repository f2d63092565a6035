"""Tables as spreadsheets: XLSX with types, CSV as text; what looks like a formula in the data stays text."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import write_atomically

# A cell that begins like this is run as a formula by some program when it opens or pastes the file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*%?")
MOST_ROWS = 1_048_575
MOST_TEXT = 32_767


def neutral(text: str) -> str:
    """Return a text that no spreadsheet runs: an apostrophe goes before what could be a formula, control characters go.

    >>> neutral("=1+1"), neutral("-5"), neutral("plain")
    ("'=1+1", '-5', 'plain')
    """
    clean = _CONTROL.sub("", text)
    return f"'{clean}" if clean.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(clean) else clean


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
        There is no sheet, or a table has more rows than a sheet holds.
    """
    from openpyxl import Workbook

    if not sheets:
        raise WorkbookError("a spreadsheet needs at least one table", "Name the tables to write.")
    big = [name for name, frame in sheets.items() if len(frame) > MOST_ROWS]
    if big:
        raise WorkbookError(f"{', '.join(big)} has more rows than a sheet holds ({MOST_ROWS:,})", "Write it as CSV.")
    book = Workbook()
    book.remove(book.active)
    for name, title in zip(sheets, _titles(list(sheets)), strict=True):
        _fill(book.create_sheet(title), sheets[name])
    write_atomically(Path(path), book.save)
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
    return bool(types.is_datetime64_any_dtype(column) and (column.dropna().dt.day == 1).all())


def _fill(sheet: Any, frame: pd.DataFrame) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    bold, fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="12324A")
    for place, column in enumerate(_columns(frame), 1):
        head = sheet.cell(1, place)
        _text_cell(head, str(column.name))
        head.font, head.fill, head.alignment = bold, fill, Alignment(wrap_text=True, vertical="top")
        form, widest = _number_format(column), len(str(column.name)) + 2
        for row, value in enumerate(column, 2):
            if pd.isna(value):
                continue
            cell = sheet.cell(row, place)
            if isinstance(value, str):
                _text_cell(cell, value)
            else:
                cell.value = _plain_value(value)
                if form:
                    cell.number_format = form
            widest = max(widest, min(len(str(value)) if isinstance(value, str) else 11, 60))
        sheet.column_dimensions[get_column_letter(place)].width = widest + 1
    sheet.freeze_panes = "A2"
    if frame.shape[1]:
        sheet.auto_filter.ref = f"A1:{get_column_letter(frame.shape[1])}{len(frame) + 1}"


def _text_cell(cell: Any, text: str) -> None:
    """Write a text as text: the type says so, the apostrophe keeps it so when it is copied or saved as CSV."""
    cell.value = neutral(text)[:MOST_TEXT]
    cell.data_type = "s"


def _plain_value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime().replace(tzinfo=None)
    if hasattr(value, "item"):
        value = value.item()
    # A sheet has no infinity.
    return None if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


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
