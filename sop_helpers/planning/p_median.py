"""Choose the seats of territories: the capacitated p-median, proved by branch and price.

p of the accounts become seats, each account goes to one seat, no seat serves more than its capacity, and the sum of distances is least (Mulvey and Beck 1984,
European Journal of Operational Research 18). The bound relaxes that each account is served once and solves a knapsack for each seat (Lagrange; Lorena and
Senne 2004, Computers and Operations Research 31); `p_median_master` makes it the best of its kind by columns, `p_median_tree` closes what it leaves open,
as Ceselli and Righini 2005, Networks 45. HiGHS solves the linear programs, and small parts of the search outright.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from sop_helpers.planning.p_median_exact import exact
from sop_helpers.planning.p_median_master import Master, knapsacks
from sop_helpers.planning.p_median_start import first_seats, replaced
from sop_helpers.planning.p_median_tree import branch


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


def lagrange(cost: np.ndarray, demand: np.ndarray, capacity: int, p: int, top: float, rounds: int = 100) -> tuple[np.ndarray, float, list[np.ndarray]]:
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
    unit = 1.0 if (cost == np.round(cost)).all() else 0.0
    if (demand == np.round(demand)).all() and capacity == round(capacity):
        goal = top if np.isfinite(top) else float(cost.mean(axis=1).sum())
        u, _, met = lagrange(cost, demand.astype(int), int(capacity), p, goal)
        again, better = first_seats(cost, demand, capacity, p, met)
        chosen, top = (again, better) if better < top else (chosen, top)
        if np.isfinite(top):
            chosen, top = replaced(cost, demand, capacity, p, chosen)
        # A better one costs less by a whole unit where distances are whole, else by more than what counts as equal.
        slack = unit - 1e-4 if unit else 1e-7 * max(top, 1.0)
        chosen, top, bound = branch(Master(cost, demand.astype(int), int(capacity), p), u, chosen, top, slack, seconds - (time.perf_counter() - start))
    else:
        found = exact(cost, demand, capacity, p, np.ones((n, n), dtype=bool), seconds - (time.perf_counter() - start))
        bound = found[2] if found is not None else -np.inf
        chosen, top = (found[0], found[1]) if found is not None and found[1] < top - 1e-9 else (chosen, top)
    if not np.isfinite(top):
        raise ValueError("seats: no assignment within capacity was found in time")
    lower = np.ceil(bound - 1e-6) if unit and np.isfinite(bound) else bound
    return Seats(np.unique(chosen), chosen, top, float(min(lower, top)), time.perf_counter() - start)
