"""Pictures of the bookings forecast, each with the sentence that says what to see."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands


def bookings_figure(outlook: pd.DataFrame, past: pd.Series, currency: str, months: int = 12) -> Figure:
    """Draw bookings of the past year, those expected with their band, and quota and commits where there are any.

    Parameters
    ----------
    outlook : DataFrame
        As the contract bookings_outlook.
    past : Series
        Bookings won by month.
    currency : str
        Unit of the axis.
    months : int
        Most months drawn ahead.
    """
    ahead = outlook.head(months)
    figure, axis = new_figure("Bookings: won, and expected with the 80 % band", ylabel=currency)
    axis.plot(past.index, past, color=COLOURS["actual"], marker="o", markersize=3, label="won")
    axis.fill_between(ahead["month"], ahead["low"], ahead["high"], color=COLOURS["forecast"], alpha=0.25, linewidth=0, label="80 % band")
    axis.bar(ahead["month"], ahead["from_open"], width=18, color=COLOURS["plan"], alpha=0.85, label="from open deals")
    axis.bar(ahead["month"], ahead["from_new"], width=18, bottom=ahead["from_open"], color="none", edgecolor=COLOURS["neutral"], hatch="//", linewidth=0.8,
             label="still to be created")
    for column, colour, mark, label in (("quota", "budget", "D", "quota"), ("rep_commit", "short", "^", "commit of reps"),
                                        ("manager_commit", "good", "s", "commit of managers")):
        known = ahead.dropna(subset=column)
        if len(known):
            axis.plot(known["month"], known[column], color=COLOURS[colour], marker=mark, linestyle="--", linewidth=1, label=label)
    axis.set_ylim(bottom=0)
    thousands(axis)
    month_axis(axis)
    axis.legend(ncols=2)
    return figure


def bookings_takeaway(outlook: pd.DataFrame, judged: pd.DataFrame, currency: str) -> str:
    """Return what the next three months should bring, against their quota, and how far such a forecast was off before.

    `judged` is from `bookings_backtest.judge`.
    """
    near = outlook.head(3)
    total, new, quota = near["bookings"].sum(), near["from_new"].sum(), near["quota"].sum()
    text = "No bookings are expected"
    if total > 0:
        ahead = "month" if len(near) == 1 else f"{len(near)} months"
        text = f"The next {ahead} should bring {money(total)} {currency}, {new / total:.0%} of it from deals still to be created"
    text += f"; that is {total / quota:.0%} of {'its' if len(near) == 1 else 'their'} quota" if quota > 0 and total > 0 else ""
    rows = judged[judged["scope"] == "all"].set_index("method")
    if "age hazard" not in rows.index:
        return text + ". There is too little history to try it out."
    own = rows.loc["age hazard"]
    text += f". Tried at {own['months']:.0f} past months it was off by {own['mape']:.0%} (bias {own['bias']:+.0%})"
    simple = rows.drop("age hazard")["mape"]
    if len(simple) and simple.min() < own["mape"]:
        return text + f"; the rule {simple.idxmin()!r} was closer there, at {simple.min():.0%}."
    return text + "."
