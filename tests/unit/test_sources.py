"""The same table from each format; codes stay text, months are cut, order lines are added up."""

from __future__ import annotations

import datetime as dt
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_inputs import MONTH, PRODUCTS, company

from sop_helpers.book import lines, sources, tables
from sop_helpers.book.checks import check_inputs
from sop_helpers.book.coerce import TableError
from sop_helpers.book.config import Calendar, Source
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.readers import Unreadable
from sop_helpers.book.sources import has_source, load_table, read_table, source_digest, source_of
from sop_helpers.book.sql import query_files

EXPECTED = pd.DataFrame(
    {
        "product": ["007", "1E5", "NA"],
        "name": ["Pump", "Valve", "Hose"],
        "family": ["Pumps", "Valves", "Hoses"],
        "unit_price": [10.0, 20.0, 5.0],
        "unit_cost": [6.0, 12.0, 3.0],
    }
)


def same(frame: pd.DataFrame, expected: pd.DataFrame = EXPECTED) -> None:
    pd.testing.assert_frame_equal(frame[list(expected)], expected, check_dtype=False)


def xlsx(rows: list[list], sheet: str = "Sheet1", change=None) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ROWS = [line.split(",") for line in PRODUCTS.strip().split("\n")]
TYPED = [ROWS[0], *[[*r[:3], float(r[3]), float(r[4])] for r in ROWS[1:]]]


def test_csv_with_all_columns_of_the_contract(tmp_path):
    frame = read_table(company(tmp_path), "products")
    same(frame)
    assert list(frame) == list(tables.columns("products"))
    assert frame["launch_month"].dtype == "datetime64[us]" and frame["launch_month"].isna().all()
    assert frame["product"].dtype == "str"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp932", "utf-16"])
def test_csv_in_the_encoding_configured(tmp_path, encoding):
    text = PRODUCTS.replace("Pump,", "ポンプ,")
    book = company(tmp_path, {"products.csv": text.encode(encoding)}, products=Source(encoding="utf-8-sig" if encoding == "utf-8" else encoding))
    assert read_table(book, "products")["name"][0] == "ポンプ"


def test_semicolon_and_decimal_comma(tmp_path):
    text = "product;family;unit_price;unit_cost\n007;Pumps;1.200,50;6\n"
    book = company(tmp_path, {"products.csv": text}, products=Source(delimiter=";", decimal=","))
    assert read_table(book, "products")["unit_price"][0] == 1200.5


def test_crlf_blank_lines_quotes_and_a_nameless_empty_column(tmp_path):
    text = 'product,name,family,unit_price,unit_cost,\r\n007,"Pump, ""big""\r\nred",Pumps,"1,200",6,\r\n\r\n,,,,,\r\n1E5,,Valves,20,12,\r\n'
    frame = read_table(company(tmp_path, {"products.csv": text}), "products")
    assert frame["product"].tolist() == ["007", "1E5"]
    assert frame["name"][0].splitlines() == ['Pump, "big"', "red"] and frame["unit_price"][0] == 1200


def test_title_rows_renamed_columns_and_free_order(tmp_path):
    text = "Price list 2026\n\nKosten,Preis,Artikel,Family\n6,10,007,Pumps\n"
    described = Source(header_row=3, rename={"Artikel": "product", "Preis": "unit_price", "Kosten": "unit_cost"})
    same(read_table(company(tmp_path, {"products.csv": text}, products=described), "products"), EXPECTED.iloc[:1].drop(columns="name"))


def test_xlsx_with_typed_cells_and_date_cells(tmp_path):
    rows = [[*ROWS[0], "launch_month"], [*TYPED[1], dt.date(2026, 10, 1)], [*TYPED[2], 46296], [*TYPED[3], "2026-10"]]
    frame = read_table(company(tmp_path, {"products.csv": None, "products.xlsx": xlsx(rows)}), "products")
    same(frame)
    assert frame["launch_month"].tolist() == [MONTH] * 3


def test_xlsx_sheet_header_row_and_numeric_codes(tmp_path):
    def title(sheet):
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Products of 2026"
        sheet.merge_cells("A1:C1")

    rows = [ROWS[0], [7, "Pump", "Pumps", 10, 6]]
    book = company(tmp_path, {"products.csv": None, "list.xlsx": xlsx(rows, "Items", title)}, products=Source(path="list.xlsx", sheet="Items", header_row=3))
    assert read_table(book, "products")["product"].tolist() == ["7"]


