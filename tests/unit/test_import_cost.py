"""The forecasting part is light to import: what is heavy is imported where it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("scipy", "lightgbm", "statsmodels", "hierarchicalforecast", "dask", "distributed", "matplotlib", "sklearn", "threadpoolctl")


def test_importing_the_forecast_loads_nothing_heavy() -> None:
    code = "import json, sys; import sop_helpers.planning.backtest; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = json.loads(done.stdout)
    assert "pandas" in loaded
    assert not set(HEAVY) & set(loaded)
