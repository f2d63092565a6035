"""Pay: monotone, without jumps, capped, refused where bands do not join."""

import numpy as np
import pandas as pd
import pytest

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
