"""Bootstraps over tasks: each draw takes as many tasks as there are, with replacement, all their blocks with them."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.ranks import RANK_DECIMALS, positions
from bench.stats.tables import too_few

DRAWS = 1000
"""Draws of an interval: 25 of them lie beyond each of its ends."""
LEVEL = 0.95
"""Share of the draws that an interval holds."""

QuantileMethod = Literal["linear", "inverted_cdf"]


class Interval(NamedTuple):
    """Ends of intervals (K,), NaN where there is none, and then the reason."""

    lo: Array
    hi: Array
    reason: str = ""


def task_counts(N: int, draws: int, rng: np.random.Generator) -> Array:
    """Return how often each draw takes each of the N tasks, shape (draws, N); rows sum to N."""
    return rng.multinomial(N, np.full(N, 1 / N), size=draws).astype(float) if N else np.zeros((draws, 0))


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


def mean_rank_draws(task_ranks: Array, counts: Array) -> Array:
    """Return the mean rank of each method in each draw, (draws, K); `task_ranks` (N, K) from `ranks.task_ranks`."""
    return counts @ task_ranks / max(len(task_ranks), 1)


def position_intervals(
    task_ranks: Array, rng: np.random.Generator, draws: int = DRAWS, level: float = LEVEL
) -> Interval:
    """Return the percentile interval of each method's position by mean rank, whole numbers; none under six tasks.

    In each draw equal mean ranks share the better place, as on the board.
    """
    reason = too_few(len(task_ranks))
    none = np.full(task_ranks.shape[1], np.nan)
    if reason:
        return Interval(none, none, reason)
    means = mean_rank_draws(task_ranks, task_counts(len(task_ranks), draws, rng))
    known = ~np.isnan(task_ranks).any(axis=0)
    places = np.full(means.shape, np.nan)
    places[:, known] = rankdata(means[:, known].round(RANK_DECIMALS), method="min", axis=1)
    return percentiles(places, level, "inverted_cdf")


def winner_stays(task_ranks: Array, rng: np.random.Generator, draws: int = DRAWS) -> float:
    """Return the share of draws in which the winner by mean rank is first again; first places are shared evenly.

    With several winners it is the share of draws whose first place is theirs. NaN under six tasks.
    """
    known = ~np.isnan(task_ranks).any(axis=0)
    if too_few(len(task_ranks)) or not known.any():
        return float("nan")
    won = positions(task_ranks[:, known].mean(axis=0)).to_numpy(dtype=float) == 1
    means = mean_rank_draws(task_ranks[:, known], task_counts(len(task_ranks), draws, rng)).round(RANK_DECIMALS)
    first = means == means.min(axis=1, keepdims=True)
    return float((first[:, won].sum(axis=1) / first.sum(axis=1)).mean())
