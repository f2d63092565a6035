"""The template process: it has imported what the steps need, and forks a kernel for each of them.

What must not cross a fork is made after it: zmq contexts, event loops, BLAS threads (held to one by the environment). Threads of memory allocators, which
mend themselves after a fork, are the only ones allowed; with any other the template refuses and a plain kernel is started instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path

IMPORTS = [
    "numpy", "pandas", "pyarrow.parquet", "pandera.pandas", "pydantic", "sqlalchemy", "matplotlib.pyplot", "scipy.stats",
    "statsmodels.tsa.api", "statsmodels.tsa.seasonal", "IPython.display", "sop_helpers.engine.kernel", "ipykernel.ipkernel", "ipykernel.zmqshell",
    "ipykernel.debugger", "IPython.core.completerlib", "IPython.extensions.storemagic", "sop_helpers.book.cycle", "sop_helpers.report.show",
]
HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}


def foreign_threads() -> list[str]:
    """Return the names of threads, beside the first, that a fork would lose with their locks held."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        import threading

        return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    own = str(os.getpid())
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir() if task.name != own]
    return [name for name in names if name not in HARMLESS]


def _become_kernel(request: dict) -> None:
    """Turn this fork into an IPython kernel; never returns."""
    code = 1
    try:
        os.setsid()
        os.environ.clear()
        # The poller of the kernel ends it when its parent is gone: that is the template, not the relay.
        os.environ.update(request["environment"], JPY_PARENT_PID=str(os.getppid()))
        os.chdir(request["folder"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from sop_helpers.engine.kernel import PatientKernel

        PatientKernel.launch_instance(argv=["-f", request["connection_file"], "--log-level=CRITICAL"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def serve(path: str) -> None:
    """Fork kernels on request until standard input closes, which it does when the run ends or is killed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    os.set_blocking(wakeup_read, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    # Ctrl-C reaches the whole group: the run decides what happens, not the template.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    for source, what in ((listener, "call"), (sys.stdin.fileno(), "end"), (wakeup_read, "child")):
        selector.register(source, selectors.EVENT_READ, what)
    links: dict[int, socket.socket] = {}

    def kill(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    while True:
        for key, _ in selector.select():
            if key.data == "end":
                if not os.read(sys.stdin.fileno(), 1024):
                    for pid in links:
                        kill(pid)
                    return
            elif key.data == "child":
                os.read(wakeup_read, 1024)
                for pid in list(links):
                    done, status = os.waitpid(pid, os.WNOHANG)
                    if done:
                        link = links.pop(pid)
                        with contextlib.suppress(OSError, KeyError):
                            selector.unregister(link)
                        with contextlib.suppress(OSError):
                            code = os.waitstatus_to_exitcode(status)
                            link.sendall(json.dumps({"exit": code if code >= 0 else 128 - code}).encode() + b"\n")
                        link.close()
            elif key.data == "call":
                link, _ = listener.accept()
                request = link.makefile("r", encoding="utf-8").readline()
                if not request or foreign_threads():
                    link.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    listener.close()
                    for other in [*links.values(), link]:
                        other.close()
                    os.close(wakeup_read)
                    _become_kernel(json.loads(request))
                links[pid] = link
                link.sendall(json.dumps({"pid": pid}).encode() + b"\n")
                selector.register(link, selectors.EVENT_READ, pid)
            else:
                # The relay of this kernel is gone: so is whoever wanted it.
                selector.unregister(key.fileobj)
                kill(key.data)


def main() -> None:
    """Import, then serve: ``python -m sop_helpers.engine.template SOCKET``."""
    import importlib

    for name in IMPORTS:
        # A library that is missing here is missed by the notebook that wants it, with its own message.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    serve(sys.argv[1])


if __name__ == "__main__":
    main()
