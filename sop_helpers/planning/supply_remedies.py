"""What would help against a shortage, and what that brings: the plan is solved again from its kept basis with that one limit lifted, or served all the same.

    cause           what is tried                                                          (and for each: agree on delivery when the plan can serve)
    capacity        overtime, and outside hours, beyond their limit; a tenth more regular hours
    regular         a tenth more regular hours; overtime all the same
    limit           no limit of the operation
    supplier        no limit of all items of the supplier
    transport       no limit of transport on the lane
    shelf life      the item keeps as long as the plan lasts
    lead time       bought: expedite it; made or moved: expedite what it waits for, along its path to what is bought
    frozen          the same, and release it, and what goes into it, within the frozen months
    first month     the same, and begin before it
    ended           go on beyond the last month
    lot             a whole or a smaller lot, as below
    no source       stock of other places, as below
    choice          serve in time all the same

Against all but the last, where the item that is stopped

    has lots                       a whole lot now, the rest of which is held in stock; a smaller lot, agreed for once
    has another source             what stops that one, by the rows above; lots of it as well; the other source all the same
    lies elsewhere above target    what lies there, moved now
    could have been built ahead    beyond space or a maximum that is full; build ahead all the same

and against all where a strategy prices what goes against it: built ahead though it is chase, hours that change though it is level.

Only what saves a twentieth of the shortage (`LITTLE`), and serves an item sooner that is short from that limit, is told: nothing of a source, a place or a
limit that there is not. In the best plan what pays is done already: what is served "all the same", within the limits there are (`supply_anyway`), and many a
whole lot, gain less than nothing.

Figures are those of the plan before whole lots, so that a lot that happens to fit is not taken for a remedy; those of lots are of the plan in whole lots.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.supply_anyway import Lots, served_anyway, whole_lots
from sop_helpers.planning.supply_levers import LEAST, Lever, build_ahead, finder_of, lifted, needed_for, no_strategy, other_sources, stock_elsewhere, told
from sop_helpers.planning.supply_limits import last_arrivals
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_reasons import Cause, late_units
from sop_helpers.planning.supply_solver import Solution, Solver
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import strategy_price, with_people
from sop_helpers.planning.wording import AGREE

COLUMNS = ["limit", "short_units", "short_money", "remedy", "saved_units", "saved_money", "cost", "gain"]
SPENT = ["arrive", "stock", "overtime", "outside", "extra transport"]  # what is paid for; the rest of the objective are prices of service
MOST_ITEMS = 3  # items that a limit stops, most money first, whose other sources, lots and places are looked at
LITTLE = 0.05  # share of what a limit makes short: what saves less, in units or in money, is no remedy against it


class Gained(NamedTuple):
    """What a remedy brings, as the columns of the table, and by node the units and months that less is owed or lost of what is sold there."""

    units: float
    money: float
    cost: float
    gain: float
    sooner: Matrix


def price_remedies(net: Network, causes: list[Cause], shortages: pd.DataFrame, plan: pd.DataFrame | None = None, most: int = 6) -> pd.DataFrame:
    """Return for the limits that cost most what would help; what saves next to nothing, or no item that is short from
    that limit, is left out.

    Parameters
    ----------
    net : Network
        What was planned on.
    causes : list of Cause
        Of each row of the shortages.
    shortages : DataFrame
        As the contract.
    plan : DataFrame, optional
        As the contract supply_plan: the plan in whole lots; without it no lots are tried.
    most : int
        How many limits are looked at, most money first.

    Returns
    -------
    DataFrame
        As the contract shortage_remedies. ``cost`` is what more is spent on operations, stock and overtime, without the price of the remedy itself
        where nobody stated one; ``gain`` is what all costs and prices of service together fall by: more than that the remedy must not cost.
    """
    if shortages.empty:
        return no_rows(COLUMNS, ["limit", "remedy"])
    net = with_people(net)
    columns = ["short_units", "money", "limit", "recovered_month", "month", "product", "region"]
    rows = shortages[columns].reset_index(drop=True)
    serie = pd.MultiIndex.from_frame(net.series[["product", "region"]]).get_indexer(pd.MultiIndex.from_frame(rows[["product", "region"]]))
    rows = rows.assign(serie=serie, t=net.months.get_indexer(pd.DatetimeIndex(rows["month"])))
    rows["price"] = rows["short_units"] * months_between(rows["recovered_month"], rows["month"]) * net.series["late"].to_numpy(dtype=float)[serie]
    groups = rows.groupby("limit", sort=False)
    ranked = groups["money"].sum().sort_values(ascending=False, kind="stable").index[:most]
    mine = {limit: _Short(net, groups.get_group(limit), causes) for limit in ranked}
    tried = _Tried(net)
    found = {limit: dict(tried.of(short)) for limit, short in mine.items()}
    arrivals = last_arrivals(plan, net.operations, net.months)
    lots = None
    if arrivals is not None:
        with suppress(RuntimeError):
            lots = whole_lots(net, tried.solver, np.nan_to_num(arrivals), [op for short in mine.values() for op in tried.lot_of(short)])
    out = []
    for limit, short in mine.items():
        head = [limit, short.rows["short_units"].sum(), short.rows["money"].sum()]
        if lots is not None:
            found[limit] |= dict(tried.other_lots(short, lots))
        enough = np.array([max(LITTLE * head[1], LEAST), LITTLE * head[2]])  # what is given away makes no money short
        helps = [(remedy, gained) for remedy, gained in found[limit].items() if (np.array(gained[:2]) >= enough).all()]
        out += [[*head, remedy, *gained[:4]] for remedy, gained in helps if (gained.sooner[short.sold] > LEAST).any()]
        served = short.rows.dropna(subset="price")
        if len(served):
            out.append([*head, AGREE, served["short_units"].sum(), served["money"].sum(), 0.0, served["price"].sum()])
    return pd.DataFrame(out, columns=COLUMNS) if out else no_rows(COLUMNS, ["limit", "remedy"])


class _Short:
    """What one limit makes short: its rows, most money first, their causes, and the items that are stopped with the months of their arrival."""

    def __init__(self, net: Network, rows: pd.DataFrame, causes: list[Cause]):
        self.rows = rows.sort_values("money", ascending=False, kind="stable")
        self.causes = [causes[k] for k in self.rows.index]
        self.series, self.months = (self.rows[c].to_numpy() for c in ("serie", "t"))
        self.kind = self.causes[0].kind
        self.each = list({c[3:5]: c for c in self.causes}.values())  # one of each kind and place
        self.stopped = [needed_for(c, net) for c in self.causes]
        first = dict(zip([n for n, _ in reversed(self.stopped)], reversed(self.causes), strict=True))
        items = [n for n in dict.fromkeys(n for n, _ in self.stopped)][:MOST_ITEMS]
        self.items = [(n, needed_for(first[n], net)[1], first[n]) for n in items]
        self.sold = net.series["node"].to_numpy()[self.series]
        self.nodes = list(dict.fromkeys([*items, *self.sold.tolist()]))[: 2 * MOST_ITEMS]


class _Tried:
    """The plan as it is, and what levers bring; one that stands against several limits is solved once."""

    def __init__(self, net: Network):
        self.net = net
        self.solver = Solver(build_model(net), starting_basis(net))
        self.base = self.solver.solve()
        self.solver.keep()
        self.finder = finder_of(net, self.base)
        self.known: dict[str, Gained] = {}

    def of(self, short: _Short) -> Iterator[tuple[str, Gained]]:
        """Yield what limits lifted, and then what serving all the same, bring."""
        for lever in self._levers(short):
            if lever.name not in self.known:
                with suppress(RuntimeError):  # digits that simplex cannot mend: nothing is told
                    self.known[lever.name] = self.pull(lever)
            if lever.name in self.known:
                yield lever.name, self.known[lever.name]
        at, late = (short.series, short.months), set(short.stopped)
        for way, name in self._anyway(short):
            self.solver.restore()
            with suppress(RuntimeError):
                yield name, self._gained(self.base, served_anyway(self.net, self.solver, self.base, self.finder, at, late, way))

    def pull(self, lever: Lever) -> Gained:
        """Solve with a lever; the solver is left as it was built."""
        self.solver.restore()
        back = told(self.solver, self.net, lever.net)
        try:
            found = self._gained(self.base, self.solver.solve())
        finally:
            back()
        return found._replace(cost=found.cost + lever.price, gain=found.gain - lever.price)

    def other_lots(self, short: _Short, lots: Lots) -> Iterator[tuple[str, Gained]]:
        """Yield what other lots of what is stopped bring, against the plan in whole lots."""
        for op, month in self.lot_of(short).items():
            with suppress(RuntimeError):
                for name, found in lots.tried(op, month):
                    yield name, self._gained(lots.base, found)

    def lot_of(self, short: _Short) -> dict[int, int]:
        """Return the operations whose lots may be what is in the way, and the month of arrival."""
        out: dict[int, int] = {}
        for node, month, _ in short.items:
            if short.kind != "choice" and month < len(self.net.months):
                out |= {o: month for o in self.finder.sources.get(node, []) if o not in out}
        return out

    def _levers(self, short: _Short) -> Iterator[Lever]:
        net = self.net
        yield from no_strategy(net)
        if short.kind == "choice":
            return
        for cause in short.each:
            yield from lifted(net, self.finder, cause)
        for node, month, cause in short.items:
            if month < len(net.months):
                yield from other_sources(net, self.finder, node, cause.op, month)
        for node in short.nodes:
            yield from stock_elsewhere(net, self.base, node)
        yield from build_ahead(net, self.base.values["stock"], short.nodes)

    def _anyway(self, short: _Short) -> Iterator[tuple[str, str]]:
        """Yield the ways in which short rows may be served all the same, and how they are told."""
        if short.kind == "choice":
            yield "serve in time", "serve in time all the same"
            return
        if short.kind == "regular":
            yield "overtime", f"overtime on {self.net.resources[short.each[0].at]} all the same"
        if any(len(self.finder.sources.get(node, [])) > 1 for node, _, _ in short.items):
            yield "other source", "the other source all the same"
        yield "build ahead", "build ahead all the same"

    def _gained(self, base: Solution, found: Solution) -> Gained:
        net = self.net
        saved = late_units(net, base.values) - late_units(net, found.values)
        spent = self.solver.spent(found, SPENT) - self.solver.spent(base, SPENT)
        wished = strategy_price(net, base.values) - strategy_price(net, found.values)  # going against a strategy is no cost
        less = sum((base.values[n] - found.values[n]).sum(axis=1) for n in ("owed", "lost"))
        sooner = np.bincount(net.series["node"], weights=less, minlength=len(net.nodes))  # regions may be served one for another at no cost
        return Gained(float(saved.sum()), float((saved * net.prices).sum()), spent, base.objective - found.objective - wished, sooner)
