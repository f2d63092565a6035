"""What is said of quotas, capacity and pay agrees with the tables, and the pictures hold them."""

import pandas as pd
import pytest

from sop_helpers.report.charts import reps

MONTHS = pd.to_datetime(["2026-09-01", "2026-10-01"])


def test_the_words_and_picture_of_a_proposal():
    money = {"proposed": [120.0, 60, 40], "bottom_up": [100.0, 60, 40], "potential": [1.0, 2, 4]}
    table = pd.DataFrame({"rep": list("abc"), **money, "probability": [0.2, 0.5, 0.9]})
    said = reps.quota_takeaway(table, "EUR")
    assert "3 quotas ask for 220 EUR, +10% on what bottom-up finds; 2 of 3 reps are likelier than not" in said
    assert "; the chance of reaching it is 20%" in reps.quota_takeaway(table.head(1), "EUR")
    low = reps.quota_figure(table, "EUR").axes[1]
    assert [bar.get_height() for bar in low.patches] == [0.2, 0.5, 0.9]


def test_the_words_and_picture_of_pay():
    rows = {"month": MONTHS, "actual": [True, False], "bookings": [1000.0, 1000.0], "commission": [20.0, 30.0], "spif": [5.0, 0.0], "draw": [0.0, 0.0]}
    plan = pd.DataFrame({**rows, "clawback": [4.0, 0.0], "payout": [21.0, 30.0]})
    assert reps.payout_takeaway(plan, "EUR") == "Variable pay is 21 EUR so far and 30 to come, 2.55% of bookings; of it SPIFs 5, clawback 4."
    assert min(bar.get_height() for bar in reps.payout_figure(plan, "EUR").axes[0].patches) == -4


@pytest.mark.parametrize("hires, word", [([], "No region lacks"), ([2.0], "2 hires are needed; 2 of them must be decided in 2026-10"),
                                         ([1.0], "1 hire is needed; it must be decided in 2026-10. It brings")])
def test_the_words_of_hires_and_of_the_band(hires, word):
    need = pd.DataFrame({"hires": hires, "decide_by": MONTHS[1:][: len(hires)], "brings": [9.0] * len(hires), "cost": [1.0] * len(hires)})
    assert reps.hiring_words(need, 0.0, "EUR").startswith(word)
    table = pd.DataFrame({"month": MONTHS, "capacity": [10.0, 10], "plan_revenue": [13.0, 11]})
    band = pd.DataFrame({"month": MONTHS, "low": [8.0, 8], "high": [12.0, 12]})
    assert reps.band_takeaway(table, band, "EUR").endswith("the plan lies above the band in 1 of 2 months.")
    assert len(reps.band_figure(table, band, "EUR").axes) == 1


def test_the_words_and_picture_of_sizes():
    ends = {"next_low": [1.0, -1.0, -3.0], "next_rep": [2.0, 1.0, -2.0], "next_high": [3.0, 4.0, -1.0], "own_low": [-9.0] * 3, "own_high": [9.0] * 3}
    sizes = pd.DataFrame({"region": ["N", "S", "W"], "reps": 4.0, "by_workload": 5.0, "fewest": 3.0, "most": 5.0, "by_response": [5.0, 4.5, 3.0], **ends})
    assert reps.size_takeaway(sizes) == (
        "One more rep pays over the whole range in N; may pay or not in S; does not pay in W. "
        "The best size lies beyond what was seen in N, W: the data cannot say more."
    )
    top, low = reps.size_figure(sizes, "EUR").axes
    assert [(bar.get_y(), bar.get_height()) for bar in top.patches] == [(3, 2)] * 3
    assert [line[:, 1].tolist() for line in low.collections[0].get_segments()] == [[1, 3], [-1, 4], [-3, -1]]
    assert reps.size_takeaway(sizes.assign(next_rep=float("nan"))).startswith("No region has both")
