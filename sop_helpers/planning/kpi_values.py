"""Values of the KPIs of demand, service, stock, cash and supply, by month.

Every function returns kpi, month, value, note, leaves out what its inputs do not allow, and never divides by zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sop_helpers.planning.accuracy import accuracy, tracking_signal
from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.supply_network import good_share
from sop_helpers.planning.wording import counted

COLUMNS = ["kpi", "month", "value", "note"]
FEW = 3


def long(kpi: str, values: pd.Series, note: str | pd.Series = "") -> pd.DataFrame:
    """Return a KPI's values, indexed by month, as rows; blanks and infinities are left out."""
    rows = pd.DataFrame({"kpi": kpi, "month": values.index, "value": values.to_numpy(float), "note": note.to_numpy() if isinstance(note, pd.Series) else note})
    return rows[np.isfinite(rows["value"])].reset_index(drop=True)


def gather(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return several lists of KPI values as one."""
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True)[COLUMNS] if full else no_rows(COLUMNS, [c for c in COLUMNS if c != "value"])


def stack(template: pd.DataFrame, closed: Mapping[pd.Timestamp, pd.DataFrame]) -> pd.DataFrame:
    """Return a table of several closed months as one, with the month that made it in ``made``; empty, with the template's columns, without any."""
    if not closed:
        return template.head(0).assign(made=pd.Series(dtype="datetime64[us]"))
    return pd.concat([frame.assign(made=month) for month, frame in closed.items()], ignore_index=True)


def ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Return part / whole, n/a where the whole is not above 0."""
    return part / whole.where(whole > 0)


def days(balance: float, yearly_flow: float) -> float:
    """Return the days that a balance stands for: 365 x average balance / flow of a year (DIO, DSO, DPO); n/a without flow."""
    return 365 * balance / yearly_flow if yearly_flow > 0 else np.nan


def cash_cycle(dio: float, dso: float, dpo: float) -> float:
    """Return the cash conversion cycle in days: DIO + DSO - DPO."""
    return dio + dso - dpo


def trailing_days(balance: pd.Series, flow: pd.Series, window: int = 12) -> pd.DataFrame:
    """Return days of a balance by month, over the trailing months in which both balance and flow are known.

    Parameters
    ----------
    balance, flow : Series
        Month-end balance and flow of the month, indexed by month.
    window : int
        Months looked back; with fewer than 3 there is no value.

    Returns
    -------
    DataFrame
        days, turns, months (that stood behind it), indexed by month.
    """
    both = pd.concat([balance.rename("balance"), flow.rename("flow")], axis=1).dropna()
    if both.empty:
        return pd.DataFrame(columns=["days", "turns", "months"], dtype=float)
    both = both.reindex(pd.date_range(both.index.min(), both.index.max(), freq="MS", unit="us"))
    mean = both.rolling(window, min_periods=FEW).mean()
    yearly = 12 * mean["flow"]
    count = both["flow"].rolling(window, min_periods=1).count()
    return pd.DataFrame({"days": 365 * ratio(mean["balance"], yearly), "turns": ratio(yearly, mean["balance"]), "months": count})


def days_of_cover(stock: float, demand: pd.Series) -> float:
    """Return the days that a stock lasts against the demand of the months that follow.

    Parameters
    ----------
    stock : float
        At the end of a month, in units or at cost.
    demand : Series
        Demand of the following months in the same measure, indexed by month start. Beyond the last of them its mean goes on.

    Returns
    -------
    float
        Days; n/a without demand.
    """
    if demand.empty or demand.mean() <= 0:
        return np.nan
    need, length = demand.to_numpy(float), pd.DatetimeIndex(demand.index).days_in_month.to_numpy(float)
    if stock <= 0:
        return 0.0
    used = np.cumsum(need)
    whole = int(np.searchsorted(used, stock))
    if whole == len(need):
        return float(length.sum() + (stock - used[-1]) / (used[-1] / length.sum()))
    before = used[whole - 1] if whole else 0.0
    return float(length[:whole].sum() + (stock - before) / need[whole] * length[whole])


def forecast_errors(snapshots: pd.DataFrame, sales: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Return the demand plans of closed months beside what was sold: month, product, region, forecast, actual, naive.

    Parameters
    ----------
    snapshots : DataFrame
        made (the month whose cycle made the plan), month, product, region, units.
    sales : DataFrame
        month, product, region, units.
    lag : int
        As in `accuracy.with_lag`: 1 is the cycle's own month, 2 the next.

    Returns
    -------
    DataFrame
        One row for each that was forecast or sold in a month with both; ``naive`` is what was sold 12 months earlier (0 if nothing).
    """
    key = ["month", "product", "region"]
    ahead = months_between(snapshots["month"], snapshots["made"]) + 1
    plan = snapshots[ahead == lag].groupby(key)["units"].sum().rename("forecast")
    sold = sales.groupby(key)["units"].sum()
    months = set(plan.index.get_level_values(0)) & set(sold.index.get_level_values(0))
    table = pd.concat([plan, sold.rename("actual")], axis=1).fillna(0.0).reset_index()
    table = table[table["month"].isin(months)]
    year_ago = sales[key].assign(naive=sales["units"], month=sales["month"] + pd.DateOffset(years=1))
    return table.merge(year_ago.groupby(key, as_index=False)["naive"].sum(), on=key, how="left").fillna({"naive": 0.0})


def lag_to_use(snapshots: pd.DataFrame, last_month: pd.Timestamp, wanted: int) -> int | None:
    """Return the lag at which the last month can be judged: the wanted one, else the longest shorter one with two months, else the longest.

    None where no closed month forecast the last month.
    """
    if snapshots.empty:
        return None
    past = snapshots[snapshots["month"] <= last_month]
    pairs = past[["made", "month"]].drop_duplicates()
    pairs["lag"] = months_between(pairs["month"], pairs["made"]) + 1
    able = set(pairs.loc[pairs["month"] == last_month, "lag"])
    usable = pairs[pairs["lag"].isin(able) & pairs["lag"].between(1, wanted)].groupby("lag").size()
    if usable.empty:
        return None
    if wanted in usable.index:
        return wanted
    several = usable[usable >= 2]
    return int((several if len(several) else usable).index.max())


def demand_values(
    snapshots: pd.DataFrame, sales: pd.DataFrame, backtest: pd.DataFrame, fva: pd.DataFrame, last_month: pd.Timestamp, lag: int = 3
) -> pd.DataFrame:
    """Return WMAPE, forecast accuracy, bias, tracking signal and FVA: from closed months where there are any, else from the backtest.

    Parameters
    ----------
    snapshots, sales : DataFrame
        See `forecast_errors`.
    backtest, fva : DataFrame
        As the contracts accuracy and fva; stand in, at the last month only, where no month was closed.
    last_month : Timestamp
        Last month with actuals.
    lag : int
        Decision lag wanted.
    """
    used = lag_to_use(snapshots, last_month, lag)
    if used is None:
        return _backtest_values(backtest, fva, last_month, lag)
    table = forecast_errors(snapshots, sales[sales["month"] <= last_month], used)
    measured = accuracy(table, by=["month"]).set_index("month")
    naive = accuracy(table.assign(forecast=table["naive"]), by=["month"]).set_index("month")["wmape"]
    naive = naive.where(table.groupby("month")["naive"].sum() > 0)
    totals = table.groupby("month")[["actual", "forecast"]].sum()
    signal = pd.Series(tracking_signal(totals["actual"], totals["forecast"]), index=totals.index)
    note = f"lag {used}, closed months"
    few = "" if len(totals) >= 6 else f"; {counted(len(totals), 'months')} so far, too few to alarm"
    return gather(
        long("WMAPE", measured["wmape"], note), long("forecast accuracy", measured["forecast_accuracy"], note), long("bias", measured["bias"], note),
        long("tracking signal", signal, f"lag {used}, closed months, total{few}"),
        long("FVA", 100 * (naive - measured["wmape"]), f"{note}, against seasonal naive"),
    )


def _backtest_values(backtest: pd.DataFrame, fva: pd.DataFrame, last_month: pd.Timestamp, lag: int) -> pd.DataFrame:
    parts = []
    at = backtest[(backtest["level"] == "product-region") & (backtest["basis"] == "backtest")]
    for stream in ("consensus", "statistical"):
        rows = at[at["stream"] == stream]
        if len(rows):
            # The whole of the level is one row, or one row a member; the nearest lag at hand is taken.
            near = rows["lag"].iloc[(rows["lag"] - lag).abs().argsort(kind="stable")].iloc[0]
            rows = rows[rows["lag"] == near]
            total = rows["actual_units"].sum()
            wmape = rows["abs_error_units"].sum() / total if total > 0 else np.nan
            over = (rows["bias"] * rows["actual_units"]).sum() / total if total > 0 else np.nan
            note = f"{stream} forecast, lag {near:.0f}, backtest"
            values = {"WMAPE": wmape, "forecast accuracy": max(0.0, 1 - wmape), "bias": over}
            parts = [long(kpi, pd.Series([value], index=[last_month]), note) for kpi, value in values.items()]
            break
    steps = fva[(fva["basis"] == "backtest") & fva["wmape"].notna()]
    naive, other = steps[steps["step"] == "seasonal naive"], steps[steps["step"] != "seasonal naive"]
    if len(naive) and len(other):
        gained = 100 * (naive["wmape"].iloc[0] - other["wmape"].iloc[-1])
        parts.append(long("FVA", pd.Series([gained], index=[last_month]), f"{other['step'].iloc[-1]}, backtest, against seasonal naive"))
    return gather(*parts)


def service_values(sales: pd.DataFrame) -> pd.DataFrame:
    """Return fill rate and OTIF by month, over the rows that state what is needed. `sales` as the contract."""
    shipped = sales[sales["shipped_units"].notna()].groupby("month")[["shipped_units", "units"]].sum()
    orders = sales[sales["orders_otif"].notna() & sales["orders"].notna()].groupby("month")[["orders_otif", "orders"]].sum()
    return gather(
        long("fill rate", ratio(shipped["shipped_units"], shipped["units"])),
        long("OTIF", ratio(orders["orders_otif"], orders["orders"])),
    )


def cost_of_goods(sales: pd.DataFrame, products: pd.DataFrame, ledger: pd.DataFrame) -> tuple[pd.Series, str]:
    """Return COGS by month and where it comes from: the ledger, else units sold at standard cost."""
    booked = ledger.set_index("month")["cogs"].dropna()
    if len(booked):
        return booked, "COGS from the ledger"
    cost = sales["product"].map(products.drop_duplicates("product").set_index("product")["unit_cost"]).astype(float)
    return (sales["units"] * cost).groupby(sales["month"]).sum(), "COGS at standard cost"


def stock_values(inventory: pd.DataFrame, sales: pd.DataFrame, products: pd.DataFrame, ledger: pd.DataFrame, demand_plan: pd.DataFrame) -> pd.DataFrame:
    """Return inventory turns, DIO, days of cover, DSO, DPO and CCC by month. All inputs as the contracts; any but sales and products may be empty."""
    cost = products.drop_duplicates("product").set_index("product")["unit_cost"]
    cogs, source = cost_of_goods(sales, products, ledger)
    value = inventory["value"].fillna(inventory["on_hand"] * inventory["item"].map(cost).astype(float))
    unknown = inventory.loc[value.isna(), "item"].nunique()
    stock = value.groupby(inventory["month"]).sum(min_count=1)
    dio = trailing_days(stock, cogs)
    span = _span(dio) + f", {source}" + (f", {counted(unknown, 'items')} without a cost left out" if unknown else "")
    sold = ledger.set_index("month")["revenue"].dropna()
    sold = sold if len(sold) else sales.groupby("month")["revenue"].sum()
    dso = trailing_days(ledger.set_index("month")["receivables"].dropna(), sold)
    dpo = trailing_days(ledger.set_index("month")["payables"].dropna(), cogs)
    cover = _cover(inventory[inventory["item"].isin(cost.index)], sales, demand_plan, cost)
    return gather(
        long("inventory turns", dio["turns"], span), long("DIO", dio["days"], span),
        long("days of cover", cover, "against sales after the month, then the demand plan"),
        long("DSO", dso["days"], _span(dso)), long("DPO", dpo["days"], _span(dpo)),
        long("CCC", cash_cycle(dio["days"], dso["days"].reindex(dio.index), dpo["days"].reindex(dio.index)), span),
    )


def _span(table: pd.DataFrame) -> pd.Series:
    return table["months"].map(lambda months: counted(f"{months:.0f}", "months")).astype("str")


def _cover(stock: pd.DataFrame, sales: pd.DataFrame, plan: pd.DataFrame, cost: pd.Series) -> pd.Series:
    held = (stock["on_hand"] * stock["item"].map(cost).astype(float)).groupby(stock["month"]).sum()
    sold = (sales["units"] * sales["product"].map(cost).astype(float)).groupby(sales["month"]).sum()
    ahead = (plan["units"] * plan["product"].map(cost).astype(float)).groupby(plan["month"]).sum()
    need = pd.concat([sold, ahead[~ahead.index.isin(sold.index)]]).sort_index()
    return pd.Series({month: days_of_cover(amount, need[need.index > month]) for month, amount in held.items()}, dtype=float)


def finance_values(sales: pd.DataFrame, products: pd.DataFrame, budget: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Return revenue vs plan and gross margin by month. All as the contracts; budget and ledger may be empty."""
    revenue = sales.groupby("month")["revenue"].sum()
    planned = budget.groupby("month")["revenue"].sum()
    cogs, source = cost_of_goods(sales, products, ledger)
    booked = ledger.set_index("month")["revenue"].dropna()
    base = booked if len(booked) and source == "COGS from the ledger" else revenue
    return gather(long("revenue vs plan", ratio(revenue - planned, planned), "all families"), long("gross margin", ratio(base - cogs, base), source))


def production_values(
    production: pd.DataFrame, products: pd.DataFrame, operations: pd.DataFrame, loads: pd.DataFrame, resources: pd.DataFrame,
    capacity_load: pd.DataFrame, closed_supply: pd.DataFrame, closed_stock: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return capacity load, schedule attainment and plan adherence by month.

    Parameters
    ----------
    production, products, operations, loads, resources, capacity_load : DataFrame
        As the contracts; any but products may be empty.
    closed_supply : DataFrame
        made, kind, item, month, units: supply plans of closed months; their own month counts (lag 0).
    closed_stock : DataFrame, optional
        made, month, item, location, open_receipts: stock projections of closed months; production orders open then are part of what was planned.
    """
    due = production[production["scheduled_units"].notna() & production["on_time_units"].notna()].groupby("month")[["on_time_units", "scheduled_units"]].sum()
    load = hours_made(production, operations, loads, resources)
    load = load if len(load) else capacity_load.assign(load=ratio(capacity_load["required_hours"], capacity_load["available_hours"]), basis="planned")
    busiest = load.dropna(subset="load").sort_values(["month", "load"], kind="stable").drop_duplicates("month", keep="last").set_index("month")
    busiest = busiest if "made" in set(busiest["basis"]) else busiest.head(1)
    return gather(
        long("capacity load", busiest["load"], busiest["resource"].astype("str") + ", hours " + busiest["basis"].astype("str")),
        long("schedule attainment", ratio(due["on_time_units"], due["scheduled_units"])),
        _adherence(production, products, _with_open(closed_supply, closed_stock, operations)),
    )


def hours_made(production: pd.DataFrame, operations: pd.DataFrame, loads: pd.DataFrame, resources: pd.DataFrame) -> pd.DataFrame:
    """Return the hours that what was made took on each resource, over its regular hours: month, resource, load, basis.

    Where an item can be made in several ways at a place, the first operation by name is taken.
    """
    make = operations[operations["kind"] == "make"].sort_values("operation", kind="stable").drop_duplicates(["item", "location"])
    done = production.merge(make[["operation", "item", "location"]], on=["item", "location"]).merge(loads, on="operation")
    # Hours go to what is started: what the yield loses was made as well.
    done["hours"] = done["made_units"] * done["hours_per_unit"] / done["operation"].map(pd.Series(good_share(make), make["operation"])).astype(float)
    table = done.groupby(["month", "resource"], as_index=False)["hours"].sum()
    table = table.merge(resources[["resource", "month", "regular_hours"]].dropna(), on=["resource", "month"], how="left")
    standing = resources[resources["month"].isna()].drop_duplicates("resource").set_index("resource")["regular_hours"]
    hours = table["regular_hours"].fillna(table["resource"].map(standing).astype(float))
    return table.assign(load=ratio(table["hours"], hours), basis="made")[["month", "resource", "load", "basis"]]


def _with_open(plan: pd.DataFrame, stock: pd.DataFrame | None, operations: pd.DataFrame) -> pd.DataFrame:
    """Add the open receipts that a plan counted on where their item is made: they are production planned before."""
    if stock is None or stock.empty:
        return plan
    made = pd.MultiIndex.from_frame(operations.loc[operations["kind"] == "make", ["item", "location"]])
    due = stock[(stock["open_receipts"] > 0) & pd.MultiIndex.from_frame(stock[["item", "location"]]).isin(made)]
    return pd.concat([plan, due.assign(kind="make", units=due["open_receipts"])[["made", "kind", "item", "month", "units"]]], ignore_index=True)


def _adherence(production: pd.DataFrame, products: pd.DataFrame, closed_supply: pd.DataFrame) -> pd.DataFrame:
    family = products.drop_duplicates("product").set_index("product")["family"]
    made = production.assign(family=production["item"].map(family)).groupby(["month", "family"])["made_units"].sum()
    note = "by family, plan of the month's own closed cycle"
    own = closed_supply[(closed_supply["made"] == closed_supply["month"]) & (closed_supply["kind"] == "make")]
    plan = own.assign(family=own["item"].map(family)).groupby(["month", "family"])["units"].sum()
    plan = plan[plan.index.get_level_values(0).isin(made.index.get_level_values(0))]
    if plan.sum() <= 0:
        note = "by family, against the schedule: no month was closed with a supply plan"
        stated = production[production["scheduled_units"].notna()]
        plan = stated.assign(family=stated["item"].map(family)).groupby(["month", "family"])["scheduled_units"].sum()
    both = pd.concat([plan.rename("plan"), made.rename("made")], axis=1)
    both = both[both.index.get_level_values(0).isin(plan.index.get_level_values(0))].fillna(0.0)
    missed = (both["made"] - both["plan"]).abs().groupby(level=0).sum()
    return long("plan adherence", 1 - ratio(missed, both["plan"].groupby(level=0).sum()), note)
