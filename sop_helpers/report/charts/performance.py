"""Pictures of the review: KPIs over time, the revenue bridge, exceptions by money."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sop_helpers.planning.kpis import MARKS, format_value, latest
from sop_helpers.report.charts.style import COLOURS, money, new_figure, thousands

STATUS_COLOURS = {"green": "good", "amber": "budget", "red": "bad", "n/a": "neutral"}
ORDER = {"red": 0, "amber": 1, "green": 2, "n/a": 3}


def kpi_figure(kpis: pd.DataFrame, limit: int = 12, columns: int = 3) -> Figure:
    """Draw KPIs over the months as small multiples: those off target first; status as a mark and a word beside the value.

    Parameters
    ----------
    kpis : DataFrame
        As the contract kpis.
    limit : int
        Most KPIs drawn; only those with two months or more.
    columns : int
        Pictures side by side.
    """
    known = kpis.dropna(subset="value")
    several = known.groupby("kpi")["month"].transform("count") >= 2
    last = latest(known[several])
    last = last.assign(place=last["status"].map(ORDER)).sort_values("place", kind="stable").head(limit)
    rows = max(1, math.ceil(len(last) / columns))
    figure, axes = new_figure(f"KPIs up to {last['month'].max():%Y-%m}, off target first" if len(last) else "KPIs", rows=rows, columns=columns)
    figure.set_size_inches(9.5, 1.0 + 1.75 * rows)
    cells = np.ravel(axes)
    for axis, row in zip(cells, last.itertuples(), strict=False):
        _small(axis, known[known["kpi"] == row.kpi], row)
    for axis in cells[len(last):]:
        axis.set_visible(False)
    return figure


def _small(axis, series: pd.DataFrame, row) -> None:
    axis.plot(series["month"], series["value"], color=COLOURS["actual"], marker="o", markersize=3, linewidth=1.3)
    axis.plot(row.month, row.value, marker="o", markersize=7, color=COLOURS[STATUS_COLOURS[row.status]])
    if pd.notna(row.target):
        axis.axhline(row.target, color=COLOURS["neutral"], linestyle="--", linewidth=1)
    axis.set_title(f"{row.kpi}: {format_value(row.value, row.unit)}  {MARKS[row.status] if row.status != 'n/a' else ''}", fontsize=9, loc="left")
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_value(value, row.unit, words=False).removesuffix(" a day")))
    axis.yaxis.set_major_locator(_few())
    axis.set_xticks([series["month"].iloc[0], series["month"].iloc[-1]], [f"{m:%Y-%m}" for m in (series["month"].iloc[0], series["month"].iloc[-1])])
    axis.tick_params(labelsize=8)
    axis.margins(x=0.08, y=0.25)
    low, high = axis.get_ylim()
    centre, least = (low + high) / 2, 0.04 * abs(low + high) / 2
    if high - low < least:  # what hardly moves should look still
        axis.set_ylim(centre - least / 2, centre + least / 2)


def _signed(amount: float) -> str:
    return ("+" if amount > 0 else "") + money(amount)


def _few():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)


def bridge_figure(bridge: pd.DataFrame, currency: str, title: str) -> Figure:
    """Draw revenue from budget to actual: volume, mix and price of the total as a waterfall, and the gap of each family beside it.

    Parameters
    ----------
    bridge : DataFrame
        family, plan, volume, mix, price, actual; one row a family and one for ``total`` (from `bridge.add_up`).
    currency : str
        Unit of the axis.
    title : str
        What months it covers.
    """
    total = bridge[bridge["family"] == "total"].iloc[0]
    figure, axes = new_figure(title, columns=2)
    left, right = np.ravel(axes)
    steps = [("budget", 0.0, total["plan"])]
    level = total["plan"]
    for name in ("volume", "mix", "price"):
        steps.append((name, level, total[name]))
        level += total[name]
    steps.append(("actual", 0.0, total["actual"]))
    colours = [COLOURS["budget"], *(COLOURS["good"] if total[n] >= 0 else COLOURS["bad"] for n in ("volume", "mix", "price")), COLOURS["actual"]]
    left.bar([s[0] for s in steps], [s[2] for s in steps], bottom=[s[1] for s in steps], color=colours)
    for place, (name, bottom, size) in enumerate(steps):
        text = money(size) if name in ("budget", "actual") else _signed(round(size))
        left.annotate(text, (place, max(bottom, bottom + size)), ha="center", va="bottom", fontsize=9)
    low = min(total["plan"], total["actual"], level, *(s[1] for s in steps[1:-1]))
    high = max(s[1] + max(s[2], 0.0) for s in steps)
    if high > 0 and (high - low) < 0.4 * high:
        # The bars would dwarf the steps: the axis begins above zero and says so.
        left.set_ylim(low - 0.8 * (high - low) - 0.01 * high, high + 0.3 * (high - low) + 0.01 * high)
        left.set_xlabel("axis does not begin at zero")
    elif high > 0:
        left.set_ylim(top=1.08 * high)
    left.set_ylabel(currency)
    thousands(left)
    families = bridge[bridge["family"] != "total"]
    place = np.arange(len(families))
    start_up, start_down = np.zeros(len(families)), np.zeros(len(families))
    for name, colour, hatch in (("volume", "plan", ""), ("mix", "forecast", "//"), ("price", "last", "..")):
        size = families[name].to_numpy(float)
        base = np.where(size >= 0, start_up, start_down)
        right.barh(place, size, left=base, color=COLOURS[colour], hatch=hatch, edgecolor="white", label=name)
        start_up, start_down = start_up + np.maximum(size, 0), start_down + np.minimum(size, 0)
    right.plot(families["actual"] - families["plan"], place, "D", color=COLOURS["actual"], markersize=6, label="net")
    right.axvline(0, color=COLOURS["neutral"], linewidth=0.8)
    right.set_yticks(place, families["family"])
    right.invert_yaxis()
    right.set_xlabel(f"{currency}, against budget")
    thousands(right, "x")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=4, fontsize=8)
    return figure


def exceptions_figure(exceptions: pd.DataFrame, currency: str, limit: int = 12) -> Figure:
    """Draw the exceptions with the most money at stake, each labelled with its kind and subject.

    `exceptions` as the contract.
    """
    rows = exceptions.dropna(subset="money").head(limit)
    figure, axis = new_figure("What needs attention, by money at stake", xlabel=f"{currency}, over the months that each sentence names")
    kinds = list(dict.fromkeys(rows["kind"]))
    palette = [COLOURS[c] for c in ("bad", "plan", "budget", "forecast", "neutral", "last", "good")]
    place = np.arange(len(rows))
    axis.barh(place, rows["money"], color=[palette[kinds.index(k) % len(palette)] for k in rows["kind"]])
    axis.set_yticks(place, [f"{r.kind}: {r.subject}" if len(r.subject) <= 40 else f"{r.kind}: {r.subject[:39]}…" for r in rows.itertuples()])
    axis.invert_yaxis()
    thousands(axis, "x")
    figure.set_size_inches(9.5, 1.2 + 0.34 * max(len(rows), 4))
    return figure


def kpi_takeaway(kpis: pd.DataFrame) -> str:
    """Return how many KPIs are red, amber and green, and name the red ones."""
    last = latest(kpis.dropna(subset="value"))
    count = last["status"].value_counts()
    red = last.loc[last["status"] == "red", "kpi"].tolist()
    text = f"{count.get('green', 0)} KPIs are green, {count.get('amber', 0)} amber, {count.get('red', 0)} red" + (f" ({', '.join(red)})" if red else "")
    return text + (f"; {count['n/a']} have no target." if count.get("n/a", 0) else ".")


def bridge_takeaway(bridge: pd.DataFrame, currency: str) -> str:
    """Return by how much revenue missed or beat the budget, the largest effect, and the family that moved it most."""
    total, families = bridge[bridge["family"] == "total"].iloc[0], bridge[bridge["family"] != "total"]
    gap = total["actual"] - total["plan"]
    effects = total[["volume", "mix", "price"]].astype(float)
    name = effects.abs().idxmax()
    most = families.assign(gap=families["actual"] - families["plan"]).sort_values("gap", key=abs, ascending=False, kind="stable").iloc[0]
    share = f" ({abs(gap) / total['plan']:.1%})" if total["plan"] > 0 else ""
    start = f"Revenue is {money(abs(gap))} {currency}{share} {'above' if gap >= 0 else 'below'} budget"
    family = f"the family that moved it most {most['family']} with {_signed(most['gap'])}"
    return f"{start}; the largest effect is {name} with {_signed(effects[name])}, {family}."


def exceptions_takeaway(exceptions: pd.DataFrame, currency: str) -> str:
    """Return how many exceptions there are and the one with the most money."""
    if exceptions.empty:
        return "Nothing asks for attention this month."
    top = exceptions.iloc[0]
    text = f"{len(exceptions)} exceptions ask for attention"
    return text + (f"; the largest, {top['kind']} of {top['subject']}, is worth {money(top['money'])} {currency}." if pd.notna(top["money"]) else ".")
