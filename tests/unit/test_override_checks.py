"""Overrides that a wider one replaced, and plans set below what is ordered, are told to the planner."""

from __future__ import annotations

import pandas as pd
import pytest

from sop_helpers.planning.override_checks import below_orders, replaced

MONTHS = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")
PLAN = pd.DataFrame([(m, p, r) for m in MONTHS for p in ("P0", "P1") for r in ("R0", "R1")], columns=["month", "product", "region"])
FAMILY = pd.DataFrame({"product": ["P0", "P1"], "family": ["F", "F"]})
ONE = {"family": None, "product": None, "region": None, "units": 5.0, "change_pct": float("nan"), "expires_month": pd.NaT}


def said(*rows: dict) -> pd.DataFrame:
    span, day = {"start_month": MONTHS[0], "end_month": MONTHS[1]}, pd.Timestamp("2026-10-02")
    return pd.DataFrame([ONE | span | {"id": f"o{k}", "author": f"A{k}", "time": day + pd.Timedelta(hours=k)} | row for k, row in enumerate(rows)])


def test_who_set_a_product_is_told_that_its_family_was_set_afterwards() -> None:
    found = replaced(said({"product": "P0"}, {"family": "F", "start_month": MONTHS[1]}), PLAN, FAMILY, MONTHS[0])
    assert found[["what", "source"]].to_numpy().tolist() == [["override", "o0"]]
    assert found["message"].iloc[0] == "P0, set by A0, no longer stands in 2026-11: A1 set F afterwards (o1); set it again if it shall"


@pytest.mark.parametrize("rows", [
    ({"family": "F"}, {"product": "P0"}),  # the narrower one came later
    ({"product": "P0"}, {"product": "P0"}),  # said again
    ({"product": "P0"}, {"family": "F", "units": float("nan"), "change_pct": 5.0}),  # a change in per cent keeps it
    ({"product": "P0"}, {"family": "F", "start_month": MONTHS[2], "end_month": MONTHS[2]}),  # of other months
    ({"product": "P0", "expires_month": MONTHS[0]}, {"family": "F"}),  # does not stand any more
])
def test_nobody_is_told_of_what_still_stands_or_was_meant(rows: tuple[dict, ...]) -> None:
    assert replaced(said(*rows), PLAN, FAMILY, MONTHS[0]).empty
    assert replaced(said(*rows).iloc[:0], PLAN, FAMILY, MONTHS[0]).empty


def test_a_plan_set_below_what_is_ordered_is_named_with_who_set_it() -> None:
    streams = pd.DataFrame([
        (MONTHS[0], "P0", "R0", "statistical", "ets", 100.0), (MONTHS[0], "P0", "R0", "override", "Ann o1", -91.0),
        (MONTHS[0], "P1", "R0", "statistical", "ets", 9.0),
        (MONTHS[0], "P0", "R1", "statistical", "ets", 10.0), (MONTHS[0], "P0", "R1", "override", "Ann o1", 5.0),
    ], columns=["month", "product", "region", "stream", "source", "units"])  # fmt: skip
    orders = pd.DataFrame({"product": ["P0", "P1"], "region": "R0", "due_month": MONTHS[0], "units": [50.0, 50.0]})
    found = below_orders(streams, orders, FAMILY)
    assert found["source"].tolist() == ["Ann o1"], "a plan that nobody set is raised to the orders before"
    assert found["message"].iloc[0] == "the plan of P0 in R0 lies 41 units below what is ordered for 2026-10"
    assert below_orders(streams, orders.iloc[:0], FAMILY).empty and below_orders(streams, orders.assign(units=9.0), FAMILY).empty
