"""The error of published plans takes the place of the backtest's when enough months are closed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from sop_helpers.planning.cumulative import COLUMNS, LEVELS
from sop_helpers.planning.published_errors import FEWEST_OWN, closed_sums, kernel_quantiles, published_errors

MONTHS = 3


def errors(series: int, sd: float = 10.0) -> pd.DataFrame:
    """A backtest's table with independent normal errors."""
    rows = [(f"P{i:03d}", "R", float(m), sd * m**0.5, 1.0, *(stats.norm.ppf(list(LEVELS.values())) * sd * m**0.5), "backtest", sd * m**0.5, 0.0)
            for i in range(series) for m in range(1, MONTHS + 1)]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def closed(wrong: np.ndarray) -> pd.DataFrame:
    """Plans of 100 a month and what came: wrong (series, origins, lags)."""
    series, origin, lag = (index.ravel() for index in np.indices(wrong.shape))
    first = pd.date_range("2020-01-01", periods=wrong.shape[1] + wrong.shape[2], freq="MS")
    return pd.DataFrame({"month": first[origin + lag], "product": [f"P{i:03d}" for i in series], "region": "R", "lag": lag + 1,
                         "actual": 100 + wrong.ravel(), "consensus": 100.0})  # fmt: skip


def test_few_closed_months_change_nothing() -> None:
    told = errors(20)
    pd.testing.assert_frame_equal(published_errors(told, closed(np.full((20, 5, 3), 50.0))), told)
    pd.testing.assert_frame_equal(published_errors(told, closed(np.zeros((0, 0, 3)))), told)


def test_a_plan_twice_as_wrong_asks_for_twice_the_spread() -> None:
    wrong = 20 * np.random.default_rng(0).standard_normal((60, 12, 3))
    told = published_errors(errors(60), closed(wrong)).set_index(["product", "months"])
    assert told["sd_units"].groupby("months").mean().to_numpy() == pytest.approx(20 * np.sqrt([1, 2, 3]), rel=0.06)
    assert told["q95"].groupby("months").mean().to_numpy() == pytest.approx(1.645 * 20 * np.sqrt([1, 2, 3]), rel=0.1)
    assert told["basis"].str.startswith("closed months, 12 plans, kernel density of all").all()


def test_a_series_that_is_planned_worse_than_the_others_gets_more() -> None:
    wrong = 10 * np.random.default_rng(1).standard_normal((60, 12, 1))
    wrong[0] *= 4
    told = published_errors(errors(60), closed(wrong))
    told = told[told["months"] == 1].set_index("product")["sd_units"]
    assert told["P000"] > 2 * told.drop("P000").mean() and told["P000"] < 40


def test_months_that_no_closed_plan_reached_keep_the_backtest() -> None:
    told = published_errors(errors(60), closed(10 * np.random.default_rng(2).standard_normal((60, 12, 2))))
    assert set(told.loc[told["months"] == 3, "basis"]) == {"backtest"}
    wide = told.pivot(index="product", columns="months", values="sd_units").to_numpy()
    assert (np.diff(wide, axis=1) >= 0).all()


def test_many_plans_of_a_series_give_it_its_own_quantiles() -> None:
    wrong = np.random.default_rng(3).exponential(10, (3, 40, 1)) - 10
    told = published_errors(errors(3), closed(wrong))
    mine = told[(told["product"] == "P001") & (told["months"] == 1)].iloc[0]
    assert mine["basis"].endswith("kernel density of its own")
    assert mine["q95"] == pytest.approx(kernel_quantiles(wrong[1].T, np.ones((1, 40)))[0, 3])


def test_kernel_quantiles_are_those_of_scipy() -> None:
    values = np.random.default_rng(4).gamma(2, 5, 30)
    density = stats.gaussian_kde(values)
    expected = [optimize.brentq(lambda x, p=p: density.integrate_box_1d(-np.inf, x) - p, -100, 200) for p in LEVELS.values()]
    padded, there = np.r_[values, 999.0][None, :], np.r_[np.ones(30), 0.0][None, :]
    np.testing.assert_allclose(kernel_quantiles(padded, there)[0], expected, rtol=1e-6)


def tried(draw, number: int, level: int) -> tuple[float, float]:
    """Share of new errors that a quantile told by `number` old ones covers: of kernel densities, and of the errors as they stand."""
    old, new = draw((1000, number)), np.sort(draw(20_000))
    told = kernel_quantiles(old, np.ones_like(old))[:, level], np.quantile(old, list(LEVELS.values())[level], axis=1)
    return tuple(float((np.searchsorted(new, t) / len(new)).mean()) for t in told)


@pytest.mark.parametrize("level", [3, 4])
@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_few_errors_tell_a_quantile_by_their_density_where_as_they_stand_they_promise_too_much(kind: str, level: int) -> None:
    rng, target = np.random.default_rng(5), list(LEVELS.values())[level]
    draw = rng.standard_normal if kind == "normal" else lambda size: rng.gamma(1 / 0.6**2, 0.6**2, size) - 1
    dense, bare = tried(draw, FEWEST_OWN, level)
    assert dense == pytest.approx(target, abs=0.015) and bare < target - 0.025


def test_a_gap_ends_a_sum() -> None:
    table = closed(np.ones((1, 1, 3)))
    assert closed_sums(table)["error"].tolist() == [1, 2, 3]
    assert closed_sums(table[table["lag"] != 2])["months"].tolist() == [1]
