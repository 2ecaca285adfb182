"""The vector-scaling loss: logits that are scaled and shifted by the class sizes, in training alone."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes


@register(
    "fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"), neutral={"gamma": 0.0, "tau": 0.0}
)
def vs_loss(context: FitContext, *, gamma: float = 0.15, tau: float = 1.0) -> FittedModel:
    """Train cross-entropy on Δ_c f_c + τ ln π_c, with Δ_c = (n_c / n_max)^γ and class shares π; predict softmax(f).

    `gamma` is γ and `tau` is τ. γ = 0 is `logit-adjusted`, τ = 0 the class-dependent temperatures of Ye et al. (2020);
    both 0 is plain training. Shifts act early in the training, scales also on separable rows at its end. Kini,
    Paraskevas, Oymak and Thrampoulidis (2021), Label-imbalanced and group-sensitive classification under
    overparameterization.

    Raises:
        BenchError: gamma is negative.
    """
    if gamma < 0:
        raise BenchError(f"parameter 'gamma' of vs-loss is {gamma}: give 0 or more")

    def fit(rows: EncodedRows) -> EncodedPredictor:
        shifted = objectives.with_shift(objectives.cross_entropy, tau * np.log(rows.shares))
        loss = objectives.with_scales(shifted, (rows.counts / rows.counts.max()) ** gamma)
        return networks.fit_network(context, rows, networks.mean_of(loss)).predict

    return fit_present_classes(context, fit)
