"""Pictures of what capacity may turn out to be and of pay month by month, each with the sentence that says what to see."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands

PARTS = {"commission": ("plan", ""), "spif": ("good", "//"), "draw": ("budget", ".."), "clawback": ("bad", "xx")}


def band_figure(band: pd.DataFrame, capacity: pd.DataFrame, currency: str) -> Figure:
    """Draw bookings capacity of all regions with its band against quota and demand plan.

    `band` and `capacity` as the contracts capacity_band and sales_capacity.
    """
    total, sums = band[band["region"].isna()], capacity.groupby("month")[["quota", "plan_revenue"]].sum()
    figure, axis = new_figure("Bookings capacity with the 80 % band, against quota and demand plan", ylabel=currency)
    axis.fill_between(total["month"], total["low"], total["high"], color=COLOURS["plan"], alpha=0.2, linewidth=0, label="80 % band")
    axis.plot(total["month"], total["expected"], color=COLOURS["plan"], marker="o", label="bookings capacity")
    for column, colour, style, label in (("quota", "budget", "--", "quota"), ("plan_revenue", "forecast", ":", "demand plan")):
        known = sums[column].where(sums[column] > 0).dropna()
        if len(known):
            axis.plot(known.index, known, color=COLOURS[colour], linestyle=style, linewidth=2, label=label)
    axis.set_ylim(bottom=0)
    thousands(axis)
    month_axis(axis)
    axis.legend(ncols=2)
    return figure


def band_takeaway(band: pd.DataFrame, capacity: pd.DataFrame, currency: str) -> str:
    """Return how wide the band is and in how many months the demand plan lies above it or inside it."""
    total, plan = band[band["region"].isna()].set_index("month"), capacity.groupby("month")["plan_revenue"].sum()
    known = total.join(plan[plan > 0], how="inner")
    width = (total["high"] - total["low"]).sum() / (2 * total["expected"].sum() or float("nan"))
    text = f"Capacity of {money(total['expected'].sum())} {currency} may turn out {width:.0%} higher or lower in a month"
    if known.empty:
        return text + "."
    above, inside = int((known["plan_revenue"] > known["high"]).sum()), int(known["plan_revenue"].between(known["low"], known["high"]).sum())
    return f"{text}; the demand plan lies above the band in {above} of {len(known)} months and inside it in {inside}."


def hires_takeaway(need: pd.DataFrame, currency: str) -> str:
    """Return how many hires close the lasting gaps, and the first that must be decided."""
    if need.empty:
        return "No lasting gap asks for a hire that could still ramp up in time."
    first = need.sort_values(["decide_month", "gap"], kind="stable").iloc[0]
    text = f"{need['hires'].sum():.0f} hires would close the lasting gaps and bring {money(need['brings'].sum())} {currency} within the horizon"
    when = f"in {first['decide_month']:%Y-%m}, to be fully ramped in {first['closes_month']:%Y-%m}"
    return f"{text}; decide first on {first['hires']:.0f} in {first['region']}, {when}."


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
