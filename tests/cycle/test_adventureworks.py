"""A real manufacturer's tables: each maps to its contract, keeps known facts, and the month runs to a report."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT, sop

from sop_helpers.book import tables
from sop_helpers.book.config import Workbook, load_workbook
from sop_helpers.book.sources import read_table
from sop_helpers.book.sql import query_files

EXAMPLE = ROOT / "examples" / "adventureworks"
MONTH = pd.Timestamp("2014-05-01")
TABLES = [
    *sorted(file.stem for file in (EXAMPLE / "sql").glob("*.sql")),
    *sorted(file.stem for file in (EXAMPLE / "inputs").glob("*.csv")),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, shared: Path):
    """A copy of the example, so that no run writes into the repository; the data are found through SOP_SHARED."""
    if not (shared / "data" / "adventureworks" / "oltp" / "Production.Product.parquet").is_file():
        pytest.skip(f"AdventureWorks is not at {shared / 'data' / 'adventureworks'}; the example's README tells where to get it")
    folder = tmp_path_factory.mktemp("adventureworks") / "company"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("output", "data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOP_SHARED", str(shared.resolve()))
        yield folder


@pytest.fixture(scope="module")
def workbook(company: Path) -> Workbook:
    return load_workbook(company)


@pytest.fixture(scope="module")
def read(workbook: Workbook):
    """A reader that remembers what it has read, by table and cycle."""
    kept: dict[tuple[str, str], pd.DataFrame] = {}

    def reader(table: str, month: str = "2014-05") -> pd.DataFrame:
        if (table, month) not in kept:
            kept[table, month] = read_table(workbook, table, pd.Timestamp(f"{month}-01"))
        return kept[table, month].copy()

    return reader


def test_every_query_has_a_table_and_every_table_a_source(workbook: Workbook) -> None:
    assert set(TABLES) <= set(tables.INPUTS)
    assert {name for name, source in workbook.sources.tables.items()} == {file.stem for file in (EXAMPLE / "sql").glob("*.sql")}
    # Its data hold no forecast, commit or lead that a team stated, no limits beside its orders, no leave and no pay beside commissions; its routings need no
    # rough-cut capacity.
    absent = {"views", "commits", "leads", "supplier_limits", "location_limits", "leave", "spifs", "splits", "cancellations", "bill_of_capacity"}
    assert set(tables.INPUTS) - absent - {"capacity_factors", "lane_limits", "item_measures"} == set(TABLES)


@pytest.mark.parametrize("month", ["2013-02", "2014-05", "2014-06"])
@pytest.mark.parametrize("table", TABLES)
def test_keeps_its_contract(read, table: str, month: str) -> None:
    frame = read(table, month)
    tables.schema(table).validate(frame, lazy=True)
    # No reseller ordered in the last days of May 2014: nothing is open for June.
    assert len(frame) > 0 or (table, month) == ("open_orders", "2014-06")
    as_of = tables.meta(table).get("as_of")
    if as_of:
        assert frame[as_of].max() < pd.Timestamp(f"{month}-01")


@pytest.mark.parametrize("month", ["2013-02", "2014-05"])
def test_references_hold(read, month: str) -> None:
    checked = 0
    for table in TABLES:
        for column, spec in tables.columns(table).items():
            if spec["ref"]:
                other, key = spec["ref"].split(".")
                unknown = set(read(table, month)[column].dropna()) - set(read(other, month)[key])
                assert not unknown, f"{table}.{column}: {sorted(unknown)[:5]} are not in {other}.{key}"
                checked += 1
    assert checked >= 10


def test_regions_are_the_same_everywhere(read) -> None:
    known = set(read("regions")["region"])
    assert len(known) == 10
    for table in ("sales", "budget", "accounts", "opportunities", "reps"):
        assert set(read(table)["region"].dropna()) <= known


# --- facts of the data ---------------------------------------------------------------------------------------------------------------


def test_sales_add_up_to_the_order_lines(read) -> None:
    sales = read("sales", "2014-07")
    assert sales["units"].sum() == 274_914
    assert sales["revenue"].sum() == pytest.approx(109_846_381, abs=2_000)
    by_month = sales.groupby("month")["units"].sum()
    assert list(by_month.index) == list(pd.date_range("2011-06-01", "2014-06-01", freq="MS"))
    whole = by_month[:-1]
    assert len(whole) == 36 and whole.min() > 900
    assert by_month.iloc[-1] == 2_130


def test_every_order_was_shipped_on_time(read) -> None:
    sales = read("sales")
    assert (sales["shipped_units"] == sales["units"]).all()
    assert (sales["orders_otif"] == sales["orders"]).all()


def test_products_carry_prices_costs_and_lives(read) -> None:
    products, sales = read("products"), read("sales")
    assert len(products) == 266
    assert set(products["family"]) == {"Mountain Bikes", "Road Bikes", "Touring Bikes", "Frames", "Components", "Clothing", "Accessories"}
    assert (products["unit_price"] > 0).all() and (products["unit_cost"] > 0).all()
    ended = products.set_index("product")["end_month"].dropna()
    assert len(ended) == 99 and (ended < MONTH).all()
    last = sales.groupby("product")["month"].max()
    assert (last.reindex(ended.index) <= ended).all()
    launched = products.set_index("product")["launch_month"]
    assert (sales.groupby("product")["month"].min() == launched).all()
    likes = products.dropna(subset=["like_product"]).set_index("product")["like_product"]
    assert (launched[likes].to_numpy() < launched[likes.index].to_numpy()).all()


def test_prices_are_what_was_paid(read) -> None:
    """A product sold in all of the last six months costs what those months' customers paid."""
    sales, products = read("sales"), read("products").set_index("product")
    recent = sales[sales["month"] >= "2013-11-01"].groupby("product").agg(units=("units", "sum"), revenue=("revenue", "sum"), last=("month", "max"))
    recent = recent[recent["last"] == "2014-04-01"]
    assert len(recent) > 100
    paid = recent["revenue"] / recent["units"]
    assert (products["unit_price"].reindex(paid.index) - paid).abs().max() < 0.01


