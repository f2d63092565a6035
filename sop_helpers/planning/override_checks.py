"""What overrides did that nobody may have meant: an earlier one replaced by a wider one, a plan taken below what is booked."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.cells import CELL, counts, subject, touched
from sop_helpers.planning.consumption import order_stream
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
    cells = plan[CELL].assign(family=plan["product"].map(products.drop_duplicates("product").set_index("product")["family"]))
    standing = counts(overrides, month)
    standing = standing.sort_values(["time", "id"], kind="stable") if len(standing) else standing
    rows: list[tuple[str, str, str]] = []
    before: list[tuple[pd.Series, pd.Series]] = []
    for _, one in standing.iterrows():  # dozens
        mine = touched(cells, one, regions)
        for earlier, theirs in before if pd.notna(one["units"]) else ():
            both, wider = cells["month"][mine & theirs], (mine & ~theirs).any()
            if len(both) and wider:
                span = f"{both.min():%Y-%m}" if both.min() == both.max() else f"{both.min():%Y-%m} to {both.max():%Y-%m}"
                said = f"{subject(earlier)}, set by {earlier['author']}, no longer stands in {span}"
                then = f"{one['author']} set {subject(one)} afterwards ({one['id']})"
                rows.append(("override", str(earlier["id"]), f"{said}: {then}; set it again if it shall"))
        before.append((one, mine))
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


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
