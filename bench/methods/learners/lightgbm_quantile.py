"""Gradient boosted trees for quantiles."""

from __future__ import annotations

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
def lightgbm_quantile(  # noqa: PLR0913 - a keyword for each parameter of the library that is tuned
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
    """Boosted trees on the pinball loss, one model per level on the same binned rows.

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
    return Standardised(_ModelPerLevel(growth, n_estimators, target.levels, seed))


class _ModelPerLevel:
    """One boosted model for each level."""

    def __init__(self, growth: boosting.TreeParameters, rounds: int, levels: Array, seed: int) -> None:
        self._growth = growth
        self._rounds = rounds
        self._levels = levels
        self._seed = seed

    def fit(self, X: Any, y: Array, weight: Array | None) -> _ModelPerLevel:
        """Grow the trees of every level."""
        X, y, weight = positive_weight_rows(X, y, weight)
        settings = {**boosting.tree_settings(self._seed, self._growth, len(y)), "objective": "quantile"}
        data = boosting.bin_rows(boosting.native_rows(X), y, weight, settings)
        self._predictors = [
            boosting.grow({**settings, "alpha": float(level)}, data, self._rounds) for level in self._levels
        ]
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels); they may cross."""
        rows = boosting.native_rows(X)
        return np.column_stack([predict(rows) for predict in self._predictors])
