"""Plan adherence: what was planned for a month against what happened in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from sop_helpers.planning.frames import no_rows

NO_FAMILY = "no family"
COLUMNS = ["measure", "level", "name", "planned_units", "actual_units", "missed_units", "planned_money", "actual_money", "adherence"]
MEASURES = ("production", "purchases", "shipments", "stock")


def plan_adherence(
    month: pd.Timestamp,
    plan: pd.DataFrame,
    served: pd.DataFrame,
    stock: pd.DataFrame,
    production: pd.DataFrame,
    deliveries: pd.DataFrame,
    sales: pd.DataFrame,
    inventory: pd.DataFrame,
    products: pd.DataFrame,
    operations: pd.DataFrame,
    loads: pd.DataFrame,
) -> pd.DataFrame:
    """Return planned against actual units and money of a month, as the contract plan_adherence.

    A measure of which nothing was recorded in the month, or nothing was planned, is left out: no record is not the same as nothing done.
    Production and purchases planned are the planned orders that arrive in the month and the open receipts that the plan counted on in it; an open
    receipt counts as production where its item is made at its location, else as a purchase where it is bought there.

    Parameters
    ----------
    month : Timestamp
        The month looked at.
    plan, served, stock : DataFrame
        As the contracts supply_plan, constrained_demand and stock_projection, of the book that planned the month.
    production, deliveries, sales, inventory : DataFrame
        As the contracts: what happened.
    products, operations, loads : DataFrame
        As the contracts: families, unit costs and prices, and the line on which an item is made (its first operation by name).

    Notes
    -----
    Adherence of a family or line is 1 - abs(actual - planned) / planned. That of the total weighs families by their plan,
    1 - sum of abs(actual - planned) / sum of planned, so that too much of one does not make up for too little of another.
    """
    due = _in(stock, month, {"open_receipts": "units"})
    made, bought = (pd.MultiIndex.from_frame(operations.loc[operations["kind"] == k, ["item", "location"]]) for k in ("make", "buy"))
    place = pd.MultiIndex.from_frame(due[["item", "location"]])
    opened = {"make": due[place.isin(made) & (due["units"] > 0)], "buy": due[~place.isin(made) & place.isin(bought) & (due["units"] > 0)]}
    came = deliveries[deliveries["arrived"].dt.to_period("M").dt.to_timestamp() == month].dropna(subset="units")
    planned, actual = {}, {}
    for measure, kind in (("production", "make"), ("purchases", "buy")):
        arriving = plan.loc[(plan["month"] == month) & (plan["kind"] == kind), ["item", "location", "units"]]
        planned[measure] = pd.concat([arriving, opened[kind]])
    planned["shipments"] = _in(served, month, {"product": "item", "shipped_units": "units"})
    planned["stock"] = _in(stock, month, {"closing_units": "units"})
    actual["production"] = _in(production, month, {"made_units": "units"})
    # A delivery is a purchase where the item is bought at its location.
    actual["purchases"] = came[pd.MultiIndex.from_frame(came[["item", "location"]]).isin(bought)]
    actual["shipments"] = _in(sales, month, {"product": "item"})
    actual["stock"] = _in(inventory, month, {"on_hand": "units"})
    cost, price = _values(products, operations)
    family = products.drop_duplicates("product").set_index("product")["family"]
    line = _lines(operations, loads)
    parts = []
    for measure in MEASURES:
        if not len(planned[measure]) or not len(actual[measure]):
            continue
        both = pd.concat([planned[measure].assign(side="planned"), actual[measure].assign(side="actual")], ignore_index=True)
        value = both["item"].map(price if measure == "shipments" else cost).astype(float)
        both = both.assign(money=both["units"] * value, family=both["item"].map(family).astype("object").fillna(NO_FAMILY))
        rows = _compare(both, "family")
        total = rows[["planned_units", "actual_units", "missed_units", "planned_money", "actual_money"]].sum(min_count=1)
        parts += [_named(measure, "family", rows), _named(measure, "total", total.to_frame("all").T)]
        if measure == "production" and len(on := both.merge(line, on=["item", "location"])):
            parts.append(_named(measure, "line", _compare(on, "resource")))
    if not parts:
        return _none()
    out = pd.concat(parts, ignore_index=True)
    out.insert(0, "month", pd.Series(month, index=out.index, dtype="datetime64[us]"))
    return out[["month", *COLUMNS]]


def adherence_of_months(plans: Mapping[pd.Timestamp, Sequence[pd.DataFrame]], *happened: pd.DataFrame) -> pd.DataFrame:
    """Return `plan_adherence` of several months, oldest first.

    Parameters
    ----------
    plans : mapping of month to (plan, served, stock)
        What the book of each month planned, as `plan_adherence` takes it; without any, the table is empty.
    *happened : DataFrame
        The rest of its arguments.
    """
    parts = [plan_adherence(month, *plans[month], *happened) for month in sorted(plans)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else (parts or [_none()])[0]


def _none() -> pd.DataFrame:
    return no_rows(COLUMNS, COLUMNS[:3]).assign(month=pd.Series(dtype="datetime64[us]"))[["month", *COLUMNS]]


def _in(frame: pd.DataFrame, month: pd.Timestamp, names: dict[str, str]) -> pd.DataFrame:
    """Return the rows of a month: item, units and, where there is one, location."""
    rows = frame[frame["month"] == month].rename(columns=names)
    return rows[[c for c in ("item", "location", "units") if c in rows]]


def _values(products: pd.DataFrame, operations: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the cost of a unit, that of the cheapest purchase where products do not know the item, and its price."""
    known = products.drop_duplicates("product").set_index("product")
    bought = operations[operations["kind"] == "buy"].groupby("item")["unit_cost"].min()
    return known["unit_cost"].astype(float).combine_first(bought.astype(float)), known["unit_price"].astype(float)


def _lines(operations: pd.DataFrame, loads: pd.DataFrame) -> pd.DataFrame:
    """Return the resources on which an item is made at a location, by its first make operation."""
    make = operations[operations["kind"] == "make"].sort_values("operation", kind="stable").drop_duplicates(["item", "location"])
    return make[["operation", "item", "location"]].merge(loads[["operation", "resource"]], on="operation")[["item", "location", "resource"]]


def _compare(both: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return planned and actual units and money by name; money is blank where no unit of it has a value."""
    table = both.groupby([by, "side"])[["units", "money"]].sum(min_count=1).unstack("side")
    wide = pd.DataFrame({f"{s}_{u}": table.get((u, s), pd.Series(dtype=float)).reindex(table.index) for u in ("units", "money") for s in ("planned", "actual")})
    wide[["planned_units", "actual_units"]] = wide[["planned_units", "actual_units"]].fillna(0.0)
    return wide.assign(missed_units=(wide["actual_units"] - wide["planned_units"]).abs())


def _named(measure: str, level: str, rows: pd.DataFrame) -> pd.DataFrame:
    planned = rows["planned_units"].where(rows["planned_units"] > 0)
    named = rows.assign(measure=measure, level=level, name=rows.index.astype("str"), adherence=1 - rows["missed_units"] / planned)
    return named.reset_index(drop=True)
