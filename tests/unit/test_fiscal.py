"""Calendars of weeks: the published retail calendar, every day in one period, 53 weeks, and demand by week there and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import MONTHS, demand, products, sales
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.config import Workbook
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.fiscal import WEEK_ENDS, month_of, periods, weeks_of
from sop_helpers.book.sources import read_table
from sop_helpers.planning import calendars, history

RETAIL = {"pattern": "4-5-4", "first_month": 2, "week_end": "SAT", "year_end": "nearest"}


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_the_retail_calendar_is_that_of_the_national_retail_federation() -> None:
    table = periods(day("2022-06-01"), day("2025-06-01"), **RETAIL).set_index("month")
    # Published: fiscal 2023 runs from 29 January 2023 to 3 February 2024, 53 weeks; 2024 from 4 February 2024 to 1 February 2025.
    assert table.loc["2023-02-01", "start"] == day("2023-01-29") and table.loc["2024-01-01", "end"] == day("2024-02-03")
    assert table.loc["2024-02-01", "start"] == day("2024-02-04") and table.loc["2025-01-01", "end"] == day("2025-02-01")
    assert table.loc["2023-02-01":"2024-01-01", "weeks"].tolist() == [4, 5, 4] * 3 + [4, 5, 5]
    # Black Friday 2024, 29 November, is in November: 3 to 30 November.
    assert (table.loc["2024-11-01", "start"], table.loc["2024-11-01", "end"]) == (day("2024-11-03"), day("2024-11-30"))


def test_a_year_may_end_on_the_last_week_end_of_its_month() -> None:
    # Apple's fiscal 2023, 53 weeks, ended on Saturday 30 September 2023; fiscal 2024 on 28 September 2024.
    table = periods(day("2023-05-01"), day("2024-12-01"), "4-4-5", 10, "SAT", "last").set_index("month")
    assert table.loc["2023-09-01", "end"] == day("2023-09-30") and table.loc["2024-09-01", "end"] == day("2024-09-28")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["4-4-5", "4-5-4", "5-4-4"]), st.integers(1, 12), st.sampled_from(WEEK_ENDS), st.sampled_from(["nearest", "last"]), st.integers(2000, 2040)
)
def test_every_day_is_in_one_period_that_bears_its_own_name(pattern: str, first_month: int, week_end: str, year_end: str, year: int) -> None:
    table = periods(day(f"{year}-01-01"), day(f"{year + 3}-12-31"), pattern, first_month, week_end, year_end)
    assert (table["start"].iloc[1:].to_numpy() == (table["end"].iloc[:-1] + pd.Timedelta(days=1)).to_numpy()).all()
    assert (table["end"].dt.dayofweek == WEEK_ENDS.index(week_end)).all() and set(table["weeks"]) <= {4.0, 5.0, 6.0}
    assert list(table["month"]) == list(pd.date_range(table["month"].iloc[0], periods=len(table), freq="MS"))
    days = pd.Series(pd.date_range(f"{year}-01-01", f"{year + 3}-12-31"))
    named = month_of(days, pattern=pattern, first_month=first_month, week_end=week_end, year_end=year_end)
    apart = 12 * (days.dt.year - named.dt.year) + days.dt.month - named.dt.month
    assert apart.abs().max() <= 1 and (apart == 0).mean() > 0.7


def test_weeks_are_taken_out_and_put_back() -> None:
    weeks = weeks_of(MONTHS, **RETAIL)
    assert weeks.notna().all() and weeks.iloc[:12].sum() == 52
    raw = history.complete_history(sales(demand(2)), products(), MONTHS[-1])
    panel = history.history_panel(raw, products(), "raw_units")
    nowhere = pd.Series(dtype="str")
    weekly = calendars.per_day(panel, nowhere, weeks)
    back = calendars.by_month(weekly.frame(weekly.values, "units"), nowhere, panel.months, ["units"], weeks)
    np.testing.assert_allclose(back["units"], raw["raw_units"], rtol=1e-12)
    even = calendars.per_day(history.Panel(panel.keys, panel.months, np.tile(100 * weeks.to_numpy(), (4, 1))), nowhere, weeks)
    assert np.ptp(even.values) < 1e-9


@pytest.mark.parametrize("weeks", ["months", "4-4-5"])
def test_order_lines_count_in_their_period(tmp_path, weeks: str) -> None:
    (tmp_path / "data").mkdir()
    lines = pd.DataFrame({"month": pd.date_range("2025-01-01", "2026-09-30").strftime("%Y-%m-%d"), "product": "A", "region": "R", "units": 1, "revenue": 9})
    lines.to_csv(tmp_path / "data" / "sales.csv", index=False)
    book = Workbook(company={"name": "Tiny"}, root=tmp_path, calendar={"weeks": weeks})
    table = read_table(book, "sales", day("2026-10-01")).set_index("month")["units"]
    expected = [31, 28, 31] if weeks == "months" else [28, 28, 35]
    assert table.loc["2026-01-01":"2026-03-01"].tolist() == expected
    found = Cycle("2026-10", book, "base").weeks(MONTHS)
    assert found is None if weeks == "months" else found.loc["2026-03-01"] == 5
