"""What-ifs: the same plan with other demand, prices, capacity, costs or lead times, compared with base."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.chunks import Work
from sop_helpers.planning.finance import DEMAND, financials
from sop_helpers.planning.join_levers import check_levers, levered_demand
from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.stock_targets import StockRules, inventory_targets
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_results import overtime_cost

SUPPLY_TABLES = ["inventory", "operations", "components", "loads", "resources", "receipts", "open_orders", "regions", "products", "supplier_limits",
                 "location_limits", "lane_limits", "item_measures"]  # fmt: skip
HOURS = ["regular_hours", "hours_per_worker"]


class ScenarioResults(NamedTuple):
    """Scenarios side by side: ``scenarios`` and ``financials`` as the contracts of the same names."""

    scenarios: pd.DataFrame
    financials: pd.DataFrame


class Planned(NamedTuple):
    """What is read off the plan of one scenario: tables as `supply.SupplyResult` has them, products as the scenario prices them, overtime_cost by month,
    and standard, the cost of one unit of each item by its cheapest path."""

    demand: pd.DataFrame
    products: pd.DataFrame
    constrained_demand: pd.DataFrame
    stock_projection: pd.DataFrame
    purchase_plan: pd.DataFrame
    capacity_load: pd.DataFrame
    shortages: pd.DataFrame
    overtime_cost: pd.Series
    standard: pd.Series


def apply_scenario(tables: Mapping[str, pd.DataFrame], factors: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the tables as they are under a scenario; the tables given are left as they are.

    Parameters
    ----------
    tables : mapping
        demand (month, product, region, units, revenue where known), products, resources and operations are changed, all others passed on.
    factors : mapping
        demand_factor, price_factor, capacity_factor, cost_factor, extra_lead_time_months, families (those that demand and price
        factors touch, all when empty), a promotion, a win rate factor (on the bookings, where tables has them); what is left out changes nothing.
        Capacity factors touch regular hours and those of a worker, cost factors and extra lead time what is bought.
        Hires, ramp and quotas do not touch demand: see `join_model`.

    Raises
    ------
    ValueError
        A factor is unknown, a family is not in products, or no plan can be made of a lever.
    """
    products, demand = tables["products"], tables["demand"]
    f = check_levers(factors, pd.DatetimeIndex(sorted(demand["month"].unique())), None, products["family"])
    touched = products["family"].isin(f["families"]) if f["families"] else pd.Series(True, index=products.index)
    priced = demand if "revenue" in demand else demand.assign(revenue=demand["units"])
    scaled = levered_demand(priced, products, f, tables.get("bookings"))
    ops = tables["operations"]
    bought = (ops["kind"] == "buy").to_numpy()
    return {name: frame for name, frame in tables.items() if name != "bookings"} | {
        "demand": scaled[list(demand.columns)],
        "products": products.assign(
            unit_price=products["unit_price"] * np.where(touched, f["price_factor"], 1.0),
            unit_cost=products["unit_cost"] * (f["cost_factor"] if ops.empty else 1.0),
        ),
        "resources": tables["resources"].assign(**{c: tables["resources"][c] * f["capacity_factor"] for c in HOURS if c in tables["resources"]}),
        "operations": ops.assign(
            unit_cost=ops["unit_cost"] * np.where(bought, f["cost_factor"], 1.0),
            lead_time_months=ops["lead_time_months"] + np.where(bought, f["extra_lead_time_months"], 0),
        ),
    }


def run_scenarios(
    scenarios: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    forecast: pd.DataFrame,
    stock_policies: pd.DataFrame,
    months: pd.DatetimeIndex,
    *,
    currency: str = "money",
    errors: pd.DataFrame | None = None,
    deliveries: pd.DataFrame | None = None,
    trials: pd.DataFrame | None = None,
    stock_rules: StockRules | None = None,
    work: Work | None = None,
    **rules: Any,
) -> ScenarioResults:
    """Plan base and each scenario, and lay them side by side.

    Parameters
    ----------
    scenarios : mapping
        Name to factors; base is added in front.
    tables : mapping
        demand and the tables of `SUPPLY_TABLES`.
    forecast, stock_policies, errors, deliveries, trials : DataFrame
        As the contracts (errors: forecast_errors, trials: forecast_trials); inventory targets follow each scenario's demand and lead times.
    months : DatetimeIndex
        Months planned.
    currency : str
        Unit of the money measures.
    stock_rules : StockRules, optional
        Where no stock policy says otherwise.
    work : Work, optional
        Where scenarios are planned, each by itself; one after another here by default.
    **rules
        Policy numbers of `plan_supply` and `build_network`, and last month's plan.
    """
    every = {"base": {}, **scenarios}
    known = {"stock_policies": stock_policies, "months": months, **rules}
    told = {"forecast": forecast, "errors": errors, "deliveries": deliveries, "trials": trials, "rules": stock_rules}
    planned = (work or Work()).each(partial(_planned, tables=tables, told=told, known=known), every.values())
    base, money, measures = None, [], []
    for name, plan in zip(every, planned, strict=True):
        base = plan.standard if base is None else base
        # Standard costs follow what is bought: the roll-up of the scenario less that of base is added to them.
        products = plan.products.assign(unit_cost=plan.products["unit_cost"] + plan.products["product"].map(plan.standard - base).fillna(0.0))
        shipped = plan.constrained_demand, plan.stock_projection, plan.purchase_plan
        value = financials(plan.demand, *shipped, products, plan.overtime_cost, months, scenario=name, holding_rate=rules.get("holding_rate", 0.2))
        money.append(value)
        measures.append(measure(plan, value, currency).assign(scenario=name))
    side = pd.concat(measures, ignore_index=True)
    side["against_base"] = side["value"] - side["measure"].map(side[side["scenario"] == "base"].set_index("measure")["value"])
    return ScenarioResults(side[["scenario", "measure", "unit", "value", "against_base"]], pd.concat(money, ignore_index=True))


