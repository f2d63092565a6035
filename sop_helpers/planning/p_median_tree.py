"""Branch and price for the capacitated p-median: regions of seats first, then regions in which an account is served.

The bound of each node is that of `p_median_master`. A node is split by how many seats lie in a region (the seats nearest to one of them), or by whether an
account is served from a region, as the dichotomy of Ceselli and Righini 2005; a few promising splits are tried and the one that lifts both bounds most is
taken. Pairs that would lift a node's bound to the best known cost are closed below it.
"""

from __future__ import annotations

import heapq
import time

import numpy as np

from sop_helpers.planning.p_median_exact import Region, exact
from sop_helpers.planning.p_median_master import Master, Node, Relaxed
from sop_helpers.planning.p_median_start import first_seats

TRIED, PRICED = 16, 4
"""Splits tried on the columns known, and of these the number priced in full."""

QUICK_STEPS = 60
"""Steps of the simplex method for a split that is only tried."""
SMALL = 3
"""Pairs for each account up to which HiGHS solves a node outright."""
GUESS_SECONDS = 5.0
"""Seconds of HiGHS where given seats are tried."""


def splits(node: Node, cost: np.ndarray, relaxed: Relaxed, tried: int = TRIED) -> list[tuple[Node, Node]]:
    """Return pairs of nodes that part one, those nearest to even first; regions of seats before pairs."""
    out, seen = [], set()
    near = np.argsort(cost, axis=1, kind="stable")
    inside = np.cumsum(relaxed.seats[near], axis=1)
    uneven = np.abs(inside - np.floor(inside) - 0.5)
    # A region's bound is the seat farthest out: among equal sums the middle one stands clear of both ends.
    for j, k in zip(*np.unravel_index(np.argsort(uneven, axis=None, kind="stable"), uneven.shape), strict=True):
        if uneven[j, k] > 0.45 or len(out) >= tried:
            break
        same = np.flatnonzero(np.abs(inside[j] - inside[j, k]) < 1e-6)
        mask = np.zeros(len(cost), dtype=bool)
        mask[near[j, : same[len(same) // 2] + 1]] = True
        key = (mask & (relaxed.seats > 1e-6)).tobytes()
        if key in seen:
            continue
        seen.add(key)
        least = float(np.floor(inside[j, k]))
        out.append((Node(node.allowed, (*node.regions, (mask, -np.inf, least))), Node(node.allowed, (*node.regions, (mask, least + 1, np.inf)))))
    spread = relaxed.pairs.max(axis=1)
    for i in np.argsort(spread, kind="stable")[: max(tried // 4, tried - len(out))]:
        if spread[i] > 1 - 1e-6:
            break
        around = near[relaxed.pairs[i].argmax()]
        upto = np.cumsum(relaxed.pairs[i, around])
        k = int(np.abs(upto / upto[-1] - 0.5).argmin())
        inner, outer = node.allowed.copy(), node.allowed.copy()
        inner[i, around[k + 1 :]] = False
        outer[i, around[: k + 1]] = False
        out.append((Node(inner, node.regions), Node(outer, node.regions)))
    return out


def branch(master: Master, prices: np.ndarray, chosen: np.ndarray, top: float, slack: float, seconds: float) -> tuple[np.ndarray, float, float]:
    """Return the best assignment, its cost, and the lower bound proved.

    Parameters
    ----------
    master : Master
        New, or with the columns known.
    prices : ndarray
        Of accounts, to start from.
    chosen, top : ndarray, float
        Best assignment known and its cost, infinite if none.
    slack : float
        A node within this of the best cost cannot hold a better one: 1 where costs are whole.
    seconds : float
        Time allowed.
    """
    search = _Search(master, chosen, top, slack, time.perf_counter() + seconds)
    root = master.solve(prices, np.inf)
    heap, tick = [(root.bound, 0, master.node, root)], 0
    while heap and heap[0][0] < search.cutoff and time.perf_counter() < search.end:
        bound, _, node, relaxed = heapq.heappop(heap)
        for part, end in search.parts(node, relaxed, bound):
            tick += 1
            heapq.heappush(heap, (max(end.bound, bound), tick, part, end))
    return search.chosen, search.top, min(heap[0][0] if heap else np.inf, search.closed, search.top - slack)


class _Search:
    """The best assignment known, and how a node is opened."""

    def __init__(self, master: Master, chosen: np.ndarray, top: float, slack: float, end: float) -> None:
        self.master, self.chosen, self.top, self.slack, self.end = master, chosen, top, slack, end
        self.tried, self.closed = set(), np.inf

    @property
    def cutoff(self) -> float:
        """Bound at which a node cannot hold a better assignment."""
        return min(self.top - self.slack, self.master.penalty)

    def _exact(self, allowed: np.ndarray, seconds: float, regions: tuple[Region, ...] = ()) -> float:
        """Solve by HiGHS what is allowed, keep what is better, and return the bound."""
        master = self.master
        found = exact(master.cost, master.demand, master.capacity, master.p, allowed, min(seconds, self.end - time.perf_counter()), regions)
        if found is None:
            return -np.inf
        if found[1] < self.top - 1e-9:
            self.chosen, self.top = found[0], found[1]
        return found[2]

    def guess(self, relaxed: Relaxed, *, whole: bool) -> None:
        """Try the p seats most used: by exchanges, and by HiGHS where the relaxation uses them whole."""
        master = self.master
        seats = np.sort(np.argsort(-relaxed.seats, kind="stable")[: master.p])
        if seats.tobytes() in self.tried:
            return
        self.tried.add(seats.tobytes())
        found, cost = first_seats(master.cost, master.demand, master.capacity, master.p, [seats])
        if cost < self.top - 1e-9:
            self.chosen, self.top = found, cost
        if whole:
            allowed = np.zeros(master.cost.shape, dtype=bool)
            allowed[:, seats] = True
            self._exact(allowed, GUESS_SECONDS)

    def parts(self, node: Node, relaxed: Relaxed, bound: float) -> list[tuple[Node, Relaxed]]:
        """Open a node: close pairs, then solve it if it is small, else split it; return the parts that may hold a better assignment."""
        master, whole = self.master, np.sort(relaxed.seats)[-self.master.p] > 1 - 1e-6
        self.guess(relaxed, whole=whole)
        if bound >= self.cutoff:
            return []
        master.node = node
        node = Node(master.closing(relaxed, self.cutoff), node.regions)
        ways = splits(node, master.cost, relaxed)
        if not ways or node.allowed.sum() <= SMALL * master.n:
            self.closed = min(self.closed, max(bound, self._exact(node.allowed, np.inf, node.regions)))
            return []
        master.open(node, relaxed)
        hopes = [_score([self.lift(part, relaxed, bound, quick=True)[0] for part in way]) for way in ways]
        best, taken = -1.0, []
        for k in np.argsort(-np.array(hopes), kind="stable")[:PRICED]:
            ends = [self.lift(part, relaxed, bound) for part in ways[k]]
            score = _score([lift for lift, _ in ends])
            if score > best:
                best, taken = score, [(part, end) for part, (_, end) in zip(ways[k], ends, strict=True)]
        return [(part, end) for part, end in taken if end.bound < self.cutoff]

    def lift(self, part: Node, relaxed: Relaxed, bound: float, *, quick: bool = False) -> tuple[float, Relaxed | None]:
        """Return by how much a part lifts the bound, up to the cutoff, and its relaxation; a quick guess is from the columns known."""
        self.master.enter(part)
        end = None if quick else self.master.solve(relaxed.prices, self.cutoff)
        value = self.master.quick(QUICK_STEPS) if end is None else end.bound
        return min(value, self.cutoff) - bound, end


def _score(ends: list[float]) -> float:
    """Return the product of both lifts: one that lifts only one side leaves the other as it was."""
    return max(ends[0], 1e-3) * max(ends[1], 1e-3)
