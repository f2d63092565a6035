"""Working days and weeks: months of unequal length made comparable, and a last month that has not ended made whole.

Holidays come from the `holidays` package, by country (``DE``) or part of one (``DE-BY``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.backtest import backtest
from sop_helpers.planning.forecasting import Scope, classify
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.oddity import borrowed, families
from sop_helpers.planning.panel import KEYS, Panel, align
from sop_helpers.planning.smoothing import Matrix

GAIN = 0.01  # of the error: what working days or weeks must save before demand is forecast by them
LEAST_SHARE = 0.5  # of a month's working days or weeks: with fewer a month is not scaled up but set to what was expected
CAUSE = "partial month"
TRIED_COLUMNS = ["country", "regions", "wmape_months", "wmape_days", "origins", "origins_better", "kept"]
WEEK_COLUMNS = ["family", "series", "wmape_months", "wmape_weeks", "origins", "origins_better", "kept"]


class Weekly(NamedTuple):
    """What is forecast by week in a calendar of weeks: ``weeks`` of each period, indexed by month, and the ``products`` that it helps."""

    weeks: pd.Series
    products: pd.Index

    def ratio(self, months: pd.DatetimeIndex, base: pd.DatetimeIndex) -> Matrix:
        """Return the weeks of some months over the mean of the weeks of others."""
        return self.weeks.reindex(months).to_numpy(float) / self.weeks.reindex(base).mean()


@lru_cache(maxsize=256)
def _calendar(country: str, first: int, last: int) -> tuple[str, tuple[np.datetime64, ...]]:
    """Return the working days of a week (Monday first, as numpy masks them) and the holidays of some years."""
    import holidays

    code, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(code, subdiv=part or None, years=range(first, last + 1))
    except NotImplementedError as error:
        raise ValueError(f"table 'regions', column 'country': found {country!r}; expected an ISO code such as DE, or DE-BY for a part of it") from error
    mask = "".join("0" if day in found.weekend else "1" for day in range(7))
    return mask, tuple(np.datetime64(day) for day in sorted(found))


def working_days(first: pd.DatetimeIndex, after: pd.DatetimeIndex, country: str | None = None) -> Matrix:
    """Count the working days from `first` to the day before `after`, pair by pair.

    Parameters
    ----------
    first, after : DatetimeIndex
        First day, and the first day that no longer counts.
    country : str, optional
        ISO code; without one every Monday to Friday is a working day.

    Raises
    ------
    ValueError
        The country is unknown to the calendar.
    """
    if not len(first):
        return np.zeros(0)
    mask, free = _calendar(country, int(first.min().year), int(after.max().year)) if country else ("1111100", ())
    days = [d.to_numpy().astype("datetime64[D]") for d in (first, after)]
    return np.busday_count(*days, weekmask=mask, holidays=np.array(free, dtype="datetime64[D]")).astype(float)


def month_days(months: pd.DatetimeIndex, country: str | None = None) -> Matrix:
    """Working days of each month."""
    return working_days(months, months + pd.DateOffset(months=1), country)


def countries_of(regions: pd.DataFrame) -> pd.Series:
    """Return the country of each region, indexed by region; regions without one are left out."""
    if "country" not in regions or regions.empty:
        return pd.Series(dtype="str")
    return regions.set_index("region")["country"].dropna().astype("str").str.strip().str.upper()


def day_ratios(region: pd.Series, months: pd.DatetimeIndex, countries: pd.Series, base: pd.DatetimeIndex) -> Matrix:
    """Return working days over their mean for each region (rows) and month (columns); 1 for a region without country.

    Parameters
    ----------
    region : Series
        Region of each row.
    months : DatetimeIndex
        Months wanted.
    countries : Series
        Country by region.
    base : DatetimeIndex
        Months whose mean is 1: those of the history, for history and forecast alike.
    """
    out = np.ones((len(region), len(months)))
    country = region.map(countries) if len(countries) else pd.Series(pd.NA, index=region.index)
    for one in country.dropna().unique():
        out[(country == one).to_numpy()] = month_days(months, one) / month_days(base, one).mean()
    return out


def per_day(panel: Panel, countries: pd.Series, weekly: Weekly | None = None) -> Panel:
    """Return demand of months of average length: divided by working days, or in a calendar of weeks by weeks, over their mean."""
    if weekly is not None:
        mine = panel.keys["product"].isin(weekly.products).to_numpy()[:, None]
        return Panel(panel.keys, panel.months, np.where(mine, panel.values / weekly.ratio(panel.months, panel.months), panel.values))
    if countries.empty:
        return panel
    return Panel(panel.keys, panel.months, panel.values / day_ratios(panel.keys["region"], panel.months, countries, panel.months))


def by_month(frame: pd.DataFrame, countries: pd.Series, base: pd.DatetimeIndex, columns: list[str], weekly: Weekly | None = None) -> pd.DataFrame:
    """Undo `per_day` in a long table: multiply its columns by the working days (or weeks) of its months.

    Parameters
    ----------
    frame : DataFrame
        month, product, region and the columns.
    countries : Series
        Country by region, as given to `per_day`.
    base : DatetimeIndex
        Months of the history.
    columns : list of str
        Columns in units.
    weekly : Weekly, optional
        As given to `per_day`.
    """
    if (countries.empty and weekly is None) or frame.empty:
        return frame
    months = pd.DatetimeIndex(np.sort(frame["month"].unique()))
    at = months.get_indexer(pd.DatetimeIndex(frame["month"]))
    if weekly is not None:
        factor = np.where(frame["product"].isin(weekly.products), weekly.ratio(months, base)[at], 1.0)
    else:
        regions = pd.Series(frame["region"].unique())
        factor = day_ratios(regions, months, countries, base)[pd.Index(regions).get_indexer(frame["region"]), at]
    return frame.assign(**{column: frame[column] * factor for column in columns})


def try_working_days(panel: Panel, countries: pd.Series, *, origins: int = 6, lag_months: int = 3, season_length: int = 12) -> pd.DataFrame:
    """Forecast families by region from past origins with and without working days, and keep them by country where they help.

    Sums by family and region are tried, as single series are too noisy to show a day more or less. Kept where the error up to the decision lag falls by a
    hundredth and at more than half of the origins.

    Parameters
    ----------
    panel : Panel
        Cleansed demand; keys hold ``family``.
    countries : Series
        Country by region.
    origins, lag_months, season_length : int
        As in the workbook's demand policy; twice as many origins are looked at.

    Returns
    -------
    DataFrame
        country, regions, wmape_months, wmape_days, origins, origins_better, kept.
    """
    keys, values = _sums(panel)
    there = keys["region"].isin(countries.index).to_numpy()
    if not there.any():
        return no_rows(TRIED_COLUMNS, ["country", "regions"], kept="bool")
    keys, values = keys[there].reset_index(drop=True), values[there]
    ratio, country = day_ratios(keys["region"], panel.months, countries, panel.months), keys["region"].map(countries)
    out = _tried(values, ratio, country, origins=2 * origins, lag_months=lag_months, season_length=season_length)
    names = keys["region"].groupby(country).agg(lambda mine: ", ".join(sorted(set(mine))))
    return out.assign(regions=out["group"].map(names)).rename(columns={"group": "country", "wmape_with": "wmape_days"})[TRIED_COLUMNS]


def try_weeks(panel: Panel, weeks: pd.Series | None, *, origins: int = 6, lag_months: int = 3, season_length: int = 12) -> pd.DataFrame:
    """Forecast families by region from past origins with and without the weeks of the periods, and keep them by family where they help.

    The season of a year of 52 weeks knows which periods have five weeks; a 53rd week and short histories are where weeks can help. What sells by
    contract or by month does not sell more in five weeks. The rule is that of `try_working_days`.

    Parameters
    ----------
    panel : Panel
        Cleansed demand; keys hold ``family``.
    weeks : Series or None
        Weeks of each period, indexed by month; None in a calendar of months.
    origins, lag_months, season_length : int
        As in the workbook's demand policy; twice as many origins are looked at.

    Returns
    -------
    DataFrame
        family, series (sums by region), wmape_months, wmape_weeks, origins, origins_better, kept.
    """
    if weeks is None or not len(panel.keys):
        return no_rows(WEEK_COLUMNS, ["family"], kept="bool")
    keys, values = _sums(panel)
    ratio = np.tile(Weekly(weeks, pd.Index([])).ratio(panel.months, panel.months), (len(keys), 1))
    out = _tried(values, ratio, keys["family"], origins=2 * origins, lag_months=lag_months, season_length=season_length)
    return out.assign(series=out["group"].map(keys["family"].value_counts()).astype(float)).rename(
        columns={"group": "family", "wmape_with": "wmape_weeks"})[WEEK_COLUMNS]


def _sums(panel: Panel) -> tuple[pd.DataFrame, Matrix]:
    """Return demand by family and region: family, region of each row, and the matrix."""
    sums = pd.DataFrame(np.nan_to_num(panel.values)).groupby([panel.keys["family"], panel.keys["region"]]).sum()
    return sums.index.to_frame(index=False).set_axis(["family", "region"], axis=1), sums.to_numpy(float)


def _tried(values: Matrix, ratio: Matrix, group: pd.Series, **options: int) -> pd.DataFrame:
    """Backtest series as they are and divided by a ratio; return group, wmape_months, wmape_with, origins, origins_better, kept."""
    n, months = values.shape
    scope = Scope(np.arange(n), np.full(n, -1), np.full(n, 10**6))
    plain, even = (backtest(v, scope, options["lag_months"], **options) for v in (values, values / ratio))
    at = months - plain.back[:, None] + np.arange(plain.actual.shape[2])
    back = ratio[:, np.minimum(at, months - 1)]
    error = [np.abs(plain.statistical - plain.actual), np.abs(even.statistical * back - plain.actual)]
    rows, count = [], len(plain.back)
    for one in sorted(set(group)):
        part = (group == one).to_numpy()
        by_origin = [np.nansum(e[part], axis=(0, 2)) for e in error]
        total = max(float(np.nansum(plain.actual[part])), 1e-9)
        better = int((by_origin[1] < by_origin[0]).sum())
        kept = bool(by_origin[1].sum() < (1 - GAIN) * by_origin[0].sum() and better > count / 2)
        rows.append((one, by_origin[0].sum() / total, by_origin[1].sum() / total, float(count), float(better), kept))
    return pd.DataFrame(rows, columns=["group", "wmape_months", "wmape_with", "origins", "origins_better", "kept"])


def worth_keeping(countries: pd.Series, tried: pd.DataFrame) -> pd.Series:
    """Return the countries of those regions whose working days help (see `try_working_days`)."""
    return countries[countries.isin(tried.loc[tried["kept"].astype(bool), "country"])] if len(tried) else countries.iloc[:0]


def worth_weeks(weeks: pd.Series | None, tried: pd.DataFrame, family: pd.Series) -> Weekly | None:
    """Return what is to be forecast by week: the products of the families that it helps (see `try_weeks`); None where it helps none.

    Parameters
    ----------
    weeks : Series or None
        Weeks of each period, indexed by month.
    tried : DataFrame
        From `try_weeks`.
    family : Series
        Family by product.
    """
    kept = tried.loc[tried["kept"].astype(bool), "family"]
    return Weekly(weeks, family.index[family.isin(kept)]) if weeks is not None and len(kept) else None


def partial_month(
    panel: Panel, data_until: pd.Timestamp | None, countries: pd.Series | None = None, season_length: int = 12,
    period: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Propose to make the last month whole where its data end before it does, one row a series.

    With half of its working days (in a calendar of weeks: of its weeks) or more, demand is scaled up by them; with fewer it is set to what trend and
    season led to expect.

    Parameters
    ----------
    panel : Panel
        Raw history.
    data_until : Timestamp, optional
        Last day that the data cover; nothing is proposed without one, or where the month was over.
    countries : Series, optional
        Country by region; Monday to Friday without.
    season_length : int
        Months in a season.
    period : (first day, last day), optional
        Days of the last month in a calendar of weeks; the calendar month without.

    Returns
    -------
    DataFrame
        month, product, region, cause, units, accepted, note.

    Raises
    ------
    ValueError
        The day lies before the last month of the history: whole months are missing.
    """
    out = panel.keys[KEYS].iloc[:0].assign(cause="", units=0.0, accepted=True, note="")
    out.insert(0, "month", pd.DatetimeIndex([], dtype="datetime64[us]"))
    if data_until is None or pd.isna(data_until) or not len(panel.months):
        return out
    last = panel.months[-1]
    first, end = (last, last + pd.DateOffset(months=1)) if period is None else (period[0], period[1] + pd.Timedelta(days=1))
    if data_until < first:
        began = f" which began on {first:%Y-%m-%d}" if period else ""
        raise ValueError(f"data_until is {data_until:%Y-%m-%d}, but the history goes to {last:%Y-%m}{began}: expected a day of that month or after it")
    after = data_until.normalize() + pd.Timedelta(days=1)
    if after >= end:
        return out
    whole, done = _lengths(panel.keys["region"], countries, first, after, end) if period is None else (
        np.full(len(panel.keys), (stop - first).days / 7) for stop in (end, after))
    share = done / np.maximum(whole, 1.0)
    raw = np.nan_to_num(panel.values[:, -1])
    scaled = share >= LEAST_SHARE
    sparse = np.isin(classify(panel.values), ["intermittent", "lumpy"])
    before = panel.values[:, -season_length - 1 : -1]
    usual = np.nansum(before, axis=1) / np.maximum((~np.isnan(before)).sum(axis=1), 1)
    y = np.maximum(panel.values, 0.0)
    led = borrowed(y, np.zeros(y.shape, dtype=bool), sparse[:, None], families(panel.keys), season_length=season_length, ahead=1)
    expected = np.where(sparse, usual, led.units[:, -1])
    # What has come already is the least that the whole month can be.
    units = np.where(scaled, raw / np.maximum(share, 1e-9), np.maximum(np.nan_to_num(expected), raw)) - raw
    rows = np.flatnonzero((units != 0) & ~np.isnan(panel.values[:, -1]) & (raw >= 0))
    measure = "working days" if period is None else "weeks"
    said = np.where(scaled, f"scaled up by {measure}", "too few to scale: set to what trend and season led to expect")
    counted = [f"{d:.0f} of {w:.0f}" if period is None else f"{d:.3g} of {w:.0f}" for d, w in zip(done[rows], whole[rows], strict=True)]
    text = [f"data end on {data_until:%Y-%m-%d}, {part} {measure}; {s}" for part, s in zip(counted, said[rows], strict=True)]
    out = panel.keys[KEYS].iloc[rows].reset_index(drop=True)
    out.insert(0, "month", np.full(len(rows), last.to_datetime64()).astype("datetime64[us]"))
    return out.assign(cause=pd.Series(CAUSE, index=out.index, dtype="str"), units=units[rows], accepted=True, note=pd.Series(text, dtype="str"))


