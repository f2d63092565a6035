"""Products without a past: forecast after the product they are like."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.decomposition import median
from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.panel import KEYS, month_range
from sop_helpers.planning.smoothing import Matrix, lengths

RAMP_MONTHS = 6  # a launch is ramped after this many months
USUAL_RAMP = np.array([0.4, 0.55, 0.7, 0.8, 0.9, 1.0])  # share of the steady level where neither like product nor other launches tell
USUAL_CANNIBAL_SHARE = 0.5  # where the company names victims and no share
PLAN_ERROR = 0.5  # relative error of the plan of a launch (Kahn 2002: 42 % on average), and of a month's sales around its true profile
RAMP_LAUNCHES = 3  # launches that the usual ramp counts for against a company's own: a month of one is off by half, ramps of companies by some 0.3
FAR = 1.5  # times its plan, or that part of it, from which on a launch is named
STREAM_COLUMNS = ["month", "product", "region", "stream", "source", "units"]


def ramps_by_product(whole: pd.DataFrame, products: pd.DataFrame) -> Matrix:
    """Return the ramp that a launch after each product follows: that of the product's own launch where the data hold it, else that of launches here so far.

    Parameters
    ----------
    whole : DataFrame
        Demand over all regions: one row a product, one column a month from the first of the data on, NaN before a product begins.
    products : DataFrame
        product, launch_month, like_product.

    Returns
    -------
    ndarray (products, RAMP_MONTHS)
        Non-decreasing shares of the steady level, between 0.05 and 1.
    """
    values, launched = whole.to_numpy(float), products[products["launch_month"].notna() & products["like_product"].notna()]
    row, like = (whole.index.get_indexer(pd.Index(launched[c])) for c in ("product", "like_product"))
    both = (row >= 0) & (like >= 0) & (row != like)
    return ramps_of(values, _ramp_here(values[row[both]], values[like[both]]))


def _ramp_here(own: Matrix, like: Matrix) -> Matrix:
    """Return the ramp (RAMP_MONTHS,) of the launches seen for a year: median of their sales over their like product's, so that the season is in both.

    The usual ramp counts for RAMP_LAUNCHES launches more: Adventure Works' launches, to name one, have hardly any ramp.
    """
    start, length = lengths(own)
    seen = (start > 0) & (length >= 2 * RAMP_MONTHS)
    at = start[seen, None] + np.arange(2 * RAMP_MONTHS)
    mine, other = (np.take_along_axis(f[seen], at, axis=1) if seen.any() else np.zeros((0, 2 * RAMP_MONTHS)) for f in (own, like))
    steady, theirs = (np.nan_to_num(f[:, RAMP_MONTHS:]).sum(axis=1) for f in (mine, other))
    good = (steady > 0) & (other > 0).all(axis=1)
    if not good.any():
        return USUAL_RAMP
    ratio = mine[good, :RAMP_MONTHS] / other[good, :RAMP_MONTHS] * (theirs[good] / steady[good])[:, None]
    number = good.sum()
    blend = (number * np.median(ratio, axis=0) + RAMP_LAUNCHES * USUAL_RAMP) / (number + RAMP_LAUNCHES)
    return np.maximum.accumulate(np.clip(blend, 0.05, 1.0))


def ramps_of(histories: Matrix, usual: Matrix = USUAL_RAMP) -> Matrix:
    """Return the share of the steady level reached in each of the first months of series.

    Parameters
    ----------
    histories : ndarray (n, T)
        Demand of products over all regions, NaN before it begins.
    usual : ndarray (RAMP_MONTHS,)
        The ramp of those whose launch lies outside the data, or has not been followed for long enough.

    Returns
    -------
    ndarray (n, RAMP_MONTHS)
        Non-decreasing shares between 0.05 and 1.
    """
    start, length = lengths(histories)
    known = (start > 0) & (length >= 2 * RAMP_MONTHS + 3)
    out = np.tile(usual, (len(histories), 1))
    if not known.any():
        return out
    column = start[known, None] + np.arange(3 * RAMP_MONTHS)
    own = np.take_along_axis(histories[known], np.minimum(column, histories.shape[1] - 1), axis=1)
    own = np.where(column < histories.shape[1], own, np.nan)
    steady = median(own[:, RAMP_MONTHS:])
    shares = np.maximum.accumulate(np.clip(own[:, :RAMP_MONTHS] / np.where(steady > 0, steady, 1.0)[:, None], 0.05, 1.0), axis=1)
    out[known] = np.where((steady > 0)[:, None], shares, usual)
    return out


def after_ramp(values: Matrix) -> Matrix:
    """Leave out the ramp of series that begin inside the data: leading months, of the first RAMP_MONTHS, below every month that came after those.

    Read as a trend, a ramp would go on. Of a series that has none, but for chance, nothing is below all that follows.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand without season, NaN before it begins, of more than RAMP_MONTHS months.
    """
    start = lengths(values)[0][:, None]
    age = np.arange(values.shape[1]) - start
    least = np.where(age >= RAMP_MONTHS, values, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    ramped = np.logical_and.accumulate((age < 0) | ((age < RAMP_MONTHS) & (values < least)), axis=1) & (start > 0)
    return np.where(ramped, np.nan, values)


def begin_of(products: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Return the month in which each launch began: its launch month, or its first sale where that came later inside the data.

    Parameters
    ----------
    products : DataFrame
        product, launch_month.
    history : DataFrame
        month, product, units.
    """
    planned = pd.to_datetime(products["launch_month"])  # all blank may be of any type
    mine = history[history["product"].isin(products["product"]) & (history["units"] > 0)]
    sold = mine.groupby("product")["month"].min().reindex(products["product"]).set_axis(products.index)
    return planned.where(~((sold > planned) & (planned >= history["month"].min())), sold)


