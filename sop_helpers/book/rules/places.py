"""Findings on places: stock that the last count left out, locations that nothing else knows, what the budget leaves out, and names of two meanings."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import SHOWN, Inputs, Issue, codes_like, some


def left_out(given: Inputs) -> Iterator[Issue]:
    """Whether the last stock count holds every place that the one before it did, and every item where it lists what is zero."""
    stock = given.get("inventory")
    if stock is None or stock["month"].nunique() < 2:
        return
    *_, before, last = sorted(stock["month"].unique())
    now, then = stock[stock["month"] == last], stock[(stock["month"] == before) & (stock["on_hand"] > 0)]
    gone = then[~then["location"].isin(now["location"])]
    if len(gone):
        names = sorted(gone["location"].unique())
        held = f"{gone['on_hand'].sum():,.0f} units"
        yield Issue(
            "amber", "freshness", "inventory", "location", len(names),
            f"{len(names)} places with {held} in {before:%Y-%m} are missing from the stock-take of {last:%Y-%m}: {some(names)}.",
            "Bring their stock; the plan begins without it.", float(gone["value"].sum()) if gone["value"].notna().any() else float("nan"),
        )  # fmt: skip
    if (now["on_hand"] == 0).any():  # who lists zeros leaves nothing out on purpose
        key = pd.MultiIndex.from_frame(now[["item", "location"]])
        rest = then[then["location"].isin(now["location"])]
        rest = rest[~pd.MultiIndex.from_frame(rest[["item", "location"]]).isin(key)]
        if len(rest):
            names = [f"{i}/{p}" for i, p in zip(rest["item"], rest["location"], strict=True)]
            yield Issue(
                "amber", "freshness", "inventory", "item", len(rest),
                f"{len(rest)} items with stock in {before:%Y-%m} are missing from the stock-take of {last:%Y-%m}, which lists others at zero: {some(names)}.",
                "Bring their stock; the plan begins without it.", float(rest["value"].sum()) if rest["value"].notna().any() else float("nan"),
            )  # fmt: skip


def unknown(given: Inputs) -> Iterator[Issue]:
    """Whether stock and open supply lie at places that something is made at, moved between or shipped from."""
    operations, regions = given.get("operations"), given.get("regions")
    if operations is None:
        return
    known = set(operations["location"].dropna()) | set(operations["from_location"].dropna())
    known |= set(regions["ship_from"].dropna()) if regions is not None else set()
    for table in ("inventory", "receipts", "stock_policies"):
        frame = given.get(table)
        if frame is None:
            continue
        rows = frame[frame["month"] == frame["month"].max()] if table == "inventory" else frame
        strange = rows.loc[~rows["location"].isin(known), "location"].dropna().unique().tolist()
        if strange:
            hints = codes_like(strange[:SHOWN], known)
            named = [f"{v!r}" + (f" (is it {hints[v]!r}?)" if v in hints else "") for v in strange]
            yield Issue(
                "amber", "unmapped keys", table, "location", int(rows["location"].isin(strange).sum()),
                f"{len(strange)} locations are neither made at, moved between nor shipped from: {some(named)}.",
                "Mend the codes, or add an operation or a region's ship_from; what lies there serves nobody.",
            )  # fmt: skip


def unbudgeted(given: Inputs) -> Iterator[Issue]:
    """Whether the budget holds the regions and families that sell: what it leaves out counts as a budget of zero."""
    budget, sales, products = given.get("budget"), given.get("sales"), given.get("products")
    if budget is None or sales is None or products is None:
        return
    year = budget[(budget["month"] > given.last - pd.DateOffset(months=12)) & (budget["month"] < given.last + pd.DateOffset(months=12))]
    sold = sales[sales["month"] > given.last - pd.DateOffset(months=12)]
    known = products.drop_duplicates("product").set_index("product")
    sold = sold.assign(family=sold["product"].map(known["family"]))
    if len(year):  # what ended before the months budgeted needs no budget
        sold = sold[~(sold["product"].map(known["end_month"]) < year["month"].min())]
    for column, many in (("region", "regions"), ("family", "families")):
        left = sold[~sold[column].isin(year[column])].groupby(column)["revenue"].sum()
        left = left[left > 0].sort_values(ascending=False, kind="stable")
        if len(year) and len(left):
            yield Issue(
                "amber", "budget", "budget", column, len(left),
                f"{len(left)} {many} sold in the last twelve months and have no budget: {some(left.index)}.",
                "Enter their budget; until then gaps to budget count all they sell as above it.", float(left.sum()),
            )  # fmt: skip


def ambiguous(given: Inputs) -> Iterator[Issue]:
    """Whether each name that insights and overrides may call regions by means the same ones, be it a region, an area or a channel."""
    regions = given.get("regions")
    if regions is None:
        return
    named = [regions[["region"]].assign(name=regions[by], kind=by).dropna() for by in ("region", "area", "channel") if by in regions]
    meant = pd.concat(named).groupby(["name", "kind"])["region"].agg(frozenset)
    several = meant.groupby("name").nunique()
    for name in several.index[several > 1]:
        kinds = meant[name]
        said = " and ".join(f"the {kind} of {some(sorted(members))}" if kind != "region" else "a region" for kind, members in kinds[::-1].items())
        yield Issue(
            "red", "unmapped keys", "regions", "region", len(frozenset().union(*kinds)), f"the name {name!r} is {said}: a word on it could mean either.",
            "Give the region, the area or the channel another name.",
        )  # fmt: skip


PLACE_RULES = [left_out, unknown, unbudgeted, ambiguous]
