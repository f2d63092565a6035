"""Order attribution: which date and region an order counts in is the workbook's to say."""

from __future__ import annotations

import pandas as pd
import pytest

from sop_helpers.book.config import Workbook
from sop_helpers.book.errors import DataError
from sop_helpers.book.sources import load_table

LINES = """order,month,promised_on,shipped_on,product,region,ship_to,units,revenue
1,2026-07-30,2026-08-05,2026-08-20,A,North,South,10,100
2,2026-08-03,2026-08-10,2026-09-02,A,North,North,20,200
3,2026-08-25,2026-09-01,2026-09-04,A,South,South,40,400
"""


def loaded(tmp_path, count_in: dict[str, str]):
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "sales.csv").write_text(LINES, encoding="utf-8")
    source = {"path": "sales.csv", "count_in": count_in}
    book = Workbook(company={"name": "Tiny"}, root=tmp_path, sources={"tables": {"sales": source}})
    return load_table(book, "sales", pd.Timestamp("2026-10-01"))


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
