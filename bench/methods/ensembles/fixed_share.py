"""Exponential weights that follow change."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, Block, keep_order


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def fixed_share(panel: Panel, y: Array, rng: np.random.Generator, *, rate: float = 1.0, share: float = 0.01) -> Weights:
    """Hedge in the order of the table, giving back a share of the weights on every row; the last weights are frozen.

        w_l ← (1 - share) w_l exp(-η ℓ_l) / Σ_j w_j exp(-η ℓ_j) + share / L, η = rate / mean spread of the losses

    The rows come in the panel's own order, and the last weights stay, because to follow the learner that is best by now
    is what the method is for: on a table whose order has a meaning, the test rows come next. On others it is a noisy
    hedge that remembers some 1 / share rows. Herbster and Warmuth (1998), "Tracking the best expert": their α, which
    goes to the other learners alone, is share × (L - 1) / L.

    Raises:
        BenchError: `rate` is not positive, or `share` not in (0, 1].
    """
    if not (rate > 0 and 0 < share <= 1):
        raise BenchError(f"fixed-share cannot have rate={rate}, share={share}: give a rate above 0, a share in (0, 1]")
    stream = keep_order(panel, y)
    spread = float(np.concatenate([_lag(block).max(axis=1) for block in stream.blocks()]).mean())
    w = np.full(len(panel.learners), 1 / len(panel.learners))
    for block in stream.blocks():
        lag = _lag(block)
        for each in np.exp(-rate / spread * lag) if spread > 0 else np.ones_like(lag):
            w *= each
            w *= (1 - share) / w.sum()
            w += share / len(w)
    return Weights(w / w.sum())


def _lag(block: Block) -> Array:
    """Return how much more each learner loses on each row than the best one there, (n, L)."""
    loss = block.losses()
    return np.asarray(loss - loss.min(axis=1, keepdims=True))
