"""Findings on inputs: each rule finds what it is for and is silent on a sound company."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_inputs import MONTH, company, sales_of, table

from sop_helpers.book import tables
from sop_helpers.book.checks import check_inputs, check_workbook
from sop_helpers.book.config import Source
from sop_helpers.book.conform import conform
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.rules.deals import currencies, stages
from sop_helpers.book.rules.demand import LAUNCH_MONTHS
from sop_helpers.book.rules.findings import Inputs, agree, codes_like, plain_code, some
from sop_helpers.planning.launches import RAMP_MONTHS


def products(**more) -> pd.DataFrame:
    return table("products", **{"product": ["P", "Q"], "family": ["F", "G"], "unit_price": [10.0, 10.0], "unit_cost": [6.0, 6.0], **more})


def base(**more: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a sound company of two products in two regions."""
    units = {(p, r): [100.0 + i % 12 for i in range(36)] for p in ("P", "Q") for r in ("North", "South")}
    return {"products": products(), "sales": sales_of(units), **more}


def found(inputs: dict[str, pd.DataFrame], check: str | None = None, name: str | None = None) -> list[str]:
    """Return level and message of the findings, of one check and table where asked."""
    issues = check_inputs(inputs, MONTH)
    tables.schema("data_issues").validate(issues)
    for column, wanted in (("check", check), ("table", name)):
        issues = issues[issues[column] == wanted] if wanted else issues
    return [f"{level} {message}" for level, message in zip(issues["level"], issues["message"], strict=True)]


def test_a_sound_company_has_no_findings():
    assert found(base()) == []


def test_no_tables_no_findings():
    assert found({}) == []


def test_red_comes_first_then_money():
    inputs = base(
        open_orders=table(
            "open_orders", order=["1", "2"], product=["P", "Z"], region=["North"] * 2, due_month=["2026-08", "2026-10"], units=[5.0, 5.0], revenue=[50.0, 70.0]
        )
    )
    issues = check_inputs(inputs, MONTH)
    assert issues["level"].tolist() == ["red", "amber"] and issues["money"].tolist() == [70, 50]


def test_freshness_of_sales_and_stock():
    stale = base(sales=sales_of({("P", "North"): [5.0] * 12, ("Q", "North"): [5.0] * 12}, last="2026-07"))
    assert found(stale, "freshness") == ["red sales end in 2026-07; the month before the cycle is 2026-09."]
    half = sales_of({("P", "North"): [100.0] * 12 + [10.0], ("Q", "North"): [100.0] * 13})
    assert found(base(sales=half), "freshness") == []
    half = sales_of({("P", "North"): [100.0] * 12 + [10.0], ("Q", "North"): [100.0] * 12 + [20.0]})
    assert found(base(sales=half), "freshness") == ["amber 2026-09 has 30 units; 200 are usual."]
    quiet = pd.concat([base()["sales"], sales_of({("P", "East"): [5.0] * 20}, last="2026-08")])
    assert found(base(sales=quiet), "freshness") == ["amber 1 region has no sales in 2026-09: East."]
    stock = table("inventory", month=["2026-07"], item=["P"], location=["L"], on_hand=[5.0])
    assert found(base(inventory=stock), "freshness") == ["amber stock was last counted at the end of 2026-07; the plan begins with the end of 2026-09."]


