"""Ridge regression with normal errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows

SMALLEST_SHARE = 1e-3
"""Least 1 - h: a row of leverage 1 explains itself wholly, and has no leave-one-out residual."""


@register("quantile", tags=("core",), encoding="scaled", weights=True, space={"alpha": (1e-3, 1e3)})
def gaussian(target: Target, seed: int, *, alpha: float = 1.0) -> Model:
    """Quantiles of a normal law around ridge regression, one deviation for all rows.

    The deviation is that of the leave-one-out residuals e_i / (1 - h_i), h the leverage of the ridge fit:
    sd² = Σ_i w_i (e_i / (1 - h_i))² / Σ_i w_i.
    Allen (1974), The Relationship Between Variable Selection and Data Augmentation and a Method for
    Prediction.
    """
    if alpha <= 0:
        raise BenchError(f"parameter 'alpha' of learner 'gaussian' is {alpha}: give a positive number")
    return Standardised(_Gaussian(alpha, target.levels))


class _Gaussian:
    """A ridge regression and the deviation of its leave-one-out residuals."""

    def __init__(self, alpha: float, levels: Array) -> None:
        self._alpha = alpha
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _Gaussian:
        """Fit by the normal equations, which also give the leverages."""
        X, y, weight = positive_weight_rows(X, y, weight)
        X, w = np.asarray(X), np.ones(len(y)) if weight is None else weight
        self._centre, self._mean = np.average(X, axis=0, weights=w), np.average(y, weights=w)
        A = X - self._centre
        inverse = np.linalg.inv((A.T * w) @ A + self._alpha * np.eye(A.shape[1]))
        self._slope = inverse @ (A.T @ (w * (y - self._mean)))
        leverage = w * (1 / w.sum() + np.einsum("ij,ij->i", A @ inverse, A))
        residual = (y - self._mean - A @ self._slope) / np.maximum(1 - leverage, SMALLEST_SHARE)
        self._deviation = np.sqrt(np.average(residual**2, weights=w))
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        from scipy.special import ndtri

        mean = self._mean + (np.asarray(X) - self._centre) @ self._slope
        return np.asarray(mean[:, None] + self._deviation * ndtri(self._levels))
