"""The levers of a scenario on the selling side: hires, ramp, quotas, win rates and a promotion; what each does to the tables of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.join import bookings_demand

SALES_LEVERS: dict[str, Any] = {
    "hires": {}, "hire_month": None, "ramp": [], "quota_factor": 1.0, "win_rate_factor": 1.0, "promotion_month": None, "promotion_uplift": 0.0,
    "promotion_discount": 0.0, "promotion_pull_forward": 0.0,
}  # fmt: skip
NEUTRAL: dict[str, Any] = {
    "demand_factor": 1.0, "price_factor": 1.0, "capacity_factor": 1.0, "cost_factor": 1.0, "extra_lead_time_months": 0, "families": [], **SALES_LEVERS,
}  # fmt: skip
PULL_MONTHS = 2  # months after a promotion out of which customers buy ahead
NEW_REP = "hire"


def check_levers(levers: Mapping[str, Any], months: pd.DatetimeIndex, regions: Iterable[str] | None, families: Iterable[str]) -> dict[str, Any]:
    """Return the levers with the neutral ones filled in, and refuse those that no plan can be made of.

    A scenario outlives the month it was made in: hires whose month has passed have begun, a promotion whose month has passed changes nothing any more.

    Parameters
    ----------
    levers : mapping
        As the scenarios of the workbook; those left out are neutral.
    months : DatetimeIndex
        Months planned.
    regions, families : iterable of str
        Those that there are; None leaves the regions of hires unchecked.

    Raises
    ------
    ValueError
        Names the lever, what it is and what was expected.
    """
    given = {name: value for name, value in levers.items() if name != "description"}
    if unknown := sorted(set(given) - set(NEUTRAL)):
        raise ValueError(f"a scenario has no factor {unknown}; known are {list(NEUTRAL)}")
    f = NEUTRAL | given
    known = sorted(set(regions)) if regions is not None else None
    for region, count in f["hires"].items():
        if known is not None and region not in known:
            raise ValueError(f"hires of a scenario name the region {region!r}; expected one of {', '.join(known) or 'none: there are no reps'}")
        if not np.isfinite(count) or count < 0 or count != int(count):
            raise ValueError(f"hires of a scenario in {region} are {count}; expected a whole number, zero or more")
    for name in ("hire_month", "promotion_month"):
        if f[name] and pd.Timestamp(f[name]) > months[-1]:
            raise ValueError(f"{name} of a scenario is {f[name]}; expected a month of the horizon, {months[0]:%Y-%m} to {months[-1]:%Y-%m}, or a past one")
    if bad := [share for share in f["ramp"] if not 0 <= share <= 1]:
        raise ValueError(f"ramp of a scenario holds {bad[0]}; expected shares between 0 and 1, the last one holds")
    for name in (n for n in NEUTRAL if n.endswith("_factor") or n == "extra_lead_time_months"):
        if not np.isfinite(f[name]) or f[name] < 0:
            raise ValueError(f"{name} of a scenario is {f[name]}; expected a finite number, zero or more")
    if not np.isfinite(f["promotion_uplift"]) or f["promotion_uplift"] < 0:
        raise ValueError(f"promotion_uplift of a scenario is {f['promotion_uplift']}; expected a share of the month's demand, zero or more")
    for name in ("promotion_discount", "promotion_pull_forward"):
        if not 0 <= f[name] <= 1:
            raise ValueError(f"{name} of a scenario is {f[name]}; expected a share between 0 and 1")
    if not f["promotion_month"] and any(f[name] for name in ("promotion_uplift", "promotion_discount", "promotion_pull_forward")):
        raise ValueError("a scenario has a promotion without its month; expected promotion_month, such as 2027-03")
    if strange := sorted(set(f["families"]) - set(families)):
        raise ValueError(f"families {strange} of a scenario are not in products")
    if f["promotion_month"] and pd.Timestamp(f["promotion_month"]) < months[0]:
        f |= {name: NEUTRAL[name] for name in ("promotion_month", "promotion_uplift", "promotion_discount", "promotion_pull_forward")}
    return f


def promote(demand: pd.DataFrame, levers: Mapping[str, Any], touched: np.ndarray) -> pd.DataFrame:
    """Return the demand plan with a scenario's promotion.

    In its month demand grows by the uplift (new consumption) and by what customers buy ahead out of each of the next two months; all of the month is sold
    at the discount (Chopra & Meindl, Supply Chain Management, sales and operations planning).

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units, revenue.
    levers : mapping
        promotion_month, promotion_uplift, promotion_discount, promotion_pull_forward.
    touched : ndarray of bool
        Rows of the demand that are promoted.

    Returns
    -------
    DataFrame
        The plan with the column promoted: revenue of the new consumption in its month, which needs no seller; what is bought ahead needs one as before.
    """
    f = SALES_LEVERS | dict(levers)
    out = demand.assign(promoted=0.0)
    if not f["promotion_month"]:
        return out
    month = pd.Timestamp(f["promotion_month"])
    later = pd.date_range(month, periods=PULL_MONTHS + 1, freq="MS")[1:]
    hit = touched & (out["month"] == month).to_numpy()
    lender = touched & out["month"].isin(later).to_numpy()
    key = ["product", "region"]
    taken = (out["units"] * f["promotion_pull_forward"]).where(lender, 0.0)
    ahead = taken.groupby([out["product"], out["region"]]).sum()
    price = np.divide(out["revenue"], out["units"], out=np.zeros(len(out)), where=(out["units"] > 0).to_numpy())
    # What a product lends to a month in which it has no demand of its own is not bought ahead.
    borrowed = pd.MultiIndex.from_frame(out.loc[hit & (out["units"] > 0).to_numpy(), key])
    lends = lender & pd.MultiIndex.from_frame(out[key]).isin(borrowed)
    units = out["units"].to_numpy(dtype=float) - np.where(lends, taken, 0.0)
    gain = ahead.reindex(pd.MultiIndex.from_frame(out[key])).fillna(0.0).to_numpy()
    units = np.where(hit & (units > 0), units * (1 + f["promotion_uplift"]) + gain, units)
    revenue = units * price * np.where(hit, 1 - f["promotion_discount"], 1.0)
    added = np.where(hit, out["units"] * f["promotion_uplift"] * price * (1 - f["promotion_discount"]), 0.0)
    return out.assign(units=units, revenue=revenue, promoted=added)


def levered_demand(demand: pd.DataFrame, products: pd.DataFrame, levers: Mapping[str, Any], bookings: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the demand plan under a scenario: factors on units and prices, win rates on what the pipeline brings, and its promotion.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units, revenue.
    products : DataFrame
        product, family.
    levers : mapping
        As the scenarios of the workbook.
    bookings : DataFrame, optional
        month, family, region, bookings.
    """
    f = NEUTRAL | dict(levers)
    family = demand["product"].map(products.set_index("product")["family"])
    touched = family.isin(f["families"]).to_numpy() if f["families"] else np.ones(len(demand), dtype=bool)
    factor, price = np.where(touched, f["demand_factor"], 1.0), np.where(touched, f["price_factor"], 1.0)
    out = demand.assign(units=demand["units"] * factor, revenue=demand["revenue"] * factor * price)
    if f["win_rate_factor"] != 1 and bookings is not None and len(bookings):
        out = bookings_demand(out, bookings, products, f["win_rate_factor"])
    return promote(out, f, touched)


