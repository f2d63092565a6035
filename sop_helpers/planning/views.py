"""Independent views side by side: what each team expects in all, how far it was off before, and what follows from both.

A view is a whole forecast, not a change: sales by rep or region, the pipeline, marketing, the budget, last month's consensus. The parts that reps state add
up; of a team that speaks as one the later word stands (see `voices`). Each is measured at the decision lag against what came. By choice of the workbook the
plan follows the statistical forecast, a chosen view by family, or the mean of all views weighted by the inverse of their mean squared error (Bates & Granger
1969).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import CELL, brought, on_sale
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.voices import WIDTHS, fresh, latest, measured_together, of_width, split, stood_at, together

OWN = "statistical"
ALL = "all"  # what a view is measured on where it named no family
FEWEST = 6  # months measured below which a view gets no weight and nobody is called biased
SURE = 2.0  # t value from which a bias is a habit
EXACT = 1e-3  # nobody is exact: an error of a thousandth is the least that is believed


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
    """Return the views that count in a month's plan: months still to come, the latest word on each, said within three months.

    In a view made of parts, the latest word of each author: they add up.
    """
    return latest(fresh(views, month))


def spread(views: pd.DataFrame, base: pd.DataFrame, products: pd.DataFrame, regions: pd.Series | None = None) -> pd.DataFrame:
    """Split views down to product and region in proportion to a base forecast; a narrower word of the same team stands, a wider one gives the rest of it.

    A team that expects 1,000 of a family and 300 of one of its products expects 700 of the others, or nothing where the narrower word is larger. In a view
    made of parts, this holds for each author's part, and the parts add up.

    Parameters
    ----------
    views : DataFrame
        view, author, month, family, product, region (blank means all), units.
    base : DataFrame
        month, product, region, units.
    products : DataFrame
        product, family.
    regions : Series, optional
        Regions that are known beside those of the base.

    Returns
    -------
    DataFrame
        month, product, region, stream, units. What is said of a product in a region where nothing is planned of it brings it in, while it is on sale; what is
        said of a product or region that nobody knows is left out.
    """
    new = brought(views[views["units"] > 0], base, products, regions)
    every = pd.concat([base[[*CELL, "units"]], new], ignore_index=True) if len(new) else base[[*CELL, "units"]]
    cells = on_sale(every, products).rename(columns={"units": "base"})
    return split(views, cells)[[*CELL, "stream", "units"]].sort_values([*CELL, "stream"], ignore_index=True)


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
        stream, author, family, month, actual, forecast, stood: one row for each month of a family that an author spoke of; "all" where no family was named.
        Parts that share anything are held together against what came of all of it, under the names of all who stated them: nobody knows whose share came.
        What a colleague replaced did not stand: it is the author's, but not the team's.
    """
    family = products.set_index("product")["family"]
    past = stood_at(views[views["month"] <= actuals["month"].max()], products, lag_months)
    past["named"] = past["family"].fillna(past["product"].map(family)).mask(past["family"].isna() & past["product"].isna(), ALL)
    came = actuals.assign(family=actuals["product"].map(family))
    shared = past[past["group"] >= 0]
    found = []
    if len(shared):
        who = shared.groupby("group").agg(
            stream=("view", "first"), author=("voice", "first"), month=("month", "first"), family=("named", "first"), families=("named", "nunique")
        )
        who["family"] = who["family"].where(who["families"] <= 1, ALL)
        found.append(measured_together(shared, came).join(who.drop(columns="families"), on="group").drop(columns="group").assign(stood=True))
    past = past[past["group"] < 0]
    for given in WIDTHS:
        mine = of_width(past, given)
        if mine.empty:
            continue
        sums = came.groupby(["month", *given], as_index=False)["units"].sum().rename(columns={"units": "actual"})
        both = mine.merge(sums, on=["month", *given], how="left").fillna({"actual": 0.0})
        found.append(pd.DataFrame({"stream": both["view"], "author": both["author"], "family": both["named"], "month": both["month"], "actual": both["actual"],
                                   "forecast": both["units"], "stood": both["stood"]}))
    if not found:
        return no_measured()
    keys = ["stream", "author", "family", "month", "stood"]
    return pd.concat(found, ignore_index=True).groupby(keys, as_index=False)[["actual", "forecast"]].sum()[[*no_measured(), "stood"]]


def no_measured() -> pd.DataFrame:
    """Return the table where nothing could be measured."""
    return no_rows(["stream", "author", "family", "month", "actual", "forecast"], ["stream", "author", "family"])


def as_followed(views: pd.DataFrame, tried: pd.DataFrame, products: pd.DataFrame, lag_months: int) -> pd.DataFrame:
    """Return what each past view would have made of its families: its own word where it spoke, the statistical forecast elsewhere.

    Views speak of different things, a region here and a product there, so that only this tells which of them would have served a family best.

    Parameters
    ----------
    views : DataFrame
        As the contract ``views``.
    tried : DataFrame
        month, product, region, lag, actual, statistical: the backtest of the statistical forecast.
    products : DataFrame
        product, family.
    lag_months : int
        Decision lag.

    Returns
    -------
    DataFrame
        stream, author, family, month, actual, forecast: months and families of which a view spoke, and in which the statistical forecast was tried.
    """
    at = tried[tried["lag"] == lag_months].dropna(subset=["statistical"])
    past = stood_at(views, products, lag_months)
    if at.empty or past.empty:
        return no_measured()
    said = spread(past[past["stood"]], at.rename(columns={"statistical": "units"}), products).rename(columns={"units": "word"})
    at = at.assign(family=at["product"].map(products.set_index("product")["family"]))
    parts = []
    for stream, mine in said.groupby("stream"):  # a handful
        both = at.merge(mine, on=CELL, how="left")
        spoke = both["word"].notna().groupby([both["family"], both["month"]]).transform("any")
        both["forecast"] = both["word"].fillna(both["statistical"])
        parts.append(both[spoke].groupby(["family", "month"], as_index=False)[["actual", "forecast"]].sum().assign(stream=stream, author="all"))
    return pd.concat(parts, ignore_index=True)[list(no_measured())] if parts else no_measured()


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


