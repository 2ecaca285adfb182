"""Rows of large classes left out at random."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.numeric_view import quiet_libraries
from bench.methods.trainings.sample import fit_sample, positive_weight_sample, rows_to_keep
from bench.methods.trainings.undersampling import note_few_rows, sampled_rows


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def random_under(context: FitContext, *, ratio: float = 1.0) -> FittedModel:
    """Keep rows of a class at random, as many as the smallest class has, over `ratio`.

    Japkowicz and Stephen (2002), The class imbalance problem: a systematic study.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    from imblearn.under_sampling import RandomUnderSampler

    sample = positive_weight_sample(context)
    wanted = rows_to_keep(sample.y, ratio)
    if not wanted:
        return fit_sample(context, sample)
    sampler = RandomUnderSampler(sampling_strategy=wanted, random_state=context.seed_of("resample"))
    with quiet_libraries():
        index = np.sort(sampled_rows(sampler, np.zeros((len(sample.y), 1)), sample.y))
    return fit_sample(context, note_few_rows(sample, ratio).rows(index))
