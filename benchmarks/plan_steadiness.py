"""Measure what a price on changing last month's plan does when a company plans anew every month on forecasts that move.

    python benchmarks/plan_steadiness.py

Companies are drawn at random (see tests/unit/rolling_company.py): six products and their components, one line short in season, forecasts that move by 6 % a
month. Each is planned for eight months at every price; what the first month releases is done, and customers order something else again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

from rolling_company import rolling_company  # noqa: E402

from sop_helpers.planning.supply_rolling import frontier, replan  # noqa: E402

RATES = (0.0, 0.01, 0.02, 0.05)
COMPANIES = range(20, 23)


def measured() -> pd.DataFrame:
    """Return the frontier of each company."""
    out = []
    for seed in COMPANIES:
        tables, forecasts, actual, months = rolling_company(seed)
        points = frontier([replan(tables, forecasts, actual, months, horizon=8, change_rate=rate) for rate in RATES])
        out.append(points.assign(company=seed))
    return pd.concat(out, ignore_index=True)


def main() -> None:
    """Print mean, worst cut and highest cost by price of a change."""
    by_rate = measured().groupby("change_rate")
    table = pd.DataFrame({"cut": by_rate["changes_cut"].mean(), "least": by_rate["changes_cut"].min(), "cost": by_rate["cost_added"].mean(),
                          "most": by_rate["cost_added"].max()})  # fmt: skip
    print("| price of a change | near-month changes cut, mean | least | realised cost added, mean | most |\n|---:|---:|---:|---:|---:|")
    for rate, row in table.iterrows():
        print(f"| {float(np.float64(rate)):.1%} | {row['cut']:.0%} | {row['least']:.0%} | {row['cost']:.2%} | {row['most']:.2%} |")


if __name__ == "__main__":
    main()
