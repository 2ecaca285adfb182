"""A squared loss of pairs of rows of different classes: a surrogate of the area under the ROC curve."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes
from bench.methods.trainings.warm_start import fit_ratio_loss

CALIBRATION_PENALTY = 1e-4
"""Penalty of the logistic regression on the outputs: it holds the slope finite where they separate the classes."""


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"))
def auc_loss(context: FitContext) -> FittedModel:
    """Minimise the mean of (1 - (z_i - z_j))² over pairs of a row i of a class and a row j of another.

        mean_ij (1 - (z_i - z_j))² = (1 - (m_1 - m_0))² + v_1 + v_0

    with the means m and variances v of the outputs z of the class and of the rest, so that no pair is ever made. Of two
    classes z is the log odds, of more each class has its own output against the rest, and the mean over classes counts.
    All classes weigh alike, however rare. The order of rows is all that the loss knows: probabilities are those of a
    logistic regression on the outputs, fitted on the training rows. Gao, Jin, Zhu and Zhou (2013), One-pass AUC
    optimization.
    """

    def fit(rows: EncodedRows) -> EncodedPredictor:
        ranking = fit_ratio_loss(context, rows, pairwise_squares)

        def outputs(X: Array) -> Array:
            return networks.output_of(ranking.logits(X))

        z = EncodedRows(outputs(rows.X), rows.y, rows.weight, rows.present)
        network = networks.Linear(z.X.shape[1], len(rows.present))
        plain = networks.mean_of(objectives.cross_entropy)
        theta = networks.minimise_by_lbfgs(network, plain, z, CALIBRATION_PENALTY, network.start())
        calibrated = networks.FittedNetwork(network, theta)
        return lambda X: calibrated.predict(outputs(X))

    return fit_present_classes(context, fit)


def pairwise_squares(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
    """Return the mean over classes of the pairwise squared loss of their outputs, and its gradient by f (n, K)."""
    z = networks.output_of(f)
    columns = range(1, 2) if z.shape[1] == 1 else range(z.shape[1])
    total, slope = 0.0, np.zeros_like(z)
    for at, k in enumerate(columns):
        own = y == k
        if own.all() or not own.any():
            continue
        shares = [np.where(part, weight, 0.0) / weight[part].sum() for part in (own, ~own)]
        means = [share @ z[:, at] for share in shares]
        gap = 1 - (means[0] - means[1])
        off = [z[:, at] - mean for mean in means]
        total += gap**2 + sum(float(share @ each**2) for share, each in zip(shares, off, strict=True))
        slope[:, at] = 2 * (gap * (shares[1] - shares[0]) + shares[0] * off[0] + shares[1] * off[1])
    return total / z.shape[1], networks.slope_of(slope / z.shape[1])
