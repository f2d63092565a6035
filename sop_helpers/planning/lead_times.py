"""Lead times as they come: a few of them with their probabilities, the late ones told apart more finely.

What was delivered says it best, by item and place; where an item was delivered seldom, all deliveries of its supplier do, relative to the lead time
stated. Without deliveries a stated standard deviation gives a gamma distribution, and without either the lead time is what is stated.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Matrix = NDArray[np.float64]
DAYS_PER_MONTH = 365 / 12
EDGES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0])
CHANCES = np.diff(EDGES)
FEWEST = 8  # deliveries from which an item, or a supplier, speaks for itself
_FINE = (np.arange(200) + 0.5) / 200
_BIN = np.searchsorted(EDGES, _FINE, side="right") - 1


def lead_times(operations: pd.DataFrame, deliveries: pd.DataFrame | None = None) -> tuple[Matrix, list[str]]:
    """Return lead times in months with the probabilities `CHANCES`, (operations, 8), and what each operation's are told by.

    Parameters
    ----------
    operations : DataFrame
        kind, item, location, lead_time_months; optionally supplier and lead_time_sd_months.
    deliveries : DataFrame, optional
        item, location, ordered, arrived (days); optionally supplier. Rows that have not arrived, or arrived before they were ordered, are left out.
    """
    stated = operations["lead_time_months"].to_numpy(dtype=float)
    out = np.repeat(stated[:, None], len(CHANCES), axis=1)
    told = np.array(["stated"] * len(operations), dtype=object)
    sd = operations["lead_time_sd_months"].astype(float).fillna(0.0).to_numpy() if "lead_time_sd_months" in operations else np.zeros(len(operations))
    spread = (sd > 0) & (stated > 0)
    if spread.any():
        mean, width = stated[spread, None], sd[spread, None]
        out[spread] = binned(stats.gamma.ppf(_FINE, (mean / width) ** 2, scale=width**2 / mean))
        told[spread] = "stated standard deviation"
    seen = _seen(deliveries)
    if seen.empty or operations.empty:
        return out, list(told)
    by_supplier = "supplier" in seen and "supplier" in operations and seen["supplier"].notna().any()
    keys = ["item", "location", *(["supplier"] if by_supplier else [])]
    ops = operations.reset_index(drop=True)
    if by_supplier:
        # An operation that names no supplier is spoken for by all deliveries of the item.
        nameless = ops["supplier"].isna()
        _tell(out, told, ops[nameless], seen, ["item", "location"], np.ones(len(seen)), np.ones(len(ops)), "deliveries")
        rows = ops.loc[~nameless, [*keys]].assign(stated=stated[~nameless.to_numpy()])
        lead = seen.merge(rows.drop_duplicates(keys), on=keys, how="left")["stated"].to_numpy()
        _tell(out, told, ops[~nameless], seen, ["supplier"], np.where(lead > 0, lead, np.nan), stated, "deliveries of the supplier")
        ops = ops[~nameless]
    _tell(out, told, ops, seen, keys, np.ones(len(seen)), np.ones(len(operations)), "deliveries")
    return out, list(told)


def binned(fine: Matrix) -> Matrix:
    """Return the mean lead time of each part of the distribution, (n, 8), from 200 quantiles of equal probability, (n, 200)."""
    out = np.zeros((len(fine), len(CHANCES)))
    np.add.at(out.T, _BIN, fine.T)
    return out / np.bincount(_BIN)


def added(first: Matrix, second: Matrix) -> Matrix:
    """Return the lead times, (n, 8), of two independent steps one after the other."""
    total = (first[:, :, None] + second[:, None, :]).reshape(len(first), len(CHANCES) ** 2)
    chance = np.repeat(CHANCES, len(CHANCES)) * np.tile(CHANCES, len(CHANCES))
    order = total.argsort(axis=1, kind="stable")
    ranked, cumulated = np.take_along_axis(total, order, axis=1), chance[order].cumsum(axis=1)
    place = np.stack([(cumulated < level - 1e-12).sum(axis=1) for level in _FINE], axis=1)
    return binned(np.take_along_axis(ranked, np.minimum(place, total.shape[1] - 1), axis=1))


def _seen(deliveries: pd.DataFrame | None) -> pd.DataFrame:
    if deliveries is None or deliveries.empty:
        return pd.DataFrame({"months": []})
    months = (deliveries["arrived"] - deliveries["ordered"]).dt.days / DAYS_PER_MONTH
    return deliveries.assign(months=months)[months >= 0].reset_index(drop=True)


def _tell(out: Matrix, told: NDArray, ops: pd.DataFrame, seen: pd.DataFrame, keys: list[str], per: Matrix, times: Matrix, word: str) -> None:
    """Put the quantiles of deliveries over `per`, times `times`, in the rows of those operations whose keys have enough of them."""
    known = seen[keys].notna().all(axis=1).to_numpy() & np.isfinite(per)
    ranked = seen.loc[known, keys].assign(months=(seen["months"] / per)[known]).sort_values([*keys, "months"], kind="stable", ignore_index=True)
    count = ranked.groupby(keys if len(keys) > 1 else keys[0]).size()
    begin = count.cumsum() - count
    rich = count.index[count >= FEWEST]
    if not len(rich) or ops.empty:
        return
    # The quantile is the least lead time that so many of them do not exceed: a late tail is not smoothed away.
    place = begin[rich].to_numpy()[:, None] + np.ceil(count[rich].to_numpy()[:, None] * _FINE).astype(np.int64) - 1
    quantiles = pd.DataFrame(ranked["months"].to_numpy()[place], index=rich)
    wanted = pd.MultiIndex.from_frame(ops[keys]) if len(keys) > 1 else pd.Index(ops[keys[0]])
    at = quantiles.index.get_indexer(wanted)
    rows = ops.index.to_numpy()[at >= 0]
    out[rows] = binned(quantiles.to_numpy()[at[at >= 0]] * times[rows, None])
    told[rows] = [f"{count.loc[k]} {word}" for k in quantiles.index[at[at >= 0]]]
