"""The supply plan of a month: what to make, buy and move, what that serves, what it loads, and why anything is short.

Rules that the plan keeps, beside those of the model:

* lead times count in whole months, rounded up from half a month on; components, stock to be moved and hours are taken in the month of release;
* open receipts are fixed; overdue ones arrive in the first month; their components count as issued;
* orders past their month are owed from the start; open orders ahead are part of the demand plan;
* in frozen months nothing is released of a kind of order that the company brings open receipts of;
* whole lots as `supply_lots` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sop_helpers.planning import supply_results as results
from sop_helpers.planning.supply_exact import exact_lots
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_limit_prices import limit_prices
from sop_helpers.planning.supply_lots import DEAR, passes, round_lots, true_cost
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_parts import optimum, parts_of
from sop_helpers.planning.supply_reasons import Cause, shortages
from sop_helpers.planning.supply_solver import Solution
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_whole import fix_whole_workers, fix_workers
from sop_helpers.planning.supply_workers import STRATEGIES, WISHED, hiring_plan, staffed, strategy_price, value_of_hour
from sop_helpers.planning.wording import amount


@dataclass(frozen=True)
class SupplyResult:
    """A supply plan.

    Attributes
    ----------
    supply_plan, stock_projection, constrained_demand, capacity_load, shortages, purchase_plan, hiring_plan, lane_load, limit_prices : DataFrame
        As the contracts of the same names.
    objective : float
        Cost of the plan: operations with the fixed cost of every order, overtime, people, holding, and the prices of what is late, lost, below target or
        changed. What goes against a strategy has no cost.
    relaxed_objective : float
        The same of the plan before whole lots, each of its small orders charged too; the difference is what whole lots cost, and below zero where they
        save more orders than they hold stock.
    status : str
        ``optimal``.
    notes : list of str
        What the plan had to assume, one sentence each.
    network : Network
        What was planned on.
    causes : list of Cause
        Of each row of shortages.
    """

    supply_plan: pd.DataFrame
    stock_projection: pd.DataFrame
    constrained_demand: pd.DataFrame
    capacity_load: pd.DataFrame
    shortages: pd.DataFrame
    purchase_plan: pd.DataFrame
    objective: float
    relaxed_objective: float
    status: str
    notes: list[str]
    network: Network
    causes: list[Cause]
    hiring_plan: pd.DataFrame
    lane_load: pd.DataFrame
    limit_prices: pd.DataFrame


def plan_supply(*, whole_lots: bool = True, exact_lots_seconds: float = 0.0, currency: str = "", **network: Any) -> SupplyResult:
    """Plan supply for a demand plan: at least cost, always feasible.

    Parameters
    ----------
    whole_lots : bool
        Round orders to lots.
    exact_lots_seconds : float
        Seconds in which to look for the best lots and set-ups exactly; zero rounds them by the rule of `supply_lots`. The cheaper of both plans stands.
    currency : str
        Written behind amounts in remedies and notes.
    **network
        The tables and policy numbers of `build_network`.

    Raises
    ------
    ValueError
        A number cannot be planned with, a move leaves nowhere, a bill of material has a cycle, or a load names an unknown resource.
    """
    return solve_network(build_network(**network), whole_lots=whole_lots, exact_lots_seconds=exact_lots_seconds, currency=currency)


def solve_network(net: Network, *, whole_lots: bool = True, exact_lots_seconds: float = 0.0, currency: str = "") -> SupplyResult:
    """Plan on a network that is laid out already."""
    notes = list(net.notes)
    if len(net.series) == 0:
        raise ValueError("there is no demand to plan supply for; the demand plan is empty")
    if net.strategy == "hybrid" and net.crews is None:
        notes.append("The strategy is hybrid, and no resource states people (resources.hours_per_worker): the plan is the cheapest one.")
    model, start = build_model(net), starting_basis(net)
    if net.crews is not None and net.crews.whole:
        notes += fix_whole_workers(model)
    if whole_lots and passes(net):
        parts, relaxed = parts_of(model, start)
        final, before = round_lots(net, parts, relaxed), plan_cost(net, relaxed)
        if net.strategy == "optimal" and net.crews is not None and (net.crews.whole or _dear(net, final, relaxed)):
            final, said = _as_strategies(net, final)
            notes += said
            if said and net.crews.whole:  # what an hour is worth depends on the people who are there
                fix_workers(model, final.values["workers"].round())
                relaxed = optimum(model, start)
        if before > 0:
            extra = plan_cost(net, final) - before
            moved = f"{amount(abs(extra), currency)} ({abs(extra) / before:.1%})"
            notes.append(f"Whole lots add {moved} to the cost of the plan." if extra >= 0 else f"Whole lots save {moved} of the cost of the plan.")
    else:
        final = relaxed = optimum(model, start)
        before = plan_cost(net, relaxed)
    cost = plan_cost(net, final)
    if whole_lots and exact_lots_seconds > 0 and (passes(net) or (net.operations["fixed_cost"] > 0).any()):
        final, cost, said = _exactly(net, final, exact_lots_seconds, currency)
        notes.append(said)
    flows = results.clean(final.values, net)
    plan = results.supply_plan(net, flows["arrive"])
    manned = staffed(net, final.values)
    load = results.capacity_load(manned, flows, value_of_hour(net, relaxed), final.values.get("outside"))
    lane = relaxed.prices.get("transport")
    short, causes = shortages(manned, flows, load, lane.one if lane else None, currency)
    return SupplyResult(
        supply_plan=plan,
        stock_projection=results.stock_projection(net, flows),
        constrained_demand=results.constrained_demand(net, flows),
        capacity_load=load,
        shortages=short,
        purchase_plan=results.purchase_plan(net, plan),
        objective=cost,
        relaxed_objective=before,
        status="optimal",
        notes=notes,
        network=manned,
        causes=causes,
        hiring_plan=hiring_plan(net, final.values, load["planned_hours"].to_numpy(dtype=float).reshape(net.regular.shape)),
        lane_load=results.lane_load(net, flows["arrive"], lane),
        limit_prices=limit_prices(net, flows, relaxed.prices),
    )


def plan_cost(net: Network, found: Solution) -> float:
    """Return what a plan costs: every order is charged its fixed cost, and going against a strategy nothing."""
    return true_cost(net, found) - strategy_price(net, found.values)


def _dear(net: Network, rounded: Solution, relaxed: Solution) -> bool:
    """Say whether whole lots add so much that another strategy's plan may be cheaper: none with parts of people costs less than before rounding."""
    return plan_cost(net, rounded) - relaxed.objective > DEAR * abs(relaxed.objective)


