"""What the plan rests on and who moved it: assumptions with their volume, breaches of the freeze fence, value added by each person."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sop_helpers.planning.cells import CELL, SCOPE, subject
from sop_helpers.planning.floors import settled
from sop_helpers.planning.frames import name_items, no_rows

NEXT_TO_NOTHING = 0.05  # points of WMAPE
SMALL = 12  # months of products and regions below which a person's value added is no evidence


def assumptions(
    insights: pd.DataFrame, overrides: pd.DataFrame, streams: pd.DataFrame, products: pd.DataFrame, month: pd.Timestamp
) -> pd.DataFrame:
    """List every insight and override with the volume of this plan that hangs on it.

    Parameters
    ----------
    insights, overrides : DataFrame
        As the contract and the journal.
    streams : DataFrame
        As the contract ``streams``: an insight's source is its identifier, an override's its author and identifier.
    products : DataFrame
        product, unit_price, and optionally name, which stands behind the code in the subject.
    month : Timestamp
        First month planned.

    Returns
    -------
    DataFrame
        As the contract ``assumptions``: source, kind (of the insight, override or locked override), author, subject, start_month, end_month, expires_month,
        units, money, status, text; largest first.
        Status: in the plan; expired (still to come, but no longer counted); ends soon (counts, expires next month); past; without effect.
    """
    price = products.set_index("product")["unit_price"]
    worth = streams.assign(money=streams["units"] * streams["product"].map(price).fillna(0.0)).groupby("source")[["units", "money"]].sum()
    parts = []
    for table, key, kind, text in ((insights, "insight", "kind", "note"), (overrides, "id", "", "reason")):
        if table.empty:
            continue
        about = table.reindex(columns=SCOPE)
        if "name" in products:
            about = about.assign(product=name_items(about["product"], products).where(about["product"].notna()))
        named = about.agg(subject, axis=1)
        source = table[key].astype(str)
        parts.append(pd.DataFrame({
            "source": source, "kind": table[kind] if kind else _kinds(table), "author": table["author"], "subject": named, "start_month": table["start_month"],
            "end_month": table["end_month"], "expires_month": table["expires_month"], "text": table[text].fillna("").astype(str),
            "counted": source if kind else table["author"].astype(str) + " " + source,
        }))
    if not parts:
        return no_assumptions()
    out = pd.concat(parts, ignore_index=True)
    sums = worth.reindex(out["counted"]).reset_index(drop=True)
    out["units"], out["money"] = sums["units"].fillna(0.0), sums["money"].fillna(0.0)
    gone = out["expires_month"] <= month
    soon = out["expires_month"] <= month + pd.DateOffset(months=1)
    past = out["end_month"] < month
    there = sums["units"].notna().to_numpy()
    out["status"] = np.select([past, gone, ~there, soon], ["past", "expired", "without effect", "ends soon"], "in the plan")
    out["size"] = out["money"].abs()
    out = out.sort_values(["size", "source"], ascending=[False, True], kind="stable", ignore_index=True)
    return out[list(no_assumptions().columns)]


def insights_in_short(insights: pd.DataFrame, names: Mapping[str, str], month: pd.Timestamp) -> pd.DataFrame:
    """Return insights as people read them: one column for the months, one for the effect, and whether each still counts.

    Parameters
    ----------
    insights : DataFrame
        As the contract.
    names : mapping
        Product to name.
    month : Timestamp
        First month planned.

    Returns
    -------
    DataFrame
        function, kind, about (product or family, and region), months, effect, confidence, state (past, expired, counts), author, note.
    """
    share = insights["effect_pct"].map("{:+g} %".format, na_action="ignore")
    units = insights["effect_units"].map("{:+,.0f} units".format, na_action="ignore").where(insights["effect_units"] != 0)
    state = pd.Series(np.where(insights["expires_month"] <= month, "expired", "counts"), index=insights.index).mask(insights["end_month"] < month, "past")
    about = insights["product"].map(names).astype("object").fillna(insights["family"]).fillna("all products").astype("str")
    return insights.assign(
        about=about + (" / " + insights["region"]).fillna(""), months=_span(insights),
        effect=share.where(insights["effect_pct"] != 0).fillna(units).fillna("none stated"), state=state,
    )[["function", "kind", "about", "months", "effect", "confidence", "state", "author", "note"]]  # fmt: skip


def assumptions_in_short(table: pd.DataFrame) -> pd.DataFrame:
    """Return the register as people read it: source, kind, author, subject, months, expires, units, money, status, text.

    Parameters
    ----------
    table : DataFrame
        From `assumptions`.
    """
    columns = ["source", "kind", "author", "subject", "months", "expires", "units", "money", "status", "text"]
    return table.assign(months=_span(table), expires=table["expires_month"])[columns]


def _span(table: pd.DataFrame) -> pd.Series:
    """Return ``2026-10`` or ``2026-10 to 2026-12`` of each row's start_month and end_month."""
    first, last = (table[c].dt.strftime("%Y-%m").astype("str") for c in ("start_month", "end_month"))
    return first + (" to " + last).where(first != last, "")


