"""Softmax of a linear map of log probabilities, fitted on the log loss; nothing is registered here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities

STEPS = 100
"""Newton steps at most; 5 to 15 are usual."""

LAST_STEP = 1e-4
"""A step below this is taken although the loss shows no fall."""

HALVINGS = 40
"""A step is halved so often at most: if a 10^-12th of it still does not lower the loss, what is left is rounding."""


@dataclass(frozen=True)
class LogitMap:
    """p ← softmax(W ln p + b), with W (K, K) and b (K,)."""

    W: Array
    b: Array

    def __call__(self, other: Prediction) -> Prediction:
        """Return the calibrated prediction; what it was trained with is behind it no more."""
        values, _ = clip_probabilities(_softmax(_logs(other.values) @ self.W.T + self.b))
        return replace(other, values=values, effective_class_weights=None)


def fit_logit_map(prediction: Prediction, y: Array, free: Array, price: Array) -> LogitMap:
    """Minimise mean log loss + Σ price (θ - θ_0)² / 2 over the entries of θ = (W, b) that are free, from no change θ_0.

    `free` and `price` are (K, K + 1), the last column for b; θ_0 is (I, 0). A price above zero on every free entry
    makes it strictly convex. Solved by Newton steps, each halved until the loss falls.
    """
    X = np.column_stack([_logs(prediction.values), np.ones(len(y))])
    mass = np.ones(len(y)) if prediction.weight is None else prediction.weight
    share, K = mass / mass.sum(), prediction.target.width
    start, where = np.eye(K, K + 1), np.flatnonzero(free)
    hot = np.eye(K)[y]

    def objective(theta: Array) -> float:
        f = X @ theta.T
        low = f - f.max(axis=1, keepdims=True)
        loss = np.log(np.exp(low).sum(axis=1)) - low[np.arange(len(y)), y]
        return float(share @ loss + (price * (theta - start) ** 2).sum() / 2)

    theta, loss = start, objective(start)
    for _ in range(STEPS):
        p = _softmax(X @ theta.T)
        slope = ((share[:, None] * (p - hot)).T @ X + price * (theta - start)).ravel()[where]
        bend = (_hessian(X, p, share) + np.diag(price.ravel()))[np.ix_(where, where)]
        step = np.zeros(theta.size)
        step[where] = np.linalg.solve(bend, slope)
        step = step.reshape(theta.shape)
        sizes = 0.5 ** np.arange(HALVINGS)
        size = next((size for size in sizes if objective(theta - size * step) < loss), None)
        if size is None:  # the loss is at its rounding, which the slope is not: the last step is right all the same
            theta = theta - step if np.abs(step).max() < LAST_STEP else theta
            break
        theta = theta - size * step
        loss = objective(theta)
    return LogitMap(theta[:, :K], theta[:, K])


def _hessian(X: Array, p: Array, share: Array) -> Array:
    """Return the Hessian of the mean log loss by θ, row by row (K (K + 1), K (K + 1))."""
    K, d = p.shape[1], X.shape[1]
    H = np.empty((K, d, K, d))
    for j in range(K):
        for k in range(j + 1):
            H[j, :, k] = (X * (share * p[:, j] * ((j == k) - p[:, k]))[:, None]).T @ X
            H[k, :, j] = H[j, :, k].T
    return H.reshape(K * d, K * d)


def _logs(values: Array) -> Array:
    return np.asarray(np.log(clip_probabilities(values)[0]))


def _softmax(f: Array) -> Array:
    odds = np.exp(f - f.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
