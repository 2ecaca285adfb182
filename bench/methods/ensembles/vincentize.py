"""The plain average of quantile functions, by its name in the literature."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register


@register("quantile", tags=("extended",))
def vincentize(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Average the learners' quantile functions, level by level, with the weight 1/L each: the numbers of `equal`.

        ŷ_nk = Σ_l ŷ_lnk / L

    It stands beside `linear-pool`, which averages distribution functions instead and comes out wider. Vincent (1912),
    "The function of the vibrissae in the behavior of the white rat"; Ratcliff (1979), "Group reaction time
    distributions and an analysis of distribution statistics"; Lichtendahl, Grushka-Cockayne and Winkler (2013), "Is it
    better to average probabilities or quantiles?".
    """
    return Weights(np.full(len(panel.learners), 1 / len(panel.learners)))
