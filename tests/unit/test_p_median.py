"""Seats of territories: against brute force; the bound never lies."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import p_median
from sop_helpers.planning.p_median_master import knapsacks


def made(seed: int, n: int, whole: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and demand of n accounts on a square."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 50, (n, 2))
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    return (np.floor(distance) if whole else distance), rng.integers(1, 10, n).astype(float)


def by_hand(distance: np.ndarray, demand: np.ndarray, capacity: float, p: int) -> float:
    """Return the least cost over all sets of seats and all assignments."""
    least = np.inf
    for seats in itertools.combinations(range(len(demand)), p):
        for to in itertools.product(seats, repeat=len(demand)):
            if np.bincount(to, weights=demand).max() <= capacity:
                least = min(least, distance[np.arange(len(demand)), to].sum())
    return least


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("whole", [True, False])
def test_nothing_beats_the_seats_chosen(seed, whole):
    distance, demand = made(seed, 7, whole)
    capacity = float(np.ceil(0.6 * demand.sum()))
    found = p_median.choose_seats(distance, demand, capacity, 2)
    assert found.cost == pytest.approx(by_hand(distance, demand, capacity, 2)) and found.optimal and found.bound <= found.cost + 1e-9


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), capacity=st.integers(1, 30))
def test_knapsacks_take_the_best_that_fits(seed, capacity):
    rng = np.random.default_rng(seed)
    value, demand = rng.normal(0, 5, (6, 3)), rng.integers(1, 12, 6)
    gain, taken = knapsacks(value, demand, capacity)
    every = np.array(list(itertools.product([0, 1], repeat=6)))
    fits = every[(every @ demand) <= capacity]
    np.testing.assert_allclose(gain, (fits @ value).max(axis=0))
    np.testing.assert_allclose((taken * value).sum(axis=0), gain)
    assert (demand @ taken <= capacity).all()


def test_demand_that_is_not_whole_is_left_to_the_solver():
    distance, demand = made(3, 12)
    found = p_median.choose_seats(distance, demand + 0.25, 0.5 * demand.sum(), 3)
    assert found.optimal and len(found.seats) <= 3 and np.bincount(found.chosen, weights=demand + 0.25).max() <= 0.5 * demand.sum()


def test_what_cannot_fit_is_refused():
    distance, demand = made(0, 6)
    with pytest.raises(ValueError, match="does not fit into 2 x 5"):
        p_median.choose_seats(distance, demand, 5.0, 2)