def _planned(factors: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], told: Mapping[str, Any], known: Mapping[str, Any]) -> Planned:
    """Plan one scenario: `told` goes to its stock targets, `known` to its supply plan."""
    changed = apply_scenario(tables, factors)
    network = {name: changed[name] for name in ("demand", "operations", "components", "regions", "inventory", "products")}
    later = told | {"deliveries": _later(told["deliveries"], changed["operations"], factors)}
    targets = inventory_targets(**network, **later, stock_policies=known["stock_policies"], months=known["months"])
    plan = plan_supply(**changed, targets=targets, **known)
    standard = plan.network.nodes.groupby("item")["path_cost"].min()
    read = plan.constrained_demand, plan.stock_projection, plan.purchase_plan, plan.capacity_load, plan.shortages
    return Planned(changed["demand"], changed["products"], *read, overtime_cost(plan.network, plan.capacity_load), standard)


def _later(deliveries: pd.DataFrame | None, operations: pd.DataFrame, factors: Mapping[str, Any]) -> pd.DataFrame | None:
    """What deliveries of bought items would have taken with a scenario's extra lead time."""
    extra = factors.get("extra_lead_time_months", 0)
    if deliveries is None or deliveries.empty or not extra:
        return deliveries
    bought = pd.MultiIndex.from_frame(operations.loc[operations["kind"] == "buy", ["item", "location"]])
    longer = pd.to_timedelta(np.where(pd.MultiIndex.from_frame(deliveries[["item", "location"]]).isin(bought), extra * DAYS_PER_MONTH, 0.0), "D")
    return deliveries.assign(arrived=deliveries["arrived"] + longer)


def measure(plan: Planned, value: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return what scenarios are compared on, over the whole horizon: measure, unit, value.

    Parameters
    ----------
    plan : Planned
        The plan of the scenario.
    value : DataFrame
        Its financials.
    currency : str
        Unit of money.
    """
    load = plan.capacity_load["load"]
    rows = [
        (DEMAND, "units", plan.demand["units"].sum()),
        ("revenue", currency, value["revenue"].sum()),
        ("unconstrained revenue", currency, value["unconstrained_revenue"].sum()),
        ("gross margin", currency, value["margin"].sum()),
        ("average stock value", currency, value["stock_value"].mean()),
        ("peak load", "share", load.max() if load.notna().any() else np.nan),
        ("overtime cost", currency, value["overtime_cost"].sum()),
        ("short units", "units", plan.shortages["short_units"].sum()),
        ("purchases", currency, value["purchases"].sum()),
    ]
    return pd.DataFrame(rows, columns=["measure", "unit", "value"])


def with_join(scenarios: pd.DataFrame, sellable: pd.DataFrame, profit_and_loss: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return the table scenarios with what the join adds to it: sellable revenue, operating profit and net cash over the horizon.

    Parameters
    ----------
    scenarios, sellable, profit_and_loss : DataFrame
        As the contracts scenarios, sellable_revenue and profit_and_loss.
    currency : str
        Unit of money.
    """
    lines = profit_and_loss.groupby(["line", "scenario"])["money"].sum()
    sums = {"sellable revenue": sellable.groupby("scenario")["sellable_revenue"].sum(), **{n: lines[n] for n in ("operating profit", "net cash")}}
    names = list(dict.fromkeys(scenarios["scenario"]))
    rows = [(s, n, currency, float(v[s]), float(v[s] - v["base"])) for s in names for n, v in sums.items()]
    added = pd.DataFrame(rows, columns=["scenario", "measure", "unit", "value", "against_base"])
    return pd.concat([scenarios, added], ignore_index=True)


def side_by_side(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Return the table scenarios for people: one row per measure, one text column per scenario with its difference from base, where it has one."""

    def word(value: float, unit: str, signed: bool = False) -> str:
        if pd.isna(value):
            return "n/a"
        return (f"{100 * value:+z.1f} points" if signed else f"{value:.1%}") if unit == "share" else (f"{value:+z,.0f}" if signed else f"{value:,.0f}")

    def change(value: float, unit: str) -> str:
        return "" if pd.isna(value) or (text := word(value, unit, signed=True)) in ("+0", "+0.0 points") else f" ({text})"

    rows = scenarios.assign(text=[
        word(v, u) + ("" if s == "base" else change(d, u))
        for s, u, v, d in zip(scenarios["scenario"], scenarios["unit"], scenarios["value"], scenarios["against_base"], strict=True)
    ])  # fmt: skip
    order = list(dict.fromkeys(scenarios["measure"]))
    wide = rows.pivot(index=["measure", "unit"], columns="scenario", values="text")[list(dict.fromkeys(scenarios["scenario"]))]
    return wide.reindex(order, level="measure").reset_index().rename_axis(columns=None)
