"""A forest of trees that are each grown on a balanced draw."""

from __future__ import annotations

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import balanced_ensemble, draw_sizes, fit_library_ensemble
from bench.methods.trainings.sample import positive_weight_sample
from bench.methods.trainings.undersampling import note_few_rows


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

    sample = note_few_rows(positive_weight_sample(context), 1.0)
    parameters = context.learner_parameters
    forest = BalancedRandomForestClassifier(
        parameters["n_estimators"],
        min_samples_leaf=parameters["min_samples_leaf"],
        max_features=parameters["max_features"] or "sqrt",
        sampling_strategy="all",
        replacement=True,
        bootstrap=False,
        random_state=context.seed_of("forest"),
        n_jobs=1,
    )
    predict = fit_library_ensemble(context, sample, forest)
    return balanced_ensemble(context, sample, predict, draw_sizes(sample.y, context.target.width, 1.0))
