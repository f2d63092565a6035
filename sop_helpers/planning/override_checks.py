"""What overrides did that nobody may have meant: an earlier one replaced by a wider one, one that locked cells left no room, a plan below what is booked."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.cells import CELL, subject, touched
from sop_helpers.planning.consumption import order_stream
from sop_helpers.planning.locks import holders, in_order
from sop_helpers.planning.supply_orders import promised
from sop_helpers.planning.wording import counted

COLUMNS = ["what", "source", "message"]


def replaced(overrides: pd.DataFrame, plan: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, regions: pd.Series | None = None) -> pd.DataFrame:
    """List overrides that a later one in units of a wider subject replaced: who set a product is told that its family was set afterwards.

    Parameters
    ----------
    overrides : DataFrame
        As the journal; may be empty.
    plan : DataFrame
        month, product, region.
    products : DataFrame
        product, family.
    month : Timestamp
        First month planned.
    regions : Series, optional
        From `cells.places`: what an override of an area or a channel means.

    Returns
    -------
    DataFrame
        what, source, message; as `consensus.problems`.
    """
    cells, standing, holder = _held(overrides, plan, products, month, regions)
    rows: list[tuple[str, str, str]] = []
    before: list[tuple[pd.Series, pd.Series]] = []
    for _, one in standing[~standing["locked"]].iterrows() if len(standing) else ():  # dozens
        mine = touched(cells, one, regions) & (holder == "")
        for earlier, theirs in before if pd.notna(one["units"]) else ():
            both, wider = cells["month"][mine & theirs], (mine & ~theirs).any()
            if len(both) and wider:
                said = f"{subject(earlier)}, set by {earlier['author']}, no longer stands in {_span(both)}"
                then = f"{one['author']} set {subject(one)} afterwards ({one['id']})"
                rows.append(("override", str(earlier["id"]), f"{said}: {then}; set it again if it shall"))
        before.append((one, mine))
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


def locked_out(overrides: pd.DataFrame, plan: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, regions: pd.Series | None = None) -> pd.DataFrame:
    """List overrides that locked cells leave no room: nothing of what they touch is free, or more is locked of it than they say in all.

    Parameters
    ----------
    overrides : DataFrame
        As the journal; may be empty.
    plan : DataFrame
        month, product, region, units.
    products : DataFrame
        product, family.
    month : Timestamp
        First month planned.
    regions : Series, optional
        As in `replaced`.

    Returns
    -------
    DataFrame
        what, source, message; as `consensus.problems`.
    """
    cells, standing, holder = _held(overrides, plan, products, month, regions)
    rows: list[tuple[str, str, str]] = []
    for _, one in standing.iterrows() if (holder != "").any() else ():  # dozens
        mine, asked = cells[touched(cells, one, regions)].assign(holder=holder), one["units"]
        room = mine["holder"].isin(["", one["id"]])
        stood = mine[~room].groupby("month")["units"].sum()
        full = ~stood.index.isin(mine.loc[room, "month"])
        near = 1e-6 * max(1.0, asked)  # what summing leaves
        found = stood[full if pd.isna(asked) else (stood > asked + near) | (full & (stood < asked - near))]
        if found.empty:
            continue
        who = standing[standing["id"].isin(mine.loc[~room & mine["month"].isin(found.index), "holder"])]
        by = ", ".join(f"{name} ({key})" for name, key in zip(who["author"], who["id"], strict=True))
        wish = f"by {one['change_pct']:+g} %" if pd.isna(asked) else f"to {counted(f'{asked:,.0f}', 'units')} a month"
        much = f"{counted(f'{found.iloc[0]:,.0f}', 'units are', 'unit is')} locked in {found.index[0]:%Y-%m}"
        much += f", and too much in {counted(len(found) - 1, 'further months')}" if len(found) > 1 else ""
        rows.append(("override", str(one["id"]), f"{subject(one)} cannot be set {wish}: {much}, by {by}; what is locked stands"))
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


def _held(
    overrides: pd.DataFrame, plan: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, regions: pd.Series | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return the cells of a plan with their family, the overrides that count in their order, and which of these holds each cell."""
    cells = plan.assign(family=plan["product"].map(products.drop_duplicates("product").set_index("product")["family"]))
    standing = in_order(overrides, month)
    return cells, standing, holders(cells, standing, regions)


def _span(months: pd.Series) -> str:
    """Name the first and last of some months."""
    return f"{months.min():%Y-%m}" if months.min() == months.max() else f"{months.min():%Y-%m} to {months.max():%Y-%m}"


def below_orders(streams: pd.DataFrame, open_orders: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """List overrides that take the plan of a product and region below what customers have ordered already.

    Orders consume the plan of their month and of the months beside it, as where they raise it (see `consumption.order_stream`).

    Parameters
    ----------
    streams : DataFrame
        As the contract streams.
    open_orders : DataFrame
        As the contract; may be empty.
    products : DataFrame
        As the contract.

    Returns
    -------
    DataFrame
        what, source, message; as `consensus.problems`.
    """
    made_to_order = promised(products).index
    coming = open_orders[~open_orders["product"].isin(made_to_order)] if len(open_orders) else open_orders
    plan = streams.groupby(CELL, as_index=False)["units"].sum()
    short = order_stream(plan, coming)[[*CELL, "units"]].rename(columns={"units": "over"})
    cut = streams[(streams["stream"] == "override") & (streams["units"] < 0)].groupby(["product", "region"])["source"].agg(lambda s: ", ".join(sorted(set(s))))
    rows = short.merge(cut.reset_index(), on=["product", "region"]).sort_values(["product", "region", "month"], kind="stable")
    said = [
        f"the plan of {one.product} in {one.region} lies {counted(f'{one.over:,.0f}', 'units')} below what is ordered for {one.month:%Y-%m}"
        for one in rows[rows["over"] >= 0.5].itertuples()
    ]
    sources = rows.loc[rows["over"] >= 0.5, "source"]
    return pd.DataFrame({"what": "override", "source": sources.to_numpy(), "message": said}, columns=COLUMNS).astype("str")
