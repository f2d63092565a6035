"""S&OP grids by family and location, actual beside plan, and what can be promised of stock and planned supply."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.supply_network import Matrix, latest_stock, production_due, serve_from
from sop_helpers.planning.supply_orders import promised, to_order

AT = ["item", "location"]
KEYS = ["month", "family", "location", "strategy"]
STOCK, ORDER = "make to stock", "make to order"
FLOWS = ["demand", "made", "supply", "shipped", "stock", "backlog"]
VALUES = [f"{name}_{kind}" for name in FLOWS for kind in ("plan", "actual")] + ["target_units", "atp_units"]
ORDERED = ["demand", "made", "supply", "shipped", "stock"]

# What a grid shows, in its order: column and the words for it.
ROWS: dict[str, list[tuple[str, str]]] = {
    STOCK: [
        ("demand_plan", "Forecast"), ("demand_actual", "Sales"),
        ("supply_plan", "Supply, plan"), ("supply_actual", "Supply, actual"),
        ("made_plan", "Made, plan"), ("made_actual", "Made, actual"),
        ("stock_plan", "Ending inventory, plan"), ("stock_actual", "Ending inventory, actual"),
        ("target_units", "Target"), ("cover_days", "Days of cover"), ("backlog_plan", "Backlog, plan"), ("atp_units", "Available to promise"),
    ],
    ORDER: [
        ("demand_plan", "Bookings, plan"), ("demand_actual", "Bookings, actual"),
        ("made_plan", "Made, plan"), ("made_actual", "Made, actual"),
        ("shipped_plan", "Shipments, plan"), ("shipped_actual", "Shipments, actual"),
        ("backlog_plan", "Backlog, plan"), ("backlog_actual", "Backlog, actual"), ("wait_days", "Days a new order waits"),
        ("atp_units", "Available to promise"),
    ],
}  # fmt: skip


def available_to_promise(supply: Matrix, committed: Matrix) -> Matrix:
    """Return what can be promised up to and in each period, by row.

    Supply of a period serves its own promises and later ones; what a later period lacks is kept back from earlier ones, so that no promise is
    broken. The differences along a row are the discrete available to promise of a master schedule.

    Parameters
    ----------
    supply : ndarray (n, t)
        What comes in, stock at the start in the first period.
    committed : ndarray (n, t)
        What is promised or used.

    References
    ----------
    APICS Dictionary, "discrete available-to-promise", "cumulative available-to-promise with look-ahead".
    """
    net = (supply - committed).cumsum(axis=1)
    return np.maximum(np.minimum.accumulate(net[:, ::-1], axis=1)[:, ::-1], 0.0)


def atp(projection: pd.DataFrame, served: pd.DataFrame, open_orders: pd.DataFrame, ship_from: pd.DataFrame) -> pd.DataFrame:
    """Return what can be promised by item, location and month, as the contract atp.

    Parameters
    ----------
    projection, served, open_orders : DataFrame
        As the contracts stock_projection, constrained_demand and open_orders.
    ship_from : DataFrame
        product, region, location, as `shipping_places` gives it; what is sold nowhere has no row.
    """
    months = pd.DatetimeIndex(sorted(projection["month"].unique()))
    sold = ship_from[["product", "location"]].drop_duplicates().set_axis(AT, axis=1).sort_values(AT)
    at = pd.MultiIndex.from_frame(sold)
    orders = open_orders.merge(ship_from, on=["product", "region"]).rename(columns={"product": "item"})
    orders = orders.assign(month=orders["due_month"].clip(lower=months[0]))
    shipped = served.merge(ship_from, on=["product", "region"]).rename(columns={"product": "item"})
    stock = projection.assign(incoming=projection["planned_receipts"] + projection["open_receipts"])
    incoming, opening, issues = (_matrix(stock, at, months, name) for name in ("incoming", "opening_units", "issues"))
    supply = incoming + np.where(np.arange(len(months)) == 0, opening[:, :1], 0.0)
    used = np.maximum(issues - _matrix(shipped, at, months, "shipped_units"), 0.0)
    used = np.where(used < 1e-6, 0.0, used)
    ordered = _matrix(orders, at, months, "units")
    promise = available_to_promise(supply, used + ordered)
    parts = {
        "supply_units": supply, "used_units": used, "ordered_units": ordered,
        "atp_units": np.diff(promise, axis=1, prepend=0.0), "cumulative_units": promise,
    }  # fmt: skip
    out = pd.DataFrame({"month": np.tile(months, len(at))} | {n: np.repeat(sold[n].to_numpy(), len(months)) for n in AT})
    return out.assign(**{name: matrix.reshape(-1) for name, matrix in parts.items()})


def months_around(month: pd.Timestamp, before: int, after: int) -> pd.DatetimeIndex:
    """Return the months from `before` months before a month to `after` months from it on, itself the first of these."""
    return pd.date_range(month - pd.DateOffset(months=before), periods=before + after, freq="MS", unit="us")


def scarce(
    promise: pd.DataFrame, served: pd.DataFrame, open_orders: pd.DataFrame, products: pd.DataFrame, ship_from: pd.DataFrame, months: pd.DatetimeIndex
) -> pd.DataFrame:
    """Return what can be promised of each item beside the demand still expected, scarcest first.

    Parameters
    ----------
    promise, served, open_orders, products : DataFrame
        As the contracts atp, constrained_demand, open_orders and products.
    ship_from : DataFrame
        product, region, location.
    months : DatetimeIndex
        Months looked at, the first ones of the plan.

    Returns
    -------
    DataFrame
        item, location, one column of atp_units per month, sum, expected (demand of these months less the orders that are part of it: not those overdue, nor
        those for what is made to order at a promised lead time, which were booked before), share (sum over expected). What nobody is expected to order any
        more is left out.
    """
    rows = promise[promise["month"].isin(months)]
    wide = rows.pivot(index=AT, columns="month", values="atp_units").set_axis([f"{m:%Y-%m}" for m in months], axis=1)
    wanted = served[served["month"].isin(months)].merge(ship_from, on=["product", "region"])
    demand = wanted.groupby(["product", "location"])["demand_units"].sum().rename_axis(AT)
    orders = open_orders[open_orders["due_month"].isin(months) & ~open_orders["product"].isin(promised(products).index)]
    orders = orders.merge(ship_from, on=["product", "region"])
    ordered = orders.groupby(["product", "location"])["units"].sum().rename_axis(AT).reindex(wide.index).fillna(0.0)
    out = wide.assign(sum=wide.sum(axis=1), expected=(demand.reindex(wide.index).fillna(0.0) - ordered).clip(lower=0.0))
    out = out[out["expected"] > 0.5].reset_index()
    return out.assign(share=out["sum"] / out["expected"]).sort_values(["share", *AT], kind="stable", ignore_index=True)


def shipping_places(sold: list[pd.DataFrame], regions: pd.DataFrame, inventory: pd.DataFrame, operations: pd.DataFrame) -> pd.DataFrame:
    """Return product, region and the location that ships them.

    Parameters
    ----------
    sold : list of DataFrame
        Tables with product and region, such as the demand plan, sales and open orders.
    regions, inventory, operations : DataFrame
        As the contracts.
    """
    once = pd.concat([frame[["product", "region"]] for frame in sold]).drop_duplicates().reset_index(drop=True)
    return once.assign(location=serve_from(once, regions, latest_stock(inventory)[0], operations))


def planned(
    demand: pd.DataFrame, projection: pd.DataFrame, orders: pd.DataFrame, shortages: pd.DataFrame, ship_from: pd.DataFrame, receipts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the plan by month, item and location: demand, made, shipped, supply, stock and target.

    Parameters
    ----------
    demand, projection, orders, shortages : DataFrame
        As the contracts demand_plan (or constrained_demand, whose shipments and backlog are then taken), stock_projection, supply_plan, shortages.
    ship_from : DataFrame
        product, region, location.
    receipts : DataFrame, optional
        As the contract; open production orders count as made, overdue ones in the first month. Without it, open receipts count as made where
        the plan makes the item.
    """
    first = projection["month"].min()
    wanted = demand.merge(ship_from, on=["product", "region"]).rename(columns={"product": "item"})
    if "shipped_units" in wanted:
        flows = wanted.rename(columns={"demand_units": "demand", "shipped_units": "shipped", "backlog_units": "backlog"})
    else:
        late = shortages[["product", "region", "month", "short_units"]].rename(columns={"product": "item"})
        flows = wanted.merge(late, on=["item", "region", "month"], how="left").rename(columns={"units": "demand"})
        flows = flows.assign(shipped=flows["demand"] - flows["short_units"].fillna(0.0), backlog=np.nan)
    made = orders.loc[orders["kind"] == "make", ["month", *AT, "units"]]
    if receipts is None:
        open_ones = projection.loc[pd.MultiIndex.from_frame(projection[AT]).isin(pd.MultiIndex.from_frame(made[AT]))]
        due = open_ones.assign(units=open_ones["open_receipts"])
    else:
        due = production_due(receipts, first)
    made = pd.concat([made, due[["month", *AT, "units"]]]) if len(due) else made
    stock = projection.rename(columns={"closing_units": "stock"}).assign(grown=projection["closing_units"] - projection["opening_units"])
    at = ["month", *AT]
    parts = [
        flows.groupby(at)[["demand", "shipped", "backlog"]].sum(min_count=1),
        stock.groupby(at)[["stock", "grown", "issues", "target_units"]].sum(),
        made.groupby(at)["units"].sum().rename("made"),
    ]
    out = pd.concat(parts, axis=1).reset_index()
    makes = pd.MultiIndex.from_frame(out[AT]).isin(pd.MultiIndex.from_frame(made[AT]))
    out["made"] = out["made"].where(out["made"].notna() | ~makes, 0.0)
    out["supply"] = out["grown"] + out["shipped"].fillna(0.0)
    return out.drop(columns=["grown", "issues"] if "shipped_units" in wanted else "grown")


