"""Rows left out that other classes surround; the smallest classes keep all of their rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import Lesson, Taught, register
from bench.methods.trainings.sample import taught, whole, whole_number
from bench.methods.trainings.undersampling import chosen, clamped, kept, larger


def _cleaned(lesson: Lesson, k: int, make: Callable[..., Any]) -> Taught:
    sample = whole(lesson)
    near, sample = clamped(sample, whole_number("k", k), len(sample.y) - 2)
    return taught(lesson, kept(lesson, sample, lambda X, y: _tried(make, near, X, y)))


def _tried(make: Callable[..., Any], k: int, X: Array, y: Array) -> Array:
    """Choose with k neighbours, or with fewer where so few rows are left on the way that there are not as many."""
    try:
        return chosen(make(n_neighbors=k, sampling_strategy=larger(y)), X, y)
    except ValueError as error:
        if k == 1 or "n_neighbors" not in str(error):
            raise
        return _tried(make, k - 1, X, y)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def tomek_links(lesson: Lesson) -> Taught:
    """Leave out the row of the larger class in every Tomek link: rows of two classes that are each other's nearest.

    Tomek (1976), Two modifications of CNN.
    """

    def choose(X: Array, y: Array) -> Array:
        from imblearn.under_sampling import TomekLinks

        return chosen(TomekLinks(sampling_strategy=larger(y)), X, y)

    return taught(lesson, kept(lesson, whole(lesson), choose))


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def enn(lesson: Lesson, *, k: int = 3) -> Taught:
    """Leave out rows that have another class among their k nearest (edited nearest neighbours).

    Wilson (1972), Asymptotic properties of nearest neighbor rules using edited data; all k must agree, not the majority
    of them, as imbalanced-learn has it.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import EditedNearestNeighbours

    return _cleaned(lesson, k, EditedNearestNeighbours)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def renn(lesson: Lesson, *, k: int = 3) -> Taught:
    """Repeat edited nearest neighbours until no row goes, or a class becomes smaller than the smallest was.

    Tomek (1976), An experiment with the edited nearest-neighbor rule.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import RepeatedEditedNearestNeighbours

    return _cleaned(lesson, k, RepeatedEditedNearestNeighbours)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def all_knn(lesson: Lesson, *, k: int = 3) -> Taught:
    """Apply edited nearest neighbours with 1, 2, … k neighbours, until a class becomes smaller than the smallest was.

    Tomek (1976), An experiment with the edited nearest-neighbor rule.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import AllKNN

    return _cleaned(lesson, k, AllKNN)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def neighbourhood_cleaning(lesson: Lesson, *, k: int = 3, threshold: float = 0.5) -> Taught:
    """Leave out rows whose k nearest vote for another class, and the nearest to rows of the smallest that are outvoted.

    The second step spares classes of at most `threshold` times the rows of the smallest. Laurikkala (2001), Improving
    identification of difficult small classes by balancing class distribution.

    Raises:
        BenchError: k is below 1, or the threshold is negative.
    """
    from imblearn.under_sampling import NeighbourhoodCleaningRule

    if threshold < 0:
        raise BenchError(f"parameter 'threshold' of neighbourhood-cleaning is {threshold}: give 0 or more")
    return _cleaned(lesson, k, partial(NeighbourhoodCleaningRule, threshold_cleaning=threshold))
