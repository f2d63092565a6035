"""Locked cells stand exactly, wider words go around them and still add up, and who finds no room is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, insights, open_orders, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st
from test_consensus import build, forecast, past

from sop_helpers.planning import consensus, locks, override_checks
from sop_helpers.planning.cells import CELL, touched

MONTH = HORIZON[3]
SPAN = {"start_month": MONTH, "end_month": MONTH}
P0 = {"product": "P0", "region": "R0"}
FAMILY = products(4).set_index("product")["family"]
OWN = consensus.own_view(forecast(), past(), products(4), insights(), month=HORIZON[0])


def said(*rows: dict) -> pd.DataFrame:
    """Overrides of one month, each an hour after the one before; named after their place."""
    start = pd.Timestamp("2026-10-02")
    return overrides(*[SPAN | {"id": f"o{k}", "author": f"A{k}", "time": start + pd.Timedelta(hours=k)} | row for k, row in enumerate(rows)])


def planned(*rows: dict, **more) -> pd.DataFrame:
    """The plan of that month with these overrides, the family beside it."""
    plan = build(said=said(*rows), **more)[1]
    return plan[plan["month"] == MONTH].assign(family=lambda f: f["product"].map(FAMILY))


def scope_of(row: dict) -> dict[str, str]:
    return {c: row[c] for c in ("family", "product", "region") if c in row}


def of(plan: pd.DataFrame, **scope: str) -> float:
    return float(plan.loc[touched(plan, pd.Series(SPAN | scope)), "units"].sum())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_wider_override_gives_the_rest_in_proportion_whichever_came_first(order: tuple[int, int]) -> None:
    free, rows = planned(), [P0 | {"units": 70.0, "locked": True}, {"family": "F0", "units": 1000.0}]
    plan = planned(*[rows[k] for k in order])
    assert of(plan, **P0) == 70.0 and of(plan, family="F0") == pytest.approx(1000.0, rel=1e-12)
    rest = (plan["family"] == "F0") & ~((plan["product"] == "P0") & (plan["region"] == "R0"))
    np.testing.assert_allclose(plan.loc[rest, "units"], 930.0 * free.loc[rest, "units"] / free.loc[rest, "units"].sum())
    apart = planned(*[one | {"locked": False} for one in (rows[k] for k in order)])
    assert of(apart, **P0) != 70.0 or of(apart, family="F0") != pytest.approx(1000.0), "without a lock one of the two gives way"


def test_nothing_else_moves_a_locked_cell() -> None:
    later = [{"change_pct": 50.0}, P0 | {"units": 5.0}, P0 | {"change_pct": -100.0}, {"region": "R0", "units": 1.0}]
    orders = open_orders({"order": "x", "product": "P0", "region": "R0", "due_month": MONTH, "units": 5000.0, "revenue": 0.0})
    lock = P0 | {"units": 70.0, "locked": True}
    for row in later:
        assert of(planned(lock, row, orders=orders), **P0) == pytest.approx(70.0, abs=1e-9), row
    streams, _ = build(said=said(lock), orders=orders)
    told = override_checks.below_orders(streams, orders, products(4))["message"]
    assert told.str.contains("below what is ordered").any(), "orders above a lock do not move it, and are told"


def test_a_lock_on_a_family_keeps_the_mix_that_was_there_when_it_was_set() -> None:
    mine = planned(P0 | {"units": 400.0}, {"family": "F0", "units": 1000.0})
    locked = planned(P0 | {"units": 400.0}, {"family": "F0", "units": 1000.0}, {"family": "F0", "units": 1000.0, "locked": True}, P0 | {"units": 1.0})
    np.testing.assert_allclose(locked["units"], mine["units"], rtol=1e-12)


def test_of_two_locks_the_narrower_holds_and_of_equal_ones_the_earlier() -> None:
    for order in ((0, 1), (1, 0)):
        rows = [P0 | {"units": 70.0, "locked": True}, {"family": "F0", "units": 1000.0, "locked": True}]
        plan = planned(*[rows[k] for k in order])
        assert of(plan, **P0) == 70.0 and of(plan, family="F0") == pytest.approx(1000.0)
    assert of(planned(P0 | {"units": 70.0, "locked": True}, P0 | {"units": 80.0, "locked": True}), **P0) == 70.0
    assert of(planned(P0 | {"units": 70.0, "locked": True, "expires_month": HORIZON[0]}, P0 | {"units": 80.0}), **P0) == 80.0


WHERE = [{}, {"family": "F0"}, {"family": "F1"}, {"product": "P0"}, {"product": "P3"}, {"region": "R1"}, P0, {"product": "P1", "region": "R1"}]
WORD = st.tuples(st.sampled_from(WHERE), st.floats(0, 1e6), st.booleans(), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(WORD, min_size=2, max_size=6))
def test_locked_cells_are_exact_sums_hold_and_nothing_is_negative(words: list[tuple]) -> None:
    rows = [where | ({"units": units, "locked": locked} if locked or whole else {"change_pct": units / 1e4 - 50}) for where, units, locked, whole in words]
    streams = consensus.build_streams(OWN, products(4), said(*rows), open_orders(), month=HORIZON[0])
    plan = consensus.demand_plan(streams, products(4))
    np.testing.assert_allclose(streams.groupby(CELL)["units"].sum().clip(lower=0), plan["units"], rtol=1e-9, atol=1e-6)
    assert (plan["units"] >= 0).all() and plan["units"].notna().all()
    told = set(override_checks.locked_out(said(*rows), plan, products(4), HORIZON[0])["source"])
    plan = plan[plan["month"] == MONTH].assign(family=lambda f: f["product"].map(FAMILY))
    for place, row in enumerate(rows):  # every lock adds up to its units, or its author is told why not
        assert not row.get("locked") or f"o{place}" in told or of(plan, **scope_of(row)) == pytest.approx(row["units"], rel=2e-6, abs=2e-6)
    # The last word, without a lock, moves no cell that the others locked.
    before = consensus.build_streams(OWN, products(4), said(*rows[:-1]), open_orders(), month=HORIZON[0])
    before = consensus.demand_plan(before, products(4)).set_index(CELL)["units"].reindex(pd.MultiIndex.from_frame(plan[CELL])).to_numpy()
    mine = (locks.holders(plan, locks.in_order(said(*rows[:-1]), HORIZON[0])) != "").to_numpy() & (not rows[-1].get("locked"))
    np.testing.assert_allclose(plan["units"].to_numpy()[mine], before[mine], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("rows", "message"), [
    ([P0 | {"units": 70.0, "locked": True}, {"family": "F0", "units": 50.0}],
     "F0 cannot be set to 50 units a month: 70 units are locked in 2027-01, by A0 (o0); what is locked stands"),
    ([P0 | {"units": 1.0, "locked": True}, P0 | {"units": 50.0, "author": "Cy"}],
     "P0 / R0 cannot be set to 50 units a month: 1 unit is locked in 2027-01, by A0 (o0); what is locked stands"),
    ([P0 | {"units": 70.0, "locked": True, "end_month": HORIZON[5]}, P0 | {"change_pct": 5.0, "end_month": HORIZON[5]}],
     "P0 / R0 cannot be set by +5 %: 70 units are locked in 2027-01, and too much in 2 further months, by A0 (o0); what is locked stands"),
])
def test_who_finds_no_room_is_told_by_whom(rows: list[dict], message: str) -> None:
    plan = build(said=said(*rows))[1]
    out = override_checks.locked_out(said(*rows), plan, products(4), HORIZON[0])
    assert out[["source", "message"]].to_numpy().tolist() == [["o1", message]]
    assert override_checks.replaced(said(*rows), plan, products(4), HORIZON[0]).empty, "a locked one was not replaced"
    assert plan.loc[(plan["month"] == MONTH) & (plan["product"] == "P0") & (plan["region"] == "R0"), "units"].item() == pytest.approx(rows[0]["units"])


@pytest.mark.parametrize("row", [{"family": "F0", "units": 1000.0}, {"change_pct": 5.0}, P0 | {"units": 70.0}, {"product": "P3", "units": 5.0}])
def test_nobody_is_told_who_found_room(row: dict) -> None:
    rows = [P0 | {"units": 70.0, "locked": True}, row]
    assert override_checks.locked_out(said(*rows), build(said=said(*rows))[1], products(4), HORIZON[0]).empty
    assert override_checks.locked_out(overrides(), build()[1], products(4), HORIZON[0]).empty
