"""What stands beside each method on a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bench.core.hashing import generator
from bench.core.nouns import Array
from bench.methods import metrics
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.scores import has_unit
from bench.stats import (
    bootstrap,
    borda,
    effects,
    elo,
    friedman,
    headroom,
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


@dataclass(frozen=True)
class Standing:
    """A complete grid and what is worked out of it, once; every array has one entry a method, NaN where undefined."""

    board: Grid
    baseline: str
    test: str = "wilcoxon"

    @cached_property
    def games(self) -> pairwise_wins.Games:
        """Who beat whom, one game a task."""
        return pairwise_wins.games(self.board.badness, self.board.task, self.board.weight)

    @cached_property
    def task_ranks(self) -> Array:
        """Mean rank of each method within each task (N, K)."""
        return ranks.task_ranks(self.board.badness, self.board.task, self.board.weight)

    @cached_property
    def n_tasks(self) -> int:
        """How many tasks the ranks rest on."""
        return len(self.task_ranks)

    @cached_property
    def at(self) -> int | None:
        """Column of the baseline, if it is on the board and has a score."""
        found = self.board.methods.index(self.baseline) if self.baseline in self.board.methods else None
        return found if found is not None and self.board.ever[found] else None

    @cached_property
    def task_errors(self) -> Array:
        """Mean badness by task (N, K); logarithms where the metric has the unit of the target, -inf for no error."""
        means = tables.task_means(self.board.badness, self.board.task, self.board.weight)
        return np.where(means == 0, -np.inf, tables.logs(means)) if has_unit(self.board.metric) else means

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
        return ranks.mean_ranks(self.board.badness, self.board.task, self.board.weight)

    @cached_property
    def elo(self) -> elo.Elo:
        """Bradley-Terry points, the baseline at 1000; without intervals where the draws would not fit in memory."""
        draws = bootstrap.DRAWS if len(self.board.methods) <= MOST_DRAWN else 0
        return elo.elo(self.games, generator("elo", self.board.metric), anchor=self.at, draws=draws)

    @cached_property
    def places(self) -> bootstrap.Interval:
        """Intervals of the positions, over bootstraps of tasks."""
        return bootstrap.position_intervals(self.task_ranks, generator("positions", self.board.metric))

    @cached_property
    def borda(self) -> Array:
        """Two-level Borda: mean over tasks of the rank within the task."""
        return borda.borda_two_level(self.board.badness, self.board.task, self.board.weight)

    @cached_property
    def mean_score(self) -> Array:
        """Mean score, every task counting one; NaN for a metric in units of the target."""
        if not averaged(self.board.metric) or not len(self.board.value):
            return np.full(len(self.board.methods), np.nan)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN
            return np.asarray(self.board.weight @ self.board.value)

    def columns(self) -> dict[str, Any]:
        """Return the columns of the board."""
        board, none = self.board, np.full(len(self.board.methods), np.nan)
        task, weight, at = board.task, board.weight, self.at
        return {
            "position": ranks.positions(self.mean_rank),
            "mean_rank": self.mean_rank,
            "win_rate": ranks.win_rate(self.mean_rank, int(board.ever.sum())),
            "mean_score": self.mean_score,
            "position_lo": pd.array(self.places.lo, dtype="Int64"),
            "position_hi": pd.array(self.places.hi, dtype="Int64"),
            "elo": self.elo.points,
            "elo_lo": self.elo.lo,
            "elo_hi": self.elo.hi,
            "borda": self.borda,
            "kemeny": self.kemeny.rank,
            "copeland": borda.copeland(pairwise_wins.preference(self.games)),
            "improvability": effects.improvability(board.errors, task, weight) if len(board.blocks) else none,
            "skill": none if at is None else effects.skill(board.errors, at, task, weight),
            "relative": none if at is None else effects.relative_score(board.errors, at, task, weight),
            "letters": self.letters(),
            "median_score": self._median_score(),
        }

    def letters(self) -> list[str]:
        """Return the compact letters: methods that share one cannot be told apart; none under six tasks.

        None either where no pair has a p-value, as where all logarithms are of numbers below zero.
        """
        ranked = np.flatnonzero(~np.isnan(self.mean_rank))
        pairs = np.triu_indices(len(self.mean_rank), 1)
        if tables.too_few(self.n_tasks) or np.isnan(self.p_values[pairs]).all():
            return [""] * len(self.board.methods)
        order = ranked[np.argsort(self.mean_rank[ranked], kind="stable")]
        return letters.letters(self.p_values < SIGNIFICANT, order)

    def _median_score(self) -> Array:
        if not averaged(self.board.metric) or not len(self.board.value):
            return np.full(len(self.board.methods), np.nan)
        return np.median(tables.task_means(self.board.value, self.board.task, self.board.weight), axis=0)

    def is_real(self) -> dict[str, float]:
        """Return how far the order can be trusted: agreement of orders, bootstraps, folds that it would take."""
        orders = {"elo": -self.elo.points, "borda": self.borda, "kemeny": self.kemeny.rank, "rank": self.mean_rank}
        if averaged(self.board.metric):
            orders["score"] = tables.task_means(self.board.badness, self.board.task, self.board.weight).mean(axis=0)
        pairs = {f"tau_{a}_{b}": tau for (a, b), tau in stability.agreement(orders).items()}
        stays = bootstrap.winner_stays(self.task_ranks, generator("winner", self.board.metric))
        place = self.board.blocks["task_id"].astype(str) + "/" + self.board.blocks["learner"].astype(str)
        rho = stability.fold_correlation(self.board.badness, place.to_numpy(dtype=str))
        return {**pairs, "winner_stays": stays, "folds_needed": stability.folds_needed(rho)}


def _wilcoxon(standing: Standing) -> Array:
    """Return Wilcoxon's signed-rank p of every pair, corrected by Holm: a pair does not depend on who else is there."""
    return wilcoxon.holm(wilcoxon.wilcoxon(standing.task_errors))


def _nemenyi(standing: Standing) -> Array:
    """Return Nemenyi's p of every pair, from mean ranks of all methods."""
    ever = standing.board.ever
    found = np.full((len(ever), len(ever)), np.nan)
    found[np.ix_(ever, ever)] = friedman.nemenyi(standing.task_errors[:, ever]).p
    return found


TESTS: dict[str, Callable[[Standing], Array]] = {"wilcoxon": _wilcoxon, "nemenyi": _nemenyi}
"""How methods are told apart."""


def closed_gap(board: Grid, baseline: str) -> Array:
    """Return the share of the gap between baseline and oracle that each method closes (K,), in squares of an RMSE."""
    power = 2 if board.metric == "rmse" else 1
    shift = 1.0 if board.direction == "max" else 0.0  # 1 - score
    if baseline not in board.methods or np.isnan(board.oracle).all():
        return np.full(len(board.methods), np.nan)
    joined = np.column_stack([board.loss, board.oracle]) + shift
    means = tables.task_means(joined**power, board.task, board.weight)
    return headroom.headroom(means[:, :-1], means[:, board.methods.index(baseline)], means[:, -1]).closed


def averaged(metric: str) -> bool:
    """Say whether scores of a metric may be averaged over tasks: it is known, and has no unit."""
    known = metrics.metric_info(metric)
    return known is not None and not known.unit
