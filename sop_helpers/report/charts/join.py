"""Pictures of the join: from demand to what can be sold and served, cash by scenario, and the month in which a promotion pays best."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sop_helpers.planning.join import revenue_steps
from sop_helpers.planning.join_model import Answer
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands

STYLES = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))]
SHADES = ["actual", "plan", "budget", "short", "good", "last"]


def draw_bridge(axis: Axes, steps: pd.Series) -> None:
    """Draw the steps of `join.revenue_steps` as a waterfall into an axis; an axis that does not begin at zero says so."""
    sizes = steps.to_numpy(dtype=float)
    after = np.concatenate([[sizes[0]], sizes[0] + sizes[1:-1].cumsum(), [sizes[-1]]])
    bottom = np.concatenate([[0.0], np.minimum(after[:-2], after[1:-1]), [0.0]])
    height = np.concatenate([[sizes[0]], np.abs(sizes[1:-1]), [sizes[-1]]])
    colours = [COLOURS["plan"], *(COLOURS["good"] if s >= 0 else COLOURS["short"] for s in sizes[1:-1]), COLOURS["actual"]]
    axis.bar(np.arange(len(steps)), height, bottom=bottom, color=colours, hatch=["", "..", "///", *[""] * (len(steps) - 5), "xx", ""], edgecolor="white")
    axis.set_xticks(np.arange(len(steps)), [name.replace(" from ", "\nfrom ") for name in steps.index])
    for place, size in enumerate(sizes):
        text = money(size) if place in (0, len(sizes) - 1) else ("+" if round(size) > 0 else "") + money(round(size))
        axis.annotate(text, (place, bottom[place] + height[place]), ha="center", va="bottom", fontsize=9)
    low, high = float(bottom[1:-1].min()), float((bottom + height).max())
    if 0 < high and (high - low) < 0.4 * high:
        axis.set_ylim(low - 0.8 * (high - low) - 0.01 * high, high + 0.3 * (high - low) + 0.01 * high)
        axis.set_xlabel("axis does not begin at zero")
    elif high > 0:
        axis.set_ylim(0, 1.1 * high)
    thousands(axis)


def bridge_figure(sellable: pd.DataFrame, currency: str) -> Figure:
    """Draw revenue from what is wanted to what can be sold and served.

    `sellable` as the contract sellable_revenue; its base counts.
    """
    figure, axis = new_figure("From demand to what can be sold and served", ylabel=f"{currency} over the horizon")
    draw_bridge(axis, revenue_steps(sellable[sellable["scenario"] == "base"]))
    return figure


def bridge_takeaway(sellable: pd.DataFrame, currency: str) -> str:
    """Return what is wanted, what is sellable, and which side limits more."""
    base = sellable[sellable["scenario"] == "base"]
    steps = revenue_steps(base)
    owed = steps["owed from before"]
    text = f"Of {money(steps['wanted'])} {currency} wanted" + (f" and {money(owed)} owed from before" if owed >= 0.5 else "")
    text += f", {money(steps['sellable'])} can be sold and served"
    later = -steps.get("not due yet", 0.0)
    text += f" within the plan; {money(later)} is not due in it" if later >= 0.5 else ""
    # Less than half a unit of money is the solver's rounding.
    sellers, supply = (-steps[name] if -steps[name] >= 0.5 else 0.0 for name in ("no seller", "no supply"))
    if max(sellers, supply) < 1:
        return text + "; neither sellers nor supply limit it."
    side = "sellers" if sellers >= supply else "supply"
    steps_of = {region: revenue_steps(rows) for region, rows in base.groupby("region")}
    where = min(steps_of, key=lambda region: steps_of[region]["no seller" if side == "sellers" else "no supply"])
    return text + f"; {money(sellers)} has no seller and {money(supply)} no supply. The tighter side is {side}, most of all in {where}."


def cash_figure(profit_and_loss: pd.DataFrame, currency: str) -> Figure:
    """Draw operating profit by month and the cash balance, one line a scenario.

    `profit_and_loss` as the contract.
    """
    figure, axes = new_figure("Profit and cash by month", rows=2, ylabel=currency)
    for axis, line, title in zip(np.ravel(axes), ("operating profit", "balance"), ("operating profit", "cash at the end of the month"), strict=True):
        rows = profit_and_loss[profit_and_loss["line"] == line]
        for i, (name, one) in enumerate(rows.groupby("scenario", sort=False)):
            axis.plot(one["month"], one["money"], color=COLOURS[SHADES[i % 6]], linestyle=STYLES[i % 6], label=name)
        axis.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.set_title(title, loc="left", fontsize="medium")
        thousands(axis)
        month_axis(axis)
    np.ravel(axes)[0].legend(fontsize="small")
    return figure


def cash_takeaway(profit_and_loss: pd.DataFrame, currency: str) -> str:
    """Return profit and cash of base, its lowest balance, and the scenario that leaves least cash."""
    rows = profit_and_loss[profit_and_loss["scenario"] == "base"]
    profit = rows.loc[rows["line"] == "operating profit", "money"].sum()
    balance = rows[rows["line"] == "balance"].set_index("month")["money"]
    text = f"Base earns {money(profit)} and ends with {money(balance.iloc[-1])} {currency} of cash; the lowest balance is {money(balance.min())}"
    text += f" in {balance.idxmin():%B %Y}"
    ends = profit_and_loss[(profit_and_loss["line"] == "balance") & (profit_and_loss["month"] == balance.index.max())].set_index("scenario")["money"]
    return text + (f". Least is left by {ends.idxmin()}: {money(ends.min())}." if len(ends) > 1 else ".")


def promotion_figure(grid: pd.DataFrame, currency: str) -> Figure:
    """Draw what a promotion gains: a heat map of month by uplift and margin; the best month of each row is framed.

    `grid` as the contract promotion_grid.
    """
    wide = grid.pivot(index=["price_factor", "uplift"], columns="month", values="gain").sort_index(ascending=[False, True])
    best = grid.pivot(index=["price_factor", "uplift"], columns="month", values="best").reindex(wide.index).to_numpy(dtype=bool)
    margin = grid.drop_duplicates("price_factor").set_index("price_factor")["margin_share"]
    figure, axis = new_figure("What a promotion gains by month, uplift and margin", xlabel="month of the promotion")
    values = wide.to_numpy(dtype=float)
    most = float(np.abs(values).max()) or 1.0
    image = axis.imshow(values, cmap="PuOr_r", vmin=-most, vmax=most, aspect="auto")
    axis.grid(False)
    axis.set_xticks(np.arange(len(wide.columns)), [f"{m:%b %Y}" for m in wide.columns])
    axis.set_yticks(np.arange(len(wide)), [f"+{uplift:.0%} at {margin[price]:.0%} margin" for price, uplift in wide.index])
    for (row, column), value in np.ndenumerate(values):
        weight = "bold" if best[row, column] else "normal"
        colour = "white" if abs(value) > 0.6 * most else COLOURS["actual"]
        axis.text(column, row, ("+" if round(value) > 0 else "") + money(round(value)), ha="center", va="center", fontsize=9, fontweight=weight, color=colour)
        if best[row, column]:
            axis.add_patch(_frame(column, row))
    figure.colorbar(image, ax=axis, label=f"operating profit more than without, {currency}", format=lambda value, _: money(value))
    return figure


def _frame(column: int, row: int):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=COLOURS["actual"], linewidth=2)


def promotion_takeaway(grid: pd.DataFrame, currency: str) -> str:
    """Return the best month at the highest and at the lowest margin and uplift, or that none pays."""
    best = grid[grid["best"]].drop_duplicates(["uplift", "price_factor"]).sort_values(["margin_share", "uplift"], kind="stable")
    if (best["gain"] <= 0).all():
        return "No promotion tried earns more than it gives away."
    parts = []
    for one in ([best.iloc[-1]] if len(best) == 1 else [best.iloc[-1], best.iloc[0]]):
        what = f"at {one['margin_share']:.0%} margin and +{one['uplift']:.0%}"
        parts.append(f"{what} {one['month']:%B %Y} is best ({money(one['gain'])} {currency})" if one["gain"] > 0 else f"{what} none pays")
    return "A promotion pays where demand and supply agree: " + "; ".join(parts) + "."


def what_if_figure(now: Answer, base: Answer, currency: str) -> Figure:
    """Draw what levers lead to beside base: the bridge, revenue by month, the load of resources, and cash.

    Parameters
    ----------
    now, base : Answer
        From the kept model of the join.
    currency : str
        Unit of money.
    """
    # A layout worked out anew would take as long as all else.
    figure = Figure(figsize=(9.6, 6.2), layout="none")
    axes = figure.subplots(2, 2, gridspec_kw={"left": 0.07, "right": 0.985, "top": 0.95, "bottom": 0.08, "hspace": 0.42, "wspace": 0.16})
    bridge, months, load, cash = np.ravel(axes)
    draw_bridge(bridge, revenue_steps(now.sellable))
    bridge.set_title(f"from demand to sellable revenue, {currency}", loc="left", fontsize="medium")
    bridge.tick_params(axis="x", labelsize=8)
    sums, before = (a.sellable.groupby("month")[["demand_revenue", "sold_revenue", "sellable_revenue"]].sum() for a in (now, base))
    months.plot(sums.index, sums["demand_revenue"], color=COLOURS["plan"], linestyle="--", label="wanted")
    months.plot(sums.index, sums["sold_revenue"], color=COLOURS["budget"], linestyle=":", label="has a seller")
    months.plot(sums.index, sums["sellable_revenue"], color=COLOURS["actual"], label="sellable")
    months.plot(before.index, before["sellable_revenue"], color=COLOURS["last"], linestyle="-.", label="sellable in base")
    months.set_ylim(bottom=0)
    months.set_title(f"revenue by month, {currency}", loc="left", fontsize="medium")
    wide = now.capacity_load.pivot(index="month", columns="resource", values="planned_load")
    most = wide.max().sort_values(ascending=False, kind="stable").index[:5]
    for i, name in enumerate(most):
        load.plot(wide.index, 100 * wide[name], color=COLOURS[SHADES[i % 6]], linestyle=STYLES[i % 6], label=name)
    load.axhline(100, color=COLOURS["neutral"], linewidth=0.8)
    load.set_ylim(0, 1.1 * max(100.0, float(np.nanmax(100 * wide.to_numpy())) if wide.notna().to_numpy().any() else 0.0))
    load.set_title("planned load, % of regular hours", loc="left", fontsize="medium")
    for answer, colour, style, label in ((now, "actual", "-", "as set"), (base, "last", "-.", "base")):
        rows = answer.profit_and_loss[answer.profit_and_loss["line"] == "balance"]
        cash.plot(rows["month"], rows["money"], color=COLOURS[colour], linestyle=style, label=label)
    cash.set_title(f"cash at the end of the month, {currency}", loc="left", fontsize="medium")
    for axis in (months, load, cash):
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize="x-small", ncols=2)
        month_axis(axis)
    for axis in (months, cash):
        thousands(axis)
    return figure
