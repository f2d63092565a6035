"""The sample month's S&OP grids, promises and plans to hand over agree with the plan that they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import sop

from sop_helpers.book import tables

SUM = {"rtol": 1e-9, "atol": 1e-6}
FIRST = pd.Timestamp("2026-10-01")


@pytest.fixture(scope="module")
def read(sample_month):
    """Reader of the month's tables, each held against its contract."""

    def _read(table: str) -> pd.DataFrame:
        part = "inputs" if table in tables.INPUTS else "tables"
        return tables.schema(table).validate(pd.read_parquet(sample_month.folder / part / f"{table}.parquet"))

    return _read


def test_the_grid_holds_all_demand_and_stock_of_what_is_sold(read) -> None:
    grid, served, stock, products = read("sop_grid"), read("constrained_demand"), read("stock_projection"), read("products")
    ahead = grid[grid["month"] >= FIRST].groupby("month").sum(numeric_only=True)
    np.testing.assert_allclose(ahead["demand_plan"], served.groupby("month")["demand_units"].sum(), **SUM)
    np.testing.assert_allclose(ahead["shipped_plan"], served.groupby("month")["shipped_units"].sum(), **SUM)
    sold = stock[stock["item"].isin(products["product"])]
    np.testing.assert_allclose(ahead["stock_plan"], sold.groupby("month")["closing_units"].sum(), **SUM)


def test_the_grid_holds_what_was_sold_and_counted(read) -> None:
    grid, sales, counted, products = read("sop_grid"), read("sales"), read("inventory"), read("products")
    past = grid[grid["month"] < FIRST].groupby("month").sum(numeric_only=True)
    assert len(past) == 6
    np.testing.assert_allclose(past["demand_actual"], sales.groupby("month")["units"].sum().reindex(past.index), **SUM)
    held = counted[counted["item"].isin(products["product"])].groupby("month")["on_hand"].sum()
    np.testing.assert_allclose(past["stock_actual"], held.reindex(past.index), **SUM)
    assert past["demand_plan"].iloc[-2:].gt(0).all(), "two closed months were planned"


@pytest.mark.parametrize("kind", ["plan", "actual"])
def test_stock_is_stock_before_plus_supply_less_what_left(read, kind: str) -> None:
    grid = read("sop_grid")
    grid = grid[grid["month"] >= FIRST] if kind == "plan" else grid[grid["month"] < FIRST]
    keys = ["family", "location", "strategy"]
    grid = grid.sort_values([*keys, "month"])
    before = grid.groupby(keys)[f"stock_{kind}"].shift()
    left = grid["shipped_plan"] if kind == "plan" else grid["demand_actual"].where(grid["strategy"] == "make to stock", grid["shipped_actual"])
    known = before.notna()
    assert known.sum() >= 30
    np.testing.assert_allclose((before + grid[f"supply_{kind}"] - left)[known], grid.loc[known, f"stock_{kind}"], **SUM)


def test_no_more_is_promised_than_comes(read) -> None:
    promise = read("atp")
    by = promise.groupby(["item", "location"])
    came = promise["supply_units"] - promise["used_units"] - promise["ordered_units"]
    free = came.groupby([promise["item"], promise["location"]]).cumsum()
    assert (promise["cumulative_units"] <= np.maximum(free, 0) + 1e-6).all()
    np.testing.assert_allclose(by["atp_units"].cumsum(), promise["cumulative_units"], **SUM)
    assert (by["cumulative_units"].diff().fillna(0) >= -1e-6).all() and promise["atp_units"].sum() > 0


def test_lines_and_transfers_are_the_plan_and_nothing_else(read) -> None:
    plan, loads = read("supply_plan"), read("loads")
    lines, moves = read("production_plan"), read("transfer_plan")
    made = plan[plan["kind"] == "make"].merge(loads, on="operation")
    np.testing.assert_allclose(lines["hours"].sum(), (made["units"] * made["hours_per_unit"]).sum(), **SUM)
    moved = plan[plan["kind"] == "move"]
    np.testing.assert_allclose([moves["units"].sum(), moves["cost"].sum()], [moved["units"].sum(), moved["cost"].sum()], **SUM)
    assert moves["from_location"].notna().all() and (moves["from_location"] != moves["location"]).all()


