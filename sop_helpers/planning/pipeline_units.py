"""Bookings become units: the pipeline's own view of demand, with what the order history already holds taken out.

Only a part of demand goes through deals; the rest is run rate and is in the forecast of the history. The share of deals is measured over the past year, the
forecast gives that share up, and the deals expected (or won and not shipped yet) take its place. Where deals go on as they did, the view equals the forecast.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.bookings import expected_bookings, unit_values
from sop_helpers.planning.deal_hazard import first_recorded, fit_hazard
from sop_helpers.planning.frames import months_between

CELL = ["family", "region"]
YEAR = 12
SHORTEST = 6
"""Months of recorded closings and demand below which the pipeline has no view: a share of fewer is a matter of chance."""
LONGEST = 6
"""Most months between winning a deal and shipping it that are tried."""
FEWEST = 18
"""Months of deals and demand below which no lag is measured."""


def won_units(deals: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return the units of won deals by month of closing, family and region; units not stated follow from the amount and the value of a unit."""
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    value = won["family"].map(unit_values(deals, products)).astype(float)
    units = won["units"].astype(float).fillna(won["amount"] / value.where(value > 0)).fillna(0.0)
    table = won[CELL].assign(month=won["closed"].dt.to_period("M").dt.to_timestamp().astype("datetime64[us]"), units=units)
    return table.groupby(["month", *CELL], as_index=False)["units"].sum()


def ship_lag(won: pd.DataFrame, demand: pd.DataFrame, month: pd.Timestamp, stated: int | None = None) -> tuple[int, str]:
    """Return the months from winning a deal to its units in demand, and where that number comes from.

    A lag is measured where the monthly changes of won units and of demand go together (correlation over at least 18 months, beyond two standard errors of
    none); else it is 0, the month of winning.

    Parameters
    ----------
    won, demand : DataFrame
        month, units; won units and demand.
    month : Timestamp
        First month not known.
    stated : int, optional
        The workbook's own number.
    """
    if stated is not None:
        return stated, "workbook"
    known = [table[table["month"] < month].groupby("month")["units"].sum() for table in (won, demand)]
    if any(series.empty for series in known):
        return 0, "no lag to be seen"
    begin = max(series.index.min() for series in known)
    months = pd.date_range(begin, month - pd.DateOffset(months=1), freq="MS")
    if len(months) < FEWEST + LONGEST:
        return 0, "no lag to be seen"
    deals, came = (series.reindex(months, fill_value=0.0).diff().to_numpy()[1:] for series in known)
    # All lags are judged on the same months of demand.
    target = came[LONGEST:]
    if target.std() == 0 or deals.std() == 0:
        return 0, "no lag to be seen"
    found = np.nan_to_num([np.corrcoef(deals[LONGEST - lag : len(deals) - lag], target)[0, 1] for lag in range(LONGEST + 1)])
    best = int(found.argmax())
    return (best, "measured") if found[best] > 2 / np.sqrt(len(target)) else (0, "no lag to be seen")


