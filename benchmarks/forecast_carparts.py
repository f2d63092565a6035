"""Measure intermittent demand on the car parts of Hyndman et al. (2,509 series, 39 months to learn from, 12 to come).

    python benchmarks/forecast_carparts.py

Name the folder that holds `data/forecasting/carparts_train.parquet` and `carparts_test.parquet` (columns unique_id, ds, y) in SOP_SHARED. Three months
together are what stock bridges here: the pinball loss is that of the 90 and 95 % quantiles of their sum. The peers' quantiles are Poisson's at their
rate, or normal with the spread of their errors in the history, whichever is better for the peer.
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

from sop_helpers.planning import forecasting, intermittent  # noqa: E402

MONTHS, LEVELS = 3, (0.90, 0.95)
Matrix = np.ndarray
RATES = {
    "Croston": lambda y: intermittent.croston(y, 1, "croston")[:, 0],
    "SBA": lambda y: intermittent.croston(y, 1, "sba")[:, 0],
    "TSB": lambda y: intermittent.croston(y, 1, "tsb")[:, 0],
    "ADIDA": lambda y: intermittent.adida(y, 1)[:, 0],
    "IMAPA": lambda y: intermittent.imapa(y, 1)[:, 0],
    "nothing": lambda y: np.zeros(len(y)),
}


def load(folder: Path) -> tuple[Matrix, Matrix]:
    """Return history (n, 39) and what came (n, 12)."""
    parts = [pd.read_parquet(folder / f"carparts_{part}.parquet").pivot(index="unique_id", columns="ds", values="y") for part in ("train", "test")]
    return parts[0].to_numpy(float), parts[1].loc[parts[0].index].to_numpy(float)


def pinball(came: Matrix, quantile: Matrix, level: float) -> float:
    """Mean loss of a quantile (n,) on sums that came (n, k)."""
    miss = came - quantile[:, None]
    return float(np.maximum(level * miss, (level - 1) * miss).mean())


def sums(actual: Matrix) -> Matrix:
    """What came, in stretches of `MONTHS`."""
    return actual.reshape(len(actual), -1, MONTHS).sum(axis=2)


def peer_losses(history: Matrix, actual: Matrix, rate: Matrix) -> list[float]:
    """Pinball loss at each level, Poisson or normal, whichever is less."""
    from scipy import stats

    came, mean = sums(actual), rate * MONTHS
    spread = np.sqrt(((history - rate[:, None]) ** 2).mean(axis=1) * MONTHS)
    normal = [np.maximum(mean + stats.norm.ppf(level) * spread, 0.0) for level in LEVELS]
    return [min(pinball(came, quantile, level) for quantile in (stats.poisson.ppf(level, mean), normal[i])) for i, level in enumerate(LEVELS)]


def own_losses(history: Matrix, actual: Matrix) -> tuple[list[float], list[float]]:
    """Pinball loss and coverage of the learned quantiles at each level."""
    told = intermittent.sum_quantiles(history, intermittent.learn_sums(history, MONTHS, LEVELS))
    came = sums(actual)
    return [pinball(came, told[:, i], level) for i, level in enumerate(LEVELS)], [float((came <= told[:, [i]]).mean()) for i in range(len(LEVELS))]


def bias(actual: Matrix, rate: Matrix) -> float:
    """Bias of the total: forecast over what came, less one."""
    return float(rate.sum() * actual.shape[1] / actual.sum() - 1)


def forecasts(history: Matrix, ahead: int) -> tuple[Matrix, Matrix]:
    """Units of the workbook's forecast with smoothed rates and with learned ones (quick tier): one family, no like products, no ends."""
    n = len(history)
    scope = forecasting.Scope(np.zeros(n, dtype=int), np.full(n, -1), np.full(n, 10**6))
    smoothed, learned = (forecasting.point_forecast(history, ahead, scope, trained=t).units for t in (None, forecasting.learn(history, ahead, tier="quick")))
    return smoothed, learned


def workbook(history: Matrix, actual: Matrix) -> tuple[float, float, float]:
    """Bias of the total of the workbook's forecast with smoothed rates and with learned ones, and the latter's squared error of sums over the former's.

    The whole forecast: young parts, ended ones and those not sold yet, of which nothing is forecast, are in it.
    """
    units = forecasts(history, actual.shape[1])
    squares = [((one.sum(axis=1) - actual.sum(axis=1)) ** 2).mean() for one in units]
    smoothed, learned = (float(one.sum() / actual.sum() - 1) for one in units)
    return smoothed, learned, float(squares[1] / squares[0])


def main() -> int:
    """Print the tables."""
    folder = Path(os.environ.get("SOP_SHARED") or ROOT.parent / "shared") / "data" / "forecasting"
    if not (folder / "carparts_train.parquet").exists():
        print("skipped: no car parts; name their folder in SOP_SHARED")
        return 0
    history, actual = load(folder)
    print("| forecast | bias of the total | MAE a month | pinball 90 % | pinball 95 % |\n|---|---|---|---|---|")
    for name, make in RATES.items():
        rate = make(history)
        ninety, ninetyfive = peer_losses(history, actual, rate)
        print(f"| {name} | {100 * bias(actual, rate):+.1f} % | {np.abs(actual - rate[:, None]).mean():.3f} | {ninety:.3f} | {ninetyfive:.3f} |")
    start = time.process_time()
    losses, covered = own_losses(history, actual)
    seconds = time.process_time() - start
    units = forecasts(history, actual.shape[1])[1]
    print(f"| the workbook's, rates learned | {100 * (units.sum() / actual.sum() - 1):+.1f} % | {np.abs(actual - units).mean():.3f} | | |")
    print(f"| learned quantiles of sums | | | {losses[0]:.3f} | {losses[1]:.3f} |")
    print(f"\nThe learned quantiles covered {covered[0]:.1%} and {covered[1]:.1%}, at {1000 * seconds / len(actual):.2f} ms CPU a series, training counted.")
    months = np.hstack([history, actual])
    print("\n| months known | bias, smoothed rates | bias, learned rates | squared error, ratio |\n|---:|---:|---:|---:|")
    for known in (27, 30, 33, 36, 39):
        smoothed, learned, squares = workbook(months[:, :known], months[:, known : known + 12])
        print(f"| {known} | {100 * smoothed:+.1f} % | {100 * learned:+.1f} % | {squares:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
