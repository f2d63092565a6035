"""Findings on supply: demand that nothing can reach, and costs that betray another unit."""

from __future__ import annotations

import pandas as pd
import pytest
from small_inputs import MONTH, sales_of, table

from sop_helpers.book import tables
from sop_helpers.book.checks import check_inputs


def company(**more):
    products = table("products", product=["P"], family=["F"], unit_price=[10.0], unit_cost=[6.0])
    months = {("P", "North"): [100.0] * 36, ("P", "South"): [50.0] * 36}
    operations = table("operations", operation=["BP"], kind=["buy"], item=["P"], location=["L"], lead_time_months=[1.0], unit_cost=[6.0])
    return {"products": products, "sales": sales_of(months), "operations": operations, **more}


def found(inputs, check):
    issues = check_inputs(inputs, MONTH)
    tables.schema("data_issues").validate(issues)
    return issues.loc[issues["check"] == check, ["table", "column", "message", "money"]].values.tolist()


def regions(*places):
    return table("regions", region=["North", "South"], ship_from=list(places))


def test_demand_at_a_place_that_nothing_supplies_is_named_with_its_money():
    rows = found(company(regions=regions("L", "DEPOT")), "no operation")
    assert [r[:3] for r in rows] == [["operations", "location", "1 product-region has demand at a place that nothing supplies: P at DEPOT for South."]]
    assert rows[0][3] == pytest.approx(12 * 50 * 10)
    assert found(company(regions=regions("L", "L")), "no operation") == []
    assert found(company(regions=regions("L", None)), "no operation") == [], "the plan chooses where to ship from"


def test_a_move_brings_it_there():
    operations = table("operations", operation=["BP", "MP"], kind=["buy", "move"], item=["P"] * 2, location=["L", "DEPOT"],
                       from_location=[None, "L"], lead_time_months=[1.0, 0.0], unit_cost=[6.0, 1.0])  # fmt: skip
    assert found(company(regions=regions("L", "DEPOT"), operations=operations), "no operation") == []


@pytest.mark.parametrize(("cost", "said"), [(72.0, "12 times"), (0.5, "0.0833 times"), (29.0, ""), (1.3, ""), (0.0, "")])
def test_a_purchase_in_another_unit_shows_in_its_cost(cost, said):
    operations = table("operations", operation=["BP"], kind=["buy"], item=["P"], location=["L"], lead_time_months=[1.0], unit_cost=[cost])
    messages = [r[2] for r in found(company(operations=operations), "units")]
    assert messages == ([f"1 item costs under a fifth or over five times the unit_cost of products: P ({said})."] if said else [])


def test_stock_in_another_unit_shows_in_its_value():
    held = table("inventory", month=["2026-09"], item=["P"], location=["L"], on_hand=[10.0], value=[720.0])
    assert [r[:2] for r in found(company(inventory=held), "units")] == [["inventory", "value"]]
    assert found(company(inventory=held.assign(value=60.0)), "units") == []
    assert found(company(inventory=held.assign(value=float("nan"))), "units") == []
    assert found(company(inventory=held.assign(on_hand=-10.0)), "units") == [], "no row is left to compare"


def test_a_limit_that_limits_nobody_is_named_with_what_may_be_meant():
    operations = table("operations", operation=["BP"], kind=["buy"], item=["P"], location=["LYON"], supplier=["Elektra Brno"], lead_time_months=[1.0],
                       unit_cost=[6.0])  # fmt: skip
    suppliers = table("supplier_limits", supplier=["Elektra-Brno", "Nobody"], max_units=[100.0, 5.0])
    places = table("location_limits", location=["lyon"], max_units=[1000.0])
    rows = found(company(operations=operations, supplier_limits=suppliers, location_limits=places), "unmapped keys")
    said = {name: message for name, _, message, _ in rows}
    assert "'Elektra-Brno' (is it 'Elektra Brno'?)" in said["supplier_limits"] and "'Nobody'" in said["supplier_limits"]
    assert "'lyon' (is it 'LYON'?)" in said["location_limits"]
    right = table("supplier_limits", supplier=["Elektra Brno"], max_units=[100.0])
    assert found(company(operations=operations, supplier_limits=right), "unmapped keys") == []


def lane_company(limits, measures=None, uom=("pcs", "pcs")):
    products = table("products", product=["P", "Q"], family=["F"] * 2, unit_price=[10.0] * 2, unit_cost=[6.0] * 2, uom=list(uom))
    operations = table("operations", operation=["BP", "BQ", "MP", "MQ"], kind=["buy"] * 2 + ["move"] * 2, item=["P", "Q"] * 2,
                       location=["PLANT"] * 2 + ["LYON"] * 2, from_location=[None, None, "PLANT", "PLANT"], lead_time_months=[0.0] * 4,
                       unit_cost=[6.0, 6.0, 1.0, 1.0])  # fmt: skip
    limits = table("lane_limits", **({"from_location": ["PLANT"], "location": ["LYON"], "max_load": [10.0]} | limits))
    more = {} if measures is None else {"item_measures": table("item_measures", **measures)}
    return company(products=products, operations=operations, lane_limits=limits) | more


