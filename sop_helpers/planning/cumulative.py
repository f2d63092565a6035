"""How far demand runs off the forecast over several months together: what stock must bridge.

Errors of neighbouring months go the same way more often than not, so that the error of a sum is larger than the root of its parts' squares. It is
therefore measured: from every origin of the backtest, errors are added up over the first months, divided by the scale of their series and pooled by
class. Intermittent demand gets learned quantiles of its sums instead (see `intermittent.learn_sums`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.forecasting import CLASSES, classify, trim
from sop_helpers.planning.intermittent import learn_sums, sum_quantiles
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix, lengths

LEVELS = {"q50": 0.5, "q80": 0.8, "q90": 0.9, "q95": 0.95, "q98": 0.98, "q99": 0.99}
FEWEST = 30  # sums below which a class borrows from all classes
COLUMNS = [*KEYS, "months", "sd_units", "correlation_factor", *LEVELS, "basis"]


def error_sums(panel: Panel, forecast: pd.DataFrame, tried: pd.DataFrame, *, most_months: int = 6, seed: int = 0) -> pd.DataFrame:
    """Return the spread of the forecast's error over the first months together, for each series and number of months.

    Parameters
    ----------
    panel : Panel
        Cleansed demand.
    forecast : DataFrame
        month, product, region, units.
    tried : DataFrame
        Backtest: product, region, kind, origin, lag, actual, statistical, scale.
    most_months : int
        Longest sum.
    seed : int
        Of the quantiles that are learned.

    Returns
    -------
    DataFrame
        As the contract ``forecast_errors``: product, region, months; sd_units; correlation_factor (standard deviation of the sum over that of as many
        independent errors); q50 to q99, quantiles of demand less forecast, units; basis. Empty where nothing could be tried out.
    """
    sums = summed_errors(tried, most_months)
    if sums.empty or panel.keys.empty:
        return no_error_sums()
    values = trim(panel.values)
    kind = pd.Series(classify(values), index=pd.MultiIndex.from_frame(panel.keys[KEYS]))
    scale = tried.dropna(subset=["scale"]).groupby(KEYS)["scale"].first().reindex(kind.index)
    pools = pd.concat([_pool(sums, name, most_months) for name in CLASSES], ignore_index=True)
    out = panel.keys[KEYS].assign(kind=kind.to_numpy(), scale=scale.to_numpy()).dropna(subset=["scale"]).merge(pools, on="kind")
    out[["sd_units", *LEVELS]] = out[["sd_units", *LEVELS]].mul(out["scale"], axis=0)
    out = _learned(out, panel, values, forecast, seed)
    return out.sort_values([*KEYS, "months"], ignore_index=True)[COLUMNS]


def no_error_sums() -> pd.DataFrame:
    """Return the table where nothing could be measured."""
    text = [*KEYS, "basis"]
    return pd.DataFrame({c: pd.Series(dtype="str" if c in text else "float64") for c in COLUMNS})


def summed_errors(tried: pd.DataFrame, most_months: int) -> pd.DataFrame:
    """Add the scaled errors of each series and origin up over lags 1 to `months`: kind, months, error, and the last month's error ``single``.

    A sum is left out unless all its lags were measured.
    """
    near = tried[(tried["lag"] <= most_months) & (tried["scale"] > 0)].dropna(subset=["actual", "statistical"])
    near = near.assign(single=(near["actual"] - near["statistical"]) / near["scale"]).sort_values([*KEYS, "origin", "lag"], kind="stable")
    groups = near.groupby([*KEYS, "origin"], sort=False)
    whole = near["lag"] == groups.cumcount() + 1
    out = near.assign(error=groups["single"].cumsum(), months=near["lag"])[whole]
    return out[["kind", "months", "error", "single"]].reset_index(drop=True)


def _pool(sums: pd.DataFrame, kind: str, most_months: int) -> pd.DataFrame:
    """Spread and quantiles of one class by number of months, in scales; never less for more months."""
    rows = []
    independent = 0.0
    for months in range(1, most_months + 1):
        mine = sums[sums["months"] == months]
        own = mine[mine["kind"] == kind]
        basis = kind if len(own) >= FEWEST else "all classes"
        pool = own if len(own) >= FEWEST else mine
        if len(pool) < 3:
            break
        independent += float((pool["single"] ** 2).mean())
        # About zero, not about the mean: a bias is an error as well.
        spread = float(np.sqrt((pool["error"] ** 2).mean()))
        factor = spread / np.sqrt(independent) if independent > 0 else 1.0
        rows.append((kind, months, spread, factor, *np.quantile(pool["error"], list(LEVELS.values())), f"backtest, {basis}, {len(pool)} sums"))
    out = pd.DataFrame(rows, columns=["kind", "months", "sd_units", "correlation_factor", *LEVELS, "basis"])
    grows = ["sd_units", *[name for name, level in LEVELS.items() if level > 0.5]]
    out[grows] = out[grows].cummax()
    return out


def _learned(out: pd.DataFrame, panel: Panel, values: Matrix, forecast: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Put learned quantiles of the summed demand, less the forecast, in place of pooled ones for intermittent and lumpy series."""
    sparse = np.isin(classify(values), CLASSES[2:]) & (lengths(values)[1] >= 12)
    if not sparse.any():
        return out
    keys = panel.keys.loc[sparse, KEYS]
    rows = forecast.sort_values("month", kind="stable")
    rows = rows[pd.MultiIndex.from_frame(rows[KEYS]).isin(pd.MultiIndex.from_frame(keys))]
    number, ahead = rows.groupby(KEYS, sort=False).cumcount(), rows["units"]
    for months in sorted(out["months"].unique()):
        model = learn_sums(values[sparse], int(months), tuple(LEVELS.values()), seed)
        told = pd.DataFrame(sum_quantiles(values[sparse], model), columns=list(LEVELS), index=pd.MultiIndex.from_frame(keys))
        planned = ahead.where(number < months, 0.0).groupby([rows[k] for k in KEYS], sort=False).sum().reindex(told.index).fillna(0.0)
        mine = (out["months"] == months) & out["kind"].isin(CLASSES[2:])
        at = pd.MultiIndex.from_frame(out.loc[mine, KEYS])
        known = told.sub(planned, axis=0).reindex(at)
        good = known.notna().all(axis=1).to_numpy()
        found = out.index[mine][good]
        out.loc[found, list(LEVELS)] = known.to_numpy()[good]
        out.loc[found, "basis"] = "quantiles of sums, learned from all" if model.models else "negative binomial"
    return out
