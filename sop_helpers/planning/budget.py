"""The fiscal year against its budget: what was sold so far, and what is planned for the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd


def budget_by_month(plan: pd.DataFrame, sales: pd.DataFrame, budget: pd.DataFrame, products: pd.DataFrame, fiscal_year_start: int = 1) -> pd.DataFrame:
    """Compare the fiscal year with its budget month by month, in units and money.

    Parameters
    ----------
    plan : DataFrame
        month, product, units, revenue.
    sales : DataFrame
        month, product, units, revenue.
    budget : DataFrame
        month, family, units, revenue.
    products : DataFrame
        product, family.
    fiscal_year_start : int
        First month of the fiscal year.

    Returns
    -------
    DataFrame
        As the contract ``budget_gap``: month, family, part (so far, to go), budget_units, units, gap_units, budget_money, money, gap_money. Only months that
        the budget covers; a family that sells in them without a budget counts with a budget of zero.
    """
    first = plan["month"].min()
    year = pd.date_range(pd.Timestamp(first.year - (first.month < fiscal_year_start), fiscal_year_start, 1), periods=12, freq="MS") if len(plan) else []
    mine, keys = budget[budget["month"].isin(year)], ["month", "family"]
    wanted = mine.groupby(keys)[["units", "revenue"]].sum().set_axis(["budget_units", "budget_money"], axis=1)
    columns = ["month", "product", "units", "revenue"]
    both = pd.concat([sales.loc[sales["month"] < first, columns], plan[columns]])
    both = both[both["month"].isin(mine["month"].unique())]
    got = both.assign(family=both["product"].map(products.set_index("product")["family"])).groupby(keys)[["units", "revenue"]].sum()
    out = wanted.join(got.set_axis(["units", "money"], axis=1), how="outer").fillna(0.0).sort_index().reset_index()
    out["gap_units"], out["gap_money"] = out["units"] - out["budget_units"], out["money"] - out["budget_money"]
    out["part"] = pd.Series(np.where(out["month"] < first, "so far", "to go"), index=out.index, dtype="str")
    return out[[*keys, "part", "budget_units", "units", "gap_units", "budget_money", "money", "gap_money"]]


def gap_to_budget(monthly: pd.DataFrame) -> pd.DataFrame:
    """Add the fiscal year up by family, in money.

    Parameters
    ----------
    monthly : DataFrame
        From `budget_by_month`.

    Returns
    -------
    DataFrame
        family, budget, actual (year to date), budget_to_date, plan (to go), outlook (actual + plan), gap (outlook - budget), gap_to_date, gap_to_go.
    """
    so_far = monthly["part"] == "so far"
    parts = {"budget": monthly["budget_money"], "actual": monthly["money"].where(so_far, 0.0), "budget_to_date": monthly["budget_money"].where(so_far, 0.0),
             "plan": monthly["money"].where(~so_far, 0.0), "outlook": monthly["money"], "gap": monthly["gap_money"],
             "gap_to_date": monthly["gap_money"].where(so_far, 0.0), "gap_to_go": monthly["gap_money"].where(~so_far, 0.0)}
    return monthly[["family"]].assign(**parts).groupby("family", as_index=False).sum()


def year_by_family(monthly: pd.DataFrame) -> pd.DataFrame:
    """Add the fiscal year up by family, so far, still to go and in all, in units and money.

    Parameters
    ----------
    monthly : DataFrame
        From `budget_by_month`.

    Returns
    -------
    DataFrame
        family, part (so far, to go, year), budget_units, units, gap_units, budget_money, money, gap_money; ``all`` stands for all families.
    """
    values = ["budget_units", "units", "gap_units", "budget_money", "money", "gap_money"]
    every = pd.concat([monthly, monthly.assign(part="year")], ignore_index=True)
    every = pd.concat([every, every.assign(family="all")], ignore_index=True)
    out = every.groupby(["family", "part"], as_index=False)[values].sum()  # the parts are in order by name
    return out.sort_values("family", key=lambda names: names == "all", kind="stable", ignore_index=True)
