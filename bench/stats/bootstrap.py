"""Bootstraps over tasks: each draw takes as many tasks as there are, with replacement, all their blocks with them.

`counts` (draws, N) says how often each draw takes each task: see `draws.task_counts`.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.ranks import RANK_DECIMALS, positions
from bench.stats.tables import too_few

LEVEL = 0.95
"""Share of the draws that an interval holds."""
DEALS = 201
"""How often ranks are dealt anew to see what chance gives: an odd number, so that its median is one of them."""
DEAL_DRAWS = 100
"""Draws of each deal: a share is known to 5 points, and the median over the deals far better."""

QuantileMethod = Literal["linear", "inverted_cdf"]


class Interval(NamedTuple):
    """Ends of intervals (K,), NaN where there is none, and then the reason."""

    lo: Array
    hi: Array
    reason: str = ""


def expanded_level(level: float, N: int) -> float:
    """Return the level at which a percentile interval of N tasks covers `level`.

        1 - 2 Φ(-√(N/(N-1)) t),  t the quantile (1 + level)/2 of Student's t with N - 1 degrees of freedom

    The plain percentile interval is too narrow for few tasks, as one of normal theory would be with σ² divided by N and
    a normal quantile. Source: Hesterberg (2015), What teachers should know about the bootstrap (the expanded
    percentile interval).
    """
    return float(1 - 2 * ndtr(-math.sqrt(N / (N - 1)) * stdtrit(N - 1, (1 + level) / 2)))


def percentiles(values: Array, level: float = LEVEL, method: QuantileMethod = "linear") -> Interval:
    """Return the percentile interval of the draws (draws, K); draws that are NaN for a method are left out for it.

    `method` is numpy's; "inverted_cdf" gives values that were drawn (Hyndman and Fan, 1996, Sample quantiles in
    statistical packages).
    """
    ends = np.full((2, values.shape[1]), np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for column, drawn in enumerate(values.T):
        known = drawn[~np.isnan(drawn)]
        if len(known):
            ends[:, column] = np.quantile(known, tails, method=method)
    return Interval(ends[0], ends[1])


def position_intervals(task_ranks: Array, counts: Array, level: float = LEVEL) -> Interval:
    """Return the percentile interval of each method's position by mean rank, whole numbers; none under six tasks.

    In each draw equal mean ranks share the better place, as on the board. `task_ranks` (N, K) from `ranks.task_ranks`.
    """
    reason = too_few(len(task_ranks))
    none = np.full(task_ranks.shape[1], np.nan)
    if reason:
        return Interval(none, none, reason)
    known = ~np.isnan(task_ranks).any(axis=0)
    places = np.full((len(counts), task_ranks.shape[1]), np.nan)
    places[:, known] = rankdata(_mean_ranks(task_ranks[:, known], counts), method="min", axis=1)
    return percentiles(places, level, "inverted_cdf")


def winner_stays(task_ranks: Array, counts: Array) -> float:
    """Return the share of draws in which the winner by mean rank is first again; first places are shared evenly.

    With several winners it is the share of draws whose first place is theirs. NaN under six tasks. The share has no
    meaning by itself, since one of any equal methods is the winner: see `winner_stays_by_chance`.
    """
    known = ~np.isnan(task_ranks).any(axis=0)
    if too_few(len(task_ranks)) or not known.any():
        return float("nan")
    won = positions(task_ranks[:, known].mean(axis=0)).to_numpy(dtype=float) == 1
    means = _mean_ranks(task_ranks[:, known], counts)
    first = means == means.min(axis=1, keepdims=True)
    return float((first[:, won].sum(axis=1) / first.sum(axis=1)).mean())


def winner_stays_by_chance(task_ranks: Array, counts: Array, rng: np.random.Generator) -> float:
    """Return what `winner_stays` is half of the time where methods are alike: the median over deals of the ranks.

    A deal gives the ranks of every task to the methods in another order, all orders being as likely. NaN under six
    tasks.
    """
    known = ~np.isnan(task_ranks).any(axis=0)
    few = counts[:DEAL_DRAWS]
    dealt = (rng.permuted(task_ranks[:, known], axis=1) for _ in range(DEALS))
    return float(np.median([winner_stays(ranks, few) for ranks in dealt]))


def _mean_ranks(task_ranks: Array, counts: Array) -> Array:
    """Return the mean rank of each method in each draw, (draws, K), equal up to float noise being equal."""
    return np.round(counts @ task_ranks / len(task_ranks), RANK_DECIMALS)
