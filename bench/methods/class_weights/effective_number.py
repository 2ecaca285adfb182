"""The inverse of the effective number of rows."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.class_weights import register


@register("fit", tags=("core",))
def effective_number(counts: Array, total: float, *, beta: float | None = None) -> Array:
    """Weigh a class by the inverse of its effective number of rows: w_c = (1 - b) / (1 - b^n_c).

    `beta` is b; without it b = (N - 1) / N, so that N rows cover the space once. b = 0 is `none`, b -> 1 is
    `balanced`. The result depends on the unit of the counts. Cui, Jia, Lin, Song and Belongie (2019),
    Class-balanced loss based on effective number of samples.

    Raises:
        BenchError: beta is not in [0, 1).
    """
    b = beta if beta is not None else 1 - 1 / max(total, 1.0)
    if not 0 <= b < 1:
        raise BenchError(f"beta of effective-number cannot be {b}: give a number from 0 to below 1")
    counts = np.asarray(counts, dtype=float)
    # expm1 keeps the digits of 1 - b^n where b is close to one; b = 0 gives log b = -inf and the weight one
    with np.errstate(divide="ignore"):
        log_b = np.log(b)
    power = np.multiply(counts, log_b, out=np.zeros_like(counts), where=counts > 0)
    return np.divide(1 - b, -np.expm1(power), out=np.zeros_like(counts), where=counts > 0)
