"""Pay: monotone, without jumps, capped, refused where bands do not join."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import empty
from sop_helpers.planning import commissions


def plan(*bands, cap=np.nan) -> pd.DataFrame:
    table = pd.DataFrame(bands, columns=["from_attainment", "to_attainment", "rate"])
    return table.assign(plan="P", tier=[f"t{i}" for i in range(len(table))], cap=cap).astype({"to_attainment": float})


STEPS = plan((0, 0.5, 0.0), (0.5, 1.0, 0.06), (1.0, None, 0.12))


def test_pay_rises_without_jumps():
    bookings = np.linspace(0, 300, 3001)
    paid = commissions.payout(bookings, np.full(3001, 100.0), STEPS)
    assert paid[0] == 0 and (np.diff(paid) >= -1e-12).all() and np.diff(paid).max() <= 0.12 * 0.1 + 1e-9
    assert paid[500] == 0 and paid[1000] == pytest.approx(3.0) and paid[-1] == pytest.approx(3 + 24)


def test_the_cap_holds_and_no_quota_pays_nothing():
    assert commissions.payout([1e9, 100.0, 50.0], [100.0, 100.0, 0.0], plan((0, None, 0.1), cap=500.0)).tolist() == [500.0, 10.0, 0.0]


@pytest.mark.parametrize("bands, word", [
    ([(0, 1.0, 0.1), (0.9, None, 0.2)], "overlap"), ([(0, None, 0.1), (1, None, 0.2)], "overlap"), ([(0, 0.9, 0.1), (1.0, None, 0.2)], "gap"),
    ([(0.1, None, 0.1)], "begin"), ([(0, 0, 0.1), (0, None, 0.1)], "ends before"),
])
def test_bands_that_do_not_join_are_refused(bands, word):
    with pytest.raises(ValueError, match=word):
        commissions.check_bands(plan(*bands))


@pytest.fixture
def reps() -> pd.DataFrame:
    columns = ["rep", "comp_plan", "on_target_earnings", "variable_share"]
    return pd.DataFrame([("a", "P", np.nan, np.nan), ("b", None, 100.0, 0.4), ("c", None, np.nan, np.nan)], columns=columns)


def test_each_rep_is_paid_by_what_is_known_of_the_plan(reps):
    results = pd.DataFrame({"rep": ["a", "b", "c"], "quota": 1000.0, "bookings": [1000.0, 500.0, 900.0]})
    paid = commissions.rep_pay(results, reps, STEPS).set_index("rep")
    assert paid["basis"].tolist() == ["P", "on-target earnings", "none"]
    np.testing.assert_allclose(paid["pay"], [30.0, 20.0, 0.0])
    assert commissions.rep_pay(results, reps, STEPS, 0.5).set_index("rep").loc["b", "pay"] == pytest.approx(10)


def test_the_plan_costs_more_the_better_it_goes(reps):
    quotas = pd.DataFrame({"rep": ["a", "b", "a"], "quota": [500.0, 1000.0, 500.0]})
    costs = commissions.plan_cost(quotas, reps, STEPS)
    assert costs["attainment"].tolist() == [0.8, 1.0, 1.2] and costs["pay"].is_monotonic_increasing
    np.testing.assert_allclose(costs["pay"], [18 + 32, 30 + 40, 54 + 48])
    np.testing.assert_allclose(costs["cost"], costs["pay"] / costs["bookings"])


def test_without_plans_or_bookings_there_is_no_cost(reps):
    paid = commissions.rep_pay(pd.DataFrame({"rep": ["c"], "quota": [1.0], "bookings": [0.0]}), reps, empty("comp_plans"))
    assert np.isnan(commissions.cost_of_sales_plan(paid))


@st.composite
def plans(draw) -> pd.DataFrame:
    """Any plan that may be stated: bands that meet, marginal or retroactive, with or without threshold and cap."""
    widths = draw(st.lists(st.floats(0.1, 0.8), min_size=0, max_size=4))
    edges = np.concatenate([[0.0], np.cumsum(widths)]).round(3)
    mode = draw(st.sampled_from(["marginal", "retroactive"]))
    rates = draw(st.lists(st.floats(0, 0.3), min_size=len(edges), max_size=len(edges)))
    rates = sorted(rates) if mode == "retroactive" else rates
    table = plan(*zip(edges, [*edges[1:], None], rates, strict=True), cap=draw(st.sampled_from([np.nan, 5.0, 40.0])))
    return table.assign(mode=mode, threshold=draw(st.sampled_from([np.nan, 0.5])))


@settings(deadline=None)
@given(bands=plans(), quota=st.floats(1, 1e6))
def test_any_plan_is_monotone_and_jumps_only_at_its_steps(bands, quota):
    attained = np.unique(np.concatenate([np.linspace(0, 4, 801), np.array(commissions.steps(bands))]))
    paid = commissions.payout(attained * quota, np.full(len(attained), quota), bands)
    assert (np.diff(paid) >= -1e-9 * quota).all()
    # Between two neighbours without a step, pay rises by no more than the highest rate on the bookings between them.
    stepped = np.zeros(len(attained) - 1, dtype=bool)
    for at in commissions.steps(bands):
        stepped |= (attained[:-1] < at) & (at <= attained[1:])
    assert (np.diff(paid) <= bands["rate"].max() * np.diff(attained) * quota + 1e-9 * quota)[~stepped].all()


def test_retroactive_pays_the_rate_reached_on_everything():
    bands = plan((0, 1.0, 0.05), (1.0, 1.5, 0.08), (1.5, None, 0.10)).assign(mode="retroactive")
    paid = commissions.payout([99.0, 100.0, 149.0, 150.0, 200.0, -5.0], np.full(6, 100.0), bands)
    np.testing.assert_allclose(paid, [4.95, 8.0, 11.92, 15.0, 20.0, 0.0])
    assert commissions.steps(bands) == [1.0, 1.5] and commissions.steps(STEPS) == []
    with pytest.raises(ValueError, match="a retroactive rate falls"):
        commissions.check_bands(bands.assign(rate=[0.05, 0.04, 0.1]))


def test_a_threshold_is_a_step():
    bands = plan((0, 1.0, 0.1), (1.0, None, 0.2)).assign(threshold=0.6)
    np.testing.assert_allclose(commissions.payout([59.9, 60.0, 110.0], np.full(3, 100.0), bands), [0.0, 6.0, 12.0])
    assert commissions.steps(bands) == [0.6]
    with pytest.raises(ValueError, match="more than one threshold"):
        commissions.check_bands(bands.assign(threshold=[0.6, 0.7]))


@pytest.fixture
def dated() -> pd.DataFrame:
    """5 % until June, 10 % from July."""
    old, new = plan((0, None, 0.05), cap=120.0), plan((0, None, 0.10), cap=np.nan)
    return pd.concat([old.assign(effective_from=pd.NaT), new.assign(effective_from=pd.Timestamp("2026-07-01"))], ignore_index=True)


def test_a_plan_is_paid_by_the_version_in_force(dated, reps):
    assert commissions.in_force(dated, pd.Timestamp("2026-06-01"))["rate"].tolist() == [0.05]
    assert commissions.in_force(dated, pd.Timestamp("2026-07-01"))["rate"].tolist() == commissions.in_force(dated)["rate"].tolist() == [0.10]
    months = pd.date_range("2026-05-01", periods=4, freq="MS")
    results = pd.DataFrame({"month": list(months) * 2, "rep": ["a"] * 4 + ["b"] * 4, "quota": 100.0, "bookings": [100.0, 300.0, 100.0, 50.0] * 2})
    paid = commissions.dated_pay(results, reps, dated)
    assert paid["rep"].tolist() == ["a", "a", "b"] and paid["months"].tolist() == [2, 2, 4]
    # Two months of the old plan, capped at 2/12 of 120; two of the new one. On-target earnings do not change.
    np.testing.assert_allclose(paid["pay"], [20.0, 15.0, 100 * 0.4 * 4 / 12 * 550 / 400])
    assert paid["bookings"].sum() == results["bookings"].sum()


def test_pay_on_any_split_of_a_linear_plan_is_the_same(reps):
    months = pd.date_range("2026-01-01", periods=6, freq="MS")
    results = pd.DataFrame({"month": months, "rep": "a", "quota": 100.0, "bookings": [90.0, 110, 100, 120, 80, 100]})
    flat = plan((0, None, 0.07))
    twice = pd.concat([flat.assign(effective_from=pd.NaT), flat.assign(effective_from=months[3])])
    assert commissions.dated_pay(results, reps, twice)["pay"].sum() == pytest.approx(commissions.dated_pay(results, reps, flat)["pay"].sum()) == 42


def test_a_spread_of_attainment_costs_more_than_its_mean_where_bands_rise(reps):
    quotas = pd.DataFrame({"rep": ["a"], "quota": [1000.0]})
    runs = commissions.simulate_pay(quotas, reps, STEPS, [0.5, 1.5], common=0.0, runs=4000, seed=1)
    assert set(runs["pay"].round(9)) == {0.0, 90.0} and runs["attainment"].mean() == pytest.approx(1, abs=0.03)
    assert runs["pay"].mean() == pytest.approx(45, abs=2) and commissions.payout([1000.0], [1000.0], STEPS)[0] == pytest.approx(30)
    pd.testing.assert_frame_equal(runs, commissions.simulate_pay(quotas, reps, STEPS, [0.5, 1.5], common=0.0, runs=4000, seed=1))
    with pytest.raises(ValueError, match="no attainment is given"):
        commissions.simulate_pay(quotas, reps, STEPS, [np.nan])


@settings(max_examples=30, deadline=None)
@given(seen=st.lists(st.floats(0, 3), min_size=1, max_size=6), common=st.floats(0, 0.3))
def test_every_run_pays_what_the_plan_pays_for_its_bookings(seen, common):
    assume(max(seen) > 0)
    one = pd.DataFrame([("a", "P", np.nan, np.nan)], columns=["rep", "comp_plan", "on_target_earnings", "variable_share"])
    runs = commissions.simulate_pay(pd.DataFrame({"rep": ["a"], "quota": [500.0]}), one, STEPS, seen, common, runs=50)
    np.testing.assert_allclose(runs["pay"], commissions.payout(runs["bookings"], np.full(50, 500.0), STEPS))


def test_who_had_half_a_year_is_paid_half_of_the_target_earnings_and_half_of_the_cap():
    months = pd.date_range("2026-01-01", periods=12, freq="MS", unit="us")
    quotas = pd.concat([pd.DataFrame({"month": months, "rep": "A", "quota": 100.0}), pd.DataFrame({"month": months[6:], "rep": "B", "quota": 100.0})])
    people = pd.DataFrame({"rep": ["A", "B"], "comp_plan": None, "on_target_earnings": 1e5, "variable_share": 0.4})
    assert commissions.by_rep(quotas)["months"].tolist() == [12, 6]
    assert commissions.plan_cost(quotas, people, empty("comp_plans"), [1.0])["pay"].tolist() == pytest.approx([60_000])
    one = commissions.by_rep(quotas).assign(bookings=lambda t: t["quota"])
    assert commissions.rep_pay(one, people, empty("comp_plans"))["pay"].tolist() == pytest.approx([40_000, 20_000])
    capped = commissions.rep_pay(one, people.assign(comp_plan="P"), plan((0, None, 0.5), cap=400.0))
    assert capped["pay"].tolist() == pytest.approx([400.0, 200.0])
    sold = quotas.assign(bookings=quotas["quota"]).pivot_table(index="month", columns="rep", values="bookings", fill_value=0.0)
    year = commissions.by_rep(quotas).set_index("rep")
    earned = commissions.earned_by_month(sold, year["quota"], people, empty("comp_plans"), months=year["months"])
    assert earned.sum().tolist() == pytest.approx([40_000, 20_000])
