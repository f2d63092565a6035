"""The sample company: it looks like a business, its planted events are where the story says, and its generator makes it anew."""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, copy_sample

from sop_helpers.book import tables
from sop_helpers.book.checks import check_inputs, check_workbook
from sop_helpers.book.config import load_workbook
from sop_helpers.book.conform import conform
from sop_helpers.book.cycle import open_cycle
from sop_helpers.book.files import changed_since_closing
from sop_helpers.book.sources import read_table
from sop_helpers.planning.history import complete_history, empty_shelves, propose_corrections
from sop_helpers.planning.panel import Panel, to_panel
from sop_helpers.planning.signals import find_signals

sys.path.insert(0, str(ROOT / "data"))

from company import journal  # noqa: E402
from generate import generate, write  # noqa: E402

SAMPLE = ROOT / "data" / "sample"
MONTH = pd.Timestamp("2026-10-01")
# It has routings, so it needs no rough-cut capacity.
NOT_BROUGHT = {"bill_of_capacity", "capacity_factors"}
# Only a company of the sample's own size states them.
SHARED_LIMITS = {"item_measures", "lane_limits", "location_limits", "supplier_limits"}


@cache
def given(table: str) -> pd.DataFrame:
    """A table of the sample as the cycle of 2026-10 reads it."""
    return read_table(load_workbook(ROOT / "workbook.toml"), table, MONTH)


@cache
def panel() -> Panel:
    """Raw history with the family among its keys."""
    grid = to_panel(complete_history(given("sales"), given("products"), MONTH - pd.DateOffset(months=1)).rename(columns={"raw_units": "units"}))
    grid.keys["family"] = grid.keys["product"].map(given("products").set_index("product")["family"])
    return grid


