"""Published inventory cases with their known answers."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sop_helpers.planning import inventory
from sop_helpers.planning.cumulative import COLUMNS, LEVELS
from sop_helpers.planning.stock_targets import inventory_targets
from sop_helpers.planning.supply import plan_supply

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from supply_networks import MONTHS, company  # noqa: E402


def test_safety_stock_of_a_reorder_point():
    sd = 150 * np.sqrt(2)
    stock = 600 - 2 * 250
    assert stock == 100
    assert inventory.cycle_service(stock, sd) == pytest.approx(0.68, abs=0.005)
    assert inventory.expected_shortage(stock, sd) == pytest.approx(43.86, abs=0.005)
    assert inventory.fill_rate(stock, sd, 1000) == pytest.approx(0.96, abs=0.005)


def test_fill_rate_of_a_large_lot():
    sd = 500 * np.sqrt(2)
    assert inventory.cycle_service(1000, sd) == pytest.approx(0.92, abs=0.005)
    assert inventory.expected_shortage(1000, sd) == pytest.approx(25, abs=0.5)
    assert inventory.fill_rate(1000, sd, 10_000) == pytest.approx(0.9975, abs=0.0001)


def test_safety_stock_for_cycle_service():
    assert inventory.safety_stock(0.9, 5000, 500 * np.sqrt(2)) == pytest.approx(906.2, abs=0.05)


@pytest.mark.parametrize(("rate", "stock"), [(0.975, 66.7), (0.98, 183.0), (0.985, 321.5), (0.99, 499.3), (0.995, 767.1)])
def test_safety_stock_for_a_fill_rate(rate, stock):
    # The book reads its normal table to about a unit.
    assert inventory.safety_stock_for_fill_rate(rate, 500 * np.sqrt(2), 10_000) == pytest.approx(stock, abs=1.0)


def held(mean: float, sd: float, lot: float, **policy: float) -> float:
    """Safety stock of an item whose orders take two periods and are thought of at any time; the book's weeks are months here."""
    z = norm.ppf(list(LEVELS.values()))
    told = [("A", "r", float(m), sd * m**0.5, 1.0, *(z * sd * m**0.5), "backtest", sd * m**0.5, 0.0) for m in range(1, 4)]
    c = company(
        products=[{"product": "A", "family": "F", "unit_price": 20.0, "unit_cost": 10.0}], regions=[{"region": "r", "ship_from": "main"}],
        operations=[{"operation": "buy", "kind": "buy", "item": "A", "location": "main", "lead_time_months": 2.0, "unit_cost": 10.0, "lot_min": lot}],
        stock_policies=[{"item": "A", "location": "main", "review_days": 0.0, "distribution": "normal"} | policy],
    )  # fmt: skip
    demand = pd.DataFrame({"month": MONTHS, "product": "A", "region": "r", "units": mean})
    tables = [c[name] for name in ("operations", "components", "regions", "inventory", "stock_policies", "products")]
    targets = inventory_targets(demand, demand.assign(lo80=mean, hi80=mean), *tables, MONTHS, errors=pd.DataFrame(told, columns=COLUMNS))
    return float(targets["safety_units"].iloc[0])


def test_safety_stock_for_cycle_service_as_ordinary_inputs():
    assert held(2500.0, 500.0, 10_000.0, service_level=0.9) == pytest.approx(906.2, abs=0.05)
    assert held(250.0, 150.0, 1000.0, service_level=0.6813) == pytest.approx(100, abs=0.1), "HP: 0.68 in two digits"


@pytest.mark.parametrize(("rate", "stock"), [(0.975, 66.7), (0.98, 183.0), (0.985, 321.5), (0.99, 499.3), (0.995, 767.1)])
def test_safety_stock_for_a_fill_rate_as_ordinary_inputs(rate, stock):
    assert held(2500.0, 500.0, 10_000.0, fill_rate=rate) == pytest.approx(stock, abs=1.0)  # the book reads its normal table to about a unit


def test_the_fill_rate_of_a_reorder_point_as_ordinary_inputs():
    assert held(250.0, 150.0, 1000.0, fill_rate=1 - 43.86 / 1000) == pytest.approx(100, abs=0.1)
    assert held(2500.0, 500.0, 10_000.0, fill_rate=0.9975) == pytest.approx(1000, abs=10)


