"""Equal weights on the subset of learners whose plain average is best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from types import MappingProxyType

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.learner_badness import name_order
from bench.solvers.row_blocks import by_row_blocks
from bench.solvers.simplex_qp import residual_gram

EXACT_UP_TO: Mapping[str, int] = MappingProxyType({"point": 14, "class": 12, "quantile": 9})
"""Up to so many learners all 2^L - 1 subsets are tried; a subset of points needs no pass over the rows."""

SubsetLoss = Callable[[Array], float]
"""Positions of the learners of a subset -> loss of their average."""


@register("point", "class", "quantile", tags=("extended",))
def best_subset_mean(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Give equal weights to the subset of learners whose average has the least proper loss.

        min_S mean_n loss(y_n, Σ_{l in S} ŷ_ln / |S|)

    Exact up to 14 learners of points, 12 of classes and 9 of quantiles. With more, learners enter one by one, without
    replacement, the one that helps the average most, and the best prefix is kept. Ties go to the smaller subset, then
    to the first by name. After Zhou, Wu and Tang (2002), "Ensembling neural networks: many could be better than all".
    """
    order = name_order(panel.learners)
    loss = _subset_loss(panel, y, order)
    exact = len(order) <= EXACT_UP_TO[panel.target.kind]
    best = order[(_all_subsets if exact else _prefixes)(len(order), loss)]
    return Weights(np.isin(np.arange(len(order)), best) / len(best))


def _all_subsets(size: int, loss: SubsetLoss) -> Array:
    subsets = [np.array(each) for count in range(1, size + 1) for each in combinations(range(size), count)]
    return subsets[int(np.argmin([loss(subset) for subset in subsets]))]


def _prefixes(size: int, loss: SubsetLoss) -> Array:
    chosen, found = np.zeros(0, dtype=int), []
    while len(chosen) < size:
        left = np.setdiff1d(np.arange(size), chosen)
        tried = [loss(np.append(chosen, j)) for j in left]
        chosen = np.append(chosen, left[int(np.argmin(tried))])
        found.append(min(tried))
    return chosen[: int(np.argmin(found)) + 1]


def _subset_loss(panel: Panel, y: Array, order: Array) -> SubsetLoss:
    """Return the loss of a subset, numbered by name; squared error needs only 1'G1 / |S|²."""
    if panel.target.kind == "point":
        gram = residual_gram(panel.predictions[:, :, 0], y, panel.weight)[np.ix_(order, order)]
        return lambda subset: float(gram[np.ix_(subset, subset)].mean())
    kept = losses.true_class(y, panel.predictions) if panel.target.kind == "class" else panel.predictions

    def loss_of_rows(subset: Array, rows: slice) -> Array:
        average = kept[order[subset], rows].mean(axis=0)
        is_class = panel.target.kind == "class"
        return -np.log(average) if is_class else losses.proper_loss(panel.target, y[rows], average)

    return lambda subset: float(losses.mean(by_row_blocks(partial(loss_of_rows, subset), len(y)), panel.weight))
