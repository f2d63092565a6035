"""Rough-cut capacity for companies without routings: overall factors and bills of capacity."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.supply_network import production_due


def overall_factors(schedule: pd.DataFrame, hours_per_unit: pd.Series, shares: pd.Series) -> pd.DataFrame:
    """Return hours by period and work centre from total hours and each centre's historical share of them.

    Parameters
    ----------
    schedule : DataFrame
        Units of the master schedule: one row per period, one column per product.
    hours_per_unit : Series
        All hours of one unit, by product.
    shares : Series
        Share of the hours by work centre.

    References
    ----------
    Vollmann, Berry, Whybark & Jacobs, Manufacturing Planning and Control: capacity planning using overall factors.
    """
    total = schedule @ hours_per_unit.reindex(schedule.columns)
    return pd.DataFrame({centre: total * share for centre, share in shares.items()}, index=schedule.index)


def bill_of_capacity(schedule: pd.DataFrame, bill: pd.DataFrame) -> pd.DataFrame:
    """Return hours by period and work centre from the hours that one unit takes at each.

    Parameters
    ----------
    schedule : DataFrame
        Units of the master schedule: one row per period, one column per product.
    bill : DataFrame
        Hours of one unit: one row per work centre, one column per product.
    """
    return schedule @ bill.reindex(columns=schedule.columns).T


def to_make(orders: pd.DataFrame, operations: pd.DataFrame, receipts: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """Return what is to be made by month of start, and open production orders in the month they are due: month, item, units.

    What is bought although it could be made loads no work centre; what a company without routings only buys from itself does.

    Parameters
    ----------
    orders, operations, receipts : DataFrame
        As the contracts supply_plan, operations and receipts.
    first : Timestamp
        First month planned.
    """
    makes = operations.loc[operations["kind"] == "make", "item"].unique()
    own = orders[(orders["kind"] == "make") | ((orders["kind"] == "buy") & ~orders["item"].isin(makes))]
    parts = (own.assign(month=own["release_month"]), production_due(receipts, first))
    return pd.concat([part[["month", "item", "units"]] for part in parts], ignore_index=True)


def rough_cut(
    plan: pd.DataFrame, bill: pd.DataFrame, factors: pd.DataFrame, resources: pd.DataFrame, products: pd.DataFrame, months: pd.DatetimeIndex
) -> pd.DataFrame:
    """Return the hours that a plan takes at each work centre, as the contract rough_cut.

    Parameters
    ----------
    plan : DataFrame
        month, item, units to be made.
    bill, factors : DataFrame
        As the contracts bill_of_capacity and capacity_factors. A row of the bill with a work centre holds for that one; without, for all
        together, and is shared out by the factors.
    resources : DataFrame
        As the contract; gives the regular hours of those work centres that it names, blank months standing for all others.
    products : DataFrame
        product, family.
    months : DatetimeIndex
        Months wanted.

    Raises
    ------
    ValueError
        Hours of all work centres together cannot be shared out, the shares do not add up to 1, or a row names neither product nor family.
    """
    each = _by_product(bill, products)
    together, apart = each[each["resource"].isna()], each[each["resource"].notna()]
    if len(together):
        _check_shares(factors)
    units = plan.pivot_table(index="month", columns="item", values="units", aggfunc="sum").reindex(months).fillna(0.0)
    schedule = units.reindex(columns=sorted(each["product"].unique()), fill_value=0.0)
    parts = {}
    if len(together):
        total = together.groupby("product")["hours_per_unit"].sum().reindex(schedule.columns, fill_value=0.0)
        parts["overall factors"] = overall_factors(schedule, total, factors.set_index("resource")["share"])
    if len(apart):
        wide = apart.pivot_table(index="resource", columns="product", values="hours_per_unit", aggfunc="sum")
        parts["bill of capacity"] = bill_of_capacity(schedule, wide.reindex(columns=schedule.columns).fillna(0.0))
    if not parts:
        return pd.DataFrame(columns=["month", "resource", "hours", "available_hours", "load", "method"])
    rows = pd.concat([h.rename_axis("month").rename_axis("resource", axis=1).stack().rename("hours").reset_index().assign(method=m) for m, h in parts.items()])
    out = rows.groupby(["month", "resource"], as_index=False).agg(hours=("hours", "sum"), method=("method", "first"), ways=("method", "size"))
    out["method"] = out["method"].where(out["ways"] == 1, "both")
    standing = resources[resources["month"].isna()].drop_duplicates("resource").set_index("resource")["regular_hours"]
    own = out[["resource", "month"]].merge(resources[["resource", "month", "regular_hours"]], on=["resource", "month"], how="left")["regular_hours"]
    out["available_hours"] = own.astype(float).fillna(out["resource"].map(standing).astype(float))
    out["load"] = out["hours"] / out["available_hours"].where(out["available_hours"] > 0)
    return out[["month", "resource", "hours", "available_hours", "load", "method"]]


def _by_product(bill: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the bill by product: those of a family hold for its products without rows of their own."""
    blank = bill["product"].isna() & bill["family"].isna()
    if blank.any():
        raise ValueError(f"bill_of_capacity row {int(blank.argmax()) + 1} names neither product nor family; expected one of them")
    own = bill[bill["product"].notna()].drop(columns="family")
    shared = bill[bill["product"].isna()].drop(columns="product").merge(products[["product", "family"]], on="family")
    return pd.concat([own, shared.loc[~shared["product"].isin(own["product"]), list(own)]], ignore_index=True)


def _check_shares(factors: pd.DataFrame) -> None:
    if factors.empty:
        raise ValueError("bill_of_capacity.resource is blank for some rows, and there is no table capacity_factors to share their hours out; add either")
    total = float(factors["share"].sum())
    if abs(total - 1) > 1e-6:
        raise ValueError(f"capacity_factors.share adds up to {total:.6g} over {len(factors)} work centres; expected 1")
