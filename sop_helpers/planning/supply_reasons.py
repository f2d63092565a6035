"""Why demand is short: the first binding cause on its path, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.supply_lanes import UNITS
from sop_helpers.planning.supply_limits import supplier_use, supplier_weights
from sop_helpers.planning.supply_network import Matrix, Network, month_number, path_costs
from sop_helpers.planning.supply_results import at_release, scatter
from sop_helpers.planning.wording import amount, counted

SERVED_LATE = "serving late costs less than making it in time"
NOT_MADE = "making it costs more than losing the sale"
NOT_MADE_REMEDY = "raise its price, or the price of a lost sale in the policies if it must be served; else agree not to sell it"


class Cause(NamedTuple):
    """What stops a short item.

    Attributes
    ----------
    text, limit, remedy : str
        The sentence; the limit behind it, the same for all months and items that it stops; a template of what would help.
    kind : str
        One of `KINDS`.
    at : int
        Position of the resource (capacity, regular), the lane (transport), the operation (limit, lot), the row of supplier limits
        (supplier), or else the node.
    month : int
        Month of release that is full, or month in which it does not arrive.
    per_unit : float
        Hours of the resource, room on the lane, or units of the operation or the node, for one unit sold.
    op : int
        Position of the operation that it stops, -1 without one.
    """

    text: str
    limit: str
    remedy: str
    kind: str
    at: int
    month: int
    per_unit: float = 1.0
    op: int = -1


# What stops an item; regular are hours that overtime could add to but does not pay, a choice is what else could be served but does not pay.
KINDS = ("shelf life", "no source", "lead time", "frozen", "first month", "ended", "limit", "supplier", "transport", "capacity", "regular", "lot", "choice")
TOO_LATE = ("lead time", "frozen", "first month")


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
    """Return the month (position) by which the demand of each month has been shipped, -1 where some of it is lost or still owed.

    The oldest is given up first and then the oldest is shipped (see `on_time`), so what is lost in a month may be of older demand alone.
    """
    backlog = net.series["backlog"].to_numpy(dtype=float)[:, None]
    due = np.concatenate([backlog, backlog + net.demand.cumsum(axis=1)], axis=1)  # units wanted before each month, and in all
    served = (flows["ship"] + flows["lost"]).cumsum(axis=1)
    begun = np.concatenate([np.zeros_like(backlog), served[:, :-1]], axis=1)
    out = np.full(net.demand.shape, -1)
    for t in range(net.demand.shape[1]):
        done = served[:, t:] >= due[:, [t + 1]] - 1e-6
        lost = np.minimum(begun + flows["lost"], due[:, [t + 1]]) - np.maximum(begun, due[:, [t]])
        kept = np.maximum(lost, 0.0).sum(axis=1) < 1e-6
        out[:, t] = np.where(done.any(axis=1) & kept, t + done.argmax(axis=1), -1)
    return out


@dataclass
class Finder:
    """Follows a short item back from the customer along its cheapest operation to the first thing that stops it.

    On the way: what expired in stock, whether anything can arrive, limits of the operation and of its supplier, hours, components (each in the same way),
    then hours that only overtime could add to, and lots.

    Parameters
    ----------
    net : Network
        What was planned on.
    flows : mapping
        From `supply_results.clean`.
    left, regular : ndarray (r, t)
        Hours not worked, with overtime and without.
    barred : ndarray of bool (o, t), optional
        Where nothing could arrive before limits were lifted.
    """

    net: Network
    flows: Mapping[str, Matrix]
    left: Matrix
    regular: Matrix
    barred: np.ndarray | None = None
    found: dict[tuple[int, int], Cause] = field(default_factory=dict)

    def __post_init__(self) -> None:
        net, ops = self.net, self.net.operations
        self.ops = {c: ops[c].to_numpy() for c in ("operation", "kind", "lead", "supplier", "lot_min", "lot_multiple", "item", "location", "unit_cost")}
        self.first = np.maximum(month_number(ops["first_month"], net.months[0]), 0)
        # What is frozen to the end of the plan has not ended for that.
        self.frozen = np.where(ops["last_month"].isna() & (ops["frozen"] >= len(net.months)), ops["frozen"], 0).astype(np.int64)
        self.inputs = _by(net.uses, "op", ["node", "units_per"])
        self.loads = _by(net.hours, "op", ["resource", "hours_per_unit"])
        self.names, self.node_of = net.nodes["node"].to_numpy(), ops["node"].to_numpy()
        self.items = net.nodes["item"].to_numpy()
        self.sources: dict[int, list[int]] = {n: list(rows) for n, rows in ops.groupby("node").indices.items()}
        self.label = [f"{m:%Y-%m}" for m in net.months]
        prices, value = ops["price"].to_numpy(dtype=float), net.nodes["value"].to_numpy(dtype=float)
        _, self.best, self.cost = path_costs(ops["node"].to_numpy(), prices, net.uses, value)
        self.barred = net.upper <= 0 if self.barred is None else self.barred
        # What can be taken in a month without lacking later; what is kept for a later month is not free.
        self.free = np.minimum.accumulate(self.flows["closing"][:, ::-1], axis=1)[:, ::-1]
        self.expired = self.flows["scrap"].cumsum(axis=1)
        if net.limits.shelf is not None:
            # A component that is short itself counts with what a month takes of it on average, since nobody wants it by itself.
            short = scatter(late_units(net, self.flows), net.series["node"].to_numpy(), len(self.names))
            taken = (self.flows["issues"] - self.flows["scrap"]).mean(axis=1, keepdims=True)
            self.short = np.where(short > 1e-6, short, taken)
        self.delivered = supplier_use(net, self.flows["arrive"])
        lanes = net.limits.lanes
        self.lanes = {} if lanes is None else _by(lanes.uses, "op", ["lane", "per_unit"])
        self.room = _room(net, self.flows["arrive"])

    def cause(self, node: int, t: int) -> Cause:
        """Return the first cause on the path of an item short in a month."""
        if (node, t) not in self.found:
            self.found[node, t] = Cause(SERVED_LATE, SERVED_LATE, "", "choice", node, t)  # moves to and fro end here
            self.found[node, t] = self._cause(node, t)
        return self.found[node, t]

    def _cause(self, node: int, t: int) -> Cause:
        name = self.names[node]
        # What expired stops an item only as far as it would have served: a handful thrown away is not why hundreds are short.
        expired = self.expired[node, t]
        if self.net.limits.shelf is not None and expired > max(0.5 * self.short[node, t], 1e-6):
            keeps = int(self.net.limits.shelf[node])
            told = f"shelf life of {name}: {counted(keeps, 'months')}, and {expired:,.0f} expire before {self.label[t]}"
            return Cause(told, f"shelf life of {name}", "sell it before it expires, or order it later", "shelf life", node, t)
        sources = self.sources.get(node, [])
        if not sources:
            told = f"nothing makes, buys or moves {name}"
            return Cause(told, told, f"add an operation for {name}, or lower the demand plan", "no source", node, t)
        usable = [o for o in sources if self.net.upper[o, t] > 0]
        if not usable:
            return self._late(node, t, sources)
        op = min(usable, key=lambda o: (o != self.best[node], self.cost[o], o))
        return self.stops(node, t, op) or self._rest(node, t, op)

    def stops(self, node: int, t: int, op: int) -> Cause | None:
        """Return what stops one operation that gives an item from bringing more of it in a month."""
        if self.net.upper[op, t] <= 0:
            return self._late(node, t, [op])
        return self._limit(node, t, op) or self._behind(op, t) or self._dear(op, t)

    def _limit(self, node: int, t: int, op: int) -> Cause | None:
        """What the operation itself or its supplier delivers at most."""
        most, came, name = float(self.net.upper[op, t]), self.flows["arrive"][op, t], self.names[node]
        supplier = self.ops["supplier"][op] if self.ops["kind"][op] == "buy" and isinstance(self.ops["supplier"][op], str) else None
        if np.isfinite(most) and most - came < max(self._step(op), 1e-6 * max(1.0, most)):
            if self.barred[op, t]:
                return self._late(node, t, self.sources[node])
            who = self.ops["operation"][op] if supplier is None else supplier
            what = "supplier limit" if self.ops["kind"][op] == "buy" else "limit of the operation"
            told = f"{what} of {who}: at most {most:,.0f} {name} a month"
            return Cause(told, f"{what} of {who} for {name}", f"{{units}} more from {who} or a second source cost about {{value}}", "limit", op, t, op=op)
        for row, weight in supplier_weights(self.net, op):
            room = self.net.limits.supplied[row, t]
            if weight > 0 and room - self.delivered[row, t] < max(weight * self._step(op), 1e-6 * max(1.0, room)):
                measure = self.net.limits.suppliers["measure"].iat[row]
                told = f"supplier limit of {supplier}: at most {room:,.0f} {'units' if measure == 'units' else 'in money'} of all its items in {self.label[t]}"
                limit = f"supplier limit of {supplier}" + ("" if measure == "units" else " in money")
                return Cause(told, limit, f"{{units}} more from {supplier} or a second source cost about {{value}}", "supplier", row, t, weight, op)
        return None

    def _behind(self, op: int, t: int) -> Cause | None:
        """What is lacking in the month of release: hours, or a component that cannot be had itself."""
        start = t - int(self.ops["lead"][op])
        if start < 0:
            return None
        lot = max(self._step(op), 1e-6)
        for resource, per in self.loads.get(op, ()):
            r = int(resource)
            if self.left[r, start] < per * lot - 1e-9 or self.left[r, start] < 1e-6:
                limit = f"capacity of {self.net.resources[r]}"
                return Cause(f"{limit} in {self.label[start]}", limit, "", "capacity", r, start, float(per), op)
        for lane, per in self.lanes.get(op, ()):
            row = int(lane)
            if self.room[row, start] < float(per) * lot - 1e-9:
                limit = lane_name(self.net, row)
                return Cause(f"{limit} in {self.label[start]}", limit, "", "transport", row, start, float(per), op)
        # First what is not there, then what is kept for later and runs out then: whatever could still bring it by then would help.
        for stock in (self.flows["closing"], self.free):
            for component, per in self.inputs.get(op, ()):
                c, need = int(component), per * lot - 1e-9
                if stock[c, start] >= need:
                    continue
                deeper = self.cause(c, start + int(np.argmax(self.flows["closing"][c, start:] < need)))
                if deeper.kind != "choice":
                    return self._through(deeper, op, c, float(per))
        return None

    def _dear(self, op: int, t: int) -> Cause | None:
        """Regular hours that are full where overtime is left, which costs more than it saves."""
        start = t - int(self.ops["lead"][op])
        for resource, per in self.loads.get(op, ()) if start >= 0 else ():
            r = int(resource)
            if self.regular[r, start] < float(per) * max(self._step(op), 1e-6):
                name, why = f"regular hours of {self.net.resources[r]}", "overtime does not pay"
                return Cause(f"{name} in {self.label[start]}: {why}", f"{name}: {why}", "", "regular", r, start, float(per), op)
        return None

    def _through(self, deeper: Cause, op: int, component: int, per: float) -> Cause:
        item = self.items[component]
        named = self.ops["kind"][op] != "make" or "(through" in deeper.text or item in deeper.text
        through = "" if named else f" (through {item})"
        return deeper._replace(text=deeper.text + through, per_unit=deeper.per_unit * per)

    def _rest(self, node: int, t: int, op: int) -> Cause:
        if self._step(op) > 0:
            limit = f"lot size of {self.ops['operation'][op]}"
            told = f"{limit}: {counted(f'{self._step(op):,.0f}', 'units')}"
            return Cause(told, limit, "order a smaller lot, or one lot earlier; {missing}", "lot", op, t, op=op)
        remedy = "raise the price of lateness in the policies if this customer should not wait"
        return Cause(SERVED_LATE, SERVED_LATE, remedy, "choice", node, t, op=op)

    def _step(self, op: int) -> float:
        return float(np.nanmax([self.ops["lot_min"][op], self.ops["lot_multiple"][op], 0.0]))

    def _late(self, node: int, t: int, sources: list[int]) -> Cause:
        open_at, name = ~self.barred[sources], self.names[node]
        open_at = open_at & (np.arange(open_at.shape[1]) > t)
        earliest = self.ops["lead"][sources].astype(np.int64) + np.maximum(self.first, self.frozen)[sources]
        if open_at.any():
            come = np.where(open_at.any(axis=1), open_at.argmax(axis=1), open_at.shape[1])
            op, when = sources[int(come.argmin())], f"before {self.label[int(come.min())]}"
        elif (t < earliest).all():
            op, when = sources[int(earliest.argmin())], "within the plan"
        else:
            told = f"nothing more of {name} can be released from {self.label[t]} on"
            op = min(sources, key=lambda o: (o != self.best[node], self.cost[o], o))
            return Cause(told, f"last month of {name}", "extend the last month of its operation, or open another source", "ended", node, t, op=op)
        kind, why, limit = self._too_late(op, t)
        remedy = f"expedite {{units}} of {name} to {self.label[t]}; that is worth up to {{late}}"
        return Cause(f"{why}: {name} cannot arrive {when}", limit, remedy, kind, node, t, op=op)

    def _too_late(self, op: int, t: int) -> tuple[str, str, str]:
        """Return what kind of lateness stops an operation from delivering in a month, in words, and the limit behind it."""
        name, lead, first = self.names[self.node_of[op]], int(self.ops["lead"][op]), int(self.first[op])
        if t < lead:
            return "lead time", f"lead time of {counted(lead, 'months')}", f"lead time of {name}"
        if t < lead + first:
            return "first month", f"first month of {self.ops['operation'][op]}", f"first month of {name}"
        return "frozen", "frozen months", f"frozen months of {name}"


def _room(net: Network, arrive: Matrix) -> Matrix:
    """Return what a plan leaves of each lane's room; there is always more where extra transport has a price."""
    lanes = net.limits.lanes
    if lanes is None:
        return np.zeros((0, arrive.shape[1]))
    op, per_unit = lanes.uses["op"].to_numpy(dtype=np.int64), lanes.uses["per_unit"].to_numpy(dtype=float)
    used = scatter(at_release(net, arrive)[op] * per_unit[:, None], lanes.uses["lane"].to_numpy(dtype=np.int64), len(lanes.table))
    return np.where(np.isfinite(lanes.over_price), np.inf, lanes.room) - used


