"""Gradient boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, boosting, register
from bench.methods.learners.adapters import ClassModel, PointModel, Standardised


@register(
    "point",
    "class",
    tags=("core",),
    encoding="native",
    weights=True,
    libraries=("lightgbm",),
    space={"learning_rate": (0.02, 0.3), "num_leaves": (4, 63), "min_child_samples": (3, 60)},
)
def lightgbm(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    learning_rate: float = 0.1,
    num_leaves: int = 15,
    min_child_samples: int = 20,
) -> Model:
    """Boosted trees on squared error or log loss, with missing values and categories as they are.

    Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
    """
    given = boosting.settings(seed, learning_rate, num_leaves, min_child_samples)
    if target.kind == "class":
        return ClassModel(lambda _: _Classes(given, n_estimators), target.width, boosting.read)
    return Standardised(PointModel(lambda _: _Points(given, n_estimators), boosting.read))


class _Points:
    """A regressor of scikit-learn's kind."""

    def __init__(self, given: Mapping[str, Any], rounds: int) -> None:
        self._given = {**given, "objective": "regression"}
        self._rounds = rounds

    def fit(self, rows: boosting.Rows, y: Array, sample_weight: Array | None = None) -> _Points:
        """Grow the trees on y (n,)."""
        data = boosting.binned(rows, y, sample_weight, self._given)
        self.predict = boosting.grow(self._given, data, self._rounds)
        return self


class _Classes:
    """A classifier of scikit-learn's kind for codes 0 … K-1, all present."""

    def __init__(self, given: Mapping[str, Any], rounds: int) -> None:
        self._given = given
        self._rounds = rounds

    def fit(self, rows: boosting.Rows, y: Array, sample_weight: Array | None = None) -> _Classes:
        """Grow the trees on class codes (n,)."""
        classes = int(y.max()) + 1
        several = {"objective": "multiclass", "num_class": classes}
        given = {**self._given, **(several if classes > 2 else {"objective": "binary"})}
        self._predict = boosting.grow(given, boosting.binned(rows, y, sample_weight, given), self._rounds)
        return self

    def predict_proba(self, rows: boosting.Rows) -> Array:
        """Return probabilities (n, K)."""
        predictions = self._predict(rows)
        return np.column_stack([1 - predictions, predictions]) if predictions.ndim == 1 else predictions
