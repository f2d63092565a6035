"""What is made to order: due after the lead time promised, backlog until then, late only beyond it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly

from sop_helpers.planning.consensus import build_streams
from sop_helpers.planning.join import revenue_steps
from sop_helpers.planning.join_model import JoinModel
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_orders import Promises, promised

RULES = {"frozen_months": 0, "patience_months": 3}
PRODUCT = {"product": "A", "family": "F", "unit_price": 100.0, "unit_cost": 40.0, "made_to": "order"}


def works(units: list[float], ordered: list[tuple[int, float]], most: float | None = None, **product: object) -> dict[str, pd.DataFrame]:
    """A workshop that makes A to order: bookings by month, open orders by months from now, and most that it makes in a month."""
    due = [MONTHS[0] + pd.DateOffset(months=m) for m, _ in ordered]
    orders = [{"order": f"o{n}", "product": "A", "region": "R", "due_month": due[n], "units": u} for n, (_, u) in enumerate(ordered)]
    return company(
        demand=monthly(units, product="A", region="R"), open_orders=orders, products=[PRODUCT | product],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "W", "lead_time_months": 0.0, "unit_cost": 40.0, "max_units": most}],
        regions=[{"region": "R", "ship_from": "W"}],
    )  # fmt: skip


def served(tables: dict[str, pd.DataFrame], **rules: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Demand served, and shortages."""
    plan = plan_supply(**tables, months=MONTHS, **(RULES | rules))
    return plan.constrained_demand, plan.shortages


def test_bookings_are_shipped_after_the_lead_time_promised_and_open_orders_when_due() -> None:
    got, short = served(works([10.0, 11, 12, 13, 14, 15], [(0, 7), (1, 9)], promised_months=2.0))
    assert got["shipped_units"].tolist() == pytest.approx([7, 9, 10, 11, 12, 13])
    assert got["demand_units"].tolist() == [10, 11, 12, 13, 14, 15] and short.empty
    assert got["opening_backlog_units"].iloc[0] == 16 and got["backlog_units"].tolist() == pytest.approx([19, 21, 23, 25, 27, 29])
    assert got["not_due_units"].tolist() == pytest.approx(got["backlog_units"].tolist()), "nothing is late"


def test_only_what_is_past_its_promise_is_late() -> None:
    got, short = served(works([10.0] * 6, [(-1, 3), (0, 8), (1, 20)], most=12.0, promised_months=2.0))
    # 11 of 12 in October; 20 are due in November, of which 12 can be made; then 10 a month, so 2 catch up each month.
    assert got["shipped_units"].tolist() == pytest.approx([11, 12, 12, 12, 12, 12])
    late = got["backlog_units"] - got["not_due_units"]
    assert late.tolist() == pytest.approx([0, 8, 6, 4, 2, 0]) and short["short_units"].sum() == pytest.approx(8 + 8 + 6 + 4 + 2, abs=8)
    assert set(short["month"]) <= set(MONTHS[1:5])


def test_without_a_promise_all_is_as_before() -> None:
    with_column, _ = served(works([10.0] * 6, [(0, 7), (1, 9)], promised_months=np.nan))
    to_stock, _ = served(works([10.0] * 6, [(0, 7), (1, 9)], made_to="stock", promised_months=2.0))
    for got in (with_column, to_stock):
        assert got["shipped_units"].tolist() == [10] * 6 and got["not_due_units"].eq(0).all()


@given(
    booked=st.lists(st.integers(0, 40), min_size=6, max_size=6), ordered=st.lists(st.tuples(st.integers(-2, 8), st.integers(1, 40)), max_size=5),
    wait=st.sampled_from([0.0, 0.3, 1.0, 1.5, 2.0, 4.75, 7.0]), most=st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=12, deadline=None, derandomize=True)
