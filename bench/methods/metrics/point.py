"""Metrics of point predictions."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import register


@register("point", direction="min", unit=True, low=0, tags=("core",))
def rmse(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the root mean squared error, √ mean (ŷ - y)²."""
    return float(np.sqrt(losses.mean(losses.squared_error(y, prediction.values), prediction.weight)))


@register("point", direction="min", unit=True, low=0, tags=("core",))
def mae(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean absolute error, mean |ŷ - y|."""
    return float(losses.mean(np.abs(prediction.values[:, 0] - y), prediction.weight))


@register("point", direction="max", high=1, tags=("core",))
def r2(target: Target, y: Array, prediction: Prediction) -> float:
    """Return R² = 1 - mean (ŷ - y)² / mean (y - m)², with m the mean of these y; NaN if y is constant."""
    used = y if prediction.weight is None else y[prediction.weight > 0]
    if np.ptp(used) == 0:
        return float("nan")
    spread = losses.mean(np.square(y - losses.mean(y, prediction.weight)), prediction.weight)
    return float(1 - losses.mean(losses.squared_error(y, prediction.values), prediction.weight) / spread)
