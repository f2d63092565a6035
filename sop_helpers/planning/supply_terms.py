"""Sums of whole variables as linopy expressions, laid down in one go.

`a - a.shift(month=1).fillna(0) + b.groupby(place).sum()` reads as well, but copies, sorts and aligns all terms so far at every sign. Here the rows of all
variables are put one below the other and grouped once. It is quickest where a sum names its variables in the order in which the model has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import linopy

NONE = -1  # linopy's label of no variable


class Moved(NamedTuple):
    """Rows of a variable, moved by some months: no variable where that lies before the first month or after the last."""

    variable: Any
    labels: Any


def before(variable: linopy.Variable, months: int = 1) -> Moved:
    """Return a variable of some months before, for `added`: zero in the first months, whose cells stay."""
    return Moved(variable, variable.labels.shift(month=months, fill_value=NONE))


def ahead(variable: linopy.Variable, rows: np.ndarray, months: np.ndarray) -> Moved:
    """Return rows of a variable some months later, for `added`: zero where that lies beyond the last month, whose cells stay.

    Parameters
    ----------
    rows, months : ndarray (k)
        Row of the variable (dimensions: rows, month) and months later; a row may be taken more than once.
    """
    import xarray as xr

    labels = variable.labels.to_numpy()
    at = np.arange(labels.shape[1]) + months[:, None]
    inside = at < labels.shape[1]
    return Moved(variable, xr.DataArray(np.where(inside, labels[rows[:, None], np.where(inside, at, 0)], NONE), dims=variable.dims))


def added(index: pd.Index, *terms: tuple[Any, ...]) -> linopy.LinearExpression:
    """Return the sum by row and month of variables times a number each; a row that nothing belongs to stays, and is zero.

    Parameters
    ----------
    index : Index
        Rows of the sum.
    *terms : tuple
        Number (one, or one for each row of the variable), variable over rows and month (or a `before` or `ahead` one), and the positions in the index that
        its rows belong to; without positions, its rows are those of the index.

    Returns
    -------
    LinearExpression (index, month)

    Raises
    ------
    ValueError
        Variables differ in their months, or one without positions has other rows than the index.
    """
    import linopy
    import xarray as xr

    variables = [term[1].variable if isinstance(term[1], Moved) else term[1] for term in terms]
    month, places = variables[0].indexes["month"], []
    for variable, term in zip(variables, terms, strict=True):
        own = variable.indexes[variable.dims[0]]
        if not variable.indexes["month"].equals(month) or (len(term) == 2 and not own.equals(index)):
            raise ValueError(f"{variable.name} is over other rows or months than the sum; say where its rows belong")
        places.append(term[2] if len(term) > 2 else np.arange(len(index)))
    labels = [term[1].labels.to_numpy() for term in terms]
    factors = [np.broadcast_to(np.asarray(term[0], dtype=float), len(part)) for term, part in zip(terms, labels, strict=True)]
    stacked, over = np.concatenate(labels)[..., None], ("row", "month", "_term")
    coeffs = np.broadcast_to(np.concatenate(factors)[:, None, None], stacked.shape)
    row = pd.RangeIndex(len(stacked), name="row")
    rows = xr.Dataset({"coeffs": (over, coeffs), "vars": (over, stacked)}, coords={"row": row, "month": month})
    by = xr.DataArray(index.to_numpy()[np.concatenate(places)], coords=[row], name=index.name)
    total = linopy.LinearExpression(rows, variables[0].model).groupby(by).sum()
    return total if total.indexes[index.name].equals(index) else total.reindex({index.name: index}).fillna(0)


def cost_of(*terms: tuple[Any, Any]) -> linopy.LinearExpression:
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
