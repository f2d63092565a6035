"""Sums of whole variables as linopy expressions, laid down in one go.

`a - a.shift(month=1).fillna(0) + b + c` reads as well, but copies and aligns all terms so far at every sign. Where the variables of a sum share their
dimensions there is nothing to align: their labels are stacked beside each other once, with the same terms in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import linopy

NONE = -1  # linopy's label of no variable


class Earlier(NamedTuple):
    """A variable of the month before; nothing in the first month."""

    variable: Any

    @property
    def labels(self) -> Any:
        """Labels moved on by a month."""
        return self.variable.labels.shift(month=1, fill_value=NONE)


def before(variable: linopy.Variable) -> Earlier:
    """Return a variable of the month before, for `added`: zero in the first month, whose row stays."""
    return Earlier(variable)


def added(*terms: tuple[float, Any]) -> linopy.LinearExpression:
    """Return the sum of variables times a number each.

    Parameters
    ----------
    *terms : tuple
        Number and variable (or `before` one); all variables over the same dimensions, with the same labels in the same order.

    Raises
    ------
    ValueError
        Variables differ in their dimensions or labels.
    """
    import linopy
    import xarray as xr

    labels = [variable.labels for _, variable in terms]
    first = labels[0]
    for other in labels[1:]:
        if other.dims != first.dims or any(not other.indexes[d].equals(first.indexes[d]) for d in first.dims):
            raise ValueError(f"variables over {first.dims} and {other.dims} are not of the same rows and months; add them with +")
    stacked = np.stack([part.to_numpy() for part in labels], axis=-1)
    factors = np.broadcast_to(np.array([number for number, _ in terms], dtype=float), stacked.shape)
    over = (*first.dims, "_term")
    model = next(v.model for _, v in terms if hasattr(v, "model"))
    return linopy.LinearExpression(xr.Dataset({"coeffs": (over, factors), "vars": (over, stacked)}, coords=first.coords), model)


def ahead(variable: linopy.Variable, rows: np.ndarray, months: np.ndarray, factor: np.ndarray) -> linopy.LinearExpression:
    """Return rows of a variable some months later times a factor: nothing where that lies beyond the last month, whose cell stays.

    Parameters
    ----------
    rows, months, factor : ndarray (k)
        Row of the variable (dimensions: operation, month), months later, and number; a row may be taken more than once.

    Returns
    -------
    LinearExpression (k, month)
        Its rows are numbered.
    """
    import linopy
    import xarray as xr

    labels = variable.labels.to_numpy()
    at = np.arange(labels.shape[1]) + months[:, None]
    inside = at < labels.shape[1]
    found = np.where(inside, labels[rows[:, None], np.where(inside, at, 0)], NONE)
    factors = np.broadcast_to(np.asarray(factor, dtype=float)[:, None], found.shape)
    row, month = variable.dims
    over = (row, month, "_term")
    coords = {row: pd.RangeIndex(len(rows), name=row), month: variable.indexes[month]}
    return linopy.LinearExpression(xr.Dataset({"coeffs": (over, factors[..., None]), "vars": (over, found[..., None])}, coords=coords), variable.model)


def priced(*terms: tuple[Any, Any]) -> linopy.LinearExpression:
    """Return what all cells of variables cost together.

    Parameters
    ----------
    *terms : tuple
        Variable, and the price of each of its cells in the same order.

    Raises
    ------
    ValueError
        Prices are of another shape than their variable.
    """
    import linopy
    import xarray as xr

    for variable, price in terms:
        if variable.shape != price.shape:
            raise ValueError(f"{variable.name} has {variable.shape} cells and prices for {price.shape}")
    labels = np.concatenate([variable.labels.to_numpy().ravel() for variable, _ in terms])
    prices = np.concatenate([np.asarray(price, dtype=float).ravel() for _, price in terms])
    return linopy.LinearExpression(xr.Dataset({"coeffs": ("_term", prices), "vars": ("_term", labels)}), terms[0][0].model)
