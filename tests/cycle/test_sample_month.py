"""The sample month, run through the command line: what it promises about its numbers holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sop_helpers.book import tables
from sop_helpers.report.spreadsheet import neutral

SUM = {"rtol": 1e-9, "atol": 1e-6}


@pytest.fixture(scope="module")
def read(sample_month):
    """Reader of the month's tables, each held against its contract."""

    def _read(table: str) -> pd.DataFrame:
        part = "inputs" if table in tables.INPUTS else "tables"
        return tables.schema(table).validate(pd.read_parquet(sample_month.folder / part / f"{table}.parquet"))

    return _read


def test_every_table_is_there_and_keeps_its_contract(read) -> None:
    for table in tables.OUTPUTS:
        read(table)


def test_the_deliverables_are_there(sample_month) -> None:
    for name in ("report.html", "plan.xlsx", "recap.eml", "manifest.json"):
        assert (sample_month.folder / name).stat().st_size > 500, name
    assert len(list((sample_month.folder / "notebooks").glob("*.ipynb"))) == 9
    assert "report.html" in sample_month.printed


def test_the_manifest_records_every_step_and_table(sample_month) -> None:
    manifest = json.loads((sample_month.folder / "manifest.json").read_text("utf-8"))
    assert len(manifest["steps"]) == 9
    assert {"rows", "digest", "step"} <= set(manifest["tables"]["demand_plan"])
    assert manifest["tables"]["supply_plan"]["step"] == "21_supply"


def test_history_is_raw_plus_accepted_corrections(read) -> None:
    history, corrections = read("demand_history"), read("corrections")
    key = ["month", "product", "region"]
    added = corrections[corrections["accepted"]].groupby(key)["units"].sum()
    total = history.set_index(key)["raw_units"].add(added, fill_value=0)
    np.testing.assert_allclose(total.sort_index(), history.set_index(key)["units"].sort_index(), **SUM)
    assert len(corrections) > 0


def test_history_keeps_what_was_sold(read) -> None:
    assert read("demand_history")["raw_units"].sum() == pytest.approx(read("sales")["units"].sum())


def test_streams_add_up_to_the_plan(read) -> None:
    key = ["month", "product", "region"]
    streams, plan = read("streams"), read("demand_plan").set_index(key).sort_index()
    total = streams.groupby(key)["units"].sum().reindex(plan.index)
    np.testing.assert_allclose(total, plan["units"], **SUM)
    assert streams["stream"].nunique() >= 4, "the sample has promotions, a launch, insights and overrides"


def test_the_plan_is_valued_at_price_and_cost(read) -> None:
    plan = read("demand_plan").merge(read("products"), on="product")
    np.testing.assert_allclose(plan["revenue"], plan["units"] * plan["unit_price"], **SUM)
    np.testing.assert_allclose(plan["margin"], plan["units"] * (plan["unit_price"] - plan["unit_cost"]), **SUM)


def test_quantiles_are_in_order(read) -> None:
    forecast = read("forecast")
    bands = forecast[["lo95", "lo80", "units", "hi80", "hi95"]].to_numpy()
    assert (np.diff(bands, axis=1) >= -1e-9).all()


def test_the_waterfall_adds_up(read) -> None:
    changes = read("changes")
    assert len(changes) > 0, "two closed months stand before the sample month"
    level = changes.pivot_table(index="family", columns="step", values=["units", "money"], aggfunc="sum").fillna(0)
    for measure in ("units", "money"):
        wide = level[measure]
        between = wide.drop(columns=["last plan", "this plan"]).sum(axis=1)
        np.testing.assert_allclose(wide["last plan"] + between, wide["this plan"], **SUM)


def test_stock_balances(read) -> None:
    stock = read("stock_projection").sort_values(["item", "location", "month"])
    closing = stock["opening_units"] + stock["planned_receipts"] + stock["open_receipts"] - stock["issues"]
    np.testing.assert_allclose(closing, stock["closing_units"], **SUM)
    carried = stock.groupby(["item", "location"])["closing_units"].shift()
    follow = carried.notna()
    np.testing.assert_allclose(stock.loc[follow, "opening_units"], carried[follow], **SUM)
    assert (stock["closing_units"] >= -1e-6).all()


def test_demand_is_shipped_owed_or_lost(read) -> None:
    served = read("constrained_demand")
    left = served["opening_backlog_units"] + served["demand_units"]
    right = served["shipped_units"] + served["lost_units"] + served["backlog_units"]
    np.testing.assert_allclose(left, right, **SUM)


def test_supply_serves_the_consensus(read) -> None:
    served, plan = read("constrained_demand"), read("demand_plan")
    key = ["month", "product", "region"]
    wanted = served.set_index(key)["demand_units"].reindex(plan.set_index(key).index)
    # booked orders may exceed the plan of a month, never fall short of it
    assert (wanted.to_numpy() >= plan["units"].to_numpy() - 1e-6).all()


