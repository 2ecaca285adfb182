"""Selection: all the weight on one learner."""

from __future__ import annotations

import numpy as np

from bench import losses, metrics
from bench.core import Answer, Array, Panel, Weights
from bench.ensembles import register


@register("point", "class", "quantile", tags=("core",))
def single_best(panel: Panel, y: Array, rng: np.random.Generator, *, metric: str | None = None) -> Weights:
    """Put all weight on the learner with the least loss; ties go to the first by name.

    The loss is the proper loss of the target's kind (squared error, WIS, log loss), or minus `metric` where one is
    named. van der Laan, Polley and Hubbard (2007), "Super Learner", call it the discrete super learner.
    """
    loss = losses.of_learners(panel, y) if metric is None else _by_metric(panel, y, metric)
    best = min(range(len(loss)), key=lambda j: (loss[j], panel.learners[j]))
    return Weights(np.eye(len(loss))[best])


def _by_metric(panel: Panel, y: Array, name: str) -> Array:
    """Return the badness of each learner by a metric, shape (L,); undefined is worst."""
    found = metrics.named(panel.target, name)
    values = [found.function(panel.target, y, Answer(panel.target, said, panel.weight)) for said in panel.said]
    return np.nan_to_num(np.array([found.badness(value) for value in values]), nan=np.inf)
