"""What a planner at the desk sees of a part of the plan, and what a change of it would do to units, money and capacity."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import on_sale, regions_of, shares, touched
from sop_helpers.planning.consensus import build_streams, demand_plan, valued
from sop_helpers.planning.frames import among, no_rows
from sop_helpers.planning.intervals import band_of_sums, run_together
from sop_helpers.planning.locks import holders, in_order
from sop_helpers.planning.panel import KEYS
from sop_helpers.planning.supply_network import Network, series_matrix
from sop_helpers.planning.supply_results import required_hours

NOTHING = {"month": "datetime64[us]", "product": "str", "region": "str", "units": "float64", "actual": "float64", "statistical": "float64",
           "lo80": "float64", "hi80": "float64", "origin": "datetime64[us]", "lag": "int64"}


Scope: TypeAlias = Mapping[str, str | Sequence[str]]


class Impact(NamedTuple):
    """What edits do: ``totals`` (measure, before, after, change) and ``overloads`` (month, resource, before, after: load as a share; None: not known)."""

    totals: pd.DataFrame
    overloads: pd.DataFrame | None


def live_plan(
    streams: pd.DataFrame, products: pd.DataFrame, overrides: pd.DataFrame, month: pd.Timestamp, regions: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return streams and plan as they are with the overrides of this moment, without running the step again.

    Parameters
    ----------
    streams : DataFrame
        As the contract ``streams``; the overrides in it are those of the last run.
    products : DataFrame
        product, family, unit_price, unit_cost.
    overrides : DataFrame
        From the journal.
    month : Timestamp
        First month planned.
    regions : Series, optional
        From `cells.places`: what an override of an area or a channel means.
    """
    none = pd.DataFrame(columns=["order", "product", "region", "due_month", "units", "revenue"])
    now = build_streams(streams[streams["stream"] != "override"], products, overrides, none, month=month, regions=regions)
    return now, demand_plan(now, products)


