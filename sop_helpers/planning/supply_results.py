"""From the solved plan to the tables that planners read: orders, stock, demand served, load, purchases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.supply_lanes import KEYS
from sop_helpers.planning.supply_network import NOT_NAMED, Matrix, Network, depths, path_costs
from sop_helpers.planning.supply_orders import late_shares
from sop_helpers.planning.supply_solver import Price


def long(values: dict[str, Matrix], rows: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return matrices that share their rows as one table: month, the rows' columns, one column per matrix."""
    count, periods = len(rows), len(months)
    out = rows.iloc[np.repeat(np.arange(count), periods)].reset_index(drop=True)
    out.insert(0, "month", np.tile(months.to_numpy().astype("datetime64[us]"), count))
    return out.assign(**{name: np.asarray(matrix, dtype=float).reshape(-1) for name, matrix in values.items()})


def clean(values: dict[str, Matrix], net: Network) -> dict[str, Matrix]:
    """Take the solver's last digits away and derive stock and backlog from the flows, so that every identity holds exactly."""
    arrive = np.where(values["arrive"] < 1e-6, 0.0, np.minimum(values["arrive"], net.upper))
    near = np.round(arrive)
    arrive = np.where(np.abs(arrive - near) < 1e-6, near, arrive)
    ship, lost = (np.where(values[n] < 1e-6, 0.0, values[n]) for n in ("ship", "lost"))
    wanted = net.demand.copy()
    wanted[:, 0] += net.series["backlog"].to_numpy()
    owed = (wanted - ship - lost).cumsum(axis=1)
    # The rest of what the solver's tolerance leaves owed or served too much is put on what was shipped.
    owed = np.where(np.abs(owed) < 1e-5, 0.0, np.maximum(owed, 0.0))
    before = np.concatenate([np.zeros((len(owed), 1)), owed[:, :-1]], axis=1)
    ship = np.maximum(before + wanted - lost - owed, 0.0)
    lost = np.maximum(before + wanted - ship - owed, 0.0)
    used = (
        released(net, arrive, net.uses["op"].to_numpy(), net.uses["units_per"].to_numpy(), net.uses["node"].to_numpy(), len(net.nodes))
        if len(net.uses)
        else 0.0
    )
    shipped = scatter(ship, net.series["node"].to_numpy(), len(net.nodes))
    planned = scatter(landed(net, arrive), net.operations["node"].to_numpy(), len(net.nodes))
    scrap = np.zeros_like(net.receipts)
    if "scrap" in values:
        scrap = scatter(np.where(values["scrap"] < 1e-6, 0.0, values["scrap"]), np.flatnonzero(net.limits.shelf > 0), len(net.nodes))
    issues = shipped + used + scrap
    closing = net.opening[:, None] + (planned + net.receipts - issues).cumsum(axis=1)
    closing = np.where(np.abs(closing) < 1e-7, 0.0, closing)
    return {"arrive": arrive, "ship": ship, "lost": lost, "owed": owed, "planned": planned, "issues": issues, "closing": closing, "scrap": scrap}


def scatter(values: Matrix, where: np.ndarray, count: int) -> Matrix:
    """Add rows of a matrix up by the place they belong to."""
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, where, values)
    return out


def landed(net: Network, arrive: Matrix) -> Matrix:
    """Return units by the month in which they come instead of that for which they are promised; the two differ only in stress tests."""
    out = np.zeros_like(arrive)
    for k, share in enumerate(late_shares(net.operations.get("months_late"), len(arrive))):
        out[:, k:] += arrive[:, : arrive.shape[1] - k] * share[:, None]
    return out


def at_release(net: Network, arrive: Matrix) -> Matrix:
    """Return units by month of release instead of arrival."""
    out, lead = np.zeros_like(arrive), net.operations["lead"].to_numpy()
    for months in np.unique(lead[lead < arrive.shape[1]]):
        rows = lead == months
        out[rows, : arrive.shape[1] - months] = arrive[rows, months:]
    return out


def released(net: Network, arrive: Matrix, op: np.ndarray, factor: np.ndarray, where: np.ndarray, count: int) -> Matrix:
    """Add up what is released, times a factor, by where it is taken."""
    return scatter(at_release(net, arrive)[op] * factor[:, None], where, count)


