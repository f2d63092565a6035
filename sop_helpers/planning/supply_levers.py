"""Levers against a shortage: networks in which one limit is lifted, and how a solver that holds the plan is told of it.

A lever is the network as it would be, so that what it brings can be checked by planning anew on that network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sop_helpers.planning.supply_calendar import most_arriving
from sop_helpers.planning.supply_model import overtime_left, regular_left
from sop_helpers.planning.supply_network import Matrix, Network, some
from sop_helpers.planning.supply_reasons import TOO_LATE, Cause, Finder
from sop_helpers.planning.supply_results import at_release, clean, planned_hours
from sop_helpers.planning.supply_solver import Solution, Solver
from sop_helpers.planning.supply_workers import WISHED, WISHES, wish_price
from sop_helpers.planning.wording import counted

LEAST = 1e-6  # units below which nothing is there, free or saved


class Lever(NamedTuple):
    """What can be tried: its name, the network with that limit lifted, and what it costs beside the plan where that is stated."""

    name: str
    net: Network
    price: float = 0.0


def lifted(net: Network, finder: Finder, cause: Cause) -> Iterator[Lever]:
    """Yield what lifts the limit that a cause names; nothing where none of that would be a limit's."""
    at, kind = cause.at, cause.kind
    if kind in ("capacity", "regular"):
        yield from _hours(net, kind, at)
    elif kind == "transport":
        lanes = net.limits.lanes
        row, most = lanes.table.iloc[at], lanes.most.copy()
        most[at] = np.inf
        what = f"no limit of transport from {row['from_location']} to {row['location']}"
        yield Lever(what, replace(net, limits=replace(net.limits, lanes=replace(lanes, most=most))))
    elif kind == "supplier":
        supplied = net.limits.supplied.copy()
        supplied[at] = np.inf
        yield Lever(f"no limit of all items of {net.limits.suppliers['supplier'].iat[at]}", replace(net, limits=replace(net.limits, supplied=supplied)))
    elif kind == "shelf life":
        shelf = net.limits.shelf.copy()
        shelf[at] = len(net.months)
        yield Lever(f"{net.nodes['node'].iat[at]} that keeps longer", replace(net, limits=replace(net.limits, shelf=shelf)))
    elif kind == "limit":
        upper = net.upper.copy()
        upper[at] = np.where(net.upper[at] > 0, np.inf, 0.0)
        yield Lever(f"no limit of {net.operations['operation'].iat[at]}", replace(net, upper=upper))
    elif kind in (*TOO_LATE, "ended"):
        yield from _months(net, finder, cause)


def _hours(net: Network, kind: str, at: int) -> Iterator[Lever]:
    """Overtime and outside hours beyond their limit at their own rate, and a tenth more regular hours."""
    name, overtime, regular = net.resources[at], net.overtime.copy(), net.regular.copy()
    if kind == "capacity":
        overtime[at] = np.inf
        yield Lever(f"overtime on {name} beyond its limit", replace(net, overtime=overtime))
        if net.outside is not None and (net.outside[at] > 0).any():
            outside = net.outside.copy()
            outside[at] = np.where(net.outside[at] > 0, np.inf, 0.0)
            yield Lever(f"outside hours for {name} beyond their limit", replace(net, outside=outside))
    regular[at] *= 1.1
    yield Lever(f"a tenth more regular hours on {name}", replace(net, regular=regular))


def _months(net: Network, finder: Finder, cause: Cause) -> Iterator[Lever]:
    """What cannot arrive yet, or not any more: expedited, released in closed months, or gone on with."""
    ops, node = net.operations, net.nodes["node"].iat[cause.at]
    own = np.flatnonzero((ops["node"] == cause.at).to_numpy())
    bought = own[(ops["kind"].iloc[own] == "buy").to_numpy()]
    if cause.kind == "ended":
        yield from _opened(net, f"go on with {node}", own, "last")
        return
    if len(bought):  # sooner is not more than the source gives in a month
        yield from _opened(net, f"expedite {node}", bought, "lead")
    else:
        # What is made or moved takes components, stock and hours: no money makes it have begun before. What it waits for may come sooner.
        first = int(np.argmax(net.upper[cause.op] > 0))
        late = list(dict.fromkeys(_late_inputs(net, finder, cause.op, first, set()))) if net.upper[cause.op, first] > 0 else []
        if late:
            rows = np.flatnonzero((ops["node"].isin(late) & (ops["kind"] == "buy")).to_numpy())
            yield from _opened(net, f"expedite {some(net.nodes['node'].iloc[late], 2)}", rows, "lead")
    if cause.kind == "frozen":
        path = _path(finder, cause.at)
        yield from _opened(net, f"release {node} within the frozen months", np.flatnonzero(ops["node"].isin(path).to_numpy()), "frozen")
    if cause.kind == "first month":
        starts = ops["first_month"].iat[cause.op]
        yield from _opened(net, f"begin {ops['operation'].iat[cause.op]} before {starts:%Y-%m}", np.array([cause.op]), "first")


