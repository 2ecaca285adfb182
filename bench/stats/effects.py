"""How much better: effect sizes of pairs, and ratios of errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.ranks import rounded
from bench.stats.tables import common, differences, task_weights

BY_PAIRS = 2000
"""Up to so many differences all their pairs are held; above, the median is searched for."""


def improvability(errors: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean over tasks of the share of its error that each method would lose by being the best, (K,).

        Σ_b w_b (1 - min_k e_bk / e_bm)

    over the blocks b that all methods answered; 0 for a method that is always best. Errors need a true zero: give
    1 - F1, not F1. NaN for all where one is negative. Where the best error is zero it is 1 for those who have another.
    An infinite error counts 1. Source: Erickson et al. (2025), TabArena.
    """
    return _over_blocks(errors, task, weight, _shortfall)


def _shortfall(errors: Array) -> Array:
    if (errors < 0).any():
        return np.full(errors.shape, np.nan)
    best = errors.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(errors == best, 0.0, 1 - np.where(np.isinf(errors), 0.0, best / errors))


def rescaled_loss(badness: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean over tasks of the place of each method between the best, 0, and the worst, 1, (K,).

        Σ_b w_b (e_bm - min_k e_bk) / (max_k e_bk - min_k e_bk)

    over the blocks that all methods answered; 0 for all in a block of ties. Where the worst is infinite, so is 1, and
    what is finite is 0. It depends on who else is there, on the worst most of all.
    """
    return _over_blocks(badness, task, weight, _rescaled)


def _rescaled(badness: Array) -> Array:
    values = rounded(badness)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (values - low) / (high - low)
    return np.where(values == low, 0.0, np.where(values == high, 1.0, np.where(np.isfinite(between), between, 0.0)))


def frontier_advantage(errors: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean over tasks of how far each method is ahead of the best of the others, (K,); below 0 if behind.

        Σ_b w_b (o_bm - e_bm) / max(o_bm, e_bm),  o_bm = min over k != m of e_bk

    over the blocks that all methods answered; 0 where both are equal. NaN for all where an error is negative, and for
    one method alone.
    """
    return _over_blocks(errors, task, weight, _ahead)


def _ahead(errors: Array) -> Array:
    if (errors < 0).any() or errors.shape[1] < 2:
        return np.full(errors.shape, np.nan)
    two = np.sort(errors, axis=1)[:, :2]
    other = np.where(np.arange(errors.shape[1]) == errors.argmin(axis=1)[:, None], two[:, 1:], two[:, :1])
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = (other - errors) / np.maximum(other, errors)
    cases = [other == errors, np.isinf(other), np.isinf(errors)]
    return np.select(cases, [0.0, 1.0, -1.0], ahead)


def _over_blocks(table: Array, task: Array, weight: Array | None, measure: Callable[[Array], Array]) -> Array:
    """Return the weighted mean of a measure over the blocks that all methods answered, every task counting one."""
    rows, methods = common(table)
    found = np.full(table.shape[1], np.nan)
    if rows.any():
        share = task_weights(task[rows], None if weight is None else weight[rows])
        found[methods] = share @ measure(table[rows][:, methods])
    return found


def relative_score(errors: Array, baseline: int, task: Array, weight: Array | None = None) -> Array:
    """Return the geometric mean over tasks of each method's error over the baseline's, (K,); lower is better.

        exp(Σ_b w_b log(e_bm / e_b0))

    over the blocks that both answered, every task counting one: a method that left out blocks is compared on those
    that it has. Equal errors, even zero or infinite, have ratio one. NaN for a method where any other error of its
    pairs is not positive and finite: a ratio with zero has no geometric mean.
    """
    found = np.full(errors.shape[1], np.nan)
    base = errors[:, baseline]
    for method, mine in enumerate(errors.T):
        both = ~(np.isnan(mine) | np.isnan(base))
        if both.any():
            share = task_weights(task[both], None if weight is None else weight[both])
            found[method] = np.exp(share @ _log_ratio(mine[both], base[both]))
    return found


def _log_ratio(mine: Array, base: Array) -> Array:
    lawful = (mine > 0) & (base > 0) & np.isfinite(mine) & np.isfinite(base)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(mine) - np.log(base)
    return np.where((mine == base) & (mine >= 0), 0.0, np.where(lawful, ratio, np.nan))


def skill(errors: Array, baseline: int, task: Array, weight: Array | None = None) -> Array:
    """Return 1 - `relative_score`, (K,): 0 for the baseline, 1 for no error at all, below 0 for worse than it."""
    return 1 - relative_score(errors, baseline, task, weight)


def cliffs_delta(left: Array, right: Array) -> float:
    """Return P(left < right) - P(left > right) over all pairs of values; 1 if each of left is lower, that is better.

    The values need a common unit. NaN are left out; NaN if nothing is left. Source: Cliff (1993), Dominance statistics:
    ordinal analyses to answer ordinal questions.
    """
    left, right = rounded(left[~np.isnan(left)]), np.sort(rounded(right[~np.isnan(right)]))
    if not len(left) or not len(right):
        return float("nan")
    above = len(right) - np.searchsorted(right, left, "right")
    below = np.searchsorted(right, left, "left")
    return float((above - below).sum() / (len(left) * len(right)))


def rank_biserial(left: Array, right: Array) -> float:
    """Return the matched rank-biserial correlation of pairs: 1 if left is always lower, that is better.

        (minus - plus) / (minus + plus)

    with the rank sums of the differences left - right, zeros ranked and shared as in `wilcoxon.signed_rank`; 0 if all
    are zero, NaN without pairs. Source: Kerby (2014), The simple difference formula.
    """
    d = differences(left, right)
    d = rounded(d[~np.isnan(d)])
    if not len(d):
        return float("nan")
    ranks = rankdata(np.abs(d))
    return float((ranks[d < 0].sum() - ranks[d > 0].sum()) / ranks.sum())


def hodges_lehmann(difference: Array) -> float:
    """Return the median of the means of all pairs of differences, each with itself too: their typical size.

    NaN are left out; NaN if nothing is left, or if infinities of both signs are. Source: Hodges and Lehmann (1963),
    Estimates of location based on rank tests.
    """
    d = np.sort(difference[~np.isnan(difference)])
    if not len(d) or (np.isinf(d[0]) and d[0] < 0 and np.isinf(d[-1]) and d[-1] > 0):
        return float("nan")
    if len(d) <= BY_PAIRS:
        i, j = np.triu_indices(len(d))
        return float(np.median(d[i] / 2 + d[j] / 2))
    pairs = len(d) * (len(d) + 1) // 2
    middle = {_walsh(d, (pairs - 1) // 2), _walsh(d, pairs // 2)}
    return float(sum(middle) / len(middle))


def _walsh(d: Array, rank: int) -> float:
    """Return the mean of a pair at this place, from 0, among all pairs of the sorted d, by bisection."""
    low, high = float(d[0]), float(d[-1])
    for _ in range(200 if np.isfinite(d).all() else 0):
        middle = low + (high - low) / 2
        if middle in {low, high}:
            break
        upto = np.searchsorted(d, 2 * middle - d, "right")
        # each pair is met twice, each with itself once
        count = (int(upto.sum()) + int((d <= middle).sum())) // 2
        low, high = (low, middle) if count > rank else (middle, high)
    return high
