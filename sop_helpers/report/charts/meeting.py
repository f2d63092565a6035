"""Pictures for the meeting and the report: the company on one axis, priced options, actions in time."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands


def outlook_figure(sales: pd.DataFrame, plan: pd.DataFrame, constrained: pd.DataFrame, budget: pd.DataFrame, last: pd.DataFrame, currency: str) -> Figure:
    """Draw the company on one axis: revenue by month as it was, as planned, as supply allows, as budgeted and as planned last month.

    Parameters
    ----------
    sales, plan : DataFrame
        month, revenue: actuals and demand plan.
    constrained, budget, last : DataFrame
        month, revenue: what can be shipped, the budget, the plan of the month before; each may be empty.
    currency : str
        Unit of the axis.
    """
    figure, axis = new_figure("Revenue by month: what was, what is planned, what was wanted", ylabel=f"{currency} a month")
    was, ahead = sales.groupby("month")["revenue"].sum().tail(24), plan.groupby("month")["revenue"].sum()
    axis.plot(was.index, was, color=COLOURS["actual"], label="actual")
    # The plan starts where the actuals end, so that no gap looks like a break.
    joined = pd.concat([was.tail(1), ahead]) if len(was) else ahead
    axis.plot(joined.index, joined, color=COLOURS["plan"], label="demand plan")
    can = constrained.groupby("month")["revenue"].sum()
    if len(can):
        axis.plot(can.index, can, color=COLOURS["short"], linestyle="--", marker="v", markersize=4, label="can be shipped")
        axis.fill_between(can.index, can, ahead.reindex(can.index), where=can < ahead.reindex(can.index), color=COLOURS["short"], alpha=0.15)
    shown = budget[budget["month"].between(was.index.min(), ahead.index.max())] if len(was) and len(ahead) else budget
    for frame, name, colour, style in ((shown, "budget", "budget", ":"), (last, "plan of last month", "last", "-.")):
        series = frame.groupby("month")["revenue"].sum()
        if len(series):
            axis.plot(series.index, series, color=COLOURS[colour], linestyle=style, label=name)
    if len(ahead):
        axis.axvline(ahead.index.min(), color=COLOURS["neutral"], linewidth=0.8)
    axis.set_ylim(bottom=0)
    thousands(axis)
    month_axis(axis)
    axis.legend(loc="upper left", ncols=3)
    axis.margins(y=0.18)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.12)
    return figure


def outlook_takeaway(sales: pd.DataFrame, plan: pd.DataFrame, constrained: pd.DataFrame, currency: str) -> str:
    """Return what the next twelve months bring against the last twelve, and how much of it supply cannot ship."""
    ahead = plan.groupby("month")["revenue"].sum().sort_index().head(12)
    if ahead.empty:
        return "There is no plan to look ahead with."
    was = sales.groupby("month")["revenue"].sum().sort_index().tail(len(ahead))
    text = f"The next {counted(len(ahead), 'months are', 'month is')} planned at {money(ahead.sum())} {currency}"
    if was.sum() > 0 and len(was) == len(ahead):
        text += f", {ahead.sum() / was.sum() - 1:+.1%} on the {len(was)} before"
    short = _unshipped(plan, constrained[constrained["month"].isin(ahead.index)])
    if len(constrained) and short > ahead.sum() * 0.0005:
        text += f"; supply cannot ship {money(short)} of it in time ({short / ahead.sum():.1%})"
    elif len(constrained):
        text += "; supply can ship all of it"
    return text + "."


def _unshipped(plan: pd.DataFrame, constrained: pd.DataFrame) -> float:
    """Return what is lost within the months, and past due at their end, at the plan's prices."""
    if constrained.empty:
        return 0.0
    key = ["product", "region"]
    late = constrained[constrained["month"] == constrained["month"].max()].set_index(key)
    due = late["backlog_units"] - (late["not_due_units"].fillna(0.0) if "not_due_units" in late else 0.0)
    units = constrained.groupby(key)["lost_units"].sum().add(due.clip(lower=0.0), fill_value=0.0)
    sums = plan.groupby(key)[["revenue", "units"]].sum()
    price = (sums["revenue"] / sums["units"].where(sums["units"] > 0)).reindex(units.index).fillna(0.0)
    return float((units * price).sum())