def test_series_with_missing_months():
    sales = base()["sales"]
    gone = (
        (sales["product"] == "Q") & (sales["region"] == "South") & sales["month"].isin(pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01", "2026-03-01"]))
    )
    assert found(base(sales=sales[~gone]), "completeness") == [
        "amber 1 product-region lacks 10% or more of the months between its first and last sale: Q/South (4)."
    ]


def test_duplicate_keys():
    sales = base()["sales"]
    assert found(base(sales=pd.concat([sales, sales.head(2)])), "duplicate keys") == ["red 2 rows repeat a key: 2023-10/P/North, 2023-11/P/North."]


def test_negatives_and_what_is_no_number():
    sales = base()["sales"].reset_index(drop=True)
    sales.loc[0, "units"], sales.loc[1, "units"], sales.loc[40, "revenue"] = -5.0, float("inf"), -10.0
    messages = found(base(sales=sales))
    assert "amber 1 month has negative units: P/North." in messages and "red 1 value is not finite: P/North." in messages
    assert "amber 1 month has negative revenue: P/South." in messages


def test_unmapped_keys_are_red_where_the_plan_would_lose_them_and_suggest_the_near_one():
    sales = pd.concat([base()["sales"], sales_of({("p ", "North"): [5.0] * 12})])
    assert found(base(sales=sales), "unmapped keys") == ["red 1 value of product is not in products: 'p ' (is it 'P'?)."]
    deals = table(
        "opportunities",
        opportunity=["1"],
        rep=["r"],
        stage=["Lead"],
        amount=[10.0],
        created=["2026-01-01"],
        expected_close=["2026-12-01"],
        outcome=["open"],
        product=["GTXPro"],
    )
    master = products(product=["GTX Pro", "Q"])
    assert "amber 1 value of product is not in products: 'GTXPro' (is it 'GTX Pro'?)." in found({"products": master, "opportunities": deals})


def test_a_table_that_refers_to_none():
    loads = table("loads", operation=["O"], resource=["R"], hours_per_unit=[1.0])
    assert "red loads refers to resources, and there is no resources table." in found(base(loads=loads))


def test_look_alikes_are_named_and_not_merged():
    sales = pd.concat([base()["sales"], sales_of({("P", "NORTH "): [5.0] * 24})])
    assert found(base(sales=sales), "look-alike codes") == ["amber 1 group of codes looks like one: North = NORTH ."]
    assert found({"products": products(product=["007", "7"])}, "look-alike codes") == ["amber 1 group of codes looks like one: 007 = 7."]


def test_codes_that_a_spreadsheet_rewrote():
    assert found({"products": products(product=["1.2E+05", "1E5"])}) == ["amber 1 code looks rewritten by a spreadsheet: 1.2E+05."]


def test_regions_and_families_that_others_do_not_know():
    regions = table("regions", region=["North", "South"], ship_from=["L", "L"])
    sales = pd.concat([base()["sales"], sales_of({("P", "Nort"): [5.0] * 24})])
    assert found(base(sales=sales, regions=regions), "unmapped keys") == [
        "red 1 value of region is not in regions, so no location ships to it: 'Nort' (is it 'North'?)."
    ]
    budget = table("budget", month=["2026-10"], family=["H"], region=["West"], units=[1.0], revenue=[1.0])
    assert found(base(budget=budget), "unmapped keys") == [
        "amber 1 value of family is not in products, so no product is in it: 'H'.",
        "amber 1 value of region is not in sales, so it has no history: 'West'.",
    ]


def test_history_of_products_and_regions():
    master = table(
        "products",
        product=["P", "Q", "NEW", "SOON", "ALONE"],
        family=["F"] * 5,
        unit_price=[10.0] * 5,
        unit_cost=[6.0] * 5,
        launch_month=[None, None, None, "2026-12", "2026-12"],
        like_product=[None, None, None, "P", None],
    )
    sales = pd.concat([base()["sales"], sales_of({("P", "East"): [5.0], ("Q", "West"): [0.0] * 12})])
    messages = found(base(products=master, sales=sales))
    assert set(messages) == {
        "amber 1 product has no sales and no launch ahead: NEW.",
        "amber 1 launch names no product to follow: ALONE.",
        "amber 1 product-region sold nothing in all its months: Q/West.",
        "amber 1 region has a single month of sales: East.",
    }


def test_a_launch_is_late_once_it_is_no_longer_planned_by_its_like_product():
    assert LAUNCH_MONTHS == RAMP_MONTHS, "rules know nothing of planning"
    master = table(
        "products", product=["P", "Q", "JUST", "LATE"], family=["F"] * 4, unit_price=[10.0] * 4, unit_cost=[6.0] * 4,
        launch_month=[None, None, "2026-05", "2026-04"], like_product=[None, None, "P", "P"],
    )  # fmt: skip
    assert found(base(products=master)) == [
        "amber 1 product was to be launched 6 months ago or more and has not sold since: LATE (2026-04)."
    ]


def test_sales_outside_the_life_of_a_product():
    inputs = base(products=products(end_month=["2026-07", None]))
    assert found(inputs, "life cycle") == ["amber 1 product sold after end_month: P."]


def test_all_zero_demand_is_red():
    assert found(base(sales=sales_of({("P", "North"): [0.0] * 12, ("Q", "North"): [0.0] * 12})), "demand") == ["red all units are zero."]


@pytest.mark.parametrize("months", [1, 2, 3, 24])
def test_an_impossible_value_is_red_however_short_its_series(months):
    sales = sales_of({("P", "North"): [100.0] * 24, ("Q", "North"): [100.0] * (months - 1) + [1e12]})
    assert found(base(sales=sales), "impossible value") == ["red 1 value is over 1,000 times what is usual in its series: Q/North 2026-09: 1,000,000,000,000."]


def test_an_entry_error_of_ten_times_is_left_to_the_cleansing():
    sales = sales_of({("P", "North"): [100.0] * 23 + [1000.0], ("Q", "North"): [0.0] * 22 + [1.0, 900.0]})
    assert found(base(sales=sales), "impossible value") == []


def test_a_price_jump_is_often_a_changed_unit():
    sales = base()["sales"].reset_index(drop=True)
    sales.loc[30, "units"] *= 12
    assert found(base(sales=sales), "price jump")[0].startswith(
        "amber 1 month has a price over 3 times off its usual one: P/North 2026-04 at 0.83 instead of 10.00"
    )
    assert found(base(products=products(unit_price=[30.0, 10.0])), "price against master") == [
        "amber 1 product sold at under half or over twice its unit_price in the last year: P (0.33 times)."
    ]
    assert found(base(products=products(unit_cost=[16.0, 6.0])), "price") == ["amber 1 product costs more than it sells for: P."]


INSIGHT = {
    "insight": ["I"],
    "function": ["sales"],
    "kind": ["promotion"],
    "start_month": ["2026-11"],
    "end_month": ["2026-12"],
    "author": ["Ann"],
    "raised_on": ["2026-09-01"],
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"effect_pct": [5.0]}, []),
        ({"effect_pct": [5.0], "expires_month": ["2026-10"]}, ["amber 1 insight has expired and no longer counts: I (Ann)."]),
        ({}, ["amber 1 insight states no effect: I (Ann)."]),
        ({"effect_pct": [5.0], "effect_units": [3.0]}, ["amber 1 insight states an effect both in % and in units: I (Ann)."]),
        ({"effect_pct": [5.0], "start_month": ["2027-01"]}, ["amber 1 insight ends before it begins: I (Ann)."]),
        ({"effect_pct": [5.0], "product": ["P"], "family": ["Z"]}, ["amber 1 insight names a product of another family: I (Ann): P is of F, not Z."]),
        ({"effect_pct": [5.0], "product": ["P"], "family": ["F"]}, []),
    ],
)
def test_insights(more, said):
    assert found(base(insights=table("insights", **{**INSIGHT, **more})), "insights") == said


