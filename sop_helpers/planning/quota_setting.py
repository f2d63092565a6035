"""Proposing quotas: top-down from the target, bottom-up from what each rep could bring, reconciled, by month, and how fair they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.quotas import fiscal_year, split_target
from sop_helpers.planning.rep_capacity import on_leave, rep_months

ENOUGH = 3.0
"""Ramped months of bookings from which a rep has a history: the first weeks over a tenth of a ramp would promise anything."""
METHODS = ("even", "weighted", "potential")
SIGNS = ["history", "pipeline", "potential"]
PROPOSAL_COLUMNS = ["rep", "name", "region", "method", *SIGNS, "top_down", "bottom_up", "held", "proposed", "probability"]
MONTH_COLUMNS = ["month", "rep", "quota"]


def rep_signs(
    staff: pd.DataFrame, booked: pd.DataFrame, accounts: pd.DataFrame, weighted: pd.DataFrame, month: pd.Timestamp, ramp: Sequence[float],
    reps: pd.DataFrame, leave: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return what history, pipeline and potential say each rep could bring in the year, all three on the scale of the team's last 12 months.

    Parameters
    ----------
    staff : DataFrame
        From `rep_capacity.rep_months` over the year to plan.
    booked : DataFrame
        From `quotas.with_bookings`.
    accounts : DataFrame
        rep, potential; may be empty.
    weighted : DataFrame
        rep, weighted: open pipeline times the win rate of its stage; may be empty.
    month : Timestamp
        First month planned.
    ramp : sequence of float
        Share of full productivity by month at work.
    reps : DataFrame
        As the contract.
    leave : DataFrame, optional
        As the contract; a month away is no month of history.

    Returns
    -------
    DataFrame
        Index rep; region, work (ramped months of the year), history, pipeline, potential (money; n/a where nothing is known of anybody, or of a rep without
        history). History is bookings a ramped month, times the ramped months to come, n/a for a rep with fewer than `ENOUGH`; the other two share out its sum.
    """
    table = pd.DataFrame({"region": staff.groupby("rep")["region"].first(), "work": staff.groupby("rep")["ramp"].sum()})
    past = rep_months(reps, pd.date_range(month - pd.DateOffset(months=12), periods=12, freq="MS"), ramp)
    past = past if leave is None else on_leave(past.assign(capacity=0.0), leave)
    past = past.merge(booked[["month", "rep", "bookings"]].dropna(), on=["month", "rep"]).groupby("rep")[["ramp", "bookings"]].sum()
    table["history"] = (past["bookings"] / past["ramp"].where(past["ramp"] >= ENOUGH)).reindex(table.index).clip(lower=0) * table["work"]
    scale = table["history"].sum() if table["history"].notna().any() else np.nan
    known = table["history"].notna()
    for name, source, column in (("pipeline", weighted, "weighted"), ("potential", accounts, "potential")):
        sums = source.groupby("rep")[column].sum().reindex(table.index)
        sums = sums.where(sums.notna() | ~known, 0.0) * (table["work"] / table["work"].max() if name == "potential" else 1.0)
        seen = sums[known].sum()
        # Money of reps with a history stays money of reps with a history: who has none comes on top.
        table[name] = sums * scale / seen if seen > 0 else np.nan
    return table


def region_targets(target: pd.Series, work: pd.Series, over_assignment: float = 1.0, decimals: int = 2) -> pd.Series:
    """Return the sum of quotas wanted by region: target times over-assignment, to the cent. Regions without a rep are left out; see `without_rep`.

    Parameters
    ----------
    target : Series
        Money by region; where none of its regions has a rep, the total is shared out by ramped months.
    work : Series
        Ramped months by region.
    """
    inside = target.reindex(work.index).fillna(0.0)
    if not inside.sum() > 0:
        return split_target(float(target.sum()) * over_assignment, work, decimals=decimals)
    return split_target(round(float(inside.sum()) * over_assignment, decimals), inside, decimals=decimals)


def without_rep(target: pd.Series, signs: pd.DataFrame) -> pd.Series:
    """Return the regions with a target and no rep at work, and that target."""
    return target[(target > 0) & ~target.index.isin(signs["region"])] if target.index.isin(signs["region"]).any() else target.iloc[:0]


