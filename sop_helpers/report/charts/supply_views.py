"""Pictures of what supply planners look at, each with the sentence that says what to see: S&OP grids, load, stock bands, cash, people."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands
from sop_helpers.report.charts.supply import closed_words, panels

_ROWS = 12


def grid_figure(grid: pd.DataFrame, families: list[str], month: pd.Timestamp) -> Figure:
    """Draw demand beside supply and the stock line of each family, actual before `month` and planned from it on.

    `grid` as the contract sop_grid with the locations of a family added up.
    """
    figure, axes = panels(len(families), "Demand, supply and stock by family", "units a month")
    for axis, family in zip(axes, families, strict=True):
        mine = grid[grid["family"] == family]
        waits = mine["strategy"].eq("make to order").all()
        rows = mine.groupby("month").sum(min_count=1, numeric_only=True)
        names = ((-1, "demand", "actual", "bookings"), (1, "shipped", "plan", "shipments"))
        names = names if waits else ((-1, "demand", "actual", "demand"), (1, "supply", "plan", "supply"))
        past, day = rows.index < month, pd.Timedelta(days=5.5)
        for side, column, colour, label in names:
            best = rows[f"{column}_actual"].where(past, rows[f"{column}_plan"])
            bars = axis.bar(rows.index + side * day, best, width=10, color=COLOURS[colour], label=label)
            for bar, then in zip(bars, past, strict=True):
                bar.set_alpha(1.0 if then else 0.55)
        axis.plot(rows.index[past], rows.loc[past, "demand_plan"], "D", color=COLOURS["budget"], markersize=4, label="forecast of the month")
        held, line = ("backlog", "bad") if waits else ("stock", "good")
        level = rows[f"{held}_actual"].where(past, rows[f"{held}_plan"])
        axis.plot(rows.index, level, color=COLOURS[line], marker="s" if waits else "o", markersize=3, label="backlog" if waits else "ending inventory")
        if not waits:
            axis.plot(rows.index, rows["target_units"], color=COLOURS["good"], linestyle=":", label="its target")
        axis.axvline(month - pd.Timedelta(days=15), color=COLOURS["neutral"], linestyle="--", linewidth=0.9, label="plan from here on (paler)")
        axis.set_title(f"{family}, made to order" if waits else family, loc="left", fontsize="medium")
        axis.set_ylim(bottom=min(0.0, float(np.nan_to_num(rows[["supply_actual", "supply_plan"]].to_numpy(dtype=float)).min())))
        thousands(axis)
        month_axis(axis)
    if families:
        told = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(list(told.values()), list(told), loc="outside lower center", ncols=3, fontsize="small")
    return figure


def grid_takeaway(grid: pd.DataFrame, month: pd.Timestamp) -> str:
    """Return how the last month came against its plan, family by family where it was planned, and which stock will leave its target most."""
    last = grid[(grid["month"] < month) & grid["demand_plan"].notna() & grid["demand_actual"].notna()]
    parts = []
    if len(last):
        when = last["month"].max()
        rows = last[last["month"] == when].groupby("family")[["demand_plan", "demand_actual"]].sum()
        off = (rows["demand_actual"] / rows["demand_plan"] - 1).replace([np.inf, -np.inf], np.nan).dropna()
        if len(off):
            worst = off.abs().idxmax()
            parts.append(f"In {when:%B %Y} sales of {worst} were {abs(off[worst]):.0%} {'above' if off[worst] >= 0 else 'below'} the forecast made in it")
    ahead = grid[grid["month"] >= month].groupby("family")[["stock_plan", "target_units"]].sum()
    ratio = (ahead["stock_plan"] / ahead["target_units"].where(ahead["target_units"] > 0)).dropna()
    if len(ratio):
        parts.append(f"planned stock is {ratio.max():.1f} times its target in {ratio.idxmax()} and {ratio.min():.1f} times in {ratio.idxmin()}")
    owed = grid[(grid["strategy"] == "make to order") & (grid["month"] >= month)].sort_values("month").groupby("family")["backlog_plan"].agg(["first", "last"])
    parts += [f"the backlog of {name} goes from {money(row['first'])} to {counted(money(row['last']), 'units')}" for name, row in owed.dropna().iterrows()]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else "No month before this one was planned, so the grids show the plan alone."


def heat_figure(load: pd.DataFrame) -> Figure:
    """Draw load by resource and month as a heat map with its numbers: what making everything just in time would take, never clipped.

    `load` as the contract capacity_load or rough_cut; the twelve resources with the highest load are drawn.
    """
    wide = load.pivot(index="resource", columns="month", values="load")
    wide = wide.loc[wide.max(axis=1).fillna(-1).sort_values(ascending=False, kind="stable").index[:_ROWS]]
    figure, axis = new_figure("Load by resource and month, % of regular time")
    # As high as its rows ask for: the numbers have to be read.
    figure.set_figheight(1.2 + 0.45 * max(len(wide), 2))
    top = max(1.25, float(np.nan_to_num(wide.to_numpy(dtype=float)).max(initial=0.0)))
    colours = LinearSegmentedColormap.from_list("load", [(0, "#FFFFFF"), (0.35, "#CFE3F1"), (0.5, "#F6E3B8"), (0.75, "#EE9A6B"), (1, COLOURS["short"])])
    axis.imshow(wide.to_numpy(dtype=float), aspect="auto", cmap=colours, norm=TwoSlopeNorm(1.0, 0.0, top))
    for (row, column), value in np.ndenumerate(wide.to_numpy(dtype=float)):
        if np.isfinite(value):
            weight, shade = ("bold" if value > 1 else "normal"), ("white" if value > 1 + 0.8 * (top - 1) else COLOURS["actual"])
            axis.text(column, row, f"{value * 100:.0f}", ha="center", va="center", fontsize=8, fontweight=weight, color=shade)
    axis.set_yticks(np.arange(len(wide)), wide.index)
    months = [f"{m:%b}\n{m:%Y}" if i == 0 or m.month == 1 else f"{m:%b}" for i, m in enumerate(wide.columns)]
    axis.set_xticks(np.arange(len(months)), months)
    axis.grid(False)
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    return figure


def heat_takeaway(load: pd.DataFrame) -> str:
    """Return which cells of the heat map ask for more than regular time."""
    known = load.dropna(subset="load")
    if known.empty:
        return f"No resource has hours to be loaded{closed_words(load)}."
    over = known[known["load"] > 1]
    top = known.loc[known["load"].idxmax()]
    if over.empty:
        closest = f"{top['resource']} comes closest with {top['load']:.0%} in {top['month']:%B %Y}"
        return f"No resource with regular time is asked for more than it; {closest}{closed_words(load)}."
    by = over.groupby("resource").size().sort_values(ascending=False, kind="stable")
    first = f"{len(over)} of {len(known)} cells ask for more than regular time"
    return f"{first}, {by.iloc[0]} of them on {by.index[0]}; the most is {top['load']:.0%} on {top['resource']} in {top['month']:%B %Y}{closed_words(load)}."


def band_figure(bands: pd.DataFrame, shown: pd.DataFrame, names: pd.Series) -> Figure:
    """Draw projected stock of a few items against the band from target to a month's use above it.

    Parameters
    ----------
    bands : DataFrame
        As `handover.stock_bands` returns it.
    shown : DataFrame
        item, location to draw.
    names : Series
        Names of items by their code.
    """
    figure, axes = panels(len(shown), "Stock of the items that tie up most money, against their targets", "units at month end")
    for axis, (item, location) in zip(axes, shown[["item", "location"]].itertuples(index=False), strict=False):
        rows = bands[(bands["item"] == item) & (bands["location"] == location)].set_index("month").sort_index()
        axis.fill_between(rows.index, rows["target_units"], rows["band_top"], color=COLOURS["good"], alpha=0.18, label="target and a month of use above it")
        axis.plot(rows.index, rows["safety_units"], color=COLOURS["good"], linestyle=":", label="safety stock")
        axis.plot(rows.index, rows["closing_units"], color=COLOURS["plan"], marker="o", markersize=3, label="projected stock")
        name = names.get(item)
        axis.set_title(f"{item} {name} in {location}" if isinstance(name, str) else f"{item} in {location}", loc="left", fontsize="medium")
        axis.set_ylim(bottom=0)
        thousands(axis)
        month_axis(axis)
    if len(shown):
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def band_takeaway(gaps: pd.DataFrame, months: pd.DatetimeIndex, currency: str) -> str:
    """Return how many items end a month below target, what is missing, and the worst of them.

    `gaps` as `handover.below_target` returns it.
    """
    when = f"the next {len(months)} months" if len(months) > 1 else f"{months[0]:%B %Y}"
    if gaps.empty:
        return f"In {when} no item ends a month below its target."
    worst, deep = gaps.iloc[0], int(gaps["into_safety"].sum())
    text = f"In {when} {counted(len(gaps), 'items and places end', 'item ends')} a month below target, {money(gaps['money'].sum())} {currency} at their worst"
    text += f", {deep} of them in their safety stock" if 0 < deep < len(gaps) else ""
    return text + f"; most is missing of {worst['item']} in {worst['location']} ({money(worst['money'])} {currency} in {worst['month']:%B %Y})."


def cash_figure(cash: pd.DataFrame, months: pd.DatetimeIndex, currency: str) -> Figure:
    """Draw what is ordered, received and paid by month.

    `cash` as the contract purchase_cash.
    """
    by = cash.groupby("month")[["ordered", "received", "paid"]].sum().reindex(months).fillna(0.0)
    figure, axis = new_figure("Purchases: ordered, received and paid", ylabel=f"{currency} a month")
    day = pd.Timedelta(days=5.5)
    axis.bar(by.index - day, by["ordered"], width=10, color=COLOURS["plan"], label="orders to place")
    axis.bar(by.index + day, by["received"], width=10, color=COLOURS["budget"], hatch="///", edgecolor="white", label="arrivals, open orders included")
    axis.step(by.index, by["paid"], where="mid", color=COLOURS["actual"], linewidth=1.8, label="cash out")
    axis.legend(fontsize="small", ncols=3)
    axis.margins(y=0.2)
    axis.set_ylim(bottom=0)
    thousands(axis)
    month_axis(axis)
    return figure


def cash_takeaway(cash: pd.DataFrame, months: pd.DatetimeIndex, currency: str) -> str:
    """Return what suppliers are paid soon, the highest month, and who gets most."""
    inside = cash[cash["month"].isin(months)]
    paid = inside.groupby("month")["paid"].sum()
    if not paid.sum() > 0:
        return "Suppliers are paid nothing in these months."
    soon, by = paid.reindex(months[:3]).sum(), inside.groupby("supplier")["paid"].sum()
    text = f"Suppliers are paid {money(soon)} {currency} in the next {counted(len(months[:3]), 'months')} and {money(paid.sum())} over {len(months)}"
    return text + f"; the most goes out in {paid.idxmax():%B %Y} ({money(paid.max())}), and {by.idxmax()} gets {by.max() / by.sum():.0%}."


def hiring_figure(hiring: pd.DataFrame) -> Figure:
    """Draw people by resource and month, with those hired and laid off.

    `hiring`: resource, month, workers, hired, laid_off; the six resources with most change are drawn.
    """
    moves = hiring.assign(moves=hiring["hired"] + hiring["laid_off"]).groupby("resource")["moves"].sum()
    shown = moves.sort_values(ascending=False, kind="stable").index[:6]
    figure, axes = panels(len(shown), "People by resource", "people")
    for axis, resource in zip(axes, shown, strict=False):
        rows = hiring[hiring["resource"] == resource].set_index("month").sort_index()
        axis.bar(rows.index, rows["hired"], width=22, color=COLOURS["good"], label="hired")
        axis.bar(rows.index, -rows["laid_off"], width=22, color=COLOURS["short"], hatch="///", edgecolor="white", label="laid off")
        axis.step(rows.index, rows["workers"], where="mid", color=COLOURS["actual"], linewidth=1.6, label="people at work")
        axis.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.set_title(resource, loc="left", fontsize="medium")
        month_axis(axis)
    if len(shown):
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def hiring_takeaway(hiring: pd.DataFrame, currency: str) -> str:
    """Return how many people are hired and laid off over the horizon, where, and what it costs."""
    hired, gone = hiring["hired"].sum(), hiring["laid_off"].sum()
    if hired + gone < 0.05:
        return "The plan changes nobody's job."
    most = (hiring["hired"] + hiring["laid_off"]).groupby(hiring["resource"]).sum().idxmax()
    # People who are not planned whole are parts of a full working month.
    many = hiring[["hired", "laid_off"]]
    plural, one, digits = ("people", "person", 0) if np.allclose(many, many.round(), atol=1e-3) else ("full-time equivalents", "full-time equivalents", 1)
    text = f"The plan hires {counted(f'{hired:,.{digits}f}', plural, one)} and lays off {gone:,.{digits}f}, most of them on {most}"
    return text + (f"; wages, hiring and lay-offs cost {money(hiring['cost'].sum())} {currency}." if "cost" in hiring else ".")
