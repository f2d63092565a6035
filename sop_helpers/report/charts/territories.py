"""Pictures of a proposal of territories and of the cost of pay, each with the sentence that says what to see."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.lines
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.planning.territory_design import Proposal, before_after, moves
from sop_helpers.report.charts.style import COLOURS, money, new_figure, thousands

MARKS = "os^DvPX<>p"


def busiest_region(proposal: Proposal) -> str | None:
    """Return the region in which most potential moves, to be drawn first; None where nothing moves or no region is known."""
    changed = moves(proposal).merge(proposal.seats[["territory", "region"]], left_on="proposed", right_on="territory")
    sums = changed.groupby("region")["potential"].sum()
    return str(sums.idxmax()) if len(sums) else None


def map_figure(proposal: Proposal, region: str | None = None) -> Figure:
    """Draw accounts at their positions by territory, now and as proposed; accounts that move are ringed, seats are large.

    Parameters
    ----------
    proposal : Proposal
        From `territory_design.propose`, with positions.
    region : str, optional
        Only the accounts and seats of this region; all without.
    """
    table, seats = proposal.accounts, proposal.seats
    if region is not None:
        seats = seats[seats["region"] == region]
        table = table[table["proposed"].isin(seats["territory"]) | table["territory"].isin(seats["territory"])]
    figure, axes = new_figure("Territories now and as proposed" + (f": {region}" if region else ""), xlabel="east, km or degrees", ylabel="north", columns=2)
    # Colours repeat where there are many territories: the mark tells them apart.
    colours = mpl.colormaps["tab10"].colors
    look = {name: (colours[i % 10], MARKS[(i + i // 10) % len(MARKS)]) for i, name in enumerate(proposal.seats["territory"])}
    changed = table["territory"].isna() | (table["territory"] != table["proposed"])
    size = 12 + 60 * table["potential"].fillna(0) / max(float(table["potential"].max()), 1e-9)
    shown = [name for name in look if name in set(seats["territory"])]
    for axis, column, title in zip(np.ravel(axes), ("territory", "proposed"), ("now", "proposed"), strict=True):
        for name, rows in table.groupby(column):
            colour, mark = look.get(name, (COLOURS["neutral"], "."))
            axis.scatter(rows["x"], rows["y"], s=size[rows.index], color=colour, marker=mark, alpha=0.75, linewidths=0)
        for name, seat in seats.set_index("territory")[["x", "y"]].dropna().iterrows():
            axis.scatter(*seat, marker=look[name][1], s=110, color=look[name][0], edgecolors=COLOURS["actual"], linewidths=1.6, zorder=4)
        axis.scatter(table.loc[changed, "x"], table.loc[changed, "y"], s=90, facecolors="none", edgecolors=COLOURS["neutral"], linewidths=0.9)
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_aspect("equal", adjustable="datalim")
    if len(shown) <= 12:
        handles = [mpl.lines.Line2D([], [], linestyle="", marker=look[name][1], color=look[name][0], label=name) for name in shown]
        figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8)
    return figure


def proposal_takeaway(proposal: Proposal) -> str:
    """Return what moves, what it does for travel and balance, and how good the proposal is against its bound."""
    changed, table, found = moves(proposal), before_after(proposal), proposal.assignment
    hours = proposal.accounts["workload"].fillna(1.0)
    known = proposal.accounts["distance"].notna()
    now, then = ((proposal.accounts[c] * hours)[known].sum() / max(hours[known].sum(), 1e-9) for c in ("distance", "distance_new"))
    spread = [f"{table[c].min():.2f}-{table[c].max():.2f}" for c in ("workload_index", "workload_index_new")]
    kept = " and ".join(f"±{share:.0%} of {measure}" for measure, share in proposal.tolerance.items())
    text = f"{len(changed)} of {len(proposal.accounts)} accounts move, {proposal.moved_share:.0%} of potential"
    text += f"; workload goes from {spread[0]} to {spread[1]} x the mean of its region" if table["workload_index"].notna().any() else ""
    text += f", mean distance from {now:,.0f} to {then:,.0f}" if known.any() and now == now else ""
    text += f". It keeps {kept or 'no bound, as no workload or potential is stated'}"
    return text + (", wider than asked because nothing narrower was found" if proposal.widened > 1 else "") + f", and is {found.word}."


def pay_figure(runs: pd.DataFrame, costs: pd.DataFrame, currency: str) -> Figure:
    """Draw simulated pay against the team's attainment, with the line of the same attainment for every rep.

    `runs` from `commissions.simulate_pay`, `costs` from `commissions.plan_cost`.
    """
    figure, axis = new_figure("Variable pay by attainment of the team", xlabel="attainment of the team", ylabel=currency)
    axis.scatter(runs["attainment"], runs["pay"], s=6, alpha=0.25, color=COLOURS["forecast"], label="reps spread as they did", linewidths=0)
    axis.plot(costs["attainment"], costs["pay"], color=COLOURS["budget"], marker="D", linestyle="--", label="every rep the same")
    axis.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    thousands(axis)
    axis.legend()
    return figure


def pay_takeaway(runs: pd.DataFrame, costs: pd.DataFrame, currency: str) -> str:
    """Return the pay to expect, its 80 % range, and its cost beside that of every rep at quota."""
    low, high = runs["pay"].quantile([0.1, 0.9])
    text = f"Pay of {money(runs['pay'].mean())} {currency} is to be expected, {money(low)} to {money(high)} in four of five runs"
    even = costs.loc[(costs["attainment"] - 1).abs().idxmin()]
    return f"{text}; {runs['cost'].mean():.2%} of bookings, where every rep at {even['attainment']:.0%} would cost {even['cost']:.2%}."
