"""Spreadsheets: types survive, and text that looks like a formula never becomes one."""

from __future__ import annotations

import csv
import datetime as dt
import os
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import CREATED
from sop_helpers.report.spreadsheet import neutral, write_csv, write_workbook

FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "=HYPERLINK(\"http://x\")", "\x00=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formula_text_is_neutral_in_xlsx_and_csv(text: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({text: [text, "plain"]})
    file = write_workbook(tmp_path / "x.xlsx", {"s": frame})
    for cell in [c for row in openpyxl.load_workbook(file)["s"] for c in row]:
        assert cell.data_type == "s"
        assert not cell.value.lstrip().startswith(("=", "+", "-", "@"))
    with zipfile.ZipFile(file) as parts:
        assert not [n for n in parts.namelist() if n.startswith("xl/worksheets") and b"<f>" in parts.read(n)]
    with write_csv(tmp_path / "x.csv", frame).open(encoding="utf-8-sig", newline="") as lines:
        assert all(value.startswith("'") or value == "plain" for row in csv.reader(lines) for value in row)


@given(st.text(max_size=20))
def test_neutral_never_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    result = neutral(text)
    if result[:1] in "+-" and result:
        float(result.replace("%", "").replace(",", "").replace(".", "") or "x")
    else:
        assert not result.lstrip(" ").startswith(("=", "@", "\t", "\r", "\n", "+", "-"))


@pytest.mark.parametrize("text", ["007", "1E5", "NA", "plain text", "-5", "+3.5", "-1,250.75", "3-4"])
def test_codes_and_numbers_as_text_stay_as_they_are(text: str, tmp_path: Path) -> None:
    cell = openpyxl.load_workbook(write_workbook(tmp_path / "x.xlsx", {"s": pd.DataFrame({"a": [text]})}))["s"]["A2"]
    assert (cell.value, cell.data_type) == (text, "s")


def _plan() -> pd.DataFrame:
    return pd.DataFrame({
        "month": pd.to_datetime(["2026-10-01", "2026-11-01"]), "day": pd.to_datetime(["2026-10-08", None]), "product": ["007", None],
        "units": [1234.5, np.nan], "share": [0.25, 0.5], "chosen": [True, False],
    })


def test_round_trip_through_xlsx(tmp_path: Path) -> None:
    plan = _plan()
    back = pd.read_excel(write_workbook(tmp_path / "plan.xlsx", {"plan": plan}), sheet_name="plan", dtype={"product": "str"})
    pd.testing.assert_frame_equal(back, plan, check_dtype=False)


def test_dates_are_dates_header_is_frozen_and_formats_are_set(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(write_workbook(tmp_path / "plan.xlsx", {"plan": _plan()}))["plan"]
    assert sheet["A2"].is_date and sheet["A2"].number_format == "yyyy-mm" and sheet["B2"].number_format == "yyyy-mm-dd"
    assert sheet["D2"].number_format == "#,##0" and sheet["E2"].number_format == "#,##0.00"
    assert sheet.freeze_panes == "A2" and sheet["A1"].font.bold and sheet.auto_filter.ref == "A1:F3"
    assert sheet.column_dimensions["A"].width >= 8


def test_round_trip_through_csv(tmp_path: Path) -> None:
    back = pd.read_csv(write_csv(tmp_path / "plan.csv", _plan()), dtype={"product": "str"})
    assert back["month"].tolist() == ["2026-10", "2026-11"] and back["day"].iloc[0] == "2026-10-08"
    assert back["product"].iloc[0] == "007" and back["units"].iloc[0] == 1234.5 and back["chosen"].tolist() == ["yes", "no"]


def test_infinity_is_blank_and_an_empty_table_keeps_its_header(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_workbook(tmp_path / "x.xlsx", {"a": pd.DataFrame({"x": [np.inf, 1.0]}), "b": pd.DataFrame({"y": []})}))
    assert [book["a"]["A2"].value, book["a"]["A3"].value] == [None, 1]
    assert book["b"]["A1"].value == "y" and book["b"].max_row == 1


def test_sheet_names_are_made_legal_and_different(tmp_path: Path) -> None:
    names = ["a/b:c*d", "x" * 40, "x" * 41, "X" * 40]
    titles = openpyxl.load_workbook(write_workbook(tmp_path / "x.xlsx", {n: pd.DataFrame({"a": [1]}) for n in names})).sheetnames
    assert titles[0] == "a-b-c-d" and len({t.casefold() for t in titles}) == 4 and all(len(t) <= 31 for t in titles)


def test_no_sheet_is_refused_and_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="at least one table"):
        write_workbook(tmp_path / "x.xlsx", {})
    file = write_workbook(tmp_path / "x.xlsx", {"a": pd.DataFrame({"x": [1]})})
    before = file.read_bytes()

    file.with_name(f"{file.name}.{os.getpid()}.part").mkdir()  # where the new one would be written
    with pytest.raises(WorkbookError, match="x.xlsx could not be written"):
        write_workbook(file, {"a": pd.DataFrame({"x": [2]})})
    assert file.read_bytes() == before


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_workbook(tmp_path / name, {"plan": _plan()}).read_bytes() for name in ("a.xlsx", "b.xlsx"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "a.xlsx") as file:
        assert f"{CREATED:%Y-%m-%dT%H:%M:%SZ}" in file.read("docProps/core.xml").decode(), "not the time of writing"


def test_what_no_column_type_tells_is_written_cell_by_cell(tmp_path: Path) -> None:
    mixed = pd.DataFrame({"x": pd.Series(["007", 1, True, None, 2.5, dt.date(2026, 10, 8), pd.Timestamp("2026-10-09 12:00")], dtype=object)})
    sheet = openpyxl.load_workbook(write_workbook(tmp_path / "x.xlsx", {"s": mixed}))["s"]
    assert sheet["A4"].data_type == "b"
    assert [sheet.cell(row, 1).value for row in range(2, 7)] == ["007", 1, True, None, 2.5]
    assert [sheet[at].value for at in ("A7", "A8")] == [dt.datetime(2026, 10, 8), dt.datetime(2026, 10, 9, 12)]
    assert {sheet[at].number_format for at in ("A7", "A8")} == {"yyyy-mm-dd"}


def test_what_a_sheet_has_no_type_for_is_text(tmp_path: Path) -> None:
    odd = [pd.Period("2026-10", "M"), pd.Timedelta(days=1), 10**400, "a\ud800b", ("=1", 2)]
    sheet = openpyxl.load_workbook(write_workbook(tmp_path / "x.xlsx", {"s": pd.DataFrame({"x": pd.Series(odd, dtype=object)})}))["s"]
    assert [sheet.cell(row, 1).value for row in range(2, 7)] == ["2026-10", "1 days 00:00:00", str(10**400), "ab", "('=1', 2)"]


def test_a_table_wider_than_a_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="wide has more columns than a sheet holds"):
        write_workbook(tmp_path / "x.xlsx", {"wide": pd.DataFrame(np.zeros((1, 16_385)))})


@pytest.mark.parametrize("blank", [" ", "\xa0", "\u200b", "\ufeff", "\x85", "\u2028"])
def test_a_formula_behind_blanks_is_text(blank: str) -> None:
    assert neutral(f"{blank}=1") == f"'{blank}=1" and neutral(f"{blank}plain") == f"{blank}plain"
