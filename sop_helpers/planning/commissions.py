"""Pay of the sales force: bands of attainment (marginal or retroactive), thresholds, caps, dated plans, and what the plan costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

ROOM = 1e-12
"""Attainment this close below a step has reached it."""


def in_force(comp_plans: pd.DataFrame, month: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return the bands of each plan's version in force in `month`: that with the latest ``effective_from`` not after it.

    Without a month the latest version of each plan; a blank ``effective_from`` is in force from the beginning.
    """
    if "effective_from" not in comp_plans or comp_plans.empty:
        return comp_plans
    since = pd.to_datetime(comp_plans["effective_from"]).fillna(pd.Timestamp("1900-01-01"))
    known = since <= month if month is not None else pd.Series(True, index=comp_plans.index)
    last = since.where(known).groupby(comp_plans["plan"]).transform("max")
    return comp_plans[known & (since == last)]


def check_bands(bands: pd.DataFrame) -> pd.DataFrame:
    """Return the bands of one version of one plan in order.

    Parameters
    ----------
    bands : DataFrame
        plan, tier, from_attainment, to_attainment (blank is open), rate; optionally mode, threshold and cap.

    Raises
    ------
    ValueError
        Bands overlap, leave a gap, do not begin at 0, or end before they begin; modes or thresholds differ between bands; a retroactive rate falls.
    """
    table = bands.sort_values("from_attainment", kind="stable").reset_index(drop=True)
    start, end = table["from_attainment"].to_numpy(float), table["to_attainment"].fillna(np.inf).to_numpy(float)
    name = table["plan"].iloc[0] if "plan" in table and len(table) else "without name"
    if not len(table) or start[0] != 0:
        raise ValueError(f"plan {name}: the first band must begin at attainment 0")
    if (end <= start).any():
        raise ValueError(f"plan {name}: band {table['tier'][int(np.argmax(end <= start))]} ends before it begins")
    step = start[1:] - end[:-1]
    if (np.abs(step) > 1e-9).any() if len(step) and np.isfinite(end[:-1]).all() else len(step):
        word = "overlap" if not np.isfinite(end[:-1]).all() or (step < -1e-9).any() else "leave a gap"
        raise ValueError(f"plan {name}: its bands {word}")
    for column in ("mode", "threshold"):
        if column in table and table[column].dropna().nunique() > 1:
            raise ValueError(f"plan {name}: its bands state more than one {column}")
    if mode_of(table) == "retroactive" and (np.diff(table["rate"].to_numpy(float)) < 0).any():
        raise ValueError(f"plan {name}: a retroactive rate falls, so that more bookings would pay less")
    return table


def mode_of(bands: pd.DataFrame) -> str:
    """Return ``marginal`` or ``retroactive``."""
    stated = bands["mode"].dropna() if "mode" in bands else []
    return stated.iloc[0] if len(stated) else "marginal"


def _one(bands: pd.DataFrame, column: str) -> float:
    """Return the least value stated in a column of a plan; n/a without."""
    return float(bands[column].min()) if column in bands else np.nan


def steps(bands: pd.DataFrame) -> list[float]:
    """Return the attainments at which a plan's pay may jump: its threshold, and each band's begin where it is retroactive. Elsewhere it cannot."""
    table, threshold = check_bands(bands), _one(bands, "threshold")
    at = set(table["from_attainment"][1:]) if mode_of(table) == "retroactive" else set()
    return sorted(at | ({threshold} if threshold > 0 else set()))


def payout(bookings: Sequence[float] | np.ndarray, quota: Sequence[float] | np.ndarray, bands: pd.DataFrame) -> np.ndarray:
    """Return the commission of each rep on one plan.

    Marginal: each band's rate on the bookings inside the band. Retroactive: the rate of the band reached on all bookings. Nothing below the threshold, no
    more than the cap.

    Parameters
    ----------
    bookings, quota : array of float
        Of the same period, the year to date for a yearly plan; they may broadcast. Without a quota nothing is paid.
    bands : DataFrame
        Bands of one plan, as the contract comp_plans.

    Returns
    -------
    ndarray
        Money; monotone in bookings, and without jumps but at `steps`.
    """
    table = check_bands(bands)
    booked, target = np.asarray(bookings, dtype=float), np.asarray(quota, dtype=float)
    rate, start = table["rate"].to_numpy(float), table["from_attainment"].to_numpy(float)
    end = table["to_attainment"].fillna(np.inf).to_numpy(float)
    goal = np.where(target > 0, target, np.nan)
    if mode_of(table) == "retroactive":
        band = np.clip(np.searchsorted(start, np.nan_to_num(booked / goal) + ROOM, side="right") - 1, 0, None)
        paid = np.nan_to_num(rate[band] * np.clip(booked, 0.0, goal * end[-1]))
    else:
        lower = target[..., None] * start
        inside = np.clip(booked[..., None], lower, goal[..., None] * end) - lower
        paid = np.nansum(inside * rate, axis=-1)
    if (threshold := _one(table, "threshold")) > 0:
        paid = np.where(booked / goal >= threshold - ROOM, paid, 0.0)
    cap = _one(table, "cap")
    return np.minimum(paid, cap) if cap == cap else paid


