"""Published sales-planning cases with their known answers."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning import commissions, pipeline, quotas, rep_capacity


def bands(steps, rates, cap=None):
    ends = [*steps[1:], None]
    return pd.DataFrame({"plan": "P", "tier": [f"t{i}" for i in range(len(steps))], "from_attainment": steps,
                         "to_attainment": pd.Series(ends, dtype=float), "rate": rates, "cap": pd.Series([cap] * len(steps), dtype=float)})


def test_commission_is_marginal_over_four_bands():
    plan = bands([0.0, 1.0, 1.25, 1.5], [0.06, 0.08, 0.10, 0.12])
    paid = commissions.payout([500_000], [375_000], plan)
    assert paid[0] == pytest.approx(33_125)
    assert paid[0] / 500_000 == pytest.approx(0.06625)


def test_commission_adds_up_band_by_band():
    plan = bands([0.0, 1.0, 1.25], [0.05, 0.06, 0.07])
    at = commissions.payout([100_000, 125_000, 150_000], [100_000] * 3, plan)
    np.testing.assert_allclose(np.diff([0, *at]), [5_000, 1_500, 1_750])


def test_attainment_to_date_is_sum_over_sum():
    months = pd.date_range("2026-01-01", periods=3, freq="MS")
    table = quotas.attainment_to_date(pd.DataFrame({"month": months, "quota": 50_000.0, "bookings": [42_500.0, 55_000, 52_500]}))
    np.testing.assert_allclose(table["attainment"], [0.85, 1.10, 1.05])
    np.testing.assert_allclose(table["to_date"], [0.85, 0.975, 1.00])


def test_the_mean_hides_the_distribution():
    attained = pd.Series([1.80, 1.60, 1.40, 0.55, 0.45, 0.40])
    assert attained.mean() == pytest.approx(1.03, abs=0.005)
    assert quotas.share_at_quota(attained) == 0.5


def test_ramped_rep_equivalents():
    assert rep_capacity.ramped_reps([5, 3, 2, 15], [0.25, 0.60, 0.85, 1.0]) == pytest.approx(19.75)


def test_street_quota():
    assert quotas.over_assignment(1.0e6, 0.8e6) == pytest.approx(1.25)
    assert quotas.planning_factor(1.0e6, 0.8e6) == pytest.approx(0.80)


def test_sales_velocity():
    assert pipeline.sales_velocity(18, 42_000, 0.24, 78) == pytest.approx(2_326, abs=0.5)


def test_coverage_needed_with_deals_created_and_closed_inside_the_period():
    assert pipeline.coverage_needed(0.20, 0.30) == pytest.approx(3.5)


def test_sales_force_size_by_workload():
    assert rep_capacity.workload_size([1000, 2000], [36, 12], 1000) == 60


def test_sales_force_size_by_response():
    size, profit = rep_capacity.response_size(1_000_000, 100_000)
    assert size == pytest.approx(25)
    assert profit == pytest.approx(2_500_000)