def operations(**more) -> pd.DataFrame:
    rows = {
        "operation": ["MP", "MQ", "BS"],
        "kind": ["make", "make", "buy"],
        "item": ["P", "Q", "STEEL"],
        "location": ["L"] * 3,
        "lead_time_months": [0.0, 0.0, 2.0],
        "unit_cost": [1.0] * 3,
    }
    return table("operations", **{**rows, **more})


def components(operation: list[str], item: list[str]) -> pd.DataFrame:
    return table("components", operation=operation, item=item, units_per=[1.0] * len(item))


SOUND = {"operations": operations(), "components": components(["MP", "MQ"], ["STEEL", "STEEL"])}


def test_a_sound_supply_has_no_findings():
    loads = table("loads", operation=["MP", "MQ"], resource=["R", "R"], hours_per_unit=[1.0, 1.0])
    resources = table("resources", resource=["R"], regular_hours=[100.0])
    stock = table("inventory", month=["2026-09"] * 2, item=["P", "STEEL"], location=["L", "L"], on_hand=[5.0, 5.0])
    assert found(base(**SOUND, loads=loads, resources=resources, inventory=stock)) == []


def test_items_that_cannot_be_got():
    inputs = base(operations=operations(item=["P", "OTHER", "STEEL"]), components=components(["MP", "MQ"], ["STEEL", "MYSTERY"]))
    assert found(inputs, "no operation") == [
        "red 1 component is unknown: nothing makes or buys them, and none is in stock: MYSTERY.",
        "amber 1 product is neither made nor bought anywhere: Q.",
    ]
    held = table("inventory", month=["2026-09"], item=["MYSTERY"], location=["L"], on_hand=[9.0])
    assert "amber 1 component is held and never replenished: MYSTERY." in found({**inputs, "inventory": held}, "no operation")
    assert found(
        base(**SOUND, receipts=table("receipts", receipt=["1"], kind=["purchase"], item=["WHAT"], location=["L"], due_month=["2026-11"], units=[1.0]))
    ) == ["amber 1 item of receipts is neither in products nor in operations: WHAT."]


