"""One minus a metric of a soft confusion matrix as the loss."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.soft_confusion import MEASURES, soft

HELD = 8
"""Rows of the rarest class in a batch of a network at least, if it has as many: the measures are ratios of sums."""

MOST_STEPS = 100
"""Steps of L-BFGS from each start: what more of them gain fits the training rows alone."""

LARGEST = 4096
"""Rows of a batch at most."""


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp"),
    code=("bench.methods.class_weights.balanced",),
)
def anyloss(context: FitContext, *, metric: str = "f1", steepness: float = 73.0) -> FittedModel:
    """Minimise 1 - metric of a confusion matrix that counts rows by A(p) = 1 / (1 + e^(-L (p - 1/2))).

        S_jk = Σ_i weight_i [y_i = j] A_ik        A_i = softmax(L p_i / 2), for two classes the A above

    `metric` is f1, f2, f0.5, g_mean, balanced_accuracy or accuracy; `steepness` is L. Of two classes, F is that of the
    rarer one; of more (an extension; the paper has two) it is the mean over classes, the geometric mean is of all
    recalls, and the softmax agrees with labels by the largest p. Labels are best at p = 1/2, and p are no chances.

    The linear model minimises C n (1 - metric) + ‖B‖² / 2 on all rows by L-BFGS from three starts: zero, as in the
    paper, and the solutions of plain and of balanced logistic regression, with intercepts moved to the best cut; the
    lowest end counts. The network has batches that hold some rows of each class, and begins with a fifth of
    cross-entropy: from scratch it tends to give up classes. Han, Moniz and Chawla (2024), AnyLoss: Transforming
    classification metrics into loss functions.

    Raises:
        BenchError: there is no such metric, or the steepness is not positive.
    """
    if metric not in MEASURES:
        raise BenchError(f"parameter 'metric' of anyloss cannot be {metric!r}: choose from {', '.join(MEASURES)}")
    if steepness <= 0:
        raise BenchError(f"parameter 'steepness' of anyloss is {steepness}: give a positive number")
    learn = _LEARN[context.learner.entry.name]
    return fit_present_classes(
        context, lambda rows: learn(context, rows, soft(MEASURES[metric](rows.counts), steepness))
    )


def _linear(context: FitContext, rows: EncodedRows, loss: networks.Loss) -> EncodedPredictor:
    network, penalty = networks.Linear(rows.X.shape[1], len(rows.present)), networks.penalty(context, rows)
    weighed = objectives.weighed(objectives.cross_entropy, rows.weights("balanced"))
    plain = networks.solve(network, networks.mean_of(objectives.cross_entropy), rows, penalty, network.start())
    balanced = networks.solve(network, networks.mean_of(weighed), rows, penalty, plain)
    starts = [network.start(), *(_best_cut(network, theta, rows, loss) for theta in (plain, balanced))]
    ends = [networks.solve(network, loss, rows, penalty, theta, MOST_STEPS) for theta in starts]
    price = networks.price(network, loss, rows, penalty)
    return networks.Trained(network, min(ends, key=lambda theta: price(theta)[0])).predict


def _best_cut(network: networks.Linear, theta: Array, rows: EncodedRows, loss: networks.Loss) -> Array:
    """Move the intercept of two classes to the cut, of forty even quantiles of the outputs, with the lowest loss."""
    if network.outputs > 1:
        return theta
    z = networks.output_of(network.forward(theta, np.asarray(rows.X))[0])
    cuts = np.quantile(z, np.linspace(0.0125, 0.9875, 40))
    prices = [loss(networks.logits_of(z - cut), rows.y, rows.weight)[0] for cut in cuts]
    moved = theta.copy()
    moved[-1] -= cuts[int(np.argmin(prices))]
    return moved


def _hidden(context: FitContext, rows: EncodedRows, loss: networks.Loss) -> EncodedPredictor:
    network, pace, rng = networks.hidden(context, rows), networks.pace(context, rows), context.rng("network")
    n = len(rows.y)
    plain = max(1, n // pace.batch)
    number = max(1, n // LARGEST, min(plain, np.bincount(rows.y).min() // HELD))
    epochs = pace.epochs * max(1, -(-min(plain, 16) // number))  # larger batches, but as many steps
    large = networks.Pace(pace.rate, pace.alpha, epochs, n // number)
    early = round(epochs / 5)
    course = [networks.mean_of(objectives.cross_entropy)] * early + [loss] * (epochs - early)
    theta = networks.descend(network, course, rows, large, rng, network.start(rng))
    return networks.Trained(network, theta).predict


_LEARN = {"logistic": _linear, "mlp": _hidden}
