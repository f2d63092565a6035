"""Measure what stock of a place that serves several regions would have given, with their errors together as measured, and as if independent.

    python benchmarks/stock_regions.py output/2026-10/tables

Reads forecast_trials, forecast_errors and regions of a month that has run. Each origin of the backtest is judged by the correlation that origins at least a
quarter away tell; the spread of a region's own error is that of the month's table, for both rules alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sop_helpers.planning.inventory import safety_stock  # noqa: E402
from sop_helpers.planning.panel import KEYS  # noqa: E402
from sop_helpers.planning.shared_errors import AT, joint_variance, together  # noqa: E402

QUARTER = pd.Timedelta(days=75)


def measured(trials: pd.DataFrame, errors: pd.DataFrame, ship_from: pd.Series) -> pd.DataFrame:
    """Return forecast, demand and spread of the error by rule, for each product, place, origin and number of months with several regions."""
    trials = trials[trials["basis"] == "backtest"]
    series = trials[KEYS].drop_duplicates().assign(location=lambda f: f["region"].map(ship_from)).dropna()
    every = trials.merge(series, on=KEYS).merge(errors[[*KEYS, "months", "sd_units"]], on=[*KEYS, "months"])
    out = []
    for origin, now in every.groupby("origin"):
        told = together(trials[(trials["origin"] - origin).abs() >= QUARTER], series, int(every["months"].max())).stack()
        groups = now.groupby([*AT, "months"])
        place = groups.ngroup().to_numpy()
        rows = groups.agg(mean=("expected_units", "sum"), came=("actual_units", "sum"), regions=("region", "size"))
        rho = told.reindex(rows.index).fillna(0.0).to_numpy()[:, None]
        variance = now["sd_units"].to_numpy()[:, None] ** 2
        rows["independent"], rows["together"] = (np.sqrt(joint_variance(variance, place, c))[:, 0] for c in (0 * rho, rho))
        out.append(rows[rows["regions"] > 1])
    return pd.concat(out)


def main(folder: str) -> None:
    """Print achieved service and safety stock by target and rule."""
    tables = Path(folder)
    trials, errors = (pd.read_parquet(tables / f"{name}.parquet") for name in ("forecast_trials", "forecast_errors"))
    regions = pd.read_parquet(tables.parent / "inputs" / "regions.parquet").set_index("region")["ship_from"]
    found = measured(trials, errors, regions)
    mean = found["mean"].clip(lower=1.0)
    for target in (0.95, 0.98):
        for rule in ("independent", "together"):
            safety = safety_stock(target, mean, found[rule], "gamma")
            lasted = (found["came"] <= mean + safety + 1e-9).mean()
            print(f"{target:.0%} {rule:12s} achieved {lasted:.1%} of {len(found):,}, safety stock {safety.sum():,.0f} units")


if __name__ == "__main__":
    main(sys.argv[1])
