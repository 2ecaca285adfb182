"""Are all methods alike? The Friedman test, and Nemenyi's critical difference after it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2, f, studentized_range

from bench.core.nouns import Array
from bench.stats.ranks import RANK_DECIMALS, average_ranks
from bench.stats.tables import common_blocks, too_few


class Friedman(NamedTuple):
    """Results of the tests on N tasks and K methods.

    `chi2` with its p-value `p_chi2`, corrected for ties; `F` and `p`, corrected after Iman and Davenport; `plain`, the
    chi-square without the correction for ties; `reason` is why there are no numbers.
    """

    chi2: float
    p_chi2: float
    F: float
    p: float
    plain: float
    N: int
    K: int
    reason: str = ""


def friedman(table: Array) -> Friedman:
    """Test whether K methods have the same mean rank over the rows of a table (N, K) with one row a task.

        chi2 = (K - 1) Σ_j (R_j - (K + 1) / 2)² N² / (Σ_tj r_tj² - N K (K + 1)² / 4),  df K - 1
        F = (N - 1) chi2 / (N (K - 1) - chi2),  df K - 1 and (K - 1)(N - 1)

    with average ranks r for ties, R_j their means. `plain` is 12 N / (K (K + 1)) Σ_j (R_j - (K + 1) / 2)². Where all
    tasks agree F is infinite, and p is exact: (number of orders)^(1 - N). Rows that lack a method are left out. NaN
    under six tasks or two methods, or where nothing but ties is seen. Source: Friedman (1937), The use of ranks; Iman
    and Davenport (1980), Approximations of the critical region of the Friedman statistic; Conover (1999), Practical
    Nonparametric Statistics, for ties; Demšar (2006), Statistical comparisons of classifiers over multiple data sets.
    """
    rows, methods = common_blocks(table)
    values = table[rows][:, methods]
    N, K = values.shape
    reason = too_few(N) or ("" if K > 1 else "fewer than two methods")
    if reason:
        return _no_result(N, K, reason)
    ranks = average_ranks(values)
    off = float(((ranks.mean(axis=0) - (K + 1) / 2) ** 2).sum()) * N
    spread = float(((ranks - (K + 1) / 2) ** 2).sum()) / N
    if spread == 0:
        return _no_result(N, K, "all methods are tied on all tasks")
    statistic = (K - 1) * off / spread
    F, p = iman_davenport(statistic, N, K)
    if math.isinf(F):
        p = _agreement(ranks[0], N)
    return Friedman(
        chi2=statistic,
        p_chi2=float(chi2.sf(statistic, K - 1)),
        F=F,
        p=p,
        plain=12 * off / (K * (K + 1)),
        N=N,
        K=K,
    )


def _no_result(N: int, K: int, reason: str) -> Friedman:
    nan = float("nan")
    return Friedman(chi2=nan, p_chi2=nan, F=nan, p=nan, plain=nan, N=N, K=K, reason=reason)


def iman_davenport(statistic: float, N: int, K: int) -> tuple[float, float]:
    """Return F and its p-value from a Friedman chi-square; infinite where all N tasks order the K methods alike."""
    rest = N * (K - 1) - statistic
    if rest <= 1e-9 * N * (K - 1):  # float noise: all tasks agree
        return math.inf, 0.0
    F = (N - 1) * statistic / rest
    return F, float(f.sf(F, K - 1, (K - 1) * (N - 1)))


def _agreement(ranks: Array, N: int) -> float:
    """Return the chance that N tasks agree on ranks with these ties."""
    ties = np.unique(ranks, return_counts=True)[1]
    orders = gammaln(len(ranks) + 1) - gammaln(ties + 1).sum()
    return float(np.exp((1 - N) * orders))


class Nemenyi(NamedTuple):
    """P-values of all pairs (K, K), and the critical difference of mean ranks."""

    p: Array
    difference: float
    reason: str = ""


def nemenyi(table: Array, alpha: float = 0.05) -> Nemenyi:
    """Compare all pairs by their mean ranks over a table (N, K) with one row a task.

        difference = q sqrt(K (K + 1) / (6 N)),  q the 1 - alpha quantile of the studentized range (K, df inf) / sqrt 2

    Every p depends on all methods of the table: `wilcoxon` does not. Rows that lack a method are left out; NaN as in
    `friedman`. Source: Nemenyi (1963), Distribution-free multiple comparisons; Demšar (2006).
    """
    rows, methods = common_blocks(table)
    N, K = int(rows.sum()), int(methods.sum())
    p = np.full((table.shape[1],) * 2, np.nan)
    reason = too_few(N) or ("" if K > 1 else "fewer than two methods")
    if reason:
        return Nemenyi(p, float("nan"), reason)
    mean_rank = average_ranks(table[rows][:, methods]).mean(axis=0)
    unit = math.sqrt(K * (K + 1) / (6 * N))
    apart = np.abs(mean_rank[:, None] - mean_rank[None, :]).round(RANK_DECIMALS)
    distinct, where = np.unique(apart, return_inverse=True)
    chance = np.asarray(studentized_range.sf(distinct / unit * math.sqrt(2), K, np.inf))
    p[np.ix_(methods, methods)] = np.clip(chance, 0, 1)[where].reshape(K, K)
    return Nemenyi(p, unit * float(studentized_range.isf(alpha, K, np.inf)) / math.sqrt(2))
