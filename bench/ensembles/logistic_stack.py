"""Stacking with a logistic regression on the learners' probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core import Array, Panel
from bench.ensembles import register


@dataclass(frozen=True)
class LogisticCombiner:
    """Probabilities from a fitted logistic regression, in the panel's columns."""

    model: Any
    width: int

    def __call__(self, panel: Panel) -> Array:
        """Answer with shape (n, K); a class without a training row gets 0."""
        values = np.zeros((panel.said.shape[1], self.width))
        values[:, self.model.classes_] = self.model.predict_proba(_features(panel))
        return values


@register(
    "class",
    tags=("core",),
    breaks={
        "within_range": "free weights leave the learners' range",
        "single_learner": "a regression on one learner recalibrates it",
    },
)
def logistic_stack(panel: Panel, y: Array, rng: np.random.Generator, *, C: float = 1.0) -> LogisticCombiner:
    """Fit a multinomial logistic regression of the class on all the learners' probabilities, L2 penalty 1 / C.

    Wolpert (1992), "Stacked generalization"; Ting and Witten (1999), "Issues in stacked generalization". It is the
    default of scikit-learn's StackingClassifier.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough for a leaderboard
        model.fit(_features(panel), y, sample_weight=panel.weight)
    return LogisticCombiner(model, panel.target.width)


def _features(panel: Panel) -> Array:
    """Return every learner's probabilities side by side; of two classes the second says it all."""
    said = panel.said[:, :, 1:] if panel.target.width == 2 else panel.said
    return said.transpose(1, 0, 2).reshape(said.shape[1], -1)
