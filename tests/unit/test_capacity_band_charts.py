"""Sentences and pictures of the capacity band, hires and pay by month."""

import pandas as pd

from sop_helpers.report.charts import capacity_band as charts

MONTHS = pd.date_range("2026-01-01", periods=2, freq="MS")
BAND = pd.DataFrame({"month": MONTHS.repeat(2), "region": [None, "N"] * 2, "expected": 100.0, "low": 80.0, "high": 120.0})
CAPACITY = pd.DataFrame({"month": MONTHS, "region": "N", "quota": [110.0, 0.0], "plan_revenue": [130.0, 110.0]})
PAY = pd.DataFrame({"month": MONTHS, "rep": "a", "quota": 1000.0, "bookings": 1000.0, "commission": [20.0, 30.0], "spif": [0.0, 5.0], "draw": [10.0, 0.0],
                    "clawback": [0.0, -5.0], "paid": [30.0, 30.0], "owed": [10.0, 10.0]})


def test_the_band_says_where_the_plan_lies():
    assert charts.band_takeaway(BAND, CAPACITY, "EUR") == (
        "Capacity of 200 EUR may turn out 20% higher or lower in a month; the demand plan lies above the band in 1 of 2 months and inside it in 1."
    )
    assert charts.band_takeaway(BAND, CAPACITY.assign(plan_revenue=0.0), "EUR").endswith("in a month.")
    axis = charts.band_figure(BAND, CAPACITY, "EUR").axes[0]
    assert [line.get_label() for line in axis.lines] == ["bookings capacity", "quota", "demand plan"]
    assert len(axis.lines[1].get_xdata()) == 1


def test_hires_name_the_first_decision():
    need = pd.DataFrame({"region": ["N", "S"], "decide_month": MONTHS, "closes_month": MONTHS[1], "gap": [-5.0, -9.0],
                         "hires": [1.0, 2.0], "brings": [40.0, 50.0]})
    text = charts.hires_takeaway(need, "EUR")
    assert text.startswith("3 hires would close") and text.endswith("decide first on 1 in N, in 2026-01, to be fully ramped in 2026-02.")
    assert charts.hires_takeaway(need.head(0), "EUR").startswith("No lasting gap")


def test_pay_is_stacked_and_what_is_taken_back_hangs_below():
    assert charts.pay_months_takeaway(PAY, "EUR") == (
        "60 EUR of variable pay so far, 3.00% of bookings; beside commission: spif 5, draw 10, clawback -5; 10 of advances are still owed."
    )
    axis = charts.pay_months_figure(PAY, "EUR").axes[0]
    tops = {round(p.get_y() + p.get_height(), 6) for p in axis.patches}
    assert {30.0, 35.0, -5.0} <= tops
