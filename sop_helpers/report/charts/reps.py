"""Pictures of the sales force: quotas proposed, capacity with its band, each with the sentence that says what to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sop_helpers.planning.quota_setting import fairness
from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import COLOURS, money, month_axis, new_figure, thousands


def quota_figure(proposal: pd.DataFrame, currency: str) -> Figure:
    """Draw the quota proposed for each rep against what bottom-up says, and the chance to reach it.

    `proposal` as the contract quota_proposal.
    """
    table = proposal.sort_values("probability", kind="stable").reset_index(drop=True)
    figure, axes = new_figure("Quota proposed, what the rep could bring, and the chance to reach it", ylabel=currency, rows=2)
    top, low = np.ravel(axes)
    place = np.arange(len(table))
    top.vlines(place, table["bottom_up"].fillna(table["proposed"]), table["proposed"], color=COLOURS["neutral"], linewidth=1.2)
    top.scatter(place, table["proposed"], marker="D", color=COLOURS["budget"], label="proposed", zorder=3)
    top.scatter(place, table["bottom_up"], marker="o", color=COLOURS["plan"], label="bottom-up", zorder=3)
    top.set_ylim(0, 1.2 * max(float(table[["proposed", "bottom_up"]].max().max()), 1.0))
    thousands(top)
    top.legend(ncols=2)
    low.bar(place, table["probability"], color=[COLOURS["good"] if p >= 0.5 else COLOURS["neutral"] for p in table["probability"].fillna(0)])
    low.axhline(0.5, color=COLOURS["neutral"], linestyle="--", linewidth=0.8)
    low.set_ylim(0, 1)
    low.set_ylabel("chance")
    low.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in (top, low):
        axis.set_xticks(place, table["rep"], rotation=90, fontsize=7)
    return figure


def quota_takeaway(proposal: pd.DataFrame, currency: str) -> str:
    """Return what is asked against what bottom-up finds, how many reps are likelier than not to reach it, and whether quotas follow potential."""
    told = proposal["bottom_up"].notna()
    asked, compared, found = proposal["proposed"].sum(), proposal.loc[told, "proposed"].sum(), proposal["bottom_up"].sum()
    text = f"{counted(len(proposal), 'quotas ask', 'quota asks')} for {money(asked)} {currency}"
    text += f", {compared / found - 1:+.0%} on what bottom-up finds" + ("" if told.all() else f" for {told.sum()} of them") if found > 0 else ""
    known = proposal["probability"].dropna()
    if len(known) == 1:
        text += f"; the chance of reaching it is {known.iloc[0]:.0%}"
    elif len(known):
        half = known.quantile([0.25, 0.75])
        text += f"; {(known >= 0.5).sum()} of {len(known)} reps are likelier than not to reach theirs, the middle half at {half[0.25]:.0%} to {half[0.75]:.0%}"
    line = fairness(proposal["proposed"], proposal["potential"])
    return text + (f". Potential explains {line['r2']:.0%} of the differences in quota." if line["r2"] == line["r2"] else ".")


def band_figure(table: pd.DataFrame, band: pd.DataFrame, currency: str) -> Figure:
    """Draw bookings capacity of all regions by month with its band, and the demand plan.

    `table` as the contract sales_capacity; `band` from `rep_capacity_band.month_band`.
    """
    sums = table.groupby("month")[["capacity", "plan_revenue"]].sum()
    figure, axis = new_figure("Bookings capacity: eight of ten simulated futures lie in the band", ylabel=currency)
    axis.fill_between(band["month"], band["low"], band["high"], color=COLOURS["plan"], alpha=0.18, linewidth=0, label="80 % band")
    axis.plot(sums.index, sums["capacity"], color=COLOURS["plan"], marker="o", label="expected")
    axis.plot(sums.index, sums["plan_revenue"], color=COLOURS["forecast"], linestyle=":", linewidth=2, label="demand plan")
    axis.set_ylim(bottom=0)
    thousands(axis)
    month_axis(axis)
    axis.legend()
    return figure


def band_takeaway(table: pd.DataFrame, band: pd.DataFrame, currency: str) -> str:
    """Return the band of the month planned first and of the last, and in how many months even the high edge lies below the plan."""
    plan = table.groupby("month")["plan_revenue"].sum().reindex(band["month"]).to_numpy()
    first, last = band.iloc[0], band.iloc[-1]
    out = int((band["high"].to_numpy() < plan).sum())
    text = f"Capacity lies between {money(first['low'])} and {money(first['high'])} {currency} in {first['month']:%Y-%m}"
    text += f" and between {money(last['low'])} and {money(last['high'])} in {last['month']:%Y-%m}"
    return text + f"; the plan lies above the band in {out} of {len(band)} months."


def hiring_words(need: pd.DataFrame, late: float, currency: str) -> str:
    """Return how many hires are needed, how many must be decided first, and what no hire can close any more."""
    if need.empty:
        text = "No region lacks what one more rep would bring."
    else:
        first = need[need["decide_by"] == need["decide_by"].min()]
        number = f"{need['hires'].sum():.0f}"
        many = number != "1"
        text = f"{counted(number, 'hires are needed', 'hire is needed')}; "
        text += f"{first['hires'].sum():.0f} of them must be decided" if many else "it must be decided"
        text += f" in {first['decide_by'].iloc[0]:%Y-%m}. {'They bring' if many else 'It brings'} {money(need['brings'].sum())} {currency}"
        text += f" to the end of the plan for {money(need['cost'].sum())}."
    return text + (f" {money(late)} is short before anybody hired now is at work." if late > 0 else "")


PARTS = {"commission": "plan", "spif": "good", "draw": "forecast", "clawback": "bad"}


def payout_figure(plan: pd.DataFrame, currency: str) -> Figure:
    """Draw variable pay by month and part, months ahead hatched, and its share of bookings below.

    `plan` as the contract commission_plan.
    """
    sums = plan.assign(clawback=-plan["clawback"]).groupby("month")[[*PARTS, "payout", "bookings"]].sum()
    ahead = (~plan.groupby("month")["actual"].all()).to_numpy()
    figure, axes = new_figure("Variable pay by month; hatched months lie ahead", rows=2)
    top, low = np.ravel(axes)
    for sign in (1, -1):
        base = np.zeros(len(sums))
        for part, colour in PARTS.items():
            height, named = (sign * sums[part]).clip(lower=0).to_numpy() * sign, sign == (-1 if part == "clawback" else 1)
            bars = top.bar(sums.index, height, bottom=base, width=22, color=COLOURS[colour], label=part if named else None)
            for bar in np.array(list(bars), dtype=object)[ahead]:
                bar.set_hatch("//")
            base += height
    top.axhline(0, color=COLOURS["neutral"], linewidth=0.6)
    top.set_ylabel(currency)
    thousands(top)
    top.set_ylim(top=1.3 * max(float(sums[["commission", "spif", "draw"]].clip(lower=0).sum(axis=1).max()), 1.0))
    top.legend(ncols=4, loc="upper left")
    cost = sums["payout"] / sums["bookings"].where(sums["bookings"] > 0)
    low.plot(sums.index, cost, color=COLOURS["actual"], marker="o")
    low.set_ylabel("of bookings")
    low.set_ylim(min(0.0, float(np.nan_to_num(cost.min()))), 1.2 * max(float(np.nan_to_num(cost.max())), 0.001))
    low.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    month_axis(top)
    month_axis(low)
    return figure


def payout_takeaway(plan: pd.DataFrame, currency: str) -> str:
    """Return the pay of the fiscal year, so far and to come, its cost, and the parts beside commission."""
    done = plan["actual"].astype(bool)
    total, booked = plan["payout"].sum(), plan["bookings"].sum()
    text = f"Variable pay is {money(plan.loc[done, 'payout'].sum())} {currency} so far and {money(plan.loc[~done, 'payout'].sum())} to come"
    text += f", {total / booked:.2%} of bookings" if booked > 0 else ""
    words = {"spif": "SPIFs", "clawback": "clawback", "draw": "draws not kept back"}
    parts = [f"{word} {money(plan[c].sum())}" for c, word in words.items() if plan[c].sum() > 0.5]
    return text + (f"; of it {', '.join(parts)}." if parts else ".")


def size_figure(sizes: pd.DataFrame, currency: str) -> Figure:
    """Draw the reps of each region within the sizes that may be named, and below what one more would earn with its 80 % range.

    `sizes` is from `rep_hiring.sizing`.
    """
    figure, axes = new_figure("Reps today and by response within what was seen; what one more would earn a year", rows=2)
    top, low = np.ravel(axes)
    place = np.arange(len(sizes))
    top.bar(place, sizes["most"] - sizes["fewest"], bottom=sizes["fewest"], width=0.5, color=COLOURS["neutral"], alpha=0.25, label="seen, and one beyond")
    marks = {"reps": ("o", "actual", "today"), "by_response": ("D", "plan", "by response"), "by_workload": ("s", "budget", "by workload")}
    for column, (mark, colour, label) in marks.items():
        top.scatter(place, sizes[column], marker=mark, color=COLOURS[colour], label=label, zorder=3)
    top.set_ylim(0, 1.35 * max(float(sizes[["most", "by_workload"]].max().max()), 1.0))
    top.set_ylabel("reps")
    top.legend(ncols=4)
    low.vlines(place - 0.1, sizes["next_low"], sizes["next_high"], color=COLOURS["plan"], linewidth=3, label="80 % range, with published studies")
    low.scatter(place - 0.1, sizes["next_rep"], color=COLOURS["plan"], zorder=3)
    low.vlines(place + 0.1, sizes["own_low"], sizes["own_high"], color=COLOURS["neutral"], linewidth=3, label="80 % range, own months alone")
    low.axhline(0, color=COLOURS["bad"], linewidth=0.8)
    low.set_ylabel(currency)
    thousands(low)
    low.margins(y=0.3)
    low.legend(ncols=2, loc="upper right")
    for axis in (top, low):
        axis.set_xticks(place, sizes["region"])
        axis.set_xlim(-0.6, len(sizes) - 0.4)
    return figure


def size_takeaway(sizes: pd.DataFrame) -> str:
    """Return in which regions one more rep pays at both ends of the range, where at one only, and where the best size lies beyond what was seen."""
    known = sizes.dropna(subset="next_rep")
    if known.empty:
        return "No region has both a margin and earnings: one more rep cannot be judged."
    sure, never = known["next_low"] >= 0, known["next_high"] <= 0
    parts = [
        f"{words} in {', '.join(known.loc[rows, 'region'])}"
        for words, rows in (("pays over the whole range", sure), ("may pay or not", ~sure & ~never), ("does not pay", never & ~sure))
        if rows.any()
    ]
    edge = known.loc[(known["by_response"] >= known["most"]) | (known["by_response"] <= known["fewest"]), "region"]
    text = f"One more rep {'; '.join(parts)}."
    return text + (f" The best size lies beyond what was seen in {', '.join(edge)}: the data cannot say more." if len(edge) else "")