@pytest.mark.parametrize("extra", [(["MP"], ["P"]), (["MP", "MQ"], ["Q", "P"])])
def test_cycles(extra):
    cycle = components(["MP", "MQ", *extra[0]], ["STEEL", "STEEL", *extra[1]])
    assert found(base(operations=operations(), components=cycle), "bill of material")[0].startswith("red a bill of material has a cycle: P needs ")


def test_components_of_what_is_not_made():
    inputs = base(operations=operations(), components=components(["MP", "BS"], ["STEEL", "Q"]))
    assert found(inputs, "bill of material") == [
        "amber 1 component belongs to operations that buy or move: BS.",
        "amber 1 make operation has no components: MQ.",
    ]


def test_resources_without_hours():
    loads = table("loads", operation=["MP"], resource=["R"], hours_per_unit=[1.0])
    none = table("resources", resource=["R", "S"], month=["2026-10", None], regular_hours=[0.0, 5.0])
    messages = found(base(**SOUND, loads=loads, resources=none), "no hours")
    assert messages == ["red 1 resource has no hours in any month: R.", "amber 1 resource has no hours for months of the plan: R (17 from 2026-11)."]


def test_stock_and_open_supply():
    inventory = table("inventory", month=["2026-08", "2026-09"], item=["P", "P"], location=["L", "L"], on_hand=[-9.0, -3.0], value=[-9.0, -18.0])
    receipts = table(
        "receipts", receipt=["R1", "R2"], kind=["purchase"] * 2, item=["P", "P"], location=["L", "L"], due_month=["2026-08", "2026-10"], units=[4.0, 5.0]
    )
    messages = found(base(**SOUND, inventory=inventory, receipts=receipts))
    assert messages == ["amber 1 item has negative stock: P/L: -3.", "amber 1 receipt of 4 units is overdue: R1 (P, 2026-08)."]


def test_negative_units_on_the_way_are_named_as_negative_stock_is():
    places = {"month": ["2026-08", "2026-09", "2026-09"], "item": ["P"] * 3, "location": ["L", "L", "M"], "on_hand": [1.0] * 3}
    inventory = table("inventory", **places, in_transit=[-9.0, -3.0, None])
    inventory["location"] = ["L", "L", "L"]
    inventory["item"] = ["P", "P", "Q"]
    assert found(base(**SOUND, inventory=inventory)) == ["amber 1 item has negative units on the way: P/L: -3."]
    assert found(base(**SOUND, inventory=inventory.assign(in_transit=[-9.0, 3.0, 0.0]))) == []


