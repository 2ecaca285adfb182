"""Logistic regression."""

from __future__ import annotations

import warnings
from typing import Any

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel


@register("class", tags=("core",), encoding="scaled", weights=True, space={"C": (1e-3, 1e2)})
def logistic(target: Target, seed: int, *, C: float = 1.0) -> Model:
    """Multinomial logistic regression with a squared penalty of inverse strength `C`.

    Minimises C Σ_i w_i logloss_i + ‖B‖² / 2, intercepts free.
    Cox (1958), The Regression Analysis of Binary Sequences.
    """
    from sklearn.linear_model import LogisticRegression

    if C <= 0:
        raise BenchError(f"parameter 'C' of learner 'logistic' is {C}: give a positive number")
    return ClassModel(lambda _: _WithoutWarnings(LogisticRegression(C=C, tol=1e-5, max_iter=500)), target.width)


class _WithoutWarnings:
    """A logistic regression that may use up its steps without a warning."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Any:
        """Fit the estimator and return it."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # After 500 steps on standardised columns only the tails of separable classes still move.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._estimator.fit(X, y, sample_weight)
