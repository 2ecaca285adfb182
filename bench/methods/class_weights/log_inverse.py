"""The logarithm of the imbalance."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.class_weights import register
from bench.methods.class_weights.ratios import imbalance_ratio


@register("fit", tags=("extended",))
def log_inverse(counts: Array, total: float) -> Array:
    """Weigh a class by the logarithm of its imbalance: w_c = ln(1 + n_max / n_c).

    The largest class has ln 2, and one that is a thousand times smaller ten times that. Liu et al. (2021), IMBENS:
    ensemble class-imbalanced learning in Python, where it is the cost option "log1p-inverse".
    """
    return np.log1p(imbalance_ratio(counts))
