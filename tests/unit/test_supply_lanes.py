"""What lanes carry: kept in the plan, priced, named as a cause, and the same to a second formulation and to a plan solved in parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS, company, monthly, random_company, second_opinion, table
from test_supply_ranges import tried_prices

from sop_helpers.book.conform import conform
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_parts import solve_in_parts
from sop_helpers.planning.supply_remedies import price_remedies
from sop_helpers.planning.supply_solver import Solver
from sop_helpers.planning.supply_start import starting_basis

LANE = {"from_location": "plant", "location": "depot"}


def plan(c, **rules):
    return plan_supply(**c, months=MONTHS, **({"frozen_months": 0, "whole_lots": False} | rules))


def with_lane(c, limits: list[dict], takes: dict[str, float] | None = None, measure: str = "pallets"):
    rows = [LANE | row for row in limits]
    out = c | {"lane_limits": table("lane_limits", rows)}
    return out | ({"item_measures": table("item_measures", [{"item": i, "measure": measure, "per_unit": n} for i, n in takes.items()])} if takes else {})


def depot(demand, *, lead: float = 0.0, price: float = 30.0, items: str = "A", **more):
    """Items bought at a plant and moved to the depot that sells them."""
    bought = {"kind": "buy", "location": "plant", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 10.0}
    operations = [{"operation": f"buy {i}", "item": i} | bought for i in items]
    operations += [{"operation": f"move {i}", "kind": "move", "item": i, "lead_time_months": lead, "unit_cost": 1.0} | LANE for i in items]
    return company(
        demand=[row for i in items for row in monthly(demand, product=i, region="r")], operations=operations,
        products=[{"product": i, "family": "F", "unit_price": price, "unit_cost": 10.0} for i in items],
        regions=[{"region": "r", "ship_from": "depot"}], **more,
    )  # fmt: skip


def random_lane(seed: int):
    """A random company with a lane of its own: in units or pallets, with or without extra transport, an open transfer on its way or not."""
    draw = np.random.default_rng([7, seed])
    c = random_company(seed)
    in_pallets, paid = bool(draw.integers(2)), bool(draw.integers(2))
    lane = {"max_load": float(draw.integers(0, 90)), "over_cost": 4.0 if paid else np.nan, "measure": "pallets" if in_pallets else None}
    if draw.integers(2):
        open_transfer = {"receipt": "T", "kind": "transfer", "item": "B", "location": "depot", "units": 30.0, "due_month": MONTHS[int(draw.integers(0, 4))]}
        c["receipts"] = pd.concat([c["receipts"], table("receipts", [open_transfer])], ignore_index=True)
    return with_lane(c, [lane], {"A": 0.5, "B": 0.25} if in_pallets else None)


@pytest.mark.parametrize("seed", range(16))
def test_another_formulation_finds_the_same_cost(seed):
    c = random_lane(seed)
    assert plan(c, frozen_months=1).objective == pytest.approx(second_opinion(c), rel=1e-6)


def test_those_random_lanes_bind():
    costs = [(plan(random_lane(seed)).objective, plan({**random_lane(seed), "lane_limits": table("lane_limits", [])}).objective) for seed in range(8)]
    assert sum(limited > free + 1 for limited, free in costs) >= 5


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_all_items_together_keep_the_limit_and_any_start_and_any_parts_give_one_plan(seed):
    c = random_lane(seed)
    result = plan(c)
    load = conform("lane_load", result.lane_load)
    if result.network.limits.lanes.over_price[0, 0] != 4.0:
        assert (load["planned_load"] <= np.maximum(load["max_load"], load["open_load"]) + 1e-6).all()
    factor = {"A": 0.5, "B": 0.25} if c["lane_limits"]["measure"].notna().any() else {"A": 1.0, "B": 1.0}
    moved = result.supply_plan[result.supply_plan["kind"] == "move"]
    leaves = (moved["units"] * moved["item"].map(factor)).groupby(moved["release_month"]).sum().reindex(MONTHS, fill_value=0.0)
    assert (load["planned_load"] - load["open_load"]).tolist() == pytest.approx(leaves.tolist(), abs=1e-6)
    net = build_network(**c, months=MONTHS, frozen_months=0)
    model, start = build_model(net), starting_basis(net)
    anew, started, parts = Solver(model).solve(), Solver(model, start).solve(ranges=True), solve_in_parts(model, start)[0]
    assert started.objective == pytest.approx(anew.objective, rel=1e-9, abs=1e-6)
    assert parts.objective == pytest.approx(anew.objective, rel=1e-9, abs=1e-6)
    assert parts.prices["transport"].one.shape == started.prices["transport"].one.shape == (1, len(MONTHS))


def test_items_joined_by_a_lane_are_solved_together_and_those_that_share_nothing_are_not():
    """Two items that share only a lane: on their own each fits, together they do not."""
    free = depot([60.0] * 6, items="AB")
    tight = with_lane(free, [{"max_load": 100.0}])
    net = build_network(**tight, months=MONTHS, frozen_months=0)
    model = build_model(net)
    whole, parts = Solver(model, starting_basis(net)).solve(), solve_in_parts(model, starting_basis(net))[0]
    assert parts.objective == pytest.approx(whole.objective, rel=1e-9)
    assert whole.objective > plan(free).objective + 1
    moved = parts.values["arrive"][(net.operations["kind"] == "move").to_numpy()].sum(axis=0)
    assert moved.tolist() == pytest.approx([100.0] * 6)


def test_the_month_that_counts_is_that_of_departure():
    c = with_lane(depot([50.0] * 6, lead=1.0), [{"max_load": 60.0}, {"month": MONTHS[2], "max_load": 10.0}])
    result = plan(c, patience_months=6)
    leaves = result.supply_plan[result.supply_plan["kind"] == "move"].set_index("release_month")["units"]
    assert leaves[MONTHS[2]] <= 10 + 1e-6 and leaves.max() <= 60 + 1e-6
    assert leaves[MONTHS[1]] == pytest.approx(60), "what cannot leave in the third month leaves before"


def test_open_transfers_that_have_not_left_take_room_and_those_on_their_way_do_not():
    receipts = [{"receipt": n, "kind": "transfer", "item": "A", "location": "depot", "due_month": m, "units": u}
                for n, m, u in (("gone", MONTHS[0], 45.0), ("leaves", MONTHS[2], 25.0))]  # fmt: skip
    c = with_lane(depot([50.0] * 6, lead=1.0, receipts=receipts), [{"max_load": 40.0}])
    load = plan(c).lane_load
    assert load["open_load"].tolist() == [0.0, 25.0, 0, 0, 0, 0]
    assert load["planned_load"].max() == pytest.approx(40.0) and load["planned_units"].iloc[1] == pytest.approx(15.0)
    crowded = with_lane(depot([50.0] * 6, lead=1.0, receipts=receipts), [{"max_load": 20.0}])
    result = plan(crowded)
    assert result.lane_load["over_load"].tolist() == pytest.approx([0.0, 5.0, 0, 0, 0, 0]) and "Open transfers alone take more" in " ".join(result.notes)


def test_items_count_by_what_they_take_and_a_lane_may_have_two_limits():
    c = with_lane(depot([40.0] * 6, items="AB"), [{"max_load": 15.0, "measure": "pallets"}, {"max_load": 70.0}], {"A": 0.5, "B": 0.1})
    result = plan(c)
    load = result.lane_load.set_index(["measure", "month"])["planned_load"]
    moved = result.supply_plan[result.supply_plan["kind"] == "move"].pivot_table(index="item", columns="month", values="units", aggfunc="sum", fill_value=0)
    assert load["units"].max() <= 70 + 1e-6 and load["pallets"].max() <= 15 + 1e-6
    assert load["pallets"].tolist() == pytest.approx((0.5 * moved.loc["A"] + 0.1 * moved.loc["B"]).tolist())


def test_extra_transport_goes_at_its_price_and_is_left_out_where_it_has_none():
    tight = [{"max_load": 30.0}]
    short, paid = (plan(with_lane(depot([50.0] * 6), [row])) for row in (tight[0], tight[0] | {"over_cost": 5.0}))
    assert short.shortages["short_units"].sum() > 0 and short.lane_load["over_load"].max() == pytest.approx(0)
    assert paid.shortages.empty and paid.lane_load["over_load"].tolist() == pytest.approx([20.0] * 6)
    assert paid.objective == pytest.approx(6 * (50 * 11 + 20 * 5))
    dear = plan(with_lane(depot([50.0] * 6), [tight[0] | {"over_cost": 500.0}]))
    assert dear.objective == pytest.approx(short.objective), "nobody pays more for a lorry than the sale is worth"


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 6, 9])
def test_the_value_of_room_is_the_finite_difference_as_far_as_it_is_said_to_hold(seed):
    net = build_network(**random_lane(seed), months=MONTHS, frozen_months=0)
    assert tried_prices(net, "transport", net.limits.lanes.room, 20.0) >= 4


def test_a_full_lane_is_the_first_cause_with_what_more_room_saves():
    c = with_lane(depot([50.0] * 6, lead=1.0), [{"max_load": 15.0, "measure": "pallets"}], {"A": 0.5})
    result = plan(c)
    short = result.shortages[result.shortages["month"] > MONTHS[0]]
    assert short["cause"].str.fullmatch(r"transport limit of plant to depot \(pallets\) in 2026-\d\d|transport limit of .* in 2027-\d\d").all()
    first = short.iloc[0]
    assert f"{first['short_units'] * 0.5:,.0f} pallets more on this lane in 2026-10" in first["remedy"] and "one more saves" in first["remedy"]
    assert result.shortages["cause"].iloc[0].startswith("lead time"), "nothing can arrive in the first month"
    told = price_remedies(result.network, result.causes, result.shortages)
    freed = told[told["remedy"] == "no limit of transport from plant to depot"].iloc[0]
    unlimited = plan(depot([50.0] * 6, lead=1.0))
    assert freed["limit"] == "transport limit of plant to depot (pallets)"
    assert freed["saved_units"] == pytest.approx(result.shortages["short_units"].sum() - unlimited.shortages["short_units"].sum())
    assert freed["gain"] == pytest.approx(result.objective - unlimited.objective)


def test_a_supplier_limit_over_all_items_is_a_cause_too():
    c = depot([50.0] * 6, items="AB") | {"supplier_limits": table("supplier_limits", [{"supplier": "S", "max_units": 60.0}])}
    result = plan(c)
    assert set(result.shortages["cause"].str.split(": ").str[0]) == {"supplier limit of S"}
    told = price_remedies(result.network, result.causes, result.shortages)
    row = told[told["remedy"] == "no limit of all items of S"].iloc[0]
    free = plan(depot([50.0] * 6, items="AB"))
    assert row["saved_units"] == pytest.approx(result.shortages["short_units"].sum()) and row["gain"] == pytest.approx(result.objective - free.objective)


def test_whole_lots_keep_the_lane():
    c = with_lane(depot([50.0] * 6, items="AB"), [{"max_load": 65.0}])
    c["operations"].loc[c["operations"]["kind"] == "move", "lot_multiple"] = 20.0
    result = plan(c, whole_lots=True)
    moved = result.supply_plan[result.supply_plan["kind"] == "move"]
    assert (moved["units"] % 20 == 0).all() and result.lane_load["planned_load"].max() == pytest.approx(60.0)


def test_measures_are_never_mixed_in_silence():
    takes = with_lane(depot([50.0] * 6, items="AB"), [{"max_load": 15.0, "measure": "pallets"}], {"A": 0.5})
    with pytest.raises(ValueError, match="lane_limits.measure of 'plant > depot' is 'pallets', and item_measures does not say how much of it 'B' take"):
        plan(takes)
    spelt = with_lane(depot([50.0] * 6), [{"max_load": 15.0, "measure": "pallets"}], {"A": 0.5}, "Pallets")
    with pytest.raises(ValueError, match="is 'Pallets' meant"):
        plan(spelt)
    with pytest.raises(ValueError, match="lane_limits.max_load of 'depot' is -1.0; expected a finite number, zero or more"):
        plan(with_lane(depot([50.0] * 6), [{"max_load": -1.0}]))


def test_a_limit_of_a_lane_that_nothing_takes_changes_nothing():
    c = depot([50.0] * 6)
    other = c | {"lane_limits": table("lane_limits", [{"from_location": "depot", "location": "plant", "max_load": 0.0}])}
    result = plan(other)
    assert result.objective == plan(c).objective and conform("lane_load", result.lane_load).empty


def test_a_stress_test_that_moves_open_transfers_is_solved_anew():
    from sop_helpers.planning.stress_results import same_program

    receipts = [{"receipt": "T", "kind": "transfer", "item": "A", "location": "depot", "due_month": MONTHS[2], "units": 25.0}]
    one = with_lane(depot([50.0] * 6, receipts=receipts), [{"max_load": 40.0}])
    later = one | {"receipts": one["receipts"].assign(due_month=MONTHS[3])}
    nets = [build_network(**c, months=MONTHS, frozen_months=0) for c in (one, later)]
    assert same_program(nets[0], nets[0]) and not same_program(*nets)
