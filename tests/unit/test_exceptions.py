"""Exceptions: each kind found when it is there and only then, one sentence each, ranked by money."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import exceptions, pipeline
from sop_helpers.planning.signals import explain

MONTH = pd.Timestamp("2026-10-01")
NEXT = pd.Timestamp("2026-11-01")


@pytest.fixture
def signals() -> pd.DataFrame:
    rows = {"month": [MONTH, MONTH, NEXT], "family": "F", "product": ["A", "B", "C"], "region": "N", "kind": ["dip", "spike", "spike"]}
    sizes = {"actual_units": [10.0, 90, 50], "expected_units": [40.0, 50, 40], "units": [-30.0, 40, 10], "money": [-300.0, 400, 100], "score": [-5.0, 5, 4]}
    return conform("signals", pd.DataFrame(rows | sizes | {"explanation": [None, "the promotion", ""]}))


def test_signals_that_an_insight_explains_are_no_exception(signals):
    found = exceptions.from_signals(signals)
    assert found["subject"].tolist() == ["A in N", "C in N"] and found["money"].tolist() == [300, 100]
    assert found["message"].iloc[0].startswith("Dip of A in N in 2026-10: 10 units ordered, 30 below")
    named = exceptions.from_signals(signals, products=pd.DataFrame({"product": ["A"], "name": ["Pump"]}))
    assert named["subject"].tolist() == ["Pump in N", "C in N"]
    assert exceptions.from_signals(signals, NEXT)["subject"].tolist() == ["C in N"]


def test_shortages_add_up_by_product_and_region():
    rows = {"product": ["A", "A", "B"], "region": "N", "month": [MONTH, NEXT, MONTH], "short_units": [5.0, 7, 1], "money": [50.0, 70, 10],
            "cause": ["hours of the line", "the casing is late.", "stock"], "remedy": "overtime"}
    found = exceptions.from_shortages(conform("shortages", pd.DataFrame(rows))).set_index("subject")
    assert found["money"].sum() == 130 and len(found) == 2
    assert found.loc["A in N", "message"] == "A in N is short of 12 units in 2026-10 to 2026-11: the casing is late."


def test_overloads_are_valued_by_the_hour_that_is_missing():
    base = {"available_hours": 100.0, "overtime_limit": 0.0, "planned_hours": 100.0, "overtime_hours": 0.0, "load": 1.0, "planned_load": 1.0}
    rows = [{"month": MONTH, "resource": "line", "required_hours": 130.0, "value_of_hour": 10.0}, {"month": NEXT, "resource": "line", "required_hours": 90.0},
            {"month": MONTH, "resource": "press", "required_hours": 101.0}, {"month": MONTH, "resource": "idle", "required_hours": 100.0}]
    load = conform("capacity_load", pd.DataFrame([base | {"value_of_hour": np.nan} | row for row in rows]))
    found = exceptions.from_overloads(load).set_index("subject")
    assert set(found.index) == {"line", "press"}
    assert found.loc["line", "money"] == 300 and np.isnan(found.loc["press", "money"])
    assert "by 30 hours in all; worst month 130%" in found.loc["line", "message"]


def test_no_month_is_worse_than_one_without_regular_time():
    load = pd.DataFrame({"month": [MONTH, NEXT], "resource": "line", "available_hours": [100.0, 0.0], "required_hours": [130.0, 50.0], "value_of_hour": 10.0})
    message = exceptions.from_overloads(load)["message"].iloc[0]
    assert message.endswith("by 80 hours in all; worst month no regular time.")


def test_excess_is_what_never_goes_below_twice_the_target():
    base = {"location": "P", "opening_units": 0.0, "planned_receipts": 0.0, "open_receipts": 0.0, "issues": 10.0}
    rows = [("A", MONTH, 500.0, 100.0, 10.0), ("A", NEXT, 350.0, 100.0, 10.0), ("dead", MONTH, 40.0, 0.0, 0.0)]
    rows += [("B", MONTH, 500.0, 100.0, 10.0), ("B", NEXT, 150.0, 100.0, 10.0)]
    table = pd.DataFrame([base | {"item": i, "month": m, "closing_units": c, "target_units": t, "issues": u, "value": c * 2} for i, m, c, t, u in rows])
    found = exceptions.from_excess(conform("stock_projection", table), pd.DataFrame({"product": ["A"], "name": ["Pump"]})).set_index("subject")
    assert found["money"].to_dict() == {"Pump at P": 300.0, "dead at P": 80.0}
    assert found.loc["Pump at P", "message"].startswith("Pump at P has 150 units too many")
    assert "nothing is planned to be used" in found.loc["dead at P", "message"]


def test_a_gap_to_budget_counts_only_common_months_and_falls():
    budget = pd.DataFrame({"month": [MONTH, MONTH, NEXT], "family": ["F", "G", "F"], "region": "N", "units": 1.0, "revenue": [100.0, 100.0, 9999.0]})
    plan = pd.DataFrame({"month": MONTH, "product": ["A", "B"], "revenue": [80.0, 130.0]})
    products = pd.DataFrame({"product": ["A", "B"], "family": ["F", "G"]})
    found = exceptions.from_budget_gap(plan, budget, products)
    assert found["subject"].tolist() == ["F"] and found["money"].tolist() == [20]
    assert found["message"].iloc[0] == "F is planned 20 (20%) below its budget of 100 for 2026-10 to 2026-10."
    assert exceptions.from_budget_gap(plan, budget, products, tolerance=0.3).empty


def test_red_kpis_are_those_of_their_last_month():
    rows = [("OTIF", MONTH, 0.8, "red"), ("OTIF", NEXT, 0.99, "green"), ("DIO", MONTH, 60.0, "green"), ("DIO", NEXT, 90.0, "red")]
    rest = {"group": "supply", "unit": "days", "previous": 1.0, "target": 40.0, "benchmark": 1.0, "note": "", "notebook": "x"}
    table = pd.DataFrame(rows, columns=["kpi", "month", "value", "status"]).assign(**rest)
    found = exceptions.from_kpis(conform("kpis", table))
    assert found["subject"].tolist() == ["DIO"] and found["function"].tolist() == ["supply"]
    assert found["message"].iloc[0] == "KPI DIO is red in 2026-11: 90.0 days against a target of 40.0 days."


def test_amber_findings_go_to_who_owns_the_table():
    base = {"check": "late", "column": None, "rows": 1.0, "money": 5.0, "message": "Old.", "action": "Ask."}
    tables = {"budget": "finance", "products": "product", "quotas": "sales", "inventory": "supply"}
    rows = [base | {"level": "amber", "table": t} for t in tables] + [base | {"level": "red", "table": "sales"}]
    issues = conform("data_issues", pd.DataFrame(rows))
    found = exceptions.from_data_issues(issues)
    assert found["function"].tolist() == list(tables.values()) and found["message"].iloc[0] == "Old. Ask."


def test_the_list_is_ranked_by_money_and_keeps_its_contract(signals):
    stale = pd.DataFrame({"opportunity": ["1", "2"], "rep": ["r", "q"], "region": "N", "amount": [100.0, 60.0], "age_days": [200, 30]})
    parts = [exceptions.from_signals(signals), exceptions.from_stale_deals(stale)]
    table = conform("exceptions", exceptions.rank(*parts, exceptions.from_signals(signals.assign(money=np.nan)).assign(subject="later")))
    assert table["money"].tolist()[:3] == [300, 160, 100] and table["money"].tolist()[3:] != [] and table["money"].iloc[3:].isna().all()
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table["message"].str.endswith(".").all()
    shuffled = exceptions.rank(*[part.sample(frac=1, random_state=3) for part in reversed(parts)])
    pd.testing.assert_frame_equal(shuffled, exceptions.rank(*parts))


def test_stale_deals_are_one_line_a_region_and_name_who_holds_most():
    rows = [("1", "r", "N", 100.0, 20), ("2", "q", "N", 60.0, 300), ("3", "q", "S", 5.0, 9)]
    stale = pd.DataFrame(rows, columns=["opportunity", "rep", "region", "amount", "age_days"])
    found = exceptions.from_stale_deals(stale)
    assert found["money"].tolist() == [160, 5]
    assert found["message"].iloc[0].startswith("N has open deals worth 160 (2) that")
    assert found["message"].iloc[0].endswith("300 days old, most money lies with rep r.")


def test_findings_with_their_own_exception_are_not_counted_twice():
    base = {"level": "amber", "table": "opportunities", "column": None, "rows": 1.0, "money": 5.0, "message": "Old.", "action": "Ask."}
    issues = conform("data_issues", pd.DataFrame([base | {"check": "pipeline"}, base | {"check": "currency"}]))
    assert exceptions.from_data_issues(issues)["subject"].tolist() == ["opportunities: currency"]


def test_nothing_found_is_an_empty_list():
    none = exceptions.rank(
        exceptions.from_signals(empty("signals")), exceptions.from_shortages(empty("shortages")), exceptions.from_overloads(empty("capacity_load")),
        exceptions.from_excess(empty("stock_projection"), empty("products")),
        exceptions.from_budget_gap(empty("demand_plan"), empty("budget"), empty("products")),
        exceptions.from_kpis(empty("kpis")), exceptions.from_data_issues(empty("data_issues")),
        exceptions.from_stale_deals(pipeline.stale_deals(pipeline.known_deals(empty("opportunities"), MONTH), MONTH)),
    )
    assert conform("exceptions", none).empty


def test_a_promotion_that_fell_flat_is_asked_about() -> None:
    row = {"month": pd.Timestamp("2026-09-01"), "family": "F", "product": "P", "region": "N", "units": -500.0}
    columns = ["insight", "function", "kind", "family", "product", "region", "start_month", "end_month", "effect_pct", "effect_units", "note"]
    told = dict.fromkeys(columns) | {"insight": "I1", "function": "marketing", "kind": "promotion", "effect_pct": 20.0, "note": "autumn"}
    told |= {"start_month": row["month"], "end_month": row["month"]}
    for effect, number in ((20.0, 1), (-20.0, 0)):
        insights = pd.DataFrame([told | {"effect_pct": effect}]).astype({c: "str" for c in ("family", "product", "region")})
        signals = pd.DataFrame([row | {"kind": "dip", "actual_units": 100.0, "expected_units": 600.0, "money": -5e3, "score": -6.0}])
        signals["explanation"] = explain(signals, insights)
        assert len(exceptions.from_signals(signals)) == number


def test_stock_of_what_is_phased_out_is_too_much_although_nothing_is_wanted_at_its_end() -> None:
    months = pd.date_range("2026-10-01", periods=3, freq="MS", unit="us")
    stock = pd.DataFrame({"month": months, "item": "E", "location": "P", "closing_units": [500.0, 450.0, 400.0], "target_units": [98.0, 68.0, 0.0],
                          "issues": 50.0, "value": [1000.0, 900.0, 800.0]})
    found = exceptions.from_excess(stock, pd.DataFrame())
    assert found["money"].tolist() == [pytest.approx((500 - 196) * 2)]
