"""The monthly meeting: who comes, what is talked about in order of time, and the minutes of what people said and decided."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning import actions as follow
from sop_helpers.planning import kpis
from sop_helpers.planning.options import amount
from sop_helpers.planning.wording import counted

AGENDA = ["order", "part", "topic", "minutes", "owner", "material"]
ATTENDANCE = ["function", "person", "email", "mandatory", "delegate", "status"]
PARTS = ["last month", "issues now", "outlook", "decisions"]
# Talk about what is to be decided; reading numbers aloud takes the least time.
WEIGHTS = {"last month": 1.0, "issues now": 1.5, "outlook": 1.5, "decisions": 2.5}


def attendance(roster: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Return who must attend and who stands in, with what the journal says of each.

    Parameters
    ----------
    roster : DataFrame
        As the contract.
    said : DataFrame
        The journal's attendance of the month: function, person, status. A function that the roster does not know is added.

    Returns
    -------
    DataFrame
        As the contract attendance. Where the delegate of the roster came, its person stays and the status says delegate. A word on a function of one
        person that names nobody of the roster stands for that function; anybody else who came has a row of their own.
    """
    table = roster.reindex(columns=["function", "person", "email", "mandatory", "delegate"])
    last = said.drop_duplicates(["function", "person"], keep="last")
    words = {(f, p): s for f, p, s in zip(last["function"], last["person"], last["status"], strict=True)}
    asked = {(f, p) for column in ("person", "delegate") for f, p in zip(table["function"], table[column], strict=True)}
    several = set(table.loc[table["function"].duplicated(), "function"])
    # Somebody else may speak for a function of one person, as long as none of those who were asked did.
    open_functions = set(table["function"]) - several - {f for f, p in words if (f, p) in asked}
    instead = {f: "delegate" if s == "present" else s for (f, p), s in words.items() if f in open_functions}
    states = []
    for function, person, delegate in zip(table["function"], table["person"], table["delegate"], strict=True):
        own, sent = words.get((function, person)), words.get((function, delegate))
        came = "delegate" if sent in ("present", "delegate") and own not in ("present", "delegate") else own
        states.append(came or instead.get(function, "invited"))
    table = table.assign(status=states)
    guests = last[[(f, p) not in asked and f not in open_functions for f, p in zip(last["function"], last["person"], strict=True)]]
    if len(guests):
        extra = guests[["function", "person", "status"]].assign(email=None, mandatory=False, delegate=None)
        table = pd.concat([table, extra[ATTENDANCE]], ignore_index=True) if len(table) else extra
    return table.astype({"mandatory": bool})[ATTENDANCE].reset_index(drop=True)


def quorum(table: pd.DataFrame) -> str:
    """Return in one sentence who must come, or after the meeting who was missing.

    `table` as the contract attendance.
    """
    if table.empty:
        return "There is no roster, so nobody is invited by name; bring the table roster to have invitations and owners."
    needed = table[table["mandatory"]]
    if (table["status"] == "invited").all():
        stand_ins = int(needed["delegate"].notna().sum())
        invited = counted(table["person"].nunique(), "people are", "person is")
        must = counted(needed["function"].nunique(), "functions")
        return f"{invited} invited; {must} must be there, {counted(stand_ins, 'of them have', 'of them has')} a stand-in."
    here = table["status"].isin(["present", "delegate"]).groupby(table["function"], sort=False).any()
    absent = [name for name in needed["function"].drop_duplicates() if not here[name]]
    missing = f"; missing although needed: {', '.join(absent)}." if absent else "; all that are needed were."
    return f"{int(here.sum())} of {len(here)} functions were there{missing}"


