"""Quantile regression forest."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, fit_estimator, positive_weight_rows


@register(
    "quantile",
    tags=("core",),
    encoding="ordinal",
    weights=True,
    libraries=("quantile-forest",),
    space={"min_samples_leaf": (1, 40), "max_features": (0.1, 1.0)},
)
def forest_quantile(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    min_samples_leaf: int = 5,
    max_features: float = 1 / 3,
    max_samples_leaf: int = 1,
) -> Model:
    """Quantiles of the training targets that share a leaf with the row, one target drawn per leaf.

    `max_samples_leaf` targets of a leaf are kept, 0 keeps all, as Meinshausen has it: that takes memory of trees ×
    leaves × the largest leaf, which ties swell. A split looks at the share `max_features` of columns.
    Row weights act through the bootstrap of scikit-learn 1.9 and later; before, through the splits alone.
    Meinshausen (2006), Quantile Regression Forests; Johnson (2024), quantile-forest.
    """
    from quantile_forest import RandomForestQuantileRegressor

    trees = RandomForestQuantileRegressor(
        n_estimators=n_estimators,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        max_samples_leaf=max_samples_leaf or None,
        random_state=seed,
        n_jobs=1,
    )
    return Standardised(_Leaves(trees, target.levels))


class _Leaves:
    """A quantile forest at fixed levels."""

    def __init__(self, trees: Any, levels: Array) -> None:
        self._trees = trees
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _Leaves:
        """Grow the trees and note the targets of their leaves."""
        X, y, weight = positive_weight_rows(X, y, weight)
        state = random.getstate()
        try:
            fit_estimator(self._trees, np.asarray(X), y, weight)
        finally:
            random.setstate(state)  # quantile-forest seeds Python's own generator to draw its targets
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        prediction = self._trees.predict(np.asarray(X), quantiles=self._levels.tolist())
        return np.asarray(prediction).reshape(len(X), len(self._levels))
