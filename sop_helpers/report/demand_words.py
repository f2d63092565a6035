"""Sentences about demand, computed from the tables they stand above."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.method_choice import LAST
from sop_helpers.planning.wording import counted
from sop_helpers.report.charts.style import money

HELD = {"coverage80": "80 % band", "coverage95": "95 % band", "series_coverage80": "80 % bands of its series", "series_coverage95": "95 % bands of its series"}


def signals_words(signals: pd.DataFrame, names: pd.Series, currency: str) -> str:
    """Say how many signals there are, what they are worth and which is the biggest."""
    if signals.empty:
        return "No month of the last three stands out from trend and season."
    top = signals.iloc[0]
    told = int(signals["explanation"].notna().sum())
    many = f"{len(signals)} signal{'s' if len(signals) > 1 else ''} in the last three months, {told} with an explanation from the teams"
    name = names.get(top["product"], top["product"])
    return f"{many}; the biggest is a {top['kind']} of {name} in {top['region']} in {top['month']:%B}: {money(abs(top['money']))} {currency}."


def last_forecast_words(table: pd.DataFrame) -> str:
    """Say how far last month's plan was off, and whether people improved the statistical forecast.

    Parameters
    ----------
    table : DataFrame
        actual, consensus, statistical at product-region level.
    """
    total = table["actual"].sum()
    if not total:
        return "Nothing was ordered last month: the error cannot be stated."
    error = {c: 100 * (table["actual"] - table[c]).abs().sum() / total for c in ("consensus", "statistical") if table[c].notna().any()}
    over = 100 * (table["consensus"].sum() - total) / total
    side = f"{abs(over):.1f} % too {'high' if over > 0 else 'low'} in total"
    text = f"Last month's plan was off by {error['consensus']:.1f} % product by product, and {side}"
    if "statistical" in error:
        better = error["statistical"] - error["consensus"]
        if abs(better) < 0.1:
            return text + "; what people changed made no difference to the error of the statistical forecast."
        text += f"; people {'took' if better > 0 else 'added'} {abs(better):.1f} points {'off' if better > 0 else 'to'} the error of the statistical forecast"
    return text + "."


def corrections_words(corrections: pd.DataFrame, history: pd.DataFrame) -> str:
    """Say how many months were corrected and how much of demand that is."""
    if corrections.empty:
        return "No month of the history needed a correction."
    taken = corrections[corrections["accepted"].astype(bool)]
    share = 100 * taken["units"].abs().sum() / max(history["raw_units"].abs().sum(), 1e-9)
    causes = taken["cause"].value_counts()
    parts = ", ".join(f"{n} for {cause}" for cause, n in causes.items())
    open_ones = corrections[~corrections["accepted"].astype(bool)]
    waiting = int((open_ones["cause"] != "level shift").sum())
    steps = open_ones[open_ones["cause"] == "level shift"].drop_duplicates(["product", "region"])
    were = "was" if len(taken) == 1 else "were"
    text = f"{len(taken)} of {len(history):,} months {were} corrected ({parts}), {share:.1f} % of all units" if len(taken) else "No correction is accepted yet"
    text += f"; {waiting} more {'are' if waiting > 1 else 'is'} left out or wait{'' if waiting > 1 else 's'} for the meeting" if waiting else ""
    many = f"the level of {len(steps)} series seems to have moved for good" if len(steps) else ""
    return f"{text}; {many}: say so in the journal, or leave it in." if many else f"{text}."


def explanation_words(explained: pd.DataFrame) -> str:
    """Say which part moves the forecast most, family by family, and how far the other models stand from the one that is drawn."""
    if explained.empty:
        return "No family has two years of demand to be explained."
    size = explained.assign(units=explained["units"].abs()).groupby(["family", "part"], sort=False)["units"].sum().unstack("part")
    rest = size.drop(columns=["level", "other models"])
    parts = [f"{family}: {part}" for family, part in rest.idxmax(axis=1).items()]
    share = 100 * size["other models"].sum() / max(explained["units"].sum(), 1e-9)
    return f"What moves the months most beyond their level: {', '.join(parts)}. The other models differ from this picture by {share:.1f} % of units."


def forecast_words(band: pd.DataFrame, plan: pd.DataFrame, history: pd.DataFrame, family: pd.Series) -> str:
    """Say where demand goes over the next twelve months against the last twelve."""
    last = history[history["month"] > history["month"].max() - pd.DateOffset(months=12)]
    ahead = plan[plan["month"] < plan["month"].min() + pd.DateOffset(months=12)]
    before, after = last["units"].sum(), ahead["units"].sum()
    by_family = {"before": last.groupby(last["product"].map(family))["units"].sum(), "after": ahead.groupby(ahead["product"].map(family))["units"].sum()}
    change = pd.DataFrame(by_family)
    change = (100 * (change["after"] / change["before"].where(change["before"] > 0) - 1)).dropna().sort_values(kind="stable")
    months = ahead["month"].nunique()
    if months < 12 or last["month"].nunique() < 12 or not before or change.empty:
        return f"The plan holds {counted(money(after), 'units')} over its first {counted(months, 'months')}."
    width = 100 * (band["hi80"] - band["lo80"]).sum() / max(2 * band["units"].sum(), 1e-9)
    text = f"The next twelve months are planned {100 * (after / before - 1):+.1f} % against the cleansed last twelve"
    if len(change) > 1:
        text += f", from {change.index[0]} ({change.iloc[0]:+.1f} %) to {change.index[-1]} ({change.iloc[-1]:+.1f} %)"
    return text + f"; the 80 % band of a family is about +/-{width:.0f} %."


def fva_words(steps: pd.DataFrame, lag: int) -> str:
    """Say what the statistical forecast adds to seasonal naive in the backtest."""
    tried = steps[steps["basis"] == "backtest"].set_index("step")
    if "statistical" not in tried.index or not np.isfinite(tried.loc["statistical", "fva_points"]):
        return "The history is too short to try the forecast out on it."
    one = tried.loc["statistical"]
    gained = 100 * (tried.loc["seasonal naive", "wmape"] - one["wmape"])
    verb, way = ("takes", "off") if gained >= 0 else ("adds", "to")
    text = f"Tried out on the past, the statistical forecast {verb} {abs(gained):.1f} points {way} the error of seasonal naive"
    text += f" up to {counted(lag, 'months')} ahead: WMAPE {100 * one['wmape']:.1f} %, bias {100 * one['bias']:+.1f} %"
    if LAST in tried.index:
        text += f"; with last cycle's methods WMAPE {100 * tried['wmape'][LAST]:.1f} %"
    return text + "."


def coverage_words(held: pd.DataFrame) -> str:
    """Say how much of what came was inside the bands of products and regions, in the backtest and since they were published (`accuracy.band_coverage`)."""
    series = held[(held["level"] == "product-region") & held["coverage80"].notna()]
    where = {"backtest": "in the backtest", "closed months": "in closed months"}
    said = [f"{row.coverage80:.0%} and {row.coverage95:.0%} {where[row.basis]}" for row in series.itertuples()]
    return f"the 80 and 95 % bands covered {', '.join(said)}" if said else "nothing could be tried out yet"


def methods_words(forecast: pd.DataFrame, changed: pd.DataFrame, compared: bool) -> str:
    """Say on how many series seasonal naive was better and waits, and how many changed their method since last month (`planning.method_choice`)."""
    one = forecast.drop_duplicates(["product", "region"])
    ahead = int(one["caution"].notna().sum())
    text = f"On {ahead} of {counted(f'{len(one):,}', 'series', 'series')} seasonal naive was better in the backtest and does not take over" if ahead else (
        "No series keeps its method against a better seasonal naive"
    )
    if not compared:
        return text + "; no closed month tells which methods were used before."
    return text + f"; {counted(len(changed), 'series', 'series') if len(changed) else 'none'} changed method since last month."


def changes_words(changes: pd.DataFrame, currency: str) -> str:
    """Say how the plan moved since last month, and by which step most."""
    if changes.empty:
        return "There is no closed month before this one, so there is nothing to compare the plan with."
    total = changes.groupby("step")["money"].sum()
    move = total["this plan"] - total["last plan"]
    steps = total.drop(["this plan", "last plan"])
    share = f" ({100 * move / total['last plan']:+.1f} %)" if total["last plan"] else ""
    text = f"Over the months both plan, revenue moves by {'+' if move >= 0 else ''}{money(move)} {currency}{share}"
    if len(steps):
        biggest = steps.abs().idxmax()
        text += f", most of all by {biggest} ({'+' if steps[biggest] >= 0 else ''}{money(steps[biggest])})"
    return text + "."


def budget_words(gap: pd.DataFrame, currency: str) -> str:
    """Say how the fiscal year is going to end against budget."""
    if gap.empty:
        return "There is no budget for this fiscal year, so no gap is shown."
    total, worst = gap[["gap", "budget", "gap_to_date"]].sum(), gap.sort_values("gap", kind="stable").iloc[0]
    side = "above" if total["gap"] >= 0 else "below"
    share = f" ({100 * abs(total['gap']) / total['budget']:.1f} %)" if total["budget"] else ""
    text = f"The year is heading {money(abs(total['gap']))} {currency}{share} {side} budget"
    if behind := total["gap_to_date"]:
        now = "above" if behind > 0 else "below"
        part = now == side and abs(behind) <= abs(total["gap"])
        text += f", of which {money(abs(behind))} is already behind us" if part else f"; so far it is {money(abs(behind))} {now}"
    return text + (f"; {worst['family']} is furthest below." if worst["gap"] < 0 else "; every family is at or above it.")


def views_words(views: pd.DataFrame, accuracy: pd.DataFrame, family: pd.Series) -> str:
    """Say which view was closest at the decision lag, and where the views lie furthest apart."""
    others = sorted(set(views["stream"]) - {"statistical"})
    if not others:
        return "No team brought a view of its own, and there is no closed month: the workbook's own view stands alone."
    v = views.assign(family=views["product"].map(family))
    both = v.groupby(["family", "stream", "month"])["units"].sum().unstack("stream")
    # Views reach differently far ahead: they are compared over the months that both speak of.
    gaps = {(name, group): _apart(both.loc[group], name) for name in others for group in both.index.unique("family")}
    widest = max((k for k in gaps if np.isfinite(gaps[k])), key=lambda k: abs(gaps[k]), default=None)
    good = accuracy[accuracy["points"] >= 6].assign(off=lambda f: f["wmape"] * f["points"])
    mean = good.groupby("stream")[["off", "points"]].sum()
    text = f"{len(others) + 1} views stand side by side"
    if len(mean):
        error = (mean["off"] / mean["points"]).sort_values(kind="stable")
        text += f"; by family at the decision lag {error.index[0]} was closest ({100 * error.iloc[0]:.1f} % off)"
        text += f", {error.index[-1]} furthest ({100 * error.iloc[-1]:.1f} %)" if len(error) > 1 else ""
    if widest and abs(gaps[widest]) >= 0.005:
        text += f"; {widest[0]} expects {abs(100 * gaps[widest]):.0f} % {'more' if gaps[widest] > 0 else 'less'} of {widest[1]} than the workbook"
    return text + "."


def _apart(wide: pd.DataFrame, name: str) -> float:
    if name not in wide:
        return float("nan")
    pair = wide[[name, "statistical"]].dropna()
    return float(pair[name].sum() / pair["statistical"].sum() - 1) if pair["statistical"].sum() > 0 else float("nan")


def rule_words(agreed: pd.DataFrame, rule: str) -> str:
    """Say what the rule of reconciliation does to the plan."""
    if rule == "statistical":
        return "The plan follows the workbook's own view; the other views are for the discussion (policies.demand.consensus changes that)."
    if agreed.empty:
        return f"The rule {rule!r} changes nothing: no other view has what it needs."
    named = "weighted by their measured accuracy" if rule == "weights" else "by the view chosen for each family"
    more = counted(f"{agreed['units'].sum():+,.0f}", "units")
    return f"The views are reconciled {named}: {more} against the workbook's own view."
