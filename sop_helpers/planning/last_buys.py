"""Phase-outs: how much to get for the last time, so that neither customers nor shelves are left over."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import whole_months

COLUMNS = [
    "product", "end_month", "last_release_month", "remaining_units", "safety_units", "stock_units", "on_order_units", "to_get_units", "last_buy_units", "note",
]


def last_buys(
    plan: pd.DataFrame, products: pd.DataFrame, inventory: pd.DataFrame, receipts: pd.DataFrame, operations: pd.DataFrame, errors: pd.DataFrame,
    month: pd.Timestamp,
) -> pd.DataFrame:
    """Size the last buy of every product that ends inside the plan.

    To get: demand to the last month of sale, with the safety that the newsvendor holds at its critical ratio, less stock and open orders. A unit too few costs
    its margin, a unit too many its cost, as nobody wants it afterwards: the ratio is margin over price, and a product of thin margin plans to run out early
    (Silver, Pyke & Thomas 2017, ch. 9 and 10). The last buy is released in the last month from which it still arrives, or in which the supplier takes orders,
    and holds what is needed from its arrival on, or all that is to get where that is less.

    Parameters
    ----------
    plan : DataFrame
        month, product, region, units.
    products : DataFrame
        product, unit_price, unit_cost, end_month.
    inventory : DataFrame
        month, item, location, on_hand; may be empty.
    receipts : DataFrame
        item, due_month, units; may be empty. Transfers move what is there and do not count.
    operations : DataFrame
        kind, item, lead_time_months, last_month, lot_min, lot_multiple; may be empty.
    errors : DataFrame
        product, region, months, sd_units: error of the first months together; regions err independently.
    month : Timestamp
        First month planned.

    Returns
    -------
    DataFrame
        As the contract ``last_buys``.
    """
    ending = products[products["end_month"].between(month, plan["month"].max())] if "end_month" in products and len(plan) else products.iloc[:0]
    stock = inventory[inventory["month"] == inventory["month"].max()].groupby("item")["on_hand"].sum() if len(inventory) else pd.Series(dtype=float)
    stock = stock.clip(lower=0.0)
    coming = receipts[receipts["kind"] != "transfer"] if len(receipts) else receipts
    rows = []
    for one in ending.sort_values(["end_month", "product"]).itertuples():  # a handful of phase-outs
        mine = plan[(plan["product"] == one.product) & (plan["month"] <= one.end_month)].groupby("month")["units"].sum()
        ways = operations[(operations["item"] == one.product) & operations["kind"].isin(["make", "buy"])] if len(operations) else operations
        if len(ways) and (open_ways := ways[ways["last_month"].isna() | (ways["last_month"] >= month)]).size:
            ways = open_ways  # a way that has ended gets nothing any more, however quick it was
        lead = int(whole_months(ways["lead_time_months"].min())) if len(ways) else 0
        release = one.end_month - pd.DateOffset(months=lead)
        if len(ways) and ways["last_month"].notna().all():
            release = min(release, ways["last_month"].max())
        late = release < month
        release = max(release, month)
        remaining, safety = float(mine.sum()), _safety(one, errors, len(mine))
        on_hand, on_order = float(stock.get(one.product, 0.0)), 0.0
        if len(coming):  # what comes after the end of sale covers nothing
            on_order = float(coming.loc[(coming["item"] == one.product) & ~(coming["due_month"] > one.end_month), "units"].sum())
        get = max(remaining + safety - on_hand - on_order, 0.0)
        arrives = release + pd.DateOffset(months=lead)
        last = min(get, max(float(mine[mine.index >= arrives].sum()) + safety, 0.0)) if not late else 0.0
        lots = ways["lot_multiple"].dropna().min() if len(ways) else np.nan
        least = ways["lot_min"].dropna().min() if len(ways) and "lot_min" in ways else np.nan
        last = max(last, least) if last > 0 and least == least else last
        last = (np.ceil(last / lots - 1e-9) * lots if lots == lots else np.ceil(last - 1e-9)) + 0.0
        note = "too late to order: what is there must do" if late and get > 0 else "stock and open orders cover the rest" if get == 0 else ""
        rows.append((one.product, one.end_month, release, remaining, safety, on_hand, on_order, get, float(last), note))
    out = pd.DataFrame(rows, columns=COLUMNS)
    return out.astype({"end_month": "datetime64[us]", "last_release_month": "datetime64[us]"} | dict.fromkeys(COLUMNS[3:9], "float64"))


def _safety(one: tuple, errors: pd.DataFrame, months: int) -> float:
    """Units beyond the plan that the newsvendor holds: below zero where margin is less than half of the price."""
    from scipy.stats import norm

    mine = errors[errors["product"] == one.product] if len(errors) else errors
    if mine.empty or not one.unit_price > one.unit_cost > 0 or not months:
        return 0.0
    far = mine[mine["months"] == min(months, mine["months"].max())]
    # Beyond the months measured, errors grow as the root of their number.
    sd = float(np.sqrt((far["sd_units"] ** 2).sum()) * np.sqrt(max(months / far["months"].iloc[0], 1.0)))
    return float(norm.ppf((one.unit_price - one.unit_cost) / one.unit_price) * sd)