def test_one_xlsx_with_a_sheet_for_each_table(tmp_path):
    book = company(tmp_path, {"products.csv": None, "inputs.xlsx": xlsx(TYPED, "products")})
    assert has_source(book, "products") and not has_source(book, "budget")
    assert source_of(book, "products") == "data/inputs.xlsx, sheet products"
    same(read_table(book, "products"))


def test_a_sheet_goes_by_its_name_whatever_its_case(tmp_path):
    book = company(tmp_path, {"products.csv": None, "inputs.xlsx": xlsx(TYPED, "Products")})
    assert source_of(book, "products") == "data/inputs.xlsx, sheet Products"
    same(read_table(book, "products"))


@pytest.mark.parametrize("codes", ["str", "category"])
def test_parquet(tmp_path, codes):
    book = company(tmp_path, {"products.csv": None})
    EXPECTED.astype({"product": codes}).to_parquet(tmp_path / "data" / "products.parquet")
    same(read_table(book, "products"))


def test_parquet_with_days_decimals_and_integer_codes(tmp_path):
    import decimal

    book = company(tmp_path, {"sales.csv": None})
    pd.DataFrame(
        {
            "month": [dt.date(2026, 9, 3), dt.date(2026, 9, 5)],
            "product": [2**60 + 1, 2**60 + 1],
            "region": ["N", "N"],
            "units": [5, None],
            "revenue": [decimal.Decimal("50.25"), decimal.Decimal("1.00")],
        }
    ).fillna({"units": 2}).to_parquet(tmp_path / "data" / "sales.parquet")
    frame = read_table(book, "sales", MONTH)
    assert frame.loc[0, ["product", "units", "revenue"]].tolist() == [str(2**60 + 1), 7, 51.25] and len(frame) == 1


ORDERS = "day,item,amount,qty\n2026-09-03,007,50.5,5\n2026-09-05,007,50,-1\n2026-10-02,007,70,7\n"
QUERY = """-- it's read from orders.csv
SELECT day AS month, item AS product, 'North' AS region, qty AS units, amount AS revenue FROM read_csv('orders.csv', types = {'item': 'VARCHAR'})
"""


def sql_company(root: Path, query: str = QUERY, url: str | None = None, data: list[str] | None = None):
    book = company(root, {"sales.csv": None}, data=["erp"] if data is None else data, sales=Source(query="sql/sales.sql", url=url))
    for folder, name, text in (("erp", "orders.csv", ORDERS), ("sql", "sales.sql", query)):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_text(text)
    return book


def test_sql_over_files_adds_order_lines_up(tmp_path):
    frame = read_table(sql_company(tmp_path), "sales", MONTH)
    assert frame.loc[0, ["product", "units", "revenue"]].tolist() == ["007", 4, 100.5] and len(frame) == 1


def test_sql_over_files_binds_the_month(tmp_path):
    frame = read_table(sql_company(tmp_path, QUERY + " WHERE day < $month AND day >= $month - INTERVAL 1 MONTH AND qty > 0"), "sales", MONTH)
    assert frame["units"].tolist() == [5]


