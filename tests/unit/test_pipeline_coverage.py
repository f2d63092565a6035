"""Pipeline coverage has one definition, by hand, for the team, the reps and the KPI alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import kpi_sales, pipeline, pipeline_coverage, quotas

MONTH = pd.Timestamp("2026-10-01")
YEAR = pd.date_range("2026-04-01", periods=12, freq="MS", unit="us")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def deals() -> pd.DataFrame:
    # Won: 60 created in the period in which it closed, 40 before it; two lost. Open: 300 due by March, 50 without date, 1000 due in April.
    rows = [
        ("w1", 60.0, "2026-05-02", "2026-08-01", "won", None), ("w2", 40.0, "2026-02-02", "2026-04-20", "won", None),
        ("l1", 10.0, "2026-05-02", "2026-07-01", "lost", None), ("l2", 10.0, "2026-05-02", "2026-07-01", "lost", None),
        ("o1", 300.0, "2026-07-02", None, "open", "2027-03-31"), ("o2", 50.0, "2026-07-02", None, "open", None),
        ("o3", 1000.0, "2026-07-02", None, "open", "2027-04-01"),
    ]
    table = pd.DataFrame(rows, columns=["opportunity", "amount", "created", "closed", "outcome", "expected_close"])
    return conform("opportunities", table.assign(rep="a", family="F", region="N", stage="s"))


@pytest.fixture
def booked() -> pd.DataFrame:
    past = YEAR < MONTH
    return conform("quotas", pd.DataFrame({"month": YEAR, "rep": "a", "quota": 100.0, "bookings": np.where(past, 75.0, np.nan)}))


def test_coverage_of_the_rest_of_the_fiscal_year_and_what_is_needed(deals, booked):
    found = pipeline_coverage.year_coverage(deals, booked, MONTH, 4)
    # Left: 1200 less 6 x 75; open and due: 300 and the one without a date.
    assert (found["open"], found["left"], found["months"]) == (350, 750, 6) and found["coverage"] == pytest.approx(350 / 750)
    # The only period of six months since the first win began in April: 60 of 100 were created in it. Won 2 of 4.
    assert pipeline_coverage.created_inside(deals, MONTH, 6) == pytest.approx(0.6)
    assert found["needed"] == pytest.approx((1 - 0.6) / 0.5)
    words = pipeline_coverage.coverage_words(found, "EUR")
    assert "to the end of the fiscal year in 2027-03 is 0.47 x" in words and "0.80 x is needed" in words and "350 EUR" in words


def test_periods_begin_in_the_month_of_the_first_win(deals):
    # Periods of three months from April to July: what is won in each was created before it.
    assert pipeline_coverage.created_inside(deals, MONTH, 3) == 0
    # None of a year is over; without deals there is nothing to measure.
    assert np.isnan(pipeline_coverage.created_inside(deals, MONTH, 12)) and np.isnan(pipeline_coverage.created_inside(deals.iloc[:0], MONTH, 3))


def test_the_kpi_the_reps_and_the_sentence_tell_the_same(deals, booked):
    reps = conform("reps", pd.DataFrame({"rep": ["a"], "region": ["N"], "start_month": ["2020-01"]}))
    known = pipeline.known_deals(deals, MONTH, empty("products"), reps)
    own = quotas.quota_plan(quotas.with_bookings(booked, known, MONTH), reps, known, MONTH, 4)["coverage"].iloc[0]
    table = kpi_sales.pipeline_values(deals, empty("products"), reps, booked, pd.DatetimeIndex([MONTH - pd.DateOffset(months=1)]), first_month=4)
    kpi = table.loc[table["kpi"] == "pipeline coverage", "value"].iloc[0]
    team = pipeline_coverage.year_coverage(known, booked, MONTH, 4)["coverage"]
    assert own == pytest.approx(team) and kpi == pytest.approx(team)


def test_no_coverage_is_stated_without_a_whole_years_quotas_or_once_it_is_reached(deals, booked):
    part = pipeline_coverage.year_coverage(deals, booked.head(8), MONTH, 4)
    assert np.isnan(part["coverage"]) and "not all set" in pipeline_coverage.coverage_words(part, "EUR")
    for few in (booked.head(3).assign(bookings=300.0), booked.head(0)):
        assert "not all set" in pipeline_coverage.coverage_words(pipeline_coverage.year_coverage(deals, few, MONTH, 4), "EUR")
    done = pipeline_coverage.year_coverage(deals, booked.assign(bookings=300.0), MONTH, 4)
    assert np.isnan(done["coverage"]) and "is reached" in pipeline_coverage.coverage_words(done, "EUR")
    none = pipeline_coverage.year_coverage(deals, booked.assign(quota=0.0), MONTH, 4)
    assert "the quotas of the year are zero" in pipeline_coverage.coverage_words(none, "EUR"), "nothing to reach is not reached"


def test_nobody_computes_another_coverage():
    cells = {p.name: json.loads(p.read_text("utf-8"))["cells"] for p in (ROOT / "notebooks").glob("*.ipynb")}
    said = {name for name, rows in cells.items() if any("year_coverage(" in "".join(c["source"]) for c in rows)}
    assert said == {"22_sales.ipynb", "90_report.ipynb"}
    divide = [p.name for p in (ROOT / "sop_helpers").rglob("*.py") if " coverage(" in p.read_text("utf-8")]
    assert sorted(divide) == ["pipeline.py", "pipeline_coverage.py"]
