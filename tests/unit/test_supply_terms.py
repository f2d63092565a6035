"""Sums laid down at once are the sums that linopy's algebra makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from supply_networks import MONTHS as PERIODS
from supply_networks import random_company

from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_model import build_model
from sop_helpers.planning.supply_solver import Solver, program
from sop_helpers.planning.supply_terms import added, ahead, before, cost_of

linopy = pytest.importorskip("linopy")
ROWS, MONTHS = 4, 5


@pytest.fixture
def sums():
    """Return a model's two variables over operation and month."""
    linopy.options["semantics"] = "v1"
    m = linopy.Model(sparse=True)
    coords = [pd.Index(list("abcd"), name="operation"), pd.Index(range(MONTHS), name="month")]
    return m, m.add_variables(lower=0, coords=coords, name="stock"), m.add_variables(lower=0, coords=coords, name="ship")


def matrix(m):
    """Return the rows of constraints by name as dense arrays."""
    found = program(m)
    dense = found.matrix.toarray()
    return {name: dense[at.ravel()] for name, at in found.rows.items()}


def test_added_is_the_algebra_with_every_row_kept(sums):
    m, stock, ship = sums
    m.add_constraints(stock - stock.shift(month=1).fillna(0) + 2 * ship == 1, name="algebra")
    m.add_constraints(added(stock.indexes["operation"], (1, stock), (-1, before(stock)), (2, ship)) == 1, name="at once")
    rows = matrix(m)
    assert rows["at once"].shape[0] == ROWS * MONTHS  # v1 drops the first month where a shift leaves it absent
    np.testing.assert_array_equal(rows["at once"], rows["algebra"])


def test_added_is_the_algebra_of_grouped_sums_with_every_row_kept(sums):
    m, stock, ship = sums
    place = pd.Index(["z", "y", "x"], name="place")  # nothing belongs to x
    at = np.array([0, 1, 1, 0])
    by = place.to_numpy()[at]
    grouped = [
        e.groupby(xr.DataArray(by, coords=[stock.indexes["operation"]], name="place")).sum().reindex(place=place).fillna(0)
        for e in (-1 * stock, stock.shift(month=2).fillna(0), 3 * ship)
    ]
    m.add_constraints(grouped[0] + grouped[1] + grouped[2] <= 1, name="algebra")
    terms = (-1, stock, at), (1, before(stock, 2), at), (np.full(ROWS, 3.0), ship, at)
    m.add_constraints(added(place, *terms) <= 1, name="at once")
    total = added(place, *terms)
    assert total.indexes["place"].tolist() == ["z", "y", "x"] and total.shape[:2] == (3, MONTHS)
    assert not total.const.isnull().any(), "an empty row is zero, not absent: what is added to it stays"
    rows = matrix(m)
    np.testing.assert_array_equal(rows["at once"], rows["algebra"])


def test_ahead_is_the_shift_of_each_row_and_keeps_the_months_beyond_the_end(sums):
    m, stock, ship = sums
    rows, months, factor = np.array([2, 0, 2]), np.array([1, 0, 9]), np.array([3.0, 5.0, 7.0])
    taken = pd.RangeIndex(3, name="taken")
    m.add_constraints(added(taken, (factor, ahead(stock, rows, months), taken), (-1, ship.isel(operation=[0, 1, 2]), taken)) <= 1, name="taken")
    found = matrix(m)["taken"][:, : ROWS * MONTHS].reshape(3, MONTHS, ROWS, MONTHS)
    wanted = np.zeros_like(found)
    for t in range(MONTHS):
        wanted[1, t, 0, t] = 5.0
        if t + 1 < MONTHS:
            wanted[0, t, 2, t + 1] = 3.0
    np.testing.assert_array_equal(found, wanted)


def test_priced_is_the_sum_of_products(sums):
    m, stock, ship = sums
    price = np.arange(ROWS * MONTHS, dtype=float).reshape(ROWS, MONTHS)
    m.add_constraints(added(stock.indexes["operation"], (1, stock), (1, ship)) >= 1, name="some")
    m.add_objective(cost_of((stock, price), (ship, 10 * price), (stock, price)))
    np.testing.assert_array_equal(program(m).cost, np.concatenate([2 * price.ravel(), 10 * price.ravel()]))


def test_variables_of_other_rows_and_prices_of_another_shape_are_refused(sums):
    m, stock, ship = sums
    other = m.add_variables(lower=0, coords=[pd.Index(list("wxyz"), name="operation"), pd.Index(range(MONTHS), name="month")], name="other")
    late = m.add_variables(lower=0, coords=[stock.indexes["operation"], pd.Index(range(1, MONTHS + 1), name="month")], name="late")
    for another, where in ((other, ()), (late, ()), (late, (range(ROWS),))):
        with pytest.raises(ValueError, match=f"{another.name} is over other rows or months"):
            added(stock.indexes["operation"], (1, stock), (1, another, *where))
    with pytest.raises(ValueError, match="stock has"):
        cost_of((stock, np.ones(ROWS)))


def test_a_model_is_read_as_linopy_itself_lays_it_out(sums):
    """Labels left out included: a constraint removed, a row without terms, cells that are masked."""
    m, stock, ship = sums
    some = xr.DataArray(np.arange(ROWS * MONTHS).reshape(ROWS, MONTHS) % 3 > 0, coords=stock.coords)
    part = m.add_variables(lower=some * -2.0, upper=some * 7.0, mask=some, coords=stock.coords, name="part")
    m.add_constraints(stock <= 4, name="gone")
    place = pd.Index(list("pq"), name="place")
    m.add_constraints(added(place, (2, stock, [0, 0, 0, 0])) >= 1, name="half empty")
    m.add_constraints(added(stock.indexes["operation"], (1, stock), (-1, before(stock)), (1, ship)) == some * 5.0, name="even")
    m.add_constraints(part.fillna(0) + ship <= 9, name="most")
    m.remove_constraints("gone")
    m.add_objective(cost_of((ship, np.ones(ship.shape)), (stock, np.arange(ROWS * MONTHS).reshape(ROWS, MONTHS))))
    found, laid = program(m), m.matrices
    np.testing.assert_array_equal(found.matrix.toarray(), laid.A.toarray())
    sense = laid.sense
    np.testing.assert_array_equal(found.low, np.where(sense == "<", -np.inf, laid.b))
    np.testing.assert_array_equal(found.high, np.where(sense == ">", np.inf, laid.b))
    assert set(sense) == set("<>=")
    for mine, theirs in ((found.cost, laid.c), (found.lower, laid.lb), (found.upper, laid.ub)):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(found.rows["most"].ravel(), np.arange(len(laid.b))[-ROWS * MONTHS :])


@pytest.mark.parametrize("which", ["series", "nodes"])
def test_rows_of_the_same_name_are_not_taken_for_one(which):
    """Product "A / B" in region "C" is called as product "A" in region "B / C" is."""
    net = build_network(**random_company(3), months=PERIODS)
    rows = getattr(net, which).astype({"product": object, "region": object} if which == "series" else {"node": object})
    rows.loc[rows.index[:2], ["product", "region"] if which == "series" else ["node"]] = [["A / B", "C"], ["A", "B / C"]] if which == "series" else "A @ B @ C"
    same = build_model(replace(net, **{which: rows}))
    assert same.constraints["balance"].labels.size == len(net.nodes) * len(PERIODS)
    assert Solver(same).solve().objective == Solver(build_model(net)).solve().objective
