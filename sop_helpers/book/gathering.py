"""Bring in everything that a month needs, or say all that stands in the way."""

from __future__ import annotations

import pandas as pd

from sop_helpers.book import tables
from sop_helpers.book.cycle import Cycle
from sop_helpers.book.errors import DataError


def refuse_red(issues: pd.DataFrame) -> None:
    """Stop the month where findings are red.

    Parameters
    ----------
    issues : DataFrame
        As the contract ``data_issues``.

    Raises
    ------
    DataError
        Names how many there are and the first few.
    """
    red = issues[issues["level"] == "red"]
    if red.empty:
        return
    first = "; ".join(red["message"].head(3))
    more = f"; and {len(red) - 3} more" if len(red) > 3 else ""
    todo = " ".join(dict.fromkeys(red["action"].head(3)))
    raise DataError(f"{len(red)} red finding{'s' if len(red) > 1 else ''} in the inputs: {first}{more}", f"{todo} All of them are in data_issues.")


def gather_all(cycle: Cycle) -> dict[str, pd.DataFrame]:
    """Read every input anew from its source and keep it as the month's snapshot; optional ones that are missing come back empty."""
    return {name: cycle.gather(name) for name in tables.INPUTS}


def closed_tables(cycle: Cycle, table: str, most: int = 12) -> dict[pd.Timestamp, pd.DataFrame]:
    """Return a table of the months closed before this one, by the month they planned first; months that lack it are left out.

    Parameters
    ----------
    cycle : Cycle
        This month.
    table : str
        Name of a table.
    most : int
        How many months to look back.
    """
    earlier = [c for n in range(most, 0, -1) if (c := cycle.previous(n)) and c.has(table)]
    return {c.month: c.read(table) for c in earlier}


def last_kept(cycle: Cycle, *names: str, most: int = 12) -> dict[str, pd.DataFrame]:
    """Return inputs as the last month closed before this one kept them; those that no closed month kept are left out.

    Parameters
    ----------
    cycle : Cycle
        This month.
    *names : str
        Names of inputs.
    most : int
        How many months to look back.
    """
    earlier = [c for n in range(1, most + 1) if (c := cycle.previous(n))]
    found = {name: next((c for c in earlier if c.keeps(name)), None) for name in names}
    return {name: c.read(name) for name, c in found.items() if c is not None}