def ended(actuals: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Leave out a last month of which the data hold only a part: no forecast of it can be judged yet.

    Parameters
    ----------
    actuals : DataFrame
        month and whatever else.
    corrections : DataFrame
        month, cause: as the contract; `partial_month` puts in what tells.
    """
    return actuals[~actuals["month"].isin(corrections.loc[corrections["cause"] == CAUSE, "month"])]


def made_whole(panel: Panel, data_until: pd.Timestamp | None, **options: Any) -> Panel:
    """Return the history with its last month as it would be whole (see `partial_month`, which takes the options), to look at it for signals."""
    change = partial_month(panel, data_until, **options)
    return panel if change.empty else Panel(panel.keys, panel.months, panel.values + align(panel, change, "units", fill=0.0))


def _lengths(region: pd.Series, countries: pd.Series | None, first: pd.Timestamp, after: pd.Timestamp, end: pd.Timestamp) -> tuple[Matrix, Matrix]:
    """Return the working days of a month, and those before a day of it, for the region of each row."""
    country = region.map(countries) if countries is not None and len(countries) else pd.Series(pd.NA, index=region.index)
    whole, done = np.ones(len(region)), np.ones(len(region))
    for one in [None, *country.dropna().unique()]:
        rows = (country.isna() if one is None else country == one).to_numpy()
        whole[rows], done[rows] = (working_days(pd.DatetimeIndex([first]), pd.DatetimeIndex([stop]), one)[0] for stop in (end, after))
    return whole, done
