"""The supply plan of a month: what to make, buy and move, what that serves, what it loads, and why anything is short.

Rules that the plan keeps, beside those of the model:

* lead times count in whole months, rounded up from half a month on; components, stock to be moved and hours are taken in the month of release;
* open receipts are fixed; overdue ones arrive in the first month; their components count as issued;
* orders past their month are owed from the start; open orders ahead are part of the demand plan;
* in frozen months nothing is released of a kind of order that the company brings open receipts of;
* whole lots as `supply_lots` says.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sop_helpers.planning import supply_results as results
from sop_helpers.planning.supply_exact import exact_lots, true_cost
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_lots import passes, round_lots
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_parts import optimum, solver_of
from sop_helpers.planning.supply_reasons import Cause, shortages
from sop_helpers.planning.supply_solver import Solution
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_whole import fix_whole_workers
from sop_helpers.planning.supply_workers import hiring_plan, staffed, strategy_price


@dataclass(frozen=True)
class SupplyResult:
    """A supply plan.

    Attributes
    ----------
    supply_plan, stock_projection, constrained_demand, capacity_load, shortages, purchase_plan, hiring_plan, lane_load : DataFrame
        As the contracts of the same names.
    objective : float
        Cost of the plan in the model: operations, overtime, people, holding, and the prices of what is late, lost, below target or changed.
    relaxed_objective : float
        The same before whole lots; the difference is what whole lots cost.
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


def plan_supply(
    demand: pd.DataFrame,
    inventory: pd.DataFrame,
    operations: pd.DataFrame,
    components: pd.DataFrame,
    loads: pd.DataFrame,
    resources: pd.DataFrame,
    receipts: pd.DataFrame,
    open_orders: pd.DataFrame,
    regions: pd.DataFrame,
    targets: pd.DataFrame,
    products: pd.DataFrame,
    months: pd.DatetimeIndex,
    *,
    stock_policies: pd.DataFrame | None = None,
    frozen_months: int = 1,
    holding_rate: float = 0.2,
    backorder_rate: float = 0.05,
    lost_sale_rate: float = 1.0,
    patience_months: int = 3,
    below_target_rate: float = 0.02,
    overtime_rate: float = 30.0,
    whole_lots: bool = True,
    exact_lots_seconds: float = 0.0,
    strategy: str = "optimal",
    whole_workers: bool = False,
    objective: str = "cost",
    change_rate: float = 0.0,
    change_months: int = 3,
    last_plan: pd.DataFrame | None = None,
    supplier_limits: pd.DataFrame | None = None,
    location_limits: pd.DataFrame | None = None,
    lane_limits: pd.DataFrame | None = None,
    item_measures: pd.DataFrame | None = None,
) -> SupplyResult:
    """Plan supply for a demand plan: at least cost, always feasible.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units (the consensus).
    inventory, operations, components, loads, resources, receipts, open_orders, regions, products : DataFrame
        As the contracts; all but products may be empty.
    targets : DataFrame
        month, item, location, target_units; may be empty.
    months : DatetimeIndex
        Months planned, the first is the current one.
    stock_policies : DataFrame, optional
        As the contract; gives holding rates and maxima.
    frozen_months : int
        First months in which no release can be changed.
    holding_rate : float
        Cost of a year in stock, share of value.
    backorder_rate : float
        Cost of a month late, share of the selling price.
    lost_sale_rate : float
        Goodwill lost with a sale, beside the sale itself: share of its margin, or of a tenth of its price where that is more.
    patience_months : int
        Months that customers wait.
    below_target_rate : float
        Cost of a month below target beside the holding cost that it saves, share of value.
    overtime_rate : float
        Price of an overtime hour where the resource states none.
    whole_lots : bool
        Round orders to lots.
    exact_lots_seconds : float
        Seconds in which to look for the best lots and set-ups exactly; zero rounds them by the rule of `supply_lots`. The cheaper of both plans stands.
    strategy : str
        optimal, level, chase or hybrid: see `supply_workers`.
    whole_workers : bool
        Count people in whole numbers.
    objective : str
        cost serves what was agreed at least cost; profit serves only what earns more than it costs.
    change_rate : float
        Price of changing last month's plan in its near months: share of the value of a unit more or less.
    change_months : int
        Months of release that count as near.
    last_plan : DataFrame, optional
        The supply_plan of the month before.
    supplier_limits, location_limits, lane_limits, item_measures : DataFrame, optional
        As the contracts.

    Raises
    ------
    ValueError
        A number cannot be planned with, a bill of material has a cycle, or a load names an unknown resource.
    """
    net = build_network(
        demand, inventory, operations, components, loads, resources, receipts, open_orders, regions, targets, products, pd.DatetimeIndex(months),
        stock_policies=stock_policies, frozen_months=frozen_months, holding_rate=holding_rate, backorder_rate=backorder_rate, lost_sale_rate=lost_sale_rate,
        patience_months=patience_months, below_target_rate=below_target_rate, overtime_rate=overtime_rate, strategy=strategy,
        whole_workers=whole_workers, objective=objective, change_rate=change_rate, change_months=change_months, last_plan=last_plan,
        supplier_limits=supplier_limits, location_limits=location_limits, lane_limits=lane_limits, item_measures=item_measures,
    )  # fmt: skip
    return solve_network(net, whole_lots=whole_lots, exact_lots_seconds=exact_lots_seconds)


