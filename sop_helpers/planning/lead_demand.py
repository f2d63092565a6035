"""Demand over lead time and review as a distribution, and the stock that it asks for.

Lead times that vary make a mixture: each lead time that was seen has its own demand. The textbook formula puts the mixture's variance into one
distribution instead, which promises too much where some deliveries are very late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Matrix = NDArray[np.float64]
FAMILIES = ("gamma", "negative binomial", "empirical", "normal")
KNOTS = stats.norm.ppf([0.5, 0.8, 0.9, 0.95, 0.98, 0.99])  # where `empirical` knows the error: the quantiles of forecast_errors
_ENDS = 4.5  # standard deviations at which the lines between the knots end
_HALVINGS = 60


@dataclass(frozen=True)
class LeadDemand:
    """Demand of n items over the time that their stock bridges, as a mixture over k lead times.

    Attributes
    ----------
    mean, sd : ndarray (n, k)
        Demand expected over each lead time and review, and its standard deviation.
    weight : ndarray (n, k)
        Probability of each lead time; rows add up to 1.
    family : ndarray of str (n,)
        gamma; negative binomial, of whole units (Poisson where the variance is no larger than the mean); empirical; or normal.
    shape : ndarray (n, k, 6)
        For empirical: 50, 80, 90, 95, 98 and 99 % quantile of demand less its mean, in standard deviations. Straight lines on normal probability
        paper lie between them.
    """

    mean: Matrix
    sd: Matrix
    weight: Matrix
    family: NDArray[np.object_]
    shape: Matrix

    def cdf(self, stock: Matrix) -> Matrix:
        """Return the probability that demand is no more than the stock, (n,)."""
        return self._mixed(_CDF, stock)

    def shortage(self, stock: Matrix) -> Matrix:
        """Return the units by which demand is expected to exceed the stock, (n,)."""
        return self._mixed(_LOSS, stock)

    def for_service(self, level: Matrix) -> Matrix:
        """Return the least stock, before the lead time begins, that lasts through lead time and review with a probability.

        Parameters
        ----------
        level : ndarray (n,)
            Cycle service level, between 0 and 1.
        """
        return self._least(lambda stock: self.cdf(stock) >= level)

    def for_fill_rate(self, rate: Matrix, cycle: Matrix, before: LeadDemand | None = None, ahead: Matrix | float = 0.0) -> Matrix:
        """Return the least stock that serves a share of demand at once.

        What is short at the end of a cycle less what was short already at its beginning is the shortage of the cycle (Silver, Pyke & Peterson,
        periodic review, and order point with a lot where nothing is waited for: then both are over the lead time, a lot apart).

        Parameters
        ----------
        rate : ndarray (n,)
            Fill rate, between 0 and 1.
        cycle : ndarray (n,)
            Demand of a cycle: that of the review, or the lot where it is larger.
        before : LeadDemand, optional
            Demand over the lead time alone.
        ahead : ndarray (n,)
            Units by which the lot exceeds the demand of a review: a cycle begins with so much more.
        """
        allowed = (1 - np.asarray(rate, dtype=float)) * cycle

        def enough(stock: Matrix) -> NDArray[np.bool_]:
            short = self.shortage(stock) - (0.0 if before is None else before.shortage(stock + ahead))
            return short <= allowed + 1e-12

        return self._least(enough)

    def expected(self) -> Matrix:
        """Return the demand expected over all lead times, (n,)."""
        return (self.weight * self.mean).sum(axis=1)

    def _least(self, enough: Callable[[Matrix], NDArray[np.bool_]]) -> Matrix:
        low = np.zeros(len(self.mean))
        high = (self.mean + 40 * self.sd).max(axis=1, initial=0.0) + 10
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            good = enough(middle)
            low, high = np.where(good, low, middle), np.where(good, middle, high)
        counts = self.family == "negative binomial"
        return np.where(counts, np.ceil(high - 1e-6), np.where(high < 1e-9, 0.0, high))

    def _mixed(self, of_family: dict[str, Callable[..., Matrix]], stock: Matrix) -> Matrix:
        out = np.zeros(len(self.mean))
        level = np.broadcast_to(np.asarray(stock, dtype=float), out.shape)
        for name in np.unique(self.family):
            rows = self.family == name
            mean, sd = self.mean[rows], self.sd[rows]
            sure = (sd <= 0) | (mean <= 0) & (name not in ("normal", "empirical"))
            x = np.broadcast_to(level[rows][:, None], mean.shape)
            value = of_family[name](x, np.where(sure, 1.0, mean), np.where(sure, 1.0, sd), self.shape[rows])
            certain = (x >= mean) * 1.0 if of_family is _CDF else np.maximum(mean - x, 0.0)
            out[rows] = (self.weight[rows] * np.where(sure, certain, value)).sum(axis=1)
        return out


def _gamma_cdf(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    return stats.gamma.cdf(x, (mean / sd) ** 2, scale=sd**2 / mean)


def _gamma_loss(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    shape, scale = (mean / sd) ** 2, sd**2 / mean
    return mean * stats.gamma.sf(x, shape + 1, scale=scale) - x * stats.gamma.sf(x, shape, scale=scale)


def _normal_cdf(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    return stats.norm.cdf(x, mean, sd)


def _normal_loss(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    z = (x - mean) / sd
    return sd * stats.norm.pdf(z) - (x - mean) * stats.norm.sf(z)


def _counts(mean: Matrix, sd: Matrix) -> tuple[NDArray[np.bool_], Matrix, Matrix]:
    """Return where there is more variance than Poisson's, and number and probability of the negative binomial there."""
    variance = sd**2
    more = variance > mean * (1 + 1e-9)
    spread = np.where(more, variance, 2 * mean)
    return more, mean**2 / (spread - mean), mean / spread


