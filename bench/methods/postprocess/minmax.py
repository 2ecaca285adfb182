"""Quantiles pushed apart from the median outwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register


@register("quantile", tags=("extended",), learns="nothing")
def minmax(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Take the maximum so far on the way up from the median, and the minimum so far on the way down.

    It starts at the level next to 1/2 (the lower of two), from the prediction before the sort. It may raise the pinball
    loss, where `sort` and `pava` cannot. Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model aggregation
    for quantile regression".
    """
    # rounded, so that of two levels at the same distance from 1/2 the lower is found whatever their last digits
    middle = int(np.argmin(np.abs(prediction.target.levels - 0.5).round(9)))

    def change(other: Prediction) -> Prediction:
        quantiles = other.values if other.unsorted is None else other.unsorted
        down = np.minimum.accumulate(quantiles[:, middle::-1], axis=1)[:, ::-1]
        up = np.maximum.accumulate(quantiles[:, middle:], axis=1)
        return replace(other, values=np.hstack([down[:, :-1], up]))

    return change
