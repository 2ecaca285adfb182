"""Dirichlet calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, NotApplicableError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.logit_maps import fit_logit_map

DIAGONAL_PRICE = 1e-4
"""Price on the diagonal of W, which the authors leave free: it holds a map of separable classes finite."""

MOST_CLASSES = 50
"""More classes would take minutes and a matrix of 50 MB for each step."""


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def dirichlet(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, penalty: float = 0.01
) -> Callable[[Prediction], Prediction]:
    """Calibrate by p ← softmax(W ln p + b), for the least log loss and small entries off the diagonal of W.

        min  mean log loss + penalty (Σ_{j≠k} W_jk² + Σ_k b_k²) / 2 + 10^-4 Σ_k (W_kk - 1)² / 2

    It is what calibrates probabilities that are Dirichlet within each class, and takes into account which classes are
    mistaken for which. `penalty` is their ODIR; a large one leaves the diagonal alone. Kull, Perello Nieto, Kängsepp,
    Silva Filho, Song and Flach (2019), "Beyond temperature scaling: obtaining well-calibrated multi-class probabilities
    with Dirichlet calibration".

    Raises:
        BenchError: the penalty is not above zero.
        NotApplicableError: there are more classes than `MOST_CLASSES`.
    """
    if not penalty > 0:
        raise BenchError(f"penalty of dirichlet cannot be {penalty}: give a number above zero, such as 0.01")
    K = prediction.target.width
    if K > MOST_CLASSES:
        raise NotApplicableError(f"dirichlet fits K (K + 1) numbers, too many for {K} classes: use vector-scaling")
    price = np.full((K, K + 1), penalty)
    price[np.arange(K), np.arange(K)] = DIAGONAL_PRICE
    return fit_logit_map(prediction, y, np.ones((K, K + 1)), price)