def test_what_the_last_count_leaves_out_is_named():
    rows = {"month": ["2026-08"] * 3 + ["2026-09"] * 2, "item": ["P", "Q", "P", "P", "STEEL"], "location": ["L", "L", "K", "L", "L"]}
    stock = table("inventory", **rows, on_hand=[5.0, 9.0, 500.0, 4.0, 0.0])
    said = found(base(operations=operations().assign(from_location=["K"] * len(operations())), components=SOUND["components"], inventory=stock), "freshness")
    assert said == [
        "amber 1 item with stock in 2026-08 is missing from the stock-take of 2026-09, which lists others at zero: Q/L.",
        "amber 1 place with 500 units in 2026-08 is missing from the stock-take of 2026-09: K.",
    ]


def test_places_that_nothing_else_knows_are_named_with_what_they_may_be():
    stock = table("inventory", month=["2026-09"] * 2, item=["P", "Q"], location=["l", "NOWHERE"], on_hand=[1.0, 2.0])
    assert found(base(**SOUND, inventory=stock)) == [
        "amber 2 locations are neither made at, moved between nor shipped from: 'l' (is it 'L'?), 'NOWHERE'."
    ]


def test_what_sells_and_has_no_budget_is_named():
    rows = {"month": ["2026-10"] * 2, "units": [1.0] * 2, "revenue": [10.0] * 2}
    assert found(base(budget=table("budget", family=["F", "G"], region=["North", "South"], **rows)), "budget") == []
    assert found(base(budget=table("budget", family=["F", "G"], region=["North", "North"], **rows)), "budget") == [
        "amber 1 region sold in the last twelve months and has no budget: South."
    ]
    assert found(base(budget=table("budget", family=["F", "F"], region=["North", "South"], **rows)), "budget") == [
        "amber 1 family sold in the last twelve months and has no budget: G."
    ]
    ended = base(products=products(end_month=[None, "2026-06"]), budget=table("budget", family=["F", "F"], region=["North", "South"], **rows))
    assert found(ended, "budget") == [], "what has ended before the months budgeted needs no budget"
    old = table("budget", family=["F", "G"], region=["North", "North"], **rows | {"month": ["2024-10"] * 2})
    assert found(base(budget=old), "budget") == [], "a budget of years ago is no budget of today"


def test_a_table_that_does_not_exist_and_a_closed_month_that_was_changed_are_named(tmp_path):
    book = company(tmp_path, salse=Source(path="sales.csv"))
    assert any("[sources.tables.salse], and there is no input table of that name; is it sales?" in m for m in check_workbook(book, MONTH)["message"])
    folder = tmp_path / "output" / "2026-09" / "tables"
    folder.mkdir(parents=True)
    (folder / "demand_plan.parquet").write_bytes(b"as it was")
    kept = {"tables/demand_plan.parquet": hashlib.sha256(b"as it was").hexdigest()}
    (folder.parent / "closed.json").write_text(json.dumps({"month": "2026-09", "files": kept}))
    book = company(tmp_path)
    assert "closed month" not in set(check_workbook(book, MONTH)["check"])
    (folder / "demand_plan.parquet").write_bytes(b"as it is")
    told = check_workbook(book, MONTH)
    assert told.loc[told["check"] == "closed month", "message"].tolist() == [
        "1 file of 2026-09 is not what it was when it was closed: tables/demand_plan.parquet."
    ]


def test_one_unit_of_open_supply_is_said_in_the_singular():
    receipts = table("receipts", receipt=["R1"], kind=["purchase"], item=["P"], location=["L"], due_month=["2026-08"], units=[1.0])
    assert found(base(**SOUND, receipts=receipts)) == ["amber 1 receipt of 1 unit is overdue: R1 (P, 2026-08)."]


