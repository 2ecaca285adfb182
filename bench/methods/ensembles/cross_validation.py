"""Cross-validation inside a scheme: the inner folds of a panel, and the Gram matrix of each, in one pass over the data.

What a scheme learns without fold k needs the sums of the other folds only, so that no row is read twice. Nothing is
registered here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, Combiner, Panel, read_only
from bench.methods.ensembles.rows import used_rows, weights_of_rows
from bench.solvers.row_blocks import by_row_blocks, is_one_block
from bench.solvers.simplex_qp import residual_gram

DEALT_FOLDS = 5
"""Folds of a panel that has none: the rows are dealt out in turn."""

Path = Callable[[Array], Array]
"""Gram matrix (L, L) -> the weights of every candidate (C, L)."""


def fold_rows(panel: Panel) -> list[Array]:
    """Return the positions of the rows of each inner fold, rows of weight zero left out.

    Where the panel has no inner folds, or one only, its rows are dealt out in turn to `DEALT_FOLDS` folds. The list is
    empty if fewer than two rows have any weight: then nothing can be held out.
    """
    used = used_rows(panel)
    fold = np.zeros(len(used)) if panel.inner_fold is None else panel.inner_fold[used]
    names = np.unique(fold)
    if len(names) < 2:
        fold = np.arange(len(used)) % DEALT_FOLDS
        names = np.unique(fold)
    return [used[fold == name] for name in names] if len(names) > 1 else []


def restrict(panel: Panel, y: Array, rows: Array) -> tuple[Panel, Array]:
    """Return what a scheme is to learn some rows from: their panel and their y.

    Of a large panel it is the whole, where all other rows have weight zero, since schemes leave them out: a copy of the
    rows of four folds would be nearly as large as the panel.
    """
    if is_one_block(len(y)):
        return panel.rows(rows), y[rows]
    weight = np.zeros(len(y))
    weight[rows] = weights_of_rows(panel)[rows]
    return replace(panel, weight=read_only(weight)), y


def predict_rows(combiner: Combiner, panel: Panel, rows: Array) -> Array:
    """Return what a combiner predicts of some rows (m,), shape (m, K), without a copy of all of them."""
    return by_row_blocks(lambda part: combiner(panel.rows(rows[part])), len(rows))


def fold_masses(panel: Panel, folds: list[Array]) -> Array:
    """Return the sum of the row weights of each fold, shape (F,); the number of its rows where the panel has none."""
    masses = [len(rows) if panel.weight is None else panel.weight[rows].sum() for rows in folds]
    return np.array(masses, dtype=float)


def total(loss: Array, weight: Array | None) -> float:
    """Return the sum of a loss of rows (n,), each times its weight where there are any."""
    return float(loss.sum() if weight is None else weight @ loss)


def pick_first_best(losses: Array) -> int:
    """Return the first candidate whose loss is the least, up to rounding: put the simplest candidate first."""
    least = float(losses.min())
    return int(np.flatnonzero(losses <= least + 1e-12 * abs(least))[0])


def choose(folds: int, held_out: Callable[[int], Array]) -> int:
    """Return the candidate of the least loss over all folds; the first one where there are no folds.

    `held_out(k)` gives the total loss of every candidate on fold k, learned on the other folds, shape (C,).
    """
    return pick_first_best(np.sum([held_out(k) for k in range(folds)], axis=0)) if folds else 0


def residual_grams_by_output(panel: Panel, y: Array, rows: Array | None = None) -> Array:
    """Return G of the residuals of every output on some rows (all unless given), shape (K, L, L).

    The residual of a class is ŷ_lnk - [y_n = k].
    """
    truths = [y] if panel.target.kind == "point" else ((y == k).astype(float) for k in range(panel.target.width))
    return np.stack(
        [residual_gram(panel.predictions[:, :, k], each, panel.weight, rows=rows) for k, each in enumerate(truths)]
    )


def residual_gram_of(panel: Panel, y: Array, rows: Array | None = None) -> Array:
    """Return G of the residuals, shape (L, L): w'Gw is the mean squared error of a pool with Σ w = 1.

    Of classes it is the Brier score: the residuals of all classes are stacked.
    """
    return np.asarray(np.sum(residual_grams_by_output(panel, y, rows), axis=0))


@dataclass(frozen=True)
class FoldGrams:
    """The Gram matrix of the residuals of all rows (L, L), and what each fold adds to it (F, L, L)."""

    all_rows: Array
    parts: Array
    shares: Array

    def without(self, k: int) -> Array:
        """Return the Gram matrix of all folds but one: a sum, so that it stays positive semidefinite."""
        others = np.arange(len(self.parts)) != k
        return np.asarray(self.parts[others].sum(axis=0) / self.shares[others].sum())

    def best(self, path: Path) -> int:
        """Return the candidate of `path` that has the least squared error on held-out folds."""
        return choose(len(self.parts), lambda k: squared(self.parts[k], path(self.without(k))))


def squared(gram: Array, weights: Array) -> Array:
    """Return w'Gw of every row of weights (C, L), shape (C,)."""
    return np.asarray(np.einsum("cl,cl->c", weights @ gram, weights))


def fold_grams(panel: Panel, y: Array) -> FoldGrams:
    """Return the Gram matrix of each inner fold of a panel of points or classes."""
    folds = fold_rows(panel)
    if not folds:
        return FoldGrams(residual_gram_of(panel, y), np.zeros((0, *[len(panel.predictions)] * 2)), np.zeros(0))
    masses = fold_masses(panel, folds)
    shares = masses / masses.sum()
    grams = np.stack([residual_gram_of(panel, y, rows) for rows in folds])
    parts = shares[:, None, None] * grams
    return FoldGrams(parts.sum(axis=0), parts, shares)
