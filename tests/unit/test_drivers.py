"""Drivers: a planted lead is found and helps, noise is turned down, nothing looks ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, open_orders, overrides, products
from test_consensus import check_sum, forecast, past

from sop_helpers.planning import consensus, drivers
from sop_helpers.planning.panel import Panel
from sop_helpers.planning.portfolio import portfolio

KEYS = pd.DataFrame({"product": ["P0", "P1"], "region": "R0", "family": ["F0", "F1"]})
NONE = pd.DataFrame({"month": pd.DatetimeIndex([], dtype="datetime64[us]"), "indicator": pd.Series(dtype="str"), "value": pd.Series(dtype="float64")})


def company(lag: int = 3, strength: float = 1.0, seed: int = 4, noise: float = 0.02) -> tuple[Panel, pd.DataFrame, np.ndarray]:
    """Two families, of which the first follows a wandering indicator `lag` months later; the indicator; demand of the 18 months after."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(0, 0.06, 78 + lag))
    season = 0.2 * np.sin(2 * np.pi * np.arange(78) / 12)
    follow = strength * x[: 78]
    demand = np.exp(np.stack([6 + season + follow, np.full(78, 6.0) + season]) + rng.normal(0, noise, (2, 78)))
    known = x[lag : lag + 60]
    table = pd.DataFrame({"month": MONTHS, "indicator": "leads", "value": 100 * np.exp(known)})
    return Panel(KEYS, MONTHS, demand[:, :60]), table, demand[:, 60:]


def test_a_planted_lead_is_found_with_its_lag_and_helps_ahead() -> None:
    kept, plain, moved = 0, 0.0, 0.0
    for seed in range(8):
        panel, table, actual = company(seed=seed)
        found = drivers.find_drivers(panel, table, HORIZON)
        row = found.table.set_index("family").loc["F0"]
        if row["kept"]:
            assert row["driver"] == "leads" and row["lag"] == 3 and 0.6 < row["coefficient"] < 1.5
            kept += 1
            factor = found.effects[found.effects["family"] == "F0"]["factor"].to_numpy()[:6]
            usual = portfolio(panel.values, 6).forecast[0]
            # What came afterwards, which nothing has seen.
            plain, moved = plain + np.abs(usual / actual[0, :6] - 1).sum(), moved + np.abs(usual * factor / actual[0, :6] - 1).sum()
    assert kept >= 6 and moved < 0.8 * plain


def test_noise_is_turned_down() -> None:
    kept = 0
    for seed in range(30):
        panel, _, _ = company(strength=0.0, seed=seed, noise=0.08)
        rng = np.random.default_rng(1000 + seed)
        table = pd.concat([pd.DataFrame({"month": MONTHS, "indicator": f"i{k}", "value": np.exp(np.cumsum(rng.normal(0, 0.05, 60)))}) for k in range(3)])
        found = drivers.find_drivers(panel, table, HORIZON)
        kept += int(found.table["kept"].sum())
        assert set(found.effects["family"]) == set(found.table.loc[found.table["kept"], "family"])
    assert kept <= 3, "of 60 families with three meaningless indicators each"


def test_no_origin_sees_its_future() -> None:
    x = np.arange(60.0)
    # Two months of lag: after two months ahead nothing more is known, unless it is published ahead.
    assert drivers._path(x, 40, 2, 6, 0)[41:].tolist() == [39, 40, 40, 40, 40, 40]
    assert drivers._path(x, 40, 2, 6, 3)[41:].tolist() == [39, 40, 41, 42, 43, 43]
    assert drivers._path(x, 40, 2, 6, -1)[39:].tolist() == [37, 38, 39, 39, 39, 39, 39, 39]
    spoilt = np.where(np.arange(60) > 40, 1e9, x)
    np.testing.assert_array_equal(drivers._path(spoilt, 40, 2, 6, 0), drivers._path(x, 40, 2, 6, 0))
    y = np.random.default_rng(1).normal(size=60)
    assert drivers._slope(spoilt, y, 2, 41) == drivers._slope(x, y, 2, 41)


def test_what_comes_after_an_origin_does_not_change_what_is_chosen() -> None:
    panel, table, _ = company()
    one = drivers.find_drivers(panel, table, HORIZON).table.iloc[0]
    late = table.copy()
    late.loc[late["month"] >= MONTHS[57], "value"] *= 5.0
    other = drivers.find_drivers(panel, late, HORIZON).table.iloc[0]
    assert (one["driver"], one["lag"]) == (other["driver"], other["lag"])


def test_the_stream_joins_the_plan_and_adds_up() -> None:
    catalogue = products(4)
    effects = pd.DataFrame({"family": "F0", "month": HORIZON, "source": "leads, 3 months before", "factor": 1.1})
    stream = drivers.driver_stream(effects, forecast(), catalogue.set_index("product")["family"])
    streams = consensus.build_streams(
        consensus.own_view(forecast(), past(), catalogue, insights(), month=HORIZON[0], drivers=stream), catalogue, overrides(), open_orders(), month=HORIZON[0]
    )
    check_sum(streams, consensus.demand_plan(streams, catalogue))
    mine = streams[streams["stream"] == "driver"]
    assert set(mine["product"]) == {"P0", "P2"} and set(mine["source"]) == {"leads, 3 months before"}
    assert mine["units"].sum() == pytest.approx(0.1 * forecast().query("product in ['P0', 'P2']")["units"].sum())


def test_a_price_index_has_fixed_weights() -> None:
    catalogue = pd.DataFrame({"product": ["A", "B"], "family": "F"})
    rows = [(m, p, u, u * price) for i, m in enumerate(MONTHS) for p, u, price in (("A", 10 + i, 4.0 if i < 30 else 5.0), ("B", 100.0, 2.0))]
    sales = pd.DataFrame(rows, columns=["month", "product", "units", "revenue"])
    index = drivers.price_index(sales, catalogue, MONTHS)["F"]
    share = sum(10 + i for i in range(60)) / (sum(10 + i for i in range(60)) + 6000)
    assert index[30] - index[29] == pytest.approx(share * np.log(5 / 4)) and np.ptp(index[:30]) == pytest.approx(0, abs=1e-12)


def test_short_histories_and_no_indicators_have_no_drivers() -> None:
    panel, table, _ = company()
    assert drivers.find_drivers(panel, NONE, HORIZON).table.empty
    short = Panel(panel.keys, panel.months[-20:], panel.values[:, -20:])
    assert drivers.find_drivers(short, table, HORIZON).effects.empty
    flat = pd.DataFrame({"month": MONTHS, "indicator": "flat", "value": 5.0})
    assert not drivers.find_drivers(panel, flat, HORIZON).table["kept"].any()
    stale = table[table["month"] < MONTHS[40]]
    assert not drivers.find_drivers(panel, stale, HORIZON).table["kept"].any()


def test_a_month_that_nobody_reported_does_not_take_the_effect_away() -> None:
    panel, table, _ = company(seed=1)
    whole = drivers.find_drivers(panel, table, HORIZON)
    assert whole.table.set_index("family").loc["F0", "kept"]
    for back in (2, 3, 8):
        found = drivers.find_drivers(panel, table.drop(table.index[-back]), HORIZON)
        assert found.table.set_index("family").loc["F0", "kept"] and found.effects["factor"].notna().all()
