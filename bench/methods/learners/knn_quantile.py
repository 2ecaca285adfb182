"""Nearest neighbours, for quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows
from bench.methods.learners.empirical import pad_columns, quantiles, row_slices

TIED_DISTANCE = 1e-9
"""Distances that differ by this share count as one, so that rounding chooses no neighbour."""


@register("quantile", tags=("extended",), encoding="scaled", weights=True, space={"n_neighbors": (10, 160)})
def knn_quantile(target: Target, seed: int, *, n_neighbors: int = 30) -> Model:
    """Quantiles of the targets of the nearest training rows, which count by their row weights.

    The law of row x puts mass w_i on y_i for the `n_neighbors` rows i nearest to x (Euclidean); all rows at the
    distance of the last one are taken. Of k neighbours of one weight the i-th smallest target is the quantile of
    i/(k + 1).
    Stone (1977), Consistent Nonparametric Regression; Bhattacharya and Gangopadhyay (1990), Kernel and
    Nearest-Neighbor Estimation of a Conditional Quantile.
    """
    if n_neighbors < 1:
        raise BenchError(f"parameter 'n_neighbors' of learner 'knn-quantile' is {n_neighbors}: give 1 or more")
    return Standardised(_Neighbours(n_neighbors, target.levels))


class _Neighbours:
    """Training rows in the order of their targets."""

    def __init__(self, k: int, levels: Array) -> None:
        self._k = k
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _Neighbours:
        """Keep the rows."""
        X, y, weight = positive_weight_rows(X, y, weight)
        order = np.argsort(y, kind="stable")
        self._X, self._y = np.asarray(X, dtype=float)[order], y[order]
        self._weight = np.ones(len(y)) if weight is None else weight[order]
        self._length = np.einsum("ij,ij->i", self._X, self._X)
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        X = np.asarray(X, dtype=float)
        return np.concatenate([self._predict_slice(X[rows]) for rows in row_slices(len(X), len(self._y))])

    def _predict_slice(self, X: Array) -> Array:
        rows, columns = np.nonzero(self._are_near(X))
        near, real = pad_columns(rows, columns, len(X))
        # one row is spare: the one that is predicted
        return quantiles(self._y[near], self._weight[near] * real, self._levels, spare=1)

    def _are_near(self, X: Array) -> Array:
        """Return which training rows are neighbours of which row, (rows, training rows)."""
        length = np.einsum("ij,ij->i", X, X)[:, None]
        square = length + self._length - 2 * X @ self._X.T
        k = min(self._k, len(self._y)) - 1
        last = np.partition(square, k, axis=1)[:, k, None]
        # The squares carry the rounding of the lengths that they are the difference of.
        return np.asarray(square <= last + TIED_DISTANCE * np.abs(last) + 1e-13 * (length + self._length.max()))
