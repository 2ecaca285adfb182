"""Metrics of point answers."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Answer, Array, Target
from bench.methods.metrics import register


@register("point", direction="min", unit=True)
def rmse(target: Target, y: Array, answer: Answer) -> float:
    """Return the root mean squared error, √ mean (said - y)²."""
    return float(np.sqrt(losses.mean(losses.squared_error(y, answer.values), answer.weight)))


@register("point", direction="min", unit=True)
def mae(target: Target, y: Array, answer: Answer) -> float:
    """Return the mean absolute error, mean |said - y|."""
    return float(losses.mean(np.abs(answer.values[:, 0] - y), answer.weight))


@register("point", direction="max")
def r2(target: Target, y: Array, answer: Answer) -> float:
    """Return R² = 1 - mean (said - y)² / mean (y - m)², with m the mean of these y; NaN if y is constant."""
    heard = y if answer.weight is None else y[answer.weight > 0]
    if np.ptp(heard) == 0:
        return float("nan")
    spread = losses.mean(np.square(y - losses.mean(y, answer.weight)), answer.weight)
    return float(1 - losses.mean(losses.squared_error(y, answer.values), answer.weight) / spread)
