"""Weights that differ from row to row, by how learners did on the nearest training rows; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Target
from bench.methods.ensembles.rows import used_rows, weights_of_rows

CHUNK = 1024
"""Rows that are predicted at once, which bounds the memory."""

LOCAL = {"row_weights": "neighbours are counted in rows: one row of weight three is one neighbour, not three"}
"""What a scheme of this kind declares to break."""

Score = Callable[[Target, Array, Array], Array]
"""Target, true values of rows (m,), the learners' predictions there (L, m, K) -> how right or wrong they are (L, m)."""

CompetenceRule = Callable[[Array, Array], Array]
"""Scores of the learners on each row's k neighbours, nearest first (m, k, L), and the weights of these neighbours
(m, k) -> weights of the learners, of any sum above zero (m, L)."""


@dataclass(frozen=True)
class Local:
    """Weights by a rule on the scores of the learners on the training rows that are nearest to a row.

    `index` finds places in `rows`, the positions of the training rows that have any weight.
    """

    rule: CompetenceRule
    score: Score
    panel: Panel
    y: Array
    rows: Array
    index: Any

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        X, prediction = panel.X.to_numpy(dtype=float), np.empty(panel.predictions.shape[1:])
        weight = weights_of_rows(self.panel)
        for start in range(0, len(X), CHUNK):
            rows = slice(start, start + CHUNK)
            near = self.rows[self.index.kneighbors(X[rows], return_distance=False)]
            odds = self.rule(self._scores(near), weight[near])
            w = np.asarray(odds / odds.sum(axis=1, keepdims=True))
            prediction[rows] = np.einsum("nl,lnk->nk", w, panel.predictions[:, rows])
        return prediction

    def _scores(self, near: Array) -> Array:
        """Return the scores on training rows (m, k), shape (m, k, L)."""
        flat = near.ravel()
        scores = self.score(self.panel.target, self.y[flat], self.panel.predictions[:, flat])
        return np.ascontiguousarray(scores.T).reshape(*near.shape, -1)


def local(rule: CompetenceRule, score: Score, panel: Panel, y: Array, k: int) -> Local:
    """Return the combiner by the k nearest rows of the panel's encoded matrix.

    Rows of weight zero are left out. The distance is Euclidean. Of rows at the same distance any may be a neighbour.
    The learners are scored when they are asked, on the neighbours alone: all scores would be another panel.

    Raises:
        BenchError: `k` is less than one.
    """
    from sklearn.neighbors import NearestNeighbors

    if k < 1:
        raise BenchError(f"k nearest neighbours cannot be {k!r}: give a whole number from 1")
    rows, X = used_rows(panel), panel.X.to_numpy(dtype=float)
    X = X if len(rows) == len(X) else X[rows]
    return Local(rule, score, panel=panel, y=y, rows=rows, index=NearestNeighbors(n_neighbors=min(k, len(X))).fit(X))


def mark_right(_: Target, y: Array, predictions: Array) -> Array:
    """Return whether each learner decides on the true class of each row, (L, n); ties go to the first class."""
    return np.asarray(np.argmax(predictions, axis=2) == y)
