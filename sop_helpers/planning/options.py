"""Decisions to take, each with its options and what they cost or bring, from this month's plan."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from sop_helpers.planning.finance import DEMAND
from sop_helpers.planning.frames import standing
from sop_helpers.planning.wording import AGREE, counted

COLUMNS = ["decision", "question", "option", "money", "consequence", "owner", "chosen"]
Row = dict[str, object]


def amount(value: float, signed: bool = False) -> str:
    """Write an amount shortly.

    >>> amount(1234567), amount(-4200, signed=True), amount(87.4), amount(float("nan"))
    ('1.23 M', '-4.2 k', '87', 'n/a')
    """
    if pd.isna(value):
        return "n/a"
    sign = "+" if signed else ""
    rounded = float(f"{value:.3g}")
    for size, unit in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(rounded) >= size:
            return f"{rounded / size:{sign}.3g}{unit}"
    return f"{value:{sign}z.0f}"


def decisions(
    *, label: str, currency: str, shortages: pd.DataFrame, remedies: pd.DataFrame, capacity_load: pd.DataFrame, resources: pd.DataFrame,
    scenarios: pd.DataFrame, financials: pd.DataFrame, plan: pd.DataFrame, budget: pd.DataFrame, products: pd.DataFrame, taken: pd.DataFrame,
    people: dict[str, str], overtime_rate: float = 0.0, tolerance: float = 0.02,
) -> pd.DataFrame:
    """Return the decisions of the month with their priced options, and those taken.

    Parameters
    ----------
    label : str
        The month, such as ``2026-10``.
    currency : str
        Written behind amounts.
    shortages, remedies, capacity_load, resources, scenarios, financials, budget, products : DataFrame
        As the contracts (remedies: shortage_remedies); each but products may be empty.
    plan : DataFrame
        month, product, revenue: the constrained plan, or the demand plan where supply was not planned.
    taken : DataFrame
        The journal's decisions of the month: decision, question, option, money, consequence, owner, chosen. One that names a
        proposed option says whether it was chosen; others are added.
    people : dict
        Function to person.
    overtime_rate : float
        Cost of an overtime hour where a resource states none.
    tolerance : float
        Share of the budget below which a gap asks for no decision.

    Returns
    -------
    DataFrame
        As the contract decisions. Money is below zero for a cost, blank where the plan cannot price the option.
    """
    names = products.set_index("product")["name"].dropna().to_dict() if "name" in products else {}
    rows = [
        *_for_shortages(label, currency, shortages, remedies, names, people),
        *_for_capacity(label, currency, capacity_load, resources, overtime_rate, people),
        *_for_budget(label, currency, plan, budget, products, tolerance, people), *_for_scenarios(label, currency, scenarios, financials, people),
        *_for_sign_off(label, currency, plan, people),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    # Cents are the least that money has; what remains of sums is noise.
    table["money"] = table["money"].astype(float).round(2) + 0.0
    return _with_taken(table, taken)


def _slugs(texts: Iterable[str]) -> dict[str, str]:
    """Return a name for each text that may stand in an identifier; what it leaves out is told by a checksum where two would be called the same."""
    names = {text: re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x" for text in texts}
    taken = Counter(names.values())

    def told(text: str, slug: str) -> str:
        whole = text.isascii() and len(slug) <= 40 and taken[slug] == 1
        return slug if whole else f"{slug[:31].strip('-')}-{zlib.crc32(text.encode()):08x}"

    return {text: told(text, slug) for text, slug in names.items()}


def _months(values: pd.Series) -> str:
    """Return the span of months, and how many of it where some between are left out."""
    first, last, many = values.min(), values.max(), values.nunique()
    span = f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"
    return span if many == (last.year - first.year) * 12 + last.month - first.month + 1 else f"{counted(many, 'months')} of {span}"


def _for_shortages(
    label: str, currency: str, shortages: pd.DataFrame, remedies: pd.DataFrame, names: dict[str, str], people: dict[str, str], most: int = 3
) -> list[Row]:
    rows: list[Row] = []
    worth = shortages.groupby("limit")["money"].sum().sort_values(ascending=False, kind="stable").head(most)
    slugs = _slugs(shortages["limit"].unique())
    for limit in worth.index:
        group = shortages[shortages["limit"] == limit]
        products = group.groupby("product")["money"].sum().sort_values(ascending=False, kind="stable").index.tolist()
        named = ", ".join(str(names.get(p, p)) for p in products[:3]) + (f" and {len(products) - 3} more" if len(products) > 3 else "")
        short = counted(amount(group["short_units"].sum()), "units")
        cause = group["cause"].iloc[0] if group["cause"].nunique() == 1 else limit
        question = f"How do we serve {named}, short of {short} in {_months(group['month'])} ({str(cause).rstrip('.')})?"
        lost = group[group["recovered_month"].isna()]
        late = group[group["recovered_month"].notna()]
        come = counted(amount(late["short_units"].sum()), "units come", "unit comes")
        parts = [f"{come} late, the last in {late['recovered_month'].max():%Y-%m}"] if len(late) else []
        parts += [f"{counted(amount(lost['short_units'].sum()), 'units are', 'unit is')} not served within the plan"] if len(lost) else []
        start = {"decision": f"D-{label}-short-{slugs[limit]}", "question": question, "owner": people.get("supply"), "chosen": False}
        rows.append(start | {"option": "Accept the shortage as planned", "money": -lost["money"].sum() if len(lost) else 0.0,
                             "consequence": "; ".join(parts) + "." if parts else "As planned."})
        if len(mine := remedies[remedies["limit"] == limit]):
            rows += [start | option for option in _tried(mine, currency)]
            continue
        best = group.groupby("remedy")["money"].sum().sort_values(ascending=False, kind="stable").head(2)
        for remedy in best.index:
            part = group[group["remedy"] == remedy]
            # Units that come late are paid for later; only those not served at all are revenue won.
            won = part.loc[part["recovered_month"].isna(), "money"].sum()
            units = counted(amount(part["short_units"].sum()), "units")
            serves = f"Would serve {units} worth {amount(part['money'].sum())} {currency} in time; what it costs comes off."
            rows.append(start | {"option": _sentence(remedy), "money": won if won > 0 else None, "consequence": serves})
    return rows


def _tried(remedies: pd.DataFrame, currency: str, most: int = 3) -> list[Row]:
    """Return the remedies of a limit as options, best first, each with what the plan made again with it gains."""
    out: list[Row] = []
    for one in remedies.sort_values("gain", ascending=False, kind="stable").head(most).itertuples():
        saved = counted(amount(one.saved_units), "units more are", "unit more is")
        rest = "it pays if it costs less than the gain" if one.gain >= 0 else f"costs {amount(-one.gain)} {currency} more than being late"
        text = f"Tried on the plan: {saved} served in their month, worth {amount(one.saved_money)} {currency}; {rest}."
        if one.remedy == AGREE:
            units = counted(amount(one.saved_units), "units come", "unit comes")
            text = f"{units} when they were promised instead of late, worth {amount(one.saved_money)} {currency}; what being late would cost is saved."
        out.append({"option": _sentence(one.remedy), "money": one.gain, "consequence": text})
    return out


def _sentence(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]


def _for_capacity(
    label: str, currency: str, load: pd.DataFrame, resources: pd.DataFrame, overtime_rate: float, people: dict[str, str], most: int = 2
) -> list[Row]:
    over = load[(load["required_hours"] > load["available_hours"] + 1e-6) | (load["overtime_hours"] >= 0.5)].copy()
    over["excess"] = (over["required_hours"] - over["available_hours"]).clip(lower=0.0)
    over = over.assign(rate=_overtime_rates(over, resources, overtime_rate))
    slugs = _slugs(load["resource"].unique())
    rows: list[Row] = []
    worst = over.groupby("resource")[["excess", "overtime_hours"]].sum().max(axis=1).sort_values(ascending=False, kind="stable").head(most)
    for resource in worst.index:
        part = over[over["resource"] == resource]
        # Overtime in months with room builds ahead for those without.
        full = part[part["excess"] > 1e-6]
        paid = (part["overtime_hours"] * part["rate"]).sum()
        hours, excess = part["overtime_hours"].sum(), part["excess"].sum()
        gain = (part["excess"] * part["value_of_hour"]).sum(min_count=1)
        start = {
            "decision": f"D-{label}-load-{slugs[resource]}", "owner": people.get("production", people.get("supply")), "chosen": False,
            "question": _load_question(resource, full if len(full) else part),
        }
        left = max(excess - hours, 0.0)
        others = counted(amount(left), "hours are", "hour is")
        wanted = counted(amount(excess), "hours at their value", "hour at its value")
        moved = counted(amount(hours), "hours of work move", "hour of work moves")
        rows.append(start | {
            "option": f"Follow the plan: {counted(amount(hours), 'hours')} of overtime", "money": -paid,
            "consequence": f"The other {others} made in months with room, or come late." if left > 0.5 else "All is made on time.",
        })
        if len(full):
            rows.append(start | {
                "option": "Add regular hours in those months (shift, temporary staff, subcontracting)", "money": gain if pd.notna(gain) else None,
                "consequence": f"Worth at most this much, before what the hours cost: {wanted} in the plan.",
            })
        if hours > 0.5:
            # What being late would cost is known only to a plan made without overtime: no price is better than half a price.
            rows.append(start | {
                "option": "No overtime", "money": None,
                "consequence": f"{moved} to other months or come late; {amount(paid)} {currency} of overtime are saved.",
            })
    return rows


def _load_question(resource: str, part: pd.DataFrame) -> str:
    """Ask how hours over regular time are covered: `part` holds the months that have some, or else those with overtime."""
    excess, hours = part["excess"].sum(), part["overtime_hours"].sum()
    if excess <= 1e-6:
        return f"Do we work {counted(amount(hours), 'hours')} of overtime on {resource} in {_months(part['month'])}, though its load is within regular time?"
    closed, peak = part.loc[part["available_hours"] <= 1e-6, "month"], part["load"].max()
    peaks = f" at a peak of {peak:.0%}" if pd.notna(peak) else ""
    none = f", with no regular time at all in {', '.join(f'{m:%Y-%m}' for m in closed)}" if len(closed) else ""
    return f"How do we cover {resource}, {counted(amount(excess), 'hours')} over regular time in {_months(part['month'])}{peaks}{none}?"


def _overtime_rates(load: pd.DataFrame, resources: pd.DataFrame, usual: float) -> pd.Series:
    """Return the rate of each row's resource in its month: that of the month, else the standing one, else the usual."""
    if resources.empty:
        return pd.Series(usual, index=load.index, dtype=float)
    names, months = load["resource"].unique().tolist(), pd.DatetimeIndex(load["month"].unique())
    rates = standing(resources, "resource", names, ["overtime_rate"], months)["overtime_rate"]
    own = rates[pd.Index(names).get_indexer(load["resource"]), months.get_indexer(load["month"])]
    return pd.Series(own, index=load.index).fillna(usual)


