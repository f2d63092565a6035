"""Rough-cut capacity from tables: families, regular hours, what cannot be planned with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning.rough_cut import rough_cut, to_make

MONTHS = pd.date_range("2026-10-01", periods=2, freq="MS", unit="us")
PRODUCTS = pd.DataFrame({"product": ["A", "B"], "family": ["F", "F"]})
PLAN = pd.DataFrame({"month": [*MONTHS, MONTHS[0], MONTHS[0]], "item": ["A", "A", "B", "part"], "units": [10.0, 20, 5, 99]})
FACTORS = conform("capacity_factors", pd.DataFrame({"resource": ["X", "Y"], "share": [0.75, 0.25]}))
NONE = empty("capacity_factors")


def bill(*rows: tuple) -> pd.DataFrame:
    """Rows of product, family, resource, hours."""
    return conform("bill_of_capacity", pd.DataFrame(list(rows), columns=["product", "family", "resource", "hours_per_unit"]))


def hours(*args: pd.DataFrame, resources: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, held against its contract."""
    return conform("rough_cut", rough_cut(PLAN, *args, empty("resources") if resources is None else resources, PRODUCTS, MONTHS))


def test_a_family_speaks_for_its_products_without_rows_of_their_own() -> None:
    made = hours(bill((None, "F", "X", 2.0), ("B", None, "X", 10.0)), NONE).set_index("month")["hours"]
    assert made.tolist() == [10 * 2 + 5 * 10, 20 * 2]


def test_both_ways_add_up_at_one_work_centre() -> None:
    made = hours(bill(("A", None, None, 4.0), ("B", None, "X", 1.0)), FACTORS)
    october = made[made["month"] == MONTHS[0]].set_index("resource")
    assert october["hours"].tolist() == [10 * 4 * 0.75 + 5, 10 * 4 * 0.25]
    assert october["method"].tolist() == ["both", "overall factors"]
    assert made["hours"].sum() == pytest.approx((10 + 20) * 4 + 5)


def test_load_over_regular_hours_is_not_clipped() -> None:
    resources = conform("resources", pd.DataFrame({"resource": ["X", "X"], "month": [None, "2026-11"], "regular_hours": [8.0, 400.0]}))
    made = hours(bill(("A", None, "X", 2.0), ("A", None, "Y", 1.0)), NONE, resources=resources)
    x = made[made["resource"] == "X"]
    assert x["load"].tolist() == [2.5, 0.1] and x["available_hours"].tolist() == [8, 400]
    assert np.isnan(made.loc[made["resource"] == "Y", "load"]).all()


def test_without_a_bill_there_is_nothing_to_cut() -> None:
    assert hours(empty("bill_of_capacity"), NONE).empty


def test_what_cannot_be_planned_with_is_named() -> None:
    with pytest.raises(ValueError, match="no table capacity_factors"):
        hours(bill(("A", None, None, 4.0)), NONE)
    with pytest.raises(ValueError, match=r"capacity_factors.share adds up to 0.75 over 1 work centres; expected 1"):
        hours(bill(("A", None, None, 4.0)), FACTORS.head(1))
    with pytest.raises(ValueError, match="bill_of_capacity row 2 names neither product nor family"):
        hours(bill(("A", None, "X", 4.0), (None, None, "X", 1.0)), NONE)


def test_what_is_bought_beside_a_full_line_does_not_load_it_and_open_orders_do() -> None:
    months = pd.to_datetime(["2026-10-01", "2026-11-01"])
    orders = pd.DataFrame({"kind": ["make", "buy", "buy", "move"], "item": ["A", "A", "B", "A"], "units": [60.0, 40, 5, 7]})
    orders = orders.assign(release_month=months[[0, 0, 1, 1]])
    operations = pd.DataFrame({"kind": ["make", "buy", "move"], "item": ["A", "A", "A"]})
    begun = pd.DataFrame({"kind": ["production", "purchase"], "item": ["A", "B"], "due_month": [pd.Timestamp("2026-08-01"), months[0]], "units": [30.0, 9.0]})
    made = to_make(orders, operations, begun, months[0])
    assert made.to_numpy().tolist() == [[months[0], "A", 60], [months[1], "B", 5], [months[0], "A", 30]]
