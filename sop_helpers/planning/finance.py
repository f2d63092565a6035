"""Value the plan in money by month."""

from __future__ import annotations

import pandas as pd

DEMAND = "demand"
"""What scenarios are compared on first: all units wanted."""


def financials(
    demand: pd.DataFrame,
    constrained_demand: pd.DataFrame,
    stock_projection: pd.DataFrame,
    purchase_plan: pd.DataFrame,
    products: pd.DataFrame,
    overtime_cost: pd.Series,
    months: pd.DatetimeIndex,
    *,
    scenario: str = "base",
    holding_rate: float = 0.2,
) -> pd.DataFrame:
    """Return the plan in money by month, as the contract financials.

    Parameters
    ----------
    demand : DataFrame
        month, product, units, and revenue where the demand plan states it; else the list price counts.
    constrained_demand, stock_projection, purchase_plan, products : DataFrame
        As the contracts.
    overtime_cost : Series
        Money by month.
    months : DatetimeIndex
        Months planned.
    scenario : str
        Name of the rows.
    holding_rate : float
        Cost of holding stock for a year, share of its value.
    """
    of_product = products.set_index("product")
    cost = constrained_demand["product"].map(of_product["unit_cost"]).astype(float).fillna(0.0)
    rows = constrained_demand.assign(cogs=constrained_demand["shipped_units"] * cost)
    money = rows.groupby("month")[["revenue", "cogs"]].sum().reindex(months, fill_value=0.0)
    listed = demand["units"] * demand["product"].map(of_product["unit_price"]).astype(float).fillna(0.0)
    wanted = (demand["revenue"] if "revenue" in demand else listed).groupby(demand["month"]).sum().reindex(months, fill_value=0.0)
    stock = stock_projection.groupby("month")["value"].sum().reindex(months, fill_value=0.0)
    bought = purchase_plan.groupby("due_month")["cost"].sum().reindex(months, fill_value=0.0)
    out = pd.DataFrame(
        {
            "revenue": money["revenue"],
            "unconstrained_revenue": wanted,
            "margin": money["revenue"] - money["cogs"],
            "overtime_cost": overtime_cost.reindex(months, fill_value=0.0),
            "holding_cost": stock.clip(lower=0) * holding_rate / 12,
            "stock_value": stock,
            "purchases": bought,
        }
    )
    out.index.name = "month"
    return out.reset_index().assign(scenario=scenario)[["scenario", "month", *out.columns]]