def test_sql_reads_the_data_folder_wherever_it_runs_from(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "orders.csv").write_text(ORDERS.replace("007", "666"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_table(sql_company(tmp_path), "sales", MONTH)["product"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "not a file of the folders"),
        ("SELECT * FROM read_text('../workbook.toml')", "not a file of the folders"),
        ("SELECT * FROM read_csv('../outside.csv')", "not a file of the folders"),
        ("COPY (SELECT 1) TO 'x.csv'", "must be one SELECT"),
        ("ATTACH 'x.db'", "must be one SELECT"),
        ("SELECT 1; DROP TABLE x", "must be one SELECT"),
        ("SELECT $password", "only $month is known"),
        ("SELECT FROM WHERE", "syntax error"),
        ("SELECT getenv('PATH')", "getenv"),
        ("SELECT 1 AS a", "column month: the column is required and missing; found a"),
    ],
)
def test_sql_that_is_refused(tmp_path, query, said):
    book = sql_company(tmp_path, query)
    (tmp_path / "outside.csv").write_text("a\n1\n")
    with pytest.raises(TableError) as error:
        read_table(book, "sales", MONTH)
    assert said in str(error.value) and "table sales from query sql/sales.sql" in str(error.value)
    assert not list(tmp_path.rglob("x.*"))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("day", "item", "2026-09-03", "1E5"), "item of plain.csv holds '1E5', which may be a code and would be read as the number 100,000"),
        (("day", "item", "03/04/2026", "P"), "the dates in day of plain.csv can be read in two ways"),
        (("day", "item", "23/04/2026", "P"), ""),
        (("day", "item", "2026-09-03", "007"), ""),
    ],
)
def test_sql_over_csv_never_guesses_codes_or_the_order_of_day_and_month(tmp_path, cells, said):
    query = "SELECT day AS month, item AS product, 'North' AS region, 5 AS units, 5 AS revenue FROM "
    book = sql_company(tmp_path, query + "'plain.csv'")
    (tmp_path / "erp" / "plain.csv").write_text(f"{cells[0]},{cells[1]}\n{cells[2]},{cells[3]}\n")
    if said:
        with pytest.raises(TableError, match=said) as error:
            read_table(book, "sales", MONTH)
        remedy = str(error.value).split("Say that it is text: ")[-1].split("Say which it is: ")[-1].split(";")[0].split(", or")[0]
        (tmp_path / "sql" / "sales.sql").write_text(query + remedy.strip().rstrip("."))  # what the message says makes it readable
    frame = read_table(book, "sales", MONTH)
    assert len(frame) == 1 and frame["product"].tolist() == [cells[3]]


GUESSED = {
    "x.csv": "product,x,day\nA,1E5,03/04/2026\n", "y.csv": "product,x,day\nB,2E5,04/05/2026\n", "same.csv": "product,day\nA,01/01/2026\nB,03/03/2026\n",
    "clock.csv": "product,day\nA,03/04/2026 10:00:00\n", "bad.csv": "product,x\n" + "A,1.5\n" * 3000 + "B,2,3,4,5\n" + "A,1.5\n" * 3000,
}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT product FROM 'x.csv'", ""),
        ("SELECT product, x FROM 'x.csv'", "x of x.csv holds '1E5'"),
        ("SELECT x FROM read_csv('x.csv', types = {'x': 'DOUBLE'})", ""),
        ("SELECT x FROM read_csv('x.csv', types = {'x': 'TEXT'}, dateformat = '%d/%m/%Y')", ""),
        ("SELECT day FROM '*.csv' -- dateformat is unknown", "the dates in day of clock.csv can be read in two ways"),
        ("SELECT product, day FROM 'y.csv'", "the dates in day of y.csv can be read in two ways"),
        ("SELECT product, day FROM 'same.csv'", ""),
        ("SELECT product, day FROM 'clock.csv'", "the dates in day of clock.csv can be read in two ways"),
        ("SELECT a.product FROM 'y.csv' a JOIN read_csv('x.csv', types = {'x': 'VARCHAR'}) b ON a.x = b.x", "x of y.csv holds '2E5'"),
        ("SELECT sum(x) AS x FROM read_csv('bad.csv', ignore_errors = true)", ""),
        ("SELECT product, day FROM '{folder}/y.csv'", "the dates in day of y.csv can be read in two ways"),
    ],
)
def test_only_what_a_query_leaves_to_guessing_is_refused(tmp_path, query, said):
    for name, text in GUESSED.items():
        (tmp_path / name).write_text(text)
    query = query.replace("{folder}", str(tmp_path))
    if not said:
        assert len(query_files(query, [tmp_path], None))
        return
    with pytest.raises(Unreadable, match=said):
        query_files(query, [tmp_path], None)


def test_lines_of_which_some_state_nothing_are_told(tmp_path, monkeypatch):
    lines = ["2026-09-01,A,R,2,2.5,9,a", "2026-09-02,A,R,2,2.5,,b", "2026-09-03,B,R,2,2.5,,c", "2026-09-04,B,R,2,2.5,,d"]
    book = company(tmp_path, {"sales.csv": "Month,product,region,units,revenue,orders,customer\n" + "\n".join(lines) + "\n"})
    table, said = same_both_ways(monkeypatch, book)
    assert table["orders"].tolist()[0] == 9 and table["orders"].isna().tolist() == [False, True]
    assert any("rows that only a part of their lines state: 1; the other lines count as nothing" in note for note in said), said


