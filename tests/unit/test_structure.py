"""The rules of the house, held by tests: who imports whom, module size, docstrings, the two lists of dependencies."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sop_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))

# part of the package: parts of it that may be imported there
MAY_IMPORT = {
    "planning": {"planning"},
    "book": {"book"},
    "report": {"report", "planning", "book"},
    "engine": {"engine", "book", "report"},
}


def _imports(tree: ast.Module) -> set[str]:
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return named | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_keep_the_layers(module: Path) -> None:
    part = module.relative_to(PACKAGE).parts[0]
    if part not in MAY_IMPORT:
        return
    ours = {name.split(".")[1] for name in _imports(ast.parse(module.read_text("utf-8"))) if name.startswith("sop_helpers.")}
    assert ours <= MAY_IMPORT[part], f"{part} must not import {ours - MAY_IMPORT[part]}"


def test_only_the_report_step_of_the_engine_knows_the_report() -> None:
    users = [m.name for m in (PACKAGE / "engine").glob("*.py") if any(n.startswith("sop_helpers.report") for n in _imports(ast.parse(m.read_text("utf-8"))))]
    assert len(users) <= 2, f"engine imports report only to render: {users}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_module_fits_in_the_head(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 400


def _public(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_modules_and_what_they_offer_say_what_they_are(module: Path) -> None:
    tree = ast.parse(module.read_text("utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    silent = [node.name for node in _public(tree) if not ast.get_docstring(node)]
    assert not silent, f"without docstring: {silent}"


def test_planning_functions_are_fully_typed() -> None:
    loose = []
    for module in (PACKAGE / "planning").glob("*.py"):
        for node in _public(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if node.returns is None or any(a.annotation is None for a in arguments):
                    loose.append(f"{module.name}:{node.name}")
    assert not loose


def _bounds(lines: list[str]) -> dict[str, str]:
    found = (re.match(r"\s*([A-Za-z0-9_.-]+(?:\[[a-z]+\])?)\s*>=\s*([0-9.]+)", line) for line in lines)
    return {m[1].lower(): m[2] for m in found if m}


def test_ruff_finds_nothing() -> None:
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_environment_yml_agrees_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = _bounds(project["dependencies"] + project["optional-dependencies"]["test"])
    lines = [line.strip().removeprefix("- ") for line in (ROOT / "environment.yml").read_text("utf-8").splitlines()]
    conda = _bounds(lines)
    assert conda.pop("python") == project["requires-python"].removeprefix(">=")
    assert conda == wanted


def test_every_dependency_says_where_it_is_used() -> None:
    lines = [
        line
        for line in (ROOT / "environment.yml").read_text("utf-8").splitlines()
        if re.match(r"\s*- [a-z].*>=", line) and "python>=" not in line.replace("ipython", "")
    ]
    silent = [line.strip() for line in lines if "#" not in line and not line.strip().startswith("- python>=")]
    assert not silent


def test_the_lock_pins_every_dependency_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = {re.split(r"==|\[", line)[0].lower().replace("_", "-") for line in text.splitlines() if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[\[>=]", d)[0].lower() for d in project["dependencies"] + project["optional-dependencies"]["test"]}
    assert wanted <= pinned, wanted - pinned
    assert "://" not in text and "@" not in text


def test_no_file_names_a_path_of_one_machine() -> None:
    suspicious = re.compile(r"/(?:home|work|root|Users)/[a-z]")
    folders = ["sop_helpers", "notebooks", "templates", "benchmarks", "examples", "data", ".ci"]
    files = [f for folder in folders for f in (ROOT / folder).rglob("*") if f.suffix in {".py", ".ipynb", ".md", ".toml", ".yml", ".sql", ".html", ".j2"}]
    named = [str(f.relative_to(ROOT)) for f in files if "output" not in f.parts and suspicious.search(f.read_text("utf-8"))]
    assert not named
