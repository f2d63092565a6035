"""Lead times as they come: from deliveries, from the supplier's, from a standard deviation, or as stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sop_helpers.planning.lead_times import CHANCES, DAYS_PER_MONTH, added, lead_times


def operations(**more: list) -> pd.DataFrame:
    """Two bought items and one made."""
    return pd.DataFrame({"operation": ["b1", "b2", "m"], "kind": ["buy", "buy", "make"], "item": ["C1", "C2", "P"], "location": "L",
                         "supplier": ["S", "S", None], "lead_time_months": [2.0, 1.0, 0.5]} | more)  # fmt: skip


def deliveries(item: str, months: np.ndarray, supplier: str | None = "S") -> pd.DataFrame:
    """Orders of an item and how long they took."""
    ordered = pd.Series(pd.Timestamp("2025-01-10"), index=range(len(months)))
    return pd.DataFrame({"item": item, "location": "L", "supplier": supplier, "ordered": ordered,
                         "arrived": ordered + pd.to_timedelta(np.rint(np.asarray(months) * DAYS_PER_MONTH), "D")})  # fmt: skip


def spread(leads: np.ndarray) -> float:
    """Standard deviation of one operation's lead times."""
    return float(np.sqrt(CHANCES @ leads**2 - (CHANCES @ leads) ** 2))


def test_without_deliveries_the_lead_time_is_what_is_stated() -> None:
    leads, told = lead_times(operations())
    np.testing.assert_allclose(leads, np.repeat([[2.0], [1.0], [0.5]], len(CHANCES), axis=1))
    assert told == ["stated"] * 3


def test_a_stated_deviation_gives_a_gamma_with_its_mean_and_deviation() -> None:
    leads, told = lead_times(operations(lead_time_sd_months=[0.5, np.nan, 0.0]))
    assert CHANCES @ leads[0] == pytest.approx(2.0, abs=0.005) and spread(leads[0]) == pytest.approx(0.5, rel=0.05)
    assert told == ["stated standard deviation", "stated", "stated"]


def test_deliveries_say_it_better_than_the_master_and_their_late_tail_is_kept() -> None:
    took = np.r_[np.full(90, 2.0), np.full(10, 5.0)]
    leads, told = lead_times(operations(), deliveries("C1", took))
    assert CHANCES @ leads[0] == pytest.approx(2.3, abs=0.02)
    assert leads[0][:5] == pytest.approx(np.full(5, 2.0), abs=0.02) and leads[0][-2:] == pytest.approx([5.0, 5.0], abs=0.02)
    assert told[0] == "100 deliveries, drawn to those of the supplier"


def test_an_item_seldom_delivered_borrows_its_suppliers_deliveries_relative_to_the_lead_time_stated() -> None:
    leads, told = lead_times(operations(), deliveries("C1", np.full(20, 3.0)))
    assert told[1] == "20 deliveries of the supplier" and leads[1] == pytest.approx(np.full(8, 1.5), abs=0.02)
    assert told[2] == "stated"


def test_few_deliveries_say_nothing_and_neither_do_impossible_ones() -> None:
    leads, told = lead_times(operations(), deliveries("C1", np.full(5, 3.0)))
    assert told == ["stated"] * 3 and leads[0, 0] == 2.0
    assert lead_times(operations(), deliveries("C1", np.full(50, -1.0)))[1] == ["stated"] * 3


def test_an_operation_without_a_supplier_is_told_by_all_deliveries_of_the_item() -> None:
    leads, told = lead_times(operations(), deliveries("P", np.full(10, 1.0), None))
    assert told == ["stated", "stated", "10 deliveries"] and leads[2] == pytest.approx(np.full(8, 1.0), abs=0.03)
    both = pd.concat([deliveries("P", np.full(10, 1.0), None), deliveries("C1", np.full(9, 2.5))], ignore_index=True)
    assert lead_times(operations(), both)[1] == ["9 deliveries, drawn to those of the supplier", "9 deliveries of the supplier", "10 deliveries"]


def test_a_late_tail_of_the_supplier_reaches_an_item_that_was_lucky() -> None:
    lucky, other = deliveries("C1", np.full(16, 2.0)), deliveries("C2", np.r_[np.full(72, 1.0), np.full(8, 4.0)])
    leads, _ = lead_times(operations(), pd.concat([lucky, other], ignore_index=True))
    # Of 96 deliveries of the supplier 8 took four times what is stated; they count for half beside the item's own 16.
    assert CHANCES @ (leads[0] > 5) == pytest.approx(8 / 96 / 2, abs=0.02)


def test_two_steps_add_up_in_mean_and_variance() -> None:
    first, _ = lead_times(operations(lead_time_sd_months=[0.5, 0.3, 0.2]))
    total = added(first, first[::-1])
    np.testing.assert_allclose(total @ CHANCES, first @ CHANCES + first[::-1] @ CHANCES, rtol=0.01)
    assert spread(total[0]) == pytest.approx(np.hypot(spread(first[0]), spread(first[2])), rel=0.05)
    sure = np.ones((3, 8))
    np.testing.assert_allclose(added(sure, 2 * sure), 3 * sure)


def of_one_supplier(took: list[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Operations that are all stated to take a month, and what their deliveries took."""
    names = [f"C{i}" for i in range(len(took))]
    ops = pd.DataFrame({"operation": names, "kind": "buy", "item": names, "location": "L", "supplier": "S", "lead_time_months": 1.0})
    return ops, pd.concat([deliveries(n, t) for n, t in zip(names, took, strict=True)], ignore_index=True)


def test_items_that_take_alike_share_their_suppliers_late_tail_and_others_keep_their_own() -> None:
    draw = np.random.default_rng(0)
    alike = [draw.choice([1.0, 4.0], 24, p=[0.9, 0.1]) for _ in range(60)]
    leads, _ = lead_times(*of_one_supplier(alike))
    # Items' means differ little more than by chance, so the lucky ones too reckon with late deliveries; the parts told apart are 5 % wide there.
    late, seen = (leads > 3) @ CHANCES, np.array([(t > 3).mean() for t in alike])
    assert (seen == 0).any() and late.min() >= 0.049 and late.mean() == pytest.approx(0.1, abs=0.02) and late.std() < 0.6 * seen.std()
    apart = [np.full(24, 1.0 + i) + draw.normal(0, 0.1, 24) for i in range(6)]
    leads, _ = lead_times(*of_one_supplier(apart))
    assert leads @ CHANCES == pytest.approx(1.0 + np.arange(6), abs=0.1)
