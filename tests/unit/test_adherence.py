"""Plan adherence: published answers, sums, and what is left out."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import table

from sop_helpers.book import tables
from sop_helpers.book.conform import conform, empty
from sop_helpers.planning.adherence import adherence_of_months, plan_adherence
from sop_helpers.report.charts.adherence import adherence_figure, adherence_takeaway

MONTH = pd.Timestamp("2026-09-01")
PLANNED = ("supply_plan", "constrained_demand", "stock_projection")
HAPPENED = ("production", "deliveries", "sales", "inventory", "products", "operations", "loads")


def adherence(**rows):
    frames = [table(name, rows[name]) if name in rows else empty(name) for name in PLANNED + HAPPENED]
    return conform("plan_adherence", plan_adherence(MONTH, *frames))


def order(item, units, kind="make", month=MONTH):
    return {"operation": f"{kind} {item}", "kind": kind, "item": item, "location": "main", "month": month, "units": units}


def made(item, units, month=MONTH):
    return {"item": item, "location": "main", "month": month, "made_units": units}


def product(item, family="F"):
    return {"product": item, "family": family, "unit_cost": 2.0, "unit_price": 5.0}


def at(result, measure, level, name):
    return result.set_index(["measure", "level", "name"]).loc[(measure, level, name)]


@pytest.mark.parametrize(("actual", "planned", "share"), [(6738, 7250, 0.929), (1840, 2000, 0.92)])
def test_published_answers(actual, planned, share):
    """The source of the first prints 81.9 %, which its own numbers do not give."""
    result = adherence(supply_plan=[order("A", planned)], production=[made("A", actual)], products=[product("A")])
    assert at(result, "production", "total", "all")["adherence"] == pytest.approx(share, abs=5e-4)


def test_too_much_of_one_family_does_not_make_up_for_too_little_of_another():
    result = adherence(supply_plan=[order("A", 100), order("B", 100)], production=[made("A", 150), made("B", 50)],
                       products=[product("A"), product("B", "G")])  # fmt: skip
    total = at(result, "production", "total", "all")
    assert (total["planned_units"], total["actual_units"], total["missed_units"], total["adherence"]) == (200, 200, 100, 0.5)
    assert total["planned_money"] == total["actual_money"] == 400


def test_open_receipts_that_the_plan_counted_on_are_planned_and_other_months_are_not():
    places = [(MONTH, "A", 9.0), (MONTH, "C", 50.0), (MONTH, "Z", 70.0), (pd.Timestamp("2026-10-01"), "A", 99.0)]
    projected = [{"month": m, "item": i, "location": "main", "open_receipts": u, "closing_units": 0.0} for m, i, u in places]
    ways = [{"operation": f"{k} {i}", "kind": k, "item": i, "location": "main", "unit_cost": 1.0} for k, i in (("make", "A"), ("buy", "A"), ("buy", "C"))]
    result = adherence(supply_plan=[order("A", 1), order("A", 99, month=pd.Timestamp("2026-10-01"))], stock_projection=projected, operations=ways,
                       production=[made("A", 10), made("A", 99, pd.Timestamp("2026-08-01"))], products=[product("A")])  # fmt: skip
    assert set(result["measure"]) == {"production"}, "no delivery was recorded, so nothing is said about purchases"
    assert at(result, "production", "family", "F")[["planned_units", "actual_units"]].tolist() == [10, 10]
    came = [{"delivery": "1", "item": "C", "location": "main", "ordered": MONTH, "arrived": MONTH, "units": 40.0}]
    received = adherence(stock_projection=projected, operations=ways, deliveries=came, products=[product("A")])
    assert at(received, "purchases", "total", "all")[["planned_units", "actual_units"]].tolist() == [50, 40]


def test_each_measure_by_family_line_and_total():
    result = adherence(
        supply_plan=[order("A", 10), order("C", 20, "buy")], products=[product("A")],
        constrained_demand=[{"month": MONTH, "product": "A", "region": "r", "shipped_units": 8.0}],
        stock_projection=[{"month": MONTH, "item": "A", "location": "main", "closing_units": 4.0}],
        production=[made("A", 9)], sales=[{"month": MONTH, "product": "A", "region": "r", "units": 6.0}],
        inventory=[{"month": MONTH, "item": "A", "location": "main", "on_hand": 5.0}],
        deliveries=[{"delivery": "1", "item": "C", "location": "main", "arrived": pd.Timestamp("2026-09-17"), "ordered": MONTH, "units": 15.0},
                    {"delivery": "2", "item": "A", "location": "main", "arrived": pd.Timestamp("2026-09-30"), "ordered": MONTH, "units": 9.0}],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "main"},
                    {"operation": "buy C", "kind": "buy", "item": "C", "location": "main", "unit_cost": 3.0}],
        loads=[{"operation": "make A", "resource": "line 1", "hours_per_unit": 1.0}],
    )  # fmt: skip
    assert at(result, "production", "line", "line 1")["adherence"] == pytest.approx(0.9)
    assert at(result, "purchases", "family", "no family")[["planned_units", "actual_units", "planned_money", "actual_money"]].tolist() == [20, 15, 60, 45]
    assert at(result, "shipments", "total", "all")[["planned_money", "actual_money", "adherence"]].tolist() == [40, 30, 0.75]
    assert at(result, "stock", "total", "all")["adherence"] == pytest.approx(0.75)


def test_what_was_not_planned_has_no_share_but_counts_in_the_total():
    result = adherence(supply_plan=[order("A", 10)], production=[made("A", 10), made("B", 4)], products=[product("A"), product("B", "G")])
    assert pd.isna(at(result, "production", "family", "G")["adherence"])
    assert at(result, "production", "total", "all")["adherence"] == pytest.approx(0.6)


def test_nothing_planned_gives_an_empty_table():
    assert adherence(production=[made("A", 10)], products=[product("A")]).empty
    assert list(adherence().columns) == list(tables.schema("plan_adherence").columns)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12))
def test_families_add_up_to_the_total(rows):
    result = adherence(supply_plan=[order(i, p) for i, p, _ in rows], production=[made(i, a) for i, _, a in rows],
                       products=[product(i, f"family {i in 'AB'}") for i in "ABCD"])  # fmt: skip
    sums = ["planned_units", "actual_units", "missed_units", "planned_money", "actual_money"]
    assert at(result, "production", "total", "all")[sums].tolist() == pytest.approx(result[result["level"] == "family"][sums].sum().tolist())
    total = at(result, "production", "total", "all")
    assert (total["planned_units"], total["actual_units"]) == (sum(p for _, p, _ in rows), sum(a for _, _, a in rows))


def test_several_months_stand_in_one_table_each_with_its_own_plan():
    before = pd.Timestamp("2026-08-01")
    happened = {"production": [made("A", 90), made("A", 60, before)], "products": [product("A")]}
    frames = [table(name, happened[name]) if name in happened else empty(name) for name in HAPPENED]
    plans = {m: [table("supply_plan", [order("A", u, month=m)]), empty(PLANNED[1]), empty(PLANNED[2])] for m, u in ((MONTH, 100), (before, 50))}
    kept = conform("plan_adherence", adherence_of_months(plans, *frames))
    total = kept[kept["level"] == "total"]
    assert total["month"].tolist() == [before, MONTH] and total["adherence"].tolist() == pytest.approx([0.8, 0.9])
    assert list(adherence_of_months({}, *frames).columns) == list(kept.columns)
    words = [t.get_text() for t in adherence_figure(kept).findobj(lambda a: hasattr(a, "get_text"))]
    assert {"90% kept", "80% kept", "family: F", "2026-08", "2026-09"} <= set(words)
    said = adherence_takeaway(kept)
    assert said.startswith("90% of the production planned for September 2026 was kept, after 80% in August 2026") and said.endswith("F: 10 units less.")
    assert "nothing can be compared" in adherence_takeaway(kept, "purchases")


def test_a_line_that_makes_one_family_alone_is_drawn_once():
    rows = [("family", "F", 10.0, 9.0), ("family", "G", 20.0, 20.0), ("line", "one", 10.0, 9.0), ("line", "both", 30.0, 29.0)]
    kept = pd.DataFrame(rows, columns=["level", "name", "planned_units", "actual_units"]).assign(measure="production", month=MONTH, adherence=0.9)
    words = {t.get_text() for t in adherence_figure(kept).findobj(lambda a: hasattr(a, "get_text"))}
    assert {"F on one", "family: G", "line: both"} <= words and "line: one" not in words
