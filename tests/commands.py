"""The ``sop`` command in a process of its own, and the sample company as a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def sop(*arguments: str, cwd: Path | None = None, timeout: int = 1200) -> subprocess.CompletedProcess[str]:
    """Run the ``sop`` command in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "SOP_STAGE"} | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "sop_helpers.engine.cli", *arguments]
    return subprocess.run(command, cwd=cwd or ROOT, env=environment, capture_output=True, text=True, timeout=timeout)


def copy_sample(folder: Path) -> Path:
    """Copy the sample company's workbook and data, so that no test writes into the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "workbook.toml", folder)
    shutil.copytree(ROOT / "data" / "sample", folder / "data" / "sample")
    return folder
