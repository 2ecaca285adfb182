"""A forest of trees that are each grown on a balanced draw."""

from __future__ import annotations

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import balanced, by_library, sizes
from bench.methods.trainings.sample import positive_weight_sample
from bench.methods.trainings.undersampling import few


@register(
    "fit",
    tags=("extended", "balanced-ensemble"),
    hook="ensemble",
    learners=("forest",),
    libraries=("imbalanced-learn",),
)
def balanced_forest(context: FitContext) -> FittedModel:
    """Grow each tree of a forest on as many rows of every class as the smallest has, drawn with replacement.

    The size of the forest and of its leaves are those of the learner. Chen, Liaw and Breiman (2004), Using random
    forest to learn imbalanced data.
    """
    from imblearn.ensemble import BalancedRandomForestClassifier

    sample = few(positive_weight_sample(context), 1.0)
    given = context.learner.entry.parameters | dict(context.learner.parameters)
    forest = BalancedRandomForestClassifier(
        given["n_estimators"],
        min_samples_leaf=given["min_samples_leaf"],
        max_features=given["max_features"] or "sqrt",
        sampling_strategy="all",
        replacement=True,
        bootstrap=False,
        random_state=context.seed_of("forest"),
        n_jobs=1,
    )
    predict = by_library(context, sample, forest)
    return balanced(context, sample, predict, sizes(sample.y, context.target.width, 1.0))
