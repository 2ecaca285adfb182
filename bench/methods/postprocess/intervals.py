"""Central intervals and their conformal correction: scores, order statistics, and nesting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, NotApplicableError, Prediction, Target

RANK_SLACK = 1e-12
"""Relative slack of a rank: 0.8 × 10 is 8, and not the next rank because of its last digit."""

SUM_HALVINGS = 64
"""A bracket is halved so often at most: then only rounding is left between its ends."""

UnitOfEnds = Callable[[Prediction, int, int], tuple[Array, Array]]
"""Prediction, lower and upper output -> the units, above zero, in which both ends of each row move (n,), (n,)."""

Known = list[tuple[Array, Array]]
"""The misses of each fold in order, with infinity at their end, and the row weights up to each, from zero."""


def central(target: Target) -> list[tuple[float, int, int]]:
    """Return (coverage 1 - a, lower output, upper output) of every central interval, from the centre outwards.

    Raises:
        NotApplicableError: the levels are not symmetric, or there is the median alone.
    """
    if not target.intervals:
        raise NotApplicableError("conformal intervals need levels that lie in pairs around the median")
    levels = target.levels
    return [(float(levels[hi] - levels[lo]), lo, hi) for lo, hi in target.intervals.values()]


def misses(prediction: Prediction, y: Array, lower: int, upper: int) -> Array:
    """Return E = max(lo - y, y - hi), how far y lies outside the interval, negative inside (n,)."""
    lo, hi = prediction.values[:, lower], prediction.values[:, upper]
    return np.maximum(lo - y, y - hi)


def mass_of(prediction: Prediction) -> Array:
    """Return the weight of each row (n,), one each where the task has none."""
    return np.ones(len(prediction.values)) if prediction.weight is None else prediction.weight


def one_unit(prediction: Prediction, lower: int, upper: int) -> tuple[Array, Array]:
    """Return one for both ends of every row: misses count in units of the target."""
    one = np.ones(len(prediction.values))
    return one, one


def split_conformal(
    prediction: Prediction, y: Array, mass: Array, unit: UnitOfEnds = one_unit
) -> Callable[[Prediction], Prediction]:
    """Return the change that moves both ends of every central interval out by a quantile of the misses E.

        E = max((lo - y) / u, (y - hi) / v),   lo ← lo - margin u,   hi ← hi + margin v

    with the units u and v of both ends. For a row of weight w, the margin is the smallest miss e with
    Σ_{E_i <= e} m_i >= (1 - a)(Σ m_i + w), infinite where there is none; m (n,) is the `mass` of the calibration rows.
    With weights of one that is the ceil((1 - a)(n + 1))-th smallest miss.
    """
    intervals = central(prediction.target)
    known = []
    for _, lower, upper in intervals:
        u, v = unit(prediction, lower, upper)
        below, above = prediction.values[:, lower] - y, y - prediction.values[:, upper]
        known.append(sort_scores(np.maximum(below / u, above / v), mass))

    def change(other: Prediction) -> Prediction:
        values, own = other.values.copy(), mass_of(other)
        for (coverage, lower, upper), scores in zip(intervals, known, strict=True):
            margin, (u, v) = margins_at(coverage, scores, own), unit(other, lower, upper)
            values[:, lower] = move_ends(values[:, lower], -margin * u)
            values[:, upper] = move_ends(values[:, upper], margin * v)
        return nest(other, values)

    return change


def margins_at(coverage: float, known: tuple[Array, Array], own: Array) -> Array:
    """Return the margin (n,) of rows of weight `own` (n,): the least of the sorted scores with enough mass below it."""
    scores, reached = known
    wanted = coverage * (reached[-1] + own) * (1 - RANK_SLACK)
    return np.asarray(scores[np.searchsorted(reached[1:], wanted)])


def sort_scores(scores: Array, mass: Array) -> tuple[Array, Array]:
    """Return the scores in order with infinity at their end, and the mass up to each, from zero."""
    order = np.argsort(scores, kind="stable")
    return np.append(scores[order], np.inf), np.append(0.0, np.cumsum(mass[order]))


def move_ends(ends: Array, margin: Array) -> Array:
    """Move the ends; one that is infinite already, by an earlier step, stays."""
    return np.add(ends, margin, out=ends.copy(), where=np.isfinite(ends))


def nest(prediction: Prediction, values: Array) -> Prediction:
    """Return the prediction with new ends, each interval widened to hold the median and the narrower intervals.

    No interval shrinks, so none covers less. Without a median among the levels, the middle between the two inner ends
    of `prediction` takes its place.
    """
    half, width = values.shape[1] // 2, values.shape[1]
    with np.errstate(invalid="ignore"):  # the middle of (-inf, inf) is NaN, and fmin and fmax pass it over
        centre = prediction.values[:, [(width - 1) // 2, width // 2]].mean(axis=1, keepdims=True)
    below = np.fmin.accumulate(np.hstack([centre, values[:, :half][:, ::-1]]), axis=1)[:, :0:-1]
    above = np.fmax.accumulate(np.hstack([centre, values[:, width - half :]]), axis=1)[:, 1:]
    predictions = np.hstack([below, values[:, half : width - half], above])
    return replace(prediction, values=predictions, unsorted=predictions)


def smallest_sums(ends: Array, known: Known, wanted: Array) -> Array:
    """Return the smallest of the sums ends_f + E_i over all folds f that has the mass `wanted` at or below it (n,).

    `ends` is (n, F); infinite where all the mass is too little. The lower end of an interval is the same of what is
    negated: the floor(a (n + 1))-th smallest is the ceil((1 - a)(n + 1))-th largest. A bracket around the sum is halved
    until it holds that one alone: the sums of all known rows with all test rows are never made.
    """
    last = np.array([len(scores) - 2 for scores, _ in known])
    low, high = _sums(ends, known, np.zeros_like(last)).min(axis=1), _sums(ends, known, last).max(axis=1)
    below, above = np.zeros(ends.shape, dtype=int), np.broadcast_to(last + 1, ends.shape)
    for _ in range(SUM_HALVINGS):
        if ((above - below).sum(axis=1) <= 1).all():
            break
        middle = low + (high - low) / 2
        rooms = (middle[:, None] - ends).T  # how far E may go in each fold
        counts = [np.searchsorted(s[:-1], room, "right") for room, (s, _) in zip(rooms, known, strict=True)]
        at = np.column_stack(counts)
        enough = sum(reached[at[:, f]] for f, (_, reached) in enumerate(known)) >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        below, above = np.where(enough[:, None], below, at), np.where(enough[:, None], at, above)
    total = sum(reached[-1] for _, reached in known)
    return np.where(wanted <= total, _sums(ends, known, below).min(axis=1), np.inf)


def _sums(ends: Array, known: Known, place: Array) -> Array:
    """Return ends_f + E of fold f at a place in its order, shape (n, F)."""
    scores = [scores[at] for at, (scores, _) in zip(place.T, known, strict=True)]
    return ends + (np.column_stack(scores) if place.ndim == 2 else np.array(scores))
