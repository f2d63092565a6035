"""From a company's tables to a network that can be planned: items at locations, operations between them, capacity by month.

Bad numbers stop here with a message that names table, column and row; what is merely missing becomes a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import standing
from sop_helpers.planning.supply_limits import Limits
from sop_helpers.planning.supply_orders import Promises
from sop_helpers.planning.supply_workers import Crews
from sop_helpers.planning.wording import counted

Matrix = NDArray[np.float64]
NOT_NAMED = "not named"  # supplier of what is bought where nobody said from whom

UNLIMITED = "supply:"
NO_OPERATIONS = "No operations were brought: the plan assumes unlimited supply, so requirements are netted against stock and nothing can run short."


@dataclass(frozen=True)
class Network:
    """Everything the plan knows, as arrays over nodes (n), operations (o), demand series (d), resources (r) and months (t).

    Attributes
    ----------
    months : DatetimeIndex
        Months planned, without gaps.
    nodes : DataFrame
        node (``item @ location``), item, location, value (per unit at cost), path_cost (cheapest way to get one), holding and
        below, above (price of a unit for a month in stock, below target, above the maximum), max_units.
    opening, receipts, target : ndarray (n), (n, t), (n, t)
        Stock at the start, units already ordered, wanted closing stock.
    series : DataFrame
        product, region, node (position), price, lost and late (price of a lost unit, of a unit owed for a month), backlog (owed at the start).
    demand, prices : ndarray (d, t)
        Units wanted and the selling price of one.
    operations : DataFrame
        operation, kind, item, location, supplier, node (position), lead and frozen (whole months), price (cost of a unit with its share of the fixed
        cost), unit_cost, fixed_cost, lot_min, lot_multiple, unlimited; months_late where a stress test delays what was promised.
    upper : ndarray (o, t)
        Most units that may arrive in a month; 0 where nothing can.
    uses : DataFrame
        op and node (positions), units_per: what is taken in the month of release.
    hours : DataFrame
        op and resource (positions), hours_per_unit, spent in the month of release.
    resources : list of str
    regular, overtime, rate, committed : ndarray (r, t)
        Hours, most overtime hours, their price, hours that open production orders take.
    patience : int
        Months that customers wait.
    notes : list of str
        What the plan had to assume.
    outside, outside_rate : ndarray (r, t), optional
        Most hours that others work, and their price.
    crews : Crews, optional
        Resources whose regular hours follow people.
    limits : Limits
        What suppliers deliver, places hold and shelf life allows, and last month's plan.
    strategy : str
        One of `supply_workers.STRATEGIES`.
    promises : Promises, optional
        Lead times promised for what is made to order; `demand` then counts units in the month in which they are due.
    booked : ndarray (d, t), optional
        Units in the month in which they are ordered, where promises are given.
    """

    months: pd.DatetimeIndex
    nodes: pd.DataFrame
    opening: Matrix
    receipts: Matrix
    target: Matrix
    series: pd.DataFrame
    demand: Matrix
    prices: Matrix
    operations: pd.DataFrame
    upper: Matrix
    uses: pd.DataFrame
    hours: pd.DataFrame
    resources: list[str]
    regular: Matrix
    overtime: Matrix
    rate: Matrix
    committed: Matrix
    patience: int = 3
    notes: list[str] = field(default_factory=list)
    outside: Matrix | None = None
    outside_rate: Matrix | None = None
    crews: Crews | None = None
    limits: Limits = field(default_factory=Limits)
    strategy: str = "optimal"
    promises: Promises | None = None
    booked: Matrix | None = None


CAPACITY = ["regular_hours", "overtime_hours", "overtime_rate", "outside_hours", "outside_rate"]
PEOPLE = ["workers", "wage", "hire_cost", "layoff_cost", "hours_per_worker", "overtime_per_worker", "idle_cost"]
_MUST_BE = {
    "demand": ["units"],
    "operations": ["lead_time_months", "unit_cost", "lot_min", "lot_multiple", "max_units", "fixed_cost", "yield_share"],
    "components": ["units_per"],
    "loads": ["hours_per_unit"],
    "resources": [*CAPACITY, *PEOPLE],
    "receipts": ["units"],
    "open_orders": ["units"],
    "targets": ["target_units"],
    "products": ["unit_price", "unit_cost", "shelf_life_months", "backorder_cost"],
    "supplier_limits": ["max_units", "max_value"],
    "location_limits": ["max_units", "over_cost"],
    "lane_limits": ["max_load", "over_cost"],
    "item_measures": ["per_unit"],
    "stock_policies": ["holding_rate", "holding_cost", "max_units"],
}
_ABOVE_ZERO = {("components", "units_per"), ("loads", "hours_per_unit"), ("operations", "lot_multiple")}
_SHARES = {("operations", "yield_share"): 0.001}  # with the least: what gives less is a number in the wrong unit
_ABOVE_ZERO |= {("resources", "hours_per_worker"), ("products", "shelf_life_months"), ("item_measures", "per_unit")}
_MAY_BE_BLANK = (
    {("operations", c) for c in ("lot_min", "lot_multiple", "max_units", "fixed_cost", "yield_share")}
    | {("resources", c) for c in (*CAPACITY[1:], *PEOPLE)}
    | {("products", "shelf_life_months"), ("products", "backorder_cost"), ("location_limits", "over_cost"), ("lane_limits", "over_cost")}
    | {("supplier_limits", c) for c in ("max_units", "max_value")}
    | {("stock_policies", c) for c in ("holding_rate", "holding_cost", "max_units")}
)
_NAMED_BY = {
    "operations": "operation",
    "components": "operation",
    "loads": "operation",
    "resources": "resource",
    "receipts": "receipt",
    "open_orders": "order",
    "targets": "item",
    "products": "product",
    "demand": "product",
    "supplier_limits": "supplier",
    "location_limits": "location",
    "lane_limits": "location",
    "item_measures": "item",
    "stock_policies": "item",
}


def check_numbers(frames: Mapping[str, pd.DataFrame]) -> None:
    """Refuse numbers that no plan can be made of.

    Raises
    ------
    ValueError
        Names table, column, the first row and what was expected.
    """
    for table, frame in frames.items():
        for column in [c for c in _MUST_BE.get(table, []) if c in frame]:
            values = frame[column].to_numpy(dtype=float)
            blank = np.isnan(values)
            strict = (table, column) in _ABOVE_ZERO
            least = _SHARES.get((table, column), 0.0)
            most = 1.0 if least else np.inf
            bad = np.isinf(values) | (values < least) | (values > most) | ((values == 0) & strict) | (blank if (table, column) not in _MAY_BE_BLANK else False)
            if bad.any():
                row = frame.iloc[int(np.argmax(bad))]
                wanted = f"a share from {least} to 1" if least else "a finite number above zero" if strict else "a finite number, zero or more"
                more = f" ({int(bad.sum())} rows in all)" if bad.sum() > 1 else ""
                raise ValueError(f"{table}.{column} of {row[_NAMED_BY[table]]!r} is {row[column]}; expected {wanted}{more}")


def check_bills(operations: pd.DataFrame, components: pd.DataFrame) -> None:
    """Refuse a move that leaves nowhere, and a bill of material in which an item needs itself.

    Raises
    ------
    ValueError
        Names the first such move, or the items of the cycle.
    """
    nowhere = operations.loc[(operations["kind"] == "move") & operations["from_location"].isna(), "operation"]
    if len(nowhere):
        more = f" ({len(nowhere)} rows in all)" if len(nowhere) > 1 else ""
        raise ValueError(f"operations.from_location of {nowhere.iloc[0]!r} is blank; expected the location that a move leaves{more}")
    edges = components.merge(operations.loc[operations["kind"] == "make", ["operation", "item"]], on="operation", suffixes=("_used", ""))
    try:
        TopologicalSorter(edges.groupby("item")["item_used"].agg(list).to_dict()).prepare()
    except CycleError as error:
        raise ValueError(f"a bill of material has a cycle: {' needs '.join(error.args[1][::-1])}; remove one of its rows") from error


def month_number(months: pd.Series | pd.DatetimeIndex, first: pd.Timestamp) -> NDArray[np.int64]:
    """Return how many months after `first` each month lies; below zero before it. Blank months come back as a very low number."""
    index = pd.DatetimeIndex(months)
    number = (index.year.to_numpy(dtype=float) - first.year) * 12 + index.month.to_numpy(dtype=float) - first.month
    return np.where(np.isnan(number), -(10**6), number).astype(np.int64)


def serve_from(keys: pd.DataFrame, regions: pd.DataFrame, inventory: pd.DataFrame, operations: pd.DataFrame) -> pd.Series:
    """Return the location that ships each product to each region.

    It is `regions.ship_from`; a region without one is served from the location where the product lies or is made, and failing that from the
    location that most items share.

    Parameters
    ----------
    keys : DataFrame
        product, region.
    """
    known = pd.concat([inventory[["item", "location"]], operations[["item", "location"]]])
    common = known["location"].value_counts()
    usual = sorted(common[common == common.max()].index)[0] if len(common) else "main"
    if len(common) > 1:
        weight = known.merge(common.rename("shared"), left_on="location", right_index=True)
        ranked = weight.sort_values(["shared", "location"], ascending=[False, True], kind="stable")
        of_item = ranked.drop_duplicates("item").set_index("item")["location"]
    else:
        of_item = pd.Series(dtype="str")
    stated = keys["region"].map(regions.set_index("region")["ship_from"]) if len(regions) else pd.Series(None, index=keys.index, dtype="str")
    return stated.astype("object").fillna(keys["product"].map(of_item).astype("object")).fillna(usual).astype("str")


def good_share(operations: pd.DataFrame) -> Matrix:
    """Return by operation the share of what is started that comes out good: all of it where no yield is stated."""
    return operations["yield_share"].astype(float).fillna(1.0).to_numpy() if "yield_share" in operations else np.ones(len(operations))


def production_due(receipts: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """Return the open production orders with the ``month`` in which they are due; overdue ones in the first."""
    begun = receipts[receipts["kind"] == "production"]
    return begun.assign(month=begun["due_month"].clip(lower=first))


def latest_stock(inventory: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the last month's stock by item and location (negative stock taken as zero) and what to say about it."""
    if inventory.empty:
        return inventory.assign(), ["No inventory was brought: the plan starts from zero stock."]
    last = inventory[inventory["month"] == inventory["month"].max()]
    below = last[last["on_hand"] < 0]
    notes = []
    if len(below):
        notes.append(f"{counted(len(below), 'items have', 'item has')} negative stock, taken as zero: {some(below['item'] + ' @ ' + below['location'])}.")
    return last.assign(on_hand=last["on_hand"].clip(lower=0)), notes