def happened(
    sales: pd.DataFrame, inventory: pd.DataFrame, production: pd.DataFrame, open_orders: pd.DataFrame, ship_from: pd.DataFrame, months: pd.DatetimeIndex
) -> pd.DataFrame:
    """Return what came by month, item and location: demand, made, supply, stock and, at the end, backlog.

    Supply is what the stock grew by plus what was sold, so it is known where the stock before is; `grown` is the first part of it.

    Parameters
    ----------
    sales, inventory, production, open_orders : DataFrame
        As the contracts.
    ship_from : DataFrame
        product, region, location.
    months : DatetimeIndex
        Past months wanted, without gaps.
    """
    at = ["month", *AT]
    sold = sales[sales["month"].isin(months)].merge(ship_from, on=["product", "region"]).rename(columns={"product": "item", "units": "demand"})
    counted = inventory.groupby(at)["on_hand"].sum().unstack("month")
    # What a count leaves out is none there; a place that was not counted in a month says nothing of it.
    places = counted.notna().groupby(level="location").transform("any")
    counted = counted.mask(counted.isna() & places, 0.0)
    held = counted.reindex(columns=months)
    before = counted.reindex(columns=months - pd.DateOffset(months=1)).set_axis(months, axis=1)
    stock = pd.concat({"stock": held.rename_axis("month", axis=1).stack(), "grown": (held - before).rename_axis("month", axis=1).stack()}, axis=1)
    made = production[production["month"].isin(months)].groupby(at)["made_units"].sum().rename("made")
    owed = open_orders.merge(ship_from, on=["product", "region"]).rename(columns={"product": "item"}).assign(month=months[-1])
    backlog = pd.concat({"owed": owed.groupby(at)["units"].sum(), "overdue": owed[owed["due_month"] <= months[-1]].groupby(at)["units"].sum()}, axis=1)
    parts = [sold.groupby(at)["demand"].sum(), stock.reorder_levels(at), made, backlog]
    out = pd.concat(parts, axis=1).reset_index()
    out["supply"] = out["grown"] + out["demand"].fillna(0.0)
    return out


