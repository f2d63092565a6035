"""Dips, spikes and shifts of the last months that deserve a question in the meeting."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import about_region
from sop_helpers.planning.decomposition import deviation, from_log, log_scale, stl_ahead, to_log
from sop_helpers.planning.forecasting import classify
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.oddity import borrowed, families
from sop_helpers.planning.panel import Panel
from sop_helpers.planning.smoothing import Matrix, lengths

UNLIKELY = 2e-4  # chance of a silence that long, about that of 3.5 sigma
COLUMNS = ["month", "family", "product", "region", "kind", "actual_units", "expected_units", "units", "money", "score", "explanation"]


def find_signals(
    panel: Panel, products: pd.DataFrame, insights: pd.DataFrame, *, threshold: float = 3.5, recent: int = 3, season_length: int = 12, most: int = 400,
    regions: pd.Series | None = None,
) -> pd.DataFrame:
    """Find months that neither trend nor season explain, and lay what the teams know beside them.

    All series are screened in one batch by rolling medians. Those that stand out are decomposed anew by robust STL of what was known before the months
    looked at, and judged against the noise of its remainder (median absolute deviation). Series shorter than two seasons are judged by the batch alone, with
    the season of their family where it fits them better than none, sparse ones by the size of their demands and by unlikely silence.

    Parameters
    ----------
    panel : Panel
        Raw history; keys hold product, region and family.
    products : DataFrame
        product, unit_price.
    insights : DataFrame
        As the contract; may be empty.
    threshold : float
        Robust z from which a month is a signal.
    recent : int
        Last months looked at.
    season_length : int
        Months in a season.
    most : int
        Most series decomposed by STL, those with most money at stake first.
    regions : Series, optional
        From `cells.places`: what an insight on an area or a channel means.

    Returns
    -------
    DataFrame
        As the contract ``signals``, most money first; a shift stands at its last month.
    """
    n, months = panel.values.shape if panel.values.size else (0, 0)
    recent = min(recent, max(months - 4, 0))
    if not n or not recent:
        return _empty()
    price = panel.keys["product"].map(products.set_index("product")["unit_price"]).fillna(0.0).to_numpy(float)
    y = panel.values
    old = lengths(y)[1] - recent >= 4  # less tells nothing
    sparse = np.isin(classify(y), ["intermittent", "lumpy"])
    first = borrowed(y, np.zeros(y.shape, dtype=bool), sparse[:, None], families(panel.keys), threshold, season_length, recent)
    actual = y[:, -recent:]
    expected, score = first.units[:, -recent:].copy(), np.nan_to_num(first.score[:, -recent:])
    _judge_by_stl(y, expected, score, price, old & ~sparse, threshold, recent, season_length, most)
    _judge_sparse(y, expected, score, sparse & old, recent)
    score[~old] = 0.0
    table = _pick(panel, actual, expected, score, price, threshold)
    table["explanation"] = explain(table, insights, regions)
    return table[COLUMNS].sort_values(["money", "product", "region"], key=lambda c: -c.abs() if c.name == "money" else c, kind="stable", ignore_index=True)


def _judge_by_stl(y: Matrix, expected: Matrix, score: Matrix, price: Matrix, usable: np.ndarray, threshold: float, recent: int, m: int, most: int) -> None:
    """Replace expectation and score of the series that the screen picked, in place."""
    usable = usable & (lengths(y)[1] - recent >= 2 * m + 1)
    odd = np.abs(score).max(axis=1) >= 0.6 * threshold
    stake = (np.abs(y[:, -recent:] - expected) * price[:, None]).max(axis=1)
    rows = np.flatnonzero(usable & odd)
    rows = rows[np.argsort(-stake[rows], kind="stable")][:most]
    scale = log_scale(y)
    for row in rows:
        x = to_log(y[row : row + 1], scale[row : row + 1])[0]
        level, noise = stl_ahead(x[~np.isnan(x)], recent, m)
        expected[row] = from_log(level[None, :], scale[row : row + 1])[0]
        score[row] = deviation(y[row : row + 1, -recent:], expected[row : row + 1], np.array([noise]))[0]


def _judge_sparse(y: Matrix, expected: Matrix, score: Matrix, sparse: np.ndarray, recent: int) -> None:
    """A sparse series spikes when a demand is far larger than its usual size, and dips when it is silent although that is very unlikely."""
    before = y[:, :-recent]
    hit = np.nan_to_num(before) > 0
    count = np.maximum(hit.sum(axis=1), 1)
    logs = np.log(np.where(hit, before, 1.0))
    mean = np.where(hit, logs, 0.0).sum(axis=1) / count
    spread = np.maximum(np.sqrt(np.where(hit, (logs - mean[:, None]) ** 2, 0.0).sum(axis=1) / count), 0.5)
    rate = np.where(hit, before, 0.0).sum(axis=1) / np.maximum(lengths(before)[1], 1)
    now = y[:, -recent:]
    size = np.where(np.nan_to_num(now) > 0, (np.log(np.where(np.nan_to_num(now) > 0, now, 1.0)) - mean[:, None]) / spread[:, None], 0.0)
    expected[sparse] = rate[sparse, None]
    score[sparse] = np.maximum(size, 0.0)[sparse]
    # Silence is a signal in the month in which it has become unlikely, not for ever after.
    sold = np.nan_to_num(y) > 0
    silence = np.where(sold.any(axis=1), sold[:, ::-1].argmax(axis=1), 0)
    odds = np.log(np.maximum(1 - sold.sum(axis=1) / np.maximum(lengths(y)[1] - silence, 1), 1e-12))
    quiet = sparse & (silence * odds < np.log(UNLIKELY)) & ((silence - recent) * odds >= np.log(UNLIKELY))
    score[quiet, -1] = -np.sqrt(-2 * silence[quiet] * odds[quiet])


def _pick(panel: Panel, actual: Matrix, expected: Matrix, score: Matrix, price: Matrix, threshold: float) -> pd.DataFrame:
    """One row a signal; a series whose last months all lie on one side, far off together, shifted."""
    recent = actual.shape[1]
    strong = np.abs(score) >= threshold
    one_side = (np.abs(np.sign(score).sum(axis=1)) == recent) & (np.abs(score).min(axis=1) >= threshold / 2) & (recent >= 3)
    shift = one_side & (np.abs(score.mean(axis=1)) >= threshold)
    strong[shift] = False
    strong[shift, -1] = True
    row, column = np.nonzero(strong)
    out = panel.keys.iloc[row].reset_index(drop=True)
    out.insert(0, "month", panel.months[-recent:][column].astype("datetime64[us]"))
    out["kind"] = pd.Series(np.where(shift[row], "shift", np.where(score[row, column] > 0, "spike", "dip")), dtype="str")
    out["actual_units"], out["expected_units"] = actual[row, column], expected[row, column]
    out["units"] = out["actual_units"] - out["expected_units"]
    out["money"] = out["units"] * price[row]
    out["score"] = score[row, column]
    return out


AGAINST = "against it: "
"""What stands before an insight that expected the opposite: it explains nothing."""


def explain(signals: pd.DataFrame, insights: pd.DataFrame, regions: pd.Series | None = None) -> pd.Series:
    """Name the insights that touch the same product, family or region in the same month, those that point the same way first, others as `AGAINST` it.

    Parameters
    ----------
    signals : DataFrame
        month, family, product, region, units.
    insights : DataFrame
        As the contract; blank family, product or region means all.
    regions : Series, optional
        From `cells.places`: what an insight on an area or a channel means.
    """
    blank = pd.Series([None] * len(signals), index=signals.index, dtype="str")
    if signals.empty or insights.empty:
        return blank
    left = signals[["month", "family", "product", "region", "units"]].reset_index(names="row")
    both = left.merge(insights, how="cross", suffixes=("", "_told"))
    near = (both["month"] >= both["start_month"]) & (both["month"] <= both["end_month"])
    for column in ("family", "product"):
        near &= both[f"{column}_told"].isna() | (both[f"{column}_told"] == both[column])
    near &= about_region(both["region_told"], both["region"], regions)
    both = both[near].copy()
    effect = both["effect_pct"].fillna(both["effect_units"]) if "effect_units" in both else both["effect_pct"]
    both["against"] = (np.sign(effect.fillna(0.0)) * np.sign(both["units"]) < 0).astype(int)
    both["text"] = both["function"] + " (" + both["insight"].astype("str") + ", " + both["kind"] + "): " + both["note"].fillna("no words").astype("str")
    both["text"] = both["text"].where(both["against"] == 0, AGAINST + both["text"])
    both = both.sort_values(["row", "against", "insight"], kind="stable")
    told = both.groupby("row")["text"].agg("; ".join)
    return blank.where(~blank.index.isin(told.index), pd.Series(told).reindex(blank.index)).astype("str")


def _empty() -> pd.DataFrame:
    numbers = {"month", "actual_units", "expected_units", "units", "money", "score"}
    return no_rows(COLUMNS, [c for c in COLUMNS if c not in numbers])
