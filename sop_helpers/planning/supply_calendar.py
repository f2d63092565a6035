"""In which months an operation may bring anything: its lead time, frozen months, and its first and last month of release."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.supply_network import Matrix, month_number

RECEIPT_OF = {"make": "production", "buy": "purchase", "move": "transfer"}


def frozen_by_kind(ops: pd.DataFrame, receipts: pd.DataFrame, frozen: int) -> tuple[NDArray[np.int64], list[str]]:
    """Return by operation the first months in which nothing is released of it, and what to say about kinds of which that is not known.

    Months are frozen for the kinds of order that the company brings open receipts of.
    """
    brought = set(receipts.loc[receipts["units"] > 0, "kind"])
    closed = ops["kind"].map({k: frozen if r in brought else 0 for k, r in RECEIPT_OF.items()}).to_numpy(dtype=np.int64)
    closed = np.where(ops["unlimited"], 0, closed)
    open_kinds = [k for k, r in RECEIPT_OF.items() if r not in brought and (ops["kind"] == k).any() and not ops["unlimited"].any()]
    if frozen and open_kinds:
        what = " and ".join(f"{RECEIPT_OF[k]} orders" for k in open_kinds)
        return closed, [f"No open {what} were brought, so the frozen months are planned for them as if nothing were fixed yet."]
    return closed, []


def most_arriving(ops: pd.DataFrame, months: pd.DatetimeIndex, lifted: Collection[str] = ()) -> Matrix:
    """Return the most units that may arrive by operation and month, 0 where nothing can.

    Parameters
    ----------
    ops : DataFrame
        As `Network.operations`.
    lifted : collection of str
        What does not count: ``lead`` (and with it frozen months and the first month, for months before the first that is open), ``frozen``, ``first``,
        ``last``.
    """
    release = np.arange(len(months))[None, :] - ops["lead"].to_numpy()[:, None]
    first = np.maximum(month_number(ops["first_month"], months[0]), 0)
    last = np.where(ops["last_month"].isna() | ("last" in lifted), 10**6, month_number(ops["last_month"], months[0]))
    begin = np.maximum(0 if "first" in lifted else first, 0 if "frozen" in lifted else ops["frozen"].to_numpy())
    may = (release <= last[:, None]) & ((release >= begin[:, None]) | ("lead" in lifted))
    return np.where(may, ops["max_units"].astype(float).fillna(np.inf).to_numpy()[:, None], 0.0)
