"""The forecast of a family in words that a planner uses: level, trend, season, drivers, and what the learner looked at.

Explained by statsmodels: robust STL says how much of the past is trend and season, exponential smoothing splits the months ahead, a regression with
autoregressive errors measures a driver.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning import learners
from sop_helpers.planning.drivers import aligned
from sop_helpers.planning.forecasting import classify, trim
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.panel import Panel
from sop_helpers.planning.portfolio import TIERS
from sop_helpers.planning.smoothing import Matrix, lengths

PARTS = ["level", "trend", "season", "other models", "driver"]
MOST_SERIES = 500  # looked at to say what the learner goes by, those with most units first
SHOWN = 6  # families that a planner looks at, the largest first


def family_history(panel: Panel, most: int = SHOWN) -> pd.DataFrame:
    """Return demand of the largest families, month by month, one column each."""
    wide = pd.DataFrame(np.nan_to_num(panel.values.T), index=panel.months).T.groupby(panel.keys["family"].to_numpy()).sum().T
    return wide[wide.sum().sort_values(ascending=False, kind="stable").index[:most]]


def strengths(y: Matrix, season_length: int = 12) -> tuple[float, float]:
    """Strength of trend and of season, 0 to 1: the share of variance that robust STL takes out of the logarithm (Hyndman & Athanasopoulos 2021, 4.3)."""
    from statsmodels.tsa.seasonal import STL

    fit = STL(np.log(y), period=season_length, robust=True).fit()
    rest = np.var(fit.resid)
    trend, season = (1 - rest / max(np.var(part + fit.resid), 1e-300) for part in (fit.trend, fit.seasonal))
    return max(0.0, float(trend)), max(0.0, float(season))


def split(y: Matrix, forecast: Matrix, season_length: int = 12) -> dict[str, Matrix]:
    """Split a forecast into level, trend and season of additive exponential smoothing with damped trend, and what the other models say beyond it.

    Parameters
    ----------
    y : ndarray (T,)
        Demand.
    forecast : ndarray (h,)
        What is to be explained; the parts add up to it.
    season_length : int
        Months in a season.
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    scale, h = float(np.mean(y)), len(forecast)
    model = ETSModel(y / scale, error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=season_length, initialization_method="heuristic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stops early still splits exactly
        fit = model.fit(disp=False, maxiter=200)
    damping = float(fit.damping_trend)
    level = np.full(h, float(fit.level[-1])) * scale
    trend = float(fit.slope[-1]) * np.cumsum(damping ** np.arange(1, h + 1)) * scale
    said = np.asarray(fit.forecast(h)) * scale
    return {"level": level, "trend": trend, "season": said - level - trend, "other models": forecast - said}


def explain(panel: Panel, forecast: pd.DataFrame, effects: pd.DataFrame, family: pd.Series, season_length: int = 12) -> pd.DataFrame:
    """Split the forecast of the largest families: the parts of a family and month add up to its statistical forecast with drivers, exactly.

    Parameters
    ----------
    panel : Panel
        Cleansed demand; keys hold ``family``.
    forecast : DataFrame
        month, product, region, units.
    effects : DataFrame
        family, month, factor: drivers kept (see `drivers.find_drivers`).
    family : Series
        Family of each product, indexed by product.
    season_length : int
        Months in a season; a family with less than two of them, or with months of no demand, is not explained.

    Returns
    -------
    DataFrame
        As the contract ``explanation``.
    """
    sums = forecast.assign(family=forecast["product"].map(family)).groupby(["family", "month"])["units"].sum()
    rows = [no_rows(["family", "month", "part", "units"], ["family", "part"])]
    for name, y in family_history(panel).items():
        if len(y) < 2 * season_length + 4 or not (y > 0).all() or name not in sums:
            continue
        ahead = sums[name]
        parts = split(y.to_numpy(float), ahead.to_numpy(float), season_length)
        factor = effects[effects["family"] == name].set_index("month")["factor"].reindex(ahead.index).fillna(1.0).to_numpy()
        parts["driver"] = ahead.to_numpy(float) * (factor - 1)
        rows += [pd.DataFrame({"family": name, "month": ahead.index, "part": part, "units": parts[part]}) for part in PARTS]
    return pd.concat(rows, ignore_index=True)


def driver_regression(y: Matrix, x: Matrix, lag: int, season_length: int = 12) -> tuple[float, float]:
    """Elasticity of demand to a driver and its standard error: changes over a season regressed on those `lag` months earlier, with AR(1) errors.

    Parameters
    ----------
    y : ndarray (T,)
        Demand.
    x : ndarray
        Logarithm of the driver; its first value belongs to the first month of `y`.
    lag : int
        Months by which demand follows.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    m = season_length
    length = min(len(y), len(x) + lag)
    effect, cause = np.log(y[lag:length]), x[: length - lag]
    effect, cause = effect[m:] - effect[:-m], cause[m:] - cause[:-m]
    there = np.isfinite(cause) & np.isfinite(effect)
    if there.sum() < m or np.ptp(cause[there]) < 1e-12:
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = SARIMAX(effect[there], exog=cause[there, None], order=(1, 0, 0), trend="c").fit(disp=False)
    place = list(fit.param_names).index("x1")
    return float(fit.params[place]), float(fit.bse[place])


def profile(
    panel: Panel, explained: pd.DataFrame, drivers: pd.DataFrame, indicators: pd.DataFrame, prices: dict[str, Matrix], season_length: int = 12
) -> pd.DataFrame:
    """Say what each family is like: strength of trend and season, trend over the months ahead, peak, and the elasticity of its closest driver.

    Returns
    -------
    DataFrame
        family, trend_strength, season_strength, level, trend (units a month by the end), peak_month, driver, elasticity, standard_error.
    """
    rows, history = [], family_history(panel)
    closest = drivers.set_index("family")
    for name, part in explained.groupby("family", sort=False):
        y, parts = history[name].to_numpy(float), part.pivot(index="month", columns="part", values="units")
        trend, season = strengths(y, season_length)
        told: tuple = ("", np.nan, np.nan)
        if name in closest.index:
            one = closest.loc[name]
            x = prices[name] if one["driver"] == "own price" else aligned(indicators[indicators["indicator"] == one["driver"]], panel.months, parts.index)
            told = (f"{one['driver']}, lag {one['lag']:.0f}", *driver_regression(y, x, int(one["lag"]), season_length))
        rows.append((name, trend, season, parts["level"].iloc[0], parts["trend"].iloc[-1], f"{parts['season'].idxmax():%B}", *told))
    columns = ["family", "trend_strength", "season_strength", "level", "trend", "peak_month", "driver", "elasticity", "standard_error"]
    return pd.DataFrame(rows, columns=columns)


def learned(panel: Panel, horizon: int, season_length: int = 12, tier: str = "default", seed: int = 0) -> pd.DataFrame:
    """Say what the learner of seasons, one of the models behind the forecast, went by in each family.

    Parameters
    ----------
    panel : Panel
        Cleansed demand; keys hold ``family``.
    horizon, season_length, tier, seed
        As the forecast was made with.

    Returns
    -------
    DataFrame
        family, one column for each kind of feature, and all together: mean effect on demand of the next season against the level of the last
        one, as a share.
        Empty where the tier has no learner, or the history is too short for one.
    """
    recipe = next((r for r in TIERS[tier][0] if r.kind == "seasons"), None)
    values = trim(panel.values)
    regular: NDArray[np.bool_] = (lengths(values)[1] > 2 * season_length) & np.isin(classify(values), ["smooth", "erratic"])
    given = {"values": values[regular], "horizon": horizon, "season_length": season_length}
    model = learners.train(recipe, seed, **given) if recipe is not None and learners.available() and regular.any() else None
    if model is None:
        return no_rows(["family"], ["family"])
    long = np.flatnonzero(regular)[lengths(values[regular])[1] >= model.back]
    weight = np.nansum(values[long][:, -season_length:], axis=1) + 1e-12
    long, weight = long[np.argsort(-weight, kind="stable")][:MOST_SERIES], np.sort(weight)[::-1][:MOST_SERIES]
    names, parts, said = learners.contributions(model, values[long], min(horizon, season_length))
    family = panel.keys["family"].to_numpy()[long]
    rows = []
    for one in sorted(set(family)):
        mine = family == one
        mean = np.average(parts[mine].mean(axis=1), axis=0, weights=weight[mine])
        rows.append((one, *np.expm1(mean), float(np.expm1(np.average(said[mine].mean(axis=1), weights=weight[mine])))))
    return pd.DataFrame(rows, columns=["family", *names, "together"])
