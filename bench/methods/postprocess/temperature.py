"""One temperature for all classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Prediction, clip_probabilities
from bench.methods.postprocess import register

COLDEST, HOTTEST = 0.05, 100.0
"""Temperatures are held between these: of certain predictions that are all right, the best would be zero."""


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def temperature(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Divide the logarithms of the probabilities by the temperature T of the least log loss.

        p_k ← p_k^(1/T) / Σ_j p_j^(1/T)

    The loss is convex in 1/T, and T is where its slope is zero. No label changes: a decision rule and the class weights
    of the training are raised to 1/T like the probabilities. Guo, Pleiss, Sun and Weinberger (2017), "On calibration of
    modern neural networks".
    """
    from scipy.optimize import brentq

    logs = np.log(clip_probabilities(prediction.values)[0])
    low, high = 1 / HOTTEST, 1 / COLDEST

    def slope(power: float) -> float:
        expected = (_raise_to_power(logs, power) * logs).sum(axis=1)
        return float(losses.mean(expected - losses.true_class(y, logs), prediction.weight))

    if slope(low) >= 0:
        return lambda other: _temper(other, low)
    if slope(high) <= 0:
        return lambda other: _temper(other, high)
    # tolerances near the rounding of a double
    power = float(brentq(slope, low, high, xtol=1e-13, rtol=1e-14))
    return lambda other: _temper(other, power)


def _raise_to_power(logs: Array, power: float) -> Array:
    odds = np.exp(power * (logs - logs.max(axis=1, keepdims=True)))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _temper(prediction: Prediction, power: float) -> Prediction:
    logs = np.log(clip_probabilities(prediction.values)[0])
    values, _ = clip_probabilities(_raise_to_power(logs, power))
    rule = prediction.rule
    if rule is not None and rule.ndim == 1:  # the same labels; no matrix has a power that keeps them
        rule = rule**power
    return replace(
        prediction,
        values=values,
        rule=rule,
        effective_class_weights=None
        if prediction.effective_class_weights is None
        else prediction.effective_class_weights**power,
    )
