"""How far the price of an hour holds: the hours less and more at which the plan would change its mind."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix

LEAST = 1e-9


class Range(NamedTuple):
    """Hours less and more than the limit for which its price holds; infinite where nothing ever changes it."""

    less: Matrix
    more: Matrix


def price_ranges(highs: Any, low: Matrix, high: Matrix, lower: Matrix, upper: Matrix, rows: NDArray[np.int64]) -> Range:
    """Return for rows limited from above how far the limit can move until another basis is the best one.

    In a solved program the values of the basic variables are linear in a limit: x = x0 + step * (column of the basis' inverse). The price holds until the
    first of them meets a bound (right-hand side ranging, in any textbook of linear programming). Where several bases are equally good a price may hold on
    one side only; the other side is then zero.

    Parameters
    ----------
    highs : highspy.Highs
        Solved by simplex.
    low, high, lower, upper : ndarray
        Limits of all rows, and of all columns, as they were when it was solved.
    rows : ndarray of int
        The rows asked for.
    """
    import highspy

    found = highs.getSolution()
    value, use = np.asarray(found.col_value), np.asarray(found.row_value)
    basic = np.asarray(highs.getBasicVariables()[1])
    slack = basic < 0
    line = -basic[slack] - 1
    at = np.where(slack, np.nan, value[np.maximum(basic, 0)])
    least, most = np.where(slack, np.nan, lower[np.maximum(basic, 0)]), np.where(slack, np.nan, upper[np.maximum(basic, 0)])
    at[slack], least[slack], most[slack] = use[line], low[line], high[line]
    down, up = np.maximum(at - least, 0.0), np.maximum(most - at, 0.0)
    is_basic = np.array([s == highspy.HighsBasisStatus.kBasic for s in highs.getBasis().row_status])[rows]
    less, more = np.where(is_basic, np.maximum(high[rows] - use[rows], 0.0), np.inf), np.full(len(rows), np.inf)
    for k in np.flatnonzero(~is_basic):
        column = np.asarray(highs.getBasisInverseCol(int(rows[k]))[1])
        step = np.where(slack, -column, column)
        moves = np.abs(step) > LEAST
        rate, below, above = step[moves], down[moves], up[moves]
        more[k] = np.min(np.where(rate > 0, above, below) / np.abs(rate), initial=np.inf)
        less[k] = np.min(np.where(rate > 0, below, above) / np.abs(rate), initial=np.inf)
    return Range(less, more)
