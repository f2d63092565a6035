"""Propose which territory each account should belong to: near its seat, balanced in workload and potential, with little upheaval.

Travel is measured as in Hess et al. (1965, Operations Research 13(6)): distance from account to seat, weighted by workload. The seat of a territory is its
workload-weighted centre today unless it is stated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sop_helpers.planning.territories import most_common, territory_plan
from sop_helpers.planning.territory_model import Assignment, Infeasible, solve
from sop_helpers.planning.territory_problem import Problem

MEASURES = ["workload", "potential"]
WIDER = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Multiples of the tolerance that are tried in turn where it may be widened."""
BEFORE_AFTER = ["territory", "accounts", "accounts_new", "workload_index", "workload_index_new", "potential_index", "potential_index_new"]
BEFORE_AFTER += ["distance", "distance_new"]
MOVES = ["account", "territory", "proposed", "potential", "workload", "distance", "distance_new", "reason"]


@dataclass(frozen=True)
class Proposal:
    """Accounts with where they are, where they should be and why; the seats; the assignment with its bound; the tolerances kept."""

    accounts: pd.DataFrame
    seats: pd.DataFrame
    assignment: Assignment
    tolerance: dict[str, float]
    widened: float

    @property
    def moved_share(self) -> float:
        """Share of the potential of assigned accounts that changes territory."""
        had = self.accounts[self.accounts["territory"].notna()]
        total = had["potential"].sum()
        return float(had.loc[had["territory"] != had["proposed"], "potential"].sum() / total) if total > 0 else 0.0


