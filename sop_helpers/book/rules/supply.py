"""Findings on stock, operations, bills of material, capacity and open supply."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, some
from sop_helpers.book.rules.limits import whole_lot

UNIT_FACTOR = 5.0  # costs of one unit further apart than this are likely of different units: a piece and a case


def items(given: Inputs) -> Iterator[Issue]:
    """Whether every item can be got, and every item named is known."""
    operations, products, components = given.get("operations"), given.get("products"), given.get("components")
    yearly = given.yearly()
    if operations is not None and products is not None:
        ended = products["end_month"].notna() & (products["end_month"] < given.month)
        never = products.loc[~products["product"].isin(operations["item"]) & ~ended, "product"]
        if len(never):
            yield Issue(
                "amber",
                "no operation",
                "operations",
                "item",
                len(never),
                f"{len(never):,} products are neither made nor bought anywhere: {some(never)}.",
                "Add an operation; until then only stock and open receipts serve them.",
                float(yearly["revenue"].reindex(never).sum()),
            )
    if operations is not None and components is not None:
        held = set().union(*(set(frame["item"]) for t in ("inventory", "receipts") if (frame := given.get(t)) is not None))
        used = components[~components["item"].isin(operations["item"])]
        unknown = used.loc[~used["item"].isin(held | given.items()), "item"].unique().tolist()
        if unknown:
            yield Issue(
                "red",
                "no operation",
                "components",
                "item",
                len(unknown),
                f"{len(unknown)} components are unknown: nothing makes or buys them, and none is in stock: {some(unknown)}.",
                "Add a buy operation, or mend the code; what needs them cannot be made.",
            )
        known = used.loc[~used["item"].isin(unknown), "item"].unique().tolist()
        if known:
            yield Issue(
                "amber",
                "no operation",
                "components",
                "item",
                len(known),
                f"{len(known)} components are held and never replenished: {some(known)}.",
                "Add a buy operation.",
            )
    if operations is not None:
        for table in ("inventory", "receipts", "stock_policies", "production", "item_measures"):
            frame = given.get(table)
            if frame is None:
                continue
            known_items = given.items() | (set(components["item"]) if components is not None else set())
            strange = frame.loc[~frame["item"].isin(known_items), "item"].unique().tolist()
            if strange:
                yield Issue(
                    "amber",
                    "unmapped keys",
                    table,
                    "item",
                    len(strange),
                    f"{len(strange):,} items of {table} are neither in products nor in operations: {some(strange)}.",
                    "Mend the codes, or leave them: they are not planned.",
                )


def bills(given: Inputs) -> Iterator[Issue]:
    """Whether bills of material are whole and free of cycles."""
    operations, components = given.get("operations"), given.get("components")
    if operations is None or components is None:
        return
    made = operations[operations["kind"] == "make"]
    if len(bare := made.loc[~made["operation"].isin(components["operation"]), "operation"]):
        yield Issue(
            "amber",
            "bill of material",
            "components",
            "operation",
            len(bare),
            f"{len(bare):,} make operations have no components: {some(bare)}.",
            "Add their bill of material; they are planned as made from nothing.",
        )
    other = components["operation"].isin(operations.loc[operations["kind"] != "make", "operation"])
    if other.any():
        yield Issue(
            "amber",
            "bill of material",
            "components",
            "operation",
            int(other.sum()),
            f"{int(other.sum())} components belong to operations that buy or move: {some(components.loc[other, 'operation'].unique())}.",
            "Only making uses components.",
        )
    edges = components.merge(made[["operation", "item"]], on="operation", suffixes=("_used", ""))
    graph = edges.groupby("item")["item_used"].agg(set).to_dict()
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]
        yield Issue(
            "red",
            "bill of material",
            "components",
            "item",
            len(cycle) - 1,
            f"a bill of material has a cycle: {' needs '.join(cycle)}.",
            "Remove one of its rows.",
        )


def capacity(given: Inputs) -> Iterator[Issue]:
    """Whether each resource that work is put on has hours in every month planned."""
    loads, resources = given.get("loads"), given.get("resources")
    if resources is None:
        return
    standing = resources["month"].isna()
    hours = resources.groupby("resource")["regular_hours"].max()
    used = set(loads["resource"]) if loads is not None else set()
    if none := [r for r, h in hours.items() if not h > 0]:
        busy = [r for r in none if r in used]
        yield Issue(
            "red" if busy else "amber",
            "no hours",
            "resources",
            "regular_hours",
            len(none),
            f"{len(none)} resources have no hours in any month: {some(busy or none)}.",
            "Enter their hours, or take their loads away.",
        )
    ahead = pd.date_range(given.month, periods=given.horizon_months, freq="MS")
    lacking = []
    # A standing value of no hours is none: the months of the plan need rows of their own.
    stated = resources[~(standing & ~(resources["regular_hours"] > 0))]
    for resource, rows in stated[~stated["resource"].isin(stated.loc[stated["month"].isna(), "resource"])].groupby("resource"):
        missing = ahead.difference(pd.DatetimeIndex(rows["month"]))
        if len(missing) and (not used or resource in used):
            lacking.append(f"{resource} ({len(missing)} from {missing[0]:%Y-%m})")
    if lacking:
        yield Issue(
            "amber",
            "no hours",
            "resources",
            "month",
            len(lacking),
            f"{len(lacking)} resources have no hours for months of the plan: {some(lacking)}.",
            "Add the months, or hours in a row with a blank month as the standing value.",
        )


BELOW_ZERO = [
    ("on_hand", "stock", "Count them; bookings may be missing."),
    ("in_transit", "units on the way", "Mend them; the plan takes what is on the way from receipts."),
]


def stock(given: Inputs) -> Iterator[Issue]:
    """Whether stock is possible and open supply still believable."""
    inventory, receipts, orders = given.get("inventory"), given.get("receipts"), given.get("open_orders")
    if inventory is not None:
        latest = inventory[inventory["month"] == inventory["month"].max()]
        for column, what, action in BELOW_ZERO:
            below = latest[latest[column] < 0] if column in latest else latest[:0]
            if below.empty:
                continue
            names = [f"{i}/{p}: {u:,.0f}" for i, p, u in zip(below["item"], below["location"], below[column], strict=True)]
            yield Issue(
                "amber",
                "negatives",
                "inventory",
                column,
                len(below),
                f"{len(below)} items have negative {what}: {some(names)}.",
                action,
                float(below["value"].sum()) if column == "on_hand" and below["value"].notna().any() else float("nan"),
            )
    if receipts is not None and len(late := receipts[receipts["due_month"] < given.month]):
        names = [f"{r} ({i}, {m:%Y-%m})" for r, i, m in zip(late["receipt"], late["item"], late["due_month"], strict=True)]
        yield Issue(
            "amber",
            "overdue",
            "receipts",
            "due_month",
            len(late),
            f"{len(late)} receipts of {late['units'].sum():,.0f} units are overdue: {some(names)}.",
            f"Confirm new dates; they are planned to arrive in {given.month:%Y-%m}.",
        )
    came = given.get("deliveries")
    if came is not None and len(back := came[came["arrived"] < came["ordered"]]):
        rows = zip(back["delivery"], back["item"], back["ordered"], back["arrived"], strict=True)
        names = [f"{d} ({i}, {o:%Y-%m-%d} to {a:%Y-%m-%d})" for d, i, o, a in rows]
        yield Issue(
            "amber",
            "dates",
            "deliveries",
            "arrived",
            len(back),
            f"{len(back)} deliveries arrived before they were ordered: {some(names)}.",
            "Mend the days; they teach stock targets nothing until then.",
        )
    if orders is not None and len(late := orders[orders["due_month"] < given.month]):
        money = float(late["revenue"].sum()) if late["revenue"].notna().any() else float("nan")
        yield Issue(
            "amber",
            "overdue",
            "open_orders",
            "due_month",
            len(late),
            f"{len(late)} orders of {late['units'].sum():,.0f} units are past their month: {some(late['order'])}.",
            "Ship or close them; they are planned as backlog.",
            money,
        )


def _needed(given: Inputs) -> pd.Series:
    """Return the units of each item that a year takes: what was sold of it, and what the bills of material of others took (of its heaviest use)."""
    sold = given.yearly()["units"].astype(float)
    operations, components = given.get("operations"), given.get("components")
    if operations is None or components is None:
        return sold
    made = operations.loc[operations["kind"] == "make", ["operation", "item"]].rename(columns={"item": "parent"})
    # Where several operations make an item, the heaviest use counts: nobody is warned of a lot that one of them may need.
    edges = components.merge(made, on="operation").groupby(["parent", "item"], as_index=False)["units_per"].max()
    total, level = sold, sold
    for _ in range(edges["parent"].nunique() + 1):  # no bill without a cycle is deeper
        taken = edges.assign(units=edges["units_per"] * edges["parent"].map(level)).dropna(subset="units")
        if taken.empty:
            return total
        level = taken.groupby("item")["units"].sum()
        total = total.add(level, fill_value=0.0)
    return sold  # a cycle, which `bills` names


def terms(given: Inputs) -> Iterator[Issue]:
    """Whether lead times and lots fit the plan."""
    operations = given.get("operations")
    if operations is None:
        return
    if len(slow := operations[operations["lead_time_months"] >= given.horizon_months]):
        names = [f"{o} ({t:g} months)" for o, t in zip(slow["operation"], slow["lead_time_months"], strict=True)]
        yield Issue(
            "amber",
            "lead time",
            "operations",
            "lead_time_months",
            len(slow),
            f"{len(slow)} lead times reach beyond the horizon of {given.horizon_months} months: {some(names)}.",
            "Make sure that they are months, not days; nothing released now arrives within the plan.",
        )
    year = operations["item"].map(_needed(given)).astype(float)
    if (big := operations["lot_min"].notna() & year.notna() & (operations["lot_min"] > year)).any():
        rows = operations[big].assign(year=year[big])
        names = [f"{o} ({lot:,.0f} against {u:,.0f})" for o, lot, u in zip(rows["operation"], rows["lot_min"], rows["year"], strict=True)]
        yield Issue(
            "amber",
            "lot",
            "operations",
            "lot_min",
            len(rows),
            f"{len(rows)} minimum lots are over a year of demand: {some(names)}.",
            "Negotiate them, or make sure of the unit.",
            float((rows["lot_min"] * rows["unit_cost"]).sum()),
        )
    if (clash := operations["max_units"].notna() & (whole_lot(operations) > operations["max_units"])).any():
        yield Issue(
            "red",
            "lot",
            "operations",
            "max_units",
            int(clash.sum()),
            f"{int(clash.sum())} operations allow fewer units a month than one lot: {some(operations.loc[clash, 'operation'])}.",
            "Mend lot_min, lot_multiple or max_units; nothing can be ordered.",
        )
    if (back := operations["last_month"] < operations["first_month"]).any():
        yield Issue(
            "amber",
            "life cycle",
            "operations",
            "last_month",
            int(back.sum()),
            f"{int(back.sum())} operations end before they begin: {some(operations.loc[back, 'operation'])}.",
            "Mend the months.",
        )
    moves = operations[operations["kind"] == "move"]
    if (nowhere := moves["from_location"].isna() | (moves["from_location"] == moves["location"])).any():
        yield Issue(
            "red",
            "move",
            "operations",
            "from_location",
            int(nowhere.sum()),
            f"{int(nowhere.sum())} moves do not say from where, or go to where they are: {some(moves.loc[nowhere, 'operation'])}.",
            "Enter from_location.",
        )


def reach(given: Inputs) -> Iterator[Issue]:
    """Whether what a region buys can come to the place that ships to it."""
    operations, regions, sales = given.get("operations"), given.get("regions"), given.get("sales")
    if operations is None or regions is None or sales is None:
        return
    recent = sales[sales["month"] >= given.month - pd.DateOffset(months=12)].groupby(["product", "region"], as_index=False)[["units", "revenue"]].sum()
    wanted = recent[(recent["units"] > 0) & recent["product"].isin(operations["item"])].merge(regions[["region", "ship_from"]].dropna(), on="region")
    supplied = pd.MultiIndex.from_frame(operations[["item", "location"]])
    cut = wanted[~pd.MultiIndex.from_frame(wanted[["product", "ship_from"]]).isin(supplied)]
    if len(cut):
        names = [f"{p} at {w} for {r}" for p, w, r in zip(cut["product"], cut["ship_from"], cut["region"], strict=True)]
        yield Issue(
            "amber",
            "no operation",
            "operations",
            "location",
            len(cut),
            f"{len(cut)} product-regions have demand at a place that nothing supplies: {some(names)}.",
            "Add an operation that makes, buys or moves it there, or mend ship_from; only stock and open receipts there serve it.",
            float(cut["revenue"].sum()),
        )


def units(given: Inputs) -> Iterator[Issue]:
    """Whether purchases and stock count in the unit of the product, told by what one unit costs."""
    products, operations, inventory = given.get("products"), given.get("operations"), given.get("inventory")
    if products is None:
        return
    known = products.drop_duplicates("product").set_index("product")["unit_cost"]
    seen = []
    if operations is not None:
        seen.append(("operations", "unit_cost", operations.loc[operations["kind"] == "buy", ["item", "unit_cost"]].rename(columns={"unit_cost": "cost"})))
    if inventory is not None:
        held = inventory[(inventory["month"] == inventory["month"].max()) & (inventory["on_hand"] > 0)]
        seen.append(("inventory", "value", held.assign(cost=held["value"] / held["on_hand"])[["item", "cost"]]))
    for table, column, rows in seen:
        times = rows["cost"] / rows["item"].map(known).astype(float).where(lambda c: c > 0)
        odd = rows.assign(times=times)[(times > UNIT_FACTOR) | ((times < 1 / UNIT_FACTOR) & (times > 0))]
        if len(odd):
            yield Issue(
                "amber",
                "units",
                table,
                column,
                len(odd),
                f"{len(odd)} items cost under a fifth or over five times the unit_cost of products: "
                f"{some(f'{i} ({t:.3g} times)' for i, t in zip(odd['item'], odd['times'], strict=True))}.",
                "Make sure that they count in the same unit, a piece or a case.",
            )
    if operations is not None:
        yield from _units_of_parts(operations[(operations["kind"] == "buy") & ~operations["item"].isin(known.index)], seen)


def _units_of_parts(bought: pd.DataFrame, seen: list[tuple[str, str, pd.DataFrame]]) -> Iterator[Issue]:
    """Whether purchases and stock of parts, which products do not list, count in one unit: by what purchases of the same part cost."""
    costs = bought[bought["unit_cost"] > 0].groupby("item")["unit_cost"].agg(["min", "max"])
    apart = costs["max"] > UNIT_FACTOR * costs["min"]
    action = "Make sure that they count in the same unit, a piece or a case, as the components that use them."
    if apart.any():
        names = [f"{i} ({low:,.6g} to {high:,.6g})" for i, low, high in costs[apart].itertuples()]
        text = f"{len(names)} items are bought at costs over five times apart: {some(names)}."
        yield Issue("amber", "units", "operations", "unit_cost", len(names), text, action)
    for table, column, rows in seen:
        if table != "inventory":
            continue
        times = rows["cost"] / rows["item"].map(costs.loc[~apart, "min"]).astype(float)
        high = rows["cost"] / rows["item"].map(costs.loc[~apart, "max"]).astype(float)
        odd = rows.assign(times=times)[(high > UNIT_FACTOR) | ((times < 1 / UNIT_FACTOR) & (times > 0))]
        if len(odd):
            names = [f"{i} ({t:.3g} times)" for i, t in zip(odd["item"], odd["times"], strict=True)]
            text = f"{len(odd)} items are valued under a fifth or over five times what buying them costs: {some(names)}."
            yield Issue("amber", "units", table, column, len(odd), text, action)


def promised(given: Inputs) -> Iterator[Issue]:
    """Whether lead times promised can count: only what is made to order waits, and its bookings have to fall due within the plan."""
    products = given.get("products")
    if products is None or not {"made_to", "promised_months"} <= set(products):
        return
    waits = products[products["promised_months"] > 0]
    for rows, said, action in (
        (waits[waits["made_to"] != "order"], "promise a lead time and are made to stock", "Enter made_to = order, or leave promised_months blank."),
        (waits[(waits["made_to"] == "order") & (waits["promised_months"] >= given.horizon_months)], f"promise {given.horizon_months} months or more, which is "
         "beyond the plan", "Check that promised_months counts months, not days."),
    ):  # fmt: skip
        if len(rows):
            names = [f"{p} ({m:g})" for p, m in zip(rows["product"], rows["promised_months"], strict=True)]
            yield Issue("amber", "promise", "products", "promised_months", len(rows), f"{len(rows)} products {said}: {some(names)}.", action)


SUPPLY_RULES = [items, bills, capacity, stock, terms, reach, units, promised]
