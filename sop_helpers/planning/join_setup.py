"""From a month's tables and policies to the kept model of the join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sop_helpers.planning.join import unaided_share
from sop_helpers.planning.join_model import JoinModel, Selling
from sop_helpers.planning.join_money import Terms
from sop_helpers.planning.pay_months import commission_months, year_bookings, year_so_far
from sop_helpers.planning.pipeline import known_deals
from sop_helpers.planning.quotas import fiscal_year, with_bookings
from sop_helpers.planning.rep_capacity import hires_needed, unramped
from sop_helpers.planning.scenarios import SUPPLY_TABLES

JOIN_TABLES = [*SUPPLY_TABLES, "demand_plan", "inventory_targets", "stock_policies", "opportunities", "reps", "quotas", "comp_plans", "sales", "ledger",
               "pipeline_forecast", "bookings_forecast", "leave", "splits"]  # fmt: skip
NOT_OF_A_NETWORK = ("service_level", "whole_lots", "exact_lots_seconds", "whole_workers")


def selling_side(tables: Mapping[str, pd.DataFrame], month: pd.Timestamp, policy: Mapping[str, Any], fiscal_start: int = 1) -> Selling | None:
    """Return what the selling side brings; None without reps, so that nothing limits what is sold.

    Parameters
    ----------
    tables : mapping
        opportunities, products, reps, quotas, comp_plans, sales, and the bookings expected: bookings_forecast, else pipeline_forecast; leave and
        splits, where there are any.
    month : Timestamp
        First month planned.
    policy : mapping
        The sales policy: ramp, expected_attainment, attrition_rate, and ramped_quotas where quotas are reduced by the ramp.
    fiscal_start : int
        First month of the fiscal year.
    """
    reps = tables["reps"]
    if reps.empty or tables["quotas"].empty:
        return None
    deals = known_deals(tables["opportunities"], month, tables["products"], reps)
    booked = with_bookings(tables["quotas"], deals, month, fiscal_start)
    full = unramped(booked, reps, policy["ramp"]) if policy.get("ramped_quotas") else booked
    told = tables.get("bookings_forecast")
    if told is None or told.empty:
        told = tables["pipeline_forecast"].rename(columns={"weighted": "bookings"})
    bookings = told.groupby(["month", "family", "region"], as_index=False)["bookings"].sum()
    begun = year_so_far(booked, deals, tables.get("splits", pd.DataFrame()), month, fiscal_start)
    return Selling(
        reps, full, tables["comp_plans"], bookings, unaided_share(booked, reps, tables["sales"]), tuple(policy["ramp"]), policy["expected_attainment"],
        policy["attrition_rate"], fiscal_start, tables.get("leave", pd.DataFrame()), begun,
    )  # fmt: skip


def recent_deals(opportunities: pd.DataFrame, month: pd.Timestamp, products: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Return the deals that tell what each rep sells: open at the start of a month, or won in the year before it."""
    deals = known_deals(opportunities, month, products, reps)
    if deals.empty:
        return deals
    return deals[deals["outcome"].eq("open") | (deals["outcome"].eq("won") & (deals["closed"] >= month - pd.DateOffset(years=1)))]


def payment_terms(ledger: pd.DataFrame, policy: Mapping[str, Any], commissions: float = 0.0) -> Terms:
    """Return when money flows: the days of the finance policy, the balances of the last month of the ledger, 0 without, and commissions not yet paid."""
    open_now = {}
    for name in ("receivables", "payables"):
        known = ledger.sort_values("month", kind="stable")[name].dropna() if len(ledger) else pd.Series(dtype=float)
        open_now[name] = float(known.iloc[-1]) if len(known) else 0.0
    return Terms(
        policy["receivable_days"], policy["payable_days"], commissions=commissions, cash=policy["opening_cash"], rep_hiring_cost=policy["rep_hiring_cost"],
        **open_now,
    )  # fmt: skip


def commissions_due(tables: Mapping[str, pd.DataFrame], month: pd.Timestamp, fiscal_start: int = 1) -> float:
    """Return the commissions earned in the month before the plan, which are paid in its first month; 0 without reps or quotas.

    Parameters
    ----------
    tables, month, fiscal_start
        As for `selling_side`.
    """
    reps, last = tables["reps"], month - pd.DateOffset(months=1)
    if reps.empty or tables["quotas"].empty:
        return 0.0
    deals = known_deals(tables["opportunities"], month, tables["products"], reps)
    year = fiscal_year(with_bookings(tables["quotas"], deals, month, fiscal_start), last, fiscal_start)
    credited = year_bookings(year, pd.DataFrame(), deals, tables.get("splits", pd.DataFrame()), month)
    if credited.empty:
        return 0.0
    earned = commission_months(credited, reps, tables["comp_plans"])
    return float(earned.loc[earned["month"] == last, "commission"].sum())


def network_rules(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of the supply policy that `build_network` knows: those of stock targets, lots and whole people are the plan's own."""
    return {name: value for name, value in policy.items() if name not in NOT_OF_A_NETWORK}


def join_model(
    tables: Mapping[str, pd.DataFrame], months: pd.DatetimeIndex, policies: Mapping[str, Mapping[str, Any]], frozen_months: int = 1, fiscal_start: int = 1,
    last_plan: pd.DataFrame | None = None,
) -> JoinModel:  # fmt: skip
    """Return the kept model of a month.

    Parameters
    ----------
    tables : mapping
        The tables of `JOIN_TABLES`.
    months : DatetimeIndex
        Months planned.
    policies : mapping
        supply, sales and finance policies by field.
    frozen_months, fiscal_start : int
        As the calendar and the company have them.
    last_plan : DataFrame, optional
        The supply_plan of the month before; changing its near months has the price of the supply policy.
    """
    supply = network_rules(policies["supply"]) | {"last_plan": last_plan, "frozen_months": frozen_months}
    selling = selling_side(tables, months[0], policies["sales"], fiscal_start)
    terms = payment_terms(tables["ledger"], policies["finance"], commissions_due(tables, months[0], fiscal_start))
    needed = {name: tables[name] for name in SUPPLY_TABLES} | {"demand": tables["demand_plan"]}
    return JoinModel(needed, tables["inventory_targets"], tables["stock_policies"], months, selling, terms, **supply)


def hires_wanted(model: JoinModel, months: int = 12) -> dict[str, int]:
    """Return by region how many reps, hired now, would sell what nobody is there to sell within the first months; regions that need none are left out.

    Parameters
    ----------
    model : JoinModel
        The kept model, with a selling side.
    months : int
        Months added up; a rep hired at their start ramps within them.
    """
    if model.selling is None:
        return {}
    table, staff = model.answer().sellable, model.staff()
    first = model.months[:months]
    near = table[table["month"].isin(first)].groupby("region")[["sold_revenue", "demand_revenue"]].sum()
    each = staff.groupby("region")["full_quota"].mean() * model.selling.attainment
    gaps = (near["sold_revenue"] - near["demand_revenue"]).reindex(each.index).dropna()
    wanted = {region: hires_needed(gap, each[region], len(first), model.selling.ramp) for region, gap in gaps.items()}
    return {region: int(heads) for region, heads in wanted.items() if heads > 0}
