"""Values of the sales KPIs by month, each as it was known at the end of that month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.commissions import by_rep as quota_by_rep
from sop_helpers.planning.commissions import earned_by_month
from sop_helpers.planning.kpi_values import gather, long, ratio
from sop_helpers.planning.pipeline import known_deals, pipeline_measures, stage_rates, weighted_pipeline
from sop_helpers.planning.pipeline_coverage import year_coverage
from sop_helpers.planning.quotas import by_months, fiscal_year_start, share_at_quota, with_bookings
from sop_helpers.planning.rep_capacity import on_leave, rep_capacity, unramped
from sop_helpers.planning.territories import balance, territory_plan

REBUILT = "rebuilt from dates, with stage and expected close as of today"


def pipeline_values(
    opportunities: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, quotas: pd.DataFrame, months: pd.DatetimeIndex,
    order: Sequence[str] | None = None, given: Mapping[str, float] | None = None, first_month: int = 1,
) -> pd.DataFrame:
    """Return pipeline coverage, stage-weighted pipeline, win rate, sales cycle and velocity at the end of each month.

    Parameters
    ----------
    opportunities, products, reps, quotas : DataFrame
        As the contracts; without opportunities there are no values.
    months : DatetimeIndex
        Months to measure.
    order, given : optional
        See `pipeline.stage_rates`.
    first_month : int
        First month of the fiscal year.
    """
    if opportunities.empty:
        return gather()
    states = {month: known_deals(opportunities, month + pd.DateOffset(months=1), products, reps) for month in months}
    measured = {month: _pipeline_at(deals, quotas, month, order, given, first_month) for month, deals in states.items() if len(deals)}
    rows = pd.DataFrame.from_dict(measured, orient="index")
    if rows.empty:
        return gather()
    last = pd.Series(np.where(rows.index == months.max(), "", REBUILT), index=rows.index)
    # Coverage is read against the coverage that its own period needs, which falls as the year goes by.
    asked = rows.pop("needed")
    needed = asked.map("{:.2f} x is needed at the win rate and what is created on the way".format).where(asked.notna(), "")
    notes = {kpi: last for kpi in rows} | {"pipeline coverage": (needed + "; " + last).str.strip("; ")}
    return gather(*(long(kpi, rows[kpi], notes[kpi]) for kpi in rows))


def _pipeline_at(deals: pd.DataFrame, quotas: pd.DataFrame, month: pd.Timestamp, order, given, first_month: int) -> dict[str, float]:
    known = month + pd.DateOffset(months=1)
    rates = stage_rates(deals, order or None, given)
    figures = pipeline_measures(deals, known)
    whole = weighted_pipeline(deals, rates, known)["weighted"].sum()
    covered = year_coverage(deals, with_bookings(quotas, deals, known, first_month), known, first_month)
    return {
        "pipeline coverage": covered["coverage"], "needed": covered["needed"],
        "stage-weighted pipeline": float(whole), "win rate": figures["win_rate"], "sales cycle": figures["cycle_days"], "sales velocity": figures["velocity"],
    }


def attainment_values(
    quotas: pd.DataFrame, deals: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, months: pd.DatetimeIndex, first_month: int = 1
) -> pd.DataFrame:
    """Return quota attainment, reps at quota and cost of sales plan, fiscal year to date, at the end of each month.

    Parameters
    ----------
    quotas, reps, comp_plans : DataFrame
        As the contracts; without quotas there are no values.
    deals : DataFrame
        From `pipeline.known_deals`; gives bookings where none are credited. May be empty.
    months : DatetimeIndex
        Months to measure.
    first_month : int
        First month of the fiscal year.
    """
    if quotas.empty:
        return gather()
    every = with_bookings(quotas, deals, months.max() + pd.DateOffset(months=1), first_month)
    rows = pd.DataFrame.from_dict({month: _attainment_at(every, reps, comp_plans, month, first_month) for month in months}, orient="index")
    return gather(*(long(kpi, rows[kpi]) for kpi in rows))


def _attainment_at(every: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, month: pd.Timestamp, first_month: int) -> dict[str, float]:
    begin = fiscal_year_start(month, first_month)
    asked = every[(every["month"] >= begin) & (every["month"] < begin + pd.DateOffset(years=1))]
    year = asked[(asked["month"] <= month) & asked["bookings"].notna().groupby(asked["month"]).transform("any")]
    by_rep = year.groupby("rep", as_index=False)[["quota", "bookings"]].sum()
    # Pay so far is what the plan has paid on the quota of the whole year, as in commission_plan.
    whole = quota_by_rep(asked).set_index("rep")
    wide = year.pivot_table(index="month", columns="rep", values="bookings", aggfunc="sum", fill_value=0.0).sort_index()
    paid = float(earned_by_month(wide, whole["quota"], reps, comp_plans, months=whole["months"]).sum().sum())
    terms = reps[reps["rep"].isin(by_rep["rep"])]
    priced = terms["comp_plan"].isin(comp_plans["plan"]) | (terms["on_target_earnings"] * terms["variable_share"]).notna()
    sold = by_rep["bookings"].sum()
    total = by_rep["quota"].sum()
    return {
        "quota attainment": sold / total if total > 0 else np.nan,
        "reps at quota": share_at_quota(ratio(by_rep["bookings"], by_rep["quota"])),
        "cost of sales plan": paid / sold if priced.any() and sold > 0 else np.nan,
    }


def force_values(
    reps: pd.DataFrame, quotas: pd.DataFrame, budget: pd.DataFrame, accounts: pd.DataFrame, months: pd.DatetimeIndex, ramp: Sequence[float],
    expected_attainment: float = 1.0, tolerance: float = 0.15, first_month: int = 1, leave: pd.DataFrame | None = None, ramped_quotas: bool = False,
) -> pd.DataFrame:
    """Return ramped rep equivalents, bookings capacity, over-assignment and territory balance by month.

    Parameters
    ----------
    reps, quotas, budget, accounts : DataFrame
        As the contracts; any may be empty.
    months : DatetimeIndex
        Months to measure. Territories are known as of today only and count in the last month.
    ramp, expected_attainment, tolerance
        Policies of sales.
    first_month : int
        First month of the fiscal year.
    leave : DataFrame, optional
        As the contract; takes its share of ramped rep equivalents and of bookings capacity, as in `rep_capacity`.
    ramped_quotas : bool
        Whether quotas are reduced by the ramp already.
    """
    now = pd.Series([balance(territory_plan(accounts, tolerance))], index=[months.max()])
    balanced = long("territory balance", now, f"both within {tolerance:.0%} of the mean of the region")
    if reps.empty:
        return balanced
    begin, end = fiscal_year_start(months.min(), first_month), fiscal_year_start(months.max(), first_month) + pd.DateOffset(years=1)
    every = pd.date_range(begin, end, freq="MS", inclusive="left", unit="us")
    quotas = by_months(quotas, first_month) if len(quotas) else quotas
    staff = rep_capacity(reps, unramped(quotas, reps, ramp) if ramped_quotas and len(quotas) else quotas, every, ramp, expected_attainment)
    staff = on_leave(staff.assign(ramped=staff["full_quota"] * staff["ramp"]), pd.DataFrame() if leave is None else leave)
    by_month = staff.groupby("month")[["ramp", "ramped", "capacity"]].sum()
    planned = budget.groupby("month")["revenue"].sum().reindex(by_month.index)
    both = pd.concat([by_month["ramped"], planned], axis=1).dropna()
    years = both.groupby(both.index.map(lambda m: fiscal_year_start(m, first_month))).sum()
    assigned = ratio(years["ramped"], years["revenue"])
    inside = by_month.index.isin(months)
    over = pd.Series({m: assigned.get(fiscal_year_start(m, first_month), np.nan) for m in months}, dtype=float)
    return gather(
        balanced, long("ramped rep equivalents", by_month.loc[inside, "ramp"]),
        *([long("bookings capacity", by_month.loc[inside, "capacity"]), long("over-assignment", over)] if len(quotas) else []),
    )
