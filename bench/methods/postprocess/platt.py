"""A sigmoid for every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.one_vs_rest import Curve, calibrate, curve_of, fit_logistic, smooth_targets


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def platt(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Calibrate each class against the rest by a sigmoid of its log odds, then let rows sum to one.

        p ← 1 / (1 + exp(-(A ln(p / (1 - p)) + B)))

    A and B minimise the log loss on targets that are held off 0 and 1: (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2), where N₊
    and N₋ count the rows of the class and the others, or their weights. For two classes there is one sigmoid. Platt
    (1999), "Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods"; Lin,
    Lin and Weng (2007), "A note on Platt's probabilistic outputs for support vector machines".
    """
    return calibrate(prediction, y, _learn_platt)


def _learn_platt(p: Array, rest: Array, hit: Array, mass: Array) -> Curve:
    w, _ = fit_logistic(_platt_features(p, rest), smooth_targets(hit, mass), mass)
    return curve_of(_platt_features, w)


def _platt_features(p: Array, rest: Array) -> Array:
    return np.column_stack([np.log(p) - np.log(rest), np.ones(len(p))])
