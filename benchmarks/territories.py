"""Territories against the raw solver: time, gap to the proved bound and violations, on generated sales forces and on OR-Library's capacitated p-median.

`python benchmarks/territories.py [seconds]`: both get the same time for each problem. The raw solver is HiGHS through `scipy.optimize.milp` on the whole model.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from sop_helpers.planning import p_median
from sop_helpers.planning.p_median_exact import exact
from sop_helpers.planning.territory_model import cost_of, relax, solve
from sop_helpers.planning.territory_problem import Problem

CASES = Path(__file__).resolve().parents[1] / "tests" / "cases" / "pmedcap1.txt"


def sales_force(accounts: int, reps: int, most_moved: float | None, seed: int = 0) -> Problem:
    """Return accounts and seats at random on a square, ±5 % of workload and ±10 % of potential; now, each account is with its nearest seat."""
    rng = np.random.default_rng(seed)
    here, seat = rng.uniform(0, 1000, (accounts, 2)), rng.uniform(0, 1000, (reps, 2))
    cost = np.hypot(*(here[:, None] - seat[None]).transpose(2, 0, 1))
    # Workload and potential (skewed, as accounts are) are independent of each other and of the position.
    work, potential = rng.gamma(2, 20, accounts), rng.lognormal(10, 1, accounts)
    size, tolerance = np.stack([work, potential]), np.array([[0.05], [0.10]])
    mean = np.repeat(size.sum(axis=1, keepdims=True) / reps, reps, axis=1)
    bounds = mean * (1 - tolerance), mean * (1 + tolerance)
    return Problem(cost, size, *bounds) if most_moved is None else Problem(cost, size, *bounds, cost.argmin(axis=1), potential, most_moved * potential.sum())


def raw(problem: Problem, seconds: float) -> tuple[float, float, float]:
    """Return cost, violation and seconds of the raw solver; cost is infinite when it finds nothing."""
    n, t = problem.cost.shape
    eye = sp.eye_array(t)
    rows = [LinearConstraint(sp.kron(sp.eye_array(n), np.ones((1, t)), format="csr"), 1, 1)]
    rows += [LinearConstraint(sp.kron(size[None], eye, format="csr"), problem.low[m], problem.high[m]) for m, size in enumerate(problem.size)]
    if np.isfinite(problem.least_kept):
        stay = np.zeros((n, t))
        stay[np.arange(n), problem.current] = problem.stay
        rows.append(LinearConstraint(sp.csr_array(stay.reshape(1, -1)), problem.least_kept, np.inf))
    start = time.perf_counter()
    found = milp(problem.cost.ravel(), integrality=np.ones(n * t), bounds=Bounds(0, 1), constraints=rows, options={"time_limit": seconds, "mip_rel_gap": 1e-3})
    took = time.perf_counter() - start
    if found.x is None:
        return np.inf, np.nan, took
    chosen = found.x.reshape(n, t).argmax(axis=1)
    return cost_of(problem, chosen), problem.violation(chosen), took


def medians():
    """Yield number, published optimum, distances, demand, capacity and p of the OR-Library instances kept with the tests."""
    values, at = np.array(CASES.read_text("utf-8").split(), dtype=float), 0
    while at < len(values):
        number, optimum, count, p, capacity = values[at : at + 5]
        table = values[at + 5 : at + 5 + 4 * int(count)].reshape(-1, 4)
        at += 5 + table.size
        distance = np.floor(np.hypot(*(table[:, None, 1:3] - table[None, :, 1:3]).transpose(2, 0, 1)))
        yield int(number), optimum, distance, table[:, 3], capacity, int(p)


def main(seconds: float) -> None:
    """Print both tables."""
    print("| accounts | reps | potential that may move | solver | s | above the LP bound | violation |\n|---:|---:|---|---|---:|---:|---:|", flush=True)
    for accounts, reps, most_moved in ((5000, 50, None), (5000, 50, 0.3)):
        problem = sales_force(accounts, reps, most_moved)
        least = relax(problem, seconds=600)[1]
        ours = solve(problem, seconds)
        lines = [("workbook", ours.seconds, ours.cost, problem.violation(ours.chosen))]
        cost, violation, took = raw(problem, seconds)
        lines.append(("HiGHS, whole model", took, cost, violation))
        for name, took, cost, violation in lines:
            gap = f"{cost / least - 1:.2%}" if np.isfinite(cost) else "nothing found"
            may = "all" if most_moved is None else f"{most_moved:.0%}"
            print(f"| {accounts:,} | {reps} | {may} | {name} | {took:.0f} | {gap} | {violation:.1g} |", flush=True)
    print("\n| pmedcap | published | workbook | bound | s | CPU s | HiGHS, whole model | s | CPU s |\n" + "|---:" * 9 + "|", flush=True)
    for number, optimum, distance, demand, capacity, p in medians():
        busy = time.process_time()
        ours = p_median.choose_seats(distance, demand, capacity, p, seconds)
        busy, start = time.process_time() - busy, time.perf_counter()
        plain_busy = time.process_time()
        plain = exact(distance, demand, capacity, p, np.ones_like(distance, dtype=bool), seconds)
        took, plain_busy = time.perf_counter() - start, time.process_time() - plain_busy
        found = f"{plain[1]:.0f}, bound {plain[2]:.1f}" if plain and np.isfinite(plain[1]) else "nothing found"
        proved = f"{optimum:.0f} | {ours.cost:.0f} | {ours.bound:.0f}"
        print(f"| {number} | {proved} | {ours.seconds:.1f} | {busy:.1f} | {found} | {took:.1f} | {plain_busy:.1f} |", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 90.0)
