"""The join of sales and supply: what is wanted, what there are sellers for, what supply can serve of it, and who is hit when it cannot.

    wanted  ->  sold = min(wanted, unaided share of it + capacity of the sellers)  ->  supply plan of what is sold  ->  sellable

Months stand for themselves: sellers with time left in March do not sell what April wants.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import no_rows

Matrix = NDArray[np.float64]

SELLABLE = [
    "month", "region", "demand_revenue", "unaided_revenue", "seller_capacity", "sold_revenue", "owed_revenue", "supply_revenue", "lost_revenue",
    "sellable_revenue", "not_due_revenue", "limited_by",
]  # fmt: skip
LEAST = 0.5  # money and units below this are rounding


def unaided_share(booked: pd.DataFrame, reps: pd.DataFrame, sales: pd.DataFrame, months: int = 12) -> pd.Series:
    """Return by region the share of sales that came without a seller: sales less credited bookings, over sales, never below 0.

    What reps without a region bring (managers, key accounts) counts as come without a seller of the region: their capacity limits no region either.

    Parameters
    ----------
    booked : DataFrame
        month, rep, bookings (blank ahead).
    reps : DataFrame
        rep, region.
    sales : DataFrame
        month, region, revenue.
    months : int
        Last months with bookings that count.
    """
    known = booked.dropna(subset="bookings")
    if known.empty or sales.empty:
        return pd.Series(dtype=float)
    last = known["month"].drop_duplicates().nlargest(months)
    home = reps.drop_duplicates("rep").set_index("rep")["region"]
    brought = known[known["month"].isin(last)].assign(region=known["rep"].map(home)).groupby("region")["bookings"].sum()
    sold = sales[sales["month"].isin(last)].groupby("region")["revenue"].sum()
    # A region whose reps have brought nothing yet sold all of it without them.
    return (1 - brought.reindex(sold.index).fillna(0.0) / sold.where(sold > 0)).clip(0, 1).dropna()


def sellers_limit(demand: pd.DataFrame, capacity: pd.DataFrame, unaided: pd.Series | float = 0.0) -> pd.DataFrame:
    """Return by month and region what is wanted and how much of it there are sellers for.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, revenue; optionally promoted: the part of it that a promotion brings and that needs no seller.
    capacity : DataFrame
        month, region, capacity: bookings that the sellers can bring; several rows add up. A region without any row has no limit; a month without one has
        no sellers.
    unaided : Series or float
        Share of demand that comes without a seller, by region or for all.

    Returns
    -------
    DataFrame
        month, region, demand_revenue, unaided_revenue (comes without a seller), seller_capacity (n/a without limit), sold_revenue, share (sold over wanted,
        at most 1), credited_share (share of what is sold that sellers bring; the rest comes by itself or by a promotion).
    """
    out = demand.groupby(["month", "region"], as_index=False)["revenue"].sum().rename(columns={"revenue": "demand_revenue"})
    able = capacity.groupby(["month", "region"])["capacity"].sum()
    found = able.reindex(pd.MultiIndex.from_frame(out[["month", "region"]])).to_numpy(dtype=float)
    out["seller_capacity"] = np.where(out["region"].isin(capacity["region"]), np.nan_to_num(found), np.nan)
    alone = out["region"].map(unaided).astype(float).fillna(0.0) if isinstance(unaided, pd.Series) else unaided
    extra = demand.groupby(["month", "region"])["promoted"].sum().to_numpy(dtype=float) if "promoted" in demand else 0.0
    freely = (out["demand_revenue"] - extra) * alone + extra
    out["unaided_revenue"] = freely
    out["sold_revenue"] = np.fmin(out["demand_revenue"], freely + out["seller_capacity"])
    sold = out["sold_revenue"].where(out["sold_revenue"] > 0)
    out["credited_share"] = ((sold - freely) / sold).clip(0.0, 1.0).fillna(0.0)
    out["share"] = np.where(out["demand_revenue"] > 0, out["sold_revenue"] / out["demand_revenue"].where(out["demand_revenue"] > 0), 1.0)
    return out


def bookings_demand(demand: pd.DataFrame, bookings: pd.DataFrame, products: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return the demand plan with the part of it that comes from the pipeline at a multiple: bookings of a family become units of its products.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units, revenue.
    bookings : DataFrame
        month, family, region, bookings (money): what the pipeline is expected to bring, at most the plan of that family counts.
    products : DataFrame
        product, family.
    factor : float
        Win rates as a multiple of those expected; units follow the mix of products in the plan.
    """
    key = ["month", "family", "region"]
    rows = demand.assign(family=demand["product"].map(products.set_index("product")["family"]))
    planned = rows.groupby(key)["revenue"].transform("sum").to_numpy(dtype=float)
    brought = bookings.groupby(key)["bookings"].sum().reindex(pd.MultiIndex.from_frame(rows[key])).fillna(0.0).to_numpy(dtype=float)
    share = np.divide(np.minimum(brought, planned), planned, out=np.zeros(len(rows)), where=planned > 0)
    change = 1 + share * (factor - 1)
    return demand.assign(units=demand["units"] * change, revenue=demand["revenue"] * change)


