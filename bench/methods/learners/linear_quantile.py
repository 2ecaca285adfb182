"""Linear quantile regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows
from bench.solvers.quantile_regression import RegressionProblem, quantile_regression

WORST_GAP = 1e-4
"""Relative gap above which a solution is refused; most stop below 1e-8, without a penalty below 1e-5."""


@register(
    "quantile",
    tags=("core",),
    encoding="scaled",
    weights=True,
    space={"alpha": (1e-5, 1e-1)},
    code=("bench.solvers", "bench.core.losses"),
)
def linear_quantile(target: Target, seed: int, *, alpha: float = 0.001) -> Model:
    """Linear regression on the pinball loss, one for each level, with a small squared penalty.

    Minimises Σ_i w_i ψ_τ(y_i - x_i'b) / Σ_i w_i + alpha ‖b‖² / 2, intercept free, y in its deviations.
    Koenker and Bassett (1978), Regression Quantiles.
    """
    if alpha < 0:
        raise BenchError(f"parameter 'alpha' of learner 'linear-quantile' is {alpha}: give 0 or more")
    return Standardised(_LinearQuantile(alpha, target.levels))


class _LinearQuantile:
    """Coefficients for every level."""

    def __init__(self, alpha: float, levels: Array) -> None:
        self._alpha = alpha
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _LinearQuantile:
        """Solve each level to a proved gap.

        Raises:
            ArithmeticError: the solver stopped short of the optimum.
        """
        X, y, weight = positive_weight_rows(X, y, weight)
        A, w = _with_constant(X), np.ones(len(y)) if weight is None else weight
        penalty = np.full(A.shape[1], self._alpha * w.sum())
        penalty[0] = 0.0
        solved = [quantile_regression(RegressionProblem(A, y, w, float(level), penalty)) for level in self._levels]
        gap = max(gap for _, gap in solved)
        if not gap <= WORST_GAP:
            raise ArithmeticError(f"linear quantile regression stopped at a relative gap of {gap:.1e}")
        self._b = np.column_stack([b for b, _ in solved])
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels); they may cross."""
        return np.asarray(_with_constant(X) @ self._b)


def _with_constant(X: Any) -> Array:
    return np.column_stack([np.ones(len(X)), np.asarray(X)])
