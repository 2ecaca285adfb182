"""Weights that differ from row to row, by how learners did on the nearest training rows; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Panel

CHUNK = 4096
"""Rows that are answered at once."""

LOCAL = {"row_weights": "neighbours are counted in rows: one row of weight three is one neighbour, not three"}
"""What a scheme of this kind declares to break."""

Rule = Callable[[Array, Array], Array]
"""Scores of the learners on each row's k neighbours, nearest first (m, k, L), and the weights of these neighbours
(m, k) -> weights of the learners, of any sum above zero (m, L)."""


@dataclass(frozen=True)
class Local:
    """Weights by a rule on the scores (n, L) of the training rows that are nearest to a row."""

    rule: Rule
    index: Any
    score: Array
    weight: Array

    def __call__(self, panel: Panel) -> Array:
        """Combine what the learners said, shape (n, K)."""
        X = panel.X.to_numpy(dtype=float)
        parts = [slice(start, start + CHUNK) for start in range(0, len(X), CHUNK)]
        answers = [np.einsum("nl,lnk->nk", self._weights(X[rows]), panel.predictions[:, rows]) for rows in parts]
        return np.concatenate(answers)

    def _weights(self, X: Array) -> Array:
        near = self.index.kneighbors(X, return_distance=False)
        w = self.rule(self.score[near], self.weight[near])
        return np.asarray(w / w.sum(axis=1, keepdims=True))


def local(rule: Rule, panel: Panel, score: Array, k: int) -> Local:
    """Return the combiner that asks the k nearest rows of the panel's encoded matrix; rows of weight zero are left out.

    The distance is Euclidean, `score` has shape (n, L). Of rows at the same distance any may be a neighbour.

    Raises:
        BenchError: `k` is less than one.
    """
    from sklearn.neighbors import NearestNeighbors

    if k < 1:
        raise BenchError(f"k nearest neighbours cannot be {k!r}: give a whole number from 1")
    weight = np.ones(len(score)) if panel.weight is None else panel.weight
    used = np.flatnonzero(weight)
    X = panel.X.to_numpy(dtype=float)[used]
    return Local(rule, NearestNeighbors(n_neighbors=min(k, len(X))).fit(X), score[used], weight[used])
