"""Odd months: what a season, a family or the sizes of a series explain is not taken away; what is plainly wrong still is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, products, sales

from sop_helpers.planning import backtest, forecasting, history, oddity

DECEMBER = MONTHS.month == 12


def company(values: np.ndarray, families: int = 2, **options) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Raw history, corrections and products of series of one region; families as told."""
    catalogue = products(len(values)).assign(family=[f"F{i % families}" for i in range(len(values))])
    raw = history.complete_history(sales(values, regions=1).dropna(subset=["units"]), catalogue, MONTHS[-1])
    return raw, history.propose_corrections(history.history_panel(raw, catalogue, "raw_units"), **options), catalogue


def christmas(number: int, peak: float, months: int = 60, noise: float = 0.12, seed: int = 3) -> np.ndarray:
    """Series at 200 that sell ``peak`` times as much in December and half way there in November, the last so many months."""
    season = np.where(DECEMBER, peak, np.where(MONTHS.month == 11, 1 + (peak - 1) / 2, 1.0))
    values = np.round(200 * season * np.exp(np.random.default_rng(seed).normal(0, noise, (number, 60))))
    values[:, : 60 - months] = np.nan
    return values


def steady(number: int = 1, level: float = 100.0, months: int = 60, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    values = level * np.exp(np.random.default_rng(seed).normal(0, noise, (number, 60)))
    values[:, : 60 - months] = np.nan
    return values


@pytest.mark.parametrize("months", [14, 16, 18, 20, 23])
@pytest.mark.parametrize("peak", [2.0, 3.0, 8.0])
def test_the_season_of_a_young_family_stays_in_its_history(months: int, peak: float) -> None:
    _, found, _ = company(christmas(12, peak, months))
    assert not found["accepted"].any()
    assert len(found) <= 1, "what all do is not even asked about"


@pytest.mark.parametrize("peak", [3.0, 8.0])
@pytest.mark.parametrize("months", [11, 18])
def test_a_young_series_is_judged_by_the_season_of_its_family(months: int, peak: float) -> None:
    values = christmas(12, peak)
    values[:6, : 60 - months] = np.nan  # the youngest begin in November, with the peak before them
    assert not company(values)[1]["accepted"].any()
    last = np.flatnonzero(DECEMBER)[-1]
    values[2, last] *= 10
    raw, found, catalogue = company(values)
    taken = found[found["accepted"]]
    if months > 12:  # a slip is seen behind the season too, and divided to the season's size
        assert taken[["product", "month", "cause"]].to_numpy().tolist() == [["P2", MONTHS[last], "entry error"]]
        cleansed = history.history_panel(history.cleanse(raw, found), catalogue)
        table, *_ = backtest.forecast(cleansed, forecasting.scope_of(cleansed, catalogue), HORIZON, tier="draft")
        ahead = table[table["product"].isin(["P0", "P2", "P4"]) & (table["month"] == pd.Timestamp("2026-12-01"))]["units"]
        assert ahead.mean() == pytest.approx(200 * peak, rel=0.25)


def test_an_empty_shelf_in_the_season_is_filled_to_the_season() -> None:
    values = christmas(12, 8.0, noise=0.05)
    values[:6, :42] = np.nan
    last = int(np.flatnonzero(DECEMBER)[-1])
    values[0, last] = 30.0
    shelves = np.zeros(values.shape, dtype=bool)
    shelves[0, last] = True  # products are sorted as text: P0 comes first
    found = company(values, shelves=shelves)[1]
    assert found["cause"].tolist() == ["stock-out"] and found["units"].iloc[0] == pytest.approx(1600 - 30, rel=0.2)


def test_a_young_series_without_a_family_waits_for_the_meeting() -> None:
    _, found, _ = company(christmas(1, 8.0, 18))
    assert len(found) and not found["accepted"].any() and found["note"].str.contains("no family to tell its season").all()
    values = steady(months=18)
    values[0, 50] *= 1000
    assert company(values)[1]["accepted"].tolist() == [True], "no season is a thousand times the rest"


def promoted(peak: float, months: int, **scope: str) -> pd.DataFrame:
    """Corrections of a young family of six, 40 % more of what is in scope sold in its last December."""
    values, last = christmas(6, peak, months), int(np.flatnonzero(DECEMBER)[-1])
    values[:1 if scope.get("product") else 6, last] *= 1.4
    told = insights({"insight": "A", "kind": "promotion", "start_month": MONTHS[last], "end_month": MONTHS[last]} | scope)
    found = company(values, families=1, insights=told)[1]
    return found[found["cause"] == "promotion"].assign(was=values[: len(values), last][0])


@pytest.mark.parametrize("months", [15, 18, 23])
@pytest.mark.parametrize("peak", [1.0, 1.5, 2.0])
def test_a_promotion_of_one_is_measured_beside_its_young_family(months: int, peak: float) -> None:
    found = promoted(peak, months, product="P0")
    assert found["product"].tolist() == ["P0"] and found["accepted"].all()
    assert (found["units"] / found["was"]).iloc[0] == pytest.approx(1 / 1.4 - 1, abs=0.15)
    assert not found["note"].str.contains("tell the season").any()


@pytest.mark.parametrize("months", [15, 18, 23])
@pytest.mark.parametrize("peak", [1.0, 2.0, 2.5])
def test_a_promotion_of_a_whole_young_family_may_be_its_season(months: int, peak: float) -> None:
    found = promoted(peak, months, family="F0")
    assert len(found) == 6 and found["note"].str.contains("nobody beside it to tell the season, which may be part of it").all()
    assert (found["accepted"] == (peak == 1.0)).all(), "a season is not cleaned away unasked"
    assert found["note"].str.contains("left in until the meeting has spoken").all() == (peak > 1.0)


def test_a_slip_in_a_young_family_is_still_found_and_accuses_nobody() -> None:
    values = np.round(steady(6, months=18))
    values[1, 50] *= 10
    found = company(values, families=1)[1]
    assert found[["product", "cause", "accepted"]].to_numpy().tolist() == [["P1", "entry error", True]]
    values = np.round(steady(2, months=18))
    values[1, 50] *= 10
    assert company(values, families=1)[1]["product"].tolist() == ["P1"]


def test_what_the_family_did_together_is_no_error() -> None:
    values = np.round(steady(6))
    values[[0, 2, 4], 30] *= 10  # all of one family
    values[1, 20] *= 10
    _, found, _ = company(values)
    table = found.set_index(["product", "month"])
    for product in ("P0", "P2", "P4"):
        row = table.loc[(product, MONTHS[30])]
        assert row["cause"] == "outlier" and not row["accepted"] and "others of its family or product did the same" in row["note"]
    assert table.loc[("P1", MONTHS[20]), "cause"] == "entry error" and table.loc[("P1", MONTHS[20]), "accepted"]


@pytest.mark.parametrize(("sizes", "odds", "often"), [
    ([1, 10], [0.8, 0.2], 0.4), ([1, 2, 4, 12], [0.5, 0.2, 0.1, 0.2], 0.4), ([1, 10, 100], [0.6, 0.3, 0.1], 0.5), ([1, 10], [0.9, 0.1], 1.0),
    ([100, 1000], [0.9, 0.1], 1.0),
])  # fmt: skip
def test_pack_sizes_are_demand(sizes: list[int], odds: list[float], often: float) -> None:
    rng = np.random.default_rng(2)
    values = np.where(rng.random((200, 60)) < often, rng.choice(sizes, p=odds, size=(200, 60)), 0.0)
    raw, found, _ = company(values)
    cleansed = history.cleanse(raw, found)
    assert cleansed["units"].sum() == pytest.approx(raw["raw_units"].sum(), rel=0.02)
    assert (found.loc[found["accepted"], "cause"] != "entry error").all() or often == 1.0


def test_a_few_demands_say_nothing_of_their_sizes() -> None:
    values = np.zeros((1, 60))
    values[0, [3, 11, 20, 33, 41]] = [5, 5, 5, 5, 600]
    _, found, _ = company(values)
    assert len(found) == 1 and not found["accepted"].any() and "too few demands" in found["note"].iloc[0]


def test_erratic_sizes_make_no_slip_of_a_multiple() -> None:
    values = np.round(np.exp(np.random.default_rng(1).normal(4, 0.9, (50, 60))))
    _, found, _ = company(values)
    assert (found["cause"] != "entry error").all()


@pytest.mark.parametrize(("level", "wrong"), [(100.0, 1000.0), (0.93, 9.3), (9.3, 0.93), (0.93, 93.0)])
@pytest.mark.parametrize("accept", [True, False])
def test_a_plain_slip_is_found_and_a_recent_one_waits(level: float, wrong: float, accept: bool) -> None:
    values = steady(2, level)
    values[0, 30] = values[1, 59] = wrong
    _, found, _ = company(values, accept_outliers=accept)
    assert found["product"].tolist() == ["P0", "P1"] and found["month"].tolist() == [MONTHS[30], MONTHS[59]]
    assert (found["cause"] == ("entry error" if wrong > level else "outlier")).all()
    assert found["accepted"].tolist() == [accept or wrong > level, False]
    assert "recent: left in until the meeting has spoken" in found["note"].iloc[1]


def test_what_comes_again_and_again_is_asked_about_and_left() -> None:
    values = np.round(steady(2))
    values[0, [5, 12, 24, 33, 40, 50]] *= 6  # projects, in no season
    values[1, 30] *= 6
    _, found, _ = company(values)
    assert set(found.loc[found["accepted"], "product"]) == {"P1"}
    assert found.loc[found["product"] == "P0", "note"].str.contains("more than once in two years").all()


def test_others_are_counted_without_the_one_that_is_judged() -> None:
    rng = np.random.default_rng(7)
    move = np.where(rng.random((40, 5)) < 0.3, np.nan, rng.normal(0, 1, (40, 5)).round(1))
    group = rng.integers(0, 6, 40)
    low, middle, high, others = oddity._of_others(move, group)
    for i in range(40):
        for t in range(5):
            rest = np.sort([move[j, t] for j in range(40) if j != i and group[j] == group[i] and not np.isnan(move[j, t])])
            need = int(np.ceil(oddity.SHARE * len(rest)))
            expected = [rest[need - 1], np.median(rest), rest[len(rest) - need]] if len(rest) else [np.nan] * 3
            np.testing.assert_allclose([low[i, t], middle[i, t], high[i, t]], expected)
            assert others[i, t] == len(rest)
