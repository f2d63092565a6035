"""Bound of the capacitated p-median by columns: a column is a seat with the accounts it serves, priced by a knapsack for each seat.

The linear program over all columns (Ceselli and Righini 2005, Networks 45) is solved by HiGHS on those found so far; prices drawn to the best known ones keep
the number of rounds small (Wentges 1997, International Transactions in Operational Research 4). Every bound returned is Lagrangian, from prices and
knapsacks alone, so that it holds whatever the tolerance of the linear program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sop_helpers.planning.p_median_exact import Region
from sop_helpers.planning.supply_solver import new_highs

BLOCK = 4_000_000
"""Numbers in one table of knapsacks: more knapsacks are solved in turns, to spare memory."""


def _tables(value: np.ndarray, demand: np.ndarray, capacity: int) -> np.ndarray:
    """Return the best value of the first 0, 1, ... items within each capacity: items + 1 x capacity + 1 x knapsacks."""
    best = np.zeros((len(demand) + 1, capacity + 1, value.shape[1]))
    for i, weight in enumerate(demand):
        best[i + 1] = best[i]
        if weight <= capacity:
            np.maximum(best[i, weight:], best[i, : capacity + 1 - weight] + value[i], out=best[i + 1, weight:])
    return best


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
        np.greater(with_it, best[weight:], out=take[i, weight:])
        best[weight:] = np.maximum(best[weight:], with_it)
    taken, left, column = np.zeros((items, sacks), dtype=bool), np.full(sacks, capacity), np.arange(sacks)
    for i in range(items - 1, -1, -1):
        taken[i] = take[i, left, column]
        left = left - taken[i] * demand[i]
    return best[capacity], taken


def knapsacks_with(value: np.ndarray, demand: np.ndarray, capacity: int) -> np.ndarray:
    """Return, for each item and knapsack, the greatest value of a set that holds the item; minus infinity where it does not fit."""
    out, block = np.full(value.shape, -np.inf), max(1, BLOCK // ((len(demand) + 1) * (capacity + 1)))
    if value.shape[1] > block:
        return np.hstack([knapsacks_with(value[:, k : k + block], demand, capacity) for k in range(0, value.shape[1], block)])
    before, after = _tables(value, demand, capacity), _tables(value[::-1], demand[::-1], capacity)
    for i, weight in enumerate(demand):
        if weight <= capacity:
            room = capacity - weight
            out[i] = value[i] + (before[i, : room + 1] + after[len(demand) - 1 - i, room::-1]).max(axis=0)
    return out


@dataclass(frozen=True)
class Node:
    """Part of the search: pairs of account and seat still allowed, and least and most seats within regions (masks of seats)."""

    allowed: np.ndarray
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Relaxed:
    """Bound of a node, the prices that prove it (of accounts, regions, and seats in the program), and the fractional use of seats and of pairs."""

    bound: float
    prices: np.ndarray
    region_prices: np.ndarray
    seat_prices: np.ndarray
    seats: np.ndarray
    pairs: np.ndarray


class Master:
    """Linear program over the columns found so far, built anew for each node opened and warm for its parts.

    Parameters
    ----------
    cost : ndarray
        n x n, from account (row) to seat (column).
    demand : ndarray of int
        Of each account.
    capacity : int
        Of every seat.
    p : int
        Number of seats; a seat may serve nobody.
    """

    def __init__(self, cost: np.ndarray, demand: np.ndarray, capacity: int, p: int) -> None:
        self.cost, self.demand, self.capacity, self.p, self.n = cost, demand, capacity, p, len(cost)
        # Leaving an account unserved costs more than any assignment.
        self.penalty = float(cost.max(axis=1).sum()) + 1.0
        self.seat, self.members, self.known = np.zeros(0, dtype=int), np.zeros((0, self.n), dtype=bool), {}
        self.open(Node(np.ones((self.n, self.n), dtype=bool)))

    def open(self, node: Node, relaxed: Relaxed | None = None, most: int = 1200) -> None:
        """Build the linear program of a node from the columns known that are allowed, the `most` with the least reduced cost by its prices."""
        n = self.n
        keep = np.flatnonzero(~(self.members & ~node.allowed.T[self.seat]).any(axis=1))
        if relaxed is not None and len(keep) > most:
            gain = self.members[keep] @ relaxed.prices - self._costs(keep) + relaxed.seat_prices[self.seat[keep]]
            keep = np.sort(keep[np.argpartition(-gain, most)[:most]])
        self.node = self.base = node
        self.column, self.inside = keep, np.zeros(len(self.seat), dtype=bool)
        self.inside[keep] = True
        self.usable = np.ones(len(keep), dtype=bool)
        # Rows: each account served; columns of a seat no more than the seat; p seats; regions. Columns: seats, accounts left unserved, then those priced.
        rows = 2 * n + 1 + len(node.regions)
        masks = sp.csc_array(np.array([mask for mask, _, _ in node.regions], dtype=float).reshape(-1, n))
        seats = sp.vstack([sp.csc_array((n, n)), -sp.eye_array(n), np.ones((1, n)), masks])
        unserved = sp.vstack([sp.eye_array(n), sp.csc_array((rows - n, n))])
        seat_rows = sp.csc_array((np.ones(len(keep)), (self.seat[keep], np.arange(len(keep)))), shape=(n, len(keep)))
        priced = sp.vstack([sp.csc_array(self.members[keep].T.astype(float)), seat_rows, sp.csc_array((rows - 2 * n, len(keep)))])
        matrix = sp.csr_array(sp.hstack([seats, unserved, priced]))
        low = np.r_[np.ones(n), np.full(n, -np.inf), self.p, [least for _, least, _ in node.regions]]
        high = np.r_[np.full(n, np.inf), np.zeros(n), self.p, [top for _, _, top in node.regions]]
        cost = np.r_[np.zeros(n), np.full(n, self.penalty), self._costs(keep)]
        self.highs = new_highs(matrix, low, high, cost, np.zeros(matrix.shape[1]), np.r_[np.ones(n), np.full(n + len(keep), np.inf)], presolve="off")
        self.highs.run()
        self.basis = self.highs.getBasis()

    def _costs(self, columns: np.ndarray) -> np.ndarray:
        """Return the cost of columns known."""
        return (self.members[columns] * self.cost.T[self.seat[columns]]).sum(axis=1)

    def _add(self, seats: np.ndarray, members: np.ndarray) -> int:
        """Add the columns (seat, accounts) that the linear program lacks; return how many."""
        added = 0
        for seat, member in zip(seats, members, strict=True):
            key = (int(seat), member.tobytes())
            at = self.known.setdefault(key, len(self.known))
            if at == len(self.seat):
                self.seat, self.members, self.inside = np.append(self.seat, seat), np.vstack([self.members, member]), np.append(self.inside, False)
            if not self.inside[at]:
                rows = np.append(np.flatnonzero(member), self.n + seat).astype(np.int32)
                self.highs.addCol(float(self.cost[member, seat].sum()), 0.0, self.highs.inf, len(rows), rows, np.ones(len(rows)))
                self.column, self.usable, self.inside[at], added = np.append(self.column, at), np.append(self.usable, True), True, added + 1
        return added

    def enter(self, part: Node) -> None:
        """Make the linear program that of a part of the node opened: one more region as a row, or columns with a pair not allowed shut."""
        first, extra = 2 * self.n + 1 + len(self.base.regions), len(self.node.regions) - len(self.base.regions)
        if extra:
            self.highs.deleteRows(extra, np.arange(first, first + extra, dtype=np.int32))
        new = part.regions[len(self.base.regions) :]
        for mask, low, high in new:
            at = np.flatnonzero(mask).astype(np.int32)
            self.highs.addRow(max(low, -self.highs.inf), min(high, self.highs.inf), len(at), at, np.ones(len(at)))
        usable = ~(self.members[self.column] & ~part.allowed.T[self.seat[self.column]]).any(axis=1)
        at = np.flatnonzero(usable != self.usable).astype(np.int32)
        if len(at):
            self.highs.changeColsBounds(len(at), at + 2 * self.n, np.zeros(len(at)), np.where(usable[at], self.highs.inf, 0.0))
        self.usable, self.node = usable, part
        self._restore(len(new))

    def _restore(self, rows: int) -> None:
        """Start from the basis of the node opened."""
        import highspy

        status, basis = highspy.HighsBasisStatus, highspy.HighsBasis()
        columns = list(self.basis.col_status)
        basis.col_status = columns + [status.kLower] * (2 * self.n + len(self.column) - len(columns))
        basis.row_status = list(self.basis.row_status) + [status.kBasic] * rows
        self.highs.setBasis(basis)

    def _lagrange(self, prices: np.ndarray, region_prices: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the bound of these prices, each seat's gain (region prices included) and the accounts each would serve."""
        gain, taken = knapsacks(np.where(self.node.allowed, prices[:, None] - self.cost, -1.0), self.demand, self.capacity)
        constant = prices.sum()
        for (mask, low, high), price in zip(self.node.regions, region_prices, strict=True):
            gain = gain + price * mask
            constant += price * (low if price > 0 else high) if price else 0.0
        return float(constant - np.sort(gain)[::-1][: self.p].sum()), gain, taken

    def _region_prices(self, dual: np.ndarray) -> np.ndarray:
        """Return prices of regions with the sign that their open side allows."""
        price = dual[2 * self.n + 1 :]
        low, high = (np.array([region[k] for region in self.node.regions], dtype=float) for k in (1, 2))
        return np.where((price > 0) & np.isinf(low) | (price < 0) & np.isinf(high), 0.0, price)

    def quick(self, steps: int = 1_000_000) -> float:
        """Return the value of the linear program over its columns after so many steps: no bound, but tells promising nodes from poor ones."""
        self.highs.setOptionValue("simplex_iteration_limit", steps)
        self.highs.run()
        return float(self.highs.getInfo().objective_function_value)

    def solve(self, prices: np.ndarray, cutoff: float, rounds: int = 200, drawn: float = 0.7) -> Relaxed:
        """Return the relaxation of the node entered, or what is known of it once the bound reaches `cutoff`.

        Parameters
        ----------
        prices : ndarray
            Of accounts, to start from.
        cutoff : float
            Bound that suffices.
        rounds : int
            Most rounds of pricing.
        drawn : float
            Weight of the best known prices against those of the linear program.
        """
        best, kept, kept_regions, n = -np.inf, prices, np.zeros(len(self.node.regions)), self.n
        for _ in range(rounds):
            value = self.quick()
            dual = np.array(self.highs.getSolution().row_dual)
            own, shares = dual[:n], self._region_prices(dual)
            if value - best < 1e-6 * max(1.0, abs(value)):
                break
            found = 0
            for weight in (drawn, 0.0):
                tried = weight * kept + (1 - weight) * own
                bound, _, taken = self._lagrange(tried, shares)
                if bound > best:
                    best, kept, kept_regions = bound, tried, shares
                reduced = np.where(taken, self.cost - own[:, None], 0.0).sum(axis=0) - dual[n : 2 * n]
                short = np.flatnonzero(reduced < -1e-7)
                found = self._add(short, taken[:, short].T)
                if found:
                    break
            if best >= cutoff or not found:
                break
        solution = np.array(self.highs.getSolution().col_value)
        weight, pairs = solution[2 * n :], np.zeros((n, n))
        for k in np.flatnonzero(weight > 1e-7):
            at = self.column[k]
            pairs[self.members[at], self.seat[at]] += weight[k]
        return Relaxed(best, kept, kept_regions, dual[n : 2 * n], solution[:n], pairs)

    def closing(self, relaxed: Relaxed, cutoff: float) -> np.ndarray:
        """Return the pairs allowed less those that lift the bound to the cutoff when used: reduced costs of pairs, by knapsacks that hold the account."""
        value = np.where(self.node.allowed, relaxed.prices[:, None] - self.cost, -1.0)
        bound, gain, _ = self._lagrange(relaxed.prices, relaxed.region_prices)
        shares = sum((price * mask for (mask, _, _), price in zip(self.node.regions, relaxed.region_prices, strict=True)), np.zeros(self.n))
        holding = knapsacks_with(value, self.demand, self.capacity) + shares
        # A seat among the p best gives its place to itself with the account; another takes the place of the p-th.
        rank = np.sort(gain)[::-1][self.p - 1]
        return self.node.allowed & (bound + np.maximum(rank, gain)[None] - holding < cutoff)
