"""The steps behind a method: who teaches each of them, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Answer, Array, NotApplicableError
from bench.core.registry import Scheme
from bench.methods.postprocess import StepOptions

Change = Callable[[Answer], Answer]


@dataclass(frozen=True)
class Said:
    """What a method says of the test rows, and of the rows with known y that may teach a step.

    `folds` are its cross-fitted answers to the training rows, `calibration` those to rows from which nothing has
    learned, `by_fold` what it says of the test rows without each inner fold. Each is there only if a step asks for it.
    """

    test: Answer
    folds: tuple[Answer, Array] | None = None
    calibration: tuple[Answer, Array] | None = None
    by_fold: tuple[Answer, ...] = ()


def asks_each_fold(step: Scheme[StepOptions]) -> bool:
    """Say whether a step asks what the models of each inner fold say of the test rows."""
    return "bag" in step.options.protocols


def guarantee(steps: Sequence[Scheme[StepOptions]]) -> str:
    """Return what the steps guarantee, and under which assumption."""
    return "; ".join(step.options.guarantee for step in steps if step.options.guarantee)


def apply(steps: Sequence[Scheme[StepOptions]], said: Said, rng: Callable[[str], np.random.Generator]) -> Answer:
    """Learn every step from its teacher and apply it to all that is said, for the steps that follow.

    Raises:
        NotApplicableError: a step needs the models of the inner folds, which are not there.
    """
    for step in steps:
        test = said.test
        if asks_each_fold(step):
            if not said.by_fold:
                raise NotApplicableError(f"step {step.entry.name} needs the models of the inner folds")
            test = replace(test, by_fold=np.stack([answer.values for answer in said.by_fold]))
        change: Change = step(*_lesson(step, said), rng(step.id))
        said = Said(
            change(test),
            _changed(change, said.folds),
            _changed(change, said.calibration),
            () if asks_each_fold(step) else tuple(change(answer) for answer in said.by_fold),
        )
    return said.test


def _lesson(step: Scheme[StepOptions], said: Said) -> tuple[Answer, Array]:
    """Return the answers and the true values that a step learns from."""
    if step.options.learns == "nothing":
        return said.test, np.empty(0)
    pair: tuple[Answer, Array] | None = getattr(said, step.options.learns)
    if pair is None or not len(pair[1]):
        raise NotApplicableError(f"step {step.entry.name} has no {step.options.learns} rows to learn from")
    return pair


def _changed(change: Change, pair: tuple[Answer, Array] | None) -> tuple[Answer, Array] | None:
    return None if pair is None else (change(pair[0]), pair[1])