def _opened(net: Network, name: str, rows: np.ndarray, what: str) -> Iterator[Lever]:
    """Operations that may bring units in months closed to them so far."""
    upper, ops = net.upper.copy(), net.operations.iloc[rows]
    closed = upper[rows] <= 0
    if what == "lead":
        closed &= np.cumsum(~closed, axis=1) == 0  # until the first month that is open
    upper[rows] = np.where(closed, most_arriving(ops, net.months, (what,)), upper[rows])
    if (upper != net.upper).any():
        yield Lever(name, replace(net, upper=upper))


def _late_inputs(net: Network, finder: Finder, op: int, month: int, seen: set[int]) -> Iterator[int]:
    """Yield the bought items that an operation lacks for a month since they cannot have arrived, through whatever is made or moved of them."""
    start = max(month - int(net.operations["lead"].iat[op]), 0)
    for component, _ in finder.inputs.get(op, ()):
        c = int(component)
        if c in seen or finder.free[c, start] > LEAST:
            continue
        seen.add(c)
        sources = finder.sources.get(c, [])
        usable = [o for o in sources if net.upper[o, start] > 0]
        if not usable and any(finder.ops["kind"][o] == "buy" for o in sources):
            yield c
        elif sources:
            way = min(usable or sources, key=lambda o: (o != finder.best[c], finder.cost[o], o))
            yield from _late_inputs(net, finder, way, start if usable else int(np.argmax(net.upper[way] > 0)), seen)


def _path(finder: Finder, node: int) -> set[int]:
    """Return a node and what goes into it."""
    out, todo = set(), [node]
    while todo:
        n = todo.pop()
        if n not in out:
            out.add(n)
            todo += [int(c) for o in finder.sources.get(n, []) for c, _ in finder.inputs.get(o, ())]
    return out


def other_sources(net: Network, finder: Finder, node: int, op: int, month: int) -> Iterator[Lever]:
    """Yield what lifts the first limit of each other operation that gives an item in a month; nothing where there is none."""
    for other in finder.sources.get(node, []):
        stop = finder.stops(node, month, other) if other != op else None
        if stop is not None:
            yield from lifted(net, finder, stop)


def stock_elsewhere(net: Network, found: Solution, node: int) -> Iterator[Lever]:
    """Yield what lies above its target at other places all the time, moved at once; a move that there is an operation for costs what that does.

    What the plan moves to the same place itself, and is there only after the lead time of that, lies there as well.
    """
    item, ops, stock = net.nodes["item"].iat[node], net.operations, found.values["stock"]
    leaves = at_release(net, found.values["arrive"])
    for other in np.flatnonzero((net.nodes["item"] == item).to_numpy()):
        here, there = net.nodes["location"].iat[other], net.nodes["location"].iat[node]
        way = ((ops["kind"] == "move") & (ops["node"] == node) & (ops["from_location"] == here)).to_numpy()
        kept = stock[other] + leaves[way].sum(axis=0).cumsum() - net.target[other]
        units = min(float(kept.min()), float(net.opening[other]))
        if other == node or units <= LEAST:
            continue
        opening = net.opening.copy()
        opening[[other, node]] += -units, units
        price = float(ops.loc[way, "unit_cost"].min()) if way.any() else 0.0
        yield Lever(f"move {counted(f'{units:,.0f}', 'units')} of {item} above target from {here} to {there}", replace(net, opening=opening), units * price)


def build_ahead(net: Network, stock: Matrix, nodes: Iterable[int]) -> Iterator[Lever]:
    """Yield what lets stock be built ahead: more space where it is full, and no maximum where that is reached."""
    nodes = list(nodes)
    places = net.nodes["location"].iloc[nodes].unique()
    for row, name in enumerate(net.limits.locations):
        there = stock[(net.nodes["location"] == name).to_numpy()].sum(axis=0)
        if name in places and (there > net.limits.space[row] - LEAST).any():
            space = net.limits.space.copy()
            space[row] = np.inf
            yield Lever(f"build ahead beyond the space of {name}", replace(net, limits=replace(net.limits, space=space)))
    most = net.nodes["max_units"].to_numpy(dtype=float)
    for n in nodes:
        if most[n] > 0 and (stock[n] > most[n] - LEAST).any():  # what is made to order has a maximum of zero: it is built for nobody
            table = net.nodes.assign(max_units=np.where(np.arange(len(most)) == n, np.nan, most))
            yield Lever(f"build ahead beyond the maximum of {net.nodes['node'].iat[n]}", replace(net, nodes=table))


def no_strategy(net: Network) -> Iterator[Lever]:
    """Yield going against a strategy that prices what goes against it."""
    if net.strategy in WISHES:
        what = "build ahead" if net.strategy == "chase" else "change hours by month"
        yield Lever(f"{what} though the strategy is {net.strategy}", replace(net, strategy="optimal"))


