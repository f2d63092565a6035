"""Intermittent demand on published car parts: the quantiles that stock hangs on are ahead of all the usual rates'."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from sop_helpers.planning import learners

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import forecast_carparts as parts  # noqa: E402


@pytest.fixture(scope="module")
def series(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """History and what came."""
    return parts.load(shared / "data" / "forecasting")


def test_quantiles_of_sums_are_ahead_of_the_usual_rates(series) -> None:
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    history, actual = series
    assert history.shape == (2509, 39) and actual.shape == (2509, 12)
    own, covered = parts.own_losses(history, actual)
    for name in ("Croston", "SBA", "TSB", "ADIDA", "IMAPA"):
        peer = parts.peer_losses(history, actual, parts.RATES[name](history))
        assert all(mine < theirs for mine, theirs in zip(own, peer, strict=True)), name
    assert covered == pytest.approx([0.90, 0.95], abs=0.02)


def test_forecasting_nothing_has_the_least_absolute_error(series) -> None:
    # Which is why absolute error alone says nothing here.
    history, actual = series
    error = {name: np.abs(actual - make(history)[:, None]).mean() for name, make in parts.RATES.items()}
    assert min(error, key=error.get) == "nothing"


def test_the_total_is_right_on_the_year_published_and_nearer_than_smoothed_rates_on_the_years_before(series) -> None:
    if not learners.available():
        pytest.skip("LightGBM cannot be loaded on this machine: install the OpenMP library (libgomp1)")
    months = np.hstack(series)
    for known in (39, 36, 33, 30, 27):
        smoothed, learned, squares = parts.workbook(months[:, :known], months[:, known : known + 12])
        assert abs(learned) < abs(smoothed) and squares < 1, known
        if known == 39:
            assert abs(learned) <= 0.05
