"""Calendars of weeks: the published retail calendar, every day in one period, 53 weeks, and demand by week there and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import MONTHS, demand, insights, products, sales
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.config import Workbook
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.fiscal import WEEK_ENDS, month_of, periods, periods_of, weeks_of
from sop_helpers.book.sources import read_table
from sop_helpers.planning import calendars, history
from sop_helpers.planning.calendars import Weekly
from sop_helpers.planning.corrections import correct
from sop_helpers.planning.signals import find_signals

NOBODY = pd.DataFrame(columns=["id", "author", "time", "reason", "product", "region", "cause", "start_month", "end_month", "accepted"])
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


def panel_of(values: np.ndarray) -> tuple[pd.DataFrame, history.Panel]:
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    return raw, history.history_panel(raw, products(), "raw_units")


def test_weeks_are_taken_out_and_put_back() -> None:
    weeks = weeks_of(MONTHS, **RETAIL)
    assert weeks.notna().all() and weeks.iloc[:12].sum() == 52
    raw, panel = panel_of(demand(2))
    nowhere, weekly = pd.Series(dtype="str"), Weekly(weeks, pd.Index(["P0"]))
    even = calendars.per_day(panel, nowhere, weekly)
    back = calendars.by_month(even.frame(even.values, "units"), nowhere, panel.months, ["units"], weekly)
    np.testing.assert_allclose(back["units"], raw["raw_units"], rtol=1e-12)
    assert (even.values[2:] == panel.values[2:]).all() and (even.values[:2] != panel.values[:2]).any(), "only what was chosen is taken by week"
    flat = calendars.per_day(history.Panel(panel.keys, panel.months, np.tile(100 * weeks.to_numpy(), (4, 1))), nowhere, weekly)
    assert np.ptp(flat.values[:2]) < 1e-9 < np.ptp(flat.values[2:])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weeks_are_kept_only_for_the_families_that_they_help(seed: int) -> None:
    weeks, short = weeks_of(MONTHS, **RETAIL), slice(-26, None)  # a season that was seen twice cannot yet tell five weeks from a good month
    _, panel = panel_of(demand(noise=0.06, seed=seed))
    by_week = (panel.keys["family"] == "F0").to_numpy()[:, None]  # what F1 sells is invoiced by the month
    values = panel.values * np.where(by_week, weeks.to_numpy() / weeks.mean(), 1.0)
    tried = calendars.try_weeks(history.Panel(panel.keys, panel.months[short], values[:, short]), weeks)
    assert dict(zip(tried["family"], tried["kept"], strict=True)) == {"F0": True, "F1": False}
    assert list(tried["wmape_weeks"] < tried["wmape_months"]) == [True, False]
    family = products().set_index("product")["family"]
    kept = calendars.worth_weeks(weeks, tried, family)
    assert set(kept.products) == {"P0", "P2", "P4"}
    assert calendars.worth_weeks(weeks, tried.assign(kept=False), family) is None
    none = calendars.try_weeks(panel, None)
    assert none.empty and list(none) == list(tried) and calendars.worth_weeks(None, none, family) is None


# fiscal September 2026 of a year that begins in January, weeks ending on Saturday: 30 August to 3 October, five weeks.
SEPTEMBER = (pd.Timestamp("2026-08-30"), pd.Timestamp("2026-10-03"))


def test_a_period_whose_last_week_is_not_in_is_scaled_up_by_weeks() -> None:
    assert tuple(periods_of(MONTHS[-1:], pattern="4-4-5", first_month=1)[["start", "end"]].iloc[0]) == SEPTEMBER
    values = demand(noise=0.03)
    whole = values[:, -1].copy()
    values[:, -1] = np.round(whole * 4 / 5)
    raw, panel = panel_of(values)
    corrections, cleansed = correct(raw, panel, NOBODY, data_until=day("2026-09-26"), period=SEPTEMBER)
    rows = corrections[corrections["cause"] == "partial month"]
    assert len(rows) == 12 and (rows["note"] == "data end on 2026-09-26, 4 of 5 weeks; scaled up by weeks").all()
    np.testing.assert_allclose(cleansed[cleansed["month"] == MONTHS[-1]]["units"], whole, rtol=0.02)
    assert calendars.partial_month(panel, day("2026-10-03"), period=SEPTEMBER).empty, "the period is over, whatever the calendar month says"
    # 30 September ends the calendar month; the fiscal one has three days to go.
    assert calendars.partial_month(panel, day("2026-09-30"), period=SEPTEMBER)["note"].str.contains("4.57 of 5 weeks").all()
    assert len(calendars.partial_month(panel, day("2026-08-31"), period=SEPTEMBER)) == 12, "August's last days belong to fiscal September"
    with pytest.raises(ValueError, match="data_until is 2026-08-29, but the history goes to 2026-09 which began on 2026-08-30"):
        calendars.partial_month(panel, day("2026-08-29"), period=SEPTEMBER)


def test_a_month_that_is_not_in_yet_is_no_dip() -> None:
    values = demand(noise=0.03)
    values[:, -1] = np.round(values[:, -1] * 3 / 5)
    _, panel = panel_of(values)
    catalogue = products()
    assert len(find_signals(panel, catalogue, insights())) >= 6, "taken as it is, it looks as if customers had stayed away"
    whole = calendars.made_whole(panel, day("2026-09-19"), period=SEPTEMBER)
    assert find_signals(whole, catalogue, insights()).empty
    assert calendars.made_whole(panel, None) is panel and (whole.values[:, :-1] == panel.values[:, :-1]).all()


def test_a_period_of_few_weeks_is_set_to_what_was_expected() -> None:
    values = demand(noise=0.03)
    whole = values[:, -1].copy()
    values[:, -1] = np.round(whole * 2 / 5 * 0.5)  # a slow start says little
    raw, panel = panel_of(values)
    corrections, cleansed = correct(raw, panel, NOBODY, data_until=day("2026-09-12"), period=SEPTEMBER)
    assert corrections.loc[corrections["cause"] == "partial month", "note"].str.contains("2 of 5 weeks; too few to scale").all()
    np.testing.assert_allclose(cleansed[cleansed["month"] == MONTHS[-1]]["units"], whole, rtol=0.2)


@pytest.mark.parametrize(("dated", "lag"), [("the first day of a week", 6), ("the last day of a week", 0), ("its Wednesday", 3)])
@pytest.mark.parametrize("missing", [0, 1, 3])
def test_weekly_sales_tell_that_the_last_period_is_partial(tmp_path, dated: str, lag: int, missing: int) -> None:
    (tmp_path / "data").mkdir()
    saturdays = pd.date_range("2025-01-04", SEPTEMBER[1] - pd.Timedelta(weeks=missing), freq="W-SAT")
    days = (saturdays - pd.Timedelta(days=lag)).strftime("%Y-%m-%d")
    pd.DataFrame({"month": days, "product": "A", "region": "R", "units": 7, "revenue": 9}).to_csv(tmp_path / "data" / "sales.csv", index=False)
    book = Workbook(company={"name": "Tiny"}, root=tmp_path, calendar={"weeks": "4-4-5"})
    table = read_table(book, "sales", day("2026-10-01"))
    assert table.set_index("month").loc["2026-09-01", "units"] == 7 * (5 - missing), dated
    cycle = Cycle("2026-10", book, "base")
    assert cycle.period(cycle.last_actual) == SEPTEMBER
    assert cycle.data_until(table) == (None if not missing else saturdays[-1]), dated


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
