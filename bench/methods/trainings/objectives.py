"""Losses of logits, row by row, with their derivatives: what networks and trees of the training schemes descend on.

A row loss is a function of logits f (n, K) and class codes y (n,). It returns the loss of each row (n,), the gradient
g (n, K) by the logits of the row, and a function without arguments that returns a curvature h (n, K) >= 0 for trees:
the diagonal of the Hessian, or a bound of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array

RowLoss = Callable[[Array, Array], tuple[Array, Array, Callable[[], Array]]]

SMALLEST_DIVISOR = 1e-12
"""Lengths, sizes and probabilities of an error below this count as this where something is divided by them."""

LONGEST = 10.0
"""Largest step of a logit for one row of a tree under focal loss, where almost all rows have almost no curvature."""


def softmax(f: Array) -> Array:
    """Return the probabilities (n, K) that logits stand for; nothing overflows."""
    p = np.exp(f - f.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def _softmax_and_log_true(f: Array, y: Array) -> tuple[Array, Array]:
    """Return p = softmax(f), and ln p_y (n,)."""
    low = f - f.max(axis=1, keepdims=True)
    p = np.exp(low)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    return p, low[np.arange(len(y)), y] - np.log(total[:, 0])


def cross_entropy(f: Array, y: Array) -> tuple[Array, Array, Callable[[], Array]]:
    """Return -ln p_y, p - [k = y] and p (1 - p), with p = softmax(f)."""
    p, log_true = _softmax_and_log_true(f, y)
    gradient = p.copy()
    gradient[np.arange(len(y)), y] -= 1
    return -log_true, gradient, lambda: p * (1 - p)


def focal(gamma: float) -> RowLoss:
    """Return the loss -(1 - p_y)^γ ln p_y, with its curvature bounded by positive terms.

        g_k = q (d_k - p_k)                     q = γ p_y (1 - p_y)^(γ-1) ln p_y - (1 - p_y)^γ  <= 0
        h_k = max(p_y q', 0) (d_k - p_k)² - q p_k (1 - p_k)                      d_k = [k = y]

    The exact h_k has no max, and is negative where p_y is small: no tree could be grown on it. Nor could one where
    h_k is far below |g_k|: it is |g_k| min(γ, 1) / 10 at least.
    """

    def rows(f: Array, y: Array) -> tuple[Array, Array, Callable[[], Array]]:
        index = np.arange(len(y))
        p, log_true = _softmax_and_log_true(f, y)
        true = p[index, y]
        away = -p
        away[index, y] = 0
        wrong = np.maximum(
            -away.sum(axis=1), SMALLEST_DIVISOR
        )  # not 1 - p_y, which has lost its digits where p_y is almost one
        away[index, y] = wrong
        power = wrong**gamma
        q = gamma * true * power / wrong * log_true - power
        gradient = q[:, None] * away

        def curvature() -> Array:
            slope = gamma * true * power / wrong * (log_true - (gamma - 1) * true * log_true / wrong + 2)
            bound = np.maximum(slope, 0)[:, None] * away**2 - q[:, None] * p * (1 - p)
            return np.maximum(bound, np.abs(gradient) * (min(gamma, 1.0) / LONGEST))

        return -power * log_true, gradient, curvature

    return rows


def with_shift(loss: RowLoss, shift: Array) -> RowLoss:
    """Return the loss of logits to which `shift` (K,) is added."""
    return lambda f, y: loss(f + shift, y)


def with_scales(loss: RowLoss, scales: Array) -> RowLoss:
    """Return the loss of logits times `scales` (K,), class by class."""

    def rows(f: Array, y: Array) -> tuple[Array, Array, Callable[[], Array]]:
        value, gradient, curvature = loss(f * scales, y)
        return value, gradient * scales, lambda: curvature() * scales**2

    return rows


def with_margins(loss: RowLoss, margins: Array) -> RowLoss:
    """Return the loss of logits f - m_y [k = y]: `margins` m (K,) are taken off the logit of the true class."""
    return lambda f, y: loss(f - margins[y][:, None] * (y[:, None] == np.arange(len(margins))), y)


def with_class_weights(loss: RowLoss, weights: Array) -> RowLoss:
    """Return the loss times the weight of the row's class; `weights` (K,)."""

    def rows(f: Array, y: Array) -> tuple[Array, Array, Callable[[], Array]]:
        value, gradient, curvature = loss(f, y)
        w = weights[y]
        return w * value, w[:, None] * gradient, lambda: w[:, None] * curvature()

    return rows
