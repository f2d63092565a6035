"""ABC-XYZ: what an item is worth, and how well it can be forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.stock_nodes import StockNodes


def segment(net: StockNodes, products: pd.DataFrame, abc: Sequence[float] = (0.80, 0.95), xyz: Sequence[float] = (0.25, 0.50)) -> pd.Series:
    """Return the segment of each item and location: a letter for worth and one for certainty, AX to CZ.

    Products are ranked by planned revenue, all places together: A makes up the first 80 %, B the next 15 %. X, Y and Z go by the forecast's
    error of one month relative to demand, at the place: it is the error that stock has to bear, not the swing of a season that is forecast.
    Components have no price of their own; they have the letter of certainty only, after a dash.

    Parameters
    ----------
    net : StockNodes
        Items at locations with demand and error.
    products : DataFrame
        product, unit_price.
    abc : sequence of two float
        Shares of revenue at which A and B end.
    xyz : sequence of two float
        Relative errors at which X and Y end.
    """
    item = net.nodes["item"]
    price = item.map(products.set_index("product")["unit_price"]).astype(float) if "unit_price" in products else pd.Series(np.nan, index=item.index)
    worth = pd.Series(net.demand.sum(axis=1) * price.to_numpy(), index=item.index).groupby(item).sum(min_count=1).dropna()
    worth = worth.sort_values(ascending=False, kind="stable")
    # An item belongs where its revenue begins: the first is an A even if it makes up all of it.
    begins = (worth.cumsum() - worth) / worth.sum() if worth.sum() > 0 else worth * 0.0
    letter = pd.Series(np.array(["A", "B", "C"])[np.searchsorted(np.asarray(abc, dtype=float), begins.to_numpy(), side="right")], index=begins.index)
    month = net.forecast.mean(axis=1)
    error = np.divide(np.sqrt(net.variance[:, 0]), month, out=np.full(len(month), np.inf), where=month > 0)
    certain = np.array(["X", "Y", "Z"])[np.searchsorted(np.asarray(xyz, dtype=float), error, side="left")]
    return item.map(letter).astype(object).fillna("-").astype("str") + pd.Series(certain, index=item.index)
