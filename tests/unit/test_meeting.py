"""The meeting: agenda in order of time and within it, attendance, priced options, minutes that invent nothing."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import meeting, options
from sop_helpers.report.charts import meeting as charts

MONTHS = pd.to_datetime(["2026-10-01", "2026-11-01"])
ROSTER = conform(
    "roster",
    pd.DataFrame(
        {
            "function": ["general management", "sales", "supply"],
            "person": ["Elena", "Hugo", "Lukas"],
            "mandatory": [True, True, False],
            "delegate": ["Karin", None, "Marta"],
        }
    ),
)
PRODUCTS = conform("products", pd.DataFrame({"product": ["P1", "P2"], "family": ["F", "G"], "unit_price": [10.0, 20.0], "unit_cost": [4.0, 9.0]}))
SHORT = conform(
    "shortages",
    pd.DataFrame(
        {
            "product": ["P1", "P1", "P2"],
            "region": "DE",
            "month": [MONTHS[0], MONTHS[1], MONTHS[0]],
            "short_units": [100.0, 50.0, 10.0],
            "money": [1000.0, 500.0, 200.0],
            "cause": ["capacity of LINE in 2026-10", "capacity of LINE in 2026-10", "lead time of 2 months"],
            "limit": ["capacity of LINE", "capacity of LINE", "lead time of P2 @ DE"],
            "remedy": ["work more", "work more", "expedite"],
            "recovered_month": [MONTHS[1], None, None],
        }
    ),
)
LOAD = conform(
    "capacity_load",
    pd.DataFrame(
        {
            "month": MONTHS,
            "resource": "LINE",
            "available_hours": 100.0,
            "overtime_limit": 20.0,
            "required_hours": [130.0, 90.0],
            "planned_hours": [110.0, 100.0],
            "overtime_hours": [10.0, 0.0],
            "load": [1.3, 0.9],
            "planned_load": [1.1, 1.0],
            "value_of_hour": [50.0, 0.0],
        }
    ),
)
RESOURCES = conform("resources", pd.DataFrame({"resource": ["LINE"], "month": [None], "regular_hours": [100.0], "overtime_rate": [30.0]}))
PLAN = pd.DataFrame({"month": [*MONTHS, *MONTHS], "product": ["P1", "P1", "P2", "P2"], "revenue": [100.0, 100.0, 300.0, 300.0]})
BUDGET = conform(
    "budget", pd.DataFrame({"month": [*MONTHS, *MONTHS], "family": ["F", "F", "G", "G"], "region": "DE", "units": 1.0, "revenue": [300.0, 300.0, 300.0, 300.0]})
)
MONEY = ["revenue", "unconstrained_revenue", "margin", "overtime_cost", "holding_cost", "stock_value", "purchases"]
FINANCIALS = conform(
    "financials",
    pd.DataFrame(
        [
            ("base", MONTHS[0], 1000, 1000, 500, 10, 5, 70, 0),
            ("upside", MONTHS[0], 1200, 1300, 580, 40, 9, 60, 0),
            ("late", MONTHS[0], 900, 1000, 450, 0, 2, 50, 0),
        ],
        columns=["scenario", "month", *MONEY],
    ).astype(dict.fromkeys(MONEY, float)),
)
SCENARIOS = conform(
    "scenarios",
    pd.DataFrame(
        {"scenario": ["base", "upside", "late"], "measure": "demand", "unit": "units", "value": [100.0, 130.0, 100.0], "against_base": [0.0, 30.0, 0.0]}
    ),
)
NO_WORDS = pd.DataFrame(columns=[*options.COLUMNS])


def _decisions(**changed) -> pd.DataFrame:
    given = {
        "label": "2026-10",
        "currency": "EUR",
        "shortages": SHORT,
        "remedies": empty("shortage_remedies"),
        "capacity_load": LOAD,
        "resources": RESOURCES,
        "scenarios": SCENARIOS,
        "financials": FINANCIALS,
        "plan": PLAN,
        "budget": BUDGET,
        "products": PRODUCTS,
        "taken": NO_WORDS,
        "people": {"supply": "Lukas", "general management": "Elena"},
        "overtime_rate": 99.0,
    }
    return conform("decisions", options.decisions(**given | changed))


def _price(table: pd.DataFrame, decision: str, option: str) -> float:
    rows = table[table["decision"].str.contains(decision) & table["option"].str.startswith(option)]
    assert len(rows) == 1
    return rows["money"].iloc[0]


def test_options_carry_the_price_that_the_plan_gives() -> None:
    table = _decisions()
    # Served late is delayed; the 50 units never served are 500 lost.
    assert _price(table, "short-capacity", "Accept") == -500
    assert _price(table, "short-lead-time", "Accept") == -200
    # 10 hours of overtime at the resource's own rate of 30; 30 hours over regular time worth 50 each.
    assert _price(table, "load-line", "Follow") == -300
    assert _price(table, "load-line", "Add regular") == 30 * 50
    assert pd.isna(_price(table, "load-line", "No overtime"))
    # Plan 800 against budget 1,200.
    assert _price(table, "budget", "Restate") == -400
    # Overtime and stock of upside cost 49, of base 15.
    assert _price(table, "scenario", "Prepare for upside") == -34
    assert _price(table, "scenario", "Prepare for base") == 0
    assert not table["option"].str.contains("late$").any(), "a scenario with the demand of base is no choice of demand"
    assert table["decision"].iloc[-1] == "D-2026-10-sign-off" and not table["chosen"].any()


def test_causes_that_begin_alike_are_two_decisions() -> None:
    alike = "lead time of 3 months: a component with a very long name "
    short = pd.concat([SHORT.head(1).assign(limit=alike + end) for end in ("of steel", "of brass")], ignore_index=True)
    table = _decisions(shortages=short, products=PRODUCTS.assign(name="Kettle"))
    asked = table[table["decision"].str.contains("short-")].drop_duplicates("decision")
    assert len(asked) == 2 and asked["decision"].str.len().max() < 80
    assert asked["question"].str.startswith("How do we serve Kettle, short of").all(), "people know names, not codes"


def test_a_limit_of_several_months_is_one_question_with_the_remedies_that_were_tried() -> None:
    short = SHORT.assign(cause=["capacity of LINE in 2026-10", "capacity of LINE in 2026-11", "lead time of 2 months"])
    tried = {"limit": "capacity of LINE", "short_units": 150.0, "short_money": 1500.0}
    rows = [("a tenth more regular hours on LINE", 120.0, 1200.0, 30.0, 700.0), ("agree on delivery when the plan can serve", 150.0, 1500.0, 0.0, 90.0)]
    columns = ["remedy", "saved_units", "saved_money", "cost", "gain"]
    remedies = conform("shortage_remedies", pd.DataFrame([tried | dict(zip(columns, row, strict=True)) for row in rows]))
    table = _decisions(shortages=short, remedies=remedies)
    asked = table[table["decision"] == "D-2026-10-short-capacity-of-line"]
    assert asked["question"].iloc[0] == "How do we serve P1, short of 150 units in 2026-10 to 2026-11 (capacity of LINE)?"
    assert asked["option"].tolist()[1:] == ["A tenth more regular hours on LINE", "Agree on delivery when the plan can serve"]
    assert asked["money"].tolist() == [-500, 700, 90] and "120 units more are served" in asked["consequence"].iloc[1]
    assert asked["consequence"].iloc[2].startswith("150 units come when they were promised instead of late")
    alone = _decisions(shortages=short.head(1), remedies=remedies.head(1))
    assert _price(alone, "short-capacity", "A tenth") == 700
    dearer = _decisions(shortages=short.head(1), remedies=remedies.head(1).assign(remedy="build ahead all the same", gain=-75.0))
    assert _price(dearer, "short-capacity", "Build ahead") == -75
    assert dearer["consequence"].str.endswith("worth 1.2 k EUR; costs 75 EUR more than being late.").any()
    # The other cause was not tried: what its rows say stands.
    assert "Expedite" in table.loc[table["decision"].str.contains("lead-time"), "option"].tolist()


def test_dear_overtime_is_asked_before_an_hour_too_much() -> None:
    more = pd.concat([LOAD.assign(resource=name, required_hours=101.0, overtime_hours=0.0) for name in ("L2", "L3")])
    dear = LOAD.assign(required_hours=100.0, overtime_hours=[500.0, 0.0])
    asked = _decisions(capacity_load=pd.concat([dear, more]))["question"].drop_duplicates()
    assert any("500 hours of overtime on LINE" in q for q in asked)
    assert not any("overtime on LINE" in q for q in _decisions(capacity_load=LOAD.assign(required_hours=90.0, overtime_hours=1e-5))["question"])


def test_dearer_prices_are_no_other_demand() -> None:
    dear = FINANCIALS[FINANCIALS["scenario"] == "base"].assign(scenario="dear", unconstrained_revenue=1100.0)
    same = SCENARIOS[SCENARIOS["scenario"] == "base"].assign(scenario="dear")
    table = _decisions(financials=pd.concat([FINANCIALS, dear]), scenarios=pd.concat([SCENARIOS, same]))
    options_of = table.loc[table["decision"].str.endswith("scenario"), "option"].tolist()
    assert options_of == ["Prepare for base", "Prepare for upside"]


def test_overtime_that_builds_ahead_is_no_month_over_regular_time() -> None:
    # 10 hours in October, which has room, for 30 too many in November: it is November that is over.
    load = LOAD.assign(required_hours=[90.0, 130.0], planned_hours=[110.0, 110.0], overtime_hours=[10.0, 10.0], load=[0.9, 1.3])
    table = _decisions(capacity_load=load)
    assert table.loc[table["decision"].str.contains("load-line"), "question"].iloc[0].startswith(
        "How do we cover LINE, 30 hours over regular time in 2026-11 at a peak of 130%?"
    )
    assert _price(table, "load-line", "Follow the plan: 20 hours") == -600
    within = _decisions(capacity_load=load.assign(required_hours=[90.0, 100.0], load=[0.9, 1.0]))
    asked = within[within["decision"].str.contains("load-line")]
    assert asked["question"].iloc[0] == "Do we work 20 hours of overtime on LINE in 2026-10 to 2026-11, though its load is within regular time?"
    assert [o.split(":")[0] for o in asked["option"]] == ["Follow the plan", "No overtime"]


def test_a_month_without_regular_time_is_said() -> None:
    load = LOAD.assign(available_hours=[100.0, 0.0], required_hours=[120.0, 40.0], load=[1.2, None])
    asked = _decisions(capacity_load=load).query("decision.str.contains('load-line')")["question"].iloc[0]
    assert asked.endswith("at a peak of 120%, with no regular time at all in 2026-11?")


def test_rate_of_the_policy_stands_in_where_a_resource_has_none() -> None:
    assert _price(_decisions(resources=empty("resources")), "load-line", "Follow") == -990


def test_every_decision_has_at_least_two_options() -> None:
    assert (_decisions().groupby("decision").size() >= 2).all()


def test_plan_near_or_above_budget_asks_for_no_decision() -> None:
    for factor in (1.0, 0.66):
        table = _decisions(budget=BUDGET.assign(revenue=BUDGET["revenue"] * factor * 2 / 3))
        assert not table["decision"].str.contains("budget").any()


def test_nothing_but_a_plan_still_asks_for_sign_off() -> None:
    names = ("shortages", "remedies", "capacity_load", "resources", "scenarios", "financials", "budget")
    table = _decisions(**{name: empty({"remedies": "shortage_remedies"}.get(name, name)) for name in names}, people={})
    assert table["option"].tolist() == ["Sign off", "Send back"] and table["owner"].isna().all()
    assert len(_decisions(**{name: empty({"remedies": "shortage_remedies"}.get(name, name)) for name in names}, plan=empty("demand_plan"))) == 2


def test_what_people_decided_wins_and_their_own_options_are_kept() -> None:
    proposed = _decisions()
    first = proposed.iloc[0]
    taken = pd.DataFrame(
        [
            {**first, "chosen": True, "money": -450.0},
            {**first, "option": "Ask the customer", "money": None, "consequence": None, "chosen": None},
            {"decision": "D-own", "question": "Do we move?", "option": "Yes", "money": -1.0, "consequence": "Boxes", "owner": "Elena", "chosen": True},
        ]
    )[options.COLUMNS]
    table = _decisions(taken=taken)
    assert len(table) == len(proposed) + 2
    same = table[table["decision"] == first["decision"]]
    assert same.loc[same["chosen"], ["option", "money"]].to_numpy().tolist() == [[first["option"], -450.0]]
    assert "Ask the customer" in same["option"].tolist() and table["decision"].iloc[-1] == "D-own"


def _agenda(**changed) -> pd.DataFrame:
    names = ("exceptions", "shortages", "changes", "demand_plan", "financials", "actions")
    given = {name: empty(name) for name in names} | {
        "kpi_table": empty("kpis"),
        "decisions": _decisions(),
        "roster": ROSTER,
        "currency": "EUR",
        "shortages": SHORT,
        "financials": FINANCIALS,
    }
    return conform("agenda", meeting.agenda(**given | changed))


def _exceptions(count: int) -> pd.DataFrame:
    return conform(
        "exceptions",
        pd.DataFrame(
            {
                "rank": range(1, count + 1),
                "kind": "signal",
                "subject": "s",
                "money": 1.0,
                "message": [f"Issue {n}." for n in range(count)],
                "function": "sales",
                "notebook": "10_gather",
            }
        ),
    )


@pytest.mark.parametrize("count", [0, 3, 9])
def test_agenda_is_in_order_of_time_and_fills_the_meeting(count: int) -> None:
    table = _agenda(exceptions=_exceptions(count), minutes=75)
    assert table["part"].drop_duplicates().tolist() == meeting.PARTS
    assert table["minutes"].sum() == 75 and (table["minutes"] % 1 == 0).all()
    assert table["order"].tolist() == list(range(1, len(table) + 1))
    assert set(_decisions()["question"]) <= set(table["topic"])
    assert table["topic"].str.startswith("Issue").sum() == min(count, 5)
    assert table["topic"].str.contains("4 smaller exceptions").any() == (count == 9)
    assert table.loc[table["topic"].str.startswith("Issue"), "owner"].isin(["Hugo"]).all()


def test_agenda_of_a_company_with_nothing_but_a_plan() -> None:
    names = {"decisions": empty("decisions"), "shortages": empty("shortages"), "financials": empty("financials"), "roster": empty("roster")}
    table = _agenda(**names)
    assert table["part"].drop_duplicates().tolist() == meeting.PARTS and table["owner"].isna().all()
    assert _agenda(**names, chair="Eve")["owner"].eq("Eve").all()


def test_outlook_names_what_moved_the_plan() -> None:
    changes = conform(
        "changes",
        pd.DataFrame(
            {
                "family": "F",
                "step": ["last plan", "statistical", "promotion", "this plan"],
                "order": [0, 1, 2, 3],
                "units": [10.0, -1, 2, 11],
                "money": [100.0, -10, 20, 110],
            }
        ),
    )
    plan = conform(
        "demand_plan",
        pd.DataFrame(
            {
                "month": MONTHS,
                "product": "P1",
                "region": "DE",
                "statistical_units": 1.0,
                "units": 5.5,
                "revenue": 55.0,
                "margin": 20.0,
            }
        ),
    )
    topic = _agenda(changes=changes, demand_plan=plan)["topic"]
    assert topic.str.contains(r"11 units, 110 EUR; \+10 EUR since the last plan over the months that both hold, most from promotion in F \(\+20\)").any()


@given(st.lists(st.floats(0.5, 5), min_size=1, max_size=40), st.integers(15, 240))
def test_minutes_add_up_and_nobody_gets_none(weights: list[float], minutes: int) -> None:
    shared = meeting.share_minutes(pd.Series(weights), minutes)
    assert shared.sum() == pytest.approx(minutes) and (shared > 0).all()
    if len(weights) < minutes:
        assert (shared % 1 == 0).all() and (shared >= 1).all()


def test_attendance_before_and_after() -> None:
    words = pd.DataFrame(columns=["function", "person", "status"])
    before = conform("attendance", meeting.attendance(ROSTER, words))
    assert before["status"].eq("invited").all() and "2 functions must be there, 1 of them has a stand-in" in meeting.quorum(before)
    said = pd.DataFrame([("sales", "Stand In", "delegate"), ("general management", "Elena", "absent"), ("quality", "Quinn", "present")], columns=words.columns)
    after = conform("attendance", meeting.attendance(ROSTER, said)).set_index("function")
    assert after["status"].to_dict() == {"general management": "absent", "sales": "delegate", "supply": "invited", "quality": "present"}
    assert "missing although needed: general management" in meeting.quorum(after.reset_index())
    guests = conform("attendance", meeting.attendance(empty("roster"), said))
    assert len(guests) == 3 and not guests["mandatory"].any()
    assert "no roster" in meeting.quorum(meeting.attendance(empty("roster"), words))


def test_two_people_of_one_function_are_told_apart() -> None:
    roster = conform("roster", pd.DataFrame({"function": "sales", "person": ["A", "B"], "mandatory": True}))
    said = pd.DataFrame([("sales", "A", "present")], columns=["function", "person", "status"])
    assert meeting.attendance(roster, said)["status"].tolist() == ["present", "invited"]


def test_minutes_hold_what_the_journal_holds() -> None:
    invited = meeting.attendance(ROSTER, pd.DataFrame(columns=["function", "person", "status"]))
    nothing = meeting.minutes_of(
        invited,
        _decisions(),
        empty("actions"),
        pd.DataFrame(columns=["topic", "text", "author"]),
        pd.DataFrame(columns=["step", "status", "author", "role"]),
        "EUR",
    )
    assert set(nothing["section"]) == {"Open"} and len(nothing) == _decisions()["decision"].nunique()
    first = _decisions().iloc[0]
    taken = _decisions(taken=pd.DataFrame([{**first, "chosen": True}])[options.COLUMNS])
    words = meeting.minutes_of(
        invited,
        taken,
        empty("actions"),
        pd.DataFrame({"topic": ["t"], "text": ["we wait"], "author": ["Eve"]}),
        pd.DataFrame({"step": ["demand"], "status": ["signed"], "author": ["Jo"], "role": ["planner"]}),
        "EUR",
    )
    entries = words.groupby("section")["entry"].apply(list)
    assert entries["Said"] == ["t: we wait (Eve)"] and entries["Signed off"] == ["demand: signed by Jo (planner)"]
    assert len(entries["Decided"]) == 1 and f"{first['option']} (-500 EUR)" in entries["Decided"][0]
    assert first["question"] not in entries["Open"]


def test_pictures_draw_and_their_sentences_say_what_is_in_the_tables() -> None:
    table = _decisions()
    panels = [axis.get_title(loc="left") for axis in charts.options_figure(table, "EUR").axes]
    assert len(panels) == table.loc[table["money"].fillna(0) != 0, "decision"].nunique()
    assert "6 decisions wait" in charts.options_takeaway(table, "EUR") and "+1.5 k EUR" in charts.options_takeaway(table, "EUR")
    sales = pd.DataFrame({"month": pd.to_datetime(["2026-08-01", "2026-09-01"]), "revenue": [400.0, 400.0]})
    can = PLAN.assign(revenue=PLAN["revenue"] * 0.9)
    plan = PLAN.assign(region="N", units=PLAN["revenue"] / 4)
    months = plan["month"].drop_duplicates().sort_values()
    first = plan["product"].iloc[0]
    units = {"lost_units": [15.0, 0.0], "backlog_units": [9.0, 7.0], "not_due_units": [0.0, 2.0]}
    served = pd.DataFrame({"month": months, "product": first, "region": "N"} | units)
    text = charts.outlook_takeaway(sales, plan, served, "EUR")
    # 15 are lost and 5 past due at the end, worth 4 each; what is late in between comes.
    assert text == "The next 2 months are planned at 800 EUR, +0.0% on the 2 before; supply cannot ship 80 of it in time (10.0%)."
    fine = served.assign(lost_units=0.0, backlog_units=[50.0, 2.0])
    assert charts.outlook_takeaway(sales.head(1), plan, fine, "EUR") == "The next 2 months are planned at 800 EUR; supply can ship all of it."
    labels = charts.outlook_figure(sales, PLAN, can, BUDGET, PLAN, "EUR").axes[0].get_legend_handles_labels()[1]
    assert labels == ["actual", "demand plan", "can be shipped", "budget", "plan of last month"]
    charts.outlook_figure(sales, PLAN, empty("constrained_demand"), empty("budget"), empty("demand_plan"), "EUR").canvas.draw()
    charts.options_figure(empty("decisions"), "EUR").canvas.draw()


def test_tiles_state_their_period() -> None:
    rows = [{"kpi": k, "group": "sales", "unit": "share", "month": pd.Timestamp("2026-09-01"), "value": 0.9, "target": 1.0, "status": "amber"}
            for k in ("quota attainment", "fill rate")]  # fmt: skip
    table = pd.DataFrame(rows).assign(previous=float("nan"), benchmark=float("nan"), note="", notebook="22_sales")
    notes = meeting.tiles(table, ["quota attainment", "fill rate"])["note"].tolist()
    assert notes[0].startswith("fiscal year to 2026-09, target") and notes[1].startswith("2026-09, target")


def test_the_delegate_who_came_and_those_nobody_asked_are_named() -> None:
    rows = [("sales", "Ann", True, None), ("sales", "Bob", False, None), ("supply", "Cy", True, "Dee")]
    roster = conform("roster", pd.DataFrame(rows, columns=["function", "person", "mandatory", "delegate"]))
    words = [("sales", "Ann", "present"), ("sales", "Zoe", "present"), ("supply", "Dee", "present"), ("guest", "G1", "present"), ("guest", "G2", "present")]
    table = conform("attendance", meeting.attendance(roster, pd.DataFrame(words, columns=["function", "person", "status"])))
    told = table.set_index("person")["status"].to_dict()
    assert told == {"Ann": "present", "Bob": "invited", "Cy": "delegate", "Zoe": "present", "G1": "present", "G2": "present"}
    assert meeting.quorum(table) == "3 of 3 functions were there; all that are needed were."


def test_decisions_of_names_that_look_alike_are_told_apart() -> None:
    names = ["組立", "塗装", "Line 1", "LINE-1", "Line 2", "x" * 50]
    slugs = options._slugs(names)
    assert len(set(slugs.values())) == len(names) and slugs["Line 2"] == "line-2" and slugs["組立"].startswith("x-")


def test_overtime_is_priced_by_the_month_in_which_it_is_worked() -> None:
    months = pd.to_datetime(["2026-11-01", "2026-12-01", "2027-01-01"])
    resources = pd.DataFrame({"resource": "L", "month": [pd.NaT, months[0], months[1]], "overtime_rate": [20.0, 25.0, 60.0]})
    load = pd.DataFrame({"resource": ["L", "L", "L", "M"], "month": [*months, months[0]]})
    assert options._overtime_rates(load, resources, 9.0).tolist() == [25.0, 60.0, 20.0, 9.0]


def test_who_takes_an_option_need_not_write_again_what_it_costs() -> None:
    proposed = _decisions()
    one = proposed[proposed["money"].notna()].iloc[0]
    words = proposed.head(1).assign(decision=one["decision"], option=one["option"], question="", money=float("nan"), owner=None, consequence="", chosen=True)
    out = options._with_taken(proposed, words)
    mine = out[(out["decision"] == one["decision"]) & (out["option"] == one["option"])].iloc[0]
    assert bool(mine["chosen"]) and mine["money"] == one["money"] and mine["owner"] == one["owner"] and mine["consequence"] == one["consequence"]
    assert out["option"].tolist() == proposed["option"].tolist(), "it keeps its place"