def lane_name(net: Network, at: int) -> str:
    """Name the limit of a lane."""
    lane = net.limits.lanes.table.iloc[at]
    return f"transport limit of {lane['from_location']} to {lane['location']}" + ("" if lane["measure"] == UNITS else f" ({lane['measure']})")


def shortages(
    net: Network, flows: dict[str, Matrix], load: pd.DataFrame, lane_price: Matrix | None = None, currency: str = ""
) -> tuple[pd.DataFrame, list[Cause]]:
    """Return demand not shipped in its month, with cause, remedy and recovery, as the contract shortages, and the cause of each row.

    Parameters
    ----------
    flows : mapping
        From `supply_results.clean`.
    load : DataFrame
        As the contract capacity_load.
    lane_price : ndarray (l, t), optional
        What one more on each lane saves.
    currency : str
        Written behind amounts of money.
    """
    short = late_units(net, flows)
    d, t = np.nonzero(short > 1e-6)
    units = short[d, t]
    series = net.series.iloc[d].reset_index(drop=True)
    money = units * net.prices[d, t]
    shape = (len(net.resources), len(net.months))
    hour = load["value_of_hour"].to_numpy(dtype=float).reshape(shape)
    planned = load["planned_hours"].to_numpy(dtype=float).reshape(shape)
    left, regular = (np.maximum(hours - planned, 0.0) for hours in (net.regular + net.overtime, net.regular))
    finder = Finder(net, flows, left, regular)
    causes = [finder.cause(n, m) for n, m in zip(series["node"].tolist(), t.tolist(), strict=True)]
    back = recovered(net, flows)[d, t]
    never = {"text": NOT_MADE, "limit": NOT_MADE, "remedy": NOT_MADE_REMEDY}
    causes = [c._replace(**never) if c.kind == "choice" and gone else c for c, gone in zip(causes, back < 0, strict=True)]
    waits = np.where(back >= 0, (back - t) * series["late"].to_numpy(), series["lost"].to_numpy()) * units
    remedies = [_remedy(net, c, u, w, hour, lane_price, currency) for c, u, w in zip(causes, units.tolist(), waits.tolist(), strict=True)]
    month = net.months[np.maximum(back, 0)].as_unit("us").to_series(index=range(len(back)))
    table = pd.DataFrame(
        {
            "product": series["product"],
            "region": series["region"],
            "month": net.months[t].as_unit("us"),
            "short_units": units,
            "money": money,
            "cause": pd.Series([c.text for c in causes], dtype="str"),
            "limit": pd.Series([c.limit for c in causes], dtype="str"),
            "remedy": pd.Series(remedies, dtype="str"),
            "recovered_month": month.where(back >= 0).astype("datetime64[us]"),
        }
    )
    return table, causes


