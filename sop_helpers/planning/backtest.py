"""Try the forecast out on the past: from several past months, looking ahead, against what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning.chunks import Work, give_back
from sop_helpers.planning.forecasting import Points, Scope, living, naive_forecast, start_forecast, start_learning, why
from sop_helpers.planning.hierarchy import no_levels, reconcile_origins, tree_of
from sop_helpers.planning.intervals import LEVELS, Bands, calibrate, scales, usual_ratios
from sop_helpers.planning.known_scales import naive_scale
from sop_helpers.planning.last_methods import last_tried, models_of
from sop_helpers.planning.learners import Learner
from sop_helpers.planning.method_choice import SILENT, better, errors, standing
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.short_lived import family_sums, share_families, short_lived
from sop_helpers.planning.smoothing import Matrix

BLOCK = 4096  # series at a time where the steps of a formula would fill the memory


@dataclass(frozen=True)
class Backtest:
    """Forecasts made at past origins and what came; arrays are (series, origins, lags) with NaN where nothing can be compared.

    Attributes
    ----------
    back : ndarray of int
        Months between each origin and the last actual, largest first.
    statistical, naive, actual : ndarray
        The forecast as it would have been made, the benchmark, the demand that came.
    noise, naive_error : ndarray (series, origins)
        One-step noise of the fit and mean absolute error of seasonal naive, as known at the origin.
    kind : ndarray (series,)
        Class of each series.
    lag_months : int
        Lags up to this one are the ones decisions hang on.
    switched : ndarray of bool (series,)
        Series on which seasonal naive takes over.
    trained : list of Learner
        What the origins shared.
    """

    back: NDArray[np.int64]
    statistical: Matrix
    naive: Matrix
    actual: Matrix
    noise: Matrix
    naive_error: Matrix
    kind: NDArray[np.object_]
    lag_months: int
    switched: NDArray[np.bool_]
    trained: list[Learner] = field(default_factory=list)

    def part(self, start: int) -> Backtest:
        """Return the series from a row on."""
        rows = {name: getattr(self, name)[start:] for name in ("statistical", "naive", "actual", "noise", "naive_error", "kind", "switched")}
        return replace(self, **rows)

    def chosen(self) -> Matrix:
        """Forecasts after the choice between model and seasonal naive.

        The choice behind each origin's forecasts is made on the other origins only, so that its gain is not measured on the data it was made with.
        """
        model, naive, count = errors(self.statistical, self.naive, self.actual, self.lag_months, self.kind)
        rest_model, rest_naive, rest_count = (x.sum(axis=1, keepdims=True) - x for x in (model, naive, count))
        take = better(rest_model, rest_naive, rest_count)
        return np.where(take[:, :, None], self.naive, self.statistical)


def origins_back(months: int, horizon: int, origins: int, lag_months: int, season_length: int = 12) -> NDArray[np.int64]:
    """Return how far back the origins lie: the latest `origins` that see the decision lag, and two far ones for the long lags.

    A far origin must leave two seasons to learn from.
    """
    near = np.arange(lag_months + origins - 1, lag_months - 1, -1)
    far = np.array([horizon, (horizon + near[0]) // 2])
    back = np.unique(np.concatenate([far[far > near[0]], near]))[::-1]
    # Short histories: what is left must hold at least one season, else nothing is tried out.
    enough = np.where(back > near[0], months - back >= 2 * season_length, months - back >= min(season_length, 4))
    return back[enough].astype(int)


def backtest(
    values: Matrix, scope: Scope, horizon: int, *, origins: int = 6, lag_months: int = 3, season_length: int = 12, tier: str = "draft", seed: int = 0,
    work: Work | None = None, learning: Callable[[], list[Learner]] | None = None,
) -> Backtest:
    """Forecast from past origins as today's forecast is made, routing included.

    The learners of a tier are trained once, on what was known at the earliest origin that has enough to learn from: no origin sees its future.

    Parameters
    ----------
    values : ndarray (n, T)
        Cleansed demand, NaN before a series begins.
    scope : Scope
        Family, like product and end of each series.
    horizon : int
        Longest lag.
    origins : int
        Origins that see every lag up to `lag_months`.
    lag_months : int
        Decision lag.
    season_length : int
        Months in a season.
    tier, seed : str, int
        Members of the portfolio, and the seed of its learners.
    work : Work, optional
        Where chunks of series are worked on; here and now by default.
    learning : callable, optional
        Learners of the earliest origin that are being trained (see `forecasting.start_learning`).
    """
    n, months = values.shape
    back = origins_back(months, horizon, origins, lag_months, season_length)
    reach = int(back.max(initial=0))
    shape = (n, len(back), min(reach, horizon))
    statistical, naive, actual = (np.full(shape, np.nan) for _ in range(3))
    noise, naive_error = (np.full(shape[:2], np.nan) for _ in range(2))
    kind = np.full(n, "", dtype=object)
    trained: list[Learner] = []

    def begin(o: int) -> Callable[[], Points]:
        nonlocal trained, learning
        known = values[:, : months - back[o]]
        trained = trained or (learning or start_learning(known, horizon, season_length, tier, seed, work))()
        learning = None
        return start_forecast(known, min(int(back[o]), horizon), scope, season_length, trained, work)

    # The next origin is begun before the results of this one are looked at: other processes never wait for this one.
    following = begin(0) if len(back) else None
    for o, b in enumerate(back):
        known, ahead = values[:, : months - b], min(int(b), horizon)
        finish, following = following, begin(o + 1) if o + 1 < len(back) else None
        points = finish()
        # What has no sale yet at the origin had no forecast: nobody is right or wrong.
        seen = (np.nan_to_num(known) > 0).any(axis=1)
        statistical[seen, o, :ahead] = points.units[seen]
        naive[seen, o, :ahead] = naive_forecast(known, ahead, season_length)[seen]
        actual[seen, o, :ahead] = values[seen, months - b : months - b + ahead]
        noise[seen, o], naive_error[seen, o] = points.scale[seen], naive_scale(known, season_length)[seen]
        kind = np.where(seen, points.kind, kind)
    model, bench, count = errors(statistical, naive, actual, lag_months, kind)
    switched = better(model.sum(axis=1), bench.sum(axis=1), count.sum(axis=1))
    return Backtest(back, statistical, naive, actual, noise, naive_error, kind, lag_months, switched, trained)


class Forecast(NamedTuple):
    """Result of `forecast`.

    Attributes
    ----------
    table : DataFrame
        As the contract ``forecast``: month, product, region, units, lo95, lo80, hi80, hi95, model, reason, caution and watch (None where seasonal naive was
        not better), naive_ratio, own_model.
    tried : DataFrame
        The backtest: month, product, region, kind, origin, lag, actual, statistical, naive, lo95, lo80, hi80, hi95 (from bands that
        other origins gave), scale and root_scale (of seasonal naive's error in what was known at the origin, for MASE and RMSSE), whole_scale (of it in the
        whole history: one for all rows of a series, for errors that are pooled).
    levels : DataFrame
        level, nodes, base_wmape, bottom_up_wmape, reconciled_wmape (see `hierarchy.reconcile_origins`); empty without a hierarchy.
    method : str
        How the levels were brought into agreement.
    last_tried : DataFrame
        What last month's methods would have forecast in the backtest (see `last_methods.last_tried`).
    """

    table: pd.DataFrame
    tried: pd.DataFrame
    levels: pd.DataFrame
    method: str
    last_tried: pd.DataFrame


def forecast(
    panel: Panel, scope: Scope, months_ahead: pd.DatetimeIndex, *, origins: int = 6, lag_months: int = 3, season_length: int = 12, tier: str = "draft",
    seed: int = 0, family: pd.Series | None = None, regions: pd.DataFrame | None = None, work: Work | None = None,
    last: pd.DataFrame | None = None,
) -> Forecast:
    """Forecast every series with bands, each by its method, and return the backtest behind it.

    Parameters
    ----------
    panel : Panel
        Cleansed demand.
    scope : Scope
        Family, like product and end of each series (see `forecasting.scope_of`).
    months_ahead : DatetimeIndex
        Months to forecast, beginning with the one after the last actual.
    origins, lag_months, season_length, tier, seed
        As in the workbook's demand policy.
    family : Series, optional
        Family of each product, indexed by product: its levels and the total are then forecast too, and the series reconciled with them.
    regions : DataFrame, optional
        region; area and channel where there are any: with families, their levels too.
    work : Work, optional
        Where chunks of series are worked on, who is told how far it is, and what is known from before; here and now by default.
    last : DataFrame, optional
        product, region, model: forecast of the last closed month, whose methods are tried out again where they changed.
    """
    work = work or Work()
    ahead, n = len(months_ahead), len(panel.keys)
    tree = None if family is None or n == 0 else tree_of(panel.keys, family, living(panel.values, scope, season_length).live, regions)
    brief = family is not None and bool(short_lived(panel.values, scope, season_length).any())
    sums = family_sums(panel.keys, family) if family is not None and brief else None
    # Nodes above the series are forecast like any other series, in the same batch: families with their ended items, levels of what is live, series.
    above = [sums @ np.nan_to_num(panel.values)] if sums is not None else []
    above += [tree.up(panel.values)[: tree.aggregates]] if tree is not None else []
    values = np.vstack([*above, panel.values])
    more, whole = len(values) - n, len(above[0]) if sums is not None else 0
    own = scope
    scope = Scope(
        np.concatenate([np.full(more, int(scope.group.max(initial=-1)) + 1), scope.group]),
        np.concatenate([np.full(more, -1), np.where(scope.like >= 0, scope.like + more, -1)]),
        np.concatenate([np.full(more, 10**6), scope.end]),
        None if scope.launch is None else np.concatenate([np.full(more, -1), scope.launch]),
        None if scope.ramp is None else np.vstack([np.ones((more, scope.ramp.shape[1])), scope.ramp]),
    )
    back = origins_back(values.shape[1], ahead, origins, lag_months, season_length)
    work.total += len(values) * (1 + len(back))
    # Learners of the first origin and those of today are trained side by side.
    past = start_learning(values[:, : values.shape[1] - back[0]], ahead, season_length, tier, seed, work) if len(back) else None
    today = start_learning(values, ahead, season_length, tier, seed, work)
    tried = backtest(
        values, scope, ahead, origins=origins, lag_months=lag_months, season_length=season_length, tier=tier, seed=seed, work=work, learning=past
    )
    points = start_forecast(values, ahead, scope, season_length, today(), work)()
    naive = naive_forecast(values, ahead, season_length)
    switch = tried.switched & np.isin(points.model, ["portfolio", "family season", "imapa", "tsb", "learned rate", "recent mean", "like product"])
    units = np.where(switch[:, None], naive, points.units)
    chosen = tried.chosen()
    levels, method, shared = no_levels(), "", np.zeros(n, dtype=bool)
    if sums is not None:
        now = {"tried": chosen[more:], "units": units[more:], "actual": tried.actual[more:], "node_tried": chosen[:whole], "node_units": units[:whole]}
        half = share_families(panel.values, own, sums, tried.back, **now, lag_months=lag_months, season_length=season_length)
        chosen[more:], units[more:], shared = half
    if tree is not None:
        chosen, units, levels, method = reconcile_origins(chosen[whole:], tried.actual[whole:], units[whole:], tree, lag_months, tried.back, work)
        tried, points, switch = tried.part(more), Points(*(part[more:] for part in points)), switch[more:]
    model = np.where(shared, "family share", np.where(switch, "seasonal naive", points.model))
    stands = standing(chosen, tried.statistical, tried.naive, tried.actual, lag_months, tried.kind, model, model == "seasonal naive")
    cubes = {"statistical": tried.statistical, "naive": tried.naive, "actual": tried.actual, "back": tried.back, "trained": tried.trained}
    before = last_tried(panel, own, models_of(last, panel.keys), model, points.model, **cubes, lags=lag_months, season_length=season_length, work=work)
    del cubes
    tried = replace(tried, statistical=chosen)  # from here on only what was chosen counts: the other forecasts need no memory
    scale = origin_scales(tried, chosen)
    bands = calibrate(tried.actual - chosen, scale, tried.kind, ahead)
    limits = bands.apply(units, scale_today(tried, chosen, points.scale, naive_scale(panel.values, season_length)), points.kind)
    del values, naive
    back, kind, known_error = tried.back, tried.kind, tried.naive_error
    there, measured = _measured(tried, cross_bands(tried, chosen, scale))
    del tried, chosen, scale  # with a great many series tables and what they are made of do not go together into the memory
    dead = np.isin(model, SILENT)
    table = _long(panel, months_ahead, units, {name: np.where(dead[:, None], 0.0, q) for name, q in limits.items()})
    row = np.repeat(np.arange(n), ahead)
    reasons = [why(m, d) for m, d in zip(model, np.where(switch | shared, "", points.detail), strict=True)]
    texts = {"model": model, "reason": reasons, "own_model": points.model}
    texts |= {name: np.where(text == "", None, text) for name, text in (("caution", stands.caution), ("watch", stands.words))}
    for name, text in texts.items():
        table[name] = pd.Series(text, dtype="str").array.take(row)
    table.insert(table.columns.get_loc("own_model"), "naive_ratio", stands.ratio[row])
    compared = _tried_table(panel, back, kind, known_error, there, measured, season_length)
    give_back()
    return Forecast(table, compared, levels, method, before)


def _long(panel: Panel, months: pd.DatetimeIndex, units: Matrix, limits: dict[str, Matrix]) -> pd.DataFrame:
    row = np.repeat(np.arange(len(panel.keys)), len(months))
    out = panel.keys[KEYS].iloc[row].reset_index(drop=True)
    out.insert(0, "month", np.tile(months.to_numpy().astype("datetime64[us]"), len(panel.keys)))
    out["units"] = units.ravel()
    for name in ("lo95", "lo80", "hi80", "hi95"):
        out[name] = limits[name].ravel()
    return out


def _measured(tried: Backtest, bands: dict[str, Matrix]) -> tuple[NDArray[np.bool_], dict[str, Matrix]]:
    """Return where something can be compared (series, origins, lags), and what was forecast and came there, by name."""
    there = ~np.isnan(tried.actual) & ~np.isnan(tried.statistical)
    cubes = {"actual": tried.actual, "statistical": tried.statistical, "naive": tried.naive}
    found = {name: values[there] for name, values in cubes.items()}
    return there, found | {name: bands.pop(name)[there] for name in list(bands)}  # each gives its memory back as it is read


def _tried_table(
    panel: Panel, back: NDArray[np.int64], kind: NDArray[np.object_], naive_error: Matrix, there: NDArray[np.bool_], measured: dict[str, Matrix],
    season_length: int,
) -> pd.DataFrame:
    """Return the backtest as a table, one row where something can be compared; `naive_error` (n, origins) is the scale known at each origin."""
    row, rest = (part.astype(np.int32) for part in np.divmod(np.flatnonzero(there), there.shape[1] * there.shape[2]))
    o, lag = np.divmod(rest, there.shape[2])
    origin = (len(panel.months) - 1 - back)[o]
    out = panel.keys[KEYS].iloc[row].reset_index(drop=True)
    out.insert(0, "month", panel.months[origin + lag + 1].astype("datetime64[us]") if len(row) else pd.DatetimeIndex([], dtype="datetime64[us]"))
    out["kind"] = pd.Series(kind, dtype="str").array.take(row)
    out["origin"] = panel.months[origin].astype("datetime64[us]") if len(row) else pd.DatetimeIndex([], dtype="datetime64[us]")
    out["lag"] = lag.astype(np.int64) + 1
    for name in list(measured):
        out[name] = measured.pop(name)
    # A scale that saw the months tried would grow with the errors it divides.
    root = [naive_scale(panel.values[:, : len(panel.months) - b], season_length, 2) for b in back]
    out["scale"], out["root_scale"] = naive_error[row, o], np.array(root)[o, row] if len(row) else np.zeros(0)
    out["whole_scale"] = naive_scale(panel.values, season_length)[row]
    return out


def _errors_by_origin(tried: Backtest, chosen: Matrix) -> tuple[Matrix, NDArray[np.int64], tuple[float, float]]:
    """Return sum and number of absolute errors by series and origin, and the usual ratios of the parts of a scale."""
    error = tried.actual - chosen
    np.abs(error, out=error)
    there = np.isfinite(error)
    error[~there] = 0.0
    total, count = error.sum(axis=2), there.sum(axis=2)
    return total, count, usual_ratios(tried.noise, tried.naive_error, total / np.where(count > 0, count, np.nan))


def origin_scales(tried: Backtest, chosen: Matrix) -> Matrix:
    """Return the scale of each error (series, origins, lags), see `intervals.scales`; the backtest error in it is that of other origins in other months.

    A month that surprised one origin surprised its neighbours as well: were it in the scale, large errors would be divided by large scales, and bands be too
    narrow for the months ahead, which no scale has seen.
    """
    n, origins, lags = chosen.shape
    origin, month = np.repeat(np.arange(origins), lags), (np.arange(1, lags + 1) - tried.back[:, None]).ravel()
    apart = ((origin[:, None] != origin) & (month[:, None] != month)).astype(float)
    ratios, out = _errors_by_origin(tried, chosen)[2], np.empty(chosen.shape)
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        error = np.abs(tried.actual[rows] - chosen[rows])
        there = np.isfinite(error)
        rest, others = ((part.reshape(len(part), origins * lags) @ apart).reshape(error.shape) for part in (np.where(there, error, 0.0), there.astype(float)))
        noise, naive = (np.broadcast_to(part[rows, :, None], error.shape) for part in (tried.noise, tried.naive_error))
        out[rows] = scales(noise, naive, rest / np.where(others > 0, others, np.nan), ratios)
    return out


def scale_today(tried: Backtest, chosen: Matrix, noise: Matrix, naive_error: Matrix) -> Matrix:
    """Return the scale of each series' errors as of now: `noise` and `naive_error` (n,) from the whole history, the backtest error from all origins."""
    total, count, ratios = _errors_by_origin(tried, chosen)
    number = count.sum(axis=1)
    return scales(noise, naive_error, total.sum(axis=1) / np.where(number > 0, number, np.nan), ratios)


def cross_bands(tried: Backtest, chosen: Matrix, scale: Matrix | None = None) -> dict[str, Matrix]:
    """Limits for each origin, by name, from the residuals of the other origins, so that coverage is measured honestly; `scale` as of `origin_scales`."""
    residual, scale = tried.actual - chosen, origin_scales(tried, chosen) if scale is None else scale
    # Of the wide band only its coverage is counted: half the memory is enough for it.
    limits = {name: np.full_like(chosen, np.nan, dtype=np.float32 if name.endswith("95") else None) for name in LEVELS}
    for o in range(chosen.shape[1]):
        others = np.arange(chosen.shape[1]) != o
        if not np.isfinite(residual[:, others]).any():
            continue
        bands: Bands = calibrate(residual[:, others], scale[:, others], tried.kind, chosen.shape[2])
        for name, limit in bands.apply(chosen[:, o], scale[:, o], tried.kind).items():
            limits[name][:, o] = limit
    return limits


__all__ = ["LEVELS", "Backtest", "Points", "backtest", "cross_bands", "forecast", "naive_scale", "origins_back"]
