"""Decisions of least expected cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.class_weights.costs import cost_matrix_of
from bench.methods.postprocess import register


@register("class", tags=("extended",))
def cost_threshold(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, costs: str = "5"
) -> Callable[[Prediction], Prediction]:
    """Decide on the class k of the least expected cost, argmin_k Σ_j p_j C_jk; probabilities stay as they are.

    `costs` is one number r: a missed row of the positive class (of more than two, of the rarest) costs r, of any other
    class 1 (5 to 1 is the cost of the German credit data); or a number for each class, `1 5`; or a matrix, `0 1; 5 0`,
    with a row for each true class, in the order of the task, and a column for each decided one. Two classes are cut at

        t = C_FP / (C_FP + C_FN)

    counted from the cost of a right decision. Where a miss of j costs d_j whatever was decided, Σ_j p_j C_jk = Σ_j p_j
    d_j - p_k (d_k - C_kk), and the rule multiplies p_k by d_k - C_kk; elsewhere it is a matrix, by which p is
    multiplied. Behind a training with class weights, undo them first (`prior-correction`). `expected_cost` is the
    metric of the same costs. Elkan (2001), "The foundations of cost-sensitive learning".

    Raises:
        BenchError: the costs are no such text, or a hit costs more than a miss.
        NotApplicableError: the costs are for another number of classes.
    """
    target = prediction.target
    C = cost_matrix_of(costs, "cost-threshold", target.width, target.positive)
    rule = _multipliers(C) if _is_of_missed_class(C) else C.max(axis=1, keepdims=True) - C
    return lambda other: replace(other, rule=rule)


def _is_of_missed_class(C: Array) -> bool:
    """Return whether a miss costs the same whatever is decided."""
    missed = C[~np.eye(len(C), dtype=bool)].reshape(len(C), -1)
    return bool(np.ptp(missed, axis=1).max() == 0)


def _multipliers(C: Array) -> Array:
    """Return what a hit saves of each class, over that of the first (K,)."""
    saved = C.max(axis=1) - np.diag(C)
    rule: Array = saved / saved[0]
    return rule
