"""One convex weight per learner for all quantile levels."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.pinball import simplex_pinball


@register("quantile", tags=("core",))
def coarse(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the mean pinball loss (WIS / 2) of a convex combination shared by all levels, with a certificate.

        min_w mean_nk ψ_τk(y_n - Σ_l w_l ŷ_lnk) over w ≥ 0, Σ w = 1

    Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model aggregation for quantile regression": global
    coarse weights.
    """
    solution = simplex_pinball(panel.predictions, y, panel.target.levels, panel.weight)
    return Weights(solution.w, gap=solution.gap)