def options_figure(decisions: pd.DataFrame, currency: str, most: int = 6) -> Figure:
    """Draw the priced options of each decision in a panel of its own, for their scales differ; costs go left, gains right.

    `decisions` as the contract; options without a price are left out, and so is a decision none of whose options has one.
    """
    priced = decisions.dropna(subset="money")
    names = list(dict.fromkeys(priced.loc[priced["money"] != 0, "decision"]))[:most]
    groups = [priced[priced["decision"] == name] for name in names]
    figure, axes = new_figure("Options that have a price", rows=max(len(groups), 1))
    for axis, rows in zip(np.atleast_1d(axes), groups, strict=False):
        place = np.arange(len(rows))
        axis.barh(place, rows["money"], color=[COLOURS["bad"] if value < 0 else COLOURS["good"] for value in rows["money"]], height=0.6)
        options = rows["option"].map(lambda option: textwrap.shorten(option, 46, placeholder="..."))
        axis.set_yticks(place, options + rows["chosen"].map({True: " (chosen)", False: ""}))
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.axvline(0, color=COLOURS["neutral"], linewidth=0.9)
        for at, value in zip(place, rows["money"], strict=True):
            axis.annotate(f" {_signed(value)} ", (value, at), va="center", ha="right" if value < 0 else "left", fontsize=9)
        axis.set_title(textwrap.shorten(rows["question"].iloc[0], 92, placeholder="..."), fontsize=9.5, loc="left", fontweight="normal")
        axis.set_xmargin(0.25)
        axis.grid(axis="y", visible=False)
        thousands(axis, "x")
    np.atleast_1d(axes)[-1].set_xlabel(f"{currency}: cost to the left, gain to the right")
    figure.set_size_inches(9, 1.1 + sum(0.75 + 0.3 * len(rows) for rows in groups))
    return figure


def options_takeaway(decisions: pd.DataFrame, currency: str) -> str:
    """Return how many decisions wait, how many are taken, and the option with the most money."""
    asked, taken = decisions["decision"].nunique(), decisions.loc[decisions["chosen"], "decision"].nunique()
    text = counted(asked - taken, "decisions wait", "decision waits") + (f", {counted(taken, 'are', 'is')} taken" if taken else "")
    priced = decisions.dropna(subset="money")
    if priced.empty or not priced["money"].abs().max() > 0:
        return text + "; no option has a price."
    most = priced.loc[priced["money"].abs().idxmax()]
    return text + f"; most money hangs on \"{most['option']}\" with {_signed(most['money'])} {currency}."


def actions_figure(actions: pd.DataFrame, day: pd.Timestamp) -> Figure:
    """Draw each action from the day it was given to its deadline or to the day it was done; the meeting is a line.

    `actions` as the contract.
    """
    rows = actions.reset_index(drop=True)
    figure, axis = new_figure("Actions: given, due, done", xlabel="")
    state = {"late": ("bad", "X", "late"), "open": ("plan", "o", "open, due"), "done": ("good", "s", "done"), "cancelled": ("neutral", "|", "cancelled")}
    for name, (colour, marker, label) in state.items():
        part = rows[rows["status"] == name]
        if part.empty:
            continue
        end = part["done_on"].fillna(part["deadline"]) if name == "done" else part["deadline"]
        axis.hlines(part.index, part["created"], end, color=COLOURS[colour], linewidth=3, alpha=0.5)
        axis.plot(end, part.index, linestyle="none", marker=marker, markersize=8, color=COLOURS[colour], label=label)
    axis.axvline(date2num(day), color=COLOURS["actual"], linewidth=1)
    axis.annotate(" meeting", (date2num(day), -0.75), fontsize=9)
    axis.set_yticks(rows.index, [f"{textwrap.shorten(r.title, 46, placeholder='...')} ({r.owner})" for r in rows.itertuples()])
    axis.set_ylim(len(rows) - 0.4, -1.1)
    axis.grid(axis="y", visible=False)
    month_axis(axis)
    axis.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=4)
    figure.set_size_inches(9, 1.6 + 0.34 * max(len(rows), 3))
    return figure


def _signed(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{money(amount)}"
