"""The error of the published plan: once enough months are closed, stock answers for what was published, not for the statistical forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from sop_helpers.planning.cumulative import CLASS_WEIGHT, LEVELS, OVERLAP
from sop_helpers.planning.frames import month_count
from sop_helpers.planning.panel import KEYS
from sop_helpers.planning.smoothing import Matrix

FEWEST_ORIGINS = 6  # closed months below which the backtest stands in
FEWEST_OWN = 24  # sums from which a series' own errors give its quantiles
FEWEST_POOLED = 100  # sums from which the errors of all series together give them


def published_errors(errors: pd.DataFrame, closed: pd.DataFrame) -> pd.DataFrame:
    """Put the measured error of published plans in place of the backtest's.

    Errors of a closed month's plan are added up over its first months and compared with the spread that `errors` gives the series. How much larger
    or smaller they were, over all series and drawn to that of each series by its evidence, scales the spread. A kernel density of the errors (Scott's
    width, as `scipy.stats.gaussian_kde`), own where there are enough and pooled else, gives the quantiles:
    24 errors as they stand give 91.5 % where 95 % is wanted, their density 95.6 % of normal and 94.6 % of skewed errors (`benchmarks/README.md`).

    Parameters
    ----------
    errors : DataFrame
        As the contract ``forecast_errors``, from the backtest.
    closed : DataFrame
        month, product, region, lag (1 for the first month planned), actual, consensus (see `accuracy.closed_table`).

    Returns
    -------
    DataFrame
        `errors`, with rows changed whose number of months was seen from enough closed months; basis then begins with "closed months".
    """
    sums = closed_sums(closed)
    known = sums.merge(errors[[*KEYS, "months", "sd_units"]], on=[*KEYS, "months"])
    known = known[known["sd_units"] > 0]
    known["ratio"] = known["error"] / known["sd_units"]
    seen = known.groupby("months")["origin"].nunique()
    enough = seen.index[seen >= FEWEST_ORIGINS]
    if not len(enough):
        return errors
    known = known[known["months"].isin(enough)]
    pool = (known["ratio"] ** 2).groupby(known["months"]).mean()
    own = (known["ratio"] ** 2 / known["months"].map(pool).where(lambda p: p > 0, 1.0)).groupby([known[k] for k in [*KEYS, "months"]]).agg(["mean", "count"])
    out = errors.merge(own.reset_index(), on=[*KEYS, "months"], how="left")
    count = out["count"].fillna(0.0)
    number = count / np.maximum(out["months"] * OVERLAP, 1.0)
    size = (number * out["mean"].fillna(1.0) + CLASS_WEIGHT) / (number + CLASS_WEIGHT)
    mine = out["months"].isin(enough).to_numpy()
    factor = np.where(mine, np.sqrt(out["months"].map(pool).fillna(1.0) * size), 1.0)
    out[["sd_units", *LEVELS]] = out[["sd_units", *LEVELS]].mul(factor, axis=0)
    # The bias of the statistical forecast is not that of the plan; what the plan's own was is in its spread.
    out["bias_units"] = out["bias_units"].where(~mine, 0.0)
    words = "closed months, " + out["months"].map(seen).fillna(0).astype(int).astype("str") + " plans"
    out["basis"] = out["basis"].where(~mine, words)
    for months, group in known.groupby("months"):
        rows = out.index[out["months"] == months]
        if len(group) >= FEWEST_POOLED:
            curve = kernel_quantiles((group["ratio"] / np.sqrt(pool[months])).to_numpy()[None, :], np.ones((1, len(group))))[0]
            out.loc[rows, list(LEVELS)] = out.loc[rows, "sd_units"].to_numpy()[:, None] * curve
            out.loc[rows, "basis"] = words[rows] + ", kernel density of all"
        rich = rows[count[rows] >= FEWEST_OWN]
        if len(rich):
            wide = group.pivot(index=KEYS, columns="origin", values="error").reindex(pd.MultiIndex.from_frame(out.loc[rich, KEYS])).to_numpy(dtype=float)
            out.loc[rich, list(LEVELS)] = kernel_quantiles(np.nan_to_num(wide), np.isfinite(wide).astype(float))
            out.loc[rich, "basis"] = words[rich] + ", kernel density of its own"
    grows = ["sd_units", *[name for name, level in LEVELS.items() if level > 0.5]]
    out = out.sort_values([*KEYS, "months"], kind="stable", ignore_index=True)
    out[grows] = out.groupby(KEYS)[grows].cummax()
    return out[list(errors.columns)]


def closed_sums(closed: pd.DataFrame) -> pd.DataFrame:
    """Add the errors of each closed plan up over its first months: product, region, origin, months, forecast, actual, error; gaps end a sum."""
    rows = closed.dropna(subset=["actual", "consensus"])
    number = month_count(rows["month"])
    rows = rows.assign(origin=number - rows["lag"]).sort_values([*KEYS, "origin", "lag"], kind="stable")
    groups = rows.groupby([*KEYS, "origin"], sort=False)
    whole = rows["lag"] == groups.cumcount() + 1
    out = rows.assign(months=rows["lag"].astype(float), forecast=groups["consensus"].cumsum(), actual=groups["actual"].cumsum())[whole]
    return out.assign(error=out["actual"] - out["forecast"])[[*KEYS, "origin", "months", "forecast", "actual", "error"]].reset_index(drop=True)


def kernel_quantiles(values: Matrix, there: Matrix) -> Matrix:
    """Return the quantiles (n, levels) of Gaussian kernel densities, one for each row.

    Parameters
    ----------
    values : ndarray (n, k)
        Errors.
    there : ndarray (n, k)
        1 where an error is known, else 0; at least two a row.
    """
    number = there.sum(axis=1, keepdims=True)
    mean = (values * there).sum(axis=1, keepdims=True) / number
    spread = np.sqrt((there * (values - mean) ** 2).sum(axis=1, keepdims=True) / (number - 1))
    width = np.maximum(spread * number ** (-1 / 5), 1e-12)
    levels = np.array(list(LEVELS.values()))
    low, high = (np.repeat(edge, len(levels), axis=1) for edge in (mean - 12 * spread - 1, mean + 12 * spread + 1))
    for _ in range(50):
        middle = (low + high) / 2
        below = (stats.norm.cdf((middle[:, :, None] - values[:, None, :]) / width[:, :, None]) * there[:, None, :]).sum(axis=2) / number
        low, high = np.where(below < levels, middle, low), np.where(below < levels, high, middle)
    return high
