"""Equal total weight for every class."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.class_weights import register


@register("fit", tags=("core",))
def balanced(counts: Array, total: float) -> Array:
    """Give every class the same total weight: w_c = N / (K' n_c), over the K' classes that have rows.

    King and Zeng (2001), Logistic regression in rare events data; `class_weight="balanced"` of scikit-learn.
    """
    counts = np.asarray(counts, dtype=float)
    present = counts > 0
    return np.divide(total, counts * np.count_nonzero(present), out=np.zeros_like(counts), where=present)
