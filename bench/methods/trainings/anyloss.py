"""One minus a metric of a soft confusion matrix as the loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.metrics import get_metric
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.soft_confusion import measure_of, soft_loss

RAREST_IN_BATCH = 8
"""Rows of the rarest class in a batch of a network at least, if it has as many: the measures are ratios of sums."""

LBFGS_STEPS = 100
"""Steps of L-BFGS from each start: what more of them gain fits the training rows alone."""

LARGEST_BATCH = 4096
"""Rows of a batch at most, however rare a class is."""

STEPS_AN_EPOCH = 16
"""Batches an epoch that learner mlp aims at; with fewer and larger batches the epochs are more."""

N_CUTS = 40
"""Cuts that are tried for the intercept, in the middle of as many equal shares of the rows."""


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp"),
    code=("bench.methods.class_weights.balanced", "bench.methods.metrics"),
    positive=True,
    of_labels=True,
)
def anyloss(context: FitContext, *, metric: str = "f1", steepness: float = 73.0) -> FittedModel:
    """Minimise 1 - metric of a confusion matrix that counts rows by A(p) = 1 / (1 + e^(-L (p - 1/2))).

        S_jk = Σ_i weight_i [y_i = j] A_ik        A_i = softmax(L p_i / 2), for two classes the A above

    `metric` is any metric of decided labels (f1, f2, f0.5, g_mean, balanced_accuracy, accuracy, mcc, …); `steepness` is
    L. Of two classes, F is that of the positive one; of more (an extension; the paper has two) it is the mean over
    classes, the geometric mean is of all recalls, and the softmax agrees with labels by the largest p. Labels are best
    at p = 1/2; p are no probabilities.

    The linear model minimises C n (1 - metric) + ‖B‖² / 2 on all rows by L-BFGS from three starts: zero, as in the
    paper, and the solutions of plain and of balanced logistic regression, with intercepts moved to the best cut; the
    lowest end counts. The network has batches that hold some rows of each class, and spends the first fifth of its
    epochs on cross-entropy: from scratch it tends to give up classes. Han, Moniz and Chawla (2024), AnyLoss:
    Transforming classification metrics into loss functions.

    Raises:
        BenchError: there is no such metric of labels, or the steepness is not positive.
    """
    if steepness <= 0:
        raise BenchError(f"parameter 'steepness' of anyloss is {steepness}: give a positive number")
    aim, fit = get_metric(context.target, metric), _FIT[context.learner.entry.name]
    return fit_present_classes(
        context,
        lambda rows: fit(context, rows, soft_loss(measure_of(aim, context.target, rows.present), steepness)),
    )


def _fit_linear(context: FitContext, rows: EncodedRows, loss: networks.Loss) -> EncodedPredictor:
    network, penalty = networks.Linear(rows.X.shape[1], len(rows.present)), networks.penalty(context, rows)
    cross_entropy = networks.mean_of(objectives.cross_entropy)
    weighted = objectives.with_class_weights(objectives.cross_entropy, rows.class_weights("balanced"))
    plain = networks.minimise_by_lbfgs(network, cross_entropy, rows, penalty, network.start())
    balanced = networks.minimise_by_lbfgs(network, networks.mean_of(weighted), rows, penalty, plain)
    starts = [network.start(), *(_move_to_best_cut(network, theta, rows, loss) for theta in (plain, balanced))]
    ends = [networks.minimise_by_lbfgs(network, loss, rows, penalty, theta, most=LBFGS_STEPS) for theta in starts]
    objective = networks.penalised_loss(network, loss, rows, penalty)
    return networks.FittedNetwork(network, min(ends, key=lambda theta: objective(theta)[0])).predict


def _move_to_best_cut(network: networks.Linear, theta: Array, rows: EncodedRows, loss: networks.Loss) -> Array:
    """Move the intercept of two classes to the cut, of `N_CUTS` even quantiles of the outputs, with the lowest loss."""
    if network.outputs > 1:
        return theta
    z = networks.output_of(network.forward(theta, np.asarray(rows.X))[0])
    cuts = np.quantile(z, np.linspace(0.0125, 0.9875, N_CUTS))  # half a share from either end
    values = [loss(networks.logits_of(z - cut), rows.y, rows.weight)[0] for cut in cuts]
    moved = theta.copy()
    moved[-1] -= cuts[int(np.argmin(values))]
    return moved


def _fit_hidden(context: FitContext, rows: EncodedRows, loss: networks.Loss) -> EncodedPredictor:
    network, adam = networks.hidden_network(context, rows), networks.adam_settings(context, rows)
    rng, n = context.rng("network"), len(rows.y)
    plain = max(1, n // adam.batch)
    batches = max(1, n // LARGEST_BATCH, min(plain, np.bincount(rows.y).min() // RAREST_IN_BATCH))
    epochs = adam.epochs * max(1, -(-min(plain, STEPS_AN_EPOCH) // batches))  # larger batches, but as many steps
    large = networks.AdamSettings(adam.rate, adam.alpha, epochs, n // batches)
    early = round(epochs / 5)
    losses = [networks.mean_of(objectives.cross_entropy)] * early + [loss] * (epochs - early)
    start = network.start(rng)

    def deal() -> Iterator[Array]:
        return networks.even_batches(rows.y, large.batch, rng)

    theta = networks.minimise_by_adam(network, losses, rows, adam=large, deal=deal, start=start)
    return networks.FittedNetwork(network, theta).predict


_FIT = {"logistic": _fit_linear, "mlp": _fit_hidden}
