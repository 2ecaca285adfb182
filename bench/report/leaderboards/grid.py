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
from bench.stats.tables import common

SELDOM = 0.5
"""A method with a smaller share of the blocks than this is not ranked by the rule `common`."""
ROUNDING = 1e-9
"""A score above 1 by no more than this is 1."""


class IncompleteError(BenchError):
    """A board lacks scores, and the rule was to refuse it."""

    code = CANNOT_COMPARE


@dataclass(frozen=True)
class Grid:
    """Scores of one board, metric, panel and slice: `badness` and `value` (B, K), NaN where missing.

    `blocks` names the task, learner, repeat and fold of each row, `reseed` the code of its seed of the learners.
    `direction` is that of the metric, `imputed` (B, K) marks cells that were filled in, `oracle` (B,) is the badness of
    the oracle. Blocks and methods stand in the order of their names.
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
    def ever(self) -> Array:
        """Mask (K,) of the methods that have any score; the others have no rank, and take none from others."""
        return np.asarray((~np.isnan(self.badness)).any(axis=0))

    @property
    def complete(self) -> bool:
        """Whether every method has a score in every block."""
        return not np.isnan(self.badness).any()

    @property
    def loss(self) -> Array:
        """Badness (B, K), of cells that were filled in that of the score which they were given."""
        given = np.abs(self.value - goal(self.metric)) if self.direction == "target" else self.value
        return np.where(self.imputed, -given if self.direction == "max" else given, self.badness)

    @property
    def errors(self) -> Array:
        """Loss with a true zero (B, K): 1 - value of a metric that is best at 1; NaN where there is none."""
        if self.direction != "max":
            return self.loss
        low = 0.0 if metrics.metric_info(self.metric) is None else -np.inf  # a log likelihood is best at no number
        known = self.value[~np.isnan(self.value)]
        is_best_at_one = known.max(initial=-np.inf) <= 1 + ROUNDING and known.min(initial=np.inf) >= low
        return np.maximum(1 - self.value, 0.0) if is_best_at_one else np.full(self.value.shape, np.nan)

    def rows(self, kept: Array) -> Grid:
        """Return the grid of some blocks."""
        parts = {name: getattr(self, name)[kept] for name in PER_BLOCK}
        return replace(self, blocks=self.blocks[kept], **parts)


PER_BLOCK = ("badness", "value", "imputed", "oracle", "reseed", "learners_used")


def grid(metric: str, part: pd.DataFrame, oracle: pd.DataFrame) -> Grid:
    """Spread the rows of one board, metric, panel and slice; a metric undefined for all in a block leaves it out."""
    ranked = _in_order(part[~_undefined(part)])
    block = ranked.groupby(BLOCK, sort=False).ngroup().to_numpy()
    column, names = pd.factorize(ranked["method"], sort=True)
    first = np.unique(block, return_index=True)[1]
    badness = _spread(block, column, ranked["badness"].to_numpy())
    used = pd.to_numeric(ranked["learners_used"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return Grid(
        metric,
        str(part["direction"].iloc[0]),
        [str(name) for name in names],
        ranked.iloc[first][BLOCK].reset_index(drop=True),
        badness,
        _spread(block, column, ranked["value"].to_numpy()),
        np.zeros(badness.shape, dtype=bool),
        _oracle(oracle, ranked.iloc[first]),
        _codes(ranked["reseed"])[first],
        _spread(block, column, used),
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by block, method and value, so that sums do not depend on the order of the table."""
    keys = [rows["value"].to_numpy(), *(_codes(rows[name]) for name in ("reseed", "method", *reversed(BLOCK)))]
    return rows.iloc[np.lexsort(keys)]


def _codes(column: pd.Series) -> Array:
    """Return the place of each value among the sorted values, which may be numbers and texts."""
    return np.asarray(pd.factorize(column, sort=True)[0])


def _oracle(oracle: pd.DataFrame, blocks: pd.DataFrame) -> Array:
    """Return the oracle's badness on each block, NaN where there is none."""
    known = oracle.groupby(BLOCK, sort=False)["badness"].mean()
    index = pd.MultiIndex.from_frame(blocks[BLOCK])
    return known.reindex(index).to_numpy(dtype=float) if len(known) else np.full(len(blocks), np.nan)