def _kinds(overrides: pd.DataFrame) -> pd.Series:
    """Tell locked overrides from others."""
    locked = overrides.reindex(columns=["locked"])["locked"].eq(True)
    return pd.Series(np.where(locked, "locked override", "override"), index=overrides.index, dtype="str")


def no_assumptions() -> pd.DataFrame:
    """Return the register where nobody said anything."""
    said, spans = ["source", "kind", "author", "subject"], ["start_month", "end_month", "expires_month"]
    return no_rows([*said, *spans, "units", "money", "status", "text"], [*said, "status", "text"], spans)


def fence_breaches(
    plan: pd.DataFrame, last_plan: pd.DataFrame, streams: pd.DataFrame, last_streams: pd.DataFrame, products: pd.DataFrame, *, fence_months: int,
    tolerance: float,
) -> pd.DataFrame:
    """List where the plan of the nearest months moved by more than was agreed: what is being made for them can no longer follow.

    A family and region may move by the tolerance, and no product within it may move by more units than that either: one that takes from another is listed by
    itself, unless its family and region is listed for a move the same way. What moves less than its family and region may is not worth a line.

    Parameters
    ----------
    plan, last_plan : DataFrame
        month, product, region, units: this plan and that of the last closed month.
    streams, last_streams : DataFrame
        As the contract ``streams``.
    products : DataFrame
        product, family, unit_price.
    fence_months : int
        Months from the first month planned that are frozen; none where 0.
    tolerance : float
        Share of last month's plan of a family and region by which it may move.

    Returns
    -------
    DataFrame
        As the contract ``fence_breaches``: month, family, region, product (blank for the family as a whole), before, units, change_pct, money, stream, source
        (of the part that moved most).
    """
    keys, cell = ["month", "family", "region"], ["month", "family", "region", "product"]
    columns = [*cell, "before", "units", "change_pct", "money", "stream", "source"]
    frozen = pd.date_range(plan["month"].min(), periods=fence_months, freq="MS")
    if frozen.empty:
        return no_rows(columns, [*cell[1:], "stream", "source"])
    family = products.set_index("product")["family"]
    price = products.set_index("product")["unit_price"]
    gone = last_plan.loc[~last_plan["product"].isin(products["product"]) & ~last_plan["product"].isin(plan["product"]), "product"].unique()
    family = pd.concat([family, pd.Series("(no family)", index=gone, dtype="str")])  # dropped from the master data: their plan fell to nothing
    now, then, here, before = (
        f[f["month"].isin(frozen)].assign(family=lambda f: f["product"].map(family))
        for f in (plan, last_plan, settled(streams), settled(last_streams))
    )
    each = pd.concat([now.groupby(cell)["units"].sum(), then.groupby(cell)["units"].sum().rename("before")], axis=1).fillna(0.0)
    each["change"] = each["units"] - each["before"]
    both = each.groupby(keys).sum()
    allowed = tolerance * both["before"].abs() + 1e-9
    way = np.sign(both["change"]).where(both["change"].abs() > allowed, 0.0)
    wholes, parts = both[way != 0].reset_index(), each.reset_index()
    at = pd.MultiIndex.from_frame(parts[keys])
    parts = parts[(parts["change"].abs() > allowed.reindex(at).to_numpy()) & (np.sign(parts["change"]) != way.reindex(at).to_numpy())]
    moved = pd.concat([here.assign(sign=1.0), before.assign(sign=-1.0)], ignore_index=True)
    moved["change"] = moved["units"] * moved["sign"]
    moved["money"] = moved["change"] * moved["product"].map(price).fillna(0.0)
    # The statistical stream is one cause, whichever method stands behind it.
    moved["source"] = moved["source"].where(moved["stream"] != "statistical", "new actuals")
    wholes, parts = _with_cause(wholes, moved, keys), _with_cause(parts, moved, cell)
    out = pd.concat([wholes.assign(product=pd.Series(index=wholes.index, dtype="str")), parts], ignore_index=True) if len(parts) else wholes
    out["change_pct"] = 100 * out["change"] / out["before"].where(out["before"] != 0)
    out = out.assign(size=out["money"].abs()).reindex(columns=[*columns, "size"])
    out = out.astype(dict.fromkeys(["family", "region", "product", "stream", "source"], "str"))
    out = out.sort_values(["size", *cell], ascending=[False, True, True, True, True], kind="stable", na_position="first", ignore_index=True)
    return out.drop(columns="size")


