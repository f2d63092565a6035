"""Hires that would close the gap of bookings capacity, month by month, and what heads bring and cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.rep_capacity import UNNAMED, ramp_share, response_size, workload_size
from sop_helpers.planning.selling_response import PRIOR

NEED_COLUMNS = ["region", "start_month", "decide_by", "hires", "ramped_from", "gap", "brings", "cost"]

RISES = "the curve still rises at the edge of what was seen: the data cannot say more"
FALLS = "the curve still falls at the edge of what was seen: the data cannot say more"
INSIDE = "the best size lies within what was seen"
OPEN = "; whether one more rep pays is open"


def hiring_need(
    table: pd.DataFrame, staff: pd.DataFrame, reps: pd.DataFrame, ramp: Sequence[float], month: pd.Timestamp, lead_months: int = 3,
    expected_attainment: float = 1.0, attrition_rate: float = 0.0, hiring_cost: float = 0.0, window: int = 12,
) -> pd.DataFrame:
    """Return the hires by region and first month at work that the plan needs, none before the lead time allows.

    From the first month possible on, a rep is hired where the shortfall of the window that then begins, after the hires before, is at least what one new rep
    brings in it, ramp and attrition counted: nobody is hired who would not be used up.

    Parameters
    ----------
    table : DataFrame
        From `sales_capacity`.
    staff : DataFrame
        From `rep_capacity`.
    reps : DataFrame
        As the contract; the mean on-target earnings of a region (else of all) are what a hire costs a year.
    ramp, expected_attainment, attrition_rate
        As `rep_capacity`.
    month : Timestamp
        First month planned: a decision taken now is at work `lead_months` later.
    hiring_cost : float
        Money for one hire.
    window : int
        Months over which a shortfall is added up. Starts whose window would end beyond the plan are not tried, unless they are the first possible.

    Returns
    -------
    DataFrame
        As the contract hiring_need.
    """
    months = pd.DatetimeIndex(sorted(table["month"].unique())) if len(table) else pd.DatetimeIndex([])
    first = int(np.searchsorted(months, month + pd.DateOffset(months=lead_months)))
    if first >= len(months):
        return pd.DataFrame(columns=NEED_COLUMNS)
    full = staff.pivot_table(index="month", columns="region", values="full_quota", aggfunc="mean").reindex(months)
    full = full.reindex(columns=sorted(set(table["region"]) | set(full.columns))).apply(lambda c: c.fillna(full.mean(axis=1)))
    pay = reps["on_target_earnings"].groupby(reps["region"]).mean()
    rows = []
    for region, gaps in table.pivot_table(index="month", columns="region", values="gap", aggfunc="sum").reindex(months).fillna(0.0).items():
        left, each = gaps.to_numpy(float).copy(), full[region].fillna(0.0).to_numpy(float) * expected_attainment
        yearly = pay.get(region, np.nan) if np.isfinite(pay.get(region, np.nan)) else reps["on_target_earnings"].mean()
        for start in range(first, max(len(months) - window, first) + 1):
            worked = np.arange(len(months) - start)
            stay = (1 - attrition_rate) ** ((worked + 0.5) / 12)
            one = np.zeros(len(months))
            one[start:] = each[start:] * ramp_share(worked, ramp) * stay
            span = slice(start, start + window)
            short, brought = -left[span].sum(), one[span].sum()
            hires = int(np.floor(short / brought + 1e-9)) if brought > 0 and short > 0 else 0
            if not hires:
                continue
            left += hires * one
            cost = hires * (hiring_cost + np.nan_to_num(yearly) / 12 * stay.sum())
            full_at = start + int(np.argmax(np.asarray(ramp) >= max(ramp)))
            rows.append({
                "region": region, "start_month": months[start], "decide_by": months[start] - pd.DateOffset(months=lead_months), "hires": float(hires),
                "ramped_from": months[start] + pd.DateOffset(months=full_at - start), "gap": short, "brings": hires * one.sum(), "cost": cost,
            })
    return pd.DataFrame(rows, columns=NEED_COLUMNS).sort_values(["start_month", "region"], kind="stable").reset_index(drop=True)


def too_late(table: pd.DataFrame, month: pd.Timestamp, lead_months: int) -> float:
    """Return the shortfall of regions in the months before anybody hired now is at work: no hire closes it."""
    early = table[(table["month"] < month + pd.DateOffset(months=lead_months))] if len(table) else table
    return float(-early["gap"].clip(upper=0).sum()) if len(early) else 0.0


def region_economics(table: pd.DataFrame, staff: pd.DataFrame, reps: pd.DataFrame, budget: pd.DataFrame, months: int = 12) -> pd.DataFrame:
    """Return what heads bring and cost by region over the first months, and how far capacity carries the budget.

    Returns
    -------
    DataFrame
        region, heads (mean), capacity, budget, budget_gap (capacity - budget; n/a without budget), plan_per_head, capacity_per_head, cost (on-target
        earnings of those expected to stay), cost_share (of capacity).
    """
    shown = table["month"].drop_duplicates().nsmallest(months)
    near = table[table["month"].isin(shown)]
    out = near.groupby("region")[["heads", "capacity", "plan_revenue"]].sum()
    heads = out["heads"] / max(len(shown), 1)
    planned = budget[budget["month"].isin(shown)].groupby("region")["revenue"].sum() if len(budget) else pd.Series(dtype=float)
    earned = staff["rep"].map(reps.drop_duplicates("rep").set_index("rep")["on_target_earnings"]).astype(float) / 12 * staff["stay"]
    inside = staff["month"].isin(shown)
    cost = earned[inside].groupby(staff.loc[inside, "region"]).sum(min_count=1).reindex(out.index)
    known = heads.where(heads > 0)
    return pd.DataFrame({
        "heads": heads, "capacity": out["capacity"], "budget": planned.reindex(out.index), "budget_gap": out["capacity"] - planned.reindex(out.index),
        "plan_per_head": out["plan_revenue"] / known, "capacity_per_head": out["capacity"] / known, "cost": cost,
        "cost_share": cost / out["capacity"].where(out["capacity"] > 0),
    }).reset_index()


def sizing(
    accounts: pd.DataFrame, reps: pd.DataFrame, margin: pd.Series, month: pd.Timestamp, selling_hours: float | None = None, response: float = PRIOR,
    low: float | None = None, high: float | None = None, own: tuple[float, float] = (np.nan, np.nan), seen: pd.DataFrame | None = None, reach: float = 1.0,
) -> pd.DataFrame:  # fmt: skip
    """Return how many reps each region would have by the workload of its accounts and by a response function set to today's size and margin.

    Margin grows with the number of reps to the power of the elasticity. That is known near the sizes seen only, so no size is named beyond them and `reach`
    more or fewer; where the best lies beyond, `says` tells so, and what the next rep earns is the number to decide on.

    Parameters
    ----------
    accounts : DataFrame
        region, workload (hours a year).
    reps : DataFrame
        As the contract.
    margin : Series
        Gross margin of a year by region; all of it is taken to respond.
    month : Timestamp
        Month in which today's reps are counted.
    selling_hours : float, optional
        Hours a year that a rep can sell; the workload is not judged without.
    response : float
        Elasticity of margin to the number of reps (see `selling_response`).
    low, high : float, optional
        Ends of the elasticity's 80 % range; `response` by default.
    own : tuple of float
        80 % range of the elasticity by own months alone; n/a where they do not tell.
    seen : DataFrame, optional
        region, fewest, most (`selling_response.seen_heads`); today's reps always count as seen.
    reach : float
        Reps beyond what was seen that a size may be named for.

    Returns
    -------
    DataFrame
        region, reps (today), workload (hours), by_workload, break_even (elasticity at which today's size earns most), next_low, next_rep and next_high (margin
        less on-target earnings of one more rep in a year, at the low end, at the elasticity and at the high end), own_low and own_high (the same by own months
        alone), fewest and most (reps a size may be named for), by_low and by_response (size that earns most between them), says. Those by response are n/a, and
        says is empty, without margin or earnings.
    """
    working = reps[(reps["start_month"] <= month) & (reps["end_month"].isna() | (reps["end_month"] >= month))]
    working = working.assign(region=working["region"].fillna(UNNAMED))
    table = pd.DataFrame({"reps": working.groupby("region").size().astype(float)})
    table["workload"] = accounts.groupby("region")["workload"].sum().reindex(table.index) if len(accounts) else np.nan
    table["by_workload"] = [workload_size([1.0], [hours], selling_hours) if selling_hours else np.nan for hours in table["workload"]]
    cost, earned = working.groupby("region")["on_target_earnings"].mean().reindex(table.index), margin.reindex(table.index).astype(float)
    ok, low, high = (cost > 0) & (earned > 0), response if low is None else low, response if high is None else high
    table["break_even"] = (cost * table["reps"] / earned).where(ok)
    for name, power in {"next_low": low, "next_rep": response, "next_high": high, "own_low": own[0], "own_high": own[1]}.items():
        table[name] = (earned * ((1 + 1 / table["reps"]) ** power - 1) - cost).where(ok)
    known = pd.DataFrame(columns=["region", "fewest", "most"], dtype=float) if seen is None else seen
    known = known.set_index("region").reindex(table.index)
    table["fewest"] = (np.fmin(known["fewest"], table["reps"]) - reach).clip(lower=0)
    table["most"] = np.fmax(known["most"], table["reps"]) + reach
    free = pd.DataFrame({
        name: [response_size(earned[r] / table.loc[r, "reps"] ** power, cost[r], power)[0] if ok[r] else np.nan for r in table.index]
        for name, power in (("by_low", low), ("by_response", response))
    }, index=table.index)  # fmt: skip
    for name in free:
        table[name] = free[name].clip(table["fewest"], table["most"])
    table["says"] = np.select([~ok, free["by_response"] > table["most"], free["by_response"] < table["fewest"]], ["", RISES, FALLS], INSIDE)
    open_ = ok & (table["next_low"] < 0) & (table["next_high"] > 0)
    table["says"] += np.where(open_, OPEN, "")
    return table.rename_axis("region").reset_index()
