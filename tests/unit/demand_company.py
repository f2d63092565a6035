"""A small company with planted events, shared by the tests of demand."""

from __future__ import annotations

import numpy as np
import pandas as pd

MONTHS = pd.date_range("2021-10-01", periods=60, freq="MS", unit="us")
HORIZON = pd.date_range("2026-10-01", periods=18, freq="MS", unit="us", name="month")
TEXT = ["insight", "function", "kind", "family", "product", "region", "author", "note"]
MONTH_COLUMNS = ["start_month", "end_month", "expires_month", "raised_on"]


def products(number: int = 6) -> pd.DataFrame:
    """P0, P1, ... in two families."""
    codes = [f"P{i}" for i in range(number)]
    return pd.DataFrame({
        "product": codes, "family": [f"F{i % 2}" for i in range(number)], "unit_price": 10.0 + np.arange(number), "unit_cost": 6.0,
        "launch_month": pd.Series(pd.NaT, index=range(number)).astype("datetime64[us]"),
        "end_month": pd.Series(pd.NaT, index=range(number)).astype("datetime64[us]"),
        "like_product": pd.Series([None] * number, dtype="str"), "like_scale": np.nan,
    })


def demand(number: int = 6, regions: int = 2, noise: float = 0.08, seed: int = 5) -> np.ndarray:
    """Seasonal demand with a little growth, a matrix in the order product, region."""
    rng = np.random.default_rng(seed)
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(60) / 12)
    level = 100.0 * (1 + np.arange(number * regions))
    return np.round(level[:, None] * season * (1 + 0.003 * np.arange(60)) * np.exp(rng.normal(0, noise, (number * regions, 60))))


def sales(values: np.ndarray, regions: int = 2) -> pd.DataFrame:
    """The matrix as a sales table."""
    rows = [(f"P{i // regions}", f"R{i % regions}") for i in range(len(values))]
    columns = pd.DatetimeIndex(MONTHS[-values.shape[1] :], name="month")
    frame = pd.DataFrame(values, index=pd.MultiIndex.from_tuples(rows, names=["product", "region"]), columns=columns)
    out = frame.stack().rename("units").reset_index()
    return out.assign(revenue=out["units"] * 10.0)


def regions(number: int = 4) -> pd.DataFrame:
    """R0 and R1 are the North by retail and online, R2 and R3 the South, and so on."""
    half = np.arange(number)
    area = pd.Series(["North", "South", "East", "West"], dtype="str").take(half // 2).to_numpy()
    channel = pd.Series(["retail", "online"], dtype="str").take(half % 2).to_numpy()
    return pd.DataFrame({"region": [f"R{i}" for i in half], "area": area, "channel": channel}).astype("str")


def insights(*rows: dict) -> pd.DataFrame:
    """Insights with the columns of the contract."""
    columns = [*TEXT, *MONTH_COLUMNS, "effect_pct", "effect_units", "confidence"]
    frame = pd.DataFrame([dict.fromkeys(columns) | {"author": "Kim", "function": "sales", "kind": "customer"} | row for row in rows], columns=columns)
    for column in columns:
        if column in MONTH_COLUMNS:
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        else:
            frame[column] = frame[column].astype("str" if column in TEXT else "float64")
    return frame


def overrides(*rows: dict) -> pd.DataFrame:
    """Overrides as the journal returns them."""
    columns = ["id", "author", "time", "family", "product", "region", "start_month", "end_month", "units", "change_pct", "expires_month", "locked"]
    frame = pd.DataFrame([dict.fromkeys(columns) | {"author": "Kim", "time": "2026-10-02", "locked": False} | row for row in rows], columns=columns)
    for column in ("time", "start_month", "end_month", "expires_month"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame.astype({"units": "float64", "change_pct": "float64", "locked": "bool", **{c: "str" for c in ("id", "author", "family", "product", "region")}})


def open_orders(*rows: dict) -> pd.DataFrame:
    """Open orders with the columns of the contract."""
    frame = pd.DataFrame(list(rows), columns=["order", "product", "region", "due_month", "units", "revenue"])
    frame["due_month"] = pd.to_datetime(frame["due_month"]).astype("datetime64[us]")
    return frame.astype({"units": "float64", "revenue": "float64", "product": "str", "region": "str"})
