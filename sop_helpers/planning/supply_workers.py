"""People in the supply plan: regular hours follow the workers that it keeps, hires and lays off; hours that others work come at a price.

    workers[r, t] = workers[r, t-1] + hired[r, t] - laid_off[r, t]
    hours worked in regular time <= hours per worker x workers, and <= what the resource can be manned
    overtime <= overtime per worker x workers

All who are there are paid, whether they work or not (Chopra & Meindl, aggregate planning). Strategies are rules on the same model: ``level`` keeps the
people of the first month, ``hybrid`` changes them every third month only, ``chase`` holds no stock beyond targets, ``optimal`` is free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import no_rows

if TYPE_CHECKING:
    import linopy

    from sop_helpers.planning.supply_network import Network
    from sop_helpers.planning.supply_solver import Price, Solution

Matrix = NDArray[np.float64]
WISHES = ("level", "chase")  # strategies that price what goes against them
WISHED = ("beyond", "busier", "calmer")  # variables of what goes against them
STRATEGIES = ("optimal", "level", "chase", "hybrid")
REVIEW = 3  # months for which a hybrid plan keeps its people


@dataclass(frozen=True)
class Crews:
    """Resources whose hours follow people.

    Attributes
    ----------
    rows : ndarray (c)
        Their positions among the network's resources.
    start : ndarray (c)
        People before the first month.
    hours, overtime, wage, hire, layoff, idle : ndarray (c, t)
        Regular hours and most overtime hours of one worker; money for one worker, and for an idle hour.
    whole : bool
        Whether people count in whole numbers.
    """

    rows: NDArray[np.int64]
    start: Matrix
    hours: Matrix
    overtime: Matrix
    wage: Matrix
    hire: Matrix
    layoff: Matrix
    idle: Matrix
    whole: bool = False


def crews(by_month: dict[str, Matrix], names: list[str], whole: bool) -> tuple[Crews | None, list[str]]:
    """Return the resources that state the hours of one worker, and what had to be assumed of them.

    Parameters
    ----------
    by_month : dict
        Columns of resources as matrices (r, t), NaN where blank.

    Raises
    ------
    ValueError
        A resource states hours per worker for some months only, or no people to start from.
    """
    stated = ~np.isnan(by_month["hours_per_worker"])
    rows = np.flatnonzero(stated.any(axis=1))
    if not len(rows):
        return None, []
    for r in rows:
        if not stated[r].all():
            raise ValueError(f"resources.hours_per_worker of {names[r]!r} is blank in some months; expected a number for each, or a row with a blank month")
        if np.isnan(by_month["workers"][r, 0]):
            raise ValueError(f"resources.workers of {names[r]!r} is blank; expected the people before the plan begins, since hours_per_worker is stated")
    part = {name: values[rows] for name, values in by_month.items()}
    notes = []
    for column, what in (("wage", "paying"), ("hire_cost", "hiring"), ("layoff_cost", "laying off")):
        blank = [names[r] for r, b in zip(rows, np.isnan(part[column]).any(axis=1), strict=True) if b]
        notes += [f"{', '.join(blank)}: {column} is not stated, so {what} people is taken to cost nothing."] if blank else []
    money = {name: np.nan_to_num(part[name]) for name in ("wage", "hire_cost", "layoff_cost", "idle_cost")}
    # Overtime is worked by somebody: without a limit of their own people would work any number of hours of it, and nobody would work them as well.
    overtime = np.where(np.isnan(part["overtime_per_worker"]), part["hours_per_worker"], part["overtime_per_worker"])
    return Crews(
        rows, part["workers"][:, 0], part["hours_per_worker"], overtime, money["wage"], money["hire_cost"],
        money["layoff_cost"], money["idle_cost"], whole,
    ), notes  # fmt: skip


def labour_of_hour(by_month: dict[str, Matrix]) -> Matrix:
    """Return the wage in one regular hour by resource, zero where people are not planned: what a unit costs beside its operation."""
    hours, wage = by_month["hours_per_worker"][:, 0], by_month["wage"][:, 0]
    return np.where(np.isnan(hours), 0.0, np.nan_to_num(wage) / np.where(np.isnan(hours), 1.0, hours))


def add_crews(m: linopy.Model, net: Network, res: pd.Index, month: pd.Index, worked: Any) -> tuple[Any, Any]:
    """Add people to the model; return the regular hours that they bring (a term for the capacity rows) and their cost.

    Parameters
    ----------
    worked : expression
        Hours worked in regular time on all resources, as what is released less overtime and outside hours.
    """
    import xarray as xr

    crew = net.crews
    assert crew is not None
    own = pd.Index(res[crew.rows], name="resource")
    coords = [own, month]

    def table(values: Matrix) -> Any:
        return xr.DataArray(np.broadcast_to(values, (len(own), len(month))), coords=coords)

    workers = m.add_variables(lower=0, coords=coords, name="workers")
    never = held_months(net.strategy, len(month))
    most = table(np.where(never[None, :], 0.0, np.inf))
    hired, fired = (m.add_variables(lower=0, upper=most, coords=coords, name=n) for n in ("hired", "laid_off"))
    start = np.zeros((len(own), len(month)))
    start[:, 0] = crew.start
    m.add_constraints(workers - workers.shift(month=1).fillna(0) - hired + fired == table(start), name="workforce")
    regular = np.maximum(net.regular - net.committed, 0)[crew.rows]
    mine = worked.isel(resource=crew.rows)
    m.add_constraints(mine <= table(regular), name="manned")
    over = m.variables["overtime"].isel(resource=crew.rows)
    m.add_constraints(over - workers * table(crew.overtime) <= 0, name="overtime of workers")
    cost = (workers * table(crew.wage)).sum() + (hired * table(crew.hire)).sum() + (fired * table(crew.layoff)).sum()
    if (crew.idle > 0).any():
        idle = m.add_variables(lower=0, coords=coords, name="idle")
        m.add_constraints(workers * table(crew.hours) - mine - idle <= table(held_back(net)), name="idle time")
        cost = cost + (idle * table(crew.idle)).sum()
    return (workers * table(crew.hours)).reindex(resource=res).fillna(0), cost


def add_strategy(m: linopy.Model, net: Network, worked: Any, stock: Any) -> Any:
    """Add what a strategy asks beside people: level keeps the hours of other resources even, chase holds nothing beyond targets; return its price.

    Both are wished for, not forced: what is open already or frozen may not allow them. `strategy_price` takes the price off the cost again.
    """
    import xarray as xr

    month, price = stock.indexes["month"], wish_price(net)
    if net.strategy == "chase":
        made = np.unique(net.operations["node"])
        node = pd.Index(stock.indexes["node"][made], name="node")
        beyond = m.add_variables(lower=0, coords=[node, month], name="beyond")
        m.add_constraints(stock.isel(node=made) - beyond <= xr.DataArray(net.target[made], coords=[node, month]), name="chase")
        return (beyond * price).sum()
    fixed = np.zeros(0, dtype=np.int64) if net.crews is None else net.crews.rows
    free = np.setdiff1d(np.arange(len(net.resources)), fixed)
    if net.strategy != "level" or not len(free) or len(month) < 2:
        return 0
    res = pd.Index([net.resources[r] for r in free], name="resource")
    later = month[1:]
    up, down = (m.add_variables(lower=0, coords=[res, later], name=n) for n in ("busier", "calmer"))
    now = worked.isel(resource=free)
    change = (now - now.shift(month=1).fillna(0)).isel(month=slice(1, None))
    m.add_constraints(change - up + down == 0, name="level")
    return ((up + down) * price).sum()


def wish_price(net: Network) -> float:
    """Return the price of going against a strategy by a unit or an hour: less than a lost sale, more than anything else usually costs."""
    return 0.5 * float(net.series["lost"].median()) if len(net.series) else 0.0


def strategy_price(net: Network, values: dict[str, Matrix]) -> float:
    """Return what the objective holds for going against a strategy, which is no cost of the plan."""
    return wish_price(net) * sum(float(values[n].sum()) for n in WISHED if n in values)


def held_back(net: Network) -> Matrix:
    """Return the regular hours of crews that open production orders take."""
    crew = net.crews
    assert crew is not None
    return np.minimum(net.committed, net.regular)[crew.rows]


def held_months(strategy: str, periods: int) -> NDArray[np.bool_]:
    """Return the months in which a strategy does not change people."""
    t = np.arange(periods)
    return {"level": t > 0, "hybrid": t % REVIEW > 0}.get(strategy, np.zeros(periods, dtype=bool))


def staffed(net: Network, values: dict[str, Matrix]) -> Network:
    """Return the network with the hours that the planned people give, for reading the plan's load."""
    crew = net.crews
    if crew is None:
        return net
    people = np.maximum(values["workers"], 0.0)
    regular, overtime = net.regular.copy(), net.overtime.copy()
    regular[crew.rows] = np.minimum(regular[crew.rows], people * crew.hours)
    overtime[crew.rows] = np.minimum(overtime[crew.rows], people * crew.overtime)
    return replace(net, regular=regular, overtime=overtime)


