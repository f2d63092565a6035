"""Pipeline coverage, defined once: open pipeline due in the rest of the fiscal year over the quota that is still to be brought in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import months_between
from sop_helpers.planning.pipeline import coverage, coverage_needed, due_open, win_rate
from sop_helpers.planning.quotas import fiscal_year, fiscal_year_start

STARTS = 12
"""Latest months at which a period is begun to measure what is created and closed inside it."""


def created_inside(deals: pd.DataFrame, month: pd.Timestamp, months: int) -> float:
    """Return, of all value won in periods of some months, the share of deals created inside the period: sum over sum of the latest periods before `month`.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    month : Timestamp
        Start of the month from which nothing is known.
    months : int
        Length of a period. Periods begin at each of `STARTS` months, none before the first deal was won; n/a where no whole period is over.
    """
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    if won.empty:
        return np.nan
    starts = pd.date_range(end=month - pd.DateOffset(months=months), periods=STARTS, freq="MS")
    starts = starts[starts >= won["closed"].min().to_period("M").to_timestamp()]
    total = inside = 0.0
    for start in starts:
        rows = won[(won["closed"] >= start) & (won["closed"] < start + pd.DateOffset(months=months))]
        total, inside = total + rows["amount"].sum(), inside + rows.loc[rows["created"] >= start, "amount"].sum()
    return float(inside / total) if total > 0 else np.nan


def year_coverage(deals: pd.DataFrame, booked: pd.DataFrame, month: pd.Timestamp, first_month: int = 1) -> dict[str, float | pd.Timestamp]:
    """Return the coverage of the rest of the fiscal year that holds `month`, and the coverage with which its quota is usually met.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    booked : DataFrame
        From `quotas.with_bookings`.
    month : Timestamp
        First month planned: the period goes from it to the end of its fiscal year.
    first_month : int
        First month of the fiscal year.

    Returns
    -------
    dict
        open (pipeline expected to close by the end of the period, or without date), complete (whether the year's quotas are all set), quota (of the year), left
        (quota less bookings so far), coverage (open over left; n/a once the quota is reached, or where the year's quotas are not all set), win_rate (by count,
        of deals created in the twelve months before), created_inside, needed ((1 - created_inside) / win_rate), months (of the period), last (its last month).
    """
    begin = fiscal_year_start(month, first_month)
    end = begin + pd.DateOffset(years=1)
    year = fiscal_year(booked, month, first_month)
    # A year whose quotas are not all set yet cannot be covered; quarterly quotas stand in the first or last month of a quarter.
    complete = len(year) > 0 and year["month"].min() <= begin + pd.DateOffset(months=2) and year["month"].max() >= end - pd.DateOffset(months=3)
    months = int(months_between(end, month))
    cohort = deals[deals["created"] >= month - pd.DateOffset(years=1)]
    rate = win_rate(float((cohort["outcome"] == "won").sum()), float((cohort["outcome"] == "lost").sum()))
    inside = created_inside(deals, month, months)
    pipe, left = float(due_open(deals, end)["amount"].sum()), float(year["quota"].sum() - year["bookings"].sum())
    return {
        "open": pipe, "complete": bool(complete), "quota": float(year["quota"].sum()),
        "left": left, "coverage": coverage(pipe, left) if complete else np.nan, "win_rate": rate, "created_inside": inside,
        "needed": coverage_needed(rate, 0.0 if pd.isna(inside) else inside), "months": months, "last": end - pd.DateOffset(months=1),
    }


def coverage_words(found: dict[str, float | pd.Timestamp], currency: str) -> str:
    """Say the coverage with its period and with what it is held against; `found` is from `year_coverage`."""
    period = f"to the end of the fiscal year in {found['last']:%Y-%m}"
    if not found["coverage"] == found["coverage"]:
        reached = "the quota of the year is reached" if found["quota"] > 0 else "the quotas of the year are zero"
        why = reached if found["complete"] else "the quotas of the year are not all set"
        return f"Pipeline coverage {period} is not stated: {why}."
    text = f"Pipeline coverage {period} is {found['coverage']:.2f} x: {found['open']:,.0f} {currency} open and due by then over {found['left']:,.0f} to bring"
    if not found["needed"] == found["needed"]:
        return text + "."
    same = f", with {found['created_inside']:.0%} of what is won in {found['months']:.0f} months coming from deals created in them"
    same = "" if pd.isna(found["created_inside"]) else same
    return f"{text}; {found['needed']:.2f} x is needed at a win rate of {found['win_rate']:.0%}{same}."
