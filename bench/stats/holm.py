"""Holm's correction: p-values of many tests, so that the chance of any false one is kept."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array


def holm(p: Array) -> Array:
    """Return p-values (m,) corrected for their number, NaN left out.

        p_(k) -> max over l <= k of min(1, (m - l + 1) p_(l)),  p_(1) <= … <= p_(m) those that are known

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(order), 0, -1)))
    return corrected


def holm_of_pairs(p: Array) -> Array:
    """Return the symmetric p-values of all pairs (K, K) corrected for the number of pairs; the diagonal stays."""
    corrected = p.copy()
    above = np.triu_indices(len(p), 1)
    corrected[above] = holm(p[above])
    corrected.T[above] = corrected[above]
    return corrected
