"""Bernstein online aggregation at every quantile level by itself, smoothed over the levels."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.boa import weights_by_excess
from bench.methods.ensembles.online import ONE_BY_ONE, Stream, shuffle_rows


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
    stream = shuffle_rows(panel, y, rng)
    levels = panel.target.levels
    by_level = [_weights_of_level(stream, k, level)[:-1] for k, level in enumerate(levels)]
    w = np.stack([np.average(each, axis=0, weights=stream.weight) for each in by_level], axis=1)
    D = np.diff(np.eye(len(levels)), axis=0)
    return Weights(np.linalg.solve(np.eye(len(levels)) + smoothing * D.T @ D, w.T).T)


def _weights_of_level(stream: Stream, k: int, level: float) -> Array:
    """Return the weights before each row, and after the last, at level k (n + 1, L)."""

    def excess(t: int, w: Array) -> Array:
        own = stream.predictions[t, :, k]
        pool = w @ own
        return np.asarray(2 * stream.weight[t] * ((pool > stream.y[t]) - level) * (pool - own))

    return weights_by_excess(excess, *stream.predictions.shape[:2])
