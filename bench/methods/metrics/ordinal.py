"""Metrics of ordered classes, by how many steps a prediction is off; NaN where the classes do not stand in order.

They read the class codes as equally spaced. Errors are in steps, so they are not averaged over tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import register
from bench.methods.metrics.classes import class_balanced, shares

Function = Callable[[Target, Array, Prediction], float]

NO_ORDER = {"hears_rule": "it is defined for ordered classes, and those of the examples have no order"}


def _demand_order(function: Function) -> Function:
    """Return a metric that is NaN where the classes do not stand in order."""

    @wraps(function)
    def metric(target: Target, y: Array, prediction: Prediction) -> float:
        return function(target, y, prediction) if target.ordered else float("nan")

    return metric


@register("class", direction="min", label=True, unit=True, low=0, breaks=NO_ORDER, tags=("core",))
@_demand_order
def ordinal_mae(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean of |y - decided|, in steps between classes; NaN where these are not ordered."""
    return float(losses.mean(np.abs(y.astype(int) - prediction.labels), prediction.weight))


@register("class", direction="min", label=True, unit=True, low=0, breaks=NO_ORDER, tags=("core",))
@_demand_order
def ma_mae(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean over the classes that y has of the mean of |y - decided| on their rows; NaN where not ordered.

    Baccianella, Esuli and Sebastiani (2009), Evaluation measures for ordinal regression (macro-averaged MAE).
    """
    off = np.abs(y.astype(int) - prediction.labels)
    return float(losses.mean(off, class_balanced(y, prediction.weight)))


@register("class", direction="max", label=True, low=-1, high=1, breaks=NO_ORDER, tags=("core",))
@_demand_order
def quadratic_kappa(target: Target, y: Array, prediction: Prediction) -> float:
    """Return 1 - Σ_ij (i - j)² O_ij / Σ_ij (i - j)² E_ij: agreement beyond chance, where far misses cost more.

    O_ij is the share of rows of class i decided to be j, E_ij = t_i p_j what it would be by chance. NaN where both
    sides are of one and the same class, and where the classes are not ordered. Cohen (1968), Weighted kappa: nominal
    scale agreement with provision for scaled disagreement or partial credit.
    """
    true, predictions = (shares(codes, prediction.weight, target.width) for codes in (y, prediction.labels))
    steps = np.arange(target.width)
    chance = float(true @ np.square(steps[:, None] - steps) @ predictions)
    found = float(losses.mean(np.square(y.astype(int) - prediction.labels), prediction.weight))
    return 1 - found / chance if chance > 1e-12 else float("nan")  # both sides are of one class, but for rounding


@register("class", direction="min", proper=True, low=0, high=1, tags=("core",))
@_demand_order
def rps(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the ranked probability score, the mean of Σ_k (F_k - [y <= k])² / (K - 1), with F_k = p_0 + … + p_k.

    It runs from 0 to 1; NaN where the classes are not ordered. Epstein (1969), A scoring system for probability
    forecasts of ranked categories; divided by K - 1 by Murphy (1971), A note on the ranked probability score.
    """
    below = np.cumsum(prediction.values, axis=1)[:, :-1]
    came = y[:, None] <= np.arange(target.width - 1)
    return float(losses.mean(np.square(below - came).mean(axis=1), prediction.weight))