def rep_pay(results: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, year_share: float = 1.0, month: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return the variable pay of each rep.

    A rep with a plan is paid by its bands; one without, but with on-target earnings, gets the variable part in proportion to
    attainment; any other is paid nothing and is counted in ``basis``.

    Parameters
    ----------
    results : DataFrame
        rep, quota, bookings of the period; months that the rep had of it, where they differ.
    reps : DataFrame
        rep, comp_plan, on_target_earnings, variable_share.
    comp_plans : DataFrame
        As the contract; may be empty.
    year_share : float
        Share of a year that the period lasts; scales caps and on-target earnings, unless results state months.
    month : Timestamp, optional
        Month whose version of each plan pays the whole period; the latest version without. See `dated_pay` for changes inside the period.

    Returns
    -------
    DataFrame
        rep, quota, bookings, attainment, pay, basis (the plan's name, "on-target earnings" or "none").
    """
    table = results[[c for c in ("rep", "quota", "bookings", "months") if c in results]].fillna({"bookings": 0.0}).reset_index(drop=True)
    table["attainment"] = table["bookings"] / table["quota"].where(table["quota"] > 0)
    table["pay"], table["basis"] = _pay(table["bookings"].to_numpy(float), table, reps, in_force(comp_plans, month), year_share)
    return table.drop(columns="months", errors="ignore")


def _pay(bookings: np.ndarray, quotas: pd.DataFrame, reps: pd.DataFrame, plans: pd.DataFrame, year_share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pay in the shape of `bookings` (..., reps) and the basis of each rep; `quotas` holds rep, quota and perhaps the months of each rep.

    Caps and on-target earnings are those of a year: who had some months of it has a part of them.
    """
    known = reps.drop_duplicates("rep").set_index("rep")
    quota, plan = quotas["quota"].to_numpy(float), quotas["rep"].map(known["comp_plan"])
    share = quotas["months"].to_numpy(float) / 12 if "months" in quotas else np.full(len(quotas), float(year_share))
    variable = quotas["rep"].map(known["on_target_earnings"] * known["variable_share"]).to_numpy(float) * share
    pay = np.nan_to_num(variable * np.clip(bookings / np.where(quota > 0, quota, np.nan), 0, None))
    basis = np.where(np.isnan(variable), "none", "on-target earnings").astype(object)
    for name, bands in plans.groupby("plan"):
        mine = plan.eq(name).to_numpy()
        basis[mine] = name
        for part in np.unique(share[mine]):  # as many as there are lengths of service
            on = mine & (share == part)
            scaled = bands.assign(cap=bands["cap"] * part) if "cap" in bands else bands
            pay[..., on] = payout(bookings[..., on], quota[on], scaled)
    return pay, basis


def earned_by_month(
    bookings: pd.DataFrame, quota: pd.Series, reps: pd.DataFrame, comp_plans: pd.DataFrame, year_share: float = 1.0, before: pd.Series | None = None,
    months: pd.Series | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the commission earned in each month: what the plan in force pays on the bookings up to the month, less the same up to the month before.

    Bookings sit on the tier that the year to date has reached, so the months of a plan that does not change add up to its pay of the whole period.

    Parameters
    ----------
    bookings : DataFrame
        Bookings credited, a row a month in order, a column a rep.
    quota : Series
        Quota of the whole period by rep, the months before included.
    reps, comp_plans : DataFrame
        As the contracts.
    year_share : float
        As `rep_pay`, of the whole period.
    before : Series, optional
        Bookings of the period by rep before the first month; none without.
    months : Series, optional
        Months of the whole period that each rep had, instead of `year_share`.

    Returns
    -------
    DataFrame
        Money, in the shape of `bookings`.
    """
    begun = bookings.columns.map({} if before is None else before.to_dict()).to_numpy(dtype=float)
    start = np.concatenate([np.zeros((1, bookings.shape[1])), bookings.fillna(0.0).to_numpy(float)]).cumsum(axis=0) + np.nan_to_num(begun)
    people = pd.DataFrame({"rep": bookings.columns, "quota": quota.reindex(bookings.columns).to_numpy(float)})
    people = people if months is None else people.assign(months=months.reindex(bookings.columns).fillna(0.0).to_numpy(float))
    dates = np.sort(comp_plans["effective_from"].dropna().unique()) if "effective_from" in comp_plans else np.array([], dtype="datetime64[us]")
    version = np.searchsorted(dates, bookings.index.to_numpy(), side="right")
    out = np.zeros(bookings.shape)
    for one in np.unique(version):  # months between two changes of any plan
        at = np.flatnonzero(version == one)
        paid = _pay(start[at[0] : at[-1] + 2], people, reps, in_force(comp_plans, bookings.index[at[0]]), year_share)[0]
        out[at] = np.diff(paid, axis=0)
    return pd.DataFrame(out, index=bookings.index, columns=bookings.columns)


def dated_pay(results: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame) -> pd.DataFrame:
    """Return pay where plans change inside the period: the months under one version of a plan are settled together, by its bands and its share of the year.

    Parameters
    ----------
    results : DataFrame
        month, rep, quota, bookings.
    reps, comp_plans : DataFrame
        As the contracts.

    Returns
    -------
    DataFrame
        rep, since (first month settled), months, quota, bookings, attainment, pay, basis: a row for each rep and version.
    """
    table = results.fillna({"bookings": 0.0})
    plan = table["rep"].map(reps.drop_duplicates("rep").set_index("rep")["comp_plan"])
    changes = comp_plans[["plan", "effective_from"]].dropna().drop_duplicates() if "effective_from" in comp_plans else pd.DataFrame(columns=["plan"])
    version = pd.Series(0, index=table.index)
    for name, dates in changes.groupby("plan"):
        mine = plan.eq(name)
        version[mine] = np.searchsorted(np.sort(dates["effective_from"].to_numpy()), table.loc[mine, "month"].to_numpy(), side="right")
    groups = table.assign(version=version).groupby(["rep", "version"], sort=True)
    spans = groups.agg(since=("month", "min"), months=("month", "nunique"), quota=("quota", "sum"), bookings=("bookings", "sum")).reset_index()
    parts = [
        part[["since", "months"]].reset_index(drop=True).join(rep_pay(part, reps, comp_plans, months / 12, since))
        for (since, months), part in spans.groupby(["since", "months"], sort=True)
    ]
    order = ["rep", "since", "months", "quota", "bookings", "attainment", "pay", "basis"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=order)
    return table[order].sort_values(["rep", "since"], kind="stable").reset_index(drop=True)


def by_rep(quotas: pd.DataFrame) -> pd.DataFrame:
    """Return rep, quota and the months in which the rep has one: of months by rep, as the contract quotas; without months as given."""
    if "month" not in quotas:
        return quotas.groupby("rep", as_index=False)["quota"].sum()
    months = quotas["month"].where(quotas["quota"] > 0)
    return quotas.assign(months=months).groupby("rep", as_index=False).agg(quota=("quota", "sum"), months=("months", "nunique"))


def simulate_pay(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    comp_plans: pd.DataFrame,
    attained: Sequence[float] | np.ndarray,
    common: float = 0.1,
    runs: int = 2000,
    seed: int = 0,
    year_share: float = 1.0,
    month: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return what the plan may cost when attainment spreads as it did: bands make the cost of a spread differ from the cost of its mean.

    Parameters
    ----------
    quotas : DataFrame
        rep, quota of the period; with month, who has only some of its months is paid for these.
    reps, comp_plans : DataFrame
        As the contracts.
    attained : array of float
        Attainments seen, 1 is quota; each rep of each run draws one of them with replacement.
    common : float
        Standard deviation of the logarithm of a factor that all reps of a run share (the market), mean 1.
    runs, seed : int
        Number of runs; they are the same for the same seed.
    year_share, month
        As `rep_pay`.

    Returns
    -------
    DataFrame
        run, attainment (of the team, sum over sum), bookings, pay, cost (pay over bookings).

    Raises
    ------
    ValueError
        No attainment is given.
    """
    seen = np.asarray(attained, dtype=float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        raise ValueError("simulate_pay: no attainment is given; expected at least one rep with a quota and bookings")
    base = by_rep(quotas)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(seen, (runs, len(base))) * rng.lognormal(-(common**2) / 2, common, (runs, 1))
    bookings = drawn * base["quota"].to_numpy(float)
    pay = _pay(bookings, base, reps, in_force(comp_plans, month), year_share)[0].sum(axis=1)
    total, quota = bookings.sum(axis=1), float(base["quota"].sum())
    known = np.where(total > 0, total, np.nan)
    return pd.DataFrame({"run": np.arange(runs), "attainment": total / (quota or np.nan), "bookings": total, "pay": pay, "cost": pay / known})


def cost_of_sales_plan(pay: pd.DataFrame) -> float:
    """Return variable pay over bookings of all reps; n/a without bookings."""
    bookings = pay["bookings"].sum()
    return float(pay["pay"].sum() / bookings) if bookings > 0 else np.nan


def plan_cost(
    quotas: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, levels: Sequence[float] = (0.8, 1.0, 1.2), year_share: float = 1.0,
    month: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return what the sales plan would cost if every rep ended at the same attainment.

    Parameters
    ----------
    quotas : DataFrame
        rep, quota of the period; with month, who has only some of its months is paid for these.
    reps, comp_plans : DataFrame
        As the contracts.
    levels : sequence of float
        Attainments to try.
    year_share : float
        Share of a year that the period lasts.
    month : Timestamp, optional
        As `rep_pay`.

    Returns
    -------
    DataFrame
        attainment, bookings, pay, cost (pay over bookings).
    """
    base = by_rep(quotas)
    paid = [rep_pay(base.assign(bookings=base["quota"] * level), reps, comp_plans, year_share, month) for level in levels]
    return pd.DataFrame({
        "attainment": list(levels), "bookings": [p["bookings"].sum() for p in paid], "pay": [p["pay"].sum() for p in paid],
        "cost": [cost_of_sales_plan(p) for p in paid],
    })
