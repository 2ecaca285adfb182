"""Probabilities for other class shares than those of the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities
from bench.methods.postprocess import register
from bench.methods.postprocess.prior_correction import undo_class_weights

MOST_ROUNDS = 2000
"""Rounds at most."""

SETTLED_BELOW = 1e-10
"""Class shares that move by less have settled."""


@register(
    "class",
    tags=("extended",),
    code=("bench.methods.postprocess.prior_correction",),
    breaks={
        "keeps_probabilities": "it is there to correct probabilities",
        "test_rows_apart": "it estimates the class shares of all the rows that are predicted together (transductive)",
    },
)
def em_prior(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Estimate the class shares of the rows that are predicted, and correct the probabilities for them.

    With the shares π of the known rows and π' of the predicted rows, by turns until nothing moves:

        p_ik ← p_ik (π'_k / π_k) / Σ_j p_ij (π'_j / π_j)   and   π'_k ← mean of p_ik over the rows i

    Each round starts from the given probabilities. This is transductive: the prediction of a test row depends on the
    other test rows, though not on their labels, so it stands apart from the steps that treat every row alone. The
    class weights of the training are undone first. A class without a known row keeps its odds. Saerens, Latinne and
    Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori probabilities: a simple procedure".

    Raises:
        NotApplicableError: the class weights behind a prediction are not known.
    """
    counts = np.bincount(y, weights=prediction.weight, minlength=prediction.target.width).astype(float)
    return lambda other: _adjust_shares(undo_class_weights(other), counts / counts.sum())


def _adjust_shares(prediction: Prediction, before: Array) -> Prediction:
    ratio, known = np.ones(len(before)), before > 0
    for _ in range(MOST_ROUNDS):
        after = np.average(_reweigh(prediction.values, ratio), axis=0, weights=prediction.weight)
        found = np.divide(after, before, out=np.ones(len(before)), where=known)
        moved = np.abs((found - ratio) * before).max()
        ratio = found
        if moved < SETTLED_BELOW:
            break
    values, _ = clip_probabilities(_reweigh(prediction.values, ratio))
    return replace(prediction, values=values)


def _reweigh(values: Array, ratio: Array) -> Array:
    odds = values * ratio
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
