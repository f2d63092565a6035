"""The published case in which the best month for a promotion depends on uplift and margin."""

from __future__ import annotations

import pandas as pd
import pytest
from test_supply_cases import plan, tomatoes

from sop_helpers.planning.join_feedback import promotion_grid
from sop_helpers.planning.join_levers import levered_demand


def red_tomato(levers):
    """Profit of Red Tomato under levers, the supply plan made anew for the demand that they lead to."""
    demand = pd.DataFrame({"month": pd.date_range("2026-01-01", periods=6, freq="MS"), "product": "tools", "region": "all"})
    demand["units"] = [1600.0, 3000.0, 3200.0, 3800.0, 2200.0, 2200.0]
    products = pd.DataFrame({"product": ["tools"], "family": ["tools"]})
    wanted = levered_demand(demand.assign(revenue=40 * demand["units"]), products, levers)
    company = tomatoes()
    result = plan(company | {"demand": company["demand"].assign(units=wanted["units"].to_numpy())})
    assert result.constrained_demand["lost_units"].sum() == 0
    return wanted["revenue"].sum() - result.objective, float("nan")


@pytest.mark.parametrize(
    ("price", "uplift", "january", "april"),
    [(40, 0.1, 221_485, None), (40, 1.0, 242_810, 247_320), (31, 1.0, 84_410, 69_120)],
)
def test_the_promotion_of_red_tomato(price, uplift, january, april):
    """Chopra & Meindl, managing supply and demand: a dollar off in January or April, a fifth of the next two months bought ahead.

    The trough wins at a small uplift and at a thin margin, the peak at a high margin and much new consumption.
    """
    months = pd.DatetimeIndex(["2026-01-01", "2026-04-01"])
    grid = promotion_grid(red_tomato, months, [uplift], [price / 40], discount=1 / price, pull_forward=0.2)
    without, _ = red_tomato({"price_factor": price / 40})
    assert without == pytest.approx(16_000 * price - 422_275, abs=0.5)
    profit = without + grid.set_index("month")["gain"]
    assert profit.iloc[0] == pytest.approx(january, abs=0.5)
    assert april is None or profit.iloc[1] == pytest.approx(april, abs=0.5)
    assert grid.loc[grid["best"], "month"].tolist() == [months[1] if price == 40 and uplift == 1.0 else months[0]]
