"""Bernstein online aggregation."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, shuffle_rows


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def boa(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Aggregate with a second-order correction and a rate for each learner; the mean of the weights is frozen.

        w_l ∝ η_l exp(η_l R_l), R_l = Σ_t r_tl - η_tl r_tl², η_l = min(1 / 2 max|r|, √(ln L / Σ_t r_tl²))

    r is the excess of the pool over the learner in the slope of the loss, so that the pool learns to be as good as the
    best convex combination; classes learn by the Brier score, whose slope is bounded. The rows come in an order drawn
    from `rng`, as out-of-fold rows have none, and the mean of the weights is the sound choice for new rows (see
    `hedge`). Wintenberger (2017), "Optimal learning with Bernstein online aggregation"; the range of r is its running
    maximum, in place of a power of two, so that the unit of y is irrelevant.
    """
    stream = shuffle_rows(panel, y, rng)
    L = len(panel.learners)
    w, total, gained, squares, largest = np.full(L, 1 / L), np.zeros(L), np.zeros(L), np.zeros(L), 0.0
    for t, weight in enumerate(stream.weight.tolist()):
        total += weight * w
        r = stream.excess(t, w)
        squares += r**2
        largest = max(largest, float(np.abs(r).max()))
        if squares.any():
            slow = np.sqrt(np.log(max(L, 2)) / np.where(squares > 0, squares, np.inf))
            rate = np.minimum(np.where(squares > 0, slow, np.inf), 0.5 / largest)
            gained += r - rate * r**2
            w = rate * np.exp(rate * gained - (rate * gained).max())
            w /= w.sum()
    return Weights(total / total.sum())