def test_backlog_is_backlog_before_plus_bookings_less_shipments(booked: list[int], ordered: list[tuple[int, int]], wait: float, most: int) -> None:
    got, _ = served(works([float(u) for u in booked], [(m, float(u)) for m, u in ordered], most=float(most), promised_months=float(wait)))
    left = got["opening_backlog_units"] + got["demand_units"]
    np.testing.assert_allclose(left, got["shipped_units"] + got["lost_units"] + got["backlog_units"], atol=1e-6)
    np.testing.assert_allclose(got["opening_backlog_units"].iloc[1:], got["backlog_units"].iloc[:-1], atol=1e-6)
    assert (got["not_due_units"] <= got["backlog_units"] + 1e-6).all() and got["demand_units"].tolist() == booked
    counted = sum(u for m, u in ordered if m < 0 or wait)
    assert got["opening_backlog_units"].iloc[0] == pytest.approx(counted)


def test_due_and_ahead_by_hand() -> None:
    told = Promises(np.array([0, 1]), np.array([[0.0, 0, 0, 0], [5, 2, 0, 1]]))
    booked = np.array([[3.0, 4, 5], [6, 7, 8]])
    assert told.due(booked).tolist() == [[3, 4, 5], [5, 8, 7]]
    assert told.ahead(booked).tolist() == [[0, 0, 0, 0], [8, 9, 8, 9]]


def test_a_promise_may_be_of_part_of_a_month() -> None:
    rows = pd.DataFrame({"product": list("abcd"), "made_to": ["order", "order", "stock", "order"], "promised_months": [1.5, 0.4, 3.0, np.nan]})
    assert promised(rows).to_dict() == {"a": 1.5, "b": 0.4} and promised(rows[["product"]]).empty
    told = Promises(np.array([1.5, 0.25, 99.0]), np.zeros((3, 4)))
    assert told.due(np.array([[8.0, 0, 0], [8, 4, 0], [8, 4, 0]])).tolist() == [[0, 4, 4], [6, 5, 1], [0, 0, 0]]


def test_the_join_ships_as_the_plan_does_and_adds_up() -> None:
    tables = works([10.0] * 6, [(0, 8), (1, 20)], most=12.0, promised_months=2.0)
    tables["demand"] = tables["demand"].assign(revenue=tables["demand"]["units"] * 100.0)
    got, _ = served(tables, whole_lots=False)
    targets = tables.pop("targets")
    answer = JoinModel(tables, targets, None, MONTHS, **RULES).answer()
    assert answer.units["shipped_units"].sum() == pytest.approx(got["shipped_units"].sum())
    assert answer.units["demand_units"].tolist() == [10] * 6 == answer.units["sold_units"].tolist()
    money = answer.sellable
    assert money["owed_revenue"].iloc[0] == pytest.approx(2800)
    steps = revenue_steps(money)
    assert steps[:-1].sum() == pytest.approx(steps["sellable"]) == pytest.approx(100 * got["shipped_units"].sum())
    assert -steps["not due yet"] == pytest.approx(2000) and -steps["no supply"] == pytest.approx(100 * (got["backlog_units"] - got["not_due_units"]).iloc[-1])
    assert money["limited_by"].iloc[0] == "nothing" and money["limited_by"].iloc[1] == "supply", "backlog that is not due limits nothing"


def test_open_orders_of_what_waits_do_not_raise_the_bookings_planned() -> None:
    own = pd.DataFrame({"month": MONTHS[:3], "product": "A", "region": "R", "stream": "statistical", "source": "x", "units": 10.0})
    tables = works([10.0] * 6, [(0, 50)], promised_months=2.0)
    overrides = pd.DataFrame(columns=["id", "month", "product", "region", "family", "units", "expires", "reason", "author", "created_at"])
    plan = {made: build_streams(own, tables["products"].assign(made_to=made), overrides, tables["open_orders"], month=MONTHS[0]) for made in ("order", "stock")}
    assert plan["order"]["units"].sum() == 30 and plan["stock"]["units"].sum() > 30
