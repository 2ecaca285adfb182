"""What decisions cost: the one way to write it, for weights, thresholds and the metric; nothing is registered here.

A text of costs is one of four, for any number K of classes, in the order of the task:

- a matrix, `0 1; 5 0`: a row for each true class and a column for each decided one, `C[j, k]`;
- a number for each class, `1 5`: what a missed row of the class costs, whatever is decided; a hit costs nothing;
- one number, `5`: what a missed row of the positive class costs; of any other class it is 1;
- nothing: every mistake costs 1.
"""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, NotApplicableError


def read_costs(text: str, owner: str) -> Array:
    """Return the numbers of a text of costs: of shape (K, K), (1, K), (1, 1) or, without any, (0, 0).

    Raises:
        BenchError: it is no such text, a number is not finite, or a hit costs more than a miss.
    """
    if not text.strip():
        return np.empty((0, 0))
    rows = [row.split() for row in text.split(";")]
    try:
        table = np.array(rows, dtype=float)
    except ValueError:  # a word that is no number, or rows of different lengths
        table = np.empty((0, 0))
    if table.ndim != 2 or table.size == 0 or len(table) not in {1, table.shape[1]} or not np.isfinite(table).all():
        raise BenchError(
            f"costs of {owner} cannot be {text!r}: give a matrix such as '0 1; 5 0', with a row for each true class, a "
            "number for each class such as '1 5', or one for the positive class such as '5'"
        )
    saved = table - np.diag(table)[:, None] if len(table) > 1 else table.T
    if (saved < 0).any() or not (saved > 0).any(axis=1).all():
        raise BenchError(f"costs of {owner} cannot be {text!r}: for every true class a hit must cost less than a miss")
    return table


def cost_matrix_of(text: str, owner: str, width: int, positive: int) -> Array:
    """Return the costs C (K, K) that a text gives to K classes: `C[j, k]` of deciding on k where j is true.

    Raises:
        BenchError: it is no text of costs.
        NotApplicableError: it is for another number of classes.
    """
    table = read_costs(text, owner)
    if len(table) > 1 or table.size > 1:
        if table.shape[1] != width:
            raise NotApplicableError(f"the costs of {owner} are for {table.shape[1]} classes, the task has {width}")
        return table if len(table) > 1 else _of_misses(table[0])
    missed = np.ones(width)
    if table.size:
        missed[positive] = table[0, 0]
    return _of_misses(missed)


def _of_misses(missed: Array) -> Array:
    """Return the costs (K, K) of what is missed of each class (K,); a hit costs nothing."""
    return missed[:, None] * (1 - np.eye(len(missed)))
