"""From leads to pipeline to bookings, month by month: what comes in, what is won, and how long it takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

COLUMNS = ["month", "leads", "created", "created_amount", "won", "bookings", "same_month", "days", "deals_per_lead", "bookings_per_lead"]


def flow(deals: pd.DataFrame, leads: pd.DataFrame, month: pd.Timestamp, months: int = 12) -> pd.DataFrame:
    """Count leads, deals created and deals won in each of the months before `month`.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    leads : DataFrame
        month, leads; may be empty, then ratios to leads are n/a.
    month : Timestamp
        First month not known.
    months : int
        How many months.

    Returns
    -------
    DataFrame
        As the contract ``pipeline_flow``: month, leads, created (deals), created_amount, won (deals), bookings, same_month (share of bookings whose deals were
        created in the month), days (median from creation to winning), deals_per_lead, bookings_per_lead.
    """
    names = pd.date_range(end=month - pd.DateOffset(months=1), periods=months, freq="MS", unit="us", name="month")
    born = deals["created"].dt.to_period("M").dt.to_timestamp()
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    closed = won["closed"].dt.to_period("M").dt.to_timestamp()
    if len(leads) and "region" in leads:  # a row for all regions counts only where no region is counted by itself
        leads = leads[leads["region"].notna() | ~leads["month"].isin(leads.loc[leads["region"].notna(), "month"])]
    counts = leads.groupby("month")["leads"].sum().reindex(names) if len(leads) else pd.Series(np.nan, index=names)
    table = pd.DataFrame({
        "leads": counts,
        "created": deals.groupby(born)["amount"].size().reindex(names, fill_value=0),
        "created_amount": deals.groupby(born)["amount"].sum().reindex(names, fill_value=0.0),
        "won": won.groupby(closed)["amount"].size().reindex(names, fill_value=0),
        "bookings": won.groupby(closed)["amount"].sum().reindex(names, fill_value=0.0),
        "same": won["amount"].where(closed == born[won.index], 0.0).groupby(closed).sum().reindex(names, fill_value=0.0),
        "days": (won["closed"] - won["created"]).dt.days.groupby(closed).median().reindex(names),
    }, index=names)
    table["same_month"] = table["same"] / table["bookings"].where(table["bookings"] > 0)
    some = table["leads"].where(table["leads"] > 0)
    table["deals_per_lead"], table["bookings_per_lead"] = table["created"] / some, table["bookings"] / some
    return table.reset_index()[COLUMNS]


def flow_words(table: pd.DataFrame, currency: str) -> str:
    """Say what a lead became over these months, sum over sum, where leads are counted."""
    leads = table["leads"].sum()
    counted = table[table["leads"].notna()]
    if not leads > 0:
        return "Leads are not counted: bring a table of leads by month to see what a lead becomes."
    became, brought = 100 * counted["created"].sum() / leads, counted["bookings"].sum() / leads
    return f"Of 100 leads {became:.0f} became deals; a lead brought {brought:,.0f} {currency} of bookings in the same months, deals of earlier leads included."
