"""The pictures of the join say what the tables hold, and draw without base, without limits and without months too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import join_money
from sop_helpers.planning.join import revenue_steps
from sop_helpers.report.charts import join as charts

MONTHS = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")


def sellable(sold: float, served: float) -> pd.DataFrame:
    rows = pd.DataFrame({"scenario": "base", "month": MONTHS, "region": "north", "demand_revenue": 1e6, "seller_capacity": sold, "sold_revenue": sold})
    return rows.assign(owed_revenue=0.0, supply_revenue=served, lost_revenue=sold - served, sellable_revenue=served, limited_by="both")


def money(scale: float, scenario: str) -> pd.DataFrame:
    flows = {"revenue": pd.Series(scale, index=MONTHS), "cost of goods": pd.Series(scale / 2, index=MONTHS)}
    return join_money.profit_and_loss(flows, MONTHS, join_money.Terms(dso=0, cash=5.0), scenario)


@pytest.mark.parametrize(("sold", "served", "said"), [(9e5, 8.9e5, "sellers"), (1e6, 8e5, "supply"), (1e6, 1e6, "neither")])
def test_the_bridge_names_the_tighter_side(sold, served, said):
    figure = charts.bridge_figure(sellable(sold, served), "EUR")
    text = charts.bridge_takeaway(sellable(sold, served), "EUR")
    assert said in text and "3 M" in text
    axis = figure.axes[0]
    heights = [patch.get_height() for patch in axis.patches]
    assert np.allclose(heights, [3e6, 0, 3 * (1e6 - sold), 3 * (sold - served), 3 * served])
    tops = [patch.get_y() + patch.get_height() for patch in axis.patches]
    assert tops[3] == pytest.approx(3 * sold) and axis.patches[3].get_y() == pytest.approx(3 * served), "each step begins where the last one ended"


def test_cash_of_each_scenario_is_drawn_and_the_lowest_named():
    table = pd.concat([money(100.0, "base"), money(40.0, "bad")])
    figure = charts.cash_figure(table, "EUR")
    assert [line.get_label() for line in figure.axes[0].get_lines()[:2]] == ["base", "bad"]
    assert list(figure.axes[1].get_lines()[0].get_ydata()) == [105.0, 205.0, 305.0]
    text = charts.cash_takeaway(table, "EUR")
    assert "the lowest balance is 105 in October 2026" in text and "bad: 125" in text


def test_the_heat_map_frames_the_best_month():
    grid = pd.DataFrame([(m, u, p, 0.5 * p, g) for p in (1.0, 0.5) for u in (0.1, 0.2) for m, g in zip(MONTHS, (1.0, 3.0 * p, -2.0), strict=True)],
                        columns=["month", "uplift", "price_factor", "margin_share", "gain"])  # fmt: skip
    grid["best"] = grid["gain"] == grid.groupby(["uplift", "price_factor"])["gain"].transform("max")
    figure = charts.promotion_figure(grid, "EUR")
    assert len(figure.axes[0].patches) == 4 and "+10% at 50% margin" in [t.get_text() for t in figure.axes[0].get_yticklabels()]
    text = charts.promotion_takeaway(grid, "EUR")
    assert "at 50% margin and +20% November 2026 is best" in text
    assert charts.promotion_takeaway(grid.assign(gain=-1.0), "EUR") == "No promotion tried earns more than it gives away."


def test_rounding_is_not_told_as_lost_and_what_is_not_due_is_a_step_of_its_own() -> None:
    table = pd.DataFrame({"scenario": "base", "month": [pd.Timestamp("2026-10-01")], "region": "R", "demand_revenue": 1000.0, "sold_revenue": 900.0,
                          "owed_revenue": 50.0, "lost_revenue": 0.0, "sellable_revenue": 880.0 - 1e-9, "not_due_revenue": 70.0})  # fmt: skip
    steps = revenue_steps(table)
    assert steps.index.tolist() == ["wanted", "owed from before", "no seller", "not due yet", "no supply", "sellable"] and steps["not due yet"] == -70
    said = charts.bridge_takeaway(table, "EUR")
    assert "100 has no seller and 0 no supply" in said and "e-" not in said
    assert len(charts.bridge_figure(table, "EUR").axes[0].patches) == 6
