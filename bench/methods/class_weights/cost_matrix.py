"""Weights from what each mistake costs."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.class_weights import register
from bench.methods.class_weights.costs import cost_matrix_of, read_costs


@register("fit", tags=("extended",))
def cost_matrix(counts: Array, total: float, *, costs: str = "") -> Array:
    """Weigh a class by what a mistake on it costs beyond a hit: w_c = Σ_{j ≠ c} (C[c, j] - C[c, c]) / (K - 1).

    `costs` is C, row c the true class and column j the decided one, in the order of the task's classes:
    `cost-matrix:costs=0 1;5 0`; or what a missed row of each class costs, `1 5`. Without it every mistake costs the
    same, which is `none`. With two classes the weights are exactly those that make the decision at 1/2 the cheapest
    one, with the ratio (C[1, 0] - C[1, 1]) / (C[0, 1] - C[0, 0]); with more, they are an approximation, and
    `cost-threshold` decides exactly. `expected_cost` judges both. Breiman, Friedman, Olshen and Stone (1984),
    Classification and regression trees, section 4.4; Elkan (2001), The foundations of cost-sensitive learning.

    Raises:
        BenchError: the text is neither a square matrix of costs nor a number for each class.
        NotApplicableError: the task has another number of classes.
    """
    if read_costs(costs, "cost-matrix").size == 1:
        raise BenchError(
            f"costs of cost-matrix cannot be {costs!r}: a weighting knows no positive class, so give a number for each "
            "class, such as '1 5', or a matrix"
        )
    C = cost_matrix_of(costs, "cost-matrix", len(counts), positive=0)  # what stands for each class names none
    return np.where(np.asarray(counts) > 0, (C - np.diag(C)[:, None]).sum(axis=1) / max(len(C) - 1, 1), 0.0)
