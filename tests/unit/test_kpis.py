"""The KPI table: status both ways, month over month, missing ones with their reason."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import kpi_values, kpis

MONTH = pd.Timestamp("2026-09-01")


def judged(value, target, amber, red, near=False) -> str:
    row = pd.DataFrame({"value": [value], "target": [target], "amber": [amber], "red": [red], "near": [near]}, dtype=object)
    return kpis.status(row.astype({"value": float, "target": float, "amber": float, "red": float})).iloc[0]


@pytest.mark.parametrize("value, colour", [(0.97, "green"), (0.95, "green"), (0.945, "green"), (0.94, "amber"), (0.91, "amber"), (0.90, "red"), (0.5, "red")])
def test_red_below_the_target_means_more_is_better(value, colour):
    assert judged(value, 0.95, 0.94, 0.90) == colour


@pytest.mark.parametrize("value, colour", [(20, "green"), (30, "green"), (34, "green"), (35, "amber"), (40, "red"), (99, "red")])
def test_red_above_the_target_means_less_is_better(value, colour):
    assert judged(value, 30, 35, 40) == colour


@pytest.mark.parametrize("value, colour", [(0, "green"), (-2, "green"), (-3, "amber"), (3.5, "amber"), (-4, "red"), (6, "red")])
def test_a_signal_is_bad_on_both_sides(value, colour):
    assert judged(value, 0, 3, 4, near=True) == colour


def test_without_an_amber_limit_amber_begins_at_the_target():
    assert judged(0.94, 0.95, np.nan, 0.90) == "amber"


@pytest.mark.parametrize("value, target, amber, red", [(np.nan, 1, 2, 3), (1, np.nan, 2, 3), (1, 1, np.nan, np.nan), (1, 1, np.nan, 1)])
def test_no_colour_without_value_target_or_way(value, target, amber, red):
    assert judged(value, target, amber, red) == "n/a"


@pytest.fixture
def table() -> pd.DataFrame:
    months = pd.date_range(end=MONTH, periods=15, freq="MS", unit="us")
    values = pd.DataFrame({"kpi": "OTIF", "month": months, "value": np.linspace(0.8, 0.94, 15), "note": "orders"})
    infinite = pd.DataFrame({"kpi": ["DIO"], "month": [MONTH], "value": [np.inf], "note": [""]})
    targets = pd.DataFrame({"kpi": ["OTIF"], "target": [0.95], "amber": [0.94], "red": [0.9], "benchmark": [0.97]})
    return kpis.kpi_table(pd.concat([values, infinite]), targets, MONTH)


def test_thirteen_months_each_with_the_month_before(table):
    otif = table[table["kpi"] == "OTIF"]
    assert len(otif) == 13 and otif["month"].max() == MONTH
    assert otif["previous"].notna().all()
    np.testing.assert_allclose(otif["value"].iloc[:-1], otif["previous"].iloc[1:])
    assert otif["benchmark"].eq(0.97).all() and otif["status"].iloc[-1] == "amber"


def test_missing_kpis_say_what_they_need(table):
    gone = kpis.missing(table).set_index("KPI")["reason"]
    assert len(gone) == 29 and gone["DIO"] == "missing: needs inventory" and "quotas" in gone["quota attainment"]
    assert set(table["kpi"]) == set(kpis.catalogue()["kpi"])
    assert not table.duplicated(["kpi", "month"]).any()


def test_readable_names_status_in_words(table):
    row = kpis.readable(table).iloc[0]
    assert row["KPI"] == "OTIF" and row["status"] == "▲ amber" and row["value"] == "94.0 %" and row["change"] == "+1.0 points"


def test_unknown_and_double_values_are_refused():
    values = pd.DataFrame({"kpi": ["OTIV"], "month": [MONTH], "value": [1.0], "note": [""]})
    with pytest.raises(ValueError, match="OTIV"):
        kpis.kpi_table(values, pd.DataFrame(), MONTH)
    with pytest.raises(ValueError, match="OTIF"):
        kpis.kpi_table(pd.concat([values.assign(kpi="OTIF")] * 2), pd.DataFrame(), MONTH)


def test_values_are_written_for_people():
    assert kpis.format_value(np.nan, "days") == "n/a"
    assert kpis.format_value(-0.04, "days", signed=True) == "+0.0 days", "what rounds to nothing has no minus"
    assert kpis.format_value(1_234_567, "currency a day") == "1,235 k a day"
    assert kpis.format_value(2.346, "ratio", signed=True) == "+2.35"
    assert (kpis.format_value(36.31, "days"), kpis.format_value(36.31, "days", words=False)) == ("36.3 days", "36.3")


def test_days_of_cover_walks_through_the_months():
    demand = pd.Series([31.0, 60.0, 30.0], index=pd.to_datetime(["2026-10-01", "2026-11-01", "2026-12-01"]))
    assert kpi_values.days_of_cover(0, demand) == 0
    assert kpi_values.days_of_cover(0, demand * [0, *[1] * (len(demand) - 1)]) == 0, "nothing lasts no day, whatever the first month asks for"
    assert kpi_values.days_of_cover(31, demand) == 31
    assert kpi_values.days_of_cover(61, demand) == 31 + 15
    assert kpi_values.days_of_cover(121, demand) == 92
    assert kpi_values.days_of_cover(242, demand) == pytest.approx(184)
    assert np.isnan(kpi_values.days_of_cover(10, demand * 0))


def test_no_division_by_zero_anywhere():
    assert np.isnan(kpi_values.days(10, 0))
    nothing = dict.fromkeys(["units", "revenue", "shipped_units", "orders", "orders_otif"], 0.0)
    zero = pd.DataFrame([{"month": MONTH, "product": "A", "region": "N"} | nothing])
    assert kpi_values.service_values(zero).empty


def closed_plans(*made: str) -> pd.DataFrame:
    rows = [(pd.Timestamp(m), t, "A", "N", 10.0) for m in made for t in pd.date_range(m, periods=12, freq="MS")]
    return pd.DataFrame(rows, columns=["made", "month", "product", "region", "units"])


@pytest.mark.parametrize("made, lag", [(["2026-09-01"], 1), (["2026-08-01", "2026-09-01"], 1), (["2026-07-01", "2026-08-01", "2026-09-01"], 3),
                                       (["2026-07-01"], 3), (["2026-06-01"], None), (["2025-01-01"], None), ([], None)])
def test_the_lag_used_is_the_wanted_one_or_the_longest_with_two_months(made, lag):
    assert kpi_values.lag_to_use(closed_plans(*made), MONTH, 3) == lag


def test_backtest_stands_in_and_says_so():
    accuracy = pd.DataFrame({"level": "product-region", "key": ["A / N", "B / N"], "stream": "statistical", "basis": "backtest", "lag": [3.0, 3.0],
                             "actual_units": [100.0, 300.0], "abs_error_units": [10.0, 50.0], "bias": [0.1, -0.1]})
    fva = pd.DataFrame({"step": ["seasonal naive", "statistical"], "basis": "backtest", "wmape": [0.25, 0.15]})
    none = closed_plans()
    table = kpi_values.demand_values(none, pd.DataFrame(), accuracy, fva, MONTH).set_index("kpi")
    assert table.loc["WMAPE", "value"] == pytest.approx(0.15) and table.loc["bias", "value"] == pytest.approx(-0.05)
    assert table.loc["FVA", "value"] == pytest.approx(10) and "backtest" in table.loc["WMAPE", "note"]
    assert "tracking signal" not in table.index
