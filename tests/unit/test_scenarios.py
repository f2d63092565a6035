"""Scenarios planned side by side: the same whether one after another or each in a process of its own."""

from __future__ import annotations

import pandas as pd
import pytest
from supply_networks import MONTHS, random_company

from sop_helpers.book.compute import workers
from sop_helpers.book.config import Compute
from sop_helpers.planning import scenarios
from sop_helpers.planning.chunks import Work
from sop_helpers.planning.scenarios import run_scenarios
from sop_helpers.report.charts.supply import scenario_takeaway

SCENARIOS = {"more": {"demand_factor": 1.2}, "dear": {"cost_factor": 1.1, "price_factor": 1.05}}


def side(work: Work | None = None):
    company = random_company(3)
    company.pop("targets")
    company["products"] = company["products"].assign(launch_month=pd.NaT, end_month=pd.NaT)
    forecast = company["demand"].assign(lo80=lambda d: 0.8 * d["units"], hi80=lambda d: 1.2 * d["units"])
    policies = pd.DataFrame({"item": pd.Series(dtype="str"), "location": pd.Series(dtype="str")})
    return run_scenarios(SCENARIOS, company, forecast, policies, MONTHS, work=work)


def test_scenarios_in_processes_of_their_own_come_out_the_same():
    alone = side()
    with workers(Compute(workers=2, series_alone=0), 4) as pool:
        together = side(Work(pool))
    pd.testing.assert_frame_equal(alone.scenarios, together.scenarios)
    pd.testing.assert_frame_equal(alone.financials, together.financials)


def test_base_comes_first_and_the_others_are_held_against_it():
    found = side().scenarios
    assert found["scenario"].unique().tolist() == ["base", "more", "dear"]
    assert (found.loc[found["scenario"] == "base", "against_base"] == 0).all()
    wide = found.pivot(index="measure", columns="scenario", values="value")
    assert wide.loc["unconstrained revenue", "more"] == pytest.approx(1.2 * wide.loc["unconstrained revenue", "base"])
    assert wide.loc["demand", "more"] == pytest.approx(1.2 * wide.loc["demand", "base"]) and wide.loc["demand", "dear"] == wide.loc["demand", "base"]
    assert wide.loc["unconstrained revenue", "dear"] == pytest.approx(1.05 * wide.loc["unconstrained revenue", "base"])


def test_what_a_scenario_leaves_alone_is_not_told_as_a_change_of_nothing():
    rows = [(name, *rest) for name in ("base", "more reps") for rest in (("revenue", "EUR", 100.0, 0.2), ("peak load", "share", 0.9, 0.0))]
    told = scenarios.side_by_side(pd.DataFrame(rows, columns=["scenario", "measure", "unit", "value", "against_base"]))
    assert told["more reps"].tolist() == ["100", "90.0%"]
    changes = {"revenue": [0.0, 5000.0], "gross margin": [0.0, 3000.0], "short units": [0.0, 12.0], "sellable revenue": [2000.0, 0.0]}
    wide = pd.DataFrame(changes, index=pd.Index(["reps", "upside"], name="scenario"))
    long = wide.melt(ignore_index=False, var_name="measure", value_name="against_base").reset_index()
    said = scenario_takeaway(long, "EUR")
    tighter = scenario_takeaway(pd.concat([long, pd.DataFrame([("reps", "overtime cost", 90.0)], columns=["scenario", "measure", "against_base"])]), "EUR")
    assert "reps: revenue and margin of base, sellable" in tighter
    assert said == "Against base, reps: the supply plan of base, sellable revenue +2 k EUR; upside: revenue +5 k, margin +3 k EUR, 12 more units short."