def test_lead_times_lots_and_moves():
    rows = operations(lead_time_months=[0.0, 30.0, 2.0], lot_min=[1e6, None, None], max_units=[5.0, None, None])
    messages = found({**base(**SOUND), "operations": rows})
    assert messages == [
        "red 1 operation allows fewer units a month than one lot: MP.",
        "amber 1 minimum lot is over a year of demand: MP (1,000,000 against 2,532).",
        "amber 1 lead time reaches beyond the horizon of 18 months: MQ (30 months).",
    ]
    rows = table("operations", operation=["V"], kind=["move"], item=["P"], location=["L"], lead_time_months=[0.0], unit_cost=[1.0])
    assert found({"operations": rows}, "move") == ["red 1 move does not say from where, or goes to where it is: V."]


DEAL = {
    "opportunity": ["D"],
    "rep": ["r"],
    "stage": ["Lead"],
    "amount": [10.0],
    "created": ["2026-03-01"],
    "expected_close": ["2026-12-01"],
    "closed": [None],
    "outcome": ["open"],
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"closed": ["2026-02-01"], "outcome": ["won"]}, "closed before it was created"),
        ({"outcome": ["lost"]}, "is won or lost without a closing date"),
        ({"closed": ["2026-04-01"]}, "has a closing date and is open"),
        ({"expected_close": ["2026-09-30"]}, "is open and past its expected close"),
        ({"expected_close": [None]}, "is open without an expected close"),
        ({"amount": [None]}, "is open or won without an amount"),
    ],
)
def test_pipeline(more, said):
    assert found({"opportunities": table("opportunities", **{**DEAL, **more})}) == (said and [f"amber 1 deal {said}: D."])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"currency": ["EUR"]}, []),
        ({"expected_close": ["2026-02-01"], "closed": ["2026-04-01"], "outcome": ["won"]}, ["amber 1 deal was expected to close before it was created: D."]),
        ({"amount": [0.0], "closed": ["2026-04-01"], "outcome": ["lost"]}, ["amber 1 lost deal has an amount of zero: D."]),
    ],
)
def test_deals_are_valued_as_they_were_while_open(more, said):
    assert found({"opportunities": table("opportunities", **{**DEAL, **more})}) == said


def two_deals(**more) -> pd.DataFrame:
    return table("opportunities", **{**{name: value * 2 for name, value in DEAL.items()}, "opportunity": ["D", "E"], **more})


def test_mixed_currencies_cannot_be_added_up():
    deals = two_deals(currency=["EUR", "USD"])
    (issue,) = currencies(Inputs({"opportunities": deals}, MONTH, 18, currency="EUR"))
    assert issue.level == "red" and issue.message == "1 deals are not in EUR but in USD: E." and issue.money == 10
    assert not list(currencies(Inputs({"opportunities": two_deals(currency=["EUR", None])}, MONTH, 18, currency="EUR")))


def test_unknown_stages_and_spelling_variants_are_named_and_never_merged():
    deals = two_deals(stage=["Nego-tiation", "Lead"])
    (issue,) = stages(Inputs({"opportunities": deals}, MONTH, 18, stages=("Lead", "Negotiation")))
    assert issue.message == "1 stages of open deals are not among those of the workbook: 'Nego-tiation' (is it 'Negotiation'?)."
    assert deals["stage"].tolist() == ["Nego-tiation", "Lead"]
    assert found({"opportunities": two_deals(stage=["Close Plan", "close-plan"])}) == ["amber 1 group of stages looks like one: Close Plan = close-plan."]


def test_a_stage_misspelled_on_a_decided_deal_is_named_and_won_or_lost_is_none():
    deals = two_deals(stage=["Nego-tiation", "Closed Won"], outcome=["lost", "won"])
    (issue,) = stages(Inputs({"opportunities": deals}, MONTH, 18, stages=("Lead", "Negotiation")))
    assert issue.message == "1 stages of decided deals are not among those of the workbook: 'Nego-tiation' (is it 'Negotiation'?)."
    assert deals["stage"].tolist() == ["Nego-tiation", "Closed Won"]


