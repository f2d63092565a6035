"""The statistical forecast: which method each series gets, and why.

Series are routed by length and by class (Syntetos, Boylan & Croston 2005); each route is forecast in one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sop_helpers.planning import portfolio, rates
from sop_helpers.planning.chunks import Work
from sop_helpers.planning.frames import months_between
from sop_helpers.planning.intermittent import croston, imapa
from sop_helpers.planning.launches import RAMP_MONTHS, USUAL_RAMP, after_ramp, ramps_by_product
from sop_helpers.planning.learners import Learner
from sop_helpers.planning.panel import KEYS, Panel
from sop_helpers.planning.portfolio import Combined
from sop_helpers.planning.smoothing import FORMS, Matrix, is_seasonal, lengths, seasonal_naive, seasonal_profile

CLASSES = ("smooth", "erratic", "intermittent", "lumpy")
REASONS = {
    "no history": "no sale yet: nothing to go by",
    "ended": "ended: past its last month of sale",
    "stopped": "no sale for a year or more",
    "like product": "less than a year of history: the like product's season and trend at its own level",
    "recent mean": "less than a year of history: mean size of recent sales, less a launch's first months, times how often it sold; season of its family",
    "family season": "less than two years of history: trend of its own after its first months' ramp, season of its family",
    "imapa": "intermittent demand: mean rate of blocks of one month up to the usual interval (IMAPA)",
    "learned rate": "intermittent demand: how series like it went on, learned from all of them",
    "family share": "sold in too few months to stand alone: half its own forecast, half its recent share of its family in the region",
    "tsb": "intermittent demand that may be fading: size times probability of demand",
    "portfolio": "regular demand: mean of",
    "seasonal naive": "seasonal naive was clearly better in the backtest",
}


RECENT = 6  # months whose mean stands for a series younger than a season
STEEP = RAMP_MONTHS // 2  # first months of a launch, which say more of its start than of its level: they count only until as many later ones are there
FEWEST_MONTHS = 60  # of a family's first years, below which the share of all families is taken


class Scope(NamedTuple):
    """What is known of each series beside its history: rows as in the panel.

    Attributes
    ----------
    group : ndarray of int
        Number of the family whose season a young series borrows.
    like : ndarray of int
        Row of the like product in the same region, -1 without one.
    end : ndarray of int
        First column (of history and months ahead) after the last month of sale; a large number without one.
    launch : ndarray of int, optional
        Column in which its product's launch began, -1 where that lies outside the history or is not known.
    ramp : ndarray (n, RAMP_MONTHS), optional
        Share of its steady level that a launch after its like product reaches in its first months (see `launches.ramps_by_product`).
    """

    group: NDArray[np.int64]
    like: NDArray[np.int64]
    end: NDArray[np.int64]
    launch: NDArray[np.int64] | None = None
    ramp: Matrix | None = None


class Points(NamedTuple):
    """Point forecasts (n, h), and by series the class, the model, its detail and the one-step noise ``scale``."""

    units: Matrix
    kind: NDArray[np.object_]
    model: NDArray[np.object_]
    detail: NDArray[np.object_]
    scale: Matrix


def scope_of(panel: Panel, products: pd.DataFrame) -> Scope:
    """Look up family, like product and last month of sale of each series.

    Parameters
    ----------
    panel : Panel
        The series.
    products : DataFrame
        product, family; end_month, like_product and launch_month where there are any.
    """
    known = products.set_index("product").reindex(panel.keys["product"])
    group = pd.factorize(known["family"], use_na_sentinel=False)[0]
    like = np.full(len(panel.keys), -1)
    if "like_product" in known and len(panel.keys):
        index = pd.MultiIndex.from_frame(panel.keys[KEYS])
        like = index.get_indexer(pd.MultiIndex.from_arrays([known["like_product"].astype("str"), panel.keys["region"]]))
    end = np.full(len(panel.keys), 10**6)
    if "end_month" in known and len(panel.months):
        last = pd.DatetimeIndex(known["end_month"])
        first = panel.months[0]
        column = months_between(last, first) + 1
        end = np.where(last.isna(), 10**6, column).astype(int)
    launch, ramp = None, None
    if "launch_month" in known and (like >= 0).any():
        launch, ramp = _launched(panel, products, like)
    return Scope(group.astype(int), like.astype(int), end, launch, ramp)


def _launched(panel: Panel, products: pd.DataFrame, like: NDArray[np.int64]) -> tuple[NDArray[np.int64], Matrix]:
    """Return the column in which the product of each series was launched, or first sold where that came later, and the ramp of its like product."""
    whole = pd.DataFrame(panel.values, columns=panel.months).groupby(panel.keys["product"]).sum(min_count=1)
    code = whole.index.get_indexer(pd.Index(panel.keys["product"]))
    launch = pd.DatetimeIndex(products.set_index("product")["launch_month"].reindex(whole.index))
    planned = np.where(launch.isna(), -1, months_between(launch, panel.months[0])).astype(int)
    sold = lengths(trim(whole.to_numpy()))[0]
    column = np.where((planned >= 0) & (planned < len(panel.months)), np.maximum(planned, sold), -1)
    ramp = ramps_by_product(whole, products)[code]
    return column[code], np.where((like >= 0)[:, None], ramp[like], USUAL_RAMP)


def classify(values: Matrix) -> NDArray[np.object_]:
    """Class of each series by the interval between demands (1.32) and the squared variation of their size (0.49)."""
    hit = values > 0
    count = hit.sum(axis=1)
    size = np.where(hit, values, 0.0)
    mean = size.sum(axis=1) / np.maximum(count, 1)
    variance = np.where(hit, (size - mean[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(count, 1)
    variation = (np.sqrt(variance) / np.where(mean > 0, mean, 1.0)) ** 2  # in this order: the square of a tiny mean would be zero
    interval = lengths(values)[1] / np.maximum(count, 1)
    return np.array(CLASSES, dtype=object)[(interval >= 1.32) * 2 + (variation >= 0.49)]


def family_profiles(values: Matrix, group: NDArray[np.int64], season_length: int = 12) -> Matrix:
    """Seasonal profile of each series' family, from the sum of its series of two years and more; of all where the family shows none."""
    m = season_length
    old = lengths(values)[1] >= 2 * m
    if not old.any():
        return np.ones((len(values), m))
    start = int(lengths(values)[0][old].max())
    if values.shape[1] - start < 2 * m:
        start = values.shape[1] - 2 * m
    sums = np.zeros((int(group.max()) + 2, values.shape[1] - start))
    np.add.at(sums, group[old], np.nan_to_num(values[old, start:]))
    sums[-1] = sums[:-1].sum(axis=0)
    profile = np.where(is_seasonal(sums, m)[:, None], seasonal_profile(sums, m), 1.0)
    # Columns of the cut matrix start later than those of the whole one: turn the profile back to the whole one's months.
    profile = np.roll(profile, start % m, axis=1)
    flat = (profile == 1.0).all(axis=1) & ((sums > 0).sum(axis=1) < 2 * m)
    profile = np.where(flat[:, None], profile[-1], profile)
    return profile[group]