def agenda(
    *, kpi_table: pd.DataFrame, exceptions: pd.DataFrame, shortages: pd.DataFrame, changes: pd.DataFrame, demand_plan: pd.DataFrame, financials: pd.DataFrame,
    actions: pd.DataFrame, decisions: pd.DataFrame, roster: pd.DataFrame, currency: str, minutes: int = 90, chair: str = "", issues: int = 5,
) -> pd.DataFrame:
    """Return the meeting in order of time: last month, issues now, outlook, decisions.

    Parameters
    ----------
    kpi_table, exceptions, shortages, changes, demand_plan, financials, actions, decisions, roster : DataFrame
        As the contracts; each may be empty.
    currency : str
        Written behind amounts.
    minutes : int
        Length of the meeting; topics share it in whole minutes where there are enough, decisions get most.
    chair : str
        Who leads; by default the roster's general management.
    issues : int
        Most exceptions with a topic of their own.

    Returns
    -------
    DataFrame
        As the contract agenda; the minutes add up to those of the meeting.
    """
    people = follow.owners(roster)
    lead = chair or people.get("general management")
    rows: list[tuple[str, str, str | None, str]] = [
        ("last month", follow.summary(actions), lead, "50_actions"),
        ("last month", _kpi_topic(kpi_table), people.get("finance", lead), "30_performance"),
    ]
    ranked = exceptions.sort_values("rank", kind="stable") if len(exceptions) else exceptions
    if ranked.empty:
        rows.append(("issues now", "No exception stands: is anything missing from the inputs?", lead, "30_performance"))
    rows += [("issues now", row.message, people.get(row.function, row.function), row.notebook) for row in ranked.head(issues).itertuples()]
    if len(ranked) > issues:
        rows.append(("issues now", f"{len(ranked) - issues} smaller exceptions: does any need the meeting?", lead, "30_performance"))
    rows.append(("outlook", _demand_topic(demand_plan, changes, currency), people.get("demand planning", people.get("sales", lead)), "20_demand"))
    if len(shortages):
        rows.append(("outlook", _shortage_topic(shortages, currency), people.get("supply", lead), "21_supply"))
    if financials["scenario"].nunique() > 1:
        rows.append(("outlook", _scenario_topic(financials, currency), people.get("finance", lead), "23_scenarios"))
    open_questions = decisions.drop_duplicates("decision")
    rows += [("decisions", row.question, row.owner if isinstance(row.owner, str) else lead, "40_meeting") for row in open_questions.itertuples()]
    if decisions.empty:
        rows.append(("decisions", "Does the plan stand as it is?", lead, "40_meeting"))
    table = pd.DataFrame(rows, columns=["part", "topic", "owner", "material"])
    table["minutes"] = share_minutes(table["part"].map(WEIGHTS), minutes)
    table["order"] = [float(n) for n in range(1, len(table) + 1)]
    return table[AGENDA]


def share_minutes(weights: pd.Series, minutes: int) -> pd.Series:
    """Share a time by weights in whole minutes that add up, at least one each; where there are more topics than minutes, evenly.

    Largest remainders get the minutes left over.

    >>> share_minutes(pd.Series([1.0, 1.0, 2.5]), 90).tolist()
    [20.0, 20.0, 50.0]
    """
    count = len(weights)
    if count >= minutes:
        return pd.Series(minutes / count, index=weights.index)
    exact = 1 + (minutes - count) * weights / weights.sum()
    whole = exact.astype(int)
    left = int(minutes - whole.sum())
    more = (exact - whole).sort_values(ascending=False, kind="stable").index[:left]
    whole.loc[more] += 1
    return whole.astype(float)


def minutes_of(
    attended: pd.DataFrame, decisions: pd.DataFrame, actions: pd.DataFrame, comments: pd.DataFrame, sign_offs: pd.DataFrame, currency: str
) -> pd.DataFrame:
    """Return the minutes: what the journal holds of the meeting, one line each.

    Parameters
    ----------
    attended, decisions, actions : DataFrame
        As the contracts attendance, decisions and actions.
    comments, sign_offs : DataFrame
        The journal's rows of the month: topic, text, author; step, role, status, author.
    currency : str
        Written behind amounts.

    Returns
    -------
    DataFrame
        section, entry. Nothing is said that nobody wrote: without words in the journal only the section "Open" has lines.
    """
    lines: list[tuple[str, str]] = []
    met = attended[attended["status"] != "invited"]
    lines += [("Attendance", f"{r.function}: {_who(r)}") for r in met.itertuples()]
    lines += [("Said", f"{r.topic}: {r.text} ({r.author})") for r in comments.itertuples()]
    taken = decisions[decisions["chosen"]]
    lines += [("Decided", f"{r.question} {r.option}{_priced(r.money, currency)}. {r.consequence}") for r in taken.itertuples()]
    fresh = actions[actions["status"].isin(["open", "late"]) & ~actions["action"].str.startswith("proposed-")]
    lines += [("Actions", f"{r.title}: {r.owner}, until {r.deadline:%Y-%m-%d}" + (" (late)" if r.status == "late" else "")) for r in fresh.itertuples()]
    lines += [("Signed off", f"{r.step}: {r.status} by {r.author} ({r.role})") for r in sign_offs.itertuples()]
    waiting = decisions[~decisions["decision"].isin(taken["decision"])].drop_duplicates("decision")
    lines += [("Open", r.question) for r in waiting.itertuples()]
    return pd.DataFrame(lines, columns=["section", "entry"])


