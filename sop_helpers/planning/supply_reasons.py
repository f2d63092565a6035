"""Why demand is short: the first binding cause on its path, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.supply_lanes import UNITS
from sop_helpers.planning.supply_network import Matrix, Network, path_costs
from sop_helpers.planning.supply_results import at_release

SERVED_LATE = "serving late costs less than making it in time"
NOT_MADE = "making it costs more than losing the sale"
NOT_MADE_REMEDY = "raise its price, or the price of a lost sale in the policies if it must be served; else agree not to sell it"


class Cause(NamedTuple):
    """What stops a short item.

    Attributes
    ----------
    text, remedy : str
        The sentence, and a template of what would help.
    kind : str
        capacity, transport, supplier (over all its items), limit (of an operation), late (lead time or frozen months), ended, lot, no source, or choice (it
        could be, but does not pay).
    at : int
        Position of the resource (capacity), the lane (transport), the row of `Limits.suppliers`, the operation (limit, lot) or the node (late, ended, no
        source).
    month : int
        Month of release that is full, or month in which it does not arrive.
    per_unit : float
        Hours of the resource, or room on the lane, for one unit sold.
    """

    text: str
    remedy: str
    kind: str
    at: int
    month: int
    per_unit: float = 0.0


def _by(frame: pd.DataFrame, key: str, columns: list[str]) -> dict[int, np.ndarray]:
    """Return the rows of each key as an array: quicker than a group at a time."""
    ordered = frame.sort_values(key, kind="stable")
    keys, first = np.unique(ordered[key].to_numpy(), return_index=True)
    return dict(zip(keys.tolist(), np.split(ordered[columns].to_numpy(), first[1:]), strict=True)) if len(keys) else {}


def on_time(demand: Matrix, before: Matrix, ship: Matrix, lost: Matrix) -> Matrix:
    """Return units shipped in the month they were wanted: the oldest demand is served, and given up, first."""
    return np.minimum(demand, np.maximum(ship - np.maximum(before - lost, 0.0), 0.0))


def late_units(net: Network, values: Mapping[str, Matrix]) -> Matrix:
    """Return the units of each series that are not shipped in the month they are wanted; `values` has ship, lost and owed."""
    before = np.concatenate([net.series["backlog"].to_numpy(dtype=float)[:, None], values["owed"][:, :-1]], axis=1)
    return net.demand - on_time(net.demand, before, values["ship"], values["lost"])


def recovered(net: Network, flows: dict[str, Matrix]) -> np.ndarray:
    """Return the month (position) by which the demand of each month has been shipped, -1 where some of it is lost or still owed."""
    backlog = net.series["backlog"].to_numpy(dtype=float)[:, None]
    due = backlog + net.demand.cumsum(axis=1)
    served = (flows["ship"] + flows["lost"]).cumsum(axis=1)
    gone = flows["lost"].cumsum(axis=1)
    out = np.full(net.demand.shape, -1)
    periods = net.demand.shape[1]
    for t in range(periods):
        done = served[:, t:] >= due[:, [t]] - 1e-6
        first = t + done.argmax(axis=1)
        base = gone[:, t - 1] if t else np.zeros(len(gone))
        kept = np.take_along_axis(gone, first[:, None], axis=1)[:, 0] - base < 1e-6
        out[:, t] = np.where(done.any(axis=1) & kept, first, -1)
    return out


@dataclass
class _Finder:
    """Follows a short item back along its cheapest operation to what stops it."""

    net: Network
    arrive: Matrix
    closing: Matrix
    left: Matrix
    room: Matrix
    supply: Matrix
    best: np.ndarray
    cost: Matrix
    found: dict[tuple[int, int], Cause] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ops = {c: self.net.operations[c].to_numpy() for c in ("operation", "kind", "lead", "supplier", "lot_min", "lot_multiple", "item", "location")}
        self.inputs = _by(self.net.uses, "op", ["node", "units_per"])
        self.loads = _by(self.net.hours, "op", ["resource", "hours_per_unit"])
        self.lanes = _by(self.net.limits.lanes.uses, "op", ["lane", "per_unit"]) if self.net.limits.lanes is not None else {}
        self.sellers = _by(supplier_uses(self.net), "op", ["supplier", "per_unit"])
        self.names = self.net.nodes["node"].to_numpy()
        self.items = self.net.nodes["item"].to_numpy()
        self.sources: dict[int, list[int]] = {n: list(rows) for n, rows in self.net.operations.groupby("node").indices.items()}
        self.label = [f"{m:%Y-%m}" for m in self.net.months]

    def cause(self, node: int, t: int) -> Cause:
        """Return the first cause on the path of an item short in a month."""
        if (node, t) not in self.found:
            self.found[node, t] = self._cause(node, t)
        return self.found[node, t]

    def _cause(self, node: int, t: int) -> Cause:
        name = self.names[node]
        sources = self.sources.get(node, [])
        if not sources:
            return Cause(f"nothing makes, buys or moves {name}", f"add an operation for {name}, or lower the demand plan", "no source", node, t)
        usable = [o for o in sources if self.net.upper[o, t] > 0]
        if not usable:
            return self._late(node, t, sources)
        op = min(usable, key=lambda o: (o != self.best[node], self.cost[o], o))
        most = float(self.net.upper[op, t])
        if np.isfinite(most) and most - self.arrive[op, t] < max(self._step(op), 1e-6 * max(1.0, most)):
            who = self.ops["supplier"][op] if self.ops["kind"][op] == "buy" and isinstance(self.ops["supplier"][op], str) else self.ops["operation"][op]
            what = "supplier limit" if self.ops["kind"][op] == "buy" else "limit of the operation"
            told = f"{what} of {who}: at most {most:,.0f} {name} a month"
            return Cause(told, f"{{units}} units more from {who} or a second source cost about {{value}}", "limit", op, t)
        start = t - int(self.ops["lead"][op])
        for resource, per in self.loads.get(op, ()):
            r = int(resource)
            if self.left[r, start] < per * max(self._step(op), 1e-6) - 1e-9 or self.left[r, start] < 1e-6:
                return Cause(f"{limit_name(self.net, 'capacity', r)} in {self.label[start]}", "", "capacity", r, start, float(per))
        for lane, per in self.lanes.get(op, ()):
            row = int(lane)
            if self.room[row, start] < per * max(self._step(op), 1e-6) - 1e-9:
                return Cause(f"{limit_name(self.net, 'transport', row)} in {self.label[start]}", "", "transport", row, start, float(per))
        for supplier, per in self.sellers.get(op, ()):
            row = int(supplier)
            if self.supply[row, t] < per * max(self._step(op), 1e-6) - 1e-9:
                who = self.net.limits.suppliers["supplier"].iat[row]
                told = f"{limit_name(self.net, 'supplier', row)} in {self.label[t]}, over all its items"
                return Cause(told, f"{{units}} units more from {who} or a second source cost about {{value}}", "supplier", row, t, float(per))
        for component, per in self.inputs.get(op, ()):
            if self.closing[int(component), start] < per * max(self._step(op), 1e-6) - 1e-9:
                deeper = self.cause(int(component), start)
                item = self.items[int(component)]
                named = self.ops["kind"][op] != "make" or "(through" in deeper.text or item in deeper.text
                through = "" if named else f" (through {item})"
                return deeper._replace(text=deeper.text + through, per_unit=deeper.per_unit * per)
        if self._step(op) > 0:
            told = f"lot size of {self.ops['operation'][op]}: {self._step(op):,.0f} units"
            return Cause(told, "order a smaller lot, or one lot earlier; {units} units are missing", "lot", op, t)
        return Cause(SERVED_LATE, "raise the price of lateness in the policies if this customer should not wait", "choice", node, t)

    def _step(self, op: int) -> float:
        return float(np.nanmax([self.ops["lot_min"][op], self.ops["lot_multiple"][op], 0.0]))

    def _late(self, node: int, t: int, sources: list[int]) -> Cause:
        open_at = self.net.upper[sources] > 0
        name = self.names[node]
        later = np.flatnonzero(open_at.any(axis=0) & (np.arange(open_at.shape[1]) > t))
        lead = int(self.ops["lead"][sources].min())
        if not len(later):
            told = f"nothing more of {name} can be released from {self.label[t]} on"
            return Cause(told, "extend the last month of its operation, or open another source", "ended", node, t)
        frozen = lead < later[0]
        why = "frozen months" if frozen else f"lead time of {lead} month{'' if lead == 1 else 's'}"
        text = f"{why}: {name} cannot arrive before {self.label[later[0]]}"
        return Cause(text, f"expedite {{units}} units of {name} to {self.label[t]}; that is worth up to {{late}}", "late", node, t)


def supplier_uses(net: Network) -> pd.DataFrame:
    """Return what a unit of each operation takes of the limits of its supplier: op, supplier (row of `Limits.suppliers`), per_unit."""
    rows = net.limits.suppliers
    if rows is None:
        return pd.DataFrame({"op": [], "supplier": [], "per_unit": []})
    bought = net.operations.loc[net.operations["kind"] == "buy", ["supplier", "unit_cost"]].rename_axis("op").reset_index()
    both = bought.merge(rows.rename_axis("row").reset_index(), on="supplier")
    return pd.DataFrame({"op": both["op"], "supplier": both["row"], "per_unit": np.where(both["measure"] == "units", 1.0, both["unit_cost"].astype(float))})


def _left(most: Matrix | None, uses: pd.DataFrame, key: str, planned: Matrix) -> Matrix:
    """Return what a plan leaves of limits that operations share."""
    if most is None:
        return np.zeros((0, planned.shape[1]))
    used = np.zeros_like(most)
    np.add.at(used, uses[key].to_numpy(dtype=np.int64), planned[uses["op"].to_numpy(dtype=np.int64)] * uses["per_unit"].to_numpy(dtype=float)[:, None])
    return most - used


def limit_name(net: Network, kind: str, at: int) -> str:
    """Name a limit that operations share, such as ``capacity of Line 1``; empty for other kinds of cause."""
    if kind == "capacity":
        return f"capacity of {net.resources[at]}"
    if kind == "supplier":
        return f"supplier limit of {net.limits.suppliers['supplier'].iat[at]}"
    if kind != "transport":
        return ""
    lane = net.limits.lanes.table.iloc[at]
    return f"transport limit of {lane['from_location']} to {lane['location']}" + ("" if lane["measure"] == UNITS else f" ({lane['measure']})")


def shortages(net: Network, flows: dict[str, Matrix], load: pd.DataFrame, lane_price: Matrix | None = None) -> tuple[pd.DataFrame, list[Cause]]:
    """Return demand not shipped in its month, with cause, remedy and recovery, as the contract shortages, and the cause of each row.

    Parameters
    ----------
    flows : mapping
        From `supply_results.clean`.
    load : DataFrame
        As the contract capacity_load.
    lane_price : ndarray (l, t), optional
        What one more on each lane saves.
    """
    short = late_units(net, flows)
    d, t = np.nonzero(short > 1e-6)
    units = short[d, t]
    series = net.series.iloc[d].reset_index(drop=True)
    money = units * net.prices[d, t]
    shape = (len(net.resources), len(net.months))
    hour = load["value_of_hour"].to_numpy(dtype=float).reshape(shape)
    left = np.maximum(net.regular + net.overtime - load["planned_hours"].to_numpy(dtype=float).reshape(shape), 0.0)
    _, best, cost = path_costs(
        net.operations["node"].to_numpy(), net.operations["price"].to_numpy(dtype=float), net.uses, net.nodes["value"].to_numpy(dtype=float)
    )
    lanes = net.limits.lanes
    room = _left(None, net.uses, "", flows["arrive"]) if lanes is None else _left(
        np.where(np.isfinite(lanes.over_price), np.inf, lanes.room), lanes.uses, "lane", at_release(net, flows["arrive"]))  # fmt: skip
    supply = _left(net.limits.supplied, supplier_uses(net), "supplier", flows["arrive"])
    finder = _Finder(net, flows["arrive"], flows["closing"], left, room, supply, best, cost)
    causes = [finder.cause(n, m) for n, m in zip(series["node"].tolist(), t.tolist(), strict=True)]
    back = recovered(net, flows)[d, t]
    causes = [c._replace(text=NOT_MADE, remedy=NOT_MADE_REMEDY) if c.kind == "choice" and never else c for c, never in zip(causes, back < 0, strict=True)]
    path = net.nodes["path_cost"].to_numpy()[series["node"].to_numpy()] if len(series) else np.array([])
    waits = np.where(back >= 0, (back - t) * series["late"].to_numpy(), series["lost"].to_numpy()) * units
    remedies = [_remedy(net, c, u, u * p, w, hour, lane_price) for c, u, p, w in zip(causes, units.tolist(), path.tolist(), waits.tolist(), strict=True)]
    month = net.months[np.maximum(back, 0)].as_unit("us").to_series(index=range(len(back)))
    table = pd.DataFrame(
        {
            "product": series["product"],
            "region": series["region"],
            "month": net.months[t].as_unit("us"),
            "short_units": units,
            "money": money,
            "cause": pd.Series([c.text for c in causes], dtype="str"),
            "remedy": pd.Series(remedies, dtype="str"),
            "recovered_month": month.where(back >= 0).astype("datetime64[us]"),
        }
    )
    return table, causes


def _remedy(net: Network, cause: Cause, units: float, value: float, late: float, hour: Matrix, lane: Matrix | None) -> str:
    if cause.kind == "transport":
        more, saves = units * cause.per_unit, 0.0 if lane is None else lane[cause.at, cause.month]
        what = net.limits.lanes.table["measure"].iat[cause.at]
        worth = f"; one more saves {saves:,.0f}" if saves >= 0.5 else ""
        return f"{more:,.0f} {what} more on this lane in {net.months[cause.month]:%Y-%m}, or move earlier{worth}"
    if cause.kind != "capacity":
        return cause.remedy.format(units=f"{units:,.0f}", value=f"{value:,.0f}", late=f"{late:,.0f}")
    hours, rate, name, label = units * cause.per_unit, net.rate[cause.at, cause.month], net.resources[cause.at], f"{net.months[cause.month]:%Y-%m}"
    worth = f"; one more hour saves {hour[cause.at, cause.month]:,.0f}" if hour[cause.at, cause.month] > 0 else ""
    return f"{hours:,.0f} hours more on {name} in {label} (overtime beyond the limit: {hours * rate:,.0f}), or build earlier{worth}"
