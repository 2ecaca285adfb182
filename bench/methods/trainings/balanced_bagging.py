"""Bagging with balanced bags."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import balanced, mean_of, sizes
from bench.methods.trainings.fit_context import Predictor
from bench.methods.trainings.sample import positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import few


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble")
def balanced_bagging(context: FitContext, *, models: int = 10, ratio: float = 1.0) -> FittedModel:
    """Teach models of the learner a bag each, and answer with their mean: under-bagging.

    A bag holds rows of every class, drawn with replacement: as many as the smallest class has, over `ratio`, or as many
    as the class has if these are fewer. Wallace, Small, Brodley and Trikalinos (2011), Class imbalance, redux.

    Raises:
        BenchError: there is no model, or the ratio is not in (0, 1].
    """
    whole_number("models", models)
    sample = few(positive_weight_sample(context), ratio)
    drawn = sizes(sample.y, context.target.width, ratio)

    def model(part: int) -> Predictor:
        rng = context.rng("bag", part)
        bags = [rng.choice(np.flatnonzero(sample.y == c), drawn[c]) for c in np.flatnonzero(drawn)]
        bag = sample.rows(np.sort(np.concatenate(bags)))
        return context.fit(bag.X, bag.y, bag.weight, part=part)

    return balanced(context, sample, mean_of([model(part) for part in range(models)]), drawn)
