"""Rates of intermittent demand, learned from all such series together.

A rate smoothed from one history (Croston, TSB, IMAPA) cannot see what all histories show together: a part that was asked for often of late is asked for less
the year after. On car parts such rates ran 17 to 30 % above what came, at every past month tried. One LightGBM learns from all series how many times its
own mean a series sold in the months after; IMAPA and TSB are among what it goes by. As it minimises squared error, what it says is a mean, as a rate must be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sop_helpers.planning import learners, trees
from sop_helpers.planning.intermittent import FEWEST_EXAMPLES, history_features
from sop_helpers.planning.learners import Learner, Recipe
from sop_helpers.planning.smoothing import Matrix, lengths

RECIPE = Recipe("rates", 1, 150, 0.05, 15, 60_000, 100, 1.0)
MONTHS = 6  # whose mean is learned: chosen on car parts before the year that is measured, 3 and 9 were next to it
SERIES = 4000  # drawn at random where there are more: their examples are enough, and looking at them at every past month takes time
HEAVIEST = 5.0  # times the median mean that an example may weigh: one part of millions must not be all that is learned


def train(recipe: Recipe, seed: int, values: Matrix, sparse: Callable[[Matrix], NDArray[np.bool_]]) -> Learner | None:
    """Learn the rates of intermittent series; None where there are too few examples or LightGBM cannot be loaded.

    Parameters
    ----------
    recipe : Recipe
        How.
    seed : int
        Seed of the series and examples drawn and of LightGBM.
    values : ndarray (n, T)
        Demand with its zeros, NaN before a series begins.
    sparse : callable
        Tells which rows of a history (n, t) are intermittent by what was known then. Were they chosen by what came later, those that stopped would be
        among them and those that took off would not.
    """
    months = values.shape[1]
    origins = range(max(12, months // 2), months - MONTHS + 1)
    some = np.flatnonzero((values == 0).any(axis=1))  # others were never intermittent
    if not len(origins) or not len(some) or not learners.available():
        return None
    rng = np.random.default_rng(seed)
    if len(some) > SERIES:
        some = np.sort(rng.choice(some, SERIES, replace=False))
    values = values[some]
    features, target, weight = [], [], []
    for origin in origins:
        rows = sparse(values[:, :origin])
        known, mean = _features(values[rows, :origin])
        features.append(known)
        target.append(values[rows, origin : origin + MONTHS].mean(axis=1) / mean)
        weight.append(mean)
    told, came, heavy = np.vstack(features), np.concatenate(target), np.concatenate(weight)
    if len(came) < FEWEST_EXAMPLES:
        return None
    pick = np.sort(rng.choice(len(came), recipe.rows, replace=False)) if len(came) > recipe.rows else np.arange(len(came))
    # Weighed by their means, ratios add up to units: the learned rates of a group are right in sum.
    heavy = np.minimum(heavy / np.median(heavy), HEAVIEST)
    return Learner(recipe, 0, 12, learners.fit(recipe, told[pick], came[pick], seed, "l2", heavy[pick]))


def predict(learner: Learner, values: Matrix) -> Matrix:
    """Return the learned rate (n,) a month of series that have sold, in their units; never below zero.

    Without LightGBM, so that a process that only puts together what others forecast need not load it.
    """
    out = np.zeros(len(values))
    for at in range(0, len(values), learners.CHUNK):
        features, mean = _features(values[at : at + learners.CHUNK])
        out[at : at + learners.CHUNK] = np.maximum(trees.predict(learner.text, features.T), 0.0) * mean
    return out


def _features(values: Matrix) -> tuple[Matrix, Matrix]:
    """What a history says of the months to come, units as multiples of its mean month, and that mean."""
    units, rest = history_features(values)
    mean = np.nansum(values, axis=1) / np.maximum(lengths(values)[1], 1)
    mean = np.where(mean > 0, mean, 1.0)
    return np.column_stack([units / mean[:, None], rest]), mean
