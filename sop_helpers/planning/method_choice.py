"""Each series' method against seasonal naive, and against last month's method: when to change, and what to say where it was close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.panel import KEYS
from sop_helpers.planning.smoothing import Matrix
from sop_helpers.planning.wording import counted

SWITCH = 0.6  # seasonal naive takes over only where its error is below this share of the model's: on M3 smaller differences were noise
FEWEST = 6  # measured forecasts below which nobody can tell
NAIVE = "seasonal naive"
LAST = "last cycle's method"  # as a step of the process
SPARSE = ("intermittent", "lumpy")
SILENT = ("ended", "stopped", "no history")  # not forecast, so nothing is compared
CAUTIONS = {
    "not clearly better": "better in the backtest, but not clearly: its {error} up to {ahead} ahead was {less} lower, and it takes over from {needed} on",
    "absolute error only": "better in the backtest by absolute error ({less} lower), which favours zeros where demand is rare, but not by squared error",
    "too few to tell": "better in the backtest ({less} less error), but on {points}: too few to tell",
    "agreed with other levels": "clearly better in the backtest, but not than the method alone, before families and levels were brought in",
}
COLUMNS = [*KEYS, "last_model", "model", "points", "last_wmape", "wmape", "why"]


def errors(forecast: Matrix, naive: Matrix, actual: Matrix, lag: int, kind: NDArray[np.object_]) -> tuple[Matrix, Matrix, Matrix]:
    """Error of both by series and origin over the decision lags: absolute, but squared for sparse demand, where zero always wins the absolute one."""
    power = np.where(np.isin(kind, SPARSE), 2.0, 1.0)[:, None, None]
    there = ~np.isnan(actual[:, :, :lag]) & ~np.isnan(forecast[:, :, :lag])
    both = [np.where(there, np.abs(np.nan_to_num(f[:, :, :lag] - actual[:, :, :lag])) ** power, 0.0).sum(axis=2) for f in (forecast, naive)]
    return both[0], both[1], there.sum(axis=2)


def better(model: Matrix, naive: Matrix, count: Matrix) -> NDArray[np.bool_]:
    """Tell where seasonal naive takes over."""
    return (naive < SWITCH * model) & (count >= FEWEST)


class Standing(NamedTuple):
    """How each series (n,) stands against seasonal naive in the backtest.

    Attributes
    ----------
    ratio : ndarray
        Absolute error of seasonal naive over that of what is forecast, or of the method it replaced; NaN where nothing was tried.
    caution : ndarray of str
        A key of `CAUTIONS` where naive was better and does not take over, else "".
    words : ndarray of str
        The sentence of it.
    """

    ratio: Matrix
    caution: NDArray[np.object_]
    words: NDArray[np.object_]


def standing(
    used: Matrix, own: Matrix, naive: Matrix, actual: Matrix, lag: int, kind: NDArray[np.object_], model: NDArray[np.object_], replaced: NDArray[np.bool_]
) -> Standing:
    """Hold what is forecast against seasonal naive, and say why it stays where naive was better.

    Parameters
    ----------
    used, own, naive, actual : ndarray (n, origins, lags)
        Backtest: what is forecast, the method alone, seasonal naive, and what came.
    lag : int
        Longest lag that is measured.
    kind, model : ndarray of str (n,)
        Class, and method in use.
    replaced : ndarray of bool (n,)
        Where seasonal naive took the method's place.
    """
    lag, absolute = min(lag, actual.shape[2]), np.full(len(kind), "", dtype=object)
    mine, bench, count = (part.sum(axis=1) for part in errors(used, naive, actual, lag, absolute))
    before = np.where(replaced, errors(own, naive, actual, lag, absolute)[0].sum(axis=1), mine)
    ratio = np.where((count > 0) & (before > 0), bench / np.where(before > 0, before, 1.0), np.nan)
    rule_mine, rule_bench, _ = (part.sum(axis=1) for part in errors(used, naive, actual, lag, kind))
    # Where naive took over and a share of the family came in after it, what is forecast is not naive, and may be worse.
    ahead = (bench < mine * (1 - 1e-9)) & (model != NAIVE) & ~np.isin(model, SILENT)
    cases = [count < FEWEST, rule_bench >= rule_mine, rule_bench >= SWITCH * rule_mine]
    caution = np.where(ahead, np.select(cases, ["too few to tell", "absolute error only", "not clearly better"], "agreed with other levels"), "").astype(object)
    sentences, squared = absolute.copy(), np.isin(kind, SPARSE)
    for row in np.flatnonzero(ahead):  # few
        by_rule = caution[row] == "not clearly better"
        lower = 1 - (rule_bench[row] / rule_mine[row] if by_rule else bench[row] / mine[row])
        said = {"error": "squared error" if squared[row] else "error", "ahead": counted(lag, "months"), "points": counted(int(count[row]), "forecasts")}
        said |= {"less": f"{100 * lower:.0f} %" if lower >= 0.01 else "less than 1 %", "needed": f"{100 * (1 - SWITCH):.0f} %"}
        sentences[row] = f"{NAIVE} was {CAUTIONS[caution[row]].format(**said)}; the method stays, and is watched"
    return Standing(ratio, caution, sentences)


def _by_series(near: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Add a backtest up by series: points, actual, and absolute errors of the columns named."""
    off = {name: (near["actual"] - near[column]).abs() for name, column in names.items()}
    return near[[*KEYS, "actual"]].assign(points=1.0, **off).groupby(KEYS).sum()