def reconcile(
    signs: pd.DataFrame, target: pd.Series, held: Mapping[str, float] | None = None, method: str = "potential", over_assignment: float = 1.0,
    decimals: int = 2, left: Mapping[str, float] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the quotas proposed: held ones stay, and the rest of each region's target is shared out, to the cent.

    Parameters
    ----------
    signs : DataFrame
        From `rep_signs`.
    target : Series
        Money by region.
    held : mapping, optional
        Quotas already agreed, by rep.
    method : str
        even (by ramped months at work), weighted (by what bottom-up says) or potential (of the accounts).
    over_assignment : float
        Sum of quotas over target.
    decimals : int
        Decimals of money.
    left : mapping, optional
        Of reps with a quota held for a part of the year: the share of their work that lies in months without one, in which they take more.

    Returns
    -------
    DataFrame
        Index rep; region, the three signs, top_down (as if nothing were held), bottom_up (mean of the signs known), held, proposed.

    Raises
    ------
    ValueError
        The method is unknown, there is no target, or quotas held in a region exceed its target.
    """
    if method not in METHODS:
        raise ValueError(f"quota method {method!r} is unknown; expected one of {', '.join(METHODS)}")
    if not target.sum() > 0:
        raise ValueError("quotas: the target is zero; expected money above 0 in budget or demand plan for the year")
    table, held = signs.copy(), dict(held or {})
    table["bottom_up"] = table[SIGNS].mean(axis=1)
    table["held"] = pd.Series(held, dtype=float).reindex(table.index)
    weight = {"even": table["work"], "weighted": table["bottom_up"], "potential": table["potential"]}[method].astype(float)
    # Who has no weight of this kind gets the mean one of a ramped month: a new rep is not given a quota of nothing.
    usual = weight.where(weight > 0).sum() / table["work"].where(weight > 0).sum() if (weight > 0).any() else 1.0
    weight = weight.where(weight > 0, table["work"] * usual)
    wanted = region_targets(target, table.groupby("region")["work"].sum(), over_assignment, decimals)
    for region, rows in table.groupby("region"):
        fixed = rows["held"].dropna().to_dict()
        if sum(fixed.values()) > wanted[region] + 0.5 * 10**-decimals:
            raise ValueError(f"quotas held in {region} are {sum(fixed.values()):,.2f}; expected no more than its target of {wanted[region]:,.2f}")
        take = weight[rows.index] * pd.Series(dict(left or {}), dtype=float).reindex(rows.index).fillna(rows["held"].isna().astype(float))
        if not take.sum() > 0 and round((wanted[region] - sum(fixed.values())) * 10**decimals):
            raise ValueError(f"all quotas of {region} are held and miss its target of {wanted[region]:,.2f}; expected one rep who can take the rest")
        table.loc[rows.index, "top_down"] = split_target(wanted[region], weight[rows.index], decimals=decimals)
        rest = round(float(wanted[region]) - sum(fixed.values()), decimals)
        more = split_target(rest, take, decimals=decimals) if take.sum() > 0 else 0.0
        table.loc[rows.index, "proposed"] = (rows["held"].fillna(0.0) + more).round(decimals)
    return table


def attainment_probability(
    proposed: pd.Series, expected: pd.Series, spread: Sequence[float] | np.ndarray, common: float = 0.1, runs: int = 4000, seed: int = 0
) -> pd.Series:
    """Return the chance of each rep to reach the quota, by simulation.

    Parameters
    ----------
    proposed, expected : Series
        Quota, and bookings to be expected, by rep; a rep of whom nothing is known, or of whom nothing is asked, has n/a.
    spread : array of float
        Attainments seen; only how they spread about their mean counts, not how high they were.
    common : float
        Standard deviation of the logarithm of a factor that all reps of a run share (the market), mean 1.
    runs, seed : int
        Number of runs; they are the same for the same seed.

    Raises
    ------
    ValueError
        No attainment above 0 is given.
    """
    seen = np.asarray(spread, dtype=float)
    seen = seen[np.isfinite(seen)]
    if not len(seen) or not seen.mean() > 0:
        raise ValueError("attainment_probability: no attainment above 0 is given; expected at least one rep with a quota and bookings")
    rng = np.random.default_rng(seed)
    drawn = rng.choice(seen / seen.mean(), (runs, len(proposed))) * rng.lognormal(-(common**2) / 2, common, (runs, 1))
    likely = expected.reindex(proposed.index).to_numpy(float)
    chance = (drawn * likely >= proposed.to_numpy(float)).mean(axis=0)
    return pd.Series(np.where(np.isfinite(likely) & (proposed.to_numpy(float) > 0), chance, np.nan), proposed.index)


def propose_quotas(
    reps: pd.DataFrame, booked: pd.DataFrame, accounts: pd.DataFrame, weighted: pd.DataFrame, target: pd.Series, month: pd.Timestamp, begin: pd.Timestamp,
    ramp: Sequence[float], method: str = "potential", over_assignment: float = 1.0, spread: Sequence[float] | np.ndarray = (), seed: int = 0,
    leave: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, str]:
    """Return the quotas proposed for the fiscal year that begins at `begin`, and why there are none where that is so.

    Quotas that the table of quotas already has for that year are held; who has them for some months takes a share in the others. Regions without a target
    keep what is set there and are left out.

    Returns
    -------
    tuple of DataFrame, str
        The contract quota_proposal without its months (empty where refused), and a sentence (blank where all is well).
    """
    none = pd.DataFrame(columns=PROPOSAL_COLUMNS)
    staff = rep_months(reps, pd.date_range(begin, periods=12, freq="MS"), ramp) if len(reps) else reps
    if not len(staff):
        return none, f"No quotas are proposed: no rep is at work in the fiscal year from {begin:%Y-%m}."
    year = booked[(booked["month"] >= begin) & (booked["month"] < begin + pd.DateOffset(years=1))]
    year = year.merge(staff[["month", "rep"]], on=["month", "rep"])  # months at work: nobody keeps a quota after leaving
    held = year.groupby("rep")["quota"].sum().to_dict()
    free = ~pd.MultiIndex.from_frame(staff[["month", "rep"]]).isin(pd.MultiIndex.from_frame(year[["month", "rep"]]))
    work = staff.assign(free=staff["ramp"] * free).groupby("rep")[["ramp", "free"]].sum()
    left = (work["free"] / work["ramp"].where(work["ramp"] > 0)).fillna(0.0)
    left = left[left.index.isin(list(held))].to_dict()
    signs = rep_signs(staff, booked, accounts, weighted, month, ramp, reps, leave)
    aimed = signs["region"].isin(target.index[target > 0])
    if aimed.any():
        signs = signs[aimed]
        held = {rep: quota for rep, quota in held.items() if rep in signs.index}
    try:
        table = reconcile(signs, target, held, method, over_assignment, left=left)
        table["probability"] = attainment_probability(table["proposed"], table["bottom_up"], spread, seed=seed) if len(spread) else np.nan
    except ValueError as problem:
        return none, f"No quotas are proposed: {problem}."
    names = reps.drop_duplicates("rep").set_index("rep")["name"].reindex(table.index)
    return table.assign(name=names, method=method).rename_axis("rep").reset_index()[PROPOSAL_COLUMNS], ""


def target_gaps(target: pd.DataFrame, begin: pd.Timestamp) -> str:
    """Say which months of the fiscal year from `begin` have no target; blank where all have one. `target` is from `year_target`."""
    gaps = pd.date_range(begin, periods=12, freq="MS").difference(pd.DatetimeIndex(target["month"].unique()))
    if not len(gaps):
        return ""
    return f"No quotas are proposed: neither budget nor demand plan reaches {', '.join(f'{m:%Y-%m}' for m in gaps)}; a part of a year is no target of it."


def year_target(budget: pd.DataFrame, plan: pd.DataFrame, begin: pd.Timestamp) -> pd.DataFrame:
    """Return month, region, revenue of the fiscal year from `begin`: of each month the budget where it has that month, else the demand plan."""
    parts: list[pd.DataFrame] = []
    for source in (budget, plan):
        year = source[(source["month"] >= begin) & (source["month"] < begin + pd.DateOffset(years=1))] if len(source) else source
        year = year[~year["month"].isin(parts[0]["month"])] if parts else year
        if len(year) and year["revenue"].sum() > 0:
            parts.append(year.groupby(["month", "region"], as_index=False)["revenue"].sum())
    if parts:
        return pd.concat(parts).sort_values(["month", "region"], ignore_index=True)
    return pd.DataFrame({"month": pd.Series(dtype="datetime64[us]"), "region": pd.Series(dtype=str), "revenue": pd.Series(dtype=float)})


def usual_over_assignment(quotas: pd.DataFrame, budget: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> float:
    """Return the sum of quotas over the budget of the fiscal year of `month`, over the months that have both; 1 without."""
    both = [fiscal_year(t, month, first_month).groupby("month")[c].sum() for t, c in ((quotas, "quota"), (budget, "revenue"))]
    table = pd.concat(both, axis=1).dropna()
    return float(table["quota"].sum() / table["revenue"].sum()) if len(table) and table["quota"].sum() > 0 and table["revenue"].sum() > 0 else 1.0


def quota_months(
    proposal: pd.DataFrame, target: pd.DataFrame, reps: pd.DataFrame, begin: pd.Timestamp, ramp: Sequence[float], booked: pd.DataFrame | None = None
) -> pd.DataFrame:  # fmt: skip
    """Return each rep's proposed quota by month: the season of the region's target times the rep's ramp, adding up to the cent.

    Months that the table of quotas already has stay as they are.

    Parameters
    ----------
    proposal : DataFrame
        rep, region, proposed.
    target : DataFrame
        month, region, revenue of the year.
    booked : DataFrame, optional
        month, rep, quota as set so far.
    """
    staff = rep_months(reps, pd.date_range(begin, periods=12, freq="MS"), ramp)
    season = target.groupby(["month", "region"])["revenue"].sum().rename("season").reset_index()
    whole = target.groupby("month")["revenue"].sum()
    rows = staff.merge(season, on=["month", "region"], how="left")
    rows["weight"] = rows["season"].fillna(rows["month"].map(whole)).fillna(0.0).clip(lower=0) * rows["ramp"]
    rows["weight"] = rows["weight"].where(rows.groupby("rep")["weight"].transform("sum") > 0, 1.0)
    proposed = proposal.set_index("rep")["proposed"]
    rows["set"] = np.nan if booked is None else rows[["month", "rep"]].merge(booked[["month", "rep", "quota"]], on=["month", "rep"], how="left")["quota"]
    parts = []
    for rep, one in rows[rows["rep"].isin(proposed.index)].groupby("rep"):
        open_months = one["set"].isna()
        weight = one.loc[open_months, "weight"]
        weight = weight if weight.sum() > 0 else weight + 1.0
        rest = round(float(proposed[rep] - one["set"].sum()), 2)
        quota = one["set"].copy()
        if open_months.any():
            quota[open_months] = split_target(rest, weight)
        parts.append(pd.DataFrame({"month": one["month"], "rep": rep, "quota": quota}))
    return pd.concat(parts).sort_values(["month", "rep"], kind="stable").reset_index(drop=True) if parts else pd.DataFrame(columns=MONTH_COLUMNS)


def fairness(proposed: pd.Series, potential: pd.Series) -> dict[str, float]:
    """Return the least-squares line of quota on potential: how far quotas follow what there is to win.

    Returns
    -------
    dict
        slope, intercept, r2 (share of the spread in quota that potential explains), elasticity (at the means; 1 where quota is in proportion),
        reps. All n/a with fewer than three reps or no spread in potential.
    """
    both = pd.concat([proposed.rename("y"), potential.rename("x")], axis=1).dropna()
    if len(both) < 3 or not both["x"].std() > 0:
        return dict.fromkeys(["slope", "intercept", "r2", "elasticity"], np.nan) | {"reps": float(len(both))}
    slope, intercept = np.polyfit(both["x"], both["y"], 1)
    spread = ((both["y"] - both["y"].mean()) ** 2).sum()
    left = ((both["y"] - slope * both["x"] - intercept) ** 2).sum()
    r2 = 1 - left / spread if spread > 0 else np.nan
    return {"slope": slope, "intercept": intercept, "r2": r2, "elasticity": slope * both["x"].mean() / both["y"].mean(), "reps": float(len(both))}


def quota_changes(quotas: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> pd.DataFrame:
    """Return the quotas of the fiscal year that were changed after they were set, with attainment against both.

    Parameters
    ----------
    quotas : DataFrame
        From `quotas.with_bookings`; original_quota is blank where nothing was changed.
    month : Timestamp
        First month planned; attainment counts the months before.

    Returns
    -------
    DataFrame
        rep, since (first month changed), original, quota (of the year), change, attainment_original, attainment.
    """
    order = ["rep", "since", "original", "quota", "change", "attainment_original", "attainment"]
    year = fiscal_year(quotas, month - pd.DateOffset(months=1), first_month)
    if "original_quota" not in year or not year["original_quota"].notna().any():
        return pd.DataFrame(columns=order)
    changed = year["original_quota"].notna() & (year["original_quota"] != year["quota"])
    year = year.assign(original=year["original_quota"].fillna(year["quota"]), since=year["month"].where(changed))
    year = year[year["rep"].isin(year.loc[changed, "rep"])]
    table = year.groupby("rep").agg(since=("since", "min"), original=("original", "sum"), quota=("quota", "sum"))
    past = year[year["month"] < month].groupby("rep")[["bookings", "quota", "original"]].sum().reindex(table.index)
    table["change"] = table["quota"] - table["original"]
    table["attainment_original"] = past["bookings"] / past["original"].where(past["original"] > 0)
    table["attainment"] = past["bookings"] / past["quota"].where(past["quota"] > 0)
    return table.reset_index()[order]


def weighted_by_rep(deals: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Return rep, weighted: open deals times the win rate of their stage.

    Parameters
    ----------
    deals, rates : DataFrame
        From `pipeline.known_deals` and `pipeline.stage_rates`; may be empty.
    """
    if deals.empty:
        return pd.DataFrame({"rep": pd.Series(dtype=str), "weighted": pd.Series(dtype=float)})
    still = deals[deals["outcome"] == "open"]
    rate = still["stage"].map(rates.set_index("stage")["win_rate"]).astype(float).fillna(rates["win_rate"].mean())
    return still.assign(weighted=still["amount"] * rate).groupby("rep", as_index=False)["weighted"].sum()
