"""Accuracy: invariants and edges; the published numbers are in tests/cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, products
from hypothesis import given
from hypothesis import strategies as st

from sop_helpers.planning import accuracy as acc

NUMBERS = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=30)


def table(rows: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    actual = rng.gamma(2, 50, rows).round()
    return pd.DataFrame({
        "month": MONTHS[np.arange(rows) % 4], "product": [f"P{i % 5}" for i in range(rows)], "region": [f"R{i // 20}" for i in range(rows)],
        "lag": 1 + np.arange(rows) % 2,
        "actual": actual, "forecast": (actual * rng.uniform(0.7, 1.4, rows)).round(), "naive": (actual * rng.uniform(0.5, 1.8, rows)).round(), "scale": 20.0,
        "lo80": actual - 5, "hi80": np.where(np.arange(rows) % 4 == 0, actual - 1, actual + 5),
    }).drop_duplicates(["month", "product", "region", "lag"])


def test_a_zero_denominator_is_not_a_number_and_never_infinite() -> None:
    zeros, some = [0.0, 0.0], [1.0, 2.0]
    for measure in (acc.wmape, acc.bias, acc.mape):
        assert np.isnan(measure(zeros, some)) and np.isnan(measure([], []))
    assert np.isnan(acc.mase(some, some, 0.0)) and np.isnan(acc.rmsse(some, zeros, 0.0))
    assert acc.smape(zeros, zeros) == 0
    assert np.isnan(acc.tracking_signal([5.0], [5.0])).all()
    frame = pd.DataFrame({"key": ["a", "b"], "actual": [0.0, 4.0], "forecast": [3.0, 5.0]})
    out = acc.accuracy(frame, by=["key"])
    assert np.isnan(out.loc[0, "wmape"]) and out.loc[1, "wmape"] == 0.25 and not np.isinf(out.select_dtypes("number")).any().any()


def test_what_is_missing_is_not_compared() -> None:
    assert acc.wmape([10, np.nan, 10], [12, 5, np.nan]) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="2 actuals"):
        acc.wmape([1, 2], [1, 2, 3])


@given(NUMBERS)
def test_bias_never_exceeds_wmape(pairs: list[tuple[float, float]]) -> None:
    actual, forecast = np.array(pairs).T
    if actual.sum() > 1e-3:
        assert abs(acc.bias(actual, forecast)) <= acc.wmape(actual, forecast) * (1 + 1e-9) + 1e-12
        assert 0 <= acc.forecast_accuracy(actual, forecast) <= 1
    assert 0 <= acc.smape(actual, forecast) <= 2


def test_sign_conventions() -> None:
    # Over-forecast: bias above zero, tracking signal below.
    assert acc.bias([100], [120]) == pytest.approx(0.2)
    assert acc.tracking_signal([100, 100], [120, 120])[-1] == pytest.approx(-2)


def test_mase_and_rmsse_of_naive_itself_are_one() -> None:
    actual, naive = np.array([10.0, 20, 30, 40]), np.array([12.0, 18, 32, 38])
    assert acc.mase(actual, naive, np.abs(actual - naive).mean()) == pytest.approx(1)
    assert acc.rmsse(actual, naive, np.sqrt(((actual - naive) ** 2).mean())) == pytest.approx(1)


def test_the_table_agrees_with_the_functions() -> None:
    frame = table()
    out = acc.accuracy(frame, by=["product"]).set_index("product")
    for product, group in frame.groupby("product"):
        row = out.loc[product]
        assert row["wmape"] == pytest.approx(acc.wmape(group["actual"], group["forecast"]))
        assert row["bias"] == pytest.approx(acc.bias(group["actual"], group["forecast"]))
        assert row["smape"] == pytest.approx(acc.smape(group["actual"], group["forecast"]))
        assert row["mase"] == pytest.approx(acc.mase(group["actual"], group["forecast"], group["scale"]))
        assert row["coverage80"] == pytest.approx(((group["actual"] >= group["lo80"]) & (group["actual"] <= group["hi80"])).mean())
        low, high = group["actual"] - group["lo80"], group["actual"] - group["hi80"]
        loss = (np.maximum(0.1 * low, -0.9 * low) + np.maximum(0.9 * high, -0.1 * high)) / 2
        assert row["pinball80"] == pytest.approx(loss.sum() / group["actual"].sum())
    rooted = frame.assign(root_scale=3.0)
    assert acc.accuracy(rooted).iloc[0]["rmsse"] == pytest.approx(acc.rmsse(frame["actual"], frame["forecast"], 3.0))
    assert out["rmsse"].isna().all()
    total = acc.accuracy(frame).iloc[0]
    assert total["points"] == len(frame) and total["abs_error_units"] == pytest.approx(out["abs_error_units"].sum())


def test_mape_says_how_many_it_skipped() -> None:
    out = acc.accuracy(pd.DataFrame({"actual": [0.0, 10.0], "forecast": [5.0, 11.0]})).iloc[0]
    assert out["mape"] == pytest.approx(0.1) and out["mape_skipped"] == 1


def test_errors_cancel_on_the_way_up_and_never_grow() -> None:
    frame = table(80)
    streams = {"statistical": "statistical", "seasonal naive": "naive"}
    out = acc.accuracy_by_level(frame.rename(columns={"forecast": "statistical"}), products(), streams, "backtest")
    sums = out[out["stream"] == "statistical"].groupby("level")[["actual_units", "abs_error_units"]].sum()
    assert np.allclose(sums["actual_units"], frame["actual"].sum())
    errors = sums["abs_error_units"]
    assert errors["product-region"] >= errors["product"] >= errors["family"] >= errors["total"]
    assert errors["product-region"] >= errors["region"] >= errors["total"]
    assert not out.duplicated(["level", "key", "stream", "basis", "lag"]).any()
    assert out[(out["stream"] == "seasonal naive")]["coverage80"].isna().all()
    assert set(out["key"][out["level"] == "family"]) == {"F0", "F1"}


def test_value_added_adds_up_and_says_when_it_means_nothing() -> None:
    frame = table(80).rename(columns={"forecast": "statistical"}).assign(consensus=lambda f: f["statistical"])
    steps = acc.fva_steps(frame, {"seasonal naive": "naive", "statistical": "statistical", "consensus": "consensus"}, "closed months")
    assert steps["fva_points"].iloc[1] == pytest.approx(100 * (steps["wmape"].iloc[0] - steps["wmape"].iloc[1]))
    assert "neutral" in steps["note"].iloc[2] and steps["before"].iloc[2] == "statistical"
    few = acc.fva_steps(frame.head(5), {"seasonal naive": "naive", "statistical": "statistical"}, "backtest")
    assert "only 5" in few["note"].iloc[1]


def test_lags_are_counted_from_the_cycle_that_planned() -> None:
    actuals = pd.DataFrame({"month": MONTHS, "product": "P0", "region": "R0", "units": np.arange(60.0)})
    plans = {MONTHS[58]: pd.DataFrame({"month": [MONTHS[58], MONTHS[59], HORIZON[0]], "product": "P0", "region": "R0", "units": [50.0, 60.0, 70.0]}),
             MONTHS[59]: pd.DataFrame({"month": [MONTHS[59], HORIZON[0]], "product": ["P0", "NEW"], "region": "R0", "units": [55.0, 9.0]})}
    closed = acc.closed_table(plans, plans, actuals)
    assert list(zip(closed["lag"], closed["consensus"], closed["actual"], strict=True)) == [(1, 50.0, 58.0), (2, 60.0, 59.0), (1, 55.0, 59.0)]
    assert list(closed["naive"]) == [46.0, 47.0, 47.0]
    assert acc.closed_table({}, {}, actuals).empty
    assert acc.accuracy_by_level(acc.closed_table({}, {}, actuals), products(), {"consensus": "consensus"}, "closed months").empty


def test_what_was_not_forecast_is_no_forecast_of_nothing() -> None:
    rows = {"month": MONTHS[0], "product": ["P0", "P2"], "region": "R0", "lag": 1, "actual": 100.0, "statistical": [100.0, np.nan], "consensus": 90.0}
    out = acc.accuracy_by_level(pd.DataFrame(rows), products(), {"statistical": "statistical", "consensus": "consensus"}, "closed months")
    total = out[out["level"] == "total"].set_index("stream")
    assert total.loc["statistical", ["actual_units", "wmape"]].tolist() == [100, 0]
    assert total.loc["consensus", "actual_units"] == 200 and total.loc["consensus", "wmape"] == pytest.approx(0.1)
    streams = {"statistical": "statistical", "consensus": "consensus"}
    none = acc.accuracy_by_level(pd.DataFrame(rows | {"statistical": np.nan}), products(), streams, "closed months")
    assert set(none.loc[none["level"] == "total", "stream"]) == {"consensus"}, "closed months that kept no forecast say nothing of it"
