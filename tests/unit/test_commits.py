"""Commits: the word that counts is the last one before the month, measured on what its speaker answers for; leads to deals to bookings."""

import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import commits, pipeline_flow

MONTH = pd.Timestamp("2026-10-01")


def deals_of(rows: list[tuple]) -> pd.DataFrame:
    """Return won deals from (rep, region, created, closed, amount)."""
    table = pd.DataFrame(rows, columns=["rep", "region", "created", "closed", "amount"]).assign(outcome="won")
    return table.assign(created=pd.to_datetime(table["created"]), closed=pd.to_datetime(table["closed"]))


def said(rows: list[tuple]) -> pd.DataFrame:
    return conform("commits", pd.DataFrame(rows, columns=["stated_on", "month", "person", "role", "region", "amount"]))


def test_the_last_word_before_the_month_counts():
    words = said([(day, "2026-09", "r1", "rep", None, amount) for day, amount in (("2026-08-20", 10), ("2026-08-30", 20), ("2026-09-15", 99))])
    assert commits.standing(words, MONTH)["amount"].tolist() == [20]
    later = said([("2026-09-20", "2026-10", "r1", "rep", None, 5), ("2026-10-02", "2026-10", "r1", "rep", None, 7),
                  ("2026-09-20", "2026-10", "m", "manager", "N", 9)])
    ahead = commits.by_month(later, MONTH)
    assert ahead.loc[MONTH, ["rep", "manager"]].tolist() == [5, 9], "what is said in the month itself is not known at its start"


def test_everybody_answers_for_his_own():
    deals = deals_of([(rep, region, "2026-06-01", "2026-09-05", amount) for rep, region, amount in (("r1", "N", 100.0), ("r2", "N", 50.0), ("r3", "S", 7.0))])
    words = said([("2026-08-30", "2026-09", *one) for one in (("r1", "rep", None, 120), ("m", "manager", "N", 150), ("boss", "manager", None, 157))])
    errors = commits.measured(words, deals, MONTH).set_index("author")
    assert errors["actual"].to_dict() == {"r1": 100, "m": 150, "boss": 157}
    table = conform("commit_accuracy", commits.accuracy(errors.reset_index())).set_index("person")
    assert table.loc["r1", ["wmape", "bias"]].tolist() == pytest.approx([0.2, 0.2]) and table.loc["m", "bias"] == 0
    assert (table["factor"] == 1).all(), "one month is no habit"


def test_a_habit_of_promising_too_much_is_named_and_half_corrected():
    months = pd.date_range("2026-01-01", "2026-09-01", freq="MS")
    deals = deals_of([("r1", "N", "2025-06-01", m + pd.Timedelta(days=9), 100.0) for m in months])
    words = said([(m - pd.Timedelta(days=3), m, "r1", "rep", None, 144.0 + i % 2) for i, m in enumerate(months)])
    row = commits.accuracy(commits.measured(words, deals, MONTH)).iloc[0]
    assert row["months"] == 9 and row["bias"] == pytest.approx(0.444, abs=0.01)
    assert row["factor"] == pytest.approx(1 / 1.2, abs=0.01) and "too high" in row["note"]


def test_without_commits_there_is_nothing_to_measure():
    none = empty("commits")
    assert commits.accuracy(commits.measured(none, deals_of([]), MONTH)).empty and commits.by_month(none, MONTH).empty
    assert conform("commit_accuracy", commits.accuracy(commits.measured(none, deals_of([]), MONTH))).empty


def test_leads_become_deals_become_bookings():
    deals = deals_of([("r1", "N", "2026-08-01", "2026-09-10", 100.0), ("r1", "N", "2026-09-02", "2026-09-22", 300.0)])
    leads = conform("leads", pd.DataFrame({"month": ["2026-09", "2026-09"], "region": ["N", "S"], "leads": [6, 4]}))
    table = conform("pipeline_flow", pipeline_flow.flow(deals, leads, MONTH, 3)).set_index("month")
    last = table.loc["2026-09-01"]
    shown = ["leads", "created", "won", "bookings", "same_month", "days", "deals_per_lead", "bookings_per_lead"]
    assert last[shown].tolist() == [10, 1, 2, 400, 0.75, 30, 0.1, 40]
    assert table["bookings"].sum() == 400 and table.loc["2026-07-01", "created"] == 0
    assert "Of 100 leads 10 became deals" in pipeline_flow.flow_words(table.reset_index(), "EUR")
    assert "not counted" in pipeline_flow.flow_words(pipeline_flow.flow(deals, empty("leads"), MONTH), "EUR")


def test_regions_are_added_up_unless_somebody_answers_for_all():
    words = said([("2026-09-20", "2026-10", "n", "manager", "N", 100), ("2026-09-20", "2026-10", "vp", "manager", None, 190),
                  ("2026-09-21", "2026-10", "n", "manager", "S", 100), ("2026-09-20", "2026-11", "n", "manager", "N", 80),
                  ("2026-09-21", "2026-11", "n", "manager", "S", 70), ("2026-09-05", "2026-10", "r1", "rep", None, 50),
                  ("2026-09-25", "2026-10", "r1", "rep", "N", 60)])
    told = commits.by_month(words, MONTH)
    assert told["manager"].tolist() == [190, 150] and told["rep"].iloc[0] == 60, "a rep has one word on a month"


def test_leads_of_all_regions_count_only_where_no_region_is_counted():
    leads = pd.DataFrame({"month": pd.to_datetime(["2026-09-01"] * 3 + ["2026-08-01"]), "region": ["N", "S", None, None], "leads": [10.0, 20.0, 30.0, 40.0]})
    deals = deals_of([("r1", "N", "2026-08-01", "2026-09-05", 100.0)])
    assert pipeline_flow.flow(deals, leads, MONTH, 2)["leads"].tolist() == [40.0, 30.0]
