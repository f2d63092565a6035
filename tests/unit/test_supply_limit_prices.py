"""What one more of a supplier's limit or of space would save, by hand and against plans solved anew, and how far it holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from supply_networks import MONTHS, random_company, table
from test_supply_limits import plan, shop
from test_supply_ranges import tried_prices

from sop_helpers.book.conform import conform
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_parts import solve_in_parts
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import starting_basis

PLACES = ("plant", "depot")


def told(c, **rules) -> pd.DataFrame:
    return conform("limit_prices", plan(c, frozen_months=0, whole_lots=False, **rules).limit_prices)


def limited(seed: int, measure: str = "max_units"):
    """A random company whose supplier and whose places are short of what it would like."""
    draw = np.random.default_rng([11, seed])
    per = 1.0 if measure == "max_units" else 3.0
    return random_company(seed) | {
        "supplier_limits": table("supplier_limits", [{"supplier": "S", measure: per * float(draw.integers(20, 160))}]),
        "location_limits": table("location_limits", [{"location": at, "max_units": float(draw.integers(5, 90)), "over_cost": 2.0} for at in PLACES]),
    }


def test_one_more_from_a_supplier_saves_what_one_unit_a_month_late_costs():
    c = shop([100.0, 0, 0, 0, 0, 0], product={"backorder_cost": 3.0}, supplier_limits=[{"supplier": "S", "max_units": 60.0}])
    first = told(c).set_index("month").loc[MONTHS[0]]
    assert first[["kind", "name", "measure"]].tolist() == ["supplier", "S", "units"]
    assert first[["room", "planned", "over", "value_of_one"]].tolist() == pytest.approx([60.0, 60.0, 0.0, 3.0])
    # With less than 40 the second month's 60 would not make up for it; with 100 nothing is late.
    assert first[["value_from", "value_to"]].tolist() == pytest.approx([40.0, 100.0])
    assert told(c)["value_of_one"].tolist()[2:] == pytest.approx([0.0] * 4)


def test_a_limit_in_money_is_priced_by_the_money_and_open_orders_take_their_part():
    receipts = [{"receipt": "R", "kind": "purchase", "item": "A", "location": "main", "due_month": MONTHS[0], "units": 20.0, "supplier": "S"}]
    c = shop([100.0, 0, 0, 0, 0, 0], product={"backorder_cost": 3.0}, supplier_limits=[{"supplier": "S", "max_value": 600.0}], receipts=receipts)
    first = told(c).iloc[0]
    assert first["measure"] == "value" and first["room"] == pytest.approx(400.0) and first["value_of_one"] == pytest.approx(0.3)


def test_one_more_unit_of_space_saves_the_price_of_overrunning_it():
    c = shop([0.0, 0, 0, 80, 0, 0], operation={"max_units": 30.0}, location_limits=[{"location": "main", "max_units": 25.0, "over_cost": 0.5}])
    third = told(c).set_index("month").loc[MONTHS[2]]
    assert third[["kind", "name", "measure"]].tolist() == ["location", "main", "units"]
    assert third[["room", "planned", "over", "value_of_one", "value_to"]].tolist() == pytest.approx([25.0, 50.0, 25.0, 0.5, 50.0])


@pytest.mark.parametrize("measure", ["max_units", "max_value"])
def test_prices_are_finite_differences_as_far_as_they_are_said_to_hold(measure):
    tried = {}
    for seed in range(6):
        net = build_network(**limited(seed, measure), months=MONTHS, frozen_months=0)
        limits = {f"supplier S {measure.removeprefix('max_')}": net.limits.supplied[0]}
        limits |= {f"space of {name}": room for name, room in zip(net.limits.locations, net.limits.space, strict=True)}
        for name, room in limits.items():
            tried[name.split()[0]] = tried.get(name.split()[0], 0) + tried_prices(net, name, room, 20.0)
    assert min(tried.values()) > 40 and len(tried) == 2


@pytest.mark.parametrize("seed", range(4))
def test_those_limits_bind_and_a_plan_in_parts_prices_them_too(seed):
    net = build_network(**limited(seed), months=MONTHS, frozen_months=0)
    model, start = build_model(net), starting_basis(net)
    whole, parts = Solver(model, start).solve(ranges=True), solve_in_parts(model, start)[0]
    assert sorted(parts.prices) == sorted(whole.prices)
    assert sum((price.one > 1e-6).sum() for name, price in whole.prices.items() if name != "capacity") > 0
    for name, price in parts.prices.items():
        again, other = price.one, whole.prices[name].one
        # Where several prices are right on either side of a kink, both stay within the other's range; elsewhere they are the same.
        same = np.isclose(again, other, atol=1e-6)
        kink = np.minimum(whole.prices[name].held.less, whole.prices[name].held.more) < 1e-6
        assert (same | kink).all(), name


def test_without_limits_there_is_nothing_to_tell():
    assert told(random_company(1)).empty
    only = random_company(1) | {"supplier_limits": table("supplier_limits", [{"supplier": "S", "month": MONTHS[2], "max_units": 5.0}])}
    assert told(only)["month"].tolist() == [MONTHS[2]], "months without a limit are left out"
