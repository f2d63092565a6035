"""Who speaks for what in a view: parts that several people state add up, whole words of one team replace each other.

Sales is built from the bottom: each author states what they expect of their own customers, so the parts of several authors are added up, whatever family,
product or region they name. Every other view is one team's word on the whole: said again by anybody of the team, the later word stands.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import CELL, SCOPE, shares, subject
from sop_helpers.planning.frames import months_between, no_rows

IN_PARTS = ["sales"]  # views that are the sum of what their authors state
STALE = 3  # months after which a view that was not said again no longer stands
NAMED = 3  # people named one by one where several speak together
WIDTHS = [list(c) for n in range(4) for c in combinations(SCOPE, n)]


def as_month(days: pd.Series) -> pd.Series:
    """Return the first day of each day's month."""
    return days.dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")


def part_of(views: pd.DataFrame) -> pd.Series:
    """Return the author of each view that is a part of a sum, and "" for a word on the whole."""
    return views["author"].where(views["view"].isin(IN_PARTS), "").astype("str")


def latest(views: pd.DataFrame) -> pd.DataFrame:
    """Return the latest word on each month, family, product and region: of each author where parts add up, else of the team."""
    rows = views.assign(part=part_of(views)).sort_values("stated_on", kind="stable")
    return rows.drop_duplicates(["view", "part", "month", *SCOPE], keep="last").drop(columns="part").reset_index(drop=True)


