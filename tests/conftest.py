"""What several tests share: the sample company as a copy, run once for all who look at its month."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import ROOT, copy_sample, sop

SAMPLE_MONTH = "2026-10"


@dataclass(frozen=True)
class RunMonth:
    """A month that was run: its workbook's folder, its output folder and what the command printed."""

    company: Path
    folder: Path
    printed: str


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the real data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("SOP_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"the shared data are not at {folder}; name their folder in SOP_SHARED")
    return folder


@pytest.fixture()
def sample_company(tmp_path: Path) -> Path:
    """A copy of the sample company that a test may change."""
    return copy_sample(tmp_path / "company")


@pytest.fixture(scope="session")
def sample_month(tmp_path_factory: pytest.TempPathFactory) -> RunMonth:
    """The sample month, run once through the command line."""
    company = copy_sample(tmp_path_factory.mktemp("sample") / "company")
    done = sop("run", "-w", str(company), "--month", SAMPLE_MONTH)
    assert done.returncode == 0, done.stdout + done.stderr
    return RunMonth(company, company / "output" / SAMPLE_MONTH, done.stdout + done.stderr)
