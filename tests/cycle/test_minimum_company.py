"""A company that brings only products and sales gets its month, and is told what is switched off."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import sop

from sop_helpers.book import tables


def write_company(folder: Path, sales: pd.DataFrame, products: pd.DataFrame) -> Path:
    """Lay down a workbook with the two required tables."""
    (folder / "data").mkdir(parents=True)
    (folder / "workbook.toml").write_text('month = "2026-10"\n[company]\nname = "Two Tables & Co"\ncurrency = "USD"\n', "utf-8")
    sales.assign(month=sales["month"].dt.strftime("%Y-%m")).to_csv(folder / "data" / "sales.csv", index=False)
    products.to_csv(folder / "data" / "products.csv", index=False)
    return folder


def history(product: str, region: str, units: np.ndarray, price: float = 10.0) -> pd.DataFrame:
    """A monthly series that ends in 2026-09."""
    months = pd.date_range(end="2026-09-01", periods=len(units), freq="MS")
    return pd.DataFrame({"month": months, "product": product, "region": region, "units": units, "revenue": units * price})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The month of a company with a steady product, a dead one, one without history and a region with one month."""
    season = 100 + 20 * np.sin(np.arange(30) * np.pi / 6).round(2)
    sales = pd.concat([history("007", "north", season), history("NA", "north", np.zeros(24)), history("007", "south", np.array([40.0]))])
    products = pd.DataFrame({"product": ["007", "NA", "1E5"], "family": ["A", "A", "B"], "unit_price": [10, 20, 30], "unit_cost": [6, 12, 18]})
    folder = write_company(tmp_path_factory.mktemp("minimum") / "company", sales, products)
    return folder, sop("run", "-w", str(folder))


def test_the_month_runs(run) -> None:
    folder, done = run
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "output" / "2026-10" / "report.html").exists()


def test_codes_stay_text(run) -> None:
    folder, _ = run
    plan = pd.read_parquet(folder / "output" / "2026-10" / "tables" / "demand_plan.parquet")
    assert {"007", "NA"} <= set(plan["product"])
    assert np.isfinite(plan["units"]).all()


def test_the_plan_follows_history(run) -> None:
    folder, _ = run
    plan = pd.read_parquet(folder / "output" / "2026-10" / "tables" / "demand_plan.parquet")
    north = plan[(plan["product"] == "007") & (plan["region"] == "north")]["units"]
    assert north.mean() == pytest.approx(100, rel=0.15)
    assert plan.loc[plan["product"] == "NA", "units"].sum() == pytest.approx(0, abs=1e-6)


def test_every_table_keeps_its_contract(run) -> None:
    folder, _ = run
    for file in (folder / "output" / "2026-10" / "tables").glob("*.parquet"):
        tables.schema(file.stem).validate(pd.read_parquet(file))


def test_the_report_says_what_is_switched_off(run) -> None:
    folder, _ = run
    page = re.sub(r"<[^>]+>", " ", (folder / "output" / "2026-10" / "report.html").read_text("utf-8"))
    assert re.search(r"(no|without|missing|not brought)[^.]{0,80}(inventory|operations|stock)", page, re.IGNORECASE)
    assert " nan " not in page.lower() and " inf " not in page.lower()
