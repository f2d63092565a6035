"""Findings on stages, currencies and values of deals, and on commits."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import SHOWN, Inputs, Issue, codes_like, plain_code, some


def stages(given: Inputs) -> Iterator[Issue]:
    """Whether open deals are in a stage that the workbook names, and decided ones in none that nearly is one; else, whether two stages look like one."""
    deals = given.get("opportunities")
    if deals is None:
        return
    if given.stages:
        unknown = (deals["outcome"] == "open") & ~deals["stage"].isin(given.stages)
        if unknown.any():
            found = deals.loc[unknown, "stage"].value_counts().index.tolist()
            hints = codes_like(found[:SHOWN], given.stages)
            named = [f"{v!r}" + (f" (is it {hints[v]!r}?)" if v in hints else "") for v in found]
            yield Issue(
                "amber",
                "pipeline",
                "opportunities",
                "stage",
                int(unknown.sum()),
                f"{len(found)} stages of open deals are not among those of the workbook: {some(named)}.",
                "Add them to policies.sales.stages, or map them in the source; they are weighted by the mean of all stages.",
                float(deals.loc[unknown, "amount"].sum()),
            )
        # Decided deals may well stand in a stage of their own, such as "Closed Won"; what nearly is a stage is misspelled.
        decided = (deals["outcome"] != "open") & deals["stage"].notna() & ~deals["stage"].isin(given.stages)
        hints = codes_like(deals.loc[decided, "stage"].unique(), given.stages)
        near = decided & deals["stage"].isin(list(hints))
        if near.any():
            yield Issue(
                "amber",
                "pipeline",
                "opportunities",
                "stage",
                int(near.sum()),
                f"{len(hints)} stages of decided deals are not among those of the workbook: {some(f'{v!r} (is it {k!r}?)' for v, k in hints.items())}.",
                "Map them in the source; win rates by stage take a deal lost there as lost in the first stage, and a won one as won from the last.",
                float(deals.loc[near, "amount"].sum()),
            )
        return
    values = pd.Series(deals["stage"].dropna().unique())
    plain = values.map(plain_code)
    if len(twins := values[plain.duplicated(keep=False)].groupby(plain).agg(list).tolist()):
        yield Issue(
            "amber",
            "look-alike codes",
            "opportunities",
            "stage",
            sum(map(len, twins)),
            f"{len(twins)} groups of stages look like one: {some([' = '.join(t) for t in twins])}.",
            "Make them one in the source if they are; they are counted as different.",
        )


def currencies(given: Inputs) -> Iterator[Issue]:
    """Whether all deals are in the workbook's currency: amounts of several cannot be added up."""
    deals = given.get("opportunities")
    if deals is None or "currency" not in deals or deals["currency"].isna().all():
        return
    ours = given.currency or deals["currency"].mode().iloc[0]
    other = deals["currency"].notna() & (deals["currency"].str.upper() != ours.upper())
    if other.any():
        yield Issue(
            "red",
            "currency",
            "opportunities",
            "currency",
            int(other.sum()),
            f"{int(other.sum()):,} deals are not in {ours} but in {some(deals.loc[other, 'currency'].unique())}: {some(deals.loc[other, 'opportunity'])}.",
            f"Convert their amounts to {ours} in the source, and leave the currency blank or {ours}.",
            float(deals.loc[other, "amount"].sum()),
        )


def values(given: Inputs) -> Iterator[Issue]:
    """Whether deals are dated and valued as they were while open."""
    deals = given.get("opportunities")
    if deals is None:
        return
    early = deals["expected_close"] < deals["created"]
    if early.any():
        yield Issue(
            "amber",
            "pipeline",
            "opportunities",
            "expected_close",
            int(early.sum()),
            f"{int(early.sum()):,} deals were expected to close before they were created: {some(deals.loc[early, 'opportunity'])}.",
            "Mend the dates.",
        )
    lost = (deals["outcome"] == "lost") & (deals["amount"] == 0)
    if lost.sum() > (deals["outcome"] == "lost").sum() / 2:
        yield Issue(
            "amber",
            "pipeline",
            "opportunities",
            "amount",
            int(lost.sum()),
            f"{int(lost.sum()):,} lost deals have an amount of zero: {some(deals.loc[lost, 'opportunity'])}.",
            "Bring the amount they had while open, or product and units; win rates by value have no meaning with zeros.",
        )


def commits(given: Inputs) -> Iterator[Issue]:
    """Whether those who commit are known, said so before the month began, and for which region."""
    frame, reps = given.get("commits"), given.get("reps")
    if frame is None:
        return
    late = frame["stated_on"] >= frame["month"]
    if late.any():
        yield Issue(
            "amber",
            "commits",
            "commits",
            "stated_on",
            int(late.sum()),
            f"{int(late.sum()):,} commits were said when their month had begun and are not measured: {some(frame.loc[late, 'person'].unique())}.",
            "Ask for them before the month begins.",
            float(frame.loc[late, "amount"].sum()),
        )
    bosses = frame[frame["role"] == "manager"]
    blank, named = bosses["region"].isna(), bosses["region"].notna()
    some_blank = bosses[blank & bosses["person"].isin(bosses.loc[named, "person"])]
    if len(some_blank):
        people = some_blank["person"].unique()
        yield Issue(
            "amber",
            "commits",
            "commits",
            "region",
            len(some_blank),
            f"{len(people)} managers name a region in some commits and none in others: {some(people)}.",
            "Blank is all regions, and replaces what other managers commit to in that month: name the region, unless it was meant for all.",
            float(some_blank["amount"].sum()),
        )
    if reps is None:
        return
    unknown = frame.loc[(frame["role"] == "rep") & ~frame["person"].isin(reps["rep"]), "person"].value_counts()
    if len(unknown):
        hints = codes_like(unknown.index[:SHOWN], reps["rep"])
        named = [f"{v!r}" + (f" (is it {hints[v]!r}?)" if v in hints else "") for v in unknown.index]
        yield Issue(
            "amber",
            "unmapped keys",
            "commits",
            "person",
            int(unknown.sum()),
            f"{len(unknown)} reps with commits are not in reps: {some(named)}.",
            "Add them to reps, or mend the codes; nothing is merged by itself.",
        )


DEAL_RULES = [stages, currencies, values, commits]
