"""Sums of whole variables as linopy expressions, laid down in one go.

`a - a.shift(month=1).fillna(0) + b + c` reads as well, but copies and aligns all terms so far at every sign, and so does a sum of several
`groupby(...).sum().reindex(...)`. Where the variables of a sum share their dimensions there is nothing to align: their labels are stacked beside each other
once. Where their rows belong to rows of something else, all of them are put below each other and grouped once. Rows are sorted soonest where a sum names its
variables in the order in which the model has them.
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
    """Return a variable of some months before, for `added` and `gathered`: zero in the first months, whose cells stay."""
    return Moved(variable, variable.labels.shift(month=months, fill_value=NONE))


def ahead(variable: linopy.Variable, rows: np.ndarray, months: np.ndarray) -> Moved:
    """Return rows of a variable some months later, for `gathered`: zero where that lies beyond the last month, whose cells stay.

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
    return linopy.LinearExpression(xr.Dataset({"coeffs": (over, factors), "vars": (over, stacked)}, coords=first.coords), _variable(terms[0][1]).model)


def gathered(index: pd.Index, *terms: tuple[Any, Any, Any]) -> linopy.LinearExpression:
    """Return the sum of rows of variables times a number each, by where they belong; where nothing belongs, a row stays.

    Parameters
    ----------
    index : Index
        Rows of the sum, by name.
    *terms : tuple
        Number (one, or one for each row), variable over rows and months (or `before` or `ahead` one), and the positions in the index that its rows belong to.

    Returns
    -------
    LinearExpression (index, month)
    """
    import linopy
    import xarray as xr

    parts = [variable.labels.to_numpy() for _, variable, _ in terms]
    factors = np.concatenate([np.broadcast_to(np.asarray(number, dtype=float), len(part)) for part, (number, _, _) in zip(parts, terms, strict=True)])
    labels = np.concatenate(parts)[..., None]
    first, row, over = _variable(terms[0][1]), pd.RangeIndex(len(labels), name="row"), ("row", "month", "_term")
    coords = {"row": row, "month": first.indexes["month"]}
    each = xr.Dataset({"coeffs": (over, np.broadcast_to(factors[:, None, None], labels.shape)), "vars": (over, labels)}, coords=coords)
    by = xr.DataArray(index.to_numpy()[np.concatenate([where for _, _, where in terms])], coords=[row], name=index.name)
    total = linopy.LinearExpression(each, first.model).groupby(by).sum()
    return total if total.indexes[index.name].equals(index) else total.reindex({index.name: index}).fillna(0)


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


def _variable(term: Any) -> linopy.Variable:
    return term.variable if isinstance(term, Moved) else term
