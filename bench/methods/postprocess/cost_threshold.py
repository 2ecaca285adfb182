"""Decisions of least expected cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, BenchError, NotApplicableError, Prediction
from bench.methods.postprocess import register


@register("class", tags=("extended",))
def cost_threshold(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, costs: str = "5"
) -> Callable[[Prediction], Prediction]:
    """Decide on the class of the least expected cost; probabilities stay as they are.

    `costs` is one number r: a missed row of the rarest class costs r, of any other class 1 (5 to 1 is the cost of the
    German credit data); or a matrix, `0 1; 5 0`, with a row for each true class, in the order of the task, and a column
    for each decided one, where C_jk is the cost of deciding on k where j is true. Two classes are cut at

        t = C_FP / (C_FP + C_FN)

    counted from the cost of a right decision. With more classes the costs must depend on the true class j alone: a miss
    costs d_j whatever was decided, a hit C_jj. Then Σ_j p_j C_jk = Σ_j p_j d_j - p_k (d_k - C_kk), and the rule
    multiplies p_k by d_k - C_kk. Other costs are refused: no class multipliers decide by them. Behind a training with
    class weights, undo them first (`prior-correction`). Elkan (2001), "The foundations of cost-sensitive learning".

    Raises:
        BenchError: the costs are no numbers, no square matrix, or cannot be decided by with class multipliers.
        NotApplicableError: the matrix is for another number of classes.
    """
    table = _read_costs(costs)
    if table.size > 1 and len(table) != prediction.target.width:
        raise NotApplicableError(f"the costs are for {len(table)} classes, the task has {prediction.target.width}")
    if table.size == 1:  # the ratio is for the classes that are as rare as any with a row
        counts = np.bincount(y, weights=prediction.weight, minlength=prediction.target.width).astype(float)
        rule = np.where(counts == counts[counts > 0].min(), float(table[0, 0]), 1.0)
    else:
        rule = _multipliers(table, costs)
    return lambda other: replace(other, rule=rule)


def _read_costs(costs: str) -> Array:
    """Read one number or a square matrix."""
    try:
        table = np.array([[float(word) for word in row.split()] for row in costs.split(";")])
    except ValueError:  # a word that is no number, or rows of different lengths
        table = np.empty((0, 0))
    sound = table.ndim == 2 and table.size > 0 and table.shape[0] == table.shape[1]
    if not sound or not np.isfinite(table).all() or (table.size == 1 and table[0, 0] <= 0):
        raise BenchError(
            f"costs of cost-threshold cannot be {costs!r}: give a ratio above zero such as '5', or a square matrix "
            "such as '0 1; 5 0', a row for each true class"
        )
    return table


def _multipliers(table: Array, costs: str) -> Array:
    width = len(table)
    missed = table[~np.eye(width, dtype=bool)].reshape(width, width - 1)
    if np.ptp(missed, axis=1).max() > 0:
        raise BenchError(
            f"costs of cost-threshold cannot be {costs!r}: within a row, all entries off the diagonal must be alike, "
            "since a class multiplier knows what is missed, not what is decided instead"
        )
    saved = missed[:, 0] - np.diag(table)
    if not (saved > 0).all():
        raise BenchError(f"costs of cost-threshold cannot be {costs!r}: in every row a hit must cost less than a miss")
    return saved / saved[0]
