"""Picture of what a steady plan costs: changes in the near months against realised cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.report.charts.style import COLOURS, new_figure


def steadiness_figure(frontier: pd.DataFrame, chosen: float, cost: str = "realised cost") -> Figure:
    """Draw cost added against near-month changes left, one point for each price of a change.

    Parameters
    ----------
    frontier : DataFrame
        From `planning.supply_rolling`: `frontier` or `this_month`.
    chosen : float
        The price that the company plans with; it is marked.
    cost : str
        Which cost it is.
    """
    figure, axis = new_figure("What a steady plan costs", xlabel="near-month changes left, % of planning anew", ylabel=f"{cost} added, %")
    left, added = 100 * (1 - frontier["changes_cut"]), 100 * frontier["cost_added"]
    axis.plot(left, added, color=COLOURS["plan"], marker="o")
    for x, y, rate in zip(left, added, frontier["change_rate"], strict=True):
        axis.annotate(f"{rate:.1%}", (x, y), textcoords="offset points", xytext=(6, 6), fontsize="small")
    own = (frontier["change_rate"] - chosen).abs() < 1e-9
    axis.plot(left[own], added[own], color=COLOURS["budget"], marker="o", markersize=10, linestyle="")
    axis.set_xlim(left=0)
    return figure


def steadiness_takeaway(frontier: pd.DataFrame, chosen: float, cost: str = "realised cost") -> str:
    """Return what the chosen price of a change saves in changes and costs in money."""
    own = frontier[(frontier["change_rate"] - chosen).abs() < 1e-9]
    if own.empty:
        return "The price of a change that the company plans with was not tried."
    row = own.iloc[0]
    more = "adds" if row["cost_added"] >= 0 else "saves"
    fewer, money = f"{row['changes_cut']:.0%} fewer", f"{abs(row['cost_added']):.2%} of {cost}"
    return f"At {chosen:.1%} of value a change, near-month changes are {fewer} than when planning anew, which {more} {money}."