@pytest.mark.parametrize("named", ["2026-10", "2026/10", "2026年10月"])
def test_a_month_named_beside_days_is_the_period_of_that_name(tmp_path, monkeypatch, named):
    # The fiscal September of 2026 has begun on 30 August, October begins on 4 October: 1 October is a day of September, 2026-10 is October.
    text = "Month,product,region,units,revenue,customer\n2026-09-15,A,R,1,2,a\n2026-10-01,A,R,2,2,b\n" + f"{named},A,R,4,2,c\n"
    book = company(tmp_path, {"sales.csv": text}).model_copy(update={"calendar": Calendar(weeks="4-4-5")})
    monkeypatch.setattr(lines, "LARGE", 0)
    for _ in range(2):
        table = read_table(book, "sales", MONTH + pd.DateOffset(months=2))
        assert table.set_index("month")["units"].to_dict() == {pd.Timestamp("2026-09-01"): 3, pd.Timestamp("2026-10-01"): 4}
        monkeypatch.setattr(lines, "LARGE", 10**9)


def test_sql_without_its_data_folder_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("SOP_NO_SUCH", raising=False)
    with pytest.raises(TableError, match=r"none of the data folders \$\{SOP_NO_SUCH\}/erp, nowhere is there"):
        read_table(sql_company(tmp_path, data=["${SOP_NO_SUCH}/erp", "nowhere"]), "sales", MONTH)


def sqlite_company(root: Path, query: str, url: str = "sqlite:///erp/crm.db"):
    book = sql_company(root, query, url)
    with sqlite3.connect(root / "erp" / "crm.db") as connection:
        connection.execute("CREATE TABLE orders (day TEXT, item TEXT, qty REAL, amount NUMERIC)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", [("2026-08-03", "007", 5, 50), ("2026-09-05", "1E5", 5.5, 50.25)])
    return book


ON_DATABASE = "SELECT day AS month, item AS product, 'N:x' AS region, qty AS units, amount AS revenue FROM orders WHERE day < :month"


def test_sql_over_sqlite(tmp_path):
    book = sqlite_company(tmp_path, ON_DATABASE)
    assert read_table(book, "sales", MONTH)["product"].tolist() == ["007", "1E5"]
    assert read_table(book, "sales", pd.Timestamp("2026-09-01"))["units"].tolist() == [5]


@pytest.mark.parametrize(
    ("query", "url", "said"),
    [
        ("DELETE FROM orders", "sqlite:///erp/crm.db", "readonly"),
        ("SELECT colour FROM orders", "sqlite:///erp/crm.db", "no such column"),
        (ON_DATABASE, "sqlite:///erp/none.db", "there is no SQLite file"),
        (ON_DATABASE, "sqlite:////etc/crm.db", "outside the workbook"),
        (ON_DATABASE, "sqlite:///../crm.db", "outside the workbook"),
        (ON_DATABASE, "postgresql+psycopg://u:${SOP_NO_SUCH}@127.0.0.1:1/x", "environment variable"),
        (ON_DATABASE, "nosuch://u:secret@host/x", "nosuch"),
        (ON_DATABASE, "not a url", "URL"),
        ("SELECT :week", "sqlite:///erp/crm.db", "only :month is known"),
    ],
)
def test_databases_that_are_refused(tmp_path, query, url, said):
    with pytest.raises(TableError) as error:
        read_table(sqlite_company(tmp_path, query, url), "sales", MONTH)
    assert said in str(error.value) and "secret" not in str(error.value)
    with sqlite3.connect(tmp_path / "erp" / "crm.db") as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def test_a_month_sees_only_what_was_known(tmp_path):
    deals = (
        "opportunity,rep,stage,amount,created,expected_close,closed,outcome\nA,r,Proposal,10,2026-07-01,2026-09-01,2026-09-20,won\n"
        "B,r,won,20,2026-08-01,2026-10-01,2026-10-05,won\nC,r,Lead,30,2026-10-03,,,open\n"
    )
    quotas = "month,rep,quota,bookings\n2026-09,r,10,9\n2026-10,r,10,8\n"
    book = company(tmp_path, {"opportunities.csv": deals, "quotas.csv": quotas})
    frame = read_table(book, "opportunities", MONTH).set_index("opportunity")
    assert frame["outcome"].to_dict() == {"A": "won", "B": "open"}
    assert pd.isna(frame.loc["B", "closed"]) and frame.loc["B", "stage"] == "unknown"
    assert read_table(book, "opportunities").shape[0] == 3
    assert read_table(book, "quotas", MONTH)["bookings"].tolist()[0] == 9 and pd.isna(read_table(book, "quotas", MONTH)["bookings"][1])
    assert read_table(book, "sales", pd.Timestamp("2025-01-01"))["month"].max() == pd.Timestamp("2024-12-01")


