"""Inventory targets by item, location and month from what the forecast is known to miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.inventory import ddmrp_buffer
from sop_helpers.planning.lead_demand import FAMILIES, LeadDemand
from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.segments import segment
from sop_helpers.planning.stock_nodes import StockNodes, stock_nodes, window
from sop_helpers.planning.supply_network import Matrix
from sop_helpers.planning.supply_orders import to_order

NO_STOCK = "made to order, none is held"
METHODS = ("service level", "fill rate", "days of cover", "ddmrp")
COUNTED = 30.0  # units over lead time and review below which whole units make a difference
# Middle of the ranges that the Demand Driven Institute gives for short, medium and long lead times and low, medium and high variability.
_LEAD_FACTORS, _LEAD_MONTHS = np.array([0.8, 0.5, 0.3]), np.array([0.5, 2.0])
_VARIABILITY_FACTORS, _VARIABILITY = np.array([0.2, 0.5, 0.8]), np.array([0.25, 0.5])
_NUMBERS = [
    "service_level", "fill_rate", "days_of_cover", "review_days", "lead_time_factor", "variability_factor", "min_units", "max_units",
]  # fmt: skip


@dataclass(frozen=True)
class StockRules:
    """What holds where no stock policy says otherwise.

    Attributes
    ----------
    service_level : float
        Cycle service level.
    review_months : float
        Time between two decisions.
    abc, xyz : sequence of float
        Limits of the segments (see `segments.segment`).
    segment_service : mapping
        Cycle service level by segment, such as {"AX": 0.98}; what is left out has `service_level`.
    """

    service_level: float = 0.95
    review_months: float = 1.0
    abc: Sequence[float] = (0.80, 0.95)
    xyz: Sequence[float] = (0.25, 0.50)
    segment_service: Mapping[str, float] = field(default_factory=dict)


def inventory_targets(
    demand: pd.DataFrame,
    forecast: pd.DataFrame,
    operations: pd.DataFrame,
    components: pd.DataFrame,
    regions: pd.DataFrame,
    inventory: pd.DataFrame,
    stock_policies: pd.DataFrame,
    products: pd.DataFrame,
    months: pd.DatetimeIndex,
    *,
    errors: pd.DataFrame | None = None,
    deliveries: pd.DataFrame | None = None,
    trials: pd.DataFrame | None = None,
    rules: StockRules | None = None,
) -> pd.DataFrame:
    """Return inventory targets, as the contract inventory_targets.

    Where customers are served, stock bridges the lead time of getting the item there (making or buying and moving it) plus the review; it holds what
    the forecast's measured error over that time asks for (see `lead_demand`), relative to demand: more where more is planned. Lead times that vary
    are a mixture. Errors of regions that one location serves run together as far as they were seen to (see `shared_errors`), and are independent where
    nothing was tried. Components bridge their own lead time, with demand and error exploded from what they go into, of independent errors. Minimum and
    maximum, and shelf life, bound the result.

    Parameters
    ----------
    demand : DataFrame
        month, product, region, units (the consensus).
    forecast : DataFrame
        As the contract; what the errors are relative to. May be empty.
    operations, components, regions, inventory, stock_policies, products : DataFrame
        As the contracts; all but products may be empty. A policy's method is service level, fill rate, days of cover or ddmrp; where it is blank,
        the number given tells it.
    months : DatetimeIndex
        Months planned.
    errors : DataFrame, optional
        As the contract forecast_errors; without them the bands of the forecast tell the error.
    deliveries : DataFrame, optional
        As the contract; what lead times are measured on.
    trials : DataFrame, optional
        As the contract forecast_trials; how far errors of regions run together.
    rules : StockRules, optional
        What holds where no policy says otherwise.

    Raises
    ------
    ValueError
        A bill of material has a cycle.
    """
    rules = rules or StockRules()
    net = stock_nodes(demand, forecast, errors, operations, components, regions, inventory, products, months, deliveries, trials)
    policy = _policies(net, stock_policies)
    known = segment(net, products, rules.abc, rules.xyz)
    usual = known.map(dict(rules.segment_service)).astype(float).fillna(rules.service_level).to_numpy()
    level = np.where(np.isnan(policy["service_level"]), usual, policy["service_level"])
    review = np.where(np.isnan(policy["review_days"]), rules.review_months, policy["review_days"] / DAYS_PER_MONTH)
    method = _methods(policy)

    bridge = net.lead + review[:, None]
    whole, before = _demand_over(net, bridge, policy["distribution"], inventory), None
    reviewed = _expected(net, review[:, None])[:, 0]
    cycle = np.maximum(reviewed, net.lot)
    stock = whole.for_service(level)
    filled = method == "fill rate"
    if filled.any():
        before = _demand_over(net, np.maximum(net.lead, 1e-9), policy["distribution"], inventory)
        rate = np.where(np.isnan(policy["fill_rate"]), level, policy["fill_rate"])
        stock = np.where(filled, whole.for_fill_rate(rate, cycle, before, cycle - reviewed), stock)
    expected = _expected(net, bridge) @ net.chance
    safety = np.maximum(stock - expected, 0.0)

    ahead = sum(c * window(net.demand, b) for c, b in zip(net.chance, bridge.T, strict=True))
    # Error goes with demand: what is asked for at a usual month's demand is taken to the months ahead.
    units = np.where((expected > 0)[:, None], np.divide(safety, expected, out=np.zeros_like(safety), where=expected > 0)[:, None] * ahead, safety[:, None])
    wanted = units
    cover = window(net.demand, np.nan_to_num(policy["days_of_cover"]) / DAYS_PER_MONTH)
    units, wanted = (np.where((method == "days of cover")[:, None], cover, part) for part in (units, wanted))
    if (method == "ddmrp").any():
        red, middle = _buffers(net, policy, whole, ahead, bridge, review)
        units, wanted = np.where((method == "ddmrp")[:, None], red, units), np.where((method == "ddmrp")[:, None], middle, wanted)

    life = net.nodes["item"].map(products.set_index("product")["shelf_life_months"]).astype(float).to_numpy() if "shelf_life_months" in products else np.nan
    life = np.broadcast_to(life, len(net.nodes))
    target = np.where(np.isnan(life)[:, None], wanted, np.minimum(wanted, window(net.demand, np.nan_to_num(life))))
    least, most = np.nan_to_num(policy["min_units"]), np.where(np.isnan(policy["max_units"]), np.inf, policy["max_units"])
    target = np.minimum(np.maximum(target, least[:, None]), most[:, None])

    ordered = net.nodes["item"].isin(to_order(products)).to_numpy()
    units, target, method = np.where(ordered[:, None], 0.0, units), np.where(ordered[:, None], 0.0, target), np.where(ordered, NO_STOCK, method)
    served = np.isin(method, METHODS[:2])
    shown = pd.DataFrame({
        "service_level": np.where(method == "service level", level, np.nan),
        "method": _words(method, policy, whole, bridge @ net.chance, level, least, most),
        "segment": known.to_numpy(),
        "bridge_months": bridge @ net.chance,
        "error_basis": np.where(served, net.basis, None),
        "lead_time_basis": net.told,
    })  # fmt: skip
    index = np.repeat(np.arange(len(net.nodes)), len(months))
    head = pd.DataFrame({"month": np.tile(months.to_numpy().astype("datetime64[us]"), len(net.nodes))})
    body = pd.concat([net.nodes, shown], axis=1).iloc[index].reset_index(drop=True)
    out = pd.concat([head, body], axis=1).assign(safety_units=units.reshape(-1), target_units=target.reshape(-1))
    return out[["month", "item", "location", "safety_units", "target_units", *shown.columns]]


def _policies(net: StockNodes, stock_policies: pd.DataFrame) -> dict[str, NDArray]:
    """Each policy column by node; NaN, or None for words, where nothing is said."""
    at = pd.MultiIndex.from_frame(net.nodes)
    rule = stock_policies.drop_duplicates(["item", "location"]).set_index(["item", "location"]).reindex(at)
    words = {name: rule[name].astype(object).where(rule[name].notna(), None).to_numpy() if name in rule else np.full(len(at), None, dtype=object)
             for name in ("method", "distribution")}  # fmt: skip
    return words | {name: rule[name].to_numpy(dtype=float) if name in rule else np.full(len(at), np.nan) for name in _NUMBERS}


def _methods(policy: dict[str, NDArray]) -> NDArray[np.object_]:
    told = np.where(~np.isnan(policy["days_of_cover"]), "days of cover", np.where(~np.isnan(policy["fill_rate"]), "fill rate", "service level"))
    method = np.where(pd.isna(policy["method"]), told, policy["method"]).astype(object)
    # Days of cover without days cannot be held.
    return np.where((method == "days of cover") & np.isnan(policy["days_of_cover"]), "service level", method).astype(object)


def _demand_over(net: StockNodes, bridge: Matrix, asked: NDArray[np.object_], inventory: pd.DataFrame) -> LeadDemand:
    """Demand over `bridge` months (n, k), of the family asked for.

    Where none is: empirical if kernel densities of published errors tell the quantiles, negative binomial for few whole units, else gamma.
    """
    sd, bias, shape = net.error(bridge)
    mean = _expected(net, bridge)
    told = np.isfinite(shape).all(axis=(1, 2))
    broken = inventory.loc[(inventory["on_hand"] % 1).abs() > 1e-9, "item"].unique() if len(inventory) else []
    few = (mean @ net.chance < COUNTED) & ~net.nodes["item"].isin(broken).to_numpy()
    dense = np.array([str(b).startswith("closed months") and "kernel density" in str(b) for b in net.basis], dtype=bool)
    usual = np.where(dense & told, "empirical", np.where(few, "negative binomial", "gamma"))
    family = np.where(np.isin(asked, FAMILIES), asked, usual).astype(object)
    family = np.where((family == "empirical") & ~told, "gamma", family)
    # Measured quantiles hold the bias already.
    mean = np.where((family == "empirical")[:, None], mean, np.maximum(mean + bias, 0.0))
    return LeadDemand(mean, sd, np.broadcast_to(net.chance, mean.shape), family.astype(object), np.nan_to_num(shape))


def _expected(net: StockNodes, bridge: Matrix) -> Matrix:
    """Forecast of `bridge` usual months (n, k); the plan where there is none.

    A usual month is the mean of those of the first year that sell. The error is measured over all months: against the first ones alone, a plan made before
    the season would ask for many times the stock that it needs in the season, and one made in the season for next to none after it.
    """
    said, planned = (year.sum(axis=1) / np.maximum((year > 0).sum(axis=1), 1) for year in (net.forecast[:, :12], net.demand[:, :12]))
    return np.where(said > 0, said, planned)[:, None] * bridge


def _buffers(net: StockNodes, policy: dict[str, NDArray], whole: LeadDemand, ahead: Matrix, bridge: Matrix, review: Matrix) -> tuple[Matrix, Matrix]:
    """Red zone, and the middle of the range in which a demand-driven buffer lets stock lie: red and half of green. Both (n, t)."""
    lead = net.lead @ net.chance
    daily = ahead / np.maximum((bridge @ net.chance) * DAYS_PER_MONTH, 1e-9)[:, None]
    mean = whole.expected()
    spread = np.sqrt((whole.weight * whole.sd**2).sum(axis=1))
    unsure = np.divide(spread, mean, out=np.ones_like(mean), where=mean > 0)
    by_lead, by_spread = _LEAD_FACTORS[np.searchsorted(_LEAD_MONTHS, lead)], _VARIABILITY_FACTORS[np.searchsorted(_VARIABILITY, unsure)]
    factor = np.where(np.isnan(policy["lead_time_factor"]), by_lead, policy["lead_time_factor"])
    variability = np.where(np.isnan(policy["variability_factor"]), by_spread, policy["variability_factor"])
    days, lot = (review * DAYS_PER_MONTH)[:, None], net.lot[:, None]
    buffer = ddmrp_buffer(daily, (lead * DAYS_PER_MONTH)[:, None], factor[:, None], variability[:, None], days, lot)
    return np.asarray(buffer.red), np.asarray(buffer.red + buffer.green / 2)


def _words(
    method: NDArray[np.object_], policy: dict[str, NDArray], whole: LeadDemand, bridge: Matrix, level: Matrix, least: Matrix, most: Matrix
) -> NDArray[np.object_]:
    """Say the rule behind each target."""
    over = " error over " + pd.Series(bridge).map("{:.1f}".format) + " months"
    family = pd.Series(whole.family, dtype="str")
    rate = pd.Series(np.where(np.isnan(policy["fill_rate"]), level, policy["fill_rate"])).map("{:.1%}".format)
    mixed = np.where(np.ptp(whole.mean, axis=1) > 1e-9, ", lead times as they came", "")
    texts = {
        "service level": "service: " + family + over + mixed,
        "fill rate": "fill rate " + rate + ": " + family + over + mixed,
        "days of cover": pd.Series("days of future demand", index=family.index),
        NO_STOCK: pd.Series(NO_STOCK, index=family.index),
        "ddmrp": pd.Series("demand-driven buffer: red and half of green", index=family.index),
    }
    out = pd.Series("", index=family.index)
    for name, text in texts.items():
        out = out.where(method != name, text)
    return (out + np.where(least > 0, ", at least the minimum", "") + np.where(np.isfinite(most), ", at most the maximum", "")).to_numpy(dtype=object)
