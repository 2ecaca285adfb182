"""Powers and ratios of class counts that most weightings are made of; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array


def power_of_counts(counts: Array, exponent: float) -> Array:
    """Return n_c to a power (K,), 0 for a class without rows."""
    counts = np.asarray(counts, dtype=float)
    return np.power(counts, exponent, out=np.zeros_like(counts), where=counts > 0)


def imbalance_ratio(counts: Array) -> Array:
    """Return n_max / n_c (K,), from 1 for the largest class upwards, 0 for a class without rows."""
    counts = np.asarray(counts, dtype=float)
    return np.divide(counts.max(), counts, out=np.zeros_like(counts), where=counts > 0)