def test_commits_of_strangers_and_those_said_too_late():
    reps = table("reps", rep=["R01"], start_month=["2024-01"])
    said = {"stated_on": ["2026-09-25"] * 2, "month": ["2026-10", "2026-09"], "person": ["R-01", "R01"], "role": ["rep"] * 2, "amount": [5.0, 6.0]}
    frame = table("commits", **said)
    assert found({"reps": reps, "commits": frame}) == [
        "amber 1 commit was said when its month had begun and is not measured: R01.",
        "amber 1 rep with commits is not in reps: 'R-01' (is it 'R01'?).",
    ]


def test_a_manager_who_names_a_region_in_some_commits_only_is_asked_about():
    said = {"stated_on": "2026-09-25", "month": ["2026-10", "2026-11", "2026-10"], "person": ["M", "M", "Boss"], "role": "manager", "amount": [5.0, 6.0, 7.0]}
    frame = table("commits", region=["north", None, None], **said)
    assert found({"commits": frame}) == ["amber 1 manager names a region in some commits and none in others: M."]
    assert not found({"commits": frame.assign(region=["north", "north", None])})
    assert not found({"commits": frame.assign(role="rep")}), "a rep answers for deals of his own"


def test_quotas_of_people_who_are_not_there():
    reps = table("reps", rep=["a", "b", "c"], start_month=["2024-01", "2026-11", "2024-01"], end_month=["2026-09", None, None])
    quotas = table("quotas", month=["2026-10", "2026-10", "2026-11"], rep=["a", "b", "b"], quota=[5.0, 6.0, 7.0])
    assert set(found({"reps": reps, "quotas": quotas})) == {
        "amber 1 rep has a quota for months after end_month: a.",
        "amber 1 rep has a quota for months before start_month: b.",
        "amber 1 rep at work has no quota ahead: c.",
    }


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ([(0, 1), (1, 1.25), (1.25, None)], []),
        ([(0, 1), (0.9, None)], ["red 1 band overlaps with the next: plan 0."]),
        ([(0, 1), (1.1, None)], ["red 1 band leaves a gap with the next: plan 0."]),
        ([(0, None), (1, None)], ["red 1 band overlaps with the next: plan 0."]),
        ([(0, 1), (1, 1)], ["red 1 band ends before it begins: plan 1.", "amber 1 plan pays nothing above its last band: plan."]),
    ],
)
def test_compensation_bands_meet(bands, said):
    plans = table(
        "comp_plans",
        plan=["plan"] * len(bands),
        tier=[str(i) for i in range(len(bands))],
        from_attainment=[float(b[0]) for b in bands],
        to_attainment=[float("nan") if b[1] is None else float(b[1]) for b in bands],
        rate=[0.05] * len(bands),
    )
    assert found({"comp_plans": plans}) == said


def banded(**columns) -> list[str]:
    """Return the findings on a plan of two bands that meet at quota, with other columns."""
    given = {"plan": ["p", "p"], "tier": ["1", "2"], "from_attainment": [0.0, 1.0], "to_attainment": [1.0, float("nan")], "rate": [0.05, 0.08]}
    return found({"comp_plans": table("comp_plans", **(given | columns))})


def test_other_terms_of_compensation_plans():
    assert banded() == [] and banded(mode=["retroactive"] * 2, threshold=[0.5] * 2) == []
    # Two versions of a plan are two sets of bands; neither reaches the other.
    twice = {"plan": ["p"] * 2, "from_attainment": [0.0] * 2, "to_attainment": [float("nan")] * 2}
    assert banded(**twice, effective_from=[None, "2027-01"]) == []
    assert banded(from_attainment=[0.5, 1.0]) == ["red 1 band is the first of its plan and begins above 0: p 1."]
    assert banded(mode=["retroactive"] * 2, rate=[0.08, 0.05]) == ["red 1 band of retroactive plans pays a lower rate than the one before: p."]
    assert banded(mode=["retroactive", "marginal"]) == ["red 1 plan states more than one mode: p."]
    assert banded(threshold=[0.5, 0.6]) == ["red 1 plan states more than one threshold: p."]


