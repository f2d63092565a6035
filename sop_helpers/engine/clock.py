"""How long a step has been running and may still take, for whoever waits at a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sop_helpers.book import files
from sop_helpers.book.cycle import Cycle
from sop_helpers.engine import manifest


def usual_seconds(cycle: Cycle, step: str) -> float | None:
    """Return what a step took when it last ran: in this month, or in the latest month of this output before it; None where it never did."""
    months = sorted((f.parent for f in cycle.workbook.output_folder.glob("????-??/manifest.json") if f.parent.name < cycle.label), reverse=True)
    for record in (manifest.steps_of(cycle).get(step), *(files.read_json(m / "manifest.json").get("steps", {}).get(step) for m in months)):
        if record and record.get("seconds"):
            return float(record["seconds"])
    return None


def words(gone: float, usual: float | None) -> str:
    """Say how long a step has been running and what it took last time.

    >>> words(12, 40.2)
    '12 s, about 28 s to go'
    >>> words(55, 40.2)
    '55 s, longer than the 40 s of last time'
    >>> words(3, None)
    '3 s'
    """
    if usual is None:
        return f"{gone:.0f} s"
    return f"{gone:.0f} s, about {max(usual - gone, 1):.0f} s to go" if gone <= usual else f"{gone:.0f} s, longer than the {usual:.0f} s of last time"


@contextmanager
def ticking(say: Callable[[str], None], usual: float | None, every: float = 1.0) -> Iterator[None]:
    """Call `say` with `words` time and again while the block runs.

    Parameters
    ----------
    say : callable
        Told the words, from another thread.
    usual : float, optional
        Seconds that the block usually takes.
    every : float
        Seconds between two calls.
    """
    done, begin = threading.Event(), time.monotonic()

    def tick() -> None:
        while not done.wait(every):
            say(words(time.monotonic() - begin, usual))

    thread = threading.Thread(target=tick, name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
