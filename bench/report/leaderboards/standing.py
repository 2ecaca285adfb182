"""One ranked board, and what is worked out of its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from bench.core.hashing import generator
from bench.core.nouns import Array
from bench.methods import metrics
from bench.methods.boards import BOARDS, CONSTANT, ORACLE, SINGLE_LEARNER
from bench.report.leaderboards.gains import NO_GAINS, Gains, twin_step
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.scores import has_unit
from bench.stats import (
    bootstrap,
    borda,
    draws,
    elo,
    friedman,
    kemeny,
    letters,
    pairwise_wins,
    ranks,
    sign_flips,
    stability,
    tables,
)
from bench.stats.digits import round_digits

MOST_DRAWN = 120
"""Up to so many methods Elo points have intervals: a thousand draws of all pairs take a gigabyte."""
SIGNIFICANT = 0.05
"""Two methods share a letter unless the test of the board tells them apart at this level."""
NEVER_CONTENDERS = frozenset((CONSTANT, ORACLE, SINGLE_LEARNER))
"""Schemes that stand on a board for reference: they are shown, and no test or stability figure sees them."""

Replication = Literal["task", "split"]
Test = Literal["max-t", "signed-rank", "nemenyi"]


class BoardKey(NamedTuple):
    """Which methods are ranked among themselves: those of one board, metric, panel and slice."""

    board: str
    metric: str
    panel: str = ""
    slice: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One ranked board: its scores, and what is worked out of them, once.

    `scores` are the scores as they came, `grid` those by the rule `missing`. `baseline` is the method that skill,
    headroom and Elo refer to. What is ranked and tested are means over `replication`: a task, or a split. `test` tells
    methods apart, `gains` are those of methods without their thresholding step (`gains.mean_gains`). Every
    array has one entry a method, (K,), NaN where undefined. Tasks of one data set are one of the N tasks of a table.
    """

    key: BoardKey
    scores: Grid
    grid: Grid
    baseline: str
    missing: str
    replication: Replication = "task"
    test: Test = "max-t"
    gains: Mapping[str, Gains]

    @property
    def undefined(self) -> Array:
        """NaN for every method."""
        return np.full(len(self.grid.methods), np.nan)

    @cached_property
    def contenders(self) -> Array:
        """Mask (K,) of the methods that compete: not those that a board of bench carries for reference."""
        if self.key.board not in BOARDS:
            return np.ones(len(self.grid.methods), dtype=bool)
        return np.array([method.split("+")[0] not in NEVER_CONTENDERS for method in self.grid.methods], dtype=bool)

    @cached_property
    def contest(self) -> Standing:
        """The board of its contenders alone, which is what tests and stability figures see."""
        kept = self.contenders
        if kept.all():
            return self
        return replace(self, scores=self.scores.columns(kept), grid=self.grid.columns(kept))

    @cached_property
    def ranked(self) -> Grid:
        """The grid whose blocks are ranked: means of tasks, or splits."""
        return RANKED[self.replication](self.grid)

    @cached_property
    def games(self) -> pairwise_wins.Games:
        """Who beat whom, one game a task."""
        return pairwise_wins.games(self.ranked.badness, self.ranked.dataset, self.ranked.weight)

    @cached_property
    def task_ranks(self) -> Array:
        """Mean rank of each method within each task (N, K)."""
        return ranks.task_ranks(self.ranked.badness, self.ranked.dataset, self.ranked.weight)

    @cached_property
    def tasks(self) -> list[str]:
        """Names of the N tasks that the ranks rest on, one name for those of one data set, in the order of tables."""
        return sorted(self.grid.blocks.keys["dataset"].astype(str).unique())

    @cached_property
    def n_tasks(self) -> int:
        """How many tasks the ranks rest on."""
        return len(self.task_ranks)

    @cached_property
    def counts(self) -> Array:
        """How often each bootstrap takes each task (draws, N)."""
        return draws.task_counts(self.tasks)

    @cached_property
    def baseline_column(self) -> int | None:
        """Column of the baseline, if it is on the board and has a score."""
        found = self.grid.methods.index(self.baseline) if self.baseline in self.grid.methods else None
        return found if found is not None and self.grid.has_scores[found] else None

    @cached_property
    def task_errors(self) -> Array:
        """Mean badness by task (N, K); logarithms where the metric has the unit of the target, -inf for no error."""
        tasks = _average_tasks(self.grid)
        means = tasks.badness
        if has_unit(self.grid.metric):
            means = np.where(means == 0, -np.inf, tables.logs(means))
        return tables.task_means(means, tasks.dataset, tasks.weight)

    @cached_property
    def replicates(self) -> Array:
        """What tests compare (N, K), lower better: errors of tasks, or where splits are ranked their mean ranks."""
        return self.task_errors if self.replication == "task" else self.task_ranks

    @cached_property
    def p_values(self) -> Array:
        """Values of p for all pairs (K, K), corrected for their number, by the board's test; NaN under six tasks.

        NaN too for pairs with a method that is no contender.
        """
        found = np.full((len(self.contenders),) * 2, np.nan)
        found[np.ix_(self.contenders, self.contenders)] = TESTS[self.test](self.contest)
        return found

    @cached_property
    def kemeny(self) -> kemeny.Kemeny:
        """The consensus order."""
        return kemeny.kemeny(pairwise_wins.preference(self.games))

    @cached_property
    def mean_rank(self) -> Array:
        """Mean rank over tasks."""
        return self.task_ranks.mean(axis=0) if self.n_tasks else self.undefined

    @cached_property
    def elo(self) -> elo.Elo:
        """Bradley-Terry points, the baseline at 1000; without intervals where the draws would not fit in memory."""
        counts = self.counts if len(self.grid.methods) <= MOST_DRAWN else self.counts[:0]
        return elo.elo(self.games, counts, anchor=self.baseline_column)

    @cached_property
    def position_interval(self) -> bootstrap.Interval:
        """Intervals of the positions, over bootstraps of tasks."""
        return bootstrap.position_intervals(self.task_ranks, self.counts)

    @cached_property
    def borda(self) -> Array:
        """Two-level Borda: mean over tasks of the rank within the task."""
        return borda.borda_two_level(self.ranked.badness, self.ranked.dataset, self.ranked.weight)

    @cached_property
    def mean_score(self) -> Array:
        """Mean score, every task counting one; NaN for a metric in units of the target."""
        if not may_average(self.grid.metric) or not len(self.grid.value):
            return self.undefined
        with np.errstate(invalid="ignore"):  # inf - inf is NaN
            return np.asarray(self.grid.weight @ self.grid.value)

    @cached_property
    def letters(self) -> list[str]:
        """The compact letters: methods that share one cannot be told apart; none under six tasks, none for reference.

        None either where no pair has a p-value, as where all logarithms are of numbers below zero.
        """
        ranked = np.flatnonzero(~np.isnan(self.mean_rank) & self.contenders)
        pairs = np.triu_indices(len(self.mean_rank), 1)
        if tables.too_few(self.n_tasks) or np.isnan(self.p_values[pairs]).all():
            return [""] * len(self.grid.methods)
        order = ranked[np.argsort(self.mean_rank[ranked], kind="stable")]
        return letters.letters(self.p_values < SIGNIFICANT, order)

    @cached_property
    def alike(self) -> list[list[str]]:
        """Methods that have the same score on every block that either ran on, in groups of two or more."""
        columns: dict[bytes, list[str]] = {}
        for name, badness in zip(self.scores.methods, round_digits(self.scores.badness).T, strict=True):
            if not np.isnan(badness).all():
                columns.setdefault((badness + 0.0).tobytes(), []).append(name)  # + 0.0: -0.0 is 0.0
        return [names for names in columns.values() if len(names) > 1]

    @cached_property
    def gain_table(self) -> Array:
        """Gains (K, 2) by training and by thresholding, the same for a method and its thresholded variant."""
        known = BOARDS.get(self.key.board)
        step = twin_step(f"+{known.variant_step}", self.key.metric) if known and known.variant_step else ""
        found = [self.gains.get(method.removesuffix(step), NO_GAINS) for method in self.grid.methods]
        return np.array(found, dtype=float).reshape(-1, len(Gains._fields))

    def is_real(self) -> dict[str, float]:
        """Return how far the order of the contenders can be trusted: orders, bootstraps, folds that it would take.

        `winner_stays_by_chance` is the winner's share of bootstraps that equal methods reach half of the time.
        """
        contest = self.contest
        orders = {
            "elo": -contest.elo.points,
            "borda": contest.borda,
            "kemeny": contest.kemeny.rank,
            "rank": contest.mean_rank,
        }
        if may_average(self.grid.metric):
            orders["score"] = contest.task_errors.mean(axis=0)
        pairs = {f"tau_{a}_{b}": tau for (a, b), tau in stability.agreement(orders).items()}
        chance = generator("winner", self.grid.metric)
        splits = contest.grid.average_seeds()  # other seeds of a fold are no other fold
        place = splits.blocks.keys.groupby(["task_id", "learner"]).ngroup().to_numpy()
        rho = stability.fold_correlation(splits.badness, place)
        return {
            **pairs,
            "winner_stays": bootstrap.winner_stays(contest.task_ranks, contest.counts),
            "winner_stays_by_chance": bootstrap.winner_stays_by_chance(contest.task_ranks, contest.counts, chance),
            "folds_needed": stability.folds_needed(rho),
        }


