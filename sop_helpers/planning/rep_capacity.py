"""What the sales force can bring: heads, ramp, attrition and bookings capacity by region and month."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import months_between

CAPACITY_COLUMNS = ["month", "region", "heads", "ramped_reps", "capacity", "quota", "plan_revenue", "gap"]
UNNAMED = "not stated"


def ramp_share(months_at_work: pd.Series | np.ndarray | Sequence[float], ramp: Sequence[float]) -> np.ndarray:
    """Return the share of full productivity in the given month at work (0 is the first); the last share holds.

    Raises
    ------
    ValueError
        The ramp is empty or has a share below 0 or above 1.
    """
    shares = np.asarray(ramp, dtype=float)
    if not len(shares) or (shares < 0).any() or (shares > 1).any():
        raise ValueError(f"ramp {list(ramp)} must hold shares between 0 and 1")
    worked = np.asarray(months_at_work, dtype=float).astype(int)
    return np.where(worked < 0, 0.0, shares[np.clip(worked, 0, len(shares) - 1)])


def ramped_reps(heads: Sequence[float], shares: Sequence[float]) -> float:
    """Return ramped rep equivalents: the sum of heads times their share of full productivity."""
    return float(np.dot(np.asarray(heads, dtype=float), np.asarray(shares, dtype=float)))


def rep_months(reps: pd.DataFrame, months: pd.DatetimeIndex, ramp: Sequence[float]) -> pd.DataFrame:
    """Return one row per rep and month at work, with the share of full productivity.

    Parameters
    ----------
    reps : DataFrame
        rep, region, start_month, end_month (last month at work, blank while employed).
    months : DatetimeIndex
        Month starts.
    ramp : sequence of float
        Share of full productivity in the first, second, ... month at work.

    Returns
    -------
    DataFrame
        month, rep, region, months_at_work, ramp.
    """
    grid = reps[["rep", "region", "start_month", "end_month"]].merge(pd.DataFrame({"month": months}), how="cross")
    at_work = (grid["start_month"] <= grid["month"]) & (grid["end_month"].isna() | (grid["month"] <= grid["end_month"]))
    grid = grid[at_work].copy()
    grid["region"] = grid["region"].fillna(UNNAMED)
    start, now = grid["start_month"].dt, grid["month"].dt
    grid["months_at_work"] = months_between(now, start)
    grid["ramp"] = ramp_share(grid["months_at_work"], ramp)
    return grid.sort_values(["month", "rep"], kind="stable")[["month", "rep", "region", "months_at_work", "ramp"]].reset_index(drop=True)


def unramped(quotas: pd.DataFrame, reps: pd.DataFrame, ramp: Sequence[float]) -> pd.DataFrame:
    """Return quotas as if their reps were fully ramped, where those stated are reduced by the ramp already.

    Months in which a rep brings nothing yet tell nothing of a full quota and are left out.

    Parameters
    ----------
    quotas : DataFrame
        month, rep, quota and whatever else.
    reps : DataFrame
        rep, start_month.
    ramp : sequence of float
        Share of full productivity by month at work.
    """
    start = quotas["rep"].map(reps.drop_duplicates("rep").set_index("rep")["start_month"])
    share = np.where(start.isna(), 1.0, ramp_share(months_between(quotas["month"], start.fillna(quotas["month"])), ramp))
    return quotas.assign(quota=quotas["quota"] / np.where(share > 0, share, np.nan))[share > 0]


def full_quotas(staff: pd.DataFrame, quotas: pd.DataFrame) -> pd.Series:
    """Return the monthly quota of each row of `rep_months`, as if fully ramped.

    The quota of that month; else the rep's of the same month a year before, which keeps the season; else the rep's own mean;
    else the mean of the region; else of all. 0 without any quota.
    """
    if quotas.empty:
        return pd.Series(0.0, index=staff.index)
    stated = quotas[["month", "rep", "quota"]]
    before = stated.assign(month=stated["month"] + pd.DateOffset(years=1))
    exact, earlier = (staff[["month", "rep"]].merge(q, on=["month", "rep"], how="left")["quota"].set_axis(staff.index) for q in (stated, before))
    own = quotas[quotas["quota"] > 0].groupby("rep")["quota"].mean()
    home = staff.drop_duplicates("rep").set_index("rep")["region"]
    region = own.groupby(home.reindex(own.index)).mean()
    usual = staff["rep"].map(own).astype(float).fillna(staff["region"].map(region).astype(float)).fillna(own.mean() if len(own) else 0.0)
    return exact.fillna(earlier).fillna(usual)


def rep_capacity(
    reps: pd.DataFrame, quotas: pd.DataFrame, months: pd.DatetimeIndex, ramp: Sequence[float], expected_attainment: float = 1.0,
    attrition_rate: float = 0.0, attrition_from: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return what each rep can bring by month: quota x ramp x expected attainment, less attrition.

    Parameters
    ----------
    reps, quotas : DataFrame
        As the contracts; `quotas` may be empty.
    months : DatetimeIndex
        Month starts.
    ramp : sequence of float
        Share of full productivity by month at work.
    expected_attainment : float
        Share of quota that a fully ramped rep is expected to bring.
    attrition_rate : float
        Share of reps that leave in a year; those who stay at month t, counted from their first day where that lies ahead, are (1 - rate) ** (t / 12).
    attrition_from : Timestamp, optional
        Month at whose start the heads are known; no attrition before. The first month by default.

    Returns
    -------
    DataFrame
        month, rep, region, ramp, stay (share expected to be still there), full_quota, capacity.
    """
    staff = rep_months(reps, months, ramp)
    begin = attrition_from if attrition_from is not None else (months[0] if len(months) else None)
    # Leavers go evenly through a month, so half of it counts.
    ahead = np.minimum(months_between(staff["month"], begin), staff["months_at_work"]) + 0.5 if begin is not None else staff["ramp"]
    staff["stay"] = np.where(ahead > 0, (1 - attrition_rate) ** (ahead.clip(lower=0) / 12), 1.0)
    staff["full_quota"] = full_quotas(staff, quotas)
    staff["capacity"] = staff["full_quota"] * staff["ramp"] * expected_attainment * staff["stay"]
    return staff.drop(columns="months_at_work")


