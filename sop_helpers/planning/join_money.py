"""The plan in money, month by month: profit and loss, and the cash that follows it by terms of payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sop_helpers.planning.commissions import earned_by_month
from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.quotas import fiscal_year_start

COSTS = ["cost of goods", "supply variance", "stock holding", "overtime", "commissions", "rep salaries", "hiring"]
PROFIT = ["revenue", *COSTS, "operating profit"]
CASH = ["receipts", "purchases", "conversion", "overtime", "commissions", "rep salaries", "hiring", "net cash", "balance"]


@dataclass(frozen=True)
class Terms:
    """When money flows, and what stood open when the plan began.

    Attributes
    ----------
    dso, dpo : float
        Days until customers pay, and until suppliers are paid.
    receivables, payables, commissions, cash : float
        Open balances, commissions earned in the month before and not yet paid, and cash at the start.
    rep_hiring_cost : float
        Of one rep, paid in the month of the hire.
    """

    dso: float = 45.0
    dpo: float = 45.0
    receivables: float = 0.0
    payables: float = 0.0
    commissions: float = 0.0
    cash: float = 0.0
    rep_hiring_cost: float = 0.0


def paid_by_terms(flow: pd.Series, days: float, opening: float = 0.0) -> pd.Series:
    """Return what is paid in each month of what falls due at the end of `days`; the opening balance is paid evenly over the same time.

    Parameters
    ----------
    flow : Series
        Money by month, without gaps, invoiced evenly through the month.
    days : float
        Terms, zero or more.
    opening : float
        What was open before the first month.
    """
    if not np.isfinite(days) or days < 0:
        raise ValueError(f"terms of payment are {days} days; expected zero or more")
    lag = days / DAYS_PER_MONTH
    whole, part = int(lag), lag - int(lag)
    values = flow.to_numpy(dtype=float)
    late = np.concatenate([np.zeros(whole), values])[: len(values)]
    later = np.concatenate([np.zeros(whole + 1), values])[: len(values)]
    month = np.arange(len(values))
    shares = (np.minimum(month + 1, lag) - np.minimum(month, lag)) / lag if lag > 0 else (month == 0).astype(float)
    return pd.Series((1 - part) * late + part * later + opening * shares, index=flow.index)


def rep_bookings(sellable: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Return what each rep is credited: what sellers bring of the region's sellable revenue, in proportion to capacity.

    Parameters
    ----------
    sellable : DataFrame
        month, region, sellable_revenue; credited_share (see `join.sellers_limit`), else all of it is credited.
    staff : DataFrame
        month, rep, region, capacity, quota.
    """
    share = sellable["credited_share"] if "credited_share" in sellable else 1.0
    credited = sellable[["month", "region"]].assign(sellable_revenue=sellable["sellable_revenue"] * share)
    rows = staff.merge(credited, on=["month", "region"])
    total = rows.groupby(["month", "region"])["capacity"].transform("sum")
    return rows.assign(bookings=(rows["sellable_revenue"] * rows["capacity"] / total.where(total > 0)).fillna(0.0))[["month", "rep", "quota", "bookings"]]


def commissions_by_month(
    credited: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, first_month: int = 1, begun: pd.DataFrame | None = None
) -> pd.Series:  # fmt: skip
    """Return commissions by month, each at the tier that the rep's fiscal year to date has reached.

    A fiscal year of which only a part is planned is settled on the quota and the share of the year of the months known: those begun and those planned.

    Parameters
    ----------
    credited : DataFrame
        month, rep, quota, bookings: the months planned.
    reps, comp_plans : DataFrame
        As the contracts.
    first_month : int
        First month of the fiscal year.
    begun : DataFrame, optional
        rep, quota, bookings, months of the fiscal year of the first month planned before it, from `pay_months.year_so_far`.
    """
    if credited.empty:
        return pd.Series(dtype=float)
    begins = credited["month"].map({m: fiscal_year_start(m, first_month) for m in credited["month"].drop_duplicates()})
    none = pd.DataFrame(columns=["quota", "bookings", "months"], dtype=float)
    parts = []
    for begin, rows in credited.groupby(begins):
        sold = rows.pivot_table(index="month", columns="rep", values="bookings", aggfunc="sum", fill_value=0.0).sort_index()
        year = rows.groupby("rep").agg(quota=("quota", "sum"), months=("month", "nunique")).astype(float)
        before = begun.set_index("rep")[list(none)] if begun is not None and len(begun) and begin == begins.min() else none
        before = before.reindex(year.index).fillna(0.0)
        year["quota"], year["months"] = year["quota"] + before["quota"], year["months"] + before["months"]
        # Caps and on-target earnings are of a year: whoever was hired in it has a part of them.
        for months, names in year.groupby("months").groups.items():
            earned = earned_by_month(sold[names], year["quota"], reps, comp_plans, months / 12, before["bookings"])
            parts.append(earned.sum(axis=1))
    return pd.concat(parts).groupby(level=0).sum()


