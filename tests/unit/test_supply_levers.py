"""Levers against shortages: small companies whose answers can be worked out by hand, and random ones held against plans made anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from supply_networks import MONTHS, company, monthly, random_company, table
from test_supply_fuzz import odd_company
from test_supply_parts import lines

from sop_helpers.book.conform import conform
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_anyway import Lots, served_anyway
from sop_helpers.planning.supply_limits import last_arrivals
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_remedies import SPENT, _Short, _Tried, price_remedies
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import strategy_price, with_people
from sop_helpers.planning.wording import AGREE

RULES = {"frozen_months": 0, "whole_lots": False}
SEPTEMBER = pd.Timestamp("2026-09-01")
PEAK = [50.0, 50, 150, 50, 50, 50]
LATE = 2.5  # a month late costs 5 % of a price of 50


def planned(data, **rules):
    plan = plan_supply(**data, months=MONTHS, **(RULES | rules))
    return plan, conform("shortage_remedies", price_remedies(plan.network, plan.causes, plan.shortages, plan.supply_plan))


def remedy(data, name: str, **rules) -> tuple[float, float, float]:
    """Units saved, cost and gain of a remedy, which has to be there for one limit."""
    found = planned(data, **rules)[1].query("remedy == @name")
    assert len(found) == 1, planned(data, **rules)[1][["limit", "remedy"]].values.tolist()
    return tuple(found.iloc[0][["saved_units", "cost", "gain"]])


def told(data, **rules) -> set[str]:
    return set(planned(data, **rules)[1]["remedy"]) - {AGREE}


def made(demand: list[float], *, hours: float = 100.0, holding: float = 1.0, late: float = LATE, op: dict | None = None, policy: dict | None = None, **more):
    """P is made at the plant for 20 on a line of 100 hours, an hour each; a month in stock costs 1, a month late 2.5."""
    own = {"operation": "make P", "kind": "make", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 20.0} | (op or {})
    others = more.pop("operations", [])
    return company(
        products=[{"product": "P", "family": "F", "unit_price": 50.0, "unit_cost": 20.0, "backorder_cost": late}],
        operations=[own, *others],
        loads=[{"operation": "make P", "resource": "line", "hours_per_unit": 1.0}],
        resources=[{"resource": "line", "regular_hours": hours} | more.pop("line", {})],
        stock_policies=[{"item": "P", "location": "plant", "holding_cost": holding} | (policy or {})],
        regions=[{"region": "n", "ship_from": "plant"}],
        demand=monthly(demand, product="P", region="n"), **more,
    )  # fmt: skip


def bought(demand: list[float], sources: dict[str, dict], **more):
    """P is bought for 20 from each source, unless it says otherwise."""
    buy = {"kind": "buy", "item": "P", "location": "plant", "lead_time_months": 0.0, "unit_cost": 20.0}
    return made(demand) | company(
        products=[{"product": "P", "family": "F", "unit_price": 50.0, "unit_cost": 20.0, "backorder_cost": LATE}],
        operations=[{"operation": f"buy {s}", "supplier": s} | buy | own for s, own in sources.items()],
        stock_policies=[{"item": "P", "location": "plant", "holding_cost": 1.0}],
        regions=[{"region": "n", "ship_from": "plant"}],
        demand=monthly(demand, product="P", region="n"), **more,
    )  # fmt: skip


def test_building_ahead_where_holding_costs_more_than_being_late():
    # 50 of December come in January; made in November they would lie a month for 4 each, where 2.5 each are saved.
    assert remedy(made(PEAK, holding=4.0), "build ahead all the same") == pytest.approx((50.0, 200.0, -75.0))
    assert told(made(PEAK, holding=1.0)) == set(), "what pays is built ahead already"
    assert "build ahead all the same" not in told(made([150.0, 50, 50, 50, 50, 50])), "nothing can be built before the first month"


def test_what_is_given_away_has_remedies_too():
    """Units of a price of zero make no money short, and are wanted all the same."""
    data = made(PEAK, holding=4.0)
    data["products"]["unit_price"] = 0.0
    # What is over in December is not made at all: made in November, it costs 20 and 4 each.
    assert remedy(data, "build ahead all the same")[:2] == pytest.approx((50.0, 50 * 24.0))


def test_overtime_that_does_not_pay():
    data = made(PEAK, holding=4.0, line={"overtime_hours": 20.0, "overtime_rate": 3.0})
    assert remedy(data, "overtime on line all the same") == pytest.approx((20.0, 60.0, -10.0))
    # Built ahead, they need no overtime: 4 a unit for the month.
    assert remedy(data, "build ahead all the same") == pytest.approx((50.0, 200.0, -75.0))


def test_what_is_served_late_by_choice_can_be_served_in_time_all_the_same():
    """Selling at 15 what costs 20 earns nothing, and a company that plans for profit does not make it."""
    data = made([50.0] * 6)
    data["products"]["unit_price"] = 15.0
    saved, cost, gain = remedy(data, "serve in time all the same", objective="profit")
    assert (saved, cost) == pytest.approx((300.0, 6000.0)) and gain == pytest.approx(planned(data, objective="profit")[0].objective - 6000.0)
    assert gain < 0


def test_building_ahead_beyond_a_space_that_is_full():
    data = made(PEAK) | {"location_limits": table("location_limits", [{"location": "plant", "max_units": 10.0}])}
    # 10 lie there in November already; 40 more cost 1 each for the month and save 2.5.
    assert remedy(data, "build ahead beyond the space of plant") == pytest.approx((40.0, 40.0, 60.0))


def test_building_ahead_beyond_a_maximum_that_is_reached():
    data = made(PEAK, holding=1.0, late=1.2, policy={"max_units": 10.0})
    assert remedy(data, "build ahead beyond the maximum of P @ plant") == pytest.approx((40.0, 40.0, 8.0))
    to_order = made(PEAK)
    to_order["products"]["made_to"] = "order"
    assert not {name for name in told(to_order) if name.startswith("build ahead beyond")}, "what is made to order is built for nobody"


def test_going_against_the_strategy():
    data = made(PEAK)
    # 50 lie for a month instead of coming one late.
    assert remedy(data, "build ahead though the strategy is chase", strategy="chase") == pytest.approx((50.0, 50.0, 75.0))
    saved, _, gain = remedy(data, "change hours by month though the strategy is level", strategy="level")
    free, held = (plan_supply(**data, months=MONTHS, **RULES, strategy=s) for s in ("optimal", "level"))
    assert saved == pytest.approx(held.shortages["short_units"].sum() - free.shortages["short_units"].sum())
    assert gain == pytest.approx(held.objective - free.objective)


def test_another_source_that_is_limited():
    data = bought([150.0] * 6, {"S": {"max_units": 100.0}, "D": {"max_units": 20.0, "unit_cost": 30.0}})
    short = planned(data)[0]
    missing = 900.0 - short.supply_plan["units"].sum()
    saved, cost, gain = remedy(data, "no limit of buy D")
    assert (saved, cost) == pytest.approx((short.shortages["short_units"].sum(), 30.0 * missing)) and missing == pytest.approx(180.0)
    data["operations"].loc[data["operations"]["operation"] == "buy D", "max_units"] = np.nan
    assert gain == pytest.approx(short.objective - plan_supply(**data, months=MONTHS, **RULES).objective)
    assert not any("D" in name or "other source" in name for name in told(bought([150.0] * 6, {"S": {"max_units": 100.0}}))), "there is no second source"


def test_another_source_before_its_first_and_beyond_its_last_month():
    data = bought([100.0, 140, 100, 60, 60, 60], {"S": {"max_units": 100.0}, "D": {"first_month": MONTHS[3], "unit_cost": 21.0}})
    # 40 of November come a month late, and so do 40 of December; from D they cost 1 more than from S in January.
    first = remedy(data, "begin buy D before 2027-01")
    assert first == pytest.approx((80.0, 40.0, 80 * LATE - 40.0))
    data = bought([100.0, 140, 100, 60, 60, 60], {"S": {"max_units": 100.0}, "D": {"last_month": SEPTEMBER, "unit_cost": 21.0}})
    assert remedy(data, "go on with P @ plant") == pytest.approx(first)


def test_another_source_that_is_too_dear():
    data = bought([150.0, 50, 50, 50, 50, 50], {"S": {"max_units": 100.0}, "D": {"unit_cost": 30.0}})
    # 50 from D in October cost 10 more each than those from S in November, which are a month late for 2.5.
    assert remedy(data, "the other source all the same") == pytest.approx((50.0, 500.0, -375.0))


def test_stock_at_another_place_with_and_without_a_lane():
    lying = {"month": SEPTEMBER, "item": "P", "location": "depot", "on_hand": 80.0}
    target = monthly([30.0] * 6, item="P", location="depot")
    data = made([150.0, 50, 50, 50, 50, 50], inventory=[lying], targets=target)
    data["stock_policies"] = pd.concat([data["stock_policies"], table("stock_policies", [{"item": "P", "location": "depot", "holding_cost": 1.0}])])
    name = "move 50 units of P above target from depot to plant"
    # 50 come in time instead of a month late, need not be made for 20 and do not lie at the depot for six months.
    assert remedy(data, name) == pytest.approx((50.0, -50 * 20 - 50 * 6, 50 * LATE + 50 * 20 + 50 * 6))
    move = {"operation": "move P", "kind": "move", "item": "P", "location": "plant", "from_location": "depot", "lead_time_months": 1.0, "unit_cost": 2.0}
    by_lane = data | {"operations": pd.concat([data["operations"], table("operations", [move])], ignore_index=True)}
    # The lane brings them a month late: moved at once they cost the same and are in time.
    assert remedy(by_lane, name) == pytest.approx((50.0, 0.0, 50 * LATE))
    data["targets"]["target_units"] = 80.0
    assert not {n for n in told(data) if n.startswith("move")}, "what is wanted there does not lie above target"


def test_a_whole_lot_now_or_a_smaller_one_for_once():
    """The line could make 70; of lots of 50 it makes one."""
    rules = {"whole_lots": True}
    data = made([100.0, 0, 0, 0, 0, 0], hours=70.0, op={"lot_min": 50.0, "lot_multiple": 50.0, "last_month": MONTHS[0]})
    saved, cost, gain = remedy(data, "a smaller lot of make P in 2026-10, agreed for once", **rules)
    plan = planned(data, **rules)[0]
    each = (plan.objective - 50 * 20) / 50  # what a unit that is lost costs
    assert (saved, cost, gain) == pytest.approx((20.0, 400.0, 20 * (each - 20)))
    assert not any(name.startswith("a whole lot") for name in told(data, **rules)), "it does not fit on the line"


def test_a_whole_lot_leaves_the_rest_in_stock():
    """The plan in whole lots as it stands leaves 20 of the last month out: a lot of 50 serves them, and 30 lie at its end."""
    data = made([50.0, 50, 50, 50, 50, 70], op={"lot_multiple": 50.0})
    plan = plan_supply(**data, months=MONTHS, **RULES | {"whole_lots": True})
    fewer = plan.supply_plan[plan.supply_plan["month"] < MONTHS[5]]
    last = plan.supply_plan[plan.supply_plan["month"] == MONTHS[5]].assign(units=50.0)
    net = with_people(plan.network)
    tried = _Tried(net)
    lots = Lots(net, tried.solver, last_arrivals(pd.concat([fewer, last]), net.operations, net.months))
    found = {name: tried._gained(lots.base, solution) for name, solution in lots.tried(0, 5)}
    lost = net.series["lost"].iat[0]
    assert set(found) == {"a whole lot of make P in 2027-03", "a smaller lot of make P in 2027-03, agreed for once"}
    assert found["a whole lot of make P in 2027-03"][:4] == pytest.approx((20.0, 1000.0, 50 * 20 + 30, 20 * lost - 1030))
    assert found["a smaller lot of make P in 2027-03, agreed for once"][:4] == pytest.approx((20.0, 1000.0, 400.0, 20 * (lost - 20)))


def test_a_second_source_whose_minimum_lot_is_too_large():
    data = bought([120.0, 60, 60, 60, 60, 60], {"S": {"max_units": 100.0}, "D": {"lot_min": 80.0, "max_units": 50.0, "unit_cost": 21.0}})
    # 20 for 21 instead of 20 a month later for 20 and 2.5; the least lot is more than comes in a month.
    assert remedy(data, "a smaller lot of buy D in 2026-10, agreed for once", whole_lots=True) == pytest.approx((20.0, 20.0, 30.0))


def test_release_within_the_frozen_months():
    order = {"receipt": "R", "kind": "production", "item": "P", "location": "plant", "due_month": MONTHS[0], "units": 10.0}
    data = made([60.0] * 6, hours=120.0, receipts=[order])
    # 50 of October made then, and not in November: nothing more is spent, and nobody waits. The order takes 10 of the hours.
    assert remedy(data, "release P @ plant within the frozen months", frozen_months=1) == pytest.approx((50.0, 0.0, 50 * LATE))


@pytest.mark.parametrize("more", [{}, {"last_month": SEPTEMBER}])
def test_a_plan_that_is_frozen_to_its_end_is_told_as_frozen(more: dict):
    order = {"receipt": "R", "kind": "production", "item": "P", "location": "plant", "due_month": MONTHS[0], "units": 10.0}
    plan, table = planned(made([60.0] * 6, hours=120.0, receipts=[order], op=more), frozen_months=6)
    ended = bool(more)
    assert set(plan.shortages["limit"]) == {f"{'last month' if ended else 'frozen months'} of P @ plant"}
    assert plan.shortages["cause"].iloc[0].startswith("nothing more of" if ended else "frozen months: P @ plant cannot arrive within the plan")
    assert ("release P @ plant within the frozen months" in set(table["remedy"])) != ended


def test_what_is_made_waits_for_a_late_component():
    op = {"lead_time_months": 1.0}
    buy = {"operation": "buy C", "kind": "buy", "item": "C", "location": "plant", "supplier": "S", "lead_time_months": 2.0, "unit_cost": 3.0}
    data = made([40.0] * 6, hours=500.0, op=op, operations=[buy], components=[{"operation": "make P", "item": "C", "units_per": 1.0}])
    plan, table = planned(data)
    assert plan.shortages["limit"].tolist() == ["lead time of P @ plant", "lead time of C @ plant", "lead time of C @ plant"]
    each = table[table["remedy"] == "expedite C @ plant"].set_index("limit")
    # With C at once, P comes in November: the demand of November and December is in time, that of October a month late instead of three.
    assert each.loc["lead time of P @ plant", ["saved_units", "cost", "gain"]].tolist() == pytest.approx([80.0, 0.0, 40 * LATE * (2 + 2 + 1)])
    assert len(each) == 2 and not table["remedy"].eq("expedite P @ plant").any()


def test_what_is_moved_waits_for_what_is_bought_elsewhere():
    buy = {"operation": "buy P", "kind": "buy", "item": "P", "location": "port", "supplier": "S", "lead_time_months": 1.0, "unit_cost": 20.0}
    move = {"operation": "move P", "kind": "move", "item": "P", "location": "plant", "from_location": "port", "lead_time_months": 1.0, "unit_cost": 1.0}
    data = bought([40.0] * 6, {}) | {"operations": table("operations", [buy, move])}
    assert told(data) == {"expedite P @ port"}
    # Without the month at sea, November is in time and October comes in November.
    each = planned(data)[1].query("remedy == 'expedite P @ port'")
    assert each[["saved_units", "cost", "gain"]].to_numpy().tolist() == [pytest.approx([40.0, 0.0, 200.0])] * 2


def rich(seed: int) -> dict[str, pd.DataFrame]:
    """A random company with a second source, limits of a supplier and of space, a maximum, a last month, and stock that lies elsewhere."""
    draw = np.random.default_rng([11, seed])
    c = random_company(seed)
    second = {"operation": "buy A", "kind": "buy", "item": "A", "location": "plant", "supplier": "D", "lead_time_months": 0.0, "unit_cost": 30.0,
              "max_units": float(draw.integers(5, 40)), "last_month": MONTHS[int(draw.integers(2, 6))]}  # fmt: skip
    c["operations"] = pd.concat([c["operations"], table("operations", [second])], ignore_index=True)
    lying = {"month": SEPTEMBER, "item": "B", "location": "port", "on_hand": float(draw.integers(10, 60))}
    c["inventory"] = pd.concat([c["inventory"], table("inventory", [lying])], ignore_index=True)
    return c | {
        "supplier_limits": table("supplier_limits", [{"supplier": "S", "max_units": float(draw.integers(60, 200))}]),
        "location_limits": table("location_limits", [{"location": "plant", "max_units": float(draw.integers(40, 120))}]),
        "stock_policies": table("stock_policies", [{"item": "B", "location": "depot", "max_units": 20.0}]),
    }


@pytest.mark.parametrize("strategy", ["optimal", "chase", "level"])
def test_cost_and_gain_are_those_of_a_plan_made_anew_without_the_limit(strategy: str):
    seen: set[str] = set()
    for data in (*map(rich, range(3)), lines(0))[:: 1 if strategy == "optimal" else 2]:
        plan = plan_supply(**data, months=MONTHS, frozen_months=1, whole_lots=False, strategy=strategy)
        net = with_people(plan.network)
        tried = _Tried(net)
        rows = plan.shortages.reset_index(drop=True)
        serie = pd.MultiIndex.from_frame(net.series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(rows[["product", "region"]]))
        rows = rows.assign(serie=serie, t=net.months.get_indexer(pd.DatetimeIndex(rows["month"])))
        base = anew(net)
        for _, group in rows.groupby("limit"):
            for lever in tried._levers(_Short(net, group, plan.causes)):
                if lever.name in seen:
                    continue
                got, fresh = tried.pull(lever), anew(lever.net)
                assert got.gain == pytest.approx(base[0] - fresh[0] - lever.price, rel=1e-6, abs=1e-6), lever.name
                assert got.cost == pytest.approx(fresh[1] - base[1] + lever.price, rel=1e-6, abs=1e-6), lever.name
                seen.add(lever.name)
        # All levers have been put back.
        assert tried.solver.solve().objective == pytest.approx(tried.base.objective, rel=1e-9)
    said = {name.split(" ")[0] for name in seen}
    assert len(seen) > 5 and (strategy != "optimal" or {"overtime", "a", "no", "expedite", "release", "move", "build"} <= said), said


def anew(net) -> tuple[float, float]:
    """Cost of the plan, and what is spent, solved from scratch."""
    solver = Solver(build_model(net))
    found = solver.solve()
    return found.objective - strategy_price(net, found.values), solver.spent(found, SPENT)


@pytest.mark.parametrize("way", ["build ahead", "other source", "overtime", "serve in time"])
def test_serving_all_the_same_lifts_nothing_and_serves_nobody_worse(way: str):
    for seed in range(2):
        plan = plan_supply(**rich(seed), months=MONTHS, frozen_months=1, whole_lots=False)
        net = plan.network
        if plan.shortages.empty:
            continue
        tried = _Tried(net)
        serie = pd.MultiIndex.from_frame(net.series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(plan.shortages[["product", "region"]]))
        rows = serie, net.months.get_indexer(pd.DatetimeIndex(plan.shortages["month"]))
        found = served_anyway(net, tried.solver, tried.base, tried.finder, rows, set(), way)
        assert found.objective >= tried.base.objective - 1e-6
        for name in ("owed", "lost", "below", "over", "above"):
            assert (found.values[name] <= np.maximum(tried.base.values[name], 0.0) + 1e-6).all()
        assert (found.values["arrive"] <= net.upper + 1e-6).all()
        assert tried.solver.solve().objective == pytest.approx(tried.base.objective, rel=1e-9), "the solver is left as it was"
        again = Solver(build_model(net), starting_basis(net))
        fresh = served_anyway(net, again, again.solve(), tried.finder, rows, set(), way)
        assert fresh.objective == pytest.approx(found.objective, rel=1e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_company_is_told_figures_or_nothing():
    asked = 0
    for seed in range(12):
        strategy = ("optimal", "chase", "level")[seed % 3]
        try:
            plan = plan_supply(**odd_company(seed, limits=True), months=MONTHS, strategy=strategy)
        except ValueError:
            continue
        found = conform("shortage_remedies", price_remedies(plan.network, plan.causes, plan.shortages, plan.supply_plan))
        assert np.isfinite(found[["saved_units", "saved_money", "cost", "gain"]].to_numpy()).all()
        lifted = found[~found["remedy"].str.contains("all the same|lot of|^move ")]
        assert (lifted["gain"] >= -1e-6 * max(1.0, abs(plan.objective))).all()
        asked += len(found)
    assert asked > 20
