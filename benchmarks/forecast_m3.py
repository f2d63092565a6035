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

from sop_helpers.planning import backtest, learners, portfolio, smoothing  # noqa: E402
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


def naive2(history: Matrix, horizon: int = HORIZON) -> Matrix:
    """The last value of the seasonally adjusted series, seasonally adjusted where the autocorrelation says so."""
    profile = np.where(smoothing.is_seasonal(history, SEASON)[:, None], smoothing.seasonal_profile(history, SEASON), 1.0)
    months = history.shape[1]
    return (history[:, -1] / profile[:, (months - 1) % SEASON])[:, None] * profile[:, (months + np.arange(horizon)) % SEASON]


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


def tier(history: Matrix, name: str, seed: int = 0, horizon: int = HORIZON) -> Matrix:
    """The portfolio of a tier, training included."""
    return portfolio.portfolio(history, horizon, SEASON, portfolio.train(history, horizon, SEASON, name, seed)).forecast


def of_logarithms(member: Callable[[Matrix], Matrix], history: Matrix) -> Matrix:
    """A member on the logarithm, as the portfolio has it."""
    mean = np.nanmean(history, axis=1, keepdims=True)
    return np.expm1(member(np.log1p(100 * history / mean))) / 100 * mean


def learned(history: Matrix, recipe: learners.Recipe) -> Matrix:
    """A learner alone; where a series is too short for it, seasonal naive."""
    found = learners.predict(learners.train(recipe, values=history, horizon=HORIZON, season_length=SEASON), history, HORIZON)
    return np.where(np.isnan(found), smoothing.seasonal_naive(history, HORIZON), found)


def msis(history: Matrix, actual: Matrix, low: Matrix, high: Matrix, alpha: float = 0.05) -> float:
    """Mean scaled interval score (Gneiting & Raftery 2007), as in the M4 competition."""
    scale = np.nanmean(np.abs(history[:, SEASON:] - history[:, :-SEASON]), axis=1)
    missed = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return float(np.mean((high - low + 2 / alpha * missed).mean(axis=1) / scale))


def whole(history: Matrix, name: str = "default") -> backtest.Forecast:
    """The workbook's own forecast: routing, backtest, fallback, bands."""
    n, length = history.shape
    months = pd.date_range("2000-01-01", periods=length + HORIZON, freq="MS", unit="us")
    keys = pd.DataFrame({"product": [f"{i:05}" for i in range(n)], "region": "all"})
    panel = Panel(keys, months[:length], history)
    scope = scope_of(panel, pd.DataFrame({"product": keys["product"], "family": keys["product"]}))
    return backtest.forecast(panel, scope, months[length:], tier=name)


def main() -> int:
    """Print the table."""
    folder = Path(os.environ.get("SOP_SHARED") or ROOT.parent / "shared") / "data" / "forecasting"
    if not (folder / "m3_monthly_train.parquet").exists():
        print("skipped: no M3 data; name their folder in SOP_SHARED")
        return 0
    history, actual = load(folder)
    bench = naive2(history)
    bench_smape, bench_mase = smape(actual, bench), mase(history, actual, bench)
    made, seconds = timed(lambda: whole(history))
    table = made.table
    members = {
        "Naive2": timed(lambda: naive2(history)),
        "seasonal naive": timed(lambda: smoothing.seasonal_naive(history, HORIZON)),
        "batch ETS": timed(lambda: smoothing.ets(history, HORIZON).forecast),
        "batch ETS of logarithms": timed(lambda: of_logarithms(lambda y: smoothing.ets(y, HORIZON).forecast, history)),
        "Theta": timed(lambda: smoothing.theta(history, HORIZON)),
        "Theta of logarithms": timed(lambda: of_logarithms(lambda y: smoothing.theta(y, HORIZON), history)),
        "batch ETS of quarters": timed(lambda: smoothing.aggregated(history, HORIZON)),
        "LightGBM on changes of logarithms": timed(lambda: learned(history, portfolio.LARGE[0])),
        "LightGBM on seasons": timed(lambda: learned(history, portfolio.LARGE[2])),
    }
    for name in portfolio.TIERS:
        for seed in (0, 1, 2) if name in ("quick", "default") else (0,):
            members[f"tier {name}" + (f", seed {seed}" if seed else "")] = timed(lambda name=name, seed=seed: tier(history, name, seed))
    members["workbook: tier default with backtest from eight origins, fallback and bands"] = (table["units"].to_numpy().reshape(actual.shape), seconds)
    print("| forecast | sMAPE % | MASE | OWA | ms CPU a series |\n|---|---|---|---|---|")
    for name, (forecast, cpu) in members.items():
        s, m = smape(actual, forecast), mase(history, actual, forecast)
        print(f"| {name} | {s:.2f} | {m:.3f} | {(s / bench_smape + m / bench_mase) / 2:.3f} | {1000 * cpu / len(actual):.2f} |")
    print("\n| band | all | months 1-6 | 7-12 | 13-18 | MSIS |\n|---|---|---|---|---|---|")
    for level in (80, 95):
        low, high = (table[f"{side}{level}"].to_numpy().reshape(actual.shape) for side in ("lo", "hi"))
        inside = (actual >= low) & (actual <= high)
        parts = " | ".join(f"{100 * inside[:, i : i + 6].mean():.1f} %" for i in (0, 6, 12))
        print(f"| {level} % | {100 * inside.mean():.1f} % | {parts} | {msis(history, actual, low, high, 1 - level / 100):.2f} |")
    value_added(history, actual, made)
    return 0


def value_added(history: Matrix, actual: Matrix, made: backtest.Forecast) -> None:
    """Print on how many series the forecast is at least as good as seasonal naive, by class, and how many changed their method since the month before."""
    near = made.tried[made.tried["lag"] <= 3]
    error = near.assign(own=(near["actual"] - near["statistical"]).abs(), naive=(near["actual"] - near["naive"]).abs())
    tried = error.groupby(["product", "kind"])[["own", "naive"]].sum().reset_index()
    units, bench = made.table["units"].to_numpy().reshape(actual.shape), smoothing.seasonal_naive(history, HORIZON)
    off = pd.DataFrame({"own": np.abs(units - actual).sum(axis=1), "naive": np.abs(bench - actual).sum(axis=1)})
    print("\n| class | series | share with FVA >= 0, backtest to lag 3 | error over naive's, backtest |\n|---|---|---|---|")
    for kind, part in [*tried.groupby("kind"), ("all", tried)]:
        print(f"| {kind} | {len(part)} | {(part['own'] <= part['naive'] + 1e-9).mean():.1%} | {part['own'].sum() / part['naive'].sum():.3f} |")
    print(f"\nOn the 18 months held out, FVA is >= 0 on {(off['own'] <= off['naive'] + 1e-9).mean():.1%} of the series; "
          f"their error is {off['own'].sum() / off['naive'].sum():.3f} of naive's.")
    earlier = whole(history[:, :-1]).table
    models = [t.drop_duplicates("product")["model"].to_numpy() for t in (made.table, earlier)]
    print(f"Methods that one more month of history changed: {(models[0] != models[1]).mean():.2%} of the series.")


if __name__ == "__main__":
    sys.exit(main())
