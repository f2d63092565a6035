"""The process that Jupyter believes to be the kernel: it asks the template for a fork and stands in for it.

Run as a script without site packages, so it starts in some 20 ms. Signals are passed on; when this process is killed its socket closes and the template
kills the fork; when the fork ends this process ends with its exit code. Where no fork can be had it becomes a plain kernel.
"""

import json
import os
import signal
import socket
import sys
import time


def main() -> int:
    """Stand in for a forked kernel: ``relay.py SOCKET CONNECTION_FILE``."""
    path, connection_file = sys.argv[1:3]
    pid = 0
    link = socket.socket(socket.AF_UNIX)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                link.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                # Until the template has done its imports.
                if time.monotonic() > end or not os.path.isdir(os.path.dirname(path)):
                    raise
                time.sleep(0.02)
        stream = link.makefile("rw", encoding="utf-8")
        stream.write(json.dumps({"connection_file": connection_file, "environment": dict(os.environ), "folder": os.getcwd()}) + "\n")
        stream.flush()
        pid = json.loads(stream.readline() or '{"pid": 0}')["pid"]
    except (OSError, ValueError):
        pid = 0
    if not pid:
        os.execv(sys.executable, [sys.executable, "-m", "sop_helpers.engine.kernel", "-f", connection_file, "--log-level=ERROR"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _frame: os.kill(pid, n))
    return json.loads(stream.readline() or '{"exit": 1}')["exit"]


if __name__ == "__main__":
    sys.exit(main())
