"""A company of two products and two notebooks, which runs in seconds and breaks on request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MONTH = "2026-10"

GATHER = ['sales = cycle.gather("sales")', 'products = cycle.gather("products")', 'assert len(sales), "no sales before the month"']
DEMAND = [
    "import pandas as pd",
    'sales, products, overrides = cycle.read("sales"), cycle.read("products"), cycle.journal.read("override")',
    'plan = sales[sales["month"] == cycle.last_actual][["product", "region", "units"]].merge(pd.DataFrame({"month": cycle.horizon}), how="cross")',
    "plan = plan.assign(statistical_units=plan.units, units=plan.units + overrides.units.sum()).merge(products[['product', 'unit_price']], on='product')",
    "plan = plan.assign(revenue=plan.units * plan.unit_price, margin=0.0)[['month', 'product', 'region', 'statistical_units', 'units', 'revenue', 'margin']]",
    'kept = cycle.write("demand_plan", plan)',
    'print("planned", len(kept))',
]
SUPPLY = [
    'plan = cycle.read("demand_plan")',
    'import pandas as pd\nload = pd.DataFrame({"month": cycle.horizon, "resource": "line", "available_hours": 100.0})',
    'hours = plan.groupby("month").units.sum().to_numpy()',
    "load = load.assign(required_hours=hours, planned_hours=hours, overtime_limit=0.0, overtime_hours=0.0)",
    'kept = cycle.write("capacity_load", load)',
]


def notebook(cells: list[str], parameters: str = "") -> dict:
    """Return a notebook whose first cell takes the parameters and whose second opens the cycle."""
    first = f'month = "{MONTH}"\nworkbook = "workbook.toml"\nscenario = "base"\n{parameters}'
    sources = [first, "from sop_helpers import open_cycle\ncycle = open_cycle(month, workbook, scenario)", *cells]
    made = [{"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": s} for n, s in enumerate(sources)]
    made[0]["metadata"]["tags"] = ["parameters"]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}


def put(company: Path, step: str, cells: list[str], parameters: str = "") -> Path:
    """Write a step's notebook."""
    file = company / "notebooks" / f"{step}.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(notebook(cells, parameters), indent=1), encoding="utf-8")
    return file


def sales(units: float = 10) -> str:
    """Return the text of sales.csv: three months, one of them not to be seen in October."""
    rows = [f"{m},{p},N,{units},{units * 5}" for m in ("2026-08", "2026-09", "2026-10") for p in ("00123", "1E5")]
    return "\n".join(["month,product,region,units,revenue", *rows]) + "\n"


def make(company: Path) -> Path:
    """Lay the company down."""
    (company / "data").mkdir(parents=True)
    (company / "workbook.toml").write_text(
        f'month = "{MONTH}"\nnotebooks = "notebooks"\nclosed = "closed"\n[company]\nname = "Tiny"\n'
        "[calendar]\nhorizon_months = 6\n[scenarios.upside]\ndemand_factor = 1.2\n"
    )
    (company / "data" / "products.csv").write_text("product,family,unit_price,unit_cost\n00123,A,10,5\n1E5,A,20,9\n")
    (company / "data" / "sales.csv").write_text(sales())
    put(company, "10_gather", GATHER)
    put(company, "20_demand", DEMAND)
    put(company, "21_supply", SUPPLY)
    return company


def sop(company: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in the company's folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SOP_")} | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environment
    command = [sys.executable, "-m", "sop_helpers.engine.cli", *arguments]
    return subprocess.run(command, cwd=company, env=clean, capture_output=True, text=True, timeout=300)


def whole(company: Path) -> dict[str, str]:
    """Return the digests of what is published, and hold every table against its manifest."""
    from sop_helpers.book.files import digest_file, read_json

    folder = company / "output" / MONTH
    entries = read_json(folder / "manifest.json")["tables"]
    digests = {file.stem: digest_file(file) for file in folder.rglob("*.parquet")}
    assert digests == {table: entry["digest"] for table, entry in entries.items()}
    assert set(digests) == {"sales", "products", "demand_plan", "capacity_load"}
    return digests
