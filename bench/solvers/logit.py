"""Multinomial logistic regression on many rows, a block of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.solvers.row_blocks import row_blocks

STEPS = 500
"""Steps at most."""

STEEPEST = 1e-7
"""The largest slope at the end, of the mean loss."""

FLAT = 64 * float(np.finfo(np.float64).eps)
"""A step that lowers the mean loss by less than this share is the last: what is left is rounding."""


@dataclass(frozen=True)
class Logit:
    """Coefficients `w` (C, p) and `intercept` (C,) of the classes' log odds; of two classes the first has zeros."""

    w: Array
    intercept: Array

    def predict_log_proba(self, X: Array) -> Array:
        """Return the logarithms of the probabilities of rows (n, p), shape (n, C)."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(X @ self.w.T + self.intercept, axis=1))

    def predict_proba(self, X: Array) -> Array:
        """Return the probabilities of rows (n, p), shape (n, C)."""
        return np.exp(self.predict_log_proba(X))


def fit_logit(read: Callable[[slice], Array], y: Array, weight: Array, penalty: float) -> Logit:
    """Minimise Σ_n s_n ln(1 / p_n,y_n) + λ/2 Σ_cj w_cj² over w and intercepts, by L-BFGS.

    `read` gives rows (·, p), `y` (n,) holds the codes 0 … C - 1, `weight` s is (n,), `penalty` is λ. Of two classes the
    coefficients of the first are zero; of more all are penalised. Liu and Nocedal (1989), "On the limited memory BFGS
    method for large scale optimization".
    """
    from scipy.optimize import minimize

    C, p, mass = int(y.max()) + 1, read(slice(0, 1)).shape[1], float(weight.sum())
    free = slice(1, None) if C == 2 else slice(0, None)
    shape = (C - 1 if C == 2 else C, p + 1)

    def logit(v: Array) -> Logit:
        both = np.zeros((C, p + 1))
        both[free] = v.reshape(shape)
        return Logit(both[:, :-1], both[:, -1])

    def objective(v: Array) -> tuple[float, Array]:
        found = logit(v)
        loss, slope = penalty / 2 * float(np.square(found.w).sum()), np.zeros((C, p + 1))
        slope[:, :-1] = penalty * found.w
        for rows in row_blocks(len(y)):
            X, s, own = read(rows), weight[rows], (np.arange(len(y[rows])), y[rows])
            log_p = found.predict_log_proba(X)
            loss -= float(s @ log_p[own])
            excess = np.exp(log_p)
            excess[own] -= 1
            excess *= s[:, None]
            slope[:, :-1] += excess.T @ X
            slope[:, -1] += excess.sum(axis=0)
        return loss / mass, slope[free].ravel() / mass

    options: Any = {"maxiter": STEPS, "gtol": STEEPEST, "ftol": FLAT, "maxls": 50}
    found: Any = minimize(objective, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    return logit(found.x)
