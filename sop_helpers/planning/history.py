"""History made honest: a complete grid, and every correction as its own row with its cause, for the planner to accept or reject.

Raw units plus all accepted corrections give the units that the forecast sees, exactly.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.cells import about
from sop_helpers.planning.decomposition import Expected, expectation, log_scale
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.oddity import Judged, judge, steady
from sop_helpers.planning.panel import KEYS, Panel, month_range, to_panel
from sop_helpers.planning.smoothing import Matrix

CAUSES = ("returns", "entry error", "stock-out", "promotion", "event", "outlier")
ONE_OFF = {"promotion": "promotion", "campaign": "promotion", "strike": "event", "customer": "event"}
SIGNIFICANT = 2.0  # t value from which a past event counts as measured
CREDIBLE = 4.0  # a factor on demand beyond which an event has met a start or an end of a series, not customers
DOUBTFUL = 2.0  # a factor beyond which an event whose season nobody tells has more of the season in it, as likely as not, than of itself
NOBODY = ", of less than two years of history with nobody beside it to tell the season, which may be part of it"
OUTLIER_FACTOR = 1.5  # times the threshold of a signal: taking data away needs more than asking about them
OUTLIER_SHARE = 0.3  # and the month must be off by this share of what was expected
RECENT = 3  # months that the meeting discusses: proposals in them wait for its word
COLUMNS = ["month", "product", "region", "cause", "units", "accepted", "note"]


def complete_history(sales: pd.DataFrame, products: pd.DataFrame, last_actual: pd.Timestamp) -> pd.DataFrame:
    """Return one row for every month of every product and region, zeros filled in.

    A series begins with its first sale, or with the launch of its product if that came earlier but inside the data.

    Parameters
    ----------
    sales : DataFrame
        month, product, region, units.
    products : DataFrame
        product; launch_month where there is one.
    last_actual : Timestamp
        Last month with actuals; the grid ends there.

    Returns
    -------
    DataFrame
        month, product, region, raw_units, sorted by product, region and month.
    """
    sales = sales[sales["month"] <= last_actual]
    if sales.empty:
        return no_rows(["month", "product", "region", "raw_units"], ["product", "region"])
    months = month_range(sales["month"].min(), last_actual)
    wide = sales.pivot_table(index=KEYS, columns="month", values="units", aggfunc="sum", sort=True).reindex(columns=months)
    values = wide.to_numpy(dtype=float)
    keys = wide.index.to_frame(index=False)
    sold = np.nan_to_num(values) > 0
    start = np.where(sold.any(axis=1), sold.argmax(axis=1), np.nan_to_num(values, nan=1.0).argmin(axis=1))
    if "launch_month" in products:
        launch = pd.DatetimeIndex(keys["product"].map(products.set_index("product")["launch_month"]))
        column = months.get_indexer(launch)
        start = np.where((column >= 0) & (column < start), column, start)
    live = np.arange(len(months)) >= start[:, None]
    panel = Panel(keys, months, values)
    return panel.frame(np.where(live, np.nan_to_num(values), np.nan), "raw_units")


def empty_shelves(panel: Panel, inventory: pd.DataFrame, regions: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell where the location that serves a region had nothing of the product at the start or at the end of the month.

    Parameters
    ----------
    panel : Panel
        Series of the history.
    inventory : DataFrame
        month, item, location, on_hand; may be empty.
    regions : DataFrame
        region, ship_from; empty where all regions are served from all locations together.

    Notes
    -----
    A product that is out of stock in more than a third of its months is made to order: its empty shelf says nothing.
    """
    out = np.zeros(panel.values.shape, dtype=bool)
    if inventory.empty or out.size == 0:
        return out
    stock = inventory.groupby(["item", "location", "month"], as_index=False)["on_hand"].sum()
    if regions.empty:
        stock = stock.groupby(["item", "month"], as_index=False)["on_hand"].sum().assign(location="")
        place = pd.Series("", index=panel.keys.index)
    else:
        place = panel.keys["region"].map(regions.set_index("region")["ship_from"]).fillna("")
    wide = stock.pivot(index=["item", "location"], columns="month", values="on_hand").reindex(columns=panel.months)
    row = wide.index.get_indexer(pd.MultiIndex.from_arrays([panel.keys["product"], place]))
    empty = np.where((row >= 0)[:, None], (wide.to_numpy(dtype=float) <= 0)[row], False)
    counted = np.where((row >= 0)[:, None], wide.notna().to_numpy()[row], False)
    empty[empty.sum(axis=1) > counted.sum(axis=1) / 3] = False
    out = empty.copy()
    out[:, 1:] |= empty[:, :-1]
    return out


