"""The way from last month's plan to this one, stream by stream, adding up exactly."""

from __future__ import annotations

import pandas as pd

from sop_helpers.planning.cells import CELL
from sop_helpers.planning.floors import settled
from sop_helpers.planning.frames import no_rows

STEP_ORDER = (
    "last plan", "actuals", "model", "driver", "launch", "phase-out", "dropped product", "promotion", "marketing", "product", "sales", "finance", "supply",
    "limit", "agreed", "override", "price", "this plan",
)


def changes(streams: pd.DataFrame, plan: pd.DataFrame, last_streams: pd.DataFrame, last_plan: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Explain the way from last month's plan to this one, by family, over the months that both plan.

    Units: the difference of each stream. That of the statistical forecast is called actuals where the same method saw a month more, and model where the
    method of a series changed. Money: that difference at today's price, and a step of its own for prices that changed since. A product that was planned and
    is no longer in the master data is a step of its own, at the price it was planned at. Effects that the floor at zero cut count as cut.

    Parameters
    ----------
    streams, plan : DataFrame
        This month's.
    last_streams, last_plan : DataFrame
        Those of the last closed month.
    products : DataFrame
        product, family, unit_price.

    Returns
    -------
    DataFrame
        As the contract ``changes``; last plan + steps = this plan for each family.
    """
    months = set(plan["month"]) & set(last_plan["month"])
    known = products.set_index("product")
    now, then, here, before = (f[f["month"].isin(months)] for f in (streams, last_streams, plan, last_plan))
    steps = pd.concat([settled(now).assign(sign=1.0), settled(then).assign(sign=-1.0)], ignore_index=True)
    steps["stream"] = steps["stream"].where(steps["stream"] != "statistical", _cause_of_change(steps))
    price = steps["product"].map(known["unit_price"]).fillna(0.0)
    gone = ~steps["product"].isin(known.index) & ~steps["product"].isin(here["product"])
    if gone.any():
        steps["stream"] = steps["stream"].mask(gone, "dropped product")
        price = price.mask(gone, _price_planned(steps, before))
    change = steps["units"] * steps["sign"]
    family = steps["product"].map(known["family"]).fillna("(no family)")
    steps = pd.DataFrame({"family": family, "step": steps["stream"], "units": change, "money": change * price})
    moved = steps.groupby(["family", "step"], as_index=False)[["units", "money"]].sum()
    ends = []
    for step, table in (("last plan", before), ("this plan", here)):
        f = table.assign(family=table["product"].map(known["family"]).fillna("(no family)"), step=step)
        ends.append(f.groupby(["family", "step"], as_index=False)[["units", "revenue"]].sum().rename(columns={"revenue": "money"}))
    families = sorted(set(ends[0]["family"]) | set(ends[1]["family"]))
    ends = [e.set_index("family").reindex(families).assign(step=s).fillna(0.0).reset_index() for e, s in zip(ends, ("last plan", "this plan"), strict=True)]
    explained = moved.groupby("family")["money"].sum().reindex(families).fillna(0.0)
    rest = ends[1].set_index("family")["money"] - ends[0].set_index("family")["money"] - explained
    prices = pd.DataFrame({"family": families, "step": "price", "units": 0.0, "money": rest.to_numpy()})
    # What is left after the streams is rounding unless prices changed; it is booked all the same where it could be seen.
    prices = prices[prices["money"].abs() > 1e-9 * (1 + ends[1]["money"].abs().to_numpy())]
    size = moved[["units", "money"]].abs().max(axis=1).groupby(moved["step"]).sum()  # a shift of mix moves money alone
    moved = moved[moved["step"].map(size) > 1e-9]
    out = pd.concat([ends[0], moved, prices, ends[1]], ignore_index=True)
    out["order"] = out["step"].map({step: place for place, step in enumerate(STEP_ORDER)}).fillna(9.5)
    out = out.sort_values(["family", "order", "step"], kind="stable", ignore_index=True)
    out["order"] = out.groupby("family").cumcount().astype(float)
    return out[["family", "step", "order", "units", "money"]]


def _price_planned(steps: pd.DataFrame, plan: pd.DataFrame) -> pd.Series:
    """Return the price at which each step's month, product and region was planned; 0 where nothing was."""
    sums = plan.groupby(CELL)[["units", "revenue"]].sum()
    price = (sums["revenue"] / sums["units"].where(sums["units"] > 0)).reindex(pd.MultiIndex.from_frame(steps[CELL]))
    return pd.Series(price.fillna(0.0).to_numpy(), index=steps.index)


def _cause_of_change(steps: pd.DataFrame) -> pd.Series:
    """Tell whether a series' statistical forecast changed by a new actual or by another method; a series in one plan only has a new method."""
    said = steps[steps["stream"] == "statistical"]
    methods = said.groupby(["product", "region"])["source"].nunique()
    both = said.groupby(["product", "region"])["sign"].nunique()
    same = ((methods == 1) & (both == 2)).reindex(pd.MultiIndex.from_frame(steps[["product", "region"]]), fill_value=False)
    return pd.Series("actuals", index=steps.index).where(same.to_numpy(), "model")


def no_changes() -> pd.DataFrame:
    """Return the empty waterfall of a first month."""
    return no_rows(["family", "step", "order", "units", "money"], ["family", "step"])
