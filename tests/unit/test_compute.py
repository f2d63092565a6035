"""Work in other processes and on a Dask cluster gives what one process gives; an address that nobody answers at is said so; what was kept comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from test_chunks import company, run, same

from sop_helpers.book.compute import keep, kept, workers
from sop_helpers.book.config import Compute, load_workbook
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.errors import WorkbookError
from sop_helpers.planning import chunks
from sop_helpers.planning.chunks import Work


def test_few_series_stay_in_this_process() -> None:
    with workers(Compute(workers=2), 10) as pool:
        assert pool is None


def test_a_pool_on_this_machine_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = company()
    monkeypatch.setattr(chunks, "CHUNK", 16)
    with workers(Compute(workers=2, series_alone=0), len(panel.keys)) as pool:
        assert pool is not None
        same(run(panel), run(panel, work=Work(pool)))


def test_a_cluster_gives_the_same_though_a_worker_is_killed_midway(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    panel = company()
    whole = run(panel)
    monkeypatch.setattr(chunks, "CHUNK", 8)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50) as cluster:
        before = pids(cluster)
        assert len(before) == 2
        victim, killed = min(before), []

        def kill(done: int, total: int) -> None:
            if not killed and done > total / 4:
                os.kill(victim, signal.SIGKILL)
                killed.append(done)

        with workers(Compute(engine="dask", scheduler=cluster.scheduler_address), len(panel.keys)) as pool:
            same(whole, run(panel, work=Work(pool, kill)))
        assert killed, "the worker was to die while there was work"
        assert victim not in pids(cluster)


def pids(cluster) -> set[int]:
    """Processes of the workers."""
    from distributed import Client

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with pytest.raises(WorkbookError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        with workers(Compute(engine="dask", scheduler="tcp://127.0.0.1:9", timeout_seconds=1), 10):
            pass


def test_dask_without_an_address_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workbook.toml").write_text('[company]\nname = "Small"\n[compute]\nengine = "dask"\n', encoding="utf-8")
    with pytest.raises(WorkbookError, match="needs the address of its scheduler"):
        load_workbook(tmp_path)


def test_what_was_kept_comes_back_for_the_same_month_only(tmp_path: Path) -> None:
    (tmp_path / "workbook.toml").write_text('[company]\nname = "Small"\n', encoding="utf-8")
    october, november = (open_cycle(month, tmp_path) for month in ("2026-10", "2026-11"))
    table = pd.DataFrame({"key": [1, 2], "0": [0.1, 1 / 3]})
    assert kept(october, "fitted") is None
    keep(october, "fitted", table)
    pd.testing.assert_frame_equal(kept(open_cycle("2026-10", tmp_path), "fitted"), table, check_exact=True)
    assert kept(november, "fitted") is None
    keep(november, "fitted", table)
    assert kept(october, "fitted") is None, "another month's is thrown away"


def test_what_was_kept_and_is_broken_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "workbook.toml").write_text('[company]\nname = "Small"\n', encoding="utf-8")
    cycle = open_cycle("2026-10", tmp_path)
    keep(cycle, "fitted", pd.DataFrame({"key": [1]}))
    next(tmp_path.rglob("*fitted.parquet")).write_bytes(b"PAR1 half")
    assert kept(cycle, "fitted") is None


def test_a_library_that_cannot_be_loaded_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "lightgbm.py").write_text("raise OSError('its OpenMP library is not there')")
    code = (
        "from sop_helpers.book.compute import get_ready, workers; from sop_helpers.book.config import Compute\n"
        "if __name__ == '__main__':\n"
        "    compute = Compute(workers=2, series_alone=0); get_ready(compute, 10)\n"
        "    with workers(compute, 10) as pool: print(list(pool.map(abs, [-1, -2])))\n"
    )
    (tmp_path / "run.py").write_text(code)
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run([sys.executable, str(tmp_path / "run.py")], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[1, 2]", done.stderr
