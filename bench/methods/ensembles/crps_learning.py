"""Bernstein online aggregation at every quantile level by itself, smoothed over the levels."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.boa import first_state, learn
from bench.methods.ensembles.online import ONE_BY_ONE, Block, shuffle_rows


@register("quantile", tags=("extended",), breaks=ONE_BY_ONE, code=("bench.methods.ensembles.boa",))
def crps_learning(panel: Panel, y: Array, rng: np.random.Generator, *, smoothing: float = 0.0) -> Weights:
    """Learn weights w_lk for each learner and level, row after row, by the pinball loss of that level alone.

        w_lk ∝ η_lk exp(η_lk R_lk), as in `boa`, with the excess r_lk = 2 ([pool_k > y] - τ_k) (pool_k - ŷ_lk)
        w_l· ← (I + λ D'D)^-1 w_l·,   D the differences of neighbouring levels

    The mean over the rows is frozen, and then smoothed over the levels: `smoothing` is λ, 0 leaves every level to
    itself and a large one gives all levels the same weights. Sums and signs stay. CRPS is the integral of the pinball
    loss over the levels, so that level by level nothing is lost, and a learner may be good in one tail alone. Berrisch
    and Ziel (2023), "CRPS learning", with a difference penalty in the place of splines. Compare with `medium`, its
    batch form.

    Raises:
        BenchError: the smoothing is negative.
    """
    if smoothing < 0:
        raise BenchError(f"smoothing of crps-learning cannot be {smoothing!r}: give 0 or more")
    stream, levels, L = shuffle_rows(panel, y, rng), panel.target.levels, len(panel.learners)
    states, total = [first_state(L) for _ in levels], np.zeros((len(levels), L))
    for block in stream.blocks():
        for k, level in enumerate(levels):
            w, states[k] = learn(states[k], partial(_excess, block, k, level), len(block.y))
            total[k] += (block.weight[:, None] * w).sum(axis=0)
    D = np.diff(np.eye(len(levels)), axis=0)
    smooth = np.eye(len(levels)) + smoothing * D.T @ D
    return Weights(np.linalg.solve(smooth, total / stream.weight.sum()).T)


def _excess(block: Block, k: int, level: float, t: int, w: Array) -> Array:
    """Return how much more the pool of weights w loses on row t at level k than each learner, (L,)."""
    own = block.predictions[t, :, k]
    pool = w @ own
    return np.asarray(2 * block.weight[t] * ((pool > block.y[t]) - level) * (pool - own))
