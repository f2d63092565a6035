"""Scales that errors are held against: seasonal naive's error inside the history that was known when the forecast was made.

A scale that saw the months forecast would grow with the very errors it divides (Hyndman & Koehler 2006 take it from the training period).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import labelled, no_rows
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix


def naive_scale(values: Matrix, season_length: int = 12, power: int = 1) -> Matrix:
    """Mean absolute error of seasonal naive inside each history, the denominator of MASE; NaN where it cannot be had.

    With `power` 2 the root of its mean squared error, the denominator of RMSSE.
    """
    m = season_length if values.shape[1] > season_length else 1
    if values.shape[1] <= m:
        return np.full(len(values), np.nan)
    change = np.abs(values[:, m:] - values[:, :-m])
    count = (~np.isnan(change)).sum(axis=1)
    mean = (np.nansum(change**power, axis=1) / np.maximum(count, 1)) ** (1 / power)
    return np.where((count > 0) & (mean > 0), mean, np.nan)


def summed(panel: Panel, by: Sequence[str], family: pd.Series, regions: pd.DataFrame | None = None) -> tuple[pd.DataFrame, Matrix]:
    """Add series up; NaN before the first of a sum begins.

    Parameters
    ----------
    panel : Panel
        The series.
    by : sequence of str
        Of product, region, family, area and channel; all series together when empty.
    family : Series
        Family of each product, indexed by product.
    regions : DataFrame, optional
        region; area and channel where there are any.

    Returns
    -------
    keys : DataFrame
        The columns of `by`, one row a sum.
    values : ndarray (sums, months)
    """
    from scipy import sparse

    by, keys = list(by), panel.keys[KEYS].reset_index(drop=True)
    if by == KEYS:
        return keys, panel.values
    labels = labelled(keys, family, regions)[by]
    code = labels.groupby(by, sort=True).ngroup().to_numpy() if by else np.zeros(len(keys), dtype=int)
    first = np.unique(code, return_index=True)[1]
    add = sparse.csr_array((np.ones(len(code)), (code, np.arange(len(code)))), shape=(len(first), len(code)))
    there = ~np.isnan(panel.values)
    total = np.asarray(add @ np.where(there, panel.values, 0.0))
    return labels.iloc[first].reset_index(drop=True), np.where(np.asarray(add @ there.astype(float)) > 0, total, np.nan)


def known_scales(
    panel: Panel, by: Sequence[str], family: pd.Series, origins: Sequence[pd.Timestamp], season_length: int = 12, regions: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return seasonal naive's error in what was known of each sum at each origin.

    Parameters
    ----------
    panel : Panel
        Demand that came.
    by, family, regions
        See `summed`.
    origins : sequence of Timestamp
        Last months known.
    season_length : int
        Months in a season.

    Returns
    -------
    DataFrame
        The columns of `by`, origin, scale (of absolute errors, for MASE) and root_scale (of squared ones, for RMSSE).
    """
    if not len(panel.keys) or not len(origins):
        return no_rows([*by, "origin", "scale", "root_scale"], by, months=["origin"])
    keys, values = summed(panel, by, family, regions)
    parts = []
    for origin in origins:
        known = values[:, : panel.months.searchsorted(origin, side="right")]
        parts.append(keys.assign(origin=origin, scale=naive_scale(known, season_length), root_scale=naive_scale(known, season_length, 2)))
    return pd.concat(parts, ignore_index=True)
