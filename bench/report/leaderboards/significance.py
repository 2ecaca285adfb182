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
from bench.stats import bayes, effects, friedman, holm, pairwise_wins, tables, wilcoxon
from bench.stats.correlated_t import correlated_t
from bench.stats.ranks import average_ranks

PAIR_COLUMNS = (
    "board", "metric", "panel", "slice", "method_a", "method_b", "tasks", "wins_a", "shift", "rank_biserial", "p",
    "p_holm", "rope", "better_a", "same", "better_b", "within_a", "within_b", "p_adjusted", "test", "replication",
)  # fmt: skip


def pairwise(standing: Standing, rope: float | None = None) -> pd.DataFrame:
    """Compare every two contenders over tasks, with the probabilities of a Bayesian test (see `compare_pairs`).

    `better_a`, `same` and `better_b` are the probabilities that a is practically better, that they are the same, and
    that b is: a difference below `rope` is practically none.

    Raises:
        BenchError: `rope` is negative or no number.
    """
    table, contest = compare_pairs(standing, rope), standing.contest
    ropes = np.full((len(contest.grid.methods),) * 2, np.nan)
    i, j = np.triu_indices(len(ropes), 1)
    if len(table):
        ropes[i, j] = ropes[j, i] = table["rope"]
    found = bayes.bayesian_signed_rank(contest.replicates, ropes, generator("bayes", standing.grid.metric))
    return table.assign(better_a=found.better[i, j], same=found.same[i, j], better_b=found.better[j, i])


def compare_pairs(standing: Standing, rope: float | None = None) -> pd.DataFrame:
    """Compare every two contenders over tasks: share of tasks won, size, p-values.

    `shift` is the Hodges-Lehmann estimate of a's badness minus b's, in logarithms where the metric has the unit of the
    target, in ranks where splits are ranked. `p_adjusted` is by the board's test and corrected for all pairs: letters
    and figures follow it. `p` is Wilcoxon's for the pair alone, `p_holm` with Holm's correction. Without `rope` it is
    the noise of the seeds of the pair, where there are several, else zero. `within_a` counts the tasks on which a is
    better by its folds alone (`within_tasks`).

    Raises:
        BenchError: `rope` is negative or no number.
    """
    if rope is not None and not 0 <= rope < np.inf:
        raise BenchError(f"rope is {rope:g}: give a difference that does not matter, zero or more")
    contest = standing.contest
    errors, methods = contest.replicates, contest.grid.methods
    ropes = pair_noise(contest) if rope is None else np.full((len(methods),) * 2, rope)
    within = within_tasks(contest.grid)
    raw, won = wilcoxon.wilcoxon(errors), pairwise_wins.preference(contest.games)
    corrected, adjusted = holm.holm_of_pairs(raw), contest.p_values
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
                "p_holm": corrected[i, j],
                "rope": ropes[i, j],
                "within_a": within[i, j],
                "within_b": within[j, i],
                "p_adjusted": adjusted[i, j],
                "test": standing.test,
                "replication": standing.replication,
            }
        )
    return pd.DataFrame(rows)


def within_tasks(grid: Grid) -> Array:
    """Return on how many tasks each method is better than each other by its folds alone (K, K).

    By the correlated t-test over the splits of a task, seeds and learners averaged, at the level of the letters. Its
    share of test rows is n_test / (n_train + n_test) of the splits that were run; where a table does not count its
    rows, one over the number of folds.
    """
    wins = np.zeros((len(grid.methods),) * 2, dtype=int)
    splits = grid.average(grid.blocks.split, grid.blocks.first(grid.blocks.split))
    for task in np.unique(splits.task):
        rows = splits.task == task
        means, shares = splits.badness[rows], splits.blocks.test_share[rows]
        folds = max(splits.blocks.keys.loc[rows, "fold"].nunique(), 2)
        share = float(np.mean(shares)) if not np.isnan(shares).any() else 1 / folds
        with np.errstate(invalid="ignore"):
            found = correlated_t(means[:, :, None] - means[:, None, :], share)
        wins += (found.p < SIGNIFICANT) & (found.mean < 0)
    return wins


def omnibus(standing: Standing) -> friedman.Friedman:
    """Return Friedman's test of all contenders over tasks, with the correction of Iman and Davenport."""
    replicates = standing.contest.replicates
    _, methods = tables.common_blocks(replicates)
    return friedman.friedman(replicates[:, methods])


def pair_noise(standing: Standing) -> Array:
    """Return by how much the difference of every two methods on a task moves with the seed of the learners (K, K).

        √(mean over tasks of the variance over seeds of e_i - e_j),  e the mean error of a task with one seed

    n - 1 below; errors in logarithms where the metric has the unit of the target, ranks where splits are ranked. A seed
    that lacks blocks of a task is left out there, and so are pairs with a cell that was filled in. Zero where no task
    has two seeds.
    """
    grid, K = standing.grid, len(standing.grid.methods)
    ranks_splits = standing.replication == "split"
    values = _ranks_within(grid) if ranks_splits else np.where(grid.imputed, np.nan, grid.badness)
    takes_logs = has_unit(grid.metric) and not ranks_splits
    variances = []
    for task in np.unique(grid.task):
        rows = grid.task == task
        seeds, blocks = np.unique(grid.blocks.reseed[rows], return_counts=True)
        whole = seeds[blocks == blocks.max()]
        if len(whole) > 1:
            of_seed = [rows & (grid.blocks.reseed == seed) for seed in whole]
            means = np.array([values[inside].mean(axis=0) for inside in of_seed])
            errors = tables.logs(means) if takes_logs else means
            with np.errstate(invalid="ignore"):  # inf - inf is NaN, which is left out
                variances.append(np.var(errors[:, :, None] - errors[:, None, :], axis=0, ddof=1))
    table = np.array(variances).reshape(-1, K, K)
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(axis=0)
    return np.sqrt(np.divide(total, known.sum(axis=0), out=np.zeros((K, K)), where=known.any(axis=0)))


def _ranks_within(grid: Grid) -> Array:
    """Return the ranks within each block (B, K), of the methods that have any score."""
    found = np.full(grid.badness.shape, np.nan)
    found[:, grid.has_scores] = average_ranks(grid.badness[:, grid.has_scores])
    return found
