"""Gradient boosted trees for quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, boosting, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows


@register(
    "quantile",
    tags=("core",),
    encoding="native",
    weights=True,
    libraries=("lightgbm",),
    space={"learning_rate": (0.02, 0.3), "num_leaves": (4, 63), "min_child_samples": (3, 60)},
)
def lightgbm_quantile(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    learning_rate: float = 0.1,
    num_leaves: int = 15,
    min_child_samples: int = 20,
) -> Model:
    """Boosted trees on the pinball loss, one model per level on the same binned rows.

    Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
    """
    settings = boosting.tree_settings(seed, learning_rate, num_leaves, min_child_samples)
    return Standardised(_ModelPerLevel({**settings, "objective": "quantile"}, n_estimators, target.levels))


class _ModelPerLevel:
    """One boosted model for each level."""

    def __init__(self, settings: Mapping[str, Any], rounds: int, levels: Array) -> None:
        self._settings = settings
        self._rounds = rounds
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _ModelPerLevel:
        """Grow the trees of every level."""
        X, y, weight = positive_weight_rows(X, y, weight)
        data = boosting.bin_rows(boosting.native_rows(X), y, weight, self._settings)
        self._predictors = [
            boosting.grow({**self._settings, "alpha": float(level)}, data, self._rounds) for level in self._levels
        ]
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels); they may cross."""
        rows = boosting.native_rows(X)
        return np.column_stack([predict(rows) for predict in self._predictors])
