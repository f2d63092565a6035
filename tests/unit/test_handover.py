"""Plans to hand over: they add up to the supply plan, and say in money what matters."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import handover

MONTHS = pd.date_range("2026-10-01", periods=4, freq="MS", unit="us")
PRODUCTS = pd.DataFrame({"product": ["A"], "unit_cost": [7.0]})
OPERATIONS = conform(
    "operations",
    pd.DataFrame(
        {"operation": ["MA", "BC", "VA"], "kind": ["make", "buy", "move"], "item": ["A", "C", "A"], "location": ["L", "L", "M"],
         "from_location": [None, None, "L"], "supplier": [None, "S", None], "lead_time_months": 1.0, "unit_cost": [1.0, 3.0, 0.5]}
    ),
)  # fmt: skip
PLAN = conform(
    "supply_plan",
    pd.DataFrame(
        {"operation": ["MA", "MA", "BC", "VA"], "kind": ["make", "make", "buy", "move"], "item": ["A", "A", "C", "A"], "location": ["L", "L", "L", "M"],
         "release_month": [MONTHS[0], MONTHS[1], MONTHS[0], MONTHS[1]], "month": [MONTHS[1], MONTHS[2], MONTHS[1], MONTHS[2]],
         "units": [10.0, 20, 30, 5], "cost": [10.0, 20, 90, 2.5]}
    ),
)  # fmt: skip


def purchases(*rows: tuple) -> pd.DataFrame:
    """Rows of supplier, order month, due month, cost."""
    frame = pd.DataFrame(list(rows), columns=["supplier", "order_month", "due_month", "cost"])
    return frame.assign(item="C", location="L", units=1.0)


def receipts(*rows: tuple) -> pd.DataFrame:
    """Rows of kind, item, due month, units, supplier."""
    frame = pd.DataFrame(list(rows), columns=["kind", "item", "due_month", "units", "supplier"])
    return conform("receipts", frame.assign(receipt=[str(n) for n in range(len(frame))], location="L"))


def test_each_line_is_told_what_it_starts_and_for_how_long() -> None:
    loads = pd.DataFrame({"operation": ["MA", "MA"], "resource": ["X", "Y"], "hours_per_unit": [0.5, 2.0]})
    lines = conform("production_plan", handover.production_by_line(PLAN, loads, OPERATIONS))
    assert lines[["month", "resource", "units", "hours"]].to_numpy().tolist() == [
        [MONTHS[0], "X", 10, 5], [MONTHS[0], "Y", 10, 20], [MONTHS[1], "X", 20, 10], [MONTHS[1], "Y", 20, 40],
    ]  # fmt: skip
    half = handover.production_by_line(PLAN, loads, OPERATIONS.assign(yield_share=0.5))
    assert half["hours"].tolist() == (2 * lines["hours"]).tolist(), "what is lost takes hours as well"
    assert conform("production_plan", handover.production_by_line(PLAN, empty("loads"), OPERATIONS)).empty


def test_transfers_say_from_where() -> None:
    moved = conform("transfer_plan", handover.transfers(PLAN, OPERATIONS))
    assert moved.to_numpy().tolist() == [[MONTHS[1], MONTHS[2], "L", "M", "A", 5, 2.5]]
    ship = PLAN.tail(1).assign(release_month=MONTHS[0], units=7.0)
    both = conform("transfer_plan", handover.transfers(pd.concat([PLAN, ship], ignore_index=True), OPERATIONS))
    assert both[["release_month", "units"]].to_numpy().tolist() == [[MONTHS[0], 7], [MONTHS[1], 5]], "what leaves earlier is told by itself"


def test_cash_follows_arrivals_by_the_terms() -> None:
    plan = purchases(("S", MONTHS[0], MONTHS[1], 90.0))
    open_ones = receipts(("purchase", "C", "2026-08", 4.0, "S"), ("purchase", "A", MONTHS[1], 2.0, "T"), ("production", "A", MONTHS[0], 99.0, None))
    cash = conform("purchase_cash", handover.purchase_cash(plan, open_ones, OPERATIONS, PRODUCTS, MONTHS[0], payment_days=handover.DAYS_PER_MONTH))
    by = cash.set_index(["supplier", "month"])
    # Four overdue units of C at 3 arrive in October; A has no operation that buys it, so its standard cost counts.
    assert by.loc[("S", MONTHS[0])].tolist() == [90, 12, 0] and by.loc[("S", MONTHS[1])].tolist() == [0, 90, 12]
    assert by.loc[("S", MONTHS[2])].tolist() == [0, 0, 90] and by.loc[("T", MONTHS[1])].tolist() == [0, 14, 0]
    assert by.loc[("T", MONTHS[2]), "paid"] == 14


def test_terms_between_two_months_are_split_and_open_invoices_are_paid_evenly() -> None:
    cash = handover.purchase_cash(
        purchases(("S", MONTHS[0], MONTHS[0], 100.0)), empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0], 1.25 * handover.DAYS_PER_MONTH, payables=50.0
    )
    paid = conform("purchase_cash", cash).set_index(["supplier", "month"])["paid"]
    assert paid.loc[("S", MONTHS[0])] == 0 and paid.loc[("S", MONTHS[1])] == pytest.approx(75) and paid.loc[("S", MONTHS[2])] == pytest.approx(25)
    assert paid.loc["open invoices"].tolist() == pytest.approx([40, 10])
    at_once = handover.purchase_cash(empty("purchase_plan"), empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0], 0.0, payables=50.0)
    assert conform("purchase_cash", at_once)[["month", "paid"]].to_numpy().tolist() == [[MONTHS[0], 50]]


@given(days=st.floats(0, 400), owed=st.floats(0, 1e6), costs=st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_everything_received_and_owed_is_paid_once(days: float, owed: float, costs: list[float]) -> None:
    rows = [("S" if i % 2 else "T", MONTHS[i % 2], MONTHS[1 + i % 3], cost) for i, cost in enumerate(costs)]
    cash = handover.purchase_cash(purchases(*rows), empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0], days, owed)
    assert cash["ordered"].sum() == pytest.approx(sum(costs)) and cash["received"].sum() == pytest.approx(sum(costs))
    assert cash["paid"].sum() == pytest.approx(sum(costs) + owed) and (cash[["ordered", "received", "paid"]] >= 0).all(axis=None)


def test_nothing_bought_is_an_empty_table_and_bad_terms_are_named() -> None:
    none = empty("purchase_plan")
    assert conform("purchase_cash", handover.purchase_cash(none, empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0])).empty
    with pytest.raises(ValueError, match="paid after -1 days; expected zero or more"):
        handover.purchase_cash(none, empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0], -1)
    with pytest.raises(ValueError, match="-5 is owed to suppliers; expected zero or more"):
        handover.purchase_cash(none, empty("receipts"), OPERATIONS, PRODUCTS, MONTHS[0], 30, -5)


def test_months_across_keeps_the_sum_and_ranks_by_it() -> None:
    frame = pd.DataFrame({"month": [MONTHS[0], MONTHS[1], MONTHS[0], MONTHS[3]], "item": ["A", "A", "C", "C"], "units": [1.0, 2.0, 5.0, 100.0]})
    wide = handover.months_across(frame, ["item"], "units", MONTHS[:2], pd.Series({"A": "Pump"}))
    assert wide["item"].tolist() == ["C", "A Pump"] and wide.columns.tolist() == ["item", "2026-10", "2026-11", "sum"]
    assert wide["sum"].tolist() == [5, 3] and wide["sum"].sum() == frame.loc[frame["month"].isin(MONTHS[:2]), "units"].sum()


def projection(closing: dict[str, list[float]], issues: float = 10.0) -> pd.DataFrame:
    """Stock worth 4 a unit against a target of 20."""
    rows = [{"month": m, "item": i, "location": "L", "closing_units": u, "value": u * 4, "target_units": 20.0, "issues": issues}
            for i, units in closing.items() for m, u in zip(MONTHS, units, strict=True)]  # fmt: skip
    return pd.DataFrame(rows)


def targets(safety: float) -> pd.DataFrame:
    """Safety stock of A and C."""
    return pd.DataFrame([{"month": m, "item": i, "location": "L", "safety_units": safety} for i in ("A", "C") for m in MONTHS])


def test_below_target_shows_the_worst_month_of_each_item_by_money() -> None:
    stock = projection({"A": [20.0, 15, 4, 0], "C": [18.0, 20, 20, 20], "B": [25.0, 20, 20, 20]})
    gaps = handover.below_target(stock, targets(10.0), PRODUCTS, MONTHS[:3])
    told = gaps[["item", "month", "missing_units", "money", "into_safety"]].to_numpy().tolist()
    assert told == [["A", MONTHS[2], 16, 64, True], ["C", MONTHS[0], 2, 8, False]]


def test_what_was_never_in_stock_is_valued_at_standard_cost() -> None:
    gaps = handover.below_target(projection({"A": [0.0] * 4}), targets(0.0), PRODUCTS, MONTHS)
    assert gaps["money"].tolist() == [20 * 7]


def test_bands_and_largest_stocks() -> None:
    stock = projection({"A": [20.0] * 4, "C": [30.0] * 4, "Z": [0.0] * 4})
    band = handover.stock_bands(stock, targets(5.0))
    assert set(band["band_top"]) == {30} and band.loc[band["item"] == "Z", "safety_units"].tolist() == [0] * 4
    scrapped = handover.stock_bands(stock.assign(scrapped_units=10.0), targets(5.0))
    assert set(scrapped["band_top"]) == {20}, "what is thrown away is no use"
    assert handover.largest_stocks(stock, 5)["item"].tolist() == ["C", "A"]
