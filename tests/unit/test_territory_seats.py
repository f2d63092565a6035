"""Seats chosen afresh: where the accounts are, no more work than allowed, named after the nearest territory of today."""

import itertools

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning.territory_design import distances, propose
from sop_helpers.planning.territory_seats import afresh_words, fresh_seats


def crossed(seed: int = 0, accounts: int = 12) -> pd.DataFrame:
    """Accounts in two far clusters, which two territories share half and half, so that both of their centres lie between the clusters."""
    rng = np.random.default_rng(seed)
    here = rng.uniform(0, 10, (accounts, 2)) + np.where(np.arange(accounts) < accounts // 2, 0.0, 100.0)[:, None]
    return pd.DataFrame({
        "account": [f"a{n}" for n in range(accounts)], "territory": [f"T{n % 2}" for n in range(accounts)], "region": "R",
        "potential": 100.0, "workload": 10.0, "x": here[:, 0], "y": here[:, 1],
    })  # fmt: skip


def test_seats_lie_where_the_accounts_are_and_travel_shrinks() -> None:
    accounts = crossed()
    fresh = fresh_seats(accounts, 0.2)
    assert sorted(fresh["x"] > 50) == [False, True] and fresh["territory"].tolist() == ["T0", "T1"] and fresh["gap"].max() < 1e-6
    bounds = {"workload": 0.2}
    today, drawn = propose(accounts, bounds, 1.0), propose(accounts, bounds, 1.0, fresh)
    assert drawn.accounts["distance_new"].max() < 15 < today.accounts["distance_new"].min()
    said = afresh_words(fresh, drawn, today)
    assert "proved to be the best" in said and f"{drawn.moved_share:.0%} of potential would change hands" in said


@pytest.mark.parametrize("seed", range(4))
def test_no_pair_of_seats_is_better(seed: int) -> None:
    accounts = crossed(seed, 8).assign(workload=np.random.default_rng(seed).integers(5, 15, 8).astype(float))
    accounts[["x", "y"]] = np.random.default_rng(seed + 10).uniform(0, 100, (8, 2))
    fresh, work = fresh_seats(accounts, 0.3), accounts["workload"].to_numpy()
    apart = distances(accounts, accounts) * work[:, None]
    demand = np.round(work * 200 / (1.3 * work.sum() / 2))

    def travel(pair: tuple[int, int]) -> float:
        ways = (np.array(w) for w in itertools.product((0, 1), repeat=8))
        fits = (w for w in ways if max(demand[w == 0].sum(), demand[w == 1].sum()) <= 200)
        return min((float(apart[np.arange(8), np.take(pair, w)].sum()) for w in fits), default=np.inf)

    chosen = tuple(accounts.index[accounts["account"].isin(fresh["account"])])
    assert travel(chosen) == pytest.approx(min(travel(pair) for pair in itertools.combinations(range(8), 2)))


def test_without_positions_there_are_none() -> None:
    assert fresh_seats(crossed().assign(x=np.nan), 0.2).empty


def test_work_that_fits_nowhere_is_refused() -> None:
    accounts = crossed().assign(workload=[500.0] + [1.0] * 11)
    with pytest.raises(ValueError, match="seats: a demand"):
        fresh_seats(accounts, 0.1)
