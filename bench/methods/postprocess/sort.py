"""Quantiles in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register


@register("quantile", tags=("core",), learns="nothing")
def sort(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Sort the quantiles of each row, as every quantile prediction ends without it too.

    It never raises the summed pinball loss. Chernozhukov, Fernández-Val and Galichon (2010), "Quantile and probability
    curves without crossing".
    """
    return lambda other: replace(other, values=np.sort(other.values, axis=1))
