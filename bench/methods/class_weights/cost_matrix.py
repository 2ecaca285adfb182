"""Weights from what each mistake costs."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, NotApplicableError
from bench.methods.class_weights import register


@register("fit", tags=("extended",))
def cost_matrix(counts: Array, total: float, *, costs: str = "") -> Array:
    """Weigh a class by what all mistakes on it cost: w_c = Σ_j C[c, j].

    `costs` is C, of K x K numbers: row c is the true class and column j the decided one, in the order of the task's
    classes; rows are separated by semicolons and numbers by spaces, as in `cost-matrix:costs=0 1;5 0`. Without it every
    mistake costs the same, which is `none`. With two classes the weights are exactly those that make the decision at
    1/2 the cheapest one; with more, they are an approximation. Breiman, Friedman, Olshen and Stone (1984),
    Classification and regression trees, section 4.4; Elkan (2001), The foundations of cost-sensitive learning.

    Raises:
        BenchError: the text is no square matrix of costs, finite and not negative.
        NotApplicableError: the task has another number of classes.
    """
    of_class = _parse_costs(costs).sum(axis=1) if costs.strip() else np.ones(len(counts))
    if len(of_class) != len(counts):
        size = f"{len(of_class)} x {len(of_class)}"
        raise NotApplicableError(f"the cost matrix is {size}, but the task has {len(counts)} classes")
    return np.where(np.asarray(counts) > 0, of_class, 0.0)


def _parse_costs(text: str) -> Array:
    """Return the square matrix that a text holds."""
    rows = [row.split() for row in text.split(";")]
    try:
        matrix = np.array(rows, dtype=float)
    except ValueError:
        matrix = np.array([])
    square = matrix.shape == (len(rows), len(rows))
    if not square or not np.all(np.isfinite(matrix) & (matrix >= 0)):
        raise BenchError(
            f"costs of cost-matrix cannot be {text!r}: give as many rows as columns, of numbers that are not negative, "
            "as in '0 1;5 0'"
        )
    return matrix
