"""Quantile regression averaging."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.level_regression import FREE_INTERCEPT, by_level
from bench.methods.ensembles.rows import drop_unused_rows


@register("quantile", tags=("extended",), breaks=FREE_INTERCEPT, code=("bench.solvers.quantile_regression",))
def qra(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Regress y at each level on the learners' quantiles of that level: free weights and an intercept.

        min_{a,w} mean_n ψ_τk(y_n - a_k - Σ_l w_lk ŷ_lnk) for every level k

    Solved to a proved gap. Where learners are equal, constant or collinear, the weights have the least norm among those
    that predict the same, every learner measured in its standard deviation. Nowotarski and Weron (2015), "Computing
    electricity spot price prediction intervals using quantile regression and forecast averaging", for quantiles in
    place of point forecasts.
    """
    lines = by_level(*drop_unused_rows(panel, y), len(panel.learners))
    return Weights(
        np.column_stack([line.w for line in lines]),
        intercept=np.array([line.intercept for line in lines]),
        gap=max(line.gap for line in lines),
    )
