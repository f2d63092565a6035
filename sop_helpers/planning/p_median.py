"""Choose the seats of territories: the capacitated p-median, proved by integer programming on what bounds leave open.

p of the accounts become seats, each account goes to one seat, no seat serves more than its capacity, and the sum of distances is least (Mulvey and Beck 1984,
European Journal of Operational Research 18). The bound relaxes that each account is served once and solves a knapsack for each seat (Lagrange, Ceselli and
Righini 2005, Networks 45); what costs more than the best known assignment by its reduced cost is closed, and HiGHS solves the rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seats:
    """The seats chosen, the seat of each account, the sum of distances, and the lower bound that nothing beats."""

    seats: np.ndarray
    chosen: np.ndarray
    cost: float
    bound: float
    seconds: float

    @property
    def optimal(self) -> bool:
        """Whether the bound proves it."""
        return self.cost - self.bound <= 1e-6 * max(abs(self.cost), 1.0)


def knapsacks(value: np.ndarray, demand: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the greatest value of each column's items within capacity, and which are taken.

    Parameters
    ----------
    value : ndarray
        Items x knapsacks; items of no value are left.
    demand : ndarray of int
        Of each item.
    capacity : int
        Of every knapsack.
    """
    items, sacks = value.shape
    best, take = np.zeros((capacity + 1, sacks)), np.zeros((items, capacity + 1, sacks), dtype=bool)
    for i, weight in enumerate(demand):
        if weight > capacity:
            continue
        with_it = best[: capacity + 1 - weight] + value[i]
        take[i, weight:] = with_it > best[weight:]
        best[weight:] = np.maximum(best[weight:], with_it)
    taken, left, column = np.zeros((items, sacks), dtype=bool), np.full(sacks, capacity), np.arange(sacks)
    for i in range(items - 1, -1, -1):
        taken[i] = take[i, left, column]
        left = left - taken[i] * demand[i]
    return best[capacity], taken


def lagrange(cost: np.ndarray, demand: np.ndarray, capacity: int, p: int, top: float, rounds: int = 400) -> tuple[np.ndarray, float, list[np.ndarray]]:
    """Return multipliers of accounts, the best bound found by the subgradient method towards a known cost `top`, and the sets of seats it met last."""
    u, step = np.sort(cost, axis=1)[:, min(p, cost.shape[1] - 1)].astype(float), 1.5
    best, kept, stale, met = -np.inf, u, 0, {}
    for _ in range(rounds):
        gain, taken = knapsacks(u[:, None] - cost, demand, capacity)
        open_ = np.argsort(-gain, kind="stable")[:p]
        bound = u.sum() - gain[open_].sum()
        met[tuple(np.sort(open_))] = np.sort(open_)
        if bound > best + 1e-9:
            best, kept, stale = bound, u.copy(), 0
        else:
            stale += 1
            if stale >= 15:
                step, stale, u = step / 2, 0, kept.copy()
                continue
        slope = 1 - taken[:, open_].sum(axis=1)
        if not slope.any() or step < 1e-4:
            break
        u = u + step * max(1.02 * top - bound, 1e-6) / (slope**2).sum() * slope
    return kept, best, list(met.values())[-60:]


def first_seats(cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, given: list[np.ndarray] | None = None) -> tuple[np.ndarray, float]:
    """Return an assignment by alternating between assigning accounts by regret and moving seats to the middle of theirs; its cost is infinite if none fits.

    Starts from the sets of seats given, else from twenty drawn with a fixed seed.
    """
    rng = np.random.default_rng(0)
    top, kept = np.inf, np.zeros(len(cost), dtype=int)
    for seats in given or [rng.choice(len(cost), p, replace=False) for _ in range(20)]:
        for _ in range(15):
            order = np.sort(cost[:, seats], axis=1)
            turn = np.argsort(-(order[:, min(1, p - 1)] - order[:, 0]) - 1e-3 * demand, kind="stable")
            left, chosen = np.full(p, float(capacity)), np.full(len(cost), -1)
            for i in turn:
                fits = np.where(left >= demand[i], cost[i, seats], np.inf)
                if np.isinf(fits.min()):
                    break
                chosen[i] = int(fits.argmin())
                left[chosen[i]] -= demand[i]
            if (chosen < 0).any():
                break
            member = np.eye(p)[chosen]
            moved = (cost.T @ member).argmin(axis=0)
            total = float(cost[np.arange(len(cost)), moved[chosen]].sum())
            if total < top - 1e-9:
                top, kept = total, moved[chosen]
            if (moved == seats).all():
                break
            seats = moved
    return kept, top