def launch_stream(forecast: pd.DataFrame, history: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Plan launches: the like product's forecast, times the expected size, times the ramp of a new product, times what it has sold against that so far.

    A launch is a product with a like product whose launch month is ahead, or that has not been on sale for RAMP_MONTHS yet. What the statistical forecast
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
    if forecast.empty:
        return empty
    first = forecast["month"].min()
    ahead = forecast.groupby("product")["units"].sum()
    known, ramps = _launches(history, products, first)
    known = known[known["like_product"].isin(ahead.index[ahead > 0])]
    if known.empty:
        return empty
    like = forecast[forecast["product"].isin(known["like_product"])]
    plan = known.merge(like[["month", "product", "region", "units"]].rename(columns={"product": "like_product"}), on="like_product")
    share = _share(plan, plan["month"], ramps)
    plan = plan.merge(_sold_against_plan(history, known, ramps, first)[[*KEYS, "factor"]], on=KEYS, how="left")
    named = plan["like_product"] + plan["scale"].map(" x {:g}".format) + np.where(plan["factor"].notna(), ", as it sells", "")
    own = forecast.loc[forecast["product"].isin(known["product"]), ["month", *KEYS, "units"]].rename(columns={"units": "said"})
    want = plan["units"] * plan["scale"] * share * plan["factor"].fillna(1.0)
    plan = plan.assign(want=want, share=share, source="like " + named.astype("str"), stream="launch").merge(own, on=["month", *KEYS], how="left")
    plan["units"] = plan["want"] - plan["said"].fillna(0.0)
    # Of a launch that sells, only what its ramp still brings is new: the rest was won already, and is missing from the history of those who lost it.
    reached = _share(plan, pd.Series(first - pd.DateOffset(months=1), index=plan.index), ramps)
    yet = plan["want"] * (1 - reached / np.where(plan["share"] > 0, plan["share"], 1.0))
    parts = [plan, cannibalised(plan.assign(units=plan["units"].where(plan["factor"].isna(), yet)), forecast, products)]
    out = pd.concat(parts, ignore_index=True)[STREAM_COLUMNS]
    return out[out["units"] != 0].reset_index(drop=True)


def _launches(history: pd.DataFrame, products: pd.DataFrame, first: pd.Timestamp) -> tuple[pd.DataFrame, Matrix]:
    """Return the launches that are ahead or still ramped (product, like_product, begin, scale, launch), and the ramp of each ``launch`` with a 1 behind it."""
    columns = ["product", "like_product", "begin", "scale", "launch"]
    if not {"launch_month", "like_product"} <= set(products) or history.empty:
        return no_rows(columns, columns[:2], ["begin"], launch="int64"), np.ones((0, RAMP_MONTHS + 1))
    new = products[products["launch_month"].notna() & products["like_product"].notna() & (products["product"] != products["like_product"])]
    new = new.assign(begin=begin_of(new, history))
    new = new[new["begin"] > first - pd.DateOffset(months=RAMP_MONTHS)].reset_index(drop=True)
    scale = new["like_scale"].astype(float).fillna(1.0) if "like_scale" in new else 1.0
    ramps = np.column_stack([_ramps(new["like_product"], history, products), np.ones(len(new))])
    return new.assign(scale=scale, launch=new.index)[columns], ramps


def _share(launches: pd.DataFrame, months: pd.Series, ramps: Matrix) -> NDArray[np.float64]:
    """Return the share of its steady level that a launch has reached in a month; none before it begins."""
    age = months_between(months, launches["begin"]).to_numpy()
    return np.where(age < 0, 0.0, ramps[launches["launch"], np.clip(age, 0, RAMP_MONTHS)])


def _sold_against_plan(history: pd.DataFrame, known: pd.DataFrame, ramps: Matrix, first: pd.Timestamp) -> pd.DataFrame:
    """Return by product and region of each launch that sells: months on sale, units planned and sold in them, and the factor on its plan that follows.

    Planned is what the like product sold in the same months, times size and ramp. The ratio of sold to planned is trusted by Buhlmann's credibility: of its
    variance around 1, the share that is not noise. A plan and a month being off by PLAN_ERROR each, that is n / (n + 1) after n months, and less where so
    few units are planned that chance alone moves them. First the product's ratio is moved from 1 by its share, then a region's from the product's.
    """
    months = history[(history["month"] < first) & (history["month"] >= known["begin"].min())]
    like = months[months["product"].isin(known["like_product"])].rename(columns={"product": "like_product"})
    past = known.merge(like[["month", "like_product", "region", "units"]], on="like_product")
    own = months.loc[months["product"].isin(known["product"]), ["month", *KEYS, "units"]].rename(columns={"units": "sold"})
    past = past.merge(own, on=["month", *KEYS], how="left").fillna({"sold": 0.0})
    past["planned"] = past["units"] * past["scale"] * _share(past, past["month"], ramps)
    past = past[past["month"] >= past["begin"]]
    out = past.groupby(KEYS, as_index=False).agg(planned=("planned", "sum"), sold=("sold", "sum"), begin=("begin", "first"))
    out["months"] = months_between(pd.Series(first, index=out.index), out["begin"]).astype(float)
    whole = out.groupby("product")[["planned", "sold"]].transform("sum")
    ratio = whole["sold"] / whole["planned"].where(whole["planned"] > 0)
    expected = out["planned"] * ratio
    apart = (out["sold"] / expected.where(expected > 0)).fillna(1.0)
    out["product_factor"] = 1 + _trust(out["months"], whole["planned"]) * (ratio - 1)
    out["factor"] = out["product_factor"] * (1 + _trust(out["months"], expected) * (apart - 1))
    return out[ratio > 0].reset_index(drop=True)


def _trust(months: pd.Series, units: pd.Series) -> pd.Series:
    """Return the credibility of a ratio to `units` expected over so many months: variance of plans over that plus noise of months and of counts (Poisson)."""
    return 1 / (1 + 1 / months + 1 / (PLAN_ERROR**2 * units.where(units > 0, 1e-9)))


def off_plan(history: pd.DataFrame, products: pd.DataFrame, first: pd.Timestamp) -> list[tuple[str, str, str]]:
    """List launches that run far above or below their plan, or not at all, as rows of `consensus.problems`.

    Parameters
    ----------
    history : DataFrame
        month, product, region, units: complete.
    products : DataFrame
        product, launch_month, like_product, like_scale.
    first : Timestamp
        First month planned.
    """
    known, ramps = _launches(history, products, first)
    known = known[known["begin"] < first]
    if known.empty:
        return []
    sums = _sold_against_plan(history, known, ramps, first)
    whole = sums.groupby("product").agg(planned=("planned", "sum"), sold=("sold", "sum"), begin=("begin", "first"), factor=("product_factor", "first"))
    far = whole[(whole["factor"] > FAR) | (whole["factor"] < 1 / FAR)]
    text = "has sold {:,.0f} units since {:%Y-%m}, {:.2g} times the {:,.0f} planned: its plan is scaled by {:.2f}; mend like_scale, or say more as an insight"
    rows = [("launch", str(r.Index), text.format(r.sold, r.begin, r.sold / r.planned, r.planned, r.factor)) for r in far.itertuples()]
    idle = known[~known["product"].isin(history.loc[history["units"] > 0, "product"])]
    text = "was to be launched in {:%Y-%m} and has sold nothing since, but is planned as if it sold: move its launch_month if it is late"
    return rows + [("launch", product, text.format(begin)) for product, begin in zip(idle["product"], idle["begin"], strict=True)]


def _ramps(likes: pd.Series, history: pd.DataFrame, products: pd.DataFrame) -> Matrix:
    """Return the ramp (n, RAMP_MONTHS) of launches after these products; the usual one where there is no history."""
    launched = products[products["launch_month"].notna() & products["like_product"].notna()]
    mine = history[history["product"].isin({*launched["product"], *launched["like_product"]})]
    past = mine.groupby(["product", "month"])["units"].sum().unstack("month")
    past = past.reindex(columns=month_range(history["month"].min(), history["month"].max()))
    found, row = ramps_by_product(past, products), past.index.get_indexer(pd.Index(likes))
    return np.where((row >= 0)[:, None], found[row], USUAL_RAMP) if len(found) else np.tile(USUAL_RAMP, (len(likes), 1))


def without_volume(products: pd.DataFrame, cells: pd.DataFrame, words: pd.DataFrame, month: pd.Timestamp) -> list[tuple[str, str, str]]:
    """List launches that nothing gives a volume, as rows of `consensus.problems`.

    Parameters
    ----------
    products : DataFrame
        product; launch_month, like_product, end_month where there are any.
    cells : DataFrame
        product, region that are planned by their history or their like product.
    words : DataFrame
        product, start_month, end_month of what gives a volume; blank months are any.
    month : Timestamp
        First month planned.
    """
    if "launch_month" not in products:
        return []
    begins, ends = (pd.to_datetime(products[c] if c in products else pd.Series(pd.NaT, index=products.index)) for c in ("launch_month", "end_month"))
    like = products.get("like_product", pd.Series(index=products.index, dtype="str"))
    spans = words.merge(products[["product"]].assign(begins=begins, ends=ends), on="product")
    told = spans.loc[~((spans["end_month"] < spans["begins"]) | (spans["start_month"] > spans["ends"])), "product"]
    done, planned = products["product"].isin(told), products["product"].isin(cells["product"])
    way = "or bring its volume as an insight or an override in units"
    ahead, young = (begins >= month) & ~done, (begins > month - pd.DateOffset(months=RAMP_MONTHS)) & ~done
    ended = products.loc[ends < month, "product"]
    rows = [("launch", p, f"it has no like product: name one, {way}") for p in products.loc[young & like.isna() & ~planned, "product"]]
    for here, said in (
        (ahead & like.notna() & ~planned, "its like product {} has no history to follow: name another, "),
        (ahead & like.isin(ended) & planned, "its like product {} has ended before the plan begins: name another, "),
    ):
        rows += [("launch", p, said.format(after) + way) for p, after in zip(products.loc[here, "product"], like[here], strict=True)]
    return rows


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
