"""Payout by rep and month with its parts: commission on the year so far, SPIFs, draws and clawback."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.commissions import by_rep, earned_by_month, in_force
from sop_helpers.planning.pay_events import clawback, spif_pay, split_credit, with_draw
from sop_helpers.planning.quotas import fiscal_year

PLAN_COLUMNS = ["month", "rep", "name", "actual", "bookings", "commission", "spif", "draw", "clawback", "payout", "owed"]


def first_of(days: pd.Series) -> pd.Series:
    """Return the first day of each month."""
    return days.dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")


def year_bookings(year: pd.DataFrame, staff: pd.DataFrame, deals: pd.DataFrame, splits: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return month, rep, quota, bookings, actual of the fiscal year: bookings as known, ahead what the rep is expected to bring; split credit moved.

    Parameters
    ----------
    year : DataFrame
        The fiscal year's rows of `quotas.with_bookings`.
    staff : DataFrame
        From `rep_capacity.rep_capacity`; gives the months ahead.
    deals : DataFrame
        From `pipeline.known_deals`; may be empty.
    splits : DataFrame
        opportunity, rep, share, of deals whose split is not yet in the bookings; may be empty.
    month : Timestamp
        First month planned.
    """
    key = ["month", "rep"]
    table = year[[*key, "quota", "bookings"]].merge(staff[[*key, "capacity"]], on=key, how="left") if len(staff) else year.assign(capacity=0.0)
    table["actual"] = table["month"] < month
    table["bookings"] = table["bookings"].where(table["actual"], table["capacity"]).fillna(0.0)
    table = table[[*key, "quota", "bookings", "actual"]]
    if splits.empty:
        return table
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()] if len(deals) else deals
    part = won[won["opportunity"].isin(splits["opportunity"])] if len(won) else won
    if not len(part):
        return table
    credit = split_credit(part, splits[splits["opportunity"].isin(part["opportunity"])])
    # A deal is taken out where it was credited: of an owner without a row in that month nothing was.
    owner = part[["opportunity", "rep"]].assign(credit=-part["amount"], month=first_of(part["closed"]))
    owner = owner.merge(table[key], on=key)
    moves = pd.concat([credit[["opportunity", "rep", "credit"]], owner[["opportunity", "rep", "credit"]]])
    moves["month"] = moves["opportunity"].map(first_of(part.set_index("opportunity")["closed"]))
    moved = moves.groupby(key, as_index=False)["credit"].sum()
    moved = moved[moved["month"].isin(table["month"]) & (moved["month"] < month)]
    both = table.merge(moved, on=key, how="outer").fillna({"quota": 0.0, "bookings": 0.0, "credit": 0.0, "actual": True})
    return both.assign(bookings=both["bookings"] + both["credit"], actual=both["actual"].astype(bool))[[*key, "quota", "bookings", "actual"]]


def year_so_far(
    booked: pd.DataFrame, deals: pd.DataFrame, splits: pd.DataFrame, month: pd.Timestamp, first_month: int = 1
) -> pd.DataFrame:  # fmt: skip
    """Return rep, quota, bookings, months: what was asked and credited in the fiscal year of `month` before it, on which its attainment goes on.

    Parameters
    ----------
    booked : DataFrame
        From `quotas.with_bookings`.
    deals, splits
        As for `year_bookings`.
    month : Timestamp
        First month planned; the first of a fiscal year has nothing before it.
    first_month : int
        First month of the fiscal year.
    """
    year = fiscal_year(booked, month, first_month)
    past = year_bookings(year[year["month"] < month], pd.DataFrame(), deals, splits, month)
    return past.groupby("rep", as_index=False).agg(quota=("quota", "sum"), bookings=("bookings", "sum"), months=("month", "nunique"))


def commission_months(table: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame) -> pd.DataFrame:
    """Return month, rep, commission: what the plan in force pays on the year's bookings up to the month, less the same up to the month before.

    Attainment is that of the year's quota, so the months of a plan that does not change add up to its pay of the year.

    Parameters
    ----------
    table : DataFrame
        From `year_bookings`.
    """
    wide = table.pivot_table(index="month", columns="rep", values="bookings", aggfunc="sum", fill_value=0.0).sort_index()
    year = by_rep(table).set_index("rep")
    earned = earned_by_month(wide, year["quota"], reps, comp_plans, months=year["months"])
    return earned.rename_axis(index="month", columns="rep").stack().rename("commission").reset_index()


