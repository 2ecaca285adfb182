"""Two methods on one task: the t-test on folds whose training rows overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from bench.core.nouns import Array


class CorrelatedT(NamedTuple):
    """`mean` difference, its standard error, `t`, degrees of freedom and two-sided `p`, each of the shape of a pair."""

    mean: Array
    error: Array
    t: Array
    df: Array
    p: Array


def correlated_t(difference: Array, test_share: float) -> CorrelatedT:
    """Test whether differences of folds (n, ...) have mean zero, along the first axis; NaN are left out.

        error² = (1/n + rho / (1 - rho)) s²,  rho = test_share = n_test / (n_train + n_test), 1/k for k folds
        t = mean / error,  df n - 1

    s² is the variance with n - 1 below. Where all differences are zero p is 1; where they are equal but not zero, or
    fewer than two, there is no estimate of their spread, and p is NaN. Source: Nadeau and Bengio (2003), Inference for
    the generalization error; Corani and Benavoli (2015), A Bayesian approach for comparing cross-validated algorithms.
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
        mean, error = unit * mean, unit * np.sqrt((1 / n + test_share / (1 - test_share)) * variance)
        t = np.where((mean == 0) & (error == 0), 0.0, np.where(error > 0, mean / error, np.nan))
    none = bad | (n < 2)
    mean, error, t = (np.where(bad, np.nan, mean), np.where(none, np.nan, error), np.where(none, np.nan, t))
    return CorrelatedT(mean, error, t, n - 1, 2 * stdtr(np.maximum(n - 1, 1), -np.abs(t)))
