"""Good assignments for the capacitated p-median to start from: regret, seats moved to the middle, accounts shifted and swapped."""

from __future__ import annotations

import numpy as np


def first_seats(cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, given: list[np.ndarray] | None = None) -> tuple[np.ndarray, float]:
    """Return an assignment by alternating between assigning accounts by regret and moving seats to the middle of theirs, then exchanges; its cost is infinite
    if none fits.

    Starts from the sets of seats given, else from twenty drawn with a fixed seed.
    """
    rng = np.random.default_rng(0)
    top, kept, every = np.inf, np.zeros(len(cost), dtype=int), np.arange(len(cost))
    for seats in given or [rng.choice(len(cost), p, replace=False) for _ in range(20)]:
        least, best = np.inf, kept
        for _ in range(15):
            chosen = by_regret(cost, demand, capacity, seats)
            if chosen is None:
                break
            moved = (cost.T @ np.eye(p)[chosen]).argmin(axis=0)
            total = float(cost[every, moved[chosen]].sum())
            if total < least - 1e-9 and len(np.unique(moved)) == p:
                least, best = total, moved[chosen]
            if (moved == seats).all():
                break
            seats = moved
        if np.isfinite(least):
            best, least = exchanged(cost, demand, capacity, best)
        if least < top - 1e-9:
            top, kept = least, best
    return kept, top


def by_regret(cost: np.ndarray, demand: np.ndarray, capacity: float, seats: np.ndarray) -> np.ndarray | None:
    """Return the place of each account's seat in `seats`, those that lose most by their second choice first; None where one does not fit any more."""
    order = np.sort(cost[:, seats], axis=1)
    turn = np.argsort(-(order[:, min(1, len(seats) - 1)] - order[:, 0]) - 1e-3 * demand, kind="stable")
    left, chosen = np.full(len(seats), float(capacity)), np.full(len(cost), -1)
    for i in turn:
        fits = np.where(left >= demand[i], cost[i, seats], np.inf)
        if np.isinf(fits.min()):
            return None
        chosen[i] = int(fits.argmin())
        left[chosen[i]] -= demand[i]
    return chosen


def replaced(cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, chosen: np.ndarray, rounds: int = 100) -> tuple[np.ndarray, float]:
    """Return the best of an assignment and those found by putting one seat, drawn with a fixed seed, in another place and starting from there, and its cost."""
    rng = np.random.default_rng(1)
    top = float(cost[np.arange(len(cost)), chosen].sum())
    for _ in range(rounds):
        seats = np.unique(chosen)
        free = np.setdiff1d(np.arange(len(cost)), seats)
        if len(seats) < p or not len(free):
            break
        seats[rng.integers(p)] = rng.choice(free)
        found, least = first_seats(cost, demand, capacity, p, [seats])
        if least < top - 1e-9:
            chosen, top = found, least
    return chosen, top


def exchanged(cost: np.ndarray, demand: np.ndarray, capacity: float, chosen: np.ndarray, most: int = 500) -> tuple[np.ndarray, float]:
    """Return an assignment that no shift of one account, swap of two, or move of a seat within what it serves makes cheaper, and its cost.

    The neighbourhood of Osman and Christofides 1994, International Transactions in Operational Research 1, best improvement first.
    """
    chosen, n = chosen.copy(), len(cost)
    every = np.arange(n)
    for _ in range(most):
        seats, of = np.unique(chosen, return_inverse=True)
        load = np.bincount(of, weights=demand)
        now = cost[every, chosen]
        shift = np.where(load[None] + demand[:, None] <= capacity, cost[:, seats], np.inf) - now[:, None]
        shift[every, of] = np.inf
        other = cost[:, chosen] - now[:, None]
        grows = demand[:, None] - demand[None]
        room = capacity - load[of]
        fits = (grows <= room[None]) & (-grows <= room[:, None]) & (of[:, None] != of[None])
        swap = np.where(fits, other + other.T, np.inf)
        if min(shift.min(), swap.min()) >= -1e-9:
            moved = (cost.T @ np.eye(len(seats))[of]).argmin(axis=0)
            if len(np.unique(moved)) < len(seats) or cost[every, moved[of]].sum() >= now.sum() - 1e-9:
                break
            chosen = moved[of]
        elif shift.min() <= swap.min():
            i, k = np.unravel_index(shift.argmin(), shift.shape)
            chosen[i] = seats[k]
        else:
            i, j = np.unravel_index(swap.argmin(), swap.shape)
            chosen[i], chosen[j] = chosen[j], chosen[i]
    return chosen, float(cost[every, chosen].sum())
