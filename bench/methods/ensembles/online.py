"""Rows that are learned from one after another; nothing is registered here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Target
from bench.methods.ensembles.rows import used_rows
from bench.solvers.row_blocks import row_blocks

ONE_BY_ONE = {
    "row_order": "it learns from one row after another",
    "row_weights": "a heavy row is one large step, not several small ones",
}
"""What an online scheme declares to break."""


@dataclass(frozen=True)
class Block:
    """Some rows of a stream: `y` (n,), `predictions` (n, L, K), `weight` (n,) of mean one over the whole stream.

    `row` holds the position of each in the panel.
    """

    target: Target
    row: Array
    y: Array
    predictions: Array
    weight: Array

    def losses(self) -> Array:
        """Return the proper loss of each learner on each row, times the row's weight, shape (n, L)."""
        own = [
            losses.proper_loss(self.target, self.y, self.predictions[:, j]) for j in range(self.predictions.shape[1])
        ]
        return np.stack(own, axis=1) * self.weight[:, None]

    def excess(self, t: int, w: Array) -> Array:
        """Return how much more the pool w loses on row t than each learner, in the slope of the loss at the pool, (L,).

            r_l = slope'(pool - ŷ_l), pool = Σ_l w_l ŷ_l

        The slope is that of squared error, WIS, or the Brier score: of log loss it has no bound.
        """
        predictions = self.predictions[t]
        pool = w @ predictions
        if self.target.kind == "class":
            slope = 2 * pool
            slope[self.y[t]] -= 2
        elif self.target.kind == "quantile":
            slope = ((pool > self.y[t]) - self.target.levels) * (2 / len(pool))
        else:
            slope = 2 * (pool - self.y[t])
        return np.asarray(self.weight[t] * ((pool - predictions) @ slope))


@dataclass(frozen=True)
class Stream:
    """The rows of a panel in the order `row` (n,) in which they are learned from, and their weights, of mean one."""

    panel: Panel
    y: Array
    row: Array
    weight: Array

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, copied a block at a time."""
        for part in row_blocks(len(self.row)):
            row = self.row[part]
            predictions = np.ascontiguousarray(self.panel.predictions[:, row].transpose(1, 0, 2), dtype=float)
            yield Block(self.panel.target, row, self.y[row], predictions, self.weight[part])


def keep_order(panel: Panel, y: Array) -> Stream:
    """Return the rows of a panel in its own order; rows of weight zero are left out."""
    return _stream(panel, y, used_rows(panel))


def shuffle_rows(panel: Panel, y: Array, rng: np.random.Generator) -> Stream:
    """Return the rows of a panel in an order drawn from `rng`; rows of weight zero are left out."""
    return _stream(panel, y, rng.permutation(used_rows(panel)))


def polynomial(regret: Array, squares: Array, largest: float) -> Array:
    """Return max(regret, 0) / (largest + squares), divided by its sum; equal weights where that is zero."""
    if largest <= 0 or regret.max() <= 0:
        return np.full(len(regret), 1 / len(regret))
    odds = np.maximum(regret, 0) / (largest + squares)
    return np.asarray(odds / odds.sum())


def _stream(panel: Panel, y: Array, row: Array) -> Stream:
    weight = np.ones(len(row)) if panel.weight is None else panel.weight[row] / panel.weight[row].mean()
    return Stream(panel, y, row, weight)