def _lacking(net: Network, cause: Cause, units: float) -> tuple[float, float]:
    """Return how many units are lacking where a cause stops them, for units short of what is sold, and what they cost: components are counted as such."""
    own = units * cause.per_unit
    if cause.kind == "supplier":
        own /= dict(supplier_weights(net, cause.op))[cause.at]  # a limit in money counts what a unit costs
    return own, own * float(net.nodes["path_cost"].iat[net.operations["node"].iat[cause.op]]) if cause.op >= 0 else 0.0


def _remedy(net: Network, cause: Cause, units: float, late: float, hour: Matrix, lane: Matrix | None, currency: str) -> str:
    if cause.kind == "transport":
        more, saves = units * cause.per_unit, 0.0 if lane is None else lane[cause.at, cause.month]
        what = net.limits.lanes.table["measure"].iat[cause.at]
        worth = f"; one more saves {amount(saves, currency)}" if saves >= 0.5 else ""
        # a measure is the company's own word: it has no singular that can be told
        room = counted(f"{more:,.0f}", what, None if what == UNITS else what)
        return f"{room} more on this lane in {net.months[cause.month]:%Y-%m}, or move earlier{worth}"
    if cause.kind not in ("capacity", "regular"):
        own, value = _lacking(net, cause, units)
        shown = f"{own:,.0f}"
        told = {"units": counted(shown, "units"), "missing": counted(shown, "units are missing", "unit is missing")}
        told |= {"value": amount(value, currency), "late": amount(late, currency)}
        remedy = cause.remedy
        for mark, said in told.items():  # not str.format: names may hold braces of their own
            remedy = remedy.replace(f"{{{mark}}}", said)
        return remedy
    hours, rate, name, label = units * cause.per_unit, net.rate[cause.at, cause.month], net.resources[cause.at], f"{net.months[cause.month]:%Y-%m}"
    worth = f"; one more hour saves {amount(hour[cause.at, cause.month], currency)}" if hour[cause.at, cause.month] > 0 else ""
    beyond = " beyond the limit" if cause.kind == "capacity" else ""
    more = f"{counted(f'{hours:,.0f}', 'hours')} more on {name} in {label}"
    return f"{more} (overtime{beyond}: {amount(hours * rate, currency)}), or build earlier{worth}"
