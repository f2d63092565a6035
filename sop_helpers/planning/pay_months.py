"""Variable pay by rep and month with its parts: commission of the year to date, split credit, SPIFs, clawback and draws."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.commissions import dated_pay
from sop_helpers.planning.pay_events import clawback, spif_pay, split_credit, with_draw

COLUMNS = ["month", "rep", "quota", "bookings", "commission", "spif", "draw", "clawback", "paid", "owed"]


def _month(days: pd.Series) -> pd.Series:
    return days.dt.to_period("M").dt.to_timestamp()


def split_moves(deals: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return what split credit moves between reps, by month of closing; the moves of a month add up to 0.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`: opportunity, rep, amount, closed, outcome.
    splits : DataFrame
        opportunity, rep, share; deals that are not won are left out.

    Returns
    -------
    DataFrame
        month, rep, moved.

    Raises
    ------
    ValueError
        As `pay_events.split_credit`.
    """
    if splits.empty or deals.empty:
        return pd.DataFrame(columns=["month", "rep", "moved"])
    won = deals[(deals["outcome"] == "won") & deals["opportunity"].isin(splits["opportunity"])]
    credit = split_credit(won, splits[splits["opportunity"].isin(won["opportunity"])])[["opportunity", "rep", "credit"]]
    both = pd.concat([credit.rename(columns={"credit": "moved"}), won[["opportunity", "rep"]].assign(moved=-won["amount"])])
    both["month"] = both["opportunity"].map(_month(won.set_index("opportunity")["closed"]))
    return both.groupby(["month", "rep"], as_index=False)["moved"].sum()


def commission_by_month(booked: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame) -> pd.DataFrame:
    """Return what each month adds to the commission of the year to date: bands look at the whole year, so a month cannot be paid on its own.

    Parameters
    ----------
    booked : DataFrame
        month, rep, quota, bookings of the fiscal year so far.
    reps, comp_plans : DataFrame
        As the contracts; versions of plans as `commissions.dated_pay`.

    Returns
    -------
    DataFrame
        month, rep, quota, bookings, commission; the commissions of a rep add up to the pay of the year to date.
    """
    table, months = booked[["month", "rep", "quota", "bookings"]].reset_index(drop=True), sorted(booked["month"].unique())
    # At most twelve months; each is settled for all reps at once.
    to_date = {month: dated_pay(table[table["month"] <= month], reps, comp_plans).groupby("rep")["pay"].sum() for month in months}
    wide = pd.DataFrame(to_date).T.rename_axis(index="month", columns="rep").fillna(0.0)
    added = wide.diff().fillna(wide.iloc[:1]) if len(wide) else wide
    return table.merge(added.stack().rename("commission").reset_index(), on=["month", "rep"], how="left")


def pay_by_month(
    booked: pd.DataFrame, reps: pd.DataFrame, comp_plans: pd.DataFrame, deals: pd.DataFrame, splits: pd.DataFrame, spifs: pd.DataFrame, draws: pd.DataFrame,
    cancelled: pd.DataFrame, clawback_days: int = 180,
) -> pd.DataFrame:
    """Return variable pay by rep and month of the fiscal year so far, with its parts.

    Parameters
    ----------
    booked : DataFrame
        month, rep, quota, bookings of the months that count; blank bookings are 0.
    reps, comp_plans : DataFrame
        As the contracts.
    deals : DataFrame
        From `pipeline.known_deals`; may be empty, as may all tables that follow.
    splits, spifs, draws, cancelled : DataFrame
        As the contracts deal_splits, spifs, draws and cancellations.
    clawback_days : int
        Days after closing within which commission on a cancelled deal is taken back, at the rep's commission rate of the year to date.

    Returns
    -------
    DataFrame
        As the contract commissions. SPIFs are paid in the month in which they end, or the last month known, draws on commission only.
    """
    if booked.empty:
        return pd.DataFrame(columns=COLUMNS)
    months, key = pd.DatetimeIndex(sorted(booked["month"].unique())), ["month", "rep"]
    moves = split_moves(deals, splits)
    rows = booked[[*key, "quota", "bookings"]].fillna({"bookings": 0.0}).merge(moves[moves["month"].isin(months)], on=key, how="outer")
    rows = rows.assign(quota=rows["quota"].fillna(0.0), bookings=rows["bookings"].fillna(0.0) + rows["moved"].fillna(0.0)).drop(columns="moved")
    table = commission_by_month(rows, reps, comp_plans).set_index(key)
    inside = (deals["outcome"] == "won") & (deals["closed"] >= months[0]) & (deals["closed"] < months[-1] + pd.DateOffset(months=1))
    won = deals[inside.astype(bool)]
    table["spif"] = _bonuses(won, spifs, months).reindex(table.index).fillna(0.0)
    table["clawback"] = -_taken_back(won, splits, cancelled, table, months, clawback_days).reindex(table.index).fillna(0.0)
    table["draw"], table["owed"] = _drawn(table["commission"].where(table["quota"] > 0), draws)
    table["paid"] = table[["commission", "spif", "draw", "clawback"]].sum(axis=1)
    return table.reset_index()[COLUMNS].sort_values(key, kind="stable").reset_index(drop=True)


