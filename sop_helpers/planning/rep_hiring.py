"""What capacity may turn out to be, whom to hire when, and how reps ramp and attain: band, hiring plan, measured ramp, tenure and cohorts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.rep_capacity import UNNAMED, ramp_share

BAND_COLUMNS = ["month", "region", "expected", "low", "high"]
NEED_COLUMNS = ["region", "decide_month", "start_month", "closes_month", "gap", "hires", "brings", "cost", "left"]
TENURES = ["first half year", "second half year", "second year", "third to fifth year", "longer"]


def _apart(later: pd.Series, earlier: pd.Series) -> pd.Series:
    return (later.dt.year - earlier.dt.year) * 12 + later.dt.month - earlier.dt.month


def on_leave(staff: pd.DataFrame, leave: pd.DataFrame) -> pd.DataFrame:
    """Return `staff` with capacity and ramp less the share of the month on leave.

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity.rep_capacity`.
    leave : DataFrame
        rep, month, share (of the month away, 0 to 1); may be empty. Shares of a rep and month add up to 1 at most.
    """
    if leave.empty or staff.empty:
        return staff
    away = leave.groupby(["month", "rep"], as_index=False)["share"].sum()
    at_work = 1 - staff[["month", "rep"]].merge(away, on=["month", "rep"], how="left")["share"].fillna(0.0).clip(0, 1).to_numpy()
    return staff.assign(ramp=staff["ramp"] * at_work, capacity=staff["capacity"] * at_work)


def capacity_band(
    staff: pd.DataFrame, attained: Sequence[float] | np.ndarray, coverage: float = 0.8, common: float = 0.1, ramp_spread: float = 0.3, runs: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a band of bookings capacity by region and month, and for all regions together, by simulation.

    In each run a rep keeps one attainment, drawn from those seen and scaled to the mean that capacity expects; all reps share a factor of the market; a rep
    leaves in the month in which a uniform number passes the share that stays; and a rep ramps faster or slower than the policy (share ** a lognormal factor).

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity.rep_capacity`: month, rep, region, ramp, stay, full_quota, capacity.
    attained : array of float
        Attainments seen, 1 is quota; n/a are left out. Without any, attainment does not spread.
    coverage : float
        Share of runs inside the band.
    common : float
        Standard deviation of the logarithm of the market's factor, mean 1.
    ramp_spread : float
        Standard deviation of the logarithm of the ramp's exponent; a full ramp stays full.
    runs, seed : int
        Number of runs; they are the same for the same seed.

    Returns
    -------
    DataFrame
        month, region (blank is all), expected (the capacity given), low, high.
    """
    if staff.empty:
        return pd.DataFrame(columns=BAND_COLUMNS)
    seen = np.asarray(attained, dtype=float)
    seen = seen[np.isfinite(seen) & (seen >= 0)]
    seen = seen / seen.mean() if len(seen) and seen.mean() > 0 else np.ones(1)
    rng, (rep, names) = np.random.default_rng(seed), pd.factorize(staff["rep"])
    drawn, leaves = rng.choice(seen, (runs, len(names))), rng.random((runs, len(names)))
    pace, market = np.exp(rng.normal(0.0, ramp_spread, (runs, len(names)))), rng.lognormal(-(common**2) / 2, common, (runs, 1))
    stay, ramp = staff["stay"].to_numpy(float), staff["ramp"].to_numpy(float)
    # Capacity of a rep who is certain to stay, without the ramp; the two are drawn.
    base = np.divide(staff["capacity"].to_numpy(float), stay * ramp, out=np.zeros(len(staff)), where=stay * ramp > 0)
    brought = base * drawn[:, rep] * market * (leaves[:, rep] < stay) * ramp ** pace[:, rep]
    parts = []
    for key in (["month", "region"], ["month"]):
        groups = staff.groupby(key, sort=True, dropna=False)
        order, sizes = np.argsort(groups.ngroup().to_numpy(), kind="stable"), groups.size()
        sums = np.add.reduceat(brought[:, order], np.r_[0, np.cumsum(sizes.to_numpy())[:-1]], axis=1)
        low, high = np.quantile(sums, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
        parts.append(groups["capacity"].sum().rename("expected").reset_index().assign(low=low, high=high))
    return pd.concat(parts).reindex(columns=BAND_COLUMNS).sort_values(["month", "region"], kind="stable", na_position="first").reset_index(drop=True)


def hiring_need(
    capacity: pd.DataFrame, staff: pd.DataFrame, ramp: Sequence[float], lead_months: int = 3, attrition_rate: float = 0.0, cost_each: float = 0.0,
    window: int = 12, least: int = 6,
) -> pd.DataFrame:
    """Return whom to hire when: each start month gets the reps whose ramp ends where a gap of capacity begins to last.

    Month by month, a gap counts when the mean of the `window` months that follow the end of the ramp is short, so that a rep is hired for lasting need and
    not for one month's peak. Hires made before count as they ramp and leave.

    Parameters
    ----------
    capacity : DataFrame
        month, region, gap (capacity less what is to be sold).
    staff : DataFrame
        From `rep_capacity.rep_capacity`; says what a full rep of the region brings.
    ramp : sequence of float
        Share of full productivity by month at work.
    lead_months : int
        Months from the decision to the first day at work; nobody starts earlier than this after the first month.
    attrition_rate : float
        Share of reps that leave in a year.
    cost_each : float
        Cost of one hire, besides pay.
    window, least : int
        Months over which a gap must last, and the fewest at the end of the horizon.

    Returns
    -------
    DataFrame
        region, decide_month, start_month, closes_month (first month fully ramped), gap (mean a month, before these hires; below 0), hires, brings (to the
        end of the horizon), cost, left (mean a month still missing after them). Only months with hires.
    """
    if capacity.empty or staff.empty:
        return pd.DataFrame(columns=NEED_COLUMNS)
    wide = capacity.pivot_table(index="month", columns="region", values="gap", aggfunc="sum", fill_value=0.0).sort_index()
    months, size = wide.index, len(wide)
    certain = staff["stay"] * staff["ramp"]
    full = (staff["capacity"] / certain.where(certain > 0)).groupby([staff["month"], staff["region"]]).mean().unstack()
    full = full.reindex(index=months, columns=wide.columns)
    full = full.fillna(full.mean()).T.fillna(full.mean(axis=1)).T.fillna(0.0).to_numpy(float)
    gap, age, ramped = wide.to_numpy(float).copy(), np.arange(size), int(np.argmax(np.asarray(ramp, dtype=float) == max(ramp)))
    share = ramp_share(age, ramp) * (1 - attrition_rate) ** ((age + 0.5) / 12)
    rows = []
    for start in range(lead_months, size - ramped - least + 1):
        at = slice(start + ramped, min(start + ramped + window, size))
        short, each = gap[at].mean(axis=0), (full[at] * share[at.start - start : at.stop - start, None]).mean(axis=0)
        hires = np.where((short < 0) & (each > 0), np.ceil(-short / np.where(each > 0, each, 1) - 1e-9), 0.0)
        one = full[start:] * share[: size - start, None]
        gap[start:] += one * hires
        rows.append(pd.DataFrame({
            "region": wide.columns, "decide_month": months[start - lead_months], "start_month": months[start], "closes_month": months[start + ramped],
            "gap": short, "hires": hires, "brings": one.sum(axis=0) * hires, "cost": hires * cost_each, "left": np.minimum(gap[at].mean(axis=0), 0.0),
        }))
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=NEED_COLUMNS)
    return table.loc[table["hires"] > 0, NEED_COLUMNS].sort_values(["start_month", "region"], kind="stable").reset_index(drop=True)


def measured_ramp(booked: pd.DataFrame, reps: pd.DataFrame, ramp: Sequence[float], settled: int = 12) -> pd.DataFrame:
    """Return how newcomers really ramped: their bookings over those of settled reps of the same region and month, beside the policy.

    Parameters
    ----------
    booked : DataFrame
        month, rep, bookings (blank ahead).
    reps : DataFrame
        rep, region, start_month.
    ramp : sequence of float
        The policy's shares.
    settled : int
        Months at work from which a rep counts as settled.

    Returns
    -------
    DataFrame
        months_at_work (1 is the first), reps, measured (sum over sum), policy, for each month of the ramp in which a newcomer was seen.
    """
    rows = booked.dropna(subset="bookings").merge(reps[["rep", "region", "start_month"]].drop_duplicates("rep"), on="rep")
    rows["region"] = rows["region"].fillna(UNNAMED)
    rows["age"] = _apart(rows["month"], rows["start_month"])
    peers = rows[rows["age"] >= settled].groupby(["month", "region"])["bookings"].mean().rename("peers").reset_index()
    new = rows[(rows["age"] >= 0) & (rows["age"] < min(len(ramp), settled))].merge(peers, on=["month", "region"])
    sums = new.groupby("age").agg(reps=("rep", "nunique"), bookings=("bookings", "sum"), peers=("peers", "sum")).reset_index()
    sums["measured"] = sums["bookings"] / sums["peers"].where(sums["peers"] > 0)
    sums["policy"] = ramp_share(sums["age"], ramp)
    return sums.assign(months_at_work=sums["age"] + 1)[["months_at_work", "reps", "measured", "policy"]]


def attainment_by_group(booked: pd.DataFrame, reps: pd.DataFrame, by: str = "tenure") -> pd.DataFrame:
    """Return attainment by tenure or by training cohort, sum over sum.

    Parameters
    ----------
    booked : DataFrame
        month, rep, quota, bookings (blank ahead).
    reps : DataFrame
        rep, start_month; training_cohort where `by` asks for it.
    by : str
        ``"tenure"`` or ``"training_cohort"``.

    Returns
    -------
    DataFrame
        group, reps, rep_months, quota, bookings, attainment; groups without bookings are left out.
    """
    columns = ["rep", "start_month", *(["training_cohort"] if "training_cohort" in reps else [])]
    rows = booked.dropna(subset="bookings").merge(reps[columns].drop_duplicates("rep"), on="rep")
    rows = rows[rows["month"] >= rows["start_month"]]
    if by == "tenure":
        edges = [0, 6, 12, 24, 60, np.inf]
        rows["group"] = pd.cut(_apart(rows["month"], rows["start_month"]), edges, right=False, labels=TENURES)
    else:
        rows["group"] = rows.get(by, pd.Series(pd.NA, index=rows.index))
    sums = rows.dropna(subset="group").groupby("group", observed=True).agg(
        reps=("rep", "nunique"), rep_months=("rep", "size"), quota=("quota", "sum"), bookings=("bookings", "sum")).reset_index()
    return sums.assign(group=sums["group"].astype("str"), attainment=sums["bookings"] / sums["quota"].where(sums["quota"] > 0))


def workload_by_region(accounts: pd.DataFrame, staff: pd.DataFrame, hours: float) -> pd.DataFrame:
    """Return the reps that the accounts' work takes, beside those there are: hours of selling over the hours that a rep has for it in a year.

    Parameters
    ----------
    accounts : DataFrame
        region, workload (hours a year), potential.
    staff : DataFrame
        From `rep_capacity.rep_capacity`; the first month counts.
    hours : float
        Hours of selling that a rep has in a year.

    Returns
    -------
    DataFrame
        region, accounts, workload, reps_needed, heads, difference (heads less need).
    """
    groups = accounts.assign(region=accounts["region"].fillna(UNNAMED)).groupby("region")
    table = groups.agg(accounts=("account", "nunique"), workload=("workload", "sum")).reset_index()
    table["reps_needed"] = table["workload"] / hours
    first = staff[staff["month"] == staff["month"].min()]
    table["heads"] = table["region"].map(first.groupby("region")["rep"].nunique()).astype(float).fillna(0.0)
    return table.assign(difference=table["heads"] - table["reps_needed"])


def force_cost(staff: pd.DataFrame, reps: pd.DataFrame, months: int = 12) -> pd.DataFrame:
    """Return what the sales force costs at expected capacity, and what each head brings, by region over the first months.

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity.rep_capacity`.
    reps : DataFrame
        rep, on_target_earnings (a year); reps without count as costing nothing and are counted in `unknown`.
    months : int
        Months added up.

    Returns
    -------
    DataFrame
        region, heads (mean), unknown (reps without stated earnings), capacity, earnings (on target), per_head (capacity over heads), cost (earnings over
        capacity).
    """
    near = staff[staff["month"].isin(staff["month"].drop_duplicates().nsmallest(months))]
    pay = near["rep"].map(reps.drop_duplicates("rep").set_index("rep")["on_target_earnings"]).astype(float)
    near = near.assign(earnings=pay.fillna(0.0) / 12 * near["stay"], unstated=near["rep"].where(pay.isna()))
    table = near.groupby("region").agg(
        heads=("stay", "sum"), unknown=("unstated", "nunique"), capacity=("capacity", "sum"), earnings=("earnings", "sum")).reset_index()
    table["heads"] /= max(near["month"].nunique(), 1)
    table["per_head"] = table["capacity"] / table["heads"].where(table["heads"] > 0)
    return table.assign(cost=table["earnings"] / table["capacity"].where(table["capacity"] > 0))
