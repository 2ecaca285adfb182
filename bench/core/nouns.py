"""The nouns: target, task, split, panel, answer, weights; and the errors that users may see.

Letters: n rows, L learners, K outputs (1 for points, levels for quantiles, classes for classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.renamed import renamed_fields

Array = NDArray[Any]
Kind = Literal["point", "quantile", "class"]
TaskKind = Literal["regression", "classification"]

SMALLEST_PROBABILITY = 1e-15
"""Probabilities below this are raised to it, in `clip_probabilities` and nowhere else."""


class BenchError(Exception):
    """A mistake of the user: one sentence that says what, which value, and what to do; `code` is the exit code."""

    code = 2


class NotApplicableError(Exception):
    """A pair that does not apply, with its reason: the cell is `skipped`."""


class InvalidAnswerError(Exception):
    """An answer of the wrong shape or with unlawful values: the cell is `invalid`."""


@dataclass(frozen=True)
class Target:
    """What is asked for: a point, quantiles at given levels, or class probabilities.

    `outputs` is () for a point, the levels for quantiles, the class names for classes; `ordered` says that the classes
    stand in order, from low to high.
    """

    kind: Kind
    outputs: tuple[Any, ...] = ()
    ordered: bool = False

    @property
    def width(self) -> int:
        """K, the number of outputs of one row."""
        return len(self.outputs) or 1

    @cached_property
    def levels(self) -> Array:
        """Quantile levels as an array of shape (K,)."""
        return np.asarray(self.outputs, dtype=float)

    @property
    def symmetric(self) -> bool:
        """Whether the levels lie symmetrically around the median; without it WIS is not defined."""
        return self.kind == "quantile" and bool(np.allclose(self.levels + self.levels[::-1], 1.0))

    @cached_property
    def intervals(self) -> dict[float, tuple[int, int]]:
        """Central intervals: nominal coverage in per cent -> (lower, upper) output; empty if not symmetric."""
        if not self.symmetric:
            return {}
        pairs = [(j, self.width - 1 - j) for j in reversed(range(self.width // 2))]
        return {_short(100 * (self.levels[hi] - self.levels[lo])): (lo, hi) for lo, hi in pairs}


def _short(number: float) -> float:
    """Return a number without float noise, an int where it is whole."""
    rounded = round(float(number), 6)
    return int(rounded) if rounded.is_integer() else rounded


@dataclass(frozen=True)
class Split:
    """One outer split: positions of the training rows and of the test rows."""

    repeat: int
    fold: int
    train: Array
    test: Array


@dataclass(frozen=True)
class ExternalPredictions:
    """Predictions made elsewhere: what each learner said about every row of a task, (n, K) by learner."""

    target: Target
    answers: Mapping[str, Array]


@renamed_fields(given="external")
@dataclass(frozen=True)
class Task:
    """A table with a target and the splits on which methods are compared.

    `y` holds numbers for regression and codes 0 … K-1 into `classes` for classification. `groups`, `time` and
    `weight` have one value a row, or are None. A task with `given` predictions needs no learner fitted.
    """

    name: str
    X: pd.DataFrame
    y: Array
    kind: TaskKind
    splits: tuple[Split, ...]
    classes: tuple[str, ...] = ()
    groups: Array | None = None
    time: Array | None = None
    weight: Array | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    external: ExternalPredictions | None = None


@renamed_fields(said="predictions", fold="inner_fold")
@dataclass(frozen=True)
class Panel:
    """What L learners predict of n rows: `predictions` has shape (L, n, K). It holds no true value of y.

    `X` is the encoded matrix with its column names, `weight` the row weights of the task, `inner_fold` the inner fold
    in which each row was predicted (None on test rows).
    """

    target: Target
    learners: tuple[str, ...]
    X: pd.DataFrame
    predictions: Array
    weight: Array | None = None
    inner_fold: Array | None = None

    def rows(self, index: Array) -> Panel:
        """Return the panel of the given rows (positions or a mask)."""
        return replace(
            self,
            X=self.X.iloc[np.flatnonzero(index) if index.dtype == bool else index],
            predictions=self.predictions[:, index],
            weight=None if self.weight is None else self.weight[index],
            inner_fold=None if self.inner_fold is None else self.inner_fold[index],
        )


Combiner = Callable[[Panel], Array]
"""Panel -> what the ensemble says, of shape (n, K)."""


@dataclass(frozen=True)
class Weights:
    """The combiner of every linear scheme.

    `w` has shape (L,), one weight per learner; (L, K), one per learner and output; or (L, K, K), from every output of
    every learner to every output of the answer. `intercept` has shape (K,). `gap` is the certificate of a convex
    scheme: the scale-free distance to the optimum that the solver proved.

        (L,)       answer_nk = Σ_l w_l said_lnk
        (L, K)     answer_nk = Σ_l w_lk said_lnk
        (L, K, K)  answer_nk = Σ_l Σ_j w_ljk said_lnj
    """

    w: Array
    intercept: Array | None = None
    gap: float | None = None

    def __call__(self, panel: Panel) -> Array:
        """Combine what the learners said, shape (n, K)."""
        prediction = _COMBINE[self.w.ndim](self.w, panel.predictions)
        return prediction if self.intercept is None else prediction + self.intercept


_COMBINE: dict[int, Callable[[Array, Array], Array]] = {
    1: lambda w, predictions: np.tensordot(w, predictions, axes=1),
    2: lambda w, predictions: np.einsum("lk,lnk->nk", w, predictions),
    3: lambda w, predictions: np.einsum("ljk,lnj->nk", w, predictions),
}


@renamed_fields(emphasis="effective_class_weights", fold="inner_fold")
@dataclass(frozen=True)
class Prediction:
    """What a method says about n rows: `values` of shape (n, K), and how to decide on a class.

    `weight` holds the row weights of the task. `rule` holds class multipliers (K,): the label is the class of the
    largest rule_k × values_k; probability metrics never see it. `effective_class_weights` (K,) or (n, K) are the class
    weights in effect when the model behind the prediction was fitted. `unsorted` keeps quantiles as they were before
    the final sort.

    `inner_fold` (n,) is the inner fold in which each training row was predicted, `by_fold` (F, n, K) what the models
    of each inner fold alone predict of test rows: only protocols that keep the models of the folds have it.
    """

    target: Target
    values: Array
    weight: Array | None = None
    rule: Array | None = None
    effective_class_weights: Array | None = None
    unsorted: Array | None = None
    inner_fold: Array | None = None
    by_fold: Array | None = None

    @cached_property
    def labels(self) -> Array:
        """Decided class codes (n,); ties go to the first class."""
        scores = self.values if self.rule is None else self.values * self.rule
        return np.argmax(scores, axis=1)


def clip_probabilities(values: Array) -> tuple[Array, int]:
    """Raise probabilities to `SMALLEST_PROBABILITY`, let rows sum to one, and count the rows that were changed."""
    low = values < SMALLEST_PROBABILITY
    clipped = np.where(low, SMALLEST_PROBABILITY, values)
    return clipped / clipped.sum(axis=1, keepdims=True), int(low.any(axis=1).sum())


def validate_values(target: Target, values: Array, n: int) -> Array:
    """Return `values` as float64 of shape (n, K).

    Raises:
        InvalidAnswerError: the shape is wrong, a value is not finite, or a row is not a distribution.
    """
    values = np.asarray(values, dtype=float)
    if values.shape != (n, target.width):
        raise InvalidAnswerError(f"the answer has shape {values.shape}, expected {(n, target.width)}")
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise InvalidAnswerError(f"the answer is not finite on {bad} of {n} rows")
    if target.kind == "class":
        off = int(((values < -1e-9).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > 1e-6)).sum())
        if off:
            raise InvalidAnswerError(f"the answer is no probability distribution on {off} of {n} rows")
    return values


class Cell(NamedTuple):
    """The identity of one number on a board: who answered which split of which task.

    `panel` is empty where a row belongs to one learner, `learner` where it belongs to a panel.
    """

    board: str
    task: str
    panel: str
    repeat: int
    fold: int
    learner: str
    method: str


STATUSES = ("ok", "failed", "timeout", "oom", "crashed", "skipped", "invalid")
"""How a cell can end."""
