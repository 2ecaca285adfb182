"""One board as a grid, blocks × methods, and what becomes of cells that are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE
from bench.core.nouns import Array, BenchError
from bench.methods import metrics
from bench.report.leaderboards.scores import BLOCK, goal
from bench.stats import ranks
from bench.stats.tables import common_blocks

SELDOM = 0.5
"""A method with a smaller share of the blocks than this is not ranked by the rule `common`."""
SLACK_ABOVE_ONE = 1e-9
"""A score above 1 by no more than this is 1."""


class IncompleteError(BenchError):
    """A board lacks scores, and the rule was to refuse it."""

    code = CANNOT_COMPARE


@dataclass(frozen=True)
class Grid:
    """Scores of one board, metric, panel and slice: `badness` and `value` (B, K), NaN where missing.

    `blocks` holds what one comparison of all methods belongs to, a row of the grid: a task, a learner where rows have
    one, a repeat and a fold. `reseed` is the code of its seed of the learners. `direction` is that of the metric,
    `imputed` (B, K) marks cells that were filled in, `oracle` (B,) is the badness of the oracle. Blocks and methods
    stand in the order of their names.
    """

    metric: str
    direction: str
    methods: list[str]
    blocks: pd.DataFrame
    badness: Array
    value: Array
    imputed: Array
    oracle: Array
    reseed: Array
    learners_used: Array

    @cached_property
    def task(self) -> Array:
        """Code of the task of each block (B,)."""
        return pd.factorize(self.blocks["task_id"], sort=True)[0]

    @cached_property
    def weight(self) -> Array:
        """Weight of each block (B,), sum one: equal for tasks, in them for learners, then repeats and folds."""
        return ranks.block_weights(self.blocks)

    @cached_property
    def has_scores(self) -> Array:
        """Mask (K,) of the methods that have any score; the others have no rank, and take none from others."""
        return np.asarray((~np.isnan(self.badness)).any(axis=0))

    @property
    def is_complete(self) -> bool:
        """Whether every method has a score in every block."""
        return not np.isnan(self.badness).any()

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
        """Return the grid of some blocks."""
        parts = {name: getattr(self, name)[kept] for name in PER_BLOCK}
        return replace(self, blocks=self.blocks[kept], **parts)


PER_BLOCK = ("badness", "value", "imputed", "oracle", "reseed", "learners_used")


def spread_scores(metric: str, part: pd.DataFrame, oracle: pd.DataFrame) -> Grid:
    """Spread the rows of one board, metric, panel and slice; a metric undefined for all in a block leaves it out."""
    ranked = _sort_rows(part[~_mark_undefined(part)])
    block = ranked.groupby(BLOCK, sort=False).ngroup().to_numpy()
    column, names = pd.factorize(ranked["method"], sort=True)
    first = np.unique(block, return_index=True)[1]
    badness = _tabulate(block, column, ranked["badness"].to_numpy())
    used = pd.to_numeric(ranked["learners_used"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return Grid(
        metric=metric,
        direction=str(part["direction"].iloc[0]),
        methods=[str(name) for name in names],
        blocks=ranked.iloc[first][BLOCK].reset_index(drop=True),
        badness=badness,
        value=_tabulate(block, column, ranked["value"].to_numpy()),
        imputed=np.zeros(badness.shape, dtype=bool),
        oracle=_oracle_badness(oracle, ranked.iloc[first]),
        reseed=_sorted_places(ranked["reseed"])[first],
        learners_used=_tabulate(block, column, used),
    )


def _sort_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by block, method and value, so that sums do not depend on the order of the table."""
    keys = [rows["value"].to_numpy(), *(_sorted_places(rows[name]) for name in ("reseed", "method", *reversed(BLOCK)))]
    return rows.iloc[np.lexsort(keys)]


def _sorted_places(column: pd.Series) -> Array:
    """Return the place of each value among the sorted values, which may be numbers and texts."""
    return np.asarray(pd.factorize(column, sort=True)[0])


def _oracle_badness(oracle: pd.DataFrame, blocks: pd.DataFrame) -> Array:
    """Return the oracle's badness on each block, NaN where there is none."""
    known = oracle.groupby(BLOCK, sort=False)["badness"].mean()
    index = pd.MultiIndex.from_frame(blocks[BLOCK])
    return known.reindex(index).to_numpy(dtype=float) if len(known) else np.full(len(blocks), np.nan)