def watched(forecast: pd.DataFrame, near: pd.DataFrame) -> pd.DataFrame:
    """List the series on which seasonal naive was better in the backtest and does not take over, most units of error first.

    Parameters
    ----------
    forecast : DataFrame
        As the contract ``forecast``.
    near : DataFrame
        Backtest up to the decision lag: product, region, actual, statistical, naive.

    Returns
    -------
    DataFrame
        product, region, model, wmape, naive_wmape, caution, watch (the sentence).
    """
    one = forecast[forecast["caution"].notna()].drop_duplicates(KEYS).join(_by_series(near, {"used": "statistical", "bench": "naive"}), on=KEYS)
    one = one.assign(lost=one["used"] - one["bench"]).sort_values("lost", ascending=False, kind="stable")
    bottom = one["actual"].where(one["actual"] > 0)
    one = one.assign(wmape=one["used"] / bottom, naive_wmape=one["bench"] / bottom)
    return one[[*KEYS, "model", "wmape", "naive_wmape", "caution", "watch"]].reset_index(drop=True)


def method_changes(forecast: pd.DataFrame, last: pd.DataFrame | None, near: pd.DataFrame, last_tried: pd.DataFrame) -> pd.DataFrame:
    """List the series whose method is not that of the last closed month, with the error of both on the same past months.

    Parameters
    ----------
    forecast : DataFrame
        As the contract ``forecast``.
    last : DataFrame, optional
        The same of the last closed month: product, region, model.
    near : DataFrame
        Backtest up to the decision lag: product, region, origin, lag, actual, statistical, naive.
    last_tried : DataFrame
        What last month's methods would have forecast in it (see `last_methods.last_tried`): product, region, origin, lag, units.

    Returns
    -------
    DataFrame
        As the contract ``method_changes``.
    """
    if last is None or last.empty or forecast.empty:
        return no_rows(COLUMNS, [*KEYS, "last_model", "model", "why"])
    old = last.drop_duplicates(KEYS)[[*KEYS, "model"]].rename(columns={"model": "last_model"})
    one = forecast.drop_duplicates(KEYS).merge(old, on=KEYS)
    one = one[one["model"] != one["last_model"]]
    names = {"used": "statistical", "bench": "naive"}
    mine = near[near["product"].isin(one["product"])]
    both = mine.merge(last_tried[[*KEYS, "origin", "lag", "units"]], on=[*KEYS, "origin", "lag"])
    sums = _by_series(both, names | {"last": "units"}).combine_first(_by_series(mine, names).assign(last=np.nan))
    one = one.join(sums, on=KEYS)
    now = one["model"] == NAIVE
    ratio = one["naive_ratio"].where(one["naive_ratio"] > 0)
    error = one["bench"].where(now, one["used"]).where(~one["model"].isin(SILENT))
    bottom = one["actual"].where(one["actual"] > 0)
    shift = (100 * (ratio - 1).abs()).round().astype("str").str.removesuffix(".0")
    back = f"{NAIVE} is not clearly better: its error in the backtest was " + shift + np.where(ratio < 1, " % lower", " % higher")
    first = one["reason"].str.split(";").str[0]
    # What is not forecast any more needs no comparison.
    why = np.select(
        [now | one["model"].isin(SILENT), (one["last_model"] == NAIVE) & ratio.notna()], [first, back], "its class or history now calls for it: " + first
    )
    out = one.assign(points=one["points"].fillna(0.0), last_wmape=one["last"].where(error.notna()) / bottom, wmape=error / bottom, why=why)
    return out[COLUMNS].reset_index(drop=True)
