"""Corrections for class shares that are estimated from the predicted rows; nothing is registered here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities
from bench.methods.postprocess.prior_correction import undo_class_weights

TRANSDUCTIVE = {
    "keeps_probabilities": "it is there to correct probabilities",
    "test_rows_apart": "it estimates the class shares of all the rows that are predicted together (transductive)",
}
"""What a step of this kind declares to break."""


@dataclass(frozen=True)
class Confusion:
    """C (K, K): the share of known rows that are decided to be k (by row) and are j (by column)."""

    C: Array

    @property
    def decided(self) -> Array:
        """Return ν, the share of known rows that are decided to be each class (K,)."""
        return np.asarray(self.C.sum(axis=1))

    @property
    def present(self) -> Array:
        """Return the classes that known rows have, as a mask (K,)."""
        return np.asarray(self.C.sum(axis=0) > 0)


def confusion(prediction: Prediction, y: Array) -> Confusion:
    """Return the confusion of the labels of the largest probability, class weights of the training undone."""
    values, K = undo_class_weights(prediction).values, prediction.target.width
    cells = np.bincount(values.argmax(axis=1) * K + y, weights=prediction.weight, minlength=K * K)
    return Confusion(cells.reshape(K, K) / cells.sum())


def decided_shares(prediction: Prediction) -> Array:
    """Return μ, the share of the predicted rows that are decided to be each class (K,)."""
    decided = np.bincount(
        prediction.values.argmax(axis=1), weights=prediction.weight, minlength=prediction.target.width
    ).astype(float)
    return np.asarray(decided / decided.sum())


def reweigh(prediction: Prediction, ratio: Array, present: Array) -> Prediction:
    """Return p_k ratio_k / Σ_j p_j ratio_j, with a negative ratio as zero.

    A class without a known row keeps its odds. Where that leaves a row nothing, it stays as it is.
    """
    odds = prediction.values * np.where(present, np.maximum(ratio, 0.0), 1.0)
    total = odds.sum(axis=1, keepdims=True)
    values, _ = clip_probabilities(np.where(total > 0, odds / np.where(total > 0, total, 1.0), prediction.values))
    return replace(prediction, values=values)
