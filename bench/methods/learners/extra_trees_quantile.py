"""Quantile regression on extremely randomised trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, fit_estimator, positive_weight_rows
from bench.methods.learners.empirical import pad_columns, quantiles, row_slices


@register(
    "quantile",
    tags=("extended",),
    encoding="ordinal",
    weights=True,
    space={"min_samples_leaf": (1, 40), "max_features": (0.1, 1.0)},
)
def extra_trees_quantile(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    min_samples_leaf: int = 5,
    max_features: float = 1.0,
) -> Model:
    """Quantiles of all training targets, weighted by how often they share a leaf of trees with random cuts.

        v_i(x) = 1/T Σ_t w_i [i in the leaf of x in tree t] / Σ_j w_j [j in the leaf of x in tree t]

    w are the row weights, which act on the cuts as well. Geurts, Ernst and Wehenkel (2006), Extremely Randomized Trees;
    Meinshausen (2006), Quantile Regression Forests.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    trees = ExtraTreesRegressor(
        n_estimators=n_estimators,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=seed,
        n_jobs=1,
    )
    return Standardised(LeafWeights(trees, target.levels))


class LeafWeights:
    """A forest of scikit-learn's kind, and which training rows are in which leaf."""

    def __init__(self, trees: Any, levels: Array) -> None:
        self._trees = trees
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> LeafWeights:
        """Grow the trees, and weigh the rows of each leaf to sum one: a matrix (leaves, n), rows by their target."""
        from scipy.sparse import csr_array

        X, y, weight = positive_weight_rows(X, y, weight)
        order = np.argsort(y, kind="stable")
        fit_estimator(self._trees, np.asarray(X), y, weight)
        self._y, w = y[order], np.ones(len(y)) if weight is None else weight[order]
        self._first = np.cumsum([0, *(tree.tree_.node_count for tree in self._trees.estimators_)])
        leaf = self._leaves(np.asarray(X)[order]).ravel()
        column = np.repeat(np.arange(len(y)), len(self._first) - 1)
        share = w[column] / np.bincount(leaf, w[column], self._first[-1])[leaf]
        self._share = csr_array((share, (leaf, column)), shape=(self._first[-1], len(y)))
        return self

    def _leaves(self, X: Array) -> Array:
        """Return the leaf of each row in each tree, numbered over all trees, shape (n, T)."""
        return np.asarray(self._trees.apply(X) + self._first[:-1])

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        X = np.asarray(X)
        return np.concatenate([self._predict_slice(X[rows]) for rows in row_slices(len(X), len(self._y))])

    def weights(self, X: Array) -> Any:
        """Return v (n, training rows by their target), sparse."""
        from scipy.sparse import csr_array

        leaf = self._leaves(X)
        n, trees = leaf.shape
        inside = csr_array(
            (np.full(leaf.size, 1 / trees), leaf.ravel(), trees * np.arange(n + 1)), (n, self._first[-1])
        )
        return (inside @ self._share).sorted_indices()

    def _predict_slice(self, X: Array) -> Array:
        v = self.weights(X)
        at, real = pad_columns(np.repeat(np.arange(len(X)), np.diff(v.indptr)), np.arange(v.nnz), len(X))
        return quantiles(self._y[v.indices[at]], v.data[at] * real, self._levels)
