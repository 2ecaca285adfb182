"""Stacking with a logistic regression on the learners' probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.rows import used_rows, weights_of_rows
from bench.solvers.logit import Logit, fit_logit
from bench.solvers.row_blocks import by_row_blocks, is_one_block

NEWTON_LIMIT = 400
"""Up to so many coefficients Newton's method is quicker: its steps are few, but each solves a system of that size."""


@dataclass(frozen=True)
class LogisticCombiner:
    """Probabilities from a fitted logistic regression, in the panel's columns; `model` is None for a lone class."""

    model: Any
    present: Array
    width: int

    def __call__(self, panel: Panel) -> Array:
        """Predict, shape (n, K); a class without a training row gets 0, a lone class 1."""
        values = np.zeros((panel.predictions.shape[1], self.width))
        values[:, self.present] = 1.0 if self.model is None else by_row_blocks(self._probabilities(panel), len(values))
        return values

    def _probabilities(self, panel: Panel) -> Callable[[slice], Array]:
        return lambda rows: self.model.predict_proba(_stack_features(panel.predictions[:, rows]))


@register(
    "class",
    tags=("core",),
    breaks={
        "within_range": "free weights leave the learners' range",
        "single_learner": "a regression on one learner recalibrates it",
        "equal_learners": "equal learners share a weight, and so its penalty",
        "row_weights": "the penalty is set against the number of rows, and only the ratios of their weights count",
    },
)
def logistic_stack(panel: Panel, y: Array, rng: np.random.Generator, *, C: float = 1.0) -> LogisticCombiner:
    """Fit a multinomial logistic regression of the class on all the learners' probabilities, L2 penalty 1 / C.

    Row weights are scaled to mean one over the rows that have any. Wolpert (1992), "Stacked generalization"; Ting and
    Witten (1999), "Issues in stacked generalization". It is the default of scikit-learn's StackingClassifier.
    """
    used = used_rows(panel)
    present = np.unique(y[used])
    if len(present) < 2:
        return LogisticCombiner(None, present, panel.target.width)
    weight = weights_of_rows(panel)[used]
    weight = weight / weight.mean()
    fit = _fit_at_once if is_one_block(len(used)) else _fit_in_blocks
    return LogisticCombiner(fit(panel, y, used, weight, C), present, panel.target.width)


def _fit_at_once(panel: Panel, y: Array, used: Array, weight: Array, C: float) -> Any:
    """Return the model of scikit-learn."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    features = _stack_features(panel.predictions[:, used])
    few = features.shape[1] * len(np.unique(y[used])) <= NEWTON_LIMIT
    model = LogisticRegression(C=C, max_iter=500, tol=1e-7, solver="newton-cholesky" if few else "lbfgs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough for a leaderboard
        model.fit(features, y[used], sample_weight=None if panel.weight is None else weight)
    return model


def _fit_in_blocks(panel: Panel, y: Array, used: Array, weight: Array, C: float) -> Logit:
    """Return the same model without all features side by side, which would be another panel."""
    codes = np.unique(y[used], return_inverse=True)[1]
    return fit_logit(lambda rows: _stack_features(panel.predictions[:, used[rows]]), codes, weight, 1 / C)


def _stack_features(predictions: Array) -> Array:
    """Return every learner's probabilities (L, n, K) side by side, (n, ·); of two classes the second is enough."""
    if predictions.shape[2] == 2:
        predictions = predictions[:, :, 1:]
    return predictions.transpose(1, 0, 2).reshape(predictions.shape[1], -1)