def check_accounts(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts, each once.

    Raises
    ------
    ValueError
        An account stands in two territories, or states a negative potential or workload.
    """
    territories = accounts.dropna(subset="territory").groupby("account")["territory"].agg(lambda t: sorted(set(t)))
    for account, several in territories[territories.map(len) > 1].items():
        raise ValueError(f"accounts: account {account} is in {len(several)} territories ({', '.join(several)}); expected one")
    table = accounts.drop_duplicates("account").reset_index(drop=True)
    for measure in MEASURES:
        if (wrong := table[measure] < 0).any():
            row = table[wrong].iloc[0]
            raise ValueError(f"accounts: {measure} of account {row['account']} is {row[measure]}; expected at least 0")
    return table


def seats(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return territory, region (of most accounts), x and y: the workload-weighted centre of its accounts; n/a without positions."""
    table = accounts[accounts["territory"].notna()].copy()
    table["weight"] = table["workload"].fillna(0) + 1e-9
    table["wx"], table["wy"] = table["x"] * table["weight"], table["y"] * table["weight"]
    placed = table[table["x"].notna() & table["y"].notna()].groupby("territory")[["wx", "wy", "weight"]].sum()
    out = table.groupby("territory")["region"].agg(most_common).to_frame()
    return out.assign(x=placed["wx"] / placed["weight"], y=placed["wy"] / placed["weight"]).reset_index()


def distances(accounts: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    """Return the distance from each account (row) to each place (column), in the unit of x and y; n/a without positions."""
    east = accounts["x"].to_numpy(float)[:, None] - places["x"].to_numpy(float)[None]
    north = accounts["y"].to_numpy(float)[:, None] - places["y"].to_numpy(float)[None]
    return np.hypot(east, north)


def propose(
    accounts: pd.DataFrame,
    tolerance: dict[str, float],
    most_moved: float = 0.3,
    places: pd.DataFrame | None = None,
    within_region: bool = True,
    widen: bool = False,
    seconds: float = 60.0,
    gap: float = 1e-3,
) -> Proposal:
    """Return the proposal of least workload-weighted distance that keeps balance, disruption and held accounts.

    Parameters
    ----------
    accounts : DataFrame
        account, territory, region, potential, workload, x, y; optionally held (a reason not to move). Blanks count as 0; without positions the
        least potential is moved.
    tolerance : dict
        Most relative distance from the mean of the region's territories, by measure (workload, potential).
    most_moved : float
        Most potential that changes territory, as a share of what belongs to one.
    places : DataFrame, optional
        territory, region, x, y of the seats; by default `seats`.
    within_region : bool
        Keep accounts in territories of their own region, and compare these with each other.
    widen : bool
        Where the tolerance cannot be kept, try up to four times as much and say so in ``widened``; else refuse.
    seconds, gap : float
        Time allowed, and relative gap to the proved bound at which to stop.

    Raises
    ------
    ValueError
        Bad accounts, or no assignment keeps the bounds; the message says which.
    """
    table = check_accounts(accounts)
    places = (seats(table) if places is None else places).sort_values("territory").reset_index(drop=True)
    if places.empty:
        raise ValueError("accounts: no account has a territory; expected at least one, or the seats")
    names = places["territory"].to_numpy()
    current = pd.Index(names).get_indexer(table["territory"])
    region = table["region"].fillna("").to_numpy()
    own = places["region"].fillna("").to_numpy()
    home = region[:, None] == own[None] if within_region else np.ones((len(table), len(names)), dtype=bool)
    # Whoever sits in another region's territory, or in a region without any, may stay or go anywhere.
    home[~home.any(axis=1)] = True
    home[np.flatnonzero(current >= 0), current[current >= 0]] = True
    if "held" in table:
        fixed = np.flatnonzero(table["held"].notna().to_numpy() & (current >= 0))
        home[fixed] = False
        home[fixed, current[fixed]] = True
    distance = distances(table, places)
    measured = np.isfinite(distance).any() and table["x"].notna().any()
    hours = table["workload"].to_numpy(float)
    weight = hours / hours.mean() if np.isfinite(hours).all() and hours.sum() > 0 else np.ones(len(table))
    moving = table["potential"].fillna(0.0).to_numpy(float)
    apart = (np.arange(len(names))[None] != current[:, None]) * (1 + moving / max(moving.mean(), 1e-9))[:, None]
    # Who has no position stays rather than goes: as if it were far from all others.
    far = np.where(np.arange(len(names))[None] == current[:, None], 0.0, 2 * np.nanmean(distance) if measured else 0.0)
    cost = np.where(home, np.where(np.isfinite(distance), distance, far) * weight[:, None] if measured else apart, np.inf)
    used = [m for m in MEASURES if m in tolerance and table[m].sum() > 0]
    size = table[used].fillna(0.0).to_numpy(float).T
    groups = own if within_region else np.zeros(len(names), dtype=str)
    # Accounts of no region that has a territory count where they are.
    counted = np.where(~np.isin(region, own) & (current >= 0), own[np.maximum(current, 0)], region)
    # Who may go anywhere is no territory's own: that size is shared by all of them.
    loose = ~np.isin(counted, own) if within_region else np.zeros(len(table), dtype=bool)
    mean = np.array([[row[np.isin(counted, g) if within_region else slice(None)].sum() / (groups == g).sum() for g in groups] for row in size])
    mean = mean.reshape(len(used), len(names)) + (size[:, loose].sum(axis=1, keepdims=True) / len(names) if len(used) else 0.0)
    most = most_moved * float(moving[current >= 0].sum())
    error = None
    for factor in WIDER if widen else WIDER[:1]:
        keep = np.array([factor * tolerance[m] for m in used]).reshape(-1, 1)
        try:
            problem = Problem(cost, size, np.maximum(mean * (1 - keep), 0.0), mean * (1 + keep), current, moving, most)
            found = solve(problem, seconds, gap)
            break
        except Infeasible as missed:
            error = missed
    else:
        raise ValueError(_reason(table, used, tolerance, most_moved, mean, home, error)) from error
    out = table.assign(proposed=names[found.chosen])
    row = np.arange(len(table))
    out["distance"] = np.where(current >= 0, distance[row, current], np.nan)
    out["distance_new"] = distance[row, found.chosen]
    after = territory_plan(out.assign(territory=out["proposed"]))
    out["reason"] = _reasons(out, territory_plan(table), after)
    return Proposal(out, places, found, {m: factor * tolerance[m] for m in used}, factor)


def attempt(accounts: pd.DataFrame, *args: object, **options: object) -> tuple[Proposal | None, str]:
    """Return what `propose` returns and an empty text; or None and why there is no proposal."""
    try:
        return propose(accounts, *args, **options), ""
    except ValueError as refused:
        return None, f"No proposal: {refused}."


def _reason(table, used, tolerance, most_moved, mean, home, error) -> str:
    stated = " and ".join(f"±{tolerance[m]:.0%} of {m}" for m in used)
    for at, measure in enumerate(used):
        top = (np.where(home, mean[at][None], 0.0)).max(axis=1) * (1 + tolerance[measure])
        big = table[measure].to_numpy(float) > top
        if big.any():
            row = int(np.argmax(np.where(big, table[measure], -np.inf)))
            name, size = table["account"].iloc[row], table[measure].iloc[row]
            limit = f"more than a whole territory may have ({top[row]:,.0f})"
            return f"accounts: {measure} of account {name} is {size:,.0f}, {limit}; split it or widen the tolerance"
    what = f"territories: {stated} cannot be kept with at most {most_moved:.0%} of potential moving ({error})"
    return what + "; widen the tolerance, let more move, or hold fewer accounts"


def _reasons(table: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """Return why each account moves; empty where it stays."""
    old, new = table["territory"], table["proposed"]
    text = pd.Series("", index=table.index)
    moves = old.isna() | (old != new)
    index = before.set_index("territory")
    change = after.set_index("territory")[[f"{m}_index" for m in MEASURES]].sub(index[[f"{m}_index" for m in MEASURES]])
    for measure in reversed(MEASURES):
        level = index[f"{measure}_index"]
        moved = change[f"{measure}_index"]
        leave, come = old.map(level), new.map(level)
        relieved = moves & (leave > 1) & (old.map(moved) < 0)
        text = text.mask(relieved, "relieves " + old.fillna("") + f" ({measure} " + leave.map("{:.2f}".format) + " x the mean)")
        filled = moves & ~relieved & (come < 1) & (new.map(moved) > 0) & ~text.str.startswith("relieves")
        text = text.mask(filled, "fills " + new + f" ({measure} " + come.map("{:.2f}".format) + " x the mean)")
    saved = table["distance"] - table["distance_new"]
    text = text.mask(moves & (saved > 0), "nearer by " + saved.map("{:,.0f}".format) + text.where(text == "", "; " + text))
    return text.mask(moves & (text == ""), "makes room for others").mask(moves & old.isna(), "had no territory")


def before_after(proposal: Proposal) -> pd.DataFrame:
    """Return each territory's accounts, indices (1 is the mean of its region) and workload-weighted mean distance, now and proposed; as `BEFORE_AFTER`."""
    sides, home = [], proposal.seats.set_index("territory")["region"]
    for column, distance in (("territory", "distance"), ("proposed", "distance_new")):
        table = proposal.accounts.assign(territory=proposal.accounts[column])
        plan = territory_plan(table).set_index("territory")[["accounts", "workload_index", "potential_index"]]
        for measure in MEASURES:
            plan[f"{measure}_index"] /= plan.groupby(home.reindex(plan.index).fillna(""))[f"{measure}_index"].transform("mean")
        known = table[table[distance].notna()].assign(hours=table["workload"].fillna(1.0))
        travel = (known[distance] * known["hours"]).groupby(known["territory"]).sum() / known.groupby("territory")["hours"].sum()
        sides.append(plan.assign(distance=travel))
    return sides[0].join(sides[1], how="outer", suffixes=("", "_new")).rename_axis("territory").reset_index()[BEFORE_AFTER]


def moves(proposal: Proposal) -> pd.DataFrame:
    """Return the accounts that change territory, biggest potential first, each with its reason; columns `MOVES`."""
    table = proposal.accounts
    changed = table[table["territory"].isna() | (table["territory"] != table["proposed"])]
    return changed.sort_values("potential", ascending=False, kind="stable")[MOVES].reset_index(drop=True)