def test_a_lane_that_nothing_moves_on_is_named_with_what_may_be_meant():
    back = found(lane_company({"from_location": ["LYON"], "location": ["PLANT"]}), "unmapped keys")
    assert "is it 'PLANT'?" not in back[0][2] and len(back) == 1, "the place that no move leaves is named once"
    both = lane_company({})
    onward = both["operations"].iloc[2:3].assign(operation="on", location="DEPOT", from_location="LYON")
    both["operations"] = pd.concat([both["operations"], onward])
    both["lane_limits"] = table("lane_limits", from_location=["LYON", "PLANT"], location=["PLANT", "DEPOT"], max_load=[1.0, 2.0])
    said = [r for r in found(both, "unmapped keys") if r[0] == "lane_limits"]
    assert said[0][1] == "from_location + location"
    assert said[0][2] == "2 lanes are limited that no operation moves anything on: LYON to PLANT (is it PLANT to LYON?), PLANT to DEPOT."
    spelt = found(lane_company({"from_location": ["Plant"]}), "unmapped keys")
    assert "'Plant' (is it 'PLANT'?)" in spelt[0][2]
    assert found(lane_company({}), "unmapped keys") == []


def test_an_item_that_does_not_say_what_it_takes_of_a_measure_is_named_with_the_row():
    in_kg = {"measure": ["kg"]}
    rows = found(lane_company(in_kg, {"item": ["P", "Q"], "measure": ["kg", "KG"], "per_unit": [2.0, 3.0]}), "units")
    assert [r[:2] for r in rows] == [["lane_limits", "measure"]]
    assert rows[0][2].startswith("Row 2 limits PLANT to LYON in 'kg' (is 'KG' meant?), and 1 item that moves there does not say") and rows[0][2].endswith("Q.")
    assert found(lane_company(in_kg, {"item": ["P", "Q"], "measure": ["kg", "kg"], "per_unit": [2.0, 3.0]}), "units") == []
    assert "how much of it they take: P, Q." in found(lane_company(in_kg), "units")[0][2]


def test_pieces_and_cases_are_not_added_up_in_silence():
    rows = found(lane_company({}, uom=("pcs", "case")), "units")
    assert rows[0][2] == "Row 2 limits PLANT to LYON in units, and its items count in different ones: case, pcs."
    assert found(lane_company({}), "units") == []


@pytest.mark.parametrize(("made_to", "months", "said"), [
    ("order", 2.0, None), (None, None, None), ("stock", 2.0, "1 product promises a lead time and is made to stock: P (2)."),
    ("order", 60.0, "1 product promises 18 months or more, which is beyond the plan: P (60)."),
])  # fmt: skip
def test_a_lead_time_promised_in_vain_is_named(made_to, months, said):
    products = table("products", product=["P"], family=["F"], unit_price=[10.0], unit_cost=[6.0], made_to=[made_to], promised_months=[months])
    assert [r[2] for r in found(company(products=products), "promise")] == ([said] if said else [])


def parts(**more):
    """P is made of two C, C is made of three D; both parts are bought or made nowhere else."""
    operations = table("operations", operation=["MP", "MC", "BD"], kind=["make", "make", "buy"], item=["P", "C", "D"], location=["L"] * 3,
                       lead_time_months=[0.0] * 3, unit_cost=[1.0, 1.0, 0.5])  # fmt: skip
    components = table("components", operation=["MP", "MC"], item=["C", "D"], units_per=[2.0, 3.0])
    return company(**({"operations": operations, "components": components} | more))


@pytest.mark.parametrize(("lot", "said"), [(10_801.0, "BD (10,801 against 10,800)"), (10_800.0, "")])
def test_a_lot_of_a_part_is_held_against_a_year_of_what_needs_it(lot, said):
    # 150 a month of P for a year are 1,800; each takes six of D.
    inputs = parts()
    operations = inputs["operations"].assign(lot_min=[None, None, lot])
    messages = [r[2] for r in found(inputs | {"operations": operations}, "lot")]
    assert messages == ([f"1 minimum lot is over a year of demand: {said}."] if said else [])


def test_a_cycle_in_a_bill_does_not_stop_what_is_said_of_lots():
    inputs = parts()
    operations = inputs["operations"].assign(lot_min=[5_000.0, None, None])
    loop = table("components", operation=["MP", "MC"], item=["C", "P"], units_per=[2.0, 3.0])
    messages = [r[2] for r in found(inputs | {"operations": operations, "components": loop}, "lot")]
    assert messages == ["1 minimum lot is over a year of demand: MP (5,000 against 1,800)."]


@pytest.mark.parametrize(("cost", "said"), [(6.0, True), (0.6, False)])
def test_two_purchases_of_a_part_in_different_units_show_in_their_costs(cost, said):
    operations = table("operations", operation=["B1", "B2"], kind=["buy"] * 2, item=["D"] * 2, location=["L"] * 2, lead_time_months=[0.0] * 2,
                       unit_cost=[0.5, cost])  # fmt: skip
    expected = ["1 item is bought at costs over five times apart: D (0.5 to 6)."] if said else []
    assert [r[2] for r in found(company(operations=operations), "units")] == expected


