"""One board as a grid, blocks × methods, and what becomes of cells that are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bench.core import Array, BenchError
from bench.leaderboard.scores import BLOCK
from bench.stats import ranks
from bench.stats.tables import common

SELDOM = 0.5
"""A method with a smaller share of the blocks than this is not ranked by the rule `common`."""


class IncompleteError(BenchError):
    """A board lacks scores, and the rule was to refuse it."""

    code = 4


@dataclass(frozen=True)
class Grid:
    """Scores of one board, metric, panel and slice: `badness` and `value` (B, K), NaN where missing.

    `blocks` names the task, learner, repeat and fold of each row, `reseed` its seed of the learners. `direction` is
    that of the metric, `imputed` (B, K) marks cells that were filled in, `oracle` (B,) is the badness of the oracle.
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
    def errors(self) -> Array:
        """Badness with a true zero (B, K): 1 - value of a metric that is best at 1; NaN where there is none."""
        if self.direction != "max":
            return self.badness
        return 1 - self.value if np.nanmax(self.value, initial=-np.inf) <= 1 else np.full(self.value.shape, np.nan)

    def rows(self, kept: Array) -> Grid:
        """Return the grid of some blocks."""
        parts = {name: getattr(self, name)[kept] for name in PER_BLOCK}
        return replace(self, blocks=self.blocks[kept], **parts)


PER_BLOCK = ("badness", "value", "imputed", "oracle", "reseed", "learners_used")


def grid(metric: str, part: pd.DataFrame, oracle: pd.DataFrame) -> Grid:
    """Spread the rows of one board, metric, panel and slice; a metric undefined for all in a block leaves it out."""
    direction = str(part["direction"].iloc[0])
    ranked = part[~_undefined(part)]
    block = ranked.groupby(BLOCK, sort=False).ngroup().to_numpy()
    column, names = pd.factorize(ranked["method"], sort=True)
    first = np.unique(block, return_index=True)[1]
    badness = _spread(block, column, ranked["badness"].to_numpy())
    return Grid(
        metric,
        direction,
        [str(name) for name in names],
        ranked.iloc[first][BLOCK].reset_index(drop=True),
        badness,
        _spread(block, column, ranked["value"].to_numpy()),
        np.zeros(badness.shape, dtype=bool),
        _oracle(oracle, ranked.iloc[first]),
        ranked["reseed"].to_numpy()[first],
        _spread(block, column, pd.to_numeric(ranked["learners_used"], errors="coerce").to_numpy(dtype=float)),
    )


def _oracle(oracle: pd.DataFrame, blocks: pd.DataFrame) -> Array:
    """Return the oracle's badness on each block, NaN where there is none."""
    known = oracle.groupby(BLOCK, sort=False)["badness"].mean()
    index = pd.MultiIndex.from_frame(blocks[BLOCK])
    return known.reindex(index).to_numpy(dtype=float) if len(known) else np.full(len(blocks), np.nan)


def _undefined(part: pd.DataFrame) -> Array:
    """Mark the blocks on which the metric has no value for anybody, though the cells are there: it is undefined."""
    there, known = part["n_rows"].notna(), part["badness"].notna()
    block = [part[name] for name in BLOCK]
    nobody = ~known.groupby(block, sort=False).transform("any")
    return (nobody & there.groupby(block, sort=False).transform("any")).to_numpy(dtype=bool)


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
    behind all others, with the worst score of its block; `impute:NAME` gives it the score of a method; `fail` refuses. Methods without any score stay
    without.

    Raises:
        IncompleteError: a score is missing and the rule is `fail`.
        BenchError: the rule is unknown, or nobody is called NAME.
    """
    name, _, rest = rule.partition(":")
    if name not in RULES:
        raise BenchError(f"unknown missing rule {rule!r}: write {', '.join(RULES)} (as impute:NAME)")
    return RULES[name](board, rest)


def _common(board: Grid, _: str) -> Grid:
    seldom = (~np.isnan(board.badness)).mean(axis=0) < SELDOM if len(board.badness) else board.ever
    badness = np.where(seldom, np.nan, board.badness)
    return replace(board, badness=badness, value=np.where(seldom, np.nan, board.value)).rows(common(badness)[0])


def _worst(board: Grid, _: str) -> Grid:
    gaps = np.isnan(board.badness) & board.ever
    worst = np.argmax(np.where(np.isnan(board.badness), -np.inf, board.badness), axis=1)[:, None]
    value = np.where(gaps, np.take_along_axis(board.value, worst, axis=1), board.value)
    return replace(board, badness=np.where(gaps, np.inf, board.badness), value=value, imputed=gaps)


def _imputed(board: Grid, name: str) -> Grid:
    if name not in board.methods:
        raise BenchError(f"missing scores cannot be those of {name!r}: it is no method of this board")
    gaps = np.isnan(board.badness) & board.ever
    at = board.methods.index(name)
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
