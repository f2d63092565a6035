"""Products without a past: forecast after the product they are like."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.decomposition import median
from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.panel import KEYS
from sop_helpers.planning.smoothing import Matrix, lengths

RAMP_MONTHS = 6  # a launch is ramped after this many months
USUAL_RAMP = np.array([0.4, 0.55, 0.7, 0.8, 0.9, 1.0])  # share of the steady level where the like product's own launch lies outside the data
USUAL_CANNIBAL_SHARE = 0.5  # where the company names victims and no share
STREAM_COLUMNS = ["month", "product", "region", "stream", "source", "units"]


def ramp_of(history: Matrix, started_inside: bool) -> Matrix:
    """Return the share of the steady level reached in each of the first months of a series.

    Parameters
    ----------
    history : ndarray (T,)
        Demand of the like product over all regions, NaN before it begins.
    started_inside : bool
        Whether its launch lies inside the data.

    Returns
    -------
    ndarray (RAMP_MONTHS,)
        Non-decreasing shares between 0.05 and 1.
    """
    start, length = lengths(history[None, :])
    if not started_inside or length[0] < 2 * RAMP_MONTHS + 3:
        return USUAL_RAMP
    own = history[start[0] :]
    steady = float(median(own[RAMP_MONTHS : RAMP_MONTHS + 12][None, :])[0])
    if not steady > 0:
        return USUAL_RAMP
    return np.maximum.accumulate(np.clip(own[:RAMP_MONTHS] / steady, 0.05, 1.0))


def launch_stream(forecast: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Plan launches: the like product's forecast, times the expected size, times the ramp of a new product.

    A launch is a product with a like product whose launch month is ahead, or so recent that it has not sold for RAMP_MONTHS yet. What the statistical forecast
    already says of it is deducted, so that statistical plus launch is the launch profile. A like product that has ended leads nowhere: its launch keeps its
    own forecast.

    Parameters
    ----------
    forecast : DataFrame
        month, product, region, units.
    history : DataFrame
        month, product, region, units: complete.
    products : DataFrame
        product, launch_month, like_product, like_scale; cannibalises and cannibal_share where there are any.

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units; below zero for what a launch takes from named products (see `cannibalised`).
    """
    empty = no_rows(STREAM_COLUMNS, ["product", "region", "stream", "source"])
    if forecast.empty or not {"launch_month", "like_product"} <= set(products):
        return empty
    first, start = forecast["month"].min(), history["month"].min()
    new = products[products["launch_month"].notna() & products["like_product"].notna()]
    new = new[new["launch_month"] > first - pd.DateOffset(months=RAMP_MONTHS)]
    ahead = forecast.groupby("product")["units"].sum()
    new = new[(new["product"] != new["like_product"]) & new["like_product"].isin(ahead.index[ahead > 0])]
    if new.empty:
        return empty
    new = new.reset_index(drop=True)
    ramps = np.column_stack([_ramps(new["like_product"], history, start), np.ones(len(new))])
    scale = new["like_scale"].astype(float).fillna(1.0) if "like_scale" in new else 1.0
    known = new[["product", "like_product", "launch_month"]].assign(scale=scale, launch=new.index)
    like = forecast[forecast["product"].isin(new["like_product"])]
    plan = known.merge(like[["month", "product", "region", "units"]].rename(columns={"product": "like_product"}), on="like_product")
    age = months_between(plan["month"], plan["launch_month"])
    share = np.where(age < 0, 0.0, ramps[plan["launch"], np.clip(age, 0, RAMP_MONTHS)])
    named = (known["like_product"] + known["scale"].map(" x {:g}".format)).iloc[plan["launch"]].to_numpy()
    own = forecast.loc[forecast["product"].isin(new["product"]), ["month", *KEYS, "units"]].rename(columns={"units": "said"})
    plan = plan.assign(want=plan["units"] * plan["scale"] * share, source="like " + pd.Series(named, dtype="str"), stream="launch")
    plan = plan.merge(own, on=["month", *KEYS], how="left")
    plan["units"] = plan["want"] - plan["said"].fillna(0.0)
    parts = [plan, cannibalised(plan, forecast, products)]
    out = pd.concat(parts, ignore_index=True)[STREAM_COLUMNS]
    return out[out["units"] != 0].reset_index(drop=True)