def fresh(views: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    """Return the views of months still to come that were said within three months before the month planned."""
    said = as_month(views["stated_on"])
    return views[(views["month"] >= month) & (said < month) & (said >= month - pd.DateOffset(months=STALE))]


def of_width(views: pd.DataFrame, given: list[str]) -> pd.DataFrame:
    """Return the views that name just these of family, product and region."""
    return views[views[given].notna().all(axis=1) & views[[c for c in SCOPE if c not in given]].isna().all(axis=1)]


def split(views: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Split views down to cells in proportion to a base; see `views.spread`.

    Parameters
    ----------
    views : DataFrame
        view, author, month, family, product, region, units.
    cells : DataFrame
        month, product, region, family, base; on_sale where it is known.

    Returns
    -------
    DataFrame
        month, product, region, family, stream, units.
    """
    said = views.rename(columns={"view": "stream", "units": "word"}).assign(part=part_of(views))
    cell = [*CELL, "family"]
    done = no_rows([*cell, "stream", "part", "units"], ["product", "region", "family", "stream", "part"])
    for given in reversed(WIDTHS):  # narrow to wide: a product is narrower than its family
        mine = of_width(said, given)
        if mine.empty:
            continue
        group = ["stream", "part", "month", *given]
        both = cells.merge(mine[[*group, "word"]], on=["month", *given]).merge(done, on=[*cell, "stream", "part"], how="left")
        both["word"] = (both["word"] - both.groupby(group)["units"].transform("sum")).clip(lower=0.0)
        both = both[both["units"].isna()]
        found = both.assign(units=both["word"] * shares(both, group, "base", cells))[list(done)]
        done = pd.concat([done, found], ignore_index=True) if len(done) else found
    return done.groupby([*cell, "stream"], as_index=False, sort=True, dropna=False)["units"].sum()


def stood_at(views: pd.DataFrame, products: pd.DataFrame, lag_months: int) -> pd.DataFrame:
    """Return the views that were said at the decision lag, and with parts those of others that stood beside them.

    Parameters
    ----------
    views : DataFrame
        As the contract ``views``; the budget is one forecast, however long before, and stands as it is.
    products : DataFrame
        product, family.
    lag_months : int
        Decision lag.

    Returns
    -------
    DataFrame
        The latest word of each author, and beside it: stood (not replaced by a later one of the same team), and from `together` voice and group.
    """
    lag = months_between(views["month"], as_month(views["stated_on"]))
    parts = views["view"].isin(IN_PARTS)
    now = (lag == lag_months) | (views["author"] == "budget")
    rows = views.assign(now=now)[now | (parts & (lag > lag_months) & (lag < lag_months + STALE))].sort_values("stated_on", kind="stable")
    rows = rows.drop_duplicates(["view", "author", "month", *SCOPE], keep="last").reset_index(drop=True)
    rows = together(rows, products)
    rows["stood"] = rows["view"].isin(IN_PARTS) | ~rows.duplicated(["view", "month", *SCOPE], keep="last")
    heard = rows["now"] | ((rows["group"] >= 0) & rows.groupby("group")["now"].transform("any"))
    return rows[heard].drop(columns="now").reset_index(drop=True)


def together(views: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Tell which parts speak of the same month, product and region, so that only their sum can be held against what came.

    Returns
    -------
    DataFrame
        The views, and beside them: group (a number for those that share anything with one another, -1 for who speaks alone), voice (the author, or all of the
        group's).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    out = views.assign(group=-1, voice=views["author"])
    parts = views[views["view"].isin(IN_PARTS)]
    parts = parts[parts.groupby(["view", "month"])["author"].transform("nunique") > 1]
    if parts.empty:
        return out
    cells = _cells(parts, products)
    cells = cells.assign(cell=np.arange(len(cells)))
    pairs = []
    for given in WIDTHS:
        mine = of_width(parts, given)[["view", "month", *given]].rename_axis("row").reset_index()
        pairs.append((mine.merge(cells, on=given) if given else mine.merge(cells[["cell"]], how="cross"))[["row", "view", "month", "cell"]])
    pairs = pd.concat([p for p in pairs if len(p)], ignore_index=True)
    place = parts.index.get_indexer(pairs["row"])
    there = pairs.groupby(["view", "month", "cell"]).ngroup().to_numpy() + len(parts)
    size = int(there.max()) + 1
    label = connected_components(coo_matrix((np.ones(len(place)), (place, there)), shape=(size, size)), directed=False)[1][: len(parts)]
    several = parts["author"].groupby(label).transform("nunique") > 1
    names = parts.loc[several, "author"].groupby(label[several]).agg(_names)
    out.loc[parts.index[several], "group"] = label[several]
    out.loc[parts.index[several], "voice"] = names.reindex(label[several]).to_numpy()
    return out


def measured_together(parts: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    """Hold the sum of parts that share cells against what came of all that any of them spoke of.

    Parameters
    ----------
    parts : DataFrame
        Views with a group, from `together`.
    came : DataFrame
        month, family, product, region, units.

    Returns
    -------
    DataFrame
        group, actual, forecast.
    """
    known = came.assign(
        product=came["product"].where(came["product"].isin(parts["product"]), ""), region=came["region"].where(came["region"].isin(parts["region"]), ""),
        family=came["family"].fillna(""),
    )  # fmt: skip
    cell = [*CELL, "family"]
    sums = known.groupby(cell, as_index=False)["units"].sum().rename(columns={"units": "actual"})
    there = known[cell[1:]].drop_duplicates()
    cells = parts[["month"]].drop_duplicates().merge(there, how="cross").merge(sums, on=cell, how="left").fillna({"actual": 0.0})
    # Where units fall within a group is of no account; returns could leave a base below zero.
    cells["base"] = cells["actual"].clip(lower=0.0)
    found = []
    for _, mine in parts.groupby("view"):  # the groups of a view share no cell
        rows = mine.rename_axis("row").reset_index()
        reached = [of_width(rows, g)[["row", "month", "group", *g]].merge(cells, on=["month", *g])[["row", "group", *cell, "actual"]] for g in WIDTHS]
        reached = pd.concat(reached)
        never = mine.loc[~mine.index.isin(reached["row"]), ["group", "units"]].rename(columns={"units": "forecast"})  # of what nobody ever ordered
        both = reached.drop_duplicates(["group", *cell]).merge(split(mine, cells), on=cell, how="left").rename(columns={"units": "forecast"})
        both = pd.concat([both[["group", "actual", "forecast"]], never.assign(actual=0.0)])
        found.append(both.groupby("group", as_index=False)[["actual", "forecast"]].sum())
    return pd.concat(found, ignore_index=True)


def doubtful(views: pd.DataFrame, month: pd.Timestamp, products: pd.DataFrame) -> pd.DataFrame:
    """List where several people speak of the same in one view and it is not clear that it was meant to be taken as it is.

    Of a view that is one team's word: who is replaced by whom. Of a view in parts: people whose parts add up, but who name different things that overlap, or
    spoke in different months: one may be the sum of the others, or their successor.

    Parameters
    ----------
    views : DataFrame
        As the contract ``views``.
    month : Timestamp
        First month planned.
    products : DataFrame
        product, family.

    Returns
    -------
    DataFrame
        what (view), source (people), message; as `consensus.problems`.
    """
    rows = fresh(views, month).sort_values("stated_on", kind="stable").drop_duplicates(["view", "author", "month", *SCOPE], keep="last")
    if rows.empty:
        return no_rows(["what", "source", "message"], ["what", "source", "message"])
    rows = together(rows.reset_index(drop=True), products)
    rows = rows.assign(subject=rows[SCOPE].agg(subject, axis=1).astype("str"), said=as_month(rows["stated_on"]))
    found = []
    team = rows[~rows["view"].isin(IN_PARTS)]
    if len(team):
        last = team.groupby(["view", "month", "subject"])["author"].transform("last")
        lost = team[team["author"] != last].assign(last=last)
        for (view, author, by, about), mine in lost.groupby(["view", "author", "last", "subject"]):
            said = f"what {author} expects of {about} {_months(mine['month'])} is replaced by {by}'s later word: one counts for the team, so agree on it"
            found.append((view, author, said))
    parts = rows[rows["group"] >= 0]
    if len(parts):
        groups = parts.groupby("group")
        unclear = (groups["subject"].transform("nunique") > 1) | (groups["said"].transform("nunique") > 1)
        each = parts[unclear].groupby(["group", "view", "voice", "month"])["subject"].agg(lambda s: ", ".join(sorted(set(s)))).reset_index()
        for (view, voice, about), mine in each.groupby(["view", "voice", "subject"]):
            said = f"their parts are added up for {about} {_months(mine['month'])}: where one holds the other's or took over from them, state the other's as 0"
            found.append((view, voice, said))
    return pd.DataFrame(found, columns=["what", "source", "message"]).astype("str")


def _months(months: pd.Series) -> str:
    first, last = months.min(), months.max()
    return f"in {first:%Y-%m}" if first == last else f"in {first:%Y-%m} to {last:%Y-%m}"


def _names(authors: pd.Series) -> str:
    names = sorted(set(authors))
    more = len(names) - NAMED
    return " + ".join(names) if more <= 0 else " + ".join(names[:NAMED]) + f" + {more} more"


def _cells(parts: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Return the coarsest cells that views tell apart: product and region where any names them, "" for all others; and the family."""
    known = products.set_index("product")["family"]
    named = parts["product"].dropna().unique()
    items = pd.concat([
        pd.DataFrame({"product": known.index.where(known.index.isin(named), ""), "family": known.to_numpy()}),
        pd.DataFrame({"product": named, "family": known.reindex(named).to_numpy()}),
        pd.DataFrame({"product": "", "family": [*parts["family"].dropna().unique(), ""]}),
    ]).fillna({"family": ""}).drop_duplicates(["product", "family"])  # fmt: skip
    regions = pd.DataFrame({"region": [*parts["region"].dropna().unique(), ""]})
    return items.merge(regions, how="cross").astype(dict.fromkeys(["product", "family", "region"], "str"))
