"""What stress tests do to the supply plan, each solved again from the basis of the plan as it is.

Plans are those before whole lots, with the stock targets of base. Where only hours, demand or receipts change, the program stays and its right-hand sides move;
another lead time makes another program, which starts from its own latest plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.stress import stress_tests
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model, overtime_left, patience
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_reasons import late_units
from sop_helpers.planning.supply_solver import Solution, Solver
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
        self.base = self._network(tables)
        self._solver = Solver(build_model(self.base), starting_basis(self.base))
        self.plan = self._solver.solve()

    def _network(self, tables: Mapping[str, pd.DataFrame]) -> Network:
        return build_network(**tables, targets=self.targets, months=self.months, **self.rules)

    def solve(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Network, Solution]:
        """Plan under changed tables."""
        net = self._network(tables)
        if not same_program(self.base, net):
            return net, Solver(build_model(net), starting_basis(net)).solve()
        solver, old = self._solver, self.base
        self._move(net)
        found = solver.solve()
        self._move(old)
        return net, found

    def _move(self, net: Network) -> None:
        """Set right-hand sides and limits to those of a network of the same program."""
        solver, old = self._solver, self.base
        if len(net.resources):
            free, before = (np.maximum(n.regular - n.committed, 0.0) for n in (net, old))
            solver.right("capacity", free - before)
            solver.most("overtime", overtime_left(net))
        solver.right("backlog", net.demand - old.demand)
        solver.right("balance", net.receipts - old.receipts)
        solver.most("owed", patience(net))


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
    money = purchase_plan.groupby("supplier")["cost"].sum().sort_values(ascending=False, kind="stable")
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
