"""Weights of their own for every quantile level, tied to those of the neighbouring levels as far as that helps."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.shrunk_pinball import Solved, check_strength, choose_weights, unit
from bench.solvers.pinball_levels import each_level, pinball_by_groups, pinball_tied

STRENGTHS = (np.inf, *(10.0**power for power in range(2, -4, -1)), 0.0)
"""Candidates for α: ∞ is coarse, 0 is medium."""


@register(
    "quantile",
    tags=("extended",),
    code=("bench.methods.ensembles.shrunk_pinball", "bench.methods.ensembles.cross_validation", "bench.solvers"),
)
def elastic(panel: Panel, y: Array, rng: np.random.Generator, *, alpha: float | None = None) -> Weights:
    """Weigh learners level by level, with ties between neighbouring levels that reach from coarse to medium.

        min_w mean_nk ψ_τk(y_n - Σ_l w_lk ŷ_lnk) + α S Σ_k |w_k - w_(k+1)|² over w_k ≥ 0, Σ_l w_lk = 1

    S is the median of the learners' own losses, so that α is free of units; without it the inner folds choose among ∞
    (coarse), 100, 10, …, 10^-3 and 0 (medium). The gap is that of the whole objective. After Hasson, Maddix, Wang,
    Gupta and Park (2023), "Theoretical guarantees of learning ensembling strategies with applications to time series
    forecasting", with a quadratic tie between neighbours. `elastic-stack` does the same for classes.

    Raises:
        BenchError: `alpha` is negative.
    """
    return choose_weights(_fit_elastic, panel, y, STRENGTHS, check_strength(alpha, "alpha", "elastic"))


def _fit_elastic(panel: Panel, y: Array, strength: float, start: Array | None) -> Solved:
    levels, price = panel.target.levels, strength * unit(panel, y)
    data = (panel.predictions, y, levels, panel.weight)
    if np.isinf(strength):
        return pinball_by_groups(*data, groups=[slice(0, len(levels))])
    return (
        pinball_tied(*data, price=price, start=start) if price else pinball_by_groups(*data, groups=each_level(levels))
    )
