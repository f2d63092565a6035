"""Launches and phase-outs: what a launch takes from others, and the last buy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, open_orders, overrides, products
from hypothesis import given, settings
from hypothesis import strategies as st
from test_consensus import check_sum, forecast, past

from sop_helpers.planning import backtest, consensus, forecasting, launches
from sop_helpers.planning.last_buys import last_buys
from sop_helpers.planning.panel import to_panel

CELL = ["month", "product", "region"]
MOVES = pd.DataFrame(columns=["month", "item", "location", "on_hand"])
OPEN = pd.DataFrame(columns=["kind", "item", "due_month", "units"])
WAYS = pd.DataFrame(columns=["kind", "item", "lead_time_months", "last_month", "lot_multiple"])
NO_ERRORS = pd.DataFrame(columns=["product", "region", "months", "sd_units"])


def catalogue(share: float | None = 0.4, victims: str = "P0; P2", scale: float = 0.5) -> pd.DataFrame:
    out = products(5)
    out.loc[4, ["launch_month", "like_product", "like_scale"]] = [HORIZON[2], "P1", scale]
    out["cannibalises"] = pd.Series([None] * 4 + [victims], dtype="str")
    return out.assign(cannibal_share=[np.nan] * 4 + [np.nan if share is None else share])


def streams_of(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    streams = consensus.build_streams(
        consensus.own_view(forecast(), past(), table, insights(), month=HORIZON[0]), table, overrides(), open_orders(), month=HORIZON[0]
    )
    return streams, consensus.demand_plan(streams, table)


def test_a_launch_takes_its_share_from_the_products_named() -> None:
    streams, plan = streams_of(catalogue())
    check_sum(streams, plan)
    new = streams[streams["product"] == "P4"].groupby("month")["units"].sum()
    lost = streams[streams["source"] == "cannibalised by P4"]
    np.testing.assert_allclose(-lost.groupby("month")["units"].sum().reindex(HORIZON).fillna(0.0), 0.4 * new.reindex(HORIZON).fillna(0.0))
    # P0 is forecast at 100 and P2 at 300 in each region: they lose one to three.
    by_product = lost.groupby("product")["units"].sum()
    assert by_product["P2"] == pytest.approx(3 * by_product["P0"]) and set(by_product.index) == {"P0", "P2"}
    assert (streams.loc[streams["product"].isin(["P1", "P3"]), "stream"] == "statistical").all()


def test_without_a_share_half_is_taken_and_nobody_loses_more_than_there_is() -> None:
    streams, _ = streams_of(catalogue(share=None))
    new = streams.loc[streams["product"] == "P4", "units"].sum()
    assert -streams.loc[streams["source"] == "cannibalised by P4", "units"].sum() == pytest.approx(0.5 * new)
    _, plan = streams_of(catalogue(share=1.0, victims="P0", scale=50.0))
    steady = plan[(plan["product"] == "P0") & (plan["month"] >= HORIZON[2])]
    np.testing.assert_allclose(steady["units"], 0.0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.floats(0.01, 20), st.lists(st.sampled_from(["P0", "P1", "P2", "P3", "P4", "P9", " "]), max_size=4))
def test_streams_add_up_whatever_is_cannibalised(share: float, scale: float, victims: list[str]) -> None:
    check_sum(*streams_of(catalogue(share, ";".join(victims), scale)))


def test_an_unknown_victim_is_named() -> None:
    table = catalogue(victims="P0;P77")
    found = consensus.problems(table, insights(), overrides(), table[["product"]].assign(region="R0"), HORIZON[0])
    assert found["message"].tolist() == ["table 'products', column 'cannibalises': 'P77' is no product; nothing is taken from it"]
    assert launches.victims_of(products(3)).empty


def ending(price: float = 10.0, cost: float = 5.0) -> pd.DataFrame:
    out = products(1).assign(unit_price=price, unit_cost=cost)
    out.loc[0, "end_month"] = HORIZON[3]
    return out


def planned() -> pd.DataFrame:
    return pd.DataFrame({"month": HORIZON, "product": "P0", "region": "R0", "units": np.where(HORIZON <= HORIZON[3], 100.0, 0.0)})


def test_the_last_buy_covers_what_is_left_after_stock_and_orders() -> None:
    stock = pd.DataFrame({"month": [HORIZON[0] - pd.DateOffset(months=1)] * 2, "item": "P0", "location": ["A", "B"], "on_hand": [60.0, 40.0]})
    coming = pd.DataFrame({"kind": ["purchase", "transfer"], "item": "P0", "due_month": HORIZON[1], "units": [50.0, 500.0]})
    ways = pd.DataFrame({"kind": ["buy"], "item": ["P0"], "lead_time_months": [2.0], "last_month": [pd.NaT], "lot_multiple": [30.0]})
    row = last_buys(planned(), ending(), stock, coming, ways, NO_ERRORS, HORIZON[0]).iloc[0]
    assert (row["remaining_units"], row["stock_units"], row["on_order_units"], row["to_get_units"]) == (400.0, 100.0, 50.0, 250.0)
    # Two months of lead time: the order released in the second month arrives in the fourth and last one, for its 100 units in lots of 30.
    assert row["last_release_month"] == HORIZON[1] and row["last_buy_units"] == 120.0
    after = coming.assign(due_month=HORIZON[4])
    row = last_buys(planned(), ending(), stock, after, ways, NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["on_order_units"] == 0 and row["to_get_units"] == 300.0, "what comes after the end of sale covers nothing"
    row = last_buys(planned(), ending(), stock, coming, ways.assign(lot_min=500.0), NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["last_buy_units"] == 510.0, "no less than the supplier takes, in his lots"
    gone = pd.concat([ways, ways.assign(lead_time_months=0.0, last_month=HORIZON[0] - pd.DateOffset(months=3))])
    row = last_buys(planned(), ending(), stock, coming, gone, NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["last_release_month"] == HORIZON[1], "a quick way that has ended is no way"
    early = ways.assign(last_month=HORIZON[0])
    row = last_buys(planned(), ending(), stock, coming, early, NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["last_release_month"] == HORIZON[0] and row["last_buy_units"] == 210.0  # 200 from the third month on


def test_safety_is_the_newsvendors() -> None:
    errors = pd.DataFrame({"product": "P0", "region": ["R0", "R1"], "months": 4.0, "sd_units": [30.0, 40.0]})
    # Critical ratio 0.8: z = 0.8416 (published normal quantile), 50 units of error.
    rich = last_buys(planned(), ending(10.0, 2.0), MOVES, OPEN, WAYS, errors, HORIZON[0]).iloc[0]
    assert rich["safety_units"] == pytest.approx(0.8416 * 50, abs=0.01) and rich["to_get_units"] == pytest.approx(442.08, abs=0.01)
    thin = last_buys(planned(), ending(10.0, 8.0), MOVES, OPEN, WAYS, errors, HORIZON[0]).iloc[0]
    assert thin["safety_units"] == pytest.approx(-rich["safety_units"])


def test_enough_too_late_and_nothing_to_end() -> None:
    full = pd.DataFrame({"month": [HORIZON[0]], "item": "P0", "location": "A", "on_hand": 900.0})
    row = last_buys(planned(), ending(), full, OPEN, WAYS, NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["to_get_units"] == row["last_buy_units"] == 0 and "cover" in row["note"]
    slow = pd.DataFrame({"kind": ["buy"], "item": ["P0"], "lead_time_months": [9.0], "last_month": [pd.NaT], "lot_multiple": [np.nan]})
    row = last_buys(planned(), ending(), MOVES, OPEN, slow, NO_ERRORS, HORIZON[0]).iloc[0]
    assert row["last_buy_units"] == 0 and "too late" in row["note"]
    assert last_buys(planned(), products(1), MOVES, OPEN, WAYS, NO_ERRORS, HORIZON[0]).empty


def test_many_launches_at_once_are_planned_as_each_alone() -> None:
    months, ahead = pd.date_range("2024-01-01", periods=24, freq="MS", unit="us"), pd.date_range("2026-01-01", periods=6, freq="MS", unit="us")
    rng = np.random.default_rng(3)
    olds = [f"O{k}" for k in range(4)]
    history = pd.MultiIndex.from_product([months, olds, ["N", "S"]], names=["month", "product", "region"]).to_frame(index=False)
    history["units"] = rng.uniform(50, 100, len(history))
    history = history[(history["product"] != "O1") | (history["month"] >= months[3])]  # its launch lies inside the data: a ramp of its own
    items = pd.DataFrame({"product": [*olds, "A", "B", "C", "D"], "family": "F", "like_product": [None] * 4 + ["O0", "O1", "O1", "gone"],
                          "launch_month": pd.to_datetime([None] * 4 + ["2026-03", "2026-02", "2025-11", "2026-02"]),
                          "like_scale": [np.nan] * 5 + [0.5, 2.0, 1.0]})
    forecast = pd.MultiIndex.from_product([ahead, [*olds, "C"], ["N", "S"]], names=["month", "product", "region"]).to_frame(index=False)
    forecast["units"] = rng.uniform(50, 100, len(forecast))
    together = launches.launch_stream(forecast, history, items)
    alone = [launches.launch_stream(forecast, history, items[(items["product"] == one) | items["like_product"].isna()]) for one in "ABC"]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))
    first = together[(together["product"] == "A") & (together["region"] == "N")].set_index("month")["units"]
    like = forecast[(forecast["product"] == "O0") & (forecast["region"] == "N")].set_index("month")["units"]
    assert first.index.min() == ahead[2] and first[ahead[2]] == pytest.approx(like[ahead[2]] * launches.USUAL_RAMP[0])
    assert set(together["source"]) == {"like O0 x 1", "like O1 x 0.5", "like O1 x 2"}


SEASON = 1 + 0.4 * np.sin(2 * np.pi * np.arange(78) / 12)


def running(months: int, times: float, regions: tuple[float, ...] = (1.0, 1.0)) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return forecast, history and products: P9 came so many months ago after P0 and sells `times` what was planned, by region."""
    table = products(1)
    new = table.assign(product="P9", launch_month=MONTHS[-months], like_product="P0", like_scale=1.0)
    level = pd.DataFrame({"month": MONTHS.append(HORIZON), "units": 1000 * SEASON})
    old = pd.concat([level.assign(product="P0", region=f"R{k}") for k in range(len(regions))])
    mine = old[(old["month"] >= MONTHS[-months]) & (old["month"] < HORIZON[0])].assign(product="P9")
    ramp = np.r_[launches.USUAL_RAMP, np.ones(99)][:months]
    mine["units"] *= np.tile(ramp * times, len(regions)) * np.repeat(regions, months)
    history = pd.concat([old[old["month"] < HORIZON[0]], mine[mine["units"] > 0]], ignore_index=True)
    return old[old["month"] >= HORIZON[0]].assign(model="portfolio"), history, pd.concat([table, new], ignore_index=True)


