"""Mixtures of the learners' distributions: their quantiles, and their CRPS as a quadratic in the weights.

A learner's distribution function rises in straight lines between its quantiles, and beyond the outermost two at the
slope that it has there, until it reaches 0 or 1; where quantiles are equal, and with one level only, it jumps. Nothing
is registered here.

Letters: P = K + 2 knots of a learner, the ends of its tails included; M knots of all learners on one row, in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles.rows import shares_of

CHUNK = 1 << 19
"""Numbers (learner, row, knot) that are held at once, several times over."""

LEVEL_SLACK = 1e-9
"""Distribution functions that differ by less are equal: where a mixture stays at a level, its quantile is the middle
of that stretch."""


@dataclass(frozen=True)
class LinearPool:
    """Predicts the quantiles of Σ_l w_l F_l, `w` (L,) on the simplex; `gap` is the certificate of the weights.

    `levels` (K,) are those at which it is asked, in place of those of the target, if they are given.
    """

    w: Array
    gap: float | None = None
    levels: Array | None = None

    @property
    def used(self) -> tuple[bool, ...]:
        """Which learners have any weight."""
        return tuple(bool(share > 0) for share in self.w)

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        used, w, levels = np.flatnonzero(self.w), self.w[self.w > 0], panel.target.levels
        prediction = np.empty(panel.predictions.shape[1:])
        for rows in _chunks(panel.predictions):
            predictions = panel.predictions[used, rows]
            if self.levels is None:
                prediction[rows] = _quantiles_between(predictions, w, levels)
            else:
                prediction[rows] = _quantiles(predictions, w, levels, self.levels)
        return prediction


def crps_gram(panel: Panel, y: Array) -> Array:
    """Return G (L, L) with w'Gw = the mean CRPS of the mixture of weights w, exact for these distributions.

        G_lm = mean_n ∫ (F_l - H_n)(F_m - H_n) dx, H_n(x) = [y_n ≤ x]

    As Σ w = 1, the CRPS ∫ (Σ_l w_l F_l - H)² dx is quadratic in w, and G is the Gram matrix of the differences F_l - H.
    It is Σ_l w_l E|X_l - y| - ½ Σ_lm w_l w_m E|X_l - X_m| as well.
    """
    predictions, share = panel.predictions, shares_of(panel)
    gram = np.zeros((len(predictions), len(predictions)))
    for rows in _chunks(predictions):
        x, owner = _merge_points(_knots(predictions[:, rows], panel.target.levels), y[rows, None])
        length = np.diff(x, axis=1)
        passed = np.cumsum(owner == len(predictions), axis=1)[:, :-1]
        root = np.sqrt(share[rows, None] * length / 6)
        parts = [
            (root * (start - passed), root * (end - passed))
            for start, end in _functions(predictions[:, rows], panel.target.levels, x, owner)
        ]
        starts, ends = (np.stack([part[side].ravel() for part in parts]) for side in (0, 1))
        # the integral of a product of straight lines, by Simpson's rule
        for side in (starts, ends, starts + ends):
            gram += side @ side.T
    return gram


def _chunks(predictions: Array) -> Iterator[slice]:
    """Yield the rows in slices of fixed size."""
    L, n, K = predictions.shape
    step = max(CHUNK // (L * (L * (K + 2) + 1)), 1)
    return (slice(start, start + step) for start in range(0, n, step))


def _knots(predictions: Array, levels: Array) -> Array:
    """Return where each distribution function bends, (L, n, P), from the end of one tail to that of the other."""
    q = np.sort(predictions, axis=2)
    if len(levels) == 1:
        return np.repeat(q, 3, axis=2)
    low = levels[0] / (levels[1] - levels[0]) * (q[:, :, :1] - q[:, :, 1:2])
    high = (1 - levels[-1]) / (levels[-1] - levels[-2]) * (q[:, :, -1:] - q[:, :, -2:-1])
    return np.concatenate([q[:, :, :1] + low, q, q[:, :, -1:] + high], axis=2)


def _merge_points(knots: Array, *more: Array) -> tuple[Array, Array]:
    """Return the knots of all learners, and more points (n, ·), row by row in order, and whose each is, (n, M)."""
    L, n, P = knots.shape
    points = np.concatenate([knots.transpose(1, 0, 2).reshape(n, L * P), *more], axis=1)
    order = np.argsort(points, axis=1, kind="stable")
    return np.take_along_axis(points, order, axis=1), order // P


def _functions(predictions: Array, levels: Array, x: Array, owner: Array) -> Iterator[tuple[Array, Array]]:
    """Yield each F_l at the start and at the end of the stretches between the points x, each of shape (n, M - 1)."""
    heights = np.concatenate([[0.0], levels, [1.0]])
    base, rise = np.concatenate([[0.0], heights]), np.concatenate([[0.0], np.diff(heights), [0.0]])
    for j, own in enumerate(_knots(predictions, levels)):
        passed = np.cumsum(owner == j, axis=1)[:, :-1]
        left = np.take_along_axis(np.concatenate([own[:, :1], own], axis=1), passed, axis=1)
        reach = np.diff(own, axis=1, prepend=own[:, :1] - 1, append=own[:, -1:] + 1)
        length = np.take_along_axis(np.where(reach > 0, reach, 1.0), passed, axis=1)
        low, up = base[passed], rise[passed]
        yield low + up * ((x[:, :-1] - left) / length), low + up * ((x[:, 1:] - left) / length)


def _quantiles_between(predictions: Array, w: Array, levels: Array) -> Array:
    """Return the quantiles of the mixture, (n, K); they lie between the learners' least and largest prediction."""
    own = np.sort(predictions, axis=2)
    return np.clip(_quantiles(predictions, w, levels, levels), own.min(axis=0), own.max(axis=0))


