"""Who beats whom: each task is one game between every two methods."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array
from bench.stats.digits import round_digits
from bench.stats.tables import task_codes

CHUNK = 1 << 21
"""Outcomes that are held at a time: 16 MB."""


class Games(NamedTuple):
    """Outcomes of N tasks: `won` (N, K, K) the share of blocks in which i beats j, ties half; `met` whether they met.

    won[t, i, j] + won[t, j, i] = met[t, i, j], which is 1 if some block of the task has both methods, else 0.
    """

    won: Array
    met: Array


def games(badness: Array, task: Array, weight: Array | None = None) -> Games:
    """Return the outcome of every pair on every task.

        won_tij = Σ_b w_b ([b_i < b_j] + [b_i = b_j] / 2) / Σ_b w_b, over the blocks b of task t that have i and j

    Averages within the task come first, so that a task counts one game whatever its number of folds. Values are
    compared to twelve digits; two infinite values tie. Memory is 16 N K² bytes.
    """
    codes, N = task_codes(task)
    K = badness.shape[1]
    order = np.argsort(codes, kind="stable")
    values = round_digits(np.asarray(badness, dtype=float))[order]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    share = np.ones(len(order)) if weight is None else np.asarray(weight, dtype=float)[order]
    won, met = np.zeros((N, K, K)), np.zeros((N, K, K))
    known, rows = ~np.isnan(values), max(1, CHUNK // max(values.size, 1))
    for start in range(0, K if N else 0, rows):
        mine = values[:, start : start + rows, None]
        there = known[:, start : start + rows, None] & known[:, None, :]
        outcome = (mine < values[:, None, :]) + 0.5 * ((mine == values[:, None, :]) & there)
        met[:, start : start + rows] = np.add.reduceat(share[:, None, None] * there, starts)
        won[:, start : start + rows] = np.add.reduceat(share[:, None, None] * outcome, starts)
    won = np.divide(won, met, out=np.zeros_like(won), where=met > 0)
    met = (met > 0).astype(float)
    themselves = np.arange(K)
    won[:, themselves, themselves] = met[:, themselves, themselves] = 0.0
    return Games(won, met)


def preference(played: Games) -> Array:
    """Return the number of tasks (K, K) on which i is preferred to j, ties and folds in shares."""
    return played.won.sum(axis=0)