def profile(age: int) -> np.ndarray:
    return 1000 * SEASON[60:] * np.r_[launches.USUAL_RAMP, np.ones(99)][age : age + 18]


@pytest.mark.parametrize("times", [0.2, 1.0, 3.0])
def test_what_a_launch_has_sold_scales_all_of_its_plan_the_more_the_longer(times: float) -> None:
    off = []
    for months in (1, 3, 5):
        ahead, history, table = running(months, times)
        plan = launches.launch_stream(ahead, history, table).groupby(["region", "month"])["units"].sum().unstack()
        # One month counts for as much as the plan, and n months n times as much (Buhlmann); chance is nothing at a thousand units.
        factor = 1 + months / (months + 1) * (times - 1)
        np.testing.assert_allclose(plan, np.tile(factor * profile(months), (2, 1)), rtol=0.01)
        off.append(abs(factor - times))
    assert off == sorted(off, reverse=True)


def test_few_units_move_the_plan_less_than_many() -> None:
    ahead, history, table = running(3, 3.0)
    few = [frame.assign(units=frame["units"] / 1000) for frame in (ahead, history)]
    many, some = (launches.launch_stream(*frames, table)["units"].sum() for frames in ((ahead, history), few))
    unmoved = 2 * profile(3).sum()
    assert unmoved < some * 1000 < 0.85 * many, "two units a month may be three by chance"


