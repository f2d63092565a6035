"""The supply plan as those who carry it out need it: by line, by route, by supplier with its cash, and by what matters most in money."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import used_units
from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.supply_network import NOT_NAMED, good_share

AT = ["item", "location"]


def production_by_line(plan: pd.DataFrame, loads: pd.DataFrame, operations: pd.DataFrame) -> pd.DataFrame:
    """Return what each line makes by month of start, and the hours it takes, as the contract production_plan.

    Parameters
    ----------
    plan, loads, operations : DataFrame
        As the contracts supply_plan, loads and operations; what loads no resource stands in none. Hours go to what is started, the yield's losses included.
    """
    made = plan[plan["kind"] == "make"].merge(loads, on="operation")
    good = made["operation"].map(pd.Series(good_share(operations), operations["operation"])).astype(float)
    made = made.assign(month=made["release_month"], hours=made["units"] * made["hours_per_unit"] / good)
    return made.groupby(["month", "resource", *AT], as_index=False)[["units", "hours"]].sum()


def transfers(plan: pd.DataFrame, operations: pd.DataFrame) -> pd.DataFrame:
    """Return what moves from where to where, as the contract transfer_plan.

    Parameters
    ----------
    plan, operations : DataFrame
        As the contracts supply_plan and operations.
    """
    moved = plan[plan["kind"] == "move"].merge(operations[["operation", "from_location"]], on="operation", how="left")
    return moved.groupby(["release_month", "month", "from_location", "location", "item"], as_index=False, dropna=False)[["units", "cost"]].sum()


def purchase_cash(
    purchases: pd.DataFrame,
    receipts: pd.DataFrame,
    operations: pd.DataFrame,
    products: pd.DataFrame,
    first: pd.Timestamp,
    payment_days: float = 0.0,
    payables: float = 0.0,
) -> pd.DataFrame:
    """Return what is ordered, received and paid by supplier and month, as the contract purchase_cash.

    Open purchase orders count at the price of the operation that buys the item there from that supplier, else at which it is bought at all, else at
    the standard cost; overdue ones arrive in the first month. Payment follows the month of arrival after `payment_days`; what falls between two
    months is split between them. Open invoices are paid evenly over the same time, under the supplier ``open invoices``.

    Parameters
    ----------
    purchases, receipts, operations, products : DataFrame
        As the contracts purchase_plan, receipts, operations and products.
    first : Timestamp
        First month planned.
    payment_days : float
        Days from arrival to payment.
    payables : float
        What is owed to suppliers when the first month begins.

    Raises
    ------
    ValueError
        The terms of payment, or what is owed, are below zero.
    """
    if not 0 <= payment_days < np.inf:
        raise ValueError(f"suppliers are paid after {payment_days:g} days; expected zero or more")
    if not 0 <= payables < np.inf:
        raise ValueError(f"{payables:g} is owed to suppliers; expected zero or more")
    due = receipts[receipts["kind"] == "purchase"]
    due = due.assign(supplier=due["supplier"].astype("object").fillna(NOT_NAMED), due_month=due["due_month"].clip(lower=first))
    due = due.assign(cost=due["units"] * price_of(due, operations, products))
    arriving = pd.concat([f[["supplier", "due_month", "cost"]] for f in (purchases, due) if len(f)] or [purchases[["supplier", "due_month", "cost"]]])
    parts = {
        "ordered": purchases.assign(month=purchases["order_month"]),
        "received": arriving.assign(month=arriving["due_month"]),
        "paid": pd.concat([*_paid(arriving, payment_days / DAYS_PER_MONTH), _owed(payables, payment_days / DAYS_PER_MONTH, first)]),
    }
    sums = {name: frame.groupby(["month", "supplier"])["cost"].sum() for name, frame in parts.items()}
    out = pd.concat(sums, axis=1).fillna(0.0).rename_axis(["month", "supplier"]).reset_index()
    return out.sort_values(["month", "supplier"], ignore_index=True)


def _paid(arriving: pd.DataFrame, lag: float) -> list[pd.DataFrame]:
    """What is paid `lag` months after arrival, split between the two months it lies between."""
    whole, part = int(lag), lag - int(lag)
    shares = {whole: 1 - part} | ({whole + 1: part} if part > 0 else {})
    return [arriving.assign(month=arriving["due_month"] + pd.DateOffset(months=n), cost=arriving["cost"] * share) for n, share in shares.items()]


def _owed(payables: float, lag: float, first: pd.Timestamp) -> pd.DataFrame:
    """Open invoices, paid evenly over `lag` months, at once without terms."""
    at = np.arange(max(int(np.ceil(lag)), 1) if payables > 0 else 0)
    share = (np.minimum(at + 1, lag) - at) / lag if lag > 0 else np.ones(len(at))
    months = pd.date_range(first, periods=len(at), freq="MS", unit="us")
    return pd.DataFrame({"supplier": pd.Series("open invoices", index=range(len(at)), dtype="str"), "month": months, "cost": payables * share})


def price_of(due: pd.DataFrame, operations: pd.DataFrame, products: pd.DataFrame) -> np.ndarray:
    """Return the price of a unit of each open purchase order: of its supplier there, of anybody, standard cost; nothing where nobody knows it.

    Parameters
    ----------
    due, operations, products : DataFrame
        As the contracts receipts, operations and products.
    """
    bought = operations[operations["kind"] == "buy"]
    exact = bought.groupby(["supplier", *AT])["unit_cost"].mean()
    price = exact.reindex(pd.MultiIndex.from_frame(due[["supplier", *AT]])).to_numpy()
    any_price = due["item"].map(bought.groupby("item")["unit_cost"].mean()).astype(float)
    listed = due["item"].map(products.drop_duplicates("product").set_index("product")["unit_cost"]).astype(float)
    return pd.Series(price, index=due.index).fillna(any_price).fillna(listed).fillna(0.0).to_numpy()


def months_across(
    frame: pd.DataFrame, rows: list[str], value: str, months: pd.DatetimeIndex, names: pd.Series | None = None, by: str = "month"
) -> pd.DataFrame:
    """Return a table with months across, largest sums first: the columns `rows`, one column per month, and the sum.

    Parameters
    ----------
    frame : DataFrame
        The month column `by`, the columns of `rows`, and `value`.
    months : DatetimeIndex
        Months to show; others do not count.
    names : Series, optional
        Names of items by their code, shown beside it in a column item.
    by : str
        Column of the months.
    """
    inside = frame[frame[by].isin(months)]
    wide = inside.pivot_table(index=rows, columns=by, values=value, aggfunc="sum", fill_value=0.0).reindex(columns=months, fill_value=0.0)
    wide = wide.set_axis([f"{m:%Y-%m}" for m in months], axis=1).assign(sum=lambda f: f.sum(axis=1))
    out = wide.sort_values("sum", ascending=False, kind="stable").reset_index()
    if names is not None and "item" in out:
        out["item"] = out["item"] + " " + out["item"].map(names).astype("object").fillna("").astype("str")
        out["item"] = out["item"].str.strip()
    return out[out["sum"] > 0].reset_index(drop=True)


def largest_stocks(projection: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return item and location of those whose planned stock is worth most over the horizon."""
    worth = projection.groupby(AT)["value"].sum().sort_values(ascending=False, kind="stable")
    return worth[worth > 0].index[:most].to_frame(index=False)


