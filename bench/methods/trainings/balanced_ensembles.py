"""Ensembles of models that were each taught a balanced draw of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.fit_context import FitContext, FittedModel, Predictor
from bench.methods.trainings.numeric_view import quiet_libraries
from bench.methods.trainings.sample import Sample, fewer, note_text, resampling_weights

ATTEMPTS = 5


def sizes(y: Array, width: int, ratio: float) -> Array:
    """Return the rows of each class in a draw (width,): those that it has, at most the smallest class over `ratio`.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    counts = np.bincount(y, minlength=width)
    for code, most in fewer(y, ratio).items():
        counts[code] = most
    return counts


def mean_of(predictors: list[Predictor]) -> Predictor:
    """Return what several models say on average."""
    return lambda rows: np.asarray(np.mean([predict(rows) for predict in predictors], axis=0))


def balanced(context: FitContext, sample: Sample, predict: Predictor, drawn: Array) -> FittedModel:
    """Return what an ensemble says, with the class weights that draws of these sizes (K,) amount to."""
    rows = np.bincount(sample.y, minlength=context.target.width)
    share = np.divide(drawn, rows, out=np.zeros(len(rows)), where=rows > 0)
    return FittedModel(
        predict, resampling_weights(context.counts, share * context.counts), note_text(context, sample.notes)
    )


def by_library(context: FitContext, sample: Sample, estimator: Any) -> Predictor:
    """Fit an ensemble of imbalanced-learn on encoded rows, and return what it says of all classes."""
    present, codes = np.unique(sample.y, return_inverse=True)
    if len(present) < 2:
        return uniform(context, present)
    weight = {} if sample.weight is None else {"sample_weight": sample.weight}
    with quiet_libraries():
        estimator.fit(np.asarray(context.encode(sample.X)), codes, **weight)
    return _spread(context, present, estimator.predict_proba)


def boost(context: FitContext, sample: Sample, make: Callable[[int], Any]) -> tuple[Predictor, Sample]:
    """Fit a boosted ensemble from a seed, or from others where its first tree is no better than chance.

    Where none is, every class that has rows gets the same probability, and the sample a note.
    """
    for attempt in range(ATTEMPTS):
        try:
            return by_library(context, sample, make(context.seed_of("boost", attempt))), sample
        except ValueError as error:
            if "worse than random" not in str(error):
                raise
    return uniform(context, np.unique(sample.y)), sample.with_notes(("no tree is better than chance", ""))


def uniform(context: FitContext, present: Array) -> Predictor:
    """Return the answer that holds all classes alike that have rows."""
    return _spread(context, present, lambda X: np.full((len(X), len(present)), 1 / len(present)))


def _spread(context: FitContext, present: Array, predict: Callable[[Any], Array]) -> Predictor:
    def spread(rows: Any) -> Array:
        prediction = np.zeros((len(rows), context.target.width))
        prediction[:, present] = predict(np.asarray(context.encode(rows)))
        return prediction

    return spread
