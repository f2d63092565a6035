"""Exceptions: all that needs somebody's attention, in one list, biggest money first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import used_units
from sop_helpers.planning.kpis import format_value
from sop_helpers.planning.signals import AGAINST
from sop_helpers.planning.wording import counted

COLUMNS = ["kind", "subject", "money", "message", "function", "notebook"]
ANSWERS = {"demand": "sales", "supply": "supply", "sales": "sales", "finance": "finance"}
STEPS = {"demand": "20_demand", "supply": "21_supply", "sales": "22_sales", "finance": "30_performance"}
SALES_TABLES = {"opportunities", "accounts", "reps", "quotas", "comp_plans", "sales", "open_orders", "insights"}
FINANCE_TABLES = {"budget", "ledger", "kpi_targets"}
PRODUCT_TABLES = {"products"}


def _rows(frame: pd.DataFrame, kind: str, subject, money, message, function, notebook) -> pd.DataFrame:
    values = {"kind": kind, "subject": subject, "money": money, "message": message, "function": function, "notebook": notebook}
    return pd.DataFrame(values, index=frame.index)[COLUMNS]


def _month(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).dt.strftime("%Y-%m").astype("str")


def _text(values: pd.Series, pattern: str) -> pd.Series:
    # Without rows a mapped column keeps its dtype, and numbers do not join with text.
    return values.map(pattern.format, na_action="ignore").astype("str")


def _whole(values: pd.Series) -> pd.Series:
    return _text(values, "{:,.0f}")


def _named(codes: pd.Series, products: pd.DataFrame | None) -> pd.Series:
    if products is None or products.empty:
        return codes
    return codes.map(products.drop_duplicates("product").set_index("product")["name"]).astype("str").fillna(codes)


def from_signals(signals: pd.DataFrame, since: pd.Timestamp | None = None, products: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return dips, spikes and shifts from `since` on that no insight explains; one that expected the opposite explains nothing.

    `signals` as the contract; `products` gives names. Sales answers.
    """
    told = signals["explanation"].fillna("").astype("str").str.strip()
    rows = signals[told.eq("") | told.str.startswith(AGAINST)]
    rows = rows if since is None else rows[rows["month"] >= since]
    subject = _named(rows["product"], products) + " in " + rows["region"]
    way = (rows["units"] < 0).map({True: "below", False: "above"}).astype("str")
    message = (
        rows["kind"].str.capitalize() + " of " + subject + " in " + _month(rows["month"]) + ": " + _whole(rows["actual_units"]) + " units ordered, "
        + _whole(rows["units"].abs()) + " " + way + " what trend and season led to expect; no insight explains it."
    )
    return _rows(rows, "signal", subject, rows["money"].abs(), message, "sales", "10_gather")


