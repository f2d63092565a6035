"""What stress tests do to the supply plan, each solved again from the basis of the plan as it is.

Plans are those before whole lots, with the stock targets of base. Where only hours, demand or what is late change, the program stays: right-hand sides and the
months in which late orders come move, and the solver goes on from the basis of the plan as it is. Any other change makes a program anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.stress import stress_tests
from sop_helpers.planning.supply_inputs import build_network, receipts_by_month
from sop_helpers.planning.supply_model import build_model, overtime_left, patience, regular_left
from sop_helpers.planning.supply_network import NOT_NAMED, Matrix, Network, by_month, capacity, check_numbers
from sop_helpers.planning.supply_orders import late_shares
from sop_helpers.planning.supply_parts import Parts, is_big
from sop_helpers.planning.supply_reasons import late_units
from sop_helpers.planning.supply_solver import Solution, Solver, program
from sop_helpers.planning.supply_start import starting_basis

COLUMNS = ["test", "cost", "cost_more", "short_units", "short_money", "lost_money", "overtime_hours", "first_short_month"]


class StressModel:
    """The plan as it is, kept so that stress tests can be answered one after the other.

    Parameters
    ----------
    tables : mapping of DataFrame
        demand and the tables of the supply plan.
    targets : DataFrame
        As the contract inventory_targets.
    months : DatetimeIndex
        Months planned.
    **rules
        Policy numbers of `build_network`.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame], targets: pd.DataFrame, months: pd.DatetimeIndex, **rules: Any):
        self.tables, self.targets, self.months, self.rules = tables, targets, months, rules
        self.base = self._now = build_network(**tables, targets=targets, months=months, **rules)
        built, self._start = build_model(self.base), starting_basis(self.base)
        self._whole = None if is_big(built) else Solver(built, self._start)  # for what moves the whole plan, where that is small enough
        if self._whole is None:
            parts = Parts(program(built), self._start)
            self.plan = parts.solve()
            self._parts = parts.settled()
        else:
            self.plan = self._whole.solve()
            self._whole.keep()
            self._parts = Parts(self._whole.whole, self._whole.basis(), self._whole.x)

    @cached_property
    def _stated(self) -> dict[str, Matrix]:
        return by_month(self.tables["resources"], self.base.resources, self.months)

    def network(self, tables: Mapping[str, pd.DataFrame]) -> Network:
        """Lay changed tables out; where only hours or what is late differ, the rest is taken from the plan as it is."""
        changed = {name for name, frame in tables.items() if frame is not self.tables.get(name)}
        if changed == {"resources"}:
            names = self.base.resources
            stated, before = by_month(tables["resources"], names, self.months), self._stated
            if all(np.array_equal(stated[c], before[c], equal_nan=True) for c in stated if c not in ("regular_hours", "overtime_hours")):
                check_numbers({"resources": tables["resources"]})
                hours = capacity(stated, names, 0.0)[0]
                return replace(self.base, regular=hours["regular"], overtime=hours["overtime"])
        if changed and changed <= {"operations", "receipts"} and all(_but_late(tables[n]).equals(_but_late(self.tables[n])) for n in changed):
            ops = tables["operations"].sort_values("operation", ignore_index=True)
            at = pd.MultiIndex.from_frame(self.base.nodes[["item", "location"]])
            late = ops["months_late"] if "months_late" in ops else 0.0
            receipts = receipts_by_month(tables["receipts"], at, self.months)[0]
            return replace(self.base, operations=self.base.operations.assign(months_late=late), receipts=receipts)
        return build_network(**tables, targets=self.targets, months=self.months, **self.rules)

    def solve(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Network, Solution]:
        """Plan under changed tables."""
        net = self.network(tables)
        if not same_program(self.base, net):
            return net, Solver(build_model(net), starting_basis(net)).solve()
        if self._whole is None or np.array_equal(net.demand, self.base.demand):
            parts = self._parts.again()  # only what the test touches is solved
            if self._move(parts, self.base, net):
                # With other coefficients the basis of the plan is a bad start: from it simplex took five times as long as it does from scratch.
                parts.apart(self._start)
            return net, parts.solve()
        self._move(self._whole, self._now, net)
        self._now = net
        self._whole.restore()
        return net, self._whole.solve()

    def _move(self, solver: Solver | Parts, now: Network, net: Network) -> bool:
        """Set hours, demand, receipts and lateness from those of `now` to those of a network of the same program; say whether lateness changed."""
        base = self.base
        free, before, has = (regular_left(n) for n in (net, base, now))
        if len(net.resources) and not (np.array_equal(free, has) and np.array_equal(overtime_left(net), overtime_left(now))):
            solver.right("capacity", free - before)
            solver.most("overtime", overtime_left(net))
        if not np.array_equal(net.demand, now.demand):
            solver.right("backlog", net.demand - base.demand)
            solver.most("owed", patience(net))
        if not np.array_equal(net.receipts, now.receipts):
            solver.right("balance", net.receipts - base.receipts)
        late, was = (n.operations["months_late"] if "months_late" in n.operations else pd.Series(0.0, n.operations.index) for n in (net, now))
        ops = np.flatnonzero((late != was).to_numpy())
        if len(ops):
            self._delay(solver, ops, late.iloc[ops], was.iloc[ops])
        return len(ops) > 0

    def _delay(self, solver: Solver | Parts, ops: np.ndarray, late: pd.Series, was: pd.Series) -> None:
        """Let what some operations bring come later: other coefficients in the balances of their nodes."""
        comes, came = late_shares(late, len(ops)), late_shares(was, len(ops))
        steps, periods = max(len(comes), len(came)), len(self.months)
        share, before = (np.concatenate([s, np.zeros((steps - len(s), len(ops)))]) for s in (comes, came))
        k, at = np.nonzero(share != before)
        t = np.arange(periods)
        month = t[None, :] + k[:, None]
        inside = month < periods
        row = (self.base.operations["node"].to_numpy()[ops[at]][:, None] * periods + month)[inside]
        column = (ops[at][:, None] * periods + t)[inside]
        solver.coefficient("balance", "arrive", row, column, np.repeat(-share[k, at][:, None], periods, axis=1)[inside])


