"""Rows left out that the nearest of the rest would get right anyway; the smallest classes keep all of their rows."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import Array
from bench.methods.trainings import Lesson, Taught, register
from bench.methods.trainings.sample import taught, whole, whole_number
from bench.methods.trainings.undersampling import chosen, clamped, kept, larger, smallest


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def condensed_nn(lesson: Lesson, *, k: int = 1) -> Taught:
    """Keep one row of a class, and then each that the k nearest of the smallest class and of what is kept get wrong.

    Hart (1968), The condensed nearest neighbor rule. One row after the other is asked: slow on large tables.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import CondensedNearestNeighbour

    return _condensed(lesson, k, CondensedNearestNeighbour)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def one_sided_selection(lesson: Lesson, *, k: int = 1) -> Taught:
    """Keep what one row of a class and the smallest class get wrong by their k nearest, less the Tomek links in it.

    Kubat and Matwin (1997), Addressing the curse of imbalanced training sets: one-sided selection.

    Raises:
        BenchError: k is below 1.
    """
    from imblearn.under_sampling import OneSidedSelection

    return _condensed(lesson, k, OneSidedSelection)


def _condensed(lesson: Lesson, k: int, make: Any) -> Taught:
    sample = whole(lesson)
    near, sample = clamped(sample, whole_number("k", k), smallest(sample.y) + 1)
    seed = lesson.seed_of("resample")

    def choose(X: Array, y: Array) -> Array:
        return chosen(make(n_neighbors=near, random_state=seed, sampling_strategy=larger(y)), X, y)

    return taught(lesson, kept(lesson, sample, choose))
