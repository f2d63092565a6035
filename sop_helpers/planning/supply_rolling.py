"""What steadiness costs: plan month after month on forecasts that move, carry the first month out, and count changes and money.

Each month is planned on the forecast of that month; what it releases in its first month is done, customers then order what they order. A change is a unit
more or less, at value, in the near months of the plan against the plan of the month before. The frontier shows changes against realised cost over prices of
a change; the first point, a price of zero, is planning anew every month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.supply import SupplyResult, plan_supply
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_parts import optimum
from sop_helpers.planning.supply_results import scatter
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import strategy_price

NEAR = 3


@dataclass
class _World:
    """What there is between two plans: stock and open receipts by node, what customers wait for by series."""

    on_hand: Matrix
    coming: dict[tuple[int, pd.Timestamp], float] = field(default_factory=dict)
    owed: Matrix | None = None
    cost: float = 0.0


def replan(
    tables: Mapping[str, pd.DataFrame], forecasts: pd.DataFrame, actual: pd.DataFrame, months: pd.DatetimeIndex, *, horizon: int, change_rate: float,
    near: int = NEAR, **rules: Any,
) -> dict[str, float]:  # fmt: skip
    """Plan every month anew and carry it out.

    Parameters
    ----------
    tables : mapping
        As `plan_supply` takes them, demand left out; inventory is that before the first month, receipts must be empty.
    forecasts : DataFrame
        made_in, month, product, region, units: what each month expects of the months from it on.
    actual : DataFrame
        month, product, region, units: what came.
    months : DatetimeIndex
        Months that are planned and lived through.
    horizon : int
        Months that each plan looks ahead.
    change_rate, near
        As `change_rate` and `change_months` of `build_network`; near months also say which changes count.
    **rules
        Other policy numbers of `build_network`.

    Returns
    -------
    dict
        change_rate; changes (money, units at value moved in the near months, all months together); cost (money realised: operations, overtime,
        holding, lateness; stock and what is owed at the end are valued).
    """
    now, last, net, world, changes = dict(tables), None, None, None, 0.0
    for month in months:
        ahead = pd.date_range(month, periods=horizon, freq="MS", unit="us")
        seen = forecasts[(forecasts["made_in"] == month) & forecasts["month"].isin(ahead)]
        if world is not None and net is not None:
            now |= _state(world, net, month, tables)
        result = plan_supply(
            **now, demand=seen[["month", "product", "region", "units"]], months=ahead, change_rate=change_rate, change_months=near, last_plan=last,
            frozen_months=0, whole_lots=False, **rules,
        )  # fmt: skip
        if last is not None:
            changes += near_changes(last, result.supply_plan, month, near, _worth(result.network))
        net = result.network
        world = world or _World(net.opening.copy())
        _live(world, result, actual[actual["month"] == month], month)
        last = result.supply_plan
    if world is None or net is None or world.owed is None:
        raise ValueError("there are no months to plan")
    rest = float(world.on_hand @ net.nodes["value"].to_numpy()) + sum(u * net.nodes["value"].iat[n] for (n, _), u in world.coming.items())
    return {"change_rate": change_rate, "changes": changes, "cost": world.cost + float(world.owed @ net.series["lost"].to_numpy()) - rest}


def near_changes(before: pd.DataFrame, after: pd.DataFrame, month: pd.Timestamp, near: int, worth: pd.Series) -> float:
    """Return by how much orders released in the near months from `month` on differ between two supply plans, at the value of a unit."""
    end = month + pd.DateOffset(months=near)
    keys = ["operation", "release_month"]
    parts = [p[(p["release_month"] >= month) & (p["release_month"] < end)].groupby(keys)["units"].sum() for p in (before, after)]
    moved = parts[1].sub(parts[0], fill_value=0.0).abs().reset_index()
    return float((moved["units"] * moved["operation"].map(worth).fillna(0.0)).sum())


def frontier(points: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return change_rate, changes, cost, and both against the first point: changes_cut and cost_added, as shares."""
    out = pd.DataFrame(points)
    free = out.iloc[0]
    cut = 1 - out["changes"] / free["changes"] if free["changes"] > 0 else 0.0
    return out.assign(changes_cut=cut, cost_added=out["cost"] / free["cost"] - 1 if free["cost"] else 0.0)


