"""Stress tests from the kept basis are the plans that one would make anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from supply_networks import MONTHS, random_company
from test_supply_parts import lines

from sop_helpers.book.conform import conform
from sop_helpers.planning import supply_parts
from sop_helpers.planning.stress import stress_tests
from sop_helpers.planning.stress_results import StressModel, likely_tests, same_program, stress_table
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network


@pytest.mark.parametrize("large", [None, 5_000, 1])
@pytest.mark.parametrize("weeks", [2.0, 6.0])
@pytest.mark.parametrize("data", [lines(2), lines(5), random_company(4), random_company(9)])
def test_every_test_costs_what_a_plan_made_anew_costs(data, weeks, large, monkeypatch) -> None:
    data = dict(data)
    if large is not None:  # in parts, which are solved on their own from this many columns on
        monkeypatch.setattr(supply_parts, "BIG", 1)
        monkeypatch.setattr(supply_parts, "LARGE", large)
    targets = data.pop("targets")
    tests = {"stops": [(data["resources"]["resource"].iloc[0], MONTHS[2])], "late_suppliers": data["operations"]["supplier"].dropna().unique().tolist(),
             "weeks_late": weeks, "demand_factor": 1.1}  # fmt: skip
    model = StressModel(data, targets, MONTHS, frozen_months=0)
    table = conform("stress_tests", stress_table(model, **tests)).set_index("test")
    monkeypatch.undo()
    base = plan_supply(**data, targets=targets, months=MONTHS, frozen_months=0, whole_lots=False)
    assert table["cost"].iloc[0] == pytest.approx(base.objective) and table["cost_more"].iloc[0] == 0
    for name, changed in stress_tests(data, MONTHS, **tests).items():
        anew = plan_supply(**changed, targets=targets, months=MONTHS, frozen_months=0, whole_lots=False)
        assert table.loc[name, "cost"] == pytest.approx(anew.objective, rel=1e-9), name
        assert table.loc[name, "cost_more"] == pytest.approx(anew.objective - base.objective, rel=1e-6, abs=1e-3)
    kept = [name for name, changed in stress_tests(data, MONTHS, **tests).items() if same_program(model.base, model.network(changed))]
    assert kept == list(table.index[1:]), "hours, demand and what is late change no program"
    # The kept program is as it was when all is done.
    assert model.solve(data)[1].objective == pytest.approx(base.objective, rel=1e-9)


@pytest.mark.parametrize("data", [lines(2), random_company(4)])
def test_what_is_taken_from_the_plan_as_it_is_equals_what_is_laid_out_anew(data) -> None:
    data = dict(data)
    targets = data.pop("targets")
    model = StressModel(data, targets, MONTHS, frozen_months=0)
    suppliers = data["operations"]["supplier"].dropna().unique().tolist()
    for changed in stress_tests(data, MONTHS, [(data["resources"]["resource"].iloc[0], MONTHS[2])], suppliers, demand_factor=1.0).values():
        one, two = model.network(changed), build_network(**changed, targets=targets, months=MONTHS, frozen_months=0)
        for name in ("regular", "overtime", "rate", "receipts", "demand", "upper", "opening", "committed"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
        pd.testing.assert_frame_equal(one.operations, two.operations[one.operations.columns])
        pd.testing.assert_frame_equal(one.nodes, two.nodes)
    bad = data["resources"].assign(regular_hours=-1.0)
    with pytest.raises(ValueError, match="resources.regular_hours"):
        model.network(data | {"resources": bad})


def test_a_stopped_line_makes_nothing_and_costs_more() -> None:
    data = dict(lines(2))
    targets = data.pop("targets")
    model = StressModel(data, targets, MONTHS, frozen_months=0)
    out = stress_table(model, stops=[("L0", MONTHS[1])], demand_factor=1.0)
    assert out["test"].tolist() == ["as planned", f"L0 stops in {MONTHS[1]:%Y-%m}"] and out["cost_more"].iloc[1] > 0
    assert out["short_units"].iloc[1] >= out["short_units"].iloc[0]


def test_what_is_worth_trying() -> None:
    load = pd.DataFrame({"month": MONTHS[[0, 1, 0]], "resource": ["a", "a", "b"], "load": [0.8, 1.2, 0.9]})
    bought = pd.DataFrame({"supplier": ["s", "t", "s"], "cost": [5.0, 7.0, 4.0]})
    assert likely_tests(load, bought, most=1) == {"stops": [("a", MONTHS[1])], "late_suppliers": ["s"]}
    assert likely_tests(load.assign(load=np.nan), bought.iloc[:0]) == {"stops": [], "late_suppliers": []}
