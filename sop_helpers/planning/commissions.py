"""Pay of the sales force: marginal bands of attainment, caps, and what the plan costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def check_bands(bands: pd.DataFrame) -> pd.DataFrame:
    """Return the bands of one plan in order.

    Parameters
    ----------
    bands : DataFrame
        plan, tier, from_attainment, to_attainment (blank is open), rate.

    Raises
    ------
    ValueError
        Bands overlap, leave a gap, do not begin at 0, or end before they begin.
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
    return table


def payout(bookings: Sequence[float] | np.ndarray, quota: Sequence[float] | np.ndarray, bands: pd.DataFrame) -> np.ndarray:
    """Return the commission of each rep on one plan: each band's rate on the bookings inside the band, up to the cap.

    Parameters
    ----------
    bookings, quota : array of float
        Of the same period, the year to date for a yearly plan. Without a quota nothing is paid.
    bands : DataFrame
        Bands of one plan, as the contract comp_plans.

    Returns
    -------
    ndarray
        Money; monotone in bookings and without jumps, because bands are marginal.
    """
    table = check_bands(bands)
    target = np.asarray(quota, dtype=float)[..., None]
    lower = target * table["from_attainment"].to_numpy(float)
    upper = np.where(target > 0, target, np.nan) * table["to_attainment"].fillna(np.inf).to_numpy(float)
    inside = np.clip(np.asarray(bookings, dtype=float)[..., None], lower, upper) - lower
    paid = np.nansum(inside * table["rate"].to_numpy(float), axis=-1)
    caps = table["cap"].dropna() if "cap" in table else pd.Series(dtype=float)
    return np.minimum(paid, caps.min()) if len(caps) else paid


def rep_pay(results: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, year_share: float = 1.0) -> pd.DataFrame:
    """Return the variable pay of each rep.

    A rep with a plan is paid by its bands; one without, but with on-target earnings, gets the variable part in proportion to
    attainment; any other is paid nothing and is counted in ``basis``.

    Parameters
    ----------
    results : DataFrame
        rep, quota, bookings of the period.
    reps : DataFrame
        rep, comp_plan, on_target_earnings, variable_share.
    comp_plans : DataFrame
        As the contract; may be empty.
    year_share : float
        Share of a year that the period lasts; scales caps and on-target earnings.

    Returns
    -------
    DataFrame
        rep, quota, bookings, attainment, pay, basis (the plan's name, "on-target earnings" or "none").
    """
    table = results[["rep", "quota", "bookings"]].fillna({"bookings": 0.0}).copy()
    known = reps.drop_duplicates("rep").set_index("rep")
    table["attainment"] = table["bookings"] / table["quota"].where(table["quota"] > 0)
    plan = table["rep"].map(known["comp_plan"])
    variable = table["rep"].map(known["on_target_earnings"] * known["variable_share"]).astype(float) * year_share
    table["pay"] = (variable * table["attainment"].clip(lower=0)).fillna(0.0)
    table["basis"] = np.where(variable.notna(), "on-target earnings", "none")
    for name, bands in comp_plans.groupby("plan"):
        on = plan.eq(name).to_numpy()
        scaled = bands.assign(cap=bands["cap"] * year_share) if "cap" in bands else bands
        table.loc[on, "pay"] = payout(table.loc[on, "bookings"].to_numpy(), table.loc[on, "quota"].to_numpy(), scaled)
        table.loc[on, "basis"] = name
    return table.reset_index(drop=True)


def cost_of_sales_plan(pay: pd.DataFrame) -> float:
    """Return variable pay over bookings of all reps; n/a without bookings."""
    bookings = pay["bookings"].sum()
    return float(pay["pay"].sum() / bookings) if bookings > 0 else np.nan


def plan_cost(
    quotas: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, levels: Sequence[float] = (0.8, 1.0, 1.2), year_share: float = 1.0
) -> pd.DataFrame:
    """Return what the sales plan would cost if every rep ended at the same attainment.

    Parameters
    ----------
    quotas : DataFrame
        rep, quota of the period.
    reps, comp_plans : DataFrame
        As the contracts.
    levels : sequence of float
        Attainments to try.
    year_share : float
        Share of a year that the period lasts.

    Returns
    -------
    DataFrame
        attainment, bookings, pay, cost (pay over bookings).
    """
    base = quotas.groupby("rep", as_index=False)["quota"].sum()
    paid = [rep_pay(base.assign(bookings=base["quota"] * level), reps, comp_plans, year_share) for level in levels]
    return pd.DataFrame({
        "attainment": list(levels), "bookings": [p["bookings"].sum() for p in paid], "pay": [p["pay"].sum() for p in paid],
        "cost": [cost_of_sales_plan(p) for p in paid],
    })
