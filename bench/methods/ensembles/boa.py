"""Bernstein online aggregation."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, Stream, shuffle_rows

INFLATION = 2.2
"""What squares are multiplied by in the reference implementation; the paper has no such factor."""


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def boa(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Aggregate with a second-order correction and a rate for each learner; the mean of the weights is frozen.

        w_l ∝ η_l exp(η_l R_l), R_l = Σ_t r_tl - η_tl r_tl², η_tl = 1 / √(2.2 Σ_{s ≤ t} r_sl²)

    r is the excess of the pool over the learner in the slope of the loss, so that the pool learns to be as good as the
    best convex combination; classes learn by the Brier score, whose slope is bounded. The rows come in an order drawn
    from `rng`, as out-of-fold rows have none, and the mean of the weights is the sound choice for new rows (see
    `hedge`). After Wintenberger (2017), "Optimal learning with Bernstein online aggregation", in the variant of the
    reference implementation (Gaillard and Goude, opera): the paper halves the rate, bounds it by the range of r, and
    adds what was cut off. A learner that has been equal to the pool so far has the largest rate of the others.
    """
    stream = shuffle_rows(panel, y, rng)
    return Weights(stream.weight @ weights_by_row(stream)[:-1] / stream.weight.sum())


def weights_by_row(stream: Stream) -> Array:
    """Return the weights before each row, and those after the last, shape (n + 1, L)."""
    L = stream.predictions.shape[1]
    weights = np.full((len(stream.y) + 1, L), 1 / L)
    gained, squares = np.zeros(L), np.zeros(L)
    for t in range(len(stream.y)):
        r = stream.excess(t, weights[t])
        squares += INFLATION * r**2
        if not squares.any():
            continue
        rate = 1 / np.sqrt(np.where(squares > 0, squares, np.inf))
        rate = np.where(squares > 0, rate, rate.max())
        gained += r - rate * r**2
        w = rate * np.exp(rate * gained - (rate * gained).max())
        weights[t + 1] = w / w.sum()
    return weights
