"""Bags in which small classes are drawn again and grown by SMOTE, in a proportion that changes from bag to bag."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import mean_predictor
from bench.methods.trainings.fit_context import Predictor
from bench.methods.trainings.oversampling import grow_sample, smote_rows
from bench.methods.trainings.sample import note_text, positive_weight_sample, resampling_weights, whole_number


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble", libraries=("imbalanced-learn",))
def smote_bagging(context: FitContext, *, models: int = 10, k: int = 5) -> FittedModel:
    """Fit models of the learner on bags with as many rows of every class as the largest has, and predict their mean.

    Of a smaller class the share a of its rows in a bag is drawn with replacement from its own rows, the rest is made by
    `smote`; a goes evenly from a tenth in the first bag to all in the last. Rows of the largest class are a bootstrap.
    So the bags differ more than those of over-bagging do. Wang and Yao (2009), Diversity analysis on imbalanced data
    sets by using ensemble models.

    Raises:
        BenchError: models or k is below 1.
    """
    whole_number("models", models)
    whole_number("k", k)
    sample = positive_weight_sample(context)
    rows = np.bincount(sample.y, minlength=context.target.width)
    largest = int(rows.max())
    predictors: list[Predictor] = []
    notes = sample.notes
    for part, share in enumerate(np.linspace(0.1, 1.0, models).tolist()):
        n_made = largest - max(1, round(share * largest))
        wanted = {code: n_made for code in np.flatnonzero((rows > 0) & (rows < largest)).tolist() if n_made}
        grown = grow_sample(context, sample, smote_rows, k, wanted, ("bag", part))
        bag = grown.rows(_bag_rows(grown.y, len(sample.y), context.rng("bag", part)))
        predictors.append(context.fit(bag.X, bag.y, bag.weight, part=part))
        notes = notes or grown.notes
    share_of_rows = np.divide(largest, rows, out=np.zeros(len(rows)), where=rows > 0)
    effective = resampling_weights(context.counts, share_of_rows * context.counts)
    return FittedModel(mean_predictor(predictors), effective, note_text(context, notes))


def _bag_rows(y: Array, n_own: int, rng: np.random.Generator) -> Array:
    """Return rows of a bag: all those behind the first `n_own`, and draws of these until classes are alike in size."""
    own, made = y[:n_own], y[n_own:]
    largest = int(np.bincount(own).max())
    draws = [
        rng.choice(np.flatnonzero(own == code), largest - int(np.count_nonzero(made == code)))
        for code in np.unique(own)
    ]
    return np.sort(np.concatenate([np.arange(n_own, len(y)), *draws]))
