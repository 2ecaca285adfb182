"""Weights for averaging per-class measures: from the size of the class to one for all.

Harbecke, Chen, Hennig and Alt (2022), Why only Micro-F1? Class weighting of measures for relation
classification. The score is Σ_c w_c F1_c / Σ_c w_c; micro F1, with w_c = true + predicted rows, is not a
function of the counts alone.
"""

from __future__ import annotations

import numpy as np

from bench.class_weights import register
from bench.core import Array


@register("average", tags=("core",))
def macro(counts: Array, total: float) -> Array:
    """Weigh every class alike: w_c = 1 for the classes that have rows."""
    return (np.asarray(counts) > 0).astype(float)


@register("average", tags=("core",))
def weighted(counts: Array, total: float) -> Array:
    """Weigh a class by its size: w_c = n_c."""
    return np.asarray(counts, dtype=float)


@register("average", tags=("core",))
def dodrans(counts: Array, total: float) -> Array:
    """Weigh a class by its size to the power of three quarters (Latin: dodrans): w_c = n_c^(3/4)."""
    counts = np.asarray(counts, dtype=float)
    return np.power(counts, 0.75, out=np.zeros_like(counts), where=counts > 0)


@register("average", tags=("core",))
def entropy(counts: Array, total: float) -> Array:
    """Weigh a class by its part of the entropy: w_c = -n_c ln(n_c / N), with N = `total` and 0 ln 0 = 0.

    Harbecke et al. (2022). Above a share of 1/e a class loses weight as it grows, and a class that is alone
    has none.
    """
    counts = np.asarray(counts, dtype=float)
    ratio = np.divide(total, counts, out=np.ones_like(counts), where=counts > 0)
    return counts * np.log(np.maximum(ratio, 1.0))