def this_month(net: Network, rate: float, factors: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0)) -> pd.DataFrame:
    """Return what this month's plan costs and how much of last month's it changes at several prices of a change, as `frontier`; empty without a last plan.

    Cost leaves the price of changes out; lots are not rounded. The plan is solved once for each factor of `rate`, the price that `net` was laid out with.
    """
    price, last = net.limits.change_price, net.limits.last
    if price is None or last is None or rate <= 0:
        return pd.DataFrame(columns=["change_rate", "changes", "cost", "changes_cut", "cost_added"], dtype=float)
    points = []
    for factor in factors:
        tried = replace(net, limits=replace(net.limits, change_price=price * factor))
        found = optimum(build_model(tried), starting_basis(tried))
        moved = float((np.abs(found.values["arrive"] - np.nan_to_num(last)) * price).sum()) / rate
        points.append({"change_rate": factor * rate, "changes": moved, "cost": found.objective - strategy_price(net, found.values) - factor * rate * moved})
    return frontier(points)


def _worth(net: Network) -> pd.Series:
    value = np.maximum(net.nodes["value"], net.nodes["path_cost"]).to_numpy()[net.operations["node"].to_numpy()]
    return pd.Series(value, index=net.operations["operation"])


def _live(world: _World, result: SupplyResult, orders: pd.DataFrame, month: pd.Timestamp) -> None:
    """Release the first month of a plan, receive what is due, serve customers, and count the money."""
    net, plan = result.network, result.supply_plan
    place = pd.Index(net.operations["operation"])
    started = plan[plan["release_month"] == month]
    op = place.get_indexer(started["operation"])
    units = np.zeros(len(place))
    np.add.at(units, op, started["units"].to_numpy())
    for node, due, amount in zip(net.operations["node"].to_numpy()[op], started["month"], started["units"], strict=True):
        world.coming[int(node), due] = world.coming.get((int(node), due), 0.0) + amount
    have = world.on_hand
    for key in [k for k in world.coming if k[1] <= month]:
        have[key[0]] += world.coming.pop(key)
    if len(net.uses):
        have -= scatter((units[net.uses["op"].to_numpy()] * net.uses["units_per"].to_numpy())[:, None], net.uses["node"].to_numpy(), len(have))[:, 0]
    wanted = orders.set_index(["product", "region"])["units"].reindex(pd.MultiIndex.from_frame(net.series[["product", "region"]])).fillna(0.0).to_numpy()
    owed = wanted + (world.owed if world.owed is not None else 0.0)
    node = net.series["node"].to_numpy()
    asked = np.bincount(node, weights=owed, minlength=len(have))
    share = np.divide(np.clip(have, 0.0, asked), asked, out=np.zeros_like(asked), where=asked > 0)
    served = owed * share[node]
    have -= np.bincount(node, weights=served, minlength=len(have))
    world.owed = owed - served
    work = result.capacity_load[result.capacity_load["month"] == month]
    paid = float(started["cost"].sum()) + float((work["overtime_hours"].to_numpy() * net.rate[:, 0]).sum())
    held = float(np.maximum(have, 0.0) @ net.nodes["holding"].to_numpy())
    world.cost += paid + held + float(world.owed @ net.series["late"].to_numpy())


def _state(world: _World, net: Network, month: pd.Timestamp, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return stock, receipts and late orders as the next month reads them."""
    before = month - pd.DateOffset(months=1)
    places = net.nodes[["item", "location"]]
    inventory = places.assign(month=before, on_hand=np.maximum(world.on_hand, 0.0))
    coming = [(n, due, u) for (n, due), u in world.coming.items() if u > 1e-9]
    rows = places.iloc[[n for n, _, _ in coming]].reset_index(drop=True)
    # As transfers, so that hours spent at their release are not counted twice.
    receipts = rows.assign(receipt=[f"R{k}" for k in range(len(rows))], kind="transfer", supplier=None, units=[u for _, _, u in coming])
    receipts["due_month"] = pd.Series([d for _, d, _ in coming], dtype="datetime64[us]")
    late = net.series[["product", "region"]].assign(units=world.owed)
    late = late[late["units"] > 1e-9].reset_index(drop=True)
    orders = late.assign(order=[f"O{k}" for k in range(len(late))], due_month=before)
    return {
        "inventory": inventory.reindex(columns=tables["inventory"].columns),
        "receipts": receipts.reindex(columns=tables["receipts"].columns).astype({"units": float, "due_month": "datetime64[us]"}),
        "open_orders": orders.reindex(columns=tables["open_orders"].columns).astype({"units": float, "due_month": "datetime64[us]"}),
    }
