"""The mean difference of two methods over splits of one task, and its error: training rows of splits overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array


class SplitMean(NamedTuple):
    """The number `n` of splits, the `mean` difference and its standard error `error`, each of the shape of a pair."""

    n: Array
    mean: Array
    error: Array


def split_mean(difference: Array, test_share: float) -> SplitMean:
    """Average differences of splits (n, ...) along the first axis; NaN are left out.

        error² = (1/n + rho / (1 - rho)) s²,  rho = test_share = n_test / (n_train + n_test), 1/k for k folds

    s² is the variance with n - 1 below. The error is NaN for fewer than two splits, both are where a difference is
    infinite. Source: Nadeau and Bengio (2003), Inference for the generalization error.
    """
    difference = np.asarray(difference, dtype=float)
    known = np.isfinite(difference)
    bad = (~known & ~np.isnan(difference)).any(axis=0)
    n = known.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs(np.where(known, difference, 0.0)).max(axis=0, initial=0.0)
        unit = np.where(size > 0, size, 1.0)  # squares of very large or small numbers would not be finite or not be
        mean = np.where(known, difference / unit, 0.0).sum(axis=0) / n
        off = np.where(known, difference / unit - mean, 0.0)
        # what is below 1e-12 of the largest difference is float noise, not spread
        variance = np.where((np.abs(off) > 1e-12).any(axis=0), (off**2).sum(axis=0), 0.0) / (n - 1)
        factor = 1 / n + np.divide(test_share, 1 - test_share)  # infinite where nothing was left to train on
        mean, error = unit * mean, unit * np.sqrt(factor * variance)
    return SplitMean(n, np.where(bad, np.nan, mean), np.where(bad | (n < 2), np.nan, error))