def _ramps(likes: pd.Series, history: pd.DataFrame, start: pd.Timestamp) -> Matrix:
    """Return the ramp (n, RAMP_MONTHS) of each like product; the usual one where it has no history."""
    past = history[history["product"].isin(likes)].groupby(["product", "month"])["units"].sum().unstack("month")
    found = {name: USUAL_RAMP for name in likes}
    inside = past.notna().to_numpy().argmax(axis=1) > 0
    for name, row, begun in zip(past.index, past.to_numpy(float), inside | (past.columns.min() > start), strict=True):
        found[name] = ramp_of(row, bool(begun))
    return np.stack([found[name] for name in likes])


def victims_of(products: pd.DataFrame) -> pd.DataFrame:
    """Return each launch with each product that it is said to take customers from: product, victim, share."""
    if "cannibalises" not in products:
        return no_rows(["product", "victim", "share"], ["product", "victim"])
    named = products[products["cannibalises"].notna()]
    share = named["cannibal_share"].fillna(USUAL_CANNIBAL_SHARE) if "cannibal_share" in named else USUAL_CANNIBAL_SHARE
    out = named[["product"]].assign(victim=named["cannibalises"].astype("str").str.split(";"), share=share).explode("victim", ignore_index=True)
    out["victim"] = out["victim"].str.strip()
    return out[(out["victim"] != "") & (out["victim"] != out["product"])].drop_duplicates(["product", "victim"], ignore_index=True)


def unknown_victims(products: pd.DataFrame) -> list[tuple[str, str, str]]:
    """List the products named under ``cannibalises`` that nobody sells, as rows of `consensus.problems`."""
    named = victims_of(products)
    lost = named[~named["victim"].isin(products["product"])]
    said = "table 'products', column 'cannibalises': {!r} is no product; nothing is taken from it"
    return [("launch", product, said.format(victim)) for product, victim in lost[["product", "victim"]].to_numpy()]


def cannibalised(launches: pd.DataFrame, forecast: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Take from the products that a launch cannibalises what it is said to win from them.

    Of the units that the launch adds in a month and region, the share is taken from the products named there, in proportion to their forecast, and never more
    than they have; what their own history already shows of it is not taken again, as those units are in the launch's own forecast.

    Parameters
    ----------
    launches : DataFrame
        month, product, region, units: what each launch adds to the statistical forecast.
    forecast : DataFrame
        month, product, region, units.
    products : DataFrame
        product; cannibalises and cannibal_share where there are any.

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units: rows below zero.
    """
    named = victims_of(products)
    cells = launches[["month", "product", "region", "units"]].merge(named, on="product")
    theirs = forecast[["month", "product", "region", "units"]].rename(columns={"product": "victim", "units": "there"})
    cells = cells.merge(theirs, on=["month", "victim", "region"])
    total = cells.groupby(["month", "product", "region"])["there"].transform("sum")
    cells["taken"] = np.maximum(cells["units"], 0.0) * cells["share"] * (cells["there"] / total.where(total > 0)).fillna(0.0)
    # Several launches may take from the same product: together no more than there is.
    wanted = cells.groupby(["month", "victim", "region"])["taken"].transform("sum")
    cells["taken"] *= np.minimum(1.0, (cells["there"] / wanted.where(wanted > 0)).fillna(0.0))
    out = pd.DataFrame({"month": cells["month"], "product": cells["victim"], "region": cells["region"], "stream": "launch",
                        "source": "cannibalised by " + cells["product"].astype("str"), "units": -cells["taken"]})
    return out[out["units"] < 0].reset_index(drop=True)


def cells_to_plan(history: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return the product-regions that a plan needs: those with history, and launches in the regions of their like product.

    Parameters
    ----------
    history : DataFrame
        product, region of the history.
    products : DataFrame
        product; launch_month and like_product where there are any.
    """
    known = history[KEYS].drop_duplicates()
    if not {"launch_month", "like_product"} <= set(products):
        return known.sort_values(KEYS, ignore_index=True)
    new = products.loc[products["like_product"].notna() & products["launch_month"].notna(), ["product", "like_product"]]
    added = new.merge(known.rename(columns={"product": "like_product"}), on="like_product")[KEYS]
    return pd.concat([known, added]).drop_duplicates().sort_values(KEYS, ignore_index=True)
