"""The consensus: the statistical forecast plus what each person knows, as an exact sum of streams."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import CELL, brought, counts, in_units, matched, new_series, nothing_matches, off_sale, on_sale, shares, subject, touched
from sop_helpers.planning.consumption import order_stream
from sop_helpers.planning.floors import at_zero
from sop_helpers.planning.launches import launch_stream, off_plan, unknown_victims, without_volume
from sop_helpers.planning.locks import held, holders, in_order, taken, wanted
from sop_helpers.planning.panel import KEYS
from sop_helpers.planning.supply_orders import promised

STREAM_KEYS = ["month", "product", "region", "stream", "source"]
KIND_STREAM = {"promotion": "promotion", "campaign": "promotion", "launch": "launch", "phase_out": "phase-out"}


def own_view(
    forecast: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame, insights: pd.DataFrame, *, month: pd.Timestamp, weighted: bool = True,
    drivers: pd.DataFrame | None = None, regions: pd.Series | None = None,
) -> pd.DataFrame:
    """Lay out what the workbook itself expects: statistical, drivers, launches after their like product, phase-outs, insights, and a floor at zero.

    Insights have their effects on what the first four give, and add up without compounding; together they take no more than there is. One in units on a
    product of a region where nothing is planned of it plans it, in the months in which it is on sale.

    Parameters
    ----------
    forecast : DataFrame
        month, product, region, units, model, over all months planned.
    history : DataFrame
        month, product, region, units.
    products : DataFrame
        product, family; launch_month, end_month, like_product, like_scale where there are any.
    insights : DataFrame
        As the contract; may be empty.
    month : Timestamp
        First month planned: an insight that expires in it or before no longer counts.
    weighted : bool
        Whether the effect of an insight is weighted by its confidence.
    drivers : DataFrame, optional
        What measured drivers add (see `drivers.driver_stream`).
    regions : Series, optional
        Regions that are known beside those that sell; from `cells.places` also what a word on an area or a channel means.

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units.
    """
    parts = [forecast[CELL].assign(stream="statistical", source=forecast["model"].to_numpy(), units=forecast["units"].to_numpy())]
    more = [f for f in (drivers, launch_stream(forecast, history, products)) if f is not None and len(f)]
    parts += [at_zero(parts[0], pd.concat(more, ignore_index=True))] if more else []
    parts.append(_phase_out(_sum(parts), products))
    parts.append(_new_cells(in_units(insights, month), _sum(parts), products, regions))
    base = on_sale(_sum(parts), products)
    parts.append(at_zero(base, _insight_streams(base, insights, month, weighted, regions)))
    parts.append(_floor(_sum(parts)))
    return pd.concat([p for p in parts if len(p)], ignore_index=True)


def build_streams(
    own: pd.DataFrame, products: pd.DataFrame, overrides: pd.DataFrame, open_orders: pd.DataFrame, *, month: pd.Timestamp, agreed: pd.DataFrame | None = None,
    regions: pd.Series | None = None,
) -> pd.DataFrame:
    """Lay the plan out as a sum of streams.

    In this order: the workbook's own view; what the rule of reconciliation adds for other views; open orders as lower bound; overrides, the later on top
    of the earlier, which one in units replaces, and all around the cells of locked ones (see `locks`). An override in units plans what is not planned yet, as
    an insight does.

    Parameters
    ----------
    own : DataFrame
        From `own_view`.
    products : DataFrame
        product, family.
    overrides, open_orders : DataFrame
        As the journal and the contract; may be empty.
    month : Timestamp
        First month planned: an override that expires in it or before no longer counts.
    agreed : DataFrame, optional
        From `views.agreed_stream`.
    regions : Series, optional
        Regions that are known beside those that sell; from `cells.places` also what a word on an area or a channel means.

    Returns
    -------
    DataFrame
        As the contract ``streams``; the sum of a month, product and region is its plan, never below zero.
    """
    parts = [own] if agreed is None else [own, agreed]
    # What is made to order was booked before: its open orders are backlog, not part of the bookings to come.
    coming = open_orders[~open_orders["product"].isin(promised(products).index)] if len(open_orders) else open_orders
    parts.append(order_stream(_sum(parts), coming))
    parts.append(_new_cells(in_units(overrides, month), _sum(parts), products, regions))
    parts.append(_override_stream(on_sale(_sum(parts), products), overrides, month, regions))
    out = pd.concat([p for p in parts if len(p)], ignore_index=True)
    out = out.groupby(STREAM_KEYS, as_index=False, sort=True)["units"].sum()
    keep = (out["stream"] == "statistical") | (out["units"] != 0)
    return out[keep].reset_index(drop=True)


def plan_of(streams: pd.DataFrame) -> pd.DataFrame:
    """Add streams up: month, product, region, units."""
    return _sum([streams])


def _sum(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Plan so far; what rounding leaves below zero is nothing."""
    out = pd.concat([p[[*CELL, "units"]] for p in parts if len(p)], ignore_index=True).groupby(CELL, as_index=False, sort=True)["units"].sum()
    return out.assign(units=out["units"].mask(out["units"].between(-1e-6, 0.0), 0.0))