def test_stock_follows_the_warehouse(read) -> None:
    inventory = read("inventory")
    months = inventory.groupby("month")["item"].nunique()
    assert months.index[0] == pd.Timestamp("2011-06-01") and months.index[-1] == pd.Timestamp("2014-04-01") and len(months) == 35
    assert inventory["on_hand"].min() >= 0
    last = inventory[inventory["month"] == "2014-04-01"]
    assert set(read("products")["product"]) <= set(last["item"])
    # Components are a snapshot: they stand in the last month alone.
    earlier = set(inventory[inventory["month"] < "2014-04-01"]["item"])
    assert earlier <= set(read("products")["product"])


def test_warehouse_dates_are_153_days_early(shared: Path) -> None:
    """The shift that the inventory query uses: under it, what left the warehouse on a day is what was ordered on that day."""
    import duckdb

    folder = shared / "data" / "adventureworks"
    ordered = pd.read_parquet(folder / "oltp" / "sales_order_lines_rebuilt.parquet").groupby("OrderDate")["OrderQty"].sum()
    out = duckdb.sql(f"SELECT MovementDate + 153 AS day, sum(UnitsOut) AS units FROM '{folder}/dw/FactProductInventory.parquet' GROUP BY ALL").df()
    left = out.assign(day=pd.to_datetime(out["day"])).set_index("day")["units"]
    difference = (ordered - left.reindex(ordered.index)).abs().sum()
    assert difference <= 0.001 * ordered.sum()


def test_every_component_can_be_got(read) -> None:
    operations, components = read("operations"), read("components")
    items = set(operations["item"])
    assert set(components["item"]) <= items
    made = operations[operations["kind"] == "make"]
    assert set(made["operation"]) == set(components["operation"])
    active = read("products").query("end_month.isna()")["product"]
    assert set(active) <= items
    assert (operations.loc[operations["kind"] == "buy", "unit_cost"] > 0).all()
    assert operations.loc[operations["kind"] == "buy", "supplier"].notna().all()
    assert operations.groupby("item")["supplier"].nunique().max() >= 2


def test_bills_have_no_circle(read) -> None:
    components = read("components")
    uses = components.assign(parent=components["operation"].str.removeprefix("make ")).groupby("parent")["item"].agg(set).to_dict()
    left = set(uses)
    for _ in range(10):
        left -= {parent for parent in left if not uses[parent] & left}
    assert not left


def test_loads_are_hours_booked_over_units(read, shared: Path) -> None:
    """One item worked out by pandas from the work orders, without the query."""
    folder = shared / "data" / "adventureworks" / "oltp"
    orders = pd.read_parquet(folder / "Production.WorkOrder.parquet")
    routing = pd.read_parquet(folder / "Production.WorkOrderRouting.parquet")
    products = pd.read_parquet(folder / "Production.Product.parquet").set_index("ProductNumber")["ProductID"]
    item = orders[(orders["ProductID"] == products["BK-M68B-42"]) & (orders["StartDate"] >= "2013-05-01") & (orders["StartDate"] < "2014-05-01")]
    hours = routing[routing["WorkOrderID"].isin(item["WorkOrderID"]) & (routing["LocationID"] == 60)]["ActualResourceHrs"].astype(float).sum()
    load = read("loads").set_index(["operation", "resource"])["hours_per_unit"]["make BK-M68B-42", "Final Assembly"]
    assert load == pytest.approx(hours / item["OrderQty"].sum(), abs=1e-6)


