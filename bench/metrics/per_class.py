"""A table of the classes: how each fared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core import Answer, Array, Target
from bench.metrics.confusion import of_answer


def per_class(target: Target, y: Array, answer: Answer) -> pd.DataFrame:
    """Return one row per class, in the order of the target's classes; NaN where a number is undefined.

    Columns: class, n_rows (unweighted), share and predicted_share (of the row weight, true and decided),
    mean_probability (beside `share` it shows the bias of the probabilities), precision, recall, f1.
    """
    table = of_answer(target, y, answer)
    weight = np.ones(len(y)) if answer.weight is None else answer.weight
    mass = weight.sum() if weight.sum() > 0 else np.nan
    columns = {
        "class": [str(name) for name in target.outputs],
        "n_rows": np.bincount(y, minlength=target.width),
        "share": table.true / mass,
        "predicted_share": table.predicted / mass,
        "mean_probability": np.dot(weight / mass, answer.values),
        "precision": table.precision,
        "recall": table.recall,
        "f1": table.f1,
    }
    return pd.DataFrame(columns)
