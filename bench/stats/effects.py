"""How much better: effect sizes of pairs, and ratios of errors."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.digits import round_digits
from bench.stats.tables import common_blocks, differences, task_weights

BY_PAIRS = 2000
"""Up to so many differences all their pairs are held; above, the median is searched for."""


def improvability(errors: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean over tasks of the share of its error that each method would lose by being the best, (K,).

        Σ_b w_b (1 - min_k e_bk / e_bm)

    over the blocks b in which all methods have a score; 0 for a method that is always best. Errors need a true zero:
    give 1 - F1, not F1. NaN for all where one is negative. Where the best error is zero it is 1 for those that have
    another. An infinite error counts 1. Source: Erickson et al. (2025), TabArena.
    """
    rows, methods = common_blocks(errors)
    found = np.full(errors.shape[1], np.nan)
    if rows.any():
        share = task_weights(task[rows], None if weight is None else weight[rows])
        found[methods] = share @ _shortfall(errors[rows][:, methods])
    return found


def _shortfall(errors: Array) -> Array:
    """Return 1 - best / error of every block and method."""
    if (errors < 0).any():
        return np.full(errors.shape, np.nan)
    best = errors.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(errors == best, 0.0, 1 - np.where(np.isinf(errors), 0.0, best / errors))


def relative_score(errors: Array, baseline: int, task: Array, weight: Array | None = None) -> Array:
    """Return the geometric mean over tasks of each method's error over the baseline's, (K,); lower is better.

        exp(Σ_b w_b log(e_bm / e_b0))

    over the blocks in which both have a score, every task counting one: a method that lacks blocks is compared on
    those that it has. Equal errors, even zero or infinite, have ratio one. NaN for a method where any other error of
    its pairs is not positive and finite: a ratio with zero has no geometric mean.
    """
    found = np.full(errors.shape[1], np.nan)
    base = errors[:, [baseline]]
    both = ~(np.isnan(errors) | np.isnan(base))
    ratios = _log_ratio(errors, base)
    for mask in np.unique(both, axis=1).T if both.any() else ():  # methods that have the same blocks share weights
        alike = (both == mask[:, None]).all(axis=0)
        if mask.any():
            share = task_weights(task[mask], None if weight is None else weight[mask])
            found[alike] = np.exp(share @ ratios[mask][:, alike])
    return found


def _log_ratio(mine: Array, base: Array) -> Array:
    has_ratio = (mine > 0) & (base > 0) & np.isfinite(mine) & np.isfinite(base)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(mine) - np.log(base)
    return np.where((mine == base) & (mine >= 0), 0.0, np.where(has_ratio, ratio, np.nan))


def rank_biserial(left: Array, right: Array) -> float:
    """Return the matched rank-biserial correlation of pairs: 1 if left is always lower, that is better.

        (minus - plus) / (minus + plus)

    with the rank sums of the differences left - right, zeros ranked and shared as in `wilcoxon.signed_rank`; 0 if all
    are zero, NaN without pairs. Source: Kerby (2014), The simple difference formula.
    """
    d = differences(left, right)
    d = round_digits(d[~np.isnan(d)])
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
    # a guard: the ends meet long before, when no float lies between them; infinite ends have no middle
    for _ in range(200 if np.isfinite(d).all() else 0):
        middle = low + (high - low) / 2
        if middle in {low, high}:
            break
        upto = np.searchsorted(d, 2 * middle - d, "right")
        # each pair is met twice, each with itself once
        count = (int(upto.sum()) + int((d <= middle).sum())) // 2
        low, high = (low, middle) if count > rank else (middle, high)
    return high
