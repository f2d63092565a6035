"""Capacitated p-median instances of the OR-Library (Beasley 1990; Osman and Christofides 1994), with their published optima.

`pmedcap1.txt` holds all twenty instances in the library's format: number and optimum; customers, medians and capacity; then customer, x, y and demand.
Distances are rounded down. Each is proved, most within ten seconds of processor time, number 20 within two minutes.
"""

from pathlib import Path

import numpy as np
import pytest

from sop_helpers.planning import p_median


def instances():
    values, at = np.array((Path(__file__).parent / "pmedcap1.txt").read_text("utf-8").split(), dtype=float), 0
    while at < len(values):
        number, optimum, customers, medians, capacity = values[at : at + 5]
        table = values[at + 5 : at + 5 + 4 * int(customers)].reshape(-1, 4)
        at += 5 + table.size
        yield pytest.param(table, int(medians), capacity, optimum, id=f"pmedcap {number:.0f}")


@pytest.mark.parametrize("table, medians, capacity, optimum", instances())
def test_the_published_optimum_is_proved(table, medians, capacity, optimum):
    place, demand = table[:, 1:3], table[:, 3]
    distance = np.floor(np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1)))
    found = p_median.choose_seats(distance, demand, capacity, medians, seconds=600)
    assert found.cost == optimum and found.bound == optimum and found.optimal
    assert len(found.seats) == medians and np.bincount(found.chosen, weights=demand).max() <= capacity
    assert distance[np.arange(len(demand)), found.chosen].sum() == optimum