def stock_bands(projection: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Return planned stock with the band that it should lie in: from the target to the target and a month of mean use.

    A plan that is made once a month brings in up to a month's use at a time; larger lots and building ahead leave the band.

    Parameters
    ----------
    projection, targets : DataFrame
        As the contracts stock_projection and inventory_targets.

    Returns
    -------
    DataFrame
        month, item, location, closing_units, safety_units, target_units, band_top.
    """
    known = targets[["month", *AT, "safety_units"]]
    rows = projection[["month", *AT, "closing_units", "target_units"]].assign(used=used_units(projection)).merge(known, on=["month", *AT], how="left")
    top = rows["target_units"] + rows.groupby(AT)["used"].transform("mean")
    rows = rows.assign(safety_units=rows["safety_units"].fillna(0.0), band_top=top)
    return rows[["month", *AT, "closing_units", "safety_units", "target_units", "band_top"]]


def below_target(projection: pd.DataFrame, targets: pd.DataFrame, products: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return items and places whose planned stock ends a month below target, largest gap in money first.

    Parameters
    ----------
    projection, targets : DataFrame
        As the contracts stock_projection and inventory_targets.
    products : DataFrame
        product, unit_cost.
    months : DatetimeIndex
        Months looked at; of each item the worst one is shown.

    Returns
    -------
    DataFrame
        item, location, month, closing_units, safety_units, target_units, missing_units, money, into_safety (whether safety stock is touched).
    """
    rows = projection[projection["month"].isin(months)].merge(targets[["month", *AT, "safety_units"]], on=["month", *AT], how="left")
    unit = (projection["value"] / projection["closing_units"].where(projection["closing_units"] > 1e-6)).groupby(projection["item"]).median()
    standard = products.drop_duplicates("product").set_index("product")["unit_cost"]
    cost = rows["item"].map(unit).astype(float).fillna(rows["item"].map(standard).astype(float)).fillna(0.0)
    missing = (rows["target_units"] - rows["closing_units"]).clip(lower=0.0)
    rows = rows.assign(missing_units=missing, money=missing * cost, into_safety=rows["closing_units"] < rows["safety_units"].fillna(0.0) - 1e-6)
    worst = rows[missing > 0.01 * rows["target_units"] + 1e-9].sort_values(["money", *AT], ascending=[False, True, True], kind="stable").drop_duplicates(AT)
    return worst[[*AT, "month", "closing_units", "safety_units", "target_units", "missing_units", "money", "into_safety"]].reset_index(drop=True)
