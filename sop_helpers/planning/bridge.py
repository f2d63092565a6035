"""Revenue against budget, split into volume, mix and price that add up exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.quotas import fiscal_year_start

BRIDGE_COLUMNS = ["family", "month", "plan", "volume", "mix", "price", "actual"]
TOTAL = "total"


def revenue_bridge(budget: pd.DataFrame, actual: pd.DataFrame) -> pd.DataFrame:
    """Return the bridge from budgeted to actual revenue for each family and month, and for all families together.

    The finest level that both sides know is family and region. There, with units u, price p, b for budget, a for actual and
    U the total of all units of the month:

    - volume = (U_a / U_b - 1) x u_b p_b: all sold more or less, at the budgeted mix and price;
    - mix = (u_a - u_b U_a / U_b) x p_b: one sold more than the total moved, at the budgeted price;
    - price = (p_a - p_b) x u_a: what is left, so the three add up to actual - budget exactly.

    What was not budgeted has no budgeted price; the family's is used, else its own actual price, so that it shows as mix.

    Parameters
    ----------
    budget : DataFrame
        month, family, region, units, revenue.
    actual : DataFrame
        The same columns; more rows for a key are added up.

    Returns
    -------
    DataFrame
        family (and ``total``), month, plan, volume, mix, price, actual. Months are those that the budget holds and in which something was sold.
    """
    key = ["month", "family", "region"]
    sides = [side.groupby(key)[["units", "revenue"]].sum() for side in (budget, actual)]
    table = sides[0].add_suffix("_b").join(sides[1].add_suffix("_a"), how="outer").fillna(0.0).reset_index()
    months = set(budget["month"]) & set(actual["month"])
    table = table[table["month"].isin(months)]
    if table.empty:
        return pd.DataFrame(columns=BRIDGE_COLUMNS)
    own = table["revenue_b"] / table["units_b"].where(table["units_b"] > 0)
    family = table.groupby(["month", "family"])[["units_b", "revenue_b"]].transform("sum")
    actual_price = table["revenue_a"] / table["units_a"].where(table["units_a"] > 0)
    price = own.fillna(family["revenue_b"] / family["units_b"].where(family["units_b"] > 0)).fillna(actual_price).fillna(0.0)
    # Budgeted revenue without units says nothing of volume or mix: it stays out of both, and all of its gap is in the price effect.
    bare = table["revenue_b"].gt(0) & table["units_b"].le(0)
    totals = table[["month", "units_b", "units_a"]].assign(units_a=table["units_a"].mask(bare, 0.0)).groupby("month")[["units_b", "units_a"]].transform("sum")
    growth = (totals["units_a"] / totals["units_b"].where(totals["units_b"] > 0)).fillna(1.0)
    table["volume"] = (growth - 1) * table["revenue_b"]
    table["mix"] = table["units_a"] * price - growth * table["revenue_b"]
    table["mix"] = table["mix"].mask(bare, 0.0)
    table["volume"] = table["volume"].where(table["units_b"] > 0, 0.0)
    table["price"] = table["revenue_a"] - table["revenue_b"] - table["volume"] - table["mix"]
    table = table.rename(columns={"revenue_b": "plan", "revenue_a": "actual"})
    by_family = table.groupby(["family", "month"], as_index=False)[BRIDGE_COLUMNS[2:]].sum()
    total = by_family.groupby("month", as_index=False)[BRIDGE_COLUMNS[2:]].sum().assign(family=TOTAL)
    return pd.concat([by_family, total], ignore_index=True)[BRIDGE_COLUMNS]


def actual_by_family(sales: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return sales by month, family and region: units and revenue."""
    keyed = sales.assign(family=sales["product"].map(products.drop_duplicates("product").set_index("product")["family"]))
    return keyed.groupby(["month", "family", "region"], as_index=False)[["units", "revenue"]].sum()


def this_year(bridge: pd.DataFrame, last_month: pd.Timestamp, first_month: int = 1) -> pd.DataFrame:
    """Return the rows of the fiscal year of `last_month`, up to it."""
    begin = fiscal_year_start(last_month, first_month)
    return bridge[(bridge["month"] >= begin) & (bridge["month"] <= last_month)]


def add_up(bridge: pd.DataFrame) -> pd.DataFrame:
    """Return the bridge over several months: the effects of the months added up, by family in the order of the gap's size."""
    table = bridge.groupby("family", as_index=False)[BRIDGE_COLUMNS[2:]].sum()
    table["gap"] = table["actual"] - table["plan"]
    table["last"] = table["family"].eq(TOTAL)
    ordered = table.assign(size=table["gap"].abs()).sort_values(["last", "size"], ascending=[True, False], kind="stable")
    return ordered.drop(columns=["last", "size"]).reset_index(drop=True)


def check_bridge(bridge: pd.DataFrame) -> float:
    """Return the largest amount by which plan + volume + mix + price misses actual, as a share of actual; 0 but for rounding."""
    missed = (bridge[["plan", "volume", "mix", "price"]].sum(axis=1) - bridge["actual"]).abs()
    return float((missed / bridge["actual"].abs().clip(lower=1.0)).max()) if len(bridge) else 0.0


def biggest_effect(bridge: pd.DataFrame, family: str = TOTAL) -> tuple[str, float]:
    """Return the name and money of the largest of volume, mix and price of one family over all months given; ("", n/a) without rows."""
    rows = bridge.loc[bridge["family"] == family, ["volume", "mix", "price"]]
    if rows.empty:
        return "", np.nan
    effects = rows.sum()
    name = effects.abs().idxmax()
    return str(name), float(effects[name])
