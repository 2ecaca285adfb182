"""Weights found by an evolution strategy: free, through a softmax, or in whole parts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.learner_badness import name_order
from bench.methods.ensembles.objective import Badness, badness_of_weights, finish_values, judge_of_predictions

EVALUATIONS = 50
"""Trials a learner."""

MOST_TRIALS = 5000
"""Trials at most."""

Decode = Callable[[Array], Array]
"""A point of the search (L,) -> weights (L,) of sum one."""


@dataclass(frozen=True)
class Clipped:
    """Weights `w` (L,), some of them negative, whose probabilities are clipped and divided by their sum."""

    w: Array

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        return finish_values(panel, Weights(self.w)(panel))


@register(
    "point", "class", "quantile", tags=("extended",), breaks={"within_range": "weights may be negative or above one"}
)
def cma_es(
    panel: Panel, y: Array, rng: np.random.Generator, *, metric: str | None = None, step: float = 0.2
) -> Weights | Clipped:
    """Search for weights of sum one and any sign that minimise the proper loss or a metric, by CMA-ES.

    A point v stands for w = v + (1 - Σ v) / L. The search starts at the best learner, which is kept if nothing beats
    it; it takes 50 L trials (5,000 at most), in populations of 4 + ⌊3 ln L⌋. Probabilities below zero are clipped, and
    rows divided by their sum (the authors let such rows pass through a softmax). Purucker and Beel (2023), "CMA-ES for
    post hoc ensembling in AutoML: a great success and salvageable failure"; Hansen (2016), "The CMA evolution strategy:
    a tutorial".

    Raises:
        BenchError: `step` is not positive, or the metric does not exist.
    """
    if panel.target.kind == "point" and metric is None:
        badness = badness_of_weights(panel, y)
    else:
        judge = judge_of_predictions(panel, y, metric)

        def badness(w: Array) -> Array:
            return np.array([judge(np.tensordot(row, panel.predictions, axes=1)) for row in w])

    w = _search(panel, badness, lambda v: v + (1 - v.sum()) / len(v), rng, step)
    return Clipped(w) if panel.target.kind == "class" and w.min() < 0 else Weights(w)


@register("point", "class", "quantile", tags=("extended",))
def cma_es_softmax(
    panel: Panel, y: Array, rng: np.random.Generator, *, metric: str | None = None, step: float = 0.2
) -> Weights:
    """Search like `cma-es` for points v whose softmax is the weights; learners at v = 0 exactly have none.

    Purucker and Beel (2023), "CMA-ES for post hoc ensembling in AutoML: a great success and salvageable failure".

    Raises:
        BenchError: `step` is not positive, or the metric does not exist.
    """
    return Weights(_search(panel, badness_of_weights(panel, y, metric), _softmax, rng, step))


@register("point", "class", "quantile", tags=("extended",))
def cma_es_explicit(
    panel: Panel,
    y: Array,
    rng: np.random.Generator,
    *,
    metric: str | None = None,
    step: float = 0.2,
    picks: int = 50,
) -> Weights:
    """Search like `cma-es-softmax`, with the weights rounded to multiples of 1 / picks: the grid of greedy selection.

    Purucker and Beel (2023), "CMA-ES for post hoc ensembling in AutoML: a great success and salvageable failure":
    explicit GES.

    Raises:
        BenchError: `step` or `picks` is not positive, or the metric does not exist.
    """
    if picks < 1:
        raise BenchError(f"picks of cma-es-explicit cannot be {picks!r}: give a whole number from 1")
    badness = badness_of_weights(panel, y, metric)
    return Weights(_search(panel, badness, lambda v: round_to_picks(_softmax(v), picks) / picks, rng, step))


def _softmax(v: Array) -> Array:
    odds = np.where(v != 0, np.exp(v - v.max()), 0.0)
    return odds / odds.sum() if odds.any() else np.full(len(v), 1 / len(v))


def round_to_picks(w: Array, picks: int) -> Array:
    """Return whole counts near w × picks whose sum is `picks`; weights up to half a pick count as none.

    What is too much is taken from the smallest counts, one by one; what is missing goes to the largest weights in turn.
    """
    counts = np.rint(np.where(w > 0.5 / picks, w, 0) * picks)
    while counts.sum() > picks:
        smallest = np.flatnonzero(counts == counts[counts > 0].min())
        counts[smallest[np.argmin(w[smallest])]] -= 1
    ranked = np.argsort(-w, kind="stable")
    ranked = ranked[counts[ranked] > 0] if counts.any() else ranked
    for turn in range(int(picks - counts.sum())):
        counts[ranked[turn % len(ranked)]] += 1
    return counts


def _search(panel: Panel, badness: Badness, decode: Decode, rng: np.random.Generator, step: float) -> Array:
    """Return the best weights seen; points are in the order of the learners' names, so that theirs is irrelevant."""
    if not step > 0:
        raise BenchError(f"step of a search by CMA-ES cannot be {step!r}: give a number above 0")
    L, order = len(panel.learners), name_order(panel.learners)
    corners = np.eye(L)[order]
    singles = badness(corners)
    w, reached = corners[np.argmin(singles)], float(singles.min())
    if L == 1:
        return w
    unit = abs(reached) or 1.0
    search = _strategy(w[order], step, rng)
    while search.countevals + search.popsize <= min(EVALUATIONS * L, MOST_TRIALS) and not search.stop():
        points = search.ask()
        different, place = np.unique([decode(np.asarray(v)) for v in points], axis=0, return_inverse=True)
        tried = np.empty_like(different)
        tried[:, order] = different
        values = badness(tried)
        # the strategy needs numbers: an undefined value is far worse than a loss of the best learner's size
        search.tell(points, np.nan_to_num(values[place.ravel()] / unit, nan=1e9, posinf=1e9))
        if values.min() < reached:
            w, reached = tried[np.argmin(values)], float(values.min())
    return w / w.sum()


def _strategy(start: Array, step: float, rng: np.random.Generator) -> Any:
    """Return a silent search that draws from `rng` alone and writes no file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it misses a library for plots, which is not used here
        import cma
    draw = {"randn": lambda *shape: rng.standard_normal(shape), "seed": np.nan}
    silent = {"verbose": -10, "verb_log": 0, "verb_disp": 0, "signals_filename": ""}
    return cma.CMAEvolutionStrategy(start, step, {**draw, **silent})