def allocate(
    demand: Matrix, backlog: Matrix, shipped: Matrix, lost: Matrix, pool: NDArray[np.int64], weight: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Share what each pool of stock ships among those it serves: the highest priority first, equal priorities in proportion to what they want.

    Parameters
    ----------
    demand : ndarray (d, t)
        Units wanted by series and month.
    backlog : ndarray (d,)
        Units owed at the start.
    shipped, lost : ndarray (d, t)
        Of a supply plan; their sums by pool and month are kept.
    pool : ndarray of int (d,)
        Which pool serves the series.
    weight : ndarray (d,)
        Priority of the series; the higher comes first.

    Returns
    -------
    shipped, lost, owed : ndarray (d, t)
        Owed at the end of the month. What is lost is lost by those who wait, in proportion.
    """
    pools = int(pool.max(initial=-1)) + 1

    def total(values: Matrix, rows: NDArray[np.bool_] | slice = slice(None)) -> Matrix:
        return np.bincount(pool[rows], weights=values[rows], minlength=pools)

    tiers = [weight == level for level in np.unique(weight)[::-1]]
    ship, gone, owed = np.zeros(demand.shape), np.zeros(demand.shape), np.zeros(demand.shape)
    waiting = np.asarray(backlog, dtype=float)
    for t in range(demand.shape[1]):
        wanted = waiting + demand[:, t]
        left = total(shipped[:, t])
        for tier in tiers:
            asked = total(wanted, tier)
            part = np.divide(np.minimum(left, asked), asked, out=np.zeros(pools), where=asked > 0)
            ship[tier, t] = wanted[tier] * part[pool[tier]]
            left = left - np.minimum(left, asked)
        rest = wanted - ship[:, t]
        still = total(rest)
        part = np.divide(np.minimum(total(lost[:, t]), still), still, out=np.zeros(pools), where=still > 0)
        gone[:, t] = rest * part[pool]
        waiting = owed[:, t] = np.maximum(rest - gone[:, t], 0.0)
    return ship, gone, owed


def sellable_revenue(limit: pd.DataFrame, served: pd.DataFrame, supply_revenue: pd.DataFrame) -> pd.DataFrame:
    """Return by month and region what can be sold and served, and what limits it.

    Parameters
    ----------
    limit : DataFrame
        From `sellers_limit`.
    served : DataFrame
        month, region, owed_revenue (at the start of the month), lost_revenue, sellable_revenue, short_revenue (lost in the month or late at its end),
        not_due_revenue (at the end of the month).
    supply_revenue : DataFrame
        month, region, supply_revenue: what supply could serve of all that is wanted.

    Returns
    -------
    DataFrame
        As the contract, without scenario. limited_by is sellers, supply, both or nothing.
    """
    key = ["month", "region"]
    out = limit.merge(served, on=key, how="outer").merge(supply_revenue, on=key, how="outer").sort_values(key, kind="stable", ignore_index=True)
    out = out.fillna(dict.fromkeys([c for c in out.columns if c not in [*key, "seller_capacity"]], 0.0))
    sellers = out["demand_revenue"] - out["sold_revenue"] > LEAST
    supply = out["short_revenue"] > LEAST
    out["limited_by"] = np.select([sellers & supply, sellers, supply], ["both", "sellers", "supply"], "nothing")
    return out[SELLABLE]


def revenue_steps(table: pd.DataFrame) -> pd.Series:
    """Return the bridge from what is wanted to what can be sold: wanted, owed from before, no seller, no supply, sellable; the steps add up.

    `table` as the contract sellable_revenue, one scenario. What is past due at the end counts as not supplied; what is ordered and not due yet is a
    step of its own, where there is any.
    """
    first = table[table["month"] == table["month"].min()]
    wanted, owed, sold, sellable = (
        float(v) for v in (table["demand_revenue"].sum(), first["owed_revenue"].sum(), table["sold_revenue"].sum(), table["sellable_revenue"].sum())
    )
    last = table.loc[table["month"] == table["month"].max(), "not_due_revenue"].sum() if "not_due_revenue" in table else 0.0
    steps = {"wanted": wanted, "owed from before": owed, "no seller": sold - wanted} | ({"not due yet": -float(last)} if last > LEAST else {})
    return pd.Series(steps | {"no supply": sellable - sold - owed + float(last), "sellable": sellable})


def quota_at_risk(
    quotas: pd.DataFrame, reps: pd.DataFrame, deals: pd.DataFrame, shortages: pd.DataFrame, demand: pd.DataFrame, products: pd.DataFrame
) -> pd.DataFrame:
    """Return the quota of each rep that hangs on goods which are late or never come.

    A family's shortage in a region, as a share of what is wanted there in that month, hits each rep by the family's share of the rep's own deals
    (open, or won in the year before); a rep without any sells the region's mix.

    Parameters
    ----------
    quotas : DataFrame
        month, rep, quota: the months ahead.
    reps : DataFrame
        rep, name, region.
    deals : DataFrame
        rep, family, amount, outcome; may be empty.
    shortages : DataFrame
        month, product, region, money: wanted in the month and not shipped in it.
    demand : DataFrame
        month, product, region, revenue.
    products : DataFrame
        product, family.

    Returns
    -------
    DataFrame
        rep, name, region, quota, at_risk, share, family (that costs most), product (of that family and region that is shortest), first_month; the biggest
        risk first. Reps whose quota nothing threatens are left out.
    """
    family = products.set_index("product")["family"]
    key = ["month", "region", "family"]
    wanted = demand.assign(family=demand["product"].map(family)).groupby(key)["revenue"].sum()
    short = shortages.assign(family=shortages["product"].map(family))
    rate = (short.groupby(key)["money"].sum() / wanted).replace(np.inf, np.nan).clip(upper=1).dropna().rename("rate").reset_index()
    home = reps.drop_duplicates("rep")[["rep", "name", "region"]]
    own = deals[deals["outcome"] != "lost"].groupby(["rep", "family"], as_index=False)["amount"].sum() if len(deals) else pd.DataFrame()
    usual = wanted.groupby(["region", "family"]).sum().rename("amount").reset_index().merge(home[["rep", "region"]], on="region")
    if len(own):
        usual = usual[~usual["rep"].isin(own.loc[own["amount"] > 0, "rep"])]
    mix = pd.concat([own, usual[["rep", "family", "amount"]]], ignore_index=True)
    mix["mix"] = mix["amount"] / mix.groupby("rep")["amount"].transform("sum")
    rows = quotas.merge(home, on="rep").merge(mix[["rep", "family", "mix"]], on="rep").merge(rate, on=key)
    rows["at_risk"] = rows["quota"] * rows["mix"] * rows["rate"]
    rows = rows[rows["at_risk"] > 0]
    columns = ["rep", "name", "region", "quota", "at_risk", "share", "family", "product", "first_month"]
    if rows.empty:
        return no_rows(columns, ["rep", "name", "region", "family", "product"], ["first_month"])
    out = rows.groupby("rep").agg(name=("name", "first"), region=("region", "first"), at_risk=("at_risk", "sum"), first_month=("month", "min")).reset_index()
    worst = rows.groupby(["rep", "family"], as_index=False)["at_risk"].sum().sort_values("at_risk", ascending=False, kind="stable").drop_duplicates("rep")
    out["family"] = out["rep"].map(worst.set_index("rep")["family"])
    shortest = short.groupby(["region", "family", "product"], as_index=False)["money"].sum().sort_values("money", ascending=False, kind="stable")
    out = out.merge(shortest.drop_duplicates(["region", "family"])[["region", "family", "product"]], on=["region", "family"], how="left")
    out["quota"] = out["rep"].map(quotas.groupby("rep")["quota"].sum())
    out["share"] = out["at_risk"] / out["quota"].where(out["quota"] > 0)
    return out.sort_values(["at_risk", "rep"], ascending=[False, True], kind="stable", ignore_index=True)[columns]


def idle_capacity(capacity_load: pd.DataFrame, hours: pd.DataFrame, demand: pd.DataFrame, products: pd.DataFrame, least: float = 0.05) -> pd.DataFrame:
    """Return the regular hours that nothing is planned for, and the family whose campaign would earn most with them.

    A family takes the hours of its plan's mix on every resource; the resource of its own that is tightest in the month limits it. Materials and customers
    have to be found.

    Parameters
    ----------
    capacity_load : DataFrame
        month, resource, available_hours, planned_hours.
    hours : DataFrame
        Hours of one unit by product and resource, from `desk.hours_per_unit`.
    demand : DataFrame
        month, product, region, units, revenue: its mix over the horizon counts.
    products : DataFrame
        product, family, unit_cost.
    least : float
        Share of the available hours that has to be idle.

    Returns
    -------
    DataFrame
        month, resource, idle_hours, family, units, revenue, margin.
    """
    columns = ["month", "resource", "idle_hours", "family", "units", "revenue", "margin"]
    known = products.set_index("product")
    made = demand[demand["product"].isin(hours.index)] if len(hours) else demand.iloc[:0]
    made = made.assign(family=made["product"].map(known["family"]), cost=made["units"] * made["product"].map(known["unit_cost"]).astype(float))
    per = made.groupby("family")[["units", "revenue", "cost"]].sum()
    per = per[per["units"] > 0]
    free = (capacity_load["available_hours"] - capacity_load["planned_hours"]).clip(lower=0.0)
    load = capacity_load.assign(idle_hours=free)[lambda f: f["idle_hours"] > least * f["available_hours"]]
    if per.empty or load.empty:
        return no_rows(columns, ["resource", "family"])
    spent = hours.loc[made["product"]].mul(made["units"].to_numpy(), axis=0).groupby(made["family"].to_numpy()).sum().loc[per.index]
    each = spent.div(per["units"], axis=0)
    idle = capacity_load.assign(idle_hours=free).pivot(index="month", columns="resource", values="idle_hours").reindex(columns=each.columns)
    # Units of each family that the hours left allow, month by month: the tightest of the resources that it takes.
    room = pd.DataFrame({f: (idle / each.loc[f].where(each.loc[f] > 0)).min(axis=1, skipna=True) for f in each.index}).fillna(0.0)
    able = room.rename_axis("month").reset_index().melt("month", var_name="family", value_name="units")
    rows = load[["month", "resource", "idle_hours"]].merge(able, on="month")
    takes = each.rename_axis("family").reset_index().melt("family", var_name="resource", value_name="takes")
    rows = rows.merge(takes[takes["takes"] > 0], on=["resource", "family"])
    rows["revenue"] = rows["units"] * rows["family"].map(per["revenue"] / per["units"])
    rows["margin"] = rows["revenue"] - rows["units"] * rows["family"].map(per["cost"] / per["units"])
    rows = rows[rows["margin"] > 0].sort_values(["month", "resource", "margin"], ascending=[True, True, False], kind="stable")
    return rows.drop_duplicates(["month", "resource"]).reset_index(drop=True)[columns]


def by_region(table: pd.DataFrame) -> pd.DataFrame:
    """Return what is wanted, comes unaided, is sold and sellable by region over the horizon, and in how many months sellers and supply limit it.

    `table` as the contract sellable_revenue, one scenario. Capacity is n/a where nothing limits.
    """
    marked = table.assign(
        months_sellers=table["limited_by"].isin(["sellers", "both"]).astype(float), months_supply=table["limited_by"].isin(["supply", "both"]).astype(float)
    )
    sums = {"demand_revenue": "wanted", "unaided_revenue": "unaided", "sold_revenue": "sold", "sellable_revenue": "sellable"}
    out = marked.groupby("region").agg(**{new: (old, "sum") for old, new in sums.items()}, months_sellers=("months_sellers", "sum"),
                                       months_supply=("months_supply", "sum"))  # fmt: skip
    out.insert(2, "capacity", marked.groupby("region")["seller_capacity"].sum(min_count=1))
    return out.reset_index()
