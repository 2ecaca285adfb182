"""Black box shift estimation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.label_shift import TRANSDUCTIVE, confusion, decided_shares, reweigh
from bench.methods.postprocess.prior_correction import undo_class_weights


@register("class", tags=("extended",), code=("bench.methods.postprocess.prior_correction",), breaks=TRANSDUCTIVE)
def bbse(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Estimate by the confusion of labels how the class shares of the predicted rows differ, and correct for it.

        C w = μ,   p_k ← w_k p_k / Σ_j w_j p_j

    C_kj is the share of known rows that are decided to be k and are j, μ_k that of predicted rows decided to be k; w is
    the ratio of the new class shares to the old ones, by least squares where C has no inverse, and no less than 0. It
    holds if rows within a class are as before (label shift), and needs no calibrated probabilities, in contrast to
    `em-prior`; with few rows of a class it is noisy: see `rlls`. Transductive, as `em-prior` is; class weights of the
    training are undone first. Lipton, Wang and Smola (2018), "Detecting and correcting for label shift with black box
    predictors".

    Raises:
        NotApplicableError: the class weights behind a prediction are not known.
    """
    known = confusion(prediction, y)

    def change(other: Prediction) -> Prediction:
        plain = undo_class_weights(other)
        ratio = np.linalg.lstsq(known.C, decided_shares(plain), rcond=1e-9)[0]
        return reweigh(plain, ratio, known.present)

    return change
