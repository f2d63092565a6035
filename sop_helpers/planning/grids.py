"""A plan by rule that a planner checks others with: the master schedule and what can be promised from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def master_schedule(forecast: ArrayLike, orders: ArrayLike, stock: float, lot: float) -> pd.DataFrame:
    """Return the master schedule and what can be promised: a lot whenever projected stock falls below zero, the larger of forecast and orders counting.

    Returns
    -------
    DataFrame
        period, forecast, orders, mps, projected, atp. Available to promise stands in the first period and in each with a lot, else blank.
    """
    expected, booked = np.asarray(forecast, dtype=float), np.asarray(orders, dtype=float)
    mps, projected = np.zeros(len(expected)), np.zeros(len(expected))
    level = stock
    for t, need in enumerate(np.maximum(expected, booked)):
        short = need - level
        mps[t] = np.ceil(short / lot) * lot if short > 1e-9 else 0.0
        level = projected[t] = level + mps[t] - need
    starts = np.flatnonzero((mps > 0) | (np.arange(len(mps)) == 0))
    covered = np.add.reduceat(booked, starts)
    promise = np.full(len(mps), np.nan)
    promise[starts] = mps[starts] + np.where(starts == 0, stock, 0.0) - covered
    return pd.DataFrame({"period": np.arange(1, len(mps) + 1), "forecast": expected, "orders": booked, "mps": mps, "projected": projected, "atp": promise})
