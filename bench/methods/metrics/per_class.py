"""A table of the classes: how each fared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core import losses
from bench.core.nouns import Array, Prediction, Target, clip_probabilities
from bench.methods.metrics.confusion import of_prediction
from bench.methods.metrics.ranking import area, average_precision_of


def per_class(target: Target, y: Array, prediction: Prediction) -> pd.DataFrame:
    """Return one row per class, in the order of the target's classes; NaN where a number is undefined.

    Columns: class, n_rows (unweighted), share and predicted_share (of the row weight, true and decided),
    mean_probability (beside `share` it shows the bias of the probabilities), precision, recall, f1, log_loss and brier
    (means over the rows of the class: `balanced_log_loss` and `stratified_brier` are their means), auroc and auprc (the
    class against the rest; a random ranking has an auprc of `share`).
    """
    table = of_prediction(target, y, prediction)
    weight = np.ones(len(y)) if prediction.weight is None else prediction.weight
    mass = weight.sum() if weight.sum() > 0 else np.nan
    probabilities, _ = clip_probabilities(prediction.values)
    columns = {
        "class": [str(name) for name in target.outputs],
        "n_rows": np.bincount(y, minlength=target.width),
        "share": table.true / mass,
        "predicted_share": table.predicted / mass,
        "mean_probability": np.dot(weight / mass, prediction.values),
        "precision": table.precision,
        "recall": table.recall,
        "f1": table.f1,
        "log_loss": _mean_by_class(y, losses.log_loss(y, probabilities), weight, table.true),
        "brier": _mean_by_class(y, losses.brier(y, prediction.values), weight, table.true),
        "auroc": [area(y, prediction, k) for k in range(target.width)],
        "auprc": [average_precision_of(y, prediction, k) for k in range(target.width)],
    }
    return pd.DataFrame(columns)


def _mean_by_class(y: Array, rows: Array, weight: Array, mass: Array) -> Array:
    """Return the mean of a loss of rows (n,) over the rows of each class (K,); NaN where it has none."""
    total = np.bincount(y, weights=weight * rows, minlength=len(mass))
    return np.divide(total, mass, out=np.full(len(mass), np.nan), where=mass > 0)
