"""The mixture of the learners' distributions that has the least CRPS."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.mixture import LinearPool, crps_gram
from bench.solvers.simplex_qp import simplex_qp


@register("quantile", tags=("extended",))
def crps_simplex(panel: Panel, y: Array, rng: np.random.Generator) -> LinearPool:
    """Weigh the learners' distribution functions by the least mean CRPS of their mixture; predict its quantiles.

        min_w mean_n ∫ (Σ_l w_l F_nl(x) - [y_n ≤ x])² dx = w'Gw over w ≥ 0, Σ w = 1

    which is Σ_l w_l E|X_l - y| - ½ Σ_lm w_l w_m E|X_l - X_m|, a quadratic program with a certificate. F_nl is as in
    `linear-pool`: straight between the quantiles and in the tails. Thorey, Mallet and Baudin (2017), "Online learning
    with the continuous ranked probability score for ensemble forecasting"; Gneiting and Raftery (2007), "Strictly
    proper scoring rules, prediction, and estimation".
    """
    solution = simplex_qp(crps_gram(panel, y))
    return LinearPool(solution.w, gap=solution.gap)
