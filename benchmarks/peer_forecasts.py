"""Forecast with the peers, in an environment of their own: `benchmarks/forecast_peers.py` makes it and calls this file there.

    python peer_forecasts.py series.npz forecasts.npz

``series.npz`` holds ``history`` (n, T), NaN before a series begins, and ``horizon``, ``season``. Written: one (n, h) array for each peer and, beside it,
its CPU seconds. statsforecast compiles nothing at first use from version 2.1 on, so a first call is a fair one.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd


def main(source: str, target: str) -> int:
    """Forecast every series with each peer and write what came out."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoCES, AutoETS, DynamicOptimizedTheta

    with np.load(source) as given:
        history, horizon, season = given["history"], int(given["horizon"]), int(given["season"])
    row, column = np.nonzero(~np.isnan(history))
    months = pd.date_range("1950-01-01", periods=history.shape[1], freq="MS")
    frame = pd.DataFrame({"unique_id": row, "ds": months[column], "y": history[row, column]})
    out = {}
    for name, model in (("AutoETS", AutoETS), ("AutoCES", AutoCES), ("DOT", DynamicOptimizedTheta)):
        start = time.process_time()
        found = StatsForecast(models=[model(season_length=season, alias=name)], freq="MS", n_jobs=1).forecast(df=frame, h=horizon)
        out[f"{name} seconds"] = np.array(time.process_time() - start)
        out[name] = found.sort_values(["unique_id", "ds"])[name].to_numpy().reshape(len(history), horizon)
    np.savez(target, **out)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