def _but_late(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="months_late", errors="ignore")


def same_program(one: Network, other: Network) -> bool:
    """Say whether two networks lead to the same program but for hours, demand and receipts."""
    if any(net.crews is not None or (net.outside is not None and (net.outside > 0).any()) for net in (one, other)):
        return False
    same = [one.operations[["operation", "lead", "price"]].equals(other.operations[["operation", "lead", "price"]]), one.nodes.equals(other.nodes)]
    same += [one.series.equals(other.series), one.resources == other.resources, one.uses.equals(other.uses), one.hours.equals(other.hours)]
    shared = [[n.limits.supplied, n.limits.lanes.room if n.limits.lanes is not None else None] for n in (one, other)]
    same += [(a is None) == (b is None) and (a is None or np.array_equal(a, b)) for a, b in zip(*shared, strict=True)]
    return all(same) and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("upper", "target", "opening", "rate"))


def stress_table(model: StressModel, **tests: Any) -> pd.DataFrame:
    """Return what each stress test does, base first, as the contract stress_tests.

    Parameters
    ----------
    model : StressModel
        The kept plan.
    **tests
        As `stress.stress_tests`: stops, late_suppliers, weeks_late, demand_factor.
    """
    rows = [_row("as planned", model.base, model.plan, model.plan.objective)]
    for name, tables in stress_tests(model.tables, model.months, **tests).items():
        rows.append(_row(name, *model.solve(tables), model.plan.objective))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"first_short_month": "datetime64[us]"})


def likely_tests(capacity_load: pd.DataFrame, purchase_plan: pd.DataFrame, most: int = 2) -> dict[str, list]:
    """Return the stops and late suppliers worth trying: the fullest resources in their fullest month, the suppliers of most money.

    Parameters
    ----------
    capacity_load : DataFrame
        month, resource, load.
    purchase_plan : DataFrame
        supplier, cost.
    most : int
        How many of each.
    """
    known = capacity_load.dropna(subset="load").sort_values("load", ascending=False, kind="stable").drop_duplicates("resource").head(most)
    named = purchase_plan[purchase_plan["supplier"] != NOT_NAMED]
    money = named.groupby("supplier")["cost"].sum().sort_values(ascending=False, kind="stable")
    return {"stops": list(zip(known["resource"], known["month"], strict=True)), "late_suppliers": money.index[:most].tolist()}


def _row(name: str, net: Network, found: Solution, base: float) -> tuple:
    late = late_units(net, found.values)
    short = np.where(late > 1e-6, late, 0.0)
    gone = found.values["lost"].copy()
    gone[:, -1] += found.values["owed"][:, -1]
    first = net.months[short.any(axis=0).argmax()] if short.any() else pd.NaT
    hours = float(found.values["overtime"].sum()) if "overtime" in found.values else 0.0
    money = float((short * net.prices).sum())
    return name, found.objective, found.objective - base, float(short.sum()), money, float((gone * net.prices).sum()), hours, first
