"""Balance of territories."""

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import territories


@pytest.fixture
def accounts() -> pd.DataFrame:
    rows = {"account": list("abcdef"), "territory": ["T1", "T1", "T2", "T2", "T3", None], "region": "N"}
    return conform("accounts", pd.DataFrame(rows | {"potential": [50.0, 50, 60, 55, 85, 999], "workload": [10.0, 10, 10, 10, 30, 1]}))


def test_indices_average_to_one_and_totals_are_kept(accounts):
    plan = conform("territory_plan", territories.territory_plan(accounts))
    np.testing.assert_allclose(plan[["potential_index", "workload_index"]].mean(), 1)
    assert plan["accounts"].sum() == 5 and plan["potential"].sum() == 300


def test_both_measures_must_lie_within_the_tolerance(accounts):
    plan = territories.territory_plan(accounts, 0.15).set_index("territory")
    # T1: potential 1.00, workload 0.857; T2: 1.15 exactly, 0.857; T3: 0.85 exactly, but workload 1.286.
    assert plan["balanced"].tolist() == [True, True, False]
    assert territories.balance(plan) == pytest.approx(2 / 3)
    assert territories.balance(territories.territory_plan(accounts, 0.1)) == 0


def test_what_nobody_states_is_not_judged(accounts):
    plan = territories.territory_plan(accounts.assign(workload=np.nan))
    assert plan["workload_index"].isna().all() and plan["balanced"].all()
    none = territories.territory_plan(accounts.assign(workload=np.nan, potential=np.nan))
    assert np.isnan(territories.balance(none)) and not none.isin([np.inf]).any().any()


def test_accounts_without_territory_are_listed(accounts):
    assert territories.unassigned(accounts)["account"].tolist() == ["f"]
    assert territories.territory_plan(empty("accounts")).empty and np.isnan(territories.balance(territories.territory_plan(empty("accounts"))))


def test_the_region_of_a_territory_is_that_of_most_of_its_accounts_whatever_their_order():
    rows = [("T1", "S", 10.0)] + [("T1", "N", 10.0)] * 9 + [("T2", "N", 10.0)] * 10
    table = pd.DataFrame(rows, columns=["territory", "region", "potential"]).assign(workload=1.0)
    for one in (table, table.iloc[::-1]):
        plan = territories.territory_plan(one)
        assert plan["region"].tolist() == ["N", "N"] and plan["potential_index"].tolist() == [1.0, 1.0]
