"""Each notebook runs alone through plain papermill; the whole sequence runs with other parameters."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from commands import sop
from test_style import ROOT, STEPS

from sop_helpers.book.config import load_workbook


@pytest.fixture(scope="module")
def company(sample_month, tmp_path_factory) -> Path:
    """The sample company with its month, apart from what other tests look at."""
    return Path(shutil.copytree(sample_month.company, tmp_path_factory.mktemp("alone") / "company"))


@pytest.mark.parametrize("step", STEPS)
def test_it_runs_alone(step: str, company: Path, tmp_path: Path, monkeypatch) -> None:
    import papermill

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook, out = ROOT / "notebooks" / f"{step}.ipynb", tmp_path / f"{step}.ipynb"
    values = {"month": "2026-10", "workbook": str(company), "scenario": "base"}
    papermill.execute_notebook(str(notebook), str(out), parameters=values, progress_bar=False, cwd=str(tmp_path))
    cells = [c for c in json.loads(out.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(c["execution_count"] for c in cells)
    assert not [o for c in cells for o in c["outputs"] if o["output_type"] == "stream" and o["name"] == "stderr"], "warnings are for people, and few"


def test_the_sequence_runs_for_another_scenario(company: Path) -> None:
    done = sop("run", "-w", str(company), "--month", "2026-10", "--scenario", "upside")
    assert done.returncode == 0, done.stdout + done.stderr
    month = company / "output" / "2026-10"
    base, upside = (pd.read_parquet(folder / "tables" / "constrained_demand.parquet") for folder in (month, month / "scenarios" / "upside"))
    told = load_workbook(company).scenarios["upside"]
    family = pd.read_parquet(month / "inputs" / "products.parquet").set_index("product")["family"]
    more = base["product"].map(family).isin(told.families).map({True: told.demand_factor, False: 1.0})
    assert upside["demand_units"].sum() == pytest.approx((more * base["demand_units"]).sum())
    assert told.demand_factor > 1 and told.families
    assert "scenario upside" in (month / "scenarios" / "upside" / "report.html").read_text("utf-8")