def _quantiles(predictions: Array, w: Array, levels: Array, requested: Array) -> Array:
    """Return the quantiles of the mixture at the requested levels, (n, K), of learners with quantiles at `levels`."""
    x, owner = _merge_points(_knots(predictions, levels))
    start, end = np.zeros((len(x), x.shape[1] - 1)), np.zeros((len(x), x.shape[1] - 1))
    for share, (low, high) in zip(w, _functions(predictions, levels, x, owner), strict=True):
        start += share * low
        end += share * high
    first = _inverse(x, start, end, requested - LEVEL_SLACK, _place(end, requested - LEVEL_SLACK, "left"))
    last = _inverse(x, start, end, requested + LEVEL_SLACK, _place(start, requested + LEVEL_SLACK, "right") - 1)
    return np.asarray((first + last) / 2)


def _place(values: Array, levels: Array, side: str) -> Array:
    """Return how many values of each row (n, M), which rise from 0 to 1, are below each level, (n, K)."""
    n, M = values.shape
    apart = 2.0 * np.arange(n)[:, None]  # values are at most 1, so that rows two apart can be searched as one
    rising = np.maximum.accumulate(values, axis=1) + apart
    found = np.searchsorted(rising.ravel(), (levels + apart).ravel(), side=side)  # type: ignore[call-overload]
    return np.clip(found.reshape(n, -1) - M * np.arange(n)[:, None], 0, M)


def _inverse(x: Array, start: Array, end: Array, levels: Array, place: Array) -> Array:
    """Return where the mixture reaches each level on the stretch `place` (n, K), an end of it where it does not."""
    place = np.clip(place, 0, start.shape[1] - 1)
    low, high = (np.take_along_axis(side, place, axis=1) for side in (start, end))
    left, right = (np.take_along_axis(x, place + step, axis=1) for step in (0, 1))
    rise = high - low
    share = np.divide(levels - low, rise, out=np.where(levels > low, 1.0, 0.0), where=rise > LEVEL_SLACK)
    return np.asarray(left + np.clip(share, 0, 1) * (right - left))