def test_a_month_before_all_data_is_refused(tmp_path):
    with pytest.raises(TableError, match="no row is dated before 2020-01; the first is 2024-10"):
        read_table(company(tmp_path), "sales", pd.Timestamp("2020-01-01"))


def test_order_lines_by_day_or_with_a_customer_are_added_up(tmp_path):
    by_day = "month,product,region,units,revenue\n2026-09-01,007,N,5,50\n2026-09-02,007,N,-2,-20\n2026-09-02,007,N,4,0.1\n"
    by_customer = "month,product,region,units,revenue,customer\n2026-09,007,N,5,50,x\n2026-09,007,N,3,20,y\n"
    loaded = load_table(company(tmp_path / "a", {"sales.csv": by_day}), "sales")
    assert loaded.frame[["units", "revenue"]].to_numpy().tolist() == [[7, 30.1]] and pd.isna(loaded.frame["orders"][0])
    assert "3 lines are added up to 1 rows" in str(loaded.notes[0])
    assert read_table(company(tmp_path / "b", {"sales.csv": by_customer}), "sales")["units"].tolist() == [8]


def test_what_is_ignored_is_said(tmp_path):
    text = (
        PRODUCTS.replace("family", "family,lauch_month,colour")
        .replace("Pumps", "Pumps,2026-10,red")
        .replace("Valves", "Valves,,red")
        .replace("Hoses", "Hoses,,red")
    )
    notes = [str(n) for n in load_table(company(tmp_path, {"products.csv": text}), "products").notes]
    assert notes == [
        "column launch_month: the optional column is missing and 'lauch_month' is ignored; is it meant?",
        "columns that the contract does not know are ignored: colour",
    ]


def test_an_optional_table_without_rows_is_none_and_said(tmp_path):
    loaded = load_table(company(tmp_path, {"budget.csv": "month,family,region,units,revenue\n"}), "budget")
    assert loaded.frame.empty and list(loaded.frame) == list(tables.columns("budget"))
    assert "no rows" in str(loaded.notes[0])


def test_digest_follows_the_bytes(tmp_path):
    book = sql_company(tmp_path)
    first = source_digest(book, "products"), source_digest(book, "sales")
    assert first == (source_digest(book, "products"), source_digest(book, "sales")) and first[0] != first[1]
    (tmp_path / "erp" / "orders.csv").write_text(ORDERS.replace(",5\n", ",6\n"))
    assert source_digest(book, "sales") != first[1] and source_digest(book, "products") == first[0]
    assert source_digest(book, "budget") == "" and source_of(book, "budget") == ""


def test_digest_of_a_database_follows_its_rows(tmp_path):
    book = sqlite_company(tmp_path, ON_DATABASE)
    first = source_digest(book, "sales", MONTH)
    assert first == source_digest(book, "sales", MONTH)
    with sqlite3.connect(tmp_path / "erp" / "crm.db") as connection:
        connection.execute("UPDATE orders SET qty = 6 WHERE item = '007'")
    assert source_digest(book, "sales", MONTH) != first


@pytest.mark.parametrize("path", ["../../products.csv", "/etc/passwd"])
def test_a_path_stays_inside_the_workbook(tmp_path, path):
    with pytest.raises(WorkbookError, match="leads out of the workbook's folder"):
        read_table(company(tmp_path, products=Source(path=path)), "products")


def test_a_link_out_of_the_workbook_is_refused(tmp_path):
    (tmp_path / "secret.csv").write_text(PRODUCTS)
    book = company(tmp_path / "book", products=Source(path="link.csv"))
    (tmp_path / "book" / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(WorkbookError, match="leads out"):
        read_table(book, "products")


CODES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)
AMOUNTS = st.floats(0, 1e12, allow_nan=False).map(lambda v: round(v, 4))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(
        st.tuples(CODES, CODES, AMOUNTS, AMOUNTS, st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1))), min_size=1, max_size=20, unique_by=lambda r: r[0]
    )
)
def test_what_is_written_as_csv_reads_back_equal(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["product", "family", "unit_price", "unit_cost", "launch_month"])
    frame["launch_month"] = pd.to_datetime(frame["launch_month"]).dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")
    (tmp_path / "data").mkdir(exist_ok=True)
    frame.assign(launch_month=frame["launch_month"].dt.strftime("%Y-%m")).to_csv(tmp_path / "data" / "products.csv", index=False, encoding="utf-8")
    read = read_table(company(tmp_path, {"products.csv": None}), "products")
    pd.testing.assert_frame_equal(read[list(frame)], frame, check_dtype=False)


