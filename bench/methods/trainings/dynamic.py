"""Weights of one-against-rest losses that follow the running losses of the classes."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, register
from bench.methods.trainings.against_rest import (
    RunningWeights,
    class_losses,
    inverse_loss_weights,
    sigmoids,
    weighted_loss,
)
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes

REWEIGHTINGS = 10
"""Solutions of the linear model, each with the class weights of the last."""


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"))
def dynamic(context: FitContext, *, gamma: float = 2.0, smoothing: float = 0.05) -> FittedModel:
    """Weigh the focal loss of each class against the rest by the inverse of its running loss, anew in every batch.

        R_c ← s r_c + (1 - s) R_c, from 1/K        w_c = 1 / (1e-5 + R_c), scaled to mean one

    r_c is the mean over the batch of -(1 - q)^γ ln q, with q the probability that a sigmoid of f_c gives to the truth
    about class c; `gamma` is γ, `smoothing` is s. Predictions are the sigmoids, scaled to sum one. A rare class has a
    small r_c and so a large weight. Two classes have one output, one weight, and so the focal loss as it is. The linear
    model is solved in rounds, each with the weights of the last (s = 1). Yilmaz, Kaynak, Koç, Dibeklioğlu and Kozat
    (2020), Multi-label sentiment analysis on 100 languages with dynamic weighting for label imbalance, where a row may
    have several labels.

    Raises:
        BenchError: gamma is negative, or the smoothing is not in (0, 1].
    """
    if gamma < 0 or not 0 < smoothing <= 1:
        raise BenchError(
            f"parameters gamma={gamma} and smoothing={smoothing} of dynamic do not work: "
            "give a gamma of 0 or more and a smoothing above 0 and up to 1"
        )

    def fit(rows: EncodedRows) -> EncodedPredictor:
        if context.learner.entry.name == "logistic":
            model = _fit_linear(context, rows, gamma)
        else:
            model = networks.fit_network(context, rows, RunningWeights(gamma, smoothing, len(rows.present)))
        return lambda X: sigmoids(model.logits(X))

    return fit_present_classes(context, fit)


def _fit_linear(context: FitContext, rows: EncodedRows, gamma: float) -> networks.FittedNetwork:
    """Solve in rounds; two classes have one output and one weight, so that one round is all."""
    network, penalty = networks.Linear(rows.X.shape[1], len(rows.present)), networks.penalty(context, rows)
    theta, w, X = network.start(), np.ones(network.outputs), np.asarray(rows.X)
    for _ in range(REWEIGHTINGS if network.outputs > 1 else 1):
        theta = networks.minimise_by_lbfgs(network, weighted_loss(gamma, w), rows, penalty, theta)
        w = inverse_loss_weights(class_losses(network.forward(theta, X)[0], rows.y, rows.weight, gamma)[0])
    return networks.FittedNetwork(network, theta)
