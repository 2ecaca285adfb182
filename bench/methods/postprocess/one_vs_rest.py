"""Calibration of class probabilities, one class against the rest at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities

Curve = Callable[[Array, Array], Array]
"""(p, 1 - p), each (n,) -> calibrated p (n,)."""

NEWTON_STEPS = 100
"""Newton steps at most."""

STEP_HALVINGS = 40
"""A step is halved so often at most: if a 10^-12th of it still does not lower the loss, what is left is rounding."""


def calibrate(
    prediction: Prediction, y: Array, learn: Callable[[Array, Array, Array, Array], Curve]
) -> Callable[[Prediction], Prediction]:
    """Return the change that sends each class's probability through a curve of its own and lets rows sum to one.

    `learn` gets p, 1 - p, whether the class is true, and the row weights, each (n,) over the rows of weight above zero.
    A class that has no row, or all of them, stays as it is; so does a row to which every curve gives zero. The two
    curves of two classes agree. What comes out is calibrated to the classes of the known rows, so that the class
    weights of the training are behind it no more.
    """
    used = np.ones(len(y), dtype=bool) if prediction.weight is None else prediction.weight > 0
    mass = np.ones(len(y)) if prediction.weight is None else prediction.weight
    p, rest = _split(prediction.values[used])
    truth, mass = y[used], mass[used]
    curves = {
        k: learn(p[:, k], rest[:, k], truth == k, mass)
        for k in range(prediction.target.width)
        if 0 < np.count_nonzero(truth == k) < len(truth)
    }

    def change(other: Prediction) -> Prediction:
        p, rest = _split(other.values)
        odds = p.copy()
        for k, curve in curves.items():
            odds[:, k] = curve(p[:, k], rest[:, k])
        empty = ~(odds.sum(axis=1) > 0)
        odds[empty] = p[empty]
        values, _ = clip_probabilities(odds / odds.sum(axis=1, keepdims=True))
        return replace(other, values=values, effective_class_weights=None)

    return change


def _split(values: Array) -> tuple[Array, Array]:
    """Return p and 1 - p (n, K); the latter summed over the other classes, which keeps its digits where p is near 1."""
    p, _ = clip_probabilities(values)
    return p, p @ (1 - np.eye(p.shape[1]))


def smooth_targets(hit: Array, mass: Array) -> Array:
    """Return Platt's targets: (N₊ + 1) / (N₊ + 2) for the N₊ rows of the class, 1 / (N₋ + 2) for the others (n,)."""
    own, others = mass[hit].sum(), mass[~hit].sum()
    return np.where(hit, (own + 1) / (own + 2), 1 / (others + 2))


def fit_logistic(features: Array, target: Array, mass: Array) -> tuple[Array, float]:
    """Return the coefficients (d,) of the least weighted log loss, and that loss, by Newton steps.

    `features` is (n, d), `target` between 0 and 1 (n,), so that the minimum exists. A step is halved until the loss
    falls; where features depend on one another, a small ridge in the Hessian alone picks one of the minima.
    """
    w = np.zeros(features.shape[1])
    loss = _binary_log_loss(features @ w, target, mass)
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(features @ w)
        slope = features.T @ (mass * (p - target))
        bend = (features.T * (mass * p * (1 - p))) @ features
        # 1e-300 where every p is 0 or 1, and there is no bend at all
        step = np.linalg.solve(bend + (1e-12 * np.trace(bend) + 1e-300) * np.eye(len(w)), slope)
        for _ in range(STEP_HALVINGS):
            found = _binary_log_loss(features @ (w - step), target, mass)
            if found < loss:
                break
            step /= 2
        else:
            break
        w, loss = w - step, found
    return w, loss


def _sigmoid(z: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(z))


def _binary_log_loss(z: Array, target: Array, mass: Array) -> float:
    return float(mass @ (np.logaddexp(0, z) - target * z))


def curve_of(features: Callable[[Array, Array], Array], w: Array) -> Curve:
    """Return the curve p -> 1 / (1 + exp(-w'features(p, 1 - p)))."""
    return lambda p, rest: _sigmoid(features(p, rest) @ w)
