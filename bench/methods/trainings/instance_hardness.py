"""Rows of large classes left out that a forest finds hard."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.sample import fit_chosen_rows, positive_weight_sample, rows_to_keep, whole_number
from bench.methods.trainings.undersampling import note_rows_left, sampled_rows, undersample


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def instance_hardness(context: FitContext, *, folds: int = 5, trees: int = 20, ratio: float = 1.0) -> FittedModel:
    """Keep the rows of a class to which a forest, fitted without them, gives the largest probability of their class.

    Of a class stay as many as the smallest has, over `ratio`; rows that are equally hard stay together, so that more or
    fewer may stay, which is noted. Smith, Martinez
    and Giraud-Carrier (2014), An instance level analysis of data complexity.

    Raises:
        BenchError: there are fewer than two folds or one tree, or the ratio is not in (0, 1].
    """
    whole_number("folds", folds, 2)
    whole_number("trees", trees)
    seed = context.seed_of("resample")

    def choose(X: Array, y: Array) -> Array:
        from imblearn.under_sampling import InstanceHardnessThreshold
        from sklearn.ensemble import RandomForestClassifier

        parts = min(folds, int(np.bincount(y).max()))
        wanted = rows_to_keep(y, ratio)
        if parts < 2 or not wanted:
            return np.arange(len(y))
        forest = RandomForestClassifier(trees, min_samples_leaf=3, random_state=seed, n_jobs=1)
        sampler = InstanceHardnessThreshold(estimator=forest, sampling_strategy=wanted, random_state=seed, cv=parts)
        return sampled_rows(sampler, X, y)

    sample = positive_weight_sample(context)
    left = undersample(context, sample, choose)
    return fit_chosen_rows(context, note_rows_left(context, left, rows_to_keep(sample.y, ratio)))
