"""Bagging with balanced bags."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import balanced_ensemble, draw_sizes, mean_predictor
from bench.methods.trainings.fit_context import Predictor
from bench.methods.trainings.sample import positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import note_few_rows


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble")
def balanced_bagging(context: FitContext, *, models: int = 10, ratio: float = 1.0) -> FittedModel:
    """Fit models of the learner on a bag each, and predict their mean: under-bagging.

    A bag holds rows of every class, drawn with replacement: as many as the smallest class has, over `ratio`, or as many
    as the class has if these are fewer. Wallace, Small, Brodley and Trikalinos (2011), Class imbalance, redux.

    Raises:
        BenchError: there is no model, or the ratio is not in (0, 1].
    """
    whole_number("models", models)
    sample = note_few_rows(positive_weight_sample(context), ratio)
    sizes = draw_sizes(sample.y, context.target.width, ratio)

    def fit_bag(part: int) -> Predictor:
        rng = context.rng("bag", part)
        by_class = [rng.choice(np.flatnonzero(sample.y == c), sizes[c]) for c in np.flatnonzero(sizes)]
        bag = sample.rows(np.sort(np.concatenate(by_class)))
        return context.fit(bag.X, bag.y, bag.weight, part=part)

    return balanced_ensemble(context, sample, mean_predictor([fit_bag(part) for part in range(models)]), sizes)