def _for_budget(
    label: str, currency: str, plan: pd.DataFrame, budget: pd.DataFrame, products: pd.DataFrame, tolerance: float, people: dict[str, str]
) -> list[Row]:
    months = sorted(set(plan["month"]) & set(budget["month"])) if len(plan) and len(budget) else []
    if not months:
        return []
    families = plan["product"].map(products.drop_duplicates("product").set_index("product")["family"])
    planned = plan[plan["month"].isin(months)].groupby(families)["revenue"].sum()
    wanted = budget[budget["month"].isin(months)].groupby("family")["revenue"].sum()
    gaps = planned.sub(wanted, fill_value=0.0)
    gap, total = gaps.sum(), wanted.sum()
    if total <= 0 or gap >= -tolerance * total:
        return []
    worst = gaps.idxmin()
    start = {
        "decision": f"D-{label}-budget", "owner": people.get("finance"), "chosen": False,
        "question": f"The plan is {amount(-gap)} {currency} ({-gap / total:.0%}) below budget in {_months(pd.Series(months))}: restate, or close the gap?",
    }
    return [
        start | {"option": "Restate the outlook to the plan", "money": gap,
                 "consequence": f"Those months are guided by the plan; largest gap in {worst} ({amount(gaps[worst])})."},
        start | {"option": "Keep the budget and decide measures", "money": None,
                 "consequence": f"Sales and marketing bring measures worth {amount(-gap)} {currency}, {worst} first; no stock is built on them before."},
    ]


