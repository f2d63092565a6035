"""Many series in chunks: on this machine or on several, with a word on how far it is, and without doing again what was done before."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers import __version__
from sop_helpers.planning.smoothing import Matrix

CHUNK = 2048  # most series at a time
FEWEST = 128  # series at a time below which handing them over costs more than it saves
PARTS = 8  # chunks wanted, so that no worker waits long for another
Progress = Callable[[int, int], None]


class Remembered:
    """Results by fingerprint of what they were made from.

    Only what was asked for in this run is handed on, so that the table does not grow from run to run.
    """

    def __init__(self, table: pd.DataFrame | None = None) -> None:
        self.reused = self.made = 0  # rows taken from the table, and rows worked out
        self._used: list[tuple[NDArray[np.uint64], Matrix]] = []
        known = table if table is not None and len(table) else pd.DataFrame({"key": np.zeros(0, dtype=np.uint64)})
        self._keys, first = np.unique(known["key"].to_numpy(dtype=np.uint64), return_index=True)
        self._rows = known.drop(columns="key").to_numpy(dtype=float)[first]

    def look_up(self, keys: NDArray[np.uint64], width: int) -> Matrix:
        """Return what is known (n, width); rows without anything are NaN."""
        out = np.full((len(keys), width), np.nan)
        if len(self._keys) and width <= self._rows.shape[1]:
            at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            hit = self._keys[at] == keys
            out[hit] = self._rows[at[hit], :width]
        return out

    def keep(self, keys: NDArray[np.uint64], rows: Matrix) -> None:
        """Hand rows on to the next run."""
        self._used.append((keys, rows))

    def table(self) -> pd.DataFrame:
        """Return all rows that this run asked for: key, and the results in columns 0, 1, ..."""
        width = max((rows.shape[1] for _, rows in self._used), default=0)
        wide = [np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=np.nan) for _, rows in self._used]
        out = pd.DataFrame(np.vstack(wide) if wide else np.zeros((0, 0)), columns=[str(c) for c in range(width)])
        out.insert(0, "key", np.concatenate([keys for keys, _ in self._used]) if wide else np.zeros(0, dtype=np.uint64))
        return out.drop_duplicates("key", ignore_index=True)


def fingerprints(values: Matrix, name: str) -> NDArray[np.uint64]:
    """Return a number for each row that changes with the row, with what is made from it (`name`) and with the version of this package."""
    rows = pd.util.hash_pandas_object(pd.DataFrame(np.ascontiguousarray(values)), index=False).to_numpy()
    pair = pd.DataFrame({"row": rows, "name": pd.util.hash_array(np.array([f"{__version__} {name}"], dtype=object))[0]})
    return pd.util.hash_pandas_object(pair, index=False).to_numpy()


@dataclass
class Work:
    """How rows of a matrix are worked through.

    Attributes
    ----------
    pool : Executor, optional
        Where: an executor of `concurrent.futures`, or that of a Dask cluster (``distributed.Client(...).get_executor()``). Without one, here.
    progress : callable, optional
        Told ``(done, total)`` rows whenever a chunk is done.
    remembered : Remembered, optional
        Results of earlier runs.
    total, done : float
        Rows expected, and rows done.
    """

    pool: Executor | None = None
    progress: Progress | None = None
    remembered: Remembered | None = None
    total: float = 0.0
    done: float = 0.0

    def tell(self, rows: float) -> None:
        """Count rows as done and say so."""
        self.done += rows
        if self.progress is not None and self.total:
            self.progress(int(min(self.done, self.total)), int(self.total))

    def each(self, function: Callable[..., Any], *columns: Iterable[Any]) -> Iterator[Any]:
        """Apply a function to items of one column or several, as `map` does, where the pool is; results come in the order of the items."""
        return map(function, *columns) if self.pool is None else self.pool.map(partial(_lean, function), *map(list, columns))

    def rows(self, function: Callable[[Matrix], Matrix], values: Matrix, width: int, name: str = "", weight: float = 1.0) -> Matrix:
        """Apply a function that treats every row by itself, and return its results: `start`, and wait."""
        return self.start(function, values, width, name, weight)()

    def start(
        self, function: Callable[[Matrix], Matrix], values: Matrix, width: int, name: str = "", weight: float = 1.0, at_once: tuple[int, int] | None = None
    ) -> Callable[[], Matrix]:
        """Begin to apply a function that treats every row by itself; what is returned waits for the results, as if it had been applied to all rows at once.

        A pool begins at once, so that it need not wait while this process is busy with the results of something else; without a pool nothing is done before
        the results are asked for.

        Parameters
        ----------
        function : callable
            Matrix (k, T) to matrix (k, width); must be importable where the pool works.
        values : ndarray (n, T)
            The rows.
        width : int
            Columns of the result, of which the first is never NaN where `name` is given and the result is to be remembered.
        name : str
            What the function does, with all its settings; "" is not remembered.
        weight : float
            Share of the rows' whole work, for the progress told.
        at_once : (int, int), optional
            Fewest and most rows that the function should be given at a time.

        Returns
        -------
        callable
            Returns the results (n, width); to be called once.
        """
        out = np.full((len(values), width), np.nan)
        keys = fingerprints(values, name) if self.remembered is not None and name else None
        if keys is not None:
            out = self.remembered.look_up(keys, width)
        todo = np.flatnonzero(np.isnan(out[:, 0]))
        if keys is not None:
            self.remembered.made, self.remembered.reused = self.remembered.made + len(todo), self.remembered.reused + len(values) - len(todo)
        fewest, most = at_once or (FEWEST, CHUNK)
        size = most if self.pool is None else int(np.clip(-(-len(todo) // PARTS), fewest, most))
        # Slices where everything is to be done: views, not copies.
        cuts = [slice(i, i + size) if len(todo) == len(values) else todo[i : i + size] for i in range(0, len(todo), size)]
        parts = self.each(function, (values[cut] for cut in cuts))

        def finish() -> Matrix:
            for cut, part in zip(cuts, parts, strict=True):
                out[cut] = part
                self.tell(weight * len(part))
            if len(todo) < len(values):
                self.tell(weight * (len(values) - len(todo)))
            if keys is not None:
                self.remembered.keep(keys, out)
            return out

        return finish


def _lean(function: Callable[..., Any], *items: Any) -> Any:
    """Apply a function in a process that others share the memory with."""
    try:
        return function(*items)
    finally:
        give_back()


def give_back() -> None:
    """Hand freed memory back to the system: glibc keeps what lies between blocks in use, some 300 MB after the forecast of 50,000 series."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


__all__ = ["CHUNK", "Progress", "Remembered", "Work", "fingerprints", "give_back"]