def test_capacity_is_kept(read) -> None:
    load = read("capacity_load")
    assert (load["planned_hours"] <= load["available_hours"] + load["overtime_limit"] + 1e-6).all()
    np.testing.assert_allclose(load["overtime_hours"], (load["planned_hours"] - load["available_hours"]).clip(lower=0), **SUM)
    assert load["load"].max() > 1, "the sample's bottleneck is overloaded in its season and that is shown"


def test_lots_are_kept(read) -> None:
    plan = read("supply_plan").merge(read("operations")[["operation", "lot_min", "lot_multiple"]], on="operation")
    made = plan[plan["units"] > 1e-6]
    small = made[made["units"] < made["lot_min"].fillna(0) - 1e-6]
    assert small.empty, small.to_string()
    multiple = made[made["lot_multiple"].notna()]
    parts = multiple["units"] / multiple["lot_multiple"]
    np.testing.assert_allclose(parts, parts.round(), atol=1e-6)


def test_shortages_are_what_was_not_shipped_in_its_month(read) -> None:
    short, served = read("shortages"), read("constrained_demand")
    assert (short["short_units"] > 0).all()
    assert short["short_units"].sum() <= (served["backlog_units"] + served["lost_units"]).sum() + 1e-6


def test_the_revenue_bridge_adds_up(read) -> None:
    bridge = read("revenue_bridge")
    np.testing.assert_allclose(bridge[["plan", "volume", "mix", "price"]].sum(axis=1), bridge["actual"], **SUM)


def test_all_kpis_are_reported_or_said_to_be_missing(read) -> None:
    kpis = read("kpis")
    latest = kpis[kpis["month"] == kpis["month"].max()]
    wanted = {
        "WMAPE", "forecast accuracy", "bias", "tracking signal", "FVA", "fill rate", "OTIF", "inventory turns", "DIO", "days of cover", "DSO", "DPO", "CCC",
        "capacity load", "schedule attainment", "plan adherence", "revenue vs plan", "gross margin", "quota attainment", "reps at quota", "over-assignment",
        "ramped rep equivalents", "bookings capacity", "pipeline coverage", "stage-weighted pipeline", "win rate", "sales cycle", "sales velocity",
        "territory balance", "cost of sales plan",
    }  # fmt: skip
    assert wanted <= set(latest["kpi"])
    assert latest.loc[latest["value"].isna(), "note"].str.len().gt(20).all()
    assert latest["value"].notna().mean() > 0.8


def test_every_kpi_is_traceable_to_its_notebook(read) -> None:
    assert read("kpis")["notebook"].str.fullmatch(r"\d\d_[a-z]+").all()


def test_closed_months_give_lag_accuracy_and_follow_up(read) -> None:
    assert (read("accuracy")["basis"] == "closed months").any()
    actions = read("actions")
    assert (actions["created"] < pd.Timestamp("2026-10-01")).any() and (actions["status"] == "done").any()


def test_scenarios_differ_in_the_expected_direction(read) -> None:
    wide = read("scenarios").pivot_table(index="scenario", columns="measure", values="value")
    revenue = next(c for c in wide.columns if "unconstrained" in c.lower())
    assert wide.loc["upside", revenue] > wide.loc["base", revenue] > wide.loc["downside", revenue]


def test_the_report_is_one_file_without_external_requests(sample_month) -> None:
    page = (sample_month.folder / "report.html").read_text("utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page)
    assert "Content-Security-Policy" in page
    images = re.findall(r"<img\b[^>]*>", page)
    assert len(images) >= 7
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)


def test_a_rerun_without_change_does_nothing(sample_month) -> None:
    from commands import sop

    before = {p: p.stat().st_mtime_ns for p in Path(sample_month.folder).rglob("*") if p.is_file() and p.name != "manifest.json"}
    done = sop("run", "-w", str(sample_month.company), "--month", "2026-10")
    assert done.returncode == 0
    after = {p: p.stat().st_mtime_ns for p in Path(sample_month.folder).rglob("*") if p.is_file() and p.name != "manifest.json"}
    assert before == after


