"""The maps of a proposal and the picture of pay say what they show."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import commissions, territory_design
from sop_helpers.report.charts import territories as maps


@pytest.fixture
def proposal() -> territory_design.Proposal:
    x = np.array([0.0, 1, 2, 3, 4, 10, 11, 12, 50, 51])
    accounts = pd.DataFrame({
        "account": list("abcdefghij"), "territory": ["W1"] * 7 + ["W2"] + ["E1"] * 2, "region": ["W"] * 8 + ["E"] * 2, "potential": 100.0, "workload": 10.0,
        "x": x, "y": 0.0,
    })
    return territory_design.propose(accounts, {"workload": 0.3, "potential": 0.3}, gap=0)


def test_the_map_shows_now_and_proposed_and_rings_what_moves(proposal):
    assert maps.busiest_region(proposal) == "W"
    figure = maps.map_figure(proposal, "W")
    assert [a.get_title(loc="left") for a in figure.axes] == ["now", "proposed"] and "W" in figure.get_suptitle()
    rings = [c for c in figure.axes[0].collections if len(c.get_facecolors()) == 0]
    assert len(rings) == 1 and len(rings[0].get_offsets()) == 2
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["W1", "W2"]


def test_the_takeaway_claims_no_more_than_the_bound(proposal):
    said = maps.proposal_takeaway(proposal)
    assert said.startswith("2 of 10 accounts move, 20% of potential; workload goes from 0.25-1.75 to 0.75-1.25 x") and said.endswith("and is optimal.")
    loose = territory_design.Assignment(proposal.assignment.chosen, 103.0, 100.0, 1.0, 1)
    worse = territory_design.Proposal(proposal.accounts, proposal.seats, loose, proposal.tolerance, 2.0)
    assert "optimal" not in maps.proposal_takeaway(worse) and "at most 3.00% above" in maps.proposal_takeaway(worse)
    assert "wider than asked" in maps.proposal_takeaway(worse)


def test_pay_is_drawn_with_its_spread():
    reps = pd.DataFrame([("a", "P", np.nan, np.nan)], columns=["rep", "comp_plan", "on_target_earnings", "variable_share"])
    plan = pd.DataFrame({"plan": "P", "tier": ["1", "2"], "from_attainment": [0.0, 1.0], "to_attainment": [1.0, np.nan], "rate": [0.1, 0.2]})
    quotas = pd.DataFrame({"rep": ["a"], "quota": [1000.0]})
    runs, costs = commissions.simulate_pay(quotas, reps, plan, [0.5, 1.5], common=0.0, runs=500), commissions.plan_cost(quotas, reps, plan)
    figure = maps.pay_figure(runs, costs, "EUR")
    assert figure.axes[0].get_ylabel() == "EUR" and len(figure.axes[0].collections[0].get_offsets()) == 500
    assert "where every rep at 100% would cost 10.00%" in maps.pay_takeaway(runs, costs, "EUR")
