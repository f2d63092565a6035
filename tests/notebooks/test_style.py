"""Notebooks stay short, top to bottom, free of definitions and of stored outputs."""

from __future__ import annotations

import ast
import json
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
DESK = sorted((ROOT / "notebooks" / "desk").glob("*.ipynb"))
STEPS = ["10_gather", "20_demand", "21_supply", "22_sales", "23_scenarios", "30_performance", "40_meeting", "50_actions", "90_report"]


def _cells(notebook: Path, kind: str) -> list[dict]:
    return [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == kind]


def _source(cell: dict) -> str:
    return "".join(cell["source"])


def test_the_list_of_files_is_the_process() -> None:
    assert [n.stem for n in NOTEBOOKS] == STEPS


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *DESK], ids=lambda n: n.stem)
class TestNotebook:
    def test_no_outputs_are_stored(self, notebook: Path) -> None:
        assert all(not c["outputs"] and c["execution_count"] is None for c in _cells(notebook, "code"))

    def test_nothing_is_defined(self, notebook: Path) -> None:
        for cell in _cells(notebook, "code"):
            nodes = list(ast.walk(ast.parse(_source(cell))))
            assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)]

    def test_cells_are_short(self, notebook: Path) -> None:
        lines = [len(_source(c).splitlines()) for c in _cells(notebook, "code")]
        assert statistics.median(lines) <= 6
        assert sorted(lines)[int(0.9 * (len(lines) - 1))] <= 12

    def test_it_opens_with_a_title_and_a_paragraph(self, notebook: Path) -> None:
        first = json.loads(notebook.read_text("utf-8"))["cells"][0]
        assert first["cell_type"] == "markdown"
        assert _source(first).startswith("# ") and len(_source(first).split()) > 20

    def test_prose_goes_with_code(self, notebook: Path) -> None:
        assert len(_cells(notebook, "markdown")) >= 0.7 * len(_cells(notebook, "code"))

    def test_parameters_are_tagged_and_explained(self, notebook: Path) -> None:
        tagged = [c for c in _cells(notebook, "code") if "parameters" in c["metadata"].get("tags", [])]
        assert len(tagged) == 1
        for line in _source(tagged[0]).splitlines():
            assert not line or line.startswith("#") or "#" in line, f"no comment beside {line!r}"

    def test_no_path_of_one_machine(self, notebook: Path) -> None:
        assert "/home/" not in notebook.read_text("utf-8") and "/work/" not in notebook.read_text("utf-8")
