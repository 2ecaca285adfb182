"""A scale and a shift for every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.logit_maps import fit_logit_map

PRICE = 1e-4
"""Price of a step away from no change: where every row is right already, the best scale would be infinite."""


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def vector_scaling(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Multiply the log probability of each class by a scale of its own, and add a shift, for the least log loss.

        p_k ← exp(w_k ln p_k + b_k) / Σ_j exp(w_j ln p_j + b_j)

    All w alike and b = 0 is `temperature`. A price of 10^-4 (|w - 1|² + |b|²) / 2 on the mean loss holds the parameters
    finite where classes can be separated without a mistake. Guo, Pleiss, Sun and Weinberger (2017), "On calibration of
    modern neural networks".
    """
    K = prediction.target.width
    free = np.column_stack([np.eye(K), np.ones(K)])
    return fit_logit_map(prediction, y, free, PRICE * free)