def test_economic_order_quantity():
    lot = inventory.eoq(1300, 8, 0.225)
    assert lot.units == pytest.approx(304.0468, abs=1e-4)
    assert lot.cost == pytest.approx(68.4105, abs=1e-4)


def test_all_units_discount():
    lot = inventory.eoq_with_discounts(1300, 8, 0.3, [0, 400, 800], [0.75, 0.72, 0.68])
    assert lot.units == 800
    assert lot.cost == pytest.approx(978.60)


def test_wagner_whitin():
    lots, cost = inventory.wagner_whitin([90, 120, 80, 70], 500, 2)
    assert lots.tolist() == [210, 0, 150, 0]
    assert cost == 1380 == inventory.lots_cost(lots, [90, 120, 80, 70], 500, 2)


def test_wagner_whitin_1958():
    demand = [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
    setup = [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114]
    lots, cost = inventory.wagner_whitin(demand, setup, 1)
    assert cost == 864 == inventory.lots_cost(lots, demand, setup, 1)


def test_silver_pyke_peterson():
    demand = [10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41]
    lots, cost = inventory.wagner_whitin(demand, 54, 0.4)
    assert cost == pytest.approx(501.20)
    heuristic = inventory.silver_meal(demand, 54, 0.4)
    assert heuristic.tolist() == [84, 0, 0, 130, 283, 0, 140, 0, 124, 160, 279, 0]
    assert inventory.lots_cost(heuristic, demand, 54, 0.4) == pytest.approx(501.20)
    assert inventory.lots_cost(demand, demand, 54, 0.4) == 648


def test_lots_that_leave_a_period_short_are_refused():
    with pytest.raises(ValueError, match="period 2 short"):
        inventory.lots_cost([10, 0], [5, 10], 1, 1)


def test_newsvendor():
    one = inventory.newsvendor(120, 10, 2, 18)
    assert (one.units, one.cost) == (pytest.approx(132.8155, abs=1e-4), pytest.approx(35.0997, abs=1e-4))
    two = inventory.newsvendor(50, 8, 0.18, 0.7)
    assert (two.units, two.cost) == (pytest.approx(56.6040, abs=1e-4), pytest.approx(1.99761, abs=1e-5))


def test_ddmrp_buffer():
    buffer = inventory.ddmrp_buffer(10, 12, 0.5, 0.5, order_cycle_days=7)
    assert (buffer.red, buffer.yellow, buffer.green) == (90, 120, 70)
    assert (buffer.top_of_red, buffer.top_of_yellow, buffer.top_of_green) == (90, 210, 280)


def test_goldratt_mix_under_a_constraint():
    # Price 90 and 100, material 45 and 40, demand 100 and 50, 2,400 minutes on each of four machines, operating expense 6,000.
    minutes = {"A": (15, 10), "B": (15, 30), "C": (15, 5), "D": (15, 5)}
    material = {"P": 45.0, "Q": 40.0}
    c = company(
        demand=[{"month": MONTHS[0], "product": p, "region": "r", "units": u} for p, u in (("P", 100.0), ("Q", 50.0))],
        products=[{"product": p, "family": "F", "unit_price": v, "unit_cost": material[p]} for p, v in (("P", 90.0), ("Q", 100.0))],
        regions=[{"region": "r", "ship_from": "main"}],
        operations=[{"operation": p, "kind": "make", "item": p, "location": "main", "lead_time_months": 0.0, "unit_cost": v} for p, v in material.items()],
        loads=[{"operation": p, "resource": m, "hours_per_unit": t[i] / 60} for m, t in minutes.items() for i, p in enumerate("PQ")],
        resources=[{"resource": m, "regular_hours": 40.0, "overtime_hours": 0.0} for m in minutes],
    )  # fmt: skip
    plan = plan_supply(**c, months=MONTHS[:1], patience_months=0)
    sold = plan.constrained_demand.set_index("product")
    profit = (sold["revenue"] - sold["shipped_units"] * pd.Series(material)).sum() - 6000
    assert sold["shipped_units"].to_dict() == {"P": pytest.approx(100), "Q": pytest.approx(30)}
    assert profit == pytest.approx(300)
    # The product with the higher margin first leaves a loss: 50 of Q take 1,500 of the 2,400 minutes of B.
    assert 45 * (2400 - 50 * 30) / 15 + 60 * 50 - 6000 == -300
