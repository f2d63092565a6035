"""The consensus: streams add up to the plan exactly, whatever people say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, open_orders, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.planning import consensus, consumption, launches, waterfall
from sop_helpers.planning.budget import budget_by_month, gap_to_budget
from sop_helpers.planning.cells import on_sale

CELL = ["month", "product", "region"]


def forecast(number: int = 4, units: float = 100.0) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([HORIZON, [f"P{i}" for i in range(number)], ["R0", "R1"]], names=CELL)
    frame = index.to_frame(index=False)
    return frame.assign(units=units * (1 + frame["product"].str[1].astype(float)), model="portfolio")


def past(number: int = 4) -> pd.DataFrame:
    frame = pd.MultiIndex.from_product([MONTHS, [f"P{i}" for i in range(number)], ["R0", "R1"]], names=CELL).to_frame(index=False)
    return frame.assign(units=100.0)


Table = pd.DataFrame | None


def build(told: Table = None, said: Table = None, orders: Table = None, catalogue: Table = None, **options):
    catalogue = products(4) if catalogue is None else catalogue
    own = consensus.own_view(forecast(), past(), catalogue, insights() if told is None else told, month=HORIZON[0], **options)
    streams = consensus.build_streams(
        own, catalogue, overrides() if said is None else said, open_orders() if orders is None else orders, month=HORIZON[0]
    )
    return streams, consensus.demand_plan(streams, catalogue)


def total(streams: pd.DataFrame, stream: str) -> float:
    return float(streams.loc[streams["stream"] == stream, "units"].sum())


def check_sum(streams: pd.DataFrame, plan: pd.DataFrame) -> None:
    sums = streams.groupby(CELL)["units"].sum()
    both = plan.set_index(CELL)["units"]
    assert (sums - both).abs().max() <= 1e-9 * max(1.0, both.max())
    assert (plan["units"] >= 0).all()


def test_without_words_the_plan_is_the_forecast() -> None:
    streams, plan = build()
    assert set(streams["stream"]) == {"statistical"} and (plan["units"] == plan["statistical_units"]).all()
    price = plan["product"].map(products(4).set_index("product")["unit_price"])
    np.testing.assert_allclose(plan["revenue"], plan["units"] * price)
    np.testing.assert_allclose(plan["margin"], plan["units"] * (price - 6.0))


def test_effects_are_weighted_by_confidence_and_do_not_compound() -> None:
    month = HORIZON[2]
    rows = [{"insight": "a", "family": "F0", "start_month": month, "end_month": month, "effect_pct": 10, "confidence": 0.5},
            {"insight": "b", "family": "F0", "start_month": month, "end_month": month, "effect_pct": 20, "kind": "promotion", "function": "marketing"}]
    streams, plan = build(insights(*rows))
    base = 2 * (100 + 300)  # P0 and P2 in two regions
    assert total(streams, "sales") == pytest.approx(0.05 * base) and total(streams, "promotion") == pytest.approx(0.2 * base)
    check_sum(streams, plan)
    streams, _ = build(insights(*rows), weighted=False)
    assert total(streams, "sales") == pytest.approx(0.1 * base)


def test_units_are_split_in_proportion_each_month() -> None:
    row = {"insight": "a", "start_month": HORIZON[0], "end_month": HORIZON[2], "effect_units": 60, "function": "product", "region": "R1"}
    streams, _ = build(insights(row))
    mine = streams[streams["stream"] == "product"]
    assert mine.groupby("month")["units"].sum().tolist() == pytest.approx([60, 60, 60])
    assert set(mine["region"]) == {"R1"}
    by_product = mine.groupby("product")["units"].sum()
    assert by_product["P3"] == pytest.approx(4 * by_product["P0"])


def test_an_expired_insight_does_not_count_and_is_listed() -> None:
    row = {"insight": "old", "start_month": HORIZON[0], "end_month": HORIZON[2], "effect_pct": 50, "expires_month": HORIZON[0]}
    streams, _ = build(insights(row))
    assert set(streams["stream"]) == {"statistical"}
    listed = consensus.problems(products(4), insights(row), overrides(), past()[["product", "region"]].drop_duplicates(), HORIZON[0])
    assert list(listed["source"]) == ["old"] and "expired in 2026-10" in listed["message"][0]


def test_no_effect_takes_more_than_there_is() -> None:
    rows = [{"insight": str(i), "product": "P1", "start_month": HORIZON[0], "end_month": HORIZON[1], "effect_pct": -70} for i in range(2)]
    streams, plan = build(insights(*rows))
    check_sum(streams, plan)
    mine = plan[(plan["product"] == "P1") & (plan["month"] <= HORIZON[1])]
    assert (mine["units"] == 0).all() and "limit" not in set(streams["stream"])
    taken = streams[streams["stream"] != "statistical"].groupby("source")["units"].sum()
    assert taken.tolist() == pytest.approx([-0.5 * 4 * 200] * 2), "each of what there is, not of what it asked for"
    more = {"insight": "2", "product": "P1", "start_month": HORIZON[0], "end_month": HORIZON[1], "effect_pct": 20}
    streams, plan = build(insights(*rows, more, more | {"insight": "3", "product": "P0", "effect_pct": None, "effect_units": -1e12}))
    taken = streams[streams["stream"] != "statistical"].groupby("source")["units"].sum()
    assert taken.tolist() == pytest.approx([-0.6 * 4 * 200] * 2 + [0.2 * 4 * 200, -2 * 2 * 100])
    check_sum(streams, plan)
    assert (consensus.plan_of(streams)["units"] >= 0).all()


def test_a_driver_keeps_what_it_took_where_an_insight_asks_for_more_than_there_is() -> None:
    drivers = forecast().assign(stream="driver", source="index", units=lambda f: -0.5 * f["units"])[[*CELL, "stream", "source", "units"]]
    word = {"insight": "a", "product": "P1", "start_month": HORIZON[0], "end_month": HORIZON[0], "effect_units": -1e6}
    streams, _ = build(insights(word), drivers=drivers)
    mine = streams[(streams["product"] == "P1") & (streams["month"] == HORIZON[0])].groupby("stream")["units"].sum()
    assert mine.to_dict() == pytest.approx({"statistical": 400.0, "driver": -200.0, "sales": -200.0})


def test_an_override_replaces_the_whole_and_splits_in_proportion() -> None:
    row = {"id": "o1", "family": "F1", "start_month": HORIZON[1], "end_month": HORIZON[2], "units": 900.0}
    streams, plan = build(said=overrides(row))
    check_sum(streams, plan)
    touched = plan[plan["product"].isin(["P1", "P3"]) & plan["month"].isin(HORIZON[1:3])]
    assert touched.groupby("month")["units"].sum().tolist() == pytest.approx([900, 900])
    shares = touched.groupby("product")["units"].sum()
    assert shares["P3"] == pytest.approx(2 * shares["P1"])
    assert set(streams.loc[streams["stream"] == "override", "source"]) == {"Kim o1"}


def test_later_overrides_stand_on_earlier_ones() -> None:
    rows = [{"id": "b", "product": "P0", "start_month": HORIZON[0], "end_month": HORIZON[0], "change_pct": 10.0, "time": "2026-10-03"},
            {"id": "a", "product": "P0", "start_month": HORIZON[0], "end_month": HORIZON[0], "units": 1000.0, "time": "2026-10-01"}]
    _, plan = build(said=overrides(*rows))
    assert plan[(plan["product"] == "P0") & (plan["month"] == HORIZON[0])]["units"].sum() == pytest.approx(1100)


def test_an_override_in_units_replaces_what_was_said_before_of_the_same_cells() -> None:
    span = {"product": "P0", "region": "R0", "start_month": HORIZON[0], "end_month": HORIZON[0]}
    ann = {"id": "a", "author": "Ann", "units": 300.0, "time": "2026-10-01"} | span | {"end_month": HORIZON[1]}
    bob = {"id": "b", "author": "Bob", "units": 200.0, "time": "2026-10-02"} | span
    streams, plan = build(said=overrides(ann, bob, bob | {"id": "c", "author": "Cy", "units": None, "change_pct": 10.0, "time": "2026-10-03"}))
    check_sum(streams, plan)
    said = streams[streams["stream"] == "override"].set_index(["month", "source"])["units"]
    assert said.to_dict() == pytest.approx({(HORIZON[0], "Bob b"): 100.0, (HORIZON[0], "Cy c"): 20.0, (HORIZON[1], "Ann a"): 200.0})


def test_phase_out_stops_the_plan_after_the_last_month() -> None:
    catalogue = products(4)
    catalogue.loc[2, "end_month"] = HORIZON[3]
    streams, plan = build(catalogue=catalogue)
    check_sum(streams, plan)
    mine = plan[plan["product"] == "P2"].groupby("month")["units"].sum()
    assert (mine[:4] > 0).all() and (mine[4:] == 0).all() and total(streams, "phase-out") < 0


def test_a_launch_follows_its_like_product_with_scale_and_ramp() -> None:
    catalogue = products(5)
    catalogue.loc[4, ["launch_month", "like_product", "like_scale"]] = [HORIZON[2], "P1", 0.5]
    streams, plan = build(catalogue=catalogue)
    check_sum(streams, plan)
    mine = plan[plan["product"] == "P4"].groupby("month")["units"].sum().reindex(HORIZON).fillna(0)
    like = plan[plan["product"] == "P1"].groupby("month")["units"].sum()
    np.testing.assert_allclose(mine, 0.5 * like * np.r_[0, 0, launches.USUAL_RAMP, np.ones(10)])
    assert set(streams.loc[streams["product"] == "P4", "stream"]) == {"launch"}


def test_the_successor_of_an_ended_product_keeps_its_own_forecast() -> None:
    catalogue = products(4).assign(launch_month=pd.Series([pd.NaT] * 3 + [MONTHS[-2]]), like_product=pd.Series([None] * 3 + ["P1"], dtype="str"))
    ended = forecast().assign(units=lambda f: f["units"].where(f["product"] != "P1", 0.0))
    assert launches.launch_stream(ended, past(), catalogue).empty, "following a product that sells no more would take away what it sells itself"
    ahead = catalogue.assign(launch_month=pd.Series([pd.NaT] * 3 + [HORIZON[1]]), end_month=pd.Series([pd.NaT, MONTHS[-1], pd.NaT, pd.NaT]))
    listed = consensus.problems(ahead, insights(), overrides(), past()[["product", "region"]].drop_duplicates(), HORIZON[0])
    assert listed["source"].tolist() == ["P3"] and "like product P1 has ended" in listed["message"][0]
    cells = past()[["product", "region"]].drop_duplicates()
    assert consensus.problems(ahead.drop(columns="like_product"), insights(), overrides(), cells, HORIZON[0]).empty


def test_a_recent_launch_is_not_counted_twice() -> None:
    catalogue = products(4)
    catalogue.loc[3, ["launch_month", "like_product", "like_scale"]] = [MONTHS[-2], "P1", 1.0]
    sold = past()
    for age in (0, 1):  # it sells just what was planned
        sold.loc[(sold["product"] == "P3") & (sold["month"] == MONTHS[age - 2]), "units"] = 100 * launches.USUAL_RAMP[age]
    own = consensus.own_view(forecast(), sold, catalogue, insights(), month=HORIZON[0])
    streams = consensus.build_streams(own, catalogue, overrides(), open_orders(), month=HORIZON[0])
    plan = consensus.demand_plan(streams, catalogue)
    mine, like = (plan[plan["product"] == p].groupby("month")["units"].sum() for p in ("P3", "P1"))
    np.testing.assert_allclose(mine, like * np.r_[launches.USUAL_RAMP[2:], np.ones(14)])
    check_sum(streams, plan)


def test_the_ramp_is_that_of_the_like_product_where_it_was_seen() -> None:
    own = np.r_[np.full(20, np.nan), [20, 40, 60, 80, 90, 100], np.full(20, 100.0)]
    np.testing.assert_allclose(launches.ramps_of(np.stack([own, np.full(46, 100.0)])), [[0.2, 0.4, 0.6, 0.8, 0.9, 1.0], launches.USUAL_RAMP])
    np.testing.assert_array_equal(launches.ramps_of(own[None, :30])[0], launches.USUAL_RAMP)


def test_open_orders_are_a_lower_bound() -> None:
    cell = {"order": "1", "product": "P0", "region": "R0"}
    streams, plan = build(orders=open_orders(cell | {"due_month": HORIZON[4], "units": 350.0}, cell | {"due_month": MONTHS[-1], "units": 999.0}))
    # 350 ordered: 100 planned in the month and 100 in each neighbour is consumed, 50 is added.
    assert total(streams, "sales") == pytest.approx(50)
    check_sum(streams, plan)
    unchanged, _ = build(orders=open_orders(cell | {"due_month": HORIZON[4], "units": 90.0}))
    assert "sales" not in set(unchanged["stream"])


def test_what_is_booked_and_what_is_still_to_be_sold_make_the_plan() -> None:
    cell = {"order": "1", "product": "P0", "region": "R0", "revenue": 0.0}
    # P0 in R0 is planned at 100 a month: 130 due in the third eat it and 30 of the second.
    orders = open_orders(cell | {"due_month": HORIZON[2], "units": 130.0, "revenue": 1250.0}, cell | {"due_month": MONTHS[-1], "units": 999.0})
    _, plan = build(orders=orders)
    to_order = products(4).assign(made_to="order", promised_months=2.0)
    assert consumption.booked(plan, orders, to_order).empty, "backlog is no part of the bookings to come"
    out = consumption.booked(plan, orders, products(4)).set_index(["family", "month"])
    assert out.index.unique("month").tolist() == list(HORIZON[:3]), "up to the last month in which an order is due"
    mine = out.loc["F0"]
    assert (mine["plan_units"] - mine["open_units"]).tolist() == pytest.approx([0.0, 30.0, 100.0])
    assert mine["booked_units"].tolist() == [0.0, 0.0, 130.0] and mine["booked_money"].tolist() == [0.0, 0.0, 1250.0]
    assert (mine["plan_money"] - mine["open_money"]).tolist() == pytest.approx([0.0, 300.0, 1000.0])
    assert (out.loc["F1", "open_units"] == out.loc["F1", "plan_units"]).all()
    assert consumption.booked(plan, open_orders(), products(4)).empty


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=8), st.lists(st.floats(0, 1000), min_size=1, max_size=8), st.integers(0, 3), st.integers(0, 3),
)
def test_consumption_never_makes_or_loses_units(gross: list[float], orders: list[float], early: int, late: int) -> None:
    size = min(len(gross), len(orders))
    f, o = np.array(gross[:size]), np.array(orders[:size])
    net = consumption.net_forecast(f, o, early, late)
    assert (net >= 0).all() and (net <= f + 1e-9).all()
    assert f.sum() - net.sum() <= o.sum() + 1e-6
    assert (net >= f - o.sum() - 1e-6).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(
    st.sampled_from([None, "F0", "F1"]), st.sampled_from([None, "P0", "P3", "unknown"]), st.sampled_from([None, "R1"]),
    st.integers(0, 17), st.integers(0, 4), st.one_of(st.none(), st.floats(-100, 300)), st.floats(-5e4, 5e4), st.floats(0, 1)), max_size=6))
def test_streams_add_up_whatever_is_said(words: list[tuple]) -> None:
    rows = [{"insight": str(i), "family": f, "product": p, "region": r, "start_month": HORIZON[s], "end_month": HORIZON[min(s + n, 17)],
             "effect_pct": pct, "effect_units": units if pct is None else None, "confidence": c} for i, (f, p, r, s, n, pct, units, c) in enumerate(words)]
    said = [{"id": "o", "family": "F0", "start_month": HORIZON[0], "end_month": HORIZON[5], "units": 700.0}] if len(words) % 2 else []
    streams, plan = build(insights(*rows), overrides(*said))
    check_sum(streams, plan)
    assert not streams.duplicated([*CELL, "stream", "source"]).any()
    for by in ("product", "family", "region"):
        rolled = consensus.roll_up(plan, products(4), by).groupby("month")["revenue"].sum()
        np.testing.assert_allclose(rolled, consensus.roll_up(plan, products(4), "total").set_index("month")["revenue"], rtol=1e-9)


def test_units_said_of_a_family_without_forecast_go_to_what_is_on_sale() -> None:
    catalogue = products(4)
    catalogue.loc[0, "end_month"], catalogue.loc[2, "launch_month"] = MONTHS[-1], HORIZON[1]
    nothing = forecast().assign(units=0.0)
    span = {"start_month": HORIZON[0], "end_month": HORIZON[1]}
    for told, said in ((insights({"insight": "a", "family": "F0", "effect_units": 80.0} | span), overrides()),
                       (insights(), overrides({"id": "o", "family": "F0", "units": 80.0} | span))):
        own = consensus.own_view(nothing, past(), catalogue, told, month=HORIZON[0])
        plan = consensus.demand_plan(consensus.build_streams(own, catalogue, said, open_orders(), month=HORIZON[0]), catalogue)
        sums = plan.groupby(["month", "product"])["units"].sum()
        # In the first month nothing of the family is on sale: it is split evenly all the same, as somebody said so.
        assert sums[HORIZON[0]][["P0", "P2"]].tolist() == pytest.approx([40.0, 40.0])
        assert sums[HORIZON[1]][["P0", "P2"]].tolist() == pytest.approx([0.0, 80.0])


def test_a_word_on_months_after_the_last_one_planned_is_listed() -> None:
    far = {"id": "o9", "product": "P0", "start_month": HORIZON[-1] + pd.DateOffset(months=1), "end_month": HORIZON[-1] + pd.DateOffset(months=2)}
    cells = past()[["product", "region"]].drop_duplicates()
    listed = consensus.problems(products(4), insights(), overrides(far | {"units": 5.0}), cells, HORIZON[0], HORIZON[-1])
    assert listed["message"].tolist() == [f"it begins in 2028-04, after the last month planned, {HORIZON[-1]:%Y-%m}"]
    assert consensus.problems(products(4), insights(), overrides(far | {"start_month": HORIZON[-1]}), cells, HORIZON[0], HORIZON[-1]).empty


def test_words_that_match_nothing_are_listed() -> None:
    row = {"id": "o1", "product": "P9", "start_month": HORIZON[0], "end_month": HORIZON[0], "units": 5.0}
    late = {"id": "o2", "product": "P0", "start_month": MONTHS[-2], "end_month": HORIZON[0], "units": 5.0}
    catalogue = products(5)
    catalogue.loc[4, "launch_month"] = HORIZON[1]
    listed = consensus.problems(catalogue, insights(), overrides(row, late), past()[["product", "region"]].drop_duplicates(), HORIZON[0])
    assert dict(zip(listed["source"], listed["what"], strict=True)) == {"o1": "override", "o2": "override", "P4": "launch"}
    assert "P9" in listed["message"][0] and "like product" in listed["message"][2]


def test_the_waterfall_adds_up_in_units_and_money() -> None:
    before, last_plan = build(insights({"insight": "a", "start_month": HORIZON[0], "end_month": HORIZON[9], "effect_pct": 8}))
    dearer = products(4).assign(unit_price=lambda p: p["unit_price"] * 1.1)
    word = {"insight": "b", "family": "F1", "start_month": HORIZON[0], "end_month": HORIZON[3], "effect_pct": -9, "function": "finance"}
    now, plan = build(insights(word), catalogue=dearer)
    last_plan = last_plan[last_plan["month"] < HORIZON[12]]
    before = before[before["month"] < HORIZON[12]]
    steps = waterfall.changes(now, plan, before, last_plan, dearer)
    for _, one in steps.groupby("family"):
        one = one.set_index("step")
        for column in ("units", "money"):
            moved = one.loc[~one.index.isin(["last plan", "this plan"]), column].sum()
            assert one.loc["last plan", column] + moved == pytest.approx(one.loc["this plan", column], rel=1e-12)
        assert one.index[0] == "last plan" and one.index[-1] == "this plan" and "price" in one.index
        assert one["order"].is_monotonic_increasing
    assert steps[steps["step"] == "last plan"]["money"].sum() == pytest.approx(last_plan["revenue"].sum())
    assert not waterfall.no_changes().shape[0]


def test_a_shift_of_mix_shows_in_the_waterfall_although_no_unit_moves() -> None:
    before, last_plan = build()
    cell = {"region": "R0", "start_month": HORIZON[0], "end_month": HORIZON[1]}
    units = last_plan.set_index(CELL)["units"]
    words = [{"id": f"o{k}", "product": p, "units": float(units[HORIZON[0], p, "R0"]) + move} for k, (p, move) in enumerate((("P0", -10.0), ("P2", 10.0)))]
    now, plan = build(said=overrides(*[cell | word for word in words]))
    steps = waterfall.changes(now, plan, before, last_plan, products(4))
    for _, one in steps.groupby("family"):
        one = one.set_index("step")["money"]
        assert one.drop(["last plan", "this plan"]).sum() == pytest.approx(one["this plan"] - one["last plan"])
    override = steps[steps["step"] == "override"]
    assert override["units"].sum() == pytest.approx(0) and override["money"].abs().sum() > 0


saying = st.tuples(
    st.sampled_from([None, "F0", "F1"]), st.sampled_from([None, "P0", "P3"]), st.integers(0, 17), st.integers(0, 6), st.floats(-100, 200),
    st.sampled_from(["marketing", "sales", "finance"]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(saying, max_size=3), st.lists(saying, max_size=3), st.floats(0.5, 2), st.integers(0, 12), st.floats(0, 5e3), st.booleans())
def test_the_waterfall_adds_up_by_family_whatever_changed(then: list, now: list, dearer: float, apart: int, units: float, dropped: bool) -> None:
    def told(words: list) -> pd.DataFrame:
        return insights(*[{"insight": f"{k}", "family": f, "product": p, "start_month": HORIZON[s], "end_month": HORIZON[min(s + n, 17)],
                           "effect_pct": pct, "function": who} for k, (f, p, s, n, pct, who) in enumerate(words)])

    catalogue = products(4).assign(unit_price=lambda p: p["unit_price"] * dearer)
    before, last_plan = build(told(then), overrides({"id": "old", "family": "F1", "start_month": HORIZON[0], "end_month": HORIZON[8], "units": units}))
    less = overrides({"id": "new", "start_month": HORIZON[apart], "end_month": HORIZON[17], "change_pct": -30.0})
    streams, plan = build(told(now), less, catalogue=catalogue)
    before, last_plan = (f[f["month"] < HORIZON[17 - apart]] for f in (before, last_plan))  # the older plan ends earlier
    if dropped:  # a product that only this month's plan knows
        before, last_plan = (f[f["product"] != "P2"] for f in (before, last_plan))
    steps = waterfall.changes(streams, plan, before, last_plan, catalogue)
    both = set(plan["month"]) & set(last_plan["month"])
    family = catalogue.set_index("product")["family"]
    for name, one in steps.groupby("family"):
        ends = one.set_index("step")
        for column, valued in (("units", "units"), ("money", "revenue")):
            for step, table in (("last plan", last_plan), ("this plan", plan)):
                mine = table.loc[table["month"].isin(both) & (table["product"].map(family) == name), valued].sum()
                assert ends.loc[step, column] == pytest.approx(mine, rel=1e-9, abs=1e-6)
            moved = one.loc[~one["step"].isin(["last plan", "this plan"]), column].sum()
            assert ends.loc["last plan", column] + moved == pytest.approx(ends.loc["this plan", column], rel=1e-9, abs=1e-6)


def test_the_waterfall_tells_a_new_actual_from_another_method() -> None:
    catalogue = products(4)
    before, last_plan = build()
    told = forecast().assign(units=lambda f: f["units"] + 5)
    told.loc[told["product"] == "P1", "model"] = "seasonal naive"
    own = consensus.own_view(told, past(), catalogue, insights(), month=HORIZON[0])
    now = consensus.build_streams(own, catalogue, overrides(), open_orders(), month=HORIZON[0])
    steps = waterfall.changes(now, consensus.demand_plan(now, catalogue), before, last_plan, catalogue).set_index(["family", "step"])["units"]
    cells = len(HORIZON) * 2 * 5.0  # regions, units
    assert steps["F0", "actuals"] == pytest.approx(2 * cells) and ("F0", "model") not in steps
    assert steps["F1", "actuals"] == pytest.approx(cells) and steps["F1", "model"] == pytest.approx(cells)


def test_a_product_that_was_dropped_is_a_step_of_its_own() -> None:
    before, last_plan = build()
    catalogue = products(3)
    now, plan = (f[f["product"] != "P3"] for f in (before, last_plan))
    steps = waterfall.changes(now, plan, before, last_plan, catalogue).set_index(["family", "step"])
    assert list(steps.loc["(no family)"].index) == ["last plan", "dropped product", "this plan"]
    gone = last_plan[last_plan["product"] == "P3"]
    assert steps.loc[("(no family)", "dropped product"), ["units", "money"]].tolist() == pytest.approx([-gone["units"].sum(), -gone["revenue"].sum()])
    assert "dropped product" in waterfall.STEP_ORDER


def test_the_waterfall_shows_no_step_that_a_limit_took_back() -> None:
    word = insights({"insight": "b", "product": "P1", "start_month": HORIZON[0], "end_month": HORIZON[3], "effect_units": -1e6})
    before, last_plan = build()
    now, plan = build(word)
    steps = waterfall.changes(now, plan, before, last_plan, products(4)).set_index(["family", "step"])["units"]
    assert steps.loc["F1"].drop(["last plan", "this plan"]).to_dict() == pytest.approx({"sales": -4 * 400.0})
    # A month closed before kept the limit apart: it is netted there too, the driver's part first of what there was.
    cell = before.loc[before["product"] == "P1"].iloc[[0]]
    rows = [("driver", "x", -50.0), ("sales", "a", -900.0), ("marketing", "b", -300.0), ("sales", "c", 50.0), ("limit", "never below zero", 1000.0),
            ("override", "Kim o", 30.0)]
    old = pd.concat([before, *[cell.assign(stream=s, source=w, units=u) for s, w, u in rows]], ignore_index=True)
    old_plan = consensus.demand_plan(old, products(4))
    steps = waterfall.changes(before, last_plan, old, old_plan, products(4)).set_index(["family", "step"])["units"]
    assert steps.loc["F1"].drop(["last plan", "this plan"]).to_dict() == pytest.approx({"driver": 50.0, "sales": 100.0, "marketing": 50.0, "override": -30.0})


def test_the_gap_to_budget_splits_into_past_and_future() -> None:
    _, plan = build()
    year = pd.date_range("2026-04-01", periods=12, freq="MS")
    index = pd.MultiIndex.from_product([year, ["F0", "F1"], ["R0"]], names=["month", "family", "region"])
    budget = index.to_frame(index=False).assign(units=1.0, revenue=10_000.0)
    sold = past().assign(revenue=lambda f: f["units"] * 10.0)
    gap = gap_to_budget(budget_by_month(plan, sold, budget, products(4), fiscal_year_start=4)).set_index("family")
    np.testing.assert_allclose(gap["gap"], gap["gap_to_date"] + gap["gap_to_go"])
    np.testing.assert_allclose(gap["actual"], 6 * 4 * 1000.0)
    np.testing.assert_allclose(gap["budget"], 120_000)
    np.testing.assert_allclose(gap["gap_to_date"], 24_000 - 60_000)
    assert gap_to_budget(budget_by_month(plan, sold, budget.iloc[:0], products(4))).empty


def test_a_sum_below_zero_is_refused_by_name() -> None:
    streams, _ = build()
    streams.loc[0, "units"] = -500.0
    with pytest.raises(ValueError, match="P0 in R0, 2026-10"):
        consensus.demand_plan(streams, products(4))


def test_products_without_any_month_of_launch_or_end_are_always_on_sale() -> None:
    cells = forecast()[["month", "product", "region", "units"]]
    for blank in (np.nan, None, pd.NaT):
        assert on_sale(cells, products(4).assign(launch_month=blank, end_month=blank))["on_sale"].all()
    assert on_sale(cells, products(4)[["product", "family"]])["on_sale"].all()