def solve_network(net: Network, *, whole_lots: bool = True, exact_lots_seconds: float = 0.0) -> SupplyResult:
    """Plan on a network that is laid out already."""
    notes = list(net.notes)
    if len(net.series) == 0:
        raise ValueError("there is no demand to plan supply for; the demand plan is empty")
    model, start = build_model(net), starting_basis(net)
    if net.crews is not None and net.crews.whole:
        notes += fix_whole_workers(model)
    if whole_lots and passes(net):
        solver, relaxed = solver_of(model, start)
        final = round_lots(net, solver, relaxed)
        if relaxed.objective > 0:
            extra = final.objective - relaxed.objective
            notes.append(f"Whole lots add {extra:,.0f} ({extra / relaxed.objective:.1%}) to the cost of the plan.")
    else:
        final = relaxed = optimum(model, start)
    cost = final.objective
    if whole_lots and exact_lots_seconds > 0 and (passes(net) or (net.operations["fixed_cost"] > 0).any()):
        final, cost, said = _exactly(net, final, exact_lots_seconds)
        notes.append(said)
    flows = results.clean(final.values, net)
    plan = results.supply_plan(net, flows["arrive"])
    manned = staffed(net, final.values)
    load = results.capacity_load(manned, flows, relaxed.hour, final.values.get("outside"), relaxed.held)
    wish = strategy_price(net, final.values)
    short, causes = shortages(manned, flows, load, relaxed.lane)
    return SupplyResult(
        supply_plan=plan,
        stock_projection=results.stock_projection(net, flows),
        constrained_demand=results.constrained_demand(net, flows),
        capacity_load=load,
        shortages=short,
        purchase_plan=results.purchase_plan(net, plan),
        objective=cost - wish,
        relaxed_objective=relaxed.objective,
        status="optimal",
        notes=notes,
        network=manned,
        causes=causes,
        hiring_plan=hiring_plan(net, final.values, load["planned_hours"].to_numpy(dtype=float).reshape(net.regular.shape)),
        lane_load=results.lane_load(net, flows["arrive"], relaxed.lane, relaxed.lane_held),
    )


def _exactly(net: Network, rounded: Solution, seconds: float) -> tuple[Solution, float, str]:
    """Return the cheaper of the rounded and the exact plan, its cost with every order charged, and what to say about it."""
    before = true_cost(net, rounded)
    try:
        best, gap = exact_lots(net, seconds)
    except RuntimeError as error:
        return rounded, before, f"Lots are rounded: {error}."
    cost = true_cost(net, best)
    if cost >= before - 1e-6 * abs(before):
        return rounded, before, f"Rounded lots are as good as the exact plan, which lies within {gap:.2%} of the least controllable cost."
    return best, cost, f"Lots and set-ups were planned exactly, within {gap:.2%} of the least controllable cost; rounding would add {before - cost:,.0f}."
