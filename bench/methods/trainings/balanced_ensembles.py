"""Ensembles of models that were each taught a balanced draw of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.fit_context import Lesson, Say, Taught
from bench.methods.trainings.numeric_view import expected
from bench.methods.trainings.sample import Sample, emphasis, fewer, told

ATTEMPTS = 5


def sizes(y: Array, width: int, ratio: float) -> Array:
    """Return the rows of each class in a draw (width,): those that it has, at most the smallest class over `ratio`.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    counts = np.bincount(y, minlength=width)
    for code, most in fewer(y, ratio).items():
        counts[code] = most
    return counts


def mean_of(says: list[Say]) -> Say:
    """Return what several models say on average."""
    return lambda rows: np.asarray(np.mean([say(rows) for say in says], axis=0))


def balanced(lesson: Lesson, sample: Sample, say: Say, drawn: Array) -> Taught:
    """Return what an ensemble says, with the class weights that draws of these sizes (K,) amount to."""
    rows = np.bincount(sample.y, minlength=lesson.target.width)
    share = np.divide(drawn, rows, out=np.zeros(len(rows)), where=rows > 0)
    return Taught(say, emphasis(lesson.counts, share * lesson.counts), told(lesson, sample.notes))


def by_library(lesson: Lesson, sample: Sample, estimator: Any) -> Say:
    """Fit an ensemble of imbalanced-learn on encoded rows, and return what it says of all classes."""
    present, codes = np.unique(sample.y, return_inverse=True)
    if len(present) < 2:
        return uniform(lesson, present)
    weight = {} if sample.weight is None else {"sample_weight": sample.weight}
    with expected():
        estimator.fit(np.asarray(lesson.encode(sample.X)), codes, **weight)
    return _spread(lesson, present, estimator.predict_proba)


def boosted(lesson: Lesson, sample: Sample, make: Callable[[int], Any]) -> tuple[Say, Sample]:
    """Fit a boosted ensemble from a seed, or from others where its first tree is no better than chance.

    Where none is, every class that has rows gets the same probability, and the sample a note.
    """
    for attempt in range(ATTEMPTS):
        try:
            return by_library(lesson, sample, make(lesson.seed_of("boost", attempt))), sample
        except ValueError as error:
            if "worse than random" not in str(error):
                raise
    return uniform(lesson, np.unique(sample.y)), sample.noted(("no tree is better than chance", ""))


def uniform(lesson: Lesson, present: Array) -> Say:
    """Return the answer that holds all classes alike that have rows."""
    return _spread(lesson, present, lambda X: np.full((len(X), len(present)), 1 / len(present)))


def _spread(lesson: Lesson, present: Array, say: Callable[[Any], Array]) -> Say:
    def spread(rows: Any) -> Array:
        answer = np.zeros((len(rows), lesson.target.width))
        answer[:, present] = say(np.asarray(lesson.encode(rows)))
        return answer

    return spread