def from_shortages(shortages: pd.DataFrame, products: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return shortages by product and region, all months together, with the cause that costs most.

    `shortages` as the contract; `products` gives names. Supply answers.
    """
    key = ["product", "region"]
    rows = shortages.groupby(key, sort=True).agg(
        units=("short_units", "sum"), money=("money", "sum"), first=("month", "min"), last=("month", "max")
    ).reset_index()
    causes = shortages.groupby([*key, "cause"], as_index=False)["money"].sum().sort_values("money", ascending=False, kind="stable").drop_duplicates(key)
    rows = rows.merge(causes[[*key, "cause"]], on=key, how="left")
    subject = _named(rows["product"], products) + " in " + rows["region"]
    span = _month(rows["first"]) + (" to " + _month(rows["last"])).where(rows["first"] != rows["last"], "")
    message = subject + " is short of " + _whole(rows["units"]) + " units in " + span + ": " + rows["cause"].fillna("cause not found").str.rstrip(".") + "."
    return _rows(rows, "shortage", subject, rows["money"], message, "supply", "21_supply")


def from_overloads(load: pd.DataFrame) -> pd.DataFrame:
    """Return resources on which making all just in time would take more than regular time, with what the missing hours are worth.

    `load` as the contract capacity_load. The money is hours over regular time x the value of one more hour, n/a where that is not known.
    """
    over = load[load["required_hours"] > load["available_hours"] + 1e-6].copy()
    over["excess"] = over["required_hours"] - over["available_hours"]
    over["money"] = over["excess"] * over["value_of_hour"]
    over["worst"] = (over["required_hours"] / over["available_hours"].where(over["available_hours"] > 0)).fillna(np.inf)
    rows = over.groupby("resource", sort=True).agg(
        months=("month", "count"), first=("month", "min"), excess=("excess", "sum"), worst=("worst", "max"), money=("money", lambda m: m.sum(min_count=1))
    ).reset_index()
    peak = _text(rows["worst"].replace(np.inf, np.nan), "{:.0%}").fillna("no regular time")
    span = rows["months"].map(lambda n: counted(n, "months")).astype("str")
    message = (
        rows["resource"] + " is over regular time in " + span + " from " + _month(rows["first"]) + " on, by "
        + _whole(rows["excess"]) + " hours in all; worst month " + peak + "."
    )
    return _rows(rows, "overload", rows["resource"], rows["money"], message, "supply", "21_supply")


def from_excess(stock: pd.DataFrame, products: pd.DataFrame, factor: float = 2.0) -> pd.DataFrame:
    """Return items that hold more than `factor` times their target throughout the horizon, valued at the month of least excess.

    `stock` as the contract stock_projection. Unit cost is the projection's own value per unit. Items without any target are left
    out of the comparison unless nothing is issued: stock that never moves is excess whatever its target.
    """
    frame = stock.copy()
    frame["unit"] = frame["value"] / frame["closing_units"].where(frame["closing_units"] > 0)
    frame["used"] = used_units(frame)
    dead = frame.groupby(["item", "location"])["used"].transform("sum") <= 1e-6
    # What has a target in some month is measured in all of them: what is phased out needs none at its end.
    aimed = frame.groupby(["item", "location"])["target_units"].transform("max") > 0
    limit = (frame["target_units"] * factor).where(aimed | dead)
    frame["over"] = (frame["closing_units"] - limit).where(limit.notna(), 0.0)
    frame["excess"] = frame["over"] * frame["unit"].fillna(0.0)
    rows = frame.groupby(["item", "location"], sort=True).agg(over=("over", "min"), money=("excess", "min"), unused=("used", "sum")).reset_index()
    rows = rows[(rows["over"] > 0) & (rows["money"] > 0)].reset_index(drop=True)
    name = _named(rows["item"], products)
    why = (rows["unused"] <= 1e-6).map({True: "nothing is planned to be used", False: f"more than {factor:g} times its target in every month"}).astype("str")
    message = name + " at " + rows["location"] + " has " + _whole(rows["over"]) + " units too many: " + why + "."
    return _rows(rows, "excess", name + " at " + rows["location"], rows["money"], message, "supply", "21_supply")


def from_budget_gap(plan: pd.DataFrame, budget: pd.DataFrame, products: pd.DataFrame, tolerance: float = 0.02, ahead: int = 12) -> pd.DataFrame:
    """Return families whose plan falls short of the budget by more than `tolerance` over the first months that both hold.

    Parameters
    ----------
    plan : DataFrame
        month, product, revenue: the constrained plan, or the demand plan where supply has not been planned.
    budget, products : DataFrame
        As the contracts.
    tolerance : float
        Share of the budget below which a gap is not worth a line.
    ahead : int
        Months added up.
    """
    planned = plan.assign(family=plan["product"].map(products.drop_duplicates("product").set_index("product")["family"]))
    months = sorted(set(planned["month"]) & set(budget["month"]))[:ahead]
    wanted = budget[budget["month"].isin(months)].groupby("family")["revenue"].sum().rename("budget")
    said = planned[planned["month"].isin(months)].groupby("family")["revenue"].sum()
    rows = pd.concat([wanted, said], axis=1).fillna(0.0).rename_axis("family").reset_index()
    rows["gap"] = rows["revenue"] - rows["budget"]
    rows = rows[rows["gap"] < -tolerance * rows["budget"]].reset_index(drop=True)
    span = f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}" if months else ""
    share = _text(rows["gap"].abs() / rows["budget"], "{:.0%}")
    message = rows["family"] + " is planned " + _whole(rows["gap"].abs()) + " (" + share + ") below its budget of " + _whole(rows["budget"]) + f" for {span}."
    return _rows(rows, "gap to budget", rows["family"], rows["gap"].abs(), message, "sales", "20_demand")


def from_kpis(kpis: pd.DataFrame) -> pd.DataFrame:
    """Return the KPIs whose latest value is red; they carry no money of their own.

    `kpis` as the contract. The function that owns the group answers.
    """
    latest = kpis.dropna(subset="value").sort_values("month", kind="stable").drop_duplicates("kpi", keep="last")
    rows = latest[latest["status"] == "red"].sort_values("kpi", kind="stable")
    said = {c: [format_value(v, u) for v, u in zip(rows[c], rows["unit"], strict=True)] for c in ("value", "target")}
    value, target = (pd.Series(said[c], index=rows.index, dtype="str") for c in ("value", "target"))
    message = "KPI " + rows["kpi"] + " is red in " + _month(rows["month"]) + ": " + value + " against a target of " + target + "."
    return _rows(rows, "KPI", rows["kpi"], float("nan"), message, rows["group"].map(ANSWERS).fillna("finance"), rows["notebook"])


def from_data_issues(issues: pd.DataFrame, skip: Sequence[str] = ("pipeline",)) -> pd.DataFrame:
    """Return the amber findings on the data; checks in `skip` have exceptions of their own. The function that owns the table answers."""
    rows = issues[(issues["level"] == "amber") & ~issues["check"].isin(skip)].reset_index(drop=True)
    owner = rows["table"].map(lambda t: "finance" if t in FINANCE_TABLES else "product" if t in PRODUCT_TABLES else "sales" if t in SALES_TABLES else "supply")
    message = rows["message"].str.rstrip(".") + ". " + rows["action"].str.rstrip(".") + "."
    return _rows(rows, "data", rows["table"] + ": " + rows["check"], rows["money"].abs(), message, owner, "10_gather")


def from_stale_deals(stale: pd.DataFrame) -> pd.DataFrame:
    """Return stale pipeline by region: open deals past their expected close or older than deals that are won.

    `stale` is from `pipeline.stale_deals`. Sales answers.
    """
    rows = stale.groupby("region", sort=True).agg(deals=("opportunity", "count"), money=("amount", "sum"), oldest=("age_days", "max")).reset_index()
    by_rep = stale.groupby(["region", "rep"], sort=True)["amount"].sum().sort_values(ascending=False, kind="stable").reset_index()
    most = rows["region"].map(by_rep.drop_duplicates("region").set_index("region")["rep"]).astype("str")
    message = (
        rows["region"] + " has open deals worth " + _whole(rows["money"]) + " (" + rows["deals"].astype("str")
        + ") that are overdue or older than nine in ten won deals; the oldest is " + _whole(rows["oldest"]) + " days old, most money lies with rep "
        + most + "."
    )
    return _rows(rows, "stale pipeline", rows["region"], rows["money"], message, "sales", "22_sales")


def rank(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return all exceptions in one list ranked by money, those without money last and in order of kind and subject.

    Returns
    -------
    DataFrame
        As the contract exceptions: rank, kind, subject, money, message, function, notebook.
    """
    full = [part for part in parts if len(part)]
    if not full:
        return pd.DataFrame(columns=["rank", *COLUMNS])
    table = pd.concat(full, ignore_index=True)
    table["money"] = table["money"].astype(float)
    table = table.sort_values(["kind", "subject", "message"], kind="stable").sort_values("money", ascending=False, kind="stable", na_position="last")
    table.insert(0, "rank", range(1, len(table) + 1))
    return table.reset_index(drop=True)
