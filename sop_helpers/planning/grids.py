"""S&OP grids: level, chase and hybrid plans by family, make-to-order backlog, the master schedule and what can be promised from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AggregatePlan:
    """A plan of a family with its workforce.

    Attributes
    ----------
    table : DataFrame
        period, demand, workers, hired, laid_off, regular, overtime, subcontracted, inventory, backlog: units, people at the end of each period.
    cost : float
        Of the whole plan.
    """

    table: pd.DataFrame
    cost: float


def aggregate_plan(
    demand: ArrayLike,
    units_per_worker: ArrayLike,
    *,
    strategy: Literal["hybrid", "level", "chase"] = "hybrid",
    workers: float = 0.0,
    inventory: float = 0.0,
    end_inventory: float = 0.0,
    wage: float = 0.0,
    hire_cost: float = 0.0,
    layoff_cost: float = 0.0,
    material_cost: float = 0.0,
    holding_cost: float = 0.0,
    backlog_cost: float | None = None,
    overtime_cost: float = 0.0,
    overtime_per_worker: float = 0.0,
    subcontract_cost: float | None = None,
    whole_workers: bool = False,
    idle: bool = True,
) -> AggregatePlan:
    """Plan production and workforce of a family at least cost.

    Parameters
    ----------
    demand : array_like
        Units by period.
    units_per_worker : array_like
        Units one worker makes in regular time, one number or by period.
    strategy : {"hybrid", "level", "chase"}
        Hybrid is free; level keeps the workforce of the first period; chase holds no stock but the end target's, in its last period.
    workers, inventory, end_inventory : float
        People and stock before the first period; least stock after the last, when no backlog is left either.
    wage, hire_cost, layoff_cost : float
        Of one worker, the wage by period whether at work or not.
    material_cost, holding_cost, backlog_cost : float
        Of one unit; stock and backlog at the end of each period. No backlog is allowed where its cost is None.
    overtime_cost, overtime_per_worker : float
        Of one unit made in overtime, beside its material; most units of overtime per worker and period.
    subcontract_cost : float, optional
        Of one unit, material included; None where nobody can make it.
    whole_workers : bool
        Count people in whole numbers.
    idle : bool
        Whether people may make less than they can.

    Raises
    ------
    ValueError
        The strategy cannot serve the demand.

    References
    ----------
    Chopra & Meindl, Supply Chain Management, aggregate planning in a supply chain; Nahmias, Production and Operations Analysis.
    """
    import linopy

    wanted = np.asarray(demand, dtype=float)
    each = np.broadcast_to(np.asarray(units_per_worker, dtype=float), wanted.shape)
    linopy.options["semantics"] = "v1"
    period = pd.RangeIndex(1, len(wanted) + 1, name="period")
    coords, first = [period], np.arange(len(wanted)) == 0

    def row(values: ArrayLike) -> pd.Series:
        return pd.Series(np.broadcast_to(np.asarray(values, dtype=float), wanted.shape), index=period)

    m = linopy.Model()
    people = m.add_variables(lower=0, coords=coords, name="workers", integer=whole_workers)
    hired, fired = (m.add_variables(lower=0, coords=coords, name=n) for n in ("hired", "laid_off"))
    regular, overtime = (m.add_variables(lower=0, coords=coords, name=n) for n in ("regular", "overtime"))
    other = m.add_variables(lower=0, upper=np.inf if subcontract_cost is not None else 0.0, coords=coords, name="subcontracted")
    most_stock = np.where(np.arange(len(wanted)) < len(wanted) - 1, 0.0, end_inventory) if strategy == "chase" else np.inf
    stock = m.add_variables(lower=row(np.where(period == period[-1], end_inventory, 0.0)), upper=row(most_stock), coords=coords, name="inventory")
    owed = m.add_variables(lower=0, upper=row(np.where(period == period[-1], 0.0, np.inf if backlog_cost is not None else 0.0)), coords=coords, name="backlog")

    m.add_constraints(people - people.shift(period=1).fillna(0) - hired + fired == row(np.where(first, workers, 0.0)), name="workforce")
    spare = regular - people * row(each)
    m.add_constraints(spare <= 0 if idle else spare == 0, name="regular time")
    m.add_constraints(overtime - overtime_per_worker * people <= 0, name="overtime")
    net = stock - stock.shift(period=1).fillna(0) - owed + owed.shift(period=1).fillna(0)
    m.add_constraints(net - regular - overtime - other == row(np.where(first, inventory, 0.0) - wanted), name="balance")
    if strategy == "level" and len(wanted) > 1:
        later = people.isel(period=slice(1, None))
        m.add_constraints(later - people.shift(period=1).isel(period=slice(1, None)) == 0, name="level")
    cost = wage * people + hire_cost * hired + layoff_cost * fired + material_cost * regular + (material_cost + overtime_cost) * overtime
    cost = cost + (subcontract_cost or 0.0) * other + holding_cost * stock + (backlog_cost or 0.0) * owed
    m.add_objective(cost.sum())
    status, condition = m.solve("highs", io_api="direct", output_flag=False, mip_rel_gap=0.0, threads=1)
    if condition != "optimal":
        raise ValueError(f"a {strategy} plan cannot serve this demand; allow backlog, subcontracting or hiring")
    names = ["workers", "hired", "laid_off", "regular", "overtime", "subcontracted", "inventory", "backlog"]
    table = pd.DataFrame({n: m.variables[n].solution.to_numpy() for n in names})
    table.insert(0, "demand", wanted)
    table.insert(0, "period", np.asarray(period))
    return AggregatePlan(table, float(m.objective.value))


def whole_worker_plan(
    demand: ArrayLike,
    units_per_worker: ArrayLike,
    *,
    strategy: Literal["level", "chase"],
    workers: float,
    inventory: float,
    end_inventory: float,
    hire_cost: float,
    layoff_cost: float,
    holding_cost: float,
) -> AggregatePlan:
    """Return the textbook's hand-made plan in whole workers who all work: chase follows each period's net demand, level is the least constant crew.

    What they make is rounded to units; stock carries the rest (Nahmias, Production and Operations Analysis).
    """
    wanted = np.asarray(demand, dtype=float)
    each = np.broadcast_to(np.asarray(units_per_worker, dtype=float), wanted.shape)
    net = wanted.copy()
    net[0] -= inventory
    net[-1] += end_inventory
    crew = np.ceil(net / each - 1e-9) if strategy == "chase" else np.full(len(net), np.ceil((net.cumsum() / each.cumsum()).max() - 1e-9))
    made = np.round(crew * each)
    change = np.diff(crew, prepend=workers)
    stock = inventory + (made - wanted).cumsum()
    hired, fired = np.maximum(change, 0), np.maximum(-change, 0)
    cost = hire_cost * hired.sum() + layoff_cost * fired.sum() + holding_cost * np.maximum(stock, 0).sum()
    table = pd.DataFrame(
        {"period": np.arange(1, len(net) + 1), "demand": wanted, "workers": crew, "hired": hired, "laid_off": fired, "regular": made, "inventory": stock}
    )
    return AggregatePlan(table, float(cost))


def plan_cost(
    demand: ArrayLike,
    regular: ArrayLike,
    overtime: ArrayLike = 0.0,
    *,
    inventory: float = 0.0,
    regular_cost: float,
    overtime_cost: float = 0.0,
    holding_cost: float,
    backlog_cost: float,
) -> pd.Series:
    """Return the cost of a given plan by kind; stock is charged on the average of the begin and the end of each period (Stevenson, aggregate planning)."""
    wanted = np.asarray(demand, dtype=float)
    made = np.broadcast_to(np.asarray(regular, dtype=float), wanted.shape)
    extra = np.broadcast_to(np.asarray(overtime, dtype=float), wanted.shape)
    net = inventory + (made + extra - wanted).cumsum()
    held = np.maximum(np.concatenate([[inventory], net]), 0)
    parts = pd.Series({
        "regular": regular_cost * made.sum(), "overtime": overtime_cost * extra.sum(), "holding": holding_cost * ((held[:-1] + held[1:]) / 2).sum(),
        "backlog": backlog_cost * np.maximum(-net, 0).sum(),
    })  # fmt: skip
    return pd.concat([parts, pd.Series({"total": parts.sum()})])


def level_plan(demand: ArrayLike, inventory: float, end_inventory: float, working_days: ArrayLike = 1.0) -> pd.DataFrame:
    """Return a level make-to-stock plan: the same output every working day, from opening to wanted closing stock.

    Returns
    -------
    DataFrame
        period, demand, working_days, production, inventory.
    """
    wanted = np.asarray(demand, dtype=float)
    days = np.broadcast_to(np.asarray(working_days, dtype=float), wanted.shape)
    made = (wanted.sum() + end_inventory - inventory) / days.sum() * days
    stock = inventory + (made - wanted).cumsum()
    return pd.DataFrame({"period": np.arange(1, len(wanted) + 1), "demand": wanted, "working_days": days, "production": made, "inventory": stock})


def make_to_order_plan(bookings: ArrayLike, backlog: float, end_backlog: float) -> pd.DataFrame:
    """Return a level make-to-order plan: the same output every period, from opening to wanted closing backlog (Arnold, production planning).

    Returns
    -------
    DataFrame
        period, bookings, production, backlog.
    """
    booked = np.asarray(bookings, dtype=float)
    made = np.full(len(booked), (booked.sum() + backlog - end_backlog) / len(booked))
    return pd.DataFrame({"period": np.arange(1, len(booked) + 1), "bookings": booked, "production": made, "backlog": backlog + (booked - made).cumsum()})


def master_schedule(forecast: ArrayLike, orders: ArrayLike, stock: float, lot: float) -> pd.DataFrame:
    """Return the master schedule and what can be promised: a lot whenever projected stock falls below zero, the larger of forecast and orders counting.

    Returns
    -------
    DataFrame
        period, forecast, orders, mps, projected, atp. Available to promise stands in the first period and in each with a lot, else blank.
    """
    expected, booked = np.asarray(forecast, dtype=float), np.asarray(orders, dtype=float)
    mps, projected = np.zeros(len(expected)), np.zeros(len(expected))
    level = stock
    for t, need in enumerate(np.maximum(expected, booked)):
        short = need - level
        mps[t] = np.ceil(short / lot) * lot if short > 1e-9 else 0.0
        level = projected[t] = level + mps[t] - need
    starts = np.flatnonzero((mps > 0) | (np.arange(len(mps)) == 0))
    covered = np.add.reduceat(booked, starts)
    promise = np.full(len(mps), np.nan)
    promise[starts] = mps[starts] + np.where(starts == 0, stock, 0.0) - covered
    return pd.DataFrame({"period": np.arange(1, len(mps) + 1), "forecast": expected, "orders": booked, "mps": mps, "projected": projected, "atp": promise})


def consume_forecast(forecast: ArrayLike, orders: ArrayLike, early: int = 0, late: int = 0) -> Array:
    """Return the forecast that orders leave over: an order takes from its own period, then from earlier ones, then from later ones.

    Parameters
    ----------
    forecast, orders : array_like
        Units by period.
    early, late : int
        How many periods before and after its own an order may take from.
    """
    left = np.array(forecast, dtype=float)
    for t, units in enumerate(np.asarray(orders, dtype=float)):
        reach = [t, *range(t - 1, t - early - 1, -1), *range(t + 1, t + late + 1)]
        for other in [p for p in reach if 0 <= p < len(left)]:
            taken = min(units, left[other])
            left[other] -= taken
            units -= taken
    return left


def replenishment(stock: float, demand: float, target: float, minimum: float = 0.0, maximum: float = np.inf) -> float:
    """Return the units to order so that stock ends at its target: at least the minimum and at most the maximum, nothing where nothing is needed."""
    need = target - (stock - demand)
    return float(min(max(need, minimum), maximum)) if need > 0 else 0.0
