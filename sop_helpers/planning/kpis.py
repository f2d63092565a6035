"""The KPI table: the same KPIs every month, each with target, benchmark, status, and a reason where it is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

# KPI | group | unit | step that shows it | how it is measured | what it needs
_CATALOGUE = """
WMAPE | demand | share | 20_demand | sum abs(actual - forecast) / sum actual, by product and region | closed months, or accuracy of 20_demand
forecast accuracy | demand | share | 20_demand | 1 - WMAPE, not below 0 | closed months, or accuracy of 20_demand
bias | demand | share | 20_demand | sum (forecast - actual) / sum actual; above 0 is over-forecast | closed months, or accuracy of 20_demand
tracking signal | demand | ratio | 20_demand | cumulative error of the total / its mean absolute error to date | closed months
FVA | demand | points | 20_demand | WMAPE of seasonal naive less that of the consensus, in percentage points | closed months, or fva of 20_demand
fill rate | supply | share | 10_gather | units shipped on time from stock / units ordered | sales.shipped_units
OTIF | supply | share | 10_gather | orders on time and in full / all orders | sales.orders and sales.orders_otif
inventory turns | supply | ratio | 21_supply | annualised COGS / average inventory at cost | inventory
DIO | supply | days | 21_supply | 365 x average inventory / annualised COGS | inventory
days of cover | supply | days | 21_supply | days of future demand that the products in stock last, at cost | inventory
DSO | finance | days | 30_performance | 365 x average receivables / annualised revenue | ledger.receivables
DPO | finance | days | 30_performance | 365 x average payables / annualised COGS | ledger.payables
CCC | finance | days | 30_performance | DIO + DSO - DPO | inventory, ledger.receivables and ledger.payables
capacity load | supply | share | 21_supply | required hours / available hours of the busiest resource | operations, loads and resources
schedule attainment | supply | share | 21_supply | scheduled units done on time / scheduled units | production.scheduled_units and production.on_time_units
plan adherence | supply | share | 21_supply | 1 - sum over families of abs(made - plan) / sum of plan, open orders included | production, and closed months
revenue vs plan | finance | share | 30_performance | (revenue - budget) / budget | budget
gross margin | finance | share | 30_performance | (revenue - COGS) / revenue | sales and products
quota attainment | sales | share | 22_sales | bookings / quota of the fiscal year to date, sum over sum | quotas
reps at quota | sales | share | 22_sales | share of reps at 100 % or more of their quota to date | quotas
over-assignment | sales | ratio | 22_sales | ramped rep quotas / budgeted revenue of the fiscal year | quotas, reps and budget
ramped rep equivalents | sales | people | 22_sales | sum of heads x ramp, leave off | reps
bookings capacity | sales | currency | 22_sales | sum over reps of quota x ramp x expected attainment in the month, leave off | reps and quotas
pipeline coverage | sales | ratio | 22_sales | open pipeline due by fiscal year end / (quota of the year - bookings so far) | opportunities and quotas
stage-weighted pipeline | sales | currency | 22_sales | sum of open amount x historical win rate from its stage | opportunities
win rate | sales | share | 22_sales | won / (won + lost) by count, deals created in the 12 months before | opportunities
sales cycle | sales | days | 22_sales | median days from creation to winning, deals won in the 12 months before | opportunities
sales velocity | sales | currency a day | 22_sales | open deals x mean amount x win rate / sales cycle | opportunities
territory balance | sales | share | 22_sales | share of territories within tolerance of the mean of their region in potential and workload | accounts.territory
cost of sales plan | sales | share | 22_sales | variable pay / bookings of the fiscal year to date | quotas, reps and comp_plans
"""
# Too much is as bad as too little.
_NEAR = {"bias", "tracking signal"}
COLUMNS = ["kpi", "group", "unit", "month", "value", "previous", "target", "benchmark", "status", "note", "notebook"]
MARKS = {"green": "● green", "amber": "▲ amber", "red": "■ red", "n/a": "– n/a"}


def catalogue() -> pd.DataFrame:
    """Return the KPIs in order: kpi, group, unit, notebook, formula, needs, near (True where too much is as bad as too little)."""
    rows = [line.split(" | ") for line in _CATALOGUE.strip().splitlines()]
    table = pd.DataFrame(rows, columns=["kpi", "group", "unit", "notebook", "formula", "needs"], dtype="str")
    return table.assign(near=table["kpi"].isin(_NEAR))


def status(frame: pd.DataFrame) -> pd.Series:
    """Return green, amber, red or n/a for each row.

    Red below the target means that more is better, above it that less is; where ``near`` is True the distance from the target
    counts on both sides. On the way from target to red, amber begins at its limit (right after the target where none is given).
    n/a: no value, no target, or no limit to tell which way is good.

    Parameters
    ----------
    frame : DataFrame
        value, target, amber, red, and near (False by default).
    """
    limit = frame["red"].fillna(frame["amber"])
    near = frame["near"].fillna(False).astype(bool) if "near" in frame else pd.Series(False, index=frame.index)
    sign = pd.Series(np.where(limit < frame["target"], -1.0, 1.0), index=frame.index)
    off = (frame["value"] - frame["target"]) * sign
    off = off.where(~near, off.abs())
    to_red, to_amber = ((frame[name] - frame["target"]) * sign for name in ("red", "amber"))
    met = off <= 1e-12
    red = ~met & (off >= to_red - 1e-12)
    amber = ~met & ~red & (to_amber.isna() | (off >= to_amber - 1e-12))
    result = pd.Series("green", index=frame.index).mask(amber, "amber").mask(red, "red")
    return result.mask(frame["value"].isna() | frame["target"].isna() | limit.isna() | (limit == frame["target"]), "n/a")


def kpi_table(values: pd.DataFrame, targets: pd.DataFrame, last_month: pd.Timestamp, months: int = 13) -> pd.DataFrame:
    """Return the KPI table by month; a KPI that could not be measured has one row that says what it needs.

    Parameters
    ----------
    values : DataFrame
        kpi, month, value, note; rows without a value are dropped.
    targets : DataFrame
        As the contract kpi_targets; may be empty, status is then n/a.
    last_month : Timestamp
        Last month with actuals.
    months : int
        Months shown, the last included.

    Returns
    -------
    DataFrame
        As the contract kpis, KPIs in the order of the catalogue, months rising.

    Raises
    ------
    ValueError
        A KPI is not in the catalogue, or a month has it twice.
    """
    known = catalogue()
    values = values[np.isfinite(values["value"].astype(float))]
    unknown = sorted(set(values["kpi"]) - set(known["kpi"]))
    if unknown:
        raise ValueError(f"{unknown} are not in the KPI catalogue")
    if values.duplicated(["kpi", "month"]).any():
        raise ValueError(f"measured twice: {values.loc[values.duplicated(['kpi', 'month']), 'kpi'].unique().tolist()}")
    before = values[["kpi", "month", "value"]].rename(columns={"value": "previous"})
    before["month"] = before["month"] + pd.DateOffset(months=1)
    table = values.merge(before, on=["kpi", "month"], how="left")
    table = table[table["month"] > last_month - pd.DateOffset(months=months)]
    gone = known[~known["kpi"].isin(table["kpi"])]
    missing = pd.DataFrame({"kpi": gone["kpi"], "month": last_month, "note": "missing: needs " + gone["needs"]})
    table = pd.concat([table, missing], ignore_index=True) if len(missing) else table
    table = known.merge(table, on="kpi").merge(targets.reindex(columns=["kpi", "target", "amber", "red", "benchmark"]), on="kpi", how="left")
    table[["value", "previous", "target", "amber", "red", "benchmark"]] = table[["value", "previous", "target", "amber", "red", "benchmark"]].astype(float)
    table["status"] = status(table)
    extra = table["note"].fillna("")
    table["note"] = extra.where(table["value"].isna(), table["formula"] + ("; " + extra).where(extra.ne(""), ""))
    table["month"] = table["month"].astype("datetime64[us]")
    place = table["kpi"].map(dict(zip(known["kpi"], known.index, strict=True)))
    return table.assign(place=place).sort_values(["place", "month"], kind="stable")[COLUMNS].reset_index(drop=True)


def latest(kpis: pd.DataFrame) -> pd.DataFrame:
    """Return the last measured month of each KPI, in the order of the catalogue, with the change from the month before."""
    last = kpis.sort_values("month", kind="stable").drop_duplicates("kpi", keep="last")
    table = catalogue()[["kpi"]].merge(last, on="kpi")
    table["change"] = table["value"] - table["previous"]
    return table


def format_value(value: float, unit: str, signed: bool = False, words: bool = True) -> str:
    """Return a KPI value as people read it: shares in % (changes in points), money in thousands, n/a where there is none.

    Parameters
    ----------
    value : float
        The value or, with `signed`, its change.
    unit : str
        As in the catalogue.
    signed : bool
        Write a plus too.
    words : bool
        Write days, people and points behind the number.
    """
    if pd.isna(value):
        return "n/a"
    plus = "+z" if signed else "z"  # z: what rounds to nothing has no sign
    if unit == "share":
        return f"{100 * value:{plus}.1f} " + ("points" if signed else "%")
    if unit.startswith("currency"):
        return f"{value / 1000:{plus},.{0 if abs(value) >= 99_500 else 1}f} k" + unit.removeprefix("currency")
    if unit == "ratio":
        return f"{value:{plus},.2f}"
    return f"{value:{plus},.1f}" + (f" {unit}" if words else "")


def readable(kpis: pd.DataFrame) -> pd.DataFrame:
    """Return the latest KPIs as text for a table: what it is, value, change, target, benchmark, status as mark and word, basis."""
    rows = latest(kpis)
    rows = rows[rows["value"].notna()]
    shown = pd.DataFrame({"KPI": rows["kpi"], "group": rows["group"], "month": rows["month"].dt.strftime("%Y-%m")})
    for title, column in (("value", "value"), ("change", "change"), ("target", "target"), ("benchmark", "benchmark")):
        shown[title] = [format_value(v, u, title == "change") for v, u in zip(rows[column], rows["unit"], strict=True)]
    return shown.assign(status=rows["status"].map(MARKS), basis=rows["note"])


def missing(kpis: pd.DataFrame) -> pd.DataFrame:
    """Return the KPIs without any value and what each needs: KPI, group, reason."""
    rows = latest(kpis)
    rows = rows[rows["value"].isna()]
    return pd.DataFrame({"KPI": rows["kpi"], "group": rows["group"], "reason": rows["note"]})
