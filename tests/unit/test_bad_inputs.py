"""Bad input gets one message that names source, table, column, rows, what was found and what was expected."""

from __future__ import annotations

import datetime as dt
import io

import openpyxl
import pytest
from small_inputs import MONTH, PRODUCTS, SALES, company

from sop_helpers.book.checks import check_workbook
from sop_helpers.book.coerce import TableError
from sop_helpers.book.config import Source
from sop_helpers.book.sources import read_table


def refused(workbook, table: str = "products") -> str:
    """Return the message that reading a table ends with."""
    with pytest.raises(TableError) as error:
        read_table(workbook, table, MONTH)
    message = str(error.value)
    assert f"table {table} from " in message and "What to do: " in message and "Traceback" not in message
    return message


def red(workbook) -> list[str]:
    """Return the blocking findings of a workbook."""
    issues = check_workbook(workbook, MONTH)
    return issues.loc[issues["level"] == "red", "message"].tolist()


def xlsx(rows, change=None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADER = ["product", "family", "unit_price", "unit_cost", "launch_month"]


def test_good_input_is_not_refused(tmp_path):
    assert red(company(tmp_path)) == []


def test_a_required_table_is_missing(tmp_path):
    message = refused(company(tmp_path, {"sales.csv": None}), "sales")
    assert "data/sales.csv" in message and "there is no sales.csv, sales.xlsx or sales.parquet in data" in message and "templates/inputs/sales.csv" in message


def test_a_column_is_missing_and_the_near_one_is_suggested(tmp_path):
    message = refused(company(tmp_path, {"products.csv": PRODUCTS.replace("unit_cost", "unit cots")}))
    assert "column unit_cost: the column is required and missing; found product, name, family, unit_price, unit cots; is it 'unit cots'?" in message
    assert 'rename = { "unit cots" = "unit_cost" }' in message


def test_a_wrong_type(tmp_path):
    message = refused(company(tmp_path, {"products.csv": PRODUCTS.replace(",20,", ",twenty,")}))
    assert "data/products.csv cannot be used: column unit_price, row 3: found 'twenty'; expected a finite number" in message


def test_a_duplicate_key(tmp_path):
    message = refused(company(tmp_path, {"products.csv": PRODUCTS + "007,Again,Pumps,1,1\n"}))
    assert "column product, rows 2, 5: found '007'; the key is there more than once" in message


def test_a_month_twice_without_what_would_make_it_order_lines(tmp_path):
    message = refused(company(tmp_path, {"sales.csv": SALES + "2026-09,007,North,1,10\n"}), "sales")
    assert "column month + product + region, rows 140, 146: found '2026-09/007/North'; the key is there more than once" in message


def test_a_key_twice_whose_month_is_blank(tmp_path):
    message = refused(company(tmp_path, {"supplier_limits.csv": "supplier,max_units\nS,100\nS,200\n"}), "supplier_limits")
    assert "column supplier + month, rows 2, 3: found 'S/blank'; the key is there more than once" in message


def test_an_unknown_product(tmp_path):
    assert red(company(tmp_path, {"sales.csv": SALES + "2026-09,1E-5,North,1,10\n"})) == ["1 value of product is not in products: '1E-5' (is it '1E5'?)."]


@pytest.mark.parametrize("month", ["03/04/2026", "10/2026", "202609", "Sep 26", "2026-13", "46266"])
def test_a_month_in_an_unknown_format(tmp_path, month):
    message = refused(company(tmp_path, {"sales.csv": SALES + f"{month},007,East,1,10\n"}), "sales")
    assert f"column month, row 146: found '{month}'; expected a month such as 2026-10" in message and "date_format" in message


def test_negative_units_do_not_stop_the_month(tmp_path):
    book = company(tmp_path, {"sales.csv": SALES + "2026-09,007,East,-5,10\n"})
    issues = check_workbook(book, MONTH)
    assert red(book) == []
    assert "1 month has negative units: 007/East." in issues["message"].tolist(), "what came back is no demand, and said"


def test_blank_where_something_must_stand(tmp_path):
    message = refused(company(tmp_path, {"products.csv": PRODUCTS.replace("NA,Hose,Hoses", "NA,Hose,")}))
    assert "column family, row 4: blank; expected a code in every row" in message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path, content):
    assert "data/products.csv cannot be used: the file is empty" in refused(company(tmp_path, {"products.csv": content}))


def test_a_header_only(tmp_path):
    assert "there is a header and no rows" in refused(company(tmp_path, {"products.csv": PRODUCTS.split("\n")[0] + "\n"}))


