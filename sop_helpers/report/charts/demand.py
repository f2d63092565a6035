"""Pictures of demand: signals, the forecast by family, accuracy, the waterfall and the gap to budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.planning.waterfall import STEP_ORDER
from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands


def _grid(number: int) -> tuple[int, int]:
    columns = 1 if number == 1 else 2
    return -(-number // columns), columns


def _panels(number: int, title: str, ylabel: str) -> tuple[Figure, list]:
    rows, columns = _grid(max(number, 1))
    figure, axes = new_figure(title, "", ylabel, rows=rows, columns=columns)
    flat = list(np.atleast_1d(axes).ravel())
    for axis in flat[number:]:
        axis.set_visible(False)
    return figure, flat[: max(number, 1)]


def signals_chart(history: pd.DataFrame, signals: pd.DataFrame, names: pd.Series, most: int = 6, months: int = 24) -> Figure:
    """Draw the signals worth most: demand of the last months, what was expected, and the gap.

    Parameters
    ----------
    history : DataFrame
        month, product, region, raw_units.
    signals : DataFrame
        As the contract ``signals``, most money first.
    names : Series
        Name of each product, indexed by product.
    most : int
        Most panels.
    months : int
        Months of history shown.
    """
    shown = signals.drop_duplicates(["product", "region"]).head(most)
    figure, axes = _panels(len(shown), "Months that trend and season do not explain", "units a month")
    first = history["month"].max() - pd.DateOffset(months=months)
    for axis, one in zip(axes, shown.itertuples(), strict=False):
        h = history[(history["product"] == one.product) & (history["region"] == one.region) & (history["month"] > first)]
        axis.plot(h["month"], h["raw_units"], color=COLOURS["actual"], marker=".", label="ordered")
        mine = signals[(signals["product"] == one.product) & (signals["region"] == one.region)]
        axis.plot(mine["month"], mine["expected_units"], color=COLOURS["plan"], marker="D", linestyle="none", label="expected")
        axis.plot(mine["month"], mine["actual_units"], color=COLOURS["bad"], marker="o", markersize=10, fillstyle="none", linestyle="none", label="signal")
        axis.vlines(mine["month"], mine["expected_units"], mine["actual_units"], color=COLOURS["bad"], linestyles=":")
        size = counted(money(abs(one.units)), "units")
        axis.set_title(f"{names.get(one.product, one.product)}, {one.region}: {one.kind} of {size}", fontsize="medium", loc="left")
        axis.set_ylim(0, 1.12 * max(h["raw_units"].max(), mine["expected_units"].max(), 1e-9))
        month_axis(axis)
        thousands(axis)
    axes[0].legend(loc="best", fontsize="small")
    return figure


def last_forecast_chart(table: pd.DataFrame, currency_note: str = "units") -> Figure:
    """Draw last month's plan, its statistical forecast, seasonal naive and what came, by family.

    Parameters
    ----------
    table : DataFrame
        family, actual, consensus, statistical, naive.
    currency_note : str
        Unit of the y axis.
    """
    figure, axis = new_figure("Last month: what was planned and what was ordered", "", currency_note)
    place = np.arange(len(table))
    bars = [
        ("naive", "seasonal naive", COLOURS["last"], "..."), ("statistical", "statistical", COLOURS["forecast"], "//"),
        ("consensus", "consensus", COLOURS["plan"], ""), ("actual", "ordered", COLOURS["actual"], ""),
    ]
    for i, (column, label, colour, hatch) in enumerate(bars):
        axis.bar(place + (i - 1.5) * 0.2, table[column].fillna(0.0), 0.19, label=label, color=colour, hatch=hatch, edgecolor="white")
    axis.set_xticks(place, table["family"])
    thousands(axis)
    axis.legend(loc="best", ncols=4, fontsize="small")
    return figure


VIEW_LINES = {"last consensus": ("plan", "--"), "sales": ("actual", "-."), "pipeline": ("actual", ":"), "marketing": ("good", "-."), "product": ("good", ":"),
              "finance": ("budget", "--")}


def views_chart(views: pd.DataFrame, accuracy: pd.DataFrame, family: pd.Series, most: int = 6) -> Figure:
    """Draw for each family what every view expects; its error at the decision lag stands in the legend.

    Parameters
    ----------
    views : DataFrame
        As the contract ``team_views``.
    accuracy : DataFrame
        As the contract ``view_accuracy``.
    family : Series
        Family of each product, indexed by product.
    most : int
        Most families shown, the largest first.
    """
    sums = views.assign(group=views["product"].map(family)).groupby(["group", "stream", "month"])["units"].sum()
    own = sums.xs("statistical", level="stream").groupby("group").sum().sort_values(ascending=False, kind="stable")
    error = accuracy.set_index(["family", "stream"])["wmape"]
    figure, axes = _panels(len(own.index[:most]), "What each view expects", "units a month")
    for axis, group in zip(axes, own.index[:most], strict=False):
        mine = sums.loc[group]
        for name in [n for n in ("statistical", *VIEW_LINES) if n in mine.index.get_level_values("stream")]:
            colour, line = VIEW_LINES.get(name, ("forecast", "-"))
            off = error.get((group, name), error.get(("all", name), np.nan))
            label = f"{name} ({100 * off:.0f} % off)" if np.isfinite(off) else name
            axis.plot(mine.loc[name].index, mine.loc[name], color=COLOURS[colour], linestyle=line, label=label, linewidth=2 if name == "statistical" else 1.4)
        axis.set_title(str(group), loc="left", fontsize="medium")
        axis.set_ylim(0, 1.25 * max(mine.max(), 1e-9))
        month_axis(axis)
        thousands(axis)
        axis.legend(loc="lower left", fontsize="x-small", ncols=2)
    return figure


def forecast_chart(history: pd.DataFrame, band: pd.DataFrame, plan: pd.DataFrame, family: pd.Series, months: int = 36, most: int = 6) -> Figure:
    """Draw each family: demand, cleansed demand, statistical forecast with its 80 % band, consensus.

    Parameters
    ----------
    history : DataFrame
        As the contract ``demand_history``.
    band : DataFrame
        month, group (family), units, lo80, hi80 (see `planning.intervals.band_of_sums`).
    plan : DataFrame
        As the contract ``demand_plan``.
    family : Series
        Family of each product, indexed by product.
    months : int
        Months of history shown.
    most : int
        Most families shown, the largest first.
    """
    past = history[history["month"] > history["month"].max() - pd.DateOffset(months=months)]
    past = past.assign(group=past["product"].map(family)).groupby(["group", "month"])[["raw_units", "units"]].sum()
    ahead = plan.assign(group=plan["product"].map(family)).groupby(["group", "month"])["units"].sum()
    groups = plan.assign(group=plan["product"].map(family)).groupby("group")["revenue"].sum().sort_values(ascending=False, kind="stable").index[:most]
    figure, axes = _panels(len(groups), "Demand by family: history, forecast and consensus", "units a month")
    for axis, group in zip(axes, groups, strict=False):
        if group in past.index.get_level_values(0):
            h = past.loc[group]
            axis.plot(h.index, h["raw_units"], color=COLOURS["last"], linestyle=":", label="as ordered")
            axis.plot(h.index, h["units"], color=COLOURS["actual"], label="cleansed")
        b = band[band["group"] == group]
        axis.fill_between(b["month"], b["lo80"], b["hi80"], color=COLOURS["forecast"], alpha=0.25, linewidth=0, label="80 % band")
        axis.plot(b["month"], b["units"], color=COLOURS["forecast"], linestyle="--", label="statistical")
        axis.plot(ahead.loc[group].index, ahead.loc[group], color=COLOURS["plan"], linewidth=2, label="consensus")
        axis.set_title(str(group), loc="left", fontsize="medium")
        # An entry error must not flatten the picture of what is real.
        tops = [b["hi80"].max(), ahead.loc[group].max(), past.loc[group, "units"].max() if group in past.index.get_level_values(0) else 0.0]
        axis.set_ylim(0, max(1.15 * np.nanmax(tops), 1e-9))
        month_axis(axis)
        thousands(axis)
    axes[0].legend(loc="best", fontsize="x-small", ncols=2)
    return figure


def explanation_chart(history: pd.DataFrame, explained: pd.DataFrame, months: int = 24) -> Figure:
    """Draw each family: demand, then its forecast built up from level, trend, season and the rest.

    Parameters
    ----------
    history : DataFrame
        Demand by month, one column a family.
    explained : DataFrame
        As the contract ``explanation``.
    months : int
        Months of history shown.
    """
    families = list(dict.fromkeys(explained["family"]))
    figure, axes = _panels(len(families), "What the forecast is made of", "units a month")
    for axis, family in zip(axes, families, strict=False):
        past = history[family].iloc[-months:]
        parts = explained[explained["family"] == family].pivot(index="month", columns="part", values="units")
        axis.plot(past.index, past, color=COLOURS["actual"], label="demand")
        axis.plot(parts.index, parts["level"], color=COLOURS["neutral"], linestyle=":", label="level")
        axis.plot(parts.index, parts["level"] + parts["trend"], color=COLOURS["budget"], linestyle="-.", label="with trend")
        axis.plot(parts.index, parts[["level", "trend", "season"]].sum(axis=1), color=COLOURS["good"], linestyle="--", label="with season")
        axis.plot(parts.index, parts.sum(axis=1), color=COLOURS["plan"], linewidth=2, label="all models and drivers")
        axis.set_title(str(family), loc="left", fontsize="medium")
        axis.set_ylim(0, max(1.15 * past.max(), 1.15 * parts.sum(axis=1).max(), 1e-9))
        month_axis(axis)
        thousands(axis)
    axes[0].legend(loc="best", fontsize="x-small", ncols=2)
    return figure


def accuracy_chart(accuracy: pd.DataFrame, lag: int) -> Figure:
    """Draw the error of the statistical forecast and of seasonal naive up to the decision lag, measured item by item and summed by family.

    Parameters
    ----------
    accuracy : DataFrame
        key (family), stream (statistical, seasonal naive), wmape.
    lag : int
        Longest lag measured, in months.
    """
    wide = accuracy.pivot(index="key", columns="stream", values="wmape").sort_values("seasonal naive", kind="stable")
    figure, axis = new_figure(f"Forecast error against seasonal naive, up to {counted(lag, 'months')} ahead", "WMAPE of products by region, % of demand")
    place = np.arange(len(wide))
    axis.barh(place + 0.2, 100 * wide["seasonal naive"], 0.38, color=COLOURS["last"], hatch="...", edgecolor="white", label="seasonal naive")
    axis.barh(place - 0.2, 100 * wide["statistical"], 0.38, color=COLOURS["forecast"], label="statistical")
    for y, row in zip(place, wide.itertuples(), strict=True):
        gain = 100 * (wide["seasonal naive"].iloc[y] - wide["statistical"].iloc[y])
        if np.isfinite(gain):
            colour = COLOURS["good"] if gain >= 0 else COLOURS["bad"]
            axis.text(100 * np.nanmax(row[1:]), y, f"  {gain:+.1f} points", va="center", color=colour, fontsize="small")
    axis.set_yticks(place, wide.index)
    axis.grid(False, axis="y")  # it would run through the words
    axis.margins(x=0.15)
    axis.legend(loc="lower right", fontsize="small")
    return figure


def waterfall_chart(
    changes: pd.DataFrame, currency: str, title: str = "What changed since last month's plan", what: str = "revenue", steps_are: str = "streams of the plan"
) -> Figure:
    """Draw the way from last month's plan to this one, all families together.

    Parameters
    ----------
    changes : DataFrame
        As the contract ``changes``: family, step, money.
    currency : str
        Unit of the y axis.
    title, what, steps_are : str
        Of the picture, what the money is, and what the steps are.
    """
    ends = changes[changes["step"].isin(["last plan", "this plan"])].groupby("step")["money"].sum()
    steps = changes[~changes["step"].isin(["last plan", "this plan"])]
    size = steps.groupby("step")["money"].sum()
    order = [step for step in STEP_ORDER if step in size.index] + [step for step in size.index if step not in STEP_ORDER]
    size = size.reindex(order)
    figure, axis = new_figure(title, "", f"{what} over the months both plan, {currency}")
    labels = ["last plan", *order, "this plan"]
    top = ends["last plan"] + np.concatenate([[0.0], size.cumsum()])
    axis.bar([0, len(labels) - 1], [ends["last plan"], ends["this plan"]], color=[COLOURS["last"], COLOURS["plan"]], width=0.6)
    for i, (before, change) in enumerate(zip(top, size, strict=False), start=1):
        colour, hatch = (COLOURS["good"], "") if change >= 0 else (COLOURS["bad"], "//")
        axis.bar(i, change, bottom=before, color=colour, width=0.6, hatch=hatch, edgecolor="white")
        axis.annotate(f"{'+' if change >= 0 else ''}{money(change)}", (i, max(before, before + change)), ha="center", va="bottom", fontsize="small")
    for i, value in ((0, ends["last plan"]), (len(labels) - 1, ends["this plan"])):
        axis.annotate(money(value), (i, value), ha="center", va="bottom", fontsize="small")
    # Steps are small against the plan: show the top of the bars, and say so.
    levels = np.concatenate([top, [ends["this plan"]]])
    spread = max(levels.max() - levels.min(), 0.002 * levels.max(), 1e-9)
    low = max(levels.min() - 1.5 * spread, 0.0)
    axis.set_ylim(low, levels.max() + 0.6 * spread)
    if low > 0:
        axis.set_xlabel(f"{steps_are}; the axis begins at {money(low)}, not at zero")
    axis.set_xticks(range(len(labels)), labels, rotation=25, ha="right")
    thousands(axis)
    return figure


def budget_chart(gap: pd.DataFrame, currency: str) -> Figure:
    """Draw the outlook of the fiscal year against budget, by family: the gap so far and the gap to come.

    Parameters
    ----------
    gap : DataFrame
        As `planning.budget.gap_to_budget` returns it.
    currency : str
        Unit of the axis.
    """
    shown = gap.sort_values("gap", kind="stable")
    figure, axis = new_figure("Gap to budget in this fiscal year", f"outlook less budget, {currency}")
    place = np.arange(len(shown))
    axis.barh(place + 0.2, shown["gap_to_date"], 0.38, color=COLOURS["actual"], label="so far")
    axis.barh(place - 0.2, shown["gap_to_go"], 0.38, color=COLOURS["plan"], hatch="//", edgecolor="white", label="still to come")
    axis.axvline(0, color=COLOURS["neutral"], linewidth=1)
    for y, row in zip(place, shown.itertuples(), strict=True):
        # A share of next to no budget says nothing.
        share = f" ({100 * row.gap / row.budget:+.1f} %)" if row.budget and abs(row.gap) < 10 * row.budget else ""
        axis.annotate(f"{'+' if row.gap >= 0 else ''}{money(row.gap)}{share}", (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize="small")
    axis.set_yticks(place, shown["family"])
    thousands(axis, "x")
    axis.legend(loc="best", fontsize="small")
    return figure
