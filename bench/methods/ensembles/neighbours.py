"""Weights that differ from row to row, by how learners did on the nearest training rows; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles.rows import weights_of_rows

CHUNK = 4096
"""Rows that are predicted at once, which bounds the memory."""

LOCAL = {"row_weights": "neighbours are counted in rows: one row of weight three is one neighbour, not three"}
"""What a scheme of this kind declares to break."""

CompetenceRule = Callable[[Array, Array], Array]
"""Scores of the learners on each row's k neighbours, nearest first (m, k, L), and the weights of these neighbours
(m, k) -> weights of the learners, of any sum above zero (m, L)."""


@dataclass(frozen=True)
class Local:
    """Weights by a rule on the scores (n, L) of the training rows that are nearest to a row."""

    rule: CompetenceRule
    index: Any
    score: Array
    weight: Array

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        X = panel.X.to_numpy(dtype=float)
        predictions = []
        for start in range(0, len(X), CHUNK):
            rows = slice(start, start + CHUNK)
            near = self.index.kneighbors(X[rows], return_distance=False)
            odds = self.rule(self.score[near], self.weight[near])
            w = np.asarray(odds / odds.sum(axis=1, keepdims=True))
            predictions.append(np.einsum("nl,lnk->nk", w, panel.predictions[:, rows]))
        return np.concatenate(predictions)


def local(rule: CompetenceRule, panel: Panel, score: Array, k: int) -> Local:
    """Return the combiner by the k nearest rows of the panel's encoded matrix.

    Rows of weight zero are left out. The distance is Euclidean, `score` has shape (n, L). Of rows at the same distance
    any may be a neighbour.

    Raises:
        BenchError: `k` is less than one.
    """
    from sklearn.neighbors import NearestNeighbors

    if k < 1:
        raise BenchError(f"k nearest neighbours cannot be {k!r}: give a whole number from 1")
    weight = weights_of_rows(panel)
    used = np.flatnonzero(weight)
    X = panel.X.to_numpy(dtype=float)[used]
    return Local(rule, NearestNeighbors(n_neighbors=min(k, len(X))).fit(X), score[used], weight[used])
