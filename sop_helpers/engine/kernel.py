"""An IPython kernel whose output waits for a slow reader instead of being dropped: ``python -m sop_helpers.engine.kernel -f FILE``.

ZeroMQ drops what is published beyond a thousand messages that were not read. With them goes the one that says a cell is done, for which papermill then waits
until its time is up.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ipykernel.kernelapp import IPKernelApp


class PatientKernel(IPKernelApp):
    """The usual kernel, without a limit on output that waits to be read."""

    def init_iopub(self, context: Any) -> None:
        """Open the channel of output; its limit must be set before it is bound."""
        import zmq

        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)


if __name__ == "__main__":
    # As ipykernel's own launcher does: a module in the working folder must not stand in for a library's.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    PatientKernel.launch_instance()
