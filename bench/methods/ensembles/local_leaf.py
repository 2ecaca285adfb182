"""Convex weights of their own in every leaf of a shallow tree."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.regional import Place, Regional, regional_combiner
from bench.methods.ensembles.rows import shares_of

SMALLEST_LEAF = 0.05
"""Share of the rows' weights that a leaf must have."""


@register("quantile", tags=("extended",), code=("bench.solvers.pinball",))
def local_leaf(panel: Panel, y: Array, rng: np.random.Generator, *, depth: int = 3) -> Regional:
    """Find by a tree on the columns where other learners are good, and weigh the learners in every leaf by itself.

        w_leaf = (s ŵ_leaf + κ ŵ) / (s + κ), ŵ_leaf = argmin_w Σ_nk ψ_τk(y_n - Σ_l w_l ŷ_lnk) over the leaf's rows

    The regression tree explains each learner's WIS less the mean of all learners, all at once. Its leaves have at least
    a twentieth of the rows; s is the share of the leaf, ŵ those of all rows (`coarse`), and the inner folds choose κ
    among 0, 0.03, 0.1, 0.3, 1 and ∞. After the local weights of Fakoor, Kim, Mueller, Smola and Tibshirani (2023),
    "Flexible model aggregation for quantile regression", with leaves in place of a network; Breiman, Friedman, Olshen
    and Stone (1984), "Classification and Regression Trees".

    Raises:
        BenchError: `depth` is less than one.
    """
    if depth < 1:
        raise BenchError(f"depth of local-leaf cannot be {depth!r}: give a whole number from 1")
    return regional_combiner(panel, y, partial(_grow_leaves, depth=depth))


def _grow_leaves(panel: Panel, y: Array, *, depth: int) -> Place:
    """Grow the tree, and return the function that finds the leaf of a row."""
    from sklearn.tree import DecisionTreeRegressor

    if not panel.X.shape[1]:
        return _nowhere
    loss = np.stack([losses.proper_loss(panel.target, y, predictions) for predictions in panel.predictions], axis=1)
    share = shares_of(panel)
    excess = (loss - loss.mean(axis=1, keepdims=True)) / (float(share @ loss.mean(axis=1)) or 1.0)
    tree = DecisionTreeRegressor(max_depth=depth, min_weight_fraction_leaf=SMALLEST_LEAF, random_state=0)
    tree.fit(panel.X.to_numpy(dtype=float), excess, sample_weight=share * len(share))
    return partial(_leaf, tree, np.flatnonzero(tree.tree_.children_left < 0))


def _leaf(tree: Any, leaves: Array, X: Array) -> Array:
    return np.searchsorted(leaves, tree.apply(X))


def _nowhere(X: Array) -> Array:
    """Put every row into one region: there are no columns to divide by."""
    return np.zeros(len(X), dtype=int)