def _for_scenarios(label: str, currency: str, scenarios: pd.DataFrame, financials: pd.DataFrame, people: dict[str, str]) -> list[Row]:
    """Offer the scenarios whose demand differs in units; the price of each is what preparing for it costs more than base in overtime and stock."""
    wanted = scenarios[scenarios["measure"] == DEMAND].set_index("scenario")["value"]
    if financials["scenario"].nunique() < 2 or "base" not in wanted.index or "base" not in set(financials["scenario"]):
        return []
    total = financials.groupby("scenario", sort=False)[["revenue", "margin", "overtime_cost", "holding_cost"]].sum()
    stock = financials.sort_values("month", kind="stable").groupby("scenario")["stock_value"].last()
    base, differs = total.loc["base"], (wanted - wanted["base"]).abs() > 1e-3 * abs(wanted["base"])
    names = ["base", *[name for name in total.index if differs.get(name, False)]]
    if len(names) < 2:
        return []
    start = {
        "decision": f"D-{label}-scenario", "question": f"Which demand do we prepare supply for: {', '.join(names)}?", "chosen": False,
        "owner": people.get("general management"),
    }
    rows: list[Row] = []
    for name in names:
        row = total.loc[name]
        cost = row["overtime_cost"] + row["holding_cost"] - base["overtime_cost"] - base["holding_cost"]
        against = "" if name == "base" else f" ({amount(row['margin'] - base['margin'], signed=True)} on base)"
        after = f"If that demand comes: revenue {amount(row['revenue'])}, margin {amount(row['margin'])}{against}, stock {amount(stock[name])} {currency}."
        rows.append(start | {"option": f"Prepare for {name}", "money": -cost, "consequence": after})
    return rows


