"""What is odd in a history, and whether that is the series' own: the season a young one borrows, and what its family did in the same month.

Odd months are judged in moves: logarithms of demand over what was expected. Of two moves the same way, one is as good as the other that goes half as far.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.decomposition import Expected, deviation, expectation, from_log, log_scale, median, to_log
from sop_helpers.planning.forecasting import classify, family_profiles
from sop_helpers.planning.smoothing import Matrix

SHARE = 0.25  # of the others that did the same, from which a month is their common doing
SAME = 0.5  # how far another must have gone, of one's own move, to have done the same
NOTABLE = 2.0  # robust z below which another did not move at all
WINDOW = 7  # months behind a level: a shorter series says nothing about others
OFTEN = 24  # what comes more than once in so many demands is how the series sells
FEW = 12  # demands, below which nothing is known of how their size varies
STEADY = 0.49  # squared variation up to which sizes are alike (Syntetos, Boylan & Croston 2005)


class Judged(NamedTuple):
    """What was expected of each month (n, T), and what speaks for and against an odd one.

    Attributes
    ----------
    expected : Expected
        By trend and season, the season of the family where the series is too young for its own: for the measuring of events. Where no such season is known,
        months with a known cause are moved by what the others of the family did in them without it.
    level, score : ndarray
        Units expected and robust z; of sparse series the usual size of a demand, zeros are usual.
    sparse : ndarray of bool (n, 1)
        Intermittent and lumpy series.
    young : ndarray of bool (n, 1)
        Less than two seasons: no season of its own.
    shared : ndarray of bool
        Enough others of the family, or of the product elsewhere, did the same in that month.
    alone : ndarray of bool
        Young, and nobody in the family to tell what the season does.
    often : ndarray of bool
        The series did as much so often that it is how it sells.
    few : ndarray of bool (n, 1)
        Too few demands to know how their size varies.
    """

    expected: Expected
    level: Matrix
    score: Matrix
    sparse: NDArray[np.bool_]
    young: NDArray[np.bool_]
    shared: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    often: NDArray[np.bool_]
    few: NDArray[np.bool_]


def judge(y: Matrix, hidden: NDArray[np.bool_], keys: pd.DataFrame, threshold: float = 3.5, season_length: int = 12) -> Judged:
    """Judge every month of every series by its trend, its season or its family's, and by what others did in the same month.

    The family excuses and does not accuse: a young series' expectation moves towards what came where others of its family moved that way, never away from it.

    Parameters
    ----------
    y : ndarray (n, T)
        Demand, NaN before a series begins.
    hidden : ndarray of bool (n, T)
        Months with a known cause: they teach nothing, and nobody is excused by them or in them.
    keys : DataFrame
        product, and family where it is known.
    threshold : float
        Robust z of an odd month.
    season_length : int
        Months in a season.
    """
    known = ~np.isnan(y) & ~hidden
    young = (known.sum(axis=1) < 2 * season_length)[:, None]
    sparse = np.isin(classify(y), ["intermittent", "lumpy"])[:, None]
    family = families(keys)
    product = pd.factorize(keys["product"])[0]
    expected = borrowed(y, hidden, sparse, family, threshold, season_length)

    scale = log_scale(y)
    usual, size_score = usual_size(y)[:, None], _size_score(y)
    level, score = np.where(sparse, usual, expected.units), np.where(sparse, size_score, expected.score)
    x = np.where(known & ~(sparse & (y <= 0)) & (level > 0), to_log(y, scale), np.nan)
    speaks = (known.sum(axis=1) >= WINDOW)[:, None]
    move = x - to_log(level, scale)
    _, middle, _, others = _of_others(np.where(speaks, move, np.nan), family)
    pull = np.nan_to_num(np.clip(np.nan_to_num(middle), np.minimum(move, 0.0), np.maximum(move, 0.0)))
    level = np.where(young & ~sparse & (pull != 0), from_log(to_log(level, scale) + pull, scale), level)
    score = np.nan_to_num(np.where(sparse | np.isnan(y), score, deviation(y, level, expected.noise)))
    # One that knows no season is compared by what others did with theirs in it, one that knows its own by what they did beyond theirs.
    plain = np.where(sparse, usual, expected.base)
    plain_score = np.where(sparse, size_score, deviation(y, plain, expected.noise))
    shared = np.zeros(y.shape, dtype=bool)
    for reference, odds, rows in ((plain, plain_score, young), (level, score, ~young)):
        move = x - to_log(reference, scale)
        told = np.where(speaks, np.where(np.abs(odds) >= NOTABLE, move, x * 0), np.nan)
        for group in (family, product):
            low, _, high, _ = _of_others(told, group)
            shared |= rows & np.where(move > 0, high >= SAME * move, low <= SAME * move) & (np.nan_to_num(move) != 0)
    taught = np.isin(family, family[~young[:, 0]])[:, None]
    own = to_log(y, scale) - to_log(level, scale)
    alone = young & ~taught & (others == 0)
    beside = hidden & young & ~taught & (others > 0)
    expected = expected._replace(units=np.where(beside, from_log(to_log(expected.units, scale) + np.nan_to_num(middle), scale), expected.units))
    demands = (np.nan_to_num(y) > 0).sum(axis=1)[:, None]
    return Judged(expected, level, score, sparse, young, shared, alone, _often(own, score, demands, threshold, hidden | (sparse & (y <= 0))), demands < FEW)


def families(keys: pd.DataFrame) -> NDArray[np.int64]:
    """Number the family of each series, its product where no families are known."""
    return pd.factorize(keys["family"] if "family" in keys else keys["product"], use_na_sentinel=False)[0]


def borrowed(
    y: Matrix, hidden: NDArray[np.bool_], sparse: NDArray[np.bool_], family: NDArray[np.int64], threshold: float = 3.5, season_length: int = 12,
    ahead: int = 0,
) -> Expected:
    """Return the expectation of every series, young ones with the season of their family where it fits them better than none.

    As the forecast borrows it (see `forecasting.family_profiles`), but for odd months of the old series, which must not become the season of the young. The
    last months (`ahead`) are judged and teach nothing, as in `decomposition.expectation`.
    """
    out = expectation(y, hidden, season_length, ahead)
    past = y.shape[1] - ahead
    known = ~np.isnan(y) & ~hidden & (np.arange(y.shape[1]) < past)
    young = (known.sum(axis=1) < 2 * season_length) & known.any(axis=1)
    if not young.any() or young.all():
        return out
    odd = (hidden | (np.abs(np.nan_to_num(out.score)) > threshold)) & ~sparse & ~np.isnan(y)
    calm = np.where(odd, out.units, y)
    profile = family_profiles(calm[:, :past], family, season_length)
    rows = np.flatnonzero(young & (profile != 1.0).any(axis=1))
    if not len(rows):
        return out
    with_season = expectation(y[rows], hidden[rows], season_length, ahead, np.log(profile[rows]))
    scale = log_scale(y)[rows]
    x = np.where(known[rows], to_log(y[rows], scale), np.nan)
    miss = [np.nansum(np.abs(x - to_log(units, scale)), axis=1) for units in (with_season.units, out.units[rows])]
    better = miss[0] < miss[1]
    for whole, part in zip(out, with_season, strict=True):
        whole[rows[better]] = part[better]
    return out


def steady(y: Matrix, level: Matrix, slip: NDArray[np.bool_], factor: Matrix) -> NDArray[np.bool_]:
    """Tell which series (n, 1) have sizes alike once the slips in question are divided: only there is a multiple of the usual a sign of one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((np.nan_to_num(y) > 0) & (level > 0), y / level / np.where(slip, factor, 1.0), np.nan)
    count = np.maximum((~np.isnan(ratio)).sum(axis=1), 1)
    mean = np.nansum(ratio, axis=1) / count
    variance = np.nansum((ratio - mean[:, None]) ** 2, axis=1) / count
    return (variance < STEADY * mean**2)[:, None]


