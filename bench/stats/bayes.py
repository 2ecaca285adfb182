"""How likely is each method practically better? The Bayesian signed-rank test for all pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array
from bench.stats.tables import differences, too_few

POSTERIOR_DRAWS = 10_000
"""The standard error of a probability is at most 0.005."""

PRIOR = 0.5
"""Weight of the difference zero that the prior adds to the tasks."""

EQUAL = 1e-6
"""Masses that differ by less than this share are equal: single precision is enough for draws, and twice as fast."""

CHUNK = 1000
"""Draws multiplied at a time."""

BY_PRODUCT = 400
"""Up to so many tasks all pairs of tasks are held as a matrix; above, sorted sums take its place."""


class Bayes(NamedTuple):
    """`better` (K, K): the probability that i is practically better than j; `same` (K, K): that they are equal."""

    better: Array
    same: Array
    reason: str = ""


def bayesian_signed_rank(
    table: Array, rope: float | Array, rng: np.random.Generator, *, draws: int = POSTERIOR_DRAWS, prior: float = PRIOR
) -> Bayes:
    """Compare all pairs over a table (N, K) with one row a task, lower better.

    For the differences z_t = e_i - e_j, and z_0 = 0 with weight `prior`, draw weights w from a Dirichlet distribution
    with one for each task:

        left = Σ_st w_s w_t [z_s + z_t < -2 rope],  right = Σ_st w_s w_t [z_s + z_t > 2 rope],  inside the rest

    equality counting half; a probability is the share of draws in which its mass is the largest, equal masses sharing
    the draw. `rope` is in the units of the table: with `tables.logs`, 0.01 is one per cent; it is one number, or has
    one for each pair (K, K). With rope 0 `same` is 0. Each pair uses the tasks that both have, all pairs the same
    draws; NaN with fewer than six tasks. Source: Benavoli, Mangili, Corani, Zaffalon and Ruggeri (2014), A Bayesian
    Wilcoxon signed-rank test based on the Dirichlet process; Benavoli, Corani, Demšar and Zaffalon (2017), Time for a
    change.
    """
    N, K = table.shape
    better, same = np.full((K, K), np.nan), np.full((K, K), np.nan)
    ropes = np.broadcast_to(np.asarray(rope, dtype=float), (K, K))
    weights = rng.standard_exponential((draws, N + 1), dtype=np.float32)  # Dirichlet, once divided by their sum
    weights[:, 0] = rng.standard_gamma(prior, draws)
    for i in range(K):
        for j in range(i):
            z = differences(table[:, i], table[:, j])
            known = ~np.isnan(z)
            if not too_few(int(known.sum())):
                inside = np.concatenate([[True], known])
                drawn = weights if inside.all() else np.ascontiguousarray(weights[:, inside])  # no copy of all
                pair = _shares(np.concatenate([[0.0], z[known]]), drawn, float(ropes[i, j]))
                better[i, j], same[i, j], better[j, i] = pair
                same[j, i] = same[i, j]
    return Bayes(better, same, too_few(N))


def _shares(z: Array, weights: Array, rope: float) -> tuple[float, float, float]:
    """Return the shares of the draws in which the mass to the left, inside and to the right is the largest."""
    masses = _by_product if len(z) <= BY_PRODUCT else _by_order
    won = np.zeros(3)
    for start in range(0, len(weights), CHUNK):
        w = weights[start : start + CHUNK]
        left, right = masses(z, w, rope)
        whole = w.sum(axis=1) ** 2
        mass = np.stack([left, whole - left - right, right])
        first = mass >= mass.max(axis=0) - EQUAL * whole
        won += (first / first.sum(axis=0)).sum(axis=1)
    left_, inside, right_ = won / len(weights)
    return float(left_), float(inside), float(right_)


def _by_product(z: Array, w: Array, rope: float) -> tuple[Array, Array]:
    """Return Σ w_s w_t above and below as two matrix products."""
    with np.errstate(invalid="ignore"):
        sums = z[:, None] + z[None, :]  # inf - inf is on neither side
    edge, noise = 2 * rope, _noise(z, rope)
    below = np.add(sums <= -edge + noise, sums < -edge - noise, dtype=np.float32) / 2
    above = np.add(sums >= edge - noise, sums > edge + noise, dtype=np.float32) / 2
    return np.einsum("dt,dt->d", w @ below, w), np.einsum("dt,dt->d", w @ above, w)


def _by_order(z: Array, w: Array, rope: float) -> tuple[Array, Array]:
    """Return the same from running sums over the sorted differences."""
    order, noise = np.argsort(z, kind="stable"), _noise(z, rope)
    z, w = z[order], w[:, order].astype(float)  # running sums need the digits
    running = np.concatenate([np.zeros((len(w), 1)), np.cumsum(w, axis=1)], axis=1)
    with np.errstate(invalid="ignore"):
        low, high = ([np.searchsorted(z, edge - z + way * noise) for way in (-1, 1)] for edge in (-2 * rope, 2 * rope))
    below = (running[:, low[0]] + running[:, low[1]]) / 2
    above = running[:, -1:] - (running[:, high[0]] + running[:, high[1]]) / 2
    return np.einsum("dt,dt->d", below, w), np.einsum("dt,dt->d", above, w)


def _noise(z: Array, rope: float) -> float:
    """Return how far a sum of two differences may be from the edge and still be on it, above float noise."""
    return 1e-11 * float(np.abs(z[np.isfinite(z)]).max(initial=rope))
