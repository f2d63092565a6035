"""Reconciled levels on Australian retail: at least as good as bottom-up at every level, with what was not known at the time."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import forecast_retail as retail  # noqa: E402


def test_every_level_is_at_least_as_good_as_bottom_up(shared: Path) -> None:
    panel = retail.load(shared / "data" / "forecasting")
    assert panel.values.shape == (152, 441)
    table, methods = retail.errors(panel, 4)
    assert set(table.index) == {"total", "family", "region", "family and region", "product", "product and region"}
    assert (table["reconciled"] <= table["bottom-up"]).all(), table
    assert any(m.startswith("MinT") for m in methods)
