"""Decisions for balanced errors, by the size of the classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.methods.postprocess import register


@register("class", tags=("core",))
def logit_adjustment(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, tau: float = 1.0
) -> Callable[[Prediction], Prediction]:
    """Decide on the class of the largest ln p_k - tau ln π_k, with the class shares π of the known rows.

    As a decision rule it multiplies p_k by π_k^(-tau); probabilities stay as they are. With tau = 1 and true
    probabilities it minimises the balanced error, tau = 0 is no rule. A class without a row is never decided on. Behind
    a training with class weights, undo them first (`prior-correction`): both together correct twice. Menon, Jayasumana,
    Rawat, Jain, Veit and Kumar (2021), "Long-tail learning via logit adjustment".

    Raises:
        BenchError: tau is not finite.
    """
    if not np.isfinite(tau):
        raise BenchError(f"tau of logit-adjustment cannot be {tau}: give a number such as 1")
    counts = np.bincount(y, weights=prediction.weight, minlength=prediction.target.width).astype(float)
    present = counts > 0
    relative = np.where(present, counts, 1.0) / counts.max()
    rule = np.where(present, relative**-tau, 0.0)
    return lambda other: replace(other, rule=rule)
