"""Sales pipeline: what open deals are worth, judged only by what was known at the start of the month.

A CRM export shows today's stage and outcome. `known_deals` turns it back to the start of a month: deals created later are
left out, deals closed later count as open. Stage and expected close stay those of the export, because most CRMs keep no
history of them; a past month rebuilt this way is an approximation and the callers say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

FORECAST_COLUMNS = ["month", "family", "region", "stage", "deals", "amount", "win_rate", "weighted"]
UNNAMED = "not stated"


def known_deals(
    opportunities: pd.DataFrame, month: pd.Timestamp, products: pd.DataFrame | None = None, reps: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the deals as they were known at the start of a month, with family, region and amount filled in.

    Parameters
    ----------
    opportunities : DataFrame
        opportunity, rep, stage, created, closed, outcome; family, product, region, amount, units, expected_close where known.
    month : Timestamp
        Start of the month; what happened on or after it is not known.
    products, reps : DataFrame, optional
        Give the family (and a price for deals with units only) and the region where the deal itself has none.

    Returns
    -------
    DataFrame
        Deals created before `month`; ``outcome`` and ``closed`` as of then, ``amount`` without blanks (0 where unknown; lost deals of amount 0 are valued
        at list, for that is what they were while open). A deal won or lost on a day that nobody entered is decided, in no month. With products also
        ``list_amount``, blank where units or price are unknown.
    """
    deals = opportunities[opportunities["created"] < month].copy()
    late = deals["closed"] >= month
    deals["outcome"] = deals["outcome"].where(~late, "open")
    deals["closed"] = deals["closed"].where(~late)
    for column in ("family", "product", "region", "amount", "units", "expected_close"):
        if column not in deals:
            deals[column] = pd.NaT if column == "expected_close" else (np.nan if column in ("amount", "units") else pd.Series(dtype="str"))
    if products is not None and not products.empty:
        known = products.drop_duplicates("product").set_index("product")
        deals["family"] = deals["family"].fillna(deals["product"].map(known["family"]))
        deals["list_amount"] = deals["units"] * deals["product"].map(known["unit_price"]).astype(float)
        deals["amount"] = deals["amount"].mask((deals["outcome"] == "lost") & (deals["amount"] == 0)).fillna(deals["list_amount"])
    if reps is not None and not reps.empty:
        deals["region"] = deals["region"].fillna(deals["rep"].map(reps.drop_duplicates("rep").set_index("rep")["region"]))
    deals[["family", "region", "stage"]] = deals[["family", "region", "stage"]].fillna(UNNAMED)
    deals["amount"] = deals["amount"].fillna(0.0)
    return deals.reset_index(drop=True)


def stage_order(deals: pd.DataFrame) -> list[str]:
    """Return the open stages from first to last, read from the data.

    Lost deals keep the stage in which they died and won deals the last they were in, so the share won among the deals that
    ended in a stage rises along the pipeline; between equals, the stage whose deals are younger comes first.
    """
    held = deals[~deals["stage"].str.casefold().isin(["won", "lost"])]
    if held.empty:
        return []
    ended = held[held["outcome"] != "open"]
    share = ended["outcome"].eq("won").groupby(ended["stage"]).mean()
    latest = deals[["created", "closed"]].max().max()
    age = (held["closed"].fillna(latest) - held["created"]).dt.days.groupby(held["stage"]).median()
    table = pd.DataFrame({"share": share.reindex(age.index).fillna(share.mean() if len(share) else 0.0), "age": age})
    return table.sort_values(["share", "age"], kind="stable").index.tolist()


def stage_rates(
    deals: pd.DataFrame, order: Sequence[str] | None = None, given: Mapping[str, float] | None = None, prior_deals: float = 20.0
) -> pd.DataFrame:
    """Return the historical win rate from each stage: of the deals that reached it and are decided, the share won.

    Parameters
    ----------
    deals : DataFrame
        From `known_deals`.
    order : sequence of str, optional
        Stages from first to last; read from the data by default.
    given : mapping, optional
        Rates to use instead of history, by stage.
    prior_deals : float
        Weight of the overall win rate in deals: a stage with few decided deals is drawn towards it.

    Returns
    -------
    DataFrame
        stage, place (from 1), decided, won, raw_rate (n/a without decided deals), win_rate, basis.
    """
    order = list(order) if order is not None else stage_order(deals)
    place = {stage: number for number, stage in enumerate(order, 1)}
    decided = deals[deals["outcome"] != "open"]
    won = decided["outcome"].eq("won")
    reached = decided["stage"].map(place).fillna(won.map({True: len(order), False: 1})).astype(float)
    counts = [((reached >= number).sum(), (won & (reached >= number)).sum()) for number in place.values()]
    rates = pd.DataFrame(counts, columns=["decided", "won"], dtype=float)
    rates.insert(0, "place", list(place.values()))
    rates.insert(0, "stage", pd.Series(order, dtype="str"))
    overall = won.mean() if len(won) else 0.0
    kept = decided.loc[~won, "stage"].isin(place)
    if len(kept) and kept.mean() < 0.5:
        # Lost deals that forget their stage cannot tell where deals die: every stage gets the overall rate.
        rates[["decided", "won"]] = 0.0
    rates["raw_rate"] = rates["won"] / rates["decided"].where(rates["decided"] > 0)
    rates["win_rate"] = (rates["won"] + prior_deals * overall) / (rates["decided"] + prior_deals)
    rates["basis"] = np.where(rates["decided"] > 0, "history", "overall rate")
    fixed = rates["stage"].map(dict(given or {})).astype(float)
    rates["basis"] = rates["basis"].where(fixed.isna(), "workbook")
    rates["win_rate"] = fixed.fillna(rates["win_rate"]).clip(0, 1)
    return rates


