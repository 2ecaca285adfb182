"""Boosting with copies of rare rows in every round."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.boost import boost, equal_start, samme
from bench.methods.trainings.sample import Sample, positive_weight_sample, rows_to_add, whole_number


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble", learners=("forest",))
def over_boost(context: FitContext, *, rounds: int = 50, depth: int = 4) -> FittedModel:
    """Boost small trees by AdaBoost, each grown on all rows and on copies that make the classes alike in size.

    Copies are drawn anew in every round and carry the weight of their row; errors are counted on the rows as they are.
    It brings trees of its own, and therefore stands beside one learner alone: the forest, whose encoding it uses.
    The over-sampling twin of `rus-boost`: Galar, Fernández, Barrenechea, Bustince and Herrera (2012), A review on
    ensembles for the class imbalance problem.

    Raises:
        BenchError: rounds or depth is below 1.
    """
    whole_number("rounds", rounds)
    whole_number("depth", depth)
    sample = positive_weight_sample(context)
    wanted = rows_to_add(sample.y, 1.0)

    def draw(t: int, D: Array) -> tuple[Sample, Array]:
        rng = context.rng("copies", t)
        copies = [rng.choice(np.flatnonzero(sample.y == code), n) for code, n in wanted.items()]
        index = np.concatenate([np.arange(len(sample.y)), *copies])
        return sample.rows(index), D[index]

    K = len(np.unique(sample.y))
    return boost(context, sample, rounds=rounds, depth=depth, start=equal_start(sample), draw=draw, reweigh=samme(K))