def on_leave(staff: pd.DataFrame, leave: pd.DataFrame) -> pd.DataFrame:
    """Return `staff` with capacity and ramp less the share of the month on leave, and the share at work (at_work).

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity`.
    leave : DataFrame
        rep, month, share (of the month away, 0 to 1); may be empty. Shares of a rep and month add up to 1 at most.
    """
    if leave.empty or staff.empty:
        return staff
    away = leave.groupby(["month", "rep"], as_index=False)["share"].sum()
    at_work = 1 - staff[["month", "rep"]].merge(away, on=["month", "rep"], how="left")["share"].fillna(0.0).clip(0, 1).to_numpy()
    return staff.assign(ramp=staff["ramp"] * at_work, capacity=staff["capacity"] * at_work, at_work=at_work)


def sales_capacity(capacity: pd.DataFrame, quotas: pd.DataFrame, reps: pd.DataFrame, demand_plan: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return capacity by region and month against the sum of quotas and the demand plan.

    Parameters
    ----------
    capacity : DataFrame
        From `rep_capacity`.
    quotas, reps, demand_plan : DataFrame
        As the contracts; any may be empty.
    months : DatetimeIndex
        Months to show.

    Returns
    -------
    DataFrame
        month, region, heads (on board today or hired, expected to stay), ramped_reps, capacity, quota, plan_revenue, gap (capacity - plan).
        Empty without reps.
    """
    if capacity.empty:
        return pd.DataFrame(columns=CAPACITY_COLUMNS)
    key = ["month", "region"]
    staffed = capacity.assign(heads=capacity["stay"], ramped_reps=capacity["ramp"] * capacity["stay"])
    parts = [staffed.groupby(key)[["heads", "ramped_reps", "capacity"]].sum()]
    if not quotas.empty:
        home = reps.drop_duplicates("rep").set_index("rep")["region"]
        parts.append(quotas.assign(region=quotas["rep"].map(home).fillna(UNNAMED)).groupby(key)[["quota"]].sum())
    if not demand_plan.empty:
        parts.append(demand_plan.groupby(key)[["revenue"]].sum().rename(columns={"revenue": "plan_revenue"}))
    table = pd.concat(parts, axis=1).reindex(columns=CAPACITY_COLUMNS[2:-1]).fillna(0.0).reset_index()
    table = table[table["month"].isin(months)].sort_values(key, kind="stable")
    table["gap"] = table["capacity"] - table["plan_revenue"]
    return table[CAPACITY_COLUMNS].reset_index(drop=True)


def hires_needed(gap: float, rep_capacity_a_month: float, months: int, ramp: Sequence[float]) -> float:
    """Return how many reps hired now would close a shortfall of bookings within `months`; n/a where a rep brings nothing.

    Parameters
    ----------
    gap : float
        Capacity less plan over these months; nothing is needed where it is not below 0.
    rep_capacity_a_month : float
        What one fully ramped rep is expected to bring in a month.
    months : int
        Months over which it is closed.
    ramp : sequence of float
        Share of full productivity by month at work.
    """
    brought = rep_capacity_a_month * ramp_share(np.arange(months), ramp).sum()
    return float(np.ceil(max(0.0, -gap) / brought)) if brought > 0 else np.nan


def gap_by_region(table: pd.DataFrame, staff: pd.DataFrame, ramp: Sequence[float], expected_attainment: float = 1.0, months: int = 12) -> pd.DataFrame:
    """Return capacity, quota and plan of each region over the first months, with the hires that would close a gap.

    Parameters
    ----------
    table : DataFrame
        From `sales_capacity`.
    staff : DataFrame
        From `rep_capacity`.
    ramp, expected_attainment
        As in `rep_capacity`.
    months : int
        Months added up; a rep hired at their start ramps within them.

    Returns
    -------
    DataFrame
        region, capacity, quota, plan_revenue, gap, share (capacity over plan), hires; biggest gap first.
    """
    first = table["month"].drop_duplicates().nsmallest(months)
    rows = table[table["month"].isin(first)].groupby("region", as_index=False)[["capacity", "quota", "plan_revenue", "gap"]].sum()
    rows["share"] = rows["capacity"] / rows["plan_revenue"].where(rows["plan_revenue"] > 0)
    each = staff.groupby("region")["full_quota"].mean() * expected_attainment
    each = rows["region"].map(each).astype(float).fillna(staff["full_quota"].mean() * expected_attainment)
    rows["hires"] = [hires_needed(gap, one, len(first), ramp) for gap, one in zip(rows["gap"], each, strict=True)]
    return rows.sort_values("gap", kind="stable").reset_index(drop=True)


def workload_size(accounts: Sequence[float], calls_each: Sequence[float], calls_per_rep: float) -> float:
    """Return the number of reps that the workload takes: sum of accounts x calls each / calls that a rep can make."""
    return float(np.dot(np.asarray(accounts, dtype=float), np.asarray(calls_each, dtype=float)) / calls_per_rep)


def response_size(effect: float, cost: float, exponent: float = 0.5) -> tuple[float, float]:
    """Return the size x that maximises effect * x ** exponent - cost * x, and the profit there.

    Raises
    ------
    ValueError
        The exponent is not between 0 and 1, or the cost is not above 0: there is then no best size.
    """
    if not 0 < exponent < 1 or cost <= 0:
        raise ValueError(f"exponent {exponent} must lie between 0 and 1 and cost {cost} above 0")
    size = (effect * exponent / cost) ** (1 / (1 - exponent))
    return size, effect * size**exponent - cost * size
