"""The exact convex combination for the Brier score."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import residual_gram_of
from bench.solvers.simplex_qp import simplex_qp


@register(
    "class",
    tags=("extended",),
    breaks={"certificate": "its gap is that of the Brier score, and the law measures log loss"},
)
def brier_simplex(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the Brier score of a convex combination of probabilities, exactly.

        min_w w'Gw over w ≥ 0, Σ w = 1, where G_jl = mean_n Σ_k (ŷ_jnk - [y_n = k])(ŷ_lnk - [y_n = k])

    LeBlanc and Tibshirani (1996), "Combining estimates in regression and classification", stack class probabilities by
    squared error; Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    solution = simplex_qp(residual_gram_of(panel, y))
    return Weights(solution.w, gap=solution.gap)
