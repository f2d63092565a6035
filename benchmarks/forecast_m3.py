"""Measure the statistical forecast on the M3 competition's monthly series (1,428 series, 18 months ahead).

    python benchmarks/forecast_m3.py

The data are not ours to ship: name the folder that holds `data/forecasting/m3_monthly_train.parquet` and `m3_monthly_test.parquet` (columns unique_id,
ds, y) in SOP_SHARED. OWA is the mean of sMAPE and MASE, each relative to Naive2, as in the M4 competition; below 1 beats Naive2. Published on these
series: Theta 0.827, ForecastPro 0.823.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sop_helpers.planning import backtest, smoothing  # noqa: E402
from sop_helpers.planning.forecasting import scope_of  # noqa: E402
from sop_helpers.planning.panel import Panel  # noqa: E402

HORIZON, SEASON = 18, 12
Matrix = np.ndarray


def load(folder: Path) -> tuple[Matrix, Matrix]:
    """Return history, ending in the last column, and what came."""
    train, test = (pd.read_parquet(folder / f"m3_monthly_{part}.parquet").sort_values(["unique_id", "ds"]) for part in ("train", "test"))
    groups = {name: g.to_numpy(float) for name, g in train.groupby("unique_id")["y"]}
    history = np.full((len(groups), max(map(len, groups.values()))), np.nan)
    for row, y in enumerate(groups.values()):
        history[row, -len(y) :] = y
    return history, np.stack([g.to_numpy(float) for _, g in test.groupby("unique_id")["y"]])


def naive2(history: Matrix) -> Matrix:
    """The last value of the seasonally adjusted series, seasonally adjusted where the autocorrelation says so."""
    profile = np.where(smoothing.is_seasonal(history, SEASON)[:, None], smoothing.seasonal_profile(history, SEASON), 1.0)
    months = history.shape[1]
    return (history[:, -1] / profile[:, (months - 1) % SEASON])[:, None] * profile[:, (months + np.arange(HORIZON)) % SEASON]


def smape(actual: Matrix, forecast: Matrix) -> float:
    """In per cent, as in the competitions."""
    return float(np.mean(200 * np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast))))


def mase(history: Matrix, actual: Matrix, forecast: Matrix) -> float:
    """Mean over series of the mean absolute error over that of seasonal naive in sample."""
    scale = np.nanmean(np.abs(history[:, SEASON:] - history[:, :-SEASON]), axis=1)
    return float(np.mean(np.abs(actual - forecast).mean(axis=1) / scale))


def timed(make: Callable[[], Matrix]) -> tuple[Matrix, float]:
    """Return a forecast and its CPU seconds."""
    start = time.process_time()
    return make(), time.process_time() - start


def logs(history: Matrix) -> Matrix:
    """The member of the portfolio that works on the logarithm."""
    mean = np.nanmean(history, axis=1, keepdims=True)
    return np.expm1(smoothing.ets(np.log1p(100 * history / mean), HORIZON).forecast) / 100 * mean


def whole(history: Matrix) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The workbook's own forecast: routing, backtest, fallback, bands."""
    n, length = history.shape
    months = pd.date_range("2000-01-01", periods=length + HORIZON, freq="MS", unit="us")
    keys = pd.DataFrame({"product": [f"{i:05}" for i in range(n)], "region": "all"})
    panel = Panel(keys, months[:length], history)
    scope = scope_of(panel, pd.DataFrame({"product": keys["product"], "family": keys["product"]}))
    return backtest.forecast(panel, scope, months[length:])


def main() -> int:
    """Print the table."""
    folder = Path(os.environ.get("SOP_SHARED") or ROOT.parent / "shared") / "data" / "forecasting"
    if not (folder / "m3_monthly_train.parquet").exists():
        print("skipped: no M3 data; name their folder in SOP_SHARED")
        return 0
    history, actual = load(folder)
    bench = naive2(history)
    bench_smape, bench_mase = smape(actual, bench), mase(history, actual, bench)
    table, seconds = timed(lambda: whole(history)[0])
    members = {
        "Naive2": timed(lambda: naive2(history)),
        "seasonal naive": timed(lambda: smoothing.seasonal_naive(history, HORIZON)),
        "batch ETS": timed(lambda: smoothing.ets(history, HORIZON).forecast),
        "batch ETS on logarithms": timed(lambda: logs(history)),
        "Theta": timed(lambda: smoothing.theta(history, HORIZON)),
        "portfolio: mean of the three": timed(lambda: smoothing.portfolio(history, HORIZON).forecast),
        "default: with backtest, fallback and bands": (table["units"].to_numpy().reshape(actual.shape), seconds),
    }
    print("| forecast | sMAPE % | MASE | OWA | ms CPU a series |\n|---|---|---|---|---|")
    for name, (forecast, cpu) in members.items():
        s, m = smape(actual, forecast), mase(history, actual, forecast)
        print(f"| {name} | {s:.2f} | {m:.3f} | {(s / bench_smape + m / bench_mase) / 2:.3f} | {1000 * cpu / len(actual):.2f} |")
    print("\n| band | all | months 1-6 | 7-12 | 13-18 |\n|---|---|---|---|---|")
    for level in (80, 95):
        low, high = (table[f"{side}{level}"].to_numpy().reshape(actual.shape) for side in ("lo", "hi"))
        inside = (actual >= low) & (actual <= high)
        parts = " | ".join(f"{100 * inside[:, i : i + 6].mean():.1f} %" for i in (0, 6, 12))
        print(f"| {level} % | {100 * inside.mean():.1f} % | {parts} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