def test_cash_is_what_is_bought_and_already_on_order(read) -> None:
    cash, purchases, receipts, ledger = read("purchase_cash"), read("purchase_plan"), read("receipts"), read("ledger")
    assert cash["ordered"].sum() == pytest.approx(purchases["cost"].sum())
    owed = ledger.sort_values("month")["payables"].iloc[-1]
    assert cash["paid"].sum() == pytest.approx(cash["received"].sum() + owed) and owed > 0
    assert cash.loc[cash["month"] == FIRST, "paid"].sum() > 0
    assert cash["received"].sum() > purchases["cost"].sum() and (receipts["kind"] == "purchase").any()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month of a company without routings: products, sales, hours of a unit, shares of two work centres and the hours of one of them."""
    folder = tmp_path_factory.mktemp("workshop") / "company"
    (folder / "data").mkdir(parents=True)
    (folder / "workbook.toml").write_text('month = "2026-10"\n[company]\nname = "Workshop"\ncurrency = "USD"\n', "utf-8")
    months = pd.date_range(end="2026-09-01", periods=24, freq="MS").strftime("%Y-%m")
    sales = [f"{m},{p},north,{units},{units * 10}" for m in months for p, units in (("P", 100), ("Q", 40))]
    text = {
        "sales": ["month,product,region,units,revenue", *sales],
        "products": ["product,family,unit_price,unit_cost", "P,A,10,6", "Q,A,20,12"],
        "bill_of_capacity": ["product,family,resource,hours_per_unit", ",A,,2", "Q,,bench,3"],
        "capacity_factors": ["resource,share", "bench,0.6", "saw,0.4"],
        "resources": ["resource,month,regular_hours", "bench,,100"],
    }
    for name, lines in text.items():
        (folder / "data" / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    done = sop("run", "-w", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "output" / "2026-10"


def test_a_company_without_routings_sees_its_rough_cut_load(workshop: Path) -> None:
    rough, plan = (pd.read_parquet(workshop / "tables" / f"{name}.parquet") for name in ("rough_cut", "supply_plan"))
    tables.schema("rough_cut").validate(rough)
    units = plan.groupby(["month", "item"])["units"].sum().unstack(fill_value=0.0)
    wide = rough.pivot(index="month", columns="resource", values="hours")
    np.testing.assert_allclose(wide["bench"], units["P"] * 2 * 0.6 + units["Q"] * 3, **SUM)
    np.testing.assert_allclose(wide["saw"], units["P"] * 2 * 0.4, **SUM)
    bench = rough[rough["resource"] == "bench"]
    np.testing.assert_allclose(bench["load"], bench["hours"] / 100, **SUM)
    assert bench["load"].max() > 2, "two and a half times its hours, shown as it is"
    assert "Heat map of load" in (workshop / "report.html").read_text("utf-8")
    assert "Heat map of rough-cut load" in (workshop / "steps" / "21_supply.html").read_text("utf-8")


def test_what_is_made_to_order_is_planned_on_its_backlog(read) -> None:
    grid, served, short = read("sop_grid"), read("constrained_demand"), read("shortages")
    order = grid[grid["strategy"] == "make to order"].sort_values("month").set_index("month")
    assert set(order["family"]) == {"Coffee bars"} and order.index.is_unique
    ahead = order.loc[FIRST:]
    opening = order["backlog_actual"].dropna().iloc[-1]
    before = np.concatenate([[opening], ahead["backlog_plan"].to_numpy()[:-1]])
    np.testing.assert_allclose(before + ahead["demand_plan"] - ahead["shipped_plan"], ahead["backlog_plan"], **SUM)
    owed = read("open_orders").merge(read("products")[["product", "made_to"]], on="product").query("made_to == 'order'")
    assert opening == pytest.approx(owed["units"].sum()) and ahead["stock_plan"].max() < 2
    # A new order waits about the two months that are promised, and what is not due yet is not short.
    assert ahead["wait_days"].dropna().between(45, 80).all()
    bars = served[served["product"].isin(owed["product"])]
    assert bars["not_due_units"].sum() > 10 * short.loc[short["product"].isin(owed["product"]), "short_units"].sum()