def in_scope(frame: pd.DataFrame, products: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Return the rows of a table by product and region that a scope is about.

    Parameters
    ----------
    frame : DataFrame
        product, region and more.
    products : DataFrame
        product, family.
    scope : dict
        family, product, region: one or several; a blank or missing one means all of them.
    """
    keep = pd.Series(True, index=frame.index)
    labels = {"family": frame["product"].map(products.set_index("product")["family"]), "product": frame["product"], "region": frame["region"]}
    for column, values in labels.items():
        if scope.get(column):
            keep &= values == scope[column] if isinstance(scope[column], str) else among(values, pd.Index(scope[column]))
    return frame[keep]


def _names(wanted: str | Sequence[str]) -> Sequence[str]:
    return [wanted] if isinstance(wanted, str) else wanted


def sheet(
    plan: pd.DataFrame, forecast: pd.DataFrame, history: pd.DataFrame, last_plan: pd.DataFrame | None, products: pd.DataFrame, scope: Scope,
    trials: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lay a part of the plan out by month, as the grid shows it.

    Parameters
    ----------
    plan, forecast, history : DataFrame
        As the contracts ``demand_plan``, ``forecast``, ``demand_history``.
    last_plan : DataFrame or None
        Plan of the last closed month.
    products : DataFrame
        product, family.
    scope : dict
        See `in_scope`.
    trials : DataFrame, optional
        As the contract ``forecast_trials``: how far the errors of several series run together.

    Returns
    -------
    DataFrame
        month, last_year, statistical, lo80, hi80, last_plan (NaN where there is none), plan; units. Without trials the band is that of independent errors.
    """
    mine = in_scope(plan, products, scope)
    out = mine.groupby("month", as_index=False)["units"].sum().rename(columns={"units": "plan"})
    whole = in_scope(forecast, products, scope)
    tried = pd.DataFrame({c: pd.Series(dtype=k) for c, k in NOTHING.items()})
    names = ["month", "units", "lo80", "hi80"]
    together = run_together(in_scope(trials, products, scope)) if trials is not None and len(trials) else 0.0
    band = band_of_sums(whole, tried, [], together) if len(whole) else pd.DataFrame(columns=names)
    out = out.merge(band[names].rename(columns={"units": "statistical"}), on="month", how="left")
    past = in_scope(history, products, scope).groupby("month")["units"].sum()
    out["last_year"] = past.reindex(out["month"] - pd.DateOffset(years=1)).to_numpy()
    before = in_scope(last_plan, products, scope).groupby("month")["units"].sum() if last_plan is not None else pd.Series(dtype=float)
    out["last_plan"] = before.reindex(out["month"]).to_numpy(dtype=float)
    return out[["month", "last_year", "statistical", "lo80", "hi80", "last_plan", "plan"]]


def edited_plan(
    plan: pd.DataFrame, products: pd.DataFrame, scope: Scope, edits: dict[pd.Timestamp, float], held: pd.Series | None = None
) -> pd.DataFrame:
    """Split edits of a part of the plan down to its products and regions in proportion to it, as overrides are, around what others locked.

    Parameters
    ----------
    plan : DataFrame
        As the contract ``demand_plan``.
    products : DataFrame
        product, family, unit_price, unit_cost.
    scope : dict
        See `in_scope`.
    edits : dict
        Month -> units of the whole scope.
    held : Series of bool, optional
        Rows of the plan that an edit leaves as they are.
    """
    out = plan.copy()
    rows = in_scope(plan, products, scope)
    rows = rows[rows["month"].isin(list(edits))]
    rest = rows["month"].map(edits).astype(float)
    if held is not None and held[rows.index].any():
        stands = rows["units"].where(held[rows.index], 0.0).groupby(rows["month"]).transform("sum")
        rows = rows[~held[rows.index]]
        rest = (rest - stands).clip(lower=0.0)[rows.index]
    out.loc[rows.index, "units"] = rest * shares(on_sale(rows, products), ["month"], base=on_sale(plan, products))
    return valued(out, products)


def held_by_others(
    plan: pd.DataFrame, products: pd.DataFrame, overrides: pd.DataFrame, scope: Scope, month: pd.Timestamp, own: dict[pd.Timestamp, str],
    locking: Collection[pd.Timestamp] = (), regions: pd.Series | None = None,
) -> pd.Series:
    """Tell by row of a plan whether it is locked by an override other than a part's own, so that an edit of this part goes around it.

    Parameters
    ----------
    plan : DataFrame
        As the contract ``demand_plan``.
    products : DataFrame
        product, family.
    overrides : DataFrame
        From the journal.
    scope : dict
        The part, see `in_scope`.
    month : Timestamp
        First month planned.
    own : dict
        Month -> id of the part's own override.
    locking : collection of Timestamp
        Months in which the part is itself to be locked: there it takes its units from locks of wider parts (see `locks`).
    regions : Series, optional
        From `cells.places`.
    """
    cells, active = on_sale(plan, products), in_order(overrides, month)
    holder = holders(cells, active, regions)
    out = (holder != "") & (holder != cells["month"].map(own))
    mine = in_scope(plan, products, scope)
    for _, one in active[active["id"].isin(holder[mine.index])].iterrows():  # few
        if len(cells.loc[touched(cells, one, regions), KEYS].drop_duplicates()) > len(mine[KEYS].drop_duplicates()):
            out &= (holder != one["id"]) | ~cells["month"].isin(locking)
    return out


def hours_per_unit(operations: pd.DataFrame, components: pd.DataFrame, loads: pd.DataFrame) -> pd.DataFrame:
    """Return the hours that one unit of an item takes on each resource, its components' hours included.

    The first make operation of an item counts; lead times and stock are left out: what one unit more takes, not when (see
    `supply_results.required_hours`).

    Parameters
    ----------
    operations, components, loads : DataFrame
        As the contracts; may be empty.

    Returns
    -------
    DataFrame
        Indexed by item, one column a resource.
    """
    if operations.empty or loads.empty:
        return pd.DataFrame()
    made = operations[operations["kind"] == "make"].drop_duplicates("item").set_index("operation")["item"]
    direct = loads.assign(item=loads["operation"].map(made)).dropna(subset=["item"]).pivot_table(
        index="item", columns="resource", values="hours_per_unit", aggfunc="sum", fill_value=0.0)
    parts = components.assign(made=components["operation"].map(made)).dropna(subset=["made"])
    items = sorted({*made, *parts["item"]})
    place = {item: k for k, item in enumerate(items)}
    uses = np.zeros((len(items), len(items)))
    np.add.at(uses, (parts["made"].map(place).to_numpy(dtype=int), parts["item"].map(place).to_numpy(dtype=int)), parts["units_per"].to_numpy(float))
    own = direct.reindex(items).fillna(0.0)
    # Own hours and those of all that goes into it: h = own + uses h.
    return pd.DataFrame(np.linalg.solve(np.eye(len(items)) - uses, own.to_numpy()), index=items, columns=own.columns)


def impact(
    before: pd.DataFrame, after: pd.DataFrame, products: pd.DataFrame, scope: Scope, *, load: pd.DataFrame, net: Network | None,
    budget: pd.DataFrame, last_plan: pd.DataFrame | None,
) -> Impact:
    """Say what edits do to units, money, the gap to budget and the load of resources.

    Parameters
    ----------
    before, after : DataFrame
        month, product, region, units, revenue, margin: the plan without and with the edits.
    products : DataFrame
        product, family.
    scope : dict
        See `in_scope`.
    load : DataFrame
        As the contract ``capacity_load``: gives the hours available.
    net : Network or None
        Of the month's supply plan (see `supply_inputs.build_network`); without one nothing is said of capacity.
    budget : DataFrame
        month, family, region, revenue; may be empty.
    last_plan : DataFrame or None
        month, product, region, units.
    """
    then, now = in_scope(before, products, scope), in_scope(after, products, scope)
    rows = [(name, then[column].sum(), now[column].sum()) for name, column in (("units", "units"), ("revenue", "revenue"), ("margin", "margin"))]
    months = now["month"].unique()
    if len(budget) and not scope.get("product"):
        wanted = budget[budget["month"].isin(months)]
        for column in ("family", "region"):
            wanted = wanted[wanted[column].isin(_names(scope[column]))] if scope.get(column) else wanted
        covered = wanted["month"].unique()
        if len(covered):
            gap = [f.loc[f["month"].isin(covered), "revenue"].sum() - wanted["revenue"].sum() for f in (then, now)]
            rows.append(("revenue less budget", *gap))
    if last_plan is not None:
        old = in_scope(last_plan, products, scope)
        shared = set(old["month"]) & set(months)
        base = old.loc[old["month"].isin(shared), "units"].sum()
        rows.append(("units less last plan", *[f.loc[f["month"].isin(shared), "units"].sum() - base for f in (then, now)]))
    totals = pd.DataFrame(rows, columns=["measure", "before", "after"]).assign(change=lambda f: f["after"] - f["before"])
    return Impact(totals, None if net is None else overloads(before, after, load, net))


def overloads(before: pd.DataFrame, after: pd.DataFrame, load: pd.DataFrame, net: Network) -> pd.DataFrame:
    """Return the resources and months that a change of demand loads beyond regular time, or further beyond it.

    Hours are those of making everything just in time, netted against stock and open receipts, lead times included, as in ``capacity_load``.

    Parameters
    ----------
    before, after : DataFrame
        month, product, region, units.
    load : DataFrame
        month, resource, available_hours.
    net : Network
        Of the month's supply plan.

    Returns
    -------
    DataFrame
        month, resource, before, after (share of the available hours), the highest first.
    """
    wanted = [series_matrix(net, frame) for frame in (before, after)]
    if np.abs(wanted[1] - wanted[0]).max(initial=0.0) < 1e-9 or not net.resources:
        return no_rows(["month", "resource", "before", "after"], ["resource"])
    hours = [required_hours(replace(net, demand=demand)) for demand in wanted]
    each = pd.MultiIndex.from_product([net.resources, net.months], names=["resource", "month"])
    both = load.merge(pd.DataFrame({"then": hours[0].ravel(), "now": hours[1].ravel()}, index=each).reset_index(), on=["month", "resource"])
    room = both["available_hours"].where(both["available_hours"] > 0)
    both["before"], both["after"] = both["then"] / room, both["now"] / room
    worse = both[(both["after"] > 1.0) & (both["now"] - both["then"] > 1e-6)]
    return worse[["month", "resource", "before", "after"]].sort_values("after", ascending=False, kind="stable", ignore_index=True)


def overrides_in(overrides: pd.DataFrame, products: pd.DataFrame, scope: Scope, months: pd.DatetimeIndex, regions: pd.Series | None = None) -> pd.DataFrame:
    """Return the overrides that touch any of a scope's products and regions in these months.

    Parameters
    ----------
    overrides : DataFrame
        From the journal.
    products : DataFrame
        product, family.
    scope : dict
        See `in_scope`.
    months : DatetimeIndex
        Months of the plan.
    regions : Series, optional
        From `cells.places`: what an override of an area or a channel means.
    """
    if overrides.empty:
        return overrides
    items = products[["product", "family"]]
    for column in ("family", "product"):
        items = items[items[column].isin(_names(scope[column]))] if scope.get(column) else items
    mine = set(_names(scope.get("region") or []))
    keep = []
    for _, one in overrides.iterrows():  # dozens
        region = one["region"] if isinstance(one["region"], str) and one["region"] else ""
        theirs = regions_of(region, regions) if region else set()
        cells = items.assign(region=region, month=one["start_month"])
        there = one["start_month"] <= months[-1] and one["end_month"] >= months[0]
        apart = bool(theirs and mine and not theirs & mine)
        keep.append(there and not apart and bool(touched(cells, one).any()))
    return overrides[np.array(keep, dtype=bool)]
