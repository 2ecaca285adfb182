"""One minus the expected score under a random threshold, as the loss."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.metrics import get_metric
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.soft_confusion import ConfusionMeasure, measure_of
from bench.methods.trainings.warm_start import fit_ratio_loss


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp"),
    binary=True,
    code=("bench.methods.metrics",),
    positive=True,
    of_labels=True,
)
def score_oriented(context: FitContext, *, metric: str = "f1", centre: float = 0.5, width: float = 0.3) -> FittedModel:
    """Minimise 1 - metric of the confusion matrix that is expected when the threshold of two classes is random.

        P(threshold <= p) = F(p) = (1 + u + sin(π u) / π) / 2,   u = (p - μ) / δ in [-1, 1]

    a raised cosine around μ, so that a row counts as decided with probability F(p); 0 and 1 outside. `metric` is as in
    `anyloss`, `centre` is μ and `width` is δ, both for the probability of the positive class.
    The score is best for thresholds near μ, and the classes are decided there. The training starts from plain
    cross-entropy, as rows outside the width have no slope. The probabilities are no chances. Marchetti, Guastavino,
    Piana and Campi (2022), Score-Oriented Loss (SOL) functions.

    Raises:
        BenchError: there is no such metric, or the threshold can leave (0, 1).
    """
    if not 0 <= centre - width < centre + width <= 1:
        raise BenchError(
            f"parameters centre={centre} and width={width} of score-oriented do not work: thresholds between "
            "centre - width and centre + width must lie between 0 and 1"
        )

    aim = get_metric(context.target, metric)

    def fit(rows: EncodedRows) -> EncodedPredictor:
        positive = rows.present.tolist().index(context.target.positive)
        loss = expected_loss(measure_of(aim, context.target, rows.present), positive, centre, width)
        return fit_ratio_loss(context, rows, loss).predict

    return fit_present_classes(context, fit)


def expected_loss(measure: ConfusionMeasure, positive: int, centre: float, width: float) -> networks.Loss:
    """Return one minus a measure of the expected confusion matrix, of logits f (n, 2), and its gradient."""

    def loss(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        p = objectives.softmax(f)[:, positive]
        u = np.clip((p - centre) / width, -1, 1)
        decided = (1 + u + np.sin(np.pi * u) / np.pi) / 2
        A = np.column_stack([1 - decided, decided] if positive else [decided, 1 - decided])
        hot = weight[:, None] * (y[:, None] == np.arange(2))
        value, gradient = measure(hot.T @ A)
        by_decided = -weight * (gradient[y, positive] - gradient[y, 1 - positive])
        by_z = by_decided * (1 + np.cos(np.pi * u)) / (2 * width) * p * (1 - p)
        return 1 - value, np.column_stack([-by_z, by_z] if positive else [by_z, -by_z])

    return loss