def _mark_undefined(part: pd.DataFrame) -> Array:
    """Mark the blocks on which the metric has no value for any method, though the cells are there: it is undefined."""
    there, known = part["n_rows"].notna().to_numpy(), part["badness"].notna().to_numpy()
    if known.all():
        return np.zeros(len(part), dtype=bool)
    if known.any() and not there.any():
        there = np.ones(len(part), dtype=bool)  # not a table of bench, which alone says by `n_rows` that a cell failed
    block = part.groupby(BLOCK, sort=False).ngroup().to_numpy()
    return np.asarray((np.bincount(block, known) == 0)[block] & (np.bincount(block, there) > 0)[block])


def _tabulate(block: Array, column: Array, values: Array) -> Array:
    """Return a table (blocks, methods) of the mean value of each pair, NaN where there is none."""
    shape = (block.max(initial=-1) + 1, column.max(initial=-1) + 1)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (block, column), values)
    np.add.at(count, (block, column), 1)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def apply_missing_rule(grid: Grid, rule: str) -> Grid:
    """Return a grid whose methods have a score in every block, by a rule for what is missing.

    `common` keeps the blocks in which every method has a score, and does not rank a method that has one in fewer than
    half: it would take the blocks from all others, as a scheme does that is made for one learner; `worst` ranks a
    missing cell behind all others, with the worst score of its block; `impute:NAME` gives it the score of a method;
    `fail` refuses. Methods without any score stay without, and blocks without any do not count.

    Raises:
        IncompleteError: a score is missing and the rule is `fail`.
        BenchError: the rule is unknown, or no method is called NAME.
    """
    name, _, rest = rule.partition(":")
    if name not in RULES or (rest and name != "impute"):
        raise BenchError(f"unknown missing rule {rule!r}: write {', '.join(RULES)} (as impute:NAME)")
    return RULES[name](grid, rest)


def _drop_empty_blocks(grid: Grid) -> Grid:
    """Return the blocks in which any method has a score."""
    return grid.rows(np.asarray((~np.isnan(grid.badness)).any(axis=1)))


def _keep_common(grid: Grid, _: str) -> Grid:
    grid = _drop_empty_blocks(grid)
    seldom = (~np.isnan(grid.badness)).mean(axis=0) < SELDOM if len(grid.badness) else grid.has_scores
    badness, value = (np.where(seldom, np.nan, table) for table in (grid.badness, grid.value))
    return replace(grid, badness=badness, value=value, imputed=grid.imputed & ~seldom).rows(common_blocks(badness)[0])


def _rank_last(grid: Grid, _: str) -> Grid:
    grid = _drop_empty_blocks(grid)
    gaps = np.isnan(grid.badness) & grid.has_scores
    worst = np.argmax(np.where(np.isnan(grid.badness), -np.inf, grid.badness), axis=1)[:, None]
    value = np.where(gaps, np.take_along_axis(grid.value, worst, axis=1), grid.value) if len(worst) else grid.value
    return replace(grid, badness=np.where(gaps, np.inf, grid.badness), value=value, imputed=gaps)


def _impute(grid: Grid, name: str) -> Grid:
    gaps = np.isnan(grid.badness) & grid.has_scores
    if not gaps.any():
        return _keep_common(grid, "")
    if name not in grid.methods:
        raise BenchError(
            f"missing scores of {grid.metric} cannot be those of {name!r}, which is no method of that board: "
            "name another, or choose boards with -b"
        )
    at = grid.methods.index(name)
    gaps &= ~np.isnan(grid.badness[:, [at]])
    badness = np.where(gaps, grid.badness[:, [at]], grid.badness)
    value = np.where(gaps, grid.value[:, [at]], grid.value)
    return _keep_common(replace(grid, badness=badness, value=value, imputed=gaps), "")


def _refuse_missing(grid: Grid, _: str) -> Grid:
    missing = np.isnan(grid.badness)
    if missing.any():
        raise IncompleteError(
            f"{int(missing.sum())} of {missing.size} scores of {grid.metric} are missing: "
            "use another --missing rule, or run what is missing"
        )
    return grid


RULES: dict[str, Callable[[Grid, str], Grid]] = {
    "common": _keep_common,
    "worst": _rank_last,
    "impute": _impute,
    "fail": _refuse_missing,
}