def test_resources_have_hours_for_the_horizon(read, workbook: Workbook) -> None:
    resources = read("resources")
    assert resources["resource"].nunique() == 7
    horizon = pd.date_range(MONTH, periods=workbook.calendar.horizon_months, freq="MS")
    assert (resources[resources["month"].isin(horizon)].groupby("resource")["month"].nunique() == len(horizon)).all()
    may = resources[(resources["resource"] == "Frame Forming") & (resources["month"] == MONTH)]["regular_hours"].item()
    assert may == 96 * 31


def test_booked_hours_load_the_work_centres_as_known(read, shared: Path) -> None:
    """The assumption of hours per calendar day gives the known loads of May 2014."""
    folder = shared / "data" / "adventureworks" / "oltp"
    routing = pd.read_parquet(folder / "Production.WorkOrderRouting.parquet")
    names = pd.read_parquet(folder / "Production.Location.parquet").set_index("LocationID")["Name"]
    may = routing[routing["ActualStartDate"].dt.to_period("M") == "2014-05"]
    hours = may["ActualResourceHrs"].astype(float).groupby(may["LocationID"].map(names)).sum()
    resources = read("resources").query("month == @MONTH").set_index("resource")["regular_hours"]
    load = (hours / resources).round(2)
    assert load[["Frame Forming", "Frame Welding", "Subassembly", "Final Assembly"]].tolist() == pytest.approx([0.59, 0.32, 1.07, 1.23], abs=0.011)


def test_receipts_are_open_on_the_day(read, shared: Path) -> None:
    """The same cut of work orders and purchase lines by pandas, which does not read the files' statistics."""
    folder = shared / "data" / "adventureworks" / "oltp"
    work = pd.read_parquet(folder / "Production.WorkOrder.parquet")
    work = work[(work["StartDate"] < MONTH) & (work["EndDate"] >= MONTH)]
    heads = pd.read_parquet(folder / "Purchasing.PurchaseOrderHeader.parquet")
    lines = pd.read_parquet(folder / "Purchasing.PurchaseOrderDetail.parquet").merge(heads, on="PurchaseOrderID")
    lines = lines[(lines["OrderDate"] < MONTH) & (lines["DueDate"] >= MONTH) & (lines["Status"] != 3)]
    receipts = read("receipts").groupby("kind")["units"].agg(["count", "sum"])
    assert receipts.loc["production"].tolist() == [len(work), work["OrderQty"].sum()]
    assert receipts.loc["purchase"].tolist() == [len(lines), lines["OrderQty"].sum()]


def test_a_filter_on_old_files_loses_no_row(shared: Path) -> None:
    """These files keep wrong minima and maxima of times and decimals; a plain filter must not believe them."""
    folder = shared / "data" / "adventureworks"
    routing = pd.read_parquet(folder / "oltp" / "Production.WorkOrderRouting.parquet")
    products = pd.read_parquet(folder / "oltp" / "Production.Product.parquet")
    late = query_files(
        "SELECT count(*) AS n FROM 'oltp/Production.WorkOrderRouting.parquet' WHERE ActualStartDate >= $month", [folder], pd.Timestamp("2014-01-01")
    )
    assert int(late["n"].iloc[0]) == (routing["ActualStartDate"] >= "2014-01-01").sum() == 16_840
    priced = query_files("SELECT count(*) AS n FROM 'oltp/Production.Product.parquet' WHERE StandardCost > 0", [folder], None)
    assert int(priced["n"].iloc[0]) == (products["StandardCost"] > 0).sum() == 304


def test_production_adds_up_to_the_work_orders(read, shared: Path) -> None:
    work = pd.read_parquet(shared / "data" / "adventureworks" / "oltp" / "Production.WorkOrder.parquet")
    production = read("production", "2014-12")
    assert production["made_units"].sum() == work["StockedQty"].sum()
    assert production["scheduled_units"].sum() == work["OrderQty"].sum()
    assert production["on_time_units"].sum() == work.loc[work["EndDate"] <= work["DueDate"], "OrderQty"].sum()