def some(names: pd.Series | list[str], most: int = 3) -> str:
    """Name the first few of many."""
    listed = list(dict.fromkeys(names))
    return ", ".join(map(str, listed[:most])) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def by_month(resources: pd.DataFrame, names: list[str], months: pd.DatetimeIndex) -> dict[str, Matrix]:
    """Return each number of resources by resource and month, NaN where blank; a row with a blank month stands for all months without their own.

    Raises
    ------
    ValueError
        A load names a resource that is not in resources.
    """
    unknown = [n for n in names if n not in set(resources["resource"])]
    if unknown:
        raise ValueError(f"loads.resource {some(unknown)} is not in resources; add its hours")
    columns = CAPACITY + PEOPLE
    full = resources.assign(**{c: np.nan for c in columns if c not in resources}).astype(dict.fromkeys(columns, float))
    return standing(full, "resource", names, columns, months)


def capacity(values: dict[str, Matrix], names: list[str], overtime_rate: float) -> tuple[dict[str, Matrix], list[str]]:
    """Return regular, overtime, rate, outside and outside_rate by resource and month, and what to say where hours are blank.

    Overtime hours that are blank are none, unless overtime per worker limits them.
    """
    blank = np.isnan(values["regular_hours"]).any(axis=1)
    notes = [f"{some([n for n, b in zip(names, blank, strict=True) if b])} has no hours for some months; they are taken as zero."] if blank.any() else []
    rate = np.nan_to_num(values["overtime_rate"], nan=overtime_rate)
    per_worker = ~np.isnan(values["hours_per_worker"]) & ~np.isnan(values["overtime_per_worker"])
    return {
        "regular": np.nan_to_num(values["regular_hours"]),
        "overtime": np.where(np.isnan(values["overtime_hours"]), np.where(per_worker, np.inf, 0.0), values["overtime_hours"]),
        "rate": rate,
        "outside": np.nan_to_num(values["outside_hours"]),
        "outside_rate": np.where(np.isnan(values["outside_rate"]), rate, values["outside_rate"]),
    }, notes


