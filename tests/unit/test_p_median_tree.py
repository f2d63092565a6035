"""Branch and price: bounds never exceed the best of what they bound, closed pairs cost it, and splits lose nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import p_median
from sop_helpers.planning.p_median_exact import exact
from sop_helpers.planning.p_median_master import Master, Node, knapsacks_with
from sop_helpers.planning.p_median_start import by_regret, exchanged
from sop_helpers.planning.p_median_tree import branch, splits


def made(seed: int, n: int = 14, p: int = 4) -> tuple[np.ndarray, np.ndarray, int]:
    """Return whole distances, demand and a tight capacity; distances are not symmetric."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 60, (n, 2))
    cost = np.floor(np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))) + rng.integers(0, 4, (n, n))
    demand = rng.integers(1, 10, n)
    return cost, demand, int(max(np.ceil(1.1 * demand.sum() / p), demand.max() + 1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), capacity=st.integers(1, 30))
def test_knapsacks_that_hold_an_item(seed, capacity):
    rng = np.random.default_rng(seed)
    value, demand = rng.normal(0, 5, (6, 3)), rng.integers(1, 12, 6)
    every = np.array(list(itertools.product([0, 1], repeat=6)))
    every = every[(every @ demand) <= capacity]
    found = knapsacks_with(value, demand, capacity)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("sop_helpers.planning.p_median_master.BLOCK", 1)
        np.testing.assert_array_equal(found, knapsacks_with(value, demand, capacity))
    for i in range(6):
        holds = every[every[:, i] == 1]
        np.testing.assert_allclose(found[i], (holds @ value).max(axis=0) if len(holds) else -np.inf)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 500), region=st.integers(0, 2**10 - 1), least=st.integers(0, 2))
def test_a_node_is_bounded_and_what_is_closed_costs_as_much_as_the_cutoff(seed, region, least):
    cost, demand, capacity = made(seed, 10)
    rng = np.random.default_rng(seed)
    mask = np.array([region >> k & 1 for k in range(10)], dtype=bool)
    side = (mask, float(least), np.inf) if seed % 2 else (mask, -np.inf, float(least))
    node = Node(rng.random(cost.shape) < 0.8, (side,))
    best = exact(cost, demand, capacity, 4, node.allowed, 60, node.regions)[1]
    master = Master(cost, demand, capacity, 4)
    master.open(node)
    relaxed = master.solve(cost.mean(axis=1), np.inf)
    assert relaxed.bound <= best + 1e-6
    if not np.isfinite(best):
        return
    cutoff = best + 5.0
    kept = master.closing(relaxed, cutoff)
    assert not (kept & ~node.allowed).any()
    assert exact(cost, demand, capacity, 4, kept, 60, node.regions)[1] == best
    for i, j in np.argwhere(node.allowed & ~kept)[:4]:
        only = node.allowed.copy()
        only[i] = False
        only[i, j] = True
        assert exact(cost, demand, capacity, 4, only, 60, node.regions)[1] >= cutoff - 1e-6
    for way in splits(node, cost, relaxed, 4):
        ends = [exact(cost, demand, capacity, 4, part.allowed, 60, part.regions)[1] for part in way]
        assert min(ends) == best, "a split must lose no assignment"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("small", [0, 3])
def test_the_search_finds_what_the_whole_program_finds(seed, small, monkeypatch):
    monkeypatch.setattr("sop_helpers.planning.p_median_tree.SMALL", small)
    cost, demand, capacity = made(seed, 24, 5)
    best = exact(cost, demand, capacity, 5, np.ones(cost.shape, dtype=bool), 60)[1]
    chosen, top, bound = branch(Master(cost, demand, capacity, 5), cost.mean(axis=1), np.zeros(24, dtype=int), np.inf, 0.999, 60)
    assert top == best and best - 1 < bound <= best
    assert np.bincount(chosen, weights=demand).max() <= capacity and len(np.unique(chosen)) <= 5 and cost[np.arange(24), chosen].sum() == best


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_search_cut_short_does_not_say_optimal(seconds):
    cost, demand, capacity = made(2, 60, 7)
    short, full = (p_median.choose_seats(cost, demand, capacity, 7, limit) for limit in (seconds, 120.0))
    assert full.optimal and short.bound <= full.cost <= short.cost
    assert short.optimal == (short.bound >= short.cost - 1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_exchanges_keep_capacity_and_never_cost_more(seed):
    cost, demand, capacity = made(seed, 20, 4)
    seats = np.random.default_rng(seed).choice(20, 4, replace=False)
    place = by_regret(cost, demand, 1.3 * capacity, seats)
    if place is None:
        return
    before = seats[place]
    after, least = exchanged(cost, demand, 1.3 * capacity, before)
    assert least == cost[np.arange(20), after].sum() <= cost[np.arange(20), before].sum()
    assert np.bincount(after, weights=demand).max() <= 1.3 * capacity and len(np.unique(after)) <= 4
    for i, seat in itertools.product(range(20), np.unique(after)):
        if np.bincount(after, weights=demand)[seat] + demand[i] <= 1.3 * capacity:
            assert cost[i, seat] >= cost[i, after[i]] - 1e-9, "no shift is left"
