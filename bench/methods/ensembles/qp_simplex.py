"""The exact convex combination for squared error."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.simplex_qp import residual_gram, simplex_qp


@register("point", tags=("core",))
def qp_simplex(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the squared error of a convex combination, exactly.

        min_w w'Gw over w ≥ 0, Σ w = 1, where G_jl = mean((ŷ_j - y)(ŷ_l - y))

    Echtenbruck, Echtenbruck, Batenburg, Bäck, Naujoks and Emmerich (2022), "Optimally weighted ensembles of
    regression models"; Breiman (1996), "Stacked regressions".
    """
    solution = simplex_qp(residual_gram(panel.predictions[:, :, 0], y, panel.weight))
    return Weights(solution.w, gap=solution.gap)