def measured_from(deals: pd.DataFrame, history: pd.DataFrame, month: pd.Timestamp, lag: int = 0) -> pd.Timestamp:
    """Return the month from which the share of deals in demand is measured: a year before `month`, or later where closings or demand were not recorded yet.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    history : DataFrame
        month: demand.
    month : Timestamp
        First month planned.
    lag : int
        Months from winning to demand.
    """
    first = first_recorded(deals)
    known = [month - pd.DateOffset(months=YEAR), *([pd.Timestamp(first // 12, first % 12 + 1, 1) + pd.DateOffset(months=lag)] if first > 0 else [])]
    return max([*known, *([history["month"].min()] if len(history) else [])])


def pipeline_view(
    deals: pd.DataFrame, base: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, *, lag: int = 0, first_month: int = 1
) -> pd.DataFrame:
    """Return demand as the pipeline sees it: run rate from the forecast, and the units of deals.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`. Deals of a family or region that is not planned stay part of the run rate.
    base : DataFrame
        month, product, region, units: the workbook's own view.
    history : DataFrame
        month, product, region, units: demand.
    products : DataFrame
        product, family, unit_price.
    month : Timestamp
        First month planned.
    lag : int
        Months from winning to demand (see `ship_lag`).
    first_month : int
        First month of the fiscal year.

    Returns
    -------
    DataFrame
        month, family, region, units, run_rate, from_deals (both add up to units), deal_share (of demand since `measured_from`).
    """
    family = products.set_index("product")["family"]
    plan, past = (t.assign(family=t["product"].map(family)).groupby(["month", *CELL], as_index=False)["units"].sum() for t in (base, history))
    months = pd.DatetimeIndex(plan["month"].unique()).sort_values()
    reach = int(months_between(months[-1], month)) + 1 if len(months) else 0
    won = won_units(deals, products)
    ahead = expected_bookings(deals, fit_hazard(deals, month, CELL, first_month), month, reach, CELL)
    value = ahead["family"].map(unit_values(deals, products)).astype(float)
    ahead = ahead[["month", *CELL]].assign(units=((ahead["open"] + ahead["new"]) / value.where(value > 0)).fillna(0.0))
    shipped = pd.concat([won, ahead], ignore_index=True)
    shipped["month"] = shipped["month"] + pd.DateOffset(months=lag)
    start = measured_from(deals, history, month, lag)
    sums = {
        "deals": shipped[(shipped["month"] >= start) & (shipped["month"] < month)].groupby(CELL)["units"].sum(),
        "demand": past[(past["month"] >= start) & (past["month"] < month)].groupby(CELL)["units"].sum(),
    }
    cells = pd.DataFrame(sums).fillna(0.0).rename_axis(CELL).reset_index()
    # More in deals than in demand: not all of them are demand, so what they are ahead is scaled in the same way.
    cells["scale"] = (cells["demand"] / cells["deals"].where(cells["deals"] > 0)).clip(upper=1.0).fillna(0.0)
    cells["deal_share"] = (cells["deals"] * cells["scale"] / cells["demand"].where(cells["demand"] > 0)).fillna(0.0).clip(upper=1.0)
    table = plan.merge(cells[[*CELL, "scale", "deal_share"]], how="left", on=CELL).merge(
        shipped[shipped["month"].isin(months)].groupby(["month", *CELL], as_index=False)["units"].sum().rename(columns={"units": "deals"}),
        how="left", on=["month", *CELL],
    ).fillna({"scale": 0.0, "deal_share": 0.0, "deals": 0.0})
    run_rate, from_deals = table["units"] * (1 - table["deal_share"]), table["deals"] * table["scale"]
    return table.assign(run_rate=run_rate, from_deals=from_deals, units=run_rate + from_deals)[
        ["month", *CELL, "units", "run_rate", "from_deals", "deal_share"]
    ]


def with_pipeline(
    views: pd.DataFrame, deals: pd.DataFrame, base: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp, *,
    stated_lag: int | None = None, first_month: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Let the deals stand as the pipeline's view where nobody brought one, and say so.

    Parameters
    ----------
    views : DataFrame
        Views that stand (see `views.standing`).
    deals, base, history, products, month, first_month
        As for `pipeline_view`.
    stated_lag : int, optional
        Months from winning to demand, where the workbook states them.

    Returns
    -------
    tuple of DataFrame and str
        The views with one by family and region, stated the day before `month` by "the workbook"; and a sentence.
    """
    if (views["view"] == "pipeline").any():
        return views, "The pipeline's view is that of those who brought one."
    if not (deals["outcome"] == "won").any():
        return views, "No deal was won yet, so the pipeline has no view."
    lag, basis = ship_lag(won_units(deals, products), history, month, stated_lag)
    known = int(months_between(month, measured_from(deals, history, month, lag)))
    if known < SHORTEST:
        return views, f"Closings and demand are both recorded for {max(known, 0)} months only, so the pipeline has no view; it takes {SHORTEST}."
    found = pipeline_view(deals, base, history, products, month, lag=lag, first_month=first_month)
    rows = found[["month", *CELL, "units"]].assign(stated_on=month - pd.Timedelta(days=1), view="pipeline", author="the workbook")
    rows = rows.assign(product=pd.Series(index=rows.index, dtype="str"))[list(views.columns)].astype({"stated_on": "datetime64[us]"})
    total = found["units"].sum()
    share = found["from_deals"].sum() / total if total > 0 else 0.0
    when = "in the month of winning" if lag == 0 else f"{lag} month{'s' if lag > 1 else ''} after winning"
    said = f"Nobody brought a pipeline view: it is made of the deals, {share:.0%} of its units, and of run rate; deals count {when} ({basis})."
    return (pd.concat([views, rows], ignore_index=True) if len(views) else rows), said
