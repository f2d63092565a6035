"""What the forecast is expected to miss: bias is not risk, and stock has to know both.

Uncertain series tend to be forecast low, and rates of intermittent demand follow the last months too closely: after a quiet spell the forecast is low and
demand comes back. Both are measured in the backtest, over many series together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.forecasting import CLASSES
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.smoothing import Matrix, lengths

SPARSE = CLASSES[2:]
FEWEST = 30  # series below which a class is not divided, and sums below which a rate is taken as it is
OVERLAP = 0.7  # sums of k months from neighbouring origins count for one in so many times k


def drawn_rates(sums: pd.DataFrame, panel: Panel, values: Matrix) -> tuple[pd.DataFrame, pd.Series]:
    """Draw rates of intermittent and lumpy demand to the mean of their history, as far as demand did so in the backtest.

    The slope is that of a regression through zero of the error on the mean less the forecast, all such series and origins together: 0 where demand kept to
    the forecast, 1 where it kept to its long mean.

    Parameters
    ----------
    sums : DataFrame
        product, region, kind, origin, months, error, said (forecast), scale; error and forecast in scales.
    panel : Panel
        Keys and months of `values`.
    values : ndarray
        Demand from the first sale on.

    Returns
    -------
    sums : DataFrame
        With ``shift``, what is to be expected beyond the forecast, taken out of the error.
    slopes : Series
        By months.
    """
    row = pd.MultiIndex.from_frame(panel.keys[KEYS]).get_indexer(pd.MultiIndex.from_frame(sums[KEYS]))
    col = panel.months.get_indexer(pd.DatetimeIndex(sums["origin"]))
    number = np.maximum((~np.isnan(values)).cumsum(axis=1), 1)
    mean = (np.nan_to_num(values).cumsum(axis=1) / number)[row, col] / sums["scale"].to_numpy(dtype=float)
    apart = np.where((row >= 0) & (col >= 0) & sums["kind"].isin(SPARSE).to_numpy(), sums["months"] * mean - sums["said"], 0.0)
    parts = pd.DataFrame({"months": sums["months"].to_numpy(), "both": apart * sums["error"].to_numpy(), "square": apart**2, "some": apart != 0})
    total = parts.groupby("months")[["both", "square", "some"]].sum()
    slopes = (total["both"] / total["square"].where(total["square"] > 0)).clip(0, 1).where(total["some"] >= FEWEST, 0.0).fillna(0.0)
    shift = sums["months"].map(slopes).to_numpy() * apart
    return sums.assign(shift=shift, error=sums["error"] - shift), slopes


def rate_bias(slopes: pd.Series, out: pd.DataFrame, panel: Panel, values: Matrix, forecast: pd.DataFrame) -> Matrix:
    """Return what is to be expected beyond today's forecast, units, for the rows of `out` (product, region, kind, months); zero but for sparse demand."""
    keys = pd.MultiIndex.from_frame(out[KEYS])
    mean = np.nansum(values, axis=1) / np.maximum(lengths(values)[1], 1)
    level = pd.Series(mean, index=pd.MultiIndex.from_frame(panel.keys[KEYS])).reindex(keys).to_numpy()
    ahead = forecast[["month", *KEYS, "units"]].sort_values("month", kind="stable")  # without the reasons, which take most of the memory
    ahead = ahead.assign(months=ahead.groupby(KEYS).cumcount() + 1.0, said=ahead.groupby(KEYS)["units"].cumsum()).set_index([*KEYS, "months"])["said"]
    said = ahead.reindex(pd.MultiIndex.from_frame(out[[*KEYS, "months"]])).to_numpy()
    told = out["months"].map(slopes).fillna(0.0).to_numpy() * (out["months"].to_numpy() * level - said)
    return np.where(out["kind"].isin(SPARSE), np.nan_to_num(told), 0.0)


def class_bias(sums: pd.DataFrame, out: pd.DataFrame, panel: Panel) -> Matrix:
    """Return the mean error, in scales, that series of the same class and about as uncertain show: uncertain ones tend to be forecast low.

    The mean is drawn towards zero as far as it changes from origin to origin (James-Stein): a market that rose in the months tried is no bias.

    Parameters
    ----------
    sums : DataFrame
        From `cumulative.summed_errors`.
    out : DataFrame
        product, region, kind, months, class_sd_units; the rows that are asked for.
    panel : Panel
        Demand.
    """
    month = out[out["months"] == 1].set_index(KEYS)
    # Uncertain against the whole history: against today's forecast, those that just sold little would be taken for those that sell little.
    level = np.nansum(panel.values, axis=1) / np.maximum(lengths(panel.values)[1], 1)
    demand = pd.Series(level, index=pd.MultiIndex.from_frame(panel.keys[KEYS])).reindex(month.index)
    unsure = (month["class_sd_units"] / demand.where(demand > 0)).fillna(np.inf)
    place = unsure.groupby(month["kind"]).rank(pct=True, method="first")
    many = unsure.groupby(month["kind"]).transform("size") >= 3 * FEWEST
    label = (month["kind"].astype("str") + np.where(many, np.ceil(place * 3).astype(int).astype("str"), "")).rename("label")
    row = label.index.get_indexer(pd.MultiIndex.from_frame(sums[KEYS]))
    named = label.astype("category").take(row).set_axis(sums.index).where(row >= 0)
    by_origin = sums["error"].groupby([named, sums["months"], sums["origin"]], observed=True).mean()
    groups = by_origin.groupby(["label", "months"])
    told = pd.DataFrame({"mean": groups.mean(), "spread": groups.var(), "origins": groups.size()})
    independent = told["origins"] / np.maximum(told.index.get_level_values("months") * OVERLAP, 1.0)
    noise = (told["spread"] / independent).fillna(np.inf)
    kept = (told["mean"] * (1 - noise / told["mean"].where(told["mean"] != 0) ** 2).clip(lower=0)).fillna(0.0)
    at = pd.MultiIndex.from_arrays([label.reindex(pd.MultiIndex.from_frame(out[KEYS])), out["months"]])
    return kept.reindex(at).fillna(0.0).to_numpy()
