"""Pictures of supply and scenarios, each with the sentence that says what to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands

_PANELS = 6


def panels(number: int, title: str, ylabel: str) -> tuple[Figure, list]:
    """Make a figure of a few panels side by side, those without content hidden."""
    number = max(number, 1)
    columns = 1 if number == 1 else 2
    figure, axes = new_figure(title, ylabel=ylabel, rows=-(-number // columns), columns=columns)
    flat = list(np.atleast_1d(axes).ravel())
    for axis in flat[number:]:
        axis.set_visible(False)
    return figure, flat[:number]


def load_figure(load: pd.DataFrame) -> Figure:
    """Draw hours by resource and month: planned in regular time and overtime, required just in time, and what is available.

    `load` as the contract capacity_load; the resources with the highest load are drawn.
    """
    shown = load.groupby("resource")["load"].max().fillna(0).sort_values(ascending=False, kind="stable").index[:_PANELS]
    figure, axes = panels(len(shown), "Load of the resources that work hardest", "hours a month")
    for axis, resource in zip(axes, shown, strict=True):
        r = load[load["resource"] == resource].set_index("month").sort_index()
        regular = r["planned_hours"] - r["overtime_hours"]
        axis.bar(r.index, regular, width=22, color=COLOURS["plan"], label="planned, regular")
        axis.bar(r.index, r["overtime_hours"], bottom=regular, width=22, color=COLOURS["budget"], hatch="///", edgecolor="white", label="planned, overtime")
        axis.step(r.index, r["available_hours"], where="mid", color=COLOURS["actual"], linewidth=1.6, label="100 % of regular time")
        axis.plot(r.index, r["required_hours"], color=COLOURS["bad"], marker="x", linestyle=":", label="required just in time")
        axis.set_title(f"{resource}: peak {r['load'].max():.0%}" if r["load"].notna().any() else resource, loc="left", fontsize="medium")
        axis.set_ylim(bottom=0)
        thousands(axis)
        month_axis(axis)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def closed_words(load: pd.DataFrame) -> str:
    """Return the resources that are asked for hours in months without regular time, which have no load in per cent; "" where there are none.

    `load` as the contract capacity_load or rough_cut.
    """
    asked = load["required_hours"] if "required_hours" in load else load["hours"]
    closed = load[(load["available_hours"] <= 1e-6) & (asked > 1e-6)].drop_duplicates("resource")
    parts = [f"{name} in {month:%B %Y}" for name, month in closed[["resource", "month"]].head(3).itertuples(index=False)]
    return f"; without any regular time, yet asked for: {', '.join(parts)}" + (f" and {len(closed) - 3} more" if len(closed) > 3 else "") if parts else ""


def load_takeaway(load: pd.DataFrame, currency: str) -> str:
    """Return which resource is the bottleneck, in how many months, and what overtime and one more hour are worth."""
    known = load.dropna(subset="load")
    if known.empty:
        return "No resource has hours" + (closed_words(load) or ", so nothing limits the plan") + "."
    top = known.loc[known["load"].idxmax()]
    over = known[known["load"] > 1]
    months = counted(over["month"].nunique(), "months go", "month goes")
    if over.empty:
        text = f"No month with regular time asks for more than it; {top['resource']} comes closest with {top['load']:.0%} in {top['month']:%B %Y}"
    else:
        text = f"{top['resource']} would need {top['load']:.0%} of regular time in {top['month']:%B %Y}; {months} over 100 % on some resource"
    text += closed_words(load)
    overtime = load["overtime_hours"].sum()
    text += f". The plan builds ahead and works {counted(f'{overtime:,.0f}', 'overtime hours')}" if overtime >= 0.5 else ". The plan needs no overtime"
    worth = load.loc[load["value_of_hour"].fillna(0).idxmax()]
    if worth["value_of_hour"] > 0.005:
        text += f"; one more hour is worth most ({worth['value_of_hour']:,.2f} {currency}) on {worth['resource']} in {worth['month']:%B %Y}"
        if "value_to_hours" in load and worth["value_to_hours"] > worth["available_hours"] + 0.5:
            hours = f"{worth['value_to_hours'] - worth['available_hours']:,.0f}"
            text += f", up to {counted(hours, 'hours')} more"
    return text + "."


def stock_by_family(stock: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return stock and target at cost by month and family; what is not sold counts as components.

    `stock` as the contract stock_projection.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        each = (stock["value"] / stock["closing_units"]).where(stock["closing_units"] > 0)
    keys = [stock["item"], stock["location"]]
    unit = each.groupby(keys).transform("median")
    listed = stock["item"].map(products.set_index("product")["unit_cost"]).astype(float)
    family = stock["item"].map(products.set_index("product")["family"]).astype("object").fillna("parts and materials")
    rows = stock.assign(family=family, target_value=stock["target_units"] * listed.fillna(unit).fillna(0.0))
    return rows.groupby(["family", "month"], as_index=False)[["value", "target_value"]].sum()


def stock_figure(stock: pd.DataFrame, products: pd.DataFrame, currency: str) -> Figure:
    """Draw projected stock against target by family, at cost."""
    families = stock_by_family(stock, products)
    held = families.groupby("family")[["value", "target_value"]].sum()
    held = held.sort_values("value", ascending=False, kind="stable")
    order = held.index[held.max(axis=1) > 0.5][:_PANELS]
    order = order if len(order) else held.index[:1]  # a company without any stock sees one empty panel
    figure, axes = panels(len(order), "Projected stock at month end against target", f"{currency}, at cost")
    for axis, family in zip(axes, order, strict=True):
        rows = families[families["family"] == family].set_index("month").sort_index()
        axis.fill_between(rows.index, 0, rows["target_value"], color=COLOURS["good"], alpha=0.18, label="target")
        axis.plot(rows.index, rows["value"], color=COLOURS["plan"], marker="o", markersize=3, label="projected stock")
        axis.set_title(family, loc="left", fontsize="medium")
        axis.set_ylim(bottom=0)
        thousands(axis)
        month_axis(axis)
    axes[0].legend(fontsize="small")
    return figure


def stock_takeaway(stock: pd.DataFrame, products: pd.DataFrame, currency: str) -> str:
    """Return where stock goes over the horizon, how much of it lies above target, and how many items end below theirs."""
    families = stock_by_family(stock, products)
    months = families["month"].drop_duplicates().sort_values()
    total = families.groupby("month")[["value", "target_value"]].sum()
    first, last = total.iloc[0], total.iloc[-1]
    near = stock[(stock["month"] == months.iloc[0]) & (stock["target_units"] > 0)]
    under = (near["closing_units"] < 0.99 * near["target_units"]).sum()
    text = f"Stock goes from {money(first['value'])} {currency} at the end of {months.iloc[0]:%B %Y} to {money(last['value'])} "
    text += f"at the end of {months.iloc[-1]:%B %Y}, "
    text += f"{last['value'] / last['target_value']:.1f} times its target" if last["target_value"] > 0 else "no target is set"
    return text + (f"; {under} of {len(near)} items with a target end the first month below it." if len(near) else ".")


def demand_served_figure(served: pd.DataFrame, products: pd.DataFrame, currency: str) -> Figure:
    """Draw demand and shipments by month, valued at list price, with what is shipped late or lost."""
    price = served["product"].map(products.set_index("product")["unit_price"]).astype(float).fillna(0.0)
    columns = ["demand_units", "shipped_units", "lost_units", "backlog_units"]
    waits = served["not_due_units"].fillna(0.0) if "not_due_units" in served else 0.0
    late = served.assign(backlog_units=served["backlog_units"] - waits)  # what is made to order is late only when it is past due
    sums = late[columns].mul(price, axis=0).groupby(served["month"]).sum()
    figure, axes = new_figure("Demand and what can be shipped, at list price", rows=2, ylabel=currency)
    top, low = np.ravel(axes)
    top.bar(sums.index, sums["shipped_units"], width=22, color=COLOURS["plan"], label="shipped")
    top.plot(sums.index, sums["demand_units"], color=COLOURS["actual"], marker="o", label="demand")
    top.legend(fontsize="small")
    low.bar(sums.index, sums["backlog_units"], width=22, color=COLOURS["budget"], hatch="///", edgecolor="white", label="late at month end")
    low.bar(sums.index, sums["lost_units"], bottom=sums["backlog_units"], width=22, color=COLOURS["short"], label="lost")
    low.legend(fontsize="small")
    if sums[["backlog_units", "lost_units"]].to_numpy().max(initial=0) < 1e-6:
        low.set_ylim(0, 1)
        low.annotate("nothing is owed or lost", (0.5, 0.5), xycoords="axes fraction", ha="center")
    for axis in (top, low):
        axis.set_ylim(bottom=0)
        thousands(axis)
        month_axis(axis)
    return figure


def demand_served_takeaway(served: pd.DataFrame, shortages: pd.DataFrame, currency: str) -> str:
    """Return the share of demand shipped in its month, what is late or lost, and the cause worth most."""
    demand, lost = served["demand_units"].sum(), served["lost_units"].sum()
    if not demand > 0:
        return "There is no demand in the horizon."
    owed = f"{counted(money(lost), 'units')}, overdue when the plan begins, {'is' if money(lost) == '1' else 'are'} lost" if lost >= 0.5 else ""
    if shortages.empty:
        return "All demand can be shipped in the month in which it is wanted" + (f"; {owed}." if owed else ".")
    short = shortages["short_units"].sum()
    causes = shortages.groupby("cause")["money"].sum().sort_values(ascending=False, kind="stable")
    text = f"{1 - short / demand:.1%} of the units wanted are shipped in their month; "
    text += f"{counted(money(short), 'units')} worth {money(shortages['money'].sum())} {currency} {'is' if money(short) == '1' else 'are'} not"
    if lost > short + 0.5:
        text += f"; {money(lost)} are lost, those overdue when the plan begins included"
    else:
        text += f", of which {money(lost)} are lost" if lost >= 0.5 else ", none of them lost"
    return text + f". The cause worth most ({money(causes.iloc[0])}) is: {causes.index[0]}."


def purchase_figure(purchases: pd.DataFrame, months: pd.DatetimeIndex, currency: str) -> Figure:
    """Draw planned purchases by month of order and supplier; small suppliers are drawn together."""
    largest = purchases.groupby("supplier")["cost"].sum().sort_values(ascending=False, kind="stable").index[:5]
    name = purchases["supplier"].where(purchases["supplier"].isin(largest), "all others")
    by = purchases.assign(name=name).pivot_table(index="order_month", columns="name", values="cost", aggfunc="sum").reindex(months).fillna(0.0)
    figure, axis = new_figure("Purchases by month of order and supplier", ylabel=currency)
    shades = ["plan", "budget", "good", "short", "last", "neutral"]
    hatches = ["", "///", "", "...", "", "xx"]
    base = np.zeros(len(by))
    for column, shade, hatch in zip([*[s for s in largest], *(["all others"] if "all others" in by else [])], shades, hatches, strict=False):
        axis.bar(by.index, by[column], bottom=base, width=22, color=COLOURS[shade], hatch=hatch, edgecolor="white", label=column)
        base = base + by[column].to_numpy()
    axis.legend(fontsize="small", ncols=2)
    axis.margins(y=0.2)
    thousands(axis)
    month_axis(axis)
    return figure


def purchase_takeaway(purchases: pd.DataFrame, months: pd.DatetimeIndex, currency: str) -> str:
    """Return what is to be ordered now and over the horizon, and the supplier that gets most."""
    now = purchases.loc[purchases["order_month"] == months[0], "cost"].sum()
    by = purchases.groupby("supplier")["cost"].sum().sort_values(ascending=False, kind="stable")
    span, number = counted(len(months), "months"), counted(len(by), "suppliers")
    text = f"Orders for {money(now)} {currency} go out in {months[0]:%B %Y}, {money(by.sum())} over {span} to {number}"
    return text + f"; {by.index[0]} gets {by.iloc[0] / by.sum():.0%} of it." if by.sum() > 0 else text + "."


JOINED = ("sellable revenue", "operating profit", "net cash")  # measures of scenarios that the sellers move as well
_STYLES = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))]
_SHADES = ["actual", "plan", "budget", "short", "good", "last"]


def scenario_figure(scenarios: pd.DataFrame, currency: str) -> Figure:
    """Draw the difference of each scenario from base in money, measure by measure.

    `scenarios` as the contract scenarios; measures that are not money stand in its table only.
    """
    known = scenarios[(scenarios["scenario"] != "base") & (scenarios["unit"] == currency)].dropna(subset="against_base")
    names, measures = list(dict.fromkeys(known["scenario"])), list(dict.fromkeys(known["measure"]))
    figure, axis = new_figure("Scenarios against base", xlabel=f"difference from base, {currency} over the horizon")
    height = 0.8 / max(len(names), 1)
    for i, name in enumerate(names):
        change = known[known["scenario"] == name].set_index("measure")["against_base"].reindex(measures)
        place = np.arange(len(measures)) + (i - (len(names) - 1) / 2) * height
        colour, hatch = COLOURS[_SHADES[(i + 1) % 6]], ["", "///", "..."][i % 3]
        bars = axis.barh(place, change, height=height, color=colour, hatch=hatch, edgecolor="white", label=name)
        axis.bar_label(bars, [_signed(v) if abs(v) >= 0.5 else "" for v in change.fillna(0.0)], padding=3, fontsize=7)
    axis.set_yticks(np.arange(len(measures)), measures)
    axis.invert_yaxis()
    axis.axvline(0, color=COLOURS["neutral"], linewidth=0.8)
    axis.margins(x=0.15)
    thousands(axis, "x")
    # As high as its bars ask for: their numbers have to be read.
    figure.set_figheight(1.4 + 0.17 * len(names) * max(len(measures), 2))
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def paths_figure(financials: pd.DataFrame, currency: str) -> Figure:
    """Draw revenue and stock value by month for each scenario."""
    figure, axes = new_figure("Revenue and stock by month", rows=2, ylabel=currency)
    for axis, column, label in zip(np.ravel(axes), ("revenue", "stock_value"), ("revenue of what can be shipped", "stock at cost"), strict=True):
        for i, (name, rows) in enumerate(financials.groupby("scenario", sort=False)):
            axis.plot(rows["month"], rows[column], color=COLOURS[_SHADES[i % 6]], linestyle=_STYLES[i % 6], label=name)
        axis.set_title(label, loc="left", fontsize="medium")
        axis.set_ylim(bottom=0)
        thousands(axis)
        month_axis(axis)
    np.ravel(axes)[0].legend(fontsize="small")
    return figure


def scenario_takeaway(scenarios: pd.DataFrame, currency: str) -> str:
    """Return what each scenario does to revenue and margin, to shortages where it changes them, and to what can be sold as well."""
    wide = scenarios.pivot(index="scenario", columns="measure", values="against_base")
    names = [s for s in dict.fromkeys(scenarios["scenario"]) if s != "base"]
    if not names:
        return "The workbook defines no scenarios; base stands alone."
    parts = []
    for name in names:
        row = wide.loc[name]
        short = f", {money(abs(row['short units']))} {'more' if row['short units'] > 0 else 'fewer'} units short" if abs(row["short units"]) >= 0.5 else ""
        sold = row.get("sellable revenue", 0.0)
        sellable = f", sellable revenue {_signed(sold)} {currency}" if abs(sold) >= 0.5 else ""
        moved = f"revenue {_signed(row['revenue'])}, margin {_signed(row['gross margin'])} {currency}"
        if max(abs(row["revenue"]), abs(row["gross margin"])) < 0.5:
            others = row.drop([*JOINED, "peak load"], errors="ignore").abs().max() < 0.5 and abs(row.get("peak load", 0.0)) < 0.0005
            moved = "the supply plan of base" if others else "revenue and margin of base"
        parts.append(f"{name}: {moved}{short}{sellable}")
    return "Against base, " + "; ".join(parts) + "."


def paths_takeaway(financials: pd.DataFrame, currency: str) -> str:
    """Return how far apart the scenarios lie at the end of the horizon."""
    ends = financials[financials["month"] == financials["month"].max()].set_index("scenario")
    total = financials.groupby("scenario")["revenue"].sum()
    text = f"Over the horizon revenue lies between {money(total.min())} ({total.idxmin()}) and {money(total.max())} {currency} ({total.idxmax()})"
    return text + f"; stock ends between {money(ends['stock_value'].min())} and {money(ends['stock_value'].max())}."


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "-") + money(abs(value))