def told(solver: Solver, net: Network, now: Network) -> Callable[[], None]:
    """Let a solver of one network solve another that differs in what levers lift; return what puts it back."""
    parts = [tell for differ, tell in _PARTS if differ(net, now)]
    for tell in parts:
        tell(solver, net, now)

    def back() -> None:
        for tell in parts:
            tell(solver, net, net)

    return back


def _more(now: Matrix, net: Matrix) -> Matrix:
    """Return by how much limits differ; nothing where both are infinite."""
    return np.subtract(now, net, out=np.zeros(net.shape), where=np.isfinite(net))


def _tell_hours(solver: Solver, net: Network, now: Network) -> None:
    solver.right("capacity", regular_left(now) - regular_left(net))  # beside what open orders take, which may be more than the regular hours
    solver.most("overtime", overtime_left(now))


def _tell_suppliers(solver: Solver, net: Network, now: Network) -> None:
    for row, (supplier, measure) in enumerate(zip(net.limits.suppliers["supplier"], net.limits.suppliers["measure"], strict=True)):
        capped = np.isfinite(net.limits.supplied[row])
        solver.right(f"supplier {supplier} {measure}", now.limits.supplied[row, capped] - net.limits.supplied[row, capped])


def _tell_space(solver: Solver, net: Network, now: Network) -> None:
    for row, name in enumerate(net.limits.locations):
        capped = np.isfinite(net.limits.space[row])
        solver.right(f"space of {name}", now.limits.space[row, capped] - net.limits.space[row, capped])


def _tell_maxima(solver: Solver, net: Network, now: Network) -> None:
    most, was = (n.nodes["max_units"].to_numpy(dtype=float) for n in (now, net))
    more = np.where(np.isnan(most), np.inf, most - was)[~np.isnan(was)]
    solver.right("maximum", np.repeat(more[:, None], len(net.months), axis=1))


def _tell_shelf_life(solver: Solver, net: Network, now: Network) -> None:
    for keeps in np.unique(net.limits.shelf[(net.limits.shelf > 0) & (net.limits.shelf < len(net.months))]):
        alike = net.limits.shelf == keeps
        more = np.where(now.limits.shelf[alike] == keeps, 0.0, np.inf)
        solver.right(f"shelf life of {keeps}", np.repeat(more[:, None], len(net.months) - keeps, axis=1))


def _tell_opening(solver: Solver, net: Network, now: Network) -> None:
    change = np.zeros(net.target.shape)
    change[:, 0] = now.opening - net.opening
    solver.right("balance", change)


def _tell_strategy(solver: Solver, net: Network, now: Network) -> None:
    for name in WISHED:
        if name in solver.whole.columns:
            price = 0.0 if now.strategy == net.strategy else -wish_price(net)
            solver.dearer(name, np.full(solver.whole.columns[name].shape, price))


def _hours_of(net: Network) -> Matrix:
    return np.stack([net.regular, net.overtime])


_PARTS: list[tuple[Callable[[Network, Network], bool], Callable[[Solver, Network, Network], None]]] = [
    (lambda net, now: now.upper is not net.upper, lambda solver, net, now: solver.most("arrive", now.upper)),
    (lambda net, now: not np.array_equal(_hours_of(net), _hours_of(now)), _tell_hours),
    (lambda net, now: now.outside is not net.outside, lambda solver, net, now: solver.most("outside", now.outside)),
    (lambda net, now: now.limits.supplied is not net.limits.supplied, _tell_suppliers),
    (lambda net, now: now.limits.space is not net.limits.space, _tell_space),
    (lambda net, now: now.limits.shelf is not net.limits.shelf, _tell_shelf_life),
    (lambda net, now: now.limits.lanes is not net.limits.lanes,
     lambda solver, net, now: solver.right("transport", _more(now.limits.lanes.room, net.limits.lanes.room))),
    (lambda net, now: now.nodes is not net.nodes, _tell_maxima),
    (lambda net, now: now.opening is not net.opening, _tell_opening),
    (lambda net, now: now.strategy != net.strategy, _tell_strategy),
]  # fmt: skip


def needed_for(cause: Cause, net: Network) -> tuple[int, int]:
    """Return the node that a cause stops, and the month in which units of it would have to arrive."""
    if cause.op < 0:
        return cause.at, cause.month
    lead = int(net.operations["lead"].iat[cause.op]) if cause.kind in ("capacity", "regular", "transport") else 0
    return int(net.operations["node"].iat[cause.op]), cause.month + lead


def finder_of(net: Network, found: Solution) -> Finder:
    """Return what finds causes in a plan."""
    flows = clean(found.values, net)
    planned = planned_hours(net, flows["arrive"], found.values.get("outside", 0.0))
    return Finder(net, flows, *(np.maximum(hours - planned, 0.0) for hours in (net.regular + net.overtime, net.regular)))
