"""Lasting steps in the level of demand: found, sized and, where people agree, taken out of the months before.

A listing won or lost, a price moved for good, a site that closed: from one month to the next demand settles elsewhere. A trend fitted through such a step
points up or down for ever; history lifted or lowered to the level of today does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.decomposition import expectation, log_scale, median, to_log
from sop_helpers.planning.forecasting import classify, trim
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix, lengths

LEAST_SIDE = 6  # months on each side of a step: fewer cannot tell a new level from a run of odd months
CLEAR = 6.0  # t value of a step, the largest over all months and widened for autocorrelation
LEAST_STEP = np.log(1.25)  # of the level: smaller ones the smoothers follow by themselves
ABRUPT = 0.7  # share of a step that happens within three months: what comes slowly is trend
CAUSE = "level shift"


class Steps(NamedTuple):
    """The clearest step of each series: its first column ``at`` (-1 without one), ``size`` (factor on the level) and ``t`` value."""

    at: NDArray[np.int64]
    size: Matrix
    t: Matrix


def find_steps(values: Matrix, season_length: int = 12, clear: float = CLEAR) -> Steps:
    """Find the clearest lasting step of each series by its standardised change of mean.

    The logarithm of demand, less the season and with odd months clipped, is regressed on a trend and a step at every month that leaves `LEAST_SIDE` months on
    each side; the step with the largest t value is taken (Andrews 1993 on the supremum), widened by the autocorrelation of what is left. It counts where t,
    the size and the abruptness say so, and the last months still stand on the new level.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins; sparse series and those shorter than two seasons and six months have no steps.
    season_length : int
        Months in a season.
    clear : float
        t value from which a step counts.
    """
    n, months = values.shape
    at, size, found = np.full(n, -1), np.ones(n), np.zeros(n)
    values = trim(values)
    start, length = lengths(values)
    usable = (length >= 2 * season_length + LEAST_SIDE) & np.isin(classify(values), ["smooth", "erratic"])
    if not usable.any():
        return Steps(at, size, found)
    calm = calmed(values, season_length)
    for first in np.unique(start[usable]):  # series of one length at a time
        rows = np.flatnonzero(usable & (start == first))
        x = calm[rows, first:]
        at[rows], size[rows], found[rows] = _largest(x, clear)
        at[rows] = np.where(at[rows] >= 0, at[rows] + first, -1)
    return Steps(at, size, found)


def calmed(values: Matrix, season_length: int = 12) -> Matrix:
    """Logarithm of demand less its season, odd months clipped to three times their noise about the level."""
    scale = log_scale(values)
    expected = expectation(values, season_length=season_length)
    level = to_log(expected.units, scale)
    x = to_log(values, scale)
    column = np.arange(values.shape[1]) % season_length
    left = np.clip(x - level, -3 * expected.noise[:, None], 3 * expected.noise[:, None])
    # The season is what the expectation holds beyond its own running median over a season.
    season = np.zeros((len(values), season_length))
    smooth = _running_mean(level, season_length)
    for j in range(season_length):
        season[:, j] = np.nan_to_num(median((level - smooth)[:, column == j]))
    season -= season.mean(axis=1, keepdims=True)
    return level + left - season[:, column]


def _running_mean(x: Matrix, width: int) -> Matrix:
    """Centred mean over a season, NaN where it does not fit."""
    out = np.full(x.shape, np.nan)
    if x.shape[1] < width + 1:
        return out
    weight = np.r_[0.5, np.ones(width - 1), 0.5] / width if width % 2 == 0 else np.ones(width) / width
    windows = np.lib.stride_tricks.sliding_window_view(x, len(weight), axis=1)
    half = len(weight) // 2
    out[:, half : half + windows.shape[1]] = windows @ weight
    return out


def _largest(x: Matrix, clear: float) -> tuple[NDArray[np.int64], Matrix, Matrix]:
    """Regress each row on a constant, a trend and a step at every month in turn; return the place, the factor and the t value of the largest."""
    months = x.shape[1]
    time = np.arange(months)
    places = np.arange(LEAST_SIDE, months - LEAST_SIDE + 1)
    base = np.linalg.qr(np.column_stack([np.ones(months), time]))[0]
    steps = (time[:, None] >= places).astype(float)
    steps -= base @ (base.T @ steps)
    rest = x - (x @ base) @ base.T
    power = (steps**2).sum(axis=0)
    change = rest @ steps / power
    error = (rest**2).sum(axis=1, keepdims=True) - change**2 * power
    deviation = np.sqrt(np.maximum(error, 1e-12) / (months - 3))
    t = change / (deviation / np.sqrt(power))
    best = np.abs(t).argmax(axis=1)
    row = np.arange(len(x))
    size, at = change[row, best], places[best]
    left = rest - size[:, None] * steps[:, best].T
    inner = (left[:, 1:] * left[:, :-1]).sum(axis=1) / np.maximum((left**2).sum(axis=1), 1e-12)
    inner = np.clip(inner, 0.0, 0.95)
    score = t[row, best] * np.sqrt((1 - inner) / (1 + inner))
    near = np.arange(3)
    across = median(x[row[:, None], at[:, None] + near]) - median(x[row[:, None], at[:, None] - 1 - near])
    # The months since then against those before, without any trend: the step must not be an artefact of one.
    lasting = median(x[:, -LEAST_SIDE:]) - median(x[row[:, None], at[:, None] - 1 - np.arange(LEAST_SIDE)])
    good = (np.abs(score) >= clear) & (np.abs(size) >= LEAST_STEP)
    good &= (across / np.where(size == 0, 1.0, size) >= ABRUPT) & (lasting / np.where(size == 0, 1.0, size) >= 0.5)
    return np.where(good, at, -1), np.where(good, np.exp(size), 1.0), np.where(good, score, 0.0)


def shift_corrections(panel: Panel, season_length: int = 12, accept: bool = False) -> pd.DataFrame:
    """Propose to bring the months before a lasting step to the level after it, one row a month.

    Parameters
    ----------
    panel : Panel
        History with its other corrections in, so that no outlier is taken for a step.
    season_length : int
        Months in a season.
    accept : bool
        Whether they are accepted unless somebody rejects them.

    Returns
    -------
    DataFrame
        month, product, region, cause, units, accepted, note.
    """
    steps = find_steps(panel.values, season_length)
    before = (np.arange(panel.values.shape[1]) < steps.at[:, None]) & (np.nan_to_num(panel.values) > 0)
    row, column = np.nonzero(before)
    out = panel.keys[KEYS].iloc[row].reset_index(drop=True)
    out.insert(0, "month", panel.months[column].astype("datetime64[us]") if len(row) else pd.DatetimeIndex([], dtype="datetime64[us]"))
    out["cause"] = pd.Series(CAUSE, index=out.index, dtype="str")
    out["units"] = panel.values[row, column] * (steps.size[row] - 1)
    out["accepted"] = accept
    text = [f"level {100 * (f - 1):+.0f} % from {panel.months[a]:%Y-%m} on (t {t:.1f})" if a >= 0 else "" for a, f, t in zip(*steps, strict=True)]
    out["note"] = pd.Series(np.array(text, dtype=object)[row], dtype="str")
    return out
