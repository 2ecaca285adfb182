"""The columns of bench, in the order of `leaderboard.csv`: a new one is appended at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.methods.boards import BOARDS
from bench.methods.metrics import PROPER
from bench.report.leaderboards.columns.registry import register
from bench.report.leaderboards.standing import Standing, may_average
from bench.stats import borda as orders
from bench.stats import effects, pairwise_wins, ranks, tables
from bench.stats import headroom as gaps


@register()
def board(standing: Standing) -> str:
    """Name of the board."""
    return standing.key.board


@register()
def metric(standing: Standing) -> str:
    """Name of the metric."""
    return standing.key.metric


@register()
def panel(standing: Standing) -> str:
    """Learners behind an ensemble row; empty where a row belongs to one learner."""
    return standing.key.panel


@register(shown=True)
def position(standing: Standing) -> pd.Series[Any]:
    """Place by mean rank; equals share the better one."""
    return ranks.positions(standing.mean_rank)


@register(shown=True)
def method(standing: Standing) -> list[str]:
    """Scheme with its parameters and steps."""
    return standing.grid.methods


@register(shown=True, after="threshold_gain")
def completeness(standing: Standing) -> Array:
    """Share of the blocks to which the method applies that have a score."""
    applies = standing.scores.applies.sum(axis=0)
    scored = (~np.isnan(standing.scores.badness)).sum(axis=0)
    return np.divide(scored, applies, out=standing.undefined, where=applies > 0)


@register(shown=True, better="low", decimals=2)
def mean_rank(standing: Standing) -> Array:
    """Mean rank over tasks, 1 is best; those of one data set count as one."""
    return standing.mean_rank


@register(shown=True, better="high", decimals=3, after="elo", drop_order=1)
def win_rate(standing: Standing) -> Array:
    """Share of rivals beaten, ties half."""
    return ranks.win_rate(standing.mean_rank, int(standing.grid.has_scores.sum()))


@register(shown=True, better="metric", decimals=4, after="win_rate", drop_order=7)
def mean_score(standing: Standing) -> Array:
    """Mean of the metric over tasks; empty for metrics in units of the target."""
    return standing.mean_score


@register()
def tasks(standing: Standing) -> int:
    """Tasks on which the ranks rest."""
    return int(standing.grid.task.max(initial=-1)) + 1


@register()
def blocks(standing: Standing) -> int:
    """Blocks on which the ranks rest: splits of a task, for one learner where rows belong to one."""
    return len(standing.grid.blocks)


@register()
def missing_rule(standing: Standing) -> str:
    """How missing scores are treated."""
    return standing.missing


@register()
def slice_(standing: Standing) -> str:
    """Name of the slice: methods that are ranked among themselves, such as thresholded variants or one learner."""
    return standing.key.slice


@register(dear=True)
def position_lo(standing: Standing) -> pd.Series[Any]:
    """Lower end of the position over bootstraps of the tasks, 95 %; empty under six tasks."""
    return pd.Series(standing.position_interval.lo, dtype="Int64")


@register(dear=True)
def position_hi(standing: Standing) -> pd.Series[Any]:
    """Upper end of the position over bootstraps of the tasks, 95 %; empty under six tasks."""
    return pd.Series(standing.position_interval.hi, dtype="Int64")


@register(shown=True, better="high", decimals=0, after="letters", drop_order=2, dear=True)
def elo(standing: Standing) -> Array:
    """Bradley-Terry points, one game a task and pair; the baseline has 1000, else the mean."""
    return standing.elo.points


@register(dear=True)
def elo_lo(standing: Standing) -> Array:
    """Lower end of the points over bootstraps of the tasks, 95 %."""
    return standing.elo.lo


@register(dear=True)
def elo_hi(standing: Standing) -> Array:
    """Upper end of the points over bootstraps of the tasks, 95 %."""
    return standing.elo.hi


@register(better="low")
def borda(standing: Standing) -> Array:
    """Mean over tasks of the rank within the task."""
    return standing.borda


@register(better="low", dear=True)
def kemeny(standing: Standing) -> Array:
    """Mean place in the orders that disagree least with the tasks."""
    return standing.kemeny.rank


@register(better="high")
def copeland(standing: Standing) -> Array:
    """Share of rivals beaten on most tasks."""
    return orders.copeland(pairwise_wins.preference(standing.games))


@register(better="low")
def improvability(standing: Standing) -> Array:
    """Mean share of its error that a method would lose by being the best."""
    grid = standing.ranked
    return effects.improvability(grid.errors, grid.dataset, grid.weight) if len(grid.blocks) else standing.undefined


@register(shown=True, better="high", decimals=3, drop_order=3, after="mean_score")
def skill(standing: Standing) -> Array:
    """1 minus the relative error: 0 for the baseline, 1 for no error."""
    return 1 - relative(standing)


@register(shown=True, better="low", decimals=3, drop_order=9, after="mean_score")
def relative(standing: Standing) -> Array:
    """Geometric mean over tasks of its error over the baseline's."""
    grid, baseline = standing.ranked, standing.baseline_column
    if baseline is None:
        return standing.undefined
    return effects.relative_score(grid.errors, baseline, grid.dataset, grid.weight)


