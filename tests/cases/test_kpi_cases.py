"""Published service, attainment and cash cases with their known answers."""

import pandas as pd
import pytest

from sop_helpers.book.conform import empty
from sop_helpers.planning import kpi_values, kpis

MONTH = pd.Timestamp("2026-09-01")


def sales(**columns) -> pd.DataFrame:
    base = {"month": MONTH, "product": "A", "region": "N", "units": 1.0, "revenue": 1.0, "shipped_units": float("nan")}
    return pd.DataFrame([base | columns])


@pytest.mark.parametrize("good, orders, share", [(1080, 1200, 0.9000), (440, 450, 0.9778)])
def test_otif_counts_orders(good, orders, share):
    table = kpi_values.service_values(sales(orders=orders, orders_otif=good)).set_index("kpi")["value"]
    assert table["OTIF"] == pytest.approx(share, abs=5e-5)
    assert "fill rate" not in table


def test_schedule_attainment_and_load():
    made = {"made_units": 174_000.0, "scheduled_units": 2000.0, "on_time_units": 1840.0}
    production = pd.DataFrame([{"month": MONTH, "item": "A", "location": "P"} | made])
    operations = pd.DataFrame({"operation": ["make A"], "kind": ["make"], "item": ["A"], "location": ["P"]})
    loads = pd.DataFrame({"operation": ["make A"], "resource": ["line"], "hours_per_unit": [1.0]})
    resources = pd.DataFrame({"resource": ["line"], "month": [pd.NaT], "regular_hours": [180_000.0]}).astype({"month": "datetime64[us]"})
    products = pd.DataFrame({"product": ["A"], "family": ["F"]})
    closed = empty("supply_plan").assign(made=pd.Series(dtype="datetime64[us]"))
    table = kpi_values.production_values(production, products, operations, loads, resources, empty("capacity_load"), closed).set_index("kpi")["value"]
    assert table["schedule attainment"] == pytest.approx(0.92)
    assert 0.99 - table["schedule attainment"] == pytest.approx(0.07)
    assert table["capacity load"] == pytest.approx(0.967, abs=5e-4)


def test_cash_cycle_is_right_where_print_is_wrong():
    dio, dso, dpo = kpi_values.days(11_500, 130_000), kpi_values.days(12_700, 300_000), kpi_values.days(16_100, 130_000)
    assert (round(dio, 2), round(dso, 2), round(dpo, 2)) == (32.29, 15.45, 45.20)
    assert kpi_values.cash_cycle(dio, dso, dpo) == pytest.approx(2.54, abs=0.005)


def test_cash_cycle_from_monthly_tables():
    months = pd.date_range("2025-10-01", periods=12, freq="MS")
    sold = pd.DataFrame({"month": months, "product": "A", "region": "N", "units": 130_000 / 12, "revenue": 300_000 / 12})
    products = pd.DataFrame({"product": ["A"], "unit_cost": [1.0]})
    stock = pd.DataFrame({"month": months, "item": "A", "location": "P", "on_hand": 11_500.0, "value": float("nan")})
    ledger = pd.DataFrame({"month": months, "receivables": 12_700.0, "payables": 16_100.0, "cogs": float("nan"), "revenue": float("nan")})
    table = kpi_values.stock_values(stock, sold, products, ledger, empty("demand_plan"))
    last = table[table["month"] == MONTH].set_index("kpi")["value"]
    assert last[["DIO", "DSO", "DPO", "CCC"]].round(2).tolist() == [32.29, 15.45, 45.20, 2.54]
    assert last["inventory turns"] == pytest.approx(130_000 / 11_500)


def test_adherence_that_print_has_wrong():
    production = pd.DataFrame({"month": [MONTH], "item": ["A"], "location": ["P"], "made_units": [6738.0], "scheduled_units": [None], "on_time_units": [None]})
    production = production.astype({"scheduled_units": float, "on_time_units": float})
    closed = pd.DataFrame({"made": [MONTH], "kind": ["make"], "item": ["A"], "month": [MONTH], "units": [7250.0]})
    none = {name: empty(name) for name in ("operations", "loads", "resources", "capacity_load")}
    products = pd.DataFrame({"product": ["A"], "family": ["F"]})
    table = kpi_values.production_values(production, products, closed_supply=closed, **none).set_index("kpi")["value"]
    assert table["plan adherence"] == pytest.approx(0.929, abs=5e-4)
    # An open production order that the plan counted on is part of what was planned; an open purchase is not.
    ways = pd.DataFrame({"operation": ["m"], "kind": ["make"], "item": ["A"], "location": ["P"]})
    due = pd.DataFrame({"made": [MONTH] * 2, "month": [MONTH] * 2, "item": ["A", "B"], "location": ["P", "P"], "open_receipts": [250.0, 99.0]})
    none |= {"operations": ways}
    table = kpi_values.production_values(production, products, closed_supply=closed.assign(units=7000.0), closed_stock=due, **none).set_index("kpi")["value"]
    assert table["plan adherence"] == pytest.approx(0.929, abs=5e-4)


@pytest.mark.parametrize("forecast, actual, signals", [
    ([254, 329, 404, 354, 378, 454], [204, 262, 320, 304, 330, 405], [-1, -2, -3, -4, -5, -6]),
    ([1500, 1400, 1700, 1750, 1800], [1550, 1500, 1600, 1650, 1700], [None, None, None, None, -1.67]),
])
def test_tracking_signal_divides_the_cumulative_error(forecast, actual, signals):
    months = pd.date_range(end=MONTH, periods=len(actual), freq="MS")
    sold = pd.DataFrame({"month": months, "product": "A", "region": "N", "units": [float(a) for a in actual]})
    plans = pd.DataFrame({"made": months, "month": months, "product": "A", "region": "N", "units": [float(f) for f in forecast]})
    table = kpi_values.demand_values(plans, sold, empty("accuracy"), empty("fva"), MONTH, lag=1)
    found = table[table["kpi"] == "tracking signal"]["value"].tolist()
    assert len(found) == len(signals)
    assert all(s is None or f == pytest.approx(s, abs=0.005) for f, s in zip(found, signals, strict=True))


def test_wmape_is_taken_at_item_level():
    plans = pd.DataFrame({"made": MONTH, "month": MONTH, "product": ["A", "B"], "region": "N", "units": [950.0, 25.0]})
    sold = pd.DataFrame({"month": MONTH, "product": ["A", "B"], "region": "N", "units": [1000.0, 10.0]})
    table = kpi_values.demand_values(plans, sold, empty("accuracy"), empty("fva"), MONTH, lag=1).set_index("kpi")["value"]
    assert table["WMAPE"] == pytest.approx(0.064, abs=5e-4)
    assert table["forecast accuracy"] == pytest.approx(1 - 65 / 1010)
    assert table["bias"] == pytest.approx(-35 / 1010)


def test_the_catalogue_has_every_kpi_of_the_dictionary():
    names = set(kpis.catalogue()["kpi"])
    assert len(names) == 30
    assert {"WMAPE", "FVA", "OTIF", "CCC", "plan adherence", "ramped rep equivalents", "cost of sales plan"} <= names
