"""Charts of sales and performance say what they show: titles, units, status in words, takeaways from the data."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sop_helpers.planning import bridge, kpis
from sop_helpers.report.charts import performance, sales

MONTHS = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")


def words(figure) -> str:
    FigureCanvasAgg(figure).draw()
    return " | ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.fixture
def pipe() -> pd.DataFrame:
    rows = {"month": MONTHS, "family": "A", "region": "N", "stage": "s", "deals": 1.0, "amount": 2e6, "win_rate": 0.25, "weighted": 5e5}
    return pd.DataFrame(rows)


def test_pipeline(pipe):
    quotas = pd.DataFrame({"month": MONTHS, "quota": 1e6})
    text = words(sales.pipeline_figure(pipe, quotas, "EUR"))
    assert "EUR" in text and "quota" in text and "weighted by win rate" in text
    said = sales.pipeline_takeaway(pipe, quotas, MONTHS[0], "EUR")
    assert "6 M EUR" in said and "50% of the quota of 3 M" in said and "coverage" not in said, "coverage is that of the fiscal year, and said elsewhere"
    assert sales.pipeline_takeaway(pipe, quotas.head(0), MONTHS[0], "EUR").endswith("no quota is set for these months.")


def test_capacity_is_compared_with_quota_only_where_quota_is_set():
    money = {"capacity": 90.0, "quota": [100.0, 0, 0], "plan_revenue": 100.0, "gap": -10.0}
    table = pd.DataFrame({"month": MONTHS, "region": "N", "heads": 2.0, "ramped_reps": 2.0} | money)
    said = sales.capacity_takeaway(table, "EUR")
    assert "90% of the demand plan" in said and "carried to 90%" in said and "N is shortest by 30" in said
    assert "bookings capacity" in words(sales.capacity_figure(table, "EUR"))


def test_attainment_and_territories():
    plan = pd.DataFrame({"rep": list("abc"), "attainment": [1.1, 0.9, 0.4], "quota_to_date": 100.0, "bookings_to_date": [110.0, 90.0, 40.0]})
    assert "80% of its quota" in sales.attainment_takeaway(plan) and "1 below 50 %" in sales.attainment_takeaway(plan)
    assert "100-120 %" in words(sales.attainment_figure(plan))
    table = pd.DataFrame({"territory": ["T1", "T2"], "potential_index": [1.5, 0.5], "workload_index": [1.0, 1.0], "balanced": [False, False]})
    assert "0 of 2" in sales.territory_takeaway(table, 0.15) and "T1" in words(sales.territory_figure(table, 0.15))


def test_kpi_status_is_written_not_only_coloured():
    values = pd.DataFrame({"kpi": "OTIF", "month": MONTHS, "value": [0.9, 0.8, 0.7], "note": ""})
    targets = pd.DataFrame({"kpi": ["OTIF"], "target": [0.95], "amber": [0.9], "red": [0.8], "benchmark": [None]})
    table = kpis.kpi_table(values, targets, MONTHS[-1])
    assert "OTIF: 70.0 %  ■ red" in words(performance.kpi_figure(table))
    assert performance.kpi_takeaway(table) == "0 KPIs are green, 0 amber, 1 red (OTIF)."


def test_bridge_names_the_effect_and_the_family():
    key = {"month": MONTHS[0], "region": "N"}
    budget = pd.DataFrame([key | {"family": "A", "units": 10.0, "revenue": 100.0}, key | {"family": "B", "units": 10.0, "revenue": 100.0}])
    actual = budget.assign(revenue=[50.0, 110.0])
    table = bridge.add_up(bridge.revenue_bridge(budget, actual))
    said = performance.bridge_takeaway(table, "EUR")
    assert "40 EUR (20.0%) below budget" in said and "price with -40" in said and "A with -50" in said
    text = words(performance.bridge_figure(table, "EUR", "Revenue"))
    assert all(step in text for step in ("budget", "volume", "mix", "price", "actual", "net"))


def test_exceptions():
    table = pd.DataFrame({"kind": ["shortage", "KPI"], "subject": ["A in N", "OTIF"], "money": [5000.0, None]})
    assert performance.exceptions_takeaway(table, "EUR") == "2 exceptions ask for attention; the largest, shortage of A in N, is worth 5 k EUR."
    assert "shortage: A in N" in words(performance.exceptions_figure(table, "EUR"))
    assert "Nothing" in performance.exceptions_takeaway(table.head(0), "EUR")
