"""Executed notebooks give the same outputs again: nbval compares every stored output of the sample month."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from test_style import ROOT, STEPS

# What may differ between two runs, and nothing else.
SANITIZE = r"""
[clock]
regex: \d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?
replace: CLOCK
[seconds]
regex: \d+(\.\d+)? ?(s|ms|seconds)\b
replace: SECONDS
"""


@pytest.mark.parametrize("step", STEPS)
def test_outputs_are_the_same_again(step, sample_month, tmp_path) -> None:
    executed = sample_month.folder / "notebooks" / f"{step}.ipynb"
    stored = [o for c in json.loads(executed.read_text("utf-8"))["cells"] for o in c.get("outputs", [])]
    assert stored, "an executed notebook without outputs would compare nothing"
    (tmp_path / "sanitize.cfg").write_text(SANITIZE, "utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-sanitize-with", str(tmp_path / "sanitize.cfg"), "-q", "-p", "no:cacheprovider", str(executed)],
        cwd=sample_month.company, env=environment, capture_output=True, text=True, timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:]
