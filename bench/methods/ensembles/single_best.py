"""Selection: all the weight on one learner."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.learner_badness import badness_of_learners


@register("point", "class", "quantile", tags=("core",))
def single_best(panel: Panel, y: Array, rng: np.random.Generator, *, metric: str | None = None) -> Weights:
    """Put all weight on the learner with the least loss; ties go to the first by name.

    The loss is the proper loss of the target's kind (squared error, WIS, log loss), or minus `metric` where one is
    named. After the cross-validation selector of van der Laan, Polley and Hubbard (2007), "Super Learner", which their
    R package calls the discrete super learner.
    """
    loss = badness_of_learners(panel, y, metric)
    best = min(range(len(loss)), key=lambda j: (loss[j], panel.learners[j]))
    return Weights(np.eye(len(loss))[best])
