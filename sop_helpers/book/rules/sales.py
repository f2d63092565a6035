"""Findings on the pipeline, the reps, their quotas and their pay."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, some

GAP = 1e-9
"""Difference in attainment below which two bands meet."""


def pipeline(given: Inputs) -> Iterator[Issue]:
    """Whether deals are dated and valued."""
    deals = given.get("opportunities")
    if deals is None:
        return
    is_open, won = deals["outcome"] == "open", deals["outcome"] == "won"
    for wrong, column, word, action in (
        (deals["closed"] < deals["created"], "closed", "closed before they were created", "Mend the dates; they would make the sales cycle negative."),
        (
            ~is_open & deals["closed"].isna(),
            "closed",
            "are won or lost without a closing date",
            "Enter it; they are in no month of bookings and in no win rate of a period.",
        ),
        (is_open & deals["closed"].notna(), "outcome", "have a closing date and are open", "Set the outcome."),
        (
            is_open & (deals["expected_close"] < given.month),
            "expected_close",
            "are open and past their expected close",
            "Ask the reps for a new date, or close them.",
        ),
        (
            is_open & deals["expected_close"].isna(),
            "expected_close",
            "are open without an expected close",
            "Ask the reps for a date; until then they are expected a usual sales cycle after they were created.",
        ),
        ((is_open | won) & deals["amount"].isna(), "amount", "are open or won without an amount", "Enter it; they count as nothing."),
    ):
        if wrong.any():
            money = float(deals.loc[wrong, "amount"].sum()) if deals.loc[wrong, "amount"].notna().any() else float("nan")
            yield Issue(
                "amber",
                "pipeline",
                "opportunities",
                column,
                int(wrong.sum()),
                f"{int(wrong.sum()):,} deals {word}: {some(deals.loc[wrong, 'opportunity'])}.",
                action,
                money,
            )


def people(given: Inputs) -> Iterator[Issue]:
    """Whether quotas belong to people at work."""
    reps, quotas = given.get("reps"), given.get("quotas")
    if reps is None:
        return
    if (back := reps["end_month"] < reps["start_month"]).any():
        yield Issue(
            "amber",
            "reps",
            "reps",
            "end_month",
            int(back.sum()),
            f"{int(back.sum())} reps have an end_month before start_month: {some(reps.loc[back, 'rep'])}.",
            "Mend the months.",
        )
    if quotas is None:
        return
    both = quotas[quotas["quota"] > 0].merge(reps[["rep", "start_month", "end_month"]], on="rep")
    for wrong, word, action in (
        (both["month"] > both["end_month"], "after end_month", "Hand it over to somebody, or take it out of the target."),
        (both["month"] < both["start_month"], "before start_month", "Mend the start month or the quota."),
    ):
        if wrong.any():
            rows = both[wrong]
            yield Issue(
                "amber",
                "quota",
                "quotas",
                "rep",
                len(rows),
                f"{rows['rep'].nunique()} reps have a quota for months {word}: {some(rows['rep'].unique())}.",
                action,
                float(rows["quota"].sum()),
            )
    none = quotas[(quotas["quota"] == 0) & quotas["rep"].isin(reps["rep"])]
    if len(none):
        yield Issue(
            "amber",
            "quota",
            "quotas",
            "quota",
            len(none),
            f"{none['rep'].nunique()} reps have a quota of zero: {some(none['rep'].unique())}.",
            "Set a quota or take the rows out; attainment has no meaning there and plans pay nothing.",
            float(none["bookings"].sum()),
        )
    working = reps[reps["end_month"].isna() | (reps["end_month"] >= given.month)]
    idle = working.loc[~working["rep"].isin(quotas.loc[quotas["month"] >= given.month, "rep"]), "rep"]
    if (quotas["month"] >= given.month).any() and len(idle):
        yield Issue(
            "amber",
            "quota",
            "quotas",
            "rep",
            len(idle),
            f"{len(idle)} reps at work have no quota ahead: {some(idle)}.",
            "Set one, or mark them as not carrying quota.",
        )


def pay(given: Inputs) -> Iterator[Issue]:
    """Whether the bands of each version of a compensation plan begin at 0 and meet without gap or overlap."""
    plans = given.get("comp_plans")
    if plans is None:
        return
    plans = plans.assign(version=plans["effective_from"].fillna(given.month - pd.DateOffset(years=100)))
    key = ["plan", "version"]
    bands = plans.sort_values([*key, "from_attainment", "to_attainment"], kind="stable")
    until = bands["to_attainment"].fillna(float("inf"))
    after = bands.groupby(key)["from_attainment"].shift(-1)
    last, first = after.isna(), bands.groupby(key).cumcount() == 0
    for wrong, word, column in (
        (~last & (until > after + GAP), "overlap", "to_attainment"),
        (~last & (until < after - GAP), "leave a gap", "to_attainment"),
        (until <= bands["from_attainment"], "end before they begin", "to_attainment"),
        (first & (bands["from_attainment"] > GAP), "are the first of their plan and begin above 0", "from_attainment"),
    ):
        if wrong.any():
            names = [f"{p} {t}" for p, t in zip(bands.loc[wrong, "plan"], bands.loc[wrong, "tier"], strict=True)]
            beside = " with the next" if word in ("overlap", "leave a gap") else ""
            yield Issue(
                "red",
                "compensation plan",
                "comp_plans",
                column,
                int(wrong.sum()),
                f"{int(wrong.sum())} bands {word}{beside}: {some(names)}.",
                "Let the first band begin at 0 and each other where the one before ends; pay would be counted wrong.",
            )
    retroactive = bands.groupby(key)["mode"].transform("first").eq("retroactive") & (bands.groupby(key)["rate"].diff() < 0)
    if retroactive.any():
        yield Issue(
            "red",
            "compensation plan",
            "comp_plans",
            "rate",
            int(retroactive.sum()),
            f"{int(retroactive.sum())} bands of retroactive plans pay a lower rate than the one before: {some(bands.loc[retroactive, 'plan'].unique())}.",
            "Let rates rise, or make the plan marginal; more bookings would pay less.",
        )
    for column in ("mode", "threshold"):
        count = plans.groupby(key)[column].nunique()
        if (several := count[count > 1]).size:
            yield Issue(
                "red",
                "compensation plan",
                "comp_plans",
                column,
                len(several),
                f"{len(several)} plans state more than one {column}: {some(several.index.get_level_values('plan'))}.",
                "Keep one a plan.",
            )
    caps = plans.groupby(key)["cap"].nunique()
    if (several := caps[caps > 1]).size:
        yield Issue(
            "amber",
            "compensation plan",
            "comp_plans",
            "cap",
            len(several),
            f"{len(several)} plans state more than one cap: {some(several.index.get_level_values('plan'))}.",
            "Keep one a plan.",
        )
    closed = bands[last & bands["to_attainment"].notna()]
    if len(closed):
        yield Issue(
            "amber",
            "compensation plan",
            "comp_plans",
            "to_attainment",
            len(closed),
            f"{len(closed)} plans pay nothing above their last band: {some(closed['plan'])}.",
            "Leave the end of the last band blank, unless that is meant.",
        )


def targets(given: Inputs) -> Iterator[Issue]:
    """Whether there is a target for the regions that have reps, where there is a budget ahead."""
    reps, budget = given.get("reps"), given.get("budget")
    if reps is None or budget is None:
        return
    ahead = budget[budget["month"] >= given.month].groupby("region")["revenue"].sum()
    working = reps[reps["end_month"].isna() | (reps["end_month"] >= given.month)]
    staffed = working["region"].dropna().drop_duplicates()
    zero = staffed[staffed.map(ahead).fillna(0.0) <= 0]
    if len(ahead) and len(zero):
        text = f"{len(zero)} regions have reps and a target of zero in the budget ahead: {some(zero)}."
        yield Issue("amber", "quota", "budget", "revenue", len(zero), text, "Enter their budget; quotas cannot be shared out of nothing.")


def territories(given: Inputs) -> Iterator[Issue]:
    """Whether each customer stands in one territory, and what is held belongs to one."""
    accounts = given.get("accounts")
    if accounts is None:
        return
    placed = accounts[accounts[["territory", "name", "x", "y"]].notna().all(axis=1)]
    known = placed["name"].str.normalize("NFKC").str.casefold().str.split().str.join(" ")
    several = placed.groupby([known, "x", "y"])["territory"].transform("nunique") > 1
    if several.any():
        rows = placed[several].sort_values("name", kind="stable")
        names = [f"{n} ({a} in {t})" for n, a, t in zip(rows["name"], rows["account"], rows["territory"], strict=True)]
        yield Issue(
            "amber",
            "territory",
            "accounts",
            "territory",
            len(rows),
            f"{len(rows)} accounts share name and position and are in two territories: {some(names)}.",
            "Merge them if they are one customer; its potential and workload count twice.",
            float(rows["potential"].sum()),
        )
    lost = accounts["held"].notna() & accounts["territory"].isna()
    if lost.any():
        yield Issue(
            "amber",
            "territory",
            "accounts",
            "held",
            int(lost.sum()),
            f"{int(lost.sum())} accounts are held and belong to no territory: {some(accounts.loc[lost, 'account'])}.",
            "Name the territory that holds them, or clear the mark.",
        )


SALES_RULES = [pipeline, people, pay, targets, territories]
