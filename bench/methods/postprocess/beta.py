"""A beta calibration map for every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.one_vs_rest import Curve, calibrate, curve_of, fit_logistic, smooth_targets

HELD = ((True, False), (False, True), (False, False))
"""Which of a and b stay free where both cannot."""


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def beta(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Calibrate each class against the rest by a beta map with three parameters, then let rows sum to one.

        p ← 1 / (1 + exp(-(a ln p - b ln(1 - p) + c))),   a, b >= 0

    a = b is `platt`, a = b = 1 and c = 0 no change. The log loss is taken on Platt's targets (see there), which hold
    the parameters finite where the classes can be separated without a mistake. Kull, Silva Filho and Flach (2017),
    "Beta calibration: a well-founded and easily implemented improvement on logistic calibration for binary
    classifiers".
    """
    return calibrate(prediction, y, _learn_beta)


def _learn_beta(p: Array, rest: Array, hit: Array, mass: Array) -> Curve:
    """Leave a and b free, or else hold one or both at zero: the loss is convex, so the best are among them."""
    features, target = _beta_features(p, rest), smooth_targets(hit, mass)
    w, _ = _fit_with_zeros(features, target, mass, (True, True))
    if (w[:2] < 0).any():
        tried = [_fit_with_zeros(features, target, mass, free) for free in HELD]
        w, _ = min((found for found in tried if (found[0][:2] >= 0).all()), key=lambda found: found[1])
    return curve_of(_beta_features, w)


def _fit_with_zeros(features: Array, target: Array, mass: Array, free: tuple[bool, bool]) -> tuple[Array, float]:
    """Return a, b and c with those that are not free at zero, and the loss."""
    chosen = np.array([*free, True])
    w = np.zeros(3)
    w[chosen], loss = fit_logistic(features[:, chosen], target, mass)
    return w, loss


def _beta_features(p: Array, rest: Array) -> Array:
    return np.column_stack([np.log(p), -np.log(rest), np.ones(len(p))])