def levered_reps(reps: pd.DataFrame, levers: Mapping[str, Any], first: pd.Timestamp) -> pd.DataFrame:
    """Return the reps with a scenario's hires: each has the team, pay and plan that are most common in the region.

    Parameters
    ----------
    reps : DataFrame
        As the contract.
    levers : mapping
        hires (region to heads), hire_month (the first month planned when left out).
    first : Timestamp
        First month planned.
    """
    f = SALES_LEVERS | dict(levers)
    wanted = {region: int(count) for region, count in f["hires"].items() if count}
    if not wanted or reps.empty:
        return reps
    new = pd.DataFrame([{"rep": f"{NEW_REP} {i + 1} {region}", "region": region} for region, count in wanted.items() for i in range(count)])
    new["start_month"], new["end_month"] = pd.Timestamp(f["hire_month"] or first), pd.NaT
    there = reps[reps["end_month"].isna() | (reps["end_month"] >= first)]
    there = there if len(there) else reps  # those who have left tell nothing of today's terms, unless nobody else does
    at = there.groupby("region")
    for column in ("team", "role", "comp_plan"):
        if column in reps:
            new[column] = new["region"].map(at[column].agg(lambda values: values.mode().iloc[0] if values.notna().any() else None))
    for column in ("on_target_earnings", "variable_share"):
        if column in reps:
            new[column] = new["region"].map(at[column].median()).astype(float).fillna(there[column].median())
    return pd.concat([reps, new.astype({"start_month": reps["start_month"].dtype, "end_month": reps["end_month"].dtype})], ignore_index=True)
