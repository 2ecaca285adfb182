"""Stacking with a logistic regression on the learners' probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register

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
        values[:, self.present] = 1.0 if self.model is None else self.model.predict_proba(_stack_features(panel))
        return values


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
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    used = np.ones(len(y), dtype=bool) if panel.weight is None else panel.weight > 0
    panel, y = panel.rows(used), y[used]
    present = np.unique(y)
    if len(present) < 2:
        return LogisticCombiner(None, present, panel.target.width)
    weight = None if panel.weight is None else panel.weight / panel.weight.mean()
    features = _stack_features(panel)
    solver = "newton-cholesky" if features.shape[1] * len(present) <= NEWTON_LIMIT else "lbfgs"
    model = LogisticRegression(C=C, max_iter=500, tol=1e-7, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough for a leaderboard
        model.fit(features, y, sample_weight=weight)
    return LogisticCombiner(model, present, panel.target.width)


def _stack_features(panel: Panel) -> Array:
    """Return every learner's probabilities side by side; of two classes the second is enough."""
    predictions = panel.predictions[:, :, 1:] if panel.target.width == 2 else panel.predictions
    return predictions.transpose(1, 0, 2).reshape(predictions.shape[1], -1)