def selling_share(values: Matrix, group: NDArray[np.int64], season_length: int = 12) -> Matrix:
    """Share of months with demand in the first season after a first sale (n,): that of each series' family, of all where the family shows too few.

    A series that sells in the first season of the data may have sold before it; only where there are no others does it count.
    """
    start = lengths(values)[0]
    age = np.arange(values.shape[1])[None, :] - start[:, None]
    early = (age >= 1) & (age < season_length) & ~np.isnan(values)
    begun = start >= season_length
    early &= (begun if early[begun].sum() >= FEWEST_MONTHS else np.ones_like(begun))[:, None]
    hits, months = (np.bincount(group, (early & some).sum(axis=1), minlength=int(group.max(initial=-1)) + 1) for some in (np.nan_to_num(values) > 0, True))
    overall = hits.sum() / months.sum() if months.sum() else 1.0
    return np.where(months >= FEWEST_MONTHS, hits / np.maximum(months, 1), overall)[group]


def young_levels(values: Matrix, share: Matrix) -> Matrix:
    """Level (n,) of young series: mean size of recent demand, times how often it came.

    A history begins with a sale, so its first month says nothing of how often demand comes: counted in, rates of car parts younger than a year were 13 to
    134 % too high at six of seven past months. What counts are the months after it, and one month more that sells as often as its family does. Regular demand
    that begins inside the data is launched there: its first months are a ramp, or shelves that are filled, and give way to later ones (see `STEEP`).

    Parameters
    ----------
    values : ndarray (n, T)
        Demand without season, NaN before the first sale.
    share : ndarray (n,)
        From `selling_share`.
    """
    start, length = lengths(values)
    passed = np.where((start > 0) & np.isin(classify(values), CLASSES[:2]), np.clip(length - STEEP, 0, STEEP), 0)
    recent = np.where(np.arange(values.shape[1]) < (start + passed)[:, None], np.nan, values)[:, -RECENT:]
    ever, there, hits = np.nan_to_num(values) > 0, (~np.isnan(recent)).sum(axis=1), (np.nan_to_num(recent) > 0).sum(axis=1)
    first = (length <= recent.shape[1]) & (passed == 0)
    size = np.where(hits > 0, np.nansum(recent, axis=1) / np.maximum(hits, 1), np.nansum(values, axis=1) / np.maximum(ever.sum(axis=1), 1))
    return size * (hits - first + share) / (there - first + 1)