def _average_tasks(grid: Grid) -> Grid:
    """Return the mean over the blocks of each task."""
    return grid.average(grid.blocks.task, grid.blocks.tasks)


RANKED: dict[Replication, Callable[[Grid], Grid]] = {"task": _average_tasks, "split": lambda grid: grid}
"""What is ranked, by the unit of replication."""


def _max_t(contest: Standing) -> Array:
    return sign_flips.max_t(contest.replicates, contest.tasks)


def _signed_rank(contest: Standing) -> Array:
    return sign_flips.max_t(contest.replicates, contest.tasks, "signed-rank")


def _nemenyi(contest: Standing) -> Array:
    """Return Nemenyi's p of every pair, from mean ranks of all contenders."""
    known = contest.grid.has_scores
    found = np.full((len(known), len(known)), np.nan)
    found[np.ix_(known, known)] = friedman.nemenyi(contest.replicates[:, known]).p
    return found


TESTS: dict[str, Callable[[Standing], Array]] = {"max-t": _max_t, "signed-rank": _signed_rank, "nemenyi": _nemenyi}
"""How methods are told apart: p-values (K, K) of all pairs, corrected for their number."""


def may_average(metric: str) -> bool:
    """Return whether scores of a metric may be averaged over tasks: it is known, and has no unit."""
    known = metrics.metric_info(metric)
    return known is not None and not known.unit
