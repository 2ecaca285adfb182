"""Weight vectors of the classes divided by a power of their length after plain training."""

from __future__ import annotations

import numpy as np

from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"), neutral={"tau": 0.0})
def tau_norm(context: FitContext, *, tau: float = 1.0) -> FittedModel:
    """Train the plain way, and predict softmax of f_c = (w_c · h(x) + b_c) / ‖(w_c, b_c)‖^τ.

    `tau` is τ; 0 is plain training. (w_c, b_c) is the row of class c in the last layer, h are the hidden units (of the
    linear model: the columns). Frequent classes tend to have the longer rows. The authors leave out the intercept,
    which hardly matters to them; in tables it carries much of the class shares, and is a part of the row here. The rows
    of two classes mirror each other: the labels stay as they are. Kang et al. (2020), Decoupling representation and
    classifier for long-tailed recognition.
    """

    def fit(rows: EncodedRows) -> EncodedPredictor:
        model = networks.fit_network(context, rows, networks.mean_of(objectives.cross_entropy))
        B, b = model.network.head(model.theta)
        length = np.maximum(np.linalg.norm(np.vstack([B, b]), axis=0), objectives.SMALLEST_DIVISOR)
        return lambda X: objectives.softmax(model.logits(X) / length**tau)

    return fit_present_classes(context, fit)
