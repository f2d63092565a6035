"""How long a step may still take."""

from __future__ import annotations

import doctest
import json
import time
from pathlib import Path
from types import SimpleNamespace

from sop_helpers.engine import clock


def test_the_words_of_the_docstring() -> None:
    assert doctest.testmod(clock).failed == 0


def test_it_tells_while_the_block_runs_and_is_silent_after() -> None:
    told: list[str] = []
    with clock.ticking(told.append, 40.0, every=0.01):
        time.sleep(0.2)
    heard = len(told)
    time.sleep(0.05)
    assert heard >= 2 and len(told) == heard
    assert told[0] == "0 s, about 40 s to go"


def test_what_a_step_took_comes_from_this_month_or_the_latest_before(tmp_path: Path) -> None:
    for label, seconds in (("2026-08", 11.0), ("2026-09", 12.0), ("2026-11", 99.0)):
        (tmp_path / label).mkdir()
        (tmp_path / label / "manifest.json").write_text(json.dumps({"steps": {"20_demand": {"seconds": seconds}}}))
    cycle = SimpleNamespace(label="2026-10", folder=tmp_path / "2026-10", workbook=SimpleNamespace(output_folder=tmp_path))
    assert clock.usual_seconds(cycle, "20_demand") == 12.0
    assert clock.usual_seconds(cycle, "21_supply") is None
    (tmp_path / "2026-10").mkdir()
    (tmp_path / "2026-10" / "manifest.json").write_text(json.dumps({"steps": {"20_demand": {"seconds": 7.5}}}))
    assert clock.usual_seconds(cycle, "20_demand") == 7.5