def test_a_wrong_encoding(tmp_path):
    message = refused(company(tmp_path, {"products.csv": PRODUCTS.replace("Valve,", "バルブ,").encode("cp932")}))
    assert "row 3 is not utf-8-sig: byte 0x83" in message and "cp932" in message and "not guessed" in message


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (PRODUCTS.encode("utf-8-sig"), "cp932", "begins with the mark of UTF-8"),
        (PRODUCTS.encode(), "utf8mb4", "no encoding is called 'utf8mb4'"),
        (PRODUCTS.encode("utf-16"), "utf-8-sig", "row 1 is not utf-8-sig"),
        (PRODUCTS.encode("utf-16-le"), "utf-8-sig", "null character"),
    ],
)
def test_other_encodings(tmp_path, content, encoding, said):
    assert said in refused(company(tmp_path, {"products.csv": content}, products=Source(encoding=encoding)))


def test_excel_date_serials_in_a_csv_are_refused_and_in_excel_read(tmp_path):
    rows = [HEADER, ["007", "Pumps", 10, 6, 46296]]
    assert read_table(company(tmp_path / "a", {"products.csv": None, "products.xlsx": xlsx(rows)}), "products")["launch_month"][0] == MONTH
    text = "\n".join(",".join(map(str, r)) for r in rows)
    assert "column launch_month, row 2: found '46296'" in refused(company(tmp_path / "b", {"products.csv": text}))


def test_excel_with_a_merged_header(tmp_path):
    def merge(sheet):
        sheet.merge_cells("C1:D1")

    message = refused(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx([HEADER, ["007", "Pumps", 10, 6, None]], merge)}))
    assert "data/products.xlsx" in message and "the header row 1 has merged cells in columns 3 to 4 ('unit_price')" in message


def test_excel_with_a_blank_header_cell(tmp_path):
    rows = [["product", None, "unit_price"], ["007", "Pumps", 10]]
    assert "column 2 holds data and its header cell is blank" in refused(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx(rows)}))


def test_excel_with_a_formula_never_calculated(tmp_path):
    rows = [HEADER, ["007", "Pumps", 10, "=C2*0.6", None]]
    assert "the formulas in D2 (1 in all) have no calculated value" in refused(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx(rows)}))


def test_excel_that_made_a_code_a_date(tmp_path):
    rows = [HEADER, [dt.date(2026, 3, 4), "Pumps", 10, 6, None]]
    message = refused(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx(rows)}))
    assert "column product, row 2: found '2026-03-04'; expected a code; the spreadsheet has made it a date" in message


def test_excel_with_an_error_cell(tmp_path):
    for row in (["007", "Pumps", "#N/A", 6, None], ["007", "Pumps", 10, 6, "#N/A"]):  # what is optional is not read as blank either
        message = refused(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx([HEADER, row])}))
        place = "CE"[row[2] == 10]
        assert f"{place}2 #N/A (1 in all) hold errors of a formula" in message


def test_a_decimal_comma_that_was_not_told_is_no_thousands_mark(tmp_path):
    text = "product;family;unit_price;unit_cost\n007;Pumps;0,500;0,125\n"
    book = company(tmp_path, {"products.csv": text}, products=Source(delimiter=";"))
    assert "column unit_price, row 2: found '0,500'" in refused(book) and "column unit_cost, row 2: found '0,125'" in refused(book)


def test_a_query_that_names_a_column_twice(tmp_path):
    (tmp_path / "q.sql").write_text("SELECT product, product, family, unit_price, unit_cost FROM 'products.csv'")
    book = company(tmp_path, products=Source(query="q.sql"))
    assert "more than once" in refused(book)


