"""What the assignment of accounts to territories is asked to keep, in arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ROOM = 1e-9
"""Rounding noise forgiven when a bound is checked, as a share of it."""


@dataclass
class Problem:
    """One assignment problem in arrays: n accounts, t territories, m measures.

    `cost` (n x t) is infinite where an account may not go; `size` (m x n) is what an account weighs in each measure; `low` and `high` (m x t) bound the sums.
    `current` (n) is the territory now, -1 for none; `moving` (n) is what counts as disruption when an account leaves it, and `most_moved` caps its sum.
    """

    cost: np.ndarray
    size: np.ndarray
    low: np.ndarray
    high: np.ndarray
    current: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    moving: np.ndarray = field(default_factory=lambda: np.zeros(0))
    most_moved: float = np.inf

    def __post_init__(self) -> None:
        accounts, self.territories = self.cost.shape
        if not len(self.current):
            self.current = np.full(accounts, -1)
        if not len(self.moving):
            self.moving = np.zeros(accounts)
        # Every row is divided by its own scale, so that money and hours weigh alike in tolerances.
        self.scale = np.maximum(np.where(np.isfinite(self.high), np.abs(self.high), np.abs(self.low)).max(axis=1), 1e-300)
        self.size, self.low, self.high = self.size / self.scale[:, None], self.low / self.scale[:, None], self.high / self.scale[:, None]
        placed = self.current >= 0
        self.unit = max(float(self.moving[placed].sum()), 1e-300)
        self.stay = np.where(placed, self.moving, 0.0) / self.unit
        self.least_kept = 1.0 - self.most_moved / self.unit if np.isfinite(self.most_moved) and self.stay.any() else -np.inf

    def part(self, rows: np.ndarray, group: np.ndarray, current: np.ndarray, kept: float) -> Problem:
        """Return the problem of some accounts in some territories, `kept` being what stays elsewhere; rows are already scaled."""
        small = object.__new__(Problem)
        small.cost, small.size, small.low, small.high = self.cost[np.ix_(rows, group)], self.size[:, rows], self.low[:, group], self.high[:, group]
        small.current, small.moving, small.most_moved, small.stay = current, self.moving[rows], self.most_moved, self.stay[rows]
        small.territories, small.scale, small.unit, small.least_kept = len(group), self.scale, self.unit, self.least_kept - kept
        return small

    def sums(self, chosen: np.ndarray) -> np.ndarray:
        """Return each measure of each territory (m x t), scaled."""
        sums = [np.bincount(chosen, weights=row, minlength=self.territories) for row in self.size]
        return np.array(sums).reshape(len(self.size), self.territories)

    def violation(self, chosen: np.ndarray) -> float:
        """Return by how much the worst bound is missed, as a share of it; 0 where all hold."""
        sums = self.sums(chosen)
        kept = self.stay[chosen == self.current].sum()
        worst = max(float((self.low - sums).max(initial=0.0)), float((sums - self.high).max(initial=0.0)), self.least_kept - kept)
        return max(worst, 0.0) if worst > ROOM else 0.0
