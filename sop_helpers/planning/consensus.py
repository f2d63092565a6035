"""The consensus: the statistical forecast plus what each person knows, as an exact sum of streams."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.consumption import order_stream
from sop_helpers.planning.floors import at_zero
from sop_helpers.planning.launches import launch_stream, off_plan, unknown_victims
from sop_helpers.planning.supply_orders import promised
from sop_helpers.planning.waterfall import STEP_ORDER as STEP_ORDER
from sop_helpers.planning.waterfall import changes as changes
from sop_helpers.planning.waterfall import no_changes as no_changes

STREAM_KEYS = ["month", "product", "region", "stream", "source"]
CELL = ["month", "product", "region"]
KIND_STREAM = {"promotion": "promotion", "campaign": "promotion", "launch": "launch", "phase_out": "phase-out"}


def own_view(
    forecast: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame, insights: pd.DataFrame, *, month: pd.Timestamp, weighted: bool = True,
    drivers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lay out what the workbook itself expects: statistical, drivers, launches after their like product, phase-outs, insights, and a floor at zero.

    Insights have their effects on what the first four give, and add up without compounding; together they take no more than there is.

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

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units.
    """
    parts = [forecast[CELL].assign(stream="statistical", source=forecast["model"].to_numpy(), units=forecast["units"].to_numpy())]
    more = [f for f in (drivers, launch_stream(forecast, history, products)) if f is not None and len(f)]
    parts += [at_zero(parts[0], pd.concat(more, ignore_index=True))] if more else []
    parts.append(_phase_out(_sum(parts), products))
    base = on_sale(_sum(parts), products)
    parts.append(at_zero(base, _insight_streams(base, insights, month, weighted)))
    parts.append(_floor(_sum(parts)))
    return pd.concat([p for p in parts if len(p)], ignore_index=True)


