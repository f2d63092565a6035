"""What the forecast is expected to miss: rates that follow the last months too closely, uncertain series forecast low, and shocks that are no bias."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning.error_bias import class_bias, drawn_rates, rate_bias
from sop_helpers.planning.panel import Panel

MONTHS = pd.date_range("2022-01-01", periods=60, freq="MS", unit="us")


def names(series: int) -> pd.DataFrame:
    """Keys of a panel."""
    return pd.DataFrame({"product": [f"P{i:04d}" for i in range(series)], "region": "R"})


def trials(values: np.ndarray, said: np.ndarray, kind: str, origins: range) -> pd.DataFrame:
    """Forecasts of one month from several origins, (series, origins), against what came; scale 1."""
    series, o = (index.ravel() for index in np.indices(said.shape))
    at = np.array(origins)[o]
    return pd.DataFrame({"product": names(len(values))["product"].to_numpy()[series], "region": "R", "kind": kind, "origin": MONTHS[at], "months": 1.0,
                         "error": values[series, at + 1] - said.ravel(), "said": said.ravel(), "scale": 1.0})  # fmt: skip


def sparse(seed: int, series: int = 400) -> np.ndarray:
    """Demand that comes one month in four, at the same rate for ever."""
    draw = np.random.default_rng(seed)
    return (draw.random((series, len(MONTHS))) < 0.25) * draw.integers(1, 9, (series, len(MONTHS))) * 1.0


def test_a_rate_that_forgets_is_drawn_to_the_mean_and_the_error_shrinks() -> None:
    values, origins = sparse(0), range(40, 58, 3)
    last = np.stack([values[:, o - 5 : o + 1].mean(axis=1) for o in origins], axis=1)
    sums = trials(values, last, "intermittent", origins)
    drawn, slopes = drawn_rates(sums, Panel(names(400), MONTHS, values), values)
    assert slopes[1.0] > 0.8 and (drawn["error"] ** 2).mean() < 0.95 * (sums["error"] ** 2).mean()
    np.testing.assert_allclose(drawn["error"] + drawn["shift"], sums["error"])


def test_demand_that_dies_keeps_its_forecast() -> None:
    values, origins = sparse(1), range(40, 58, 3)
    values[:, 30:] = 0.0
    drawn, slopes = drawn_rates(trials(values, np.zeros((400, len(origins))), "lumpy", origins), Panel(names(400), MONTHS, values), values)
    assert slopes[1.0] == 0 and (drawn["shift"] == 0).all()


def test_regular_demand_and_few_trials_are_left_alone() -> None:
    values, origins = sparse(2), range(40, 58, 3)
    for kind, rows in (("smooth", 400), ("intermittent", 4)):
        sums = trials(values[:rows], np.zeros((rows, len(origins))), kind, origins)
        assert (drawn_rates(sums, Panel(names(rows), MONTHS, values[:rows]), values[:rows])[0]["shift"] == 0).all()


def test_todays_bias_is_the_slope_times_what_the_forecast_lacks_of_the_mean() -> None:
    values = np.full((2, 60), 3.0)
    out = names(2).assign(kind=["lumpy", "smooth"], months=2.0)
    forecast = pd.concat([names(2).assign(month=m, units=1.0) for m in MONTHS[:3]], ignore_index=True)
    told = rate_bias(pd.Series({1.0: 1.0, 2.0: 0.5}), out, Panel(names(2), MONTHS, values), values, forecast)
    assert told.tolist() == [0.5 * (6 - 2), 0.0]


def biases(error: np.ndarray) -> np.ndarray:
    """Bias of regular series, (series, origins) errors."""
    values = np.full((len(error), 60), 100.0)
    sums = trials(values, np.full(error.shape, 100.0), "smooth", range(40, 40 + error.shape[1])).assign(error=error.ravel())
    out = names(len(error)).assign(kind="smooth", months=1.0, class_sd_units=10.0)
    return class_bias(sums, out, Panel(names(len(error)), MONTHS, values))


def test_what_goes_on_from_month_to_month_is_a_bias_and_a_shock_is_none() -> None:
    noise = np.random.default_rng(3).standard_normal((200, 8))
    assert biases(noise + 0.5) == pytest.approx(np.full(200, 0.5), abs=0.15)
    shock = noise.copy()
    shock[:, 4] += 4.0  # half a unit on the mean as well, but of one month
    assert np.abs(biases(shock)).max() < 0.25
    assert biases(noise) == pytest.approx(np.zeros(200), abs=0.1)
