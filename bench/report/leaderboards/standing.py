"""One ranked board, and what is worked out of its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.core.hashing import generator
from bench.core.nouns import Array
from bench.methods import metrics
from bench.methods.boards import BOARDS
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.scores import has_unit
from bench.stats import (
    bootstrap,
    borda,
    elo,
    friedman,
    holm,
    kemeny,
    letters,
    pairwise_wins,
    ranks,
    stability,
    tables,
    wilcoxon,
)

MOST_DRAWN = 120
"""Up to so many methods Elo points have intervals: a thousand draws of all pairs take a gigabyte."""
SIGNIFICANT = 0.05
"""Two methods share a letter unless the test of the board tells them apart at this level."""


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
    headroom and Elo refer to, `test` tells methods apart, `gains` holds the gains of `gains.mean_gains`, a row a method
    without its thresholding step. Every array has one entry a method, (K,), NaN where undefined.
    """

    key: BoardKey
    scores: Grid
    grid: Grid
    baseline: str
    missing: str
    test: str = "wilcoxon"
    gains: pd.DataFrame

    @property
    def undefined(self) -> Array:
        """NaN for every method."""
        return np.full(len(self.grid.methods), np.nan)

    @cached_property
    def games(self) -> pairwise_wins.Games:
        """Who beat whom, one game a task."""
        return pairwise_wins.games(self.grid.badness, self.grid.task, self.grid.weight)

    @cached_property
    def task_ranks(self) -> Array:
        """Mean rank of each method within each task (N, K)."""
        return ranks.task_ranks(self.grid.badness, self.grid.task, self.grid.weight)

    @cached_property
    def n_tasks(self) -> int:
        """How many tasks the ranks rest on."""
        return len(self.task_ranks)

    @cached_property
    def baseline_column(self) -> int | None:
        """Column of the baseline, if it is on the board and has a score."""
        found = self.grid.methods.index(self.baseline) if self.baseline in self.grid.methods else None
        return found if found is not None and self.grid.has_scores[found] else None

    @cached_property
    def task_errors(self) -> Array:
        """Mean badness by task (N, K); logarithms where the metric has the unit of the target, -inf for no error."""
        means = tables.task_means(self.grid.badness, self.grid.task, self.grid.weight)
        return np.where(means == 0, -np.inf, tables.logs(means)) if has_unit(self.grid.metric) else means

    @cached_property
    def p_values(self) -> Array:
        """Values of p for all pairs (K, K), corrected for their number, by the board's test; NaN under six tasks."""
        return TESTS[self.test](self)

    @cached_property
    def kemeny(self) -> kemeny.Kemeny:
        """The consensus order."""
        return kemeny.kemeny(pairwise_wins.preference(self.games))

    @cached_property
    def mean_rank(self) -> Array:
        """Mean rank over blocks, every task counting one."""
        return ranks.mean_ranks(self.grid.badness, self.grid.task, self.grid.weight)

    @cached_property
    def elo(self) -> elo.Elo:
        """Bradley-Terry points, the baseline at 1000; without intervals where the draws would not fit in memory."""
        draws = bootstrap.DRAWS if len(self.grid.methods) <= MOST_DRAWN else 0
        return elo.elo(self.games, generator("elo", self.grid.metric), anchor=self.baseline_column, draws=draws)

    @cached_property
    def position_interval(self) -> bootstrap.Interval:
        """Intervals of the positions, over bootstraps of tasks."""
        return bootstrap.position_intervals(self.task_ranks, generator("positions", self.grid.metric))

    @cached_property
    def borda(self) -> Array:
        """Two-level Borda: mean over tasks of the rank within the task."""
        return borda.borda_two_level(self.grid.badness, self.grid.task, self.grid.weight)

    @cached_property
    def mean_score(self) -> Array:
        """Mean score, every task counting one; NaN for a metric in units of the target."""
        if not may_average(self.grid.metric) or not len(self.grid.value):
            return self.undefined
        with np.errstate(invalid="ignore"):  # inf - inf is NaN
            return np.asarray(self.grid.weight @ self.grid.value)

    @cached_property
    def letters(self) -> list[str]:
        """The compact letters: methods that share one cannot be told apart; none under six tasks.

        None either where no pair has a p-value, as where all logarithms are of numbers below zero.
        """
        ranked = np.flatnonzero(~np.isnan(self.mean_rank))
        pairs = np.triu_indices(len(self.mean_rank), 1)
        if tables.too_few(self.n_tasks) or np.isnan(self.p_values[pairs]).all():
            return [""] * len(self.grid.methods)
        order = ranked[np.argsort(self.mean_rank[ranked], kind="stable")]
        return letters.letters(self.p_values < SIGNIFICANT, order)

    def gain(self, name: str) -> Array:
        """Return a gain by method, the same for a method and its thresholded variant."""
        known = BOARDS.get(self.key.board)
        step = f"+{known.variant_step}" if known and known.variant_step else ""
        return self.gains[name].reindex([method.removesuffix(step) for method in self.grid.methods]).to_numpy()

    def is_real(self) -> dict[str, float]:
        """Return how far the order can be trusted: agreement of orders, bootstraps, folds that it would take."""
        orders = {"elo": -self.elo.points, "borda": self.borda, "kemeny": self.kemeny.rank, "rank": self.mean_rank}
        if may_average(self.grid.metric):
            orders["score"] = tables.task_means(self.grid.badness, self.grid.task, self.grid.weight).mean(axis=0)
        pairs = {f"tau_{a}_{b}": tau for (a, b), tau in stability.agreement(orders).items()}
        stays = bootstrap.winner_stays(self.task_ranks, generator("winner", self.grid.metric))
        place = self.grid.blocks["task_id"].astype(str) + "/" + self.grid.blocks["learner"].astype(str)
        rho = stability.fold_correlation(self.grid.badness, place.to_numpy(dtype=str))
        return {**pairs, "winner_stays": stays, "folds_needed": stability.folds_needed(rho)}


def _wilcoxon(standing: Standing) -> Array:
    """Return Wilcoxon's signed-rank p of every pair, corrected by Holm: a pair does not depend on who else is there."""
    return holm.holm_of_pairs(wilcoxon.wilcoxon(standing.task_errors))


def _nemenyi(standing: Standing) -> Array:
    """Return Nemenyi's p of every pair, from mean ranks of all methods."""
    known = standing.grid.has_scores
    found = np.full((len(known), len(known)), np.nan)
    found[np.ix_(known, known)] = friedman.nemenyi(standing.task_errors[:, known]).p
    return found


TESTS: dict[str, Callable[[Standing], Array]] = {"wilcoxon": _wilcoxon, "nemenyi": _nemenyi}
"""How methods are told apart."""


def may_average(metric: str) -> bool:
    """Return whether scores of a metric may be averaged over tasks: it is known, and has no unit."""
    known = metrics.metric_info(metric)
    return known is not None and not known.unit
