"""Levels above product and region, areas and channels among them: forecast on their own, and brought into agreement with the series below.

A total is easier to forecast than its parts. MinT (Wickramasuriya, Athanasopoulos & Hyndman 2019) combines the forecasts of all levels by how far each
of them ran off in the backtest; up to 4,000 nodes with the shrunk covariance of those errors, above that with their variances alone.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.chunks import Work
from sop_helpers.planning.frames import labelled, no_rows
from sop_helpers.planning.smoothing import Matrix

DENSE = 4_000  # nodes up to which the whole covariance is estimated
FEWEST = 4  # errors of a node without which nothing is said of how far it runs off
CLEARLY = 1.05  # times its own error above which a level is named: past origins knew fewer errors than today's forecast does, and gained less by them
BLENDS = (0.5, 0.25)  # shares of the way from bottom-up to MinT: both err, in different ways, so that their mean is the better forecast
AGAIN = (1.0, 0.5)  # shares of the way on to what the levels said that came out worse than their own forecast
SERIES = "product and region"
BY = {
    "total": [], "family": ["family"], "area": ["area"], "channel": ["channel"], "region": ["region"], "family and area": ["family", "area"],
    "family and channel": ["family", "channel"], "family and region": ["family", "region"], "product": ["product"],
}  # fmt: skip


class Tree(NamedTuple):
    """Nodes of a hierarchy, aggregates first, then the series in their order.

    Attributes
    ----------
    summing : csr_array (nodes, series)
        One where a series belongs to a node.
    level : ndarray of str (nodes,)
        A key of `BY`, or `SERIES`.
    """

    summing: Any
    level: NDArray[np.object_]

    @property
    def aggregates(self) -> int:
        """Number of nodes above the series."""
        return self.summing.shape[0] - self.summing.shape[1]

    def up(self, values: Matrix) -> Matrix:
        """Add series (n, columns) up to all nodes; a month before a series begins counts as zero."""
        return np.asarray(self.summing @ np.nan_to_num(values))


class Reconciled(NamedTuple):
    """Result of `reconcile_origins`.

    Attributes
    ----------
    tried : ndarray (series, origins, lags)
        Backtest forecasts, each origin reconciled with the errors of the other origins.
    units : ndarray (series, h)
        Today's forecast.
    levels : DataFrame
        level, nodes, base_wmape, bottom_up_wmape, reconciled_wmape; over the lags asked for.
    method : str
        What was done, for the planner.
    """

    tried: Matrix
    units: Matrix
    levels: pd.DataFrame
    method: str


def no_levels() -> pd.DataFrame:
    """Return the table of levels where there is no hierarchy."""
    return no_rows(["level", "nodes", "base_wmape", "bottom_up_wmape", "reconciled_wmape"], ["level"])


def tree_of(keys: pd.DataFrame, family: pd.Series, live: NDArray[np.bool_] | None = None, regions: pd.DataFrame | None = None) -> Tree:
    """Build the levels above product and region; a node of one series, or of the same series as another node, is left out.

    Parameters
    ----------
    keys : DataFrame
        product, region: one row a series.
    family : Series
        Family of each product, indexed by product.
    live : ndarray of bool, optional
        Series that still sell; the others belong to no node, so that no total gives them back what they lost.
    regions : DataFrame, optional
        region; area and channel where there are any: what no region states is no level.
    """
    from scipy import sparse

    n = len(keys)
    live = np.ones(n, dtype=bool) if live is None else live
    labels = labelled(keys, family, regions)
    parts, names = [], []
    column = np.flatnonzero(live)
    for level, by in BY.items():
        if not set(by) <= set(labels):
            continue
        code = labels.loc[live].groupby(by, sort=True).ngroup().to_numpy() if by else np.zeros(len(column), dtype=int)
        if not len(code):
            continue
        block = sparse.csr_array((np.ones(len(column)), (code, column)), shape=(int(code.max()) + 1, n))
        parts.append(block)
        names += [level] * block.shape[0]
    above = sparse.csr_array(sparse.vstack(parts)) if parts else sparse.csr_array((0, n))
    # Equal members give equal sums of random marks.
    mark = above @ np.random.default_rng(0).random(n)
    first = np.zeros(above.shape[0], dtype=bool)
    first[np.unique(mark.round(9), return_index=True)[1]] = True
    keep = first & (np.diff(above.indptr) > 1)
    summing = sparse.csr_array(sparse.vstack([above[np.flatnonzero(keep)], sparse.eye_array(n, format="csr")]))
    return Tree(summing, np.array([*np.array(names, dtype=object)[keep], *[SERIES] * n], dtype=object))


def reconcile(base: Matrix, tree: Tree, errors: Matrix, among: NDArray[np.bool_] | None = None) -> Matrix:
    """Return forecasts of the series whose sums agree with what all levels said, none below zero.

    Parameters
    ----------
    base : ndarray (nodes, h)
        Forecast of every node.
    tree : Tree
        The hierarchy.
    errors : ndarray (nodes, observations)
        Past errors of the base forecasts, NaN where unknown; in the whole covariance a column that is unknown to all counts as errors of nothing.
    among : ndarray of bool (aggregates,), optional
        Aggregates that have a say; all by default.

    Returns
    -------
    ndarray (series, h)
    """
    from scipy import sparse

    base, bottom = np.maximum(base, 0.0), tree.summing.shape[1]
    summing = tree.summing
    if among is not None:
        used = np.concatenate([among, np.ones(bottom, dtype=bool)])
        summing, base, errors = sparse.csr_array(summing[np.flatnonzero(used)]), base[used], errors[used]
    if summing.shape[0] == bottom:
        return base

    known = np.isfinite(errors)
    variance = np.where(known, errors**2, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    # A node whose error is unknown gets the usual one for its size, one whose error is nil a twentieth of that: nobody is trusted without limit.
    size = np.maximum(base.mean(axis=1), 1e-9 * max(base.max(initial=0.0), 1e-9))
    usual = np.sqrt(np.median((variance / size**2)[variance > 0])) if (variance > 0).any() else 1.0
    spread = np.maximum(np.sqrt(variance), np.where(known.any(axis=1), 0.05, 1.0) * usual * size)
    # What is reconciled is the distance from bottom-up: forecasts that agree stay as they are to the last digit.
    below = base[-bottom:]
    base = base - summing @ below
    unit = float(spread.min())  # the library takes errors below 1e-4 for none
    if summing.shape[0] <= DENSE and known.shape[1] >= FEWEST:
        from hierarchicalforecast.methods import MinTrace
        from threadpoolctl import threadpool_limits

        filled = np.where(known, errors, 0.0) * np.where(variance > 0, spread / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)[:, None] / unit
        # What is not known of a young node, when others are, stands as unrelated errors of its own size: left at nothing, a few known ones would make it
        # look surer than it is and, by chance, alike with others that are a thousand times its size.
        lacking = ((~known & known.any(axis=0)) | (variance <= 0)[:, None]) & (spread > 0)[:, None]
        row = np.nonzero(lacking)[0]
        filled[lacking] = (spread / unit)[row] * np.random.default_rng(0).choice([-1.0, 1.0], len(row))
        with threadpool_limits(1, "blas"):  # the last digit of a sum must not hang on how many processors add it up
            fit = MinTrace("mint_shrink").fit_predict(S=summing.toarray(), y_hat=base / unit, y_insample=filled, y_hat_insample=np.zeros_like(filled))
        change = np.asarray(fit["mean"])[-bottom:]
    else:
        change = _weighted(base[:-bottom] / unit, sparse.csr_array(summing[:-bottom]), (spread / unit) ** 2)
    return np.maximum(below + change * unit, 0.0)


def _weighted(base: Matrix, above: Any, variance: Matrix) -> Matrix:
    """Weighted least squares in the form that solves for the aggregates, which are fewer (Wickramasuriya et al. 2019): one sparse factorisation for all months.

    Parameters
    ----------
    base : ndarray (aggregates, h)
        How far the aggregates' own forecasts lie from bottom-up.
    above : csr_array (aggregates, series)
        Their members.
    variance : ndarray (aggregates + series,)
        Variances of the errors.
    """
    from scipy import sparse
    from scipy.sparse import linalg
    from threadpoolctl import threadpool_limits

    own, below = variance[: len(base)], variance[len(base) :]
    system = sparse.diags_array(own) + above @ sparse.diags_array(below) @ above.T
    with threadpool_limits(1, "blas"):
        factors = linalg.splu(sparse.csc_array(system), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return below[:, None] * (above.T @ factors.solve(base))


class _Choice(NamedTuple):
    """A forecast that could be used: what it is called, its share of the way from where it began, and how it stands against the others."""

    rank: tuple[bool, bool, float]  # no level worse than its own forecast and than bottom-up; no level worse than bottom-up; less error
    share: float
    error: pd.Series


def reconcile_origins(
    tried: Matrix, actual: Matrix, units: Matrix, tree: Tree, lag_months: int, back: NDArray[np.int64], work: Work | None = None
) -> Reconciled:
    """Reconcile today's forecast and the backtest, unless that made a level worse.

    How far to go is chosen with every origin reconciled by the errors of all others, which say most about the levels. Two blends of bottom-up and MinT are
    tried (Hollyman, Petropoulos & Tipping 2021 on combining the two); where a level comes out worse than its own forecast, what was found is reconciled once
    more, with these levels alone. Taken is the one with the least error over all levels among those that leave no level worse than bottom-up, and if there
    is one, no level worse than its own forecast either.

    What is measured is what could have been had: the backtest is then reconciled in that way with the errors that were known at each origin only, since errors
    of other origins in the months that it forecasts hold the same surprises. Origins before which too little was tried stay added up from below.

    Parameters
    ----------
    tried, actual : ndarray (nodes, origins, lags)
        Backtest of every node; NaN where nothing was compared.
    units : ndarray (nodes, h)
        Today's forecast of every node.
    tree : Tree
        The hierarchy.
    lag_months : int
        Lags up to this one are measured.
    back : ndarray of int (origins,)
        Months between each origin and the last actual.
    work : Work, optional
        Where the origins are reconciled, each by itself.
    """
    start, origins = tree.aggregates, tried.shape[1]
    own, lags = tried[start:], min(lag_months, tried.shape[2])
    near = actual[:, :, :lags] - tried[:, :, :lags]
    if start == 0 or origins < 3 or not np.isfinite(near).any():
        return Reconciled(own, units[start:], _by_level(tree, tried, tried, own, actual, lags), "bottom-up: nothing could be tried out")
    del near
    upward = _lift(tree, own[:, :, :lags])
    base, below = (_errors(tree, f, actual, lags) for f in (tried, upward))

    def best_of(begin: Matrix, full: Matrix, shares: tuple[float, ...]) -> _Choice:
        found = []
        for share in shares:
            error = _errors(tree, _lift(tree, _blend(begin[:, :, :lags], full[:, :, :lags], share)), actual, lags)
            holds = bool((error <= below * (1 + 1e-9)).all())
            rank = (holds and bool((error <= base * (1 + 1e-9)).all()), holds, -float((error / below.replace(0, np.nan)).mean()))
            found.append(_Choice(rank, share, error))
        return max(found, key=lambda one: one.rank)

    # Months that nobody can know yet stay, as errors of nothing: without them months to come were forecast worse (benchmarks/README.md).
    others = np.repeat(np.arange(origins) != np.arange(origins + 1)[:, None], tried.shape[2], axis=1)
    full, now = _all_origins(tried, actual, units, tree, others, None, work)
    today, taken = units[start:], best_of(own, own, (0.0,))
    method, steps = "bottom-up: reconciling made a level worse in the backtest", []
    first = best_of(own, full, BLENDS)
    if first.rank[1]:
        today, taken = _blend(today, now, first.share), first
        method = f"{'MinT with shrunk covariance' if len(units) <= DENSE else 'MinT with variances'}, {first.share:.0%} of the way from bottom-up"
        steps.append((None, first.share))
    worse = [level for level in taken.error.index[taken.error > base * (1 + 1e-9)] if level != SERIES]
    if worse:
        among = np.isin(tree.level[:start], worse)
        held = np.concatenate([tried[:start], _blend(own, full, taken.share)])
        full, now = _all_origins(held, actual, np.concatenate([units[:start], today]), tree, others, among, work)
        second = best_of(held[start:], full, AGAIN)
        if second.rank > taken.rank:
            today = _blend(today, now, second.share)
            method += f", then {second.share:.0%} of the way on to what {', '.join(worse)} said alone"
            steps.append((among, second.share))
        del held
    del full  # as large as the backtest
    # The same steps with what each origin could know: errors in months up to it, of earlier origins.
    month = np.arange(1, tried.shape[2] + 1) - back[:, None]
    known = (month.ravel() <= -back[:, None]) & (np.isfinite(actual) & np.isfinite(tried)).any(axis=0).ravel()
    held = own
    for among, share in steps:
        nodes = tried if held is own else np.concatenate([tried[:start], held])
        held = _blend(nodes[start:], _all_origins(nodes, actual, None, tree, known, among, work)[0], share)
        del nodes
    levels = _by_level(tree, tried, upward, held, actual, lags)
    return Reconciled(held, today, levels, method + _behind(levels))


def _blend(begin: Matrix, full: Matrix, share: float) -> Matrix:
    """Go a share of the way from one to the other."""
    out = full - begin
    out *= share  # in place: with a great many series each copy weighs as much as the backtest
    out += begin
    return out


def _all_origins(
    tried: Matrix, actual: Matrix, units: Matrix | None, tree: Tree, known: NDArray[np.bool_], among: NDArray[np.bool_] | None, work: Work | None
) -> tuple[Matrix, Matrix]:
    """Reconcile every origin of which enough errors are known, and today's forecast if there is one beside them.

    ``known`` says by origin, today last, which errors (origins x lags) count.
    """
    own, flat, able = tried[tree.aggregates :], _level_lags(tried, actual), np.flatnonzero(known.sum(axis=1) >= FEWEST)
    weigh = _size_of_errors if len(tried) > DENSE else np.asarray  # beyond that only variances count: no need to hand all errors around
    full = own.copy()
    seen = np.isfinite(own).any(axis=0)
    last = tried.shape[1]  # today's, where it is asked for
    bases = (np.nan_to_num(tried[:, o, seen[o]]) if o < last else units for o in able)
    errors = (weigh(flat[:, known[o]]) for o in able)
    now = units[tree.aggregates :] if units is not None else own[:, 0, :0]
    for o, found in zip(able, (work or Work()).each(reconcile, bases, repeat(tree, len(able)), errors, repeat(among, len(able))), strict=False):
        if o < last:
            full[:, o, seen[o]] = found
        else:
            now = found
    del flat
    # To the millionth of a unit: plans built on it must not move with the digits beyond.
    np.round(full, 6, out=full)
    full[~np.isfinite(own)] = np.nan
    return full, now.round(6)


def _behind(levels: pd.DataFrame) -> str:
    """Name the levels whose own forecast was clearly better: one plan that adds up cannot always be the best of each level."""
    worse = levels[levels["reconciled_wmape"] > levels["base_wmape"] * CLEARLY]
    told = [f"{one.level} ({one.base_wmape:.1%}, in the plan {one.reconciled_wmape:.1%})" for one in worse.itertuples()]
    return f"; better alone: {', '.join(told)}" if told else ""


def _level_lags(tried: Matrix, actual: Matrix) -> Matrix:
    """Errors (n, origins x lags), those of each lag divided by how much larger they usually are than those of the first."""
    error = actual - tried
    there = np.isfinite(error)
    square = np.where(there, error, 0.0)
    np.square(square, out=square)  # in place: with a great many series each step would take as much memory as the backtest itself
    spread = np.sqrt(square.sum(axis=(1, 2)) / np.maximum(there.sum(axis=(1, 2)), 1))
    square /= np.where(spread > 0, spread**2, np.inf)[:, None, None]
    size = np.sqrt(square.sum(axis=(0, 1)) / np.maximum(there.sum(axis=(0, 1)), 1))
    error /= np.where(size > 0, size / max(size[0], 1e-12), 1.0)
    return error.reshape(len(error), -1)


def _size_of_errors(errors: Matrix) -> Matrix:
    """Root mean square of each node's errors (n, 1), NaN where nothing is known."""
    known = np.isfinite(errors)
    count = known.sum(axis=1, keepdims=True)
    return np.sqrt(np.where(known, errors**2, 0.0).sum(axis=1, keepdims=True) / np.where(count > 0, count, np.nan))


