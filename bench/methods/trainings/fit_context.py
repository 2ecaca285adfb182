"""What a training scheme is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.hashing import generator, seed
from bench.core.nouns import Array, Target
from bench.core.registry import Scheme
from bench.core.renamed import renamed_fields
from bench.methods.trainings.numeric_view import quiet_libraries

Predictor = Callable[[pd.DataFrame], Array]
"""Rows as they are in the table -> class probabilities (n, K)."""


@renamed_fields(teach="fit")
@dataclass(frozen=True)
class FitContext:
    """The rows of one fit, and the learner that is to learn from them.

    `X` holds the rows as they are in the table: float64 columns with NaN, and `category` columns of strings. `y` are
    codes (n,) into `target.outputs`; a class may have no row. `weight` (n,) are the row weights of the task, mean one,
    or None. `encoder` has learned on exactly these rows what the learner reads. `cut(k)` gives k or fewer folds of the
    rows, as pairs of positions (teach, answer), by the rules of the task for classes, groups and time.
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

    def seed_of(self, *component: object) -> int:
        """Return the seed of a part of the scheme."""
        return seed(self.seed, *component)

    def rng(self, *component: object) -> np.random.Generator:
        """Return the generator of a part of the scheme."""
        return generator(self.seed, *component)

    def encode(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return rows as the learner reads them."""
        encoded: pd.DataFrame = self.encoder.transform(X)
        return encoded

    def fit(
        self, X: pd.DataFrame | None = None, y: Array | None = None, weight: Array | None = None, part: object = None
    ) -> Predictor:
        """Fit a fresh model on the lesson's rows or on others, with row weights or none, and return what it says.

        `part` names the model where a scheme fits several: each has a seed of its own.
        """
        X, y = self.X if X is None else X, self.y if y is None else y
        model = self.learner(self.target, self.seed if part is None else self.seed_of(part))
        with quiet_libraries():
            model.fit(self.encode(X), y.copy(), weight)
        return lambda rows: np.asarray(model.predict(self.encode(rows)), dtype=float)


@renamed_fields(say="predict", emphasis="effective_class_weights")
@dataclass(frozen=True)
class FittedModel:
    """What a training scheme made: what it says of rows, and the class weights (K,) that it had in effect.

    `emphasis` is w where the model estimates w_k p_k / Σ_j w_j p_j in place of p_k: the class weights of a weighting,
    rows drawn over rows there were of a resampling; None where it was trained without weights. It lets prior correction
    undo the scheme; NaN says that there are such weights, but nobody knows them. `note` is a short text for the user
    about what had to be changed, such as a number of neighbours.
    """

    predict: Predictor
    effective_class_weights: Array | None = None
    note: str = ""
