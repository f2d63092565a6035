"""Findings on supply: demand that nothing can reach, and costs that betray another unit."""

from __future__ import annotations

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


@pytest.mark.parametrize(("made_to", "months", "said"), [
    ("order", 2.0, None), (None, None, None), ("stock", 2.0, "1 product promises a lead time and is made to stock: P (2)."),
    ("order", 60.0, "1 product promises 18 months or more, which is beyond the plan: P (60)."),
])  # fmt: skip
def test_a_lead_time_promised_in_vain_is_named(made_to, months, said):
    products = table("products", product=["P"], family=["F"], unit_price=[10.0], unit_cost=[6.0], made_to=[made_to], promised_months=[months])
    assert [r[2] for r in found(company(products=products), "promise")] == ([said] if said else [])
