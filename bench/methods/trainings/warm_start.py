"""Training on losses that are ratios of sums: from the end of plain training, in batches that hold every class.

Nothing is registered here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import networks, objectives
from bench.methods.trainings.class_rows import EncodedRows
from bench.methods.trainings.fit_context import FitContext

RAREST_IN_BATCH = 8
"""Rows of the rarest class in a batch at least, if it has as many."""


def fit_ratio_loss(context: FitContext, rows: EncodedRows, loss: networks.Loss) -> networks.FittedNetwork:
    """Train learner logistic or mlp plainly, and then on the loss from there.

    The linear model minimises C n × loss + ‖B‖² / 2 from the plain solution, the network the loss in the second half of
    its epochs.
    """
    plain = networks.mean_of(objectives.cross_entropy)
    if context.learner.entry.name == "logistic":
        return networks.fit_network(context, rows, plain, loss)
    network, adam, rng = (
        networks.hidden_network(context, rows),
        networks.adam_settings(context, rows),
        context.rng("network"),
    )
    batches = max(1, min(len(rows.y) // adam.batch, int(np.bincount(rows.y).min()) // RAREST_IN_BATCH))
    large = networks.AdamSettings(adam.rate, adam.alpha, adam.epochs, len(rows.y) // batches)

    def deal() -> Iterator[Array]:
        return networks.even_batches(rows.y, large.batch, rng)

    half = adam.epochs // 2
    losses = [plain] * half + [loss] * (adam.epochs - half)
    theta = networks.minimise_by_adam(network, losses, rows, adam=large, deal=deal, start=network.start(rng))
    return networks.FittedNetwork(network, theta)
