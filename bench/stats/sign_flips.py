"""One test of all pairs of methods over tasks: step-down max-|t| over sign flips of whole tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.draws import flips
from bench.stats.tables import FEWEST_TASKS, differences

Statistic = Literal["max-t", "signed-rank"]

BLOCK = 1 << 24
"""Numbers of a table (flips, pairs) that are held at a time: 128 MB."""

TIE = 1 - 1e-9
"""A flip reaches a statistic from this share of it on: equal sums in another order differ in the last digits."""


def max_t(table: Array, tasks: Sequence[str], statistic: Statistic = "max-t") -> Array:
    """Return p-values (K, K) of all pairs over a table (T, K) of task means, adjusted for their number.

    Under the null the differences of a pair lie symmetrically around zero, so that the sign of every task may be
    flipped; one flip s (T,) serves all pairs, and keeps how they hang together.

        t_p(s) = S / √(T (Q - S²/T) / (T - 1)),  S = Σ_t s_t d_tp,  Q = Σ_t d_tp²
        |t|_(1) >= … >= |t|_(m),  p_(j) = max_{i <= j} share of flips with max_{k >= i} |t_(k)(s)| >= |t|_(i)

    The second line is the step-down rule: a pair competes only with those that are not yet told apart. With
    `signed-rank`, t is Σ_t s_t sign(d_tp) r_tp / √(Σ r²), r the ranks of |d|. A task that one of a pair lacks counts
    for other pairs alone. NaN for pairs with fewer than six tasks; 1 on the diagonal. Differences are averaged over
    tasks: give errors with units as `tables.logs`; an infinite one counts as twice the largest of its pair. Sources:
    Westfall and Young (1993), Resampling-based multiple testing; Romano and Wolf (2005), Exact and approximate stepdown
    methods for multiple hypothesis testing.
    """
    K = table.shape[1]
    p = np.full((K, K), np.nan)
    known = ~np.isnan(table)
    p[np.diag_indices(K)] = np.where(known.sum(axis=0) >= FEWEST_TASKS, 1.0, np.nan)
    pairs = [(i, j) for i, j in combinations(range(K), 2) if (known[:, i] & known[:, j]).sum() >= FEWEST_TASKS]
    if not pairs:
        return p
    gaps = _bound(np.column_stack([differences(table[:, i], table[:, j]) for i, j in pairs]))
    adjusted = _step_down(gaps, flips(tasks), STATISTICS[statistic])
    for (i, j), value in zip(pairs, adjusted, strict=True):
        p[i, j] = p[j, i] = value
    return p


def _bound(gaps: Array) -> Array:
    """Return differences (T, P) whose infinite ones, as of a failure ranked last, are twice their pair's largest."""
    largest = np.max(np.abs(gaps), axis=0, initial=0.0, where=np.isfinite(gaps))
    beyond = np.where(largest > 0, 2 * largest, 1.0)
    return np.where(np.isinf(gaps), np.sign(gaps) * beyond, gaps)


def _step_down(gaps: Array, signs: Array, statistic: Callable[[Array, Array], Array]) -> Array:
    """Return the adjusted p-value of each column of differences (T, P), from flips (F, T) whose first is no flip."""
    observed = statistic(gaps, signs[:1])[0]
    order = np.argsort(-observed, kind="stable")
    reached = np.zeros(len(order))
    rows = max(1, BLOCK // len(order))
    for start in range(0, len(signs), rows):
        found = statistic(gaps[:, order], signs[start : start + rows])
        largest_left = np.maximum.accumulate(found[:, ::-1], axis=1)[:, ::-1]  # over pairs from this place on
        reached += (largest_left >= observed[order] * TIE).sum(axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(reached / len(signs))
    return adjusted


def _t(gaps: Array, signs: Array) -> Array:
    """Return |t| of every flip and pair (F, P); infinite where flipped differences have no spread, 0 where all are 0.

    Differences are taken in units of the largest of their pair, so that no square overflows.
    """
    unit = np.nanmax(np.abs(gaps), axis=0, initial=0.0)
    scaled = np.divide(gaps, unit, out=np.zeros(gaps.shape), where=~np.isnan(gaps) & (unit > 0))
    T = (~np.isnan(gaps)).sum(axis=0)
    S, Q = np.abs(signs @ scaled), (scaled**2).sum(axis=0)
    spread = np.sqrt(np.maximum(Q - S**2 / T, 0.0) * T / (T - 1))
    spread = np.where(spread > 1e-7 * S, spread, 0.0)  # Q - S²/T cancels to half of the digits
    return np.divide(S, spread, out=np.where(S > 0, np.inf, 0.0), where=spread > 0)


def _signed_rank(gaps: Array, signs: Array) -> Array:
    """Return the size of the standardised signed-rank sum of every flip and pair (F, P); ties share ranks."""
    size = np.where(np.isnan(gaps), 0.0, np.abs(gaps))
    ranks = np.where(size > 0, rankdata(size, axis=0), 0.0)
    norm = np.sqrt((ranks**2).sum(axis=0))
    return np.abs(signs @ (ranks * np.sign(np.nan_to_num(gaps)))) / np.where(norm > 0, norm, 1.0)


STATISTICS: dict[Statistic, Callable[[Array, Array], Array]] = {"max-t": _t, "signed-rank": _signed_rank}
