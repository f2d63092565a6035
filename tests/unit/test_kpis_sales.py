"""Sales KPIs by month: as known at its end, sum over sum, nothing from nothing."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import kpi_sales, pay_months

MONTHS = pd.date_range("2026-07-01", "2026-09-01", freq="MS", unit="us")
YEAR = pd.date_range("2026-01-01", "2026-12-01", freq="MS", unit="us")


@pytest.fixture
def reps() -> pd.DataFrame:
    return conform("reps", pd.DataFrame({"rep": ["a", "b"], "region": "N", "start_month": pd.to_datetime(["2020-01-01", "2026-08-01"]), "comp_plan": "P"}))


@pytest.fixture
def quotas() -> pd.DataFrame:
    rows = [(m, rep, 100.0, booked if m <= MONTHS[-1] else np.nan) for m in YEAR for rep, booked in (("a", 120.0), ("b", 40.0))]
    return conform("quotas", pd.DataFrame(rows, columns=["month", "rep", "quota", "bookings"]))


@pytest.fixture
def plans() -> pd.DataFrame:
    band = {"plan": "P", "tier": "t", "from_attainment": 0.0, "to_attainment": np.nan, "rate": 0.05, "cap": np.nan}
    return conform("comp_plans", pd.DataFrame([band]))


def value(table: pd.DataFrame, kpi: str, month: pd.Timestamp = MONTHS[-1]) -> float:
    return table[(table["kpi"] == kpi) & (table["month"] == month)]["value"].iloc[0]


def test_attainment_is_of_the_year_to_date(quotas, reps, plans):
    table = kpi_sales.attainment_values(quotas, empty("opportunities"), reps, plans, MONTHS)
    assert table.groupby("kpi").size().eq(3).all()
    assert value(table, "quota attainment") == pytest.approx(0.8) and value(table, "reps at quota") == 0.5
    assert value(table, "cost of sales plan") == pytest.approx(0.05)


def test_a_new_fiscal_year_starts_from_nothing(quotas, reps, plans):
    quotas.loc[quotas["month"] == MONTHS[-1], "bookings"] = 200.0
    table = kpi_sales.attainment_values(quotas, empty("opportunities"), reps, plans, MONTHS, first_month=9)
    assert value(table, "quota attainment") == 2 and value(table, "quota attainment", MONTHS[1]) == pytest.approx(0.8)


def test_force_by_month(quotas, reps):
    budget = conform("budget", pd.DataFrame({"month": YEAR, "family": "F", "region": "N", "units": 1.0, "revenue": 150.0}))
    table = kpi_sales.force_values(reps, quotas, budget, empty("accounts"), MONTHS, [0.25, 0.5, 1.0], 0.9)
    assert [value(table, "ramped rep equivalents", m) for m in MONTHS] == [1, 1.25, 1.5]
    assert value(table, "bookings capacity") == pytest.approx(0.9 * 150)
    away = conform("leave", pd.DataFrame({"rep": ["a"], "month": MONTHS[-1:], "share": [0.5]}))
    less = kpi_sales.force_values(reps, quotas, budget, empty("accounts"), MONTHS, [0.25, 0.5, 1.0], 0.9, leave=away)
    assert value(less, "bookings capacity") == pytest.approx(0.9 * 100) and value(less, "ramped rep equivalents") == 1
    assert value(less, "over-assignment") == value(table, "over-assignment"), "quotas agreed stay"
    assert value(table, "over-assignment") == pytest.approx((12 * 100 + 25 + 50 + 3 * 100) / (12 * 150))
    assert "territory balance" not in set(table["kpi"])


@pytest.fixture
def deals() -> pd.DataFrame:
    days = pd.to_datetime(["2026-01-10", "2026-02-01", "2026-05-01", "2026-08-10", "2026-08-20"])
    return conform("opportunities", pd.DataFrame({
        "opportunity": list("12345"), "rep": "a", "family": "F", "region": "N", "stage": "s", "amount": [10.0, 20, 30, 40, 50], "created": days,
        "expected_close": pd.to_datetime(["2026-03-01", "2026-03-01", "2026-08-15", "2026-11-01", "2027-02-01"]),
        "closed": pd.to_datetime(["2026-03-01", "2026-03-01", "2026-08-15", None, None]), "outcome": ["won", "lost", "won", "open", "open"],
    }))


def test_pipeline_as_it_was_known(deals, reps, quotas):
    table = kpi_sales.pipeline_values(deals, empty("products"), reps, quotas, MONTHS, ["s"], {"s": 0.5})
    assert [value(table, "win rate", m) for m in MONTHS] == pytest.approx([1 / 2, 2 / 3, 2 / 3])
    assert [value(table, "stage-weighted pipeline", m) for m in MONTHS] == [15, 45, 45]
    # Quota of the year 2,400 less 9 months of 160; the deal due in 2027 does not count.
    assert value(table, "pipeline coverage") == pytest.approx(40 / (2400 - 9 * 160))
    assert value(table, "sales velocity") == pytest.approx(2 * 45 * (2 / 3) / value(table, "sales cycle"))
    assert "rebuilt" in table["note"].iloc[0]
    said = table.set_index(["kpi", "month"])["note"]["pipeline coverage"]
    assert "x is needed" in said[MONTHS[-1]] and "rebuilt" not in said[MONTHS[-1]] and "; rebuilt" in said[MONTHS[0]]


def test_what_happens_later_changes_nothing_before(deals, reps, quotas):
    later = deals.assign(outcome=deals["outcome"].where(deals["closed"].notna(), "won"), closed=deals["closed"].fillna(pd.Timestamp("2026-10-05")))
    one, two = (kpi_sales.pipeline_values(d, empty("products"), reps, quotas, MONTHS, ["s"]) for d in (deals, later))
    pd.testing.assert_frame_equal(one, two)


def test_nothing_in_nothing_out():
    assert kpi_sales.pipeline_values(empty("opportunities"), empty("products"), empty("reps"), empty("quotas"), MONTHS).empty
    assert kpi_sales.attainment_values(empty("quotas"), empty("opportunities"), empty("reps"), empty("comp_plans"), MONTHS).empty
    assert kpi_sales.force_values(empty("reps"), empty("quotas"), empty("budget"), empty("accounts"), MONTHS, [1.0]).empty


def test_the_cost_of_the_sales_plan_is_what_the_payout_says():
    year = pd.date_range("2026-04-01", periods=12, freq="MS", unit="us")
    bands = pd.DataFrame({"plan": "P", "tier": ["a", "b"], "from_attainment": [0.0, 0.5], "to_attainment": [0.5, np.nan], "rate": [0.02, 0.06]})
    reps = conform("reps", pd.DataFrame({"rep": ["r"], "start_month": [pd.Timestamp("2020-01-01")], "comp_plan": "P"}))
    booked = pd.DataFrame({"month": year, "rep": "r", "quota": 100.0, "bookings": [150.0] * 6 + [np.nan] * 6})
    told = kpi_sales.attainment_values(conform("quotas", booked), pd.DataFrame(), reps, conform("comp_plans", bands), year[:6], 4)
    cost = told[told["kpi"] == "cost of sales plan"].set_index("month")["value"]
    sold = pay_months.year_bookings(booked, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), pd.Timestamp("2026-10-01"))
    paid = pay_months.commission_months(sold, reps, conform("comp_plans", bands)).set_index("month")["commission"]
    # Half of the year's 1,200 is reached in July: months after it pay the higher rate, in both.
    assert cost.tolist() == pytest.approx([paid.loc[:m].sum() / (150 * (k + 1)) for k, m in enumerate(year[:6])])
    assert cost.iloc[3] == pytest.approx(0.02) and cost.iloc[5] == pytest.approx((600 * 0.02 + 300 * 0.06) / 900)