def test_the_generator_makes_the_committed_files_byte_for_byte(tmp_path: Path) -> None:
    write(generate(), tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(f.name for f in SAMPLE.glob("*.csv"))
    differing = [f.name for f in tmp_path.iterdir() if f.read_bytes() != (SAMPLE / f.name).read_bytes()]
    assert not differing
    assert json.loads((SAMPLE / "journal.json").read_text("utf-8")) == journal.entries()


def test_it_brings_every_input_table() -> None:
    assert {f.stem for f in SAMPLE.glob("*.csv")} == set(tables.INPUTS) - NOT_BROUGHT


def test_it_is_small_enough_to_commit() -> None:
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*.csv")) <= 3_100_000


def test_its_size_is_that_of_a_business() -> None:
    sales, products = given("sales"), given("products")
    assert (products["family"].nunique(), len(products), sales["region"].nunique()) == (5, 32, 4)
    assert sales["month"].nunique() == 60 and sales["month"].max() == pd.Timestamp("2026-09-01")
    assert len(given("reps")) >= 20 and len(given("accounts")) >= 300
    assert set(given("operations")["location"]) == {"LINZ", "LYON"} == set(given("regions")["ship_from"])
    assert given("inventory")["month"].nunique() >= 24
    assert products["product"].str.startswith("0").any() and products["name"].str.contains('[&"]').any()


def test_nothing_blocks_the_month_and_what_is_listed_is_meant() -> None:
    issues = check_workbook(load_workbook(ROOT / "workbook.toml"))
    assert set(issues["level"]) == {"amber"}
    assert set(zip(issues["table"], issues["column"].fillna(""), strict=True)) == {
        ("opportunities", "expected_close"), ("sales", "revenue"), ("open_orders", "due_month"), ("insights", ""), ("receipts", "due_month"),
    }


def test_revenue_is_units_at_price_but_for_the_entry_error() -> None:
    sales = given("sales").merge(given("products"), on="product")
    recent = sales[(sales["month"] >= "2026-04-01") & (sales["units"] > 0)]
    ratio = recent["revenue"] / (recent["units"] * recent["unit_price"])
    assert ratio.between(0.88, 1.04).all()
    stocked = sales[sales["made_to"].isna()]  # what is made to order is not shipped from stock
    assert (stocked["shipped_units"] <= stocked["units"]).all() and (stocked["orders_otif"] <= stocked["orders"]).all()


def test_stock_is_valued_at_standard_cost() -> None:
    made = given("components").merge(given("operations")[["operation", "item"]].rename(columns={"item": "made"}), on="operation")
    cost = given("products").set_index("product")["unit_cost"]
    bought = given("operations").query("kind == 'buy'").set_index("item")["unit_cost"]
    every = pd.concat([cost, bought[~bought.index.isin(cost.index)]])
    stock = given("inventory")
    np.testing.assert_allclose(stock["value"], stock["on_hand"] * stock["item"].map(every), atol=0.51)
    # standard cost is the bill of material plus labour, which is paid by the hour where people are planned
    parts = (made["units_per"] * made["item"].map(every)).groupby(made["made"]).sum()
    make = given("operations").query("kind == 'make'").merge(given("loads"), on="operation").set_index("item")
    people = given("resources").drop_duplicates("resource").set_index("resource")
    hour = (people["wage"] / people["hours_per_worker"]).fillna(0.0)
    labour = make["unit_cost"] + make["hours_per_unit"] * make["resource"].map(hour)
    np.testing.assert_allclose(parts + labour.reindex(parts.index), cost.reindex(parts.index), atol=0.011)


def test_the_ledger_agrees_with_sales() -> None:
    ledger = given("ledger").set_index("month")
    sales = given("sales").assign(cost=lambda s: s["units"] * s["product"].map(given("products").set_index("product")["unit_cost"]))
    sold = sales.groupby("month")[["revenue", "cost"]].sum()
    np.testing.assert_allclose(ledger["revenue"], sold["revenue"].reindex(ledger.index))
    right = ledger.index[(ledger.index >= "2026-04-01")]
    assert (ledger["cogs"] / sold["cost"]).reindex(right).between(0.97, 1.03).all()


def test_demand_grows_and_has_a_season() -> None:
    sales = given("sales").merge(given("products")[["product", "family"]], on="product")
    monthly = sales[sales["family"] == "Machines"].groupby("month")["revenue"].sum()
    years = monthly.rolling(12).sum().dropna()
    assert 1.02 < (years.iloc[-1] / years.iloc[0]) ** 0.25 < 1.10
    by_month = monthly.groupby(monthly.index.month).mean()
    assert by_month[[11, 12]].mean() > 1.25 * by_month[[1, 2, 7, 8]].mean()


def test_the_dip_is_explained_and_the_spike_is_not() -> None:
    signals = find_signals(panel(), given("products"), given("insights"))
    found = signals.set_index(["product", "region", "kind"])
    assert found.loc[("10020", "FRANCE", "dip"), "month"] == pd.Timestamp("2026-08-01")
    assert "I03" in found.loc[("10020", "FRANCE", "dip"), "explanation"]
    assert found.loc[("02010", "DACH", "spike"), "month"] == pd.Timestamp("2026-09-01")
    assert pd.isna(found.loc[("02010", "DACH", "spike"), "explanation"])
    assert {("10020", "FRANCE"), ("02010", "DACH")} == set(zip(signals["product"][:2], signals["region"][:2], strict=True)), "they matter most"
    assert len(signals) <= 6


def test_the_stock_out_and_the_entry_error_are_found() -> None:
    shelves = empty_shelves(panel(), given("inventory"), given("regions"))
    changes = propose_corrections(panel(), shelves=shelves, insights=given("insights"))
    hole = changes[changes["cause"] == "stock-out"]
    assert set(hole["product"]) == {"02020"} and set(hole["region"]) == {"FRANCE", "IBERIA"}
    assert set(hole["month"]) == {pd.Timestamp("2025-06-01"), pd.Timestamp("2025-07-01")}
    slip = changes[changes["cause"] == "entry error"]
    assert slip[["product", "region"]].to_numpy().tolist() == [["03010", "NORDICS"]] and slip["month"].iloc[0] == pd.Timestamp("2026-03-01")


def test_promotions_show_in_the_sales() -> None:
    sales = given("sales").groupby(["product", "month"])["units"].sum()
    lento = sales["10010"]
    others = sales["10030"]
    lift = [lento[f"{y}-11-01"] / lento[f"{y}-09-01"] / (others[f"{y}-11-01"] / others[f"{y}-09-01"]) for y in (2024, 2025)]
    assert min(lift) > 1.08, "black week on Lento One, which Piccolo has not"
    promotions = given("insights").query("kind == 'promotion'")
    assert (promotions["end_month"] < MONTH).sum() >= 10 and (promotions["start_month"] >= MONTH).sum() >= 3


def test_a_launch_a_recent_launch_and_a_phase_out() -> None:
    products, sold = given("products").set_index("product"), set(given("sales")["product"])
    assert products.loc["10080", "launch_month"] > MONTH and products.loc["10080", "like_product"] == "10030" and "10080" not in sold
    assert products.loc["02060", "launch_month"] == given("sales").query("product == '02060'")["month"].min()
    assert products.loc["10090", "end_month"] == pd.Timestamp("2026-12-01")


def test_one_spare_part_is_intermittent() -> None:
    units = given("sales").query("product == '00760'")["units"]
    assert 0.6 < (units == 0).mean() < 0.85


def test_the_bottleneck_is_loaded_as_told() -> None:
    loads = given("loads").merge(given("operations")[["operation", "item"]], on="operation")
    hours = given("sales").merge(loads[loads["resource"] == "LINZ-ASSEMBLY"], left_on="product", right_on="item")
    need = (hours["units"] * hours["hours_per_unit"]).groupby(hours["month"]).sum().loc["2025-10":]
    resources = given("resources").query("resource == 'LINZ-ASSEMBLY'").set_index("month")["regular_hours"]
    load = need / resources.reindex(need.index).fillna(resources[resources.index.isna()].iloc[0])
    assert 0.75 <= load.median() <= 0.95
    assert 1.05 <= load.max() <= 1.25 and load.idxmax().month in (11, 12)


def test_supply_under_way_covers_the_lead_times() -> None:
    buys = given("operations").query("kind == 'buy'")
    due = given("receipts").query("kind == 'purchase'").groupby("item")["due_month"].max()
    slow = buys[(buys["lead_time_months"] > 1) & buys["item"].isin(due.index)]
    assert len(slow) > 5 and (due.reindex(slow["item"]) > MONTH).mean() > 0.8
    stock = given("inventory").query("month == '2026-09-01'").groupby("item")["on_hand"].sum()
    coming = given("receipts").groupby("item")["units"].sum()
    monthly = given("sales").query("month >= '2026-07-01'").groupby("product")["units"].sum() / 3
    bought = monthly[monthly.index.isin(buys["item"])]
    assert (stock.add(coming, fill_value=0).reindex(bought.index) > 0.9 * bought).all()


def test_a_supplier_slips_and_only_the_current_month_knows() -> None:
    motors = given("receipts").query("item == 'C-600'").groupby("due_month")["units"].sum()
    told = generate(as_of="2026-09")["receipts"].query("item == 'C-600'").groupby("due_month")["units"].sum()
    assert "2026-11" in told.index.strftime("%Y-%m") and "2026-11" not in motors.index.strftime("%Y-%m")
    assert motors.loc["2027-01-01"] > motors.loc["2026-12-01"]


def test_the_pipeline_is_plausible() -> None:
    deals, sales = given("opportunities"), given("sales")
    ended = deals[deals["outcome"] != "open"]
    assert 0.20 <= (ended["outcome"] == "won").mean() <= 0.30
    won = deals[(deals["outcome"] == "won") & (deals["closed"] >= "2025-10-01")]["amount"].sum()
    assert 0.5 <= won / sales.query("month >= '2025-10-01'")["revenue"].sum() <= 1.0
    assert (ended["closed"] > ended["created"]).all() and deals.loc[deals["outcome"] == "open", "expected_close"].notna().all()
    assert set(deals["stage"]) == set(load_workbook(ROOT / "workbook.toml").policies.sales.stages)
    rep_region = given("reps").set_index("rep")["region"]
    assert (deals["rep"].map(rep_region) == deals["region"]).all()


def test_attainment_is_spread() -> None:
    year = given("quotas").query("month >= '2026-04-01' and month < '2026-10-01'").groupby("rep")[["quota", "bookings"]].sum()
    attained = year["bookings"] / year["quota"]
    started = given("reps").set_index("rep")["start_month"].reindex(attained.index)
    settled = attained[started < "2026-04-01"]
    assert settled.min() < 0.75 and settled.max() > 1.15 and settled.between(0.55, 1.4).all()
    ahead = given("quotas").query("month >= '2026-10-01'")
    assert ahead["bookings"].isna().all() and ahead["month"].max() == pd.Timestamp("2027-03-01")


def test_the_budget_covers_the_horizon() -> None:
    budget = given("budget")
    assert set(pd.date_range(MONTH, periods=18, freq="MS")) <= set(budget["month"])
    year = budget.query("month >= '2025-10-01' and month < '2026-10-01'")["revenue"].sum()
    assert given("sales").query("month >= '2025-10-01'")["revenue"].sum() / year == pytest.approx(1, abs=0.06)


def test_the_journal_is_read(tmp_path: Path) -> None:
    company = copy_sample(tmp_path / "company")
    now, before = open_cycle("2026-10", company), open_cycle("2026-08", company)
    assert set(now.journal.read("action")["status"]) == {"open", "done"}
    assert now.journal.read("override").set_index("id").loc["override-0002", "units"] == 290
    assert before.journal.read("override").set_index("id").loc["override-0002", "units"] == 260
    assert len(before.journal.read("attendance")) == len(given("roster"))
    assert before.journal.read("decision")["chosen"].sum() == 2


@pytest.mark.parametrize("back", [1, 2])
def test_the_closed_months_are_whole_and_were_really_planned(back: int) -> None:
    now = open_cycle("2026-10", ROOT / "workbook.toml")
    before = now.previous(back)
    assert before is not None and before.closed and not changed_since_closing(before.folder)
    for file in (before.folder / "tables").glob("*.csv"):
        assert len(before.read(file.stem)) or file.stem == "shortages", file.stem
    plan = before.read("demand_plan")
    assert plan["month"].min() == before.month and plan["month"].nunique() == 18
    # what was planned for the month itself lies near what was sold, and is not it
    key = ["product", "region"]
    sold = given("sales").query("month == @before.month").set_index(key)["units"]
    made = plan[plan["month"] == before.month].set_index(key)["units"].reindex(sold.index).fillna(0)
    assert 0.02 < (made - sold).abs().sum() / sold.sum() < 0.15
    # the journal's decisions of that meeting are among those kept
    assert before.read("decisions")["chosen"].any()
    assert {"LINZ-ASSEMBLY"} <= set(before.read("capacity_load").query("load > 1.05")["resource"])


def test_history_is_closed_as_it_was_known_then() -> None:
    then = generate(as_of="2026-08")
    assert then["quotas"].query("month >= '2026-08-01'")["bookings"].isna().all()
    assert then["receipts"]["due_month"].min() == pd.Timestamp("2026-07-01") and then["open_orders"]["due_month"].max() == pd.Timestamp("2026-09-01")
    pd.testing.assert_frame_equal(then["sales"], generate()["sales"])


def test_coffee_bars_are_made_to_order_and_their_backlog_adds_up() -> None:
    products, booked, made, owed = given("products"), given("sales"), given("production"), given("open_orders")
    bars = products[products["made_to"] == "order"].set_index("product")
    assert set(bars["family"]) == {"Coffee bars"} and (bars["promised_months"] == 2).all()
    assert 0 < (owed["product"].isin(bars.index) & (owed["due_month"] < MONTH)).sum() <= 4, "a few are late"
    for code in bars.index:
        # What was booked in the last three years, less what was made, is what is owed now, but for the backlog of then.
        backlog = owed.loc[owed["product"] == code, "units"].sum()
        recent = booked[(booked["product"] == code) & (booked["month"] >= "2024-10")]["units"].sum()
        done = made[(made["item"] == code) & (made["month"] >= "2024-10")]["made_units"].sum()
        before = backlog - recent + done
        assert 0 <= before <= 60 and backlog >= 15
    assert given("inventory").set_index("item").loc[list(bars.index), "on_hand"].eq(0).all()
    rest = generate(months=59)
    assert "Coffee bars" not in set(rest["products"]["family"]), "only a company of the sample's own size has them"


@pytest.mark.parametrize(("products", "regions", "months"), [(250, 4, 60), (7, 3, 30), (61, 6, 24), (1, 1, 1)])
def test_a_company_of_any_size_keeps_the_contracts(products: int, regions: int, months: int) -> None:
    start = time.perf_counter()
    made = {name: conform(name, frame) for name, frame in generate(products=products, regions=regions, months=months, seed=7).items()}
    assert time.perf_counter() - start < 20
    assert set(made) == set(tables.INPUTS) - NOT_BROUGHT - SHARED_LIMITS
    assert made["sales"].groupby(["product", "region"]).ngroups <= products * regions and made["sales"]["month"].nunique() == months
    assert not (check_inputs(made, MONTH)["level"] == "red").any()


def test_the_seed_decides() -> None:
    one, same, other = (generate(products=10, regions=2, months=24, seed=s)["sales"] for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["units"].equals(other["units"])


@pytest.mark.parametrize("size", [{"products": 0}, {"regions": 0}, {"months": -1}])
def test_an_empty_company_is_refused(size: dict) -> None:
    with pytest.raises(ValueError, match="at least one"):
        generate(**size)