def _lift(tree: Tree, series: Matrix) -> Matrix:
    """Add series (n, origins, lags) up to all nodes; the series themselves keep their NaN."""
    flat = tree.up(series.reshape(len(series), int(np.prod(series.shape[1:])))).reshape(len(tree.level), *series.shape[1:])
    flat[tree.aggregates :] = series
    return flat


def _errors(tree: Tree, forecast: Matrix, actual: Matrix, lags: int) -> pd.Series:
    """Sum of absolute errors over nodes, origins and near lags, by level."""
    error = np.nan_to_num(np.abs(forecast[:, :, :lags] - actual[:, :, :lags])).sum(axis=(1, 2))
    return pd.Series(error).groupby(tree.level, sort=False).sum()


def _by_level(tree: Tree, base: Matrix, upward: Matrix, series: Matrix, actual: Matrix, lags: int) -> pd.DataFrame:
    there = np.isfinite(base[:, :, :lags] - actual[:, :, :lags])
    size = np.where(there, np.abs(np.nan_to_num(actual[:, :, :lags])), 0.0).sum(axis=(1, 2))
    total = pd.Series(size).groupby(tree.level, sort=False).sum()
    out = pd.DataFrame({"nodes": pd.Series(tree.level).value_counts(sort=False).astype(float)})
    lifted = (base, upward, _lift(tree, series[:, :, :lags]))
    for name, forecast in zip(("base_wmape", "bottom_up_wmape", "reconciled_wmape"), lifted, strict=True):
        out[name] = _errors(tree, forecast, actual, lags) / total.where(total > 0)
    order = [level for level in (*BY, SERIES) if level in out.index]
    return out.loc[order].rename_axis("level").reset_index()