def test_a_view_of_a_region_that_sells_nothing_is_named():
    view = table("views", stated_on=["2026-09-20"], view=["sales"], author=["Kim"], month=["2026-10"], region=["Atlantis"], units=[5.0])
    assert any("Atlantis" in message for message in found(base(views=view)))


def test_a_delivery_that_came_before_it_was_ordered_is_named():
    came = table("deliveries", delivery=["X1", "X2"], item=["P", "P"], location=["L", "L"], ordered=["2026-08-09", "2026-08-01"],
                 arrived=["2026-08-01", "2026-08-09"])
    assert found(base(deliveries=came), "dates") == ["amber 1 delivery arrived before it was ordered: X1 (P, 2026-08-09 to 2026-08-01)."]


def test_a_quota_of_zero_is_named():
    reps = table("reps", rep=["a", "b"], start_month=["2024-01"] * 2)
    quotas = table("quotas", month=["2026-10", "2026-10"], rep=["a", "b"], quota=[0.0, 6.0])
    assert found({"reps": reps, "quotas": quotas}) == ["amber 1 rep has a quota of zero: a."]


def test_one_customer_in_two_territories():
    rows = {"name": ["Kuhn AG", "kuhn  ag", "Kuhn AG"], "territory": ["T1", "T2", "T2"], "x": [1.0, 1.0, 5.0], "y": [2.0, 2.0, 2.0]}
    accounts = conform("accounts", pd.DataFrame({"account": ["1", "2", "3"], "potential": 10.0} | rows))
    assert found({"accounts": accounts}) == ["amber 2 accounts share name and position and are in two territories: Kuhn AG (1 in T1), kuhn  ag (2 in T2)."]
    held = table("accounts", account=["1", "2"], territory=["T1", None], held=["contract", "contract"])
    assert found({"accounts": held}) == ["amber 1 account is held and belongs to no territory: 2."]


@settings(deadline=None)  # the first call loads modules
@given(st.lists(st.floats(0.5, 1), min_size=2, max_size=6))
def test_bands_that_meet_are_never_blamed(widths):
    edges = pd.Series([0.0, *widths]).cumsum().tolist()
    plans = table(
        "comp_plans",
        plan=["p"] * (len(widths) + 1),
        tier=[str(i) for i in range(len(widths) + 1)],
        from_attainment=edges,
        to_attainment=[*edges[1:], float("nan")],
        rate=[0.1] * len(edges),
    )
    assert check_inputs({"comp_plans": plans}, MONTH).empty


def test_one_thing_is_spoken_of_in_the_singular():
    assert agree("1 products have no sales: their, names.") == "1 product has no sales: their, names."
    assert agree("12 products have no sales: a.") == "12 products have no sales: a." and agree("1 of 24 months: a.") == "1 of 24 months: a."


def test_naming():
    assert some(["a", "b"]) == "a, b" and some("abcde") == "a, b, c and 2 more" and some("abc", total=1000) == "a, b, c and 997 more"
    assert plain_code("ＧＴＸ-Pro 007") == plain_code("gtxpro007") and plain_code("007") == "7"
    assert codes_like(["GTXPro", "Z"], ["GTX Pro", "MG Special"]) == {"GTXPro": "GTX Pro"}


def test_a_workbook_without_month(tmp_path):
    with pytest.raises(WorkbookError, match="no month is given"):
        check_workbook(company(tmp_path))
    with pytest.raises(WorkbookError, match="'soon' is not a month"):
        check_workbook(company(tmp_path), "soon")


def test_what_is_ignored_on_reading_is_amber(tmp_path):
    issues = check_workbook(company(tmp_path, {"regions.csv": "region,ship_from,colour\nNorth,L,red\nSouth,L,red\n"}), MONTH)
    assert issues[["level", "check", "table"]].to_numpy().tolist() == [["amber", "reading", "regions"]]
    assert "colour" in issues["message"][0]
