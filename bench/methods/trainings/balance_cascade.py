"""Models on balanced draws, between which rows that are right already leave."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import draw_sizes, mean_predictor
from bench.methods.trainings.fit_context import Predictor
from bench.methods.trainings.sample import note_text, positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import note_few_rows


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble")
def balance_cascade(context: FitContext, *, models: int = 10) -> FittedModel:
    """Fit each model on as many rows of every class as the smallest has, and let the easiest rows of larger ones leave.

    After each of the T models a class of n_c rows keeps the share (n_min / n_c)^(1 / (T - 1)) of the rows that it has
    left: those to which the mean of the models so far gives the least probability of their class. So it reaches the
    size of the smallest class with the last model. The mean of all models predicts. The rows of a draw depend on where
    they lie, so that the class weights in effect are not known. Liu, Wu and Zhou (2009), Exploratory undersampling for
    class-imbalance learning, for any learner in the place of AdaBoost, and for several classes.

    Raises:
        BenchError: there is no model.
    """
    whole_number("models", models)
    sample = note_few_rows(positive_weight_sample(context), 1.0)
    rows = np.bincount(sample.y, minlength=context.target.width)
    sizes = draw_sizes(sample.y, context.target.width, 1.0)
    left = {code: np.flatnonzero(sample.y == code) for code in np.flatnonzero(rows).tolist()}
    predictors: list[Predictor] = []
    p_true = np.zeros(len(sample.y))
    for t in range(models):
        rng = context.rng("draw", t)
        drawn = [rng.choice(own, min(sizes[code], len(own)), replace=False) for code, own in left.items()]
        draw = sample.rows(np.sort(np.concatenate(drawn)))
        predictors.append(context.fit(draw.X, draw.y, draw.weight, part=t))
        if t == models - 1:
            break
        p_true += predictors[-1](sample.X)[np.arange(len(p_true)), sample.y]
        for code, own in left.items():
            wanted = round(rows[code] * (sizes[code] / rows[code]) ** ((t + 1) / (models - 1)))
            left[code] = hardest(own, p_true, wanted)
    unknown = np.full(context.target.width, np.nan)
    return FittedModel(mean_predictor(predictors), unknown, note_text(context, sample.notes))


def hardest(own: Array, p_true: Array, wanted: int) -> Array:
    """Return the `wanted` rows of `own` with the least probability of their class, in their order."""
    return np.sort(own[np.argsort(p_true[own], kind="stable")[:wanted]])
