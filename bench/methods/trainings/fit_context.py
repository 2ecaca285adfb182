"""What a training scheme is given, what it returns, and the one place where either kind of scheme is applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.hashing import generator, seed
from bench.core.nouns import Array, Target, real_values
from bench.core.renamed import renamed_fields
from bench.core.scheme import Scheme
from bench.methods import class_weights
from bench.methods.trainings.numeric_view import quiet_libraries

Predictor = Callable[[pd.DataFrame], Array]
"""Rows as they are in the table -> class probabilities (n, K)."""


@renamed_fields(teach="fit")
@dataclass(frozen=True)
class FitContext:
    """The training rows of one fit, and the learner that is fitted on them.

    `X` holds the rows as they are in the table: float64 columns with NaN, and `category` columns of strings. `y` are
    codes (n,) into `target.outputs`; a class may have no row. `weight` (n,) are the row weights of the task, mean one,
    or None. `encoder` is fitted on exactly these rows and encodes any rows for the learner. `cut(k)` gives k or fewer
    folds of the rows, as pairs of positions (fit on, predict), by the rules of the task for classes, groups and time.
    """

    X: pd.DataFrame
    y: Array
    weight: Array | None
    target: Target
    learner: Scheme[Any]
    encoder: Any
    seed: int
    cut: Callable[[int], list[tuple[Array, Array]]]

    @property
    def counts(self) -> Array:
        """Rows of each class (K,), or the sums of their row weights."""
        return np.bincount(self.y, weights=self.weight, minlength=self.target.width).astype(float)

    @property
    def learner_parameters(self) -> dict[str, Any]:
        """The parameters of the learner: its defaults, and over them those of its id."""
        return self.learner.entry.parameters | dict(self.learner.parameters)

    def seed_of(self, *component: object) -> int:
        """Return the seed of a part of the scheme."""
        return seed(self.seed, *component)

    def rng(self, *component: object) -> np.random.Generator:
        """Return the generator of a part of the scheme."""
        return generator(self.seed, *component)

    def encode(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return rows in the encoding of the learner."""
        encoded: pd.DataFrame = self.encoder.transform(X)
        return encoded

    def fit(
        self, X: pd.DataFrame | None = None, y: Array | None = None, weight: Array | None = None, part: object = None
    ) -> LearnerPredictor:
        """Fit a fresh model on the training rows or on others, with row weights or none, and return its predictor.

        `part` names the model where a scheme fits several: each has a seed of its own.
        """
        X, y = self.X if X is None else X, self.y if y is None else y
        model = self.learner(self.target, self.seed if part is None else self.seed_of(part))
        with quiet_libraries():
            model.fit(self.encode(X), y.copy(), weight)
        return LearnerPredictor(self, model)


@dataclass(frozen=True)
class LearnerPredictor:
    """The predictor of one fitted model, and its `note` for the user, if its learner has one to make."""

    context: FitContext
    model: Any

    @property
    def note(self) -> str:
        """What the learner has to say about the rows that it was fitted on."""
        return str(getattr(self.model, "note", ""))

    def __call__(self, rows: pd.DataFrame) -> Array:
        """Return the predictions for rows as they are in the table (n, K)."""
        return real_values(self.model.predict(self.context.encode(rows)))


@renamed_fields(say="predict", emphasis="effective_class_weights")
@dataclass(frozen=True)
class FittedModel:
    """The result of a training scheme: a predictor, and the class weights (K,) in effect when it was fitted.

    `effective_class_weights` are w where the model estimates w_k p_k / Σ_j w_j p_j in place of p_k: the class weights
    of a weighting, or rows after over rows before a resampling; None where it was fitted without weights. They let
    prior correction undo the scheme; NaN stands for weights that are in effect, but not known. `note` is a short text
    for the user about what had to be changed, such as a number of neighbours.
    """

    predict: Predictor
    effective_class_weights: Array | None = None
    note: str = ""


ALL_EQUAL = 1e-12
"""Row weights of mean one that differ by less are equal up to rounding, and are not passed on to the learner."""


def combined_row_weights(y: Array, weight: Array | None, of_classes: Array | None = None) -> Array | None:
    """Return the row weights of a fit (n,): those of the task times those of the classes, mean one; None if all equal.

    `weight` (n,) are the row weights of the task, of any scale, `of_classes` (K,) those of a class weighting.
    """
    rows = np.ones(len(y)) if weight is None else weight
    if of_classes is not None:
        rows = rows * of_classes[y]
    rows = rows / rows.mean()
    return None if np.ptp(rows) < ALL_EQUAL else rows


def is_weighting(training: Scheme[Any]) -> bool:
    """Return whether a training scheme is a class weighting: it weights the rows by their class, and does no more."""
    return training.entry.name in class_weights.registry.entries()


def fit_training(context: FitContext, training: Scheme[Any], weight: Array | None) -> FittedModel:
    """Apply a training scheme, or fit the learner with the row weights of a class weighting.

    `weight` (n,) are the row weights of the task as the table has them: the key of a fit is made from the same numbers,
    to the last bit, while those of the context are scaled to mean one.
    """
    if not is_weighting(training):
        fitted: FittedModel = training(context)
        return fitted
    of_classes = None
    if context.target.kind == "class":
        counts = np.bincount(context.y, weights=weight, minlength=context.target.width)
        of_classes = class_weights.fit_weights(training, counts)
    predict = context.fit(weight=combined_row_weights(context.y, weight, of_classes))
    return FittedModel(predict, of_classes, predict.note)
