"""The elasticity of bookings to heads: found again where it shows, with the error of least squares, and drawn to published studies where it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supply_networks import table

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import selling_response as sr
from sop_helpers.planning.rep_hiring import INSIDE, RISES, sizing

MONTH = pd.Timestamp("2026-10-01")
PAST = pd.date_range(end="2026-09-01", periods=18, freq="MS", unit="us")


def months(power: float, noise: float = 0.0, regions: int = 4, seed: int = 0) -> pd.DataFrame:
    """Return regions of another size each, in the season of all, whose heads go up or down at another month each."""
    rng = np.random.default_rng(seed)
    rows = [
        (m, f"R{r}", float(4 + r + (at > 3 * r + 2)), (1 + r) * 100.0 * (1.5 + np.sin(at)))
        for r in range(regions) for at, m in enumerate(PAST)
    ]  # fmt: skip
    out = pd.DataFrame(rows, columns=["month", "region", "heads", "bookings"])
    return out.assign(bookings=out["bookings"] * out["heads"] ** power * np.exp(noise * rng.standard_normal(len(out))))


@pytest.mark.parametrize("power", [0.0, 0.2, 0.7])
def test_size_of_a_market_and_season_are_not_taken_for_an_effect_of_heads(power):
    found = sr.elasticity(months(power))
    assert found["slope"] == pytest.approx(power, abs=1e-8) and found["error"] == pytest.approx(0, abs=1e-8)
    assert (found["rows"], found["regions"]) == (72, 4)


def test_slope_and_error_are_those_of_least_squares_with_dummies():
    import statsmodels.formula.api as smf

    data = months(0.4, 0.2)
    model = smf.ols("np.log(bookings) ~ np.log(heads) + C(region) + C(month)", data)
    plain, clustered = model.fit(), model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(data["region"])[0]})
    found = sr.elasticity(data)
    assert found["slope"] == pytest.approx(plain.params["np.log(heads)"])
    assert found["error"] == pytest.approx(max(plain.bse["np.log(heads)"], clustered.bse["np.log(heads)"]))


def test_own_months_and_published_studies_are_weighed_by_their_variances():
    data = months(0.4, 0.05)
    own, found = sr.elasticity(data), sr.measured_response(data, prior=0.3, prior_spread=0.1)
    weight = 0.1**2 / (0.1**2 + own["error"] ** 2)
    middle, wide = weight * own["slope"] + (1 - weight) * 0.3, 1 / np.sqrt(1 / 0.1**2 + 1 / own["error"] ** 2)
    assert found["weight"] == pytest.approx(weight) and found["response"] == pytest.approx(middle, abs=wide / 10)
    assert found["low"] == pytest.approx(middle - 1.2816 * wide, abs=wide / 5) and 0 < found["low"] < found["response"] < found["high"] < 1
    assert f"counts for {weight:.0%}" in sr.response_words(found)


def test_the_more_noise_the_nearer_to_the_prior():
    weights = [sr.measured_response(months(0.8, noise))["weight"] for noise in (0.02, 0.2, 2.0)]
    assert weights[0] > 0.9 > weights[1] > weights[2] and weights[2] < 0.05
    # However wild the estimate, the elasticity stays that of a curve that grows and flattens.
    wild = [sr.measured_response(months(power, 0.02))["response"] for power in (-3.0, 3.0)]
    assert 0 < wild[0] < 0.1 and 0.9 < wild[1] < 1


@pytest.mark.parametrize("data", [months(0.4, regions=1), months(0.4).assign(heads=5.0), months(0.4).head(8), months(0.4).iloc[:0]])
def test_heads_that_do_not_move_or_too_few_months_tell_nothing(data):
    found = sr.measured_response(data)
    assert np.isnan(found["slope"]) and found["weight"] == 0 and found["response"] == pytest.approx(sr.PRIOR, abs=0.02)
    assert "published studies (0.31)" in sr.response_words(found)


def test_heads_are_ramped_and_leave_is_off():
    people = [{"rep": "a", "region": "N", "start_month": PAST[0]}, {"rep": "b", "region": "N", "start_month": PAST[-1]}]
    reps = conform("reps", table("reps", people))
    sold = [{"month": m, "rep": "a", "quota": 10.0, "bookings": 5.0} for m in PAST[-2:]] + [{"month": PAST[-1], "rep": "b", "quota": 10.0, "bookings": 2.0}]
    booked = conform("quotas", table("quotas", [*sold, {"month": MONTH, "rep": "a", "quota": 10.0, "bookings": 9.0}]))
    away = conform("leave", table("leave", [{"rep": "a", "month": PAST[-2], "share": 0.25}]))
    found = sr.team_months(booked, reps, away, [0.5, 1.0], MONTH)
    assert found["heads"].tolist() == [0.75, 1.5] and found["bookings"].tolist() == [5, 7] and found["month"].tolist() == list(PAST[-2:])
    assert sr.team_months(booked.iloc[:0], reps, empty("leave"), [1.0], MONTH).empty


@settings(max_examples=30, deadline=None)
@given(power=st.floats(0.15, 0.6), best=st.floats(5.0, 9.0), seed=st.integers(0, 99))
def test_the_best_size_of_a_known_curve_is_found_again_where_it_was_seen(power, best, seed):
    # Heads of four regions wander between 4 and 10; margin is 600 * heads^power in the first, and a rep costs so much that `best` is the best size.
    heads = np.random.default_rng(seed).integers(4, 11, (len(PAST), 4))
    heads[-1, 0], heads[:2, 0] = 6, (4, 10)
    rows = [(m, f"R{r}", float(heads[at, r]), 100.0 * (1 + r) * (1.5 + np.sin(at)) * heads[at, r] ** power) for r in range(4) for at, m in enumerate(PAST)]
    history = pd.DataFrame(rows, columns=["month", "region", "heads", "bookings"])
    found, seen = sr.measured_response(history, prior_spread=10.0), sr.seen_heads(history)
    cost = 600.0 * power * best ** (power - 1)
    team = pd.DataFrame({"region": ["R0"] * 6, "start_month": PAST[0], "end_month": pd.NaT, "on_target_earnings": cost})
    margin = pd.Series({"R0": 600.0 * 6**power})
    row = sizing(pd.DataFrame(), team, margin, MONTH, None, found["response"], found["low"], found["high"], (found["own_low"], found["own_high"]), seen).iloc[0]
    assert (row["fewest"], row["most"]) == (3, 11) and row["by_response"] == pytest.approx(best, rel=1e-3) and row["says"] == INSIDE
    assert row["next_low"] == pytest.approx(row["next_high"], abs=0.01 * cost) and row["own_low"] == pytest.approx(row["own_high"], abs=0.01 * cost)
    # What earns more without end is not followed beyond what was seen.
    rich = sizing(pd.DataFrame(), team, 50 * margin, MONTH, None, found["response"], seen=seen, reach=2.0).iloc[0]
    assert (rich["most"], rich["by_response"], rich["says"]) == (12, 12, RISES)


def test_the_range_of_own_months_alone_is_that_of_least_squares_clustered():
    import statsmodels.formula.api as smf

    data = months(0.4, 0.2)
    fits = smf.ols("np.log(bookings) ~ np.log(heads) + C(region) + C(month)", data)
    groups = {"groups": pd.factorize(data["region"])[0]}
    plain, clustered = fits.fit(), fits.fit(cov_type="cluster", cov_kwds=groups, use_t=True)
    assert clustered.df_resid_inference == 3, "regions less one"
    found = sr.measured_response(data)
    low, high = clustered.conf_int(alpha=0.2).loc["np.log(heads)"] if clustered.bse["np.log(heads)"] >= plain.bse["np.log(heads)"] else (np.nan, np.nan)
    if np.isnan(low):
        from scipy.stats import t

        aside = t.ppf(0.9, 3) * plain.bse["np.log(heads)"]
        low, high = plain.params["np.log(heads)"] - aside, plain.params["np.log(heads)"] + aside
    assert (found["own_low"], found["own_high"]) == (pytest.approx(low), pytest.approx(high))


def test_heads_that_did_not_move_give_no_range_of_their_own():
    flat = months(0.4).assign(heads=5.0)
    found = sr.measured_response(flat)
    assert np.isnan([found["own_low"], found["own_high"]]).all() and sr.seen_heads(flat)["most"].eq(5).all()
