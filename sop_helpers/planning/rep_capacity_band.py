"""How sure bookings capacity is, and the ramp as it was measured: simulation over attainment, attrition and ramp; attainment by tenure and training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import months_between
from sop_helpers.planning.rep_capacity import UNNAMED, ramp_share, rep_months

TENURES = ["under 6 months", "6-12 months", "1-3 years", "over 3 years"]
TENURED = 12
"""Months at work from which a rep counts as fully ramped when ramps are measured."""


def capacity_runs(
    staff: pd.DataFrame, reps: pd.DataFrame, ramp: Sequence[float], attained: Sequence[float] | np.ndarray, expected_attainment: float = 1.0,
    attrition_rate: float = 0.0, begin: pd.Timestamp | None = None, common: float = 0.1, runs: int = 1000, seed: int = 0,
) -> pd.DataFrame:
    """Return bookings capacity by region and month in simulated futures.

    Each rep of each run draws an attainment seen before, moved to the expected mean; leaves in a month drawn by the yearly rate, or stays; and ramps a
    month sooner, as planned or a month later. All reps of a run share a market factor.

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity`, perhaps after `rep_capacity.on_leave`.
    reps : DataFrame
        As the contract.
    ramp, expected_attainment, attrition_rate
        As `rep_capacity`.
    attained : array of float
        Attainments seen, one a rep; without any, all attain what is expected.
    begin : Timestamp, optional
        Month at whose start the heads are known; the first of `staff` by default.
    common : float
        Standard deviation of the logarithm of the market factor, mean 1.
    runs, seed : int
        Number of runs; they are the same for the same seed.

    Returns
    -------
    DataFrame
        A row for each run, columns (month, region).
    """
    if staff.empty:
        return pd.DataFrame(index=range(runs))
    begin = staff["month"].min() if begin is None else begin
    names, place = np.unique(staff["rep"].to_numpy(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    seen = np.asarray(attained, dtype=float)
    seen = seen[np.isfinite(seen)]
    drawn = rng.choice(seen / seen.mean(), (runs, len(names))) if len(seen) and seen.mean() > 0 else np.ones((runs, len(names)))
    drawn = drawn * expected_attainment * rng.lognormal(-(common**2) / 2, common, (runs, 1))
    monthly = 1 - (1 - attrition_rate) ** (1 / 12)
    # Months from `begin` to leaving, anywhere inside the month; never without attrition.
    gone = (rng.geometric(monthly, (runs, len(names))) - rng.random((runs, len(names)))) if monthly > 0 else np.full((runs, len(names)), np.inf)
    late = rng.integers(-1, 2, (runs, len(names)))
    start = staff["rep"].map(reps.drop_duplicates("rep").set_index("rep")["start_month"])
    worked = months_between(staff["month"], start).to_numpy()
    ahead = np.minimum(months_between(staff["month"], begin), worked)  # nobody leaves before the first day
    shares = np.stack([ramp_share(np.where(worked + shift < 0, 0, worked + shift), ramp) for shift in (1, 0, -1)])
    groups = staff.groupby(["month", "region"], sort=True)
    code, full = groups.ngroup().to_numpy(), staff["full_quota"].to_numpy(float)
    full = full * staff["at_work"].to_numpy(float) if "at_work" in staff else full
    sums = np.zeros((runs, groups.ngroups))
    for group in range(groups.ngroups):  # regions x months, so that big teams fit in memory
        rows = np.flatnonzero(code == group)
        who = place[rows]
        stays = np.clip(gone[:, who] - ahead.to_numpy()[rows], 0, 1)
        sums[:, group] = (drawn[:, who] * stays * shares[late[:, who] + 1, rows] * full[rows]).sum(axis=1)
    return pd.DataFrame(sums, columns=groups.size().index)


def with_band(table: pd.DataFrame, runs: pd.DataFrame, level: float = 0.8) -> pd.DataFrame:
    """Return the table of `sales_capacity` with low and high: the middle `level` of the runs of its region and month."""
    if table.empty or runs.empty:
        return table.assign(low=np.nan, high=np.nan)
    edges = runs.quantile([(1 - level) / 2, (1 + level) / 2]).T.set_axis(["low", "high"], axis=1).reset_index()
    return table.drop(columns=["low", "high"], errors="ignore").merge(edges, on=["month", "region"], how="left")


def month_band(runs: pd.DataFrame, level: float = 0.8) -> pd.DataFrame:
    """Return month, low, high of all regions together; edges of regions do not add up, runs do."""
    if runs.empty:
        return pd.DataFrame(columns=["month", "low", "high"])
    total = runs.T.groupby(level="month").sum().T
    return total.quantile([(1 - level) / 2, (1 + level) / 2]).T.set_axis(["low", "high"], axis=1).reset_index()


def tenure_months(reps: pd.DataFrame, booked: pd.DataFrame, month: pd.Timestamp, months: int = 36) -> pd.DataFrame:
    """Return the rep-months before `month` that have a quota above 0 and bookings, with months at work, tenure and training.

    `booked` is from `quotas.with_bookings`.
    """
    past = rep_months(reps, pd.date_range(month - pd.DateOffset(months=months), periods=months, freq="MS"), [1.0])
    table = past.merge(booked.loc[booked["quota"] > 0, ["month", "rep", "quota", "bookings"]].dropna(), on=["month", "rep"])
    edges = [-1, 5, 11, 35, np.inf]
    table["tenure"] = pd.cut(table["months_at_work"], edges, labels=TENURES).astype(str)
    training = reps.drop_duplicates("rep").set_index("rep")["training"] if "training" in reps else pd.Series(dtype=object)
    return table.assign(training=table["rep"].map(training).astype(object).fillna(UNNAMED))


def measured_ramp(worked: pd.DataFrame, quotas: pd.Series, ramp: Sequence[float]) -> pd.DataFrame:
    """Return what reps in their first months brought, against those with a year or more in the same months, beside the planned ramp.

    Parameters
    ----------
    worked : DataFrame
        From `tenure_months`.
    quotas : Series
        Full quota of each of its rows, as if ramped, such as `rep_capacity.full_quotas` gives.
    ramp : sequence of float
        Planned share by month at work.

    Returns
    -------
    DataFrame
        month_at_work (1 is the first), rep_months, measured (bookings over full quota, as a share of that of tenured reps; sum over sum), planned.
        Months without a rep in them are left out.
    """
    table = worked.assign(full=quotas)
    tenured = table[table["months_at_work"] >= TENURED].groupby("month")[["bookings", "full"]].sum()
    usual = tenured["bookings"] / tenured["full"].where(tenured["full"] > 0)
    new = table[table["months_at_work"] < max(len(ramp), 1)].assign(due=lambda t: t["full"] * t["month"].map(usual)).dropna(subset="due")
    out = new.groupby("months_at_work").agg(rep_months=("rep", "size"), bookings=("bookings", "sum"), due=("due", "sum")).reset_index()
    out["measured"] = out["bookings"] / out["due"].where(out["due"] > 0)
    out["planned"] = ramp_share(out["months_at_work"], ramp)
    out["month_at_work"] = out["months_at_work"] + 1
    return out[["month_at_work", "rep_months", "measured", "planned"]].astype({"rep_months": float})


def enablement(worked: pd.DataFrame) -> pd.DataFrame:
    """Return attainment by tenure, and by training where it is stated: group, value, reps, rep_months, attainment (sum over sum), spread (of reps).

    `worked` is from `tenure_months`. Spread is the standard deviation of the attainments of the reps, n/a for one.
    """
    parts = []
    for group in ("tenure", "training"):
        if worked[group].nunique() < 2 and group == "training":
            continue
        each = worked.groupby([group, "rep"])[["quota", "bookings"]].sum().assign(attainment=lambda t: t["bookings"] / t["quota"])
        sums = worked.groupby(group).agg(reps=("rep", "nunique"), rep_months=("rep", "size"), quota=("quota", "sum"), bookings=("bookings", "sum"))
        sums["attainment"] = sums["bookings"] / sums["quota"]
        sums["spread"] = each.groupby(level=group)["attainment"].std()
        order = [t for t in TENURES if t in sums.index] if group == "tenure" else sums.index
        parts.append(sums.loc[order].rename_axis("value").reset_index().assign(group=group))
    columns = ["group", "value", "reps", "rep_months", "attainment", "spread"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