def _as_strategies(net: Network, rounded: Solution) -> tuple[Solution, list[str]]:
    """Return the cheapest plan in whole lots of all strategies, and what to say where it is not the one that was rounded freely.

    A free plan may have the people and the stock of any strategy. Before rounding it is no dearer than they are, but lots are rounded by a rule.
    """
    best, said = rounded, []
    for strategy in (s for s in STRATEGIES if s != net.strategy):
        other = replace(net, strategy=strategy)
        model = build_model(other)
        try:
            if net.crews.whole:
                fix_whole_workers(model)
            found = round_lots(other, *parts_of(model, starting_basis(other)))
        except RuntimeError:  # no plan in the time given: there is one already
            continue
        cost = plan_cost(other, found)
        if cost < plan_cost(net, best) - 1e-6 * abs(cost):
            wish = strategy_price(other, found.values)
            values = {name: v for name, v in found.values.items() if name not in WISHED}
            best = replace(found, values=values, objective=found.objective - wish)
            said = [f"In whole lots the plan of the strategy {strategy} is the cheapest found."]
    return best, said


def _exactly(net: Network, rounded: Solution, seconds: float, currency: str) -> tuple[Solution, float, str]:
    """Return the cheaper of the rounded and the exact plan, its cost with every order charged, and what to say about it."""
    before = plan_cost(net, rounded)
    try:
        best, gap = exact_lots(net, seconds)
    except RuntimeError as error:
        return rounded, before, f"Lots are rounded: {error}."
    cost = plan_cost(net, best)
    if cost >= before - 1e-6 * abs(before):
        return rounded, before, f"Rounded lots are as good as the exact plan, which lies within {gap:.2%} of the least controllable cost."
    saved = amount(before - cost, currency)
    return best, cost, f"Lots and set-ups were planned exactly, within {gap:.2%} of the least controllable cost; rounding would add {saved}."
