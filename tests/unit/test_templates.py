"""Blank inputs, dictionary and new workbooks come from the contracts and stay in step with them."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import openpyxl
import pytest

from sop_helpers.book import tables
from sop_helpers.book.checks import check_workbook
from sop_helpers.book.config import load_workbook
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.sources import has_source, read_table
from sop_helpers.book.templates import data_dictionary, init_workbook, write_templates

COMMITTED = Path(__file__).resolve().parents[2] / "templates" / "inputs"
AGAIN = "run: python -m sop_helpers.book.templates"


def test_writing_them_again_changes_no_byte(tmp_path):
    first = {p.name: p.read_bytes() for p in write_templates(tmp_path)}
    time.sleep(2.1)  # the clock of a zip file ticks every two seconds
    assert first == {p.name: p.read_bytes() for p in write_templates(tmp_path)}


def contents(path: Path) -> dict:
    """Return what a spreadsheet holds and shows, cell by cell."""
    book = openpyxl.load_workbook(path)
    return {
        s.title: (
            s.freeze_panes,
            [[(c.value, c.font.b, c.comment and c.comment.text) for c in row] for row in s.iter_rows()],
            {k: (d.number_format, d.width) for k, d in s.column_dimensions.items()},
        )
        for s in book.worksheets
    }


def test_the_committed_templates_are_in_step(tmp_path):
    write_templates(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in COMMITTED.iterdir()), AGAIN
    for fresh in tmp_path.iterdir():
        if fresh.suffix == ".xlsx":
            assert contents(fresh) == contents(COMMITTED / fresh.name), AGAIN
        else:
            assert fresh.read_text("utf-8") == (COMMITTED / fresh.name).read_text("utf-8"), AGAIN


@pytest.mark.parametrize("table", tables.INPUTS)
def test_a_blank_csv_holds_the_columns_of_the_contract(table):
    with open(COMMITTED / f"{table}.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [list(tables.columns(table))]


def test_the_dictionary_names_every_column_of_every_table():
    text = data_dictionary()
    for table in tables.TABLES:
        section = text.split(f"### {table}\n")[1].split("\n### ")[0]
        assert all(f"| `{name}` |" in section for name in tables.columns(table)), table
    assert "one of make, buy, move" in text and "`products.product`" in text


def test_codes_typed_into_the_blank_spreadsheet_keep_their_zeros(tmp_path):
    init_workbook(tmp_path / "new", month="2026-10")
    book = openpyxl.load_workbook(tmp_path / "new" / "data" / "templates" / "inputs.xlsx")
    sheet = book["products"]
    formats = {sheet.cell(1, i).value: sheet.column_dimensions[openpyxl.utils.get_column_letter(i)].number_format for i in range(1, sheet.max_column + 1)}
    assert formats["product"] == formats["launch_month"] == "@" and formats["unit_price"] == "General"
    sheet.append(["007", "Pump", "Pumps", None, 10, 6])
    book["sales"].append(["2026-09", "007", "North", 5, 50])
    book.save(tmp_path / "new" / "data" / "inputs.xlsx")
    for name in ("products", "sales"):
        (tmp_path / "new" / "data" / f"{name}.csv").unlink()
    workbook = load_workbook(tmp_path / "new")
    assert read_table(workbook, "products")["product"].tolist() == ["007"] and not has_source(workbook, "budget")
    assert "red" not in set(check_workbook(workbook)["level"])


def test_a_new_workbook_loads_and_check_says_what_to_fill_in(tmp_path):
    written = init_workbook(tmp_path / "new", 'Söhne "GmbH" 社\n[x]', "EUR", "2026-10")
    assert all(p.is_file() for p in written)
    workbook = load_workbook(tmp_path / "new")
    assert (workbook.company.name, workbook.company.currency, workbook.month) == ('Söhne "GmbH" 社\n[x]', "EUR", "2026-10")
    assert workbook.calendar.horizon_months == 18 and set(workbook.scenarios) == {"upside", "downside"}
    issues = check_workbook(workbook)
    assert issues[["level", "table"]].to_numpy().tolist() == [["red", "products"], ["red", "sales"]]
    assert all("there is a header and no rows: fill it in" in m for m in issues["message"])


def test_every_setting_stands_in_the_new_workbook_with_its_sentence(tmp_path):
    init_workbook(tmp_path, month="2026-10")
    text = (tmp_path / "workbook.toml").read_text("utf-8")
    from sop_helpers.book import config

    policies = (config.DemandPolicy, config.SupplyPolicy, config.StockPolicy, config.SalesPolicy, config.FinancePolicy)
    for part in (config.Company, config.Calendar, *policies, config.Meeting):
        for name, field in part.model_fields.items():
            assert f"# {field.description}\n" in text and (f"\n{name} = " in text or f"\n# {name} =" in text), name


def test_a_folder_that_holds_a_workbook_is_left_alone(tmp_path):
    init_workbook(tmp_path, month="2026-10")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(WorkbookError, match="holds workbook.toml"):
        init_workbook(tmp_path)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_own_data_are_not_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sales.csv").write_text("mine")
    with pytest.raises(WorkbookError, match="holds sales.csv already"):
        init_workbook(tmp_path)
    assert [p.name for p in tmp_path.rglob("*")] == ["data", "sales.csv"]


@pytest.mark.parametrize(("currency", "month"), [("Euro", "2026-10"), ("EUR", "October")])
def test_what_a_new_workbook_cannot_be(tmp_path, currency, month):
    with pytest.raises(WorkbookError):
        init_workbook(tmp_path / "new", "x", currency, month)
    assert not (tmp_path / "new").exists()


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "new").write_text("")
    with pytest.raises(WorkbookError, match="is a file"):
        init_workbook(tmp_path / "new")
