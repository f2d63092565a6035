"""What is made to order: a booking falls due after the lead time that was promised; until then it is backlog, and not late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def late_shares(months_late: pd.Series | Matrix | None, count: int) -> Matrix:
    """Return which share of what is promised for a month comes k months later, (k, rows): all on time where nothing is said.

    What arrives is spread evenly over its month, so that a delay of f months, f below one, moves the share f of it into the next month: two weeks move
    0.46. Whole months move all.
    """
    if months_late is None or not len(months_late):
        return np.ones((1, count))
    late = np.asarray(months_late, dtype=float)
    k = np.arange(int(np.ceil(late.max())) + 1)[:, None]
    return np.maximum(1.0 - np.abs(late - k), 0.0)


@dataclass(frozen=True)
class Promises:
    """Lead times promised and orders booked, by demand series (d) and month (t).

    Attributes
    ----------
    wait : ndarray (d)
        Months from order to delivery; 0 for what is shipped in the month in which it is ordered. Orders come evenly through their month, so a fraction of a
        month moves that share of them into the next one.
    ordered : ndarray (d, t + 1)
        Open orders of the series that wait, by month due; the last column holds those due after the horizon.
    """

    wait: Matrix
    ordered: Matrix

    def due(self, booked: Matrix) -> Matrix:
        """Return units by month in which they are due: open orders, and bookings after the lead time promised; (d, t)."""
        out, months = self.ordered[:, :-1].copy(), booked.shape[1]
        for wait, share in enumerate(late_shares(np.minimum(self.wait, months), len(booked))[:months]):
            out[:, wait:] += share[:, None] * booked[:, : months - wait]
        return out

    def ahead(self, booked: Matrix) -> Matrix:
        """Return units booked and not yet due, at the start and at each month's end; (d, t + 1).

        Backlog follows: what is owed in all is what is past due and this. Ending backlog = beginning backlog + bookings - shipments.
        """
        start = self.ordered.sum(axis=1, keepdims=True)
        return np.maximum(np.concatenate([start, start + (booked - self.due(booked)).cumsum(axis=1)], axis=1), 0.0)


def to_order(products: pd.DataFrame) -> pd.Series:
    """Return the products that are made to order."""
    return products.loc[products["made_to"] == "order", "product"] if "made_to" in products else pd.Series(dtype="str")


def promised(products: pd.DataFrame) -> pd.Series:
    """Return by product the months from order to delivery, for what is made to order with a lead time promised; others are left out."""
    if not {"made_to", "promised_months"} <= set(products.columns):
        return pd.Series(dtype="float64")
    rows = products[(products["made_to"] == "order") & (products["promised_months"] > 0)].drop_duplicates("product")
    return rows.set_index("product")["promised_months"].astype("float64")


def promises(series: pd.DataFrame, orders: pd.DataFrame, products: pd.DataFrame, months: pd.DatetimeIndex) -> Promises | None:
    """Return what the series have promised; None where nothing waits.

    Parameters
    ----------
    series : DataFrame
        product, region: the demand series.
    orders : DataFrame
        As the contract open_orders; orders past their month are left out, they are owed at once.
    products : DataFrame
        As the contract.
    months : DatetimeIndex
        Months planned, without gaps.
    """
    wait = promised(products)
    if wait.empty:
        return None
    mine = orders[orders["product"].isin(wait.index) & (orders["due_month"] >= months[0])]
    row = pd.MultiIndex.from_frame(series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(mine[["product", "region"]]))
    place = months.get_indexer(mine["due_month"])
    out = np.zeros((len(series), len(months) + 1))
    np.add.at(out, (row, np.where(place < 0, len(months), place)), mine["units"].to_numpy(dtype=float))
    return Promises(series["product"].map(wait).fillna(0).to_numpy(dtype=float), out)
