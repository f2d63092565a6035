"""Fiscal calendars of whole weeks: 4-4-5, 4-5-4 and 5-4-4, with the 53rd week where the year has one.

A period goes by the name of its calendar month, so that everything else keeps planning in months; order lines dated by days are counted in their period.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

WEEK_ENDS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


def periods(first: pd.Timestamp, last: pd.Timestamp, pattern: str, first_month: int, week_end: str = "SAT", year_end: str = "nearest") -> pd.DataFrame:
    """Return the periods of the fiscal years that touch the days from first to last.

    Parameters
    ----------
    first, last : Timestamp
        Days that must be covered.
    pattern : {"4-4-5", "4-5-4", "5-4-4"}
        Weeks of the three periods of a quarter.
    first_month : int
        Month that the fiscal year begins in; the year ends on a `week_end` about the end of the month before.
    week_end : str
        Last day of a week, ``SAT``.
    year_end : {"nearest", "last"}
        Whether the year ends on the `week_end` nearest to the month's end, or on the last one in the month.

    Returns
    -------
    DataFrame
        month (its name, as a period start), start, end, weeks; a 53rd week belongs to the last period.
    """
    offset = pd.offsets.FY5253(weekday=WEEK_ENDS.index(week_end), startingMonth=(first_month - 2) % 12 + 1, variation=year_end)
    ends = pd.date_range(first - pd.DateOffset(years=2), last + pd.DateOffset(years=2), freq=offset)
    weeks = np.array([int(part) for part in pattern.split("-")] * 4)
    rows = []
    for before, end in zip(ends[:-1], ends[1:], strict=True):  # a few years
        start = before + pd.Timedelta(days=1)
        length = weeks.copy()
        length[-1] += (end - before).days // 7 - 52
        starts = start + pd.to_timedelta(7 * np.r_[0, np.cumsum(length)[:-1]], unit="D")
        name = (start + pd.Timedelta(days=15)).to_period("M").to_timestamp()
        months = pd.date_range(name, periods=12, freq="MS")
        rows.append(pd.DataFrame({"month": months, "start": starts, "end": starts + pd.to_timedelta(7 * length - 1, unit="D"), "weeks": length.astype(float)}))
    out = pd.concat(rows, ignore_index=True)
    out = out[(out["end"] >= first) & (out["start"] <= last)].reset_index(drop=True)
    return out.astype(dict.fromkeys(["month", "start", "end"], "datetime64[us]"))


def month_of(days: pd.Series, **calendar: str | int) -> pd.Series:
    """Return the period that each day belongs to, by the name of its month.

    Parameters
    ----------
    days : Series of datetime
        Days; blanks stay blank.
    **calendar
        As in `periods`.
    """
    known = days.dropna()
    if known.empty:
        return days
    table = periods(known.min(), known.max(), **calendar)
    place = np.searchsorted(table["start"].to_numpy(), known.dt.normalize().to_numpy(), side="right") - 1
    return pd.Series(table["month"].to_numpy()[place], index=known.index).reindex(days.index).astype("datetime64[us]")


def periods_of(months: pd.DatetimeIndex, **calendar: str | int) -> pd.DataFrame:
    """Return start, end and weeks of the periods that bear the names of some months, indexed by them."""
    table = periods(months.min() - pd.Timedelta(days=10), months.max() + pd.Timedelta(days=45), **calendar)
    return table.set_index("month").reindex(months)


def weeks_of(months: pd.DatetimeIndex, **calendar: str | int) -> pd.Series:
    """Return the weeks of each period, indexed by the name of its month."""
    return periods_of(months, **calendar)["weeks"]