def test_600000_rows_read_within_seconds(tmp_path):
    months = pd.date_range("2021-10-01", periods=60, freq="MS").strftime("%Y-%m")
    n = 10_000
    frame = pd.DataFrame({"month": np.tile(months, n), "product": np.repeat([f"{i:05}" for i in range(n)], 60), "region": "R"})
    numbers = np.random.default_rng(1)
    frame["units"], frame["revenue"] = numbers.integers(0, 999, len(frame)), numbers.random(len(frame)).round(2)
    book = company(tmp_path, {"sales.csv": None})
    frame.to_csv(tmp_path / "data" / "sales.csv", index=False)
    before = time.process_time()
    read = read_table(book, "sales", MONTH)
    assert time.process_time() - before < 10, "about 1 s of CPU on a slow machine; ten times that is a change of kind"
    assert len(read) == 600_000 and read["units"].sum() == frame["units"].sum()


def test_importing_the_reader_does_not_import_the_engines():
    ours = "sop_helpers.book.sources, sop_helpers.book.checks, sop_helpers.book.templates"
    heavy = "('duckdb', 'sqlalchemy', 'xlsxwriter', 'dask')"
    code = f"import sys, {ours}; sop_helpers.book.tables.schema('sales'); print([m for m in {heavy} if m in sys.modules])"
    root = Path(sources.__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, check=True)
    assert done.stdout.strip() == "[]"


def test_two_files_for_one_table_are_refused(tmp_path):
    book = company(tmp_path, {"products.xlsx": xlsx(TYPED), "inputs.xlsx": xlsx(TYPED, "products")})
    with pytest.raises(TableError, match="products.csv and products.xlsx and sheet products of inputs.xlsx are both there"):
        read_table(book, "products")


LINES = "order,Month,product,region,units,revenue,orders\n" + "".join(
    f"{i},2026-0{1 + i % 9}-{1 + i % 28:02},{i % 7:03},{'NS'[i % 2]},{i % 5},{i * 0.37:.2f},{'' if i % 3 else 1}\n" for i in range(900)
)


def read_both_ways(monkeypatch, book) -> list[tuple[pd.DataFrame | None, list[str]]]:
    """Read sales by the ordinary reader and out of core: the table and the notes, or nothing and the error."""
    out = []
    for large in (lines.LARGE, 1):
        monkeypatch.setattr(lines, "LARGE", large)
        try:
            loaded = load_table(book, "sales", pd.Timestamp("2026-10-01"))
            out.append((loaded.frame, [str(note) for note in loaded.notes]))
        except TableError as error:
            out.append((None, [str(error)]))
    return out


def same_both_ways(monkeypatch, book) -> tuple[pd.DataFrame | None, list[str]]:
    (usual, said), (large, said_of_large) = read_both_ways(monkeypatch, book)
    assert said == said_of_large
    assert (usual is None) == (large is None)
    if usual is not None:
        pd.testing.assert_frame_equal(large, usual)
    return large, said


@pytest.mark.parametrize("form", ["csv", "title", "parquet"])
def test_large_files_are_added_up_out_of_core_to_the_same(tmp_path, monkeypatch, form):
    if form == "parquet":
        book = company(tmp_path, {"sales.csv": None})
        typed = pd.read_csv(io.StringIO(LINES), dtype={"product": str}, parse_dates=["Month"])
        typed.to_parquet(tmp_path / "data" / "sales.parquet")
    else:
        described = {"sales": Source(header_row=3)} if form == "title" else {}
        book = company(tmp_path, {"sales.csv": "Orders\n\n" * (form == "title") + LINES}, **described)
    said = same_both_ways(monkeypatch, book)[1]
    assert "900 lines are added up" in said[1]
    monkeypatch.setattr(sources, "_cells", None)
    assert len(read_table(book, "sales", MONTH)), "the ordinary reader was not asked"


DAYS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2025-05-01", "2026-09-21")]


