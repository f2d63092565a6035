"""The contracts: one pandera model per table, found by the table's name.

>>> from sop_helpers.book.tables import contract
>>> contract("products").to_schema().unique
['product']
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache

import pandas as pd

from sop_helpers.book.tables import (
    adherence,
    causes,
    demand,
    inputs,
    join,
    lanes,
    limits,
    network,
    pipeline,
    plans,
    reasons,
    review,
    sales_force,
    sales_plan,
    stock,
    supply_views,
    views,
)
from sop_helpers.book.tables.fields import Contract


def _name(model: type[Contract]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()


def _tables(module) -> dict[str, type[Contract]]:
    models = [m for m in vars(module).values() if isinstance(m, type) and issubclass(m, Contract) and m is not Contract]
    return {_name(model): model for model in models}


MODULES = (
    inputs, network, lanes, limits, sales_force, views, plans, pipeline, sales_plan, join, demand, stock, supply_views, reasons, causes, adherence, review,
)
MODELS = [model for module in MODULES for model in _tables(module).items()]
INPUTS: dict[str, type[Contract]] = {name: model for name, model in MODELS if model.Config.metadata["direction"] == "input"}
OUTPUTS: dict[str, type[Contract]] = {name: model for name, model in MODELS if model.Config.metadata["direction"] == "output"}
TABLES: dict[str, type[Contract]] = INPUTS | OUTPUTS


def contract(table: str) -> type[Contract]:
    """Return the contract of a table.

    Parameters
    ----------
    table : str
        Name of the table, such as ``"demand_plan"``.

    Raises
    ------
    KeyError
        The name is unknown; the message lists the names there are.
    """
    if table not in TABLES:
        raise KeyError(f"no table is called {table!r}; there are {', '.join(TABLES)}")
    return TABLES[table]


@contextmanager
def _without_dask() -> Iterator[None]:
    """Keep pandera from importing dask, half a second in every kernel, only to ask whether a column could be one of dask's."""
    names = [name for name in ("dask", "dask.dataframe") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


@cache
def schema(table: str):
    """Return the pandera schema of a table (built once)."""
    with _without_dask():
        return contract(table).to_schema()


def meta(table: str) -> dict:
    """Return what the contract says of the table as a whole: direction, required, as_of, sum, step."""
    return dict(contract(table).Config.metadata)


def explained(names: Sequence[str], currency: str) -> pd.DataFrame:
    """Return for those who read a plan elsewhere: table, column, unit and what it holds.

    Parameters
    ----------
    names : sequence of str
        Tables.
    currency : str
        What money is in; units are in the unit of measure of the product.
    """
    rows = [(name, column, spec["unit"], spec["description"]) for name in names for column, spec in columns(name).items()]
    out = pd.DataFrame(rows, columns=["table", "column", "unit", "meaning"])
    said = {"currency": currency, "month": "month, as 2026-10", "date": "day, as 2026-10-08", "share": "share of 1", "": "text"}
    return out.assign(unit=out["unit"].map(lambda unit: said.get(unit, unit)))[["table", "column", "unit", "meaning"]]


@lru_cache(maxsize=1)
def days() -> frozenset[str]:
    """Return the names of columns that hold a day in some contract and a month in none, such as deadline: a day on the first is no month."""
    kinds: dict[str, set[str]] = {}
    for table in TABLES:
        for name, spec in columns(table).items():
            kinds.setdefault(name, set()).add(spec.get("kind", ""))
    return frozenset(name for name, found in kinds.items() if found == {"day"})


def columns(table: str) -> dict[str, dict]:
    """Return, for each column in order, its ``kind``, ``unit``, ``ref``, ``optional`` and ``description``."""
    return {name: {**(column.metadata or {}), "description": column.description} for name, column in schema(table).columns.items()}