def _undefined(part: pd.DataFrame) -> Array:
    """Mark the blocks on which the metric has no value for anybody, though the cells are there: it is undefined."""
    there, known = part["n_rows"].notna().to_numpy(), part["badness"].notna().to_numpy()
    if known.all():
        return np.zeros(len(part), dtype=bool)
    block = part.groupby(BLOCK, sort=False).ngroup().to_numpy()
    return np.asarray((np.bincount(block, known) == 0)[block] & (np.bincount(block, there) > 0)[block])


def _spread(block: Array, column: Array, values: Array) -> Array:
    """Return a table (blocks, methods) of the mean value of each pair, NaN where there is none."""
    shape = (block.max(initial=-1) + 1, column.max(initial=-1) + 1)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (block, column), values)
    np.add.at(count, (block, column), 1)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def completed(board: Grid, rule: str) -> Grid:
    """Return a grid whose methods have a score in every block, by a rule for what is missing.

    `common` keeps the blocks that every method answered, and does not rank a method that answered fewer than half: it
    would take the blocks from all others, as a scheme does that is made for one learner; `worst` ranks a missing cell
    behind all others, with the worst score of its block; `impute:NAME` gives it the score of a method; `fail` refuses.
    Methods without any score stay without, and blocks without any do not count.

    Raises:
        IncompleteError: a score is missing and the rule is `fail`.
        BenchError: the rule is unknown, or nobody is called NAME.
    """
    name, _, rest = rule.partition(":")
    if name not in RULES or (rest and name != "impute"):
        raise BenchError(f"unknown missing rule {rule!r}: write {', '.join(RULES)} (as impute:NAME)")
    return RULES[name](board, rest)


def _answered(board: Grid) -> Grid:
    """Return the blocks in which anybody has a score."""
    return board.rows(np.asarray((~np.isnan(board.badness)).any(axis=1)))


def _common(board: Grid, _: str) -> Grid:
    board = _answered(board)
    seldom = (~np.isnan(board.badness)).mean(axis=0) < SELDOM if len(board.badness) else board.ever
    badness, value = (np.where(seldom, np.nan, table) for table in (board.badness, board.value))
    return replace(board, badness=badness, value=value, imputed=board.imputed & ~seldom).rows(common(badness)[0])


def _worst(board: Grid, _: str) -> Grid:
    board = _answered(board)
    gaps = np.isnan(board.badness) & board.ever
    worst = np.argmax(np.where(np.isnan(board.badness), -np.inf, board.badness), axis=1)[:, None]
    value = np.where(gaps, np.take_along_axis(board.value, worst, axis=1), board.value) if len(worst) else board.value
    return replace(board, badness=np.where(gaps, np.inf, board.badness), value=value, imputed=gaps)


def _imputed(board: Grid, name: str) -> Grid:
    gaps = np.isnan(board.badness) & board.ever
    if not gaps.any():
        return _common(board, "")
    if name not in board.methods:
        raise BenchError(
            f"missing scores of {board.metric} cannot be those of {name!r}, which is no method of that board: "
            "name another, or choose boards with -b"
        )
    at = board.methods.index(name)
    gaps &= ~np.isnan(board.badness[:, [at]])
    badness = np.where(gaps, board.badness[:, [at]], board.badness)
    value = np.where(gaps, board.value[:, [at]], board.value)
    return _common(replace(board, badness=badness, value=value, imputed=gaps), "")


def _refused(board: Grid, _: str) -> Grid:
    missing = np.isnan(board.badness)
    if missing.any():
        raise IncompleteError(
            f"{int(missing.sum())} of {missing.size} scores of {board.metric} are missing: "
            "use another --missing rule, or run what is missing"
        )
    return board


RULES: dict[str, Callable[[Grid, str], Grid]] = {
    "common": _common,
    "worst": _worst,
    "impute": _imputed,
    "fail": _refused,
}
