"""Ranks and what follows from them.

A table of badness has one row per block (a split of a task, of one learner where rows belong to one) and one column per
method; lower is better, NaN is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bench.core.nouns import Array
from bench.stats.tables import common_blocks, task_means, task_weights

SIGNIFICANT_DIGITS = 12
"""Badness is compared to this many digits: float noise is a tie, not an order."""
RANK_DECIMALS = 9
"""Mean ranks are compared to this many decimals: sums in another order are a tie, not an order."""


def average_ranks(badness: Array) -> Array:
    """Rank the methods of every block, 1 for the least badness; ties share their average rank. Shape (blocks, K)."""
    rounded = round_digits(badness)
    return np.asarray(rankdata(rounded, axis=1)) if rounded.size else rounded


def block_weights(blocks: pd.DataFrame) -> Array:
    """Return the weight of every block, sum one, so that equals count one at each level: tasks first, folds last.

    The columns of `blocks` are the levels, from the outermost to the innermost: with (task, learner, repeat, fold)
    every task counts the same, in it every learner, and so on.
    """
    weight = np.ones(len(blocks))
    group = np.zeros(len(blocks), dtype=int)
    for name in blocks.columns:
        values = pd.factorize(blocks[name])[0]
        inner = pd.factorize(group * (values.max(initial=0) + 1) + values)[0]
        parts = np.bincount(group[np.unique(inner, return_index=True)[1]], minlength=group.max(initial=0) + 1)
        weight, group = weight / parts[group], inner
    return weight / np.bincount(group)[group] if len(blocks) else weight


def win_rate(mean_rank: Array, K: int) -> Array:
    """Return the share of rivals beaten, ties half: (K - mean rank) / (K - 1) for K methods; NaN for one method."""
    rivals = K - 1
    # twelve decimals: float noise of the mean rank is no difference
    return np.round((K - mean_rank) / rivals, 12) + 0.0 if rivals > 0 else np.full(len(mean_rank), np.nan)


def mean_ranks(badness: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean rank of each method (K,): ranks within blocks, then means within tasks, then over tasks.

    Blocks that lack a method are left out for all (`tables.common_blocks`); NaN for a method without any score, and for
    all if no block is left.
    """
    rows, methods = common_blocks(badness)
    found = np.full(badness.shape[1], np.nan)
    if rows.any():
        kept = None if weight is None else weight[rows]
        found[methods] = task_weights(task[rows], kept) @ average_ranks(badness[rows][:, methods])
    return found


def task_ranks(badness: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean rank of each method within each task (N, K), the input of `bootstrap` and `friedman`.

    Blocks and methods are treated as in `mean_ranks`, so that its mean over tasks is `mean_ranks`; a task without a
    block that has all methods is left out, and N is the number of those that stay.
    """
    rows, methods = common_blocks(badness)
    if not rows.any():
        return np.full((0, badness.shape[1]), np.nan)
    ranks = np.full((int(rows.sum()), badness.shape[1]), np.nan)
    ranks[:, methods] = average_ranks(badness[rows][:, methods])
    return task_means(ranks, task[rows], None if weight is None else weight[rows])


def positions(mean_rank: Array) -> pd.Series[Any]:
    """Return places on the board from mean ranks: equal mean ranks share the better place, missing ones get none."""
    known = ~np.isnan(mean_rank)
    places = np.zeros(len(mean_rank), dtype=np.int64)
    places[known] = rankdata(np.round(mean_rank[known], RANK_DECIMALS), method="min")
    return pd.Series(pd.arrays.IntegerArray(places, ~known))


def round_digits(values: Array) -> Array:
    """Round each number to `SIGNIFICANT_DIGITS`; infinite numbers and NaN stay."""
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        # half a unit of the last digit more: what is rounded up to a power of ten has the scale of that power
        power = np.floor(np.log10(size * (1 + 5 * 10.0**-SIGNIFICANT_DIGITS)))
        scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - power)
        rounded = np.round(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
