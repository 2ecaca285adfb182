"""Rows of large classes replaced by the centres of their clusters."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.numeric_view import View, quiet_libraries
from bench.methods.trainings.sample import Sample, fit_chosen_rows, positive_weight_sample, rows_to_keep
from bench.methods.trainings.undersampling import note_few_rows


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def cluster_centroids(context: FitContext, *, ratio: float = 1.0) -> FittedModel:
    """Put k-means centres in the place of the rows of a class, as many as the smallest class has rows, over `ratio`.

    Gaps and categories of a centre are those of the nearest row of the class. Lemaître, Nogueira and Aridas (2017),
    Imbalanced-learn: a Python toolbox to tackle the curse of imbalanced datasets in machine learning.

    Raises:
        BenchError: the ratio is not in (0, 1].
    """
    sample = positive_weight_sample(context)
    view = View.fit(sample.X)
    shrunk = note_few_rows(sample, ratio)
    for code, n_centres in rows_to_keep(sample.y, ratio).items():
        shrunk = _replace_by_centres(shrunk, view, code, n_centres, context.seed_of("resample", code))
    return fit_chosen_rows(context, shrunk)


def _replace_by_centres(sample: Sample, view: View, code: int, n_centres: int, seed: int) -> Sample:
    from sklearn.metrics import pairwise_distances_argmin

    own = np.flatnonzero(sample.y == code)
    points = view.points(sample.X.iloc[own]) if view.width else np.zeros((len(own), 1))
    centres = _centres(points, n_centres, seed)
    like = sample.X.iloc[own[pairwise_distances_argmin(centres, points)]]
    synthetic = view.rows(like, centres[:, : len(view.numbers)], None)
    stays = np.append(sample.y != code, np.ones(n_centres, dtype=bool))
    return sample.with_synthetic(synthetic, code).rows(np.flatnonzero(stays))


def _centres(points: Array, n_centres: int, seed: int) -> Array:
    """Return the centres of clusters (n_centres, d); one row of zeros stands for the other classes, which stay."""
    from imblearn.under_sampling import ClusterCentroids
    from threadpoolctl import threadpool_limits

    X = np.vstack([points, np.zeros((1, points.shape[1]))])
    y = np.append(np.zeros(len(points), dtype=int), 1)
    sampler = ClusterCentroids(sampling_strategy={0: n_centres}, random_state=seed, voting="soft")
    with quiet_libraries(), threadpool_limits(1):  # sums of several threads come in any order
        centres, codes = sampler.fit_resample(X, y)
    return np.asarray(centres[codes == 0])
