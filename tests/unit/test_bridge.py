"""The revenue bridge adds up exactly, whatever comes in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import conform
from sop_helpers.planning import bridge

MONTH = pd.Timestamp("2026-09-01")
amount = st.one_of(st.just(0.0), st.floats(0.01, 1e6))
row = st.tuples(st.sampled_from(["2026-08-01", "2026-09-01"]), st.sampled_from("ABC"), st.sampled_from("NS"), amount, amount)
side = st.lists(row, min_size=1, max_size=12, unique_by=lambda r: r[:3])


def table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["month", "family", "region", "units", "revenue"]).assign(month=lambda f: pd.to_datetime(f["month"]))


@settings(max_examples=150, deadline=None)
@given(side, side)
def test_it_adds_up_for_anything(budget, actual):
    budget, actual = table(budget), table(actual)
    found = conform("revenue_bridge", bridge.revenue_bridge(budget, actual))
    months = set(budget["month"]) & set(actual["month"])
    assert set(found["month"]) == months and np.isfinite(found[["volume", "mix", "price"]].to_numpy()).all()
    for month in months:
        rows = found[found["month"] == month]
        total, parts = rows[rows["family"] == "total"].iloc[0], rows[rows["family"] != "total"]
        scale = max(1.0, rows[["plan", "volume", "mix", "price", "actual"]].abs().max().max())
        assert (rows[["plan", "volume", "mix", "price"]].sum(axis=1) - rows["actual"]).abs().max() <= 1e-9 * scale
        for column in ("plan", "volume", "mix", "price", "actual"):
            assert parts[column].sum() == pytest.approx(total[column], abs=1e-9 * scale)
        assert total["plan"] == pytest.approx(budget.loc[budget["month"] == month, "revenue"].sum())
        assert total["actual"] == pytest.approx(actual.loc[actual["month"] == month, "revenue"].sum())


def effects(budget, actual, family="total"):
    found = bridge.revenue_bridge(table(budget), table(actual))
    return found[found["family"] == family].iloc[0][["volume", "mix", "price"]].astype(float).round(9).tolist()


def test_all_sold_alike_is_volume():
    assert effects([(MONTH, "A", "N", 10, 100), (MONTH, "B", "N", 10, 400)], [(MONTH, "A", "N", 12, 120), (MONTH, "B", "N", 12, 480)]) == [100, 0, 0]


def test_a_price_alone_is_price():
    assert effects([(MONTH, "A", "N", 10, 100)], [(MONTH, "A", "N", 10, 90)]) == [0, 0, -10]


def test_a_shift_to_the_dearer_is_mix():
    assert effects([(MONTH, "A", "N", 10, 100), (MONTH, "B", "N", 10, 400)], [(MONTH, "A", "N", 5, 50), (MONTH, "B", "N", 15, 600)]) == [0, 150, 0]


def test_textbook_case_by_hand():
    # Budget A 100 x 10, B 100 x 20; actual A 150 x 9, B 100 x 22: 250 units against 200.
    budget, actual = [(MONTH, "A", "N", 100, 1000), (MONTH, "B", "N", 100, 2000)], [(MONTH, "A", "N", 150, 1350), (MONTH, "B", "N", 100, 2200)]
    assert effects(budget, actual) == [750, -250, 50]
    assert effects(budget, actual, "A") == [250, 250, -150]


def test_what_was_not_budgeted_is_mix_at_its_own_price():
    assert effects([(MONTH, "A", "N", 10, 100)], [(MONTH, "A", "N", 10, 100), (MONTH, "B", "N", 0, 0)]) == [0, 0, 0]
    volume, mix, price = effects([(MONTH, "A", "N", 10, 100)], [(MONTH, "A", "N", 5, 50), (MONTH, "B", "N", 5, 500)])
    assert (volume, mix, price) == (0, 450, 0)


def test_months_add_up_too():
    budget = [("2026-08-01", "A", "N", 10, 100), ("2026-09-01", "A", "N", 10, 100)]
    found = bridge.revenue_bridge(table(budget), table([("2026-08-01", "A", "N", 12, 100), ("2026-09-01", "A", "N", 9, 100)]))
    both = bridge.add_up(found).set_index("family")
    assert both.index.tolist() == ["A", "total"] and both.loc["total", "gap"] == 0
    assert bridge.check_bridge(found) < 1e-12
    assert bridge.this_year(found, MONTH, 9)["month"].unique().tolist() == [MONTH]


def test_no_month_in_common_no_bridge():
    assert bridge.revenue_bridge(table([("2026-08-01", "A", "N", 1, 1)]), table([("2026-09-01", "A", "N", 1, 1)])).empty
    assert bridge.biggest_effect(bridge.revenue_bridge(table([]), table([])))[0] == ""


def test_a_budget_in_money_only_says_nothing_of_volume_and_mix() -> None:
    month = pd.Timestamp("2026-09-01")
    budget = pd.DataFrame({"month": month, "family": ["A", "B"], "region": "N", "units": [10.0, 0.0], "revenue": [100.0, 500.0]})
    actual = pd.DataFrame({"month": month, "family": ["A", "B"], "region": "N", "units": [10.0, 40.0], "revenue": [100.0, 450.0]})
    out = bridge.revenue_bridge(budget, actual).set_index("family")
    assert out.loc["A", ["volume", "mix", "price"]].tolist() == pytest.approx([0.0, 0.0, 0.0])
    assert out.loc["B", ["volume", "mix", "price"]].tolist() == pytest.approx([0.0, 0.0, -50.0])
