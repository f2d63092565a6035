"""What changed since last month's plan of orders: every step says what was changed, and the steps add up."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, random_company
from test_supply_remedies import one_line

from sop_helpers.book.conform import conform
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_changes import CAUSES, changes_words, supply_changes

RULES = {"frozen_months": 0, "whole_lots": False}


def plans(data: dict[str, pd.DataFrame], **changed: pd.DataFrame) -> pd.DataFrame:
    """The way from the plan of `data` to the plan of the same company with some tables changed."""
    before, now = (plan_supply(**tables, months=MONTHS, **RULES).stock_projection for tables in (data, data | changed))
    out = supply_changes(now, before, (data | changed)["demand"], data["demand"], data["products"])
    return conform("supply_changes", out).pivot(index="family", columns="cause", values="units")


def test_more_demand_is_named_so() -> None:
    data = one_line(hours=1000.0)
    steps = plans(data, demand=data["demand"].assign(units=data["demand"]["units"] * 1.1)).loc["F"]
    assert steps["demand"] == pytest.approx(90.0) and steps["this plan"] - steps["last plan"] == pytest.approx(90.0)
    assert steps[[c for c in CAUSES if c != "demand"]].abs().max() == pytest.approx(0)


def test_stock_orders_and_targets_are_told_apart() -> None:
    data = one_line(hours=1000.0)
    stock = pd.DataFrame({"month": [MONTHS[0]], "item": "P", "location": "plant", "on_hand": [40.0]})
    stock = pd.concat([data["inventory"], stock])[data["inventory"].columns].astype(data["inventory"].dtypes.to_dict())
    assert plans(data, inventory=stock).loc["F", "opening stock"] == pytest.approx(-40.0)
    order = {"receipt": "R", "kind": "production", "item": "P", "location": "plant", "units": 25.0, "due_month": MONTHS[1]}
    coming = pd.concat([data["receipts"], pd.DataFrame([order])])[data["receipts"].columns].astype(data["receipts"].dtypes.to_dict())
    assert plans(data, receipts=coming).loc["F", "open orders"] == pytest.approx(-25.0)
    targets = pd.DataFrame({"month": MONTHS, "item": "P", "location": "plant", "target_units": 30.0})
    assert plans(data, targets=targets).loc["F", "stock target"] == pytest.approx(30.0)
    less = data["resources"].assign(regular_hours=100.0)
    assert plans(data, resources=less).loc["F", "served otherwise"] < -1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_causes_add_up(one: int, two: int) -> None:
    before, now = random_company(one), random_company(two)
    stock = [plan_supply(**data, months=MONTHS, **RULES).stock_projection for data in (now, before)]
    shared = stock[1][stock[1]["month"] != MONTHS[0]]  # the older plan begins a month earlier, the newer one ends a month later
    out = supply_changes(stock[0], shared, now["demand"], before["demand"], now["products"])
    for column in ("units", "money"):
        steps = out.pivot(index="family", columns="cause", values=column)
        assert (steps["last plan"] + steps[list(CAUSES)].sum(axis=1) - steps["this plan"]).abs().max() <= 1e-6 * max(1.0, steps.abs().max().max())


def test_without_a_shared_month_there_is_nothing_to_say() -> None:
    data = one_line()
    stock = plan_supply(**data, months=MONTHS, **RULES).stock_projection
    none = supply_changes(stock, stock.iloc[:0], data["demand"], data["demand"], data["products"])
    assert none.empty and "nothing to compare" in changes_words(none, "EUR")
    some = supply_changes(stock, stock, data["demand"], data["demand"], data["products"])
    assert changes_words(some, "EUR") == "Orders over the months that both plans cover are those planned a month ago."
