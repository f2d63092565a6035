"""The chart of stock by family draws what holds stock or should, and one empty panel where nothing does."""

from __future__ import annotations

import pandas as pd
import pytest

from sop_helpers.report.charts.supply import stock_figure, stock_takeaway

MONTHS = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")


@pytest.mark.parametrize(("values", "drawn"), [((5.0, 0.0), ["F"]), ((0.0, 0.0), ["F"]), ((5.0, 9.0), ["G", "F"])])
def test_families_without_stock_and_target_are_left_out(values: tuple[float, float], drawn: list[str]) -> None:
    rows = [{"month": m, "item": i, "location": "L", "closing_units": v, "target_units": 0.0, "value": v} for m in MONTHS
            for i, v in zip("AB", values, strict=True)]  # fmt: skip
    stock, products = pd.DataFrame(rows), pd.DataFrame({"product": ["A", "B"], "family": ["F", "G"], "unit_cost": 1.0})
    axes = [axis for axis in stock_figure(stock, products, "EUR").axes if axis.get_visible()]
    assert [axis.get_title(loc="left") for axis in axes] == drawn
    assert stock_takeaway(stock, products, "EUR").startswith("Stock goes from")
