"""Is the order real? Agreement of orders, agreement of folds, and how many folds it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau

from bench.core.nouns import Array
from bench.stats.ranks import average_ranks
from bench.stats.tables import common_blocks, task_codes

WANTED_RELIABILITY = 0.9
"""The reliability that an order of methods should have."""


def kendall(left: Array, right: Array) -> float:
    """Return Kendall's tau-b of two scores of the same methods; NaN with fewer than two or where one is all ties.

    tau_b = (C - D) / sqrt((C + D + ties of left) (C + D + ties of right)). Methods that lack a score are left out.
    Source: Kendall (1945), The treatment of ties in ranking problems.
    """
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    known = ~(np.isnan(left) | np.isnan(right))
    left, right = left[known], right[known]
    if len(left) < 2 or np.ptp(average_ranks(left[None])) == 0 or np.ptp(average_ranks(right[None])) == 0:
        return float("nan")
    return float(kendalltau(average_ranks(left[None])[0], average_ranks(right[None])[0]).statistic)


def agreement(orders: Mapping[str, Array]) -> dict[tuple[str, str], float]:
    """Return Kendall's tau-b of every two of the named scores, all of them lower better (turn Elo points round)."""
    return {(a, b): kendall(orders[a], orders[b]) for a, b in combinations(orders, 2)}


def fold_correlation(badness: Array, task: Array) -> float:
    """Return the mean over tasks of the mean rank correlation (Spearman) of every two blocks of a task.

    Blocks that lack a method are left out for all, and so are blocks in which all methods tie, and tasks with fewer
    than two blocks left; NaN if no task is left. Where rows belong to a learner, let `task` name the task and the
    learner.

    With unit ranks u (average ranks, centred, of length one) of F blocks: (|Σ u|² - F) / (F (F - 1)).
    """
    rows, methods = common_blocks(badness)
    if not rows.any():
        return float("nan")
    ranks = average_ranks(badness[rows][:, methods])
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=1))
    real = length > 0
    codes, N = task_codes(np.asarray(task)[rows][real])
    total = np.zeros((N, ranks.shape[1]))
    np.add.at(total, codes, ranks[real] / length[real, None])
    F = np.bincount(codes, minlength=N)
    each = ((total**2).sum(axis=1) - F)[F > 1] / (F * (F - 1))[F > 1]
    return float(each.mean()) if len(each) else float("nan")


def folds_needed(rho: float, wanted: float = WANTED_RELIABILITY) -> float:
    """Return the number of folds whose mean order has the wanted reliability.

    ceil(wanted (1 - rho) / (rho (1 - wanted))), at least 1, rho the correlation of two folds: the reliability of the
    mean over k folds is k rho / (1 + (k - 1) rho). Infinite where rho is not positive, NaN where it is NaN. Source:
    Spearman (1910), Correlation calculated from faulty data; Brown (1910).
    """
    if math.isnan(rho):
        return float("nan")
    if rho <= 0:
        return math.inf
    # float noise must not require one fold more
    return float(max(1, math.ceil(wanted * (1 - rho) / (rho * (1 - wanted)) - 1e-9)))
