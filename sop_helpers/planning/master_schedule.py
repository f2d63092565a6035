"""The master schedule of what is planned in lots: forecast, booked orders, receipts, what they leave, and what can be promised of each receipt."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.sop_grids import AT
from sop_helpers.planning.supply_orders import promised

KEY = [*AT, "month"]
ROWS = {
    "forecast_units": "Forecast", "ordered_units": "Booked orders", "used_units": "Moved out or built in", "projected_units": "Projected on hand",
    "mps_units": "MPS, receipts", "atp_units": "Available to promise",
}  # fmt: skip


def master_schedule(
    promise: pd.DataFrame, projection: pd.DataFrame, served: pd.DataFrame, operations: pd.DataFrame, products: pd.DataFrame, ship_from: pd.DataFrame
) -> pd.DataFrame:
    """Return the master schedule by item, location and month, as the contract master_schedule.

    Projected on hand takes the larger of forecast and booked orders in each month. It never lies above the plan's closing stock: the plan lets orders consume
    forecast of the months beside theirs, and ships no more than it has. What each receipt leaves to promise stands in its month, in the first one with the
    stock at hand; what a later receipt lacks for its own orders is kept back from earlier ones (see `sop_grids.available_to_promise`).

    Parameters
    ----------
    promise, projection, served, operations, products : DataFrame
        As the contracts atp, stock_projection, constrained_demand, operations and products. The places of atp whose operations have a minimum or a multiple
        are scheduled; what is made to order at a promised lead time has its backlog in sop_grid instead.
    ship_from : DataFrame
        product, region, location, as `sop_grids.shipping_places` gives it.

    References
    ----------
    Stevenson, Operations Management, master scheduling; APICS Dictionary, "discrete available-to-promise".
    """
    lots = operations.loc[(operations["lot_min"] > 0) | (operations["lot_multiple"] > 0), AT].drop_duplicates()
    lots = lots[~lots["item"].isin(promised(products).index)]
    asked = served.merge(ship_from, on=["product", "region"]).rename(columns={"product": "item"})
    asked = asked.groupby(KEY)[["demand_units", "opening_backlog_units"]].sum().reset_index()
    received = projection[KEY].assign(mps_units=projection["planned_receipts"] + projection["open_receipts"])
    out = promise.merge(lots, on=AT).merge(asked, on=KEY, how="left").merge(received, on=KEY, how="left").sort_values(KEY, ignore_index=True)
    out = out.fillna({"demand_units": 0.0, "opening_backlog_units": 0.0, "mps_units": 0.0})
    first = out["month"] == out["month"].min()
    # Overdue orders are owed beside the demand of the month; the orders of the first month hold them.
    owed = out["opening_backlog_units"].where(first, 0.0)
    need = out["demand_units"].clip(lower=out["ordered_units"] - owed) + owed
    left = (out["supply_units"] - out["used_units"] - need).groupby([out[name] for name in AT]).cumsum()
    out = out.assign(forecast_units=out["demand_units"], projected_units=left.round(6), atp_units=out["atp_units"].where(first | (out["mps_units"] > 0)))
    return out[["month", *AT, *ROWS]]


def largest_schedules(schedule: pd.DataFrame, products: pd.DataFrame, most: int) -> list[tuple[str, str]]:
    """Return item and location of the schedules whose forecast is worth most at the selling price."""
    price = products.drop_duplicates("product").set_index("product")["unit_price"]
    worth = (schedule["forecast_units"] * schedule["item"].map(price).astype(float)).groupby([schedule[name] for name in AT]).sum()
    return worth.sort_values(ascending=False, kind="stable").head(most).index.tolist()


def schedule_table(schedule: pd.DataFrame, item: str, location: str, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one item's schedule with its months across: what is measured, then one column per month; nothing moved out or built in needs no row."""
    wide = schedule[(schedule["item"] == item) & (schedule["location"] == location)].set_index("month").reindex(months)[list(ROWS)].T
    if not (wide.loc["used_units"] > 0.5).any():
        wide = wide.drop(index="used_units")
    wide = wide.rename(index=ROWS).set_axis([f"{m:%Y-%m}" for m in months], axis=1)
    return wide.rename_axis("units").reset_index()
