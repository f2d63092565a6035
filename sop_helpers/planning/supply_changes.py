"""Why this month's orders differ from those planned a month ago, by cause, adding up to the unit.

Over the months that both plans cover, what is planned of an item is what it is drawn for, plus the stock at the end, less the stock at the start, less
what was on order already. The difference of two plans is therefore the sum of the differences of these; nothing is left over.
"""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.frames import no_rows

CAUSES = {
    "demand": "the demand plan changed",
    "served otherwise": "more or less is shipped, moved or used than the demand plan says: backlog, transfers, other items' bills",
    "opening stock": "the plan begins with other stock than it was to have",
    "stock target": "the target at the end of the shared months changed",
    "stock beside target": "stock at the end lies further from, or nearer to its target: built ahead, lots, shortages",
    "open orders": "more or less is on order already",
}
COLUMNS = ["family", "cause", "order", "units", "money"]
COMPONENTS = "Components"


def supply_changes(
    now: pd.DataFrame, before: pd.DataFrame, demand_now: pd.DataFrame, demand_before: pd.DataFrame, products: pd.DataFrame
) -> pd.DataFrame:
    """Return the way from last month's planned orders to this month's, by family.

    Parameters
    ----------
    now, before : DataFrame
        As the contract stock_projection: of this plan and of the one closed last month.
    demand_now, demand_before : DataFrame
        month, product, region, units: the demand plans beside them.
    products : DataFrame
        product, family, unit_cost; items that are no products count as components.

    Returns
    -------
    DataFrame
        family, cause, order, units, money (at cost): ``last plan``, the causes of `CAUSES`, ``this plan``. The first plus the causes is the last.
    """
    months = sorted(set(now["month"]) & set(before["month"]))
    if not months:
        return no_rows(COLUMNS, ["family", "cause"])
    one, two = (_parts(stock[stock["month"].isin(months)], demand[demand["month"].isin(months)]) for stock, demand in
                ((before, demand_before), (now, demand_now)))  # fmt: skip
    items = one.index.union(two.index)
    one, two = one.reindex(items, fill_value=0.0), two.reindex(items, fill_value=0.0)
    change = two - one
    steps = pd.DataFrame({
        "last plan": one["planned"], "demand": change["demand"], "served otherwise": change["drawn"] - change["demand"], "opening stock": -change["start"],
        "stock target": change["target"], "stock beside target": change["end"] - change["target"], "open orders": -change["open"], "this plan": two["planned"],
    })  # fmt: skip
    of = products.drop_duplicates("product").set_index("product")
    cost = of["unit_cost"].reindex(items).astype(float).fillna(_value(now, before).reindex(items)).fillna(0.0)
    family = pd.Series(items.map(of["family"]), index=items).fillna(COMPONENTS).rename("family")
    units = steps.groupby(family).sum().stack().rename("units")
    money = steps.mul(cost, axis=0).groupby(family).sum().stack().rename("money")
    out = pd.concat([units, money], axis=1).rename_axis(["family", "cause"]).reset_index()
    out["order"] = out["cause"].map({name: float(k) for k, name in enumerate(steps.columns)})
    return out.sort_values(["family", "order"], ignore_index=True)[COLUMNS]


def changes_words(changes: pd.DataFrame, currency: str) -> str:
    """Say how much more or less is ordered than planned a month ago, and which cause moves most."""
    if changes.empty:
        return "No plan was closed last month, so there is nothing to compare the orders with."
    total = changes.groupby("cause")["money"].sum()
    causes = total.reindex(list(CAUSES)).sort_values(key=abs, ascending=False, kind="stable")
    gap = total["this plan"] - total["last plan"]
    more = "more" if gap >= 0 else "less"
    if total["last plan"] > 0 and causes.abs().max() < 0.5:
        return "Orders over the months that both plans cover are those planned a month ago."
    return (
        f"Orders over the months that both plans cover are {abs(gap):,.0f} {currency} {more} than planned a month ago ({gap / total['last plan']:+.1%}); "
        f"most by {causes.index[0]} ({causes.iloc[0]:+,.0f}): {CAUSES[causes.index[0]]}."
        if total["last plan"] > 0
        else f"Nothing was planned a month ago over these months; now {total['this plan']:,.0f} {currency} are."
    )


def _parts(stock: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    """What the identity is made of, by item over all its locations."""
    flows = stock.groupby("item")[["planned_receipts", "open_receipts", "issues"]].sum()
    first, last = (stock[stock["month"] == month].groupby("item") for month in (stock["month"].min(), stock["month"].max()))
    out = pd.DataFrame({
        "planned": flows["planned_receipts"], "open": flows["open_receipts"], "start": first["opening_units"].sum(), "end": last["closing_units"].sum(),
        "target": last["target_units"].sum(), "demand": demand.groupby("product")["units"].sum(),
    }).fillna(0.0)  # fmt: skip
    # As the plan has it: what left is what came and was there, less what is there; issues alone round away less than a millionth.
    return out.assign(drawn=out["planned"] + out["open"] + out["start"] - out["end"])


def _value(*plans: pd.DataFrame) -> pd.Series:
    """Value of a unit of what is not sold, as the plans hold it."""
    held = pd.concat(plans)
    held = held[held["closing_units"] > 0]
    return (held["value"] / held["closing_units"]).groupby(held["item"]).mean()
