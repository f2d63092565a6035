"""What would help: every figure is that of a plan made anew without the limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from supply_networks import MONTHS, company, monthly, random_company
from test_supply_parts import lines

from sop_helpers.book.conform import conform
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_reasons import SERVED_LATE, recovered
from sop_helpers.planning.supply_remedies import price_remedies
from sop_helpers.planning.wording import AGREE

RULES = {"frozen_months": 0, "whole_lots": False}


def remedies(data: dict[str, pd.DataFrame], **rules) -> tuple[object, pd.DataFrame]:
    plan = plan_supply(**data, months=MONTHS, **(RULES | rules))
    return plan, conform("shortage_remedies", price_remedies(plan.network, plan.causes, plan.shortages))


def one_line(hours: float = 100.0, most: float = np.nan, lead: float = 0.0) -> dict[str, pd.DataFrame]:
    return company(
        products=[{"product": "P", "family": "F", "unit_price": 50.0, "unit_cost": 20.0}],
        operations=[{"operation": "make P", "kind": "make", "item": "P", "location": "plant", "lead_time_months": lead, "unit_cost": 20.0, "max_units": most}],
        loads=[{"operation": "make P", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": hours, "overtime_hours": 10.0, "overtime_rate": 5.0}],
        demand=monthly([150.0] * 6, product="P", region="north"),
    )


def test_overtime_beyond_its_limit_costs_its_rate() -> None:
    plan, table = remedies(one_line())
    assert table["limit"].unique().tolist() == ["capacity of line"] and table["short_units"].iloc[0] == pytest.approx(plan.shortages["short_units"].sum())
    told = table.set_index("remedy")
    over = told.loc["overtime on line beyond its limit"]
    free = one_line()
    free["resources"]["overtime_hours"] = 1e6
    best = plan_supply(**free, months=MONTHS, **RULES)
    assert over["saved_units"] == pytest.approx(plan.shortages["short_units"].sum()) and best.shortages.empty
    assert over["gain"] == pytest.approx(plan.objective - best.objective)
    # Every unit that was lost before is made now, at its cost and the rate of an overtime hour.
    lost = plan.constrained_demand["lost_units"].sum() + plan.constrained_demand.loc[plan.constrained_demand["month"] == MONTHS[-1], "backlog_units"].sum()
    stock = plan.stock_projection["closing_units"].sum()
    assert stock == pytest.approx(0) and over["cost"] == pytest.approx(lost * 25.0)
    assert 0 < told.loc["a tenth more regular hours on line", "saved_units"] < over["saved_units"]


@pytest.mark.parametrize(("open_units", "saved"), [(0.0, 10.0), (115.0, 5.0), (125.0, 0.0)])
def test_more_regular_hours_first_go_to_the_open_orders_that_exceed_them(open_units: float, saved: float) -> None:
    data = one_line()
    if open_units:
        order = {"kind": "production", "item": "P", "location": "plant", "units": open_units}
        data |= {"receipts": company(receipts=[{"order": f"o{k}", "due_month": month} | order for k, month in enumerate(MONTHS)])["receipts"]}
    _, table = remedies(data)
    more = table.loc[table["remedy"] == "a tenth more regular hours on line", "saved_units"].sum()
    assert more == pytest.approx(saved * len(MONTHS))
    bigger = {**data, "resources": data["resources"].assign(regular_hours=110.0)}
    assert more == pytest.approx(late(data) - late(bigger))


def late(data: dict[str, pd.DataFrame]) -> float:
    return float(plan_supply(**data, months=MONTHS, **RULES).shortages["short_units"].sum())


def test_a_limit_lifted_and_what_comes_too_late_expedited() -> None:
    _, table = remedies(one_line(hours=1000.0, most=120.0))
    assert table.loc[table["remedy"] == "no limit of make P", "saved_money"].iloc[0] == pytest.approx(table["short_money"].iloc[0])
    slow = one_line(hours=1000.0, lead=2.0)
    bought = slow | {"operations": slow["operations"].assign(kind="buy", supplier="S"), "loads": slow["loads"].iloc[:0]}
    plan, table = remedies(bought)
    row = table[table["remedy"] == "expedite P @ plant"].iloc[0]
    assert row["saved_units"] == pytest.approx(300.0) and row["gain"] > 0
    assert set(plan.shortages["month"]) == set(MONTHS[:2])
    _, table = remedies(slow)
    assert not table["remedy"].str.startswith("expedite").any(), "no money makes a line that begins now have begun before"


def test_shortages_of_all_causes_add_up_and_no_remedy_makes_the_plan_worse() -> None:
    for data in (lines(0), random_company(3), random_company(5)):
        plan, table = remedies(data)
        each = table.drop_duplicates("limit")
        assert each["short_units"].sum() <= plan.shortages["short_units"].sum() + 1e-6
        lifted = table[~table["remedy"].str.endswith("all the same")]
        assert len(plan.causes) == len(plan.shortages) and (lifted["gain"] >= -1e-6).all() and (table["saved_units"] > 0).all()
        groups = {(c.kind, c.at) for c in plan.causes}
        if len(groups) <= 6 and len(each) == len(groups):
            assert each["short_units"].sum() == pytest.approx(plan.shortages["short_units"].sum(), abs=1e-6)


def test_a_limit_has_one_name_for_all_its_months_and_items() -> None:
    for data in (lines(0), *map(random_company, range(8))):
        plan = plan_supply(**data, months=MONTHS, **RULES)
        told = plan.shortages.assign(kind=[c.kind for c in plan.causes], at=[c.at for c in plan.causes])
        told = told[told["kind"] != "choice"]  # what does not pay is no limit that items share
        assert not told["limit"].str.contains(r"\d{4}-\d\d|\(through", regex=True).any()
        assert (told.groupby(["kind", "at"])["limit"].nunique() == 1).all() and (told.groupby("limit")["at"].nunique() == 1).all()


def test_what_is_served_late_by_choice_is_one_limit_for_all_items() -> None:
    plan = next(p for p in (plan_supply(**random_company(k), months=MONTHS, **RULES) for k in range(20)) if p.shortages["recovered_month"].notna().sum() > 3)
    chosen = [c._replace(kind="choice", limit=SERVED_LATE, at=k) for k, c in enumerate(plan.causes)]
    table = conform("shortage_remedies", price_remedies(plan.network, chosen, plan.shortages.assign(limit=SERVED_LATE)))
    assert table["remedy"].tolist() == [AGREE] and table["short_units"].iloc[0] == pytest.approx(plan.shortages["short_units"].sum())


def built_from_c(**source: float) -> dict[str, pd.DataFrame]:
    """A is made of five C with a yield of a half, so that one A takes ten; C is bought."""
    return company(
        products=[{"product": "A", "family": "F", "unit_price": 100.0, "unit_cost": 50.0}],
        operations=[
            {"operation": "make A", "kind": "make", "item": "A", "location": "plant", "lead_time_months": 0.0, "unit_cost": 20.0, "yield_share": 0.5},
            {"operation": "buy C", "kind": "buy", "item": "C", "location": "plant", "supplier": "S", "lead_time_months": 1.0, "unit_cost": 1.0} | source,
        ],
        components=[{"operation": "make A", "item": "C", "units_per": 5.0}],
        regions=[{"region": "n", "ship_from": "plant"}],
        demand=monthly([100.0] * 6, product="A", region="n"),
    )


@pytest.mark.parametrize("stated", ["operation", "money"])
def test_what_is_lacking_of_a_component_is_told_in_its_own_units(stated: str) -> None:
    data = built_from_c(max_units=300.0) if stated == "operation" else built_from_c()
    if stated == "money":
        data |= {"supplier_limits": company(supplier_limits=[{"supplier": "S", "max_value": 300.0}])["supplier_limits"]}
    plan, table = remedies(data)
    assert plan.shortages["remedy"].iloc[0].startswith("expedite 1,000 units of C @ plant to 2026-10")
    assert (plan.shortages["remedy"].iloc[1:] == "700 units more from S or a second source cost about 700").all()
    told = plan_supply(**data, months=MONTHS, **RULES, currency="EUR").shortages["remedy"]
    assert told.iloc[0].endswith(" EUR") and told.iloc[1] == "700 units more from S or a second source cost about 700 EUR"
    # Sooner is not more than the supplier gives in a month, whichever way that is stated.
    assert table.set_index("remedy").loc["expedite C @ plant", "saved_units"] == pytest.approx(30.0)


def test_a_lead_time_beyond_the_plan_is_no_last_month() -> None:
    plan, table = remedies(built_from_c(lead_time_months=9.0))
    assert (plan.shortages["cause"] == "lead time of 9 months: C @ plant cannot arrive within the plan").all()
    assert table["remedy"].tolist() == ["expedite C @ plant"]


def test_an_hour_of_a_full_line_with_people_is_worth_what_one_more_saves() -> None:
    data = one_line(hours=80.0)
    crew = {"regular_hours": 80.0, "workers": 10.0, "wage": 100.0, "hire_cost": 200.0, "layoff_cost": 100.0, "hours_per_worker": 20.0}
    data["resources"] = company(resources=[{"resource": "line"} | crew])["resources"]
    plan = plan_supply(**data, months=MONTHS, **RULES)
    for t in (0, 3):
        worth, saved = plan.capacity_load["value_of_hour"].iloc[t], []
        for more in (1e-3, -1e-3):
            own = data["resources"].assign(month=MONTHS[t], regular_hours=80.0 + more)
            changed = data | {"resources": pd.concat([data["resources"], own], ignore_index=True)}
            saved.append((plan.objective - plan_supply(**changed, months=MONTHS, **RULES).objective) / more)
        assert worth > 10 and min(saved) - 1e-4 <= worth <= max(saved) + 1e-4


def peak(stock: float) -> dict[str, pd.DataFrame]:
    """A keeps for a month; February wants far more than the line makes."""
    return company(
        products=[{"product": "A", "family": "F", "unit_price": 100.0, "unit_cost": 50.0, "shelf_life_months": 1.0}],
        operations=[{"operation": "make A", "kind": "make", "item": "A", "location": "plant", "lead_time_months": 0.0, "unit_cost": 20.0}],
        loads=[{"operation": "make A", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": 30.0, "overtime_hours": 5.0, "overtime_rate": 3.0}],
        inventory=[{"month": pd.Timestamp("2026-09-01"), "item": "A", "location": "plant", "on_hand": stock}],
        regions=[{"region": "n", "ship_from": "plant"}],
        demand=monthly([10.0, 10.0, 10.0, 10.0, 200.0, 10.0], product="A", region="n"),
    )


def test_a_unit_thrown_away_is_not_why_many_are_short() -> None:
    told = [remedies(peak(stock)) for stock in (20.0, 21.0, 200.0)]
    assert [plan.shortages["cause"].iloc[0].split(":")[0] for plan, _ in told] == ["capacity of line in 2027-02"] * 2 + ["shelf life of A @ plant"]
    assert told[0][1]["gain"].tolist() == pytest.approx(told[1][1]["gain"].tolist())
    kept = told[2][1].set_index("remedy").loc["A @ plant that keeps longer"]
    longer = peak(200.0)
    longer["products"]["shelf_life_months"] = np.nan
    saved = told[2][0].shortages["short_units"].sum() - plan_supply(**longer, months=MONTHS, **RULES).shortages["short_units"].sum()
    assert kept["saved_units"] == pytest.approx(saved) and saved > 0


def test_outside_hours_beyond_their_limit_are_tried() -> None:
    data = one_line()
    data["resources"] = data["resources"].assign(outside_hours=5.0, outside_rate=40.0)
    plan, table = remedies(data)
    more = data | {"resources": data["resources"].assign(outside_hours=1e6)}
    best = plan_supply(**more, months=MONTHS, **RULES)
    told = table.set_index("remedy").loc["outside hours for line beyond their limit"]
    assert told["gain"] == pytest.approx(plan.objective - best.objective) and told["saved_units"] == pytest.approx(plan.shortages["short_units"].sum())


def test_what_is_owed_from_before_and_given_up_leaves_this_months_demand_to_be_made_up() -> None:
    data = company(
        products=[{"product": "M", "family": "F", "unit_price": 100.0, "unit_cost": 50.0, "made_to": "order", "promised_months": 0.0}],
        operations=[{"operation": "make M", "kind": "make", "item": "M", "location": "plant", "lead_time_months": 0.0, "unit_cost": 20.0}],
        loads=[{"operation": "make M", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": 90.0}],
        regions=[{"region": "n", "ship_from": "plant"}],
        demand=monthly([100.0, 60.0, 60.0, 60.0, 60.0, 60.0], product="M", region="n"),
        open_orders=[{"order": "old", "product": "M", "region": "n", "due_month": pd.Timestamp("2026-08-01"), "units": 20.0}],
    )
    net = build_network(**data, months=MONTHS, frozen_months=0)
    demand, backlog = net.demand, net.series["backlog"].to_numpy()
    lost, ship = np.zeros_like(demand), np.full_like(demand, 60.0)
    lost[:, 0], ship[:, 0], ship[:, 1] = backlog, 90.0, 70.0
    flows = {"ship": ship, "lost": lost}
    assert recovered(net, flows)[0].tolist() == [1, 1, 2, 3, 4, 5], "what was lost is older than October's demand"
    lost[:, 0], ship[:, 0] = backlog + 5.0, 85.0
    assert recovered(net, flows)[0, 0] == -1


def test_what_is_on_order_counts_against_a_limit_in_money_at_its_own_suppliers_price() -> None:
    buys = [{"operation": f"buy {s}", "kind": "buy", "item": "A", "location": "plant", "supplier": s, "lead_time_months": 0.0, "unit_cost": c} for s, c in
            (("S", 10.0), ("D", 2.0))]  # fmt: skip
    data = company(
        products=[{"product": "A", "family": "F", "unit_price": 100.0, "unit_cost": 50.0}],
        operations=[buys[0], buys[1] | {"max_units": 20.0}],
        regions=[{"region": "n", "ship_from": "plant"}],
        supplier_limits=[{"supplier": "S", "max_value": 600.0}],
        receipts=[{"order": "R", "kind": "purchase", "item": "A", "location": "plant", "units": 50.0, "due_month": MONTHS[0], "supplier": "S"}],
        demand=monthly([100.0] * 6, product="A", region="n"),
    )
    plan = plan_supply(**data, months=MONTHS, **RULES)
    bought = plan.supply_plan[(plan.supply_plan["operation"] == "buy S")].set_index("month")["units"]
    assert plan.limit_prices["room"].iloc[0] == pytest.approx(100.0) and bought.get(MONTHS[0], 0.0) == pytest.approx(10.0)


def test_nothing_short_needs_no_remedy() -> None:
    assert remedies(one_line(hours=1000.0))[1].empty