def test_a_region_that_sells_more_than_the_others_gets_more() -> None:
    ahead, history, table = running(5, 1.5, (2.0, 0.0))
    plan = launches.launch_stream(ahead, history, table).groupby("region")["units"].sum() / profile(5).sum()
    assert 2.3 < plan["R0"] < 3.0 and 0 < plan["R1"] < 0.3, plan.to_dict()


def test_a_launch_that_came_late_is_ramped_from_its_first_sale() -> None:
    ahead, history, table = running(3, 1.0)
    table.loc[1, "launch_month"] = MONTHS[-5]
    idle = history[(history["product"] == "P0") & history["month"].isin(MONTHS[-5:-3])].assign(product="P9", units=0.0)
    plan = launches.launch_stream(ahead, pd.concat([history, idle]), table).groupby(["region", "month"])["units"].sum().unstack()
    np.testing.assert_allclose(plan, np.tile(profile(3), (2, 1)))


def test_a_launch_far_from_its_plan_is_named_and_one_that_sells_nothing() -> None:
    def said(months: int, times: float) -> list[str]:
        _, history, table = running(months, times)
        cells = history[["product", "region"]].drop_duplicates()
        return consensus.problems(table, insights(), overrides(), cells, HORIZON[0], HORIZON[-1], history)["message"].tolist()

    assert said(5, 1.2) == said(7, 3.0) == []
    assert "3 times" in said(5, 3.0)[0] and "scaled by 2.67" in said(5, 3.0)[0]
    assert "0.2 times" in said(5, 0.2)[0]
    assert "was to be launched in 2026-08 and has sold nothing" in said(2, 0.0)[0]


