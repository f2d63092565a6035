"""Pictures of sales planning: pipeline, capacity, attainment, territories, each with the sentence that says what to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.planning.quotas import bands
from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands


def pipeline_figure(pipeline: pd.DataFrame, quotas: pd.DataFrame, currency: str, months: int = 9) -> Figure:
    """Draw open and stage-weighted pipeline by month of expected close against the sum of quotas.

    Parameters
    ----------
    pipeline : DataFrame
        As the contract pipeline_forecast.
    quotas : DataFrame
        month, quota of the months ahead; may be empty.
    currency : str
        Unit of the axis.
    months : int
        Most months drawn from the first on.
    """
    shown = pd.date_range(pipeline["month"].min(), pipeline["month"].max(), freq="MS")[:months]
    sums = pipeline.groupby("month")[["amount", "weighted"]].sum().reindex(shown, fill_value=0.0)
    figure, axis = new_figure("Open pipeline by month of expected close, and what it should bring", ylabel=currency)
    axis.bar(shown, sums["amount"], width=22, color="none", edgecolor=COLOURS["neutral"], hatch="//", linewidth=0.8, label="open pipeline")
    axis.bar(shown, sums["weighted"], width=22, color=COLOURS["plan"], label="weighted by win rate of its stage")
    due = quotas[quotas["month"].isin(shown)].groupby("month")["quota"].sum()
    if len(due):
        axis.plot(due.index, due, color=COLOURS["budget"], marker="D", linestyle="--", label="quota")
    thousands(axis)
    month_axis(axis)
    axis.legend()
    return figure


def funnel_figure(funnel: pd.DataFrame) -> Figure:
    """Draw how many decided deals reached each stage, with the share that went on; the bottleneck is marked in words.

    `funnel` is from `pipeline.funnel`.
    """
    figure, axis = new_figure("Decided deals that reached each stage", xlabel="deals")
    place = np.arange(len(funnel))
    axis.barh(place, funnel["deals"], color=[COLOURS["bad"] if b else COLOURS["plan"] for b in funnel["bottleneck"]])
    axis.set_yticks(place, funnel["stage"])
    axis.invert_yaxis()
    for at, row in zip(place, funnel.itertuples(), strict=True):
        onward = "" if pd.isna(row.conversion) else f", {row.conversion:.0%} go on" + (": bottleneck" if row.bottleneck else "")
        axis.annotate(f" {row.deals:,.0f}{onward}", (row.deals, at), va="center")
    axis.margins(x=0.35)
    return figure


def capacity_figure(capacity: pd.DataFrame, currency: str) -> Figure:
    """Draw bookings capacity against quota and demand plan by month, all regions, and heads below.

    `capacity` as the contract sales_capacity.
    """
    sums = capacity.groupby("month")[["capacity", "quota", "plan_revenue", "heads", "ramped_reps"]].sum()
    figure, axes = new_figure("Bookings capacity against quota and demand plan", rows=2)
    top, low = np.ravel(axes)
    top.plot(sums.index, sums["capacity"], color=COLOURS["plan"], marker="o", label="bookings capacity")
    for column, colour, style, label in (("quota", "budget", "--", "quota"), ("plan_revenue", "forecast", ":", "demand plan")):
        known = sums[column].where(sums[column] > 0).dropna()
        if len(known):
            top.plot(known.index, known, color=COLOURS[colour], linestyle=style, linewidth=2, label=label)
    top.set_ylim(bottom=0)
    top.set_ylabel(currency)
    thousands(top)
    top.legend()
    low.step(sums.index, sums["heads"], where="mid", color=COLOURS["neutral"], label="heads expected to stay")
    low.step(sums.index, sums["ramped_reps"], where="mid", color=COLOURS["plan"], linestyle="--", label="ramped rep equivalents")
    low.set_ylim(0, 1.3 * max(sums["heads"].max(), sums["ramped_reps"].max(), 1))
    low.set_ylabel("people")
    low.legend(loc="upper right", ncols=2)
    month_axis(top)
    month_axis(low)
    return figure


def attainment_figure(plan: pd.DataFrame) -> Figure:
    """Draw how many reps lie in each band of attainment, year to date.

    `plan` as the contract quota_plan.
    """
    table = bands(plan["attainment"])
    figure, axis = new_figure("Reps by attainment of their quota, fiscal year to date", xlabel="attainment", ylabel="reps")
    met = [not (b.startswith("<") or b.endswith("80 %") or b == "80-100 %") for b in table["band"]]
    bars = axis.bar(table["band"], table["reps"], color=[COLOURS["good"] if m else COLOURS["neutral"] for m in met])
    axis.bar_label(bars, [f"{n:.0f} ({s:.0%})" if n else "0" for n, s in zip(table["reps"], table["share"].fillna(0), strict=True)])
    total = plan["bookings_to_date"].sum() / plan["quota_to_date"].sum() if plan["quota_to_date"].sum() > 0 else np.nan
    axis.set_title(f"team: {total:.0%} of quota, sum over sum" if total == total else "", loc="right", fontsize=9)
    axis.margins(y=0.15)
    return figure


def territory_figure(plan: pd.DataFrame, tolerance: float) -> Figure:
    """Draw the balance of territories: potential against workload as multiples of the mean of the region, with the tolerance as a box.

    `plan` as the contract territory_plan. Territories outside the box are named and drawn as crosses.
    """
    figure, axis = new_figure("Balance of territories", xlabel="workload (1 = mean of the region)", ylabel="potential (1 = mean of the region)")
    low, side = 1 - tolerance, 2 * tolerance
    axis.add_patch(_box(low, side))
    shown = plan.fillna({"workload_index": 1.0, "potential_index": 1.0})
    for balanced, mark, colour, label in ((True, "o", "good", "balanced"), (False, "X", "bad", "outside")):
        rows = shown[shown["balanced"].astype(bool) == balanced]
        axis.scatter(rows["workload_index"], rows["potential_index"], marker=mark, color=COLOURS[colour], s=45, label=f"{label} ({len(rows)})", zorder=3)
    outside = shown[~shown["balanced"].astype(bool)]
    far = (outside[["workload_index", "potential_index"]] - 1).abs().max(axis=1).nlargest(8).index
    for place, row in enumerate(outside.loc[far].sort_values("workload_index", kind="stable").itertuples()):
        above = 5 if place % 2 else -12  # neighbours are named on either side, so that names do not lie on each other
        axis.annotate(row.territory, (row.workload_index, row.potential_index), xytext=(5, above), textcoords="offset points", fontsize=8)
    axis.axhline(1, color=COLOURS["neutral"], linewidth=0.6)
    axis.axvline(1, color=COLOURS["neutral"], linewidth=0.6)
    axis.legend(title=f"within ±{tolerance:.0%} in both")
    return figure


def _box(low: float, side: float):
    from matplotlib.patches import Rectangle

    return Rectangle((low, low), side, side, facecolor=COLOURS["good"], alpha=0.12, edgecolor=COLOURS["good"], linestyle="--")


def pipeline_takeaway(pipeline: pd.DataFrame, quotas: pd.DataFrame, month: pd.Timestamp, currency: str) -> str:
    """Return what the pipeline of the three months from `month` on is worth, weighted by its win rates, against their quota."""
    months = pd.date_range(month, periods=3, freq="MS")
    near = pipeline[pipeline["month"].isin(months)]
    amount, worth, due = near["amount"].sum(), near["weighted"].sum(), quotas.loc[quotas["month"].isin(months), "quota"].sum()
    start = f"Open deals of {money(amount)} {currency} due in the next three months should bring {money(worth)}"
    if not due > 0:
        return start + "; no quota is set for these months."
    return start + f" at their win rates, {worth / due:.0%} of the quota of {money(due)}."


def funnel_takeaway(funnel: pd.DataFrame) -> str:
    """Return where most deals are lost and what share of all is won."""
    row = funnel[funnel["bottleneck"]].iloc[0]
    return f"The narrowest step is after {row['stage']}, where {row['conversion']:.0%} go on; {funnel['share'].iloc[-1]:.0%} of all decided deals were won."


def capacity_takeaway(capacity: pd.DataFrame, currency: str, months: int = 12) -> str:
    """Return how far capacity carries quota and plan over the first months, and the region that is shortest."""
    near = capacity[capacity["month"].isin(capacity["month"].drop_duplicates().nsmallest(months))]
    total, quota, plan = (near[c].sum() for c in ("capacity", "quota", "plan_revenue"))
    set_ = near.groupby("month")["quota"].transform("sum") > 0
    text = f"Over {counted(near['month'].nunique(), 'months')} the sales force can bring {money(total)} {currency}"
    text += f", {total / plan:.0%} of the demand plan" if plan > 0 else ""
    text += f"; quotas are carried to {near.loc[set_, 'capacity'].sum() / quota:.0%} in the months that have them" if quota > 0 else ""
    gaps = near.groupby("region")["gap"].sum()
    short = gaps.idxmin()
    return text + (f"; {short} is shortest by {money(-gaps[short])}." if gaps[short] < 0 and plan > 0 else ".")


def attainment_takeaway(plan: pd.DataFrame) -> str:
    """Return team attainment, the share of reps at quota and the spread."""
    known = plan.dropna(subset="attainment")
    if known.empty:
        return "No rep has a quota in the fiscal year so far."
    team = plan["bookings_to_date"].sum() / plan["quota_to_date"].sum()
    met, low = (known["attainment"] >= 1).mean(), (known["attainment"] < 0.5).sum()
    half = known["attainment"].quantile([0.25, 0.75])
    spread = f"the middle half lies between {half[0.25]:.0%} and {half[0.75]:.0%}" + (f", {low} below 50 %" if low else "")
    return f"The team is at {team:.0%} of its quota to date; {met:.0%} of {len(known)} reps are at 100 % or more, {spread}."


def territory_takeaway(plan: pd.DataFrame, tolerance: float) -> str:
    """Return how many territories are in balance and which has most and least potential."""
    inside = int(plan["balanced"].astype(bool).sum())
    text = f"{inside} of {len(plan)} territories lie within {tolerance:.0%} of the mean of their region in potential and workload"
    if plan["potential_index"].isna().all():
        return text + "."
    most, least = plan.loc[plan["potential_index"].idxmax()], plan.loc[plan["potential_index"].idxmin()]
    spread = f"{least['potential_index']:.2f} x the mean ({least['territory']}) to {most['potential_index']:.2f} x ({most['territory']})"
    return f"{text}; potential runs from {spread}."
