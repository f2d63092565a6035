"""Published numbers on forecasting and forecast consumption (`CASES.md`)."""

from __future__ import annotations

import numpy as np
import pytest

from sop_helpers.planning.consumption import net_forecast
from sop_helpers.planning.smoothing import exponential_smoothing

DEMAND = [94764, 103900, 167777, 291264, 318568, 239092, 220916, 216408, 197992, 177392, 166972, 178884, 136664]
LEVELS = [94764, 97505, 118586, 170390, 214843, 222118, 221757, 220153, 213504, 202671, 191961, 188038, 172626]


def test_levels_of_simple_exponential_smoothing() -> None:
    levels, ahead = exponential_smoothing(np.array([DEMAND], dtype=float), alpha=0.3, horizon=6)
    np.testing.assert_allclose(levels[0], LEVELS, atol=1.0)
    # The future stays flat; it must not decay.
    assert np.ptp(ahead[0]) == 0 and ahead[0, 0] == levels[0, -1]


@pytest.mark.parametrize(
    ("orders", "early", "late", "net"),
    [([130, 100, 80], 0, 0, [220, 250, 270]), ([300, 500, 280, 0], 0, 0, [50, 0, 70, 350]), ([300, 500, 280, 0], 1, 1, [0, 0, 0, 320])],
    ids=["within", "beyond", "a month early and late"],
)
def test_forecast_consumption(orders: list[float], early: int, late: int, net: list[float]) -> None:
    np.testing.assert_array_equal(net_forecast(np.full(len(orders), 350.0), np.array(orders, dtype=float), early, late), net)
