"""Convex weights of their own for every quantile level."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.pinball_levels import each_level, pinball_by_groups


@register("quantile", tags=("core",), code=("bench.solvers",))
def medium(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the mean pinball loss of a convex combination at every level, with a certificate.

        min_w mean_nk ψ_τk(y_n - Σ_l w_lk ŷ_lnk) over w ≥ 0, Σ_l w_lk = 1 at every level k

    Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model aggregation for quantile regression": global
    medium weights.
    """
    levels = panel.target.levels
    solution = pinball_by_groups(panel.predictions, y, levels, panel.weight, groups=each_level(levels))
    return Weights(solution.w, gap=solution.gap)
