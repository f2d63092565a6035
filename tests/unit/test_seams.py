"""Where parts of the supply plan meet: causes of what is made to order, and hours under open production orders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from supply_networks import MONTHS
from test_supply_causes import factory

from sop_helpers.planning import supply_causes
from sop_helpers.planning.join_model import JoinModel
from sop_helpers.planning.supply import plan_supply, solve_network
from sop_helpers.planning.supply_causes import _Lifted, shortage_causes
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_reasons import Cause
from sop_helpers.planning.supply_results import clean


def test_orders_not_due_yet_are_no_room_to_serve_anyone_later(monkeypatch):
    data = factory([100.0] * 6, hours=40.0, product={"made_to": "order", "promised_months": 2.0})
    plan = plan_supply(**data, months=MONTHS, frozen_months=0)
    assert plan.constrained_demand["not_due_units"].sum() > 0 and len(plan.shortages)
    seen = []
    solve = _Lifted.solve
    monkeypatch.setattr(supply_causes._Lifted, "solve", lambda self, owed, lost: seen.append(owed) or solve(self, owed, lost))
    shortage_causes(plan.network, plan.causes, plan.shortages, plan.constrained_demand)
    late = plan.constrained_demand["backlog_units"] - plan.constrained_demand["not_due_units"]
    np.testing.assert_allclose(seen[0].ravel(), late, atol=1e-6)


def test_overtime_that_open_orders_take_is_not_left_after_lifting():
    data = factory([100.0, 0, 0, 0, 0, 0], hours=70.0)
    net = build_network(**data, months=MONTHS, frozen_months=0)
    net = replace(net, regular=np.full_like(net.regular, 70.0), overtime=np.full_like(net.overtime, 20.0), committed=np.full_like(net.committed, 85.0))
    lifted = _Lifted(net)
    lifted.lift([Cause("", "", "", "capacity", 0, 1)], np.array([1.0]))
    found = lifted.solve(np.full(net.demand.shape, 1e6), np.full(net.demand.shape, 1e6))
    finder = lifted.finder(found, clean(found.values, lifted.net))
    worked = found.values["overtime"][0, 0]
    np.testing.assert_allclose(finder.left[0, 0], 5.0 - worked, atol=1e-6)


def test_more_hours_first_pay_off_what_open_orders_take():
    data = factory([160.0] * 6, hours=70.0)
    row = {"item": "P", "location": "plant", "kind": "production", "units": 90.0}
    receipts = pd.DataFrame([row | {"receipt": f"r{k}", "due_month": m} for k, m in enumerate(MONTHS)]).reindex(columns=data["receipts"].columns)
    data["receipts"] = receipts.astype({"supplier": object})
    rules = {"frozen_months": 0}
    targets = data.pop("targets")
    kept = JoinModel(data, targets, None, MONTHS, **rules).answer({"capacity_factor": 1.2})
    more = data["resources"].assign(regular_hours=data["resources"]["regular_hours"] * 1.2)
    anew = build_network(**(data | {"resources": more}), targets=targets, months=MONTHS, **rules)
    whole = solve_network(anew, whole_lots=False)
    np.testing.assert_allclose(kept.capacity_load["planned_hours"], whole.capacity_load["planned_hours"], atol=1e-6)
