"""Kernels for the steps: forks of one process that has done the imports, or plain ones.

The fork is reached through an ordinary kernel specification, so papermill and Jupyter are used as they are.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLAIN = "sop-plain"
FORKED = "sop-forked"
PACKAGE = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def environment(**values: str):
    """Set environment variables for the processes started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def common() -> dict[str, str]:
    """Return the environment of every kernel: our package found, pictures inline, one BLAS thread so that both engines add up alike."""
    path = os.pathsep.join(p for p in (str(PACKAGE), os.environ.get("PYTHONPATH", "")) if p)
    threads = {name: os.environ.get(name, "1") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return {"PYTHONPATH": path, "PYTHONUTF8": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1", **threads}


def can_fork() -> bool:
    """Tell whether this system forks processes and has the sockets for it."""
    return hasattr(os, "fork") and hasattr(__import__("socket"), "AF_UNIX") and sys.platform != "darwin"


class Kernels:
    """Where the steps of one run get their kernels.

    Parameters
    ----------
    engine : str
        ``fork`` for forks of a template process, ``plain`` for a new Python each.
    """

    def __init__(self, engine: str = "fork"):
        self.engine = engine if engine != "fork" or can_fork() else "plain"
        self._template: subprocess.Popen | None = None
        self._folder: Path | None = None

    def start(self) -> None:
        """Lay down the kernels' specifications and start the template's imports; they go on while the first step is prepared."""
        if self._folder is not None:
            return
        # Short, because the path of a socket may not be longer than some 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="sop-"))
        self._specify(PLAIN, "-m", "sop_helpers.engine.kernel", "-f", "{connection_file}", "--log-level=ERROR")
        if self.engine != "fork":
            return
        socket = str(self._folder / "template")
        self._specify(FORKED, "-I", "-S", str(Path(__file__).with_name("relay.py")), socket, "{connection_file}")
        # The inline backend is named before pyplot is imported, and loaded by the fork, which has a shell to hook it into.
        variables = {**os.environ, **common(), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        command = [sys.executable, "-m", "sop_helpers.engine.template", socket]
        # A group of its own: Ctrl-C is for the run, which then ends the template by closing its input.
        self._template = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=variables, start_new_session=True)

    def _specify(self, name: str, *arguments: str) -> None:
        folder = self._folder / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": [sys.executable, *arguments], "display_name": "Python 3", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    @property
    def name(self) -> str:
        """Name of the kernel to run the next step with."""
        alive = self._template is not None and self._template.poll() is None
        return FORKED if self.engine == "fork" and alive else PLAIN

    def environment(self) -> dict[str, str]:
        """Return what a step's kernel needs to find in its environment."""
        jupyter = {"JUPYTER_PATH": os.pathsep.join(p for p in (str(self._folder), os.environ.get("JUPYTER_PATH", "")) if p)} if self._folder else {}
        return {**common(), **jupyter}

    def stop(self) -> None:
        """End the template and its forks."""
        if self._template is not None:
            with contextlib.suppress(OSError):
                self._template.stdin.close()
            try:
                self._template.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._template.kill()
                self._template.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._template = self._folder = None
