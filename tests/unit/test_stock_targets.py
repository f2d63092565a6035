"""Inventory targets: what the error, the lead time and the policy of an item ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from supply_networks import MONTHS, table

from sop_helpers.planning.cumulative import COLUMNS, LEVELS
from sop_helpers.planning.lead_times import DAYS_PER_MONTH
from sop_helpers.planning.stock_nodes import window
from sop_helpers.planning.stock_targets import StockRules, inventory_targets

Z = stats.norm.ppf(list(LEVELS.values()))


def errors(product: str, region: str, sd: float, basis: str = "backtest", most: int = 6) -> pd.DataFrame:
    """Independent normal errors of one series."""
    rows = [(product, region, float(m), sd * m**0.5, 1.0, *(Z * sd * m**0.5), basis, sd * m**0.5, 0.0) for m in range(1, most + 1)]
    return pd.DataFrame(rows, columns=COLUMNS)


def sold(units: float, product: str = "A", region: str = "r") -> pd.DataFrame:
    """Level demand."""
    return pd.DataFrame({"month": MONTHS, "product": product, "region": region, "units": units})


def band(demand: pd.DataFrame, width: float) -> pd.DataFrame:
    """A forecast that equals demand, with a band."""
    return demand.assign(lo80=demand["units"] - width, hi80=demand["units"] + width)


def operation(item: str = "A", lead: float = 1.0, **more: object) -> dict:
    """Bought at the main place."""
    return {"operation": f"buy {item}", "kind": "buy", "item": item, "location": "main", "supplier": "S", "lead_time_months": lead, "unit_cost": 5.0} | more


def targets(demand: pd.DataFrame, *, told: pd.DataFrame | None = None, ops: list[dict] | None = None, policies: list[dict] | None = None,
            components: list[dict] | None = None, regions: list[dict] | None = None, products: list[dict] | None = None, forecast: pd.DataFrame | None = None,
            inventory: list[dict] | None = None, **more: object) -> pd.DataFrame:  # fmt: skip
    """Targets of a small company."""
    names = sorted(set(demand["product"]))
    regions = regions or [{"region": r, "ship_from": "main"} for r in sorted(set(demand["region"]))]
    products = products or [{"product": p, "family": "F", "unit_price": 10.0, "unit_cost": 5.0} for p in names]
    ops = [operation(p) for p in names] if ops is None else ops
    forecast = band(demand, 0.0) if forecast is None else forecast
    return inventory_targets(
        demand, forecast, table("operations", ops), table("components", components or []), table("regions", regions), table("inventory", inventory or []),
        table("stock_policies", policies or []), table("products", products), MONTHS, errors=told, **more,
    )  # fmt: skip


def first(result: pd.DataFrame, item: str = "A", location: str = "main") -> pd.Series:
    """The first month of an item."""
    return result[(result["item"] == item) & (result["location"] == location)].iloc[0]


def gamma(level: float, mean: float, sd: float) -> float:
    """Safety stock that a gamma distribution asks for."""
    return float(stats.gamma.ppf(level, (mean / sd) ** 2, scale=sd**2 / mean) - mean)


def test_the_error_of_several_months_is_read_from_its_table() -> None:
    told = first(targets(sold(100.0), told=errors("A", "r", 20.0)))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 200, 20 * 2**0.5), rel=1e-6)
    assert told["bridge_months"] == 2 and told["error_basis"] == "backtest" and told["method"] == "service: gamma error over 2.0 months"


def test_errors_that_go_together_ask_for_more_than_independent_ones() -> None:
    together = errors("A", "r", 20.0).assign(sd_units=lambda e: 20.0 * e["months"])
    assert first(targets(sold(100.0), told=together))["safety_units"] == pytest.approx(gamma(0.95, 200, 40.0), rel=1e-6)


def test_part_of_a_month_counts_as_part() -> None:
    told = first(targets(sold(100.0), told=errors("A", "r", 20.0), ops=[operation(lead=0.5)]))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 150, 20 * 1.5**0.5), rel=1e-6)


def test_beyond_the_months_measured_the_error_grows_on_as_it_did() -> None:
    told = first(targets(sold(100.0), told=errors("A", "r", 20.0, most=2), ops=[operation(lead=3.0)]))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 400, 20 * 4**0.5), rel=1e-6)
    walk = errors("A", "r", 20.0, most=2).assign(sd_units=lambda e: 20.0 * e["months"])
    told = first(targets(sold(100.0), told=walk, ops=[operation(lead=3.0)]))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 400, 80.0), rel=1e-6)


def test_stock_follows_the_demand_planned() -> None:
    demand = sold(100.0)
    demand.loc[3:, "units"] = 200.0
    told = targets(demand, told=errors("A", "r", 20.0), forecast=band(sold(100.0), 0.0))
    safety = told.set_index("month")["safety_units"]
    assert safety.iloc[-1] == pytest.approx(2 * safety.iloc[0], rel=1e-6)


def test_few_whole_units_are_counted_and_broken_ones_are_not() -> None:
    told = first(targets(sold(2.0), told=errors("A", "r", 3.0)))
    assert told["safety_units"] == stats.nbinom.ppf(0.95, 16 / 14, 4 / 18) - 4 and "negative binomial" in told["method"]
    on_hand = [{"month": MONTHS[0] - pd.DateOffset(months=1), "item": "A", "location": "main", "on_hand": 2.5}]
    assert "gamma" in first(targets(sold(2.0), told=errors("A", "r", 3.0), inventory=on_hand))["method"]


def test_published_errors_that_suffice_are_taken_as_they_are() -> None:
    dense = errors("A", "r", 20.0, "closed months, 12 plans, kernel density of all")
    told = first(targets(sold(100.0), told=dense))
    assert told["safety_units"] == pytest.approx(1.644854 * 20 * 2**0.5, rel=1e-4) and "empirical" in told["method"]
    asked = first(targets(sold(100.0), told=dense, policies=[{"item": "A", "location": "main", "distribution": "gamma"}]))
    assert asked["safety_units"] == pytest.approx(gamma(0.95, 200, 20 * 2**0.5), rel=1e-6)


def test_places_that_serve_several_regions_share_the_risk() -> None:
    demand = pd.concat([sold(100.0, region="n"), sold(100.0, region="s")], ignore_index=True)
    told = first(targets(demand, told=pd.concat([errors("A", "n", 30.0), errors("A", "s", 40.0)])))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 400, 50 * 2**0.5), rel=1e-6)


def test_components_bear_the_error_of_what_they_go_into() -> None:
    ops = [{"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 0.0, "unit_cost": 1.0}, operation("C", 2.0)]
    told = targets(sold(100.0), told=errors("A", "r", 20.0), ops=ops, components=[{"operation": "make A", "item": "C", "units_per": 3.0}])
    assert first(told, "C")["safety_units"] == pytest.approx(gamma(0.95, 900, 60 * 3**0.5), rel=1e-6)
    assert first(told, "C")["segment"] == "-X"


def test_a_launch_gets_a_high_error_of_its_family() -> None:
    demand = pd.concat([sold(100.0), sold(100.0, "B"), sold(50.0, "N")], ignore_index=True)
    demand.loc[(demand["product"] == "N") & (demand["month"] < MONTHS[2]), "units"] = 0.0
    known = demand[demand["product"] != "N"]
    told = targets(demand, told=pd.concat([errors("A", "r", 20.0), errors("B", "r", 40.0)]), forecast=band(known, 0.0))
    new = told[told["item"] == "N"].reset_index(drop=True)
    assert new["error_basis"].eq("nine in ten of its family").all()
    relative = np.sqrt(0.9 * 0.16 + 0.1 * 0.04) * 2**0.5 / 2  # the variance of one in ten between the two
    assert new.loc[3, "safety_units"] == pytest.approx(gamma(0.95, 1.0, relative) * 100, rel=1e-6)


def test_without_measured_errors_the_bands_tell_them() -> None:
    told = first(targets(sold(100.0), forecast=band(sold(100.0), 1.2815515655446004 * 20)))
    assert told["safety_units"] == pytest.approx(gamma(0.95, 200, 20 * 2**0.5), rel=1e-6) and told["error_basis"] == "bands of the forecast"
    assert first(targets(sold(100.0)))["safety_units"] == 0


def test_late_deliveries_are_a_mixture() -> None:
    ordered = pd.Series(pd.Timestamp("2025-01-01"), index=range(20))
    took = np.r_[np.full(18, 1.0), np.full(2, 4.0)]
    came = pd.DataFrame({"delivery": [str(i) for i in range(20)], "item": "A", "location": "main", "supplier": "S", "ordered": ordered,
                         "arrived": ordered + pd.to_timedelta(np.rint(took * DAYS_PER_MONTH), "D")})  # fmt: skip
    told = first(targets(sold(100.0), told=errors("A", "r", 10.0), deliveries=came))
    assert told["lead_time_basis"].startswith("20 deliveries") and told["method"].endswith("lead times as they came")
    stock = told["safety_units"] + 100 * told["bridge_months"]
    draws = np.random.default_rng(0)
    bridge = 1 + draws.choice(took, 200_000)
    assert (draws.normal(100 * bridge, 10 * bridge**0.5) <= stock).mean() == pytest.approx(0.95, abs=0.006)


def policy(**more: object) -> list[dict]:
    """A policy for A."""
    return [{"item": "A", "location": "main"} | more]


def test_a_fill_rate_takes_less_than_the_same_cycle_service_where_lots_are_large() -> None:
    told = errors("A", "r", 40.0)
    service, fill = (first(targets(sold(100.0), told=told, policies=policy(**p)))["safety_units"] for p in ({"service_level": 0.95}, {"fill_rate": 0.95}))
    large = first(targets(sold(100.0), told=told, ops=[operation(lot_min=400.0)], policies=policy(fill_rate=0.95)))["safety_units"]
    assert 0 <= large < fill < service


def test_a_lot_that_lasts_longer_than_a_review_begins_its_cycle_with_the_rest() -> None:
    """Each cycle begins a lot above the order point; held against the same stock without it, a short review would ask for none at all."""
    ops, rule = [operation(lead=2.0, lot_min=400.0)], {"fill_rate": 0.99, "distribution": "normal"}
    stock = [first(targets(sold(100.0), told=errors("A", "r", 40.0), ops=ops, policies=policy(review_days=d, **rule)))["safety_units"] for d in (0.0, 1.0, 7.0)]
    sd = 40 * 2**0.5
    z = stock[0] / sd
    assert sd * (stats.norm.pdf(z) - z * stats.norm.sf(z)) == pytest.approx(0.01 * 400, abs=1e-3), "expected shortage of a cycle"
    assert 0 < stock[0] < stock[1] < stock[2]


def test_days_of_cover_and_a_method_that_overrides_the_numbers() -> None:
    told = errors("A", "r", 20.0)
    cover = first(targets(sold(90.0), told=told, policies=policy(days_of_cover=DAYS_PER_MONTH)))
    assert cover["target_units"] == pytest.approx(90) and np.isnan(cover["service_level"]) and cover["error_basis"] is None
    service = first(targets(sold(90.0), told=told, policies=policy(days_of_cover=30.0, method="service level", service_level=0.98)))
    assert service["service_level"] == 0.98 and service["safety_units"] == pytest.approx(gamma(0.98, 180, 20 * 2**0.5), rel=1e-6)


def test_the_published_demand_driven_buffer() -> None:
    # Average daily use 10, lead time 12 days, factors 0.5 and 0.5, order cycle 7 days: red 90, yellow 120, green 70.
    ops = [operation(lead=12 / DAYS_PER_MONTH)]
    rule = policy(method="ddmrp", lead_time_factor=0.5, variability_factor=0.5, review_days=7.0)
    told = first(targets(sold(10 * DAYS_PER_MONTH), told=errors("A", "r", 20.0), ops=ops, policies=rule))
    assert told["safety_units"] == pytest.approx(90) and told["target_units"] == pytest.approx(90 + 70 / 2)


def test_a_longer_review_asks_for_more() -> None:
    told = errors("A", "r", 20.0)
    week, quarter = (first(targets(sold(100.0), told=told, policies=policy(review_days=d)))["safety_units"] for d in (7.0, 91.25))
    assert week == pytest.approx(gamma(0.95, 100 * (1 + 7 / DAYS_PER_MONTH), 20 * (1 + 7 / DAYS_PER_MONTH) ** 0.5), rel=1e-6) and quarter > week


def test_minimum_maximum_and_shelf_life_bound_the_target() -> None:
    told = errors("A", "r", 20.0)
    assert first(targets(sold(100.0), told=told, policies=policy(min_units=500.0)))["target_units"] == 500
    assert first(targets(sold(100.0), told=told, policies=policy(max_units=7.0)))["target_units"] == 7
    short = [{"product": "A", "family": "F", "unit_price": 10.0, "unit_cost": 5.0, "shelf_life_months": 0.2}]
    assert first(targets(sold(100.0), told=told, products=short))["target_units"] == pytest.approx(20)


def test_segments_give_the_service_and_a_policy_overrides_it() -> None:
    demand = pd.concat([sold(1000.0), sold(100.0, "B"), sold(10.0, "C")], ignore_index=True)
    told = pd.concat([errors("A", "r", 50.0), errors("B", "r", 40.0), errors("C", "r", 8.0)])
    rules = StockRules(abc=(0.8, 0.95), segment_service={"AX": 0.99, "CZ": 0.9})
    result = targets(demand, told=told, rules=rules, policies=[{"item": "C", "location": "main", "service_level": 0.97}])
    wanted = {i: (first(result, i)["segment"], first(result, i)["service_level"]) for i in "ABC"}
    assert wanted == {"A": ("AX", 0.99), "B": ("BY", 0.95), "C": ("CZ", 0.97)}


def test_policies_of_before_are_still_read() -> None:
    old = table("stock_policies", policy(service_level=0.9))[["item", "location", "service_level", "days_of_cover", "holding_rate", "min_units", "max_units"]]
    demand = sold(100.0)
    told = inventory_targets(
        demand, band(demand, 0.0), table("operations", [operation()]), table("components", []), table("regions", [{"region": "r", "ship_from": "main"}]),
        table("inventory", []), old, table("products", [{"product": "A", "family": "F", "unit_price": 1.0}]), MONTHS, errors=errors("A", "r", 20.0),
    )  # fmt: skip
    assert told["service_level"].eq(0.9).all()


def test_the_window_repeats_the_last_month_or_the_year_before() -> None:
    np.testing.assert_allclose(window(np.array([[1.0, 2.0, 3.0]]), np.array([1.5])), [[3.5, 4.5, 4.5]])
    year = np.arange(1.0, 13.0)[None, :]
    assert window(year, np.array([2.0]))[0, -1] == 1 + 2


def test_what_is_made_to_order_has_no_target() -> None:
    product = {"product": "A", "family": "F", "unit_price": 10.0, "unit_cost": 5.0}
    stocked, ordered = (targets(sold(100.0), told=errors("A", "r", 20.0), products=[product | {"made_to": how}]) for how in ("stock", "order"))
    assert stocked["target_units"].gt(0).all() and ordered[["safety_units", "target_units"]].eq(0).all().all()
    assert ordered["method"].eq("made to order, none is held").all() and ordered["service_level"].isna().all()


def test_stock_for_a_season_does_not_hang_on_the_month_the_plan_is_made_in() -> None:
    months = [50.0, 50, 400, 400, 400, 50]
    sales = (sold(50.0).assign(units=units) for units in (months, months[2:] + months[:2]))
    peak, ahead = (targets(one, told=errors("A", "r", 30.0), ops=[operation(lead=0.0)])["target_units"].to_numpy() for one in sales)
    assert peak[1:4] == pytest.approx(ahead[[0, 0, 0]].mean() * np.ones(3), rel=0.01), "stock before a month of the season is that of the season"
    # The error is that of a usual month, 225 of these: a month of 400 asks for 400 / 225 of it.
    usual = gamma(0.95, 225.0, 30.0)
    assert peak[1] == pytest.approx(usual * 400 / 225, rel=0.01) and peak[4] == pytest.approx(usual * 50 / 225, rel=0.01)


def test_a_fill_rate_does_not_explode_where_the_first_month_sells_nothing() -> None:
    dips = (sold(100.0).assign(units=[units, *[100.0] * 5]) for units in (100.0, 1.0, 0.0))
    asked = [targets(one, told=errors("A", "r", 20.0), policies=policy(fill_rate=0.95)) for one in dips]
    level, low, none = (result["target_units"].max() for result in asked)
    assert none == pytest.approx(level, rel=0.05) and low == pytest.approx(level, rel=0.5)


def test_components_of_what_has_a_yield_bear_what_is_lost() -> None:
    make = {"operation": "make A", "kind": "make", "item": "A", "location": "main", "lead_time_months": 1.0, "unit_cost": 5.0}
    part = [{"operation": "make A", "item": "C", "units_per": 1.0}]
    whole, half = (first(targets(sold(100.0), told=errors("A", "r", 10.0), ops=[make | {"yield_share": share}, operation("C")], components=part), "C")
                   for share in (None, 0.5))  # fmt: skip
    assert half["target_units"] == pytest.approx(2 * whole["target_units"], rel=0.02)
