"""Better an assignment of accounts by exchanges of up to two accounts each way between neighbouring territories, all bounds kept."""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from sop_helpers.planning.territory_problem import Problem


@cache
def subsets(count: int) -> np.ndarray:
    """Return all subsets of up to two of `count` things as rows of two places; the place `count` stands for nothing."""
    one = np.arange(count)
    first, second = np.triu_indices(count, 1)
    pairs = np.concatenate([[[count, count]], np.stack([one, np.full(count, count)], axis=1), np.stack([first, second], axis=1)])
    pairs.setflags(write=False)
    return pairs


def neighbours(reduced: np.ndarray) -> np.ndarray:
    """Return each territory's others, nearest first: near are two that many accounts could go to at little cost."""
    second = np.sort(reduced, axis=1)[:, min(1, reduced.shape[1] - 1)]
    second = second[np.isfinite(second)]
    scale = max(float(np.median(second)) if len(second) else 1.0, 1e-12)
    cheap = np.exp(-reduced / scale)
    near = cheap.T @ cheap
    np.fill_diagonal(near, np.inf)
    return np.argsort(-near, axis=1, kind="stable")


def exchange(
    problem: Problem,
    reduced: np.ndarray,
    chosen: np.ndarray,
    until: float,
    goal: float = -np.inf,
    weight: float = np.inf,
    near: int = 10,
    most: int = 24,
) -> np.ndarray:
    """Return an assignment that no exchange tried improves further.

    Parameters
    ----------
    problem : Problem
        What is assigned.
    reduced : ndarray
        Reduced costs of the relaxation; the `most` accounts of a territory that lose least by going to the other are tried.
    chosen : ndarray
        An assignment; one that keeps all bounds where `weight` is infinite.
    until : float
        `time.perf_counter` at which to stop.
    goal : float
        Cost at which to stop.
    weight : float
        Cost of missing a bound by the whole of it; infinite where no bound may be missed.
    near : int
        Neighbours of each territory that it may exchange with.
    """
    chosen, accounts, t = chosen.copy(), np.arange(len(chosen)), problem.territories
    pairs = sorted({(min(s, o), max(s, o)) for s, row in enumerate(neighbours(reduced)[:, 1 : near + 1]) for o in row})
    sums = problem.sums(chosen)
    kept = float(problem.stay[chosen == problem.current].sum())
    cost = float(problem.cost[accounts, chosen].sum())
    changed = np.arange(1, t + 1)  # the turn in which a territory changed last
    seen, turn = dict.fromkeys(pairs, 0), t + 1
    active = True
    while active:
        active = False
        for pair in pairs:
            if max(changed[pair[0]], changed[pair[1]]) <= seen[pair]:
                continue
            seen[pair] = turn
            if time.perf_counter() > until or (np.isinf(weight) and cost <= goal):
                return chosen
            move = _best(problem, reduced, chosen, pair, sums, kept, most, weight)
            if move is None:
                continue
            saved, rows, to, flow, keep = move
            chosen[rows] = to
            sums[:, pair[0]] += flow
            sums[:, pair[1]] -= flow
            kept, cost, active = kept + keep, cost - saved, True
            turn += 1
            changed[list(pair)] = turn
    return chosen


def mend(problem: Problem, reduced: np.ndarray, duals: np.ndarray, chosen: np.ndarray, until: float) -> np.ndarray | None:
    """Return an assignment near `chosen` that keeps all bounds, by exchanges in which missing a bound costs more and more; None where that fails."""
    weight = max(float(np.abs(duals).max(initial=0.0)), float(np.median(reduced)), 1e-9)
    for _ in range(12):
        chosen = exchange(problem, reduced, chosen, until, weight=weight)
        if problem.violation(chosen) == 0:
            return chosen
        weight *= 3
    return None


def _side(problem: Problem, reduced: np.ndarray, chosen: np.ndarray, here: int, there: int, most: int):
    """Return the accounts that may leave, then cost, sizes and what stays of each subset of them."""
    rows = np.flatnonzero((chosen == here) & np.isfinite(problem.cost[:, there]))
    loss = reduced[rows, there] - reduced[rows, here]
    if len(rows) > most:
        rows = rows[np.argsort(loss, kind="stable")[:most]]
    which = subsets(len(rows))
    stay = np.where(problem.current[rows] == there, problem.stay[rows], 0.0) - np.where(problem.current[rows] == here, problem.stay[rows], 0.0)
    values = np.concatenate([(problem.cost[rows, there] - problem.cost[rows, here])[None], problem.size[:, rows], stay[None]])
    values = np.concatenate([values, np.zeros((len(values), 1))], axis=1)
    return rows, which, values[:, which].sum(axis=2)


def _best(problem: Problem, reduced: np.ndarray, chosen: np.ndarray, pair: tuple[int, int], sums: np.ndarray, kept: float, most: int, weight: float):
    """Return the exchange of a pair that saves most: saving, rows, their territory, flow into the first, change of what stays; None where none saves."""
    s, o = pair
    out, which_out, given = _side(problem, reduced, chosen, s, o, most)
    back, which_back, taken = _side(problem, reduced, chosen, o, s, most)
    change = given[0][:, None] + taken[0][None, :]
    miss, now = np.zeros_like(change), 0.0
    for m in range(len(problem.size)):
        flow = taken[m + 1][None, :] - given[m + 1][:, None]
        for place, level in ((s, sums[m, s] + flow), (o, sums[m, o] - flow)):
            low, high = problem.low[m, place], problem.high[m, place]
            miss += np.maximum(low - level, 0.0) + np.maximum(level - high, 0.0)
            now += max(low - sums[m, place], 0.0) + max(sums[m, place] - high, 0.0)
    if np.isfinite(problem.least_kept):
        miss += np.maximum(problem.least_kept - kept - given[-1][:, None] - taken[-1][None, :], 0.0)
        now += max(problem.least_kept - kept, 0.0)
    change = np.where(miss <= 0, change, np.inf) if np.isinf(weight) else change + weight * (miss - now)
    i, j = np.unravel_index(int(np.argmin(change)), change.shape)
    if not change[i, j] < -1e-9 * max(abs(float(problem.cost[out, s].sum())), 1e-12):
        return None
    a, b = which_out[i], which_back[j]
    leave, come = out[a[a < len(out)]], back[b[b < len(back)]]
    to = np.concatenate([np.full(len(leave), o), np.full(len(come), s)])
    saved = -float(given[0][i] + taken[0][j])
    return saved, np.concatenate([leave, come]), to, taken[1:-1, j] - given[1:-1, i], float(given[-1, i] + taken[-1, j])
