"""Findings on limits that orders share: rows that limit nothing, and suppliers that deliver less in a month than one lot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sop_helpers.book.rules.findings import Inputs, Issue, some

MEASURES = ("max_units", "max_value")


def silent(given: Inputs) -> Iterator[Issue]:
    """Whether every row of supplier limits states one."""
    limits = given.get("supplier_limits")
    if limits is None:
        return
    numbers = limits.reindex(columns=MEASURES)
    none = np.flatnonzero(numbers.isna().all(axis=1))
    if len(none):
        named = [f"row {k + 2} ({limits['supplier'].iat[k]})" for k in none]
        yield Issue(
            "amber",
            "blank limits",
            "supplier_limits",
            " + ".join(MEASURES),
            len(none),
            f"{len(none)} rows state neither max_units nor max_value: {some(named)}.",
            "Enter what the supplier delivers at most (0 where it delivers nothing), or take the row away; until then it limits nothing.",
        )


def whole_lot(operations: pd.DataFrame) -> pd.Series:
    """Return the least that one order of each operation brings: its minimum in whole multiples; zero where any quantity may be ordered."""
    least, step = (operations[name].astype(float).fillna(0.0) for name in ("lot_min", "lot_multiple"))
    return np.maximum(np.ceil(least / step.where(step > 0, 1.0) - 1e-9) * step, np.maximum(least, step))


def lots(given: Inputs) -> Iterator[Issue]:
    """Whether what a supplier delivers in its best month holds one lot of each item bought from it."""
    limits, operations = given.get("supplier_limits"), given.get("operations")
    if limits is None or operations is None or "supplier" not in operations:
        return
    buys = operations[(operations["kind"] == "buy") & operations["supplier"].isin(limits["supplier"])]
    lot = whole_lot(buys).to_numpy()
    late = np.floor(buys["lead_time_months"].to_numpy(dtype=float)).astype(int)
    ahead = pd.date_range(given.month, periods=given.horizon_months, freq="MS")
    for column in [name for name in MEASURES if name in limits]:
        stated = limits[["supplier", "month", column]].dropna(subset=column)
        most = np.full(len(buys), np.nan)
        for months in np.unique(late):  # what is ordered now comes no earlier
            most[late == months] = buys["supplier"][late == months].map(_best(stated, column, ahead[months:]))
        takes = lot * (1.0 if column == "max_units" else buys["unit_cost"].to_numpy(dtype=float))
        never = (takes > most * (1 + 1e-9)) & (most > 0)  # a limit of nothing is a supplier that is closed, and no mistake
        if never.any():
            said = "units" if column == "max_units" else given.currency or "money"
            rows = zip(buys["operation"][never], buys["supplier"][never], takes[never], most[never], strict=True)
            yield Issue(
                "amber",
                "lot",
                "supplier_limits",
                column,
                int(never.sum()),
                f"{int(never.sum())} operations have a lot above all that their supplier delivers in any month (in {said}): "
                f"{some(f'{op} ({_short(takes)} against {_short(most)} of {name})' for op, name, takes, most in rows)}.",
                "Mend the limit or the lot, or agree on smaller ones; until then the plan orders nothing of it there.",
            )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _best(stated: pd.DataFrame, column: str, ahead: pd.DatetimeIndex) -> pd.Series:
    """Return the most that each supplier delivers in any of the months ahead; NaN where one of them has no limit."""
    always = stated[stated["month"].isna()].groupby("supplier")[column].max()
    own = stated[stated["month"].isin(ahead)].groupby("supplier")[column].agg(["max", "count"])
    both = pd.concat([always.rename("always"), own], axis=1)
    return both["max"].where(both["count"] == len(ahead), both[["always", "max"]].max(axis=1).where(both["always"].notna()))


LIMIT_RULES = [silent, lots]
