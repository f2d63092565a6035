"""Demand over lead time and review: scipy's own quantiles, published losses, mixtures by simulation, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sop_helpers.planning import inventory
from sop_helpers.planning.lead_demand import FAMILIES, KNOTS, LeadDemand


def lead_demand(mean, sd, family: str = "gamma", weight=None, shape=None) -> LeadDemand:
    """One item; mean and sd by lead time."""
    mean, sd = np.atleast_1d(mean).astype(float)[None, :], np.atleast_1d(sd).astype(float)[None, :]
    weight = np.full(mean.shape, 1 / mean.shape[1]) if weight is None else np.asarray(weight, dtype=float)[None, :]
    shape = np.broadcast_to(KNOTS if shape is None else shape, (*mean.shape, len(KNOTS)))
    return LeadDemand(mean, sd, weight, np.array([family], dtype=object), np.asarray(shape, dtype=float))


@pytest.mark.parametrize(("family", "quantile"), [
    ("gamma", stats.gamma.ppf(0.95, 4, scale=25)),
    ("normal", stats.norm.ppf(0.95, 100, 50)),
    ("empirical", stats.norm.ppf(0.95, 100, 50)),
    ("negative binomial", stats.nbinom.ppf(0.95, 100**2 / (2500 - 100), 100 / 2500)),
])  # fmt: skip
def test_one_lead_time_gives_the_quantile_of_its_distribution(family: str, quantile: float) -> None:
    assert lead_demand(100, 50, family).for_service(np.array([0.95]))[0] == pytest.approx(quantile, rel=1e-6)


def test_counts_no_wider_than_poisson_are_poisson() -> None:
    told = lead_demand(4, 1.5, "negative binomial")
    assert told.for_service(np.array([0.98]))[0] == stats.poisson.ppf(0.98, 4)
    assert told.shortage(np.array([6.0]))[0] == pytest.approx((np.arange(7, 60) - 6) @ stats.poisson.pmf(np.arange(7, 60), 4))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shortage_is_the_area_beyond_the_stock(family: str) -> None:
    told = lead_demand([40, 90], [25, 30], family, [0.7, 0.3])
    x = np.arange(60, 600) if family == "negative binomial" else np.linspace(60, 600, 20_001)
    beyond = 1 - np.array([told.cdf(np.array([v]))[0] for v in x[:: max(1, len(x) // 2_000)]])
    step = x[max(1, len(x) // 2_000)] - x[0] if family != "negative binomial" else 1.0
    area = beyond.sum() * step if family == "negative binomial" else np.trapezoid(beyond, dx=step)
    assert told.shortage(np.array([60.0]))[0] == pytest.approx(area, rel=2e-3)


def test_the_published_fill_rates_come_out() -> None:
    # Chopra & Meindl: N(2500, 500) a week, lead time two weeks, lots of 10,000.
    told = lead_demand(5000, 500 * np.sqrt(2), "normal")
    for rate, stock in ((0.975, 66.7), (0.98, 183.0), (0.985, 321.5), (0.99, 499.3), (0.995, 767.1)):
        found = told.for_fill_rate(np.array([rate]), np.array([10_000.0]))[0] - 5000
        assert found == pytest.approx(stock, abs=1.0) and found == pytest.approx(inventory.safety_stock_for_fill_rate(rate, 500 * np.sqrt(2), 10_000), abs=1e-6)


def test_a_mixture_over_lead_times_keeps_the_service_that_the_variance_formula_misses() -> None:
    # Nine deliveries in ten take a month, one takes five: demand 100 a month with sd 20, review within the lead time.
    rng = np.random.default_rng(0)
    leads, chance = np.array([1.0, 5.0]), np.array([0.9, 0.1])
    drawn = rng.choice(leads, 200_000, p=chance)
    demand = rng.normal(100 * drawn, 20 * np.sqrt(drawn))
    stock = lead_demand(100 * leads, 20 * np.sqrt(leads), "normal", chance).for_service(np.array([0.95]))[0]
    mean = leads @ chance
    textbook = 100 * mean + stats.norm.ppf(0.95) * np.sqrt(mean * 20**2 + 100**2 * (chance @ leads**2 - mean**2))
    assert (demand <= stock).mean() == pytest.approx(0.95, abs=0.003)
    assert (demand <= textbook).mean() < 0.91


def test_what_is_known_to_come_needs_no_safety() -> None:
    assert lead_demand(30, 0).for_service(np.array([0.99]))[0] == pytest.approx(30)
    assert lead_demand(0, 5, "gamma").for_service(np.array([0.99]))[0] == 0


def test_the_fill_rate_of_a_periodic_review_comes_out_of_a_simulation() -> None:
    # Stock is brought up to S each month and arrives two months later; demand is gamma with mean 50 and sd 40.
    over, lead = lead_demand(150, 40 * np.sqrt(3)), lead_demand(100, 40 * np.sqrt(2))
    level = over.for_fill_rate(np.array([0.95]), np.array([50.0]), lead)[0]
    demand = np.random.default_rng(1).gamma((50 / 40) ** 2, 40**2 / 50, 400_000)
    behind = np.concatenate([[0.0], demand.cumsum()])
    begin, end = level - (behind[2:-1] - behind[:-3]), level - (behind[3:] - behind[:-3])
    short = np.maximum(-end, 0) - np.maximum(-begin, 0)
    assert 1 - short.mean() / demand.mean() == pytest.approx(0.95, abs=0.003)


positive = st.floats(0.5, 5000)


@settings(max_examples=60, deadline=None)
@given(mean=positive, ratio=st.floats(0.05, 3), family=st.sampled_from(FAMILIES), low=st.floats(0.5, 0.9), more=st.floats(0.001, 0.09))
def test_more_service_never_takes_less_stock_and_is_what_was_asked_for(mean: float, ratio: float, family: str, low: float, more: float) -> None:
    told = lead_demand([mean, 2 * mean], [ratio * mean, ratio * mean * 1.4], family, [0.6, 0.4])
    less, much = (told.for_service(np.array([p]))[0] for p in (low, low + more))
    assert less <= much + 1e-9
    assert told.cdf(np.array([much]))[0] >= low + more - 1e-6
    if family != "negative binomial":
        assert told.cdf(np.array([much]))[0] == pytest.approx(low + more, abs=1e-6) or much == 0
    assert told.shortage(np.array([much]))[0] <= told.shortage(np.array([less]))[0] + 1e-9
