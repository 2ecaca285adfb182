"""Ensembles of models that are each fitted on a balanced draw of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.class_rows import predict_all_classes
from bench.methods.trainings.fit_context import FitContext, FittedModel, Predictor
from bench.methods.trainings.numeric_view import quiet_libraries
from bench.methods.trainings.sample import Sample, note_text, resampling_weights, rows_to_keep

ATTEMPTS = 5
"""Seeds that are tried where AdaBoost gives up because its first tree is no better than chance."""


def draw_sizes(y: Array, width: int, ratio: float) -> Array:
    """Return the rows of each class in a draw (width,): those that it has, at most the smallest class over `ratio`.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    counts = np.bincount(y, minlength=width)
    for code, most in rows_to_keep(y, ratio).items():
        counts[code] = most
    return counts


def mean_predictor(predictors: list[Predictor]) -> Predictor:
    """Return the predictor of the mean of several models."""
    return lambda rows: np.asarray(np.mean([predict(rows) for predict in predictors], axis=0))


def balanced_ensemble(context: FitContext, sample: Sample, predict: Predictor, sizes: Array) -> FittedModel:
    """Return an ensemble as a fitted model, with the class weights that draws of these sizes (K,) amount to."""
    rows = np.bincount(sample.y, minlength=context.target.width)
    share = np.divide(sizes, rows, out=np.zeros(len(rows)), where=rows > 0)
    return FittedModel(
        predict, resampling_weights(context.counts, share * context.counts), note_text(context, sample.notes)
    )


def fit_library_ensemble(context: FitContext, sample: Sample, estimator: Any) -> Predictor:
    """Fit an ensemble of imbalanced-learn on encoded rows, and return its predictor of all classes."""
    present, codes = np.unique(sample.y, return_inverse=True)
    if len(present) < 2:
        return uniform_predictor(context, present)
    weight = {} if sample.weight is None else {"sample_weight": sample.weight}
    with quiet_libraries():
        estimator.fit(np.asarray(context.encode(sample.X)), codes, **weight)
    return predict_all_classes(context, present, lambda X: estimator.predict_proba(np.asarray(X)))


def fit_boosted(context: FitContext, sample: Sample, make: Callable[[int], Any]) -> tuple[Predictor, Sample]:
    """Fit a boosted ensemble from a seed, or from others where its first tree is no better than chance.

    Where none is, every class that has rows gets the same probability, and the sample a note. The library raises its
    ValueError for such a tree: other seeds draw other rows, and may grow a better one.
    """
    for attempt in range(ATTEMPTS):
        try:
            return fit_library_ensemble(context, sample, make(context.seed_of("boost", attempt))), sample
        except ValueError as error:
            if "worse than random" not in str(error):
                raise
    return uniform_predictor(context, np.unique(sample.y)), sample.with_notes(("no tree is better than chance", ""))


def uniform_predictor(context: FitContext, present: Array) -> Predictor:
    """Return the predictor that gives all classes that have rows the same probability."""
    return predict_all_classes(context, present, lambda X: np.full((len(X), len(present)), 1 / len(present)))
