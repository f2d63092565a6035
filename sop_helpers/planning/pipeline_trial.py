"""The pipeline's view of demand tried out at past months, with the deals as they were known then, so that it is measured and weighed as other views are."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.bookings import deals_as_of
from sop_helpers.planning.deal_hazard import first_recorded, month_number
from sop_helpers.planning.deal_snapshots import SNAPSHOT
from sop_helpers.planning.pipeline_units import YEAR, pipeline_view, ship_lag, won_units
from sop_helpers.planning.views import no_measured

PIPELINE = "pipeline"
AUTHOR = "the workbook"


def as_they_stood(
    opportunities: pd.DataFrame, month: pd.Timestamp, products: pd.DataFrame, reps: pd.DataFrame, snapshots: dict[pd.Timestamp, pd.DataFrame] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Return the deals as known at the start of a past month: open ones from its snapshot where there is one, else rebuilt from their dates.

    Parameters
    ----------
    opportunities, products, reps : DataFrame
        As the contracts.
    month : Timestamp
        Start of the month.
    snapshots : dict, optional
        Month -> open deals as they stood (see `deal_snapshots.snapshot`). What it does not hold was not known to be open; what left the CRM since is in it.
    """
    then = deals_as_of(opportunities, month, products, reps)
    if not snapshots or month not in snapshots:
        return then
    still = snapshots[month][SNAPSHOT]
    known = then[["opportunity", *(c for c in then.columns if c not in SNAPSHOT and c not in ("units", "outcome", "closed"))]]
    still = still.merge(known, on="opportunity", how="left").assign(outcome="open").reindex(columns=then.columns)
    then = then[~then["opportunity"].isin(still["opportunity"])]  # a close that was dated back later was open all the same
    # Units of today may not be those of then; they follow from the amount.
    parts = [then[then["outcome"] != "open"], still.astype({c: then[c].dtype for c in ("created", "expected_close", "closed", "units")})]
    return pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else then


def measured_pipeline(
    tried: pd.DataFrame, opportunities: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, lag_months: int, *,
    snapshots: dict[pd.Timestamp, pd.DataFrame] | None = None, stated_lag: int | None = None, first_month: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Return what the pipeline's view would have said at the decision lag in past months, and what came: in the form of `views.measured_forecasts`.

    The view of a past month is made as today's is: the statistical forecast of that origin gives up the share of deals, and the deals known then take its
    place; hazards, values of a unit, shares and the lag to shipping are measured on what lay before. Months with less than a year of recorded closings before
    their origin are left out, for shares are those of a year. What drivers, launches and insights add today was not kept and is not in it.

    Parameters
    ----------
    tried : DataFrame
        month, product, region, lag (1 is the first month planned), actual, statistical: the backtest of the statistical forecast.
    opportunities, products, reps : DataFrame
        As the contracts.
    history : DataFrame
        month, product, region, units: demand.
    lag_months : int
        Decision lag.
    snapshots : dict, optional
        As `as_they_stood` takes them.
    stated_lag : int, optional
        Months from winning to demand, where the workbook states them.
    first_month : int
        First month of the fiscal year.

    Returns
    -------
    DataFrame
        stream, author, family, month, actual, forecast.
    """
    near = tried[tried["lag"] <= lag_months].dropna(subset=["statistical"])
    # closings of today say only from when on they were recorded
    begin = first_recorded(opportunities)
    if near.empty or begin < 0:
        return no_measured()
    near = near.assign(as_of=near["month"].dt.to_period("M").sub(near["lag"].astype(int) - 1).dt.to_timestamp().astype("datetime64[us]"))
    family = products.set_index("product")["family"]
    parts = []
    for as_of, rows in near.groupby("as_of"):  # months tried, a dozen or two
        last = rows[rows["lag"] == lag_months]
        if last.empty or month_number(pd.DatetimeIndex([as_of]))[0] < begin + YEAR:
            continue
        then, before = as_they_stood(opportunities, as_of, products, reps, snapshots), history[history["month"] < as_of]
        if not (then["outcome"] == "won").any():
            continue
        lag, _ = ship_lag(won_units(then, products), before, as_of, stated_lag)
        base = rows.rename(columns={"statistical": "units"})[["month", "product", "region", "units"]]
        view = pipeline_view(then, base, before, products, as_of, lag=lag, first_month=first_month)
        at = last["month"].iloc[0]
        came = last.groupby(last["product"].map(family).rename("family"))["actual"].sum()
        said = view[view["month"] == at].groupby("family")["units"].sum().rename("forecast")
        parts.append(pd.concat([came, said], axis=1).dropna().reset_index().assign(stream=PIPELINE, author=AUTHOR, month=at))
    return pd.concat(parts, ignore_index=True)[["stream", "author", "family", "month", "actual", "forecast"]] if parts else no_measured()


def trial_words(measured: pd.DataFrame, lag_months: int) -> str:
    """Say how far the pipeline's view was off in past months, over all families; `measured` is from `measured_pipeline`."""
    if measured.empty:
        return "The view of the pipeline could not be tried out: no past month has a year of recorded closings before its origin."
    off, came = measured["forecast"] - measured["actual"], measured["actual"].sum()
    text = f"The view of the pipeline was tried out in {measured['month'].nunique()} past months, {lag_months} month{'s' if lag_months > 1 else ''} ahead"
    return f"{text}: by family it was off by {off.abs().sum() / came:.0%}, with a bias of {off.sum() / came:+.0%}." if came > 0 else f"{text}; nothing came."
