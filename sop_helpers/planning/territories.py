"""Balance of territories in potential and workload."""

from __future__ import annotations

import numpy as np
import pandas as pd

PLAN_COLUMNS = ["territory", "region", "accounts", "potential", "workload", "potential_index", "workload_index", "balanced"]


def territory_plan(accounts: pd.DataFrame, tolerance: float = 0.15) -> pd.DataFrame:
    """Return accounts, potential and workload of each territory as multiples of the mean of its region.

    Parameters
    ----------
    accounts : DataFrame
        account, territory, region, potential, workload. Accounts without a territory are left out; see `unassigned`.
    tolerance : float
        Territories whose indices both lie within this of 1 are balanced; a measure that nobody states is not judged. Territories without region are
        compared with each other, and the only territory of a region has nothing to be compared with: its index is 1.

    Returns
    -------
    DataFrame
        As the contract territory_plan; indices are n/a where the measure is 0 everywhere in the region. Empty without territories.
    """
    held = accounts[accounts["territory"].notna()]
    if held.empty:
        return pd.DataFrame(columns=PLAN_COLUMNS)
    groups = held.groupby("territory", sort=True)
    table = pd.DataFrame({"region": groups["region"].agg(most_common), "accounts": groups.size().astype(float)})
    for measure in ("potential", "workload"):
        table[measure] = groups[measure].sum()
        mean = table.groupby("region", dropna=False)[measure].transform("mean")
        table[f"{measure}_index"] = table[measure] / mean.where(mean > 0)
    table["balanced"] = within(table["potential_index"], tolerance) & within(table["workload_index"], tolerance)
    return table.reset_index()[PLAN_COLUMNS]


def most_common(names: pd.Series) -> str | None:
    """Return the name that most rows bear, the first in the alphabet among equals; none where none is stated."""
    usual = names.mode()
    return usual.iloc[0] if len(usual) else None


def within(index: pd.Series, tolerance: float) -> pd.Series:
    """Return whether each index lies within `tolerance` of 1, rounding noise forgiven; n/a does not speak against balance."""
    return index.isna() | ((index - 1).abs() <= tolerance + 1e-9)


def balance(plan: pd.DataFrame) -> float:
    """Return the share of territories that are balanced; n/a without territories or where nothing was measured."""
    measured = plan[plan[["potential_index", "workload_index"]].notna().any(axis=1)]
    return float(measured["balanced"].astype(bool).mean()) if len(measured) else np.nan


def unassigned(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts that belong to no territory, biggest potential first."""
    return accounts[accounts["territory"].isna()].sort_values("potential", ascending=False, kind="stable").reset_index(drop=True)