def build_streams(
    own: pd.DataFrame, products: pd.DataFrame, overrides: pd.DataFrame, open_orders: pd.DataFrame, *, month: pd.Timestamp, agreed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Lay the plan out as a sum of streams.

    In this order: the workbook's own view; what the rule of reconciliation adds for other views; open orders as lower bound; overrides, the later on top
    of the earlier, which one in units replaces.

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

    Returns
    -------
    DataFrame
        As the contract ``streams``; the sum of a month, product and region is its plan, never below zero.
    """
    parts = [own] if agreed is None else [own, agreed]
    # What is made to order was booked before: its open orders are backlog, not part of the bookings to come.
    coming = open_orders[~open_orders["product"].isin(promised(products).index)] if len(open_orders) else open_orders
    parts.append(order_stream(_sum(parts), coming))
    parts.append(_override_stream(on_sale(_sum(parts), products), overrides, month))
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


def _phase_out(plan: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Nothing is planned after the last month of sale."""
    if "end_month" not in products:
        return plan.iloc[:0].assign(stream="", source="")
    last = plan["product"].map(products.set_index("product")["end_month"])
    gone = plan[(plan["month"] > last) & (plan["units"] != 0)]
    return _stream(gone, "phase-out", "last month of sale " + last[gone.index].dt.strftime("%Y-%m"), -gone["units"])


def on_sale(cells: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Put the family beside each cell, and whether its product is on sale in that month: launched, and not past its last month of sale.

    Parameters
    ----------
    cells : DataFrame
        month, product.
    products : DataFrame
        product, family; launch_month, end_month where there are any.
    """
    known = products.set_index("product").reindex(cells["product"])
    never = pd.Series(pd.NaT, index=known.index)
    begins, ends = (pd.to_datetime(known[c] if c in known else never).to_numpy() for c in ("launch_month", "end_month"))  # all blank may be of any type
    month = cells["month"].to_numpy()
    return cells.assign(family=known["family"].to_numpy(), on_sale=~((month < begins) | (month > ends)))


def touched(cells: pd.DataFrame, one: pd.Series) -> pd.Series:
    """Tell which cells a statement is about: its months, and its family, product and region where it names them.

    Parameters
    ----------
    cells : DataFrame
        month, product, region, family.
    one : Series
        start_month, end_month, family, product, region (blank means all).
    """
    mask = (cells["month"] >= one["start_month"]) & (cells["month"] <= one["end_month"])
    for column in ("family", "product", "region"):
        wanted = one.get(column)
        if isinstance(wanted, str) and wanted:
            mask &= cells[column] == wanted
    return mask


def counts(statements: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the insights or overrides that still count: not expired in the month planned or before, not wholly in the past."""
    if statements.empty:
        return statements
    return statements[(statements["expires_month"].isna() | (statements["expires_month"] > month)) & (statements["end_month"] >= month)]


def _insight_streams(base: pd.DataFrame, insights: pd.DataFrame, month: pd.Timestamp, weighted: bool) -> pd.DataFrame:
    parts = []
    for _, one in counts(insights, month).iterrows():  # dozens
        cells = base[touched(base, one)]
        weight = one["confidence"] if weighted and pd.notna(one["confidence"]) else 1.0
        if pd.notna(one["effect_units"]):
            units = one["effect_units"] * weight * shares(cells, ["month"])
        elif pd.notna(one["effect_pct"]):
            units = cells["units"] * (one["effect_pct"] / 100 * weight)
        else:
            continue
        parts.append(_stream(cells, KIND_STREAM.get(one["kind"], one["function"]), str(one["insight"]), units))
    return pd.concat(parts, ignore_index=True) if parts else base.iloc[:0].assign(stream="", source="")


def shares(cells: pd.DataFrame, by: list[str], column: str = "units") -> pd.Series:
    """Return each row's share of its group: in proportion to a column, evenly where the group has none.

    Parameters
    ----------
    cells : DataFrame
        The columns of `by`, and `column`; where it has ``on_sale``, what is not on sale gets no even share beside what is.
    by : list of str
        What makes a group.
    column : str
        What the shares go by; not below zero.
    """
    groups = cells.groupby(by)[column]
    total = groups.transform("sum")
    even = pd.Series(1.0, index=cells.index)
    if "on_sale" in cells:
        some = cells.groupby(by)["on_sale"].transform("any")
        even = (cells["on_sale"] | ~some).astype(float)
    even /= even.groupby([cells[c] for c in by]).transform("sum")
    return (cells[column] / total.where(total > 0)).where(total > 0, even)


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


def _override_stream(plan: pd.DataFrame, overrides: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Overrides replace the plan of all that they touch (units a month) or change it by a percentage, split in proportion to it.

    One that replaces the plan replaces what earlier ones said of the same cells too: they no longer stand, and the change is all its own.
    """
    parts: list[pd.DataFrame] = []
    before, plan = plan["units"], plan.copy()
    active = counts(overrides, month)
    if len(active):
        active = active.sort_values(["time", "id"], kind="stable")
    for _, one in active.iterrows():  # dozens
        cells = plan[touched(plan, one)]
        if cells.empty:
            continue
        if pd.notna(one["units"]):
            wanted = max(float(one["units"]), 0.0) * shares(cells, ["month"])
            parts, stood = [p[~p.index.isin(cells.index)] for p in parts], before[cells.index]
        else:
            wanted, stood = cells["units"] * max(1 + one["change_pct"] / 100, 0.0), cells["units"]
        parts.append(_stream(cells, "override", f"{one['author']} {one['id']}", wanted - stood))
        plan.loc[cells.index, "units"] = wanted
    return pd.concat(parts, ignore_index=True) if parts else plan.iloc[:0].assign(stream="", source="")


def problems(
    products: pd.DataFrame, insights: pd.DataFrame, overrides: pd.DataFrame, cells: pd.DataFrame, month: pd.Timestamp, last: pd.Timestamp | None = None,
    history: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """List what people said that the plan cannot use, and why, and the launches that sell far from what was said of them.

    Parameters
    ----------
    products : DataFrame
        product, family; launch_month, like_product where there are any.
    insights, overrides : DataFrame
        What was said.
    cells : DataFrame
        product, region that are planned.
    month, last : Timestamp
        First and last month planned; the last may be left out.
    history : DataFrame, optional
        month, product, region, units: what running launches are held against.

    Returns
    -------
    DataFrame
        what, source, message.
    """
    rows = []
    known = cells.assign(family=cells["product"].map(products.set_index("product")["family"]))
    for name, table, key in (("insight", insights, "insight"), ("override", overrides, "id")):
        for _, one in table.iterrows():
            subject = " / ".join(str(one[c]) for c in ("family", "product", "region") if isinstance(one.get(c), str) and one[c]) or "everything"
            if pd.notna(one["expires_month"]) and one["expires_month"] <= month and one["end_month"] >= month:
                rows.append((name, str(one[key]), f"expired in {one['expires_month']:%Y-%m}; {subject} is planned without it unless it is renewed"))
            elif name == "override" and one["end_month"] < month and one.get("month") == f"{month:%Y-%m}":
                rows.append((name, str(one[key]), f"its months are past: the first month planned is {month:%Y-%m}"))
            elif last is not None and one["start_month"] > last:
                rows.append((name, str(one[key]), f"it begins in {one['start_month']:%Y-%m}, after the last month planned, {last:%Y-%m}"))
            elif one["end_month"] >= month and not touched(known.assign(month=one["end_month"]), one).any():
                rows.append((name, str(one[key]), f"nothing that is planned matches {subject}"))
            elif name == "override" and one["start_month"] < month <= one["end_month"]:
                rows.append((name, str(one[key]), f"months before {month:%Y-%m} are past and were left alone"))
    if "launch_month" in products:
        like = products.get("like_product", pd.Series(index=products.index, dtype="str"))
        alone = products[(products["launch_month"] >= month) & like.isna() & ~products["product"].isin(cells["product"])]
        rows += [("launch", p, "it has no like product: name one, or bring its volume as an insight") for p in alone["product"]]
        lost = products[(products["launch_month"] >= month) & like.notna() & ~products["product"].isin(cells["product"])]
        said = "its like product {} has no history to follow: name another, or bring its volume as an insight"
        rows += [("launch", p, said.format(after)) for p, after in zip(lost["product"], like[lost.index], strict=True)]
        ended = products.loc[products["end_month"] < month, "product"] if "end_month" in products else []
        over = products[(products["launch_month"] >= month) & like.isin(ended) & products["product"].isin(cells["product"])]
        said = "its like product {} has ended before the plan begins: name another, or bring its volume as an insight"
        rows += [("launch", p, said.format(after)) for p, after in zip(over["product"], like[over.index], strict=True)]
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
