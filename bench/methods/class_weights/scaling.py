"""From a class weighting to the class weights of a fit; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, InvalidPredictionError, Task


def fit_weights(weighting: Callable[[Array, float], Array], counts: Array) -> Array:
    """Return the class weights (K,), scaled so that the mean row weight is one: Σ_c n_c w_c = Σ_c n_c.

    `weighting` is a scheme of this registry, or any function of (counts, total).

    Raises:
        InvalidPredictionError: a weight is negative or not finite, or all rows together have no weight.
    """
    counts = np.asarray(counts, dtype=float)
    weights = np.asarray(weighting(counts, counts.sum()), dtype=float)
    sound = weights.shape == counts.shape and np.all(np.isfinite(weights) & (weights >= 0))
    if not sound or not weights @ counts > 0:
        raise InvalidPredictionError(
            f"the class weights are {weights.tolist()} for {counts.tolist()} rows: "
            "each must be finite and not negative, and not all may be zero"
        )
    scaled: Array = weights * (counts.sum() / (weights @ counts))
    return scaled


def class_weights_of_rows(task: Task, rows: Array, weighting: Callable[[Array, float], Array]) -> Array:
    """Return the class weights (K,) that a weighting gives to some rows of a task, its row weights included."""
    weight = None if task.weight is None else task.weight[rows]
    counts = np.bincount(task.y[rows], weights=weight, minlength=len(task.classes))
    return fit_weights(weighting, counts)
