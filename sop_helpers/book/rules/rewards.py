"""Findings on what stands beside reps and pay plans: leave, split credit, bonuses, draws, cancelled deals, months without a target."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, some


def _issue(level: str, check: str, table: str, column: str, rows: pd.Series, words: str, action: str) -> Iterator[Issue]:
    """Yield one issue that names the subjects of `rows`, none where there are no rows."""
    if len(rows):
        yield Issue(level, check, table, column, len(rows), f"{words}: {some(rows.unique())}.", action)


def splits(given: Inputs) -> Iterator[Issue]:
    """Whether the shares of every deal add up to 1."""
    table = given.get("splits")
    if table is None:
        return
    sums = table.groupby("opportunity")["share"].sum()
    off = sums[(sums - 1).abs() > 1e-9]
    named = pd.Series([f"{deal} ({share:.0%})" for deal, share in off.items()], dtype="str")
    action = "Let the shares of a deal add up to 1; credit would be lost or counted twice."
    yield from _issue("red", "split credit", "splits", "share", named, f"{len(off)} deals have shares that differ from 100 % in sum", action)


def bonuses(given: Inputs) -> Iterator[Issue]:
    """Whether each bonus ends after it begins and pays something."""
    table = given.get("spifs")
    if table is None:
        return
    back, nothing = table["last_day"] < table["first_day"], table[["per_deal", "rate"]].fillna(0).eq(0).all(axis=1)
    yield from _issue("red", "bonus", "spifs", "last_day", table.loc[back, "spif"], f"{back.sum()} of {len(table)} bonuses ends before it begins",
                      "Mend the days.")
    yield from _issue("amber", "bonus", "spifs", "per_deal", table.loc[nothing, "spif"], f"{nothing.sum()} of {len(table)} bonuses pays nothing",
                      "State money a deal or a share of its amount.")


def absences(given: Inputs) -> Iterator[Issue]:
    """Whether leave and draws belong to people at work."""
    reps = given.get("reps")
    if reps is None:
        return
    span = reps.drop_duplicates("rep").set_index("rep")
    if (leave := given.get("leave")) is not None:
        start, end = leave["rep"].map(span["start_month"]), leave["rep"].map(span["end_month"])
        off = leave.loc[(leave["month"] < start) | (leave["month"] > end), "rep"]
        yield from _issue("amber", "leave", "leave", "month", off, f"{off.nunique()} reps are away outside their months at work", "Mend the months.")
    gone = reps.loc[(reps["draw"] > 0) & (reps["end_month"] < given.month), "rep"]
    yield from _issue("amber", "draw", "reps", "draw", gone, f"{len(gone)} reps who have left have a draw", "Take it out; settle what is still owed.")


def cancelled(given: Inputs) -> Iterator[Issue]:
    """Whether cancelled deals were won before."""
    table, deals = given.get("cancellations"), given.get("opportunities")
    if table is None or deals is None:
        return
    both = table.merge(deals[["opportunity", "closed", "outcome"]], on="opportunity")
    early, never = both["cancelled"] < both["closed"], both["outcome"] != "won"
    yield from _issue("red", "cancelled deal", "cancellations", "cancelled", both.loc[early & ~never, "opportunity"],
                      f"{(early & ~never).sum()} deals were cancelled before they closed", "Mend the day; no commission can be taken back.")
    yield from _issue("amber", "cancelled deal", "cancellations", "opportunity", both.loc[never, "opportunity"],
                      f"{never.sum()} cancelled deals were never won", "Take them out, or mend the outcome; nothing is taken back for them.")


def zero_targets(given: Inputs) -> Iterator[Issue]:
    """Whether months with quotas have a target at all."""
    quotas = given.get("quotas")
    if quotas is None:
        return
    sums = quotas.groupby("month")["quota"].sum()
    zero = pd.Series([f"{month:%Y-%m}" for month in sums[sums == 0].index], dtype="str")
    yield from _issue("amber", "quota", "quotas", "quota", zero, f"{len(zero)} months have a target of zero",
                      "Set quotas or leave these months out; attainment has no meaning there.")


REWARD_RULES = [splits, bonuses, absences, cancelled, zero_targets]
