"""How sure an order is: every pair of methods, and how much of a difference is noise of the seeds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from bench.core.hashing import generator
from bench.core.nouns import Array, BenchError
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.scores import has_unit
from bench.report.leaderboards.standing import SIGNIFICANT, Standing
from bench.stats import bayes, effects, friedman, pairwise_wins, tables, wilcoxon
from bench.stats.correlated_t import correlated_t

PAIR_COLUMNS = (
    "board", "metric", "panel", "slice", "method_a", "method_b", "tasks", "wins_a", "shift", "rank_biserial", "p",
    "p_holm", "rope", "better_a", "same", "better_b", "within_a", "within_b",
)  # fmt: skip


def pairwise(standing: Standing, rope: float | None = None) -> pd.DataFrame:
    """Compare every two methods over tasks: share of tasks won, size, Wilcoxon's p and Holm's, Bayesian probabilities.

    `shift` is the Hodges-Lehmann estimate of a's badness minus b's, in logarithms where the metric has the unit of the
    target. Without `rope` it is the noise of the seeds, where there are several, else zero. `p_holm` is by the test of
    the board. `within_a` counts the tasks on which a is better by its folds alone (`within_tasks`).

    Raises:
        BenchError: `rope` is negative or no number.
    """
    if rope is not None and not 0 <= rope < np.inf:
        raise BenchError(f"rope is {rope:g}: give a difference that does not matter, zero or more")
    errors, methods = standing.task_errors, standing.grid.methods
    rope = reseed_noise(standing.grid) if rope is None else rope
    found = bayes.bayesian_signed_rank(errors, rope, generator("bayes", standing.grid.metric))
    within = within_tasks(standing.grid)
    raw, won = wilcoxon.wilcoxon(errors), pairwise_wins.preference(standing.games)
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
                "within_a": within[i, j],
                "within_b": within[j, i],
            }
        )
    return pd.DataFrame(rows)


def within_tasks(grid: Grid) -> Array:
    """Return on how many tasks each method is better than each other by its folds alone (K, K).

    By the correlated t-test over the repeats and folds of a task, learners averaged, at the level of the letters; its
    share of test rows is one over the number of folds.
    """
    wins = np.zeros((len(grid.methods),) * 2, dtype=int)
    place = grid.blocks[["repeat", "fold"]].astype(str).agg("/".join, axis=1)
    for task in np.unique(grid.task):
        rows = grid.task == task
        means = pd.DataFrame(grid.badness[rows]).groupby(place[rows].to_numpy()).mean().to_numpy()
        folds = max(grid.blocks.loc[rows, "fold"].nunique(), 2)
        with np.errstate(invalid="ignore"):
            found = correlated_t(means[:, :, None] - means[:, None, :], 1 / folds)
        wins += (found.p < SIGNIFICANT) & (found.mean < 0)
    return wins


def omnibus(standing: Standing) -> friedman.Friedman:
    """Return Friedman's test of all methods over tasks, with the correction of Iman and Davenport."""
    _, methods = tables.common_blocks(standing.task_errors)
    return friedman.friedman(standing.task_errors[:, methods])


def reseed_noise(grid: Grid) -> float:
    """Return by how much the difference of two methods on a task moves with the seed of the learners, one deviation.

        √2 × the root of the mean variance, over methods and tasks, of a task's mean score over its seeds

    n - 1 below; in logarithms where the metric has the unit of the target. A seed that lacks blocks of a task is left
    out there, and so are cells that were filled in. Zero where no task has two seeds.
    """
    values = tables.logs(grid.badness) if has_unit(grid.metric) else grid.badness
    values = np.where(grid.imputed, np.nan, values)
    parts = [grid.task == task for task in np.unique(grid.task)]
    variance = np.concatenate([_variance(values[rows], grid.reseed[rows]) for rows in parts] or [np.zeros(0)])
    known = variance[np.isfinite(variance)]
    return float(np.sqrt(2 * known.mean())) if len(known) else 0.0


def _variance(values: Array, reseed: Array) -> Array:
    """Return the variance (K,) of the mean of one task over its seeds that have all its blocks; nothing for one."""
    seeds, blocks = np.unique(reseed, return_counts=True)
    whole = seeds[blocks == blocks.max()]
    if len(whole) < 2:
        return np.zeros(0)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, which is left out
        return np.var([values[reseed == seed].mean(axis=0) for seed in whole], axis=0, ddof=1)