def expected_month(deals: pd.DataFrame, month: pd.Timestamp, cycle_days: float | None = None) -> pd.Series:
    """Return the month in which each open deal should close; the overdue fall into the first month.

    A deal without an expected close is given the usual sales cycle from its creation.
    """
    cycle_days = sales_cycle(deals) if cycle_days is None else cycle_days
    days = pd.to_timedelta(0.0 if pd.isna(cycle_days) else cycle_days, unit="D")
    close = pd.to_datetime(deals["expected_close"]).fillna(deals["created"] + days)
    return close.dt.to_period("M").dt.to_timestamp().clip(lower=month).astype("datetime64[us]")


def weighted_pipeline(deals: pd.DataFrame, rates: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the open pipeline by month of expected close, family, region and stage, weighted by the stage's win rate.

    Parameters
    ----------
    deals : DataFrame
        From `known_deals`.
    rates : DataFrame
        From `stage_rates`; a stage it does not know is given the mean of all stages.
    month : Timestamp
        First month of the plan.

    Returns
    -------
    DataFrame
        month, family, region, stage, deals, amount, win_rate, weighted (amount times win rate).
    """
    still = deals[deals["outcome"] == "open"]
    if still.empty:
        return pd.DataFrame(columns=FORECAST_COLUMNS)
    keyed = still.assign(month=expected_month(still, month, sales_cycle(deals)))
    table = keyed.groupby(["month", "family", "region", "stage"], as_index=False).agg(deals=("opportunity", "count"), amount=("amount", "sum"))
    known = rates.set_index("stage")["win_rate"]
    table["win_rate"] = table["stage"].map(known).astype(float).fillna(known.mean() if len(known) else 0.0)
    table["weighted"] = table["amount"] * table["win_rate"]
    return table[FORECAST_COLUMNS]


def net_amounts(deals: pd.DataFrame) -> pd.Series:
    """Return amounts on the footing of won deals: lost ones that stand at list are taken to the share of list that won deals brought.

    Else rates by value would hold what was paid against a list price that nobody pays.
    """
    if "list_amount" not in deals:
        return deals["amount"]
    listed = deals["list_amount"] > 0
    won = (deals["outcome"] == "won") & (deals["amount"] > 0) & listed
    paid = deals.loc[won, "amount"].sum() / deals.loc[won, "list_amount"].sum() if won.any() else 1.0
    at_list = (deals["outcome"] == "lost") & listed & ((deals["amount"] - deals["list_amount"]).abs() < 0.005)
    return deals["amount"].where(~at_list, deals["amount"] * paid)


def cohorts(deals: pd.DataFrame, freq: str = "Q") -> pd.DataFrame:
    """Return win rates by the period in which deals were created, by count and by value; young cohorts are still partly open.

    Returns
    -------
    DataFrame
        cohort (start of the period), deals, won, lost, open, win_rate (count), win_rate_value, decided (share no longer open).
    """
    keyed = deals.assign(
        cohort=deals["created"].dt.to_period(freq).dt.to_timestamp(),
        won=deals["outcome"].eq("won"), lost=deals["outcome"].eq("lost"), open=deals["outcome"].eq("open"),
    )
    value = net_amounts(deals)
    keyed["won_value"], keyed["lost_value"] = value * keyed["won"], value * keyed["lost"]
    table = keyed.groupby("cohort", as_index=False).agg(
        deals=("opportunity", "count"), won=("won", "sum"), lost=("lost", "sum"), open=("open", "sum"),
        won_value=("won_value", "sum"), lost_value=("lost_value", "sum"),
    )
    table["win_rate"] = win_rate(table["won"], table["lost"])
    table["win_rate_value"] = win_rate(table["won_value"], table["lost_value"])
    table["decided"] = 1 - table["open"] / table["deals"]
    return table.drop(columns=["won_value", "lost_value"])


def win_rate(won: float | pd.Series, lost: float | pd.Series) -> float | pd.Series:
    """Return won / (won + lost), n/a where nothing is decided. Counts or values."""
    total = won + lost
    return won / (total.where(total > 0) if isinstance(total, pd.Series) else (total or np.nan))


def sales_cycle(deals: pd.DataFrame) -> float:
    """Return the median number of days from creation to winning; won deals only, n/a without any."""
    won = deals[deals["outcome"] == "won"]
    return float((won["closed"] - won["created"]).dt.days.median())


def sales_velocity(opportunities: float, deal_value: float, rate: float, cycle_days: float) -> float:
    """Return bookings a day: opportunities x deal value x win rate / sales cycle in days; n/a without a cycle."""
    return opportunities * deal_value * rate / cycle_days if cycle_days and not pd.isna(cycle_days) else np.nan


def due_open(deals: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Return the open deals expected to close before `end`; those past their date or without one count."""
    return deals[(deals["outcome"] == "open") & (deals["expected_close"].isna() | (deals["expected_close"] < end))]


def coverage(open_pipeline: float, left: float) -> float:
    """Return pipeline coverage: open pipeline due in a period over what is left to go in it (quota less bookings so far); n/a once nothing is."""
    return open_pipeline / left if left > 0 else np.nan


def coverage_needed(rate: float, created_and_closed: float = 0.0) -> float:
    """Return the coverage with which a target is met when some of it is created and closed within the period.

    (1 - share created and closed within the period) / win rate; n/a where nothing is ever won.
    """
    return (1 - created_and_closed) / rate if rate > 0 else np.nan


def created_and_closed_share(deals: pd.DataFrame, freq: str = "Q") -> float:
    """Return, of all value won, the share that was also created in the period in which it was won; n/a without wins."""
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    same = won["created"].dt.to_period(freq) == won["closed"].dt.to_period(freq)
    total = won["amount"].sum()
    return float(won.loc[same, "amount"].sum() / total) if total > 0 else np.nan


def funnel(deals: pd.DataFrame, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Return how many decided deals reached each stage, won at the end, and what share went on from one to the next.

    A deal that was won went through all stages, wherever it stood when it was: one that skipped some did not die in them.

    Returns
    -------
    DataFrame
        stage, deals, share (of the first stage), conversion (to the next stage; n/a at the end), bottleneck (lowest conversion).
    """
    order = list(order) if order is not None else stage_order(deals)
    through = deals.assign(stage=deals["stage"].mask(deals["outcome"] == "won", order[-1])) if order else deals
    rates = stage_rates(through, order)
    if rates.empty or rates["decided"].sum() == 0:
        return pd.DataFrame(columns=["stage", "deals", "share", "conversion", "bottleneck"])
    won = float((deals["outcome"] == "won").sum())
    table = pd.DataFrame({"stage": [*rates["stage"], "won"], "deals": [*rates["decided"], won]})
    table["share"] = table["deals"] / table["deals"].iloc[0]
    table["conversion"] = table["deals"].shift(-1) / table["deals"].where(table["deals"] > 0)
    table["bottleneck"] = table["conversion"].eq(table["conversion"].min())
    return table


def stale_deals(deals: pd.DataFrame, month: pd.Timestamp, quantile: float = 0.9) -> pd.DataFrame:
    """Return open deals past their expected close, or older than nine in ten won deals ever were.

    Returns
    -------
    DataFrame
        opportunity, account, rep, region, family, stage, amount, age_days, overdue_days (0 if not overdue), biggest first.
    """
    won = deals[deals["outcome"] == "won"]
    limit = (won["closed"] - won["created"]).dt.days.quantile(quantile) if len(won) else np.inf
    still = deals[deals["outcome"] == "open"].copy()
    still["age_days"] = (month - still["created"]).dt.days
    still["overdue_days"] = (month - pd.to_datetime(still["expected_close"])).dt.days.clip(lower=0).fillna(0)
    stale = still[(still["overdue_days"] > 0) | (still["age_days"] > limit)]
    shown = [c for c in ("opportunity", "account", "rep", "region", "family", "stage", "amount", "age_days", "overdue_days") if c in stale]
    return stale.sort_values("amount", ascending=False, kind="stable")[shown].reset_index(drop=True)


def pipeline_measures(deals: pd.DataFrame, month: pd.Timestamp, window_months: int = 12) -> dict[str, float]:
    """Return the pipeline's figures at the start of a month.

    Win rates are those of deals created in the `window_months` before `month` and decided by then; cycle and
    created-and-closed share are those of deals won in that window.

    Returns
    -------
    dict
        deals, amount, deal_value, win_rate, win_rate_value, cycle_days, velocity, created_and_closed (in the same calendar quarter).
    """
    start = month - pd.DateOffset(months=window_months)
    still = deals[deals["outcome"] == "open"]
    cohort = deals.assign(net=net_amounts(deals))[deals["created"] >= start]
    won, lost = cohort[cohort["outcome"] == "won"], cohort[cohort["outcome"] == "lost"]
    recent = deals[(deals["outcome"] == "won") & (deals["closed"] >= start)]
    rate, days, same = win_rate(len(won), len(lost)), sales_cycle(recent), created_and_closed_share(recent)
    value = float(still["amount"].mean()) if len(still) else np.nan
    return {
        "deals": float(len(still)), "amount": float(still["amount"].sum()), "deal_value": value, "win_rate": rate,
        "win_rate_value": win_rate(won["net"].sum(), lost["net"].sum()), "cycle_days": days,
        "velocity": sales_velocity(len(still), value, rate, days), "created_and_closed": same,
    }
