"""Levels that come out of the reconciling worse than their own forecast: how many, and what bringing them in once more does to months not used for the choice.

``python benchmarks/level_guard.py [tier]`` forecasts the sample company from past months, three to twelve months ahead, and prints a table for
benchmarks/README.md; with ``SOP_SHARED=<folder of the data>`` Australian retail as well.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent))

import forecast_retail as retail  # noqa: E402

from sop_helpers.book.config import load_workbook  # noqa: E402
from sop_helpers.book.sources import read_table  # noqa: E402
from sop_helpers.planning import backtest, hierarchy, history  # noqa: E402
from sop_helpers.planning.forecasting import scope_of  # noqa: E402
from sop_helpers.planning.panel import Panel  # noqa: E402

AHEAD = 12


def sample() -> tuple[Panel, pd.DataFrame, list[int]]:
    """Return the sample company's history, its products, and how many months are left out each time."""
    book, month = load_workbook(retail.ROOT), pd.Timestamp("2026-10-01")
    products = read_table(book, "products", month)
    raw = history.complete_history(read_table(book, "sales", month), products, month - pd.DateOffset(months=1))
    return history.history_panel(raw, products, "raw_units"), products, list(range(3, 31, 2))


def retailers(folder: Path) -> tuple[Panel, pd.DataFrame, list[int]]:
    """Return the same of Australian retail, from two dozen years."""
    panel = retail.load(folder)
    return panel, retail.groups(panel).rename_axis("product").rename("family").reset_index(), [AHEAD + 12 * k for k in range(24)]


def measure(panel: Panel, products: pd.DataFrame, cuts: list[int], tier: str, again: tuple[float, ...]) -> pd.Series:
    """Return levels worse than alone in the backtest and afterwards, and mean WMAPE afterwards by level."""
    hierarchy.AGAIN, rows = again, []
    for cut in cuts:
        end = panel.values.shape[1] - cut
        past, span = slice(max(0, end - retail.HISTORY), end), min(cut, AHEAD)
        sold = (np.nan_to_num(panel.values[:, past]) > 0).any(axis=1)
        known = Panel(panel.keys[sold].reset_index(drop=True), panel.months[past], panel.values[sold, past])
        months = pd.date_range(panel.months[end], periods=AHEAD, freq="MS")
        made = backtest.forecast(known, scope_of(known, products), months, tier=tier, family=products.set_index("product")["family"])
        tree = hierarchy.tree_of(known.keys, products.set_index("product")["family"])
        came = tree.up(panel.values[sold, end : end + span])
        error = np.abs(tree.up(made.table["units"].to_numpy().reshape(len(known.keys), AHEAD)[:, :span]) - came).sum(axis=1)
        by = [pd.Series(part).groupby(tree.level, sort=False).sum() for part in (error, came.sum(axis=1))]
        worse = made.levels["reconciled_wmape"] > made.levels["base_wmape"] * (1 + 1e-9)
        rows.append((by[0] / by[1]).rename(None).to_dict() | {"levels worse than alone": float(worse.sum())})
    out = pd.DataFrame(rows)
    return pd.concat([out[["levels worse than alone"]].sum(), out.drop(columns="levels worse than alone").mean()])


def main(tier: str = "draft") -> int:
    """Print the table."""
    folder = Path(os.environ.get("SOP_SHARED") or retail.ROOT.parent / "shared") / "data" / "forecasting"
    sets = {"sample": sample()} | ({"retail": retailers(folder)} if (folder / "aus_retail_monthly_hier.parquet").exists() else {})
    for name, (panel, products, cuts) in sets.items():
        once, twice = (measure(panel, products, cuts, tier, again) for again in ((0.0,), hierarchy.AGAIN))
        print(f"{name}, tier {tier}, {len(cuts)} past months\n\n| | once | once more |\n|---|---:|---:|")
        for row in once.index:
            shown = "{:.0f}" if row.startswith("levels") else "{:.2%}"
            print(f"| {row} | {shown.format(once[row])} | {shown.format(twice[row])} |")
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
