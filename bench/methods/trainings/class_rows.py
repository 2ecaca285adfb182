"""The rows of a lesson that count, and answers for all of its classes."""

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
    """Encoded rows of positive weight: `X` as the learner reads it, codes `y` (n,) into the classes that are `present`.

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

    def weights(self, weighting: str) -> Array:
        """Return what a class weighting, by its id, gives the present classes (K,)."""
        return weights(self.counts, weighting)


def weights(counts: Array, weighting: str) -> Array:
    """Return what a class weighting, by its id, gives to classes (K,): the mean row weight is one."""
    return fit_weights(weightings.scheme(weighting), counts)


def encoded(context: FitContext) -> EncodedRows:
    """Return the rows of a lesson that count, encoded."""
    context.learner(context.target, context.seed)  # a learner refuses parameters that it cannot work with
    X, y, weight = positive_weight_rows(context.encode(context.X), context.y, context.weight)
    present, codes = np.unique(y, return_inverse=True)
    return EncodedRows(X, codes, np.ones(len(y)) if weight is None else weight, present)


def fit_present_classes(
    context: FitContext, learn: Callable[[EncodedRows], EncodedPredictor], effective_class_weights: Array | None = None
) -> FittedModel:
    """Let `learn` make a model of the classes that are present; a class without rows gets probability 0.

    `learn` returns a function from encoded rows to probabilities of the present classes. `emphasis` (K,) are the class
    weights in effect; without it they are unknown.
    """
    rows = encoded(context)
    several = len(rows.present) > 1
    unknown = np.full(context.target.width, np.nan)
    predict = _spread(context, rows.present, learn(rows) if several else lambda X: np.ones((len(X), 1)))
    return FittedModel(predict, unknown if effective_class_weights is None else effective_class_weights)


def _spread(context: FitContext, present: Array, predict: EncodedPredictor) -> Predictor:
    def spread(X: Any) -> Array:
        prediction = np.zeros((len(X), context.target.width))
        prediction[:, present] = predict(context.encode(X))
        return prediction

    return spread
