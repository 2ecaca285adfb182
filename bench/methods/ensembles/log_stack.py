"""The exact linear opinion pool for log loss."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.simplex_log import simplex_log


@register("class", tags=("core",))
def log_stack(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Maximise the log likelihood of a convex combination of probabilities, with a certificate.

        max_w mean_n ln Σ_l w_l p_l,n,y_n over w ≥ 0, Σ w = 1

    Yao, Vehtari, Simpson and Gelman (2018), "Using stacking to average Bayesian predictive distributions".
    """
    solution = simplex_log(losses.true_class(y, panel.predictions), panel.weight)
    return Weights(solution.w, gap=solution.gap)
