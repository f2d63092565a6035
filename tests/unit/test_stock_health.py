"""Cover, turns, excess and obsolete stock by hand, and what must always hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import conform
from sop_helpers.planning.stock_health import by_segment, health_words, stock_health

MONTHS = pd.date_range("2026-10-01", periods=12, freq="MS", unit="us")
PRODUCTS = pd.DataFrame({"product": ["A", "B", "S"], "unit_cost": [5.0, 2.0, 1.0], "shelf_life_months": [np.nan, np.nan, 2.0]})


def projection(use: dict[str, float]) -> pd.DataFrame:
    """Level use of each item."""
    rows = [{"month": m, "item": i, "location": "L", "issues": u, "closing_units": 1.0, "value": 9.0} for i, u in use.items() for m in MONTHS]
    return pd.DataFrame(rows)


def targets(units: dict[str, float], bridge: float = 2.0) -> pd.DataFrame:
    """Targets of the first month."""
    return pd.DataFrame([{"month": m, "item": i, "location": "L", "target_units": u, "bridge_months": bridge, "segment": "AX"}
                         for i, u in units.items() for m in MONTHS])  # fmt: skip


def stock(units: dict[str, float], value: float = np.nan) -> pd.DataFrame:
    """Stock at the end of September, and of the month before."""
    september = pd.DataFrame([{"month": pd.Timestamp("2026-09-01"), "item": i, "location": "L", "on_hand": u, "value": value} for i, u in units.items()])
    return pd.concat([september.assign(month=pd.Timestamp("2026-08-01"), on_hand=1e6), september], ignore_index=True)


def test_stock_is_used_target_and_bridge_first_then_excess_then_obsolete() -> None:
    told = stock_health(stock({"A": 1500.0}, 6000.0), projection({"A": 100.0}), targets({"A": 50.0}), PRODUCTS).iloc[0]
    # 1,200 are used in the year; 200 in lead time and review, 50 are wanted.
    assert (told["obsolete_units"], told["excess_units"], told["status"]) == (300, 950, "excess")
    assert told["value"] == 6000 and told["excess_value"] == 950 * 4 and np.isnan(told["cover_months"])
    assert told["turns"] == pytest.approx(0.8)


def test_cover_is_counted_in_months_and_parts() -> None:
    told = stock_health(stock({"A": 250.0}), projection({"A": 100.0}), targets({"A": 300.0}), PRODUCTS).iloc[0]
    assert told["cover_months"] == pytest.approx(2.5) and told["status"] == "below target"


def test_what_is_never_used_or_outlives_its_shelf_is_obsolete() -> None:
    told = stock_health(stock({"B": 10.0, "S": 500.0}), projection({"B": 0.0, "S": 100.0}), targets({"B": 0.0, "S": 0.0}), PRODUCTS).set_index("item")
    assert told.loc["B", "status"] == "obsolete" and told.loc["B", "obsolete_units"] == 10
    assert told.loc["S", "obsolete_units"] == 300 and told.loc["S", "excess_units"] == 0


def test_negative_stock_counts_as_none() -> None:
    told = stock_health(stock({"A": -5.0}), projection({"A": 100.0}), targets({"A": 10.0}), PRODUCTS).iloc[0]
    assert told["on_hand"] == 0 and told["status"] == "below target" and np.isnan(told["turns"]) and told["cover_months"] == 0


def test_the_cost_is_that_of_the_books_then_of_the_plan() -> None:
    plain = stock_health(stock({"A": 10.0}), projection({"A": 100.0}), targets({"A": 0.0}), PRODUCTS).iloc[0]
    assert plain["value"] == 90
    other = projection({"A": 100.0}).assign(closing_units=0.0)
    assert stock_health(stock({"A": 10.0}), other, targets({"A": 0.0}), PRODUCTS).iloc[0]["value"] == 50


def test_segments_add_up_to_all() -> None:
    told = stock_health(stock({"A": 1500.0, "B": 10.0}), projection({"A": 100.0, "B": 5.0}), targets({"A": 50.0, "B": 5.0}), PRODUCTS)
    parts = by_segment(told)
    assert parts["segment"].tolist() == ["AX", "all"] and parts.loc[1, "value"] == told["value"].sum() and parts.loc[1, "items"] == 2
    assert parts.loc[0, "turns"] == pytest.approx((told["turns"] * told["value"]).sum() / told["value"].sum()) and np.isnan(parts.loc[1, "turns"])
    assert "came too early" in health_words(told, "EUR") and health_words(told.iloc[:0], "EUR") == "There is no stock of value."


@settings(max_examples=40, deadline=None)
@given(units=st.lists(st.floats(-50, 5000), min_size=3, max_size=3), use=st.lists(st.floats(0, 300), min_size=3, max_size=3),
       want=st.lists(st.floats(0, 900), min_size=3, max_size=3), bridge=st.floats(0, 15))  # fmt: skip
def test_parts_never_exceed_the_whole_and_keep_the_contract(units: list, use: list, want: list, bridge: float) -> None:
    names = list("ABS")
    told = stock_health(stock(dict(zip(names, units, strict=True))), projection(dict(zip(names, use, strict=True))),
                        targets(dict(zip(names, want, strict=True)), bridge), PRODUCTS)  # fmt: skip
    conform("stock_health", told)
    assert (told["excess_units"] + told["obsolete_units"] <= told["on_hand"] + 1e-6).all()
    assert (told.loc[told["cover_months"].notna(), "cover_months"] <= 12).all()
