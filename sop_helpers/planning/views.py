"""Independent views side by side: what each team expects in all, how far it was off before, and what follows from both.

A view is a whole forecast, not a change: sales by region, the pipeline, marketing, the budget, last month's consensus. Each is measured at the decision
lag against what came. By choice of the workbook the plan follows the statistical forecast, a chosen view by family, or the mean of all views weighted by
the inverse of their mean squared error (Bates & Granger 1969).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from sop_helpers.planning.consensus import shares
from sop_helpers.planning.frames import months_between, no_rows

CELL = ["month", "product", "region"]
SCOPE = ["family", "product", "region"]
OWN = "statistical"
FEWEST = 6  # months measured below which a view gets no weight and nobody is called biased
SURE = 2.0  # t value from which a bias is a habit
STALE = 3  # months after which a view that was not said again no longer stands


def as_month(days: pd.Series) -> pd.Series:
    """Return the first day of each day's month."""
    return days.dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")


def with_budget(views: pd.DataFrame, budget: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Let the budget stand as finance's view where finance brought none of its own.

    Parameters
    ----------
    views : DataFrame
        As the contract ``views``; may be empty.
    budget : DataFrame
        month, family, region, units.
    month : Timestamp
        First month planned; the budget counts as said just before it, and for months past, before each of them.
    """
    if budget.empty or (views["view"] == "finance").any():
        return views
    ahead = budget["month"] >= month
    said = budget["month"].where(~ahead, month) - pd.Timedelta(days=1)
    rows = budget[["month", "family", "region", "units"]].assign(stated_on=said.astype("datetime64[us]"), view="finance", author="budget")
    return pd.concat([views, rows.assign(product=pd.Series(index=rows.index, dtype="str"))[views.columns]], ignore_index=True)


def standing(views: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the views that count in a month's plan: months still to come, the latest word on each, said within three months."""
    said = as_month(views["stated_on"])
    fresh = views[(views["month"] >= month) & (said < month) & (said >= month - pd.DateOffset(months=STALE))]
    return fresh.sort_values("stated_on", kind="stable").drop_duplicates(["view", "month", *SCOPE], keep="last").reset_index(drop=True)


def spread(views: pd.DataFrame, base: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Split views down to product and region in proportion to a base forecast; a narrower word stands over a wider one of the same team.

    Parameters
    ----------
    views : DataFrame
        view, month, family, product, region (blank means all), units.
    base : DataFrame
        month, product, region, units.
    products : DataFrame
        product, family.

    Returns
    -------
    DataFrame
        month, product, region, stream, units. What is said of nothing that is planned is left out.
    """
    cells = base[[*CELL, "units"]].assign(family=base["product"].map(products.set_index("product")["family"])).rename(columns={"units": "base"})
    found = []
    for given in (list(c) for n in range(4) for c in combinations(SCOPE, n)):  # wide to narrow
        mine = views[views[given].notna().all(axis=1) & views[[c for c in SCOPE if c not in given]].isna().all(axis=1)]
        if mine.empty:
            continue
        said = mine[["view", "month", *given, "units"]]
        both = cells.merge(said, on=["month", *given])
        found.append(both.assign(units=both["units"] * shares(both, ["view", "month", *given], "base"), stream=both["view"])[[*CELL, "stream", "units"]])
    if not found:
        return no_rows([*CELL, "stream", "units"], ["product", "region", "stream"])
    return pd.concat(found, ignore_index=True).drop_duplicates([*CELL, "stream"], keep="last").sort_values([*CELL, "stream"], ignore_index=True)


def side_by_side(base: pd.DataFrame, last_plan: pd.DataFrame | None, said: pd.DataFrame) -> pd.DataFrame:
    """Put all views of each month, product and region under one another.

    Parameters
    ----------
    base : DataFrame
        month, product, region, units: the statistical forecast with launches, phase-outs and insights.
    last_plan : DataFrame or None
        The same of the last closed month's consensus.
    said : DataFrame
        From `spread`.

    Returns
    -------
    DataFrame
        As the contract ``team_views``: month, product, region, stream, units.
    """
    parts = [base[[*CELL, "units"]].assign(stream=OWN), said]
    if last_plan is not None:
        parts.append(last_plan.loc[last_plan["month"].isin(base["month"].unique()), [*CELL, "units"]].assign(stream="last consensus"))
    return pd.concat(parts, ignore_index=True)[[*CELL, "stream", "units"]].sort_values([*CELL, "stream"], kind="stable", ignore_index=True)


def measured(views: pd.DataFrame, actuals: pd.DataFrame, products: pd.DataFrame, lag_months: int) -> pd.DataFrame:
    """Compare past views with what came of just what they spoke of.

    Parameters
    ----------
    views : DataFrame
        As the contract ``views``.
    actuals : DataFrame
        month, product, region, units: demand.
    products : DataFrame
        product, family.
    lag_months : int
        Months from the month in which it was said to the month forecast.

    Returns
    -------
    DataFrame
        stream, author, family, month, actual, forecast: one row for each month of a family that an author spoke of; "all" where no family was named.
    """
    family = products.set_index("product")["family"]
    lag = months_between(views["month"], as_month(views["stated_on"]))
    # The budget is one forecast, however long before: it is measured as it stands.
    past = views[((lag == lag_months) | (views["author"] == "budget")) & (views["month"] <= actuals["month"].max())]
    past = past.sort_values("stated_on", kind="stable").drop_duplicates(["view", "author", "month", *SCOPE], keep="last")
    came = actuals.assign(family=actuals["product"].map(family))
    found = []
    for given in (list(c) for n in range(4) for c in combinations(SCOPE, n)):
        mine = past[past[given].notna().all(axis=1) & past[[c for c in SCOPE if c not in given]].isna().all(axis=1)]
        if mine.empty:
            continue
        sums = came.groupby(["month", *given], as_index=False)["units"].sum().rename(columns={"units": "actual"})
        both = mine.merge(sums, on=["month", *given], how="left").fillna({"actual": 0.0})
        named = both["family"] if "family" in given else both["product"].map(family) if "product" in given else pd.Series("all", index=both.index)
        found.append(pd.DataFrame({"stream": both["view"], "author": both["author"], "family": named, "month": both["month"], "actual": both["actual"],
                                   "forecast": both["units"]}))
    if not found:
        return no_measured()
    keys = ["stream", "author", "family", "month"]
    return pd.concat(found, ignore_index=True).groupby(keys, as_index=False)[["actual", "forecast"]].sum()


def no_measured() -> pd.DataFrame:
    """Return the table where nothing could be measured."""
    return no_rows(["stream", "author", "family", "month", "actual", "forecast"], ["stream", "author", "family"])


def measured_forecasts(tried: pd.DataFrame, products: pd.DataFrame, lag_months: int, streams: dict[str, str]) -> pd.DataFrame:
    """Return the same of forecasts by product and region, at the decision lag.

    Parameters
    ----------
    tried : DataFrame
        month, product, region, lag, actual and the columns of `streams`.
    products : DataFrame
        product, family.
    lag_months : int
        Decision lag.
    streams : dict
        Name shown -> column.
    """
    at = tried[tried["lag"] == lag_months]
    if at.empty:
        return no_measured()
    at = at.assign(family=at["product"].map(products.set_index("product")["family"]))
    parts = []
    for name, column in streams.items():
        sums = at.dropna(subset=[column]).groupby(["family", "month"], as_index=False)[["actual", column]].sum()
        parts.append(sums.rename(columns={column: "forecast"}).assign(stream=name, author="the workbook"))
    return pd.concat(parts, ignore_index=True)[["stream", "author", "family", "month", "actual", "forecast"]]


def accuracy_of_views(errors: pd.DataFrame) -> pd.DataFrame:
    """Measure each view by family: WMAPE, bias, and the weight that its mean squared error earns it.

    Weights add up to one within a family over the views measured in at least six months; without two such views there are none.

    Parameters
    ----------
    errors : DataFrame
        stream, family, month, actual, forecast.

    Returns
    -------
    DataFrame
        As the contract ``view_accuracy``: family, stream, points, wmape, bias, weight.
    """
    sums = errors.groupby(["family", "stream", "month"], as_index=False)[["actual", "forecast"]].sum()
    sums = sums.assign(off=(sums["forecast"] - sums["actual"]).abs(), square=(sums["forecast"] - sums["actual"]) ** 2, over=sums["forecast"] - sums["actual"])
    out = sums.groupby(["family", "stream"], as_index=False).agg(
        points=("month", "nunique"), actual=("actual", "sum"), off=("off", "sum"), over=("over", "sum"), square=("square", "mean")
    )
    bottom = out["actual"].where(out["actual"] > 0)
    out["wmape"], out["bias"] = out["off"] / bottom, out["over"] / bottom
    usual = (out["actual"] / out["points"]).pow(2) * 1e-6  # nobody is exact: an error of a thousandth is the least that is believed
    inverse = (1 / np.maximum(out["square"], usual.where(usual > 0, 1.0))).where(out["points"] >= FEWEST)
    groups = inverse.groupby(out["family"])
    out["weight"] = (inverse / groups.transform("sum")).where(groups.transform("count") >= 2)
    out["points"] = out["points"].astype(float)
    return out[["family", "stream", "points", "wmape", "bias", "weight"]]


def habits(errors: pd.DataFrame) -> pd.DataFrame:
    """Tell who forecasts too high or too low as a habit, and by which factor their next word could be corrected.

    The mean of log(forecast / actual) by month is tested against zero; the factor takes half of it away, for habits are measured on few months.

    Parameters
    ----------
    errors : DataFrame
        stream, author, family, month, actual, forecast.

    Returns
    -------
    DataFrame
        As the contract ``forecast_habits``: stream, author, family, points, bias, t, factor, note. A factor of 1 offers nothing.
    """
    keys = ["stream", "author", "family"]
    good = errors[(errors["actual"] > 0) & (errors["forecast"] > 0)]
    ratio = np.log(good["forecast"] / good["actual"])
    out = good.assign(ratio=ratio).groupby(keys, as_index=False).agg(points=("ratio", "size"), mean=("ratio", "mean"), spread=("ratio", "std"))
    error = out["spread"].fillna(0.0) / np.sqrt(out["points"])
    out["t"] = np.where(error > 1e-12, out["mean"] / error.where(error > 1e-12, 1.0), 0.0)
    out["bias"] = np.expm1(out["mean"])
    clear = (out["points"] >= FEWEST) & (out["t"].abs() >= SURE)
    out["factor"] = np.where(clear, np.exp(-out["mean"] / 2), 1.0)
    side = np.where(out["mean"] > 0, "too high", "too low")
    said = pd.Series("forecasts " + pd.Series(side, index=out.index) + " as a habit", index=out.index)
    few = "only " + out["points"].astype(str) + " months: too few to tell"
    out["note"] = np.select([clear, out["points"] < FEWEST], [said, few], "no habit to be seen")
    out["points"] = out["points"].astype(float)
    return out[[*keys, "points", "bias", "t", "factor", "note"]].sort_values(["factor", *keys], kind="stable", ignore_index=True)


def corrected(views: pd.DataFrame, offered: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Multiply each author's views by the factor that `habits` offers for the family."""
    family = views["family"].fillna(views["product"].map(products.set_index("product")["family"])).fillna("all")
    key = pd.MultiIndex.from_arrays([views["view"], views["author"], family])
    factor = offered.set_index(["stream", "author", "family"])["factor"].reindex(key).fillna(1.0).to_numpy()
    return views.assign(units=views["units"] * factor)


def agreed_stream(views: pd.DataFrame, weights: pd.DataFrame, products: pd.DataFrame, rule: str, chosen: dict[str, str]) -> pd.DataFrame:
    """Return what the rule of reconciliation adds to the workbook's own view, as a stream.

    Parameters
    ----------
    views : DataFrame
        From `side_by_side`.
    weights : DataFrame
        family, stream, weight (see `accuracy_of_views`).
    products : DataFrame
        product, family.
    rule : {"statistical", "weights", "chosen"}
        The plan follows the workbook's own view; the weighted mean of all; or a chosen view by family.
    chosen : dict
        Family -> view, for the rule "chosen".

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units; nothing where a family has no weights or the view chosen says nothing.

    Raises
    ------
    ValueError
        The rule "chosen" names a family that no product has.
    """
    unknown = sorted(set(chosen) - set(products["family"])) if rule == "chosen" else []
    if unknown:
        families = ", ".join(sorted(products["family"].unique()))
        raise ValueError(f"policies.demand.chosen_views names {', '.join(unknown)}; products have the families {families}")
    empty = views.iloc[:0][CELL].assign(stream=pd.Series(dtype="str"), source=pd.Series(dtype="str"), units=pd.Series(dtype="float64"))
    if rule == OWN or views.empty:
        return empty
    v = views.assign(family=views["product"].map(products.set_index("product")["family"]))
    own = v[v["stream"] == OWN].set_index(CELL)["units"]
    if rule == "chosen":
        v = v[v["stream"] == v["family"].map(chosen)].assign(weight=1.0)
    else:
        v = v.merge(weights.dropna(subset=["weight"])[["family", "stream", "weight"]], on=["family", "stream"])
    v = v[v["weight"] > 0]
    if v.empty:
        return empty
    v = v.assign(part=v["units"] * v["weight"]).groupby([*CELL, "family"], as_index=False)[["part", "weight"]].sum()
    mean = v["part"] / v["weight"]
    change = mean - own.reindex(pd.MultiIndex.from_frame(v[CELL])).fillna(0.0).to_numpy()
    if rule == "chosen":
        source = "view of " + v["family"].map(chosen)
    else:
        named = weights.dropna(subset=["weight"]).sort_values("weight", ascending=False, kind="stable")
        text = (named["stream"] + " " + (100 * named["weight"]).round().astype(int).astype(str) + " %").groupby(named["family"], sort=False).agg(", ".join)
        source = "weights: " + v["family"].map(text)
    out = v[CELL].assign(stream="agreed", source=source.astype("str"), units=change)
    return out[out["units"].abs() > 1e-9].reset_index(drop=True)