@pytest.mark.parametrize("weeks", ["months", "4-4-5"])
@pytest.mark.parametrize(
    ("days", "found"),
    [
        (DAYS, True),
        ([*DAYS, "2026-09-30", "2026-10-03"], False),
        ([*DAYS, "2026-10-05"], True),  # nobody knows yet
        ([f"{day} 10:30:00" for day in DAYS], True),
        ([day[:7] for day in DAYS], False),
        (DAYS[:20], False),
    ],
    ids=["partial", "whole", "later lines", "with a clock", "by month", "one month"],
)
def test_large_files_tell_that_the_last_month_is_partial(tmp_path, monkeypatch, weeks, days, found):
    text = "Month,product,region,units,revenue,customer\n" + "".join(f"{day},A,R,2,2.5,C{i % 7}\n" for i, day in enumerate(days))
    book = company(tmp_path, {"sales.csv": text}).model_copy(update={"calendar": Calendar(weeks=weeks)})
    table, said = same_both_ways(monkeypatch, book)
    assert any("the month is taken as partial" in note for note in said) == found
    assert table["data_until"].dropna().tolist() == [pd.Timestamp("2026-09-21")] * found
    monkeypatch.setattr(sources, "_cells", None)
    assert len(read_table(book, "sales", MONTH)), "the ordinary reader was not asked"


def test_the_day_that_a_large_file_states_itself_is_kept(tmp_path, monkeypatch):
    text = "month,product,region,units,revenue,data_until\n" + "".join(f"{day},A,R,2,2.5,{'2026-09-25' if i > 500 else ''}\n" for i, day in enumerate(DAYS))
    table, _ = same_both_ways(monkeypatch, company(tmp_path, {"sales.csv": text}))
    assert table["data_until"].max() == pd.Timestamp("2026-09-25")


ROW = "2026-02-02,001,S,1,0.37"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ROW, "03/04/2026,001,S,1,0.37", "column month, row 3: found '03/04/2026'"),
        (ROW, "2026-02-30,001,S,1,0.37", "column month, row 3: found '2026-02-30'"),
        (ROW, "2026-13-02,001,S,1,0.37", "column month, row 3: found '2026-13-02'"),
        (ROW, "2026-02-02 soon,001,S,1,0.37", "column month, row 3: found '2026-02-02 soon'"),
        (ROW, "2206-02-02,001,S,1,0.37", "column month, row 3: found '2206-02-02'"),
        (ROW, "2026-02-02,001,S,inf,0.37", "column units, row 3: found 'inf'"),
        (ROW, "2026-02-02,001,S,1e999,0.37", "column units, row 3: found '1e999'"),
        (ROW, "2026-02-02,001,S,1_0,0.37", "column units, row 3: found '1_0'"),
        (ROW, "2026-02-02,001,,1,0.37", "column region, row 3: blank"),
        (ROW, "2026-02-02,001,S,1,0.37,9,9", "row 3 has 9 cells where the header has 7"),
        (ROW, "2026-02-02,001,S,-1,", "column revenue, row 3: blank"),
        (ROW + ",", "2026-02-02,001,S,1,0.37,-2000", "column orders, row 3: found '-2000'; expected at least 0"),
        (ROW, "2026-02-02,001,S\0,1,0.37", "row 3 holds a null character"),
        (f"1,{ROW}", f"caf\udce9,{ROW}", "row 3 is not utf-8-sig: byte 0xe9"),
        ("revenue", "turnover", "column revenue: the column is required and missing"),
    ],
)
def test_what_is_wrong_with_a_large_file_is_said_as_of_a_small_one(tmp_path, monkeypatch, old, new, said):
    book = company(tmp_path, {"sales.csv": None})
    (tmp_path / "data" / "sales.csv").write_text(LINES.replace(old, new, 1), encoding="utf-8", errors="surrogateescape")
    table, errors = same_both_ways(monkeypatch, book)
    assert table is None and said in errors[0] and "table sales from data/sales.csv" in errors[0]


@pytest.mark.parametrize("new", ["2026-02-02,\u3000001\t,S,1,0.37", " 2026-02-02 ,001,S, 1 ,0.37", '2026-02-02,001,S,"1,000",.37', "2026/2/2,001,S,1,0.37"])
def test_blanks_and_other_ways_of_writing_count_the_same_in_a_large_file(tmp_path, monkeypatch, new):
    table, said = same_both_ways(monkeypatch, company(tmp_path, {"sales.csv": LINES.replace(ROW, new, 1)}))
    assert table is not None and "900 lines are added up to" in said[1]


