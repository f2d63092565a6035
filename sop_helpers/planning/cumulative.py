"""How far demand runs off the forecast over several months together: what stock must bridge.

Errors of neighbouring months go the same way more often than not, so that the error of a sum is larger than the root of its parts' squares. It is
therefore measured: from every origin of the backtest, errors are added up over the first months, divided by the scale of their series and pooled by
class. Each series then departs from its class as far as its own evidence goes: how fast its errors grow with the months (see `error_growth`), and how
large its own errors were; and the fewer months with demand it has, the more its spread is a guess. Intermittent demand gets learned quantiles of its
sums instead (see `intermittent.learn_sums`).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.chunks import Work
from sop_helpers.planning.error_bias import FEWEST, OVERLAP, SPARSE, class_bias, drawn_rates, rate_bias
from sop_helpers.planning.error_growth import estimated, growth, relative_growth
from sop_helpers.planning.forecasting import CLASSES, classify, trim
from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.intermittent import learn_sums, sum_quantiles
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix, is_seasonal, lengths

LEVELS = {"q50": 0.5, "q80": 0.8, "q90": 0.9, "q95": 0.95, "q98": 0.98, "q99": 0.99}
CLASS_WEIGHT = 8.0  # independent sums that the class counts for beside a series' own errors
COLUMNS = [*KEYS, "months", "sd_units", "correlation_factor", *LEVELS, "basis", "class_sd_units", "bias_units"]


def error_sums(
    panel: Panel, forecast: pd.DataFrame, tried: pd.DataFrame, *, most_months: int = 6, seed: int = 0, season_length: int = 12, work: Work | None = None
) -> pd.DataFrame:
    """Return the spread of the forecast's error over the first months together, for each series and number of months.

    Parameters
    ----------
    panel : Panel
        Cleansed demand.
    forecast : DataFrame
        month, product, region, units.
    tried : DataFrame
        Backtest: product, region, kind, origin, lag, actual, statistical, whole_scale.
    most_months : int
        Longest sum.
    seed : int
        Of the quantiles that are learned.
    season_length : int
        Months in a season.
    work : Work, optional
        Where quantiles are learned, each number of months by itself; here and now by default.

    Returns
    -------
    DataFrame
        As the contract ``forecast_errors``: product, region, months; sd_units; correlation_factor (standard deviation of the sum over that of as many
        independent errors); q50 to q99, quantiles of demand less forecast, units; basis; class_sd_units (the spread before the series' own backtest errors
        count); bias_units (demand above forecast that is to be expected, which
        sd_units leaves out). Empty where nothing could be tried out.
    """
    sums = summed_errors(tried, most_months)
    if sums.empty or panel.keys.empty:
        return no_error_sums()
    values = trim(panel.values)
    kind = pd.Series(classify(values), index=pd.MultiIndex.from_frame(panel.keys[KEYS]))
    # A pool learns quantiles of sums while all else is worked out here.
    rare = kind.isin(SPARSE).to_numpy() & (lengths(values)[1] >= 12)
    asked = [int(months) for months in sorted(sums["months"].unique())] if rare.any() else []
    quantiles = (work or Work()).each(partial(_sum_quantiles, values[rare], seed=seed), asked)
    sums, slopes = drawn_rates(sums, panel, values)
    sums = sums.drop(columns=["said", "scale", "shift"])  # six rows an origin and series: what is done with goes at once
    scale = tried.loc[~tried.duplicated(KEYS), [*KEYS, "whole_scale"]].set_index(KEYS)["whole_scale"].reindex(kind.index)  # one for all rows of a series
    pools = pd.concat([_pool(sums[["kind", "months", "single", "error"]], name, most_months) for name in CLASSES], ignore_index=True)
    if pools.empty:  # fewer sums than a spread takes
        return no_error_sums()
    sums = sums.drop(columns="single")
    out = panel.keys[KEYS].assign(kind=kind.to_numpy(), scale=scale.to_numpy()).dropna(subset=["scale"]).merge(pools, on="kind")
    own = _own_factors(sums, pools, panel, values, kind.to_numpy(), most_months, season_length)
    out = out.merge(own, on=[*KEYS, "months"], how="left")
    out["correlation_factor"] *= out["growth"]
    out["class_sd_units"] = out["sd_units"] * out["scale"] * out["growth"]
    sparse = out["kind"].isin(SPARSE).to_numpy()
    out["bias_units"] = np.where(sparse, rate_bias(slopes, out, panel, values, forecast), class_bias(sums, out, panel) * out["scale"])
    demands = pd.Series((np.nan_to_num(values) > 0).sum(axis=1), index=kind.index).reindex(pd.MultiIndex.from_frame(out[KEYS])).to_numpy()
    out[["sd_units", *LEVELS]] = out[["sd_units", *LEVELS]].mul(out["scale"] * out["growth"] * out["size"] * estimated(demands), axis=0)
    out.loc[sparse, list(LEVELS)] = out.loc[sparse, list(LEVELS)].add(out.loc[sparse, "bias_units"], axis=0)
    # Of other classes the spread is about zero so far, bias included; most of it stays risk in any case.
    small = np.clip(out["bias_units"], -0.5 * out["sd_units"], 0.5 * out["sd_units"])
    out["bias_units"] = np.where(sparse, out["bias_units"], small)
    out["sd_units"] = np.sqrt(out["sd_units"] ** 2 - np.where(sparse, 0.0, small) ** 2)
    grows = ["sd_units", *[name for name, level in LEVELS.items() if level > 0.5]]
    out = out.sort_values([*KEYS, "months"], kind="stable", ignore_index=True)
    out[grows] = out.groupby(KEYS)[grows].cummax()
    del sums, own, sparse, small
    out = _learned(out, panel.keys.loc[rare, KEYS], forecast, dict(zip(asked, quantiles, strict=True)))
    return out.sort_values([*KEYS, "months"], ignore_index=True)[COLUMNS]


def no_error_sums() -> pd.DataFrame:
    """Return the table where nothing could be measured."""
    return no_rows(COLUMNS, [*KEYS, "basis"])


def summed_errors(tried: pd.DataFrame, most_months: int) -> pd.DataFrame:
    """Add the scaled errors of each series and origin up over lags 1 to `months`: error, forecast ``said``, and the last month's error ``single``.

    A sum is left out unless all its lags were measured.
    """
    used = (tried["lag"] <= most_months) & (tried["whole_scale"] > 0) & tried["actual"].notna() & tried["statistical"].notna()
    # Numbers only are sorted and added up; texts, which take most of the memory, are looked up once, at the end.
    group = tried.loc[used, [*KEYS, "origin"]].groupby([*KEYS, "origin"], sort=True).ngroup().to_numpy()
    order = np.lexsort((tried.loc[used, "lag"].to_numpy(), group))
    rows, group = np.flatnonzero(used)[order], group[order]
    del order
    near = tried[["lag", "statistical", "whole_scale"]].rename(columns={"whole_scale": "scale"}).take(rows)
    near["single"] = (tried["actual"].to_numpy()[rows] - near["statistical"]) / near["scale"]
    groups = near.groupby(group, sort=False)
    whole = (near["lag"] == groups.cumcount() + 1).to_numpy()
    near["error"], near["said"] = groups["single"].cumsum(), groups["statistical"].cumsum() / near["scale"]
    out = tried[[*KEYS, "kind", "origin"]].take(rows[whole]).reset_index(drop=True)
    out["months"] = near["lag"].to_numpy()[whole]
    for name in ("error", "said", "single", "scale"):
        out[name] = near[name].to_numpy()[whole]
    return out


def _own_factors(
    sums: pd.DataFrame, pools: pd.DataFrame, panel: Panel, values: Matrix, kind: NDArray[np.object_], most_months: int, season_length: int
) -> pd.DataFrame:
    """How far each series departs from its class, by number of months: product, region, months, growth and size (factors of the spread)."""
    history = lengths(values)[1][:, None] / np.arange(1, most_months + 1)
    rates = relative_growth(growth(values, is_seasonal(values, season_length), most_months, season_length), kind, history)
    at = pd.MultiIndex.from_product([range(len(values)), range(1, most_months + 1)], names=["series", "months"])
    out = pd.DataFrame({"growth": np.sqrt(rates).ravel()}, index=at).reset_index()
    # By numbers: tables with the keys of all sums, merged, would take more memory than everything else.
    row = pd.MultiIndex.from_frame(panel.keys[KEYS]).get_indexer(pd.MultiIndex.from_frame(sums[KEYS]))
    place = np.where(row >= 0, row * most_months + sums["months"].to_numpy() - 1, -1)
    spread = pools.set_index(["kind", "months"])["sd_units"].reindex(pd.MultiIndex.from_frame(sums[["kind", "months"]])).to_numpy()
    usual = spread * out["growth"].to_numpy()[place]
    square = pd.Series((sums["error"].to_numpy() / np.where((usual > 0) & (row >= 0), usual, np.nan)) ** 2)
    own = square.groupby(place).agg(["mean", "count"]).reindex(range(len(out)))
    out["mean"], out["count"] = own["mean"].to_numpy(), own["count"].to_numpy()
    out = pd.concat([panel.keys[KEYS].iloc[out["series"]].reset_index(drop=True), out], axis=1)
    # Sums of neighbouring origins share months: there are fewer independent ones.
    number = out["count"].fillna(0.0) / np.maximum(out["months"] * OVERLAP, 1.0)
    out["size"] = np.sqrt((number * out["mean"].fillna(1.0) + CLASS_WEIGHT) / (number + CLASS_WEIGHT))
    return out[[*KEYS, "months", "growth", "size"]]


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


def _learned(out: pd.DataFrame, keys: pd.DataFrame, forecast: pd.DataFrame, quantiles: dict[int, tuple[Matrix, str]]) -> pd.DataFrame:
    """Put learned quantiles of the summed demand, less the forecast, in place of pooled ones for intermittent and lumpy series, those of `keys`."""
    if not quantiles:
        return out
    rows = forecast[["month", *KEYS, "units"]].sort_values("month", kind="stable")
    rows = rows[pd.MultiIndex.from_frame(rows[KEYS]).isin(pd.MultiIndex.from_frame(keys))]
    number, ahead = rows.groupby(KEYS, sort=False).cumcount(), rows["units"]
    for months, (found, basis) in quantiles.items():
        told = pd.DataFrame(found, columns=list(LEVELS), index=pd.MultiIndex.from_frame(keys))
        planned = ahead.where(number < months, 0.0).groupby([rows[k] for k in KEYS], sort=False).sum().reindex(told.index).fillna(0.0)
        mine = (out["months"] == months) & out["kind"].isin(SPARSE)
        at = pd.MultiIndex.from_frame(out.loc[mine, KEYS])
        known = told.sub(planned, axis=0).reindex(at)
        good = known.notna().all(axis=1).to_numpy()
        rows_of = out.index[mine][good]
        out.loc[rows_of, list(LEVELS)] = known.to_numpy()[good]
        out.loc[rows_of, "basis"] = basis
    return out


def _sum_quantiles(values: Matrix, months: int, seed: int) -> tuple[Matrix, str]:
    """Learn the quantiles of the demand over some months and return them for the same series, with what they are based on."""
    model = learn_sums(values, months, tuple(LEVELS.values()), seed)
    return sum_quantiles(values, model), "quantiles of sums, learned from all" if model.models else "negative binomial"
