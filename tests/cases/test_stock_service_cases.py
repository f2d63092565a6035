"""Stock targets keep the service they promise on demand of known kinds (`benchmarks/stock_service.py` has the whole table)."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from stock_service import KINDS, service  # noqa: E402


@cache
def measured() -> pd.DataFrame:
    """A thousand cycles of each kind."""
    return service(series=250, origins=4, seed=1).set_index(["kind", "target", "rule"])


@pytest.mark.parametrize("target", [0.95, 0.98])
@pytest.mark.parametrize("kind", KINDS)
def test_the_measured_error_keeps_the_service_within_a_point_and_a_half(kind: str, target: float) -> None:
    row = measured().loc[kind, target, "measured error"]
    assert row["cycles"] == 1000 and row["achieved"] == pytest.approx(target, abs=0.015)


def test_the_usual_formula_misses_both_ways() -> None:
    usual = measured().xs("usual formula", level="rule")
    miss = usual["achieved"] - usual.index.get_level_values("target")
    assert miss.min() < -0.05 and miss.max() > 0.01
