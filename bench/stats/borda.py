"""Borda counts and Copeland scores: orders made of ranks and of duels."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.stats.ranks import average_ranks, task_ranks


def borda_two_level(badness: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the mean over tasks of the rank within the task of the mean rank over its blocks, (K,); lower is better.

    Borda over the folds of a task gives its order, Borda over the orders of the tasks the result; average ranks for
    ties at both. Blocks that lack a method are left out for all; NaN for a method that never has a value. Source:
    Colombo, Noiry, Irurozki and Clémençon (2022), What are the best systems? New perspectives on NLP benchmarking.
    """
    inner = task_ranks(badness, task, weight)
    found = np.full(badness.shape[1], np.nan)
    known = ~np.isnan(inner).all(axis=0) if len(inner) else np.zeros(badness.shape[1], dtype=bool)
    if known.any():
        found[known] = average_ranks(inner[:, known]).mean(axis=0)
    return found


def copeland(preference: Array) -> Array:
    """Return the share of rivals (K,) that a method beats on most of the tasks on which both are there, ties half.

    `preference` (K, K) from `pairwise_wins.preference`. NaN for a method that met no other. Source: Copeland (1951), A
    reasonable social welfare function.
    """
    met = preference + preference.T > 0
    margin = np.round(preference - preference.T, 9)  # float noise of sums over tasks is a tie
    points = ((margin > 0) + 0.5 * ((margin == 0) & met)).sum(axis=1)
    rivals = met.sum(axis=1)
    return np.divide(points, rivals, out=np.full(len(rivals), np.nan), where=rivals > 0)