def _with_cause(rows: pd.DataFrame, moved: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Put beside each breach its money, and the stream and source that moved most.

    The stream that moved most in all, and of it the source that moved most: a source whose words changed would seem to move twice.
    """
    cause = moved.groupby([*keys, "stream", "source"], as_index=False)["change"].sum()
    net = cause.groupby([*keys, "stream"])["change"].transform("sum").abs()
    cause = cause.assign(net=net, size=cause["change"].abs()).sort_values(["net", "size"], ascending=False, kind="stable").drop_duplicates(keys)
    money = moved.groupby(keys, as_index=False)["money"].sum()
    return rows.merge(money, on=keys, how="left").merge(cause[[*keys, "stream", "source"]], on=keys, how="left")


def value_of_people(
    closed: dict[pd.Timestamp, pd.DataFrame], insights: pd.DataFrame, actuals: pd.DataFrame, overrides: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Measure what each person's changes did to the error of closed months' plans, each against the plan that it changed.

    An insight is measured in the workbook's own view, with and without it; an override against the plan before it, the later on top of the earlier. What was
    changed again later so counts for what it did itself, and where one in units replaced earlier ones, the whole change is that one's.

    Parameters
    ----------
    closed : dict
        First month planned of each closed cycle -> its ``streams``.
    insights : DataFrame
        insight, author, kind.
    actuals : DataFrame
        month, product, region, units.
    overrides : DataFrame, optional
        id, author, time, units, expired ones too: tells which override came later and which replaced others, for months closed when ``streams`` still held
        those replaced. Without it the later is the one with the higher number.

    Returns
    -------
    DataFrame
        As the contract ``people_value``: person, reason (stream), points (months of products and regions touched, each once: where several closed cycles
        planned it, with the mean of their errors), wmape_without, wmape_with, fva_points (percentage points of error taken off, over what was touched), note
        with a caution where there are few.
    """
    columns = ["person", "reason", "points", "wmape_without", "wmape_with", "fva_points", "note"]
    parts = [_changed(streams, overrides).assign(cycle=first) for first, streams in closed.items()]
    said = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if len(said):
        came = actuals[[*CELL, "units"]].rename(columns={"units": "actual"})
        said = said[said["month"] <= came["month"].max()].merge(came, on=CELL, how="left").fillna({"actual": 0.0})  # planned, and nothing was ever ordered
    if said.empty:
        return no_rows(columns, [*columns[:2], *columns[6:]])
    author = insights.assign(insight=insights["insight"].astype(str)).drop_duplicates("insight").set_index("insight")["author"] if len(insights) else {}
    named = said["source"].map(author) if len(insights) else pd.Series(np.nan, index=said.index, dtype="object")
    by_override = said["source"].str.rsplit(" ", n=1).str[0].where(said["stream"] == "override")
    said["person"] = named.fillna(by_override).fillna("the workbook").astype("str")
    one = ["person", "stream", "cycle", *CELL]
    groups = said.groupby([*one, "place"], as_index=False).agg(units=("units", "sum"), plan=("plan", "first"), actual=("actual", "first"))
    groups["with"] = (groups["plan"].clip(lower=0.0) - groups["actual"]).abs()
    groups["gain"] = ((groups["plan"] - groups["units"]).clip(lower=0.0) - groups["actual"]).abs() - groups["with"]
    groups = groups.groupby(one, as_index=False).agg(actual=("actual", "first"), gain=("gain", "sum"), **{"with": ("with", "last")})
    groups = groups.assign(without=groups["with"] + groups["gain"], points=1.0)
    # Several closed months planned the same one: what came is one piece of evidence, however often it was planned.
    groups = groups.groupby(["person", "stream", *CELL], as_index=False)[["points", "actual", "with", "without"]].mean()
    out = groups.groupby(["person", "stream"], as_index=False)[["points", "actual", "with", "without"]].sum()
    bottom = out["actual"].where(out["actual"] > 0)
    out["wmape_without"], out["wmape_with"] = out["without"] / bottom, out["with"] / bottom
    out["fva_points"] = 100 * (out["wmape_without"] - out["wmape_with"])
    few = "only " + out["points"].astype(int).astype(str) + " points: too few to judge anybody by"
    better = out["without"] > out["with"]  # where nothing was ordered there is no share of it, but there is an error
    out["note"] = np.where(out["points"] < SMALL, few, np.where(better, "took error off", "added error"))
    same = out["fva_points"].abs() < NEXT_TO_NOTHING
    out.loc[(out["points"] >= SMALL) & (same | (out["without"] == out["with"])), "note"] = "changed next to nothing"
    out = out.rename(columns={"stream": "reason"}).sort_values(["fva_points", "person"], kind="stable", ignore_index=True)
    return out[columns].astype({"note": "str"})


def _changed(streams: pd.DataFrame, overrides: pd.DataFrame | None) -> pd.DataFrame:
    """Return what people changed in a plan, each with the plan that it made.

    Returns
    -------
    DataFrame
        month, product, region, stream, source, units, place (0 in the workbook's own view, then overrides one after the other), plan.
    """
    orders = streams["source"] == "open orders above the plan"
    override = streams["stream"] == "override"
    own = streams[~override & ~orders & ~streams["stream"].isin(["agreed", "limit"])]
    plan = own.groupby(CELL)["units"].sum().rename("plan")
    own = own[own["stream"] != "statistical"].assign(place=0).merge(plan.reset_index(), on=CELL)
    said = streams[override]
    if said.empty:
        return own
    told = pd.DataFrame({"time": pd.Series(dtype="datetime64[us]"), "whole": pd.Series(dtype="bool")})
    if overrides is not None and len(overrides):
        names = overrides["author"].astype(str) + " " + overrides["id"].astype(str)
        told = overrides.assign(whole=overrides["units"].notna()).set_index(names)[["time", "whole"]]
        told = told[~told.index.duplicated(keep="last")]
    known = told.reindex(said["source"]).set_axis(said.index)
    number = said["source"].str.extract(r"(\d+)$")[0].astype(float)
    said = said.assign(time=known["time"], whole=known["whole"].eq(True), number=number)
    said = said.sort_values([*CELL, "time", "number", "source"], kind="stable", na_position="first", ignore_index=True)
    # One in units replaces those before it: the change from the plan before all of them is its own.
    groups = [said[c] for c in CELL]
    later = said["whole"][::-1].groupby([g[::-1] for g in groups]).cumsum()[::-1] - said["whole"]
    so_far = said["units"].groupby(groups).cumsum()
    said["units"] = said["units"].where(~said["whole"], so_far)
    said["plan"] = so_far + streams[~override].groupby(CELL)["units"].sum().reindex(pd.MultiIndex.from_frame(said[CELL])).fillna(0.0).to_numpy()
    said["place"] = 1 + said.groupby(CELL).cumcount()
    return pd.concat([own, said[later == 0]], ignore_index=True)[list(own.columns)]
