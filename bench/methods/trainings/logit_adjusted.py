"""Cross-entropy with logits that are shifted by the class shares in training alone."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, objectives, register, trees
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, class_weights_of, fit_present_classes


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp", "lightgbm"),
    code=("bench.methods.class_weights.inverse_power",),
    neutral={"tau": 0.0},
)
def logit_adjusted(context: FitContext, *, tau: float = 1.0) -> FittedModel:
    """Train cross-entropy on f_c + τ ln π_c, with class shares π, and predict softmax(f): rare classes gain π_c^-τ.

    `tau` is τ: 1 aims at the balanced error, and is the balanced softmax of Ren et al. (2020); 0 is plain training.
    Menon, Jayasumana, Rawat, Jain, Veit and Kumar (2021), Long-tail learning via logit adjustment.
    """

    def fit(rows: EncodedRows) -> EncodedPredictor:
        shift = tau * np.log(rows.shares)
        loss = objectives.with_shift(objectives.cross_entropy, shift)
        return trees.train_any(context, rows, loss, np.log(rows.shares) - shift)

    return fit_present_classes(context, fit, class_weights_of(context.counts, f"inverse-power:power={tau}"))
