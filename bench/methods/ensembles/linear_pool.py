"""The quantiles of the average of distribution functions."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.mixture import LinearPool


@register(
    "quantile",
    tags=("extended",),
    breaks={"hears_good_learner": "a mixture is as wide as the learners disagree, however good one of them is"},
)
def linear_pool(panel: Panel, y: Array, rng: np.random.Generator) -> LinearPool:
    """Average the learners' distribution functions with the weight 1/L each, and predict its quantiles.

        ŷ_nk = F_n⁻¹(τ_k), F_n(x) = Σ_l F_nl(x) / L

    F_nl joins the quantiles (ŷ_lnk, τ_k) by straight lines, and goes on beyond the outermost two at the slope that
    it has between them, down to 0 and up to 1. Where F_n stays at τ_k, the middle of that stretch is predicted. It is
    wider than the average of the quantiles, `vincentize`, the more so the more learners disagree. Stone (1961), "The
    opinion pool"; Lichtendahl, Grushka-Cockayne and Winkler (2013), "Is it better to average probabilities or
    quantiles?".
    """
    return LinearPool(np.full(len(panel.learners), 1 / len(panel.learners)))
