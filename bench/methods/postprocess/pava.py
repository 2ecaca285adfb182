"""The nearest quantiles that do not cross."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register


@register("quantile", tags=("core",), learns="nothing")
def pava(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Replace the quantiles that cross by their means, so that each row is as near as can be to the prediction.

    The values q of a row minimise Σ_k (q_k - g_k)² under q_1 <= … <= q_K, where g is the prediction before the sort. It
    never raises the summed pinball loss. Ayer, Brunk, Ewing, Reid and Silverman (1955), "An empirical distribution
    function for sampling with incomplete information"; Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible
    model aggregation for quantile regression".
    """
    return lambda other: replace(
        other, values=isotonic_rows(other.values if other.unsorted is None else other.unsorted)
    )


def isotonic_rows(predictions: Array) -> Array:
    """Return the non-decreasing rows nearest to `predictions` (n, K) in squared distance."""
    crossed = np.any(predictions[:, 1:] < predictions[:, :-1], axis=1)
    values = predictions.copy()
    values[crossed] = _pool_neighbours(predictions[crossed])
    return values


def _pool_neighbours(predictions: Array) -> Array:
    """Pool falling neighbours, in all rows at once, until none are left.

    Blocks lie one after another with sum, size and row. Every run of blocks whose means fall belongs to one block of
    the result, in whatever order it is pooled.
    """
    n, width = predictions.shape
    total, size, row = predictions.ravel(), np.ones(predictions.size), np.repeat(np.arange(n), width)
    while True:
        mean = total / size
        joins = (mean[1:] < mean[:-1]) & (row[1:] == row[:-1])
        if not joins.any():
            return np.repeat(mean, size.astype(int)).reshape(n, width)
        start = np.flatnonzero(np.append(True, ~joins))
        total, size, row = np.add.reduceat(total, start), np.add.reduceat(size, start), row[start]