def usual_size(y: Matrix) -> Matrix:
    """Median size of the demands of each series (n,), zero without any."""
    return np.nan_to_num(median(np.where(np.nan_to_num(y) > 0, y, np.nan)))


def _size_score(y: Matrix) -> Matrix:
    """How far the size of a demand lies above the usual size of a sparse series, in logarithms; zeros are usual.

    Most sizes of many series are one and the same, and say nothing of the others: the standard deviation counts too, the largest left out so that it cannot
    hide itself.
    """
    size = np.where(np.nan_to_num(y) > 0, y, np.nan)
    x = to_log(size, log_scale(size))
    centre = median(x)[:, None]
    rest = np.sort(x, axis=1)
    count = (~np.isnan(rest)).sum(axis=1)
    rest[np.arange(len(rest)), np.maximum(count - 1, 0)] = np.nan
    mean = np.nansum(rest, axis=1) / np.maximum(count - 1, 1)
    spread = np.sqrt(np.nansum((rest - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))[:, None]
    noise = np.maximum(np.fmax(1.4826 * median(np.abs(x - centre))[:, None], spread), 0.5)
    return np.maximum(np.nan_to_num((x - centre) / noise), 0.0)


def _often(move: Matrix, score: Matrix, demands: Matrix, threshold: float, idle: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which odd months have so many months like them in their series that they are none."""
    out = np.zeros(move.shape, dtype=bool)
    row, column = np.nonzero((np.abs(score) > threshold) & ~idle)
    own = move[row, column]
    for i in range(0, len(row), 65536):  # each odd month beside its whole series: in parts, for memory
        part = slice(i, i + 65536)
        there = np.where(idle, np.nan, move)[row[part]]
        alike = (there * np.sign(own[part])[:, None] >= SAME * np.abs(own[part])[:, None]).sum(axis=1)
        out[row[part], column[part]] = alike > np.maximum(demands[row[part], 0] // OFTEN, 1)
    return out


def _of_others(move: Matrix, group: NDArray[np.int64]) -> tuple[Matrix, Matrix, Matrix, NDArray[np.int64]]:
    """Return what the others of each group did in the same month: a move that `SHARE` of them reach downwards, their median, one that `SHARE` reach upwards.

    NaN where there are no others; the last part counts them. The one judged is left out of its group by its rank.
    """
    n, months = move.shape
    low, middle, high = (np.full(move.shape, np.nan) for _ in range(3))
    others = np.zeros(move.shape, dtype=np.int64)
    first = np.r_[0, np.cumsum(np.bincount(group))][group] if n else group
    for t in range(months):
        order = np.lexsort((move[:, t], group))  # NaN last in each group
        ordered, there = move[order, t], ~np.isnan(move[:, t])
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        rank = np.where(there, rank - first, n)
        rest = np.bincount(group, there, minlength=int(group.max()) + 1)[group].astype(np.int64) - there
        need = np.ceil(SHARE * rest).astype(np.int64)
        places = np.stack([need - 1, (rest - 1) // 2, rest // 2, rest - need])
        places = np.clip(places, 0, np.maximum(rest - 1, 0))
        found = np.where(rest > 0, ordered[np.minimum(first + places + (places >= rank), n - 1)], np.nan)
        low[:, t], middle[:, t], high[:, t], others[:, t] = found[0], (found[1] + found[2]) / 2, found[3], rest
    return low, middle, high, others
