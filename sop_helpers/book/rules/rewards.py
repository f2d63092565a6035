"""Findings on what stands beside reps and pay plans: leave, split credit, bonuses, draws, cancelled deals, targets of zero, quotas as first set."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, some

CENT = 0.005
"""Money below which two quotas are the same."""


def _issue(
    level: str, check: str, table: str, column: str, rows: pd.Series, words: str, action: str, money: float = float("nan")
) -> Iterator[Issue]:  # fmt: skip
    """Yield one issue that names the subjects of `rows`, none where there are no rows."""
    if len(rows):
        yield Issue(level, check, table, column, len(rows), f"{words}: {some(rows.unique())}.", action, money)


def _rep_months(rows: pd.DataFrame) -> pd.Series:
    """Name rep and month of each row."""
    return pd.Series([f"{rep} ({month:%Y-%m})" for rep, month in zip(rows["rep"], rows["month"], strict=True)], dtype="str")


def _outside(rows: pd.DataFrame, reps: pd.DataFrame) -> pd.Series:
    """Return whether the month of each row is before its rep's first or after the last month at work; reps that nobody knows are not judged."""
    span = reps.drop_duplicates("rep").set_index("rep")
    return (rows["month"] < rows["rep"].map(span["start_month"])) | (rows["month"] > rows["rep"].map(span["end_month"]))


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
    yield from _credit_outside_employment(given, table)


def _credit_outside_employment(given: Inputs, table: pd.DataFrame) -> Iterator[Issue]:
    """Find credit of won deals for reps who had not started, or had left, in the month of closing."""
    deals, reps = given.get("opportunities"), given.get("reps")
    if deals is None or reps is None:
        return
    won = deals[(deals["outcome"] == "won") & deals["closed"].notna()]
    rows = table.merge(won[["opportunity", "closed", "amount"]], on="opportunity")
    rows["month"] = rows["closed"].dt.to_period("M").dt.to_timestamp()
    off = rows[_outside(rows, reps)]
    named = pd.Series([f"{deal} to {rep}" for deal, rep in zip(off["opportunity"], _rep_months(off), strict=True)], dtype="str")
    yield from _issue(
        "amber", "split credit", "splits", "rep", named, f"{len(off)} split shares go to a rep who was not at work in the month of closing",
        "Credit whoever took the deal over, or mend the rep's months; there is no quota in that month, and pay counts the credit all the same.",
        float((off["amount"] * off["share"]).sum()),
    )  # fmt: skip


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
    twice = (table["per_deal"] > 0) & (table["rate"] > 0)
    yield from _issue("amber", "bonus", "spifs", "rate", table.loc[twice, "spif"],
                      f"{twice.sum()} of {len(table)} bonuses pays money for each deal and a share of its amount as well",
                      "Both are paid, added up: take one out if only one is meant.")


def absences(given: Inputs) -> Iterator[Issue]:
    """Whether leave and draws belong to people at work."""
    reps = given.get("reps")
    if reps is None:
        return
    if (leave := given.get("leave")) is not None:
        off = leave.loc[_outside(leave, reps), "rep"]
        yield from _issue("amber", "leave", "leave", "month", off, f"{off.nunique()} reps are away outside their months at work", "Mend the months.")
    gone = reps.loc[(reps["draw"] > 0) & (reps["end_month"] < given.month), "rep"]
    yield from _issue("amber", "draw", "reps", "draw", gone, f"{len(gone)} reps who have left have a draw", "Take it out; settle what is still owed.")


def cancelled(given: Inputs) -> Iterator[Issue]:
    """Whether cancelled deals were won before."""
    table, deals = given.get("cancellations"), given.get("opportunities")
    if table is None or deals is None:
        return
    both = table.merge(deals[["opportunity", "closed", "outcome", "amount"]], on="opportunity")
    early, never = both["cancelled"] < both["closed"], both["outcome"] != "won"
    yield from _issue("red", "cancelled deal", "cancellations", "cancelled", both.loc[early & ~never, "opportunity"],
                      f"{(early & ~never).sum()} deals were cancelled before they closed", "Mend the day; no commission can be taken back.",
                      float(both.loc[early & ~never, "amount"].sum()))
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


def originals(given: Inputs) -> Iterator[Issue]:
    """Whether quotas as first set belong to people at work and stay as they were first given: within the table, and since the last month closed."""
    quotas, reps, before = given.get("quotas"), given.get("reps"), given.closed.get("quotas")
    if quotas is None or "original_quota" not in quotas:
        return
    kept = quotas[quotas["original_quota"].notna()]
    if (below := kept[kept["original_quota"] < 0]).size:
        yield from _issue("red", "original quota", "quotas", "original_quota", _rep_months(below), f"{len(below)} original quotas are below zero",
                          "Enter the quota as it was first set, zero or more.", float(below["original_quota"].sum()))
    if reps is not None:
        off = kept[(kept["original_quota"] > 0) & _outside(kept, reps)]
        yield from _issue("amber", "original quota", "quotas", "original_quota", _rep_months(off),
                          f"{len(off)} original quotas are of a rep who was not at work in that month", "Mend the months of the rep, or take them out.",
                          float(off["original_quota"].sum()))
    several = kept.groupby(["rep", "month"])["original_quota"].nunique()
    if (several := several[several > 1].reset_index()).size:
        yield from _issue("amber", "original quota", "quotas", "original_quota", _rep_months(several),
                          f"{len(several)} rep months state more than one original quota", "Keep the one that was set first.")
    if before is not None and (kept.size or ("original_quota" in before and before["original_quota"].notna().any())):
        yield from _originals_since(quotas, before)


def _originals_since(quotas: pd.DataFrame, before: pd.DataFrame) -> Iterator[Issue]:
    """Find original quotas that are not what they were in the last month closed, and quotas changed since that keep no original."""
    key = ["rep", "month"]
    earlier = before.reindex(columns=[*key, "quota", "original_quota"]).drop_duplicates(key)
    # What was first set is the original stated then; where nothing had been changed, the quota itself.
    earlier = earlier.assign(first=earlier["original_quota"].fillna(earlier["quota"]))
    both = earlier.merge(quotas[[*key, "quota", "original_quota"]].drop_duplicates(key), on=key, how="left", suffixes=("_then", ""), indicator=True)
    there, stated = both["_merge"] == "both", both["original_quota"].notna()
    differs = (both["original_quota"] - both["first"]).abs() > CENT
    moved = (both["quota"] - both["first"]).abs() > CENT
    for wrong, words, action in (
        (there & stated & differs, "original quotas are not what was first set, as the last month closed has it", "Put back what was first set."),
        (there & ~stated & moved, "quotas changed since the last month closed without their original", "Enter as original_quota what was first set."),
        (~there & both["original_quota_then"].notna(), "original quotas of the last month closed have no row any more",
         "Put the row back; attainment against the first quota of the year is lost without it."),
    ):  # fmt: skip
        rows = both[wrong]
        yield from _issue("amber", "original quota", "quotas", "original_quota", _rep_months(rows), f"{len(rows)} {words}", action,
                          float(rows["first"].sum()))


REWARD_RULES = [splits, bonuses, absences, cancelled, zero_targets, originals]
