"""The training rows of positive weight, encoded, and predictions for all classes from a model of those present."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.class_weights import fit_weights
from bench.methods.class_weights import registry as weightings
from bench.methods.learners.adapters import positive_weight_rows
from bench.methods.trainings.fit_context import FitContext, FittedModel, Predictor

EncodedPredictor = Callable[[Any], Array]
"""Encoded rows -> probabilities of the present classes (n, K)."""


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows of positive weight: `X` for the learner, codes `y` (n,) into the classes that are `present`.

    `weight` (n,) has mean one. Losses see K classes: those that are present.
    """

    X: Any
    y: Array
    weight: Array
    present: Array

    @property
    def counts(self) -> Array:
        """Rows of each present class, or the sums of their row weights (K,)."""
        return np.bincount(self.y, weights=self.weight)

    @property
    def shares(self) -> Array:
        """Shares of the present classes (K,)."""
        counts = self.counts
        shares: Array = counts / counts.sum()
        return shares

    def class_weights(self, weighting: str) -> Array:
        """Return the weights of the present classes (K,) by a class weighting, given by its id."""
        return class_weights_of(self.counts, weighting)


def class_weights_of(counts: Array, weighting: str) -> Array:
    """Return the weights (K,) of classes of these sizes by a class weighting, given by its id; mean row weight one."""
    return fit_weights(weightings.scheme(weighting), counts)


def encode_rows(context: FitContext) -> EncodedRows:
    """Return the training rows of positive weight, encoded."""
    context.learner(context.target, context.seed)  # a learner refuses parameters that it cannot work with
    X, y, weight = positive_weight_rows(context.encode(context.X), context.y, context.weight)
    present, codes = np.unique(y, return_inverse=True)
    return EncodedRows(X, codes, np.ones(len(y)) if weight is None else weight, present)


def fit_present_classes(
    context: FitContext, fit: Callable[[EncodedRows], EncodedPredictor], effective_class_weights: Array | None = None
) -> FittedModel:
    """Fit a model of the classes that are present; a class without rows gets probability 0.

    `fit` returns a function from encoded rows to probabilities of the present classes. `effective_class_weights` (K,)
    are unknown where they are not given.
    """
    rows = encode_rows(context)
    several = len(rows.present) > 1
    unknown = np.full(context.target.width, np.nan)
    predict = predict_all_classes(context, rows.present, fit(rows) if several else lambda X: np.ones((len(X), 1)))
    return FittedModel(predict, unknown if effective_class_weights is None else effective_class_weights)


def predict_all_classes(context: FitContext, present: Array, predict: EncodedPredictor) -> Predictor:
    """Return the predictor of all K classes from one of those that are `present`; the others get probability 0."""

    def predict_rows(X: Any) -> Array:
        prediction = np.zeros((len(X), context.target.width))
        prediction[:, present] = predict(context.encode(X))
        return prediction

    return predict_rows
