"""How good a forecast was: one formula for each measure, n/a (NaN) where a denominator is zero.

Error is e = actual - forecast; bias is shown the other way round, above zero is over-forecast. Lag 1 is the first month after the last actual that
the forecast knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import labelled, month_count, months_between, no_rows
from sop_helpers.planning.intervals import LEVELS as LIMITS
from sop_helpers.planning.intervals import published_bands, tried_bands_of_sums
from sop_helpers.planning.known_scales import known_scales
from sop_helpers.planning.panel import Panel

Values: TypeAlias = Sequence[float] | pd.Series | np.ndarray
LEVEL_KEYS: dict[str, list[str]] = {
    "product-region": ["product", "region"], "product": ["product"], "family": ["family"], "region": ["region"], "area": ["area"],
    "channel": ["channel"], "total": [],
}
BANDS = (80, 95)
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
        actual and forecast in units at item level; optionally scale (for MASE), root_scale (for RMSSE), lo80 and hi80 (for coverage and pinball), lo95 and
        hi95 (for coverage), and the columns of `by`.
    by : sequence of str
        Columns to group by; all rows together when empty.

    Returns
    -------
    DataFrame
        The columns of `by`, then points, actual_units, abs_error_units, wmape, forecast_accuracy, bias, mape, mape_skipped, smape, mase, rmsse,
        coverage80, coverage95, pinball80 (mean pinball loss of both limits of the 80 % band over sum of actuals).
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
    for share in BANDS:
        parts[f"coverage{share}"] = within(f, share)
    parts["pinball"] = np.nan
    if {"lo80", "hi80"} <= set(f):
        low, high = actual - f["lo80"].to_numpy(float), actual - f["hi80"].to_numpy(float)
        parts["pinball"] = (np.maximum(0.1 * low, -0.9 * low) + np.maximum(0.9 * high, -0.1 * high)) / 2
    groups = parts.groupby([f[c] for c in by], sort=True, observed=True) if by else parts.groupby(np.zeros(len(parts), dtype=int))
    sums = groups[["points", "actual_units", "abs_error_units", "over"]].sum()
    means = groups[["smape", "mape", "mase", "squared", "coverage80", "coverage95"]].mean()
    out = sums.join(means)
    bottom = out["actual_units"].where(out["actual_units"] != 0)
    out["wmape"], out["bias"] = out["abs_error_units"] / bottom, out["over"] / bottom
    out["rmsse"] = np.sqrt(out["squared"])
    out["pinball80"] = groups["pinball"].sum(min_count=1) / bottom
    out["forecast_accuracy"] = (1 - out["wmape"]).clip(lower=0)
    out["mape_skipped"] = out["points"] - groups["mape"].count()
    out = out.reset_index() if by else out.reset_index(drop=True)
    columns = ["points", "actual_units", "abs_error_units", "wmape", "forecast_accuracy", "bias", "mape", "mape_skipped", "smape", "mase",
               "rmsse", "coverage80", "coverage95", "pinball80"]
    return out[[*by, *columns]]


def within(frame: pd.DataFrame, share: int) -> np.ndarray:
    """Tell which actuals lay inside a band, ``lo80`` and ``hi80`` for a `share` of 80: 1 or 0, NaN where there is no band."""
    if not {f"lo{share}", f"hi{share}"} <= set(frame):
        return np.full(len(frame), np.nan)
    actual, low, high = (frame[name].to_numpy(float) for name in ("actual", f"lo{share}", f"hi{share}"))
    return np.where(np.isnan(low) | np.isnan(actual), np.nan, (actual >= low - 1e-9) & (actual <= high + 1e-9))


def accuracy_by_level(
    frame: pd.DataFrame, products: pd.DataFrame, streams: dict[str, str], basis: str, levels: Sequence[str] = tuple(LEVEL_KEYS), *,
    history: Panel | None = None, most_lag: int | None = None, season_length: int = 12, regions: pd.DataFrame | None = None,
    kept: dict[pd.Timestamp, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Measure at every level of the hierarchy: add up to the level first, then take errors.

    Parameters
    ----------
    frame : DataFrame
        month, product, region, lag, actual and one column a stream; origin in a backtest; optionally scale and root_scale (used at product-region), and
        lo95, lo80, hi80, hi95, the band of the stream ``statistical``.
    products : DataFrame
        product, family.
    streams : dict
        Name of the stream -> its column in `frame`.
    basis : str
        "backtest" or "closed months".
    levels : sequence of str
        Of product-region, product, family, region, area, channel, total.
    history : Panel, optional
        Demand that came, added up for MASE and RMSSE of sums: what was known of it when each forecast was made. Without it they are blank.
    most_lag : int, optional
        Longest lag that is measured; the bands of sums are widened as all lags say.
    season_length : int
        Months in a season.
    regions : DataFrame, optional
        region; area and channel where there are any: what no region states is not measured.
    kept : dict, optional
        First month planned of each closed cycle -> the bands of sums that it published (as the contract ``forecast_bands``).

    Returns
    -------
    DataFrame
        As the contract ``accuracy``.
    """
    columns = ["level", "key", "stream", "basis", "lag", "points", "actual_units", "abs_error_units", "wmape", "bias", "smape", "mase", "rmsse",
               "coverage80", "coverage95", "series_coverage80", "series_coverage95", "pinball80"]
    if frame.empty:
        return no_rows(columns, columns[:4])
    family = products.set_index("product")["family"]
    every = labelled(frame, family, regions)
    f = every if most_lag is None else every[every["lag"] <= most_lag]
    f = f.assign(**{f"within{share}": within(f, share) for share in BANDS})
    limits = [name for name in LIMITS if name in f]
    cell = ["lag", "month", *(["origin"] if "origin" in f else [])]
    tables = []
    for level in levels:
        keys = LEVEL_KEYS[level]
        if not set(keys) <= set(every):
            continue
        bottom = level == "product-region"
        added = {"": f} if bottom else {}
        # The band of a sum is no sum of bands: it is made anew of the backtest, and taken as it was published of closed months.
        bands = tried_bands_of_sums(every, keys) if not bottom and "origin" in f and {"lo80", "hi80"} <= set(limits) else None
        bands = published_bands(kept, level) if bands is None and kept and not bottom else bands
        inside = f.groupby([*keys, "lag"], sort=True, observed=True)[[f"within{share}" for share in BANDS]].mean().reset_index()
        for stream, column in streams.items():
            # What a stream did not forecast is not a forecast of nothing: it is left out of its sums. Streams without gaps share one table.
            gap = column if not bottom and f[column].isna().any() else ""
            if gap not in added:
                rows = f.dropna(subset=[gap]) if gap else f
                added[gap] = rows.groupby([*keys, *cell], as_index=False, sort=True)[["actual", *streams.values()]].sum()
            one = added[gap].drop(columns="forecast", errors="ignore").rename(columns={column: "forecast"})
            if not {"scale", "root_scale"} <= set(one) and history is not None:
                one = _with_scales(one, keys, history, family, season_length, regions)
            if column != "statistical":
                one = one.drop(columns=limits, errors="ignore")
            elif bands is not None:
                one = one.merge(bands, on=[*keys, *(c for c in ("origin", "month") if c in bands), "lag"], how="left")
            table = accuracy(one, by=[*keys, "lag"])
            if table.empty:  # never forecast
                continue
            table = table.merge(inside, on=[*keys, "lag"], how="left")
            for share in BANDS:
                table[f"series_coverage{share}"] = table.pop(f"within{share}") if column == "statistical" else np.nan
            table["key"] = table[keys].agg(" / ".join, axis=1) if keys else "total"
            tables.append(table.assign(level=level, stream=stream, basis=basis))
    return pd.concat(tables, ignore_index=True)[columns]


