"""Small things that many steps do with tables: a table without rows, and how many months lie between two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd


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


def name_items(items: pd.Series, products: pd.DataFrame) -> pd.Series:
    """Return codes followed by the name of the product, where it has one.

    >>> name_items(pd.Series(["7", "C"]), pd.DataFrame({"product": ["7"], "name": ["Mill"]})).tolist()
    ['7 Mill', 'C']
    """
    names = products.drop_duplicates("product").set_index("product")["name"]
    return (items.astype("str") + " " + items.map(names).astype("object").fillna("").astype("str")).str.strip()


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
