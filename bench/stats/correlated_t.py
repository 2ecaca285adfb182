"""Two methods on one task: the t-test on folds whose training rows overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from bench.core.nouns import Array
from bench.stats.split_means import split_mean


class CorrelatedT(NamedTuple):
    """`mean` difference, its standard error, `t`, degrees of freedom and two-sided `p`, each of the shape of a pair."""

    mean: Array
    error: Array
    t: Array
    df: Array
    p: Array


def correlated_t(difference: Array, test_share: float) -> CorrelatedT:
    """Test whether differences of folds (n, ...) have mean zero, along the first axis; NaN are left out.

        t = mean / error,  df n - 1

    Mean and error are those of `split_mean`. Where all differences are zero p is 1; where they are equal but not zero,
    or fewer than two, there is no estimate of their spread, and p is NaN. Source: Nadeau and Bengio (2003), Inference
    for the generalization error; Corani and Benavoli (2015), A Bayesian approach for comparing cross-validated
    algorithms.
    """
    n, mean, error = split_mean(difference, test_share)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where((mean == 0) & (error == 0), 0.0, np.where(error > 0, mean / error, np.nan))
    t = np.where(np.isnan(error), np.nan, t)
    return CorrelatedT(mean, error, t, n - 1, 2 * stdtr(np.maximum(n - 1, 1), -np.abs(t)))
