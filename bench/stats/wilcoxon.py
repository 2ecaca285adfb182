"""Wilcoxon's signed-rank test for all pairs, exact with ties and zeros."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.digits import round_digits
from bench.stats.tables import FEWEST_TASKS, differences

EXACT_RANKS = 100
"""Up to so many differences the p-value is exact; above, normal."""


class SignedRank(NamedTuple):
    """`n` differences, the rank sums `plus` and `minus` of the positive and the negative ones, and two-sided `p`."""

    n: int
    plus: float
    minus: float
    p: float


def signed_rank(difference: Array) -> SignedRank:
    """Test whether differences (n,) lie symmetrically around zero; NaN are left out.

    Sizes are ranked with average ranks for ties. Zeros are ranked too, and half of their ranks goes to each side
    (Demšar, 2006); under the null only the signs of the others are random, so that p is that of Pratt (1959), Remarks
    on zeros and ties in the Wilcoxon signed rank procedures. Up to `EXACT_RANKS` differences p is exact for the ranks
    at hand, ties included: twice the smaller tail of the distribution over all signs, at most 1. Above,

        z = (plus - minus) / sqrt(Σ r²) over the differences that are not zero

    is normal, without correction for continuity. With zeros alone p is 1; without differences NaN. Source: Wilcoxon
    (1945), Individual comparisons by ranking methods.
    """
    known = np.asarray(difference, dtype=float)
    known = round_digits(known[~np.isnan(known)])
    n = len(known)
    if not n:
        return SignedRank(0, 0.0, 0.0, float("nan"))
    ranks = rankdata(np.abs(known))
    plus, minus = float(ranks[known > 0].sum()), float(ranks[known < 0].sum())
    zeros = float(ranks[known == 0].sum()) / 2
    return SignedRank(n, plus + zeros, minus + zeros, _p_value(ranks[known != 0], min(plus, minus)))


def _p_value(ranks: Array, smaller: float) -> float:
    """Return the two-sided p-value of the smaller rank sum, given the ranks of what is not zero."""
    if not len(ranks):
        return 1.0
    if len(ranks) > EXACT_RANKS:
        z = (ranks.sum() - 2 * smaller) / math.sqrt(float((ranks**2).sum()))
        return min(1.0, 2 * float(ndtr(-z)))
    doubled = tuple(int(rank) for rank in np.sort(2 * ranks))
    return min(1.0, 2 * float(_tails(doubled)[round(2 * smaller)]))


@lru_cache(maxsize=4096)  # without ties all pairs of a board with as many tasks share one table
def _tails(doubled: tuple[int, ...]) -> Array:
    """Return P(sum <= s) for s = 0, 1, … of whole numbers each of which is in the sum with chance a half."""
    chance = np.zeros(sum(doubled) + 1)
    chance[0] = 1.0
    for number in doubled:
        chance[number:] = (chance[number:] + chance[: len(chance) - number]) / 2
        chance[:number] /= 2
    return np.cumsum(chance)


def wilcoxon(table: Array) -> Array:
    """Return p-values (K, K) of the signed-rank test for all pairs over a table (N, K) with one row a task.

    Each pair uses the tasks that both have, so that p does not depend on who else is there. Differences are ranked over
    tasks: give errors with units as `tables.logs`. NaN for pairs with fewer than six tasks in common; 1 on the
    diagonal. Not corrected for the number of pairs: see `holm.holm_of_pairs`.
    """
    K = table.shape[1]
    p = np.full((K, K), np.nan)
    for i in range(K):
        if (~np.isnan(table[:, i])).sum() >= FEWEST_TASKS:
            p[i, i] = 1.0
        for j in range(i):
            found = signed_rank(differences(table[:, i], table[:, j]))
            p[i, j] = p[j, i] = found.p if found.n >= FEWEST_TASKS else np.nan
    return p
