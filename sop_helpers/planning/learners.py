"""Global learners: one LightGBM over all series, which sees in many histories what no single one shows.

Alone they are no better than exponential smoothing; they err differently, and that is their worth beside it. Two kinds: ``differences`` learns the next change
of the logarithm and goes on from its own forecasts; ``seasons`` learns any month ahead at once, from the level of the last season and the same month of
the seasons before. Both minimise the absolute error (source: Montero-Manso & Hyndman 2021 on global models; Ke et al. 2017 on LightGBM).
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning import trees
from sop_helpers.planning.smoothing import Matrix, is_seasonal, lengths, seasonal_profile

if TYPE_CHECKING:
    from lightgbm import Booster

FEWEST = 600  # examples below which a learner would learn the noise by heart
OFFSET = 0.01  # share of the mean added before the logarithm, which keeps a zero month finite
CHUNK = 8192  # series at a time when predicting
MANY = 2048  # rows from which trees are quicker all at once
AT_ONCE = (512, CHUNK)  # fewest and most series that go to a process at a time: with a dozen months ahead they are many


class Recipe(NamedTuple):
    """How a learner is trained: its kind, seasons of history it looks back on, trees, learning rate, leaves, most examples.

    Further the fewest examples in a leaf, and the share of the features that each tree may use.
    """

    kind: str
    seasons: int
    trees: int
    rate: float
    leaves: int
    rows: int
    least: int = 50
    features: float = 0.7


class Learner(NamedTuple):
    """A trained learner and what it needs to predict; the model as LightGBM's text, which travels to other processes and machines as it is."""

    recipe: Recipe
    back: int
    season_length: int
    text: str

    @property
    def model(self) -> Booster:
        """The model, read once in each process."""
        return _read(self.text)

    def says(self, features: Matrix) -> Matrix:
        """What the model says of rows (n, features), the same in whatever way it is asked."""
        if len(features) >= MANY:
            return trees.predict(self.text, features.T)
        return np.asarray(self.model.predict(features, num_threads=1))


@lru_cache(maxsize=16)
def _read(text: str) -> Booster:
    import lightgbm

    return lightgbm.Booster(model_str=text)


def fingerprint(trained: list[Learner]) -> str:
    """Return a word that changes with what the learners have learned."""
    return hashlib.sha256("".join(f"{learner.recipe} {learner.back} {learner.season_length} {learner.text}" for learner in trained).encode()).hexdigest()


def available() -> bool:
    """Tell whether LightGBM can be loaded: it needs the OpenMP library of the system."""
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def look_back(seasons: int, season_length: int) -> int:
    """Return how many months a learner looks back: whole seasons, and a year at least."""
    return season_length * max(seasons, math.ceil(12 / season_length))


def train(recipe: Recipe, seed: int = 0, *, values: Matrix, horizon: int, season_length: int = 12) -> Learner | None:
    """Train a learner on all series, or return None where there are too few examples or LightGBM cannot be loaded.

    Parameters
    ----------
    recipe : Recipe
        How.
    seed : int
        Seed of the examples drawn and of LightGBM.
    values : ndarray (n, T)
        Demand, NaN before a series begins.
    horizon : int
        Months ahead.
    season_length : int
        Months in a season.
    """
    n, months = values.shape
    back = look_back(recipe.seasons, season_length)
    logs, _ = _scaled(values)
    start = lengths(logs)[0]
    step = 1 if recipe.kind == "differences" else 0
    # An example ends its history before column `end`: it has `back` months there (and one more for differences) and at least one to learn from.
    first = start + back + step
    count = np.maximum(months - first, 0)
    total = int(count.sum())
    if total < FEWEST or not available():
        return None
    rng = np.random.default_rng(seed)
    pick = np.sort(rng.choice(total, recipe.rows, replace=False)) if total > recipe.rows else np.arange(total)
    row = np.searchsorted(np.cumsum(count), pick, side="right")
    end = first[row] + pick - (np.cumsum(count) - count)[row]
    if recipe.kind == "differences":
        window = logs[row[:, None], end[:, None] - back - 1 + np.arange(back + 1)]
        features, target = _change_features(np.diff(window, axis=1)), logs[row, end] - window[:, -1]
    else:
        ahead = rng.integers(0, np.minimum(horizon, months - end))
        index = np.log(profile_of(values, season_length))[row, (end + ahead) % season_length]
        features, level = _season_features(logs[row[:, None], end[:, None] - back + np.arange(back)], ahead, index, season_length)
        target = logs[row, end + ahead] - level
    good = np.isfinite(features).any(axis=1) & np.isfinite(target)
    return Learner(recipe, back, season_length, fit(recipe, features[good], target[good], seed))


def fit(recipe: Recipe, features: Matrix, target: Matrix, seed: int, objective: str = "l1", weight: Matrix | None = None) -> str:
    """Train LightGBM by a recipe, to the least absolute error if nothing else is asked for; the same seed gives the same model, as text."""
    import lightgbm

    settings = {
        "objective": objective, "num_leaves": recipe.leaves, "learning_rate": recipe.rate, "min_child_samples": recipe.least, "max_bin": 127, "seed": seed,
        "feature_fraction": recipe.features, "bagging_fraction": 0.7, "bagging_freq": 1,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(features, target, weight=weight), recipe.trees).model_to_string()


