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
    settings = boosting.tree_settings(seed, learning_rate, num_leaves, min_child_samples)
    if target.kind == "class":
        return ClassModel(lambda _: _Classes(settings, n_estimators), target.width, boosting.native_rows)
    return Standardised(PointModel(lambda _: _Points(settings, n_estimators), boosting.native_rows))


class _Points:
    """A regressor of scikit-learn's kind."""

    def __init__(self, settings: Mapping[str, Any], rounds: int) -> None:
        self._settings = {**settings, "objective": "regression"}
        self._rounds = rounds

    def fit(self, rows: boosting.NativeRows, y: Array, sample_weight: Array | None = None) -> _Points:
        """Grow the trees on y (n,)."""
        data = boosting.bin_rows(rows, y, sample_weight, self._settings)
        self._predictor = boosting.grow(self._settings, data, self._rounds)
        return self

    def predict(self, rows: boosting.NativeRows) -> Array:
        """Return points (n,)."""
        return self._predictor(rows)


class _Classes:
    """A classifier of scikit-learn's kind for codes 0 … K-1, all present."""

    def __init__(self, settings: Mapping[str, Any], rounds: int) -> None:
        self._settings = settings
        self._rounds = rounds

    def fit(self, rows: boosting.NativeRows, y: Array, sample_weight: Array | None = None) -> _Classes:
        """Grow the trees on class codes (n,)."""
        classes = int(y.max()) + 1
        several = {"objective": "multiclass", "num_class": classes}
        settings = {**self._settings, **(several if classes > 2 else {"objective": "binary"})}
        data = boosting.bin_rows(rows, y, sample_weight, settings)
        self._predictor = boosting.grow(settings, data, self._rounds)
        return self

    def predict_proba(self, rows: boosting.NativeRows) -> Array:
        """Return probabilities (n, K)."""
        p = self._predictor(rows)
        return np.column_stack([1 - p, p]) if p.ndim == 1 else p
