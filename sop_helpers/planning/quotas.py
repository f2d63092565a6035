"""Quotas: attainment as sum over sum, its distribution, over-assignment, and a split that adds up to the cent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sop_helpers.planning.pipeline import due_open

BANDS = ["< 50 %", "50-80 %", "80-100 %", "100-120 %", "> 120 %"]
PLAN_COLUMNS = ["rep", "name", "region", "quota_to_date", "bookings_to_date", "attainment", "quota_to_go", "coverage"]


def fiscal_year_start(month: pd.Timestamp, first_month: int = 1) -> pd.Timestamp:
    """Return the first month of the fiscal year that holds a month."""
    return pd.Timestamp(month.year - (month.month < first_month), first_month, 1)


def fiscal_year(table: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> pd.DataFrame:
    """Return the rows of the fiscal year that holds `month`."""
    begin = fiscal_year_start(month, first_month)
    return table[(table["month"] >= begin) & (table["month"] < begin + pd.DateOffset(years=1))]


def by_months(quotas: pd.DataFrame, first_month: int = 1) -> pd.DataFrame:
    """Return quotas by month, where those of quarters stand in the first or the last month of one: a third of quota and bookings in each of its months.

    Quotas are those of quarters where all months stated lie three apart, more than one is, and the fiscal quarters begin or end in them.

    Parameters
    ----------
    quotas : DataFrame
        month, rep, quota, and bookings and original_quota where there are any.
    first_month : int
        First month of the fiscal year.
    """
    number = quotas["month"].dt.year * 12 + quotas["month"].dt.month
    place = (quotas["month"].dt.month - first_month) % 3
    if number.nunique() < 2 or (number - number.min()).mod(3).any() or place.eq(1).any():
        return quotas
    money = [c for c in ("quota", "bookings", "original_quota") if c in quotas]
    third = quotas.assign(**{c: quotas[c] / 3 for c in money})
    first = 0 if place.iloc[0] == 0 else -2
    parts = [third.assign(month=(quotas["month"] + pd.DateOffset(months=first + k)).astype(quotas["month"].dtype)) for k in range(3)]
    return pd.concat(parts).sort_values(["rep", "month"], kind="stable", ignore_index=True)


def with_bookings(quotas: pd.DataFrame, deals: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> pd.DataFrame:
    """Return quotas by month with bookings known at the start of `month`: as credited, else the won deals of rep and month.

    A rep without a booking in a month that has some has 0; a month of which nobody's are known is blank.

    Parameters
    ----------
    quotas : DataFrame
        month, rep, quota, bookings.
    deals : DataFrame
        From `pipeline.known_deals`; may be empty.
    month : Timestamp
        Bookings of this month and later are blank.
    first_month : int
        First month of the fiscal year, in which its first quarter begins.
    """
    table = by_months(quotas, first_month).copy()
    table["bookings"] = table["bookings"].astype(float).where(table["month"] < month)
    if not deals.empty:
        won = deals[deals["outcome"] == "won"]
        won = won.assign(month=won["closed"].dt.to_period("M").dt.to_timestamp()).groupby(["month", "rep"], as_index=False)["amount"].sum()
        seen = table[["month", "rep"]].merge(won, on=["month", "rep"], how="left")["amount"].set_axis(table.index)
        # A month without any credit at all is a month not credited yet; a single blank is no booking.
        blank = table["bookings"].isna().groupby(table["month"]).transform("all") & (table["month"] < month)
        # Months before the first win that is recorded have no bookings because nobody kept them.
        blank &= table["month"] >= won["month"].min() if len(won) else False
        table["bookings"] = table["bookings"].where(~blank, seen.fillna(0.0))
    past = table["bookings"].notna().groupby(table["month"]).transform("any")
    table["bookings"] = table["bookings"].mask(past, table["bookings"].fillna(0.0))
    return table


def attainment_to_date(quotas: pd.DataFrame, first_month: int = 1) -> pd.DataFrame:
    """Return attainment by month and to date within the fiscal year, over all rows given: sum over sum, never a mean of months.

    Parameters
    ----------
    quotas : DataFrame
        month, quota, bookings; months with no bookings at all are left out (they lie ahead).
    first_month : int
        First month of the fiscal year.

    Returns
    -------
    DataFrame
        month, quota, bookings, attainment, to_date (n/a where the quota is 0).
    """
    table = quotas.groupby("month").agg(quota=("quota", "sum"), bookings=("bookings", lambda b: b.sum(min_count=1))).dropna(subset="bookings").reset_index()
    year = table["month"].map(lambda m: fiscal_year_start(m, first_month))
    running = table.groupby(year)[["quota", "bookings"]].cumsum()
    table["attainment"] = table["bookings"] / table["quota"].where(table["quota"] > 0)
    table["to_date"] = running["bookings"] / running["quota"].where(running["quota"] > 0)
    return table


def quota_plan(quotas: pd.DataFrame, reps: pd.DataFrame, deals: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> pd.DataFrame:
    """Return attainment by rep for the fiscal year of the last actual month, with what is left to go.

    Parameters
    ----------
    quotas : DataFrame
        From `with_bookings`.
    reps : DataFrame
        rep, name, region.
    deals : DataFrame
        From `pipeline.known_deals`; may be empty, coverage is then n/a.
    month : Timestamp
        First month planned.
    first_month : int
        First month of the fiscal year.

    Returns
    -------
    DataFrame
        As the contract quota_plan, best attainment first. Coverage is defined as for the team (`pipeline_coverage`), n/a once the year's quota is reached or
        where the year has ended.
    """
    begin = fiscal_year_start(month - pd.DateOffset(months=1), first_month)
    end = begin + pd.DateOffset(years=1)
    year = fiscal_year(quotas, begin, first_month)
    if year.empty:
        return pd.DataFrame(columns=PLAN_COLUMNS)
    past = year["month"] < month
    table = pd.DataFrame({
        "quota_to_date": year[past].groupby("rep")["quota"].sum(), "bookings_to_date": year[past].groupby("rep")["bookings"].sum(),
        "quota_to_go": year[~past].groupby("rep")["quota"].sum(),
    }).fillna(0.0)
    table["attainment"] = table["bookings_to_date"] / table["quota_to_date"].where(table["quota_to_date"] > 0)
    left = table["quota_to_date"] + table["quota_to_go"] - table["bookings_to_date"]
    table["coverage"] = np.nan
    if not deals.empty:
        pipe = due_open(deals, end).groupby("rep")["amount"].sum().reindex(table.index).fillna(0.0)
        table["coverage"] = pipe / left.where((left > 0) & (table["quota_to_go"] > 0))
    known = reps.drop_duplicates("rep").set_index("rep")
    table = table.rename_axis("rep").reset_index()
    table["name"] = table["rep"].map(known["name"]).astype("str").fillna(table["rep"])
    table["region"] = table["rep"].map(known["region"])
    return table.sort_values(["attainment", "rep"], ascending=[False, True], kind="stable")[PLAN_COLUMNS].reset_index(drop=True)


def bands(attainment: pd.Series) -> pd.DataFrame:
    """Return how many reps lie in each band of attainment; 100 % exactly is in the band that met quota.

    Returns
    -------
    DataFrame
        band, reps, share (of those with an attainment).
    """
    known = attainment.dropna()
    # Exactly 120 % is not above 120 %, so the last edge is just past it.
    counts = pd.cut(known, [-np.inf, 0.5, 0.8, 1.0, np.nextafter(1.2, 2), np.inf], right=False, labels=BANDS).value_counts().reindex(BANDS)
    return pd.DataFrame({"band": BANDS, "reps": counts.to_numpy(float), "share": counts.to_numpy(float) / (len(known) or np.nan)})


def share_at_quota(attainment: pd.Series) -> float:
    """Return the share of reps at 100 % or more; n/a without reps."""
    known = attainment.dropna()
    return float((known >= 1).mean()) if len(known) else np.nan


def over_assignment(street_quota: float, target: float) -> float:
    """Return the sum of rep quotas over the target they are to bring; n/a for a target of 0."""
    return street_quota / target if target > 0 else np.nan


def planning_factor(street_quota: float, target: float) -> float:
    """Return the target as a share of the sum of rep quotas, the inverse of over-assignment; n/a without quotas."""
    return target / street_quota if street_quota > 0 else np.nan


def split_target(target: float, weights: pd.Series, held: Mapping[str, float] | None = None, decimals: int = 2) -> pd.Series:
    """Split a target by weight so that the parts add up to it to the last cent; held values stay as they are.

    Parameters
    ----------
    target : float
        What is to be split.
    weights : Series
        Weight of each part, such as potential; equal weights split evenly.
    held : mapping, optional
        Parts whose value is fixed; the others share the rest.
    decimals : int
        Decimals of money, 0 for yen.

    Returns
    -------
    Series
        Value of each part, in the order of the weights.

    Raises
    ------
    ValueError
        Held parts are unknown or exceed the target, weights are negative, or nobody is left to take the rest.
    """
    held = dict(held or {})
    unknown = [name for name in held if name not in weights.index]
    if unknown:
        raise ValueError(f"held values name {unknown}, which have no weight")
    if (weights < 0).any() or weights.isna().any():
        raise ValueError(f"the weight of {weights.index[(weights < 0) | weights.isna()].tolist()} is negative or missing")
    scale = 10**decimals
    total = round(target * scale)
    fixed = {name: round(value * scale) for name, value in held.items()}
    rest, free = total - sum(fixed.values()), weights.drop(list(fixed)).astype(float)
    if rest < 0:
        raise ValueError(f"held values exceed the target of {target} by {-rest / scale}")
    if rest and not free.sum() > 0:
        raise ValueError(f"{rest / scale} of the target is left and no part with a weight to take it")
    exact = free / free.sum() * rest if free.sum() > 0 else free * 0.0
    cents = np.floor(exact).astype("int64")
    # The largest remainders take the cents that rounding down left over; ties go to the first.
    missing = int(rest - cents.sum())
    order = (exact - cents).sort_values(ascending=False, kind="stable").index[:missing]
    cents.loc[order] += 1
    return pd.concat([cents, pd.Series(fixed, dtype="int64")]).reindex(weights.index) / scale
