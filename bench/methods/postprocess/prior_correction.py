"""Undo the class weights of the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, NotApplicableError, Prediction, clip_probabilities
from bench.methods.postprocess import register


@register(
    "class",
    tags=("core",),
    learns="nothing",
    breaks={"keeps_probabilities": "it is there to correct probabilities"},
)
def prior_correction(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Divide probabilities by the class weights that the model was trained with, and let them sum to one again.

        p_k ← (p_k / w_k) / Σ_j (p_j / w_j)

    A model trained with class weights w estimates w_k p_k / Σ_j w_j p_j. The weights are
    `prediction.effective_class_weights`, (K,) or (n, K); None means that the model was trained without, and nothing
    changes; NaN means that they are not known, as where a training has chosen rows by where they lie (`near-miss`,
    `smote-enn`): within a class its rows are distributed otherwise, so that no weights undo it. A decision rule stays
    as it is: put a step that tunes one behind this. Elkan (2001), "The foundations of cost-sensitive learning"; Dal
    Pozzolo, Caelen, Johnson and Bontempi (2015), "Calibrating probability with undersampling for unbalanced
    classification".

    Raises:
        NotApplicableError: the class weights behind a prediction are not known.
    """
    return undo_class_weights


def undo_class_weights(prediction: Prediction) -> Prediction:
    """Return the prediction without the class weights behind it; NotApplicableError if they are not known."""
    if prediction.effective_class_weights is None:
        return prediction
    if np.isnan(prediction.effective_class_weights).any():
        raise NotApplicableError(
            "the class weights behind this prediction are not known: its training chose rows by where they lie, "
            "boosted, or changed the loss"
        )
    odds = prediction.values / np.where(prediction.effective_class_weights > 0, prediction.effective_class_weights, 1.0)
    values, _ = clip_probabilities(odds / odds.sum(axis=1, keepdims=True))
    return replace(prediction, values=values, effective_class_weights=None)
