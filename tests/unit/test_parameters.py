"""Parameters of the steps: declared names, typed values, codes that stay text, secrets that stay hidden."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sop_helpers.book.errors import WorkbookError
from sop_helpers.engine import parameters
from sop_helpers.engine.parameters import Parameters

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def _notebook(tmp_path: Path, source: str) -> Path:
    file = tmp_path / "20_demand.ipynb"
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source.splitlines(keepends=True)}
    file.write_text(json.dumps({"cells": [cell]}))
    return file


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_the_parameters_cell_and_the_model_agree(notebook: Path) -> None:
    declared = parameters.declared(notebook)
    assert {name: declared[name] for name in Parameters.model_fields} == Parameters().model_dump()
    given = parameters.check(notebook, {"month": "2026-11", "workbook": "workbook.toml", "scenario": "base"})
    assert given == declared | {"month": "2026-11"}
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1


COMMON = 'month = "2026-10"  # first month\nworkbook = "workbook.toml"\nscenario = "base"\n'


@pytest.mark.parametrize(
    ("line", "value", "reaches"),
    [
        ('sku = "00045"', "00123", "00123"),
        ('sku = "00045"', "1E5", "1E5"),
        ('sku = "00045"', "NA", "NA"),
        ("lots = 3", "7", 7),
        ("lots = 3", np.int64(7), 7),
        ("rate = 0.5", "1", 1.0),
        ("switch = True", "no", False),
        ("switch = True", False, False),
        ('months = ["2026-10"]', "['2026-11']", ["2026-11"]),
        ("note = None", "text", "text"),
    ],
)
def test_values_reach_the_notebook_as_their_type(tmp_path: Path, line: str, value: object, reaches: object) -> None:
    given = parameters.check(_notebook(tmp_path, COMMON + line), {line.split(" ")[0]: value})
    assert given[line.split(" ")[0]] == reaches and type(given[line.split(" ")[0]]) is type(reaches)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("lots = 3", "00x"), ("lots = 3", 2.5), ("switch = True", 1), ("switch = True", np.bool_(False)), ("switch = True", "maybe"), ('sku = "00045"', 123),
        ('month = "2026-10"', "10/2026"), ('month = "2026-10"', "2026-10-01"), ('scenario = "base"', "../base"),
        ('day = "2026-10-01"', np.datetime64("2026-10-01")),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused(tmp_path: Path, line: str, value: object) -> None:
    name = line.split(" ")[0]
    with pytest.raises(WorkbookError, match=f"20_demand refuses a parameter: {name}: "):
        parameters.check(_notebook(tmp_path, (COMMON if name not in COMMON else "") + line), {name: value})


@pytest.mark.parametrize("name", ["colour", "month=1;import os#", "__class__"])
def test_unknown_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkbookError, match="20_demand has no parameter"):
        parameters.check(_notebook(tmp_path, COMMON), {name: "1"})


@pytest.mark.parametrize("line", ["lots = 1 + 1", "import os", "lots = open('x')", "a = b = [x for x in y]"])
def test_a_parameters_cell_with_code_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(WorkbookError, match="more than names and plain values"):
        parameters.declared(_notebook(tmp_path, line))


def test_secrets_are_found_by_name_and_inside_urls() -> None:
    values = {"month": "2026-10", "erp_password": "hunter2", "api_key": "k-1", "url": "postgresql://ann:pw%20x@db:5432/x", "empty_token": ""}
    shown = parameters.masked(values)
    assert shown == {"month": "2026-10", "erp_password": "********", "api_key": "********", "url": "postgresql://ann:********@db:5432/x", "empty_token": ""}
    assert parameters.secrets(values) == ["hunter2", "pw%20x", "k-1"]


def test_a_refused_secret_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError) as caught:
        parameters.check(_notebook(tmp_path, COMMON + "token = 5"), {"token": "hunter2"})
    assert "hunter2" not in str(caught.value)
