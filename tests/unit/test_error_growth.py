"""How fast the error of a sum grows with its months: known processes, and what short histories are worth."""

from __future__ import annotations

import numpy as np
import pytest

from sop_helpers.planning.error_growth import estimated, growth, relative_growth

rng = np.random.default_rng(3)
NOISE = 100 + 10 * rng.standard_normal((300, 120))
WALK = 1000 + rng.standard_normal((300, 120)).cumsum(axis=1)
SERIES = np.zeros(300, dtype=bool)


def test_errors_about_a_level_that_stays_are_independent() -> None:
    # The level is itself an estimate: with weight a it errs with the variance a / (2 - a) of a month, k squared times over.
    assert growth(NOISE, SERIES, 6).mean(axis=0) == pytest.approx(1 + 0.02 * np.arange(6), abs=0.05)


def test_errors_of_a_random_walk_grow_as_its_variance_says() -> None:
    # The sum of k months of a walk errs with the variance 1 + 4 + ... + k squared: over k independent ones it is (k + 1)(2 k + 1) / 6.
    k = np.arange(1, 5)
    told = growth(WALK, SERIES, 4).mean(axis=0)
    assert told / told[0] == pytest.approx((k + 1) * (2 * k + 1) / 6, rel=0.25)


def test_a_season_that_is_divided_out_does_not_count_as_drift() -> None:
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(120) / 12)
    told = growth(NOISE * season, ~SERIES, 6).mean(axis=0)
    assert told == pytest.approx(np.ones(6), abs=0.25)
    assert growth(NOISE * season, SERIES, 6).mean(axis=0)[2] > 1.5


def test_scale_does_not_matter_and_months_before_the_first_are_no_demand() -> None:
    late = np.concatenate([np.full((300, 24), np.nan), NOISE[:, 24:]], axis=1)
    np.testing.assert_allclose(growth(7 * late, SERIES, 4), growth(late, SERIES, 4))
    np.testing.assert_allclose(growth(late, SERIES, 4), growth(NOISE[:, 24:], SERIES, 4), rtol=1e-9)


def test_a_short_history_tells_nothing() -> None:
    assert np.isnan(growth(NOISE[:, :16], SERIES, 6)).all()
    assert growth(NOISE[:0], SERIES[:0], 6).shape == (0, 6)


def test_a_series_departs_from_its_class_as_far_as_it_has_evidence() -> None:
    own, kind = np.array([[1.0, 4.0], [1.0, 1.0], [1.0, np.nan]]), np.array(["a", "a", "a"])
    much, none = relative_growth(own, kind, np.full((3, 2), 1e9)), relative_growth(own, kind, np.zeros((3, 2)))
    np.testing.assert_allclose(much, [[1, 1.6], [1, 0.4], [1, 1]], rtol=1e-6)
    np.testing.assert_allclose(none, 1.0)


def test_a_spread_seen_in_few_months_is_a_guess() -> None:
    assert estimated(np.array([12.0, 1e9, 0.0])) == pytest.approx([np.sqrt(1.2), 1.0, np.sqrt(2.0)])
