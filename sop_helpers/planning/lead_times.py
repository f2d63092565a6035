"""Lead times as they come: a few of them with their probabilities, the late ones told apart more finely.

What was delivered says it best, by item and place, drawn to what its supplier's deliveries took relative to the lead time stated; where an item was
delivered seldom, they alone. Without deliveries a stated standard deviation gives a gamma distribution, and without either the lead time is what is stated.
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
SUPPLIER_WEIGHT = 16.0  # deliveries that a supplier's count for beside an item's own, where too few items tell how alike they are
FEWEST_ITEMS = 3
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
    ops = operations.reset_index(drop=True)
    stated = ops["lead_time_months"].to_numpy(dtype=float)
    fine = np.repeat(stated[:, None], len(_FINE), axis=1)
    told = np.array(["stated"] * len(ops), dtype=object)
    sd = ops["lead_time_sd_months"].astype(float).fillna(0.0).to_numpy() if "lead_time_sd_months" in ops else np.zeros(len(ops))
    spread = (sd > 0) & (stated > 0)
    if spread.any():
        mean, width = stated[spread, None], sd[spread, None]
        fine[spread] = stats.gamma.ppf(_FINE, (mean / width) ** 2, scale=width**2 / mean)
        told[spread] = "stated standard deviation"
    seen = _seen(deliveries)
    if seen.empty or ops.empty:
        return binned(fine), list(told)
    keys = ["item", "location"]
    named = pd.Series(False, index=ops.index)
    if "supplier" in seen and "supplier" in ops:
        named = ops["supplier"].notna() & ops["supplier"].isin(seen["supplier"].dropna())
    # An operation that names no supplier is spoken for by all deliveries of the item.
    _tell(fine, told, ops[~named], seen, keys, np.ones(len(seen)), np.ones(len(ops)), "deliveries")
    if named.any():
        rows = ops.loc[named, [*keys, "supplier"]].assign(stated=stated[named.to_numpy()])
        lead = seen.merge(rows.drop_duplicates([*keys, "supplier"]), on=[*keys, "supplier"], how="left")["stated"].to_numpy()
        _tell(fine, told, ops[named], seen, ["supplier"], np.where(lead > 0, lead, np.nan), stated, "deliveries of the supplier")
        weight = ops["supplier"].map(_supplier_weight(seen.assign(ratio=np.where(lead > 0, seen["months"] / lead, np.nan)))).fillna(SUPPLIER_WEIGHT)
        _tell(fine, told, ops[named], seen, [*keys, "supplier"], np.ones(len(seen)), np.ones(len(ops)), "deliveries", weight.to_numpy(dtype=float))
    return binned(fine), list(told)


def binned(fine: Matrix) -> Matrix:
    """Return the mean lead time of each part of the distribution, (n, 8), from 200 quantiles of equal probability, (n, 200)."""
    out = np.zeros((len(fine), len(CHANCES)))
    np.add.at(out.T, _BIN, fine.T)
    return out / np.bincount(_BIN)


def added(first: Matrix, second: Matrix) -> Matrix:
    """Return the lead times, (n, 8), of two independent steps one after the other."""
    total = (first[:, :, None] + second[:, None, :]).reshape(len(first), len(CHANCES) ** 2)
    chance = np.repeat(CHANCES, len(CHANCES)) * np.tile(CHANCES, len(CHANCES))
    return binned(_quantiles(total, np.broadcast_to(chance, total.shape)))


def _quantiles(values: Matrix, chance: Matrix) -> Matrix:
    """200 quantiles of equal probability, (n, 200), of values with their probabilities, both (n, k)."""
    order = values.argsort(axis=1, kind="stable")
    ranked, cumulated = np.take_along_axis(values, order, axis=1), np.take_along_axis(chance, order, axis=1).cumsum(axis=1)
    place = np.stack([(cumulated < level - 1e-12).sum(axis=1) for level in _FINE], axis=1)
    return np.take_along_axis(ranked, np.minimum(place, values.shape[1] - 1), axis=1)


def _seen(deliveries: pd.DataFrame | None) -> pd.DataFrame:
    if deliveries is None or deliveries.empty:
        return pd.DataFrame({"months": []})
    months = (deliveries["arrived"] - deliveries["ordered"]).dt.days / DAYS_PER_MONTH
    return deliveries.assign(months=months)[months >= 0].reset_index(drop=True)


def _supplier_weight(seen: pd.DataFrame) -> pd.Series:
    """How many deliveries of a supplier count beside an item's own: the variance within items over that between them (Buehlmann's credibility).

    Where its items take alike, relative to what is stated, a few deliveries of one say less of its late tail than all of the others do.
    """
    items = seen.dropna(subset=["ratio"]).groupby(["supplier", "item", "location"])["ratio"].agg(["mean", "var", "size"])
    items = items[items["size"] >= 2].assign(within=lambda f: f["var"] * (f["size"] - 1), free=lambda f: f["size"] - 1)
    by = items.groupby("supplier")
    within = by["within"].sum() / by["free"].sum()
    between = (by["mean"].var() - within / by["size"].mean()).clip(lower=0)
    weight = (within / between.where(between > 0)).fillna(1e6).clip(upper=1e6)
    return weight.where(by["mean"].count() >= FEWEST_ITEMS, SUPPLIER_WEIGHT)


def _tell(
    fine: Matrix, told: NDArray[np.object_], ops: pd.DataFrame, seen: pd.DataFrame, keys: list[str], per: Matrix, times: Matrix, word: str,
    supplier_weight: Matrix | None = None,
) -> None:
    """Put the quantiles of deliveries over `per`, times `times`, in the rows of those operations whose keys have enough of them.

    Where the supplier has spoken already, its deliveries count for `supplier_weight` (operations,) beside the item's own.
    """
    known = seen[keys].notna().all(axis=1).to_numpy() & np.isfinite(per)
    ranked = seen.loc[known, keys].assign(months=(seen["months"] / per)[known]).sort_values([*keys, "months"], kind="stable", ignore_index=True)
    count = ranked.groupby(keys if len(keys) > 1 else keys[0]).size()
    begin = count.cumsum() - count
    rich = count.index[count >= FEWEST]
    if not len(rich) or ops.empty:
        return
    # The quantile is the least lead time that so many of them do not exceed: a late tail is not smoothed away.
    place = begin[rich].to_numpy()[:, None] + np.ceil(count[rich].to_numpy()[:, None] * _FINE).astype(np.int64) - 1
    wanted = pd.MultiIndex.from_frame(ops[keys]) if len(keys) > 1 else pd.Index(ops[keys[0]])
    at = rich.get_indexer(wanted)
    rows, at = ops.index.to_numpy()[at >= 0], at[at >= 0]
    own, number = ranked["months"].to_numpy()[place][at] * times[rows, None], count[rich].to_numpy(dtype=float)[at]
    spoken = np.array([t.endswith("of the supplier") for t in told[rows]], dtype=bool)
    if supplier_weight is not None and spoken.any():
        weight = (number / (number + supplier_weight[rows]))[spoken, None] / len(_FINE)
        both = np.concatenate([own[spoken], fine[rows[spoken]]], axis=1)
        own[spoken] = _quantiles(both, np.concatenate([np.repeat(weight, len(_FINE), axis=1), np.repeat(1 / len(_FINE) - weight, len(_FINE), axis=1)], axis=1))
    fine[rows] = own
    told[rows] = [f"{n:.0f} {word}" + (", drawn to those of the supplier" if s else "") for n, s in zip(number, spoken, strict=True)]
