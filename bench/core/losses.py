"""Losses row by row: the one place where squared error, log loss, Brier score and pinball are written down.

`predictions` have shape (..., n, K): those of one method, or a stack of those of L learners. Every loss returns shape
(..., n).
"""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Target


def squared_error(y: Array, predictions: Array) -> Array:
    """Return (prediction - y)²."""
    return np.square(predictions[..., 0] - y)


def log_loss(y: Array, predictions: Array) -> Array:
    """Return -ln of the probability given to the true class; it is never 0 (`bench.core.nouns.clip_probabilities`)."""
    return -np.log(true_class(y, predictions))


def brier(y: Array, predictions: Array) -> Array:
    """Return Σ_k (p_k - [y = k])², between 0 and 2."""
    return np.square(predictions).sum(axis=-1) - 2 * true_class(y, predictions) + 1


def pinball(y: Array, predictions: Array, levels: Array) -> Array:
    """Return ψ_τ(y - q) = max(τ(y - q), (τ - 1)(y - q)) per level, shape (..., n, K)."""
    error = y[:, None] - predictions
    return np.maximum(levels * error, (levels - 1) * error)


def wis(y: Array, predictions: Array, levels: Array) -> Array:
    """Return the weighted interval score, 2 × the mean pinball over the levels (Bracher et al., 2021)."""
    return 2 * pinball(y, predictions, levels).mean(axis=-1)


def true_class(y: Array, predictions: Array) -> Array:
    """Return the probability given to the true class, shape (..., n)."""
    return predictions[..., np.arange(len(y)), y]


def proper_loss(target: Target, y: Array, predictions: Array) -> Array:
    """Return the proper loss of the target's kind: squared error, WIS or log loss, shape (..., n)."""
    if target.kind == "point":
        return squared_error(y, predictions)
    if target.kind == "quantile":
        return wis(y, predictions, target.levels)
    return log_loss(y, predictions)


def mean(rows: Array, weight: Array | None) -> Array:
    """Return the mean over the last axis, weighted by the rows' weights where there are any."""
    return np.average(rows, axis=-1, weights=weight)


def of_learners(panel: Panel, y: Array) -> Array:
    """Return the mean proper loss of each learner of the panel, shape (L,), one learner at a time."""
    return np.array(
        [mean(proper_loss(panel.target, y, predictions), panel.weight) for predictions in panel.predictions]
    )
