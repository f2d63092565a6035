"""What lanes carry: a limit on all that leaves one location for another in a month, in units or in a measure that items take different amounts of.

    lane        sum of per_unit[i] x departures[i, t] <= most[t] - open transfers that leave in t + extra[t], extra at a price

Where no price of extra transport is stated there is none; what then cannot move is late or lost at a price like all other demand, so there is always a plan.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import standing
from sop_helpers.planning.supply_terms import added

if TYPE_CHECKING:
    import linopy

Matrix = NDArray[np.float64]
KEYS = ["from_location", "location", "measure"]
UNITS = "units"  # what a lane without a measure counts


@dataclass(frozen=True)
class Lanes:
    """Lanes with a limit (l) by month (t).

    Attributes
    ----------
    table : DataFrame
        lane (its name), from_location, location, measure.
    uses : DataFrame
        op and lane (positions), per_unit: how much of the measure a unit moved takes.
    most, taken : ndarray (l, t)
        Limit, infinite where nothing is stated, and what open transfers take of it.
    over_price : ndarray (l, t)
        Price of one beyond the limit; NaN where there is no extra transport.
    """

    table: pd.DataFrame
    uses: pd.DataFrame
    most: Matrix
    taken: Matrix
    over_price: Matrix

    @property
    def room(self) -> Matrix:
        """What open transfers leave, (l, t)."""
        return np.maximum(self.most - self.taken, 0.0)


def _named(frame: pd.DataFrame) -> pd.Series:
    return frame["from_location"] + " > " + frame["location"] + ("" if "measure" not in frame else ", " + frame["measure"])


def _per_unit(uses: pd.DataFrame, measures: pd.DataFrame | None) -> Matrix:
    """Return what a unit moved takes of the measure of its lane.

    Raises
    ------
    ValueError
        An item that moves there has no such measure; names it, and what may be meant.
    """
    known = measures if measures is not None else pd.DataFrame({"item": [], "measure": [], "per_unit": []})
    found = uses.merge(known.drop_duplicates(["item", "measure"]), on=["item", "measure"], how="left")["per_unit"].to_numpy(dtype=float)
    found = np.where(uses["stated"], found, 1.0)
    if np.isnan(found).any():
        lacking = uses[np.isnan(found)]
        row = lacking.iloc[0]
        names = lacking.loc[lacking["lane"] == row["lane"], "item"].unique()
        has = known.loc[known["item"] == row["item"], "measure"].tolist()
        near = difflib.get_close_matches(row["measure"].casefold(), [m.casefold() for m in has], n=1)
        meant = f"; is {next(m for m in has if m.casefold() == near[0])!r} meant?" if near else ", or leave the measure blank to count units"
        more = f" and {len(names) - 1} more items" if len(names) > 1 else ""
        lane = f"{row['from_location']} > {row['location']}"
        raise ValueError(
            f"lane_limits.measure of {lane!r} is {row['measure']!r}, and item_measures does not say how much of it {row['item']!r}{more} take that move there; "
            f"add what one unit takes{meant}"
        )
    return found


def lane_rows(
    limits: pd.DataFrame | None, measures: pd.DataFrame | None, ops: pd.DataFrame, receipts: pd.DataFrame, months: pd.DatetimeIndex
) -> tuple[Lanes | None, list[str]]:
    """Return the lanes that have a limit and something to move, and what to say about them.

    Parameters
    ----------
    limits, measures, receipts : DataFrame
        As the contracts lane_limits, item_measures and receipts. An open transfer goes by the cheapest move to its place, and leaves its lead time before it
        is due; one that has left already takes no room.
    ops : DataFrame
        As `Network.operations`.

    Raises
    ------
    ValueError
        An item that moves on a lane has no row for the measure of its limit.
    """
    if limits is None or limits.empty:
        return None, []
    moves = ops.assign(op=np.arange(len(ops))).loc[ops["kind"] == "move", ["op", "item", "from_location", "location", "price", "lead"]]
    stated = limits["measure"].notna() if "measure" in limits else pd.Series(False, index=limits.index)
    limits = limits.assign(measure=limits["measure"].where(stated, UNITS) if "measure" in limits else UNITS, stated=stated)
    uses = moves.merge(limits[[*KEYS, "stated"]].drop_duplicates(), on=["from_location", "location"])
    if uses.empty:
        return None, []
    uses["lane"], limits["lane"] = _named(uses), _named(limits)
    per_unit = _per_unit(uses, measures)
    table = uses[["lane", *KEYS]].drop_duplicates().sort_values("lane", ignore_index=True)
    names = table["lane"].tolist()
    uses = pd.DataFrame({"op": uses["op"].to_numpy(), "lane": pd.Index(names).get_indexer(uses["lane"]), "per_unit": per_unit})
    most, price = standing(limits, "lane", names, ["max_load", "over_cost"], months).values()
    most, taken = np.where(np.isnan(most), np.inf, most), np.zeros_like(most)
    way = moves.sort_values("price", kind="stable").drop_duplicates(["item", "location"])
    coming = receipts.loc[receipts["kind"] == "transfer", ["item", "location", "due_month", "units"]].merge(way, on=["item", "location"]).merge(uses, on="op")
    if len(coming):
        leaves = months.get_indexer(pd.DatetimeIndex(np.maximum(pd.DatetimeIndex(coming["due_month"]), months[0]))) - coming["lead"].to_numpy()
        here = leaves >= 0
        np.add.at(taken, (coming["lane"].to_numpy()[here], leaves[here]), (coming["units"] * coming["per_unit"]).to_numpy(dtype=float)[here])
    full = table.loc[(taken > most + 1e-6).any(axis=1), "lane"].tolist()
    notes = [f"Open transfers alone take more than what moves on {full[0]}" + (f" and {len(full) - 1} more lanes" if full[1:] else "") + "."] if full else []
    return Lanes(table, uses, most, taken, price), notes


def add_lanes(m: linopy.Model, lanes: Lanes, released: Any, months: pd.Index) -> Any:
    """Add the limits of lanes to the model and return what extra transport costs.

    Parameters
    ----------
    released : callable
        What some operations release in a month.
    months : Index
        Of the model.
    """
    import xarray as xr

    lane = pd.Index(lanes.table["lane"], name="lane")
    priced = np.isfinite(lanes.over_price)
    extra = m.add_variables(lower=0, upper=xr.DataArray(np.where(priced, np.inf, 0.0), coords=[lane, months]), name="extra transport")
    used, per_unit, on = (lanes.uses[c].to_numpy() for c in ("op", "per_unit", "lane"))
    load = added(lane, (per_unit, released(used), on), (-1, extra))
    m.add_constraints(load <= xr.DataArray(lanes.room, coords=[lane, months]), name="transport")
    return (extra * xr.DataArray(np.where(priced, lanes.over_price, 0.0), coords=[lane, months])).sum()
