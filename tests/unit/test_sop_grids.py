"""Available to promise by its own promise; grids whose identities hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sop_helpers.book.conform import conform, empty
from sop_helpers.planning import master_schedule as ms
from sop_helpers.planning import sop_grids as g

PAST = pd.date_range("2026-07-01", periods=3, freq="MS", unit="us")
MONTHS = pd.date_range("2026-10-01", periods=4, freq="MS", unit="us")
PRODUCTS = pd.DataFrame({"product": ["A", "B", "O"], "family": ["F", "F", "F"], "unit_price": 10.0, "made_to": ["stock", None, "order"]})
PLACES = pd.DataFrame({"product": ["A", "B", "O"], "region": "R", "location": "L"})
units = st.lists(st.integers(0, 60), min_size=8, max_size=8)


@given(supply=units, orders=units)
@settings(max_examples=60, deadline=None)
def test_what_is_promised_breaks_no_promise_and_leaves_nothing(supply: list[int], orders: list[int]) -> None:
    net = (np.array(supply) - orders).cumsum()
    promise = g.available_to_promise(np.array([supply], dtype=float), np.array([orders], dtype=float))[0]
    assert (np.diff(promise, prepend=0) >= 0).all()
    # Taking all of it up to any month leaves every later month able to serve what is promised, unless it was not to begin with.
    left = net[None, :] - promise[:, None]
    later = np.triu(np.ones((8, 8), dtype=bool))
    assert (left[later] >= np.minimum(net.min(), 0) - 1e-9).all()
    if net[-1] >= 0:
        assert promise[-1] == net[-1]


def projection(items: dict[str, list[float]], opening: float = 10.0) -> pd.DataFrame:
    """Stock by item at L; receipts are 20 a month, issues follow."""
    rows = []
    for item, closing in items.items():
        before = [opening, *closing[:-1]]
        for m, o, c in zip(MONTHS, before, closing, strict=True):
            flows = {"planned_receipts": 15.0, "open_receipts": 5.0, "issues": o + 20 - c, "closing_units": c, "target_units": 12.0, "value": c * 4}
            rows.append({"month": m, "item": item, "location": "L", "opening_units": o} | flows)
    return conform("stock_projection", pd.DataFrame(rows))


def served(shipped: dict[str, float], backlog: float = 0.0) -> pd.DataFrame:
    """The same demand and shipments each month."""
    rows = [{"month": m, "product": p, "region": "R", "demand_units": u, "opening_backlog_units": backlog, "shipped_units": u, "lost_units": 0.0,
             "backlog_units": backlog, "revenue": u} for p, u in shipped.items() for m in MONTHS]  # fmt: skip
    return conform("constrained_demand", pd.DataFrame(rows))


def test_atp_keeps_back_what_is_built_in_and_what_is_overdue() -> None:
    stock = projection({"A": [12.0, 14, 16, 18]})  # issues of 18 a month, of which 16 are shipped and 2 are built in
    orders = {"order": ["1", "2", "3"], "product": "A", "region": "R", "due_month": [PAST[0], MONTHS[0], MONTHS[1]], "units": [3.0, 4, 25]}
    promise = conform("atp", g.atp(stock, served({"A": 16.0}), conform("open_orders", pd.DataFrame(orders)), PLACES.head(1)))
    assert promise["supply_units"].tolist() == [30, 20, 20, 20] and promise["used_units"].tolist() == [2] * 4
    assert promise["ordered_units"].tolist() == [7, 25, 0, 0]
    # October has 21 free, of which November needs 7.
    assert promise["atp_units"].tolist() == [14, 0, 18, 18] and promise["cumulative_units"].tolist() == [14, 14, 32, 50]


def test_what_can_be_promised_least_comes_first() -> None:
    stock = projection({"A": [12.0, 14, 16, 18], "B": [12.0, 14, 16, 18], "O": [12.0, 14, 16, 18]})
    demand = served({"A": 18.0, "B": 18.0, "O": 0.0})
    orders = {"order": ["1"], "product": "A", "region": "R", "due_month": [MONTHS[1]], "units": [30.0]}
    booked = conform("open_orders", pd.DataFrame(orders))
    promise = g.atp(stock, demand, booked, PLACES)
    told = g.scarce(promise, demand, booked, PRODUCTS, PLACES, MONTHS[:2])
    # Of both 50 come in these months; 30 of A are ordered, so 20 are left for the 6 expected yet, and 50 of B for 36.
    assert told["item"].tolist() == ["B", "A"], "nobody is expected to order O"
    assert told[["sum", "expected"]].to_numpy().tolist() == [[50, 36], [20, 6]] and told["2026-10"].tolist() == [30, 20]
    late = booked.assign(due_month=PAST[0])
    told = g.scarce(g.atp(stock, demand, late, PLACES), demand, late, PRODUCTS, PLACES, MONTHS[:2])
    assert told.loc[told["item"] == "A", ["sum", "expected"]].to_numpy().tolist() == [[20, 36]], "what is overdue is owed beside the demand"
    told = g.scarce(promise, demand, booked, PRODUCTS.assign(made_to="order", promised_months=2.0), PLACES, MONTHS[:2])
    assert told.loc[told["item"] == "A", "expected"].tolist() == [36], "what was booked before is no part of what will be booked"


def grid() -> pd.DataFrame:
    """The grid of a small company: A to stock, O to order, a plan of September and one ahead."""
    stock = projection({"A": [12.0, 14, 16, 18], "O": [10.0] * 4})
    demand = served({"A": 18.0, "O": 20.0}, backlog=6.0)
    orders = pd.DataFrame({"operation": ["M"], "kind": ["make"], "item": ["O"], "location": ["L"], "month": [MONTHS[1]], "units": [15.0]})
    due = pd.DataFrame({"receipt": ["r"], "kind": "production", "item": "O", "location": "L", "due_month": PAST[0], "units": 5.0})
    ahead = g.planned(demand, stock, orders, empty("shortages"), PLACES, conform("receipts", due))
    then = conform("stock_projection", stock.head(1).assign(month=PAST[-1]))
    missed = {"product": ["A"], "region": "R", "month": PAST[-1], "short_units": 2.0, "money": 1.0, "cause": "x", "remedy": "y"}
    short = conform("shortages", pd.DataFrame(missed))
    wanted = pd.DataFrame({"month": [PAST[-1], MONTHS[0]], "product": "A", "region": "R", "units": [17.0, 99.0]})
    past = {PAST[-1]: g.planned(wanted, then, orders.head(0), short, PLACES)}
    sales = pd.DataFrame({"month": [*PAST, *PAST], "product": ["A"] * 3 + ["O"] * 3, "region": "R", "units": [15.0, 16, 17, 30, 20, 25], "revenue": 1.0})
    counted = pd.DataFrame({"month": [*PAST, *PAST], "item": ["A"] * 3 + ["O"] * 3, "location": "L", "on_hand": [8.0, 9, 10, 0, 0, 0]})
    made = pd.DataFrame({"month": PAST, "item": "O", "location": "L", "made_units": [22.0, 24, 26]})
    booked = pd.DataFrame({"order": ["1", "2"], "product": ["O", "A"], "region": "R", "due_month": [MONTHS[1], PAST[0]], "units": [40.0, 3.0]})
    came = g.happened(sales, counted, made, conform("open_orders", booked), PLACES, PAST)
    promise = g.atp(stock, demand, conform("open_orders", booked), PLACES)
    return conform("sop_grid", g.sop_grid(PRODUCTS, past, ahead, came, promise))


def test_stock_is_stock_before_plus_supply_less_demand() -> None:
    rows = grid()
    stock = rows[rows["strategy"] == g.STOCK].set_index("month")
    assert stock["stock_actual"].dropna().tolist() == [8, 9, 10] and stock["supply_actual"].dropna().tolist() == [17, 18]
    ahead = stock.loc[MONTHS]
    np.testing.assert_allclose(ahead["stock_plan"].diff().dropna(), (ahead["supply_plan"] - ahead["shipped_plan"]).iloc[1:])
    assert ahead["supply_plan"].tolist() == [20] * 4, "18 are shipped and the stock grows by 2"
    # The plan of September: 17 wanted, 2 of them short, stock grows by 2.
    assert stock.loc[PAST[-1], ["demand_plan", "shipped_plan", "supply_plan", "demand_actual"]].tolist() == [17, 15, 17, 17]
    assert stock["backlog_actual"].dropna().tolist() == [3], "what is overdue"


def test_backlog_of_what_is_made_to_order() -> None:
    rows = grid()
    order = rows[rows["strategy"] == g.ORDER].set_index("month")
    # August: 22 less what stock grew by is not known in July, so shipments begin in August.
    assert order["shipped_actual"].dropna().tolist() == [24, 26]
    # 40 are owed at the end of September; 25 were booked and 26 shipped in it, 20 and 24 in August.
    assert order["backlog_actual"].dropna().tolist() == [45, 41, 40]
    assert order.loc[MONTHS, "backlog_plan"].tolist() == [6] * 4 and order.loc[MONTHS, "made_plan"].tolist() == [5, 15, 0, 0]


def test_days_of_cover_walk_through_the_demand_that_follows() -> None:
    rows = pd.DataFrame({"month": MONTHS, "family": "F", "location": "L", "strategy": g.STOCK, "demand_plan": [9.0, 10, 20, 5]})
    rows = rows.assign(demand_actual=np.nan, stock_actual=np.nan, stock_plan=[20.0, 5, 6, 1])
    days = g.cover_days(rows)
    assert days.iloc[:2].tolist() == pytest.approx([1.5 * g.DAYS_PER_MONTH, 0.25 * g.DAYS_PER_MONTH])
    assert np.isnan(days.iloc[2]) and np.isnan(days.iloc[3]), "six outlast the five of the last month"


def test_cover_of_all_locations_is_found_anew() -> None:
    rows = grid()
    two = pd.concat([rows, rows.assign(location="M", demand_plan=rows["demand_plan"] * 3)], ignore_index=True)
    total = g.all_locations(two)
    assert set(total["location"]) == {"all"} and total["demand_plan"].sum() == pytest.approx(two["demand_plan"].sum())
    assert total.loc[total["month"] == MONTHS[0], "cover_days"].max() < rows.loc[rows["month"] == MONTHS[0], "cover_days"].max()


def test_the_table_has_months_across_and_only_rows_that_say_something() -> None:
    rows = grid()
    stock, order = (rows[rows["strategy"] == s] for s in (g.STOCK, g.ORDER))
    table = g.grid_table(stock, PAST[1:].append(MONTHS))
    assert table.columns.tolist() == ["units", "2026-08", "2026-09", *[f"{m:%Y-%m}" for m in MONTHS]]
    assert "Backlog, plan" in set(table["units"]) and "Made, plan" not in set(table["units"])
    assert "Backlog, plan" not in set(g.grid_table(stock.assign(backlog_plan=0.0), MONTHS)["units"])
    assert {"Bookings, actual", "Backlog, actual", "Shipments, plan"} <= set(g.grid_table(order, PAST.append(MONTHS))["units"])


def test_a_company_with_nothing_past_gets_the_plan_alone() -> None:
    ahead = g.planned(served({"A": 18.0}), projection({"A": [12.0, 14, 16, 18]}), empty("supply_plan"), empty("shortages"), PLACES)
    came = g.happened(empty("sales"), empty("inventory"), empty("production"), empty("open_orders"), PLACES, PAST)
    rows = conform("sop_grid", g.sop_grid(PRODUCTS.drop(columns="made_to"), {}, ahead, came, empty("atp")))
    assert rows["month"].tolist() == list(MONTHS) and rows["demand_actual"].isna().all()
    assert g.largest_families(rows, PRODUCTS, 3) == ["F"]


def test_a_new_order_waits_until_the_backlog_before_it_is_shipped() -> None:
    rows = pd.DataFrame({"month": MONTHS, "family": "F", "location": "L", "strategy": g.ORDER, "backlog_actual": np.nan, "shipped_actual": np.nan})
    rows = rows.assign(backlog_plan=[30.0, 20, 5, 0], shipped_plan=[9.0, 10, 40, 5])
    days = g.wait_days(rows)
    # 30 owed at the end of October: 10 go in November and half of December's 40.
    assert days.iloc[:2].tolist() == pytest.approx([1.5 * g.DAYS_PER_MONTH, 0.5 * g.DAYS_PER_MONTH])
    assert g.wait_days(rows.assign(strategy=g.STOCK)).isna().all()


OPERATIONS = conform("operations", pd.DataFrame({
    "operation": ["mA", "mB", "mO"], "kind": "make", "item": ["A", "B", "O"], "location": "L", "lead_time_months": 0.0, "unit_cost": 1.0,
    "lot_min": [20.0, np.nan, np.nan], "lot_multiple": [np.nan, np.nan, 10.0],
}))  # fmt: skip


def schedule(products: pd.DataFrame = PRODUCTS) -> pd.DataFrame:
    """Of 20 that come and 18 forecast, 2 are built in; 3 are overdue, 4 and 25 are due in the first months."""
    stock = projection({"A": [12.0, 14, 16, 18], "B": [12.0, 14, 16, 18], "O": [12.0, 14, 16, 18]})
    demand = served({"A": 16.0, "B": 18.0, "O": 18.0})
    demand.loc[(demand["product"] == "A") & (demand["month"] == MONTHS[0]), "opening_backlog_units"] = 3.0
    orders = {"order": ["1", "2", "3"], "product": "A", "region": "R", "due_month": [PAST[0], MONTHS[0], MONTHS[1]], "units": [3.0, 4, 25]}
    promise = conform("atp", g.atp(stock, demand, conform("open_orders", pd.DataFrame(orders)), PLACES))
    return conform("master_schedule", ms.master_schedule(promise, stock, demand, OPERATIONS, products, PLACES))


def test_what_is_planned_in_lots_is_scheduled_and_nothing_else() -> None:
    assert set(schedule()["item"]) == {"A", "O"}
    assert set(schedule(PRODUCTS.assign(promised_months=2.0))["item"]) == {"A"}, "what waits for its lead time has its backlog"


def test_the_schedule_takes_the_larger_of_forecast_and_orders_and_owes_what_is_overdue_beside() -> None:
    rows = schedule().query("item == 'A'")
    # 10 at hand, 20 come and 2 are built in each month: less 16 forecast and 3 owed, less 25 ordered, less 16 twice.
    assert rows["projected_units"].tolist() == [9, 2, 4, 6]
    assert rows["ordered_units"].tolist() == [7, 25, 0, 0] and rows["mps_units"].tolist() == [20] * 4
    assert rows["atp_units"].tolist() == [14, 0, 18, 18], "as the promises of the table atp"


def test_a_schedule_reads_with_its_months_across() -> None:
    rows = schedule()
    assert ms.largest_schedules(rows, PRODUCTS, 1) == [("O", "L")], "18 a month at the same price are more than 16"
    table = ms.schedule_table(rows, "A", "L", MONTHS[:2])
    assert table.columns.tolist() == ["units", "2026-10", "2026-11"] and "Moved out or built in" in set(table["units"])
    assert table.set_index("units").loc["MPS, receipts"].tolist() == [20, 20]
    assert "Moved out or built in" not in set(ms.schedule_table(rows.assign(used_units=0.0), "A", "L", MONTHS)["units"])
    assert ms.largest_schedules(rows.head(0), PRODUCTS, 3) == []
