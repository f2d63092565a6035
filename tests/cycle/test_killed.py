"""A run that is killed leaves the published month whole, and the next run goes on; two runs at once do not meet."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny

from sop_helpers.book.cycle import open_cycle
from sop_helpers.engine.runner import run_month

posix = pytest.mark.skipif(os.name != "posix", reason="kill -9 and flock are POSIX")

# Kills itself just before (even numbers) or after (odd numbers) the renames of a publication.
SUICIDE = """
import os, signal, sys
moment, calls, real = int(sys.argv[1]), 0, os.rename
def rename(source, target):
    global calls
    if ".stage-" in str(source) + str(target) or ".old-" in str(target):
        if calls == moment: os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        real(source, target)
        if calls == moment: os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
    else:
        real(source, target)
os.rename = rename
from sop_helpers.engine.cli import main
sys.exit(main(["run", "--force"]))
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    company = tiny.make(tmp_path_factory.mktemp("killed") / "company")
    run_month(company, show=False)
    return company


@pytest.fixture()
def company(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "company"))


def _start(company: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SOP_")} | {"PYTHONPATH": str(tiny.ROOT)}
    command = [sys.executable, "-m", "sop_helpers.engine.cli", "run", *arguments]
    return subprocess.Popen(command, cwd=company, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _wait_for(condition, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _slow(company: Path, place: int) -> Path:
    """Make the demand step stop at a place, after telling its process number."""
    marker = company / "marker"
    wait = f"import os, pathlib, time\npathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\ntime.sleep(120)"
    tiny.put(company, "20_demand", [*tiny.DEMAND[:place], wait, *tiny.DEMAND[place:]])
    return marker


@posix
@pytest.mark.parametrize("engine", ["fork", "plain"])
@pytest.mark.parametrize("place", [0, len(tiny.DEMAND) - 1])
def test_killed_in_the_middle_of_a_step(company: Path, engine: str, place: int) -> None:
    before = tiny.whole(company)
    marker = _slow(company, place)
    run = _start(company, "--force", "--engine", engine)
    assert _wait_for(lambda: marker.exists() and marker.read_text()), run.communicate(timeout=5)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert tiny.whole(company) == before
    assert _wait_for(lambda: not _alive(int(marker.read_text())), 30), "the kernel outlives its run"
    tiny.put(company, "20_demand", tiny.DEMAND)
    assert "sales" in tiny.whole(company)
    run_month(company, show=False)
    assert tiny.whole(company) == before
    assert not list((company / "output").glob(".stage-*")) and not list((company / "output").glob(".old-*"))


@posix
@pytest.mark.parametrize("moment", range(4))
def test_killed_while_publishing(company: Path, moment: int) -> None:
    before = tiny.whole(company)
    (company / "data" / "sales.csv").write_text(tiny.sales(units=20))
    environment = os.environ | {"PYTHONPATH": str(tiny.ROOT)}
    done = subprocess.run([sys.executable, "-c", SUICIDE, str(moment)], cwd=company, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # Opening the month is enough to have it whole again: all old, or all new once the first rename was done.
    plan = open_cycle(tiny.MONTH, company).read("demand_plan")
    assert set(plan["units"]) == ({10.0} if moment == 0 else {20.0})
    now = tiny.whole(company)
    assert (now == before) == (moment == 0)
    run_month(company, show=False)
    assert set(open_cycle(tiny.MONTH, company).read("demand_plan")["units"]) == {20.0}
    assert not list((company / "output").glob(".stage-*")) and not list((company / "output").glob(".old-*"))


@posix
def test_the_second_of_two_runs_is_refused_and_a_dead_one_holds_nothing(company: Path) -> None:
    marker = _slow(company, 0)
    first = _start(company)
    assert _wait_for(lambda: marker.exists() and marker.read_text()), first.communicate(timeout=5)
    second = tiny.sop(company, "run")
    assert second.returncode == 1 and f"the run of 2026-10 is under way already: process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    first.send_signal(signal.SIGKILL)
    first.wait()
    tiny.put(company, "20_demand", tiny.DEMAND)
    third = tiny.sop(company, "run")
    assert third.returncode == 0, third.stderr


@posix
def test_interrupted_by_hand(company: Path) -> None:
    before = tiny.whole(company)
    marker = _slow(company, 0)
    run = _start(company)
    assert _wait_for(lambda: marker.exists() and marker.read_text())
    run.send_signal(signal.SIGINT)
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == 130 and "nothing was published" in printed and "Traceback" not in printed
    assert tiny.whole(company) == before and not list((company / "output").glob(".stage-*"))
    assert _wait_for(lambda: not _alive(int(marker.read_text())), 30)
