"""Published numbers on accuracy (`CASES.md`, forecasting and accuracy)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import accuracy as acc


def test_tracking_signal_of_six_periods() -> None:
    forecast, actual = [254, 329, 404, 354, 378, 454], [204, 262, 320, 304, 330, 405]
    np.testing.assert_allclose(acc.tracking_signal(actual, forecast), [-1, -2, -3, -4, -5, -6])


def test_tracking_signal_of_five_periods() -> None:
    forecast, actual = np.array([1500, 1400, 1700, 1750, 1800]), np.array([1550, 1500, 1600, 1650, 1700])
    assert (actual - forecast).sum() == -150
    assert np.abs(actual - forecast).mean() == 90
    assert acc.tracking_signal(actual, forecast)[-1] == pytest.approx(-1.67, abs=0.005)


def test_mape_against_wmape() -> None:
    actual, forecast = [1000, 10], [950, 25]
    assert 100 * acc.mape(actual, forecast) == pytest.approx(77.5)
    assert 100 * acc.wmape(actual, forecast) == pytest.approx(6.4, abs=0.05)
    row = acc.accuracy(pd.DataFrame({"actual": actual, "forecast": forecast})).iloc[0]
    assert row["mape"] == pytest.approx(0.775) and row["wmape"] == pytest.approx(65 / 1010)


def test_forecast_value_added() -> None:
    assert acc.fva(-200, -50) == 150
    assert acc.fva(150, 90) == 60
    assert acc.fva(40, 38) == 2
