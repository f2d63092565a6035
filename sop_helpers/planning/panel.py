"""Tables by month, product and region as matrices, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sop_helpers.planning.smoothing import Matrix

KEYS = ["product", "region"]


@dataclass(frozen=True)
class Panel:
    """Series side by side.

    Attributes
    ----------
    keys : DataFrame
        product and region, one row a series, sorted.
    months : DatetimeIndex
        Month of each column, without gaps.
    values : ndarray (series, months)
        Units; NaN before a series begins.
    """

    keys: pd.DataFrame
    months: pd.DatetimeIndex
    values: Matrix

    def frame(self, values: Matrix, column: str, months: pd.DatetimeIndex | None = None) -> pd.DataFrame:
        """Return a matrix that belongs to this panel's series as a table, months without a value left out."""
        months = self.months if months is None else months
        there = ~np.isnan(values)
        row, col = np.nonzero(there)
        out = self.keys[KEYS].iloc[row].reset_index(drop=True)
        out.insert(0, "month", months[col].astype("datetime64[us]"))
        out[column] = values[there]
        return out


def month_range(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return all months from first to last as period starts."""
    return pd.date_range(first, last, freq="MS", unit="us")


def to_panel(frame: pd.DataFrame, column: str = "units") -> Panel:
    """Turn a complete table into a panel.

    Parameters
    ----------
    frame : DataFrame
        month, product, region and the column; unique by the first three.
    column : str
        What becomes the matrix.
    """
    if frame.empty:
        return Panel(pd.DataFrame({k: pd.Series(dtype="str") for k in KEYS}), pd.DatetimeIndex([], dtype="datetime64[us]"), np.zeros((0, 0)))
    wide = frame.pivot(index=KEYS, columns="month", values=column)
    wide = wide.reindex(columns=month_range(wide.columns.min(), wide.columns.max())).sort_index()
    return Panel(wide.index.to_frame(index=False), pd.DatetimeIndex(wide.columns), wide.to_numpy(dtype=float))


def align(panel: Panel, frame: pd.DataFrame, column: str, fill: float = np.nan) -> Matrix:
    """Return a table's column as a matrix in the rows and columns of a panel."""
    out = np.full(panel.values.shape, fill)
    if frame.empty or out.size == 0:
        return out
    row = pd.MultiIndex.from_frame(panel.keys[KEYS]).get_indexer(pd.MultiIndex.from_frame(frame[KEYS]))
    col = panel.months.get_indexer(pd.DatetimeIndex(frame["month"]))
    good = (row >= 0) & (col >= 0)
    out[row[good], col[good]] = frame[column].to_numpy(dtype=float)[good]
    return out
