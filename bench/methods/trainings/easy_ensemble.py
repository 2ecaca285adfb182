"""Bags of boosted trees, each on a balanced draw."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import NotApplicableError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import balanced_ensemble, draw_sizes, fit_boosted
from bench.methods.trainings.sample import positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import note_few_rows


@register(
    "fit",
    tags=("extended", "balanced-ensemble"),
    hook="ensemble",
    learners=("forest",),
    libraries=("imbalanced-learn",),
)
def easy_ensemble(context: FitContext, *, models: int = 10, rounds: int = 10, depth: int = 4) -> FittedModel:
    """Boost small trees by AdaBoost on draws with as many rows of every class as the smallest has; take the mean.

    It brings trees of its own, and therefore stands beside one learner alone: the forest, whose encoding it uses. The
    trees of a bag are `rounds`, of the given depth. Liu, Wu and Zhou (2009), Exploratory undersampling for
    class-imbalance learning.

    Raises:
        BenchError: models, rounds or depth is below 1.
        NotApplicableError: the rows have weights.
    """
    whole_number("models", models)
    whole_number("rounds", rounds)
    whole_number("depth", depth)
    sample = note_few_rows(positive_weight_sample(context), 1.0)
    if sample.weight is not None:
        raise NotApplicableError("easy-ensemble takes no row weights")

    def make(seed: int) -> Any:
        from imblearn.ensemble import EasyEnsembleClassifier
        from sklearn.ensemble import AdaBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        bag = AdaBoostClassifier(DecisionTreeClassifier(max_depth=depth), n_estimators=rounds)
        return EasyEnsembleClassifier(models, bag, random_state=seed, n_jobs=1)

    predict, sample = fit_boosted(context, sample, make)
    return balanced_ensemble(context, sample, predict, draw_sizes(sample.y, context.target.width, 1.0))