def supply_plan(net: Network, arrive: Matrix) -> pd.DataFrame:
    """Return the planned orders, as the contract supply_plan."""
    op, t = np.nonzero(arrive > 0)
    rows = net.operations.iloc[op].reset_index(drop=True)
    units = arrive[op, t]
    first = pd.PeriodIndex(net.months, freq="M")
    release = (first[t] - rows["lead"].to_numpy()).to_timestamp() if len(rows) else pd.DatetimeIndex([])
    return pd.DataFrame(
        {
            "operation": rows["operation"],
            "kind": rows["kind"],
            "item": rows["item"],
            "location": rows["location"],
            "release_month": pd.DatetimeIndex(release).as_unit("us"),
            "month": net.months[t].as_unit("us"),
            "units": units,
            "cost": rows["unit_cost"].to_numpy(dtype=float) * units + rows["fixed_cost"].to_numpy(dtype=float),
        }
    )


def purchase_plan(net: Network, plan: pd.DataFrame) -> pd.DataFrame:
    """Return what to order from whom, as the contract purchase_plan; where an operation names no supplier, he is ``not named``.

    What is assumed to be had without limit, as no operations were brought, is nobody's order.
    """
    known = net.operations.loc[~net.operations["unlimited"], ["operation", "supplier"]]
    bought = plan[plan["kind"] == "buy"].merge(known, on="operation").rename(columns={"release_month": "order_month", "month": "due_month"})
    bought["supplier"] = bought["supplier"].astype("object").fillna(NOT_NAMED).astype("str")
    return bought.groupby(["supplier", "item", "location", "order_month", "due_month"], as_index=False)[["units", "cost"]].sum()


def stock_projection(net: Network, flows: dict[str, Matrix]) -> pd.DataFrame:
    """Return stock by item, location and month, as the contract stock_projection."""
    closing = flows["closing"]
    opening = np.concatenate([net.opening[:, None], closing[:, :-1]], axis=1)
    values = {
        "opening_units": opening,
        "planned_receipts": flows["planned"],
        "open_receipts": net.receipts,
        "issues": np.maximum(flows["issues"], 0),
        "scrapped_units": flows["scrap"],
        "closing_units": closing,
        "target_units": net.target,
        "value": closing * net.nodes["value"].to_numpy()[:, None],
    }
    return long(values, net.nodes[["item", "location"]], net.months)


def constrained_demand(net: Network, flows: dict[str, Matrix]) -> pd.DataFrame:
    """Return demand, what is shipped, lost and owed, as the contract constrained_demand: in the month of order, so that what is not due yet is owed as well."""
    wanted, ahead = net.demand, np.zeros((len(net.series), len(net.months) + 1))
    if net.promises is not None:
        wanted, ahead = net.booked, net.promises.ahead(net.booked)
    owed = np.concatenate([net.series["backlog"].to_numpy()[:, None], flows["owed"]], axis=1) + ahead
    values = {
        "demand_units": wanted,
        "opening_backlog_units": owed[:, :-1],
        "shipped_units": flows["ship"],
        "lost_units": flows["lost"],
        "backlog_units": owed[:, 1:],
        "not_due_units": ahead[:, 1:],
        "revenue": flows["ship"] * net.prices,
    }
    return long(values, net.series[["product", "region"]], net.months)


def planned_hours(net: Network, arrive: Matrix, outside: Matrix | float = 0.0) -> Matrix:
    """Return the hours worked by resource and month, open production orders included, less what others work."""
    hours = net.hours
    work = released(net, arrive, hours["op"].to_numpy(), hours["hours_per_unit"].to_numpy(), hours["resource"].to_numpy(), len(net.resources))
    return np.maximum(work + net.committed - outside, 0.0)


