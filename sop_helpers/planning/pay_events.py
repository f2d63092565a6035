"""What happens to pay beside the plan: split credit, SPIFs, draws, clawback. Tables in, tables out; every amount can be traced to a deal or a month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.commissions import ROOM


def split_credit(deals: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return who is credited with what: a deal's amount by the stated shares, else all of it to its rep.

    Parameters
    ----------
    deals : DataFrame
        opportunity, rep, amount.
    splits : DataFrame
        opportunity, rep, share; may be empty.

    Returns
    -------
    DataFrame
        opportunity, rep, share, credit. The credits of a deal add up to its amount.

    Raises
    ------
    ValueError
        The shares of a deal do not add up to 1, one is not above 0, or a deal is unknown.
    """
    wrong = splits[~(splits["share"] > 0)]
    if len(wrong):
        row = wrong.iloc[0]
        raise ValueError(f"splits: share of {row['rep']} in {row['opportunity']} is {row['share']}; expected more than 0")
    if len(unknown := splits.loc[~splits["opportunity"].isin(deals["opportunity"]), "opportunity"]):
        raise ValueError(f"splits: opportunity {unknown.iloc[0]} is not among the deals; expected one of them")
    sums = splits.groupby("opportunity")["share"].sum()
    if len(off := sums[(sums - 1).abs() > 1e-9]):
        raise ValueError(f"splits: shares of opportunity {off.index[0]} add up to {off.iloc[0]:.4g}; expected 1")
    alone = deals.loc[~deals["opportunity"].isin(splits["opportunity"]), ["opportunity", "rep"]].assign(share=1.0)
    parts = pd.concat([alone, splits[["opportunity", "rep", "share"]]], ignore_index=True)
    amount = deals.drop_duplicates("opportunity").set_index("opportunity")["amount"]
    return parts.assign(credit=parts["share"] * parts["opportunity"].map(amount))


def spif_pay(deals: pd.DataFrame, spifs: pd.DataFrame) -> pd.DataFrame:
    """Return the short-term bonuses (SPIFs) earned.

    Parameters
    ----------
    deals : DataFrame
        opportunity, rep, closed, amount and family of won deals; share of a deal where several have a part of it: each has that part of ``per_deal``.
    spifs : DataFrame
        spif, first_day, last_day, family (blank is all), per_deal (money), rate (share of the amount), cap (money a rep, blank is none).

    Returns
    -------
    DataFrame
        rep, spif, deals, pay.

    Raises
    ------
    ValueError
        A SPIF ends before it begins.
    """
    if (back := spifs["last_day"] < spifs["first_day"]).any():
        raise ValueError(f"spifs: {spifs.loc[back, 'spif'].iloc[0]} ends before it begins; expected last_day on or after first_day")
    both = deals.merge(spifs, how="cross", suffixes=("", "_wanted"))
    due = both["closed"].between(both["first_day"], both["last_day"]) & (both["family_wanted"].isna() | (both["family"] == both["family_wanted"]))
    both = both[due]
    part = both["share"] if "share" in both else 1.0
    both = both.assign(pay=lambda t: part * t["per_deal"].fillna(0.0) + t["rate"].fillna(0.0) * t["amount"])
    out = both.groupby(["rep", "spif"], as_index=False).agg(deals=("opportunity", "nunique"), pay=("pay", "sum"), cap=("cap", "first"))
    return out.assign(pay=out["pay"].clip(upper=out["cap"].fillna(np.inf)))[["rep", "spif", "deals", "pay"]]


def with_draw(earned: pd.DataFrame, draw: pd.Series, recoverable: bool = True) -> pd.DataFrame:
    """Return what is paid month by month where a rep gets at least a draw.

    Parameters
    ----------
    earned : DataFrame
        month, rep, pay: commission earned in the month; drawn (whether the month has a draw), else every month that a rep has here has one.
    draw : Series
        Money a month by rep; reps without one have none.
    recoverable : bool
        What the draw paid beyond commission is owed and kept back from later commission above the draw; else it is a guarantee.

    Returns
    -------
    DataFrame
        month, rep, earned, draw, paid, owed (at month end). With a recoverable draw, paid to date = earned to date + owed.
    """
    wide = earned.pivot_table(index="month", columns="rep", values="pay", aggfunc="sum", fill_value=0.0).sort_index()
    pay, least = wide.to_numpy(float), draw.reindex(wide.columns).fillna(0.0).to_numpy(float)
    there = earned.assign(there=earned["drawn"].astype(int) if "drawn" in earned else 1)
    there = there.pivot_table(index="month", columns="rep", values="there", fill_value=0).reindex_like(wide).to_numpy() > 0
    least, owed = np.where(there, least, 0.0), np.zeros_like(pay)
    if recoverable:
        before = np.zeros(least.shape[1])
        for row, this in enumerate(pay):
            before = owed[row] = np.maximum(before + least[row] - this, 0.0)
    paid = pay + np.diff(owed, axis=0, prepend=0.0) if recoverable else np.maximum(pay, least)
    frames = {"earned": pay, "draw": least, "paid": paid, "owed": owed}
    long = [pd.DataFrame(v, wide.index, wide.columns).stack().rename(n) for n, v in frames.items()]
    return pd.concat(long, axis=1).reset_index()


def clawback(paid: pd.DataFrame, cancelled: pd.DataFrame, days: int = 180, declining: bool = False) -> pd.DataFrame:
    """Return commission to be taken back for deals that were cancelled soon after they closed.

    Parameters
    ----------
    paid : DataFrame
        opportunity, rep, closed, commission.
    cancelled : DataFrame
        opportunity, cancelled (day), share of the amount cancelled.
    days : int
        Days after closing within which commission is taken back.
    declining : bool
        Take back in proportion to the days that are left, instead of all of it until the last day.

    Returns
    -------
    DataFrame
        opportunity, rep, days, clawback (not above the commission).

    Raises
    ------
    ValueError
        A share lies outside 0 to 1, or a deal was cancelled before it closed.
    """
    if len(off := cancelled[~cancelled["share"].between(0, 1 + ROOM)]):
        raise ValueError(f"cancellations: share of {off['opportunity'].iloc[0]} is {off['share'].iloc[0]}; expected 0 to 1")
    both = paid.merge(cancelled, on="opportunity")
    age = (both["cancelled"] - both["closed"]).dt.days
    if (early := age < 0).any():
        raise ValueError(f"cancellations: {both.loc[early, 'opportunity'].iloc[0]} was cancelled before it closed; expected a later day")
    left = np.clip(1 - age / days, 0, 1) if declining else 1.0
    out = both.assign(days=age, clawback=both["commission"] * both["share"] * left)
    return out.loc[age <= days, ["opportunity", "rep", "days", "clawback"]].reset_index(drop=True)