def test_large_files_with_numbers_as_people_write_them_are_still_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LARGE", 1)
    frame = read_table(company(tmp_path, {"sales.csv": LINES.replace("2026-02-02,001,S,1,0.37", '2026-02-02,001,S,1,"1,000.37"', 1)}), "sales")
    assert frame["revenue"].sum() == pytest.approx(sum(round(i * 0.37, 2) for i in range(900)) + 1000)


def test_a_large_monthly_file_with_a_key_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LARGE", 1)
    text = "month,product,region,units,revenue\n2026-08,007,N,1,1\n2026-09,007,N,1,1\n2026-09,007,N,2,2\n"
    with pytest.raises(TableError, match="the key is there more than once"):
        read_table(company(tmp_path, {"sales.csv": text}), "sales")


def test_a_digest_of_what_cannot_be_read_is_no_error(tmp_path):
    book = sql_company(tmp_path, data=["nowhere"])
    assert len(source_digest(book, "sales", MONTH)) == 64
    assert len(source_digest(sqlite_company(tmp_path / "b", "SELECT colour FROM orders"), "sales", MONTH)) == 64


def test_old_parquet_times_lose_no_rows(tmp_path, shared):
    query = """SELECT RateChangeDate AS month, 'p' AS product, 'r' AS region, 1 AS units, Rate AS revenue
    FROM 'oltp/HumanResources.EmployeePayHistory.parquet' WHERE RateChangeDate < TIMESTAMP '2009-01-01'"""
    book = sql_company(tmp_path, query, data=["aw"])
    (tmp_path / "aw" / "oltp").mkdir(parents=True)
    shutil.copy(shared / "data" / "adventureworks" / "oltp" / "HumanResources.EmployeePayHistory.parquet", tmp_path / "aw" / "oltp")
    whole = pd.read_parquet(tmp_path / "aw" / "oltp" / "HumanResources.EmployeePayHistory.parquet")
    assert read_table(book, "sales")["units"].sum() == (whole["RateChangeDate"] < "2009-01-01").sum() == 82


CRM = """
SELECT opportunity_id AS opportunity, account, product, sales_agent AS rep, deal_stage AS stage, close_value AS amount,
       strptime(engage_date, '%m/%d/%Y')::DATE AS created, strptime(close_date, '%m/%d/%Y')::DATE AS closed,
       CASE deal_stage WHEN 'Won' THEN 'won' WHEN 'Lost' THEN 'lost' ELSE 'open' END AS outcome
FROM read_csv('sales_pipeline.csv', all_varchar = true) WHERE engage_date <> ''
"""


def test_a_real_crm_export(tmp_path, shared):
    folder = tmp_path / "data"
    described = {
        "products": Source(path="crm.csv", rename={"series": "family", "sales_price": "unit_price"}),
        "accounts": Source(path="customers.csv", rename={"sector": "segment", "revenue": "potential"}),
        "opportunities": Source(query="crm.sql"),
    }
    book = company(tmp_path, {"products.csv": None}, data=["crm"], **described)
    shutil.copytree(shared / "data" / "crm", tmp_path / "crm")
    (tmp_path / "crm.sql").write_text(CRM)
    shutil.copy(shared / "data" / "crm" / "accounts.csv", folder / "customers.csv")
    prices = pd.read_csv(shared / "data" / "crm" / "products.csv")
    prices.assign(unit_cost=prices["sales_price"] / 2).to_csv(folder / "crm.csv", index=False)
    month = pd.Timestamp("2017-12-01")
    deals = read_table(book, "opportunities", month)
    raw = pd.read_csv(shared / "data" / "crm" / "sales_pipeline.csv", parse_dates=["engage_date", "close_date"], date_format="%m/%d/%Y")
    known = raw[raw["engage_date"] < month]
    assert len(deals) == len(known)
    won = known[(known["deal_stage"] == "Won") & (known["close_date"] < month)]
    assert (deals["outcome"] == "won").sum() == len(won) and deals.loc[deals["outcome"] == "won", "amount"].sum() == won["close_value"].sum()
    issues = check_inputs({t: read_table(book, t, month) for t in described}, month)
    assert "'GTXPro' (is it 'GTX Pro'?)" in " ".join(issues["message"])
