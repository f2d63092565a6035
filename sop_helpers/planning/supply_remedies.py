"""What would help against a shortage, and what that brings: the plan is solved again from its last basis with that one limit lifted.

Figures are those of the plan before whole lots, so that a lot that happens to fit is not taken for a remedy.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import months_between, no_rows
from sop_helpers.planning.supply_model import build_model, overtime_left, regular_left
from sop_helpers.planning.supply_network import Network
from sop_helpers.planning.supply_reasons import TOO_LATE, Cause, late_units
from sop_helpers.planning.supply_solver import Solution, Solver
from sop_helpers.planning.supply_start import starting_basis
from sop_helpers.planning.supply_workers import strategy_price, with_people
from sop_helpers.planning.wording import AGREE

COLUMNS = ["limit", "short_units", "short_money", "remedy", "saved_units", "saved_money", "cost", "gain"]
SPENT = ["arrive", "stock", "overtime", "outside", "extra transport"]  # what is paid for; the rest of the objective are prices of service


def price_remedies(net: Network, causes: list[Cause], shortages: pd.DataFrame, most: int = 6) -> pd.DataFrame:
    """Return for the limits that cost most what would help; what saves no unit is left out.

    Capacity: overtime and outside hours beyond their limit at their own rate, and a tenth more regular hours; a limit, also that of a supplier or lane, or a
    shelf life: lifted; what comes too late: expedited. What the demand side can do is to agree on delivery when the plan can serve.

    Parameters
    ----------
    net : Network
        What was planned on.
    causes : list of Cause
        Of each row of the shortages.
    shortages : DataFrame
        As the contract.
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
    solver = Solver(build_model(net), starting_basis(net))
    base = solver.solve()
    columns = ["short_units", "money", "limit", "recovered_month", "month", "product", "region"]
    rows = shortages[columns].assign(kind=[c.kind for c in causes], at=[c.at for c in causes])
    late = pd.Series(net.series["late"].to_numpy(dtype=float), index=pd.MultiIndex.from_frame(net.series[["product", "region"]]))
    each = late.reindex(pd.MultiIndex.from_frame(rows[["product", "region"]])).to_numpy()
    wait = months_between(rows["recovered_month"], rows["month"])
    rows["price"] = rows["short_units"] * wait * each
    groups = rows.groupby("limit", sort=False)
    ranked = groups["money"].sum().sort_values(ascending=False, kind="stable").index[:most]
    out = []
    for limit in ranked:
        mine = groups.get_group(limit)
        head = [limit, mine["short_units"].sum(), mine["money"].sum()]
        places = mine[["kind", "at"]].drop_duplicates().itertuples(index=False)
        for remedy, lift, back in chain.from_iterable(_levers(net, solver, *place) for place in places):
            lift()
            found = solver.solve()
            back()
            gained = _gained(net, solver, base, found)
            if gained[0] > 1e-6:
                out.append([*head, remedy, *gained])
        served = mine.dropna(subset="price")
        if len(served):
            out.append([*head, AGREE, served["short_units"].sum(), served["money"].sum(), 0.0, served["price"].sum()])
    return pd.DataFrame(out, columns=COLUMNS) if out else no_rows(COLUMNS, ["limit", "remedy"])


def _levers(net: Network, solver: Solver, kind: str, at: int) -> list[tuple]:
    """Return what can be tried against a cause: its name, what lifts the limit, and what puts it back."""
    if kind in ("capacity", "regular"):
        regular, free = net.regular.copy(), overtime_left(net)
        regular[at] *= 1.1
        longer, lifted = replace(net, regular=regular), free.copy()
        lifted[at] = np.inf
        name = net.resources[at]

        def set_hours(now: Network) -> None:  # beside what open production orders take, which may be more than the regular hours
            solver.right("capacity", regular_left(now) - regular_left(net))
            solver.most("overtime", overtime_left(now))

        beyond = [(f"overtime on {name} beyond its limit", lambda: solver.most("overtime", lifted), lambda: solver.most("overtime", free))]
        if net.outside is not None and (net.outside[at] > 0).any():
            others = net.outside.copy()
            others[at] = np.where(net.outside[at] > 0, np.inf, 0.0)
            what = f"outside hours for {name} beyond their limit"
            beyond.append((what, lambda: solver.most("outside", others), lambda: solver.most("outside", net.outside)))
        return [
            *(beyond if kind == "capacity" else []),
            (f"a tenth more regular hours on {name}", lambda: set_hours(longer), lambda: set_hours(net)),
        ]
    if kind in ("transport", "supplier"):
        return [_freed(net, solver, kind, at)]
    if kind == "shelf life":
        return _kept(net, solver, at)
    ops, open_to = net.operations, net.upper.copy()
    if kind == "limit":
        open_to[at] = np.where(net.upper[at] > 0, np.inf, 0.0)
        what = f"no limit of {ops['operation'].iat[at]}"
    elif kind in (*TOO_LATE, "ended"):
        # Only what is bought can be had sooner for money alone: what is made or moved takes components, stock and hours that are late themselves.
        mine = np.flatnonzero(((ops["node"] == at) & ((ops["kind"] == "buy") | (kind == "ended"))).to_numpy())
        if not len(mine):
            return []
        most = ops["max_units"].fillna(np.inf).to_numpy(dtype=float)[mine, None]  # sooner is not more than the source gives in a month
        open_to[mine] = np.where(net.upper[mine] > 0, net.upper[mine], most)
        what = f"expedite {net.nodes['node'].iat[at]}" if kind != "ended" else f"go on with {net.nodes['node'].iat[at]}"
    else:
        return []
    return [(what, lambda: solver.most("arrive", open_to), lambda: solver.most("arrive", net.upper))]


def _freed(net: Network, solver: Solver, kind: str, at: int) -> tuple:
    """A limit that orders share, lifted in all months."""
    if kind == "transport":
        name, most, row = "transport", net.limits.lanes.room, net.limits.lanes.table.iloc[at]
        what = f"no limit of transport from {row['from_location']} to {row['location']}"
    else:
        row = net.limits.suppliers.iloc[at]
        name, most = f"supplier {row['supplier']} {row['measure']}", net.limits.supplied[at][np.isfinite(net.limits.supplied[at])]
        what = f"no limit of all items of {row['supplier']}"
    none, more = np.zeros_like(most), np.zeros_like(most)
    more[at if kind == "transport" else slice(None)] = np.inf
    return what, lambda: solver.right(name, more), lambda: solver.right(name, none)


def _kept(net: Network, solver: Solver, node: int) -> list[tuple]:
    """An item that keeps as long as the plan lasts."""
    keeps, months = int(net.limits.shelf[node]), len(net.months)
    if keeps >= months:
        return []
    alike = np.flatnonzero(net.limits.shelf == keeps)
    none = np.zeros((len(alike), months - keeps))
    more = none.copy()
    more[alike == node] = np.inf
    name = f"shelf life of {keeps}"
    return [(f"{net.nodes['node'].iat[node]} that keeps longer", lambda: solver.right(name, more), lambda: solver.right(name, none))]


def _gained(net: Network, solver: Solver, base: Solution, found: Solution) -> tuple[float, float, float, float]:
    saved = late_units(net, base.values) - late_units(net, found.values)
    spent = solver.spent(found, SPENT) - solver.spent(base, SPENT)
    wished = strategy_price(net, base.values) - strategy_price(net, found.values)  # going against a strategy is no cost
    return float(saved.sum()), float((saved * net.prices).sum()), spent, base.objective - found.objective - wished
