"""Territories by optimisation: against brute force and the plain integer program, bounds kept, what moves and why."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import territory_design as design
from sop_helpers.planning.territory_model import Infeasible, cost_of, reduced_costs, relax, solve
from sop_helpers.planning.territory_problem import Problem


def made(seed: int, accounts: int, territories: int, tolerance: float, most_moved: float | None = None) -> Problem:
    """Return a problem with positions on a square and two measures within a tolerance of their mean."""
    rng = np.random.default_rng(seed)
    here, seat = rng.uniform(0, 100, (accounts, 2)), rng.uniform(0, 100, (territories, 2))
    cost = np.hypot(*(here[:, None] - seat[None]).transpose(2, 0, 1))
    size = np.stack([rng.integers(5, 20, accounts), rng.integers(50, 300, accounts)]).astype(float)
    mean = np.repeat(size.sum(axis=1)[:, None] / territories, territories, axis=1)
    low, high = mean * (1 - tolerance), mean * (1 + tolerance)
    if most_moved is None:
        return Problem(cost, size, low, high)
    return Problem(cost, size, low, high, cost.argmin(axis=1), size[1], most_moved * size[1].sum())


def by_hand(problem: Problem) -> float:
    """Return the least cost over every assignment there is."""
    every = (np.array(c) for c in itertools.product(range(problem.territories), repeat=len(problem.cost)))
    return min((cost_of(problem, c) for c in every if problem.violation(c) == 0), default=np.inf)


def plain(problem: Problem) -> float:
    """Return the least cost by scipy's interface to HiGHS on the whole model."""
    n, t = problem.cost.shape
    one = np.kron(np.eye(n), np.ones(t))
    rows = [LinearConstraint(one, 1, 1)]
    for m, size in enumerate(problem.size):
        rows.append(LinearConstraint(np.kron(size[None], np.eye(t)), problem.low[m], problem.high[m]))
    stay = np.zeros((n, t))
    stay[np.arange(n), np.maximum(problem.current, 0)] = problem.stay
    rows.append(LinearConstraint(stay.ravel()[None], problem.least_kept, np.inf))
    found = milp(problem.cost.ravel(), integrality=np.ones(n * t), bounds=Bounds(0, 1), constraints=rows, options={"mip_rel_gap": 0})
    return found.fun if found.success else np.inf


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most_moved", [None, 0.3])
def test_nothing_beats_it(seed, most_moved):
    problem = made(seed, 8, 3, 0.35, most_moved)
    least = by_hand(problem)
    if np.isinf(least):
        with pytest.raises(Infeasible):
            solve(problem, gap=0)
        return
    found = solve(problem, gap=0)
    assert found.cost == pytest.approx(least) and found.word == "optimal" and found.bound == pytest.approx(least)


@pytest.mark.parametrize("seed, most_moved", [(0, None), (1, None), (2, 0.5), (3, 0.4)])
def test_it_finds_what_the_plain_integer_program_finds(seed, most_moved):
    problem = made(seed, 30, 4, 0.2, most_moved)
    least = plain(problem)
    assert np.isfinite(least)
    found = solve(problem, gap=0)
    assert problem.violation(found.chosen) == 0 and found.word == "optimal"
    assert found.cost == pytest.approx(least, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0, 200))
def test_any_multipliers_bound_every_assignment(seed, spread):
    problem = made(seed % 50, 7, 3, 0.5, 0.6)
    duals = np.random.default_rng(seed).normal(0, spread, problem.low.size + 1)
    reduced, bound = reduced_costs(problem, duals)
    assert bound <= by_hand(problem) + 1e-6 and (reduced >= 0).all()


def test_a_middling_problem_is_solved_near_its_bound_without_violation():
    problem = made(7, 600, 12, 0.05, 0.3)
    found = solve(problem, seconds=30, gap=0.01)
    assert problem.violation(found.chosen) == 0 and 0 <= found.gap <= 0.01
    assert found.word.startswith("at most") or found.gap <= 1e-6
    # Pricing ended, so the bound is that of the relaxation over all columns.
    assert relax(problem)[1] == pytest.approx(relax(problem, near=12)[1], rel=1e-7)


@pytest.fixture
def accounts() -> pd.DataFrame:
    """Two territories in the west whose border lies badly and one alone in the east."""
    x = [0, 1, 2, 3, 4, 10, 11, 12, 50, 51]
    return pd.DataFrame({
        "account": list("abcdefghij"), "territory": ["W1"] * 7 + ["W2"] + ["E1"] * 2, "region": ["W"] * 8 + ["E"] * 2,
        "potential": [100.0] * 10, "workload": [10.0] * 10, "x": np.array(x, dtype=float), "y": 0.0,
    })


SQUARE = {"workload": 0.3, "potential": 0.3}


def test_what_moves_is_told_with_its_reason(accounts):
    found = design.propose(accounts, SQUARE, most_moved=0.3, gap=0)
    moved = conform("territory_moves", design.moves(found))
    assert moved["account"].tolist() == ["f", "g"] and set(moved["proposed"]) == {"W2"}
    assert moved["reason"].str.contains("relieves W1").all() and moved["reason"].str.startswith("nearer").all()
    assert found.moved_share == pytest.approx(0.2) and found.assignment.word == "optimal"
    table = design.before_after(found).set_index("territory")
    assert table["accounts_new"].to_dict() == {"E1": 2, "W1": 5, "W2": 3}
    assert table.loc["W1", "workload_index"] == pytest.approx(7 / 4) and table.loc["W1", "workload_index_new"] == pytest.approx(5 / 4)


