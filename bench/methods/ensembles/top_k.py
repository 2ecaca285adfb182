"""Equal weights on the best learners."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.learner_badness import badness_of_learners


@register("point", "class", "quantile", tags=("extended",))
def top_k(panel: Panel, y: Array, rng: np.random.Generator, *, k: int = 5, metric: str | None = None) -> Weights:
    """Give the weight 1/k to each of the k learners of least loss, or to all of fewer; ties go to the first by name.

    The loss is the proper loss of the target's kind (squared error, WIS, log loss), or `metric`. After Aiolfi and
    Timmermann (2006), "Persistence in forecasting performance and conditional combination strategies", who average the
    cluster of the previous best.

    Raises:
        BenchError: `k` is less than one, or the metric does not exist.
    """
    if k < 1:
        raise BenchError(f"k of top-k cannot be {k!r}: give a number of learners, at least 1")
    loss = badness_of_learners(panel, y, metric)
    best = sorted(range(len(loss)), key=lambda j: (loss[j], panel.learners[j]))[:k]
    w = np.zeros(len(loss))
    w[best] = 1 / len(best)
    return Weights(w)
