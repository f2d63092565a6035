"""What changing last month's plan costs, and that its default steadies the near months for next to nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from rolling_company import rolling_company
from supply_networks import MONTHS, company, monthly

from sop_helpers.book.config import SupplyPolicy
from sop_helpers.planning.supply import plan_supply
from sop_helpers.planning.supply_inputs import build_network
from sop_helpers.planning.supply_rolling import frontier, near_changes, replan, this_month
from sop_helpers.report.charts.steadiness import steadiness_figure, steadiness_takeaway


def shop(demand):
    return company(
        demand=monthly(demand, product="A", region="r"), products=[{"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 10.0}],
        operations=[{"operation": "buy A", "kind": "buy", "item": "A", "location": "main", "supplier": "S", "lead_time_months": 0.0, "unit_cost": 10.0}],
        targets=monthly([20.0] * 6, item="A", location="main"),
    )  # fmt: skip


def orders(*units):
    return pd.DataFrame({"operation": "buy A", "release_month": MONTHS[: len(units)], "month": MONTHS[: len(units)], "units": [float(u) for u in units]})


def test_a_plan_keeps_to_last_months_orders_as_far_as_a_change_is_not_worth_it():
    last = orders(45.0, 25.0, 30.0)
    free = plan_supply(**shop([30.0] * 6), months=MONTHS)
    steady = plan_supply(**shop([30.0] * 6), months=MONTHS, last_plan=last, change_rate=0.1)
    assert free.supply_plan["units"].tolist() == pytest.approx([50, 30, 30, 30, 30, 30])
    moved = [near_changes(last, p.supply_plan, MONTHS[0], 3, pd.Series({"buy A": 10.0})) for p in (free, steady)]
    assert moved[0] == pytest.approx(100) and moved[1] == pytest.approx(0)
    # The objective holds the price of what is still changed.
    alone = plan_supply(**shop([30.0] * 6), months=MONTHS, last_plan=last, change_rate=0.0)
    assert alone.objective == pytest.approx(free.objective) and steady.objective >= free.objective - 1e-9


def test_only_near_months_and_orders_that_last_month_knew_have_a_price():
    net = build_network(**shop([30.0] * 6), months=MONTHS, last_plan=orders(45.0), change_rate=0.02, change_months=2)
    assert net.limits.change_price.tolist() == [pytest.approx([0.2, 0.2, 0, 0, 0, 0])]
    other = orders(45.0).assign(operation="buy B")
    assert build_network(**shop([30.0] * 6), months=MONTHS, last_plan=other, change_rate=0.02).limits.change_price.max() == 0


@pytest.fixture(scope="module", params=[2, 3, 11])
def tried(request):
    tables, forecasts, actual, months = rolling_company(request.param)
    rates = (0.0, SupplyPolicy().change_rate)
    return frontier([replan(tables, forecasts, actual, months, horizon=8, change_rate=r, near=SupplyPolicy().change_months) for r in rates])


def test_the_default_cuts_near_changes_by_a_quarter_at_no_more_than_one_per_cent_of_realised_cost(tried):
    assert tried["changes"].iloc[0] > 0
    assert tried["changes_cut"].iloc[1] >= 0.25
    assert tried["cost_added"].iloc[1] <= 0.01


def test_the_frontier_is_drawn_with_its_chosen_point(tried):
    chosen = SupplyPolicy().change_rate
    figure = steadiness_figure(tried, chosen)
    line = figure.axes[0].lines[0]
    assert np.allclose(line.get_xdata(), 100 * (1 - tried["changes_cut"])) and np.allclose(line.get_ydata(), 100 * tried["cost_added"])
    assert f"{tried['changes_cut'].iloc[1]:.0%} fewer" in steadiness_takeaway(tried, chosen)


def test_carrying_out_a_sure_forecast_costs_what_the_plan_said():
    tables, forecasts, actual, months = rolling_company(5, cycles=1)
    sure = forecasts[forecasts["month"] == months[0]]
    came = sure[["month", "product", "region", "units"]]
    point = replan(tables, forecasts, came, months, horizon=8, change_rate=0.0)
    plan = plan_supply(**tables, demand=forecasts[["month", "product", "region", "units"]], months=pd.date_range(months[0], periods=8, freq="MS", unit="us"),
                       frozen_months=0, whole_lots=False)  # fmt: skip
    first = plan.stock_projection[plan.stock_projection["month"] == months[0]]
    started = plan.supply_plan[plan.supply_plan["release_month"] == months[0]]
    value = plan.network.nodes.set_index(["item", "location"])["value"]
    later = started[started["month"] > months[0]]
    work = plan.capacity_load[plan.capacity_load["month"] == months[0]]
    holding = plan.network.nodes.set_index(["item", "location"])["holding"]
    place = pd.MultiIndex.from_frame(first[["item", "location"]])
    expected = started["cost"].sum() + 12.0 * work["overtime_hours"].sum() + (first["closing_units"].to_numpy() * holding[place].to_numpy()).sum()
    expected -= (first["closing_units"].to_numpy() * value[place].to_numpy()).sum()
    expected -= (later["units"].to_numpy() * value[pd.MultiIndex.from_frame(later[["item", "location"]])].to_numpy()).sum()
    assert plan.shortages.query("month == @months[0]").empty
    assert point["cost"] == pytest.approx(expected, rel=1e-9) and point["changes"] == 0


def test_the_frontier_of_a_month_falls_in_changes_and_rises_in_cost():
    tables, forecasts, _, months = rolling_company(7, cycles=2)
    ahead = [pd.date_range(m, periods=8, freq="MS", unit="us") for m in months]
    demand = [forecasts.loc[forecasts["made_in"] == m, ["month", "product", "region", "units"]] for m in months]
    last = plan_supply(**tables, demand=demand[0], months=ahead[0], frozen_months=0).supply_plan
    net = plan_supply(**tables, demand=demand[1], months=ahead[1], frozen_months=0, last_plan=last, change_rate=0.02).network
    points = this_month(net, 0.02)
    assert points["change_rate"].tolist() == [0, 0.01, 0.02, 0.04, 0.08]
    assert (points["changes"].diff().dropna() <= 1e-4).all() and (points["cost"].diff().dropna() >= -1e-4).all()
    assert points["changes_cut"].iloc[-1] > 0
    alone = build_network(**tables, demand=demand[1], months=ahead[1], frozen_months=0)
    assert this_month(alone, 0.02).empty
