"""Why demand is short: the first binding cause on its path, and what would help."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sop_helpers.planning.supply_network import Matrix, Network, path_costs

SERVED_LATE = "serving late costs less than making it in time"
NOT_MADE = "making it costs more than losing the sale"
NOT_MADE_REMEDY = "raise its price, or the price of a lost sale in the policies if it must be served; else agree not to sell it"


def on_time(demand: Matrix, before: Matrix, ship: Matrix, lost: Matrix) -> Matrix:
    """Return units shipped in the month they were wanted: the oldest demand is served, and given up, first."""
    return np.minimum(demand, np.maximum(ship - np.maximum(before - lost, 0.0), 0.0))


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
    hour: Matrix
    best: np.ndarray
    cost: Matrix
    found: dict[tuple[int, int], tuple[str, str, int, int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ops = {c: self.net.operations[c].to_numpy() for c in ("operation", "kind", "lead", "supplier", "lot_min", "lot_multiple", "item", "location")}
        self.inputs = {op: rows[["node", "units_per"]].to_numpy() for op, rows in self.net.uses.groupby("op")}
        self.loads = {op: rows[["resource", "hours_per_unit"]].to_numpy() for op, rows in self.net.hours.groupby("op")}
        self.sources: dict[int, list[int]] = {n: list(rows) for n, rows in self.net.operations.groupby("node").indices.items()}
        self.label = [f"{m:%Y-%m}" for m in self.net.months]

    def cause(self, node: int, t: int) -> tuple[str, str, int, int, float]:
        """Return cause, remedy without amounts (a template), resource or -1, its month, hours per unit sold."""
        if (node, t) not in self.found:
            self.found[node, t] = self._cause(node, t)
        return self.found[node, t]

    def _cause(self, node: int, t: int) -> tuple[str, str, int, int, float]:
        name = self.net.nodes["node"].iat[node]
        sources = self.sources.get(node, [])
        if not sources:
            return f"nothing makes, buys or moves {name}", f"add an operation for {name}, or lower the demand plan", -1, t, 0.0
        usable = [o for o in sources if self.net.upper[o, t] > 0]
        if not usable:
            return self._late(node, t, sources)
        op = min(usable, key=lambda o: (o != self.best[node], self.cost[o], o))
        most = float(self.net.upper[op, t])
        if np.isfinite(most) and most - self.arrive[op, t] < max(self._step(op), 1e-6 * max(1.0, most)):
            who = self.ops["supplier"][op] if self.ops["kind"][op] == "buy" and isinstance(self.ops["supplier"][op], str) else self.ops["operation"][op]
            what = "supplier limit" if self.ops["kind"][op] == "buy" else "limit of the operation"
            return (
                f"{what} of {who}: at most {most:,.0f} {name} a month",
                f"{{units}} units more from {who} or a second source cost about {{value}}",
                -1,
                t,
                0.0,
            )
        start = t - int(self.ops["lead"][op])
        for resource, per in self.loads.get(op, ()):
            r = int(resource)
            if self.left[r, start] < per * max(self._step(op), 1e-6) - 1e-9 or self.left[r, start] < 1e-6:
                return f"capacity of {self.net.resources[r]} in {self.label[start]}", "", r, start, float(per)
        for component, per in self.inputs.get(op, ()):
            if self.closing[int(component), start] < per * max(self._step(op), 1e-6) - 1e-9:
                text, remedy, r, month, hours = self.cause(int(component), start)
                item = self.net.nodes["item"].iat[int(component)]
                named = self.ops["kind"][op] != "make" or "(through" in text or item in text
                through = "" if named else f" (through {item})"
                return text + through, remedy, r, month, hours * per
        if self._step(op) > 0:
            return (
                f"lot size of {self.ops['operation'][op]}: {self._step(op):,.0f} units",
                "order a smaller lot, or one lot earlier; {units} units are missing",
                -1,
                t,
                0.0,
            )
        return SERVED_LATE, "raise the price of lateness in the policies if this customer should not wait", -1, t, 0.0

    def _step(self, op: int) -> float:
        return float(np.nanmax([self.ops["lot_min"][op], self.ops["lot_multiple"][op], 0.0]))

    def _late(self, node: int, t: int, sources: list[int]) -> tuple[str, str, int, int, float]:
        open_at = self.net.upper[sources] > 0
        name = self.net.nodes["node"].iat[node]
        later = np.flatnonzero(open_at.any(axis=0) & (np.arange(open_at.shape[1]) > t))
        lead = int(self.ops["lead"][sources].min())
        if not len(later):
            return (
                f"nothing more of {name} can be released from {self.label[t]} on",
                "extend the last month of its operation, or open another source",
                -1,
                t,
                0.0,
            )
        frozen = lead < later[0]
        why = "frozen months" if frozen else f"lead time of {lead} month{'' if lead == 1 else 's'}"
        text = f"{why}: {name} cannot arrive before {self.label[later[0]]}"
        return text, f"expedite {{units}} units of {name} to {self.label[t]}; that is worth up to {{late}}", -1, t, 0.0


def shortages(net: Network, flows: dict[str, Matrix], load: pd.DataFrame) -> pd.DataFrame:
    """Return demand not shipped in its month, with cause, remedy and recovery, as the contract shortages.

    Parameters
    ----------
    flows : mapping
        From `supply_results.clean`.
    load : DataFrame
        As the contract capacity_load.
    """
    before = np.concatenate([net.series["backlog"].to_numpy(dtype=float)[:, None], flows["owed"][:, :-1]], axis=1)
    short = net.demand - on_time(net.demand, before, flows["ship"], flows["lost"])
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
    finder = _Finder(net, flows["arrive"], flows["closing"], left, hour, best, cost)
    causes = [finder.cause(n, m) for n, m in zip(series["node"].tolist(), t.tolist(), strict=True)]
    back = recovered(net, flows)[d, t]
    causes = [(NOT_MADE, NOT_MADE_REMEDY, *c[2:]) if c[0] == SERVED_LATE and never else c for c, never in zip(causes, back < 0, strict=True)]
    path = net.nodes["path_cost"].to_numpy()[series["node"].to_numpy()] if len(series) else np.array([])
    waits = np.where(back >= 0, (back - t) * series["late"].to_numpy(), series["lost"].to_numpy()) * units
    remedies = [_remedy(net, c, u, u * p, w, hour) for c, u, p, w in zip(causes, units.tolist(), path.tolist(), waits.tolist(), strict=True)]
    month = net.months[np.maximum(back, 0)].as_unit("us").to_series(index=range(len(back)))
    return pd.DataFrame(
        {
            "product": series["product"],
            "region": series["region"],
            "month": net.months[t].as_unit("us"),
            "short_units": units,
            "money": money,
            "cause": pd.Series([c[0] for c in causes], dtype="str"),
            "remedy": pd.Series(remedies, dtype="str"),
            "recovered_month": month.where(back >= 0).astype("datetime64[us]"),
        }
    )


def _remedy(net: Network, cause: tuple[str, str, int, int, float], units: float, value: float, late: float, hour: Matrix) -> str:
    _, template, resource, month, per_unit = cause
    if resource < 0:
        return template.format(units=f"{units:,.0f}", value=f"{value:,.0f}", late=f"{late:,.0f}")
    hours, rate, name, label = units * per_unit, net.rate[resource, month], net.resources[resource], f"{net.months[month]:%Y-%m}"
    worth = f"; one more hour saves {hour[resource, month]:,.0f}" if hour[resource, month] > 0 else ""
    return f"{hours:,.0f} hours more on {name} in {label} (overtime beyond the limit: {hours * rate:,.0f}), or build earlier{worth}"
