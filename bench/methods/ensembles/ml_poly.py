"""Polynomial weights with a learning rate for each learner."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, polynomial, shuffle_rows


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def ml_poly(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Weigh learners by their regret where it is positive, each at its own rate; the mean of the weights is frozen.

        w_l ∝ η_l max(R_l, 0), R_l = Σ_t r_tl, η_l = 1 / (max r² + Σ_t r_tl²)

    r is the excess of the pool over the learner in the slope of the loss, so that the pool learns to be as good as the
    best convex combination; classes learn by the Brier score, whose slope is bounded. Without any positive regret all
    learners count alike. The rows come in an order drawn from `rng`, as out-of-fold rows have none, and the mean of the
    weights is the sound choice for new rows (see `hedge`). Gaillard, Stoltz and van Erven (2014), "A second-order bound
    with excess losses"; max r² stands where they know the range to be one.
    """
    stream = shuffle_rows(panel, y, rng)
    L = len(panel.learners)
    w, total, regret, squares, largest = np.full(L, 1 / L), np.zeros(L), np.zeros(L), np.zeros(L), 0.0
    for block in stream.blocks():
        for t, weight in enumerate(block.weight.tolist()):
            total += weight * w
            r = block.excess(t, w)
            regret += r
            squares += r**2
            largest = max(largest, float((r**2).max()))
            w = polynomial(regret, squares, largest)
    return Weights(total / total.sum())
