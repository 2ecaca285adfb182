"""Meta-features: a task in a few numbers, by which boards can be sliced."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Task


def meta_features(task: Task) -> dict[str, Any]:
    """Return size, columns, missing cells, for classes their number and imbalance n_max / n_min, and the data set.

    `positive` is the positive class of two.

    Tasks of one `dataset` are of one table, and a board counts them as one. A task whose source knows of no table that
    others may share is a data set by itself.
    """
    n, d = task.X.shape
    sizes = np.bincount(task.y, minlength=len(task.classes)) if task.classes else np.zeros(0)
    # six decimals take the float noise off
    return {
        "kind": task.kind,
        "n_rows": n,
        "n_columns": d,
        "n_categorical": int(sum(str(dtype) == "category" for dtype in task.X.dtypes)),
        "missing_share": round(float(task.X.isna().to_numpy().mean()), 6) if d else 0.0,
        "n_classes": len(task.classes),
        "imbalance": round(float(sizes.max() / max(sizes.min(), 1)), 6) if len(sizes) else None,
        "ordered": bool(task.meta.get("ordered", False)),
        "grouped": task.groups is not None,
        "timed": task.time is not None,
        "dataset": str(task.meta.get("table", task.name)),
        "positive": task.classes[task.positive_code] if len(task.classes) == 2 else None,
    }
