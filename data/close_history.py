"""Close the two months before the sample's own: run them with the real notebooks and keep small CSV snapshots.

``python data/close_history.py`` lays down a workbook whose open orders, open receipts and bookings are as they were at the start of each month,
runs and closes the month through the command line, and copies the tables that later months look back at to ``data/sample/closed``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "data"), str(ROOT)]

from generate import MONTHS, generate, write  # noqa: E402

from sop_helpers.book import files, tables  # noqa: E402

CLOSED = ROOT / "data" / "sample" / "closed"
# month, day of its meeting and closing
HISTORY = {"2026-08": "2026-08-10 17:00:00", "2026-09": "2026-09-10 17:30:00"}
KEPT = [
    "demand_plan",
    "streams",
    "forecast",
    "forecast_bands",
    "supply_plan",
    "stock_projection",
    "capacity_load",
    "shortages",
    "kpis",
    "decisions",
    "actions",
    "financials",
    "scenarios",
    "deal_snapshots",
]
DIGITS = {"units": 1, "currency": 0, "hours": 1}
AUTHOR, REASON = "Jonas Jansen", "signed off in the meeting"


def lay_down(folder: Path, month: str) -> None:
    """Write the company as it was at the start of a month, with the months closed so far."""
    write(generate(as_of=month), folder / "data" / "sample")
    shutil.copy(ROOT / "data" / "sample" / "journal.json", folder / "data" / "sample")
    shutil.copy(ROOT / "workbook.toml", folder)
    for label in (label for label in HISTORY if label < month):
        shutil.copytree(CLOSED / label, folder / "data" / "sample" / "closed" / label)


def sop(*arguments: str) -> None:
    """Run the ``sop`` command; its failure is ours."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SOP_")} | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    subprocess.run([sys.executable, "-m", "sop_helpers.engine.cli", *arguments], cwd=ROOT, env=environment, check=True)


def rounded(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Round a table as far as nobody misses it: units to a tenth, money to a whole, shares and ratios to six places."""
    out = frame.copy()
    for column, spec in tables.columns(name).items():
        if column in out and spec["kind"] == "number":
            out[column] = out[column].round(DIGITS.get(spec["unit"], 6))
    return out


def summed(frames: dict[str, pd.DataFrame], exact: pd.DataFrame) -> pd.DataFrame:
    """Give the demand plan the sum of its rounded streams, at the prices and margins it was made with: what was closed still adds up."""
    key = ["month", "product", "region"]
    plan = frames["demand_plan"].drop(columns="units").merge(frames["streams"].groupby(key, as_index=False)["units"].sum(), on=key, how="left")
    plan["units"] = plan["units"].fillna(0.0).round(DIGITS["units"])
    share = plan["units"] / exact["units"].where(exact["units"] > 0)
    for money in ("revenue", "margin"):
        plan[money] = (exact[money] * share).fillna(0.0).round(2)
    return plan[exact.columns]


def snapshot(source: Path, target: Path, month: str) -> None:
    """Copy a closed month's tables as CSV, with the digests of what was kept."""
    shutil.rmtree(target, ignore_errors=True)
    frames = {}
    for name in KEPT:
        file = source / "tables" / f"{name}.parquet"
        if file.exists():
            frames[name] = rounded(name, pd.read_parquet(file))
    frames["demand_plan"] = summed(frames, pd.read_parquet(source / "tables" / "demand_plan.parquet"))
    day = {c for name in frames for c, spec in tables.columns(name).items() if spec["kind"] == "day"}
    assert not day & MONTHS, "a column is a month in one table and a day in another"
    write(frames, target / "tables")
    kept = {f"tables/{file.name}": files.digest_file(file) for file in sorted((target / "tables").glob("*.csv"))}
    closed = {"month": month, "status": "closed", "closed_on": HISTORY[month], "author": AUTHOR, "reason": REASON, "files": kept}
    (target / "closed.json").write_text(json.dumps(closed, indent=1) + "\n", "utf-8")


def main() -> None:
    """Run and close the months, oldest first."""
    for month in HISTORY:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lay_down(folder, month)
            sop("run", "-w", str(folder), "--month", month)
            sop("close", month, "-w", str(folder), "--author", AUTHOR, "--reason", REASON)
            snapshot(folder / "output" / month, CLOSED / month, month)


if __name__ == "__main__":
    main()
