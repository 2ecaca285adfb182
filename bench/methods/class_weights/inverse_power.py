"""A negative power of the class size: between no weights (0) and balanced ones (1)."""

from __future__ import annotations

from bench.core.nouns import Array, BenchError
from bench.methods.class_weights import register
from bench.methods.class_weights.ratios import power_of_counts


@register("fit", tags=("core",))
def inverse_power(counts: Array, total: float, *, power: float = 0.5) -> Array:
    """Weigh a class by a negative power g of its size: w_c = n_c^-g.

    g = 0 is `none`, g = 1 is `balanced`. Mahajan et al. (2018), Exploring the limits of weakly supervised
    pretraining, use g = 1/2.
    """
    return power_of_counts(counts, -power)


@register("fit", tags=("extended",))
def matched(counts: Array, total: float, *, power: float = 0.75) -> Array:
    """Weigh classes so that together their rows weigh as much as in a metric that averages with n_c^a: w_c = n_c^(a-1).

    `power` is a, the exponent of the metric: 1 for `weighted` F1 (then this is `none`), 0.75 for `dodrans`, 0.5 for
    `sqrt`, 0 for `macro` (then this is `balanced`). The rows of a class weigh n_c w_c = n_c^a. It is `inverse-power`
    with g = 1 - a, in terms of the metric of Harbecke et al. (2022), Why only Micro-F1?

    Raises:
        BenchError: the power is not between 0 and 1.
    """
    if not 0 <= power <= 1:
        raise BenchError(f"power of matched cannot be {power}: give the exponent of the metric, from 0 to 1")
    return power_of_counts(counts, power - 1)