def tiles(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the KPIs to show as tiles, in the order named: label, value, status, note with the month measured; one not measured is left out.

    Parameters
    ----------
    table : DataFrame
        As the contract kpis; the last month measured counts.
    names : list of str
        KPIs, as in the dictionary.
    """
    rows = kpis.latest(table)
    rows = rows[rows["value"].notna()].set_index("kpi")
    rows = rows.loc[[name for name in names if name in rows.index]]
    told = kpis.catalogue().set_index("kpi")["formula"]
    to_date = dict.fromkeys(told.index[told.str.contains("to date")], "fiscal year to ")
    notes = [
        ", ".join(part for part in (f"{to_date.get(r.Index, '')}{r.month:%Y-%m}", f"target {kpis.format_value(r.target, r.unit)}" if pd.notna(r.target) else "",
                                    f"{kpis.format_value(r.change, r.unit, True)} in a month" if pd.notna(r.change) else "") if part)
        for r in rows.itertuples()
    ]
    values = [kpis.format_value(r.value, r.unit) for r in rows.itertuples()]
    return pd.DataFrame({"label": list(rows.index), "value": values, "status": rows["status"].tolist(), "note": notes})


def in_short(
    *, kpi_table: pd.DataFrame, plan: pd.DataFrame, changes: pd.DataFrame, shortages: pd.DataFrame, financials: pd.DataFrame, actions: pd.DataFrame,
    decisions: pd.DataFrame, sign_offs: pd.DataFrame, currency: str,
) -> list[str]:
    """Return the month in a few sentences, in order of time; what was not planned has no sentence.

    Tables as the contracts; `sign_offs` are the journal's rows of the month (step, role, status).
    """
    points = [_kpi_topic(kpi_table), _demand_topic(plan, changes, currency)]
    points += [_shortage_topic(shortages, currency)] if len(shortages) else []
    points += [_scenario_topic(financials, currency)] if financials["scenario"].nunique() > 1 else []
    points += [follow.summary(actions)] if len(actions) else []
    waiting = decisions[~decisions["decision"].isin(decisions.loc[decisions["chosen"], "decision"])]["decision"].nunique()
    points += [f"{counted(waiting, 'decisions wait', 'decision waits')} for the meeting."] if waiting else []
    signed = sign_offs.loc[sign_offs["status"] == "signed", "step"].drop_duplicates().tolist()
    return points + ["Signed off so far: " + ", ".join(signed) + "." if signed else "Nothing is signed off yet: this plan is a draft."]


def _who(row) -> str:
    if row.status == "delegate":
        return f"{row.delegate if isinstance(row.delegate, str) else 'a stand-in'} for {row.person}"
    return f"{row.person}, {row.status}"


def _priced(money: float, currency: str) -> str:
    return "" if pd.isna(money) else f" ({amount(money, signed=True)} {currency})"


def _kpi_topic(table: pd.DataFrame) -> str:
    known = table.dropna(subset="value").sort_values("month", kind="stable").drop_duplicates("kpi", keep="last")
    if known.empty:
        return "KPIs: none could be measured from the inputs."
    count = known["status"].value_counts()
    red = known.loc[known["status"] == "red", "kpi"].tolist()
    named = f" ({', '.join(red[:5])}{' and others' if len(red) > 5 else ''})" if red else ""
    # A planned figure may stand a month ahead of all that was measured.
    return f"KPIs of {known['month'].mode().max():%Y-%m}: {count.get('red', 0)} red{named}, {count.get('amber', 0)} amber, {count.get('green', 0)} green."


def _demand_topic(plan: pd.DataFrame, changes: pd.DataFrame, currency: str) -> str:
    if plan.empty:
        return "Demand plan: none was made."
    span = f"{plan['month'].min():%Y-%m} to {plan['month'].max():%Y-%m}"
    text = f"Demand plan {span}: {counted(amount(plan['units'].sum()), 'units')}, {amount(plan['revenue'].sum())} {currency}"
    steps = changes[~changes["step"].isin(["last plan", "this plan"])]
    if steps.empty:
        return text + "; no closed plan to compare with."
    most = steps.loc[steps["money"].abs().idxmax()]
    change, largest = (amount(value, signed=True) for value in (steps["money"].sum(), most["money"]))
    return text + f"; {change} {currency} since the last plan over the months that both hold, most from {most['step']} in {most['family']} ({largest})."


def _shortage_topic(shortages: pd.DataFrame, currency: str) -> str:
    units, money, first = shortages["short_units"].sum(), shortages["money"].sum(), shortages["month"].min()
    never = shortages["recovered_month"].isna()
    cause = shortages.groupby("cause")["money"].sum().sort_values(ascending=False, kind="stable").index[0]
    lost = f", {amount(shortages.loc[never, 'money'].sum())} of it not made up for" if never.any() else ", all made up for later"
    return f"Shortages from {first:%Y-%m} on: {counted(amount(units), 'units')} worth {amount(money)} {currency}{lost}; first cause: {str(cause).rstrip('.')}."


def _scenario_topic(financials: pd.DataFrame, currency: str) -> str:
    total = financials.groupby("scenario")["revenue"].sum().sort_values(kind="stable")
    base = f"; base {amount(total['base'])}" if "base" in total.index else ""
    return f"Scenarios: revenue from {amount(total.iloc[0])} ({total.index[0]}) to {amount(total.iloc[-1])} {currency} ({total.index[-1]}){base}."
