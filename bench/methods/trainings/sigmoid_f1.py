"""One minus F1 of counts that are smooth in the logits, as the loss."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.warm_start import fit_ratio_loss


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"), positive=True)
def sigmoid_f1(context: FitContext, *, slope: float = 1.0, offset: float = 0.0) -> FittedModel:
    """Minimise 1 - F1 of counts by S(z) = 1 / (1 + e^(-β (z + η))) of each class's output z against the rest.

        F1_c = 2 Σ_i w_i [y_i = c] S_ic / (Σ_i w_i S_ic + Σ_i w_i [y_i = c])

    `slope` is β and `offset` is η. Of two classes, F1 is that of the positive one, and z the log odds of it; of more it
    is the mean over classes. The training starts from plain cross-entropy (see `anyloss`), since from scratch it tends
    to give up classes. Labels are best at z = 0; the probabilities are no chances. Bénédict, Koops, Odijk and de Rijke
    (2022), sigmoidF1: a smooth F1 score surrogate loss for multilabel classification; here each row has one label.

    Raises:
        BenchError: the slope is not positive.
    """
    if slope <= 0:
        raise BenchError(f"parameter 'slope' of sigmoid-f1 is {slope}: give a positive number")

    def fit(rows: EncodedRows) -> EncodedPredictor:
        classes = np.arange(len(rows.present))
        if context.target.width == 2:
            classes = classes[rows.present == context.target.positive]
        return fit_ratio_loss(context, rows, smooth_f1_loss(classes, slope, offset)).predict

    return fit_present_classes(context, fit)


def smooth_f1_loss(classes: Array, slope: float, offset: float) -> networks.Loss:
    """Return 1 - F1 of logits f (n, K), and its gradient; `classes` are all of them, or the positive one of two."""

    def loss(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        from scipy.special import expit

        # of two classes, the output of one is its logit less that of the other
        z = f if len(classes) > 1 else f[:, classes] - f[:, 1 - classes]
        S = expit(slope * (z + offset))
        hot = y[:, None] == classes
        hits, size = weight @ (hot * S), weight @ S + weight @ hot
        there = size > 0
        f1 = np.divide(2 * hits, size, out=np.zeros(len(classes)), where=there)
        by_S = np.divide(weight[:, None] * (2 * hot - f1), size, out=np.zeros_like(S), where=there)
        slope_z = -by_S * slope * S * (1 - S) / len(classes)
        if len(classes) > 1:
            return float(1 - f1.mean()), slope_z
        both = np.zeros_like(f)
        both[:, classes], both[:, 1 - classes] = slope_z, -slope_z
        return float(1 - f1.mean()), both

    return loss