def capacity_load(net: Network, flows: dict[str, Matrix], hour: Price, outside: Matrix | None = None) -> pd.DataFrame:
    """Return hours required and planned by resource and month, as the contract capacity_load.

    Required is the load of making everything just in time, without any limit; planned includes open production orders. `hour` is the price of one
    more hour in the plan before whole lots; `outside` are the hours that others work, which planned hours leave out.
    """
    elsewhere = np.zeros_like(net.regular) if outside is None else np.where(outside < 1e-6, 0.0, outside)
    planned = planned_hours(net, flows["arrive"], elsewhere)
    required = required_hours(net)
    over = np.maximum(planned - net.regular, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        load, planned_load = (np.where(net.regular > 0, h / net.regular, np.nan) for h in (required, planned))
    worth, low, high = holds(hour, np.maximum(net.regular, net.committed))
    values = {
        "available_hours": net.regular,
        "overtime_limit": net.overtime,
        "required_hours": required,
        "planned_hours": planned,
        "overtime_hours": over,
        "load": load,
        "planned_load": planned_load,
        "value_of_hour": worth,
        "value_from_hours": low,
        "value_to_hours": high,
        "outside_hours": elsewhere,
    }
    return long(values, pd.DataFrame({"resource": pd.Series(net.resources, dtype="str")}), net.months)


def holds(price: Price | None, limit: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return a price, from which limit and up to which it holds; the last is missing where it never changes, what is not known is missing as well."""
    blank = np.full_like(limit, np.nan)
    if price is None or price.held is None:
        return blank if price is None else price.one, blank, blank
    return price.one, np.maximum(limit - price.held.less, 0.0), np.where(np.isinf(price.held.more), np.nan, limit + price.held.more)


def lane_load(net: Network, arrive: Matrix, price: Price | None) -> pd.DataFrame:
    """Return how full each lane with a limit is planned, as the contract lane_load; `price` as that of hours in `capacity_load`."""
    lanes = net.limits.lanes
    columns = ["max_load", "open_load", "planned_load", "over_load", "planned_units", "value_of_one", "value_from", "value_to"]
    if lanes is None:
        return no_rows(["month", *KEYS, *columns], KEYS)
    op, where, count = lanes.uses["op"].to_numpy(), lanes.uses["lane"].to_numpy(), len(lanes.table)
    load = released(net, arrive, op, lanes.uses["per_unit"].to_numpy(dtype=float), where, count) + lanes.taken
    units = released(net, arrive, op, np.ones(len(op)), where, count)
    gone = np.minimum(lanes.taken, lanes.most)
    worth, low, high = holds(price, np.where(np.isfinite(lanes.room), lanes.room, np.nan))
    values = {
        "max_load": lanes.most,
        "open_load": lanes.taken,
        "planned_load": load,
        "over_load": np.where(load > lanes.most + 1e-6, load - lanes.most, 0.0),
        "planned_units": units,
        "value_of_one": worth,
        "value_from": low + gone,
        "value_to": high + gone,
    }
    out = long(values, lanes.table[KEYS], net.months)
    return out[np.isfinite(out["max_load"])].reset_index(drop=True)


def overtime_cost(net: Network, load: pd.DataFrame) -> pd.Series:
    """Return what the overtime and the outside hours of `capacity_load` cost by month."""
    shape = len(net.resources), len(net.months)
    cost = load["overtime_hours"].to_numpy(dtype=float).reshape(shape) * net.rate
    if net.outside_rate is not None:
        cost = cost + load["outside_hours"].to_numpy(dtype=float).reshape(shape) * net.outside_rate
    return pd.Series(cost.sum(axis=0), index=net.months, name="overtime_cost")


def required_hours(net: Network) -> Matrix:
    """Return the hours by resource and month that demand asks for: of making everything just in time, and of open production orders."""
    return just_in_time(net) + net.committed


def just_in_time(net: Network) -> Matrix:
    """Return the hours by resource and month of making exactly what is missing when it is needed, by the cheapest operations, without any limit.

    Demand, what is owed and stock targets are netted against stock and open receipts, level by level; what should have been released before the
    plan begins loads its first month.
    """
    nodes, periods = len(net.nodes), len(net.months)
    _, best, _ = path_costs(
        net.operations["node"].to_numpy(), net.operations["price"].to_numpy(dtype=float), net.uses, net.nodes["value"].to_numpy(dtype=float)
    )
    depth = depths(nodes, best, net.uses)
    wanted = net.demand.copy()
    wanted[:, 0] += net.series["backlog"].to_numpy()
    gross = scatter(wanted, net.series["node"].to_numpy(), nodes)
    have = net.opening[:, None] + net.receipts.cumsum(axis=1)
    start = np.zeros((len(net.operations), periods))
    lead = net.operations["lead"].to_numpy()
    chosen = net.uses[np.isin(net.uses["op"], best[best >= 0])]
    for level in range(int(depth.max(initial=0)) + 1):
        at = np.flatnonzero((depth == level) & (best >= 0))
        need = np.maximum.accumulate(np.maximum(gross[at].cumsum(axis=1) + net.target[at] - have[at], 0.0), axis=1)
        net_need = np.diff(need, axis=1, prepend=0.0)
        for t in range(periods):
            np.add.at(start, (best[at], np.maximum(t - lead[best[at]], 0)), net_need[:, t])
        below = chosen[np.isin(chosen["op"], best[at])]
        np.add.at(gross, below["node"].to_numpy(), start[below["op"].to_numpy()] * below["units_per"].to_numpy()[:, None])
    hours = net.hours
    return scatter(start[hours["op"].to_numpy()] * hours["hours_per_unit"].to_numpy()[:, None], hours["resource"].to_numpy(), len(net.resources))