def trim(values: Matrix) -> Matrix:
    """Let each series begin with its first sale: zeros before it say nothing about demand."""
    hit, months = values > 0, values.shape[1]
    first = np.where(hit.any(axis=1), hit.argmax(axis=1) if months else 0, months)
    return np.where(np.arange(months) >= first[:, None], values, np.nan)


def learn(values: Matrix, horizon: int, season_length: int = 12, tier: str = "draft", seed: int = 0, work: Work | None = None) -> list[Learner]:
    """Train the learners of a tier on the regular series of a company: `start_learning`, and wait."""
    return start_learning(values, horizon, season_length, tier, seed, work)()


def start_learning(
    values: Matrix, horizon: int, season_length: int = 12, tier: str = "draft", seed: int = 0, work: Work | None = None
) -> Callable[[], list[Learner]]:
    """Begin to train the learners of a tier on a company's regular series (see `portfolio.start_training`), and that of rates on the intermittent ones."""
    values, work = trim(values), work or Work()
    regular = (lengths(values)[1] > 2 * season_length) & np.isin(classify(values), CLASSES[:2])
    begun = portfolio.start_training(values[regular], horizon, season_length, tier, seed, work)
    if not portfolio.TIERS[tier][0]:
        return begun
    rate = work.each(partial(rates.train, values=values, sparse=partial(intermittent_now, season_length=season_length)), [rates.RECIPE], [seed])
    return lambda: [*begun(), *(learner for learner in rate if learner is not None)]


def intermittent_now(values: Matrix, season_length: int = 12) -> NDArray[np.bool_]:
    """Tell which series (n,) have more than a season of history that is intermittent or lumpy, and sell still."""
    values = trim(values)
    return living(values, None, season_length).live & np.isin(classify(values), CLASSES[2:]) & (lengths(values)[1] > season_length)


class Living(NamedTuple):
    """Which series (n,) sell, stopped selling or ended as planned; months ``sold`` and months of ``silence`` since the last sale."""

    live: NDArray[np.bool_]
    stopped: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    sold: NDArray[np.int64]
    silence: NDArray[np.int64]


