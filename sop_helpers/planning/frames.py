"""Small things that many steps do with tables: no rows, names among many others, months between two, numbers by month with a standing value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def no_rows(columns: Iterable[str], text: Iterable[str] = (), months: Iterable[str] = ("month",), **kinds: str) -> pd.DataFrame:
    """Return a table without rows, for what there is nothing to say about.

    Parameters
    ----------
    columns : iterable of str
        Names in order; those not named below hold numbers.
    text, months : iterable of str
        Columns of text, and of months.
    **kinds
        dtype of other columns.

    >>> no_rows(["month", "product", "units"], text=["product"]).dtypes.astype(str).tolist()
    ['datetime64[us]', 'str', 'float64']
    """
    told = dict.fromkeys(months, "datetime64[us]") | dict.fromkeys(text, "str") | kinds
    return pd.DataFrame({name: pd.Series(dtype=told.get(name, "float64")) for name in columns})


def among(names: pd.Series, known: pd.Series | pd.Index) -> pd.Series:
    """Return which names are among others, as `Series.isin` does: that turns each of many texts over in Python (twenty times slower here).

    >>> among(pd.Series(["a", "b"]), pd.Series(["b", "c"])).tolist()
    [False, True]
    """
    return names.astype(object).isin(known.to_numpy(dtype=object)) if len(names) else names.isin([])


def name_items(items: pd.Series, products: pd.DataFrame) -> pd.Series:
    """Return codes followed by the name of the product, where it has one.

    >>> name_items(pd.Series(["7", "C"]), pd.DataFrame({"product": ["7"], "name": ["Mill"]})).tolist()
    ['7 Mill', 'C']
    """
    names = products.drop_duplicates("product").set_index("product")["name"]
    return (items.astype("str") + " " + items.map(names).astype("object").fillna("").astype("str")).str.strip()


def labelled(keys: pd.DataFrame, family: pd.Series, regions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put beside each product its family, and beside each region its area and channel where any region states one.

    Parameters
    ----------
    keys : DataFrame
        product, region and more.
    family : Series
        Family of each product, indexed by product.
    regions : DataFrame, optional
        region; area and channel where there are any.

    >>> regions = pd.DataFrame({"region": ["N", "S"], "channel": ["online", None]})
    >>> labelled(pd.DataFrame({"product": ["A", "B"], "region": ["N", "S"]}), pd.Series({"A": "f"}), regions).values.tolist()
    [['A', 'N', 'f', 'online'], ['B', 'S', '(no family)', '(no channel)']]
    """
    out = keys.assign(family=keys["product"].map(family).fillna("(no family)"))
    for name in ("area", "channel"):
        stated = regions.set_index("region")[name].dropna() if regions is not None and name in regions else ()
        if len(stated):
            out[name] = out["region"].map(stated).fillna(f"(no {name})")
    return out


def month_count(months: Any) -> Any:
    """Return the number of each month, counted from year 0: for a Series, an Index or one Timestamp."""
    parts = months.dt if isinstance(months, pd.Series) else months
    return parts.year * 12 + parts.month


def months_between(later: Any, earlier: Any) -> Any:
    """Return whole months from one month to another; either may be a Series, an Index or one Timestamp.

    >>> months_between(pd.Timestamp("2027-01-01"), pd.Timestamp("2026-10-01"))
    3
    """
    return month_count(later) - month_count(earlier)


def whole_months(lead_time_months: Any) -> NDArray[np.int64]:
    """Round lead times to whole months, up from half a month on: the one rule of the plan and of last buys.

    >>> whole_months([0.4, 0.5, 1.5]).tolist()
    [0, 1, 2]
    """
    return np.floor(np.asarray(lead_time_months, dtype=float) + 0.5).astype(np.int64)


def standing(frame: pd.DataFrame, key: str, names: list[str], columns: list[str], months: pd.DatetimeIndex) -> dict[str, NDArray[np.float64]]:
    """Return columns by name and month: the row of a month, else the row with a blank month, else NaN.

    Parameters
    ----------
    frame : DataFrame
        month, the key and the columns.
    key : str
        Column that holds the names.
    names : list of str
        Rows of what is returned.
    columns : list of str
        Numbers that are wanted.
    months : DatetimeIndex
        Columns of what is returned.
    """
    at, month = pd.Index(names).get_indexer(frame[key]), months.get_indexer(pd.DatetimeIndex(frame["month"]))
    always = np.flatnonzero(frame["month"].isna().to_numpy() & (at >= 0))
    named, first = np.unique(at[always], return_index=True)
    out = {}
    for column in columns:
        values = frame[column].to_numpy(dtype=float)
        found = np.full((len(names), len(months)), np.nan)
        found[named] = values[always[first]][:, None]
        own = (month >= 0) & (at >= 0) & ~np.isnan(values)
        found[at[own], month[own]] = values[own]
        out[column] = found
    return out


def used_units(projection: pd.DataFrame) -> pd.Series:
    """Return what of each row's issues is used: shipped, built in or moved, not what is thrown away after its shelf life.

    Parameters
    ----------
    projection : DataFrame
        As the contract stock_projection; plans of before may lack scrapped_units.
    """
    return projection["issues"] - projection["scrapped_units"].fillna(0.0) if "scrapped_units" in projection else projection["issues"]
