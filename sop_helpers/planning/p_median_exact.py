"""Capacitated p-median as one integer program over the pairs of account and seat still allowed, by HiGHS."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

Region = tuple[np.ndarray, float, float]
"""Mask of seats, and the least and the most that are opened within it."""


def exact(
    cost: np.ndarray, demand: np.ndarray, capacity: float, p: int, allowed: np.ndarray, seconds: float, regions: tuple[Region, ...] = ()
) -> tuple[np.ndarray, float, float] | None:
    """Return assignment, cost and the solver's bound on the pairs allowed; both are infinite where nothing fits, and None where nothing is found in time.

    Parameters
    ----------
    cost, demand, capacity, p
        As `p_median.choose_seats`.
    allowed : ndarray of bool
        n x n, pairs of account and seat.
    seconds : float
        Time allowed.
    regions : tuple of Region
        Bounds on seats within regions.
    """
    n = len(cost)
    # A seat that serves nobody may still count in a region.
    seats = np.arange(n) if regions else np.flatnonzero(allowed.any(axis=0))
    at, to = np.nonzero(allowed[:, seats])
    m, k = len(seats), len(at)
    if not allowed.any(axis=1).all():
        return np.zeros(n, dtype=int), np.inf, np.inf
    one = np.arange(k)
    serve = sp.csr_array((np.ones(k), (at, one)), shape=(n, k + m))
    only = sp.csr_array((np.r_[np.ones(k), -np.ones(k)], (np.r_[one, one], np.r_[one, k + to])), shape=(k, k + m))
    room = sp.csr_array((np.r_[demand[at], np.full(m, -float(capacity))], (np.r_[to, np.arange(m)], np.r_[one, k + np.arange(m)])), shape=(m, k + m))
    rows = [LinearConstraint(serve, 1, 1), LinearConstraint(only, -np.inf, 0), LinearConstraint(room, -np.inf, 0)]
    for mask, low, high in ((np.ones(n, dtype=bool), p if regions else 0, p), *regions):
        rows.append(LinearConstraint(np.r_[np.zeros(k), mask[seats].astype(float)].reshape(1, -1), low, high))
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
