"""Order attribution: which date and region an order counts in is the workbook's to say, and of which columns our texts are composed."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from test_sources import same_both_ways, xlsx

from sop_helpers.book.config import Workbook
from sop_helpers.book.errors import DataError
from sop_helpers.book.sources import load_table

LINES = """order,month,promised_on,shipped_on,product,region,ship_to,units,revenue
1,2026-07-30,2026-08-05,2026-08-20,A,North,South,10,100
2,2026-08-03,2026-08-10,2026-09-02,A,North,North,20,200
3,2026-08-25,2026-09-01,2026-09-04,A,South,South,40,400
"""


def book(tmp_path, files: dict[str, str | bytes], **sources: dict) -> Workbook:
    (tmp_path / "data").mkdir(exist_ok=True)
    for name, content in files.items():
        (tmp_path / "data" / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return Workbook(company={"name": "Tiny"}, root=tmp_path, sources={"tables": sources})


def loaded(tmp_path, count_in: dict[str, str]):
    return load_table(book(tmp_path, {"sales.csv": LINES}, sales={"path": "sales.csv", "count_in": count_in}), "sales", pd.Timestamp("2026-10-01"))


@pytest.mark.parametrize(("date", "july", "august", "september"), [("month", 10, 60, 0), ("promised_on", 0, 30, 40), ("shipped_on", 0, 10, 60)])
def test_an_order_counts_in_the_month_of_the_date_chosen(tmp_path, date: str, july: float, august: float, september: float) -> None:
    found = loaded(tmp_path, {} if date == "month" else {"month": date})
    sums = found.frame.groupby("month")["units"].sum().reindex(pd.to_datetime(["2026-07-01", "2026-08-01", "2026-09-01"])).fillna(0)
    assert sums.tolist() == [july, august, september]
    assert any(f"orders count by '{date}'" in note.what for note in found.notes) == (date != "month")


def test_an_order_counts_in_the_region_chosen(tmp_path) -> None:
    assert loaded(tmp_path, {}).frame.groupby("region")["units"].sum().to_dict() == {"North": 30, "South": 40}
    assert loaded(tmp_path, {"region": "ship_to", "month": "promised_on"}).frame.groupby("region")["units"].sum().to_dict() == {"North": 20, "South": 50}


def test_a_rule_without_its_column_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match="count_in lets orders count by 'wanted_on' and the source has no such column; it has order, month, promised_on"):
        loaded(tmp_path, {"month": "wanted_on"})
    with pytest.raises(DataError, match="count_in names it and the table has no such column"):
        loaded(tmp_path, {"when": "promised_on"})


SOLD = "month,product,region,channel,units,revenue\n"


def sold(tmp_path, lines: str, **source):
    return book(tmp_path, {"sales.csv": SOLD + lines}, sales={"path": "sales.csv", "compose": {"region": ["region", "channel"]}} | source)


def test_a_region_is_made_of_region_and_channel_in_every_reader(tmp_path, monkeypatch) -> None:
    lines = "2026-07-03,A,North,online,1,10\n2026-07-09,A,North,online,2,20\n2026-07-09,A, North ,retail,4,40\n2026-07-30,A,South,,8,80\n"
    table, said = same_both_ways(monkeypatch, sold(tmp_path, lines))
    assert table.set_index("region")["units"].to_dict() == {"North online": 3, "North retail": 4, "South": 8}
    assert "column region: made of 'region' and 'channel'" in said and not any("ignored" in note for note in said)


def test_months_of_a_composed_region_that_come_twice_are_no_order_lines(tmp_path) -> None:
    once = "2026-07,A,North,online,1,10\n2026-07,A,North,retail,2,20\n"
    assert len(load_table(sold(tmp_path, once), "sales").frame) == 2
    with pytest.raises(DataError, match="North online.*the key is there more than once"):
        load_table(sold(tmp_path, once + "2026-07,A,North,online,4,40\n"), "sales")


def test_the_parts_of_a_region_stay_columns_of_their_own(tmp_path) -> None:
    text = "area,channel,ship_from\nNorth,online,Hub\nNorth,-,Hub\n"
    table = load_table(book(tmp_path, {"regions.csv": text}, regions={"compose": {"region": ["area", "channel"]}, "null_values": ["-"]}), "regions").frame
    assert table["region"].tolist() == ["North online", "North"] and table["area"].tolist() == ["North", "North"]
    assert table["channel"].tolist()[0] == "online" and table["channel"].isna().tolist() == [False, True]


def test_a_part_that_a_spreadsheet_made_a_date_is_named(tmp_path) -> None:
    rows = [["month", "product", "region", "channel", "units", "revenue"], ["2026-07", "A", "North", 7, 1, 10], ["2026-07", "A", dt.date(2026, 3, 4), 7, 1, 10]]
    source = {"path": "sales.xlsx", "compose": {"region": ["region", "channel"]}}
    with pytest.raises(DataError, match="column region, row 3: .*the spreadsheet has made it a date"):
        load_table(book(tmp_path, {"sales.xlsx": xlsx(rows)}, sales=source), "sales")
    assert load_table(book(tmp_path, {"sales.xlsx": xlsx(rows[:2])}, sales=source), "sales").frame["region"].tolist() == ["North 7"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"compose": {"region": ["region", "chanel"]}}, "column region: compose makes it of 'chanel' and the source has no such column; it has month, prod"),
        ({"compose": {"units": ["region", "channel"]}}, "column units: compose joins texts and this column is a number; expected a column of text"),
        ({"compose": {"month": ["month", "channel"]}}, "column month: compose joins texts and this column is a month; expected a column of text"),
        ({"compose": {"place": ["region", "channel"]}}, "column place: compose names it and the table has no such column; it has month, product"),
        ({"compose": {"region": []}}, "column region: compose makes it of no column; name the columns to join"),
        ({"count_in": {"region": "channel"}}, "column region: compose makes it, and count_in or rename names it too; keep one"),
        ({"rename": {"channel": "region"}}, "column region: compose makes it, and count_in or rename names it too; keep one"),
    ],
)
def test_a_column_that_cannot_be_composed_has_one_message(tmp_path, source: dict, said: str) -> None:
    with pytest.raises(DataError) as error:
        load_table(sold(tmp_path, "2026-07,A,North,online,1,10\n", **source), "sales")
    assert said in str(error.value) and str(error.value).count("column region") + str(error.value).count("column units") <= 1
