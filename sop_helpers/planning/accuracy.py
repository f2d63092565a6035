"""How good a forecast was: one formula for each measure, n/a (NaN) where a denominator is zero.

Error is e = actual - forecast; bias is shown the other way round, above zero is over-forecast. Lag 1 is the first month after the last actual that
the forecast knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import month_count, months_between, no_rows

Values: TypeAlias = Sequence[float] | pd.Series | np.ndarray
LEVEL_KEYS: dict[str, list[str]] = {
    "product-region": ["product", "region"], "product": ["product"], "family": ["family"], "region": ["region"], "total": [],
}
SMALL = 24  # measured forecasts below which a difference is no evidence
NEUTRAL_POINTS = 0.5  # percentage points of WMAPE within which two steps are alike


def _pair(actual: Values, forecast: Values) -> tuple[np.ndarray, np.ndarray]:
    a, f = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    if a.shape != f.shape:
        raise ValueError(f"{a.shape[0]} actuals cannot be compared with {f.shape[0]} forecasts")
    good = np.isfinite(a) & np.isfinite(f)
    return a[good], f[good]


def _over(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom else float("nan")


def wmape(actual: Values, forecast: Values) -> float:
    """Sum of absolute errors over sum of actuals."""
    a, f = _pair(actual, forecast)
    return _over(np.abs(a - f).sum(), a.sum())


def forecast_accuracy(actual: Values, forecast: Values) -> float:
    """max(0, 1 - WMAPE); show WMAPE beside it, for the floor hides errors over 100 %."""
    return float(np.maximum(0.0, 1 - wmape(actual, forecast)))


def bias(actual: Values, forecast: Values) -> float:
    """Sum of forecast minus actual over sum of actuals; above zero is over-forecast."""
    a, f = _pair(actual, forecast)
    return _over((f - a).sum(), a.sum())


def mape(actual: Values, forecast: Values) -> float:
    """Mean of absolute error over actual, where the actual is not zero."""
    a, f = _pair(actual, forecast)
    some = a != 0
    return float(np.mean(np.abs(a[some] - f[some]) / np.abs(a[some]))) if some.any() else float("nan")


def smape(actual: Values, forecast: Values) -> float:
    """Mean of 2 abs(e) / (actual + forecast), as a share (the M competitions print it times 100); 0 where both are zero."""
    a, f = _pair(actual, forecast)
    both = np.abs(a) + np.abs(f)
    return float(np.mean(2 * np.abs(a - f) / np.where(both > 0, both, 1.0))) if len(a) else float("nan")


def mase(actual: Values, forecast: Values, scale: Values | float) -> float:
    """Mean of absolute error over the in-sample mean absolute error of seasonal naive (`scale`); below 1 beats naive."""
    a, f = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    s = np.broadcast_to(np.asarray(scale, dtype=float), a.shape)
    good = np.isfinite(a) & np.isfinite(f) & np.isfinite(s) & (s > 0)
    return float(np.mean(np.abs(a[good] - f[good]) / s[good])) if good.any() else float("nan")


def rmsse(actual: Values, forecast: Values, scale: Values | float) -> float:
    """Root of the mean squared error, each error divided by its series' `scale` (root of the in-sample mean squared error of naive)."""
    a, f = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    s = np.broadcast_to(np.asarray(scale, dtype=float), a.shape)
    good = np.isfinite(a) & np.isfinite(f) & np.isfinite(s) & (s > 0)
    return float(np.sqrt(np.mean(((a[good] - f[good]) / s[good]) ** 2))) if good.any() else float("nan")


def tracking_signal(actual: Values, forecast: Values) -> np.ndarray:
    """Cumulative sum of e over mean absolute deviation to date, by period; alarm beyond +/-4."""
    a, f = _pair(actual, forecast)
    error = a - f
    deviation = np.cumsum(np.abs(error)) / np.arange(1, len(error) + 1)
    return np.where(deviation > 0, np.cumsum(error) / np.where(deviation > 0, deviation, 1.0), np.nan)


def fva(before: float, after: float) -> float:
    """Forecast value added by a step: absolute error of the step before less that of the step, in the unit of the error."""
    return abs(before) - abs(after)