def value_of_hour(net: Network, found: Solution) -> Price:
    """Return what one more hour of each resource saves: of the line, its people paid, where the line is full; else of the people that it has.

    Level and chase are followed with that hour as well, and the prices of their wishes are not in it: it is the fall of the plan's cost less `strategy_price`,
    below zero where the hour lets a dearer plan follow the strategy more closely.
    """
    hour, line = found.hour, found.prices.get("manned")
    if net.crews is None or line is None:
        return hour
    rows, full = net.crews.rows, np.abs(line.one) > 1e-9
    one = hour.one.copy()
    one[rows] = np.where(full, line.one, one[rows])
    if hour.held is None or line.held is None:
        return hour._replace(one=one)
    less, more = hour.held.less.copy(), hour.held.more.copy()
    less[rows], more[rows] = np.where(full, line.held.less, less[rows]), np.where(full, line.held.more, more[rows])
    return hour._replace(one=one, held=hour.held._replace(less=less, more=more))


def with_people(net: Network) -> Network:
    """Return a network whose people stay as they are planned: their hours are given, and level or hybrid have been followed in them."""
    if net.crews is None:
        return net
    return replace(net, crews=None, strategy="chase" if net.strategy == "chase" else "optimal")


def hiring_plan(net: Network, values: dict[str, Matrix], worked: Matrix) -> pd.DataFrame:
    """Return people by resource and month, as the contract hiring_plan; empty where no resource states the hours of one worker.

    Parameters
    ----------
    worked : ndarray (r, t)
        Hours planned on each resource, open orders included.
    """
    crew = net.crews
    columns = ["resource", "month", "workers", "hired", "laid_off", "idle_hours", "cost"]
    if crew is None:
        return no_rows(columns, ["resource"])
    people = np.round(np.maximum(values["workers"], 0.0), 6)
    change = np.diff(people, axis=1, prepend=crew.start[:, None])
    hired, fired = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    cost = people * crew.wage + hired * crew.hire + fired * crew.layoff
    idle = np.maximum(people * crew.hours - worked[crew.rows], 0.0)
    rows = [net.resources[r] for r in crew.rows]
    out = pd.DataFrame({"resource": np.repeat(rows, len(net.months)), "month": np.tile(net.months.to_numpy().astype("datetime64[us]"), len(rows))})
    return out.assign(workers=people.ravel(), hired=hired.ravel(), laid_off=fired.ravel(), idle_hours=idle.ravel(), cost=cost.ravel())
