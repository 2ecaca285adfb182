"""Balanced weights with a highest ratio."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.class_weights import register
from bench.methods.class_weights.ratios import imbalance_ratio


@register("fit", tags=("extended",))
def capped(counts: Array, total: float, *, cap: float = 10.0) -> Array:
    """Weigh a class by its imbalance, up to a cap: w_c = min(n_max / n_c, cap).

    A row of the rarest class never counts more than `cap` rows of the largest one. cap = 1 is `none`, a cap above
    n_max / n_min is `balanced`. Own: practice without a source that could be named.

    Raises:
        BenchError: the cap is below 1.
    """
    if not cap >= 1:
        raise BenchError(f"cap of capped cannot be {cap}: give the highest ratio of two weights, at least 1")
    return np.minimum(imbalance_ratio(counts), cap)
