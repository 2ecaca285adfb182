"""Boosting with a balanced draw in every round."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import fit_boosted
from bench.methods.trainings.sample import note_text, positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import note_few_rows


@register(
    "fit",
    tags=("extended", "balanced-ensemble"),
    hook="ensemble",
    learners=("forest",),
    libraries=("imbalanced-learn",),
)
def rus_boost(context: FitContext, *, rounds: int = 50, depth: int = 4, learning_rate: float = 1.0) -> FittedModel:
    """Boost small trees by AdaBoost, each grown on a draw with as many rows of every class as the smallest has.

    Errors are counted on all rows, so that the class weights in effect are not known. It brings trees of its own, and
    therefore stands beside one learner alone: the forest, whose encoding it uses. Seiffert, Khoshgoftaar, Van Hulse
    and Napolitano (2010), RUSBoost: a hybrid approach to alleviating class imbalance.

    Raises:
        BenchError: rounds or depth is below 1.
    """
    whole_number("rounds", rounds)
    whole_number("depth", depth)

    def make(seed: int) -> Any:
        from imblearn.ensemble import RUSBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=depth)
        return RUSBoostClassifier(tree, n_estimators=rounds, learning_rate=learning_rate, random_state=seed)

    predict, sample = fit_boosted(context, note_few_rows(positive_weight_sample(context), 1.0), make)
    return FittedModel(predict, np.full(context.target.width, np.nan), note_text(context, sample.notes))
