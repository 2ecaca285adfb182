"""Rows of large classes that lie near the smallest class."""

from __future__ import annotations

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.sample import fit_chosen_rows, positive_weight_sample, rows_to_keep, whole_number
from bench.methods.trainings.undersampling import (
    clamp_neighbours,
    note_rows_left,
    sampled_rows,
    smallest_size,
    undersample,
)


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def near_miss(context: FitContext, *, version: int = 1, k: int = 3, ratio: float = 1.0) -> FittedModel:
    """Keep rows of a class that lie near the smallest class, as many as that has, over `ratio`.

    `version` 1 keeps those with the least mean distance to the k nearest rows of the smallest class; 2 to its k
    farthest; 3 keeps, among the k nearest to each of its rows, those with the largest mean distance to the k nearest,
    and may keep fewer. Mani and Zhang (2003), kNN approach to unbalanced data distributions.

    Raises:
        BenchError: the version is not 1, 2 or 3, k is below 1, or the ratio not in (0, 1].
    """
    if version not in {1, 2, 3}:
        raise BenchError(f"parameter 'version' of near-miss is {version}: give 1, 2 or 3")
    sample = positive_weight_sample(context)
    near, sample = clamp_neighbours(sample, whole_number("k", k), smallest_size(sample.y))

    def choose(X: Array, y: Array) -> Array:
        from imblearn.under_sampling import NearMiss

        sampler = NearMiss(
            sampling_strategy=rows_to_keep(y, ratio), version=version, n_neighbors=near, n_neighbors_ver3=near
        )
        return sampled_rows(sampler, X, y)

    left = undersample(context, sample, choose)
    return fit_chosen_rows(context, note_rows_left(context, left, rows_to_keep(sample.y, ratio)))
