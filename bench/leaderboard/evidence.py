"""The evidence behind an order: every pair of methods, and how much of a difference is noise of the seeds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from bench.core import Array
from bench.keys import generator
from bench.leaderboard.columns import Standing, has_unit
from bench.leaderboard.grid import Grid
from bench.stats import bayes, effects, friedman, games, tables, wilcoxon

COLUMNS = (
    "board", "metric", "panel", "slice", "method_a", "method_b", "tasks", "wins_a", "shift", "rank_biserial", "p",
    "p_holm", "rope", "better_a", "same", "better_b",
)  # fmt: skip


def pairwise(standing: Standing, rope: float | None = None) -> pd.DataFrame:
    """Compare every two methods over tasks: share of tasks won, size, Wilcoxon's p and Holm's, Bayesian probabilities.

    `shift` is the Hodges-Lehmann estimate of a's badness minus b's, in logarithms where the metric has the unit of the
    target. Without `rope` it is the noise of the seeds, where there are several, else zero.
    """
    errors, methods = standing.task_errors, standing.board.methods
    rope = reseed_noise(standing.board) if rope is None else rope
    found = bayes.bayesian_signed_rank(errors, rope, generator("bayes", standing.board.metric))
    raw, won = wilcoxon.wilcoxon(errors), games.preference(standing.games)
    rows = []
    for i, j in combinations(range(len(methods)), 2):
        difference = tables.differences(errors[:, i], errors[:, j])
        known = difference[~np.isnan(difference)]
        rows.append(
            {
                "method_a": methods[i],
                "method_b": methods[j],
                "tasks": len(known),
                "wins_a": won[i, j] / (won[i, j] + won[j, i]) if won[i, j] + won[j, i] else np.nan,
                "shift": effects.hodges_lehmann(known),
                "rank_biserial": effects.rank_biserial(errors[:, i], errors[:, j]),
                "p": raw[i, j],
                "p_holm": standing.p_values[i, j],
                "rope": rope,
                "better_a": found.better[i, j],
                "same": found.same[i, j],
                "better_b": found.better[j, i],
            }
        )
    return pd.DataFrame(rows)


def omnibus(standing: Standing) -> friedman.Friedman:
    """Return Friedman's test of all methods over tasks, with the correction of Iman and Davenport."""
    _, methods = tables.common(standing.task_errors)
    return friedman.friedman(standing.task_errors[:, methods])


def reseed_noise(board: Grid) -> float:
    """Return by how much the difference of two methods on a task moves with the seed of the learners, one deviation.

    √2 × the root of the mean variance, over methods and tasks, of a task's mean score over its seeds; in logarithms
    where the metric has the unit of the target. Zero where there is one seed only.
    """
    values = tables.logs(board.errors) if has_unit(board.metric) else board.badness
    means = [tables.task_means(values[rows], board.task[rows]) for rows in _by_seed(board)]
    if len(means) < 2 or len({each.shape for each in means}) > 1:
        return 0.0
    variance = np.var(np.stack(means), axis=0, ddof=1)
    known = variance[np.isfinite(variance)]
    return float(np.sqrt(2 * known.mean())) if len(known) else 0.0


def _by_seed(board: Grid) -> list[Array]:
    return [board.reseed == seed for seed in np.unique(board.reseed)]