def event_calendar(panel: Panel, insights: pd.DataFrame, regions: pd.Series | None = None) -> dict[str, NDArray[np.bool_]]:
    """Return for each past one-off insight (promotion, campaign, strike, customer) the months and series it touched.

    Parameters
    ----------
    panel : Panel
        Series of the history; needs a column ``family`` in its keys where insights name families.
    insights : DataFrame
        insight, kind, family, product, region, start_month, end_month.
    regions : Series, optional
        From `cells.places`: what an insight on an area or a channel means.
    """
    out: dict[str, NDArray[np.bool_]] = {}
    if insights.empty or not len(panel.months):
        return out
    past = insights[insights["kind"].isin(list(ONE_OFF)) & (insights["start_month"] <= panel.months[-1])]
    for _, one in past.iterrows():  # dozens of insights, not series
        rows = about(panel.keys, one.reindex(panel.keys.columns), regions).to_numpy()  # where no families are known, one on a family is about all
        columns = (panel.months >= one["start_month"]) & (panel.months <= one["end_month"])
        cells = rows[:, None] & columns[None, :] & ~np.isnan(panel.values)
        if cells.any():
            out[str(one["insight"])] = cells
    return out


def measure_events(
    values: Matrix, calendar: dict[str, NDArray[np.bool_]], season_length: int = 12, masked: NDArray[np.bool_] | None = None,
    expected: Expected | None = None,
) -> pd.DataFrame:
    """Measure past events by regression of the logarithm of demand, less trend and season, on the calendar of events.

    Months with events teach trend and season nothing. Months of no demand are left out: no event explains them.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand.
    calendar : dict
        Event -> the cells it touched.
    season_length : int
        Months in a season.
    masked : ndarray of bool, optional
        Further cells that teach nothing, such as stock-outs.
    expected : Expected, optional
        What was expected without the events, if it is known already.

    Returns
    -------
    DataFrame
        event, lift (factor on demand), t (value of the test that there is none), cells.
    """
    names = list(calendar)
    touched = np.zeros(values.shape, dtype=bool)
    for cells in calendar.values():
        touched |= cells
    hidden = touched if masked is None else touched | masked
    expected = expectation(values, hidden, season_length) if expected is None else expected
    # A series needs a year of quiet months, and something expected, before an event can be told from its start.
    quiet = ((~np.isnan(values)) & ~hidden).sum(axis=1) >= season_length
    used = touched & (np.nan_to_num(values) > 0) & (expected.units > 0.05 * log_scale(values)[:, None]) & quiet[:, None]
    if masked is not None:
        used &= ~masked
    rows, columns = np.nonzero(used)
    design = np.stack([calendar[name][rows, columns] for name in names], axis=1).astype(float) if names else np.zeros((len(rows), 0))
    weight = 1 / expected.noise[rows]
    # Weighted least squares: the log residual in units of its noise.
    target = np.log(values[rows, columns] / expected.units[rows, columns]) * weight
    x = design * weight[:, None]
    inverse = np.linalg.pinv(x.T @ x)
    coefficient = inverse @ (x.T @ target)
    freedom = max(len(rows) - len(names), 1)
    variance = max(float(((target - x @ coefficient) ** 2).sum() / freedom), 1.0)
    error = np.sqrt(np.maximum(np.diag(inverse) * variance, 1e-300))
    count = design.sum(axis=0)
    lift = np.exp(np.clip(coefficient, -5, 5))
    return pd.DataFrame({"event": pd.Series(names, dtype="str"), "lift": lift, "t": np.where(count > 0, coefficient / error, 0.0), "cells": count})


