"""Weights for averaging per-class measures: from the size of the class to one for all.

Harbecke, Chen, Hennig and Alt (2022), Why only Micro-F1? Class weighting of measures for relation
classification. The score is Σ_c w_c F1_c / Σ_c w_c; micro F1, with w_c = true + predicted rows, is not a
function of the counts alone.

A power n_c^a of the size covers four of them: a = 0 is `macro`, 1/2 `sqrt`, 3/4 `dodrans` and 1 `weighted`.
"""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.class_weights import register
from bench.methods.class_weights.ratios import power_of_counts


@register("average", tags=("core",))
def macro(counts: Array, total: float) -> Array:
    """Weigh every class alike: w_c = 1 for the classes that have rows."""
    return power_of_counts(counts, 0.0)


@register("average", tags=("core",))
def weighted(counts: Array, total: float) -> Array:
    """Weigh a class by its size: w_c = n_c."""
    return power_of_counts(counts, 1.0)


@register("average", tags=("core",))
def dodrans(counts: Array, total: float) -> Array:
    """Weigh a class by its size to the power of three quarters (Latin: dodrans): w_c = n_c^(3/4)."""
    return power_of_counts(counts, 0.75)


@register("average", tags=("extended",))
def sqrt(counts: Array, total: float) -> Array:
    """Weigh a class by the square root of its size: w_c = n_c^(1/2). Half way from `macro` to `weighted`."""
    return power_of_counts(counts, 0.5)


@register("average", tags=("extended",))
def power(counts: Array, total: float, *, a: float = 0.5) -> Array:
    """Weigh a class by a power of its size: w_c = n_c^a, from `macro` at a = 0 to `weighted` at a = 1.

    Raises:
        BenchError: a is not between 0 and 1.
    """
    if not 0 <= a <= 1:
        raise BenchError(f"a of power cannot be {a}: give an exponent from 0 (macro) to 1 (weighted)")
    return power_of_counts(counts, a)


@register("average", tags=("core",))
def entropy(counts: Array, rows: float, *, total: str = "all") -> Array:
    """Weigh a class by its part of the entropy: w_c = -n_c ln(n_c / N), with 0 ln 0 = 0.

    N is the weight of all rows with `total` "all", those of classes that the average leaves out included, as in the
    code of the authors; with "listed" it is Σ_c n_c of the classes averaged. The two are the same where every class is
    averaged. Harbecke et al. (2022). Above a share of 1/e a class loses weight as it grows, and a class that is alone
    has none.

    Raises:
        BenchError: the total is neither.
    """
    counts = np.asarray(counts, dtype=float)
    known = {"all": rows, "listed": counts.sum()}
    if total not in known:
        raise BenchError(f"total of entropy cannot be {total!r}: choose from {', '.join(known)}")
    ratio = np.divide(known[total], counts, out=np.ones_like(counts), where=counts > 0)
    return counts * np.log(np.maximum(ratio, 1.0))
