"""Lay the tables of a month out as the network that the plan is made on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import among, whole_months
from sop_helpers.planning.supply_calendar import frozen_by_kind, most_arriving
from sop_helpers.planning.supply_lanes import Lanes, lane_rows
from sop_helpers.planning.supply_limits import Limits, change_prices, last_arrivals, location_rows, supplier_rows
from sop_helpers.planning.supply_network import (
    NO_OPERATIONS,
    UNLIMITED,
    Matrix,
    Network,
    by_month,
    capacity,
    check_bills,
    check_numbers,
    good_share,
    latest_stock,
    month_number,
    path_costs,
    serve_from,
    some,
    spread_prices,
)
from sop_helpers.planning.supply_orders import late_shares, promised, promises, to_order
from sop_helpers.planning.supply_workers import STRATEGIES, crews, labour_of_hour
from sop_helpers.planning.wording import counted

LEAST_GOODWILL = 0.1  # share of the price that a lost sale costs at least, where the margin is thin or none


def build_network(
    demand: pd.DataFrame,
    inventory: pd.DataFrame,
    operations: pd.DataFrame,
    components: pd.DataFrame,
    loads: pd.DataFrame,
    resources: pd.DataFrame,
    receipts: pd.DataFrame,
    open_orders: pd.DataFrame,
    regions: pd.DataFrame,
    targets: pd.DataFrame,
    products: pd.DataFrame,
    months: pd.DatetimeIndex,
    *,
    stock_policies: pd.DataFrame | None = None,
    frozen_months: int = 1,
    holding_rate: float = 0.2,
    backorder_rate: float = 0.05,
    lost_sale_rate: float = 1.0,
    patience_months: int = 3,
    below_target_rate: float = 0.02,
    overtime_rate: float = 30.0,
    strategy: str = "optimal",
    whole_workers: bool = False,
    objective: str = "cost",
    change_rate: float = 0.0,
    change_months: int = 3,
    last_plan: pd.DataFrame | None = None,
    supplier_limits: pd.DataFrame | None = None,
    location_limits: pd.DataFrame | None = None,
    lane_limits: pd.DataFrame | None = None,
    item_measures: pd.DataFrame | None = None,
) -> Network:
    """Return the network of a month.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units (the consensus).
    inventory, operations, components, loads, resources, receipts, open_orders, regions, products : DataFrame
        As the contracts; all but products may be empty.
    targets : DataFrame
        month, item, location, target_units; may be empty.
    months : DatetimeIndex
        Months planned, the first is the current one.
    stock_policies : DataFrame, optional
        As the contract; gives holding rates and maxima.
    frozen_months : int
        First months in which no release can be changed.
    holding_rate : float
        Cost of a year in stock, share of value.
    backorder_rate : float
        Cost of a month late, share of the selling price.
    lost_sale_rate : float
        Goodwill lost with a sale, beside the sale itself: share of its margin, or of a tenth of its price where that is more.
    patience_months : int
        Months that customers wait.
    below_target_rate : float
        Cost of a month below target beside the holding cost that it saves, share of value.
    overtime_rate : float
        Price of an overtime hour where the resource states none.
    strategy : str
        optimal, level, chase or hybrid: see `supply_workers`.
    whole_workers : bool
        Count people in whole numbers.
    objective : str
        cost serves what was agreed at least cost; profit serves only what earns more than it costs.
    change_rate : float
        Price of changing last month's plan in its near months: share of the value of a unit more or less.
    change_months : int
        Months of release that count as near.
    last_plan : DataFrame, optional
        The supply_plan of the month before.
    supplier_limits, location_limits, lane_limits, item_measures : DataFrame, optional
        As the contracts.

    Raises
    ------
    ValueError
        A number cannot be planned with, a move leaves nowhere, a bill of material has a cycle, or a load names an unknown resource.
    """
    optional = {"supplier_limits": supplier_limits, "location_limits": location_limits, "lane_limits": lane_limits, "item_measures": item_measures,
                "stock_policies": stock_policies}  # fmt: skip
    check_numbers({
        "demand": demand, "operations": operations, "components": components, "loads": loads, "resources": resources, "receipts": receipts,
        "open_orders": open_orders, "targets": targets, "products": products, **{n: f for n, f in optional.items() if f is not None},
    })  # fmt: skip
    months = pd.DatetimeIndex(months)
    if objective not in ("cost", "profit"):
        raise ValueError(f"objective {objective!r} is unknown; expected cost or profit")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is unknown; expected one of {', '.join(STRATEGIES)}")
    check_bills(operations, components)
    notes: list[str] = []
    stock, said = latest_stock(inventory)
    notes += said
    overdue = open_orders[(open_orders["due_month"] < months[0]) & among(open_orders["product"], products["product"])]
    ahead = open_orders[among(open_orders["product"], promised(products).index)]
    series = pd.concat([f[["product", "region"]] for f in (demand, overdue, ahead)]).drop_duplicates().sort_values(["product", "region"], ignore_index=True)
    series["location"] = serve_from(series, regions, stock, operations)
    if operations.empty:
        notes.append(NO_OPERATIONS)
        operations = _unlimited(series, products)
        frozen_months = 0

    components = components[among(components["operation"], operations.loc[operations["kind"] == "make", "operation"])]
    ops = operations.sort_values("operation", ignore_index=True)
    used = components.merge(ops[["operation", "location"]], on="operation")
    moved = ops.loc[ops["kind"] == "move", ["operation", "item", "from_location"]].rename(columns={"from_location": "location"}).assign(units_per=1.0)
    inputs = pd.concat([used[["operation", "item", "location", "units_per"]], moved], ignore_index=True)
    nodes = _nodes(series, ops, inputs, stock, receipts)
    at = pd.MultiIndex.from_frame(nodes[["item", "location"]])

    ops["node"] = at.get_indexer(pd.MultiIndex.from_frame(ops[["item", "location"]]))
    ops["lead"] = whole_months(ops["lead_time_months"])
    ops["unlimited"] = ops["operation"].str.startswith(UNLIMITED)
    place = pd.Index(ops["operation"])
    uses = pd.DataFrame(
        {
            "op": place.get_indexer(inputs["operation"]),
            "node": at.get_indexer(pd.MultiIndex.from_frame(inputs[["item", "location"]])),
            "units_per": inputs["units_per"].to_numpy(dtype=float),
        }
    )
    good = good_share(ops)
    uses["units_per"] /= good[uses["op"].to_numpy()]
    ops["fixed_cost"] = ops["fixed_cost"].astype(float).fillna(0.0)
    sold = demand.merge(series, on=["product", "region"]).rename(columns={"product": "item"})
    ops["price"] = spread_prices(ops, uses, _by_node(sold, at, "units"), len(months))
    hours, names = _hours(loads, ops)
    hours["hours_per_unit"] /= good[hours["op"].to_numpy()]
    stated = by_month(resources, names, months)
    can, said = capacity(stated, names, overtime_rate)
    notes += said
    people, said = crews(stated, names, whole_workers)
    notes += said
    regular, overtime, rate = can["regular"], can["overtime"], can["rate"]

    opening = _by_node(stock, at, "on_hand")
    receipts = receipts[among(receipts["item"], nodes["item"])]
    arriving, said = receipts_by_month(receipts, at, months)
    notes += said
    ops["frozen"], said = frozen_by_kind(ops, receipts, frozen_months)
    notes += said
    upper = most_arriving(ops, months)

    unit_cost = products.set_index("product")["unit_cost"]
    on_hand = stock["on_hand"].where(stock["on_hand"] > 0)
    booked = (stock["value"].astype(float) / on_hand).groupby(stock["item"]).mean() if "value" in stock and len(stock) else pd.Series(dtype=float)
    known = nodes["item"].map(unit_cost).astype(float).fillna(nodes["item"].map(booked).astype(float)).to_numpy()
    # People who are planned are paid beside the operation, so their time belongs to what a unit costs.
    labour = np.bincount(hours["op"], weights=hours["hours_per_unit"] * labour_of_hour(stated)[hours["resource"].to_numpy()], minlength=len(ops))
    path, best, _ = path_costs(ops["node"].to_numpy(), ops["price"].to_numpy(dtype=float) + labour, uses, known)
    nodes["value"] = np.where(np.isnan(known), path, known)
    nodes["path_cost"] = path
    rates = pd.DataFrame(np.nan, index=nodes.index, columns=["holding_rate", "holding_cost", "max_units"])
    if stock_policies is not None and len(stock_policies):
        own = stock_policies.set_index(["item", "location"]).reindex(columns=rates.columns)
        rates = own.reindex(at).reset_index(drop=True).astype(float)
    nodes["holding"] = rates["holding_cost"].fillna(nodes["value"] * rates["holding_rate"].fillna(holding_rate) / 12)
    # What is missing from a target saves its holding cost, so its price has to exceed that.
    nodes["below"] = nodes["value"] * below_target_rate + nodes["holding"]
    waits = among(nodes["item"], to_order(products))
    nodes["max_units"] = rates["max_units"].mask(waits, 0.0)
    # What is made to order rather waits than lies in stock, so a unit built ahead costs what the unit itself does.
    nodes["above"] = nodes["below"] + np.where(waits, np.maximum(nodes["value"], nodes["path_cost"]), 0.0)

    series, owed = _series(series, products, regions, overdue, at, nodes, lost_sale_rate, backorder_rate, objective == "profit")
    keys = pd.MultiIndex.from_frame(series[["product", "region"]])
    wanted = _matrix(demand, keys, ["product", "region"], months, "units")
    prices = np.repeat(series["price"].to_numpy(dtype=float)[:, None], len(months), axis=1)
    if "revenue" in demand:
        # The demand plan may know prices by month; a month without demand keeps the list price.
        earned = _matrix(demand, keys, ["product", "region"], months, "revenue")
        prices = np.divide(earned, wanted, out=prices, where=wanted > 1e-9)
    booked, told = wanted, promises(series, open_orders, products, months)
    if told is not None:
        wanted = told.due(booked)
    if owed > 0:
        notes.append(f"{counted(f'{owed:,.0f}', 'units are', 'unit is')} owed from the start: open orders past their month.")
    sellable = np.unique(series["node"])
    bare = nodes.iloc[sellable].loc[~np.isin(sellable, ops["node"]), "node"]
    if len(bare):
        notes.append(f"Nothing makes, buys or moves {some(bare)}; only stock and open receipts serve them.")
    blocked = nodes.iloc[np.unique(uses["node"])].loc[lambda f: ~f.index.isin(ops["node"]), "node"] if len(uses) else pd.Series(dtype="str")
    if len(blocked):
        notes.append(f"Nothing supplies {some(blocked)}; what needs them is made only as long as stock lasts.")
    far = ops.loc[(upper <= 0).all(axis=1), "operation"]
    if len(far):
        notes.append(f"{some(far)} cannot arrive within the horizon: lead time, frozen months or first and last month leave no month.")
    target = np.where(waits.to_numpy()[:, None], 0.0, _matrix(targets, at, ["item", "location"], months, "target_units"))
    committed = _committed(receipts, ops, best, at, hours, len(names), months)
    over = committed > regular + overtime + 1e-6
    if over.any():
        notes.append(f"Open production orders alone take more than all hours of {some([names[r] for r in np.flatnonzero(over.any(axis=1))])} in some months.")
    lanes, said = lane_rows(lane_limits, item_measures, ops, receipts, months)
    notes += said
    limits = _limits(products, nodes, ops, receipts, months, supplier_limits, location_limits, last_plan, change_rate, change_months, lanes)
    return Network(
        months, nodes, opening, arriving, target, series, wanted, prices, ops, upper, uses, hours, names, regular, overtime, rate, committed,
        patience_months, notes, can["outside"], can["outside_rate"], people, limits, strategy, told, booked,
    )  # fmt: skip


def _limits(
    products: pd.DataFrame,
    nodes: pd.DataFrame,
    ops: pd.DataFrame,
    receipts: pd.DataFrame,
    months: pd.DatetimeIndex,
    supplier_limits: pd.DataFrame | None,
    location_limits: pd.DataFrame | None,
    last_plan: pd.DataFrame | None,
    change_rate: float,
    change_months: int,
    lanes: Lanes | None,
) -> Limits:
    suppliers, supplied = supplier_rows(supplier_limits, ops, receipts, months)
    locations, space, over_price = location_rows(location_limits, nodes, months)
    life = products.set_index("product")["shelf_life_months"] if "shelf_life_months" in products else pd.Series(dtype=float)
    keeps = nodes["item"].map(life).astype(float).to_numpy()
    shelf = np.where(np.isnan(keeps), 0, np.maximum(np.floor(np.nan_to_num(keeps)), 1)).astype(np.int64)
    last = last_arrivals(last_plan, ops, months)
    worth = np.maximum(nodes["value"], nodes["path_cost"]).to_numpy(dtype=float)[ops["node"].to_numpy()]
    return Limits(suppliers, supplied, locations, space, over_price, shelf, last, change_prices(worth, ops, last, change_rate, change_months), lanes)


def _unlimited(series: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """One operation without limits for each product and location that sells."""
    sold = series[["product", "location"]].drop_duplicates().rename(columns={"product": "item"})
    cost = sold["item"].map(products.set_index("product")["unit_cost"]).astype(float).fillna(0.0)
    blank = {c: np.nan for c in ("lot_min", "lot_multiple", "max_units", "fixed_cost")}
    never = pd.Series(pd.NaT, index=sold.index, dtype="datetime64[us]")
    return sold.assign(
        operation=UNLIMITED + sold["item"] + " @ " + sold["location"],
        kind="buy",
        from_location=None,
        supplier=None,
        lead_time_months=0.0,
        unit_cost=cost,
        first_month=never,
        last_month=never,
        **blank,
    )


def _nodes(series: pd.DataFrame, ops: pd.DataFrame, inputs: pd.DataFrame, stock: pd.DataFrame, receipts: pd.DataFrame) -> pd.DataFrame:
    sold = series[["product", "location"]].rename(columns={"product": "item"})
    planned = pd.concat([sold, ops[["item", "location"]], inputs[["item", "location"]]])
    held = pd.concat([stock[["item", "location"]], receipts[["item", "location"]]])
    every = pd.concat([planned, held[among(held["item"], planned["item"])]]).drop_duplicates().sort_values(["item", "location"], ignore_index=True)
    every.insert(0, "node", every["item"] + " @ " + every["location"])
    return every


def _by_node(frame: pd.DataFrame, at: pd.MultiIndex, column: str) -> Matrix:
    row = at.get_indexer(pd.MultiIndex.from_frame(frame[["item", "location"]]))
    known = row >= 0
    return np.bincount(row[known], weights=frame[column].to_numpy(dtype=float)[known], minlength=len(at)).astype(float)


def _matrix(frame: pd.DataFrame, keys: pd.MultiIndex, names: list[str], months: pd.DatetimeIndex, column: str) -> Matrix:
    out = np.zeros((len(keys), len(months)))
    row, col = keys.get_indexer(pd.MultiIndex.from_frame(frame[names])), month_number(frame["month"], months[0])
    known = (row >= 0) & (col >= 0) & (col < len(months))
    np.add.at(out, (row[known], col[known]), frame[column].to_numpy(dtype=float)[known])
    return out


def receipts_by_month(receipts: pd.DataFrame, at: pd.MultiIndex, months: pd.DatetimeIndex) -> tuple[Matrix, list[str]]:
    """Return open receipts by node and month, overdue ones in the first, and what to say about those."""
    out = np.zeros((len(at), len(months)))
    row = at.get_indexer(pd.MultiIndex.from_frame(receipts[["item", "location"]]))
    due = month_number(receipts["due_month"], months[0])
    for k, share in enumerate(late_shares(receipts.get("months_late"), len(receipts))):
        comes = np.maximum(due, 0) + k
        known = (row >= 0) & (comes < len(months))
        np.add.at(out, (row[known], comes[known]), (receipts["units"].to_numpy(dtype=float) * share)[known])
    late = (due < 0) & (receipts["units"].to_numpy(dtype=float) > 0)
    many = f"{int(late.sum())} open receipts are overdue and are" if late.sum() > 1 else "1 open receipt is overdue and is"
    return out, [f"{many} taken to arrive in {months[0]:%Y-%m}."] if late.any() else []


def _hours(loads: pd.DataFrame, ops: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    loads = loads[among(loads["operation"], ops["operation"])]
    names = sorted(loads["resource"].unique())
    hours = pd.DataFrame(
        {
            "op": pd.Index(ops["operation"]).get_indexer(loads["operation"]),
            "resource": pd.Index(names).get_indexer(loads["resource"]),
            "hours_per_unit": loads["hours_per_unit"].to_numpy(dtype=float),
        }
    )
    return hours, names


def _committed(
    receipts: pd.DataFrame, ops: pd.DataFrame, best: np.ndarray, at: pd.MultiIndex, hours: pd.DataFrame, count: int, months: pd.DatetimeIndex
) -> Matrix:
    """Hours of open production orders in their month of release; work released before the plan is taken as done, components as issued."""
    out = np.zeros((count, len(months)))
    made = receipts[receipts["kind"] == "production"]
    node = at.get_indexer(pd.MultiIndex.from_frame(made[["item", "location"]]))
    cheapest = np.where(node >= 0, best[node], -1) if len(made) else np.array([], dtype=int)
    is_make = (ops["kind"] == "make").to_numpy()
    makes = ops[is_make].drop_duplicates("node").set_index("node").index
    fallback = pd.Series(np.flatnonzero(is_make & ~ops["node"].where(is_make, -1).duplicated().to_numpy()), index=makes)
    op = (
        np.where((cheapest >= 0) & is_make[np.maximum(cheapest, 0)], cheapest, pd.Series(node).map(fallback).fillna(-1).to_numpy()).astype(int)
        if len(made)
        else cheapest
    )
    work = pd.DataFrame({"op": op, "due": np.maximum(month_number(made["due_month"], months[0]), 0), "units": made["units"].to_numpy(dtype=float)})
    work = work[work["op"] >= 0].merge(hours, on="op")
    release = work["due"].to_numpy() - ops["lead"].to_numpy()[work["op"].to_numpy()]
    inside = (release >= 0) & (release < len(months))
    spent = (work["units"] * work["hours_per_unit"]).to_numpy()
    np.add.at(out, (work["resource"].to_numpy()[inside], release[inside]), spent[inside])
    return out


def _series(
    series: pd.DataFrame,
    products: pd.DataFrame,
    regions: pd.DataFrame,
    overdue: pd.DataFrame,
    at: pd.MultiIndex,
    nodes: pd.DataFrame,
    lost_rate: float,
    late_rate: float,
    profit: bool,
) -> tuple[pd.DataFrame, float]:
    prices = products.set_index("product")
    out = series.assign(node=at.get_indexer(pd.MultiIndex.from_frame(series[["product", "location"]])))
    out["price"] = out["product"].map(prices["unit_price"]).astype(float).fillna(0.0)
    margin = (out["price"] - out["product"].map(prices["unit_cost"]).astype(float).fillna(0.0)).clip(lower=0.0)
    weight = out["region"].map(regions.set_index("region")["priority"]).astype(float).fillna(1.0) if len(regions) else 1.0
    path = nodes["path_cost"].to_numpy()[out["node"].to_numpy()]
    # A lost unit costs what making it would have cost and its goodwill besides: a plan serves what was agreed, also where the margin is thin or none.
    goodwill = weight * lost_rate * np.maximum(margin, LEAST_GOODWILL * out["price"])
    out["lost"] = np.maximum(np.maximum(out["price"], path) * 1.001 + goodwill, 0.01)
    if profit:
        # Only what it would have earned is lost, so that nothing is made that earns less than it costs.
        out["lost"] = np.maximum(out["price"], 0.01)
    stated = out["product"].map(prices["backorder_cost"]).astype(float) if "backorder_cost" in prices else pd.Series(np.nan, index=out.index)
    out["late"] = np.maximum(weight * stated.fillna(late_rate * out["price"]), 0.001)
    owed = overdue.groupby(["product", "region"])["units"].sum() if len(overdue) else pd.Series(dtype=float)
    out["backlog"] = owed.reindex(pd.MultiIndex.from_frame(out[["product", "region"]])).fillna(0.0).to_numpy() if len(owed) else 0.0
    return out, float(out["backlog"].sum())