def _for_sign_off(label: str, currency: str, plan: pd.DataFrame, people: dict[str, str]) -> list[Row]:
    start = {"decision": f"D-{label}-sign-off", "question": f"Do we sign off the plan of {label}?", "owner": people.get("general management"), "chosen": False}
    brings = f" worth {amount(plan['revenue'].sum())} {currency} in {_months(plan['month'])}" if len(plan) else ""
    return [
        start | {"option": "Sign off", "money": None, "consequence": f"The plan{brings} is frozen and everybody works to it."},
        start | {"option": "Send back", "money": None, "consequence": "The plan closed last stays in force until the points named are mended."},
    ]


def _with_taken(table: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Lay what people decided over what was proposed; their words win."""
    if taken.empty:
        return table.astype({"chosen": bool})
    words = taken[COLUMNS].drop_duplicates(["decision", "option"], keep="last")
    # Who takes an option that was proposed need not write again what it costs and leads to.
    offered = table.drop_duplicates(["decision", "option"]).set_index(["decision", "option"]).reindex(pd.MultiIndex.from_frame(words[["decision", "option"]]))
    for column in ("question", "money", "consequence", "owner"):
        blank = words[column].isna() | words[column].astype("str").str.strip().eq("")
        words[column] = words[column].astype("object").mask(blank.to_numpy(), offered[column].set_axis(words.index))
    words = words.assign(chosen=words["chosen"].fillna(False).astype(bool), consequence=words["consequence"].fillna(""), money=words["money"].astype(float))
    key = ["decision", "option"]
    said = pd.MultiIndex.from_frame(words[key])
    kept = table[~pd.MultiIndex.from_frame(table[key]).isin(said)]
    merged = pd.concat([kept, words], ignore_index=True) if len(kept) else words
    # What was proposed keeps its place; options that people added follow those of their decision.
    place = {name: n for n, name in enumerate(dict.fromkeys([*table["decision"], *words["decision"]]))}
    pairs = pd.concat([table[key], words[key]]).drop_duplicates()
    inside = {pair: n for n, pair in enumerate(pairs.itertuples(index=False, name=None))}
    order = [inside[pair] for pair in zip(merged["decision"], merged["option"], strict=True)]
    merged = merged.assign(place=merged["decision"].map(place), inside=order).sort_values(["place", "inside"], kind="stable").drop(columns=["place", "inside"])
    return merged.astype({"chosen": bool}).reset_index(drop=True)
