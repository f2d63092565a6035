"""Working days and partial months: counts against published calendars, there and back, kept only where they help."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, demand, products, sales
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.config import Workbook
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.sources import read_table
from sop_helpers.planning import calendars, history
from sop_helpers.planning.corrections import correct
from sop_helpers.planning.panel import Panel

NOBODY = pd.DataFrame(columns=["id", "author", "time", "reason", "product", "region", "cause", "start_month", "end_month", "accepted"])
GERMAN = pd.Series({"R0": "DE", "R1": "DE"})


def panel_of(values: np.ndarray) -> tuple[pd.DataFrame, Panel]:
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    return raw, history.history_panel(raw, products(), "raw_units")


def test_working_days_agree_with_published_calendars() -> None:
    year = pd.date_range("2025-01-01", periods=12, freq="MS")
    # Germany without the holidays of single states: 250 days from Monday to Friday in 2025.
    assert calendars.month_days(year, "DE").tolist() == [22, 20, 21, 20, 20, 20, 23, 21, 22, 22, 20, 21]
    # The United States have 250 federal working days in 2025, the US Office of Personnel Management's count; Bavaria has more holidays than Germany.
    assert calendars.month_days(year, "US").sum() == 250
    assert calendars.month_days(year, "DE-BY").sum() < calendars.month_days(year, "DE").sum()
    assert calendars.month_days(year).sum() == 261


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(ValueError, match="table 'regions', column 'country': found 'XX'; expected an ISO code such as DE"):
        calendars.month_days(MONTHS, "XX")
    with pytest.raises(ValueError, match="found 'DE-QQ'"):
        calendars.month_days(MONTHS, "DE-QQ")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["DE", "JP", "US", "FR", "GB"]), st.integers(1, 10**6))
def test_per_day_and_by_month_are_inverse(country: str, scale: int) -> None:
    _, panel = panel_of(demand(2) * scale)
    countries = pd.Series({"R1": country})
    daily = calendars.per_day(panel, countries)
    back = calendars.by_month(panel.frame(daily.values, "units"), countries, panel.months, ["units"])
    np.testing.assert_allclose(back["units"], panel.frame(panel.values, "units")["units"], rtol=1e-12)
    untouched = (panel.keys["region"] == "R0").to_numpy()
    np.testing.assert_array_equal(daily.values[untouched], panel.values[untouched])
    assert daily.values.mean() == pytest.approx(panel.values.mean(), rel=0.02)


@pytest.mark.parametrize("matters", [True, False])
def test_working_days_are_kept_only_where_they_help(matters: bool) -> None:
    _, panel = panel_of(demand(noise=0.06))
    ratio = calendars.day_ratios(panel.keys["region"], panel.months, GERMAN, panel.months)
    tried = calendars.try_working_days(Panel(panel.keys, panel.months, panel.values * (ratio if matters else 1.0)), GERMAN)
    assert list(tried["kept"]) == [matters] and tried["regions"].item() == "R0, R1"
    assert (tried["wmape_days"] < tried["wmape_months"]).all() == matters
    assert len(calendars.worth_keeping(GERMAN, tried)) == (2 if matters else 0)


def test_without_countries_nothing_changes() -> None:
    _, panel = panel_of(demand(2))
    none = calendars.countries_of(pd.DataFrame({"region": ["R0"], "country": [None]}))
    assert none.empty and calendars.try_working_days(panel, none).empty and calendars.per_day(panel, none) is panel
    table = panel.frame(panel.values, "units")
    assert calendars.by_month(table, none, panel.months, ["units"]) is table
    assert len(calendars.day_ratios(panel.keys["region"], HORIZON, none, panel.months)) == 4


def test_a_month_cut_short_is_scaled_up_by_working_days() -> None:
    values = demand(noise=0.03)
    whole = values[:, -1].copy()
    until = pd.Timestamp("2026-09-21")  # 15 of the 22 days from Monday to Friday
    values[:, -1] = np.round(whole * 15 / 22)
    raw, panel = panel_of(values)
    corrections, cleansed = correct(raw, panel, NOBODY, data_until=until)
    rows = corrections[corrections["cause"] == "partial month"]
    assert len(rows) == 12 and rows["accepted"].all() and (rows["month"] == MONTHS[-1]).all()
    assert rows["note"].str.startswith("data end on 2026-09-21, 15 of 22 working days").all()
    last = cleansed[cleansed["month"] == MONTHS[-1]]["units"].to_numpy()
    np.testing.assert_allclose(last, whole, rtol=0.02)
    np.testing.assert_allclose(last, cleansed[cleansed["month"] == MONTHS[-1]]["raw_units"] + rows["units"].to_numpy())


def test_a_month_hardly_begun_is_set_to_what_was_expected() -> None:
    values = demand(noise=0.03)
    whole = values[:, -1].copy()
    values[:, -1] = 1.0
    raw, panel = panel_of(values)
    corrections, cleansed = correct(raw, panel, NOBODY, data_until=pd.Timestamp("2026-09-03"))
    rows = corrections[corrections["cause"] == "partial month"]
    assert len(rows) == 12 and rows["note"].str.contains("too few to scale").all()
    np.testing.assert_allclose(cleansed[cleansed["month"] == MONTHS[-1]]["units"], whole, rtol=0.2)


def test_what_has_come_is_the_least_that_a_month_can_be() -> None:
    values = demand(noise=0.03)
    values[0, -1], values[1, :-1], values[1, -1] = 2 * values[0, -1], np.nan, 500.0  # much already, and a product that has just begun
    raw, panel = panel_of(values)
    _, cleansed = correct(raw, panel, NOBODY, data_until=pd.Timestamp("2026-09-03"))
    last = cleansed[cleansed["month"] == MONTHS[-1]].set_index(["product", "region"])
    assert (last["units"] >= last["raw_units"]).all() and last.loc[("P0", "R1"), "units"] == 500.0


def test_a_whole_month_is_left_alone_and_a_missing_one_refused() -> None:
    _, panel = panel_of(demand(2))
    for whole in (None, pd.NaT, pd.Timestamp("2026-09-30"), pd.Timestamp("2026-10-02")):
        assert calendars.partial_month(panel, whole).empty
    with pytest.raises(ValueError, match="data_until is 2026-08-31, but the history goes to 2026-09"):
        calendars.partial_month(panel, pd.Timestamp("2026-08-31"))


def lines(until: str) -> pd.DataFrame:
    days = pd.date_range("2026-05-01", until, freq="D")
    return pd.DataFrame({"month": days.strftime("%Y-%m-%d"), "product": "A", "region": "R", "units": 2, "revenue": 20})


@pytest.mark.parametrize(("until", "found"), [("2026-09-21", "2026-09-21"), ("2026-09-30", None), ("2026-09-29", None)])
def test_order_lines_tell_that_the_last_month_is_partial(tmp_path, until: str, found: str | None) -> None:
    (tmp_path / "data").mkdir()
    lines(until).to_csv(tmp_path / "data" / "sales.csv", index=False)
    book = Workbook(company={"name": "Tiny"}, root=tmp_path)
    table = read_table(book, "sales", pd.Timestamp("2026-10-01"))
    last = table[table["month"] == pd.Timestamp("2026-09-01")]
    assert last["data_until"].isna().all() if found is None else (last["data_until"] == pd.Timestamp(found)).all()
    assert table.loc[table["month"] < pd.Timestamp("2026-09-01"), "data_until"].isna().all()
    assert table["units"].sum() == 2 * len(lines(until))
    cycle = Cycle("2026-10", book, "base")
    assert cycle.data_until(table) == (None if found is None else pd.Timestamp(found))
    told = Cycle("2026-10", Workbook(company={"name": "Tiny"}, root=tmp_path, calendar={"data_until": "2026-09-15"}), "base")
    assert told.data_until(table) == pd.Timestamp("2026-09-15")
