"""Models around scikit-learn's estimators: rows of positive weight, classes that are absent, targets of any scale.

Row weights matter by their ratios alone: every model here drops the rows of weight zero and scales the others
to mean one, so that penalties and leaf sizes mean the same for survey weights, class weights and none. `read`
turns the encoded rows into what the estimator takes, by default a plain array: names are of no use to it, and
some estimators refuse them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array, real_values
from bench.methods.learners import Model

MakeEstimator = Callable[[int], Any]
"""Builds an estimator for a number of training rows."""

Read = Callable[[Any], Any]
"""Turns encoded rows into what an estimator takes."""


class PointModel:
    """A regressor of scikit-learn's kind as a model of points."""

    def __init__(self, make: MakeEstimator, read: Read = np.asarray) -> None:
        self._make = make
        self._read = read

    def fit(self, X: Any, y: Array, weight: Array | None) -> PointModel:
        """Fit the regressor on the rows of positive weight."""
        X, y, weight = positive_weight_rows(X, y, weight)
        self._estimator = fit_estimator(self._make(len(y)), self._read(X), y, weight)
        return self

    def predict(self, X: Any) -> Array:
        """Return points, shape (n, 1)."""
        return real_values(self._estimator.predict(self._read(X))).reshape(-1, 1)


class ClassModel:
    """A classifier of scikit-learn's kind as a model of `width` classes; absent classes get probability 0."""

    def __init__(self, make: MakeEstimator, width: int, read: Read = np.asarray) -> None:
        self._make = make
        self._width = width
        self._read = read

    def fit(self, X: Any, y: Array, weight: Array | None) -> ClassModel:
        """Fit the classifier on the classes that are there; a single one needs no classifier."""
        X, y, weight = positive_weight_rows(X, y, weight)
        self._present, codes = np.unique(y, return_inverse=True)
        if len(self._present) > 1:
            self._estimator = fit_estimator(self._make(len(y)), self._read(X), codes, weight)
            self.note = str(getattr(self._estimator, "note", ""))
        return self

    def predict(self, X: Any) -> Array:
        """Return probabilities, shape (n, width)."""
        prediction = np.zeros((len(X), self._width))
        several = len(self._present) > 1
        prediction[:, self._present] = real_values(self._estimator.predict_proba(self._read(X))) if several else 1.0
        return prediction


class Standardised:
    """A model of numbers that is fitted on (y - mean) / deviation, so that units and offset of y do not matter."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def fit(self, X: Any, y: Array, weight: Array | None) -> Standardised:
        """Fit the model on the standardised target."""
        X, y, weight = positive_weight_rows(X, y, weight)
        self._offset = np.average(y, weights=weight)
        self._scale = np.sqrt(np.average((y - self._offset) ** 2, weights=weight))
        self._model.fit(X, (y - self._offset) / (self._scale or 1.0), weight)
        return self

    def predict(self, X: Any) -> Array:
        """Return the predictions of the model, in the units of y."""
        return np.asarray(self._offset + self._scale * self._model.predict(X))


def positive_weight_rows(X: Any, y: Array, weight: Array | None) -> tuple[Any, Array, Array | None]:
    """Return the rows of positive weight, and their weights scaled to mean one, or None if all are alike."""
    if weight is None:
        return X, y, None
    if weight.min() <= 0:
        rows = np.flatnonzero(weight > 0)
        X, y, weight = X[rows] if isinstance(X, np.ndarray) else X.iloc[rows], y[rows], weight[rows]
    return X, y, None if np.ptp(weight) == 0 else weight / weight.mean()


def fit_estimator(estimator: Any, X: Any, y: Array, weight: Array | None) -> Any:
    """Fit the estimator, with the row weights where its `fit` takes any."""
    from sklearn.utils.validation import has_fit_parameter

    if weight is not None and has_fit_parameter(estimator, "sample_weight"):
        return estimator.fit(X, y, sample_weight=weight)
    return estimator.fit(X, y)