def _count_cdf(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    more, number, chance = _counts(mean, sd)
    whole = np.floor(x + 1e-9)
    return np.where(more, stats.nbinom.cdf(whole, number, chance), stats.poisson.cdf(whole, mean))


def _count_loss(x: Matrix, mean: Matrix, sd: Matrix, _: Matrix) -> Matrix:
    more, number, chance = _counts(mean, sd)
    whole = np.floor(x + 1e-9)
    # Demand beyond x is the mean times the chance that the same law with one success more, one unit lower, lies beyond it.
    beyond = np.where(more, stats.nbinom.sf(whole - 1, number + 1, chance), stats.poisson.sf(whole - 1, mean))
    return mean * beyond - x * np.where(more, stats.nbinom.sf(whole, number, chance), stats.poisson.sf(whole, mean))


def _line(shape: Matrix) -> tuple[Matrix, Matrix]:
    """Return the knots (8,) and the error in standard deviations there (n, k, 8): the first and the last line go on beyond the known quantiles."""
    at = np.r_[-_ENDS, KNOTS, _ENDS]
    rising = np.maximum.accumulate(shape, axis=-1)
    steps = np.diff(rising, axis=-1) / np.diff(KNOTS)
    left = rising[..., :1] - steps[..., :1] * (KNOTS[0] + _ENDS)
    right = rising[..., -1:] + np.maximum(steps[..., -1:], steps.mean(axis=-1, keepdims=True)) * (_ENDS - KNOTS[-1])
    return at, np.concatenate([left, rising, right], axis=-1) + np.linspace(0, 1e-9, 8)


def _empirical_cdf(x: Matrix, mean: Matrix, sd: Matrix, shape: Matrix) -> Matrix:
    at, error = _line(shape)
    gone = np.clip((((x - mean) / sd)[..., None] - error[..., :-1]) / np.diff(error, axis=-1), 0, 1)
    return stats.norm.cdf(at[0] + (gone * np.diff(at)).sum(axis=-1))


def _empirical_loss(x: Matrix, mean: Matrix, sd: Matrix, shape: Matrix) -> Matrix:
    at, error = _line(shape)
    edges = np.linspace(-_ENDS, _ENDS, 361)
    chance, middle = np.diff(stats.norm.cdf(edges)), (edges[1:] + edges[:-1]) / 2
    segment = np.clip(np.searchsorted(at, middle) - 1, 0, len(at) - 2)
    part = (middle - at[segment]) / np.diff(at)[segment]
    demand = mean[..., None] + sd[..., None] * (error[..., segment] * (1 - part) + error[..., segment + 1] * part)
    return (chance * np.maximum(demand - x[..., None], 0.0)).sum(axis=-1)


_CDF = {"gamma": _gamma_cdf, "negative binomial": _count_cdf, "empirical": _empirical_cdf, "normal": _normal_cdf}
_LOSS = {"gamma": _gamma_loss, "negative binomial": _count_loss, "empirical": _empirical_loss, "normal": _normal_loss}
