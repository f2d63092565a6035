"""Levels brought into agreement on Australian retail: 152 series of 20 industries in 8 states, twelve months ahead from eight past months.

``SOP_SHARED=<folder of the data> python benchmarks/forecast_retail.py [tier]`` prints a table for benchmarks/README.md.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sop_helpers.planning import backtest, hierarchy  # noqa: E402
from sop_helpers.planning.forecasting import Scope  # noqa: E402
from sop_helpers.planning.panel import KEYS, Panel, to_panel  # noqa: E402

AHEAD, HISTORY, APART = 12, 120, 6  # months ahead, months known, months between origins


def load(folder: Path) -> Panel:
    """Return turnover by industry (as product) and state (as region)."""
    data = pd.read_parquet(folder / "aus_retail_monthly_hier.parquet")
    month = pd.to_datetime(data["ds"].astype(str)).dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")
    named = {"product": data["Industry"].astype(str), "region": data["State"].astype(str), "units": data["y"]}
    return to_panel(pd.DataFrame({"month": month, **named}).sort_values("month"))


def groups(panel: Panel) -> pd.Series:
    """Family of each industry: the first word of its name, as the statistical office groups them."""
    products = panel.keys["product"].unique()
    return pd.Series({name: name.split()[0].strip(",") for name in products})


def errors(panel: Panel, origins: int, tier: str = "draft") -> tuple[pd.DataFrame, list[str]]:
    """WMAPE by level, bottom-up and reconciled, mean over the origins; and how each origin was reconciled."""
    family, n = groups(panel), len(panel.keys)
    tree = hierarchy.tree_of(panel.keys, family)
    scope = Scope(np.zeros(n, dtype=int), np.full(n, -1), np.full(n, 10**6))
    rows, methods = [], []
    for k in range(origins):
        end = len(panel.months) - AHEAD - k * APART
        known = Panel(panel.keys, panel.months[end - HISTORY : end], panel.values[:, end - HISTORY : end])
        came = tree.up(panel.values[:, end : end + AHEAD])
        size = pd.Series(came.sum(axis=1)).groupby(tree.level, sort=False).sum()
        for name, levels in (("bottom-up", None), ("reconciled", family)):
            found = backtest.forecast(known, scope, panel.months[end : end + AHEAD], tier=tier, family=levels)
            wide = found.table.pivot(index=KEYS, columns="month", values="units").loc[pd.MultiIndex.from_frame(panel.keys[KEYS])].to_numpy()
            error = pd.Series(np.abs(tree.up(wide) - came).sum(axis=1)).groupby(tree.level, sort=False).sum() / size
            rows.append(error.rename(name))
        methods.append(found.method)
    return pd.concat(rows, axis=1).T.groupby(level=0).mean().T, methods


def main(tier: str = "default") -> int:
    """Print the table."""
    folder = Path(os.environ.get("SOP_SHARED") or ROOT.parent / "shared") / "data" / "forecasting"
    if not (folder / "aus_retail_monthly_hier.parquet").exists():
        print("skipped: no data of Australian retail; name their folder in SOP_SHARED")
        return 0
    start = time.perf_counter()
    table, methods = errors(load(folder), 8, tier)
    print(f"tier {tier}, {time.perf_counter() - start:.0f} s for 16 forecasts\n")
    print("| level | bottom-up | reconciled | ratio |\n|---|---:|---:|---:|")
    for level, row in table.iterrows():
        print(f"| {level} | {row['bottom-up']:.2%} | {row['reconciled']:.2%} | {row['reconciled'] / row['bottom-up']:.3f} |")
    print("\n" + "; ".join(f"{methods.count(m)} times {m}" for m in dict.fromkeys(methods)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
