"""The command line: quick help, clear errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import sop

from sop_helpers.engine.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pandas", "numpy", "matplotlib", "pydantic", "pandera", "sqlalchemy", "papermill", "nbformat", "nbclient", "duckdb", "pyarrow", "tqdm", "zmq"}
TOML = '[company]\nname = "Tiny"\n'


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["actions", "add", "--help"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = f"from sop_helpers.engine.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert not loaded & HEAVY and len(done.stderr.split()) < 200, loaded & HEAVY
    assert "sop" in done.stdout


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0 and len(capsys.readouterr().out) > 150


WRONG = [["fly"], ["run", "--engine", "steam"], ["close"], ["reopen", "2026-10"], ["run", "--from", "a", "--only", "b"], ["actions"]]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: sop" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "no workbook at workbook.toml"),
        (["run", "-w", "broken"], "broken"),
        (["run", "-w", "tiny", "--month", "2026-13"], "'2026-13' is not a month"),
        (["run", "-w", "tiny", "--scenario", "dream"], "no scenario is called 'dream'"),
        (["run", "-w", "tiny", "-p", "lots"], "'lots' is not NAME=VALUE"),
        (["run", "-w", "tiny", "-p", "lots;x=1"], "is not NAME=VALUE"),
        (["close", "2026-10", "-w", "tiny"], "2026-10 is not complete"),
        (["reopen", "2026-10", "-w", "tiny", "--reason", "x"], "2026-10 is not closed"),
        (["actions", "done", "action-9", "-w", "tiny"], "there is no action action-9"),
        (["actions", "add", "t", "--owner", "o", "--deadline", "soon", "-w", "tiny"], "deadline 'soon' is not a day"),
    ],
)
def test_what_people_must_mend_ends_with_1_and_no_traceback(tmp_path: Path, arguments: list[str], message: str) -> None:
    for name, text in {"tiny": TOML, "broken": "[company"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "workbook.toml").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sop_helpers.engine.cli", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("sop: ")


def test_actions_are_added_done_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "workbook.toml").write_text('month = "2026-10"\n' + TOML)
    where = ["-w", str(tmp_path)]
    assert main(["actions", "add", "Call the mill; $(rm)", "--owner", "Ann", "--deadline", "2026-10-20", "--author", "Bob", *where]) == 0
    key = capsys.readouterr().out.strip()
    assert main(["actions", "list", *where]) == 0
    assert f"{key}  2026-10-20  open       Ann: Call the mill; $(rm)" in capsys.readouterr().out
    assert main(["actions", "done", key, "--comment", "they deliver", *where]) == 0
    capsys.readouterr()
    assert main(["actions", "list", *where]) == 0
    assert capsys.readouterr().out.strip() == "0 open actions"
    assert main(["actions", "list", "--all", *where]) == 0
    assert "done" in capsys.readouterr().out


def test_check_tells_what_blocks_the_month(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "workbook.toml").write_text('month = "2026-10"\n' + TOML)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "products.csv").write_text("product,family,unit_price,unit_cost\n00123,A,10,5\n")
    assert main(["check", "-w", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "red" in printed and "sales" in printed and "What to do" in printed


def test_init_lays_down_a_workbook_that_check_can_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "ours"), "--name", "Ours", "--currency", "EUR", "--month", "2026-10"]) == 0
    assert "sop check" in capsys.readouterr().out
    assert main(["check", "-w", str(tmp_path / "ours")]) == 1
    assert "sales" in capsys.readouterr().out


def test_a_desk_that_is_not_there_is_named_with_those_that_are(sample_company) -> None:
    done = sop("desk", "-w", str(sample_company), "--notebook", "nothing", "--no-browser")
    assert done.returncode != 0 and "overrides" in done.stdout + done.stderr
