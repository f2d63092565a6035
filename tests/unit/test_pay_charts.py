"""The sentence and the picture of pay by month."""

import pandas as pd

from sop_helpers.report.charts import pay as charts

MONTHS = pd.date_range("2026-01-01", periods=2, freq="MS")
PAY = pd.DataFrame({"month": MONTHS, "rep": "a", "quota": 1000.0, "bookings": 1000.0, "commission": [20.0, 30.0], "spif": [0.0, 5.0], "draw": [10.0, 0.0],
                    "clawback": [0.0, -5.0], "paid": [30.0, 30.0], "owed": [10.0, 10.0]})


def test_pay_is_stacked_and_what_is_taken_back_hangs_below():
    assert charts.pay_months_takeaway(PAY, "EUR") == (
        "60 EUR of variable pay so far, 3.00% of bookings; beside commission: spif 5, draw 10, clawback -5; 10 of advances are still owed."
    )
    axis = charts.pay_months_figure(PAY, "EUR").axes[0]
    tops = {round(p.get_y() + p.get_height(), 6) for p in axis.patches}
    assert {30.0, 35.0, -5.0} <= tops
