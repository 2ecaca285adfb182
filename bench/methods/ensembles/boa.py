"""Bernstein online aggregation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, shuffle_rows

ROUNDING = 1e-20
"""A learner whose V is below this share of the largest differs from the pool by rounding alone."""


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def boa(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Aggregate with a second-order correction and a rate for each learner; the mean of the weights is frozen.

        w_l ∝ η_l exp(η_l R_l), R_l = Σ_t r_tl - η_tl r_tl², η_tl = V_tl^(-1/2), V_tl = 2.2 Σ_{s ≤ t} r_sl²

    r is the excess of the pool over the learner in the slope of the loss, so that the pool learns to be as good as the
    best convex combination; classes learn by the Brier score, whose slope is bounded. The first weights are equal. A
    learner whose V_l is 0, or rounding, has not yet differed from the pool: it keeps 1/L, and the others share the
    rest. The rows come in an order drawn from `rng`, as out-of-fold rows have none, and the mean of the weights is the
    sound choice for new rows (see `hedge`). This is the variant of the R package `opera` (Gaillard and Goude), after
    Wintenberger (2017), "Optimal learning with Bernstein online aggregation", whose factor 1/2 and truncation term it
    leaves out.
    """
    stream, L = shuffle_rows(panel, y, rng), len(panel.learners)
    state, total = first_state(L), np.zeros(L)
    for block in stream.blocks():
        w, state = learn(state, block.excess, len(block.y))
        total += (block.weight[:, None] * w).sum(axis=0)
    return Weights(total / stream.weight.sum())


class State(NamedTuple):
    """The weights `w` of the next row, and what they rest on: R in `gained`, and V, each (L,)."""

    w: Array
    gained: Array
    V: Array


def first_state(L: int) -> State:
    """Return what is known before the first row."""
    return State(np.full(L, 1 / L), np.zeros(L), np.zeros(L))


def learn(state: State, excess: Callable[[int, Array], Array], n: int) -> tuple[Array, State]:
    """Return the weights before each of n rows, shape (n, L), and the state after the last.

    `excess` gives how much more the pool of weights w loses on row t than each learner (L,).
    """
    L = len(state.w)
    w, gained, V = np.full((n + 1, L), 1 / L), state.gained.copy(), state.V.copy()
    w[0] = state.w
    for t in range(n):
        r = excess(t, w[t])
        V += 2.2 * r**2
        told = ROUNDING * V.max() < V
        rate = np.sqrt(np.divide(1, V, out=np.zeros(L), where=told))
        gained += r - rate * r**2
        if told.any():
            rated = rate[told] * gained[told]
            odds = rate[told] * np.exp(rated - rated.max())
            w[t + 1, told] = odds / odds.sum() * told.mean()
    return w[:-1], State(w[-1], gained, V)