def test_what_can_be_sold_and_served_adds_up_for_each_scenario(read) -> None:
    sellable, units, money = read("sellable_revenue"), read("sellable_units"), read("profit_and_loss")
    assert set(sellable["scenario"]) == set(money["scenario"]) == set(read("financials")["scenario"])
    for name, rows in sellable.groupby("scenario"):
        assert (rows["sold_revenue"] <= rows["demand_revenue"] + 1e-6).all()
        first = rows[rows["month"] == rows["month"].min()]
        assert rows["sellable_revenue"].sum() <= rows["sold_revenue"].sum() + first["owed_revenue"].sum() + 1e-3
        mine = money[money["scenario"] == name].pivot_table(index="month", columns=["statement", "line"], values="money")
        np.testing.assert_allclose(mine[("profit", "revenue")], rows.groupby("month")["sellable_revenue"].sum(), rtol=1e-6, atol=1e-3)
        parts = mine["profit"].drop(columns="operating profit").sum(axis=1)
        np.testing.assert_allclose(parts, mine[("profit", "operating profit")], rtol=1e-9, atol=1e-3)
    plan = read("demand_plan")
    assert units[units["scenario"] == "base"]["demand_units"].sum() == pytest.approx(plan["units"].sum())
    assert sellable[sellable["scenario"] == "base"]["demand_revenue"].sum() == pytest.approx(plan["revenue"].sum())


def test_three_reps_in_march_reach_cash_and_shortages_reach_reps(read) -> None:
    money = read("profit_and_loss").set_index(["scenario", "line", "month"])["money"]
    before = pd.Timestamp("2027-03-01")
    more = money["three_reps"] - money["base"]
    assert (more["rep salaries"][lambda s: s.index < before] == 0).all() and (more["rep salaries"][lambda s: s.index >= before] < 0).all()
    assert more["revenue"].sum() > 0 and more["balance"].iloc[-1] != 0
    risk, short = read("quota_at_risk"), read("shortages")
    assert set(risk["region"]) <= set(short["region"]) and (risk["at_risk"] <= risk["quota"]).all()
    idle, load = read("idle_capacity"), read("capacity_load")
    free = (load["available_hours"] - load["planned_hours"]).clip(lower=0).set_axis(pd.MultiIndex.from_frame(load[["month", "resource"]]))
    assert (idle["idle_hours"].to_numpy() <= free[pd.MultiIndex.from_frame(idle[["month", "resource"]])].to_numpy() + 1e-6).all()


def test_the_plans_for_the_erp_are_files_of_their_own(sample_month, read) -> None:
    for name in ("demand_plan", "supply_plan", "purchase_plan", "transfer_plan", "production_plan", "inventory_targets"):
        told, table = pd.read_csv(sample_month.folder / "plans" / f"{name}.csv", dtype={"item": "str", "product": "str"}), read(name)
        assert list(told.columns) == list(table.columns) and len(told) == len(table) > 0
        units = [c for c in table.columns if c.endswith("units")]
        assert np.allclose(told[units].sum(), table[units].sum(), rtol=1e-12)
    assert (pd.read_csv(sample_month.folder / "plans" / "supply_plan.csv")["month"].str.fullmatch(r"\d{4}-\d{2}")).all()


PLANS = ["demand_plan", "inventory_targets", "supply_plan", "master_schedule", "production_plan", "transfer_plan", "purchase_plan", "hiring_plan"]


@pytest.mark.parametrize("name", PLANS)
def test_each_plan_opens_in_an_erp(sample_month, read, name: str) -> None:
    folder = sample_month.folder / "plans"
    told, table = pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False, encoding="utf-8-sig"), read(name)
    assert list(told.columns) == list(table.columns) and len(told) == len(table)
    words = pd.read_csv(folder / "columns.csv", dtype="str", keep_default_na=False, encoding="utf-8-sig").query("table == @name").set_index("column")
    assert list(words.index) == list(told.columns) and words.ne("").all().all(), "each column says what it holds and in which unit"
    for column, spec in tables.columns(name).items():
        values = told[column][told[column] != ""]
        if spec["kind"] == "month":
            assert values.str.fullmatch(r"\d{4}-\d{2}").all(), column
        elif spec["kind"] == "number":
            assert values.str.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?").all(), column
            assert words.loc[column, "unit"] != "text"
        else:
            assert not values.str.match(r"[=+@\t\r-]").any(), column
            meant = table[column].dropna().astype("str").map(neutral)  # a segment such as -X gets an apostrophe
            pd.testing.assert_series_equal(values, meant.loc[values.index], check_names=False, check_dtype=False)


def test_the_causes_of_changed_orders_add_up(read) -> None:
    steps = read("supply_changes").pivot(index="family", columns="cause", values="money")
    causes = steps.drop(columns=["last plan", "this plan"]).sum(axis=1)
    assert len(steps) >= 4 and np.allclose(steps["last plan"] + causes, steps["this plan"], rtol=1e-9)


def test_stress_tests_begin_with_the_plan_and_none_is_cheaper(read) -> None:
    tests = read("stress_tests")
    assert tests["test"].iloc[0] == "as planned" and len(tests) == 6 and (tests["cost_more"] > -1e-6).all() and tests["cost_more"].iloc[-1] > 0