def test_held_accounts_and_regions_stay(accounts):
    held = accounts.assign(held=["", "", "", "", "", "", "contract", "", "", ""]).replace({"held": {"": None}})
    found = design.propose(held, SQUARE, most_moved=0.3, gap=0).accounts.set_index("account")
    assert found.loc["g", "proposed"] == "W1" and (found.loc[["i", "j"], "proposed"] == "E1").all()
    assert found["proposed"].value_counts().to_dict() == {"W1": 5, "W2": 3, "E1": 2}


def test_what_cannot_be_kept_is_refused_or_widened(accounts):
    with pytest.raises(ValueError, match="cannot be kept with at most 5% of potential moving"):
        design.propose(accounts, SQUARE, most_moved=0.05)
    found = design.propose(accounts, SQUARE, most_moved=0.1, widen=True, gap=0)
    assert found.widened > 1 and found.tolerance["workload"] == pytest.approx(0.3 * found.widened) and found.moved_share <= 0.1
    with pytest.raises(ValueError, match="potential of account c is 9,000, more than a whole territory"):
        design.propose(accounts.assign(potential=[100.0, 100, 9000, *[100] * 7]), SQUARE)


def test_accounts_without_territory_find_one_and_do_not_count_as_moved(accounts):
    new = accounts.assign(territory=accounts["territory"].mask(accounts["account"].isin(["f", "g"])))
    found = design.propose(new, SQUARE, most_moved=0.0, gap=0)
    assert found.moved_share == 0 and design.moves(found)["reason"].tolist() == ["had no territory"] * 2


def test_without_positions_as_little_as_possible_moves(accounts):
    found = design.propose(accounts.assign(x=np.nan, y=np.nan), SQUARE, gap=0)
    assert len(design.moves(found)) == 2


@pytest.mark.parametrize("change, message", [
    (lambda a: pd.concat([a, a.iloc[:1].assign(territory="W2")]), r"account a is in 2 territories \(W1, W2\); expected one"),
    (lambda a: a.assign(workload=a["workload"].mask(a["account"] == "c", -1.0)), "workload of account c is -1"),
    (lambda a: a.assign(territory=None), "no account has a territory"),
])
def test_bad_accounts_are_named(accounts, change, message):
    with pytest.raises(ValueError, match=message):
        design.propose(change(accounts), SQUARE)
    found, said = design.attempt(change(accounts), SQUARE)
    assert found is None and said.startswith("No proposal: accounts: ")


def test_blanks_count_as_nothing_and_a_hold_without_territory_holds_nothing(accounts):
    blank = accounts.assign(workload=np.nan, held="yes", territory=accounts["territory"].mask(accounts["account"] == "g"))
    found, said = design.attempt(blank, {"workload": 0.6, "potential": 0.6}, gap=0)
    assert said == "" and set(found.tolerance) == {"potential"} and design.moves(found)["account"].tolist() == ["g"]
    found, said = design.attempt(accounts.assign(workload=np.nan, potential=np.nan), SQUARE, gap=0)
    assert said == "" and found.tolerance == {} and (found.accounts["distance_new"] <= found.accounts["distance"]).all()


def test_accounts_that_state_next_to_nothing_are_no_obstacle():
    bare = conform("accounts", pd.DataFrame({"account": ["a", "b", "c"], "territory": ["T1", "T2", None]}))
    found, said = design.attempt(bare, SQUARE, 0.3, widen=True, gap=0.02)
    assert said == "" and design.moves(found)[["account", "reason"]].to_numpy().tolist() == [["c", "had no territory"]]
    assert len(design.before_after(found)) == 2
    some = bare.assign(potential=[5.0, 6.0, 1.0], x=[1.0, 2.0, np.nan], y=[1.0, 1.0, np.nan])
    assert design.attempt(some, SQUARE, 0.3, widen=True)[1] == ""
    found, said = design.attempt(empty("accounts"), SQUARE)
    assert found is None and "no account has a territory" in said


def level(positions: dict[str, float], region: str | None = "N") -> pd.DataFrame:
    """Return ten equal accounts of each territory around a position each; every other one may lack its region."""
    rows = [(f"{t}{i}", t, x + i / 10, 0.0, "N" if i % 2 else region) for t, x in positions.items() for i in range(10)]
    return pd.DataFrame(rows, columns=["account", "territory", "x", "y", "region"]).assign(potential=10.0, workload=1.0)


def test_accounts_without_region_count_where_they_are():
    both = {"workload": 0.05, "potential": 0.05}
    found = design.propose(level({"T1": 0.0, "T2": 50.0}, None), both, widen=False)
    assert (found.accounts["proposed"] == found.accounts["territory"]).all()


def test_a_seat_without_position_draws_nobody():
    table = level({"T1": 0.0, "T2": 50.0, "T3": 25.0})
    table.loc[table["territory"] == "T3", ["x", "y"]] = np.nan
    found = design.propose(table, {"workload": 0.25, "potential": 0.25})
    assert (found.accounts["proposed"] == found.accounts["territory"]).all()
