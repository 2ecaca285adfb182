"""Rows left out that the nearest of the rest would get right anyway; the smallest classes keep all of their rows."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.sample import fit_chosen_rows, positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import (
    clamp_neighbours,
    larger_classes,
    sampled_rows,
    smallest_size,
    undersample,
)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def condensed_nn(context: FitContext, *, k: int = 1) -> FittedModel:
    """Keep one row of a class, and then each that the k nearest of the smallest class and of what is kept get wrong.

    Hart (1968), The condensed nearest neighbor rule. One row after the other is classified: slow on large tables.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import CondensedNearestNeighbour

    return _condense(context, k, CondensedNearestNeighbour)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def one_sided_selection(context: FitContext, *, k: int = 1) -> FittedModel:
    """Keep what one row of a class and the smallest class get wrong by their k nearest, less the Tomek links in it.

    Kubat and Matwin (1997), Addressing the curse of imbalanced training sets: one-sided selection.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import OneSidedSelection

    return _condense(context, k, OneSidedSelection)


def _condense(context: FitContext, k: int, make: Any) -> FittedModel:
    sample = positive_weight_sample(context)
    # the first rows that are kept: the smallest class and one row of the class that is condensed
    near, sample = clamp_neighbours(sample, whole_number("k", k), smallest_size(sample.y) + 1)
    seed = context.seed_of("resample")

    def choose(X: Array, y: Array) -> Array:
        return sampled_rows(make(n_neighbors=near, random_state=seed, sampling_strategy=larger_classes(y)), X, y)

    return fit_chosen_rows(context, undersample(context, sample, choose))