@pytest.mark.parametrize(("name", "said"), [("products.xlsx", "not a readable XLSX file"), ("products.parquet", "not a readable Parquet file")])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, said):
    assert said in refused(company(tmp_path, {"products.csv": None, name: b"product,family\n"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product;family;unit_price;unit_cost\n1;a;2;3\n", "The columns seem to be divided by ';': set delimiter"),
        ("product,family,unit_price,unit_cost\n1,a,2,3,4\n", "row 2 has 5 cells where the header has 4"),
        ('product,family,unit_price,unit_cost\n1,"a,2,3\n', "a quotation mark opened in row 2 is never closed"),
        ("product,product,family,unit_price,unit_cost\n1,1,a,2,3\n", "the header names 'product' more than once"),
        ("product,Product,family,unit_price,unit_cost\n1,1,a,2,3\n", "both 'product' and 'Product' would be this column"),
        ("product,,family,unit_price,unit_cost\n1,x,a,2,3\n", "column 2 holds data and its header cell is blank"),
    ],
)
def test_a_broken_csv(tmp_path, text, said):
    assert said in refused(company(tmp_path, {"products.csv": text}))


@pytest.mark.parametrize("value", ["inf", "-inf", "Infinity", "nan", "NaN", "1e999", "#N/A", "NULL"])
def test_infinite_and_nan(tmp_path, value):
    message = refused(company(tmp_path, {"sales.csv": SALES + f"2026-09,007,East,{value},10\n"}), "sales")
    assert f"column units, row 146: found '{value}'; expected a finite number" in message


def test_all_problems_of_a_table_come_together(tmp_path):
    message = refused(company(tmp_path, {"products.csv": "product,family,unit_price,unit_cost,launch_month\n1,,x,-,soon\n"}))
    assert "4 problems" in message and all(f"column {c}, row 2" in message for c in ("family", "unit_price", "unit_cost", "launch_month"))


def test_a_value_outside_the_list(tmp_path):
    text = "operation,kind,item,location,lead_time_months,unit_cost\nO,steal,007,L,1,1\n"
    assert "column kind, row 2: found 'steal'; expected one of 'make', 'buy', 'move'" in refused(company(tmp_path, {"operations.csv": text}), "operations")


def test_an_e_mail_address_that_could_carry_a_second_one(tmp_path):
    text = 'function,person,email,mandatory\nsales,Ann,"a@b.c,evil@x.y",yes\n'
    assert "column email, row 2" in refused(company(tmp_path, {"roster.csv": text}), "roster")


def test_one_run_names_all_tables_that_are_bad(tmp_path):
    book = company(tmp_path, {"products.csv": PRODUCTS.replace(",20,", ",twenty,"), "budget.csv": "month,family\n2026-10,Pumps\n"})
    issues = check_workbook(book, MONTH)
    assert set(issues.loc[issues["level"] == "red", "table"]) == {"products", "budget"}
    assert issues.loc[issues["check"] == "cannot be read", "column"].tolist()[0] is not None


def without(text: str, *months: str) -> str:
    return "\n".join(line for line in text.split("\n") if line[:7] not in months)


def test_a_tenth_of_the_months_is_missing(tmp_path):
    assert red(company(tmp_path / "a", {"sales.csv": without(SALES, "2025-03", "2025-08", "2025-09")})) == [
        "3 of 24 months (12%) have no sales at all: 2025-03, 2025-08, 2025-09."
    ]
    issues = check_workbook(company(tmp_path / "b", {"sales.csv": without(SALES, "2025-03")}), MONTH)
    assert (issues.loc[issues["check"] == "completeness", "level"] == "amber").all() and "1 of 24 months (4%)" in " ".join(issues["message"])


def test_a_month_without_data(tmp_path):
    assert red(company(tmp_path, {"sales.csv": without(SALES, "2026-09")})) == ["sales end in 2026-08; the month before the cycle is 2026-09."]


def test_a_1e12_outlier(tmp_path):
    text = SALES.replace("2025-03,007,North,13,", "2025-03,007,North,1000000000000,")
    assert red(company(tmp_path, {"sales.csv": text})) == ["1 value is over 1,000 times what is usual in its series: 007/North 2025-03: 1,000,000,000,000."]


def test_all_demand_is_zero(tmp_path):
    lines = SALES.strip().split("\n")
    zero = "\n".join([lines[0], *[",".join([*line.split(",")[:3], "0", "0"]) for line in lines[1:]]])
    assert red(company(tmp_path, {"sales.csv": zero})) == ["all units are zero."]


OPERATIONS = "operation,kind,item,location,lead_time_months,unit_cost\nM1,make,007,L,0,1\nM2,make,PART,L,0,1\nB1,buy,STEEL,L,1,1\n"


def test_a_bill_of_material_with_a_cycle(tmp_path):
    book = company(tmp_path, {"operations.csv": OPERATIONS, "components.csv": "operation,item,units_per\nM1,PART,1\nM2,007,1\n"})
    found = red(book)
    assert len(found) == 1 and found[0].startswith("a bill of material has a cycle: ") and "PART needs 007" in found[0]


def test_a_resource_without_hours(tmp_path):
    book = company(
        tmp_path,
        {
            "operations.csv": OPERATIONS,
            "loads.csv": "operation,resource,hours_per_unit\nM1,LINE,0.5\n",
            "resources.csv": "resource,month,regular_hours\nLINE,,0\n",
        },
    )
    assert red(book) == ["1 resource has no hours in any month: LINE."]


def test_an_operation_without_components(tmp_path):
    book = company(tmp_path, {"operations.csv": OPERATIONS, "components.csv": "operation,item,units_per\nM1,PART,1\n"})
    issues = check_workbook(book, MONTH)
    assert "1 make operation has no components: M2." in issues["message"].tolist() and red(book) == []


def test_a_product_with_no_history_and_a_region_with_one_month_are_listed(tmp_path):
    book = company(tmp_path, {"products.csv": PRODUCTS + "NEW,New,Pumps,1,1\n", "sales.csv": SALES + "2026-09,007,East,1,10\n"})
    messages = check_workbook(book, MONTH)["message"].tolist()
    assert "1 product has no sales and no launch ahead: NEW." in messages and "1 region has a single month of sales: East." in messages
    assert red(book) == []
