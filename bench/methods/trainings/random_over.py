"""Copies of rows of small classes."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.numeric_view import View, quiet_libraries
from bench.methods.trainings.sample import fit_sample, positive_weight_sample, rows_to_add


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def random_over(context: FitContext, *, shrinkage: float = 0.0, ratio: float = 1.0) -> FittedModel:
    """Draw rows of a class with replacement, beside those that it has, until it has `ratio` of the largest.

    `shrinkage` s > 0 adds noise to the numbers of the drawn rows, of the deviation s (4 / ((d + 2) n))^(1/(d + 4)) σ,
    with d numbers, n rows and the deviation σ of the class: the smoothed bootstrap of Menardi and Torelli (2014),
    Training and assessing classification rules with imbalanced data. Gaps and categories are those of the drawn row,
    and so is its weight.

    Raises:
        BenchError: the shrinkage is negative, or the ratio not in (0, 1].
    """
    from imblearn.over_sampling import RandomOverSampler

    if not 0 <= shrinkage < np.inf:
        raise BenchError(f"parameter 'shrinkage' of random-over is {shrinkage}: give 0 or more")
    sample = positive_weight_sample(context)
    n, counts, missing_modules = len(sample.y), np.bincount(sample.y), rows_to_add(sample.y, ratio)
    if not missing_modules:
        return fit_sample(context, sample)
    view = View.fit(sample.X)
    wanted = {code: int(counts[code]) + lack for code, lack in missing_modules.items()}
    smooth = shrinkage if shrinkage > 0 and view.numbers else None
    scaled = view.scaled(sample.X) if view.numbers else np.zeros((n, 1))
    sampler = RandomOverSampler(sampling_strategy=wanted, shrinkage=smooth, random_state=context.seed_of("resample"))
    with quiet_libraries():
        scaled = np.asarray(sampler.fit_resample(scaled, sample.y)[0])
    sample = sample.rows(np.asarray(sampler.sample_indices_, dtype=int))
    if smooth is None:
        return fit_sample(context, sample)
    return fit_sample(context, sample.with_tail(n, view.rows(sample.X.iloc[n:], scaled[n:], None)))