def test_what_a_running_launch_still_takes_is_what_its_ramp_still_brings() -> None:
    ahead, history, table = running(2, 1.0)
    table = pd.concat([table, table.iloc[[0]].assign(product="P5")], ignore_index=True).assign(cannibalises=[None, "P5", None], cannibal_share=1.0)
    other = [pd.concat([frame, frame[frame["product"] == "P0"].assign(product="P5")], ignore_index=True) for frame in (ahead, history)]
    full = pd.concat([other[0], ahead.assign(product="P9", units=np.tile(profile(2), 2))], ignore_index=True)  # its own forecast knows the ramp already
    for theirs in (other[0], full):
        taken = launches.launch_stream(theirs, other[1], table).query("product == 'P5'").groupby("month")["units"].sum()
        np.testing.assert_allclose(-taken, 2 * (profile(2) - 1000 * SEASON[60:] * launches.USUAL_RAMP[1]))


def test_launches_seen_here_tell_the_ramp_of_the_next() -> None:
    values = np.tile(1000 * SEASON[:60], (8, 1))
    values[1:7, :30] = np.nan  # six launches without any ramp
    whole = pd.DataFrame(values, index=[f"P{k}" for k in range(8)], columns=MONTHS)
    table = products(8).assign(launch_month=pd.Series([pd.NaT, *[MONTHS[30]] * 6, pd.NaT]), like_product=pd.Series([None, *["P0"] * 6, None], dtype="str"))
    np.testing.assert_allclose(launches.ramps_by_product(whole, table)[0], (6 + 3 * launches.USUAL_RAMP) / 9)
    np.testing.assert_array_equal(launches.ramps_by_product(whole, table.assign(like_product=None))[0], launches.USUAL_RAMP)


@pytest.mark.parametrize("months", [6, 7, 9])
def test_a_launch_is_handed_over_at_the_level_of_its_ramp(months: int) -> None:
    _, history, table = running(months, 3.0)
    panel = to_panel(history)
    found = forecasting.point_forecast(panel.values, 18, forecasting.scope_of(panel, table))
    new = (panel.keys["product"] == "P9").to_numpy()
    assert (found.model[new] == "like product").all()
    np.testing.assert_allclose(found.units[new], 3 * found.units[~new], rtol=1e-6)
    tried = backtest.forecast(panel, forecasting.scope_of(panel, table), HORIZON).table
    assert (tried.loc[tried["product"] == "P9", "model"] == "like product").all(), "its past forecasts were right too: no reason to take seasonal naive"