def sop_grid(
    products: pd.DataFrame, past: Mapping[pd.Timestamp, pd.DataFrame], ahead: pd.DataFrame, actual: pd.DataFrame, promise: pd.DataFrame
) -> pd.DataFrame:
    """Return actual beside plan by family and location, as the contract sop_grid.

    Parameters
    ----------
    products : DataFrame
        product, family; made_to where the company tells it. A family that has both kinds gets a grid of each.
    past : mapping of month to DataFrame
        For each past month, the plan made in it, as `planned` gives it; only its own month counts.
    ahead : DataFrame
        This month's plan, as `planned` gives it.
    actual : DataFrame
        As `happened` gives it.
    promise : DataFrame
        As the contract atp.
    """
    own = [frame[frame["month"] == month] for month, frame in past.items()]
    plan = pd.concat([*own, ahead], ignore_index=True).rename(columns={n: f"{n}_plan" for n in FLOWS})
    came = actual.rename(columns={n: f"{n}_actual" for n in FLOWS})
    rows = pd.concat([plan, came, promise[["month", *AT, "atp_units"]]], ignore_index=True)
    family = products.drop_duplicates("product").set_index("product")["family"]
    rows = rows[rows["item"].isin(family.index)]
    rows = rows.assign(family=rows["item"].map(family), strategy=np.where(rows["item"].isin(to_order(products)), ORDER, STOCK))
    names = [f"{name}_{kind}" for name in ORDERED for kind in ("plan", "actual")]
    columns = [*KEYS, *names, "target_units", "cover_days", "backlog_plan", "backlog_actual", "wait_days", "atp_units"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    rows = rows.reindex(columns=[*KEYS, *VALUES, "issues", "grown", "owed", "overdue"])
    out = rows.groupby(KEYS, as_index=False).sum(min_count=1).sort_values(["family", "location", "strategy", "month"], ignore_index=True)
    ordered = out["strategy"] == ORDER
    out["backlog_actual"] = out["owed"].where(ordered, out["overdue"])
    out["shipped_actual"] = (out["made_actual"] - out["grown"]).where(ordered)
    # What was booked in a past month was not shipped in it: the plan of then shipped what it took from stock.
    out["shipped_plan"] = out["issues"].where(ordered & out["issues"].notna(), out["shipped_plan"])
    out["supply_actual"] = out["made_actual"].where(ordered, out["supply_actual"])
    out = out.assign(backlog_actual=_rolled_back(out), cover_days=cover_days(out))
    return out.assign(wait_days=wait_days(out))[columns]


def _rolled_back(grid: pd.DataFrame) -> pd.Series:
    """Backlog of past months of what is made to order: that of the month after, less its bookings, plus its shipments, as far as these are known."""
    out = grid["backlog_actual"].copy()
    for _, rows in grid[grid["strategy"] == ORDER].groupby(KEYS[1:]):
        flow = (rows["shipped_actual"] - rows["demand_actual"])[::-1]
        last = rows["backlog_actual"].last_valid_index()
        if last is not None:
            known = flow.loc[last:].cumsum(skipna=False).shift(1, fill_value=0.0) + rows.loc[last, "backlog_actual"]
            out.loc[known.index] = known
    return out


def cover_days(grid: pd.DataFrame) -> pd.Series:
    """Return how many days of the demand that follows each month's stock lasts; blank where it outlasts the known demand.

    Actual stock and demand count where they are known, else the plan's.

    Parameters
    ----------
    grid : DataFrame
        month, family, location, strategy, stock_plan, stock_actual, demand_plan, demand_actual.
    """
    return _lasts(grid, grid["stock_actual"].fillna(grid["stock_plan"]), grid["demand_actual"].fillna(grid["demand_plan"]))


def wait_days(grid: pd.DataFrame) -> pd.Series:
    """Return how long a new order of what is made to order waits: days in which the shipments that follow each month's end work its backlog off.

    Actual backlog and shipments count where they are known, else the plan's; blank where the backlog outlasts the plan, and for what is made to stock.
    """
    days = _lasts(grid, grid["backlog_actual"].fillna(grid["backlog_plan"]), grid["shipped_actual"].fillna(grid["shipped_plan"]))
    return days.where(grid["strategy"] == ORDER)


def _lasts(grid: pd.DataFrame, stock: pd.Series, demand: pd.Series) -> pd.Series:
    """Return the days of the demand that follows each month's end for which its stock lasts, by family, location and strategy."""
    keys, months = KEYS[1:], "month"
    best = grid.assign(stock=stock, demand=demand.fillna(0.0))
    stock, demand = (best.pivot(index=keys, columns=months, values=n).to_numpy(dtype=float) for n in ("stock", "demand"))
    count = stock.shape[1]
    total = np.concatenate([np.zeros((len(stock), 1)), np.nan_to_num(demand).cumsum(axis=1)], axis=1)
    # The level of cumulative demand at which the stock is used up, and the month in which that level is reached.
    level = np.maximum(stock, 0.0)[:, :, None] + total[:, 1:, None]
    reached = (total[:, None, :] <= level + 1e-9).sum(axis=2)
    lasts = np.isnan(stock) | (reached > count)
    at = np.minimum(reached, count)
    row = np.arange(len(stock))[:, None]
    step = total[row, at] - total[row, at - 1]
    part = np.divide(level[:, :, 0] - total[row, at - 1], step, out=np.zeros_like(step), where=step > 1e-9)
    days = np.where(lasts, np.nan, (at - 1 + part - np.arange(1, count + 1)) * DAYS_PER_MONTH)
    place = best.pivot(index=keys, columns=months, values="stock")
    long = pd.Series(np.maximum(days, 0.0).reshape(-1), index=pd.MultiIndex.from_product([range(len(place)), place.columns]))
    at_row = place.index.get_indexer(pd.MultiIndex.from_frame(grid[keys]))
    return long.reindex(pd.MultiIndex.from_arrays([at_row, grid["month"]])).set_axis(grid.index)


def all_locations(grid: pd.DataFrame) -> pd.DataFrame:
    """Add the locations of each family up; days of cover are found anew, since they do not add up."""
    keys = ["month", "family", "strategy"]
    numbers = [c for c in grid.columns if c not in KEYS]
    out = grid.groupby(keys, as_index=False)[numbers].sum(min_count=1).assign(location="all")[list(grid.columns)]
    out = out.sort_values(["family", "strategy", "month"], ignore_index=True)
    return out.assign(cover_days=cover_days(out), wait_days=wait_days(out)) if len(out) else out


def grid_table(grid: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one grid with its months across: what is measured, then one column per month; rows without any number are left out, and so is
    the backlog of what is made to stock where there is none.

    Parameters
    ----------
    grid : DataFrame
        Rows of one family, location and strategy, as the contract sop_grid.
    months : DatetimeIndex
        Months to show.
    """
    strategy = grid["strategy"].iloc[0]
    words = dict(ROWS[strategy])
    wide = grid.set_index("month").reindex(months)[list(words)].T
    if strategy == STOCK and not (wide.loc["backlog_plan"] > 0.5).any():
        wide = wide.drop(index="backlog_plan")
    wide = wide.dropna(how="all").rename(index=words).set_axis([f"{m:%Y-%m}" for m in months], axis=1)
    return wide.rename_axis("units").reset_index()


def largest_families(grid: pd.DataFrame, products: pd.DataFrame, most: int) -> list[str]:
    """Return the families whose planned demand is worth most, at the mean selling price of their products; of what is made to order the largest is there."""
    price = products.groupby("family")["unit_price"].mean()
    worth = grid.groupby("family")["demand_plan"].sum() * price
    order = worth.dropna().sort_values(ascending=False, kind="stable").index
    first, waits = order[:most].tolist(), set(grid.loc[grid["strategy"] == ORDER, "family"])
    made = [family for family in order if family in waits]
    return first if waits & set(first) or not made else [*first[: most - 1], made[0]] if most > 1 else first


def _matrix(frame: pd.DataFrame, at: pd.MultiIndex, months: pd.DatetimeIndex, column: str) -> Matrix:
    """Add a column up by item, location and month; what is elsewhere or later is left out."""
    row = at.get_indexer(pd.MultiIndex.from_frame(frame[AT]))
    col = months.get_indexer(frame["month"])
    out, inside = np.zeros((len(at), len(months))), (row >= 0) & (col >= 0)
    np.add.at(out, (row[inside], col[inside]), frame[column].to_numpy(dtype=float)[inside])
    return out
