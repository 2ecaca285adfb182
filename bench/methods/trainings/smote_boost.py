"""Boosting with synthetic rows of rare classes in every round."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.boost import boost, equal_start, samme
from bench.methods.trainings.oversampling import grow_sample, smote_rows
from bench.methods.trainings.sample import Sample, positive_weight_sample, rows_to_add, whole_number


@register(
    "fit",
    tags=("extended", "balanced-ensemble"),
    hook="ensemble",
    learners=("forest",),
    libraries=("imbalanced-learn",),
)
def smote_boost(context: FitContext, *, rounds: int = 10, depth: int = 4, k: int = 5) -> FittedModel:
    """Boost small trees by AdaBoost, each grown on all rows and on those of `smote` that make classes alike in size.

    Synthetic rows are made anew in every round, with the mean weight 1 / n, and dropped after it: errors are counted on
    the rows as they are. It brings trees of its own, and therefore stands beside one learner alone: the forest, whose
    encoding it uses. Chawla, Lazarevic, Hall and Bowyer (2003), SMOTEBoost: improving prediction of the minority class
    in boosting.

    Raises:
        BenchError: rounds, depth or k is below 1.
    """
    whole_number("rounds", rounds)
    whole_number("depth", depth)
    whole_number("k", k)
    sample = positive_weight_sample(context)
    wanted = rows_to_add(sample.y, 1.0)

    def draw(t: int, D: Array) -> tuple[Sample, Array]:
        grown = grow_sample(context, sample, smote_rows, k, wanted, ("round", t))
        return grown, np.append(D, np.full(len(grown.y) - len(D), 1 / len(D)))

    K = len(np.unique(sample.y))
    return boost(context, sample, rounds=rounds, depth=depth, start=equal_start(sample), draw=draw, reweigh=samme(K))
