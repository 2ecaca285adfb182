"""One weight per learner for all levels that pays for the squared distance from equal weights."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.shrunk_pinball import Solved, check_strength, choose_weights, unit
from bench.solvers.pinball import penalised_pinball, simplex_pinball
from bench.solvers.pinball_penalty import towards_equal
from bench.solvers.solution import Solution

STRENGTHS = (np.inf, *(10.0 ** (power / 2) for power in range(4, -9, -1)), 0.0)
"""Candidates for λ: ∞ is equal weights, 0 is coarse."""


@register(
    "quantile",
    tags=("extended",),
    code=("bench.methods.ensembles.shrunk_pinball", "bench.methods.ensembles.cross_validation", "bench.solvers"),
)
def coarse_ridge(panel: Panel, y: Array, rng: np.random.Generator, *, penalty: float | None = None) -> Weights:
    """Minimise the pinball loss of one convex combination plus a price on the squared distance from equal weights.

        min_w mean_nk ψ_τk(y_n - Σ_l w_l ŷ_lnk) + λ S Σ_l (w_l - 1/L)² over w ≥ 0, Σ w = 1

    S is the median of the learners' own losses, so that λ, the `penalty`, is free of units; without it the inner folds
    choose among ∞ (equal weights), 100, 31.6, …, 10^-4 and 0 (coarse). The gap is that of the penalised problem. The
    loss is that of Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model aggregation for quantile
    regression"; the price is after Diebold and Shin (2019), "Machine learning for regularized survey forecast
    combination: partially-egalitarian LASSO and its derivatives", with squares in place of absolute values.

    Raises:
        BenchError: `penalty` is negative.
    """
    return choose_weights(_fit_ridge, panel, y, STRENGTHS, check_strength(penalty, "penalty", "coarse-ridge"))


def _fit_ridge(panel: Panel, y: Array, strength: float, start: Array | None) -> Solved:
    size, data = len(panel.predictions), (panel.predictions, y, panel.target.levels, panel.weight)
    if np.isinf(strength):
        return Solution(np.full(size, 1 / size), 0.0, np.inf)
    price = strength * unit(panel, y)
    if price == 0:
        return simplex_pinball(*data)
    return penalised_pinball(*data, penalty=towards_equal(price, size), start=start)
