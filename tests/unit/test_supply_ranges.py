"""The price of an hour, and how far it holds, against plans solved anew with more and with fewer hours."""

from __future__ import annotations

import numpy as np
import pytest
from supply_networks import MONTHS, random_company
from test_supply_parts import lines

from sop_helpers.planning import supply_parts
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model, regular_left
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import strategy_price


def tried_prices(net: Network, constraint: str, limit: np.ndarray, widest: float) -> int:
    """Hold the prices of a constraint against plans solved with more and with less of its limit, and return how many were tried."""
    solver = Solver(build_model(net), starting_basis(net))
    base = solver.solve(ranges=True)
    price, rows, room, tried = base.prices[constraint], solver._rows[constraint].ravel(), np.ravel(limit), 0
    for k, (one, less, more) in enumerate(zip(price.one.ravel(), price.held.less.ravel(), price.held.more.ravel(), strict=True)):
        for step in (min(more, widest), -min(less, widest)):
            if abs(step) < 1e-3 or room[k] + step < 0:
                continue
            for share in (0.5, 1.0):
                solver._highs.changeRowBounds(int(rows[k]), -np.inf, room[k] + share * step)
                gain = (base.objective - solver.solve().objective) / (share * step)
                assert gain == pytest.approx(one, rel=1e-6, abs=1e-6), (k, step, share)
                tried += 1
        solver._highs.changeRowBounds(int(rows[k]), -np.inf, room[k])
    return tried


@pytest.mark.parametrize("data", [*(lines(seed) for seed in range(4)), *(random_company(seed) for seed in (1, 3, 12))])
def test_a_price_is_the_finite_difference_as_far_as_it_is_said_to_hold(data) -> None:
    net = build_network(**data, months=MONTHS, frozen_months=0)
    assert tried_prices(net, "capacity", np.maximum(net.regular - net.committed, 0), 40.0) > 20


def test_beyond_its_range_an_hour_is_worth_something_else() -> None:
    net = build_network(**lines(1), months=MONTHS, frozen_months=0)
    solver = Solver(build_model(net), starting_basis(net))
    base = solver.solve(ranges=True)
    rows, hours = solver._rows["capacity"].ravel(), (net.regular - net.committed).ravel()
    k = int(np.argmax(np.where(np.isfinite(base.hour.held.more.ravel()), base.hour.one.ravel(), 0)))
    edge = hours[k] + base.hour.held.more.ravel()[k]
    costs = []
    for most in (edge, edge + 5.0):
        solver._highs.changeRowBounds(int(rows[k]), -np.inf, most)
        costs.append(solver.solve().objective)
    assert (costs[0] - costs[1]) / 5.0 < base.hour.one.ravel()[k] - 1e-6


def test_the_table_says_from_and_to_and_the_same_in_parts(monkeypatch) -> None:
    data = lines(1)
    whole = plan_supply(**data, months=MONTHS).capacity_load
    worth = whole[whole["value_of_hour"] > 1e-9]
    assert len(worth) and (worth["value_from_hours"] <= worth["available_hours"] + 1e-6).all()
    assert (worth["value_to_hours"].fillna(np.inf) >= worth["available_hours"] - 1e-6).all()
    free = whole[whole["value_of_hour"] == 0]
    assert len(free) and (free["value_from_hours"] <= free["available_hours"] + 1e-6).all()
    monkeypatch.setattr(supply_parts, "BIG", 1)
    parts = plan_supply(**data, months=MONTHS).capacity_load
    both = parts["value_of_hour"].to_numpy() - whole["value_of_hour"].to_numpy()
    assert np.abs(both).max() < 1e-6


@pytest.mark.parametrize("strategy", ["level", "chase"])
def test_an_hour_under_a_strategy_is_worth_what_the_plan_without_its_wishes_price_falls_by(strategy: str, monkeypatch) -> None:
    tried = wished = 0
    for data in (*map(lines, range(2)), *map(random_company, (1, 3, 12))):
        net = build_network(**data, months=MONTHS, frozen_months=0, strategy=strategy)
        solver = Solver(build_model(net), starting_basis(net))
        base, hours = solver.solve(ranges=True), regular_left(net).ravel()
        price = base.hour
        for k, (one, less, more) in enumerate(zip(price.one.ravel(), price.held.less.ravel(), price.held.more.ravel(), strict=True)):
            for step in (min(more, 5.0), -min(less, 5.0)):
                if abs(step) < 1e-3 or hours[k] + step < 0:
                    continue
                solver.right("capacity", np.where(np.arange(hours.size) == k, step, 0.0))
                found = solver.solve()
                whole, wish = base.objective - found.objective, strategy_price(net, base.values) - strategy_price(net, found.values)
                assert (whole - wish) / step == pytest.approx(one, rel=1e-6, abs=1e-6)
                tried, wished = tried + 1, wished + (abs(wish / step) > 1e-3)
        solver.right("capacity", np.zeros(hours.size))
        monkeypatch.setattr(supply_parts, "BIG", 1)
        parts = supply_parts.optimum(build_model(net), starting_basis(net)).hour
        firm = np.minimum(*price.held) > 1e-6  # where several bases are as good, each may tell another price
        assert parts.one[firm] == pytest.approx(price.one[firm], rel=1e-6, abs=1e-6)
    assert tried > 50 and wished > 0, "else prices with and without wishes are not told apart"