def _bonuses(won: pd.DataFrame, spifs: pd.DataFrame, months: pd.DatetimeIndex) -> pd.Series:
    """Return bonuses by month and rep."""
    if spifs.empty or won.empty:
        return pd.Series(dtype=float)
    earned = spif_pay(won, spifs)
    ends = _month(spifs.set_index("spif")["last_day"]).clip(months[0], months[-1])
    return earned.assign(month=earned["spif"].map(ends)).groupby(["month", "rep"])["pay"].sum()


def _taken_back(won: pd.DataFrame, splits: pd.DataFrame, cancelled: pd.DataFrame, table: pd.DataFrame, months: pd.DatetimeIndex, days: int) -> pd.Series:
    """Return clawback by month of cancellation and rep."""
    known = cancelled[cancelled["opportunity"].isin(won["opportunity"]) & (cancelled["cancelled"] < months[-1] + pd.DateOffset(months=1))]
    if known.empty:
        return pd.Series(dtype=float)
    sums = table.groupby("rep")[["commission", "bookings"]].sum()
    rate = (sums["commission"] / sums["bookings"].where(sums["bookings"] > 0)).fillna(0.0).clip(lower=0)
    credit = split_credit(won, splits[splits["opportunity"].isin(won["opportunity"])])
    closed = credit["opportunity"].map(won.set_index("opportunity")["closed"])
    credit = credit.assign(closed=closed, commission=credit["credit"] * credit["rep"].map(rate).fillna(0.0))
    back = clawback(credit.drop(columns="share"), known, days)
    day = back["opportunity"].map(credit.drop_duplicates("opportunity").set_index("opportunity")["closed"]) + pd.to_timedelta(back["days"], unit="D")
    return back.assign(month=_month(day)).groupby(["month", "rep"])["clawback"].sum()


def _drawn(commission: pd.Series, draws: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return what draws add to commission, and what is owed, by month and rep; n/a is a month without quota, in which nothing is drawn."""
    extra, owed = pd.Series(0.0, index=commission.index), pd.Series(0.0, index=commission.index)
    if draws.empty:
        return extra, owed
    wide = commission.unstack("rep")
    for recoverable, part in draws.groupby("recoverable"):
        each = part.set_index("rep")["draw"].reindex(wide.columns).dropna()
        if each.empty:
            continue
        # A month in which a rep has no quota brings the draw exactly: it neither adds nor pays back.
        earned = wide[each.index].fillna(each).stack().rename("pay").reset_index()
        out = with_draw(earned, each, bool(recoverable)).set_index(["month", "rep"])
        at = out.index.intersection(commission.index)
        extra.loc[at], owed.loc[at] = (out["paid"] - out["earned"]).loc[at], out["owed"].loc[at]
    return extra, owed