def commission_plan(
    table: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, deals: pd.DataFrame, spifs: pd.DataFrame, cancellations: pd.DataFrame,
    month: pd.Timestamp, days: int = 180, recoverable: bool = True, splits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return payout by rep and month of the fiscal year with its parts.

    Parameters
    ----------
    table : DataFrame
        From `year_bookings`.
    reps, comp_plans, spifs, cancellations : DataFrame
        As the contracts; all but reps may be empty. The draw of a rep is money a month.
    deals : DataFrame
        From `pipeline.known_deals`; may be empty, there are then no SPIFs and no clawback.
    month : Timestamp
        First month planned. SPIFs pay in the month of their last day, once it is past.
    days : int
        Days after closing within which commission is taken back.
    recoverable : bool
        Whether draws are kept back from later commission.
    splits : DataFrame, optional
        As the contract: what is taken back of a deal that several share is taken back from each.

    Returns
    -------
    DataFrame
        As the contract commission_plan. payout = commission + spif + draw - clawback. A deal's commission is its amount at the rate that
        the rep was paid in the month in which it was won; at the first band's where that was in a year before. A rep who has left is paid SPIFs, and gives
        back, in months without quota. Draws are settled within the fiscal year: what is owed at its end lapses.
    """
    if table.empty:
        return pd.DataFrame(columns=PLAN_COLUMNS)
    key = ["month", "rep"]
    out = table.merge(commission_months(table, reps, comp_plans), on=key, how="left").fillna({"commission": 0.0})
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()] if len(deals) else deals
    credit = _credited(won, splits) if len(won) else won
    events = [_spif_events(credit, spifs, month)] if len(won) and len(spifs) else []
    events += [_clawback_events(out, credit, reps, comp_plans, cancellations, month, days)] if len(won) and len(cancellations) else []
    sums = pd.concat([table[key].assign(spif=0.0, clawback=0.0), *events]).groupby(key, as_index=False)[["spif", "clawback"]].sum()
    out = out.merge(sums[sums["month"].isin(table["month"])], on=key, how="outer")
    out["actual"] = out["actual"].astype("boolean").fillna(True).astype(bool)  # what ended or was cancelled is over
    out = out.fillna({"quota": 0.0, "bookings": 0.0, "commission": 0.0, "spif": 0.0, "clawback": 0.0})
    least = reps.drop_duplicates("rep").set_index("rep")["draw"].dropna() if "draw" in reps else pd.Series(dtype=float)
    # Months in which a rep only shares a deal, before the start or after the end, have no quota and no draw; what is owed is kept back in them as well.
    earned = out[[*key, "commission"]].rename(columns={"commission": "pay"}).assign(drawn=out["quota"] > 0)
    drawn = with_draw(earned, least, recoverable)
    drawn["draw"] = drawn["paid"] - drawn["earned"]
    out = out.merge(drawn[[*key, "draw", "owed"]], on=key, how="left").fillna({"draw": 0.0})
    out["payout"] = out["commission"] + out["spif"] + out["draw"] - out["clawback"]
    out["name"] = out["rep"].map(reps.drop_duplicates("rep").set_index("rep")["name"])
    return out[PLAN_COLUMNS].sort_values(key, kind="stable").reset_index(drop=True)


def _credited(won: pd.DataFrame, splits: pd.DataFrame | None) -> pd.DataFrame:
    """Return the won deals with a row for each rep who has a part of one: opportunity, rep, share, amount (the part), closed, family."""
    none = pd.DataFrame({"opportunity": pd.Series(dtype="str"), "rep": pd.Series(dtype="str"), "share": pd.Series(dtype="float64")})
    shared = splits[splits["opportunity"].isin(won["opportunity"])] if splits is not None and len(splits) else none
    return split_credit(won, shared).rename(columns={"credit": "amount"}).merge(won[["opportunity", "closed", "family"]], on="opportunity")


def _spif_events(credit: pd.DataFrame, spifs: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return month, rep, spif, clawback (none) of the SPIFs that have ended."""
    ended = spifs[spifs["last_day"] < month]
    paid = spif_pay(credit, ended).merge(ended[["spif", "last_day"]].drop_duplicates("spif"), on="spif")
    return pd.DataFrame({"month": first_of(paid["last_day"]), "rep": paid["rep"], "spif": paid["pay"], "clawback": 0.0})


def _clawback_events(
    out: pd.DataFrame, credit: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, cancellations: pd.DataFrame, month: pd.Timestamp, days: int
) -> pd.DataFrame:  # fmt: skip
    """Return month, rep, spif (none), clawback of the deals that were cancelled, each at the rate that was paid in the month in which it was won."""
    paid = out[out["bookings"] > 0].groupby(["rep", "month"])[["commission", "bookings"]].sum()
    deals = credit.assign(month=first_of(credit["closed"]))
    rate = (paid["commission"] / paid["bookings"]).reindex(pd.MultiIndex.from_frame(deals[["rep", "month"]])).to_numpy()
    # What was won in a year before was paid by that year's months, which are not here: the first band of the plan of then is what it was at least.
    usual = deals["rep"].map(reps.drop_duplicates("rep").set_index("rep")["comp_plan"])
    for won_in in deals.loc[deals["month"] < out["month"].min(), "month"].unique() if len(comp_plans) else []:
        bands = in_force(comp_plans, won_in).sort_values("from_attainment", kind="stable").drop_duplicates("plan").set_index("plan")["rate"]
        rate = np.where(deals["month"] == won_in, usual.map(bands).astype(float), rate)
    sold = deals.assign(commission=deals["amount"] * np.nan_to_num(rate)).drop(columns=["month", "share"])
    known = cancellations[(cancellations["cancelled"] < month) & cancellations["opportunity"].isin(sold["opportunity"])]
    back = clawback(sold, known, days).merge(known[["opportunity", "cancelled"]], on="opportunity")
    return pd.DataFrame({"month": first_of(back["cancelled"]), "rep": back["rep"], "spif": 0.0, "clawback": back["clawback"]})
