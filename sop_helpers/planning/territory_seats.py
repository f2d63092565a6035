"""Where territories would sit if they were drawn afresh: seats among the accounts, as a capacitated p-median of each region."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.p_median import choose_seats
from sop_helpers.planning.territory_design import Proposal, before_after, check_accounts, distances, seats

STEPS = 200
"""What a seat may serve is counted in so many steps, so that knapsacks stay small; `propose` keeps the balance exactly afterwards."""


def fresh_seats(accounts: pd.DataFrame, tolerance: float, seconds: float = 30.0) -> pd.DataFrame:
    """Return seats for as many territories as each region has today: of least travel, none with more work than the tolerance allows.

    A new seat bears the name of today's territory that is nearest, all told, so that most accounts keep their rep.

    Parameters
    ----------
    accounts : DataFrame
        account, territory, region, workload, potential, x, y. Accounts without a position are left out.
    tolerance : float
        Most relative workload of a territory above the mean of its region.
    seconds : float
        Time allowed for a region; what is not proved by then says so in ``gap``.

    Returns
    -------
    DataFrame
        territory, region, x, y of the seat, account (in which it lies), today_x, today_y, gap (of the region's travel above the least possible, relative).

    Raises
    ------
    ValueError
        Bad accounts, or the work of a region does not fit.
    """
    from scipy.optimize import linear_sum_assignment

    table = check_accounts(accounts)
    table = table[table["x"].notna() & table["y"].notna() & table["region"].notna()]
    out = []
    for region, today in seats(table).groupby("region"):
        mine = table[table["region"] == region].reset_index(drop=True)
        work = mine["workload"].fillna(0.0).to_numpy(float)
        most = (1 + tolerance) * work.sum() / len(today)
        apart = distances(mine, mine)
        weight = work / work.mean() if work.sum() > 0 else np.ones(len(mine))
        demand = np.round(work * STEPS / most) if most > 0 else np.zeros(len(mine))
        found = choose_seats(apart * weight[:, None], demand, STEPS, len(today), seconds)
        place = mine.iloc[found.seats][["account", "x", "y"]].reset_index(drop=True)
        new, old = linear_sum_assignment(distances(place, today))
        gap = (found.cost - found.bound) / found.cost if found.cost > 0 else 0.0
        named = today.iloc[old].rename(columns={"x": "today_x", "y": "today_y"}).reset_index(drop=True)
        out.append(pd.concat([named, place.iloc[new].reset_index(drop=True)], axis=1).assign(gap=gap))
    columns = ["territory", "region", "x", "y", "account", "today_x", "today_y", "gap"]
    return pd.concat(out)[columns].sort_values("territory", ignore_index=True) if out else pd.DataFrame(columns=columns)


def afresh_words(fresh: pd.DataFrame, drawn: Proposal, proposal: Proposal | None) -> str:
    """Say what territories around fresh seats would bring against today and the proposal around today's seats, and what they would ask for.

    Parameters
    ----------
    fresh : DataFrame
        From `fresh_seats`.
    drawn : Proposal
        Accounts around those seats.
    proposal : Proposal, optional
        Accounts around today's seats.
    """
    told = [(name, _travel(before_after(of), column)) for name, of, column in
            (("today", proposal, "distance"), ("proposed above", proposal, "distance_new")) if of is not None]  # fmt: skip
    others = " and ".join(f"{far:,.0f} {name}" for name, far in told)
    proved = "proved to be the best" if fresh["gap"].max() < 1e-4 else f"at most {fresh['gap'].max():.1%} from the best"
    text = f"Around seats chosen afresh ({proved} in each region) an hour of work travels {_travel(before_after(drawn), 'distance_new'):,.0f}"
    return text + (f", against {others}" if others else "") + f"; {drawn.moved_share:.0%} of potential would change hands."


def _travel(table: pd.DataFrame, column: str) -> float:
    """Mean over territories of what an hour of work travels."""
    return float(table[column].mean())
