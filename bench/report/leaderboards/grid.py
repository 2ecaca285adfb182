"""One board as a grid, blocks × methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.methods import metrics
from bench.report.leaderboards.scores import goal
from bench.stats import ranks

LEVELS = ["dataset", "task_id", "learner", "repeat", "fold"]
"""What a block is of, from the outermost to the innermost: equals count one at each level."""
SLACK_ABOVE_ONE = 1e-9
"""A score above 1 by no more than this is 1."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """What each comparison of all methods belongs to, B of them, in the order of their names.

    `keys` names the data set of a block (the task itself where no source knows better), its task, its learner where
    rows have one, its repeat and its fold. `reseed` (B,) is the code of its seed of the learners, `test_share` (B,) the
    share n_test / (n_train + n_test) of the rows that it was scored on, NaN where unknown.
    """

    keys: pd.DataFrame
    reseed: Array
    test_share: Array

    def __len__(self) -> int:
        """Return B."""
        return len(self.keys)

    @cached_property
    def dataset(self) -> Array:
        """Code of the data set of each block (B,)."""
        return _codes(self.keys["dataset"])

    @cached_property
    def task(self) -> Array:
        """Code of the task of each block (B,)."""
        return _codes(self.keys["task_id"])

    @cached_property
    def weight(self) -> Array:
        """Weight of each block (B,), sum one: equal for data sets, in them for tasks, and so on down the levels."""
        return ranks.block_weights(self.keys)

    @cached_property
    def split(self) -> Array:
        """Code of the split of its task that each block was scored on (B,): other seeds of the learners share it."""
        number = pd.to_numeric(self.keys["repeat"], errors="coerce")
        repeat = number if number.notna().all() else _codes(self.keys["repeat"])  # as texts, 10 stands before 2
        parts = pd.DataFrame({"task": self.task, "reseed": self.reseed, "repeat": repeat, "fold": self.keys["fold"]})
        # repeats go on counting from seed to seed: the first of each seed are the same splits
        parts["repeat"] = parts.groupby(["task", "reseed"])["repeat"].rank(method="dense")
        return parts.groupby(["task", "repeat", "fold"]).ngroup().to_numpy()

    @cached_property
    def learner_split(self) -> Array:
        """Code of the split and the learner of each block (B,): other seeds of the learner share it."""
        parts = pd.DataFrame({"split": self.split, "learner": self.keys["learner"]})
        return parts.groupby(["split", "learner"]).ngroup().to_numpy()

    @cached_property
    def tasks(self) -> Blocks:
        """One block a task, for means over all its splits."""
        return self.first(self.task)

    def first(self, group: Array) -> Blocks:
        """Return the first block of each group (B,), in the order of their codes."""
        return self.at(np.unique(group, return_index=True)[1])

    def at(self, kept: Array) -> Blocks:
        """Return some blocks, by mask or place; the same ones again, with what was worked out of them."""
        key = kept.dtype.char.encode() + kept.tobytes()
        if key not in self.parts:
            same = kept.dtype == bool and kept.all()
            self.parts[key] = self if same else self._take(kept)
        return self.parts[key]

    @cached_property
    def parts(self) -> dict[bytes, Blocks]:
        """Blocks that were taken from these."""
        return {}

    def _take(self, kept: Array) -> Blocks:
        return Blocks(self.keys.iloc[kept].reset_index(drop=True), self.reseed[kept], self.test_share[kept])


def _codes(column: pd.Series) -> Array:
    """Return the place of each value among the sorted values, which may be numbers and texts."""
    return np.asarray(pd.factorize(column, sort=True)[0])


@dataclass(frozen=True, eq=False)
class Grid:
    """Scores of one board, metric, panel and slice: `badness` and `value` (B, K), NaN where missing.

    `direction` is that of the metric, `applies` (B, K) marks the cells to which the method applies, `imputed` (B, K)
    those that were filled in, `oracle` (B,) is the badness of the oracle. Methods stand in the order of their names.
    """

    metric: str
    direction: str
    methods: list[str]
    blocks: Blocks
    badness: Array
    value: Array
    applies: Array
    imputed: Array
    oracle: Array
    learners_used: Array

    @property
    def task(self) -> Array:
        """Code of the task of each block (B,)."""
        return self.blocks.task

    @property
    def dataset(self) -> Array:
        """Code of the data set of each block (B,)."""
        return self.blocks.dataset

    @property
    def weight(self) -> Array:
        """Weight of each block (B,), sum one: equal for data sets, then tasks, learners, repeats and folds."""
        return self.blocks.weight

    @cached_property
    def has_scores(self) -> Array:
        """Mask (K,) of the methods that have any score; the others have no rank, and take none from others."""
        return np.asarray((~np.isnan(self.badness)).any(axis=0))

    @cached_property
    def missing(self) -> Array:
        """Mask (B, K) of the cells that apply and have no score."""
        return np.isnan(self.badness) & self.applies

    @property
    def loss(self) -> Array:
        """Badness (B, K), of cells that were filled in that of the score which they have got."""
        filled = np.abs(self.value - goal(self.metric)) if self.direction == "target" else self.value
        return np.where(self.imputed, -filled if self.direction == "max" else filled, self.badness)

    @property
    def errors(self) -> Array:
        """Loss with a true zero (B, K): 1 - value of a metric that is best at 1; NaN where there is none."""
        if self.direction != "max":
            return self.loss
        low = 0.0 if metrics.metric_info(self.metric) is None else -np.inf  # a log likelihood is best at no number
        known = self.value[~np.isnan(self.value)]
        is_best_at_one = known.max(initial=-np.inf) <= 1 + SLACK_ABOVE_ONE and known.min(initial=np.inf) >= low
        return np.maximum(1 - self.value, 0.0) if is_best_at_one else np.full(self.value.shape, np.nan)

    def rows(self, kept: Array) -> Grid:
        """Return the grid of the blocks that a mask (B,) keeps."""
        if kept.all():
            return self
        parts = {name: getattr(self, name)[kept] for name in (*PER_CELL, "oracle")}
        return replace(self, blocks=self.blocks.at(kept), **parts)

    def columns(self, kept: Array) -> Grid:
        """Return the grid of the methods that a mask (K,) keeps."""
        if kept.all():
            return self
        methods = [name for name, keep in zip(self.methods, kept, strict=True) if keep]
        return replace(self, methods=methods, **{name: getattr(self, name)[:, kept] for name in PER_CELL})

    def average_seeds(self) -> Grid:
        """Return the mean over the seeds of the learners, one block a split and learner."""
        return self.average(self.blocks.learner_split, self.blocks.first(self.blocks.learner_split))

    def average(self, group: Array, blocks: Blocks) -> Grid:
        """Return the mean over the blocks of each group (B,), codes from 0, as one of `blocks`.

        Blocks count by their weight; a mean with a score missing is missing, one with a score filled in is filled in.
        """
        share = self.weight / np.bincount(group, self.weight)[group]
        means: dict[str, Any] = {
            name: _sum_by_group(getattr(self, name) * share[:, None], group)
            for name in ("badness", "value", "learners_used")
        }
        return replace(
            self,
            blocks=blocks,
            oracle=_sum_by_group(self.oracle * share, group),
            applies=_sum_by_group(self.applies, group) == np.bincount(group)[:, None],
            imputed=_sum_by_group(self.imputed, group) > 0,
            **means,
        )


PER_CELL = ("badness", "value", "applies", "imputed", "learners_used")


def _sum_by_group(values: Array, group: Array) -> Array:
    """Return the sum of the values (B, ...) of each group, whose codes are 0 to the largest."""
    if not len(group):
        return values
    order = np.argsort(group, kind="stable")
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as it should be
        return np.asarray(
            np.add.reduceat(values[order], np.flatnonzero(np.diff(group[order], prepend=-1)), dtype=float)
        )
