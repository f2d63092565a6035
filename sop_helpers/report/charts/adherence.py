"""Picture of how last months' plans were kept: planned beside happened, by family and by line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, thousands
from sop_helpers.report.charts.supply import panels

_PANELS = 10


def adherence_figure(kept: pd.DataFrame, measure: str = "production") -> Figure:
    """Draw planned beside actual units by month, a panel for each family and each line of several, with the share kept over the bars.

    `kept` as the contract plan_adherence, of one or more months; those with the most units are drawn.
    """
    rows = kept[(kept["measure"] == measure) & kept["level"].isin(["family", "line"])]
    shown = _once(rows).head(_PANELS)
    figure, axes = panels(len(shown), f"{measure.capitalize()} planned and done", "units a month")
    for axis, one in zip(axes, shown.itertuples(), strict=False):
        mine = rows[(rows["level"] == one.level) & (rows["name"] == one.name)].sort_values("month")
        place = np.arange(len(mine))
        axis.bar(place - 0.2, mine["planned_units"], width=0.38, color=COLOURS["last"], hatch="///", edgecolor="white", label="planned in its own cycle")
        axis.bar(place + 0.2, mine["actual_units"], width=0.38, color=COLOURS["plan"], label="done")
        for at, row in enumerate(mine.itertuples()):
            if pd.notna(row.adherence):
                axis.annotate(f"{row.adherence:.0%} kept", (at, max(row.planned_units, row.actual_units)), ha="center", va="bottom", fontsize=8)
        axis.set_xticks(place, [f"{m:%Y-%m}" for m in mine["month"]])
        axis.set_xlim(-0.8, len(mine) - 0.2)
        axis.set_ylim(0, 1.18 * max(float(mine[["planned_units", "actual_units"]].to_numpy().max()), 1.0))
        axis.set_title(one.title, loc="left", fontsize="medium")
        thousands(axis)
    if len(shown):
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """Return level, name and title of each panel, families first; a line that makes one family alone stands in that family's title."""
    numbers = rows.sort_values("month").groupby(["level", "name"])[["planned_units", "actual_units"]].agg(tuple)
    size = numbers["planned_units"].map(sum).rename("size")
    table = pd.concat([numbers.apply(tuple, axis=1).rename("made"), size], axis=1).reset_index()
    table = table[table["size"] > 0].sort_values(["level", "size"], ascending=[True, False], kind="stable")
    line = table[table["level"] == "line"].drop_duplicates("made").set_index("made")["name"]
    family = table["level"] == "family"
    beside = table["made"].map(line).astype("object").where(family)
    title = (table["level"] + ": " + table["name"]).where(beside.isna(), table["name"] + " on " + beside.fillna("").astype("str"))
    return table.assign(title=title)[family | ~table["name"].isin(beside.dropna())]


def adherence_takeaway(kept: pd.DataFrame, measure: str = "production") -> str:
    """Return how much of the last month's plan was kept, against the month before, and where most was missed."""
    rows = kept[kept["measure"] == measure]
    total = rows[rows["level"] == "total"].dropna(subset="adherence").sort_values("month")
    if total.empty:
        return f"No {measure} was planned in a closed month and recorded, so nothing can be compared."
    last = total.iloc[-1]
    before = f", after {total['adherence'].iloc[-2]:.0%} in {total['month'].iloc[-2]:%B %Y}" if len(total) > 1 else ""
    mine = rows[(rows["month"] == last["month"]) & (rows["level"] == "family")]
    most = mine.loc[mine["missed_units"].idxmax()]
    way = "more" if most["actual_units"] > most["planned_units"] else "less"
    text = f"{last['adherence']:.0%} of the {measure} planned for {last['month']:%B %Y} was kept{before}"
    missed = counted(f"{most['missed_units']:,.0f}", "units")
    return text + (f"; furthest off its plan is {most['name']}: {missed} {way}." if most["missed_units"] >= 0.5 else ".")