def choose_seats(cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, seconds: float = 120.0) -> Seats:
    """Return p seats among the accounts and the seat of each, with the bound.

    Parameters
    ----------
    cost : ndarray
        n x n, distance from account (row) to seat (column).
    demand : ndarray
        Workload of each account; the bound by knapsacks needs whole numbers, else HiGHS works alone.
    capacity : float
        Most that a seat serves.
    p : int
        Number of seats.
    seconds : float
        Time allowed, roughly.

    Raises
    ------
    ValueError
        Demand cannot fit, or nothing was found in time.
    """
    if demand.sum() > p * capacity or demand.max() > capacity:
        raise ValueError(f"seats: a demand of {demand.sum():,.0f} (one account up to {demand.max():,.0f}) does not fit into {p} x {capacity:,.0f}")
    start, n = time.perf_counter(), len(cost)
    chosen, top = first_seats(cost, demand, capacity, p)
    bound, open_ = -np.inf, np.ones((n, n), dtype=bool)
    whole = (demand == np.round(demand)).all() and capacity == round(capacity)
    unit = 1.0 if (cost == np.round(cost)).all() else 0.0
    if whole:
        goal = top if np.isfinite(top) else float(cost.mean(axis=1).sum())
        u, bound, met = lagrange(cost, demand.astype(int), int(capacity), p, goal)
        again, better = first_seats(cost, demand, capacity, p, met)
        chosen, top = (again, better) if better < top else (chosen, top)
        open_ = _open(cost, demand.astype(int), int(capacity), p, u, bound, top - unit + 1e-6)
    found = _exact(cost, demand, capacity, p, open_, seconds - (time.perf_counter() - start))
    if found is not None and found[1] < top - 1e-9:
        chosen, top = found[0], found[1]
    if not np.isfinite(top):
        raise ValueError("seats: no assignment within capacity was found in time")
    # What was closed costs at least the best known; the rest is bounded by the solver. Whole distances round the bound up.
    lower = min(top, found[2]) if found is not None else bound
    lower = max(lower, bound)
    lower = np.ceil(lower - 1e-6) if unit else lower
    return Seats(np.unique(chosen), chosen, top, float(min(lower, top)), time.perf_counter() - start)


def _open(cost: np.ndarray, demand: np.ndarray, capacity: int, p: int, u: np.ndarray, bound: float, top: float) -> np.ndarray:
    """Return which account-seat pairs may lie in an assignment that costs no more than `top`; a closed seat closes its column."""
    gain, _ = knapsacks(u[:, None] - cost, demand, capacity)
    ranked = np.sort(gain)[::-1]
    # Forcing a seat open costs the least gain among the p best, less its own.
    dearer = np.maximum(ranked[p - 1] - gain, 0.0)
    seat = bound + dearer <= top
    pair = np.zeros_like(cost, dtype=bool)
    pair[:, seat] = True
    # Forcing account i to seat j loses at most what a fractional knapsack could not gain: a simple safe test by the excess of its own cost over u.
    loss = np.maximum(cost - u[:, None], 0.0)
    return pair & (bound + dearer[None] + loss <= top)


def _exact(cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, open_: np.ndarray, seconds: float) -> tuple[np.ndarray, float, float] | None:
    """Return assignment, cost and the solver's bound on the open pairs; None where nothing is found."""
    import scipy.sparse as sp
    from scipy.optimize import Bounds, LinearConstraint, milp

    seats = np.flatnonzero(open_.any(axis=0))
    at, to = np.nonzero(open_[:, seats])
    n, m, k = len(cost), len(seats), len(at)
    if k < n:  # an account has no pair left: the closed ones bound all
        return np.zeros(n, dtype=int), np.inf, np.inf
    one = np.arange(k)
    serve = sp.csr_array((np.ones(k), (at, one)), shape=(n, k + m))
    only = sp.csr_array((np.r_[np.ones(k), -np.ones(k)], (np.r_[one, one], np.r_[one, k + to])), shape=(k, k + m))
    room = sp.csr_array((np.r_[demand[at], np.full(m, -float(capacity))], (np.r_[to, np.arange(m)], np.r_[one, k + np.arange(m)])), shape=(m, k + m))
    count = sp.csr_array((np.ones(m), (np.zeros(m, dtype=int), k + np.arange(m))), shape=(1, k + m))
    rows = [LinearConstraint(serve, 1, 1), LinearConstraint(only, -np.inf, 0), LinearConstraint(room, -np.inf, 0), LinearConstraint(count, p, p)]
    options = {"mip_rel_gap": 1e-7, "time_limit": max(seconds, 0.1)}
    found = milp(np.r_[cost[at, seats[to]], np.zeros(m)], integrality=np.ones(k + m), bounds=Bounds(0, 1), constraints=rows, options=options)
    if found.status == 2:
        return np.zeros(n, dtype=int), np.inf, np.inf
    if found.x is None:
        return None
    chosen = np.zeros(n, dtype=int)
    taken = found.x[:k] > 0.5
    chosen[at[taken]] = seats[to[taken]]
    return chosen, float(cost[np.arange(n), chosen].sum()), float(found.mip_dual_bound)
