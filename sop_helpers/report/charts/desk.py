"""The chart above the grid at the desk: history, forecast, band, last year, last plan and streams of one part of the plan."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.report.charts.style import COLOURS, month_axis, new_figure, thousands

STREAM_COLOURS = ["#0072B2", "#B8791B", "#00805E", "#8A5FA8", "#C4480C", "#5F7D95", "#1F2933"]


def desk_chart(history: pd.DataFrame, sheet: pd.DataFrame, streams: pd.DataFrame, edits: dict[pd.Timestamp, float], title: str) -> Figure:
    """Draw a part of the plan, and below it what each stream adds to the statistical forecast.

    Parameters
    ----------
    history : DataFrame
        month, raw_units, units: months of the past, summed over the part.
    sheet : DataFrame
        From `planning.desk.sheet`.
    streams : DataFrame
        month, stream, units: summed over the part.
    edits : dict
        Month -> units typed and not yet saved.
    title : str
        Names the part.
    """
    figure, (top, low) = new_figure(title, "", "units a month", rows=2)
    figure.set_figheight(4.6)
    low.sharex(top)
    past = history.tail(24)
    top.plot(past["month"], past["raw_units"], color=COLOURS["last"], linestyle=":", label="as ordered")
    top.plot(past["month"], past["units"], color=COLOURS["actual"], label="cleansed")
    top.fill_between(sheet["month"], sheet["lo80"], sheet["hi80"], color=COLOURS["forecast"], alpha=0.25, linewidth=0, label="80 % band")
    top.plot(sheet["month"], sheet["statistical"], color=COLOURS["forecast"], linestyle="--", label="statistical")
    top.plot(sheet["month"], sheet["last_year"], color=COLOURS["last"], linestyle="-.", linewidth=1, label="last year")
    if sheet["last_plan"].notna().any():
        top.plot(sheet["month"], sheet["last_plan"], color=COLOURS["budget"], linestyle="-.", linewidth=1, label="last plan")
    top.plot(sheet["month"], sheet["plan"], color=COLOURS["plan"], linewidth=2, label="plan")
    if edits:
        new = sheet["month"].map(edits).fillna(sheet["plan"])
        top.plot(sheet["month"], new, color=COLOURS["short"], linewidth=1.5, marker="o", markersize=3, label="as typed")
    top.set_ylim(bottom=0)
    top.legend(loc="lower left", fontsize="x-small", ncols=4)
    others = streams[streams["stream"] != "statistical"].pivot_table(index="month", columns="stream", values="units", aggfunc="sum", fill_value=0.0)
    others = others.reindex(sheet["month"], fill_value=0.0)
    up, down = pd.Series(0.0, index=others.index), pd.Series(0.0, index=others.index)
    for place, name in enumerate(others.columns):
        value = others[name]
        bottom = up.where(value >= 0, down)
        low.bar(others.index, value, 20, bottom=bottom, color=STREAM_COLOURS[place % len(STREAM_COLOURS)], label=name)
        up, down = up + value.clip(lower=0), down + value.clip(upper=0)
    low.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    low.set_title("What the streams add to the statistical forecast", loc="left", fontsize="medium")
    if len(others.columns):
        low.legend(loc="best", fontsize="x-small", ncols=4)
    for axis in (top, low):
        month_axis(axis)
        thousands(axis)
    return figure
