"""The post-processing steps behind a method: the rows that each is fitted on, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, NotApplicableError, Prediction
from bench.core.scheme import Scheme
from bench.methods.postprocess import Change, StepOptions


@dataclass(frozen=True)
class PostprocessInput:
    """What a method predicts of the test rows, and of the rows with known y that a step may be fitted on.

    `folds` are its cross-fitted predictions of the training rows, `calibration` those of rows on which nothing is
    fitted, `by_fold` those of the test rows without each inner fold. Each is there only if a step needs it.
    """

    test: Prediction
    folds: tuple[Prediction, Array] | None = None
    calibration: tuple[Prediction, Array] | None = None
    by_fold: tuple[Prediction, ...] = ()


def needs_fold_models(step: Scheme[StepOptions]) -> bool:
    """Return whether a step needs the test predictions of the models of each inner fold."""
    return "bag" in step.options.protocols


def guarantee(steps: Sequence[Scheme[StepOptions]]) -> str:
    """Return what the steps guarantee, and under which assumption."""
    return "; ".join(step.options.guarantee for step in steps if step.options.guarantee)


def apply(
    steps: Sequence[Scheme[StepOptions]], predictions: PostprocessInput, rng: Callable[[str], np.random.Generator]
) -> Prediction:
    """Fit every step and apply it to all predictions, also to those that the steps behind it are fitted on.

    Raises:
        NotApplicableError: a step needs the models of the inner folds, which are not there.
    """
    for step in steps:
        test = predictions.test
        if needs_fold_models(step):
            if not predictions.by_fold:
                raise NotApplicableError(f"step {step.entry.name} needs the models of the inner folds")
            test = replace(test, by_fold=np.stack([prediction.values for prediction in predictions.by_fold]))
        change: Change = step(*_rows_to_fit(step, predictions), rng(step.id))
        predictions = PostprocessInput(
            change(test),
            _apply_to_pair(change, predictions.folds),
            _apply_to_pair(change, predictions.calibration),
            () if needs_fold_models(step) else tuple(change(prediction) for prediction in predictions.by_fold),
        )
    return predictions.test


def _rows_to_fit(step: Scheme[StepOptions], predictions: PostprocessInput) -> tuple[Prediction, Array]:
    """Return the predictions and the true values that a step is fitted on."""
    if step.options.learns == "nothing":
        return predictions.test, np.empty(0)
    pair: tuple[Prediction, Array] | None = getattr(predictions, step.options.learns)
    if pair is None or not len(pair[1]):
        raise NotApplicableError(f"step {step.entry.name} has no {step.options.learns} rows to learn from")
    return pair


def _apply_to_pair(change: Change, pair: tuple[Prediction, Array] | None) -> tuple[Prediction, Array] | None:
    return None if pair is None else (change(pair[0]), pair[1])
