"""Rows left out that other classes surround; the smallest classes keep all of their rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.sample import fit_chosen_rows, positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import clamp_neighbours, larger_classes, sampled_rows, undersample


def _clean(context: FitContext, k: int, make: Callable[..., Any]) -> FittedModel:
    sample = positive_weight_sample(context)
    # a row is no neighbour of its own
    near, sample = clamp_neighbours(sample, whole_number("k", k), len(sample.y) - 2)
    return fit_chosen_rows(context, undersample(context, sample, lambda X, y: _choose(make, near, X, y)))


def _choose(make: Callable[..., Any], k: int, X: Array, y: Array) -> Array:
    """Choose with k neighbours, or with fewer where repeated cleaning leaves too few rows for as many."""
    try:
        return sampled_rows(make(n_neighbors=k, sampling_strategy=larger_classes(y)), X, y)
    except ValueError as error:
        if k == 1 or "n_neighbors" not in str(error):
            raise
        return _choose(make, k - 1, X, y)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def tomek_links(context: FitContext) -> FittedModel:
    """Leave out the row of the larger class in every Tomek link: rows of two classes that are each other's nearest.

    Tomek (1976), Two modifications of CNN.
    """

    def choose(X: Array, y: Array) -> Array:
        from imblearn.under_sampling import TomekLinks

        return sampled_rows(TomekLinks(sampling_strategy=larger_classes(y)), X, y)

    return fit_chosen_rows(context, undersample(context, positive_weight_sample(context), choose))


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def enn(context: FitContext, *, k: int = 3) -> FittedModel:
    """Leave out rows that have another class among their k nearest (edited nearest neighbours).

    Wilson (1972), Asymptotic properties of nearest neighbor rules using edited data; all k must agree, not the majority
    of them, as imbalanced-learn has it.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import EditedNearestNeighbours

    return _clean(context, k, EditedNearestNeighbours)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def renn(context: FitContext, *, k: int = 3) -> FittedModel:
    """Repeat edited nearest neighbours until no row goes, or a class becomes smaller than the smallest was.

    Tomek (1976), An experiment with the edited nearest-neighbor rule.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import RepeatedEditedNearestNeighbours

    return _clean(context, k, RepeatedEditedNearestNeighbours)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def all_knn(context: FitContext, *, k: int = 3) -> FittedModel:
    """Apply edited nearest neighbours with 1, 2, … k neighbours, until a class becomes smaller than the smallest was.

    Tomek (1976), An experiment with the edited nearest-neighbor rule.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import AllKNN

    return _clean(context, k, AllKNN)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def neighbourhood_cleaning(context: FitContext, *, k: int = 3, threshold: float = 0.5) -> FittedModel:
    """Leave out rows whose k nearest vote for another class, and the nearest to rows of the smallest that are outvoted.

    The second step spares classes of at most `threshold` times the rows of the smallest. Laurikkala (2001), Improving
    identification of difficult small classes by balancing class distribution.

    Raises:
        BenchError: k is below 1, or the threshold is negative.
    """
    from imblearn.under_sampling import NeighbourhoodCleaningRule

    if threshold < 0:
        raise BenchError(f"parameter 'threshold' of neighbourhood-cleaning is {threshold}: give 0 or more")
    return _clean(context, k, partial(NeighbourhoodCleaningRule, threshold_cleaning=threshold))
