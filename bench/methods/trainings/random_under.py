"""Rows of large classes left out at random."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import Lesson, Taught, register
from bench.methods.trainings.numeric_view import expected
from bench.methods.trainings.sample import fewer, taught, whole
from bench.methods.trainings.undersampling import chosen, few


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def random_under(lesson: Lesson, *, ratio: float = 1.0) -> Taught:
    """Keep rows of a class at random, as many as the smallest class has, over `ratio`.

    Japkowicz and Stephen (2002), The class imbalance problem: a systematic study.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    from imblearn.under_sampling import RandomUnderSampler

    sample = whole(lesson)
    wanted = fewer(sample.y, ratio)
    if not wanted:
        return taught(lesson, sample)
    sampler = RandomUnderSampler(sampling_strategy=wanted, random_state=lesson.seed_of("resample"))
    with expected():
        index = np.sort(chosen(sampler, np.zeros((len(sample.y), 1)), sample.y))
    return taught(lesson, few(sample, ratio).rows(index))
