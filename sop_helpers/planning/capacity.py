"""Rough-cut capacity for companies without routings: overall factors and bills of capacity."""

from __future__ import annotations

import pandas as pd


def overall_factors(schedule: pd.DataFrame, hours_per_unit: pd.Series, shares: pd.Series) -> pd.DataFrame:
    """Return hours by period and work centre from total hours and each centre's historical share of them.

    Parameters
    ----------
    schedule : DataFrame
        Units of the master schedule: one row per period, one column per product.
    hours_per_unit : Series
        All hours of one unit, by product.
    shares : Series
        Share of the hours by work centre.

    References
    ----------
    Vollmann, Berry, Whybark & Jacobs, Manufacturing Planning and Control: capacity planning using overall factors.
    """
    total = schedule @ hours_per_unit.reindex(schedule.columns)
    return pd.DataFrame({centre: total * share for centre, share in shares.items()}, index=schedule.index)


def bill_of_capacity(schedule: pd.DataFrame, bill: pd.DataFrame) -> pd.DataFrame:
    """Return hours by period and work centre from the hours that one unit takes at each.

    Parameters
    ----------
    schedule : DataFrame
        Units of the master schedule: one row per period, one column per product.
    bill : DataFrame
        Hours of one unit: one row per work centre, one column per product.
    """
    return schedule @ bill.reindex(columns=schedule.columns).T