def propose_corrections(
    panel: Panel, *, shelves: NDArray[np.bool_] | None = None, insights: pd.DataFrame | None = None, threshold: float = 3.5, accept_outliers: bool = True,
    season_length: int = 12, regions: pd.Series | None = None,
) -> pd.DataFrame:
    """Propose what to change in history before it is forecast from.

    At most one correction a month and series, by the first cause that fits: returns (more came back than was sold: no demand, not less than none); entry
    error (a factor of 10, 100 or 1,000 too large, once in a series that sells alike from month to month); stock-out (nothing on the shelf and clearly less
    sold than expected: demand was censored and is put back to what season and trend led to expect); promotion or event (measured by regression, taken out of
    the baseline where significant); outlier (unexplained and far off).

    Nobody takes away what may be demand without being asked: entry errors and outliers wait for the meeting where they are recent, where others of the family
    or of the product did the same in that month, where a young series has no family to tell its season, and where the series does so again and again. A
    promotion or event of young series is measured beside those of their family that it did not touch; where it touched all, what was measured may be the
    season: the note says so, and it waits if demand was more than doubled or halved.

    Parameters
    ----------
    panel : Panel
        Raw history; its keys may hold ``family``, whose season judges series too young for their own (see `oddity.judge`).
    shelves : ndarray of bool, optional
        Cells with an empty shelf (see `empty_shelves`).
    insights : DataFrame, optional
        Calendar of what the teams did (see `event_calendar`).
    threshold : float
        Robust z of a signal.
    accept_outliers : bool
        Whether outliers older than three months are accepted as proposed.
    season_length : int
        Months in a season.
    regions : Series, optional
        From `cells.places`: what an insight on an area or a channel means.

    Returns
    -------
    DataFrame
        As the contract ``corrections``.
    """
    raw = panel.values
    y = np.where(raw < 0, 0.0, raw)
    if y.size == 0:
        return no_rows(COLUMNS, ["product", "region", "cause", "note"], accepted="bool")
    shelves = np.zeros(y.shape, dtype=bool) if shelves is None else shelves
    calendar = event_calendar(panel, insights, regions) if insights is not None else {}
    touched = np.logical_or.reduce(list(calendar.values())) if calendar else np.zeros(y.shape, dtype=bool)
    judged = judge(y, shelves | touched, panel.keys, threshold, season_length)
    score, level, sparse = judged.score, judged.level, judged.sparse
    free = (np.isfinite(y)) & (level > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log10(np.where(free & (y > 0), y / level, 1.0))
    new, cause, note = raw.copy(), np.full(y.shape, "", dtype=object), np.full(y.shape, "", dtype=object)
    unsure = np.zeros(y.shape, dtype=bool)  # what was measured of an event is its lift or the season

    returned = raw < 0
    _take(returned, y, "returns", new, cause)
    note[returned] = "more came back than was sold: taken as no demand"
    free &= ~returned

    zeros = np.round(power)
    typo = free & (score > threshold) & (zeros >= 1) & (zeros <= 3) & (np.abs(power - zeros) < 0.2) & ~touched & ~sparse & ~judged.few
    typo &= ~judged.often & ~judged.shared  # of sizes that vary by themselves, or that others ordered too, a multiple tells nothing
    typo &= steady(y, level, typo, 10.0**zeros)
    _take(typo, y / 10.0 ** np.maximum(zeros, 0), "entry error", new, cause)
    size = zip(zeros[typo], level[typo], strict=True)
    note[typo] = [f"{10**int(k):,} times what trend and season led to expect ({v:,.0f}): a slip of the key" for k, v in size]
    free &= ~typo

    short = free & shelves & ~sparse & (y < 0.8 * level) & (score < -1.5)
    _take(short, level, "stock-out", new, cause)
    note[short] = [f"nothing on the shelf; season and trend led to expect {v:,.0f}" for v in level[short]]
    free &= ~short

    if calendar:
        kinds = insights.assign(insight=insights["insight"].astype("str")).set_index("insight")["kind"]
        # Where nobody tells the season, a lift may be nothing else: such months teach only what no other month of the event can.
        told = {event: cells & ~judged.alone for event, cells in calendar.items()}
        measured = measure_events(y, {e: told[e] if told[e].any() else calendar[e] for e in calendar}, season_length, shelves, judged.expected)
        clear = measured[(measured["t"].abs() >= SIGNIFICANT) & measured["lift"].between(1 / CREDIBLE, CREDIBLE)]
        # A promotion that seems to lower demand is some other event: it stays in the history for people to look at.
        clear = clear[(clear["lift"] > 1) | (clear["event"].map(kinds).map(ONE_OFF) != "promotion")]
        factor = np.ones(y.shape)
        for one in clear.itertuples():
            cells = calendar[one.event] & free & ~sparse & (y > 0)
            factor[cells] *= one.lift
            lone = not told[one.event].any()
            unsure[cells] |= lone and not 1 / DOUBTFUL <= one.lift <= DOUBTFUL
            cause[cells] = ONE_OFF[kinds[one.event]]
            months = "1 month of a product and region" if one.cells == 1 else f"{one.cells:.0f} months of products and regions"
            text = f"{one.event}: {100 * (one.lift - 1):+.0f} % measured on {months} (t {one.t:.1f})" + lone * NOBODY
            note[cells] = np.where(note[cells] == "", text, note[cells] + f"; {text}")
        done = (factor != 1.0) & (cause != "")
        new[done] = (y / factor)[done]
        free &= ~touched

    odd = free & (np.abs(score) > OUTLIER_FACTOR * threshold) & (np.abs(y - level) > OUTLIER_SHARE * level)
    # What a young series shares with its family is its season; what a sparse one orders again and again is its sizes.
    odd &= ~(judged.young & judged.shared) & ~(sparse & judged.often)
    _take(odd, level, "outlier", new, cause)
    size = zip(score[odd], level[odd], strict=True)
    note[odd] = [f"{abs(z):.1f} times the usual noise {'above' if z > 0 else 'below'} the {v:,.0f} expected, and nobody said why" for z, v in size]
    why = _waiting(judged, zeros)
    why[touched] = np.where(unsure, "more than an event is likely to do", "")[touched]
    return _table(panel, new - raw, cause, note, why, accept_outliers)


def _waiting(judged: Judged, zeros: Matrix) -> NDArray[np.object_]:
    """Say why an odd month is left in until the meeting has spoken; empty where nothing speaks for it."""
    why = np.full(zeros.shape, "", dtype=object)
    why[np.broadcast_to(judged.sparse & judged.few, zeros.shape)] = "too few demands to know its sizes"
    why[judged.often] = "it comes more than once in two years"
    why[judged.alone & (zeros < 2)] = "less than two years of history and no family to tell its season"  # no season is a hundred times the rest
    why[judged.shared] = "others of its family or product did the same"
    why[:, max(zeros.shape[1] - RECENT, 0) :] = "recent"
    return why


def _take(cells: NDArray[np.bool_], value: Matrix, name: str, new: Matrix, cause: NDArray[np.object_]) -> None:
    new[cells] = value[cells]
    cause[cells] = name


def _table(
    panel: Panel, change: Matrix, cause: NDArray[np.object_], note: NDArray[np.object_], why: NDArray[np.object_], accept_outliers: bool
) -> pd.DataFrame:
    row, column = np.nonzero((cause != "") & (change != 0))
    out = panel.keys[KEYS].iloc[row].reset_index(drop=True)
    out.insert(0, "month", panel.months[column].astype("datetime64[us]"))
    out["cause"] = pd.Series(cause[row, column], dtype="str")
    out["units"] = change[row, column]
    guessed = ~out["cause"].isin(["returns", "stock-out"]).to_numpy()
    waits = guessed & (why[row, column] != "")
    out["accepted"] = ~waits & (accept_outliers | (out["cause"] != "outlier"))
    said = "; " + pd.Series(why[row, column], dtype="str") + ": left in until the meeting has spoken"
    out["note"] = pd.Series(note[row, column], dtype="str") + said.where(waits, "")
    return out[COLUMNS]


def cleanse(history: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Add the accepted corrections to the raw history.

    Parameters
    ----------
    history : DataFrame
        month, product, region, raw_units.
    corrections : DataFrame
        month, product, region, units, accepted.

    Returns
    -------
    DataFrame
        As the contract ``demand_history``.

    Raises
    ------
    ValueError
        A correction would make a month negative; it is named.
    """
    keys = ["month", *KEYS]
    accepted = corrections[corrections["accepted"].astype(bool)] if len(corrections) else corrections
    sums = accepted.groupby(keys)["units"].sum() if len(accepted) else pd.Series(dtype=float)
    out = history[[*keys, "raw_units"]].copy()
    out["units"] = out["raw_units"] + _looked_up(sums, out[keys])
    low = out[(out["units"] < -1e-9 * (1 + out["raw_units"].abs())) & (out["units"] < out["raw_units"])]
    if len(low):
        first = low.iloc[0]
        raise ValueError(f"the corrections of {first['product']} in {first['region']}, {first['month']:%Y-%m}, take away more than was sold")
    out["units"] = out["units"].clip(lower=0.0)
    return out


def _looked_up(sums: pd.Series, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each row what its keys have in a series of a few keys, zero where they have nothing. By numbers: an index of millions of texts is slow."""
    if sums.empty:
        return np.zeros(len(rows))
    mine, few, known = np.zeros(len(rows), dtype=np.int64), np.zeros(len(sums), dtype=np.int64), np.ones(len(sums), dtype=bool)
    for name in rows:
        codes, unique = pd.factorize(rows[name])
        code = pd.Index(unique).get_indexer(sums.index.get_level_values(name))
        mine, few, known = mine * len(unique) + codes, few * len(unique) + code, known & (code >= 0)
    at = pd.Index(few[known]).get_indexer(mine)
    return np.where(at >= 0, sums.to_numpy(dtype=float)[known][at], 0.0) if known.any() else np.zeros(len(rows))


def history_panel(history: pd.DataFrame, products: pd.DataFrame, column: str = "units") -> Panel:
    """Return the history as a panel whose keys also hold the family."""
    panel = to_panel(history, column)
    return Panel(panel.keys.assign(family=panel.keys["product"].map(products.set_index("product")["family"])), panel.months, panel.values)