def salaries_by_month(staff: pd.DataFrame, reps: pd.DataFrame) -> pd.Series:
    """Return the fixed pay of the reps by month: on-target earnings less their variable share, for those expected to be there.

    Parameters
    ----------
    staff : DataFrame
        month, rep, stay.
    reps : DataFrame
        rep, on_target_earnings, variable_share.
    """
    known = reps.drop_duplicates("rep").set_index("rep")
    fixed = known["on_target_earnings"] * (1 - known["variable_share"].fillna(0.0)) / 12
    return (staff["stay"] * staff["rep"].map(fixed).fillna(0.0)).groupby(staff["month"]).sum()


def profit_and_loss(flows: Mapping[str, pd.Series], months: pd.DatetimeIndex, terms: Terms | None = None, scenario: str = "base") -> pd.DataFrame:
    """Return profit and cash by month, as the contract profit_and_loss.

    Commissions are paid a month after they are earned, what is made and moved in its month; wages are part of the cost of conversion.

    Parameters
    ----------
    flows : mapping of Series
        Money by month, costs as positive numbers; what is left out is zero: revenue, cost of goods (at standard), supply variance (what orders cost more
        than standard), stock holding, overtime, commissions, rep salaries, hiring; purchases (by month of arrival) and conversion (making and moving).
    months : DatetimeIndex
        Months planned.
    terms : Terms, optional
        When money flows.
    scenario : str
        Name of the rows.

    Returns
    -------
    DataFrame
        scenario, month, statement (profit, cash), line, money. Costs and payments are negative, so that lines add up to operating profit and net cash;
        balance is cash at the end of the month.
    """
    rule = terms or Terms()
    zero = pd.Series(0.0, index=months)
    f = {name: flows[name].reindex(months).fillna(0.0) if name in flows else zero for name in [*PROFIT[:-1], "purchases", "conversion"]}
    profit = pd.DataFrame({"revenue": f["revenue"], **{name: 0.0 - f[name] for name in COSTS}})
    profit["operating profit"] = profit.sum(axis=1)
    cash = pd.DataFrame({
        "receipts": paid_by_terms(f["revenue"], rule.dso, rule.receivables),
        "purchases": 0.0 - paid_by_terms(f["purchases"], rule.dpo, rule.payables),
        "commissions": 0.0 - f["commissions"].shift(1, fill_value=rule.commissions),
        **{name: 0.0 - f[name] for name in ("conversion", "overtime", "rep salaries", "hiring")},
    })  # fmt: skip
    cash["net cash"] = cash.sum(axis=1)
    cash["balance"] = rule.cash + cash["net cash"].cumsum()
    parts = [
        table[lines].rename_axis("month").reset_index().melt("month", var_name="line", value_name="money").assign(statement=name)
        for name, table, lines in (("profit", profit, PROFIT), ("cash", cash, CASH))
    ]
    return pd.concat(parts, ignore_index=True).assign(scenario=scenario)[["scenario", "month", "statement", "line", "money"]]


def statement(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a statement over the horizon for people: one row a line, one column a scenario; the balance is that of the last month.

    Parameters
    ----------
    table : DataFrame
        As the contract profit_and_loss.
    name : str
        profit or cash.
    """
    rows = table[table["statement"] == name]
    rows = rows[(rows["line"] != "balance") | (rows["month"] == rows["month"].max())]
    wide = rows.groupby(["line", "scenario"])["money"].sum().unstack("scenario").round(2) + 0.0
    return wide.loc[PROFIT if name == "profit" else CASH, list(dict.fromkeys(table["scenario"]))].rename_axis(columns=None).reset_index()
