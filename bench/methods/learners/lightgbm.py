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
def lightgbm(  # noqa: PLR0913 - a keyword for each parameter of the library that is tuned
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    learning_rate: float = 0.1,
    num_leaves: int = 15,
    min_child_samples: int = 20,
    max_depth: int = -1,
    max_bin: int | None = None,
    min_child_weight: float = 1e-3,
    min_split_gain: float = 0.0,
    subsample: float = 1.0,
    colsample_bytree: float = 1.0,
    reg_alpha: float = 0.0,
    reg_lambda: float = 0.0,
) -> Model:
    """Boosted trees on squared error or log loss, with missing values and categories as they are.

    A numeric column has `max_bin` bins: by default 63, and 255 from 10,000 training rows. The parameters are those of
    LightGBM's scikit-learn interface; `subsample` draws rows anew in every round.
    Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
    """
    growth = boosting.TreeParameters(
        learning_rate=learning_rate,
        num_leaves=num_leaves,
        min_child_samples=min_child_samples,
        max_depth=max_depth,
        max_bin=max_bin,
        min_child_weight=min_child_weight,
        min_split_gain=min_split_gain,
        subsample=subsample,
        colsample_bytree=colsample_bytree,
        reg_alpha=reg_alpha,
        reg_lambda=reg_lambda,
    )
    boosting.refuse_few(growth)

    def settings(n: int) -> dict[str, Any]:
        return boosting.tree_settings(seed, growth, n)

    if target.kind == "class":
        return ClassModel(lambda n: _Classes(settings(n), n_estimators), target.width, boosting.native_rows)
    return Standardised(PointModel(lambda n: _Points(settings(n), n_estimators), boosting.native_rows))


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
