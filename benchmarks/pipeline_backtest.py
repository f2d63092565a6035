"""The bookings forecast against all-open x win rate and stage weights, each made at past months with what was known then.

`python benchmarks/pipeline_backtest.py`: the CRM export under SOP_SHARED (default ../shared), five months of 2017, and the sample company, twelve months.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "cases"), str(ROOT)]

from test_pipeline_cases import CRM, crm  # noqa: E402

from sop_helpers.book.config import load_workbook  # noqa: E402
from sop_helpers.book.sources import read_table  # noqa: E402
from sop_helpers.planning import bookings_backtest  # noqa: E402


def sample() -> tuple[pd.DataFrame, ...]:
    """Return opportunities, products and reps of the sample company."""
    workbook, month = load_workbook(ROOT / "workbook.toml"), pd.Timestamp("2026-10-01")
    return tuple(read_table(workbook, table, month) for table in ("opportunities", "products", "reps"))


def main() -> None:
    """Print the table."""
    print("| deals | what is forecast | method | months | MAPE | bias |\n|---|---|---|---:|---:|---:|", flush=True)
    cases = [("sample", sample(), "2026-10-01", 4)]
    if CRM.is_dir():
        cases.insert(0, ("CRM export", crm(), "2018-01-01", 1))
    for name, tables, month, first_month in cases:
        tried, steps = bookings_backtest.backtest(*tables, pd.Timestamp(month), first_month=first_month)
        for row in bookings_backtest.judge(tried).itertuples():
            what = {"open": "deals open then", "all": "all bookings"}[row.scope]
            print(f"| {name} | {what} | {row.method} | {row.months} | {row.mape:.1%} | {row.bias:+.1%} |", flush=True)
        inside = bookings_backtest.covered(steps)["inside"]
        print(f"| {name} | share of {len(inside)} months inside the 80 % band | age hazard | | {inside.mean():.0%} | |", flush=True)


if __name__ == "__main__":
    main()
