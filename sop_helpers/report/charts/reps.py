"""Pictures of the sales force: quotas proposed, capacity with its band, each with the sentence that says what to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sop_helpers.planning.quota_setting import fairness
from sop_helpers.report.charts.style import COLOURS, money, new_figure, thousands


def quota_figure(proposal: pd.DataFrame, currency: str) -> Figure:
    """Draw the quota proposed for each rep against what bottom-up says, and the chance to reach it.

    `proposal` as the contract quota_proposal.
    """
    table = proposal.sort_values("probability", kind="stable").reset_index(drop=True)
    figure, axes = new_figure("Quota proposed, what the rep could bring, and the chance to reach it", ylabel=currency, rows=2)
    top, low = np.ravel(axes)
    place = np.arange(len(table))
    top.vlines(place, table["bottom_up"].fillna(table["proposed"]), table["proposed"], color=COLOURS["neutral"], linewidth=1.2)
    top.scatter(place, table["proposed"], marker="D", color=COLOURS["budget"], label="proposed", zorder=3)
    top.scatter(place, table["bottom_up"], marker="o", color=COLOURS["plan"], label="bottom-up", zorder=3)
    top.set_ylim(bottom=0)
    thousands(top)
    top.legend(ncols=2)
    low.bar(place, table["probability"], color=[COLOURS["good"] if p >= 0.5 else COLOURS["neutral"] for p in table["probability"].fillna(0)])
    low.axhline(0.5, color=COLOURS["neutral"], linestyle="--", linewidth=0.8)
    low.set_ylim(0, 1)
    low.set_ylabel("chance")
    low.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in (top, low):
        axis.set_xticks(place, table["rep"], rotation=90, fontsize=7)
    return figure


def quota_takeaway(proposal: pd.DataFrame, currency: str) -> str:
    """Return what is asked against what bottom-up finds, how many reps are likelier than not to reach it, and whether quotas follow potential."""
    asked, found = proposal["proposed"].sum(), proposal["bottom_up"].sum()
    text = f"{len(proposal)} quotas ask for {money(asked)} {currency}" + (f", {asked / found - 1:+.0%} on what bottom-up finds" if found > 0 else "")
    known = proposal["probability"].dropna()
    if len(known):
        half = known.quantile([0.25, 0.75])
        text += f"; {(known >= 0.5).sum()} of {len(known)} reps are likelier than not to reach theirs, the middle half at {half[0.25]:.0%} to {half[0.75]:.0%}"
    line = fairness(proposal["proposed"], proposal["potential"])
    return text + (f". Potential explains {line['r2']:.0%} of the differences in quota." if line["r2"] == line["r2"] else ".")
