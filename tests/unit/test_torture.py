"""Five hundred odd series through the whole of demand: none crashes it, none leaves a hole, each says why it is forecast as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, insights, overrides

from sop_helpers.planning import backtest, consensus, forecasting, history, launches, signals

SERIES = 500


def odd(number: int, rng: np.random.Generator) -> np.ndarray:
    """Return one odd history, NaN where there is no row."""
    kind, values = number % 12, np.full(60, np.nan)
    length = number // 12 % 13
    if kind == 0:  # up to a year of anything
        values[60 - length :] = rng.gamma(2.0, 50.0, length)
    elif kind == 1:
        values[:] = 0.0
    elif kind == 2:
        values[:] = 7.0
    elif kind == 3:  # one spike in nothing
        values[:] = 0.0
        values[rng.integers(60)] = 1e9
    elif kind == 4:  # gaps
        values[:] = np.where(rng.random(60) < 0.5, np.nan, rng.gamma(2.0, 50.0, 60))
    elif kind == 5:  # more came back than was sold
        values[:] = rng.normal(20.0, 40.0, 60)
    elif kind == 6:
        values[:] = 1e12 * rng.uniform(0.5, 1.5, 60)
    elif kind == 7:
        values[:] = rng.poisson(0.15, 60)
    elif kind == 8:  # it ended
        values[:40] = rng.gamma(2.0, 50.0, 40)
        values[40:] = 0.0
    elif kind == 9:  # growth that must not run away
        values[:] = np.exp(np.arange(60) / 3)
    elif kind == 10:
        values[:] = 1e-9
    else:  # a step
        values[:] = np.r_[np.full(50, 10.0), np.full(10, 1000.0)]
    return values


@pytest.fixture(scope="module")
def company() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sales and products with codes that look like numbers, dates and blanks."""
    rng = np.random.default_rng(5)
    codes = [f"{number:05}" if number % 3 else f"{number}E1" if number % 2 else f"2026-{number:03}" for number in range(SERIES)]
    wide = np.vstack([odd(number, rng) for number in range(SERIES)])
    row, column = np.nonzero(~np.isnan(wide))
    sales = pd.DataFrame({"month": MONTHS[column], "product": np.array(codes)[row], "region": "R", "units": wide[row, column]})
    products = pd.DataFrame({"product": codes, "family": np.where(np.arange(SERIES) % 2, "001", "NA"), "unit_price": 2.0, "unit_cost": 1.0})
    empty = {"launch_month": "datetime64[us]", "end_month": "datetime64[us]", "like_product": "str", "like_scale": "float64"}
    for name, kind in empty.items():
        products[name] = pd.Series([None] * SERIES, dtype=kind)
    return sales.assign(revenue=2 * sales["units"]), products


@pytest.mark.parametrize("tier", ["draft", "quick"])
def test_every_series_gets_a_forecast_and_a_reason(company, tier: str) -> None:
    sales, products = company
    raw = history.complete_history(sales, products, MONTHS[-1])
    panel = history.history_panel(raw, products, "raw_units")
    signals.find_signals(panel, products, insights())
    cleansed = history.cleanse(raw, history.propose_corrections(panel))
    panel = history.history_panel(cleansed, products)
    table, tried, *_ = backtest.forecast(panel, forecasting.scope_of(panel, products), HORIZON, tier=tier)
    numbers = table[["lo95", "lo80", "units", "hi80", "hi95"]].to_numpy()
    assert np.isfinite(numbers).all() and (numbers >= 0).all() and (np.diff(numbers, axis=1) >= 0).all()
    assert table["reason"].str.len().min() > 10 and set(table["model"]) <= set(forecasting.REASONS)
    assert table["product"].nunique() == sales["product"].nunique() >= SERIES - 10
    assert np.isfinite(tried[["actual", "statistical", "naive"]].to_numpy()).all()
    own = consensus.own_view(table, cleansed, products, insights(), month=HORIZON[0])
    streams = consensus.build_streams(own, products, overrides(), pd.DataFrame(), month=HORIZON[0])
    plan = consensus.demand_plan(streams, products)
    assert np.isfinite(plan[["units", "revenue", "margin"]].to_numpy()).all() and (plan["units"] >= 0).all()
    calm = table[table["product"].isin(table.loc[table["units"] < 1e6, "product"])]
    assert len(calm), "the good ones stand beside the bad ones"


def test_one_bad_series_changes_no_other(company) -> None:
    sales, products = company
    raw = history.complete_history(sales, products, MONTHS[-1])
    panel = history.history_panel(raw, products, "raw_units")
    scope = forecasting.scope_of(panel, products)
    before = forecasting.point_forecast(panel.values, 18, scope).units
    worse = panel.values.copy()
    worse[7] = 1e12 * np.random.default_rng(0).random(60)
    # Without learners a series is forecast by itself, but for the season that young ones borrow.
    same = np.setdiff1d(np.flatnonzero(forecasting.point_forecast(panel.values, 18, scope).model == "portfolio"), [7])
    np.testing.assert_array_equal(forecasting.point_forecast(worse, 18, scope).units[same], before[same])


def test_what_cannot_be_used_is_named(company) -> None:
    sales, products = company
    raw = history.complete_history(sales, products, MONTHS[-1])
    new = products.iloc[[0]].assign(product="NEW", launch_month=HORIZON[2], like_product="NOSUCH")
    table = pd.concat([products, new], ignore_index=True)
    told = insights({"insight": "I1", "product": "NOSUCH", "start_month": HORIZON[0], "end_month": HORIZON[1], "effect_pct": 10.0, "confidence": 1.0},
                    {"insight": "I2", "product": products["product"][2], "start_month": HORIZON[0], "end_month": HORIZON[1], "effect_pct": 10.0,
                     "confidence": 1.0, "expires_month": MONTHS[-1]})  # fmt: skip
    words = overrides({"id": "O1", "product": "UNKNOWN", "start_month": HORIZON[0], "end_month": HORIZON[0], "units": 5.0})
    listed = consensus.problems(table, told, words, launches.cells_to_plan(raw, table), HORIZON[0])
    text = " | ".join(listed.astype(str).agg(" ".join, axis=1))
    for name in ("NOSUCH", "UNKNOWN", "I2"):
        assert name in text, f"{name} is not named in: {text}"