def living(values: Matrix, scope: Scope | None, season_length: int = 12) -> Living:
    """Tell live series from those that stopped: no sale for a season and for four times their usual interval; without a scope none ends as planned."""
    values = trim(values)
    months = values.shape[1]
    hit = values > 0
    sold = hit.sum(axis=1)
    silence = np.where(sold > 0, hit[:, ::-1].argmax(axis=1) if months else 0, months)
    gap = lengths(values)[1] / np.maximum(sold, 1)
    stopped = (sold > 0) & (silence >= np.maximum(season_length, np.ceil(4 * gap)))
    ended = np.zeros(len(values), dtype=bool) if scope is None else scope.end <= months
    return Living((sold > 0) & ~stopped & ~ended, stopped, ended, sold, silence)


def point_forecast(
    values: Matrix, horizon: int, scope: Scope, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None,
    methods: NDArray[np.object_] | None = None,
) -> Points:
    """Forecast every series by the method that its length and class call for: `start_forecast`, and wait."""
    return start_forecast(values, horizon, scope, season_length, trained, work, methods)()


def start_forecast(
    values: Matrix, horizon: int, scope: Scope, season_length: int = 12, trained: list[Learner] | None = None, work: Work | None = None,
    methods: NDArray[np.object_] | None = None,
) -> Callable[[], Points]:
    """Begin to forecast every series by the method that its length and class call for, or by the one that is named.

    Parameters
    ----------
    values : ndarray (n, T)
        Cleansed demand, NaN before a series begins; the last column is the last actual.
    horizon : int
        Months ahead.
    scope : Scope
        Family, like product and end of each series.
    season_length : int
        Months in a season.
    trained : list of Learner, optional
        From `learn`; without them the smoothers stand alone.
    work : Work, optional
        Where chunks of series are worked on: a pool begins at once; here, when the result is asked for, by default.
    methods : ndarray of str (n,), optional
        Method of each series instead, a key of REASONS; where it is "", or the history too short for it, nothing is forecast and the model is another.

    Returns
    -------
    callable
        Waits for the forecast and returns it; to be called once.
    """
    work = work or Work()
    n, months = values.shape
    m = season_length
    values = trim(values)
    length = lengths(values)[1]
    kind = classify(values)
    live, stopped, ended, sold, silence = living(values, scope, m)
    gap = length / np.maximum(sold, 1)
    sparse = live & np.isin(kind, CLASSES[2:]) & (length > m)
    young = live & (length <= m)
    middle = live & ~sparse & (length > m) & (length <= 2 * m)
    whole = live & ~sparse & (length > 2 * m)
    if methods is not None:
        sparse, young = (live & np.isin(methods, names) for names in (("tsb", "imapa", "learned rate"), ("recent mean", "like product")))
        middle, whole = live & (methods == "family season") & (length > m), live & (methods == "portfolio") & (length > 2 * m)
    profile = family_profiles(values, scope.group, m) if (middle | young).any() else np.ones((n, m))

    def calm(rows: NDArray[np.bool_]) -> Matrix:
        return values[rows] / profile[rows][:, np.arange(months) % m]

    rate = next((one for one in trained or [] if one.recipe.kind == rates.RECIPE.kind), None)
    of_regular = [one for one in trained or [] if one is not rate]
    regular = portfolio.start(values[whole], horizon, m, of_regular, work) if whole.any() else None
    # More than a season but less than two: an own season cannot be told from noise.
    borrowing = portfolio.start(after_ramp(calm(middle))[:, -2 * m :], horizon, 4 * m, work=work) if middle.any() else None

    def finish() -> Points:
        units, scale, ahead = np.zeros((n, horizon)), np.zeros(n), (months + np.arange(horizon)) % m
        model, detail = np.full(n, "no history", dtype=object), np.full(n, "", dtype=object)
        learned = sparse & (rate is not None) & (True if methods is None else methods == "learned rate")
        fading = sparse & ~learned & (silence > 2 * gap if methods is None else methods == "tsb")
        units[fading], model[fading] = croston(values[fading], horizon, "tsb"), "tsb"
        steady = sparse & ~learned & ~fading
        units[steady], model[steady] = imapa(values[steady], horizon), "imapa"
        if rate is not None:
            units[learned], model[learned] = rates.predict(rate, values[learned])[:, None], "learned rate"
        if regular is not None:
            fit = regular()
            units[whole], scale[whole], model[whole], detail[whole] = fit.forecast, fit.sigma, "portfolio", _members(fit)
        if borrowing is not None:
            fit = borrowing()
            units[middle], scale[middle], model[middle] = fit.forecast * profile[middle][:, ahead], fit.sigma, "family season"
        if young.any():
            level = young_levels(calm(young), selling_share(values, scope.group, m)[young])
            units[young], model[young] = level[:, None] * profile[young][:, ahead], "recent mean"
            borrowing_from = young & (scope.like >= 0) & whole[scope.like] & (True if methods is None else methods == "like product")
            _borrow(values, units, model, borrowing_from, scope)
        work.tell(int((~whole & ~middle).sum()))
        rest = scale <= 0
        scale[rest] = _spread(values[rest])
        model[stopped], model[ended] = "stopped", "ended"
        units = np.where((live & np.isfinite(scale))[:, None], np.maximum(np.nan_to_num(units), 0.0), 0.0)
        return Points(units, kind, model, detail, scale)

    return finish


