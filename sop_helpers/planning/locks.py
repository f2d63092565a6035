"""Overrides that are locked: their cells hold what was set, whatever else is said of them, before or after.

A locked override in units of a wider subject gives what the locked cells in it leave to the others, in proportion to the plan. Of two locks on the same cells
the narrower holds, of two equally wide the one set earlier; the other one gives the rest of its units to what is still free. Nothing beats a lock while it
counts: another view, a change in per cent and open orders above it leave it as it is, and the planner is told (see `override_checks`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import counts, shares, touched
from sop_helpers.planning.panel import KEYS


def in_order(overrides: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the overrides that count, the later behind the earlier; ``locked`` is there and true or false.

    Parameters
    ----------
    overrides : DataFrame
        As the journal; may be empty, and of a time that knew no locks.
    month : Timestamp
        First month planned.
    """
    out = counts(overrides, month)
    locked = out["locked"].eq(True) & out["units"].notna() if "locked" in out else False
    return out.assign(locked=locked).sort_values(["time", "id"], kind="stable") if len(out) else out


def holders(cells: pd.DataFrame, overrides: pd.DataFrame, regions: pd.Series | None = None) -> pd.Series:
    """Return by cell the id of the override that holds it, "" where it is free.

    Parameters
    ----------
    cells : DataFrame
        month, product, region, family.
    overrides : DataFrame
        From `in_order`.
    regions : Series, optional
        From `cells.places`: what an override of an area or a channel means.
    """
    out = pd.Series("", index=cells.index, dtype="str")
    if overrides.empty or not overrides["locked"].any():
        return out
    locks = [(one["id"], touched(cells, one, regions)) for _, one in overrides[overrides["locked"]].iterrows()]  # dozens
    for name, mine in sorted(locks, key=lambda lock: len(cells.loc[lock[1], KEYS].drop_duplicates())):
        out[mine & (out == "")] = name
    return out


def wanted(cells: pd.DataFrame, one: pd.Series, plan: pd.DataFrame, taken: pd.Series | float = 0.0) -> pd.Series:
    """Return the units that an override wants of cells: its own, less what is taken of them, split in proportion, or a change by a percentage.

    Parameters
    ----------
    cells, plan : DataFrame
        month, product, region, family, units, on_sale: what it is split over, and all cells planned.
    one : Series
        units or change_pct.
    taken : Series, optional
        By cell, the units of its month that locked cells of the same subject hold.
    """
    if pd.isna(one["units"]):
        return cells["units"] * max(1 + one["change_pct"] / 100, 0.0)
    return np.maximum(one["units"] - taken, 0.0) * shares(cells, ["month"], base=plan)


def held(plan: pd.DataFrame, overrides: pd.DataFrame, holder: pd.Series, regions: pd.Series | None = None) -> pd.Series:
    """Return the units of locked cells.

    A lock on several cells splits its units as the plan stood when it was set, so that what a planner saw and locked is what stands.

    Parameters
    ----------
    plan : DataFrame
        month, product, region, family, units, on_sale, before any override.
    overrides : DataFrame
        From `in_order`.
    holder : Series
        From `holders`.
    regions : Series, optional
        As in `holders`.

    Returns
    -------
    Series
        By cell of the plan; NaN where it is free.
    """
    out = pd.Series(float("nan"), index=plan.index)
    if not (holder != "").any():
        return out
    then, found = plan.copy(), {}
    for _, one in overrides.iterrows():  # dozens
        cells = then[touched(then, one, regions)]
        if one["locked"]:
            found[one["id"]] = (one, cells)
        if len(cells):
            then.loc[cells.index, "units"] = wanted(cells, one, then)
    for one, cells in sorted(found.values(), key=lambda pair: len(pair[1][KEYS].drop_duplicates())):
        free = cells[holder[cells.index] == one["id"]]
        out[free.index] = wanted(free, one, plan, taken(out, cells, free))
    return out


def taken(held: pd.Series, cells: pd.DataFrame, free: pd.DataFrame) -> pd.Series:
    """Return for the free of some cells the units that locked ones among these hold in the same month."""
    return free["month"].map(held[cells.index].groupby(cells["month"]).sum()).astype(float)
