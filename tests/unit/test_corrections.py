"""Corrections: people's decisions count before the rules, and raw plus accepted stays cleansed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import MONTHS, demand, products, regions, sales
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.config import Workbook
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.journal import Journal
from sop_helpers.planning import corrections as c
from sop_helpers.planning import history
from sop_helpers.planning.cells import places

NOBODY = pd.DataFrame(columns=["id", "author", "time", "reason", "product", "region", "cause", "start_month", "end_month", "accepted"])


def company(values: np.ndarray) -> tuple[pd.DataFrame, history.Panel]:
    raw = history.complete_history(sales(values), products(), MONTHS[-1])
    return raw, history.history_panel(raw, products(), "raw_units")


def said(*rows: dict) -> pd.DataFrame:
    usual = {"id": "correction-0001", "author": "Mia", "time": pd.Timestamp("2026-10-02"), "reason": "seen", "product": None, "region": None, "cause": None}
    return pd.DataFrame([usual | row for row in rows], columns=NOBODY.columns)


def odd() -> np.ndarray:
    values = demand()
    values[2, 30] *= 3.0
    values[5, 59] *= 3.0
    return values


def test_without_decisions_the_rules_decide() -> None:
    raw, panel = company(odd())
    corrections, cleansed = c.correct(raw, panel, NOBODY)
    plain = history.propose_corrections(panel)
    pd.testing.assert_frame_equal(corrections[plain.columns], plain)
    pd.testing.assert_frame_equal(cleansed, history.cleanse(raw, plain))
    assert corrections["decided_by"].isna().all()


def test_a_decision_takes_the_place_of_the_rule_both_ways() -> None:
    raw, panel = company(odd())
    no = {"product": "P1", "region": "R0", "cause": "outlier", "start_month": MONTHS[30], "end_month": MONTHS[30], "accepted": False}
    yes = {"product": "P2", "start_month": MONTHS[58], "end_month": MONTHS[59], "accepted": True, "author": "Noah", "id": "correction-0002"}
    corrections, cleansed = c.correct(raw, panel, said(no, yes))
    rows = corrections[corrections["cause"] == "outlier"].set_index("month")
    assert not rows.loc[MONTHS[30], "accepted"] and rows.loc[MONTHS[30], "decided_by"] == "Mia"
    assert rows.loc[MONTHS[59], "accepted"] and rows.loc[MONTHS[59], "decided_by"] == "Noah"
    cell = cleansed.set_index(["product", "region", "month"])
    assert cell.loc[("P1", "R0", MONTHS[30]), "units"] == odd()[2, 30]
    assert cell.loc[("P2", "R1", MONTHS[59]), "units"] < odd()[5, 59] / 2
    listed = c.decision_list(corrections, said(no, yes))
    assert list(listed["verdict"]) == ["rejected", "accepted"] and list(listed["corrections"]) == [1, 1]
    assert listed["about"].iloc[0] == f"outlier, P1, R0, {MONTHS[30]:%Y-%m}"


def test_the_later_word_counts() -> None:
    raw, panel = company(odd())
    base = {"start_month": MONTHS[0], "end_month": MONTHS[59], "cause": "outlier"}
    first = base | {"accepted": True, "time": pd.Timestamp("2026-10-03"), "id": "b", "author": "late"}
    second = base | {"accepted": False, "time": pd.Timestamp("2026-10-01"), "id": "a", "author": "early"}
    corrections, _ = c.correct(raw, panel, said(first, second))
    outliers = corrections[corrections["cause"] == "outlier"]
    assert len(outliers) >= 2 and outliers["accepted"].all() and set(outliers["decided_by"]) == {"late"}


def test_a_decision_on_a_channel_is_about_its_regions() -> None:
    raw, panel = company(odd())
    word = said({"region": "online", "start_month": MONTHS[0], "end_month": MONTHS[59], "accepted": True})
    corrections, _ = c.correct(raw, panel, word, regions=places(regions()))
    mine = corrections["decided_by"].notna()
    assert mine.sum() and set(corrections.loc[mine, "region"]) == {"R1"} and set(corrections.loc[~mine, "region"]) == {"R0"}
    assert c.decision_list(corrections, word, places(regions()))["corrections"].tolist() == [mine.sum()]
    alone, _ = c.correct(raw, panel, word)
    assert alone["decided_by"].isna().all(), "without the table nobody knows what online is"


def test_a_decision_about_nothing_says_so() -> None:
    raw, panel = company(demand(noise=0.05))
    lost = said({"product": "P9", "start_month": MONTHS[1], "end_month": MONTHS[1], "accepted": False})
    corrections, _ = c.correct(raw, panel, lost)
    assert c.decision_list(corrections, lost)["verdict"].item() == "no such correction is proposed any more"


def test_a_decision_comes_from_the_journal_with_author_and_reason(tmp_path) -> None:
    journal = Journal(Workbook(company={"name": "Tiny"}, root=tmp_path), "2026-10")
    span = {"start_month": f"{MONTHS[30]:%Y-%m}", "end_month": f"{MONTHS[30]:%Y-%m}"}
    journal.add("correction", author="Mia", reason="a tender that comes every year", product="P1", region="R0", cause="outlier", accepted="no", **span)
    raw, panel = company(odd())
    corrections, _ = c.correct(raw, panel, journal.read("correction"))
    row = corrections[corrections["month"] == MONTHS[30]].iloc[0]
    assert (row["accepted"], row["decided_by"], row["reason"]) == (False, "Mia", "a tender that comes every year")
    with pytest.raises(WorkbookError, match="correction needs accepted"):
        journal.add("correction", author="Mia", **span)
    with pytest.raises(WorkbookError, match="cause 'magic' is unknown"):
        journal.add("correction", author="Mia", cause="magic", accepted="yes", **span)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59), st.booleans(), st.sampled_from([None, "P0", "P3"])), max_size=4))
def test_raw_plus_accepted_is_cleansed_whatever_people_decide(seed: int, spoken: list) -> None:
    rng = np.random.default_rng(seed)
    values = demand() * np.where(rng.random((12, 60)) < 0.03, 10, 1) * np.where(rng.random((12, 60)) < 0.03, 0.1, 1)
    values[3, 30:] *= rng.choice([0.4, 1.0, 2.5])
    raw, panel = company(values)
    words = [{"start_month": MONTHS[min(a, b)], "end_month": MONTHS[max(a, b)], "accepted": ok, "product": p} for a, b, ok, p in spoken]
    corrections, cleansed = c.correct(raw, panel, said(*words) if words else NOBODY)
    assert not corrections.duplicated(["month", "product", "region", "cause"]).any()
    taken = corrections[corrections["accepted"]].groupby(c.CELL)["units"].sum().rename("change").reset_index()
    both = cleansed.merge(taken, how="left").fillna({"change": 0.0})
    assert (both["raw_units"] + both["change"] - both["units"]).abs().max() <= 1e-9 * values.max()
