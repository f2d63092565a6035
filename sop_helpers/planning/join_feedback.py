"""Back from supply to sales: hires that supply can serve, and the month in which a promotion pays best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sop_helpers.planning.join_model import Answer, JoinModel


def hire_effect(model: JoinModel, hires: Mapping[str, int], month: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return what the hires of each region bring on their own, once supply has had its say.

    Parameters
    ----------
    model : JoinModel
        The kept model.
    hires : mapping
        Region to heads.
    month : Timestamp, optional
        Month in which they start, the first month planned when left out.

    Returns
    -------
    DataFrame
        region, hires, sold, sellable (both more than base, at most what was sold counts as served), served (share), profit, cash; the best served last.
    """
    base = model.answer()
    rows = []
    for region, heads in hires.items():
        if heads > 0:
            one = model.answer({"hires": {region: int(heads)}, "hire_month": f"{month or model.months[0]:%Y-%m}"})
            sold, sellable = (float(one.sellable[c].sum() - base.sellable[c].sum()) for c in ("sold_revenue", "sellable_revenue"))
            served = float(np.clip(sellable / sold, 0, 1)) if sold > 0.5 else np.nan
            profit, cash = one.total() - base.total(), one.total("net cash", "cash") - base.total("net cash", "cash")
            rows.append((region, float(heads), sold, sellable, served, profit, cash))
    out = pd.DataFrame(rows, columns=["region", "hires", "sold", "sellable", "served", "profit", "cash"])
    return out.sort_values(["served", "region"], kind="stable", ignore_index=True)


def outcome(answer: Answer) -> tuple[float, float]:
    """Return operating profit and gross margin over revenue of an answer."""
    revenue = answer.total("revenue")
    return answer.total(), (revenue + answer.total("cost of goods")) / revenue if revenue > 0 else np.nan


def promotion_grid(
    plan: Callable[[dict[str, Any]], tuple[float, float]], months: Sequence[pd.Timestamp], uplifts: Sequence[float], price_factors: Sequence[float] = (1.0,),
    *, discount: float = 0.0, pull_forward: float = 0.0, families: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """Return what a promotion gains by month, uplift and margin, demand and supply planned together each time.

    Where the margin is high and most of the uplift is new consumption, a promotion pays best in the peak; where the margin is thin or customers only buy
    ahead, it pays off-peak, where it spares stock and capacity (Chopra & Meindl, Supply Chain Management, sales and operations planning).

    Parameters
    ----------
    plan : callable
        From levers to profit and gross margin over revenue: ``lambda levers: outcome(model.answer(levers))``.
    months : sequence of Timestamp
        Months to try.
    uplifts : sequence of float
        New demand, share of the month's.
    price_factors : sequence of float
        Prices as a multiple of base: other prices at the same costs are other margins.
    discount : float
        Share taken off the price in the month of the promotion.
    pull_forward : float
        Share of the demand of each of the next two months that is bought ahead.
    families : sequence of str
        Families promoted; all when empty.

    Returns
    -------
    DataFrame
        As the contract promotion_grid: month, uplift, price_factor, margin_share, gain, best.
    """
    rows = []
    for price in price_factors if len(months) else ():
        normal = {"price_factor": float(price), "families": list(families)}
        without, margin = plan(normal)
        for uplift in uplifts:
            offer = {"promotion_uplift": float(uplift), "promotion_discount": discount, "promotion_pull_forward": pull_forward}
            for month in months:
                profit, _ = plan(normal | offer | {"promotion_month": f"{month:%Y-%m}"})
                rows.append((month, float(uplift), float(price), margin, profit - without))
    out = pd.DataFrame(rows, columns=["month", "uplift", "price_factor", "margin_share", "gain"])
    out = out.astype({"month": "datetime64[us]"} | dict.fromkeys(out.columns[1:], float))
    return out.assign(best=out["gain"] >= out.groupby(["uplift", "price_factor"])["gain"].transform("max") - 1e-6)
