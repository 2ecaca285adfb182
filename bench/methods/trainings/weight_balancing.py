"""Weight decay and plain loss, then logits times a power of the class shares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.etf_network import FixedHead, equiangular_frame, with_features


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"))
def weight_balancing(
    context: FitContext, *, tau: float = 0.65, decay: float = 5e-3, features: float = 1e-2
) -> FittedModel:
    """Train cross-entropy with strong decay in one stage, and predict softmax of f_c π_c^-τ, with class shares π.

        mean loss + decay ‖weights‖² / 2 + features · mean ‖h(x)‖²

    `tau` is τ, by default as the authors have it for CIFAR100-LT. The network has a fixed head: the K corners of a
    simplex around zero (an equiangular tight frame) in random directions of its hidden units h, of which it needs K at
    least. The linear model has no h to form, and keeps its own head. The penalties of the learner give way to these.
    Two classes have logits z and -z, so that the factors leave their labels as they are: the scheme is for long tails
    of classes. Hasegawa and Sato (2024), Exploring weight balancing on long-tailed recognition problem (the
    simplification to one stage).

    Raises:
        BenchError: decay or features is negative or decay is zero, or there are fewer hidden units than classes.
    """
    if decay <= 0 or features < 0:
        raise BenchError(
            f"parameters decay={decay} and features={features} of weight-balancing do not work: "
            "give a positive decay and features of 0 or more"
        )

    def fit(rows: EncodedRows) -> EncodedPredictor:
        linear = context.learner.entry.name == "logistic"
        logits = _fit_linear(rows, decay) if linear else _fit_hidden(context, rows, decay, features)
        factor = rows.shares**-tau
        return lambda X: objectives.softmax(logits(X) * factor)

    return fit_present_classes(context, fit)


def _fit_linear(rows: EncodedRows, decay: float) -> EncodedPredictor:
    network, loss = networks.Linear(rows.X.shape[1], len(rows.present)), networks.mean_of(objectives.cross_entropy)
    theta = networks.minimise_by_lbfgs(network, loss, rows, decay, network.start())
    return networks.FittedNetwork(network, theta).logits


def _fit_hidden(context: FitContext, rows: EncodedRows, decay: float, features: float) -> EncodedPredictor:
    rng, adam = context.rng("network"), networks.adam_settings(context, rows)
    units, K = context.learner_parameters["hidden"], len(rows.present)
    if units < K:
        raise BenchError(f"weight-balancing needs a hidden unit for each of {K} classes, and 'hidden' is {units}")
    network = FixedHead(rows.X.shape[1], equiangular_frame(units, K, rng))
    strong = networks.AdamSettings(adam.rate, decay * adam.batch, adam.epochs, adam.batch)
    losses = [with_features(networks.mean_of(objectives.cross_entropy), K, features)] * adam.epochs
    start = network.start(rng)

    def deal() -> Iterator[Array]:
        return networks.even_batches(rows.y, strong.batch, rng)

    theta = networks.minimise_by_adam(network, losses, rows, adam=strong, deal=deal, start=start)
    return lambda X: network.forward(theta, np.asarray(X, dtype=float))[0][:, :K]