def _members(fit: Combined) -> NDArray[np.object_]:
    """Name the members behind each forecast, and the form that exponential smoothing gives most weight."""
    named = ", ".join(fit.members)
    return np.array([f"{named}; mostly {form}" for form in FORMS], dtype=object)[fit.form]


def _borrow(values: Matrix, units: Matrix, model: NDArray[np.object_], mask: NDArray[np.bool_], scope: Scope) -> None:
    """Forecast young series as their like product, at the ratio of both over the months they share, both as far up the ramp of a launch as they were.

    Where no launch is known there is no ramp. Held against the like product's full level, months of the ramp would make the level of a launch too low; those
    of its steeper half, which say more of the ramp than of the level, count only until three later ones are there.
    """
    rows, months = np.flatnonzero(mask), values.shape[1]
    own, other = values[rows], values[scope.like[rows]]
    ramp = np.ones((len(rows), months + units.shape[1]))
    if scope.launch is not None and scope.ramp is not None and len(rows):
        age = np.arange(ramp.shape[1]) - scope.launch[rows, None]
        steps = np.column_stack([scope.ramp[rows], np.ones(len(rows))])
        ramp = np.where(scope.launch[rows, None] >= 0, np.take_along_axis(steps, np.clip(age, 0, RAMP_MONTHS), axis=1), 1.0)
        half = np.minimum(STEEP, months - STEEP - scope.launch[rows])[:, None]
        own = np.where((scope.launch[rows, None] >= 0) & (age[:, :months] < half), np.nan, own)
    shared = ~np.isnan(own) & ~np.isnan(other)
    base = np.where(shared, other * ramp[:, :months], 0.0).sum(axis=1)
    ratio = np.where(shared, own, 0.0).sum(axis=1) / np.where(base > 0, base, 1.0)
    good = base > 0
    units[rows[good]] = (units[scope.like[rows]] * ratio[:, None] * ramp[:, months:])[good]
    model[rows[good]] = "like product"


def _spread(values: Matrix) -> Matrix:
    """Standard deviation of each history, the noise of a flat forecast; the level itself where there is one month."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, values, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(there, (values - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return np.where(there.sum(axis=1) > 1, spread, np.abs(mean))


def naive_forecast(values: Matrix, horizon: int, season_length: int = 12) -> Matrix:
    """Return the benchmark for the same series (see `smoothing.seasonal_naive`)."""
    return np.maximum(seasonal_naive(values, horizon, season_length), 0.0)


def why(model: str, detail: str = "") -> str:
    """Return the sentence that stands beside a model's forecast."""
    return REASONS[model] + (f" {detail}" if detail else "")