def accuracy_of_views(errors: pd.DataFrame, followed: pd.DataFrame | None = None) -> pd.DataFrame:
    """Measure each view by family: WMAPE, bias, and the weight that its mean squared error earns it.

    Weights add up to one within a family over the views measured in at least six months; without two such views there are none. Squared errors are taken
    relative to those of the statistical forecast in the same months, for views are measured in different ones.

    Parameters
    ----------
    errors : DataFrame
        stream, family, month, actual, forecast: of what each view spoke of; what did not stand (see `measured`) is left out.
    followed : DataFrame, optional
        From `as_followed`: the same of whole families, from which views earn their weights. Streams that are not in it speak of whole families in `errors`.

    Returns
    -------
    DataFrame
        As the contract ``view_accuracy``: family, stream, points, wmape, bias, weight. A view that never named a family is measured on "all", and in the
        families as followed.
    """
    own = _by_stream(errors)
    if followed is None or followed.empty:
        return _weighted(own, own)
    whole = _by_stream(pd.concat([errors[~errors["stream"].isin(followed["stream"])], followed], ignore_index=True))
    return _weighted(pd.concat([own, whole.loc[whole.index.difference(own.index)]]), whole)


def _by_stream(errors: pd.DataFrame) -> pd.DataFrame:
    """Return by family and stream: points, actual, wmape, bias, and relative: squared error over that of the statistical forecast in the same months."""
    if "stood" in errors:
        errors = errors[errors["stood"].ne(False)]  # blank for forecasts, which nobody replaces
    sums = errors.groupby(["family", "stream", "month"], as_index=False)[["actual", "forecast"]].sum()
    over = sums["forecast"] - sums["actual"]
    sums = sums.assign(off=over.abs(), square=over**2, over=over)
    own = sums.loc[sums["stream"] == OWN, ["family", "month", "square"]].rename(columns={"square": "own"})
    sums = sums.merge(own, on=["family", "month"], how="left")
    known = ~sums["family"].isin(own["family"]) | sums["own"].notna()  # beside the statistical forecast, months in which it was tried count
    sums["compared"] = sums["square"].where(known)
    out = sums.groupby(["family", "stream"]).agg(
        points=("month", "nunique"), actual=("actual", "sum"), off=("off", "sum"), over=("over", "sum"), square=("compared", "mean"), own=("own", "mean"),
        compared=("compared", "count"),
    )  # fmt: skip
    bottom = out["actual"].where(out["actual"] > 0)
    out["wmape"], out["bias"] = out["off"] / bottom, out["over"] / bottom
    usual = (EXACT * out["actual"] / out["points"]).pow(2)
    usual = usual.where(usual > 0, 1.0)
    out["relative"] = np.maximum(out["square"], usual) / np.maximum(out["own"], usual).fillna(1.0)
    return out


def _weighted(out: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Put beside each view the weight that its relative squared error over whole families earns it."""
    inverse = (1 / whole["relative"]).where((whole["compared"] >= FEWEST) & (whole.index.get_level_values("family") != ALL))
    groups = inverse.groupby(level="family")
    weight = (inverse / groups.transform("sum")).where(groups.transform("count") >= 2)
    out = out.assign(weight=weight.reindex(out.index), points=out["points"].astype(float)).sort_index().reset_index()
    return out[["family", "stream", "points", "wmape", "bias", "weight"]]


def habits(errors: pd.DataFrame) -> pd.DataFrame:
    """Tell who forecasts too high or too low as a habit, and by which factor their next word could be corrected.

    The mean of log(forecast / actual) by month is tested against zero; the factor takes half of it away, for habits are measured on few months. Who is
    always off by the same has the clearest habit of all: months are taken to spread by a thousandth at least.

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
    if "stood" in errors:  # a word is the author's whether or not it stood
        errors = errors.groupby([*keys, "month"], as_index=False)[["actual", "forecast"]].sum()
    good = errors[(errors["actual"] > 0) & (errors["forecast"] > 0)]
    ratio = np.log(good["forecast"] / good["actual"])
    out = good.assign(ratio=ratio).groupby(keys, as_index=False).agg(points=("ratio", "size"), mean=("ratio", "mean"), spread=("ratio", "std"))
    error = out["spread"].clip(lower=EXACT) / np.sqrt(out["points"])  # of one month no spread is known
    out["t"] = (out["mean"] / error).fillna(0.0)
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
    """Multiply each author's views by the factor that `habits` offers for the family: that of all together where parts are shared."""
    family = views["family"].fillna(views["product"].map(products.set_index("product")["family"])).fillna(ALL)
    key = pd.MultiIndex.from_arrays([views["view"], together(views, products)["voice"], family])
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
