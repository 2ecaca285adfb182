"""Regularised learning under label shift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.label_shift import TRANSDUCTIVE, confusion, decided_shares, reweigh
from bench.methods.postprocess.prior_correction import undo_class_weights

WEAKEST, STRONGEST = -30.0, 30.0
"""Range of ln of the ridge in which the solution is looked for: no shrinking, and nothing left."""


@register("class", tags=("extended",), code=("bench.methods.postprocess.prior_correction",), breaks=TRANSDUCTIVE)
def rlls(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, penalty: float = 0.01, trust: float = 1.0
) -> Callable[[Prediction], Prediction]:
    """Estimate how the class shares of the predicted rows differ as `bbse` does, shrunk towards no difference.

        min_θ |C θ - (μ - ν)| + penalty |θ|,   w = 1 + trust θ,   p_k ← w_k p_k / Σ_j w_j p_j

    C and μ are those of `bbse`, ν are the shares of known rows decided to be each class, and |·| is the length. A
    difference that is smaller than what `penalty` allows for is no difference. `trust`, from 0 to 1, goes part of the
    way. θ is a ridge solution, whose strength is found in one dimension. Transductive. Azizzadenesheli, Liu, Yang and
    Anandkumar (2019), "Regularized learning for domain adaptation under label shifts".

    Raises:
        BenchError: the penalty is not above zero, or trust is not between 0 and 1.
        NotApplicableError: the class weights behind a prediction are not known.
    """
    if not penalty > 0 or not 0 <= trust <= 1:
        raise BenchError(
            f"parameters penalty={penalty} and trust={trust} of rlls do not work: give a positive penalty and a trust "
            "from 0 to 1"
        )
    known = confusion(prediction, y)

    def change(other: Prediction) -> Prediction:
        plain = undo_class_weights(other)
        theta = shrunk_solution(known.C, decided_shares(plain) - known.decided, penalty)
        return reweigh(plain, 1 + trust * theta, known.present)

    return change


def shrunk_solution(C: Array, b: Array, penalty: float) -> Array:
    """Return θ (K,) of the least |C θ - b| + penalty |θ|.

    Its slope vanishes where θ is the ridge solution of a strength λ = penalty |C θ - b| / |θ|: the least over λ is the
    least of all, or θ = 0.
    """
    from scipy.optimize import minimize_scalar

    U, d, V = np.linalg.svd(C)

    def solution(log: float) -> Array:
        return np.asarray(V.T @ (d / (d**2 + np.exp(log)) * (U.T @ b)))

    def loss(theta: Array) -> float:
        return float(np.linalg.norm(C @ theta - b) + penalty * np.linalg.norm(theta))

    found = minimize_scalar(
        lambda log: loss(solution(log)), bounds=(WEAKEST, STRONGEST), method="bounded", options={"xatol": 1e-10}
    )
    theta = solution(float(found.x))
    return theta if loss(theta) < loss(0 * theta) else 0 * theta
