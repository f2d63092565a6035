"""Charts of what supply planners look at: they say what they show, never clip, and draw the twelve that matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sop_helpers.planning import sop_grids
from sop_helpers.report.charts import supply
from sop_helpers.report.charts import supply_views as views
from sop_helpers.report.show import show_months

PAST = pd.date_range("2026-08-01", periods=2, freq="MS", unit="us")
MONTHS = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")


def words(figure) -> list[str]:
    FigureCanvasAgg(figure).draw()
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_text()]


@pytest.fixture
def grid() -> pd.DataFrame:
    nan = np.nan
    rows = pd.DataFrame({"month": PAST.append(MONTHS), "family": "Pumps", "location": "all", "strategy": sop_grids.STOCK,
                         "demand_plan": [10.0, 10, 12, 12, 12], "demand_actual": [11.0, 13, nan, nan, nan], "supply_plan": [10.0, 10, 20, 12, 12],
                         "supply_actual": [9.0, 12, nan, nan, nan], "stock_plan": [8.0, 8, 16, 16, 16], "stock_actual": [6.0, 5, nan, nan, nan],
                         "target_units": [8.0] * 5})  # fmt: skip
    return rows.reindex(columns=["month", "family", "location", "strategy", *sop_grids.VALUES, "cover_days"])


def test_the_grid_has_a_panel_by_family_with_its_legend(grid) -> None:
    text = words(views.grid_figure(grid, ["Pumps"], MONTHS[0]))
    assert {"Pumps", "demand", "supply", "ending inventory", "its target", "forecast of the month"} <= set(text)


def test_the_takeaway_compares_the_last_month_with_its_own_forecast(grid) -> None:
    said = views.grid_takeaway(grid, MONTHS[0])
    assert said.startswith("In September 2026 sales of Pumps were 30% above the forecast made in it") and "2.0 times its target in Pumps" in said
    assert "show the plan alone" in views.grid_takeaway(grid.head(0), MONTHS[0])


def load(resources: int, peak: float) -> pd.DataFrame:
    """Resources of rising load, the last the highest."""
    rows = [{"month": m, "resource": f"R{i:02d}", "load": peak * (i + 1) / resources} for i in range(resources) for m in MONTHS]
    return pd.DataFrame(rows).assign(available_hours=100.0, required_hours=lambda t: 100.0 * t["load"].fillna(0.0))


def test_a_load_of_three_times_is_written_as_it_is() -> None:
    text = words(views.heat_figure(load(2, 3.12)))
    assert text.count("312") == 3 and text.count("156") == 3 and "R01" in text
    said = views.heat_takeaway(load(2, 3.12))
    assert "6 of 6 cells" in said and "312% on R01 in October 2026" in said


def test_the_heat_map_draws_the_twelve_highest() -> None:
    text = set(words(views.heat_figure(load(30, 1.5))))
    assert {f"R{i:02d}" for i in range(18, 30)} <= text and "R17" not in text
    assert "comes closest with 90%" in views.heat_takeaway(load(3, 0.9))
    assert views.heat_takeaway(load(1, np.nan)) == "No resource has hours to be loaded."


def test_cells_without_hours_stay_blank() -> None:
    table = load(2, 1.2)
    table.loc[0, "load"] = np.nan
    assert words(views.heat_figure(table)).count("60") == 2


def test_cash() -> None:
    rows = {"month": MONTHS, "supplier": ["S", "T", "S"], "ordered": 1.0, "received": [4e3, 2e3, 2e3], "paid": [0.0, 4e3, 2e3]}
    cash = pd.DataFrame(rows)
    assert {"cash out", "orders to place", "EUR a month"} <= set(words(views.cash_figure(cash, MONTHS, "EUR")))
    said = views.cash_takeaway(cash, MONTHS, "EUR")
    assert "paid 6 k EUR in the next 3 months" in said and "November 2026 (4 k)" in said and "T gets 67%" in said
    assert "paid nothing" in views.cash_takeaway(cash.assign(paid=0.0), MONTHS, "EUR")


def test_bands() -> None:
    band = pd.DataFrame({"month": MONTHS, "item": "A", "location": "L", "closing_units": 5.0, "safety_units": 2.0, "target_units": 4.0, "band_top": 9.0})
    assert "A Pump in L" in words(views.band_figure(band, band[["item", "location"]].head(1), pd.Series({"A": "Pump"})))
    gaps = pd.DataFrame({"item": ["A", "B"], "location": "L", "month": MONTHS[1], "money": [3e3, 1e3], "into_safety": [True, False]})
    said = views.band_takeaway(gaps, MONTHS, "EUR")
    assert "2 items and places end a month below target, 4 k EUR" in said and "1 of them in their safety stock" in said and "A in L" in said
    assert views.band_takeaway(gaps.head(0), MONTHS[:1], "EUR") == "In October 2026 no item ends a month below its target."


def test_hiring() -> None:
    rows = {"resource": "X", "month": MONTHS, "workers": [5.0, 7, 6], "hired": [0.0, 2, 0], "laid_off": [0.0, 0, 1], "cost": 100.0}
    hiring = pd.DataFrame(rows)
    assert {"X", "people at work", "hired", "laid off"} <= set(words(views.hiring_figure(hiring)))
    assert views.hiring_takeaway(hiring, "EUR").startswith("The plan hires 2 people and lays off 1, most of them on X; wages")
    part = hiring.assign(hired=hiring["hired"] / 8)
    assert views.hiring_takeaway(part, "EUR").startswith(f"The plan hires {2 / 8:.1f} full-time equivalents and lays off 1.0, most of them on X")
    assert views.hiring_takeaway(hiring.assign(hired=0.0, laid_off=0.0), "EUR") == "The plan changes nobody's job."


def test_months_across_leave_blank_what_is_not_known(monkeypatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("sop_helpers.report.show._show", shown.append)
    show_months(pd.DataFrame({"units": ["Sales", "Target <b>"], "2026-09": [1234.0, np.nan], "2026-10": [np.nan, 8.0]}), "Grid", limit=1)
    assert 'class="months"' in shown[0] and ">1,234<" in shown[0] and "n/a" not in shown[0] and "1 of 2 rows" in shown[1]


def test_what_is_made_to_order_is_drawn_with_its_backlog(grid) -> None:
    order = grid.assign(strategy=sop_grids.ORDER, family="Bars", backlog_plan=[9.0, 9, 8, 7, 6], backlog_actual=[11.0, 10, np.nan, np.nan, np.nan],
                        shipped_plan=10.0, shipped_actual=[11.0, 9, np.nan, np.nan, np.nan])  # fmt: skip
    both = pd.concat([grid, order], ignore_index=True)
    text = words(views.grid_figure(both, ["Pumps", "Bars"], MONTHS[0]))
    assert {"Bars, made to order", "Pumps", "bookings", "shipments", "backlog", "ending inventory"} <= set(text)
    assert "backlog of Bars goes from 8 to 6 units" in views.grid_takeaway(both, MONTHS[0])
    products = pd.DataFrame({"family": ["Pumps", "Bars", "Valves"], "unit_price": [9.0, 1.0, 5.0]})
    more = pd.concat([both, grid.assign(family="Valves")])
    assert sop_grids.largest_families(more, products, 2) == ["Pumps", "Bars"] and sop_grids.largest_families(more, products, 1) == ["Pumps"]
    assert sop_grids.largest_families(more, products, 3) == ["Pumps", "Valves", "Bars"]


def test_the_words_on_load_name_the_bottleneck_and_what_an_hour_is_worth():
    rows = {"resource": ["line", "line"], "month": pd.to_datetime(["2026-10-01", "2026-11-01"]), "load": [0.9, 1.2], "overtime_hours": [0.0, 5.0]}
    load = pd.DataFrame({**rows, "value_of_hour": [0.0, 24.0], "available_hours": [100.0, 100.0], "value_to_hours": [100.0, 110.0]})
    load["required_hours"] = 100.0 * load["load"]
    assert supply.load_takeaway(load, "EUR") == (
        "line would need 120% of regular time in November 2026; 1 month goes over 100 % on some resource. "
        "The plan builds ahead and works 5 overtime hours; one more hour is worth most (24.00 EUR) on line in November 2026, up to 10 hours more."
    )


def test_months_without_regular_time_have_no_load_and_are_named():
    table = pd.concat([load(2, 1.2), load(1, np.nan).assign(resource="shut", available_hours=0.0, required_hours=40.0)], ignore_index=True)
    told = "without any regular time, yet asked for: shut in October 2026"
    assert told in views.heat_takeaway(table) and told not in views.heat_takeaway(load(2, 1.2))
    shut = table[table["resource"] == "shut"].assign(overtime_hours=0.0, value_of_hour=0.0)
    assert told in views.heat_takeaway(shut) and told in supply.load_takeaway(shut, "EUR") and "nothing limits" not in supply.load_takeaway(shut, "EUR")
    rough = table.rename(columns={"required_hours": "hours"})
    assert told in views.heat_takeaway(rough), "rough-cut load is told as well"
    assert told in supply.load_takeaway(table.assign(overtime_hours=0.0, value_of_hour=0.0), "EUR")


def test_what_was_overdue_and_is_lost_is_not_passed_over():
    served = pd.DataFrame({"demand_units": [100.0, 100.0], "lost_units": [500.0, 0.0]})
    none = pd.DataFrame({"short_units": [], "money": [], "cause": pd.Series([], dtype="str")})
    said = supply.demand_served_takeaway(served, none, "EUR")
    assert said == "All demand can be shipped in the month in which it is wanted; 500 units, overdue when the plan begins, are lost."
    short = pd.DataFrame({"short_units": [20.0], "money": [400.0], "cause": ["x"]})
    assert "; 500 are lost, those overdue when the plan begins included." in supply.demand_served_takeaway(served, short, "EUR")
