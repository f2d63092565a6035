"""Stock of a place that serves several regions: it keeps its service whether their errors run together, apart or against each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import MONTHS
from test_stock_targets import band, errors, operation, targets

from sop_helpers.planning.shared_errors import joint_variance, together
from sop_helpers.planning.stock_targets import StockRules

MEAN, SD, MOST = 400.0, 40.0, 3


def drawn(correlation: np.ndarray, products: int, months: int, seed: int) -> np.ndarray:
    """Normal errors (product, region, month) of regions that go together as a matrix says."""
    draw = np.random.default_rng(seed).multivariate_normal(np.zeros(len(correlation)), SD**2 * correlation, (products, months))
    return draw.transpose(0, 2, 1)


def pair(rho: float) -> np.ndarray:
    return np.array([[1.0, rho], [rho, 1.0]])


def tried(error: np.ndarray, regions: str, basis: str = "backtest", kind: str = "smooth") -> pd.DataFrame:
    """Trials as the demand step writes them: sums over the first months from every origin, so that neighbouring origins share months."""
    rows = []
    for (p, r), series in ((at, error[at]) for at in np.ndindex(error.shape[:2])):
        for months in range(1, MOST + 1):
            sums = np.convolve(series, np.ones(months), "valid")
            origins = pd.date_range("2024-01-01", periods=len(sums), freq="MS", unit="us")
            rows.append(pd.DataFrame({"product": f"P{p:03d}", "region": regions[r], "kind": kind, "basis": basis, "origin": origins, "months": float(months),
                                      "forecast_units": MEAN * months, "actual_units": MEAN * months + sums, "expected_units": MEAN * months}))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def served(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[["product", "region"]].drop_duplicates().assign(location="main")


def achieved(rho: float, target: float, with_trials: bool) -> float:
    """Service that stock for lead time and review, two months, gives two regions in months that nobody has seen."""
    products, cycles = 40, 500
    trials = tried(drawn(pair(rho), products, 14, seed=1), "ns")
    names = sorted(trials["product"].unique())
    demand = pd.concat([pd.DataFrame({"month": MONTHS, "product": p, "region": r, "units": MEAN}) for p in names for r in "ns"], ignore_index=True)
    told = pd.concat([errors(p, r, SD) for p in names for r in "ns"], ignore_index=True)
    more = {"trials": trials} if with_trials else {}
    table = targets(demand, told=told, ops=[operation(p) for p in names], rules=StockRules(service_level=target), **more)
    safety = table.drop_duplicates("item").set_index("item").loc[names, "safety_units"].to_numpy()
    future = drawn(pair(rho), products, 2 * cycles, seed=2).sum(axis=1).reshape(products, cycles, 2).sum(axis=2)
    return float((future <= safety[:, None]).mean())


@pytest.mark.parametrize("target", [0.95, 0.98])
@pytest.mark.parametrize("rho", [0.8, 0.0, -0.5])
def test_the_service_is_kept_however_errors_of_regions_go_together(rho: float, target: float) -> None:
    assert achieved(rho, target, True) == pytest.approx(target, abs=0.015)


def test_the_formula_of_independent_errors_misses_both_ways() -> None:
    assert achieved(0.8, 0.95, False) < 0.95 - 0.04 and achieved(-0.5, 0.95, False) > 0.95 + 0.03
    assert achieved(0.0, 0.95, False) == pytest.approx(0.95, abs=0.015)


def test_what_is_measured_is_the_correlation_and_is_drawn_to_that_of_all_where_an_item_has_little_of_its_own() -> None:
    trials = tried(drawn(pair(0.6), 80, 20, seed=3), "ns")
    told = together(trials, served(trials), MOST)
    assert told.mean().to_numpy() == pytest.approx([0.6] * MOST, abs=0.06)
    few = trials[trials["origin"] < pd.Timestamp("2024-07-01")]
    own = few[few["months"] == 2].pivot(index=["product", "origin"], columns="region", values="actual_units").groupby("product").corr()["n"].xs("s", level=1)
    assert together(few, served(few), MOST)[2].std() < 0.5 * own.std()


def test_an_item_with_much_evidence_keeps_its_own() -> None:
    against = tried(drawn(pair(-0.8), 1, 120, seed=4), "ns").assign(product="Q")
    trials = pd.concat([tried(drawn(pair(0.6), 40, 12, seed=5), "ns"), against], ignore_index=True)
    told = together(trials, served(trials), MOST)
    assert told.loc[("Q", "main"), 1] < -0.5 < 0.3 < told.drop(index=("Q", "main"))[1].mean()


def test_intermittent_demand_is_pooled_by_itself() -> None:
    sparse = tried(drawn(pair(0.0), 40, 20, seed=6), "ns", kind="lumpy").assign(product=lambda t: "L" + t["product"])
    trials = pd.concat([tried(drawn(pair(0.9), 40, 20, seed=7), "ns"), sparse], ignore_index=True)
    told = together(trials, served(trials), MOST)[1]
    lumpy = told.index.get_level_values("product").str.startswith("L")
    assert told[lumpy].mean() < 0.1 and told[~lumpy].mean() > 0.8


def test_published_plans_tell_it_once_enough_are_closed() -> None:
    backtest, lived = (tried(drawn(pair(rho), 40, 14, seed=8), "ns", basis) for rho, basis in ((0.0, "backtest"), (0.8, "closed months")))
    both = pd.concat([backtest, lived], ignore_index=True)
    assert together(both, served(both), MOST)[1].mean() > 0.6
    young = pd.concat([backtest, lived[lived["origin"] < pd.Timestamp("2024-05-01")]], ignore_index=True)
    assert abs(together(young, served(young), MOST)[1].mean()) < 0.1


def test_a_place_of_one_region_is_left_out_and_nothing_tried_means_independent() -> None:
    trials = tried(drawn(pair(0.8), 5, 14, seed=9), "ns")
    apart = served(trials).assign(location=lambda s: s["region"])
    assert together(trials, apart, MOST).empty
    for nothing in (None, trials.iloc[:0]):
        assert (together(nothing, served(trials), MOST) == 0).all(axis=None)
    stranger = pd.concat([served(trials), pd.DataFrame({"product": "N", "region": ["n", "s"], "location": "main"})], ignore_index=True)
    assert together(trials, stranger, MOST).loc[("N", "main"), 2] > 0.3, "what was never tried is like the others"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.1, 100.0), min_size=2, max_size=6), st.floats(-1.0, 1.0))
def test_the_joint_variance_lies_between_none_and_that_of_errors_that_add_up(sd: list[float], rho: float) -> None:
    spread = np.array(sd)
    rho = max(rho, -1.0 / (len(sd) - 1))
    square = np.full((len(sd), len(sd)), rho) + (1 - rho) * np.eye(len(sd))
    joint = joint_variance((spread**2)[:, None], np.zeros(len(sd), dtype=int), np.array([[rho]]))[0, 0]
    assert joint == pytest.approx(spread @ square @ spread, rel=1e-9, abs=1e-6 * spread.sum() ** 2)
    assert -1e-9 <= joint <= spread.sum() ** 2 * (1 + 1e-9)


def test_targets_say_that_regions_were_taken_together() -> None:
    trials = tried(drawn(pair(0.8), 6, 14, seed=10), "ns")
    names = sorted(trials["product"].unique())
    demand = pd.concat([pd.DataFrame({"month": MONTHS, "product": p, "region": r, "units": MEAN}) for p in names for r in "ns"], ignore_index=True)
    told = pd.concat([errors(p, r, SD) for p in names for r in "ns"], ignore_index=True)
    table = targets(demand, told=told, forecast=band(demand, 0.0), trials=trials)
    assert table["error_basis"].eq("backtest, its regions together").all()
