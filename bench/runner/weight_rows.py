"""What was fitted, as rows of weights.csv: role, learner that it is of, output, value."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, Combiner, Panel, Target, Weights


def weight_rows(combiner: Combiner, panel: Panel) -> list[dict[str, Any]]:
    """Return the weights and the intercept of a linear combiner as table rows; none for any other."""
    if not isinstance(combiner, Weights):
        return []
    w = combiner.w.reshape(len(panel.learners), -1)
    outputs = _output_names(panel.target, combiner.w.shape[1:])
    rows = [
        {"role": "weight", "of": learner, "output": output, "value": float(value)}
        for learner, line in zip(panel.learners, w, strict=True)
        for output, value in zip(outputs, line, strict=True)
    ]
    intercept = np.zeros(0) if combiner.intercept is None else combiner.intercept
    names = _output_names(panel.target, (panel.target.width,)) if panel.target.outputs else [""]
    return rows + [
        {"role": "intercept", "of": "", "output": name, "value": float(value)}
        for name, value in zip(names, intercept, strict=False)
    ]


def _output_names(target: Target, shape: tuple[int, ...]) -> list[str]:
    names = [str(output) for output in target.outputs]
    if len(shape) < 2:
        return names if shape else [""]
    return [f"{source}>{goal}" for source in names for goal in names]


def class_rows(role: str, target: Target, values: Array | None) -> list[dict[str, Any]]:
    """Return numbers of classes, (K,) or (K, K) as of a decision rule, as table rows; none for None."""
    if values is None:
        return []
    pairs = zip(_output_names(target, values.shape), values.ravel(), strict=True)
    return [{"role": role, "of": "", "output": name, "value": float(value)} for name, value in pairs]