def accuracy(frame: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Measure forecasts, one row for each group.

    Parameters
    ----------
    frame : DataFrame
        actual and forecast in units at item level; optionally scale (for MASE), root_scale (for RMSSE), lo80 and hi80 (for coverage and pinball), and the
        columns of `by`.
    by : sequence of str
        Columns to group by; all rows together when empty.

    Returns
    -------
    DataFrame
        The columns of `by`, then points, actual_units, abs_error_units, wmape, forecast_accuracy, bias, mape, mape_skipped, smape, mase, rmsse,
        coverage80, pinball80 (mean pinball loss of both limits of the 80 % band over sum of actuals).
    """
    by = list(by)
    f = frame.loc[np.isfinite(frame["actual"]) & np.isfinite(frame["forecast"])]
    actual, forecast = f["actual"].to_numpy(float), f["forecast"].to_numpy(float)
    error = np.abs(actual - forecast)
    scale = f["scale"].to_numpy(float) if "scale" in f else np.full(len(f), np.nan)
    scale = np.where(scale > 0, scale, np.nan)
    both = np.abs(actual) + np.abs(forecast)
    parts = pd.DataFrame({
        "points": 1.0, "actual_units": actual, "abs_error_units": error, "over": forecast - actual,
        "smape": 2 * error / np.where(both > 0, both, 1.0),
        "mape": np.where(actual != 0, error / np.where(actual != 0, np.abs(actual), 1.0), np.nan),
        "mase": error / scale,
    }, index=f.index)
    root = f["root_scale"].to_numpy(float) if "root_scale" in f else np.full(len(f), np.nan)
    parts["squared"] = (error / np.where(root > 0, root, np.nan)) ** 2
    parts["pinball"] = np.nan
    if {"lo80", "hi80"} <= set(f):
        parts["coverage80"] = np.where(f["lo80"].isna(), np.nan, (f["actual"] >= f["lo80"] - 1e-9) & (f["actual"] <= f["hi80"] + 1e-9))
        low, high = actual - f["lo80"].to_numpy(float), actual - f["hi80"].to_numpy(float)
        parts["pinball"] = (np.maximum(0.1 * low, -0.9 * low) + np.maximum(0.9 * high, -0.1 * high)) / 2
    else:
        parts["coverage80"] = np.nan
    groups = parts.groupby([f[c] for c in by], sort=True, observed=True) if by else parts.groupby(np.zeros(len(parts), dtype=int))
    sums, means = groups[["points", "actual_units", "abs_error_units", "over"]].sum(), groups[["smape", "mape", "mase", "squared", "coverage80"]].mean()
    out = sums.join(means)
    bottom = out["actual_units"].where(out["actual_units"] != 0)
    out["wmape"], out["bias"] = out["abs_error_units"] / bottom, out["over"] / bottom
    out["rmsse"] = np.sqrt(out["squared"])
    out["pinball80"] = groups["pinball"].sum(min_count=1) / bottom
    out["forecast_accuracy"] = (1 - out["wmape"]).clip(lower=0)
    out["mape_skipped"] = out["points"] - groups["mape"].count()
    out = out.reset_index() if by else out.reset_index(drop=True)
    columns = ["points", "actual_units", "abs_error_units", "wmape", "forecast_accuracy", "bias", "mape", "mape_skipped", "smape", "mase",
               "rmsse", "coverage80", "pinball80"]
    return out[[*by, *columns]]


def accuracy_by_level(
    frame: pd.DataFrame, products: pd.DataFrame, streams: dict[str, str], basis: str, levels: Sequence[str] = tuple(LEVEL_KEYS)
) -> pd.DataFrame:
    """Measure at every level of the hierarchy: add up to the level first, then take errors.

    Parameters
    ----------
    frame : DataFrame
        month, product, region, lag, actual and one column a stream; optionally scale, lo80, hi80 (used at product-region), origin.
    products : DataFrame
        product, family.
    streams : dict
        Name of the stream -> its column in `frame`.
    basis : str
        "backtest" or "closed months".
    levels : sequence of str
        Of product-region, product, family, region, total.

    Returns
    -------
    DataFrame
        As the contract ``accuracy``.
    """
    columns = ["level", "key", "stream", "basis", "lag", "points", "actual_units", "abs_error_units", "wmape", "bias", "smape", "mase", "rmsse",
               "coverage80", "pinball80"]
    if frame.empty:
        return no_rows(columns, columns[:4])
    f = frame.assign(family=frame["product"].map(products.set_index("product")["family"]).fillna("(no family)"))
    cell = ["lag", "month", *(["origin"] if "origin" in f else [])]
    tables = []
    for level in levels:
        keys = LEVEL_KEYS[level]
        added = {"": f} if level == "product-region" else {}
        for stream, column in streams.items():
            # What a stream did not forecast is not a forecast of nothing: it is left out of its sums. Streams without gaps share one table.
            gap = column if level != "product-region" and f[column].isna().any() else ""
            if gap not in added:
                rows = f.dropna(subset=[gap]) if gap else f
                added[gap] = rows.groupby([*keys, *cell], as_index=False, sort=True)[["actual", *streams.values()]].sum()
            one = added[gap].drop(columns="forecast", errors="ignore").rename(columns={column: "forecast"})
            if column != next(iter(streams.values())):
                one = one.drop(columns=["lo80", "hi80"], errors="ignore")  # the band belongs to the first stream
            table = accuracy(one, by=[*keys, "lag"])
            if table.empty:  # never forecast
                continue
            table["key"] = table[keys].agg(" / ".join, axis=1) if keys else "total"
            tables.append(table.assign(level=level, stream=stream, basis=basis))
    return pd.concat(tables, ignore_index=True)[columns]


def fva_steps(frame: pd.DataFrame, steps: dict[str, str], basis: str) -> pd.DataFrame:
    """Measure what each step of the process added, in the order given.

    Parameters
    ----------
    frame : DataFrame
        actual and one column a step, at product-region level, at the decision lags. Only rows that every step has are compared.
    steps : dict
        Name of the step -> its column, from the first (the benchmark) to the last.
    basis : str
        "backtest" or "closed months".

    Returns
    -------
    DataFrame
        As the contract ``fva``.
    """
    f = frame.dropna(subset=["actual", *steps.values()])
    rows, previous = [], None
    for step, column in steps.items():
        error = wmape(f["actual"], f[column])
        added = float("nan") if previous is None else 100 * (previous[1] - error)
        note = ""
        if previous is not None and len(f) < SMALL:
            note = f"only {len(f)} forecasts: no evidence either way"
        elif previous is not None and abs(added) < NEUTRAL_POINTS:
            note = "neutral: the difference is small"
        rows.append({"step": step, "before": previous[0] if previous else None, "basis": basis, "points": float(len(f)), "wmape": error,
                     "bias": bias(f["actual"], f[column]), "fva_points": added, "note": note or None})
        previous = (step, error)
    return pd.DataFrame(rows)


def with_lag(forecasts: dict[pd.Timestamp, pd.DataFrame], actuals: pd.DataFrame, column: str = "units") -> pd.DataFrame:
    """Lay the forecasts of earlier cycles beside what came since.

    Parameters
    ----------
    forecasts : dict
        First month planned of each earlier cycle -> its table with month, product, region and the column.
    actuals : DataFrame
        month, product, region, units: complete, with zeros.
    column : str
        Column of the forecast.

    Returns
    -------
    DataFrame
        month, product, region, lag (1 for the cycle's own month), actual, forecast.
    """
    parts = []
    for first, table in sorted(forecasts.items()):
        both = table[["month", "product", "region", column]].rename(columns={column: "forecast"}).merge(
            actuals[["month", "product", "region", "units"]].rename(columns={"units": "actual"}), on=["month", "product", "region"], how="left"
        )
        both = both[both["month"] <= actuals["month"].max()] if len(actuals) else both.iloc[:0]
        both["actual"] = both["actual"].fillna(0.0)  # planned, and nothing was ordered
        both["lag"] = months_between(both["month"], first) + 1
        parts.append(both)
    if not parts:
        return no_rows(["month", "product", "region", "lag", "actual", "forecast"], ["product", "region"], lag="int64")
    return pd.concat(parts, ignore_index=True)[["month", "product", "region", "lag", "actual", "forecast"]]


def closed_table(
    plans: dict[pd.Timestamp, pd.DataFrame], forecasts: dict[pd.Timestamp, pd.DataFrame], actuals: pd.DataFrame, season_length: int = 12
) -> pd.DataFrame:
    """Lay the plans and forecasts of closed months, and seasonal naive, beside what was ordered since.

    Parameters
    ----------
    plans, forecasts : dict
        First month planned of each closed cycle -> its demand_plan and its forecast.
    actuals : DataFrame
        month, product, region, units: complete, with zeros.
    season_length : int
        Months in a season; the naive forecast is the last value of the same month that the cycle knew.

    Returns
    -------
    DataFrame
        month, product, region, lag, actual, consensus, statistical, naive; NaN where one of them was not made.
    """
    keys = ["month", "product", "region"]
    out = with_lag(plans, actuals).rename(columns={"forecast": "consensus"})
    said = with_lag(forecasts, actuals).rename(columns={"forecast": "statistical"})[[*keys, "lag", "statistical"]]
    out = out.merge(said, on=[*keys, "lag"], how="left")
    back = season_length * np.ceil(out["lag"].to_numpy(float) / season_length)
    number = month_count(out["month"]) - back
    past = actuals.assign(number=month_count(actuals["month"]).astype(float))[["number", "product", "region", "units"]]
    naive = out.assign(number=number.astype(float)).merge(past.rename(columns={"units": "naive"}), on=["number", "product", "region"], how="left")["naive"]
    return out.assign(naive=naive.to_numpy())


def item_errors(frame: pd.DataFrame, products: pd.DataFrame, streams: dict[str, str]) -> pd.DataFrame:
    """Measure each stream by family with the errors of products and regions, not of the family's sum.

    Parameters
    ----------
    frame : DataFrame
        product, actual and one column a stream.
    products : DataFrame
        product, family.
    streams : dict
        Name of the stream -> its column.

    Returns
    -------
    DataFrame
        key (family), stream, wmape, bias, points.
    """
    f = frame.assign(key=frame["product"].map(products.set_index("product")["family"]).fillna("(no family)"))
    tables = [accuracy(f.rename(columns={column: "forecast"}), by=["key"]).assign(stream=name) for name, column in streams.items()]
    return pd.concat(tables, ignore_index=True)[["key", "stream", "wmape", "bias", "points"]]
