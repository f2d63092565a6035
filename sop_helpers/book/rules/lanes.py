"""Findings on limits of transport: lanes that nothing moves on, and items that do not say what they take of the measure."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, codes_like, some

WAY = ["from_location", "location"]


def lanes(given: Inputs) -> Iterator[Issue]:
    """Whether every lane that is limited is one that something moves on."""
    limits, operations = given.get("lane_limits"), given.get("operations")
    if limits is None or operations is None:
        return
    known = operations.loc[operations["kind"] == "move", WAY].dropna().drop_duplicates()
    ways = set(known.itertuples(index=False, name=None))
    rows = limits.drop_duplicates(WAY)
    # A place that no operation knows is named with what may be meant where references are checked.
    rows = rows[rows["from_location"].isin(operations["from_location"]) & rows["location"].isin(operations["location"])]
    odd = [(one, two) for one, two in rows[WAY].itertuples(index=False, name=None) if (one, two) not in ways]
    if odd:
        named = [f"{one} to {two}" + (f" (is it {two} to {one}?)" if (two, one) in ways else "") for one, two in odd]
        yield Issue(
            "amber",
            "unmapped keys",
            "lane_limits",
            " + ".join(WAY),
            len(odd),
            f"{len(odd)} lanes are limited that no operation moves anything on: {some(named)}.",
            "Mend the places, or add the move; until then the limit limits nothing.",
        )


def measures(given: Inputs) -> Iterator[Issue]:
    """Whether every item says what it takes of the measures that its lanes are limited in, and lanes without a measure count one unit only."""
    limits, operations = given.get("lane_limits"), given.get("operations")
    if limits is None or operations is None:
        return
    numbered = limits.assign(row=range(2, len(limits) + 2))
    moved = operations.loc[operations["kind"] == "move", ["item", *WAY]].merge(numbered, on=WAY)
    counted = moved[moved["measure"].notna()] if "measure" in moved else moved.iloc[:0]
    stated = given.get("item_measures")
    stated = stated if stated is not None else pd.DataFrame({"item": [], "measure": []}, dtype="str")
    unknown = counted[~pd.MultiIndex.from_frame(counted[["item", "measure"]]).isin(pd.MultiIndex.from_frame(stated[["item", "measure"]]))]
    for (start, end, measure), rows in unknown.groupby([*WAY, "measure"]):
        lacking = rows["item"].unique().tolist()
        near = codes_like([measure], stated.loc[stated["item"].isin(lacking), "measure"])
        meant = f" (is {near[measure]!r} meant?)" if near else ""
        who, takes = "1 item that moves there does", "that it takes"
        if len(lacking) > 1:
            who, takes = f"{len(lacking)} items that move there do", "it they take"
        yield Issue(
            "red",
            "units",
            "lane_limits",
            "measure",
            len(lacking),
            f"Row {rows['row'].iloc[0]} limits {start} to {end} in {measure!r}{meant}, and {who} not say in item_measures "
            f"how much of {takes}: {some(lacking)}.",
            "Add them to item_measures, mend the measure, or leave it blank to count units of all items alike.",
        )
    products = given.get("products")
    if products is None or "uom" not in products:
        return
    plain = moved[moved["measure"].isna()] if "measure" in moved else moved
    unit = plain.assign(uom=plain["item"].map(products.drop_duplicates("product").set_index("product")["uom"])).dropna(subset="uom")
    for (start, end), rows in unit.groupby(WAY):
        units = sorted(rows["uom"].unique())
        if len(units) > 1:
            yield Issue(
                "amber",
                "units",
                "lane_limits",
                "measure",
                len(rows["item"].unique()),
                f"Row {rows['row'].iloc[0]} limits {start} to {end} in units, and its items count in different ones: {some(units)}.",
                "State a measure and what each item takes of it in item_measures, unless these units take the same room.",
            )


LANE_RULES = [lanes, measures]
