"""Measure what importing the forecasting part costs beside pandas alone, in turn, each in a process of its own.

    python benchmarks/import_cost.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 15
MODULES = ("pandas", "sop_helpers.planning.backtest")


def milliseconds(module: str) -> float:
    """Return the processor time of one import, in a new process."""
    code = f"import time; start = time.process_time(); import {module}; print(1000 * (time.process_time() - start))"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]).stdout)


def main() -> None:
    """Import both in turn and print the medians and their ratio."""
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for _ in range(ROUNDS):
        for module in MODULES:
            taken[module].append(milliseconds(module))
    middle = {module: statistics.median(times[1:]) for module, times in taken.items()}
    for module, time in middle.items():
        print(f"import {module}: {time:.0f} ms")
    print(f"ratio {middle[MODULES[1]] / middle[MODULES[0]]:.2f}")


if __name__ == "__main__":
    main()
