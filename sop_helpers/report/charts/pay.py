"""The picture of pay month by month, and the sentence that says what to see."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands

PARTS = {"commission": ("plan", ""), "spif": ("good", "//"), "draw": ("budget", ".."), "clawback": ("bad", "xx")}


def pay_months_figure(pay: pd.DataFrame, currency: str) -> Figure:
    """Draw variable pay by month, stacked by its parts; what is taken back hangs below 0.

    `pay` as the contract commissions.
    """
    sums = pay.groupby("month")[list(PARTS)].sum()
    figure, axis = new_figure("Variable pay by month and its parts", ylabel=currency)
    up, down = sums.iloc[:, 0] * 0.0, sums.iloc[:, 0] * 0.0
    for part, (colour, hatch) in PARTS.items():
        base = up.where(sums[part] >= 0, down)
        axis.bar(sums.index, sums[part], bottom=base, width=20, color=COLOURS[colour], hatch=hatch, edgecolor="white", linewidth=0.4, label=part)
        up, down = up + sums[part].clip(lower=0), down + sums[part].clip(upper=0)
    axis.axhline(0, color=COLOURS["neutral"], linewidth=0.6)
    thousands(axis)
    month_axis(axis)
    axis.margins(y=0.18)
    axis.legend(ncols=4, loc="upper center")
    return figure


def pay_months_takeaway(pay: pd.DataFrame, currency: str) -> str:
    """Return what was paid, as a share of bookings, what beside commission it holds, and what is owed."""
    bookings, paid = pay["bookings"].sum(), pay["paid"].sum()
    owed = pay.loc[pay["month"] == pay["month"].max(), "owed"].sum()
    text = f"{money(paid)} {currency} of variable pay so far" + (f", {paid / bookings:.2%} of bookings" if bookings > 0 else "")
    beside = [f"{name} {money(pay[name].sum())}" for name in ("spif", "draw", "clawback") if pay[name].abs().sum() > 0]
    text += f"; beside commission: {', '.join(beside)}" if beside else ""
    return text + (f"; {money(owed)} of advances are still owed." if owed > 0 else ".")
