"""Convex weights of their own in every cluster of the rows."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.clusters import k_means, nearest
from bench.methods.ensembles.regional import Place, Regional, regional_combiner
from bench.methods.ensembles.rows import shares_of


@register("quantile", tags=("extended",), code=("bench.solvers.pinball",))
def local_cluster(panel: Panel, y: Array, rng: np.random.Generator, *, clusters: int = 4) -> Regional:
    """Divide the rows into clusters by k-means on the encoded columns, and weigh the learners in each by itself.

        w_r = (s ŵ_r + κ ŵ) / (s + κ), ŵ_r = argmin_w Σ_nk ψ_τk(y_n - Σ_l w_l ŷ_lnk) over the rows of cluster r

    s is the share of the cluster, ŵ are the weights of all rows (`coarse`), and the inner folds choose κ among 0, 0.03,
    0.1, 0.3, 1 and ∞. A row goes to the nearest centre. k-means starts without chance from the cluster of the largest
    spread cut at its mean along its principal axis, again and again: Su and Dy (2007), "In search of deterministic
    methods for initializing k-means and Gaussian mixture clustering"; Lloyd (1982), "Least squares quantization in
    PCM".

    Raises:
        BenchError: `clusters` is less than one.
    """
    if clusters < 1:
        raise BenchError(f"clusters of local-cluster cannot be {clusters!r}: give a whole number from 1")
    return regional_combiner(panel, y, partial(_clusters, clusters=clusters))


def _clusters(panel: Panel, y: Array, *, clusters: int) -> Place:
    """Return the function that finds the nearest centre."""
    return partial(nearest, k_means(panel.X.to_numpy(dtype=float), shares_of(panel), clusters))
