"""Stock: how much safety a forecast error asks for, and the published formulas that planners check such numbers with.

Mean and standard deviation are those of demand (or its forecast error) over the time that stock has to bridge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]


def safety_stock(service_level: ArrayLike, mean: ArrayLike, sd: ArrayLike, distribution: str = "normal") -> Array:
    """Return the stock beyond the mean that keeps a cycle free of stock-outs with the probability wanted.

    Parameters
    ----------
    service_level : array_like
        Cycle service level, between 0 and 1.
    mean, sd : array_like
        Demand and its error over lead time and review. Broadcast together.
    distribution : {"normal", "gamma"}
        Gamma is skewed and never below zero, as demand is; where the mean is zero it falls back on the normal.
    """
    service_level, mean, sd = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (service_level, mean, sd)))
    normal = stats.norm.ppf(service_level) * sd
    if distribution == "normal":
        return np.maximum(normal, 0.0)
    usable = (mean > 0) & (sd > 0)
    shape = np.divide(mean, sd, out=np.ones_like(mean), where=usable) ** 2
    scale = np.divide(sd**2, mean, out=np.ones_like(mean), where=usable)
    return np.maximum(np.where(usable, stats.gamma.ppf(service_level, shape, scale=scale) - mean, normal), 0.0)


def cycle_service(stock: ArrayLike, sd: ArrayLike) -> Array:
    """Return the probability that a replenishment cycle passes without stock-out, for a safety stock under normal error."""
    return np.asarray(stats.norm.cdf(np.asarray(stock, dtype=float) / np.asarray(sd, dtype=float)))


def expected_shortage(stock: ArrayLike, sd: ArrayLike) -> Array:
    """Return the units short per cycle that a safety stock leaves under normal error (Chopra & Meindl, safety inventory)."""
    stock, sd = np.asarray(stock, dtype=float), np.asarray(sd, dtype=float)
    z = stock / sd
    return sd * stats.norm.pdf(z) - stock * (1 - stats.norm.cdf(z))


def fill_rate(stock: ArrayLike, sd: ArrayLike, lot: ArrayLike) -> Array:
    """Return the share of demand served from stock with orders of `lot` units."""
    return 1 - expected_shortage(stock, sd) / np.asarray(lot, dtype=float)


def safety_stock_for_fill_rate(rate: float, sd: float, lot: float) -> float:
    """Return the safety stock that gives a fill rate; may be below zero where lots alone give more.

    Raises
    ------
    ValueError
        The rate is not between 0 and 1.
    """
    if not 0 < rate < 1:
        raise ValueError(f"a fill rate lies between 0 and 1, not {rate}")
    wanted = (1 - rate) * lot
    low = -wanted - 10 * sd
    return float(optimize.brentq(lambda s: float(expected_shortage(s, sd)) - wanted, low, 40 * sd, xtol=1e-10))


@dataclass(frozen=True)
class Lot:
    """A lot size and what it costs a year (Snyder & Shen, economic order quantity)."""

    units: float
    cost: float


def eoq(demand: float, fixed_cost: float, holding_cost: float) -> Lot:
    """Return the economic order quantity.

    Parameters
    ----------
    demand : float
        Units a year.
    fixed_cost : float
        Cost of one order.
    holding_cost : float
        Cost of holding one unit for a year.
    """
    units = float(np.sqrt(2 * fixed_cost * demand / holding_cost))
    return Lot(units, float(np.sqrt(2 * fixed_cost * demand * holding_cost)))


def eoq_with_discounts(demand: float, fixed_cost: float, holding_rate: float, breaks: list[float], prices: list[float]) -> Lot:
    """Return the cheapest lot under all-units discounts: each price holds for all units from its break on; the cost includes the purchase."""

    def cost(units: float, price: float) -> float:
        return price * demand + fixed_cost * demand / units + holding_rate * price * units / 2

    ends = [*breaks[1:], np.inf]
    choices = []
    for begin, end, price in zip(breaks, ends, prices, strict=True):
        units = max(eoq(demand, fixed_cost, holding_rate * price).units, begin)
        if units < end:
            choices.append(Lot(units, cost(units, price)))
    return min(choices, key=lambda lot: lot.cost)


def newsvendor(mean: float, sd: float, over: float, under: float) -> Lot:
    """Return the order that balances a unit too many (`over`) against a unit too few (`under`) under normal demand, and its expected cost."""
    z = stats.norm.ppf(under / (under + over))
    return Lot(float(mean + z * sd), float((under + over) * stats.norm.pdf(z) * sd))


def lots_cost(lots: ArrayLike, demand: ArrayLike, fixed_cost: ArrayLike, holding_cost: float) -> float:
    """Return the cost of lots by period: one fixed cost per order, holding on what is left at the end of each period.

    Raises
    ------
    ValueError
        The lots leave demand of a period unserved.
    """
    lots, demand = np.asarray(lots, dtype=float), np.asarray(demand, dtype=float)
    left = (lots - demand).cumsum()
    if (left < -1e-9).any():
        raise ValueError(f"the lots leave period {int(np.argmax(left < -1e-9)) + 1} short")
    return float((np.broadcast_to(np.asarray(fixed_cost, dtype=float), lots.shape) * (lots > 0)).sum() + holding_cost * left.sum())


def wagner_whitin(demand: ArrayLike, fixed_cost: ArrayLike, holding_cost: float) -> tuple[Array, float]:
    """Return the cheapest lots by period and their cost (Wagner & Whitin 1958).

    Parameters
    ----------
    demand : array_like
        Units by period.
    fixed_cost : array_like
        Cost of an order, one for all periods or by period.
    holding_cost : float
        Cost of a unit held from one period to the next.
    """
    demand = np.asarray(demand, dtype=float)
    periods = len(demand)
    fixed = np.broadcast_to(np.asarray(fixed_cost, dtype=float), demand.shape)
    best, start = np.full(periods + 1, np.inf), np.zeros(periods + 1, dtype=int)
    best[0] = 0.0
    for t in range(periods):
        # One order in t that serves t .. e.
        held = holding_cost * (demand[t:] * np.arange(periods - t)).cumsum()
        through = best[t] + fixed[t] + held
        better = through < best[t + 1 :] - 1e-12
        best[t + 1 :][better], start[t + 1 :][better] = through[better], t
    lots, end = np.zeros(periods), periods
    while end > 0:
        lots[start[end]] = demand[start[end] : end].sum()
        end = start[end]
    return lots, float(best[-1])


def silver_meal(demand: ArrayLike, fixed_cost: float, holding_cost: float) -> Array:
    """Return lots by the Silver-Meal rule: an order grows by one more period as long as its cost per period falls."""
    demand = np.asarray(demand, dtype=float)
    lots, t = np.zeros(len(demand)), 0
    while t < len(demand):
        held = holding_cost * (demand[t:] * np.arange(len(demand) - t)).cumsum()
        per_period = (fixed_cost + held) / np.arange(1, len(demand) - t + 1)
        worse = np.flatnonzero(np.diff(per_period) > 0)
        periods = int(worse[0]) + 1 if len(worse) else len(demand) - t
        lots[t] = demand[t : t + periods].sum()
        t += periods
    return lots


@dataclass(frozen=True)
class Buffer:
    """Zones of a demand-driven buffer in units, and their tops."""

    red: Array
    yellow: Array
    green: Array

    @property
    def top_of_red(self) -> Array:
        """Units at which stock is critical."""
        return self.red

    @property
    def top_of_yellow(self) -> Array:
        """Units at which an order is due."""
        return self.red + self.yellow

    @property
    def top_of_green(self) -> Array:
        """Units that an order fills up to."""
        return self.red + self.yellow + self.green


def ddmrp_buffer(
    daily_use: ArrayLike,
    lead_time_days: ArrayLike,
    lead_time_factor: ArrayLike,
    variability_factor: ArrayLike,
    order_cycle_days: ArrayLike = 0.0,
    minimum_lot: ArrayLike = 0.0,
) -> Buffer:
    """Return the buffer of demand-driven MRP: red is a base share of use over the lead time and a safety share of that base. Arrays are broadcast."""
    daily_use = np.asarray(daily_use, dtype=float)
    yellow = daily_use * np.asarray(lead_time_days, dtype=float)
    base = yellow * np.asarray(lead_time_factor, dtype=float)
    green = np.maximum(np.maximum(base, daily_use * np.asarray(order_cycle_days, dtype=float)), minimum_lot)
    return Buffer(base * (1 + np.asarray(variability_factor, dtype=float)), yellow, green)