def test_quotas_and_attainment(read) -> None:
    quotas = read("quotas", "2014-06")
    past = quotas[quotas["bookings"].notna()]
    assert past["month"].max() == pd.Timestamp("2014-05-01")
    assert quotas["rep"].nunique() == 17
    fiscal = past.assign(year=(past["month"] - pd.DateOffset(months=5)).dt.year).groupby("year")[["quota", "bookings"]].sum()
    attainment = fiscal["bookings"] / fiscal["quota"]
    assert attainment.between(0.78, 0.90).all()
    ahead = quotas[quotas["bookings"].isna()]
    assert ahead["month"].min() == pd.Timestamp("2014-06-01")


def test_opportunities_are_labelled_and_know_no_future(read) -> None:
    deals = read("opportunities")
    assert deals["opportunity"].str.startswith("SYN-").all()
    assert (deals["created"] < MONTH).all() and (deals["closed"].dropna() < MONTH).all()
    assert ((deals["outcome"] == "open") == deals["closed"].isna()).all()
    won = deals[deals["outcome"] == "won"]
    assert 3_000 < len(won) < 3_806
    assert (won["closed"] > won["created"]).all()


def test_won_deals_carry_the_orders_revenue(read) -> None:
    deals, quotas = read("opportunities"), read("quotas")
    won = deals[deals["outcome"] == "won"]
    assert won["amount"].sum() == pytest.approx(quotas["bookings"].sum(), rel=0.001)


def test_an_earlier_cycle_sees_less(read) -> None:
    early, late = read("opportunities", "2013-02"), read("opportunities", "2014-05")
    assert len(early) < len(late)
    ends = early.merge(late, on="opportunity", suffixes=("", "_later"))
    assert len(ends) == len(early)
    closed = ends[ends["closed"].notna()]
    assert (closed["closed"] == closed["closed_later"]).all() and (closed["outcome"] == closed["outcome_later"]).all()


def test_a_query_gives_the_same_twice(workbook: Workbook) -> None:
    for table in ("opportunities", "products", "operations"):
        pd.testing.assert_frame_equal(read_table(workbook, table, MONTH), read_table(workbook, table, MONTH))


# --- the month -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(company: Path):
    """The month of May 2014, run once through the command line."""
    return company, sop("run", "-w", str(company), "--month", "2014-05", timeout=1800)


def _table(company: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(company / "output" / "2014-05" / "tables" / f"{name}.parquet")


def test_the_month_runs_to_a_report(run) -> None:
    company, done = run
    assert done.returncode == 0, done.stdout + done.stderr
    report = (company / "output" / "2014-05" / "report.html").read_text("utf-8")
    assert "Adventure Works" in report
    assert not re.search(r"\b(nan|NaT|inf)\b(?=\s*%|</td>)", report)


def test_the_plan_is_in_proportion(run) -> None:
    """The plan of active products stays within half and double of the same months a year before; of what has ended, only orders already taken are planned."""
    company, _ = run
    plan, sales = _table(company, "demand_plan"), pd.read_parquet(company / "output" / "2014-05" / "inputs" / "sales.parquet")
    year = sales[sales["month"] >= "2013-05-01"]["units"].sum()
    assert 0.5 * year < plan[plan["month"] < "2015-05-01"]["units"].sum() < 2 * year
    products = pd.read_parquet(company / "output" / "2014-05" / "inputs" / "products.parquet")
    ended = set(products[products["end_month"] < "2014-05-01"]["product"])
    orders = pd.read_parquet(company / "output" / "2014-05" / "inputs" / "open_orders.parquet")
    taken = orders[orders["product"].isin(ended) & orders["due_month"].isin(plan["month"])]["units"].sum()
    assert plan[plan["product"].isin(ended)]["units"].sum() == pytest.approx(taken)


def test_supply_balances(run) -> None:
    company, _ = run
    stock, served = _table(company, "stock_projection"), _table(company, "constrained_demand")
    balance = stock["opening_units"] + stock["planned_receipts"] + stock["open_receipts"] - stock["issues"] - stock["closing_units"]
    assert balance.abs().max() < 1e-3
    owed = served["opening_backlog_units"] + served["demand_units"] - served["shipped_units"] - served["lost_units"] - served["backlog_units"]
    assert owed.abs().max() < 1e-3


def test_assembly_is_the_bottleneck(run) -> None:
    company, _ = run
    load = _table(company, "capacity_load").groupby("resource")["load"].max().sort_values()
    assert set(load.index[-2:]) == {"Final Assembly", "Subassembly"}
    assert load.iloc[-1] > 0.9
