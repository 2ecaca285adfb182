"""Convex weights for every quantile level over the learners' quantiles of that level and its neighbours."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.pinball_levels import pinball_banded

OTHER_LEVELS = {
    "within_range": "the prediction of a level may use the learners' predictions of another level",
    "single_learner": "of one learner's levels it makes better ones",
}
"""Why schemes that mix levels break two laws."""


@register("quantile", tags=("extended",), breaks=OTHER_LEVELS, code=("bench.solvers",))
def banded(panel: Panel, y: Array, rng: np.random.Generator, *, band: int = 1) -> Weights:
    """Minimise the mean pinball loss, each level over the learners' quantiles of levels at most `band` places away.

        min_w mean_nk ψ_τk(y_n - Σ_l Σ_j w_ljk ŷ_lnj) over w ≥ 0, Σ_l Σ_j w_ljk = 1, w_ljk = 0 where |j - k| > band

    A band of 0 is medium, of K - 1 fine. After Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model
    aggregation for quantile regression": between their global medium and fine weights.

    Raises:
        BenchError: `band` is negative.
    """
    if band < 0:
        raise BenchError(f"band of banded cannot be {band!r}: give a number from 0 (medium)")
    solution = pinball_banded(panel.predictions, y, panel.target.levels, panel.weight, band=band)
    return Weights(solution.w, gap=solution.gap)
