"""A negative power of the class size: between no weights (0) and balanced ones (1)."""

from __future__ import annotations

import numpy as np

from bench.class_weights import register
from bench.core import Array


@register("fit", tags=("core",))
def inverse_power(counts: Array, total: float, *, power: float = 0.5) -> Array:
    """Weigh a class by a negative power g of its size: w_c = n_c^-g.

    g = 0 is `none`, g = 1 is `balanced`. Mahajan et al. (2018), Exploring the limits of weakly supervised
    pretraining, use g = 1/2.
    """
    counts = np.asarray(counts, dtype=float)
    return np.power(counts, -power, out=np.zeros_like(counts), where=counts > 0)
