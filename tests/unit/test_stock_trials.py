"""Stock rules tried out on past months: sums by hand, honest hold-out, and rules that are as good as they should be on known demand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sop_helpers.book.conform import conform
from sop_helpers.planning.cumulative import COLUMNS, LEVELS
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.stock_trials import _without_itself, backtest_words, forecast_trials, no_backtest, stock_backtest

MONTHS = pd.date_range("2022-01-01", periods=48, freq="MS", unit="us")
NOT_CLOSED = pd.DataFrame({c: pd.Series(dtype="float64") for c in ("month", "product", "region", "lag", "actual", "consensus")})
NOT_CLOSED = NOT_CLOSED.astype({"month": "datetime64[us]"})
NAMES = pd.DataFrame({"product": [f"P{i:04d}" for i in range(600)], "region": "R"})
PANEL = Panel(NAMES, MONTHS, np.full((600, len(MONTHS)), 100.0))


def tried(wrong: np.ndarray) -> pd.DataFrame:
    """Forecasts of 100 a month from the last origins: wrong (series, origins, lags)."""
    series, origin, lag = (index.ravel() for index in np.indices(wrong.shape))
    return pd.DataFrame({"product": [f"P{i:04d}" for i in series], "region": "R", "kind": "smooth", "origin": MONTHS[30 + origin], "lag": lag + 1,
                         "actual": 100 + wrong.ravel(), "statistical": 100.0, "whole_scale": 1.0})  # fmt: skip


def errors(series: int, sd: float, months: int) -> pd.DataFrame:
    """What was measured: independent errors."""
    rows = [(f"P{i:04d}", "R", float(m), sd * m**0.5, 1.0, *(stats.norm.ppf(list(LEVELS.values())) * sd * m**0.5), "backtest", sd * m**0.5, 0.0)
            for i in range(series) for m in range(1, months + 1)]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def history(series: int, sd: float, seed: int = 9) -> pd.DataFrame:
    """Demand of 48 months."""
    values = 100 + sd * np.random.default_rng(seed).standard_normal((series, len(MONTHS)))
    names = np.repeat([f"P{i:04d}" for i in range(series)], len(MONTHS))
    return pd.DataFrame({"month": np.tile(MONTHS, series), "product": names, "region": "R", "units": values.ravel()})


def products(series: int) -> pd.DataFrame:
    """Each costs two."""
    return pd.DataFrame({"product": [f"P{i:04d}" for i in range(series)], "unit_cost": 2.0})


def test_trials_add_the_first_months_up_and_closed_plans_stand_beside_them() -> None:
    closed = pd.DataFrame({"month": MONTHS[40:42], "product": "P0000", "region": "R", "lag": [1, 2], "actual": [90.0, 120.0], "consensus": [100.0, 100.0]})
    table = conform("forecast_trials", forecast_trials(tried(np.full((1, 1, 3), 5.0)), closed, PANEL))
    back = table[table["basis"] == "backtest"]
    assert back["actual_units"].tolist() == [105, 210, 315] and back["forecast_units"].tolist() == [100, 200, 300]
    lived = table[table["basis"] == "closed months"]
    assert lived["actual_units"].tolist() == [90, 210] and lived["origin"].eq(MONTHS[39]).all() and lived["kind"].eq("smooth").all()


def test_normal_errors_get_the_service_that_was_wanted() -> None:
    wrong = 20 * np.random.default_rng(0).standard_normal((600, 6, 2))
    table = stock_backtest(
        forecast_trials(tried(wrong), NOT_CLOSED, PANEL), errors(600, 20, 2), history(600, 20), pd.Series(2.0, index=products(600)["product"]), products(600)
    )  # fmt: skip
    conform("stock_backtest", table)
    ours = table[(table["rule"] == "measured error") & (table["kind"] == "all")].set_index("target")
    assert ours["cycles"].tolist() == [3600, 3600]
    assert ours["achieved"].to_numpy() == pytest.approx([0.95, 0.98], abs=0.012)
    assert ours["safety_value"].to_numpy() == pytest.approx(2 * ours["safety_units"].to_numpy())
    assert ours.loc[0.95, "safety_units"] == pytest.approx(600 * 1.645 * 20 * 2**0.5, rel=0.06)


def test_errors_that_go_together_are_measured_and_the_usual_formula_misses_them() -> None:
    wrong = np.repeat(20 * np.random.default_rng(1).standard_normal((600, 6, 1)), 4, axis=2)
    told = errors(600, 20, 4).assign(class_sd_units=lambda e: 20 * e["months"])
    bridge = pd.Series(4.0, index=products(600)["product"])
    table = stock_backtest(forecast_trials(tried(wrong), NOT_CLOSED, PANEL), told, history(600, 20), bridge, products(600))
    at = table[(table["kind"] == "all") & (table["target"] == 0.95)].set_index("rule")["achieved"]
    assert at["measured error"] == pytest.approx(0.95, abs=0.015) and at["usual formula"] < 0.85
    half = products(600).assign(made_to=np.where(np.arange(600) < 200, "order", "stock"))
    fewer = stock_backtest(forecast_trials(tried(wrong), NOT_CLOSED, PANEL), told, history(600, 20), bridge, half)
    assert fewer["cycles"].max() * 3 == table["cycles"].max() * 2, "what is made to order has no stock to be tried out"
    assert "Wanted 98%" in backtest_words(table) and "usual formula" in backtest_words(table)


def test_a_trial_is_not_judged_by_its_own_error() -> None:
    calm = 10 * np.random.default_rng(2).standard_normal((200, 6, 1))
    shock = calm.copy()
    shock[7, 3, 0] = 1000.0
    spreads = []
    for wrong in (calm, shock):
        rows = forecast_trials(tried(wrong), NOT_CLOSED, PANEL).merge(errors(200, 10, 1)[[*KEYS, "months", "class_sd_units"]], on=[*KEYS, "months"])
        spreads.append(_without_itself(rows).set_index(["product", "origin"])["spread"])
    own = ("P0007", MONTHS[33])
    assert spreads[1][own] == pytest.approx(spreads[0][own], rel=1e-9)
    assert spreads[1]["P0007", MONTHS[32]] > 3 * spreads[0]["P0007", MONTHS[32]]


def test_overlapping_months_are_left_out() -> None:
    wrong = 10 * np.random.default_rng(3).standard_normal((100, 6, 3))
    shock = wrong.copy()
    shock[5, 2, 2] = 1000.0  # seen by the sum of three months from origin 2 only
    spreads = []
    for each in (wrong, shock):
        sums = forecast_trials(tried(each), NOT_CLOSED, PANEL).query("months == 3")
        rows = sums.merge(errors(100, 10, 3)[[*KEYS, "months", "class_sd_units"]], on=[*KEYS, "months"])
        spreads.append(_without_itself(rows).set_index(["product", "origin"])["spread"])
    for origin in range(6):
        same = spreads[1]["P0005", MONTHS[30 + origin]] == pytest.approx(spreads[0]["P0005", MONTHS[30 + origin]])
        assert same == (abs(origin - 2) < 3)


def test_nothing_tried_gives_an_empty_table_and_says_so() -> None:
    blank = stock_backtest(forecast_trials(tried(np.zeros((0, 0, 1))), NOT_CLOSED, PANEL), errors(1, 1, 1), history(1, 1), pd.Series(dtype=float), products(1))
    conform("stock_backtest", blank)
    assert blank.empty and "No past month" in backtest_words(no_backtest())
