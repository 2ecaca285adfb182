"""A normal law whose mean and deviation both depend on the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows
from bench.methods.learners.gaussian import SMALLEST_SHARE

SCORING_STEPS = 25
"""Scoring steps at most; each is checked, and the last changes no coefficient by 1e-10."""

SMALLEST_VARIANCE = 1e-12
"""Added to every squared residual: a perfect fit has a deviation too, of a millionth of that of y."""


@register(
    "quantile",
    tags=("extended",),
    encoding="scaled",
    weights=True,
    space={"alpha": (1e-3, 1e3), "spread_alpha": (1e-1, 1e3)},
    code=("bench.methods.learners.gaussian",),
)
def heteroscedastic(
    target: Target, seed: int, *, alpha: float = 1.0, spread_alpha: float = 10.0, rounds: int = 3
) -> Model:
    """Quantiles of a normal law with a linear mean and a linear log-variance, both with a ridge.

        q_τ(x) = m(x) + exp(s(x)/2) Φ⁻¹(τ),   m(x) = b_0 + x'b,   s(x) = g_0 + x'g
        min_b  Σ_i w_i exp(-s_i) (y_i - m_i)² + alpha ‖b‖²
        min_g  ½ Σ_i w_i (e_i² exp(-s_i) + s_i) + ½ spread_alpha ‖g‖²

    in turn, `rounds` times after a first m with one deviation; e_i is the residual of a mean fitted without row i (by
    its leverage, as in `gaussian`), y is in its deviations, and w has mean one. The s of a predicted row is held within
    the range of the training rows. Harvey (1976), Estimating Regression Models with Multiplicative Heteroscedasticity.
    """
    for name, value in {"alpha": alpha, "spread_alpha": spread_alpha, "rounds": rounds}.items():
        if value <= 0:
            raise BenchError(f"parameter {name!r} of learner 'heteroscedastic' is {value}: give a positive number")
    return Standardised(_Heteroscedastic(alpha, spread_alpha, rounds, target.levels))


class _Heteroscedastic:
    """Coefficients of the mean and of the log-variance, each with the constant first."""

    def __init__(self, alpha: float, spread_alpha: float, rounds: int, levels: Array) -> None:
        self._alpha, self._spread_alpha = alpha, spread_alpha
        self._rounds = rounds
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _Heteroscedastic:
        """Fit mean and log-variance in turn."""
        X, y, weight = positive_weight_rows(X, y, weight)
        A, w = _with_constant(X), np.ones(len(y)) if weight is None else weight
        self._g, s = np.zeros(A.shape[1]), np.zeros(len(y))
        for _ in range(self._rounds):
            self._b, square = _fit_mean(A, y, w * np.exp(-s), self._alpha)
            self._g = _log_variance(A, square + SMALLEST_VARIANCE, w, self._spread_alpha)
            s = A @ self._g
        self._range = s.min(), s.max()
        return self

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        from scipy.special import ndtri

        A = _with_constant(X)
        deviation = np.exp(np.clip(A @ self._g, *self._range) / 2)
        return np.asarray((A @ self._b)[:, None] + deviation[:, None] * ndtri(self._levels))


def _with_constant(X: Any) -> Array:
    return np.column_stack([np.ones(len(X)), np.asarray(X)])


def _penalised_gram(A: Array, w: Array, penalty: float) -> Array:
    """Return A'diag(w)A with the penalty on all but the constant."""
    system = (A.T * w) @ A
    system[np.arange(1, len(system)), np.arange(1, len(system))] += penalty
    return system


def _fit_mean(A: Array, y: Array, w: Array, alpha: float) -> tuple[Array, Array]:
    """Return the coefficients, and the squared leave-one-out residuals (n,)."""
    inverse = np.linalg.inv(_penalised_gram(A, w, alpha))
    b = inverse @ (A.T @ (w * y))
    leverage = w * np.einsum("ij,ij->i", A @ inverse, A)
    return b, np.square((y - A @ b) / np.maximum(1 - leverage, SMALLEST_SHARE))


def _log_variance(A: Array, square: Array, w: Array, alpha: float) -> Array:
    """Minimise the convex ½ Σ_i w_i (square_i exp(-s_i) + s_i) + ½ alpha ‖g‖² by scoring, each step checked."""
    information = _penalised_gram(A, w / 2, alpha)
    penalty = np.r_[0.0, np.full(A.shape[1] - 1, alpha)]

    def badness(g: Array) -> float:
        s = A @ g
        return float(w @ (square * np.exp(-s) + s) + penalty @ g**2) / 2

    g = np.zeros(A.shape[1])
    g[0] = np.log(np.average(square, weights=w))
    with np.errstate(over="ignore"):  # a step that is too long is infinitely bad, and is halved
        for _ in range(SCORING_STEPS):
            slope = A.T @ (w * (1 - square * np.exp(-(A @ g)))) / 2 + penalty * g
            step = np.linalg.solve(information, slope)
            now, gain = badness(g), float(slope @ step)
            # the first of 1, ½, ¼, … that keeps a tenth of the promised gain, 0 if none does
            halves = (float(t) for t in 0.5 ** np.arange(40))
            length = next((t for t in halves if badness(g - t * step) <= now - 0.1 * t * gain), 0.0)
            g = g - length * step
            if length * np.abs(step).max() < 1e-10:
                break
    return g
