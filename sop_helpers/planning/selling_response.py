"""Elasticity of bookings to the number of reps, from the company's own months where they tell it, drawn to published studies where they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.rep_capacity import on_leave, rep_months

PRIOR = 0.31
"""Mean of published elasticities of personal selling, corrected for bias (Albers, Mantrala and Sridhar 2010, J. Marketing Research 47(5), 506 estimates).

Later studies cite its uncorrected mean of 0.34 over all industries, and 0.245 in one.
"""
PRIOR_SPREAD = 0.155
"""Standard deviation of that prior: half the mean, so that twice the mean and nothing at all lie at two of them. A choice of ours, not of the study."""
FEWEST = 10
"""Degrees of freedom below which nothing is estimated."""


def team_months(booked: pd.DataFrame, reps: pd.DataFrame, leave: pd.DataFrame, ramp: tuple[float, ...] | list[float], month: pd.Timestamp) -> pd.DataFrame:
    """Return month, region, heads (ramped rep equivalents, leave off) and bookings of the months before `month` in which both are above 0.

    Parameters
    ----------
    booked : DataFrame
        From `quotas.with_bookings`.
    reps, leave : DataFrame
        As the contracts; leave may be empty.
    ramp : sequence of float
        Share of full productivity by month at work.
    month : Timestamp
        First month not known.
    """
    known = booked[(booked["month"] < month)].dropna(subset="bookings")
    staff = rep_months(reps, pd.DatetimeIndex(sorted(known["month"].unique())), ramp).assign(capacity=0.0)
    heads = on_leave(staff, leave).groupby(["month", "region"])["ramp"].sum().rename("heads")
    home = reps.drop_duplicates("rep").set_index("rep")["region"]
    sold = known.groupby(["month", known["rep"].map(home).rename("region")])["bookings"].sum()
    table = pd.concat([heads, sold], axis=1).dropna().reset_index()
    return table[(table["heads"] > 0) & (table["bookings"] > 0)].sort_values(["region", "month"], kind="stable", ignore_index=True)


def seen_heads(table: pd.DataFrame) -> pd.DataFrame:
    """Return region, fewest and most heads of the months of `team_months`: beyond them nothing was seen."""
    return table.groupby("region")["heads"].agg(fewest="min", most="max").reset_index()


def elasticity(table: pd.DataFrame) -> dict[str, float]:
    """Return the slope of log bookings on log heads within regions and months, with its standard error.

    Each region has a level of its own and each month moves all regions alike (two-way fixed effects), so that neither the size of a market nor the season is
    taken for an effect of heads. The error is the larger of that of least squares and that clustered by region: months of a region may hang together.

    Parameters
    ----------
    table : DataFrame
        From `team_months`.

    Returns
    -------
    dict
        slope, error, rows, regions; slope and error n/a where heads did not move against those of other regions, or too few rows are left.
    """
    rows, regions = float(len(table)), float(table["region"].nunique())
    out = {"slope": np.nan, "error": np.nan, "rows": rows, "regions": regions}
    if len(table) < FEWEST:
        return out
    effects = pd.get_dummies(table[["region", "month"]].astype(str), drop_first=True).to_numpy(dtype=float)
    effects = np.column_stack([np.ones(len(table)), effects])
    values = np.log(table[["heads", "bookings"]].to_numpy(dtype=float))
    left, _, rank, _ = np.linalg.lstsq(effects, values, rcond=None)
    x, y = (values - effects @ left).T
    free = len(table) - int(rank) - 1
    spread = float(x @ x)
    if free < FEWEST or spread < 1e-8:
        return out
    slope = float(x @ y) / spread
    miss = y - slope * x
    plain = np.sqrt(float(miss @ miss) / free / spread)
    scores = pd.Series(x * miss).groupby(table["region"].to_numpy()).sum().to_numpy()
    groups = len(scores)
    clustered = np.sqrt(float(scores @ scores) * groups / (groups - 1) * (len(table) - 1) / free) / spread
    return out | {"slope": slope, "error": max(plain, float(clustered))}


def measured_response(table: pd.DataFrame, prior: float = PRIOR, prior_spread: float = PRIOR_SPREAD) -> dict[str, float]:
    """Return the elasticity to plan with: the company's own, drawn to the prior in proportion to how unsure it is.

    Own estimate and prior are weighed by the inverse of their variances; what is left is a normal distribution cut to lie between 0 and 1, for more reps do
    not sell less, and the next one brings less than the last. Its mean is used.

    Parameters
    ----------
    table : DataFrame
        From `team_months`.
    prior, prior_spread : float
        Mean and standard deviation of the prior.

    Returns
    -------
    dict
        slope, error, rows, regions (of `elasticity`), weight (of the own estimate, 0 without), response (to use), low and high (its 80 % range), own_low and
        own_high (80 % range by own months alone: regions less one degrees of freedom, as befits an error clustered by them; not cut, n/a without).
    """
    from scipy.stats import t, truncnorm

    own = elasticity(table)
    sure = 1 / own["error"] ** 2 if own["error"] > 0 else 0.0
    weight = sure / (sure + 1 / prior_spread**2)
    middle = weight * np.nan_to_num(own["slope"]) + (1 - weight) * prior
    wide = 1 / np.sqrt(sure + 1 / prior_spread**2)
    left = truncnorm((0 - middle) / wide, (1 - middle) / wide, middle, wide)
    aside = float(t.ppf(0.9, own["regions"] - 1)) * own["error"] if own["regions"] > 1 else np.nan
    ends = {"low": float(left.ppf(0.1)), "high": float(left.ppf(0.9)), "own_low": own["slope"] - aside, "own_high": own["slope"] + aside}
    return own | {"weight": weight, "response": float(left.mean())} | ends


def response_words(found: dict[str, float]) -> str:
    """Say where the elasticity comes from; `found` is from `measured_response`."""
    used = f"{found['response']:.2f} (80 % range {found['low']:.2f} to {found['high']:.2f})"
    if not found["weight"] > 0:
        return (
            f"Elasticity {used} is that of published studies ({PRIOR}): {found['rows']:.0f} months of {found['regions']:.0f} regions do not tell one: heads "
            "hardly moved in one region against the others."
        )
    return (
        f"Elasticity {used}: own months say {found['slope']:+.2f} with a standard error of {found['error']:.2f} ({found['rows']:.0f} months of "
        f"{found['regions']:.0f} regions), which counts for {found['weight']:.0%}; published studies ({PRIOR}) for the rest."
    )