def exploded(own: Matrix, node_of: NDArray[np.int64], uses: pd.DataFrame, share: Matrix | float = 1.0, extra: Matrix | float = 0.0) -> Matrix:
    """Return what is needed of each node in all: its own need and what the operations that make or move others take of it.

    Parameters
    ----------
    own : ndarray (nodes,)
        Needed for itself.
    node_of : ndarray (operations,)
        Node that each operation gives.
    uses : DataFrame
        op, node, units_per.
    share : ndarray (operations,) or float
        Share of its node's need that each operation gives.
    extra : ndarray (operations,) or float
        Units that each operation may give beyond that.
    """
    op, node, per = uses["op"].to_numpy(), uses["node"].to_numpy(), uses["units_per"].to_numpy(dtype=float)
    need = own
    for _ in range(len(own)):
        deeper = own.copy()
        np.add.at(deeper, node, per * (share * need[node_of] + extra)[op])
        if np.allclose(deeper, need):
            break
        need = deeper
    return need


def spread_prices(ops: pd.DataFrame, uses: pd.DataFrame, wanted: Matrix, months: int) -> pd.Series:
    """Return what a unit of each operation costs the plan: its own cost, and the fixed cost of an order spread over the units that an order holds.

    An order holds at least its smallest lot, and, as there is at most one a month, at least a usual month's need of the item at its place. What is paid is
    charged by order all the same (see `supply_results.supply_plan`), and in exact plans the solver sees it so.

    Parameters
    ----------
    ops : DataFrame
        node, unit_cost, fixed_cost, lot_min, lot_multiple.
    uses : DataFrame
        op, node, units_per.
    wanted : ndarray (nodes,)
        Demand of all months at each node.
    months : int
        How many they are.
    """
    node = ops["node"].to_numpy()
    others = np.bincount(node, minlength=len(wanted))[node]
    need = exploded(wanted / max(months, 1), node, uses, 1 / others)[node] if (ops["fixed_cost"] > 0).any() else np.zeros(len(ops))
    order = np.fmax(ops[["lot_min", "lot_multiple"]].astype(float).max(axis=1), need)
    return ops["unit_cost"] + (ops["fixed_cost"] / order.where(order > 0)).fillna(0.0)