@register(shown=True, better="high", decimals=3, drop_order=6, after="skill")
def headroom(standing: Standing) -> Array:
    """Loss saved over what the oracle saves, both in shares of the baseline's loss and summed over tasks.

    The loss is the squared RMSE, WIS, log loss, or 1 - macro F1 on the class-weight board; among thresholded variants
    the baseline is one of them. Only in the metric that the oracle bounds: the board's proper loss, or what its
    threshold maximises.
    """
    grid, known = standing.grid, BOARDS.get(standing.key.board)
    bounded = known and (known.metric if known.per_learner else PROPER[known.target_kind])
    if standing.key.metric != bounded or standing.baseline not in grid.methods or np.isnan(grid.oracle).all():
        return standing.undefined
    power = 2 if grid.metric == "rmse" else 1
    shift = 1.0 if grid.direction == "max" else 0.0  # 1 - score is a loss
    losses = np.column_stack([grid.loss, grid.oracle]) + shift
    means = tables.task_means(losses**power, grid.task, grid.weight)
    return gaps.headroom(means[:, :-1], means[:, grid.methods.index(standing.baseline)], means[:, -1]).closed


@register(shown=True, after="mean_rank", drop_order=8, dear=True)
def letters(standing: Standing) -> list[str]:
    """Methods that share a letter cannot be told apart; empty under six tasks."""
    return standing.letters


@register(better="metric")
def median_score(standing: Standing) -> Array:
    """Median of the metric over tasks; empty for metrics in units of the target."""
    grid = standing.grid
    if not may_average(grid.metric) or not len(grid.value):
        return standing.undefined
    return np.median(tables.task_means(grid.value, grid.task, grid.weight), axis=0)


@register()
def learners_used(standing: Standing) -> Array:
    """Mean number of learners that a prediction needs."""
    used = standing.grid.learners_used
    known = ~np.isnan(used)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, used, 0).sum(axis=0) / known.sum(axis=0))


@register(shown=True, better="high", decimals=4, drop_order=5)
def training_gain(standing: Standing) -> Array:
    """Mean gain over the reference when the decisions of both are tuned for the metric: the doing of the training."""
    return standing.gain_table[:, 0]


@register(shown=True, better="high", decimals=4, drop_order=4)
def threshold_gain(standing: Standing) -> Array:
    """Mean gain of the decision that is tuned for the metric over the plain one."""
    return standing.gain_table[:, 1]


@register(shown=True)
def imputed(standing: Standing) -> Array:
    """Number of scores that the missing rule filled in."""
    return np.asarray(standing.grid.imputed.sum(axis=0))


@register()
def direction(standing: Standing) -> str:
    """Which scores are better: `min`, `max`, or `target` for those nearest to the goal."""
    return standing.grid.direction


@register(shown=True, better="metric", after="method")
def score(standing: Standing) -> Array:
    """Mean score in the unit of the metric; only on boards of one task, whose scores may be averaged."""
    grid = standing.grid
    if not len(grid.value) or grid.task.any():
        return standing.undefined
    with np.errstate(invalid="ignore"):  # inf - inf is NaN
        return np.asarray(grid.weight @ grid.value)


@register()
def baseline(standing: Standing) -> str:
    """Method that `skill`, `relative`, `headroom` and Elo refer to; empty if the board has none."""
    return standing.baseline if standing.baseline_column is not None else ""


@register(shown=True, after="completeness")
def applicable(standing: Standing) -> Array:
    """Share of the blocks to which the method applies."""
    applies = standing.scores.applies
    return applies.mean(axis=0) if len(applies) else standing.undefined


@register()
def replication(standing: Standing) -> str:
    """What is ranked and tested: the mean of a `task`, or every `split`."""
    return standing.replication


@register()
def datasets(standing: Standing) -> int:
    """Data sets behind the tasks; each counts one."""
    return standing.n_tasks


@register()
def test(standing: Standing) -> str:
    """What tells methods apart, for the letters."""
    return standing.test


@register()
def same_as(standing: Standing) -> list[str]:
    """Other methods with the same score on every block: one method under several names, as far as the metric sees."""
    others = {name: [other for other in alike if other != name] for alike in standing.alike for name in alike}
    return [", ".join(others.get(method, ())) for method in standing.grid.methods]