def _stream(frame: pd.DataFrame, stream: str | pd.Series, source: str | pd.Series, units: pd.Series | np.ndarray) -> pd.DataFrame:
    return frame[CELL].assign(stream=stream, source=source, units=units)


def _new_cells(said: pd.DataFrame, plan: pd.DataFrame, products: pd.DataFrame, regions: pd.Series | None) -> pd.DataFrame:
    """Return the rows, at zero, of what words bring in: its statistical forecast is that there is nothing to go by."""
    new = brought(said, plan, products, regions)
    return _stream(new, "statistical", "no history", new["units"])


def _phase_out(plan: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Nothing is planned after the last month of sale."""
    if "end_month" not in products:
        return plan.iloc[:0].assign(stream="", source="")
    last = plan["product"].map(products.set_index("product")["end_month"])
    gone = plan[(plan["month"] > last) & (plan["units"] != 0)]
    return _stream(gone, "phase-out", "last month of sale " + last[gone.index].dt.strftime("%Y-%m"), -gone["units"])


def _insight_streams(base: pd.DataFrame, insights: pd.DataFrame, month: pd.Timestamp, weighted: bool, regions: pd.Series | None) -> pd.DataFrame:
    parts = []
    for _, one in counts(insights, month).iterrows():  # dozens
        cells = base[touched(base, one, regions)]
        weight = one["confidence"] if weighted and pd.notna(one["confidence"]) else 1.0
        if pd.notna(one["effect_units"]):
            units = one["effect_units"] * weight * shares(cells, ["month"], base=base)
        elif pd.notna(one["effect_pct"]):
            units = cells["units"] * (one["effect_pct"] / 100 * weight)
        else:
            continue
        parts.append(_stream(cells, KIND_STREAM.get(one["kind"], one["function"]), str(one["insight"]), units))
    return pd.concat(parts, ignore_index=True) if parts else base.iloc[:0].assign(stream="", source="")


def valued(plan: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Value units at unit price and standard cost: the plan with ``revenue`` and ``margin`` put in anew.

    Parameters
    ----------
    plan : DataFrame
        product, units.
    products : DataFrame
        product, unit_price, unit_cost.
    """
    known = products.set_index("product")
    price, cost = plan["product"].map(known["unit_price"]), plan["product"].map(known["unit_cost"])
    return plan.assign(revenue=plan["units"] * price, margin=plan["units"] * (price - cost))


def _floor(plan: pd.DataFrame) -> pd.DataFrame:
    low = plan[plan["units"] < -1e-6]  # a forecast below zero; what people take is cut before
    return _stream(low, "limit", "never below zero", -low["units"])


def _override_stream(plan: pd.DataFrame, overrides: pd.DataFrame, month: pd.Timestamp, regions: pd.Series | None) -> pd.DataFrame:
    """Overrides replace the plan of all that they touch (units a month) or change it by a percentage, split in proportion to it; locked cells hold theirs.

    One that replaces the plan replaces what earlier ones said of the same cells too: they no longer stand, and the change is all its own.
    """
    parts: list[pd.DataFrame] = []
    before, plan = plan["units"], plan.copy()
    active = in_order(overrides, month)
    holder = holders(plan, active, regions)
    fixed = held(plan, active, holder, regions)
    for _, one in active.iterrows():  # dozens
        touches = plan[touched(plan, one, regions)]
        cells = touches[holder[touches.index] == (one["id"] if one["locked"] else "")]
        if cells.empty:
            continue
        units = fixed[cells.index] if one["locked"] else wanted(cells, one, plan, taken(fixed, touches, cells))
        stood = cells["units"]
        if pd.notna(one["units"]):
            parts, stood = [p[~p.index.isin(cells.index)] for p in parts], before[cells.index]
        parts.append(_stream(cells, "override", f"{one['author']} {one['id']}", units - stood))
        plan.loc[cells.index, "units"] = units
    return pd.concat(parts, ignore_index=True) if parts else plan.iloc[:0].assign(stream="", source="")


def problems(
    products: pd.DataFrame, insights: pd.DataFrame, overrides: pd.DataFrame, cells: pd.DataFrame, month: pd.Timestamp, last: pd.Timestamp | None = None,
    history: pd.DataFrame | None = None, regions: pd.Series | None = None, plan: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """List what people said that the plan cannot use, and why, and the launches that sell far from what was said of them.

    Parameters
    ----------
    products : DataFrame
        product, family; launch_month, like_product where there are any.
    insights, overrides : DataFrame
        What was said.
    cells : DataFrame
        product, region that are planned by their history or their like product (see `launches.cells_to_plan`).
    month, last : Timestamp
        First and last month planned; the last may be left out.
    history : DataFrame, optional
        month, product, region, units: what running launches are held against.
    regions : Series, optional
        Regions that are known beside those that sell; from `cells.places` also what a word on an area or a channel means.
    plan : DataFrame, optional
        product, region, units of the plan: a launch that views brought in has its volume.

    Returns
    -------
    DataFrame
        what, source, message.
    """
    rows: list[tuple[str, str, str]] = []
    tables = {"insight": (insights, "insight"), "override": (overrides, "id")}
    words = pd.concat([in_units(table, month)[["family", *KEYS, "start_month", "end_month"]] for table, _ in tables.values()], ignore_index=True)
    new = new_series(words, cells, products, regions)
    more = cells.iloc[:0] if plan is None else plan[plan["units"] > 0]
    known = pd.concat([cells[KEYS], new, more[KEYS]], ignore_index=True).drop_duplicates()
    known["family"] = known["product"].map(products.set_index("product")["family"])
    for name, (table, key) in tables.items():
        for _, one in table.iterrows():
            about = subject(one)
            if pd.notna(one["expires_month"]) and one["expires_month"] <= month and one["end_month"] >= month:
                rows.append((name, str(one[key]), f"expired in {one['expires_month']:%Y-%m}; {about} is planned without it unless it is renewed"))
            elif name == "override" and one["end_month"] < month and one.get("month") == f"{month:%Y-%m}":
                rows.append((name, str(one[key]), f"its months are past: the first month planned is {month:%Y-%m}"))
            elif last is not None and one["start_month"] > last:
                rows.append((name, str(one[key]), f"it begins in {one['start_month']:%Y-%m}, after the last month planned, {last:%Y-%m}"))
            elif one["end_month"] >= month and not touched(known.assign(month=one["end_month"]), one, regions).any():
                rows.append((name, str(one[key]), f"nothing that is planned matches {about}" + nothing_matches(one, known, products, regions)))
            elif one["end_month"] >= month and (cut := off_sale(one, new, products, max(month, one["start_month"]))):
                rows.append((name, str(one[key]), cut))
            elif name == "override" and one["start_month"] < month <= one["end_month"]:
                rows.append((name, str(one[key]), f"months before {month:%Y-%m} are past and were left alone"))
    rows += without_volume(products, cells, pd.concat([matched(words, known, regions), more]), month)
    rows += unknown_victims(products)
    rows += [] if history is None else off_plan(history, products, month)
    return pd.DataFrame(rows, columns=["what", "source", "message"]).astype("str")


def demand_plan(streams: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Add the streams up and value them at unit price and standard cost.

    Returns
    -------
    DataFrame
        As the contract ``demand_plan``.

    Raises
    ------
    ValueError
        The streams of a cell add up to less than nothing; it is named.
    """
    plan = streams.groupby(CELL, as_index=False, sort=True)["units"].sum()
    low = plan[plan["units"] < -1e-6]
    if len(low):
        first = low.iloc[0]
        raise ValueError(f"the streams of {first['product']} in {first['region']}, {first['month']:%Y-%m}, add up to {first['units']:,.2f}")
    plan["units"] = plan["units"].clip(lower=0.0)
    said = streams[streams["stream"] == "statistical"].groupby(CELL, as_index=False)["units"].sum().rename(columns={"units": "statistical_units"})
    plan = valued(plan.merge(said, on=CELL, how="left").fillna({"statistical_units": 0.0}), products)
    return plan[[*CELL, "statistical_units", "units", "revenue", "margin"]]


def roll_up(plan: pd.DataFrame, products: pd.DataFrame, by: str) -> pd.DataFrame:
    """Add the plan up by month and family, product or region, or in total (``by="total"``): units, revenue, margin."""
    f = plan.assign(family=plan["product"].map(products.set_index("product")["family"]), total="total")
    return f.groupby(["month", by], as_index=False, sort=True)[["units", "revenue", "margin"]].sum()