def path_costs(node_of: NDArray[np.int64], price: Matrix, uses: pd.DataFrame, known: Matrix) -> tuple[Matrix, NDArray[np.int64], Matrix]:
    """Return the cheapest cost of one unit at each node, the operation that gives it (-1 where none) and the cost of one unit by each operation.

    Costs are rolled up from bought items until nothing gets cheaper. What nothing makes or buys costs what is known of it, or zero.
    """
    nodes = len(known)
    sourced = np.zeros(nodes, dtype=bool)
    sourced[node_of] = True
    cost = np.where(sourced, np.inf, np.nan_to_num(known))
    best = np.full(nodes, -1)
    order = np.arange(len(price))
    op_cost = price.copy()
    for _ in range(nodes + 1):
        with np.errstate(invalid="ignore"):
            part = uses["units_per"].to_numpy() * cost[uses["node"].to_numpy()]
        op_cost = price + np.bincount(uses["op"], weights=part, minlength=len(price)) if len(uses) else price
        ranked = np.lexsort((order, op_cost, node_of))
        first = ranked[np.unique(node_of[ranked], return_index=True)[1]] if len(ranked) else ranked
        better = op_cost[first] < cost[node_of[first]] - 1e-9
        if not better.any():
            break
        cost[node_of[first[better]]] = op_cost[first[better]]
        best[node_of[first[better]]] = first[better]
    return np.where(np.isinf(cost), np.nan_to_num(known), cost), best, op_cost


def depths(nodes: int, best: NDArray[np.int64], uses: pd.DataFrame) -> NDArray[np.int64]:
    """Return how many steps each node lies away from what is sold, along the cheapest operations."""
    depth = np.zeros(nodes, dtype=np.int64)
    chosen = uses[np.isin(uses["op"], best[best >= 0])]
    out_of = np.full(int(uses["op"].max()) + 1 if len(uses) else 0, -1)
    for_op = np.flatnonzero(best >= 0)
    inside = best[for_op] < len(out_of)
    out_of[best[for_op][inside]] = for_op[inside]
    parent, child = out_of[chosen["op"].to_numpy()] if len(chosen) else np.array([], dtype=int), chosen["node"].to_numpy()
    for _ in range(nodes):
        deeper = depth.copy()
        np.maximum.at(deeper, child, depth[parent] + 1)
        if (deeper == depth).all():
            break
        depth = deeper
    return depth


def series_matrix(net: Network, frame: pd.DataFrame, column: str = "units") -> Matrix:
    """Return a column of a table by month, product and region as an array over the demand series of a network (rows) and its months."""
    wide = frame.pivot_table(index=["product", "region"], columns="month", values=column, aggfunc="sum")
    return wide.reindex(index=pd.MultiIndex.from_frame(net.series[["product", "region"]]), columns=net.months).fillna(0.0).to_numpy(dtype=float)
