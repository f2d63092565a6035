"""The join of sales and supply: the chain adds up, priority decides who gets scarce goods, shortages come back to the reps, levers are refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, table

from sop_helpers.book import tables as contracts
from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import join, join_money
from sop_helpers.planning.join_feedback import hire_effect, outcome, promotion_grid
from sop_helpers.planning.join_levers import check_levers, levered_demand, levered_reps
from sop_helpers.planning.join_model import JoinModel, Selling
from sop_helpers.planning.join_setup import JOIN_TABLES, hires_wanted, selling_side
from sop_helpers.planning.rep_capacity import on_leave, rep_capacity
from sop_helpers.planning.supply import plan_supply

RULES = {"frozen_months": 0, "holding_rate": 0.24, "backorder_rate": 0.02, "patience_months": 2}


def plant(hours: float = 200.0, priority: tuple[float, float] = (1.0, 1.0), demand: tuple[float, float] = (100.0, 100.0)) -> dict[str, pd.DataFrame]:
    """One product of an hour a unit, made at one place for two regions; 100 in price, 40 in cost."""
    return company(
        products=[{"product": "P", "family": "F", "unit_price": 100.0, "unit_cost": 40.0}],
        regions=[{"region": r, "ship_from": "plant", "priority": p} for r, p in zip(("north", "south"), priority, strict=True)],
        operations=[{"operation": "make", "kind": "make", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 40.0}],
        loads=[{"operation": "make", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": hours, "overtime_hours": 0.0}],
        demand=monthly([demand[0]] * 6, product="P", region="north") + monthly([demand[1]] * 6, product="P", region="south"),
    )


def sellers(north: int = 2, south: int = 2, quota: float = 5000.0) -> Selling:
    """Reps with the same quota in every month of the year before; they bring all of it."""
    reps = [{"rep": f"{r}{i}", "region": r, "start_month": pd.Timestamp("2020-01-01"), "on_target_earnings": 12_000.0, "variable_share": 0.4}
            for r, n in (("north", north), ("south", south)) for i in range(n)]  # fmt: skip
    months = pd.date_range("2025-10-01", periods=12, freq="MS", unit="us")
    quotas = [{"month": m, "rep": r["rep"], "quota": quota, "bookings": quota} for m in months for r in reps]
    return Selling(conform("reps", table("reps", reps)), conform("quotas", table("quotas", quotas)), empty("comp_plans"))


def model(hours: float = 200.0, selling: Selling | None = None, **more) -> JoinModel:
    data = plant(hours, **more)
    targets = data.pop("targets")
    return JoinModel(data, targets, None, MONTHS, selling, **RULES)


# sellers


def test_what_nobody_sells_is_cut_region_by_region_and_what_needs_nobody_is_not():
    demand = pd.DataFrame({"month": MONTHS[0], "product": "P", "region": ["a", "b", "c"], "revenue": [100.0, 100.0, 100.0]})
    capacity = pd.DataFrame({"month": [MONTHS[0]] * 2 + [MONTHS[1]], "region": ["a", "a", "b"], "capacity": [30.0, 10.0, 80.0]})
    out = join.sellers_limit(demand, capacity, pd.Series({"a": 0.25})).set_index("region")
    assert out["sold_revenue"].to_dict() == {"a": 65.0, "b": 0.0, "c": 100.0} and out["unaided_revenue"].to_dict() == {"a": 25.0, "b": 0.0, "c": 0.0}
    assert np.isnan(out.loc["c", "seller_capacity"]), "a region without reps has no limit"
    more = join.sellers_limit(demand.assign(promoted=[20.0, 0.0, 0.0]), capacity, 0.0).set_index("region")
    assert more.loc["a", "sold_revenue"] == 60.0, "what a promotion brings needs no seller"


def test_the_share_that_needs_no_seller_is_measured():
    booked = pd.DataFrame({"month": MONTHS[[0, 1, 2]], "rep": ["r", "r", "s"], "bookings": [60.0, 20.0, np.nan]})
    sales = pd.DataFrame({"month": MONTHS[[0, 1, 2]], "region": "a", "revenue": [100.0, 100.0, 999.0]})
    reps = pd.DataFrame({"rep": ["r", "s"], "region": ["a", "b"]})
    assert join.unaided_share(booked, reps, sales).to_dict() == {"a": pytest.approx(0.6)}
    both = pd.concat([sales, sales.assign(region="b", revenue=50.0)])
    assert join.unaided_share(booked, reps, both)["b"] == 1.0, "whose reps have brought nothing yet sold all of it without them"


def test_reps_are_credited_with_what_they_bring_and_no_more():
    demand = pd.DataFrame({"month": MONTHS[0], "product": "P", "region": "a", "revenue": [100.0], "promoted": [20.0]})
    limit = join.sellers_limit(demand, pd.DataFrame({"month": [MONTHS[0]], "region": ["a"], "capacity": [30.0]}), pd.Series({"a": 0.25}))
    # Of the 80 that are no promotion a quarter comes by itself, and sellers bring 30 of the rest: 70 are sold.
    assert limit["sold_revenue"].tolist() == [70.0] and limit["credited_share"].tolist() == [pytest.approx(30 / 70)]
    staff = pd.DataFrame({"month": MONTHS[0], "rep": ["x", "y"], "region": "a", "capacity": [10.0, 20.0], "quota": 1.0})
    credited = join_money.rep_bookings(limit.assign(sellable_revenue=70.0), staff)
    assert credited["bookings"].tolist() == pytest.approx([10.0, 20.0])


def test_a_scenario_goes_on_after_its_month_has_passed():
    past = check_levers({"hires": {"north": 1}, "hire_month": "2026-08", "promotion_month": "2026-09", "promotion_uplift": 0.1}, MONTHS, ["north"], ["F"])
    assert past["hire_month"] == "2026-08" and past["promotion_month"] is None and past["promotion_uplift"] == 0


def test_hires_have_the_terms_of_those_who_are_there():
    reps = pd.DataFrame({"rep": ["old", "here"], "region": "north", "start_month": pd.Timestamp("2019-01-01"),
                         "end_month": pd.to_datetime(["2020-01-01", None]), "on_target_earnings": [50.0, 100.0], "variable_share": [0.1, 0.4]})
    new = levered_reps(reps, {"hires": {"north": 1}}, MONTHS[0]).iloc[-1]
    assert new["on_target_earnings"] == 100.0 and new["variable_share"] == 0.4


def test_better_win_rates_move_only_the_pipelines_part():
    demand = pd.DataFrame({"month": MONTHS[0], "product": ["P", "Q"], "region": "a", "units": [10.0, 10.0], "revenue": [100.0, 300.0]})
    products = pd.DataFrame({"product": ["P", "Q"], "family": ["F", "F"]})
    bookings = pd.DataFrame({"month": [MONTHS[0]], "family": ["F"], "region": ["a"], "bookings": [100.0]})
    out = join.bookings_demand(demand, bookings, products, 1.2)
    assert out["revenue"].sum() == pytest.approx(400 + 0.2 * 100) and np.allclose(out["units"], 10 * 1.05)


# priority


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_the_allocation_keeps_every_total_and_serves_priority_first(seed):
    draw = np.random.default_rng(seed)
    demand, backlog = draw.integers(0, 50, (5, 6)).astype(float), draw.integers(0, 10, 5).astype(float)
    pool, weight = np.array([0, 0, 0, 1, 1]), draw.choice([1.0, 2.0], 5)
    shipped, lost, waiting = np.zeros((5, 6)), np.zeros((5, 6)), backlog.copy()
    for t in range(6):
        want = waiting + demand[:, t]
        shipped[:, t] = want * draw.random(5)
        lost[:, t] = (want - shipped[:, t]) * draw.random(5)
        waiting = want - shipped[:, t] - lost[:, t]
    ship, gone, owed = join.allocate(demand, backlog, shipped, lost, pool, weight)
    before = np.concatenate([backlog[:, None], owed[:, :-1]], axis=1)
    assert np.allclose(before + demand, ship + gone + owed) and min(ship.min(), gone.min(), owed.min()) >= 0
    for p in (0, 1):
        assert np.allclose(ship[pool == p].sum(axis=0), shipped[pool == p].sum(axis=0))
        assert np.allclose(gone[pool == p].sum(axis=0), lost[pool == p].sum(axis=0))
        low, high = (pool == p) & (weight == 1), (pool == p) & (weight == 2)
        full = np.isclose(ship[high], (before + demand)[high]).all(axis=0)
        assert (full | (ship[low].sum(axis=0) < 1e-9)).all(), "the lower priority got goods while the higher still waited"


def test_scarce_goods_go_to_the_region_of_higher_priority():
    answer = model(150.0, priority=(1.0, 2.0)).answer()
    by = answer.sellable.groupby("region")["sellable_revenue"].sum()
    assert by["south"] == pytest.approx(6 * 100 * 100) and by["north"] == pytest.approx(6 * 50 * 100)
    even = model(150.0).answer().sellable.groupby("region")["sellable_revenue"].sum()
    assert even["north"] == pytest.approx(even["south"])


# the chain


@pytest.mark.parametrize(("hours", "reps", "said"), [(500, 2, "nothing"), (500, 1, "sellers"), (120, 2, "supply"), (60, 1, "both")])
def test_each_limit_is_named(hours, reps, said):
    answer = model(hours, sellers(reps, reps)).answer()
    assert set(answer.sellable["limited_by"]) == {said}
    conform("sellable_revenue", answer.sellable)
    steps = join.revenue_steps(answer.sellable)
    assert steps.iloc[:4].sum() == pytest.approx(steps["sellable"])
    assert steps["no seller"] == pytest.approx(0 if reps == 2 else -6 * 2 * 5000)
    lost = answer.sellable["lost_revenue"].sum()
    assert -steps["no supply"] >= lost - 1e-6


def test_money_and_units_tell_the_same_story():
    answer = model(120.0, sellers()).answer()
    units = conform("sellable_units", answer.units)
    assert units["demand_units"].sum() == 1200 and units["shipped_units"].sum() * 100 == pytest.approx(answer.total("revenue"))
    assert units["sold_units"].sum() * 100 == pytest.approx(answer.sellable["sold_revenue"].sum())


def test_without_sellers_the_join_is_the_supply_plan():
    data = plant(150.0)
    plan = plan_supply(**data, months=MONTHS, whole_lots=False, **RULES)
    answer = model(150.0).answer()
    assert answer.sellable["sellable_revenue"].sum() == pytest.approx(plan.constrained_demand["revenue"].sum())
    assert answer.sellable["supply_revenue"].sum() == pytest.approx(plan.constrained_demand["revenue"].sum())


LEVERS = [{"demand_factor": 1.3}, {"capacity_factor": 0.6}, {"extra_lead_time_months": 1}, {"cost_factor": 1.5}, {"price_factor": 0.9},
          {"promotion_month": "2026-12", "promotion_uplift": 0.5, "promotion_discount": 0.1, "promotion_pull_forward": 0.2}]  # fmt: skip


@pytest.mark.parametrize("levers", LEVERS)
def test_a_kept_model_answers_as_a_new_one(levers):
    kept = model(150.0, sellers())
    for other in LEVERS:
        kept.answer(other)
    again, new = kept.answer(levers), model(150.0, sellers()).answer(levers)
    assert again.total() == pytest.approx(new.total(), rel=1e-6)
    assert again.sellable["sellable_revenue"].sum() == pytest.approx(new.sellable["sellable_revenue"].sum(), rel=1e-6)


def test_levers_reach_the_supply_plan_as_the_scenarios_do():
    from sop_helpers.planning.scenarios import apply_scenario

    levers = {"capacity_factor": 0.7, "demand_factor": 1.2, "cost_factor": 1.1}
    data = plant(150.0)
    targets = data.pop("targets")
    plan = plan_supply(**apply_scenario(data, levers), targets=targets, months=MONTHS, whole_lots=False, **RULES)
    assert model(150.0).answer(levers).sellable["sellable_revenue"].sum() == pytest.approx(plan.constrained_demand["revenue"].sum())


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_hours_of_workers_follow_the_capacity_factor_too(factor):
    from sop_helpers.planning.scenarios import apply_scenario

    data = plant(150.0)
    people = {"workers": 10.0, "hours_per_worker": 12.0, "wage": 100.0, "hire_cost": 50.0, "layoff_cost": 50.0}
    data["resources"] = data["resources"].assign(**people)
    targets = data.pop("targets")
    kept = JoinModel(data, targets, None, MONTHS, **RULES)
    kept.answer({"capacity_factor": 0.9})
    answer = kept.answer({"capacity_factor": factor})
    plan = plan_supply(**apply_scenario(data, {"capacity_factor": factor}), targets=targets, months=MONTHS, whole_lots=False, **RULES)
    assert answer.sellable["sellable_revenue"].sum() == pytest.approx(plan.constrained_demand["revenue"].sum(), rel=1e-5)
    hired = plan.hiring_plan["hired"].sum() * 50 + plan.hiring_plan["laid_off"].sum() * 50
    assert answer.total("hiring") == pytest.approx(-hired, abs=0.1)


def test_hires_sell_more_only_where_supply_can_serve_it():
    rich, poor = model(500.0, sellers(1, 1)), model(110.0, sellers(1, 1))
    effect = {name: hire_effect(m, {"north": 1}).iloc[0] for name, m in (("rich", rich), ("poor", poor))}
    assert effect["rich"]["sold"] == effect["poor"]["sold"] == pytest.approx(6 * 5000)
    assert effect["rich"]["served"] == 1 and effect["poor"]["served"] == pytest.approx(6 * 10 * 100 / (6 * 5000))
    assert effect["rich"]["profit"] > 0 > effect["poor"]["profit"]
    conform("hire_effect", hire_effect(rich, {"north": 1, "south": 0}))


def test_a_hire_ramps_and_costs():
    base, hired = (model(500.0, sellers(1, 1)).answer({"ramp": [0.5, 1.0], **more}) for more in ({}, {"hires": {"north": 1}, "hire_month": "2026-12"}))
    gain = (hired.sellable.groupby("month")["sold_revenue"].sum() - base.sellable.groupby("month")["sold_revenue"].sum()).to_numpy()
    assert np.allclose(gain, [0, 0, 2500, 5000, 5000, 5000])
    assert hired.total("rep salaries") - base.total("rep salaries") == pytest.approx(-4 * 12_000 * 0.6 / 12)


def test_a_rep_on_leave_sells_the_rest_of_the_month_under_every_lever():
    away = conform("leave", table("leave", [{"rep": "north0", "month": MONTHS[1], "share": 1.0}, {"rep": "north0", "month": MONTHS[2], "share": 0.5}]))
    side = sellers(1, 1)
    base, leave = model(500.0, side), model(500.0, replace(side, leave=away))
    sold = [m.answer().sellable.query("region == 'north'").set_index("month")["sold_revenue"] for m in (base, leave)]
    assert (sold[0] - sold[1]).tolist() == [0, 5000, 2500, 0, 0, 0]
    pd.testing.assert_frame_equal(
        leave.staff()[["month", "rep", "capacity"]], on_leave(base.staff(), away)[["month", "rep", "capacity"]], check_like=True
    )
    assert leave.staff()["quota"].tolist() == base.staff()["quota"].tolist(), "the quota agreed stays"
    better = [m.answer({"win_rate_factor": 1.2}).sellable["sold_revenue"].sum() for m in (base, leave)]
    assert better[0] - better[1] == pytest.approx(1.2 * 7500)
    # Where the only rep is away, a region is not without limit: nobody sells there.
    assert leave.answer().sellable.query("region == 'north'")["seller_capacity"].iloc[1] == 0
    assert hires_wanted(model(500.0, replace(side, leave=away)))["north"] >= hires_wanted(base)["north"]


def test_the_join_of_a_month_has_the_capacity_of_the_sales_step():
    side = sellers(1, 1)
    away = conform("leave", table("leave", [{"rep": "south0", "month": MONTHS[0], "share": 0.25}]))
    given = {name: empty(name) for name in JOIN_TABLES} | {"reps": side.reps, "quotas": side.quotas, "leave": away}
    policy = {"ramp": [1.0], "expected_attainment": 0.9, "attrition_rate": 0.12}
    found = selling_side(given, MONTHS[0], policy)
    step = on_leave(rep_capacity(side.reps, side.quotas, MONTHS, [1.0], 0.9, 0.12, MONTHS[0]), away)
    assert model(500.0, found).staff()["capacity"].tolist() == pytest.approx(step["capacity"].tolist())


def test_quotas_ask_more_and_win_rates_bring_more():
    one = model(500.0, sellers(1, 1))
    base, harder, better = one.answer(), one.answer({"quota_factor": 1.25}), one.answer({"win_rate_factor": 1.25})
    assert harder.total("revenue") == base.total("revenue") and harder.total("commissions") == pytest.approx(base.total("commissions") / 1.25)
    assert better.total("revenue") == pytest.approx(1.25 * base.total("revenue"))


# feedback


def test_a_shortage_comes_back_to_the_reps_who_sell_it():
    months = MONTHS[:2]
    products = pd.DataFrame({"product": ["P", "Q"], "family": ["F", "G"]})
    demand = pd.DataFrame([(m, p, r, 100.0) for m in months for p in "PQ" for r in ("a", "b")], columns=["month", "product", "region", "revenue"])
    shortages = pd.DataFrame({"month": [months[1]], "product": ["P"], "region": ["a"], "money": [50.0]})
    reps = pd.DataFrame({"rep": ["r1", "r2", "r3"], "name": ["A", "B", "C"], "region": ["a", "a", "b"]})
    quotas = pd.DataFrame([(m, r, 1000.0) for m in months for r in reps["rep"]], columns=["month", "rep", "quota"])
    deals = pd.DataFrame({"rep": ["r1", "r1"], "family": ["F", "G"], "amount": [30.0, 10.0], "outcome": ["open", "won"]})
    out = conform("quota_at_risk", join.quota_at_risk(quotas, reps, deals, shortages, demand, products)).set_index("rep")
    # r1 sells three quarters of F; r2 has no deals and sells the region's mix, one half of F; r3 works elsewhere.
    assert out["at_risk"].to_dict() == {"r1": pytest.approx(1000 * 0.75 * 0.5), "r2": pytest.approx(1000 * 0.5 * 0.5)}
    assert out.loc["r1", ["family", "product"]].tolist() == ["F", "P"] and out.loc["r1", "first_month"] == months[1]
    assert join.quota_at_risk(quotas, reps, deals, shortages.iloc[:0], demand, products).empty


def test_idle_hours_name_the_campaign_that_earns_most():
    load = pd.DataFrame({"month": MONTHS[[0, 0, 1, 1]], "resource": ["line", "pack"] * 2, "available_hours": 100.0, "planned_hours": [40.0, 90.0, 100.0, 50.0]})
    hours = pd.DataFrame({"line": [1.0, 2.0], "pack": [1.0, 0.0]}, index=["P", "Q"])
    demand = pd.DataFrame({"month": MONTHS[0], "product": ["P", "Q"], "region": "a", "units": [10.0, 10.0], "revenue": [100.0, 150.0]})
    products = pd.DataFrame({"product": ["P", "Q"], "family": ["F", "G"], "unit_cost": [5.0, 5.0]})
    out = join.idle_capacity(load, hours, demand, products).set_index(["month", "resource"])
    # 60 h of the line make 30 of G at a margin of 10; packing has 10 h, which limit F to 10 at 5.
    assert out.loc[(MONTHS[0], "line"), ["family", "units", "margin"]].tolist() == ["G", 30.0, 300.0]
    assert out.loc[(MONTHS[0], "pack"), ["family", "units", "margin"]].tolist() == ["F", 10.0, 50.0]
    assert (MONTHS[1], "line") not in out.index, "a full line has nothing to offer"
    conform("idle_capacity", out.reset_index()[list(contracts.columns("idle_capacity"))])


# money


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12), st.floats(0, 200), st.floats(0, 1e6))
def test_money_due_is_paid_or_still_open(flow, days, opening):
    months = pd.date_range("2026-01-01", periods=len(flow) + 8, freq="MS")
    paid = join_money.paid_by_terms(pd.Series([*flow, *[0.0] * 8], index=months), days, opening)
    assert paid.sum() == pytest.approx(sum(flow) + opening) and paid.min() >= 0


def test_a_steady_business_is_paid_what_it_invoices():
    months = pd.date_range("2026-01-01", periods=6, freq="MS")
    steady = pd.Series(100.0, index=months)
    assert np.allclose(join_money.paid_by_terms(steady, 45.0, 100.0 * 45 / join_money.DAYS_PER_MONTH), 100.0)
    late = join_money.paid_by_terms(pd.Series([100.0, 0, 0, 0, 0, 0], index=months), 1.5 * join_money.DAYS_PER_MONTH)
    assert np.allclose(late, [0, 50, 50, 0, 0, 0])
    with pytest.raises(ValueError, match="terms of payment are -1 days"):
        join_money.paid_by_terms(steady, -1)


def test_lines_add_up_and_keep_the_contract():
    found = conform("profit_and_loss", model(150.0, sellers()).answer().profit_and_loss)
    wide = {s: rows.pivot(index="month", columns="line", values="money") for s, rows in found.groupby("statement")}
    profit, cash = wide["profit"], wide["cash"]
    assert np.allclose(profit.drop(columns="operating profit").sum(axis=1), profit["operating profit"])
    assert np.allclose(cash.drop(columns=["net cash", "balance"]).sum(axis=1), cash["net cash"]) and np.allclose(cash["net cash"].cumsum(), cash["balance"])
    assert (profit["commissions"] < 0).all() and cash["commissions"].iloc[0] == 0, "commissions are paid a month later"
    assert join_money.statement(found, "profit")["line"].tolist() == join_money.PROFIT


def test_dear_purchases_show_as_variance_and_in_cash():
    data = plant(500.0)
    data["operations"] = data["operations"].assign(kind="buy", supplier="S")
    data["loads"] = data["loads"].iloc[:0]
    targets = data.pop("targets")
    one = JoinModel(data, targets, None, MONTHS, terms=join_money.Terms(dpo=0.0), **RULES)
    assert one.answer().total("supply variance") == pytest.approx(0.0)
    assert one.answer({"cost_factor": 1.1}).total("supply variance") == pytest.approx(-0.1 * 40 * 1200)
    assert one.answer({"cost_factor": 1.1}).total("purchases", "cash") == pytest.approx(-1.1 * 40 * 1200)


# levers


@pytest.mark.parametrize(
    ("levers", "said"),
    [
        ({"hires": {"moon": 1}}, "hires of a scenario name the region 'moon'; expected one of north, south"),
        ({"hires": {"north": -1}}, "hires of a scenario in north are -1; expected a whole number"),
        ({"hire_month": "2031-01"}, "hire_month of a scenario is 2031-01; expected a month of the horizon, 2026-10 to 2027-03"),
        ({"promotion_month": "2029-09", "promotion_uplift": 0.1}, "promotion_month of a scenario is 2029-09"),
        ({"promotion_uplift": 0.1}, "a scenario has a promotion without its month"),
        ({"promotion_month": "2026-11", "promotion_discount": 1.5}, "promotion_discount of a scenario is 1.5; expected a share between 0 and 1"),
        ({"promotion_month": "2026-11", "promotion_uplift": float("nan")}, "promotion_uplift of a scenario is nan"),
        ({"ramp": [0.5, 1.2]}, "ramp of a scenario holds 1.2"),
        ({"quota_factor": -0.5}, "quota_factor of a scenario is -0.5"),
        ({"win_rate_factor": float("inf")}, "win_rate_factor of a scenario is inf"),
        ({"families": ["Z"]}, "families ['Z'] of a scenario are not in products"),
        ({"luck": 2}, "a scenario has no factor ['luck']"),
    ],
)
def test_levers_that_no_plan_can_be_made_of_are_named(levers, said):
    with pytest.raises(ValueError) as error:
        check_levers(levers, MONTHS, ["north", "south"], ["F"])
    assert said in str(error.value)


def test_a_promotion_borrows_from_the_months_after_it():
    demand = pd.DataFrame({"month": MONTHS, "product": "P", "region": "a", "units": [100.0] * 6, "revenue": [1000.0] * 6})
    products = pd.DataFrame({"product": ["P"], "family": ["F"]})
    out = levered_demand(demand, products, {"promotion_month": "2026-11", "promotion_uplift": 0.5, "promotion_discount": 0.2, "promotion_pull_forward": 0.1})
    assert out["units"].tolist() == pytest.approx([100, 170, 90, 90, 100, 100])
    assert out["revenue"].tolist() == pytest.approx([1000, 1360, 900, 900, 1000, 1000])
    bare = levered_demand(demand.assign(units=[100.0, 0, 100, 100, 100, 100]), products, {"promotion_month": "2026-11", "promotion_pull_forward": 0.1})
    assert bare["units"].sum() == 500, "nothing is bought ahead in a month without demand"


def test_hires_are_like_the_region():
    reps = sellers(2, 1).reps.assign(comp_plan=["A", "A", "B"])
    out = levered_reps(reps, {"hires": {"south": 2}, "hire_month": "2026-12"}, MONTHS[0])
    assert len(out) == 5 and out["comp_plan"].tolist()[3:] == ["B", "B"] and (out["start_month"].iloc[3:] == pd.Timestamp("2026-12-01")).all()
    assert out["rep"].is_unique and levered_reps(reps, {}, MONTHS[0]) is reps


# the classic test


def test_the_best_month_of_a_promotion_follows_the_margin_in_the_supply_model():
    """A level line with subcontracting before a peak: a dear product is promoted in the peak, a cheap one where hours are free (ordinary inputs)."""
    shape = np.array([60.0, 100.0, 100.0, 190.0, 100.0, 60.0])

    def plant_with_peak(price: float) -> JoinModel:
        data = company(
            products=[{"product": "P", "family": "F", "unit_price": price, "unit_cost": 10.0}],
            operations=[
                {"operation": "make", "kind": "make", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 10.0},
                {"operation": "outside", "kind": "buy", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 30.0},
            ],
            loads=[{"operation": "make", "resource": "line", "hours_per_unit": 1.0}],
            resources=[{"resource": "line", "regular_hours": 105.0, "overtime_hours": 0.0}],
            demand=monthly(shape.tolist(), product="P", region="r"),
        )
        targets = data.pop("targets")
        return JoinModel(data, targets, None, MONTHS, **(RULES | {"holding_rate": 2.4}))

    best = {}
    for price in (31.0, 80.0):
        one = plant_with_peak(price)
        grid = promotion_grid(lambda levers, one=one: outcome(one.answer(levers)), MONTHS, [0.1, 1.0], discount=0.02)
        conform("promotion_grid", grid)
        best |= {(price, uplift): rows["month"].iloc[0] for uplift, rows in grid[grid["best"]].groupby("uplift")}
    assert best[(80.0, 1.0)] == MONTHS[3], "a high margin and new consumption: in the peak"
    assert best[(31.0, 1.0)] != MONTHS[3], "a thin margin: not where every further unit is bought outside"


# the same rules as the plan


def as_scenario(data: dict[str, pd.DataFrame], levers: dict[str, object], **rules: object) -> tuple[float, float]:
    """Sellable revenue of the join, and revenue of the supply plan of the same scenario, under the same rules."""
    from sop_helpers.planning.scenarios import apply_scenario

    targets = data.pop("targets")
    plan = plan_supply(**apply_scenario(data, levers), targets=targets, months=MONTHS, whole_lots=False, **(RULES | rules))
    answer = JoinModel(data, targets, None, MONTHS, **(RULES | rules)).answer(levers)
    return answer.sellable["sellable_revenue"].sum(), plan.constrained_demand["revenue"].sum()


@pytest.mark.parametrize(("levers", "served"), [({}, 0.0), ({"price_factor": 1.5}, 1.0), ({"price_factor": 1.5, "cost_factor": 2.0}, 0.0)])
def test_where_profit_is_wanted_prices_decide_in_the_join_as_in_the_plan(levers, served):
    data = plant()
    buy = pd.DataFrame([{"operation": "make", "kind": "buy", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 120.0}])
    data["operations"] = conform("operations", buy)
    data["loads"] = data["loads"].iloc[:0]
    join_revenue, plan_revenue = as_scenario(data, levers, objective="profit")
    assert join_revenue == pytest.approx(plan_revenue)
    assert join_revenue == pytest.approx(served * 1200 * 100 * levers.get("price_factor", 1.0))


def test_a_supplier_limit_holds_in_the_join():
    data = plant()
    buy = {"operation": "make", "kind": "buy", "item": "P", "location": "plant", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 40.0}
    data["operations"] = conform("operations", pd.DataFrame([buy]))
    data["loads"] = data["loads"].iloc[:0]
    data["supplier_limits"] = conform("supplier_limits", pd.DataFrame([{"supplier": "S", "month": pd.NaT, "max_units": 150.0}]))
    join_revenue, plan_revenue = as_scenario(data, {})
    assert join_revenue == pytest.approx(plan_revenue) == pytest.approx(6 * 150 * 100)


def test_the_join_keeps_to_last_months_plan_as_the_supply_plan_does():
    data = plant(150.0, demand=(60.0, 60.0))
    targets = data.pop("targets")
    last = plan_supply(**(data | {"demand": data["demand"].assign(units=70.0)}), targets=targets, months=MONTHS, whole_lots=False, **RULES).supply_plan
    rules = RULES | {"last_plan": last, "change_rate": 0.5}
    plan = plan_supply(**data, targets=targets, months=MONTHS, whole_lots=False, **rules)
    free = plan_supply(**data, targets=targets, months=MONTHS, whole_lots=False, **RULES)
    kept = JoinModel(data, targets, None, MONTHS, **rules).answer()
    closing = [p.groupby("month")["closing_units"].sum() for p in (kept.stock_projection, plan.stock_projection, free.stock_projection)]
    pd.testing.assert_series_equal(closing[0], closing[1])
    assert (closing[1] > closing[2] + 1).any(), "the price of change must matter here, or the test shows nothing"


def test_what_is_bought_ahead_needs_a_seller_as_before():
    demand = pd.DataFrame({"month": MONTHS[:3], "product": "P", "region": "a", "units": [10.0, 10.0, 10.0], "revenue": [100.0, 100.0, 100.0]})
    offer = {"promotion_month": f"{MONTHS[0]:%Y-%m}", "promotion_uplift": 0.2, "promotion_discount": 0.0, "promotion_pull_forward": 0.1}
    out = levered_demand(demand, pd.DataFrame({"product": ["P"], "family": ["F"]}), offer)
    assert out["units"].tolist() == pytest.approx([14.0, 9.0, 9.0]) and out["promoted"].tolist() == pytest.approx([20.0, 0.0, 0.0])
