"""Dynamic selection: the learners that are right near a row."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.neighbours import LOCAL, Local, local, mark_right


@register("class", tags=("extended",), breaks=LOCAL)
def knora_e(panel: Panel, y: Array, rng: np.random.Generator, *, k: int = 7) -> Local:
    """Average the learners that are right on all k nearest training rows, or on as many of the nearest as any is.

    Where no learner is right on the nearest row, all are averaged. Ko, Sabourin and Britto (2008), "From dynamic
    classifier selection to dynamic ensemble selection": KNORA-Eliminate; probabilities are averaged in place of votes.

    Raises:
        BenchError: `k` is less than one.
    """
    return local(_eliminate, mark_right, panel, y, k)


@register("class", tags=("extended",), breaks=LOCAL)
def knora_u(panel: Panel, y: Array, rng: np.random.Generator, *, k: int = 7) -> Local:
    """Weigh each learner by the number of the k nearest training rows on which it is right.

    Where no learner is right, all count alike; row weights of the neighbours count. Ko, Sabourin and Britto (2008),
    "From dynamic classifier selection to dynamic ensemble selection": KNORA-Union; probabilities are averaged in place
    of votes.

    Raises:
        BenchError: `k` is less than one.
    """
    return local(_union, mark_right, panel, y, k)


def _eliminate(right: Array, weight: Array) -> Array:
    reach = np.logical_and.accumulate(right, axis=1).sum(axis=1)
    return reach == reach.max(axis=1, keepdims=True)


def _union(right: Array, weight: Array) -> Array:
    votes = np.einsum("nkl,nk->nl", right, weight)
    return np.where(votes.any(axis=1, keepdims=True), votes, 1.0)
