"""Named stress tests of a supply plan: a line stops for a month, a supplier is two weeks late, demand is higher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.wording import counted

WEEKS_PER_MONTH = 365.25 / 12 / 7


def stress_tests(
    tables: Mapping[str, pd.DataFrame],
    months: pd.DatetimeIndex,
    stops: Sequence[tuple[str, pd.Timestamp]] = (),
    late_suppliers: Sequence[str] = (),
    weeks_late: float = 2.0,
    demand_factor: float = 1.1,
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the tables of the supply plan as they are under each stress test, by its name; the tables given are left as they are.

    Parameters
    ----------
    tables : mapping
        demand and the tables of the supply plan, as the contracts; demand, resources, operations and receipts are changed.
    months : DatetimeIndex
        Months planned.
    stops : sequence of (resource, month)
        The resource has no hours, regular or overtime, in that month.
    late_suppliers : sequence of str
        All that is promised by them comes later, what is on order as well as what the plan orders: a delay of f months moves the share f of what was to
        arrive in a month into the next (see `supply_orders.late_shares`), so two weeks move 46 %. Told as months_late of operations and receipts.
    weeks_late : float
        How late.
    demand_factor : float
        On all demand; 1 leaves this test out.

    Raises
    ------
    ValueError
        A resource, month or supplier is unknown, or a number cannot be planned with.
    """
    if not (np.isfinite(weeks_late) and weeks_late >= 0):
        raise ValueError(f"weeks_late is {weeks_late}; expected a finite number, zero or more")
    if not (np.isfinite(demand_factor) and demand_factor >= 0):
        raise ValueError(f"demand_factor is {demand_factor}; expected a finite number, zero or more")
    out = {f"{resource} stops in {month:%Y-%m}": _stopped(tables, months, resource, month) for resource, month in stops}
    out |= {f"{supplier} {counted(f'{weeks_late:g}', 'weeks')} late": _late(tables, supplier, weeks_late / WEEKS_PER_MONTH) for supplier in late_suppliers}
    if demand_factor != 1:
        demand = tables["demand"]
        more = {c: demand[c] * demand_factor for c in ("units", "revenue") if c in demand}
        out[f"demand {100 * (demand_factor - 1):+.0f} %"] = dict(tables) | {"demand": demand.assign(**more)}
    return out


def _stopped(tables: Mapping[str, pd.DataFrame], months: pd.DatetimeIndex, resource: str, month: pd.Timestamp) -> dict[str, pd.DataFrame]:
    resources = tables["resources"]
    resources = resources.assign(month=resources["month"].astype("datetime64[us]"))  # a column of blanks may have another type
    if resource not in set(resources["resource"]):
        raise ValueError(f"a stress test stops {resource!r}, which is not in resources.resource")
    if month not in months:
        raise ValueError(f"a stress test stops {resource!r} in {month:%Y-%m}; expected a month from {months[0]:%Y-%m} to {months[-1]:%Y-%m}")
    own = resources[resources["resource"] == resource]
    standing = pd.concat([own[own["month"] == month], own[own["month"].isna()], own]).iloc[[0]]
    none = standing.assign(month=month, regular_hours=0.0, overtime_hours=0.0)
    others = resources[(resources["resource"] != resource) | (resources["month"] != month)]
    return dict(tables) | {"resources": pd.concat([others, none], ignore_index=True).astype(resources.dtypes.to_dict())}


def _late(tables: Mapping[str, pd.DataFrame], supplier: str, delay: float) -> dict[str, pd.DataFrame]:
    ops, receipts = tables["operations"], tables["receipts"]
    bought = (ops["kind"] == "buy").to_numpy() & (ops["supplier"] == supplier).fillna(False).to_numpy(dtype=bool)
    if not bought.any():
        raise ValueError(f"a stress test has {supplier!r} late, which is the supplier of no operation that buys")
    theirs = (receipts["supplier"] == supplier).fillna(False).to_numpy(dtype=bool)
    return dict(tables) | {
        "operations": ops.assign(months_late=np.where(bought, delay, 0.0)),
        "receipts": receipts.assign(months_late=np.where(theirs, delay, 0.0)),
    }