def predict(learner: Learner, values: Matrix, horizon: int) -> Matrix:
    """Forecast every series that is as long as the learner looks back; NaN for the others.

    Parameters
    ----------
    values : ndarray (n, T)
        Demand, NaN before a series begins; need not be those it was trained on.
    horizon : int
        Months ahead.
    """
    out = np.full((len(values), horizon), np.nan)
    enough = np.flatnonzero(lengths(values)[1] >= learner.back + (learner.recipe.kind == "differences"))
    for at in range(0, len(enough), CHUNK):
        rows = enough[at : at + CHUNK]
        logs, scale = _scaled(values[rows])
        ahead = _by_changes(learner, logs, horizon) if learner.recipe.kind == "differences" else _by_seasons(learner, values[rows], logs, horizon)
        out[rows] = np.maximum(np.exp(np.minimum(ahead, 50.0)) - OFFSET, 0.0) * scale[:, None]
    return out


def _by_changes(learner: Learner, logs: Matrix, horizon: int) -> Matrix:
    changes, level = np.diff(logs[:, -learner.back - 1 :], axis=1), logs[:, -1].copy()
    out = np.empty((len(logs), horizon))
    for k in range(horizon):
        change = learner.says(_change_features(changes))
        level = level + change
        out[:, k], changes = level, np.column_stack([changes[:, 1:], change])
    return out


def _by_seasons(learner: Learner, values: Matrix, logs: Matrix, horizon: int) -> Matrix:
    months, m = values.shape[1], learner.season_length
    index = np.log(profile_of(values, m))
    window = logs[:, -learner.back :]
    each = [_season_features(window, np.full(len(logs), k), index[:, (months + k) % m], m) for k in range(horizon)]
    told = learner.says(np.concatenate([features for features, _ in each]))
    return told.reshape(horizon, len(logs)).T + each[0][1][:, None]


FEATURES = {
    "last months": [0, 1, 2, 3, 4, 5, 12, 13], "same month of past seasons": [6, 7], "season": [8], "trend": [9, 10], "restlessness": [11, 14],
    "how far ahead": [15],
}
"""What the features of the learner of seasons are about (see `_season_features`)."""


def contributions(learner: Learner, values: Matrix, horizon: int) -> tuple[list[str], Matrix, Matrix]:
    """Say by how much each kind of feature moves the learner's forecast (TreeSHAP, Lundberg et al. 2018, by LightGBM's ``pred_contrib``).

    Parameters
    ----------
    learner : Learner
        Of the kind ``seasons``.
    values : ndarray (n, T)
        Demand, as long as the learner looks back.
    horizon : int
        Months ahead.

    Returns
    -------
    parts : list of str
        ``usual``, what the learner says before it looks, and the keys of FEATURES.
    ndarray (n, horizon, parts)
        What each adds to the logarithm of demand over the level of the last season.
    ndarray (n, horizon)
        What the learner predicts: their sum.
    """
    logs, _ = _scaled(values)
    months, m = values.shape[1], learner.season_length
    index, window = np.log(profile_of(values, m)), logs[:, -learner.back :]
    parts, said = np.empty((len(values), horizon, 1 + len(FEATURES))), np.empty((len(values), horizon))
    for k in range(horizon):
        features, _ = _season_features(window, np.full(len(logs), k), index[:, (months + k) % m], m)
        found = np.asarray(learner.model.predict(features, pred_contrib=True, num_threads=1))
        parts[:, k, 0] = found[:, -1]
        parts[:, k, 1:] = np.stack([found[:, columns].sum(axis=1) for columns in FEATURES.values()], axis=1)
        said[:, k] = learner.model.predict(features, num_threads=1)
    return ["usual", *FEATURES], parts, said


def _scaled(values: Matrix) -> tuple[Matrix, Matrix]:
    """Return the logarithm of each series over its mean, and the mean."""
    there = ~np.isnan(values)
    mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    scale = np.where(mean > 0, mean, 1.0)
    return np.log(np.maximum(values / scale[:, None], 0.0) + OFFSET), scale


def profile_of(values: Matrix, m: int) -> Matrix:
    """Return the seasonal indices (n, m) of each series, ones where no season shows."""
    return np.where(is_seasonal(values, m)[:, None], seasonal_profile(values, m), 1.0)


def _change_features(changes: Matrix) -> Matrix:
    """Changes of the last months, how far the level lies from those of some months ago and from their mean, and how restless the series is."""
    back = np.cumsum(changes[:, ::-1], axis=1)
    year = min(12, changes.shape[1])
    return np.column_stack([changes, back[:, [2, 5, year - 1]], back[:, :year].mean(axis=1), changes[:, -year:].std(axis=1)])


def _season_features(window: Matrix, ahead: NDArray[np.int64], index: Matrix, m: int) -> tuple[Matrix, Matrix]:
    """What is known of a month ahead, relative to the level of the last year (also returned): the same month of past seasons, trend, noise, season."""
    back, row = window.shape[1], np.arange(len(window))
    year = min(12, back)
    level = window[:, -year:].mean(axis=1)
    before = window[:, -2 * year : -year].mean(axis=1) if back >= 2 * year else np.full(len(window), np.nan)
    once = back + ahead - m * (ahead // m + 1)
    twice = once - m
    same = window[row, once] - level
    earlier = np.where(twice >= 0, window[row, np.maximum(twice, 0)], np.nan) - (before if back >= 2 * year else level)
    age = np.arange(year) - (year - 1) / 2
    last = window[:, -year:] - level[:, None]
    yearly = (window[:, -year:] - window[:, -2 * year : -year]).std(axis=1) if back >= 2 * year else np.full(len(window), np.nan)
    features = [
        last[:, -6:], same, earlier, index, np.einsum("ij,j->i", last, age) / (age**2).sum(), level - before, last.std(axis=1), last[:, -3:].mean(axis=1),
        last[:, -6:].mean(axis=1), yearly, ahead,
    ]  # fmt: skip
    return np.column_stack(features), level
