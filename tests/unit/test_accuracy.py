"""Accuracy: invariants and edges; the published numbers are in tests/cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demand_company import HORIZON, MONTHS, products, regions
from hypothesis import given
from hypothesis import strategies as st

from sop_helpers.planning import accuracy as acc
from sop_helpers.planning import intervals
from sop_helpers.planning.panel import Panel
from sop_helpers.report.demand_words import coverage_words

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


def grown(series: int = 4) -> tuple[Panel, pd.DataFrame]:
    """Five years of noise, and what was forecast of the last months from three origins: 100 too little at product-region, bands that hold half the time."""
    keys = pd.DataFrame({"product": [f"P{i // 2}" for i in range(series)], "region": [f"R{i % 2}" for i in range(series)]})
    values = 500 + np.random.default_rng(4).normal(0, 30, (series, 60)).round()
    values[0, :20] = np.nan
    rows = [(MONTHS[o + lag], *keys.iloc[i], MONTHS[o], lag, values[i, o + lag]) for i in range(series) for o in range(52, 57) for lag in (1, 2, 3)]
    tried = pd.DataFrame(rows, columns=["month", "product", "region", "origin", "lag", "actual"])
    said = tried.assign(statistical=tried["actual"] - 100, naive=tried["actual"] + 50, scale=40.0, root_scale=50.0)
    wide = np.where(np.arange(len(said)) % 2, 120.0, 80.0)
    return Panel(keys, MONTHS, values), said.assign(lo80=said["statistical"] - wide, hi80=said["statistical"] + wide, lo95=said["statistical"] - 130,
                                                    hi95=said["statistical"] + 130)


def test_sums_are_held_against_what_was_known_of_them_at_the_origin() -> None:
    panel, tried = grown()
    streams = {"statistical": "statistical", "seasonal naive": "naive"}
    out = acc.accuracy_by_level(tried, products(), streams, "backtest", history=panel, most_lag=2).set_index(["level", "key", "stream", "lag"])
    assert out[["mase", "rmsse"]].notna().all(axis=None) and out.index.get_level_values("lag").max() == 2
    assert out.loc[("product-region", "P0 / R0", "statistical", 1), "mase"] == pytest.approx(100 / 40)
    total = np.nansum(panel.values, axis=0)
    changes = [np.abs(total[12 : o + 1] - total[: o - 11]) for o in range(52, 57)]
    assert out.loc[("total", "total", "statistical", 1), "mase"] == pytest.approx(np.mean([400 / c.mean() for c in changes]))
    assert out.loc[("total", "total", "seasonal naive", 2), "rmsse"] == pytest.approx(np.sqrt(np.mean([200**2 / (c**2).mean() for c in changes])))
    blank = acc.accuracy_by_level(tried, products(), streams, "backtest")
    assert blank.loc[blank["level"] != "product-region", "mase"].isna().all()


def test_areas_and_channels_are_measured_where_regions_state_them() -> None:
    panel, tried = grown()
    streams = {"statistical": "statistical", "seasonal naive": "naive"}
    plain = acc.accuracy_by_level(tried, products(), streams, "backtest", history=panel)
    out = acc.accuracy_by_level(tried, products(), streams, "backtest", history=panel, regions=regions(2))
    pd.testing.assert_frame_equal(out[~out["level"].isin(["area", "channel"])].reset_index(drop=True), plain)
    by = {level: rows.drop(columns=["level", "key"]).reset_index(drop=True) for level, rows in out.sort_values(["level", "stream", "lag"]).groupby("level")}
    pd.testing.assert_frame_equal(by["area"], by["total"])  # both regions are the North
    retail, first = (out[out["key"] == key].drop(columns=["level", "key"]).reset_index(drop=True) for key in ("retail", "R0"))
    pd.testing.assert_frame_equal(retail, first)
    assert retail["mase"].notna().all() and len(acc.band_coverage(out)) == 7


def test_bands_of_sums_are_measured_with_factors_of_other_origins() -> None:
    panel, tried = grown()
    out = acc.accuracy_by_level(tried, products(), {"statistical": "statistical", "seasonal naive": "naive"}, "backtest", history=panel)
    mine = out[out["stream"] == "statistical"].set_index(["level", "key", "lag"]).sort_index()
    # Errors that all go the same way make the band of a sum as wide as those of its parts together: 400 are just in it.
    assert mine[["coverage80", "pinball80"]].notna().all(axis=None) and not (mine["coverage95"] < mine["coverage80"]).any()
    few = mine.index.get_level_values("level") == "total"
    assert mine.loc[few, "coverage95"].isna().all() and mine.loc[~few, "coverage95"].notna().all(), "twelve errors of other origins tell no 95 %"
    assert mine["coverage80"].between(0, 1).all() and (mine.loc["total", "coverage80"] == 1).all()
    assert (mine.loc["total", "series_coverage80"] - 0.5).abs().max() <= 0.11 and (mine["series_coverage95"] == 1).all()
    assert (mine.loc["product-region", "series_coverage80"] == mine.loc["product-region", "coverage80"]).all()
    assert out.loc[out["stream"] != "statistical", ["coverage80", "coverage95", "series_coverage80", "pinball80"]].isna().all(axis=None)


def test_closed_months_tell_whether_published_bands_held() -> None:
    panel, _ = grown()
    actuals = panel.frame(panel.values, "units")
    now = actuals[actuals["month"] >= MONTHS[58]].reset_index(drop=True)
    known = now.assign(units=now["units"] - 10, lo95=now["units"] - 30, lo80=now["units"] - 20, hi80=now["units"] + np.where(now["region"] == "R0", 5, -5.0),
                       hi95=now["units"] + 8)  # fmt: skip
    closed = acc.closed_table({MONTHS[58]: known[["month", "product", "region", "units"]]}, {MONTHS[58]: known}, actuals)
    streams = {"consensus": "consensus", "statistical": "statistical"}
    out = acc.accuracy_by_level(closed, products(), streams, "closed months", history=panel)
    mine = out[out["stream"] == "statistical"].set_index(["level", "key", "lag"]).sort_index()
    series = mine.loc["product-region"]
    assert series["coverage80"].tolist() == [float("R0" in key) for key in series.index.get_level_values("key")] and (series["coverage95"] == 1).all()
    assert (mine.loc["total", "series_coverage80"] == 0.5).all() and (mine.loc["total", "series_coverage95"] == 1).all()
    assert mine.loc["total", ["coverage80", "pinball80"]].isna().all(axis=None), "no band of a sum was kept"
    assert out["mase"].notna().all() and out.loc[out["stream"] == "consensus", "coverage80"].isna().all()
    total = np.nansum(panel.values[:, :58], axis=0)
    assert mine.loc[("total", "total", 2), "mase"] == pytest.approx(40 / np.abs(total[12:] - total[:-12]).mean()), "lag 2 knew no more than lag 1"
    held = acc.band_coverage(out).set_index("level")
    assert held.loc["product-region", "coverage80"] == 0.5 and held.loc["total", "series_coverage95"] == 1 and np.isnan(held.loc["total", "coverage80"])
    assert coverage_words(acc.band_coverage(out)) == "the 80 and 95 % bands covered 50% and 100% in closed months"
    assert "nothing" in coverage_words(acc.band_coverage(out.iloc[:0]))
    older = acc.closed_table({MONTHS[58]: known}, {MONTHS[58]: known[["month", "product", "region", "units"]]}, actuals)
    assert acc.accuracy_by_level(older, products(), streams, "closed months")["coverage80"].isna().all()


def test_closed_months_tell_whether_the_bands_of_sums_held_that_they_kept() -> None:
    panel, tried = grown()
    actuals = panel.frame(panel.values, "units")
    now = actuals[actuals["month"] >= MONTHS[58]].reset_index(drop=True)
    said = now.assign(units=500.0, lo95=440.0, lo80=460.0, hi80=540.0, hi95=560.0)
    bands = intervals.kept_bands(said, tried, products().set_index("product")["family"])
    assert set(bands["level"]) == {"family", "region", "total"} and not bands.duplicated(["level", "key", "month"]).any()
    total = now.groupby("month")["units"].sum().to_numpy()
    mine = (bands["level"] == "total").to_numpy()
    bands.loc[mine, "lo80"], bands.loc[mine, "hi80"] = total - 1, total + np.array([1.0, -0.5])
    bands.loc[mine, ["lo95", "hi95"]] = np.nan
    first = MONTHS[58]
    closed = acc.closed_table({first: said[["month", "product", "region", "units"]]}, {first: said}, actuals)
    out = acc.accuracy_by_level(closed, products(), {"statistical": "statistical"}, "closed months", history=panel, kept={first: bands})
    held = out.set_index(["level", "key", "lag"]).sort_index()
    assert held.loc[("total", "total"), "coverage80"].tolist() == [1.0, 0.0] and held.loc["total", "coverage95"].isna().all()
    regions = bands[bands["level"] == "region"].merge(now.groupby(["region", "month"], as_index=False)["units"].sum(), left_on=["key", "month"],
                                                      right_on=["region", "month"])  # fmt: skip
    inside = regions["units_y"].between(regions["lo80"], regions["hi80"]).to_numpy(float)
    assert held.loc["region", "coverage80"].tolist() == inside.tolist() and held.loc["region", "pinball80"].notna().all()
    assert held.loc["product", "coverage80"].isna().all(), "of products no band is kept"
    blank = acc.accuracy_by_level(closed, products(), {"statistical": "statistical"}, "closed months", history=panel, kept={})
    assert blank.set_index("level").loc["region", "coverage80"].isna().all()
    assert intervals.kept_bands(said.iloc[:0], tried.iloc[:0], products().set_index("product")["family"]).empty
