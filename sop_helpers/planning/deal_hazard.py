"""How fast deals of an age are won or lost: a discrete-time model of competing risks, fitted on what was known at the start of a month.

Each month a deal is open it may be won, lost or stay open. The chance of each is read from the deals that were open at that age, drawn towards that of all
deals at least that old where they were few, and multiplied by what the segment (family, region) and the place of the month in its quarter did to it, all
drawn towards no effect. A quarter's end hurries old deals more than young ones, so its effect may differ by age. This is a life table with competing risks
(Kalbfleisch & Prentice 2002, ch. 8) and proportional effects, fitted by turns like a Poisson regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import month_count, no_rows

PRIOR = 20.0
"""Deals (or deal-months) by which a rate is drawn to the mean; that of `pipeline.stage_rates`."""
FEWEST = 30.0
"""Deal-months an age must have been watched for; older ages are one group."""
ROUNDS = 8
MOST = 0.98
"""Highest chance that a deal is decided within a month."""
RISKS = ("won", "lost")


def month_number(dates: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """Return months since year 0 as whole numbers; -1 where a date is missing."""
    index = pd.DatetimeIndex(dates)
    return np.where(index.isna(), -1, month_count(index).to_numpy() - 1).astype(int)


def first_recorded(deals: pd.DataFrame) -> int:
    """Return the first whole month of recorded closings: deals that ended earlier are not in the data, so nothing counts before it.

    The month of the first closing may have been recorded from its middle on; it is left out. Without any closing the answer is -1.
    """
    closed = deals["closed"].dropna()
    return int(month_number(closed).min()) + 1 if len(closed) else -1


def exposure(deals: pd.DataFrame, month: pd.Timestamp, by: Sequence[str] = ()) -> pd.DataFrame:
    """Count deals at risk, won and lost by segment, month of creation and month, over the months before `month`.

    A deal enters when it was created or when closings began to be recorded, whichever is later (delayed entry): older deals that had ended by then are not
    in the data, and counting only their survivors as exposure would make deals look slower than they are.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`: created, closed, outcome and the columns of `by`.
    month : Timestamp
        First month not known.
    by : sequence of str
        Columns that make a segment.

    Returns
    -------
    DataFrame
        *by, born, at (month numbers), age (months), risk, won, lost.
    """
    by = list(by)
    columns = [*by, "born", "at", "age", "risk", *RISKS]
    begin, end = first_recorded(deals), month_number(pd.DatetimeIndex([month]))[0]
    if begin < 0 or begin >= end:
        return no_rows(columns, text=by)
    born, closed = month_number(deals["created"]), month_number(deals["closed"])
    # Out: decided nobody knows when, before they were created, or before anything was recorded.
    told = np.where(deals["outcome"] == "open", True, closed >= np.maximum(born, begin))
    table = deals.loc[told, by].assign(born=born[told], at=closed[told], outcome=deals.loc[told, "outcome"])
    cells = table.groupby([*by, "born"], as_index=False).size()
    grid = cells.merge(pd.DataFrame({"at": np.arange(begin, end)}), how="cross")
    grid = grid[grid["at"] >= grid["born"]]
    for risk in RISKS:
        ended = table[table["outcome"] == risk].groupby([*by, "born", "at"], as_index=False).size().rename(columns={"size": risk})
        grid = grid.merge(ended, how="left", on=[*by, "born", "at"])
    grid = grid.fillna(dict.fromkeys(RISKS, 0.0)).sort_values([*by, "born", "at"], ignore_index=True)
    ended = grid["won"] + grid["lost"]
    grid["risk"] = grid["size"] - (ended.groupby([grid[c] for c in [*by, "born"]]).cumsum() - ended)
    grid["age"] = grid["at"] - grid["born"]
    return grid.loc[grid["risk"] > 0, columns].reset_index(drop=True)


@dataclass(frozen=True)
class Hazard:
    """Monthly chances of being won and lost.

    Attributes
    ----------
    by_age : DataFrame
        Index age (the last stands for all older ones); won, lost, risk (deal-months watched).
    effects : dict
        Name of a segment's column, "place" (month of the quarter, 0 to 2) or "pull" (10 x age + place) -> DataFrame of factors won, lost by value.
    first_month : int
        First month of the fiscal year, which tells the quarters.
    """

    by_age: pd.DataFrame
    effects: dict[str, pd.DataFrame]
    first_month: int = 1

    def chances(self, age: np.ndarray, at: np.ndarray, segments: pd.DataFrame, tilt: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the chances of being won and lost in a month, for deals still open at its start.

        Parameters
        ----------
        age, at : array
            Age in months, and month number, of each deal.
        segments : DataFrame
            The columns that the effects speak of; a value never seen has no effect.
        tilt : array, optional
            Factor on each deal's chance of being won, such as what a later stage is worth.
        """
        place, group = quarter_place(at, self.first_month), np.clip(age, 0, len(self.by_age) - 1)
        calendar = {"place": place, "pull": 10 * group + place}
        rates = []
        for risk in RISKS:
            rate = self.by_age[risk].to_numpy()[group]
            for name, factors in self.effects.items():
                values = calendar[name] if name in calendar else segments[name]
                rate = rate * pd.Series(values).map(factors[risk]).fillna(1.0).to_numpy(dtype=float)
            rates.append(rate)
        won, lost = rates if tilt is None else (rates[0] * tilt, rates[1])
        total = won + lost
        down = np.where(total > MOST, MOST / np.where(total > 0, total, 1.0), 1.0)
        return won * down, lost * down

    def path(self, age: np.ndarray, start: int, segments: pd.DataFrame, months: int, tilt: np.ndarray | None = None) -> np.ndarray:
        """Return for each deal (rows) the chance that it is won in each of the next months (columns).

        `age` is that of the deals in the first of these months, whose number is `start`.
        """
        still, out = np.ones(len(age)), np.zeros((len(age), months))
        for step in range(months):
            won, lost = self.chances(age + step, np.full(len(age), start + step), segments, tilt)
            out[:, step] = still * won
            still = still * (1 - won - lost)
        return out


def quarter_place(at: np.ndarray, first_month: int = 1) -> np.ndarray:
    """Return the place of a month in its fiscal quarter: 0, 1 or 2."""
    return (np.asarray(at) % 12 - (first_month - 1)) % 3


def _calendar_effect(cell: np.ndarray, owner: np.ndarray, size: int, expected: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Return the factor of each place in the quarter: mean log ratio over its months, one month without effect counted on top.

    `cell` numbers place and month of each row, `owner` tells the place of each cell; `size` is the number of places.
    """
    log = np.log((np.bincount(cell, events) + 1.0) / (np.bincount(cell, expected) + 1.0))
    return np.exp(np.bincount(owner, log, size) / (np.bincount(owner, minlength=size) + 1.0))


def _fit(table: pd.DataFrame, risk: str, names: list[str], last: int, prior: float) -> tuple[np.ndarray, dict[str, pd.Series]]:
    """Return the chance by age and the factors by name, fitted by turns."""
    events, at_risk, group = table[risk].to_numpy(dtype=float), table["risk"].to_numpy(dtype=float), table["group"].to_numpy()
    coded = {name: pd.factorize(table[name], sort=True) for name in names}
    months = {}
    for name in ("place", "pull"):
        cell, pairs = pd.factorize(coded[name][0] * 100_000 + table["at"].to_numpy())
        months[name] = (cell, np.asarray(pairs) // 100_000)
    factors = {name: np.ones(len(values)) for name, (_, values) in coded.items()}
    by_age = np.bincount(group, events, last + 1)
    rate = np.zeros(last + 1)
    for _ in range(ROUNDS):
        load = at_risk * np.prod([factors[name][codes] for name, (codes, _) in coded.items()], axis=0)
        watched = np.bincount(group, load, last + 1)
        older = np.cumsum(by_age[::-1])[::-1] / np.cumsum(watched[::-1])[::-1]
        rate = (by_age + prior * older) / (watched + prior)
        expected = load * rate[group]
        for name, (codes, values) in coded.items():
            without = expected / factors[name][codes]
            if name in months:
                factors[name] = _calendar_effect(*months[name], len(values), without, events)
            else:
                factors[name] = (np.bincount(codes, events) + prior) / (np.bincount(codes, without) + prior)
            expected = without * factors[name][codes]
    return rate, {name: pd.Series(factors[name], index=values) for name, (_, values) in coded.items()}


def fit_hazard(deals: pd.DataFrame, month: pd.Timestamp, by: Sequence[str] = ("family", "region"), first_month: int = 1, prior: float = PRIOR) -> Hazard:
    """Fit the monthly chances of being won and lost on what was known at the start of `month`.

    Parameters
    ----------
    deals : DataFrame
        From `pipeline.known_deals`.
    month : Timestamp
        First month not known.
    by : sequence of str
        Columns whose values may be faster or slower than the mean.
    first_month : int
        First month of the fiscal year.
    prior : float
        Deals by which an age or a segment is drawn to the mean.

    Returns
    -------
    Hazard
        Without any decided deal, chances of zero.
    """
    table = exposure(deals, month, by)
    if table.empty:
        return Hazard(pd.DataFrame({"won": [0.0], "lost": [0.0], "risk": [0.0]}), {}, first_month)
    watched = table.groupby("age")["risk"].sum().reindex(range(int(table["age"].max()) + 1), fill_value=0.0)
    # Everything from the first age whose successors were hardly ever watched is one group.
    older = watched[::-1].cumsum()[::-1]
    last = int(np.flatnonzero(older.to_numpy() >= min(FEWEST, older.iloc[0]))[-1])
    table["group"] = table["age"].clip(upper=last)
    table["place"] = quarter_place(table["at"].to_numpy(), first_month)
    table["pull"] = 10 * table["group"] + table["place"]
    ages, effects = pd.DataFrame(index=range(last + 1)), {}
    for risk in RISKS:
        ages[risk], effects[risk] = _fit(table, risk, [*by, "place", "pull"], last, prior)
    ages["risk"] = table.groupby("group")["risk"].sum().reindex(range(last + 1), fill_value=0.0)
    return Hazard(ages, {name: pd.DataFrame({risk: effects[risk][name] for risk in RISKS}) for name in (*by, "place", "pull")}, first_month)