def _with_scales(
    rows: pd.DataFrame, keys: list[str], history: Panel, family: pd.Series, season_length: int, regions: pd.DataFrame | None
) -> pd.DataFrame:
    """Add scale and root_scale of each row, from what was known of its sum in the month before lag 1."""
    number = month_count(rows["month"]) - rows["lag"]
    origins = history.months[pd.Index(month_count(history.months)).isin(number)]
    scales = known_scales(history, keys, family, origins, season_length, regions)
    scales["number"] = month_count(scales.pop("origin"))
    return rows.assign(number=number).merge(scales, on=[*keys, "number"], how="left").drop(columns="number")


def band_coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Put the coverage of the statistical forecast's bands together, by basis and level, all lags weighted by their forecasts.

    Parameters
    ----------
    table : DataFrame
        As the contract ``accuracy``.

    Returns
    -------
    DataFrame
        basis, level, points, coverage80, coverage95, series_coverage80, series_coverage95; NaN where there was no band.
    """
    names = [f"{prefix}coverage{share}" for prefix in ("", "series_") for share in BANDS]
    t = table[table["stream"] == "statistical"]
    keys = [t["basis"], pd.Categorical(t["level"], list(LEVEL_KEYS), ordered=True)]
    held = t[names].mul(t["points"], axis=0).groupby(keys, observed=True).sum(min_count=1)
    weight = t[names].notna().mul(t["points"], axis=0).groupby(keys, observed=True).sum()
    out = held / weight.where(weight > 0)
    out.insert(0, "points", t["points"].groupby(keys, observed=True).sum())
    return out.rename_axis(["basis", "level"]).reset_index().astype({"level": "str"})


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


def with_lag(
    forecasts: dict[pd.Timestamp, pd.DataFrame], actuals: pd.DataFrame, column: str = "units", also: Sequence[str] = ()
) -> pd.DataFrame:
    """Lay the forecasts of earlier cycles beside what came since.

    Parameters
    ----------
    forecasts : dict
        First month planned of each earlier cycle -> its table with month, product, region and the column.
    actuals : DataFrame
        month, product, region, units: complete, with zeros.
    column : str
        Column of the forecast.
    also : sequence of str
        More columns of the forecast that come along; NaN in cycles that lack them.

    Returns
    -------
    DataFrame
        month, product, region, lag (1 for the cycle's own month), actual, forecast, and those of `also`.
    """
    parts = []
    for first, table in sorted(forecasts.items()):
        both = table.reindex(columns=["month", "product", "region", column, *also]).rename(columns={column: "forecast"}).merge(
            actuals[["month", "product", "region", "units"]].rename(columns={"units": "actual"}), on=["month", "product", "region"], how="left"
        )
        both = both[both["month"] <= actuals["month"].max()] if len(actuals) else both.iloc[:0]
        both["actual"] = both["actual"].fillna(0.0)  # planned, and nothing was ordered
        both["lag"] = months_between(both["month"], first) + 1
        parts.append(both)
    if not parts:
        return no_rows(["month", "product", "region", "lag", "actual", "forecast", *also], ["product", "region"], lag="int64")
    return pd.concat(parts, ignore_index=True)[["month", "product", "region", "lag", "actual", "forecast", *also]]


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
        month, product, region, lag, actual, consensus, statistical, the statistical band as it was published (lo95, lo80, hi80, hi95), naive; NaN where
        one of them was not made.
    """
    keys = ["month", "product", "region"]
    out = with_lag(plans, actuals).rename(columns={"forecast": "consensus"})
    said = with_lag(forecasts, actuals, also=list(LIMITS)).rename(columns={"forecast": "statistical"})[[*keys, "lag", "statistical", *LIMITS]]
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
