"""Decoupled training: hidden units from plain training, and a head that is fitted again for equal classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes

BALANCED = ("bench.methods.class_weights.balanced",)


@register("fit", tags=("extended", "loss"), hook="loss", learners=("mlp",), code=BALANCED)
def crt(context: FitContext) -> FittedModel:
    """Train the plain way, keep the hidden units, and fit a new head on rows of equal class weight (cRT).

    The head is a logistic regression on the hidden units with the penalty of the learner, so that it reaches its
    optimum; balanced class weights stand for the authors' class-balanced draws. Kang, Xie, Rohrbach, Yan, Gordo, Feng
    and Kalantidis (2020), Decoupling representation and classifier for long-tailed recognition.
    """

    def fit(rows: EncodedRows) -> EncodedPredictor:
        plain = networks.fit_network(context, rows, networks.mean_of(objectives.cross_entropy))
        units = _balanced_units(plain, rows)
        network = networks.Linear(units.X.shape[1], len(rows.present))
        penalty = context.learner_parameters["alpha"] / len(rows.y)
        loss = networks.mean_of(objectives.cross_entropy)
        head = networks.FittedNetwork(
            network, networks.minimise_by_lbfgs(network, loss, units, penalty, network.start())
        )
        return lambda X: head.predict(hidden_units(plain, X))

    return fit_present_classes(context, fit)


@register("fit", tags=("extended", "loss"), hook="loss", learners=("mlp",), code=BALANCED)
def lws(context: FitContext) -> FittedModel:
    """Train the plain way, then scale each class's row of the head by a factor that is learned on equal classes (LWS).

        f_c ← s_c f_c,   s of the least cross-entropy with balanced class weights, from s = 1

    The rows of two classes mirror each other: their labels stay as they are. Kang, Xie, Rohrbach, Yan, Gordo, Feng and
    Kalantidis (2020), Decoupling representation and classifier for long-tailed recognition (learnable weight scaling).
    """

    def fit(rows: EncodedRows) -> EncodedPredictor:
        plain = networks.fit_network(context, rows, networks.mean_of(objectives.cross_entropy))
        scaled = replace(_balanced_units(plain, rows), X=plain.logits(rows.X))
        network = Scales(len(rows.present))
        loss = networks.mean_of(objectives.cross_entropy)
        penalty = context.learner_parameters["alpha"] / len(rows.y)
        s = networks.minimise_by_lbfgs(network, loss, scaled, penalty, np.zeros(network.K))
        return lambda X: objectives.softmax(network.forward(s, plain.logits(X))[0])

    return fit_present_classes(context, fit)


@dataclass(frozen=True)
class Scales:
    """f = (1 + theta) ∘ X: a factor for each of K logits, which the penalty draws to one."""

    K: int

    @cached_property
    def penalised(self) -> Array:
        """One for every factor."""
        return np.ones(self.K)

    def forward(self, theta: Array, X: Array) -> tuple[Array, networks.Back]:
        """Return the logits, and the way back."""
        return (1 + theta) * X, lambda slope: np.asarray((slope * X).sum(axis=0))


def hidden_units(model: networks.FittedNetwork, X: Array) -> Array:
    """Return the hidden units of encoded rows (n, h)."""
    return cast("networks.Hidden", model.network).units(model.theta, np.asarray(X, dtype=float))


def _balanced_units(model: networks.FittedNetwork, rows: EncodedRows) -> EncodedRows:
    """Return the hidden units in the place of the columns, all classes of the same weight."""
    w = rows.class_weights("balanced")[rows.y]
    return replace(rows, X=hidden_units(model, rows.X), weight=rows.weight * w)
