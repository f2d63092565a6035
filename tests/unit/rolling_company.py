"""A company whose forecasts move from month to month, drawn at random: for trials of planning anew every month."""

from __future__ import annotations

import numpy as np
import pandas as pd
from supply_networks import company

START = pd.Timestamp("2026-10-01")


def rolling_company(seed: int, products: int = 6, cycles: int = 8, horizon: int = 8):
    """Return tables, forecasts, actual demand and the months lived through.

    Seasonal demand on one line that is short in season; each month every forecast moves by some per cent, near months no less than far ones.
    """
    draw = np.random.default_rng(seed)
    months = pd.date_range(START, periods=cycles + horizon, freq="MS", unit="us")
    names = [f"P{k}" for k in range(products)]
    level = draw.uniform(50, 300, products)
    season = 1 + draw.uniform(0.1, 0.4) * np.sin(2 * np.pi * (np.arange(len(months)) + draw.integers(0, 12)) / 12)
    belief = level[:, None] * season[None, :]
    rows, actual = [], []
    for k, made in enumerate(months[:cycles]):
        belief = belief * np.exp(draw.normal(0, 0.06, belief.shape))
        for p, name in enumerate(names):
            rows += [{"made_in": made, "month": months[t], "product": name, "region": "r", "units": belief[p, t]} for t in range(k, k + horizon)]
            actual.append({"month": made, "product": name, "region": "r", "units": belief[p, k] * float(np.exp(draw.normal(0, 0.1)))})
    cost = draw.uniform(5, 40, products)
    hours = draw.uniform(0.2, 1.0, products)
    load = float((level * hours).sum())
    tables = company(
        products=[{"product": n, "family": "F", "unit_price": 2.2 * c, "unit_cost": c} for n, c in zip(names, cost, strict=True)],
        operations=[{"operation": f"make {n}", "kind": "make", "item": n, "location": "main", "lead_time_months": float(draw.integers(0, 2)),
                     "unit_cost": 0.5 * c}
                    for n, c in zip(names, cost, strict=True)]
        + [{"operation": f"buy {n}", "kind": "buy", "item": f"C{n}", "location": "main", "supplier": "S", "lead_time_months": 1.0, "unit_cost": 0.5 * c}
           for n, c in zip(names, cost, strict=True)],
        components=[{"operation": f"make {n}", "item": f"C{n}", "units_per": 1.0} for n in names],
        loads=[{"operation": f"make {n}", "resource": "line", "hours_per_unit": h} for n, h in zip(names, hours, strict=True)],
        resources=[{"resource": "line", "regular_hours": 1.1 * load, "overtime_hours": 0.25 * load, "overtime_rate": 12.0}],
        inventory=[{"month": START - pd.DateOffset(months=1), "item": i, "location": "main", "on_hand": u}
                   for n, u in zip(names, level, strict=True) for i, u in ((n, 1.2 * u), (f"C{n}", 1.1 * u))],
        targets=[{"month": m, "item": i, "location": "main", "target_units": s * u}
                 for n, u in zip(names, level, strict=True) for i, s in ((n, 0.5), (f"C{n}", 0.3)) for m in months],
    )  # fmt: skip
    del tables["demand"]
    stamped = [pd.DataFrame(f).astype({c: "datetime64[us]" for c in ("made_in", "month") if c in f[0]}) for f in (rows, actual)]
    return tables, stamped[0], stamped[1], months[:cycles]
