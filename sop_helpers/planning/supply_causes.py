"""How much of each shortage each cause holds back: limits are lifted one after another, in the order in which they stop the item.

Each short unit is split over causes by *sequential lifting*:

1. The plan is solved again without whole lots. What is no longer short was held back by lots; and, where it follows a strategy of level hours or of no
   stock ahead, once more without that, for what the strategy held back.
2. For every row that is still short, the first cause on its path from the customer to the supplier is looked up in the plan as it stands (see
   `supply_reasons.Finder`). Each of these limits is lifted by what its rows still owe or lose then, further when it is named again, and the plan solved
   again from the kept basis. Overtime costs nothing where hours are lifted. What is no longer short was held back by that cause.
3. The rest meets what stops it next; step 2 is repeated until nothing is short, or until what is left does not pay.

So the cause that binds today comes first and gets the units that lifting it alone brings back; a line that could not have made the rest either gets that
rest. In no step may any customer be served worse than before, so that a shortage handed from one to another is not taken for one that was lifted.
The order matters where limits bind one behind the other, as in every sequential attribution; the total does not: shares add up to the shortage.

Lead times that are lifted bring what is made or moved without asking for its components and hours: they would have been taken before the plan begins.

It costs one solve to begin with and at most `ROUNDS` from the kept basis, however many causes there are. Each round takes all first causes together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.supply_lots import one_lot
from sop_helpers.planning.supply_model import build_model, overtime_left, patience
from sop_helpers.planning.supply_network import Matrix, Network, path_costs
from sop_helpers.planning.supply_parts import solver_of
from sop_helpers.planning.supply_reasons import Cause, Finder, late_units
from sop_helpers.planning.supply_results import clean, planned_hours
from sop_helpers.planning.supply_solver import Solution
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import WISHES, with_people

ROUNDS = 8
FURTHER = 4.0
COLUMNS = ["product", "region", "month", "cause", "where", "step", "units", "money"]
LEAST = 1e-6  # units, absolute, or of the row's shortage where that is over one
_SLACKS = (0.0, 1e-6, 1e-4, np.inf)  # by how much digits may let someone be served worse
NAMES = {
    "limit": "operation limit",
    "supplier": "supplier limit",
    "transport": "transport limit",
    "frozen": "frozen months",
    "regular": "regular hours",
    "ended": "last month",
    "lot": "lot size",
    "choice": "does not pay",
    "strategy": "strategy",
}


def shortage_causes(net: Network, causes: list[Cause], shortages: pd.DataFrame, served: pd.DataFrame, rounds: int = ROUNDS) -> pd.DataFrame:
    """Return the units of each shortage by what holds them back.

    Parameters
    ----------
    net : Network
        What was planned on.
    causes : list of Cause
        Of each row of the shortages.
    shortages, served : DataFrame
        As the contracts shortages and constrained_demand.
    rounds : int
        How often limits are lifted at most; what is short after that is left with the cause named last.

    Returns
    -------
    DataFrame
        As the contract shortage_causes: units of each product, region and month add up to ``short_units``.
    """
    if shortages.empty:
        return no_rows(COLUMNS, ["product", "region", "cause", "where"])
    serie = pd.MultiIndex.from_frame(net.series[["product", "region"]])
    d, t = serie.get_indexer(pd.MultiIndex.from_frame(shortages[["product", "region"]])), net.months.get_indexer(pd.DatetimeIndex(shortages["month"]))
    node, rest = net.series["node"].to_numpy()[d], shortages["short_units"].to_numpy(dtype=float)
    owed, lost = (served[c].to_numpy(dtype=float).reshape(net.demand.shape) for c in ("backlog_units", "lost_units"))
    if net.promises is not None:
        owed = np.maximum(owed - net.promises.ahead(net.booked)[:, 1:], 0.0)  # what is booked and not due yet is not late
    named = _lots(net, node, t, causes)
    bare = with_people(net)
    bare = replace(bare, operations=bare.operations.assign(lot_min=np.nan, lot_multiple=np.nan))
    lifted = _Lifted(bare)
    parts, least, strategy = [], LEAST * np.maximum(rest, 1.0), bare.strategy
    last = rounds + (strategy in WISHES)
    for step in range(last + 1):
        found = lifted.solve(owed, lost)
        flows = clean(found.values, lifted.net)
        owed, lost = np.minimum(owed, flows["owed"]), np.minimum(lost, flows["lost"])
        still = np.minimum(rest, late_units(net, flows)[d, t])
        still[still <= least] = 0.0
        parts.append(_part(net, named, step, rest - still))
        rest = still
        if strategy in WISHES:  # before any limit is lifted: what the strategy itself does not allow
            lifted, strategy = _Lifted(replace(bare, strategy="optimal")), "optimal"
            named = [Cause("", "", "", "strategy", k, m) for k, m in zip(node.tolist(), t.tolist(), strict=True)]
            continue
        short = np.flatnonzero(rest > 0)
        finder = lifted.finder(found, flows)
        named = list(named)
        for k in short:
            named[k] = finder.cause(int(node[k]), int(t[k]))
        pays = np.array([k for k in short if named[k].kind != "choice"], dtype=np.int64)
        if step == last or not len(pays):
            parts.append(_part(net, named, step + 1, rest))
            break
        lifted.lift([named[k] for k in pays], (flows["owed"] + flows["lost"])[d, t][pays])
    return _table(pd.concat(parts, ignore_index=True), shortages, least)


class _Lifted:
    """A network whose limits are lifted bit by bit, and the solver that keeps its basis."""

    def __init__(self, net: Network):
        self.net = self.bare = net
        model = build_model(net)
        self.shelves = [name for name in model.constraints if name.startswith("shelf life")]
        self.solver = solver_of(model, starting_basis(net))[0]
        self.patience = patience(net)
        self.kept = np.zeros_like(net.receipts)  # units that may be kept beyond their shelf life
        self.times: Counter[tuple[str, int, int]] = Counter()  # how often each limit was lifted
        self.free = np.zeros(net.regular.shape, dtype=bool)  # where overtime costs nothing

    def solve(self, owed: Matrix, lost: Matrix) -> Solution:
        """Solve with what is lifted now, and nobody served worse than given."""
        for slack in _SLACKS:
            self.solver.most("owed", np.minimum(self.patience, owed + slack * np.maximum(owed, 1.0)))
            self.solver.most("lost", lost + slack * np.maximum(lost, 1.0))
            try:
                return self.solver.solve()
            except RuntimeError:
                if np.isinf(slack):
                    raise
        raise AssertionError

    def finder(self, found: Solution, flows: dict[str, Matrix]) -> Finder:
        """Return what finds the first causes in the plan as it stands."""
        net = self.net
        planned = planned_hours(net, flows["arrive"], found.values.get("outside", 0.0))
        expired = np.where(self.kept.any(axis=1)[:, None], 0.0, flows["scrap"])
        left = np.maximum(net.regular + net.overtime - planned, 0.0)
        regular = np.where(self.free, left, np.maximum(net.regular - planned, 0.0))
        return Finder(net, flows | {"scrap": expired}, left, regular, self.bare.upper <= 0)

    def lift(self, causes: list[Cause], units: Matrix) -> None:
        """Lift the limits that rows name by what the rows lack, and tell the solver."""
        net, bare = self.net, self.bare
        regular, upper, receipts = np.maximum(net.regular, net.committed), net.upper.copy(), net.receipts.copy()
        supplied = None if net.limits.supplied is None else net.limits.supplied.copy()
        lanes = net.limits.lanes
        carried = None if lanes is None else np.maximum(lanes.most, lanes.taken)
        for cause in {c[3:6]: c for c in causes}.values():
            self.times[cause[3:6]] += 1
        # What is named again is lifted further: hours and units that are lifted may first replace dearer ones elsewhere.
        further = np.array([FURTHER ** (self.times[c[3:6]] - 1) * c.per_unit for c in causes])
        for cause, lack in zip(causes, (units * further).tolist(), strict=True):
            if cause.kind in ("capacity", "regular"):
                self.free[cause.at, cause.month] = True  # else hours that are lifted would only replace overtime
            if cause.kind == "regular":
                continue
            if cause.kind == "capacity":
                regular[cause.at, cause.month] += lack
            elif cause.kind == "supplier":
                supplied[cause.at, cause.month] += lack
            elif cause.kind == "transport":
                carried[cause.at, cause.month] += lack
            elif cause.kind == "no source":
                receipts[cause.at, cause.month] += lack
            elif cause.kind == "shelf life":
                self.kept[cause.at, : cause.month + 1] += lack
            else:
                upper[cause.op, cause.month] += lack
        # Hours lifted stand above open orders, so overtime that those take must not count a second time.
        self.net = replace(net, regular=regular, overtime=overtime_left(bare), upper=upper, receipts=receipts, limits=replace(net.limits, supplied=supplied))
        if lanes is not None:
            self.net = replace(self.net, limits=replace(self.net.limits, lanes=replace(lanes, most=carried)))
            limited = np.isfinite(bare.limits.lanes.room)
            more = np.subtract(self.net.limits.lanes.room, bare.limits.lanes.room, out=np.zeros(limited.shape), where=limited)
            self.solver.right("transport", more)
        self.solver.most("arrive", upper)
        self.solver.right("balance", receipts - bare.receipts)
        if len(net.resources):
            self.solver.right("capacity", regular - np.maximum(bare.regular, bare.committed))
            self.solver.dearer("overtime", np.where(self.free, -net.rate, 0.0))
        if supplied is not None:
            for row, name in enumerate(net.limits.suppliers["supplier"] + " " + net.limits.suppliers["measure"]):
                capped = np.isfinite(bare.limits.supplied[row])
                self.solver.right(f"supplier {name}", supplied[row, capped] - bare.limits.supplied[row, capped])
        for name in self.shelves:
            keeps = int(name.rsplit(" ", 1)[1])
            self.solver.right(name, self.kept[net.limits.shelf == keeps, : len(net.months) - keeps])


def _lots(net: Network, node: np.ndarray, t: np.ndarray, causes: list[Cause]) -> list[Cause]:
    """Return for each row the first lot on its path, or its first cause where the plan knows no lots."""
    step = one_lot(net)
    if not (step > 0).any():
        return causes
    prices, value = net.operations["price"].to_numpy(dtype=float), net.nodes["value"].to_numpy(dtype=float)
    best = path_costs(net.operations["node"].to_numpy(), prices, net.uses, value)[1]
    inputs = net.uses.groupby("op")["node"].agg(list).to_dict()
    lot: dict[int, int] = {}

    def first(at: int) -> int:
        if at not in lot:
            lot[at] = -1
            op = int(best[at])
            deeper = (first(n) for n in inputs.get(op, ()))
            lot[at] = op if op >= 0 and step[op] > 0 else next((n for n in deeper if n >= 0), -1)
        return lot[at]

    return [c if c.kind == "lot" else Cause("", "", "", "lot", first(int(n)), int(m), op=first(int(n))) for c, n, m in zip(causes, node, t, strict=True)]


def _part(net: Network, named: list[Cause], step: int, units: Matrix) -> pd.DataFrame:
    rows = np.flatnonzero(units > 0)
    told = [_told(net, named[k]) for k in rows]
    text = {"cause": pd.Series([c for c, _ in told], dtype="str"), "where": pd.Series([w for _, w in told], dtype="str")}
    return pd.DataFrame({"row": rows, **text, "step": float(step), "units": units[rows]})


def _told(net: Network, cause: Cause) -> tuple[str, str]:
    """Return the cause and where it is, in words."""
    ops, name = net.operations, NAMES.get(cause.kind, cause.kind)
    if cause.kind in ("capacity", "regular"):
        return name, net.resources[cause.at]
    if cause.kind in ("shelf life", "no source", "choice"):
        return name, net.nodes["node"].iat[cause.at]
    if cause.kind == "transport":
        lane = net.limits.lanes.table.iloc[cause.at]
        return name, f"{lane['from_location']} to {lane['location']}"
    if cause.kind == "strategy":
        return name, net.strategy
    if cause.op < 0:
        return name, "other items"
    if cause.kind == "supplier" or (cause.kind == "limit" and ops["kind"].iat[cause.op] == "buy" and isinstance(ops["supplier"].iat[cause.op], str)):
        return "supplier limit", ops["supplier"].iat[cause.op]
    return name, ops["operation"].iat[cause.op]


def _table(parts: pd.DataFrame, shortages: pd.DataFrame, least: Matrix) -> pd.DataFrame:
    """One row for each cause and place of a shortage; what is too little to be told goes to the largest."""
    sums = parts.groupby(["row", "cause", "where"], as_index=False).agg(step=("step", "min"), units=("units", "sum"))
    sums = sums.sort_values(["row", "step", "units"], ascending=[True, True, False], kind="stable", ignore_index=True)
    largest = sums.groupby("row")["units"].transform("idxmax") == sums.index
    sums = sums[(sums["units"] > least[sums["row"]]) | largest]
    largest = largest[sums.index]
    row = sums["row"].to_numpy()
    whole = shortages["short_units"].to_numpy(dtype=float)
    sums.loc[largest, "units"] += (whole[row] - sums.groupby("row")["units"].transform("sum"))[largest]
    of = shortages.iloc[row].reset_index(drop=True)
    sums = sums.reset_index(drop=True)
    money = of["money"] / of["short_units"] * sums["units"]
    return pd.concat([of[["product", "region", "month"]], sums[["cause", "where", "step", "units"]], money.rename("money")], axis=1)


def causes_by_place(table: pd.DataFrame) -> pd.DataFrame:
    """Return units and money short by cause and place, with first and last month and the share of all money, most money first.

    Parameters
    ----------
    table : DataFrame
        As the contract shortage_causes.
    """
    keys = ["cause", "where"]
    out = table.groupby(keys, as_index=False).agg(first_month=("month", "min"), last_month=("month", "max"), units=("units", "sum"), money=("money", "sum"))
    total = out["money"].sum()
    return out.assign(share=out["money"] / total if total > 0 else 0.0).sort_values("money", ascending=False, kind="stable", ignore_index=True)
