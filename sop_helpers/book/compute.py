"""Where the heavy work is done: in this process, in several on this machine, or on a Dask cluster; and what is kept from one run to the next."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import BaseContext

import pandas as pd

from sop_helpers.book import files
from sop_helpers.book.config import Compute
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.errors import WorkbookError

KEPT = "kept"  # folder of what may be thrown away at any time, beside the months


@contextmanager
def workers(compute: Compute, series: int) -> Iterator[Executor | None]:
    """Give an executor to work through so many series with, and end it; None where one process is as fast.

    Parameters
    ----------
    compute : Compute
        From the workbook.
    series : int
        How many series there are.

    Raises
    ------
    WorkbookError
        The Dask scheduler cannot be reached, or its workers have other versions of what they need.
    """
    if compute.engine == "dask":
        with _cluster(compute) as executor:
            yield executor
        return
    if (number := _processes(compute, series)) < 2:
        yield None
        return
    with ProcessPoolExecutor(number, mp_context=_start_method()) as pool:
        yield pool


def get_ready(compute: Compute, series: int) -> None:
    """Let the libraries of `workers` be read beside what this process does first; nothing happens where one process is as fast.

    Parameters
    ----------
    compute, series
        As for `workers`.
    """
    if _processes(compute, series) >= 2 and _start_method().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running  # there is none on Windows

        ensure_running()


def _processes(compute: Compute, series: int) -> int:
    """How many processes of this machine to work in; 1 where more would not be faster, or others do the work."""
    number = compute.workers or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    return 1 if series < compute.series_alone or compute.engine == "dask" else number


def _start_method() -> BaseContext:
    """Return how processes are started: never forked from this one, as a notebook's process runs threads, which a fork would leave in an unknown state.

    Where the system can, they are forked from a process of their own that has done nothing but import what is slow to import; the only threads in it are
    those of libraries that know of forks.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sop_helpers.book.preload"])
    return context


@contextmanager
def _cluster(compute: Compute) -> Iterator[Executor]:
    from distributed import Client

    try:
        client = Client(compute.scheduler, timeout=compute.timeout_seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        todo = "Start the scheduler, mend [compute] scheduler in workbook.toml, or plan here with engine = \"local\"."
        raise WorkbookError(f"no Dask scheduler answers at {compute.scheduler}: {error}", todo) from error
    with client:
        try:
            client.get_versions(check=True)
        except ValueError as error:
            raise WorkbookError(f"the Dask workers differ from this machine: {error}", "Install requirements.lock on them.") from error
        yield client.get_executor()


def kept(cycle: Cycle, name: str) -> pd.DataFrame | None:
    """Return what an earlier run of the month kept under a name; None where it kept nothing, or nothing that can be read."""
    file = cycle.workbook.output_folder / KEPT / f"{cycle.label}-{cycle.scenario}-{name}.parquet"
    try:
        return pd.read_parquet(file) if file.exists() else None
    except (OSError, ValueError):  # thrown away half-way, or by another version: it is made again
        return None


def keep(cycle: Cycle, name: str, table: pd.DataFrame) -> None:
    """Keep a table for the next run of the month, unless the month is closed; what other months kept goes."""
    if cycle.closed:
        return
    folder = cycle.workbook.output_folder / KEPT
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{cycle.label}-{cycle.scenario}-{name}.parquet"
    files.write_atomically(file, lambda part: table.to_parquet(part, index=False))
    for old in folder.glob(f"*-{name}.parquet"):
        if not old.name.startswith(cycle.label):
            old.unlink(missing_ok=True)
