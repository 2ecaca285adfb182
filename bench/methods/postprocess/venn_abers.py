"""Venn–Abers calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.one_vs_rest import Curve, calibrate


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def venn_abers(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Calibrate each class against the rest by two rising curves, one as if the row were of the class, one as if not.

        p = p_1 / (1 - p_0 + p_1)

    p_1 is the value at the row's probability s of the isotonic regression on the known rows and (s, 1), p_0 of that on
    the known rows and (s, 0). One of the two is calibrated by right if rows are exchangeable; p is their merger of the
    least regret in log loss, and is never 0 or 1, where `isotonic` is rash. For two classes there is one pair; of more,
    rows are let sum to one. A row of weight two is two equal rows, the predicted row is one. Vovk and Petej (2014),
    "Venn–Abers predictors"; Nouretdinov et al. (2018), "Inductive Venn–Abers predictive distribution", for several
    classes one against the rest.
    """
    return calibrate(prediction, y, _learn_pair)


@dataclass(frozen=True)
class _Block:
    """Pooled neighbours of a rising curve: what their labels sum to, their mass, and the next block outwards."""

    total: float
    mass: float
    beyond: _Block | None = None

    @property
    def mean(self) -> float:
        return self.total / self.mass


def _learn_pair(p: Array, rest: Array, hit: Array, mass: Array) -> Curve:
    score, place = np.unique(p, return_inverse=True)
    totals, masses = np.bincount(place, weights=mass * hit).tolist(), np.bincount(place, weights=mass).tolist()
    below, above = _pool_upwards(totals, masses), _pool_downwards(totals, masses)

    def value(s: float, label: float) -> float:
        """Return the value at s of the isotonic regression with one more row (s, label)."""
        at = int(np.searchsorted(score, s))
        if at < len(score) and score[at] == s:
            return _value_between(below[at], _Block(totals[at] + label, masses[at] + 1), above[at + 1])
        return _value_between(below[at], _Block(label, 1.0), above[at])

    def curve(own: Array, _: Array) -> Array:
        s, at = np.unique(own, return_inverse=True)
        pairs = np.array([(value(each, 0.0), value(each, 1.0)) for each in s.tolist()])
        return np.asarray((pairs[:, 1] / (1 - pairs[:, 0] + pairs[:, 1]))[at])

    return curve


def _pool_upwards(totals: list[float], masses: list[float]) -> list[_Block | None]:
    """Return the last block of the isotonic regression of the first i scores, for i = 0, 1, …, n."""
    tops: list[_Block | None] = [None]
    for total, mass in zip(totals, masses, strict=True):
        block, top = _Block(total, mass), tops[-1]
        while top and top.mean >= block.mean:
            block, top = _Block(block.total + top.total, block.mass + top.mass), top.beyond
        tops.append(replace(block, beyond=top))
    return tops


def _pool_downwards(totals: list[float], masses: list[float]) -> list[_Block | None]:
    """Return the first block of the isotonic regression of the scores from i on, for i = 0, 1, …, n."""
    upside_down = _pool_upwards([-total for total in reversed(totals)], masses[::-1])
    return upside_down[::-1]


def _value_between(below: _Block | None, block: _Block, above: _Block | None) -> float:
    """Return the mean of a block once it has pooled the neighbours that it violates; those `above` are negated."""
    while (below and below.mean > block.mean) or (above and -above.mean < block.mean):
        if below and below.mean > block.mean:
            block, below = _Block(block.total + below.total, block.mass + below.mass), below.beyond
        elif above:
            block, above = _Block(block.total - above.total, block.mass + above.mass), above.beyond
    return block.mean