def test_stock_of_a_part_in_another_unit_than_its_purchase_shows_in_its_value():
    held = table("inventory", month=["2026-09"], item=["D"], location=["L"], on_hand=[10.0], value=[60.0])
    assert [r[2] for r in found(parts(inventory=held), "units")] == ["1 item is valued under a fifth or over five times what buying it costs: D (12 times)."]
    assert found(parts(inventory=held.assign(value=6.0)), "units") == []


def test_a_standing_value_of_no_hours_is_named_where_no_month_of_the_plan_states_others():
    loads = table("loads", operation=["BP"], resource=["R"], hours_per_unit=[1.0])
    then = table("resources", resource=["R", "R"], month=[None, "2026-08"], regular_hours=[0.0, 100.0])
    assert [r[2] for r in found(company(loads=loads, resources=then), "no hours")] == ["1 resource has no hours for months of the plan: R (18 from 2026-10)."]
    some = then.assign(month=then["month"].mask(then.index == 1, pd.Timestamp("2026-10-01")))
    assert [r[2] for r in found(company(loads=loads, resources=some), "no hours")] == ["1 resource has no hours for months of the plan: R (17 from 2026-11)."]
    closed = then.assign(regular_hours=[100.0, 0.0], month=some["month"])
    assert found(company(loads=loads, resources=closed), "no hours") == [], "a month of no hours beside a standing value is a closure"


def supplier(**limits):
    return table("supplier_limits", supplier=["S"], **limits)


def bought(**lots):
    return table("operations", operation=["BP"], kind=["buy"], item=["P"], location=["L"], supplier=["S"], lead_time_months=[1.0], unit_cost=[6.0], **lots)


def test_a_lot_above_what_its_supplier_delivers_in_a_month_is_named():
    rows = found(company(operations=bought(lot_min=[250.0]), supplier_limits=supplier(max_units=[150.0])), "lot")
    said = "1 operation has a lot above all that its supplier delivers in any month (in units): BP (250 against 150 of S)."
    assert [r[:3] for r in rows] == [["supplier_limits", "max_units", said]]
    assert found(company(operations=bought(lot_min=[250.0]), supplier_limits=supplier(max_units=[250.0])), "lot") == []
    assert found(company(operations=bought(), supplier_limits=supplier(max_units=[150.0])), "lot") == []


def test_lots_are_whole_multiples_and_count_in_money_where_the_limit_does():
    rows = found(company(operations=bought(lot_min=[90.0], lot_multiple=[60.0]), supplier_limits=supplier(max_value=[700.0])), "lot")
    assert [r[1] for r in rows] == ["max_value"] and "(in money): BP (720 against 700 of S)" in rows[0][2]
    assert found(company(operations=bought(lot_multiple=[60.0]), supplier_limits=supplier(max_value=[700.0])), "lot") == []


def test_one_month_that_holds_the_lot_is_enough():
    limits = table("supplier_limits", supplier=["S", "S"], month=[None, "2027-01"], max_units=[150.0, 300.0])
    assert found(company(operations=bought(lot_min=[250.0]), supplier_limits=limits), "lot") == []
    only = table("supplier_limits", supplier=["S"], month=["2027-01"], max_units=[150.0])
    assert found(company(operations=bought(lot_min=[250.0]), supplier_limits=only), "lot") == [], "other months have no limit"


def test_months_in_which_nothing_ordered_now_can_come_do_not_hold_a_lot():
    limits = table("supplier_limits", supplier=["S", "S"], month=[None, "2026-10"], max_units=[150.0, 300.0])
    assert "250 against 150" in found(company(operations=bought(lot_min=[250.0]), supplier_limits=limits), "lot")[0][2], "the lead time is a month"


def test_a_supplier_that_is_closed_is_no_mistake_and_small_numbers_are_told_as_they_are():
    assert found(company(operations=bought(lot_min=[250.0]), supplier_limits=supplier(max_units=[0.0])), "lot") == []
    assert "BP (0.5 against 0.3 of S)" in found(company(operations=bought(lot_min=[0.5]), supplier_limits=supplier(max_units=[0.3])), "lot")[0][2]


def test_a_row_of_supplier_limits_without_a_limit_is_named():
    limits = table("supplier_limits", supplier=["S", "S"], month=[None, "2027-01"], max_units=[150.0, None])
    rows = found(company(operations=bought(), supplier_limits=limits), "blank limits")
    assert [r[2] for r in rows] == ["1 row states neither max_units nor max_value: row 3 (S)."]
    assert found(company(operations=bought(), supplier_limits=supplier(max_value=[0.0])), "blank limits") == []


def test_a_multiple_above_what_an_operation_allows_in_a_month_is_a_lot_that_never_comes():
    said = ["1 operation allows fewer units a month than one lot: BP."]
    assert [r[2] for r in found(company(operations=bought(lot_min=[90.0], lot_multiple=[60.0], max_units=[100.0])), "lot")] == said
    assert found(company(operations=bought(lot_min=[90.0], lot_multiple=[60.0], max_units=[120.0])), "lot") == []
