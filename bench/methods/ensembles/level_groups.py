"""Convex weights for groups of neighbouring quantile levels."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.pinball_levels import pinball_by_groups


@register("quantile", tags=("extended",), code=("bench.solvers",))
def level_groups(panel: Panel, y: Array, rng: np.random.Generator, *, groups: int = 3) -> Weights:
    """Minimise the mean pinball loss of one convex combination for each group of neighbouring levels.

        min_w mean_nk ψ_τk(y_n - Σ_l w_lk ŷ_lnk) over w_k ≥ 0, Σ_l w_lk = 1, w_j = w_k inside a group

    The levels in order are cut into `groups` parts of nearly the same size, the first ones larger: 1 is coarse; K or
    more is medium. Tibshirani (2020), the R package quantgen: `tau_groups`.

    Raises:
        BenchError: `groups` is less than one.
    """
    if groups < 1:
        raise BenchError(f"groups of level-groups cannot be {groups!r}: give a number from 1 (coarse)")
    levels = panel.target.levels
    parts = np.array_split(np.arange(len(levels)), min(groups, len(levels)))
    slices = [slice(int(part[0]), int(part[-1]) + 1) for part in parts]
    solution = pinball_by_groups(panel.predictions, y, levels, panel.weight, groups=slices)
    return Weights(solution.w, gap=solution.gap)
