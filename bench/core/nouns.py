"""The nouns: target, task, split, panel, prediction, weights, cell; and the errors that users may see.

Letters: n rows, L learners, K outputs (1 for points, levels for quantiles, classes for classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.exit_codes import MISTAKE, NOTHING_SELECTED
from bench.core.renamed import renamed_fields

Array = NDArray[Any]
MaybeArray = TypeVar("MaybeArray", Array, Array | None)
Kind = Literal["point", "quantile", "class"]
TaskKind = Literal["regression", "classification"]

SMALLEST_PROBABILITY = 1e-15
"""Probabilities below this are raised to it, in `clip_probabilities` and nowhere else: the log loss stays finite."""

MOST_NEGATIVE = 1e-9
FARTHEST_FROM_ONE = 1e-6
"""How far a probability may lie below zero, and a row's sum from one: models that sum or divide are off by rounding."""


def read_only(array: MaybeArray) -> MaybeArray:
    """Return a view of an array that nobody can write to, so that no method changes what the next one sees."""
    if array is None:
        return None
    view = array.view()
    view.setflags(write=False)
    return view


class BenchError(Exception):
    """A mistake of the user: one sentence with what is wrong, which value, and what to do; `code` is the exit code."""

    code: int = MISTAKE


class NothingSelectedError(BenchError):
    """Names, tasks and filters leave nothing to do or to show."""

    code = NOTHING_SELECTED


class NotApplicableError(Exception):
    """A pair that does not apply, with its reason: the cell is `skipped`."""


class InvalidPredictionError(Exception):
    """Predictions of the wrong shape or with values that are not allowed: the cell is `invalid`."""


@dataclass(frozen=True)
class Target:
    """What is predicted of a row: a point, quantiles at fixed levels, or class probabilities.

    `outputs` is () for a point, the levels for quantiles, the class names for classes; `ordered` is true where the
    classes have an order, and `outputs` lists them from low to high. `positive` is the code of the class that metrics
    of two classes are about; of more it is the rarest, which only costs refer to.
    """

    kind: Kind
    outputs: tuple[Any, ...] = ()
    ordered: bool = False
    positive: int = 1

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
        """Whether the levels lie symmetrically around the median; otherwise WIS is not defined."""
        return self.kind == "quantile" and bool(np.allclose(self.levels + self.levels[::-1], 1.0))

    @cached_property
    def intervals(self) -> dict[float, tuple[int, int]]:
        """Central intervals: nominal coverage in per cent -> (lower, upper) output; empty if not symmetric."""
        if not self.symmetric:
            return {}
        pairs = [(j, self.width - 1 - j) for j in reversed(range(self.width // 2))]
        # six digits take the float noise off: 80, not 80.00000000000001
        nominal = (round(float(100 * (self.levels[hi] - self.levels[lo])), 6) for lo, hi in pairs)
        return {
            int(number) if number.is_integer() else number: pair for number, pair in zip(nominal, pairs, strict=True)
        }


@dataclass(frozen=True)
class Split:
    """The positions of the training rows and of the test rows of a task, for one fold of one repeat.

    `repeat` and `fold` count from zero. Learners, ensemble schemes and post-processing steps are fitted on training
    rows only; the test rows score them.
    """

    repeat: int
    fold: int
    train: Array
    test: Array


@dataclass(frozen=True)
class ExternalPredictions:
    """Predictions that were made elsewhere, for every row of a task: `predictions` holds (n, K) by learner.

    They take the place of fits: no learner is fitted on such a task, and its learners are a panel as they stand.
    """

    target: Target
    predictions: Mapping[str, Array]


@renamed_fields(given="external")
@dataclass(frozen=True)
class Task:
    """A table, its target column, and the splits on which methods are compared.

    `X` holds the features of n rows. `y` holds numbers for regression and codes 0 … K-1 into `classes` for
    classification. `groups` (rows of one group stay in one fold), `time` (later rows never help to predict earlier
    ones) and `weight` (row weights) have one value a row, or are None. `splits` is empty where the source brings none:
    bench then cuts the table itself. `meta` holds what is known about the table. No learner is fitted on a task with
    `external` predictions. `positive` names the positive class where the user has chosen one.
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
    positive: str | None = None

    @cached_property
    def positive_code(self) -> int:
        """Code of the positive class: `positive`, else the rarest of the whole table by row weight, the last if tied.

        It belongs to the task: on every fold and in every fit it is the same. Without classes it has no meaning.
        """
        if self.positive is not None:
            return self.classes.index(self.positive)
        return int(self._rarest[-1]) if self.classes else Target.positive

    @property
    def is_positive_tied(self) -> bool:
        """Whether nobody has chosen the positive one of two classes, and both have equally many rows."""
        return len(self.classes) == 2 and self.positive is None and len(self._rarest) == 2

    @cached_property
    def _rarest(self) -> Array:
        """Codes of the classes that are as rare as any."""
        mass = np.bincount(self.y, weights=self.weight, minlength=len(self.classes))
        return np.flatnonzero(
            mass <= mass.min() * (1 + 1e-12)
        )  # weights are added up: equal sums may differ by rounding


@renamed_fields(said="predictions", fold="inner_fold")
@dataclass(frozen=True)
class Panel:
    """The predictions of L learners for the same n rows, shape (L, n, K): all that an ensemble scheme sees of them.

    It holds no true value of y. On training rows the predictions are out of fold. `X` is the encoded matrix with its
    column names, `weight` the row weights of the task, `inner_fold` the inner fold in which each row was predicted
    (None on test rows).
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
            predictions=read_only(self.predictions[:, index]),
            weight=None if self.weight is None else read_only(self.weight[index]),
            inner_fold=None if self.inner_fold is None else read_only(self.inner_fold[index]),
        )


Combiner = Callable[[Panel], Array]
"""The function from a panel to the predictions of the ensemble, of shape (n, K)."""


@dataclass(frozen=True)
class Weights:
    """The combiner of every linear scheme: a weighted sum of the predictions p of the learners.

    `w` has shape (L,), one weight per learner; (L, K), one per learner and output; or (L, K, K), from every output j of
    every learner to every output k of the ensemble. `intercept` has shape (K,). `gap` is an upper bound,
    proved by the solver and free of scale, on how far a convex scheme is from the optimum.

        (L,)       prediction_nk = Σ_l w_l p_lnk
        (L, K)     prediction_nk = Σ_l w_lk p_lnk
        (L, K, K)  prediction_nk = Σ_l Σ_j w_ljk p_lnj
    """

    w: Array
    intercept: Array | None = None
    gap: float | None = None

    def __call__(self, panel: Panel) -> Array:
        """Combine the predictions of the learners, shape (n, K)."""
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
    """The outputs of one method for n rows: `values` of shape (n, K), and the rule that decides on a class.

    `weight` holds the row weights of the task. `rule` holds class multipliers (K,): the label is the class of the
    largest rule_k × values_k; or a matrix (K, K), of the largest Σ_j values_j × rule_jk. Probability metrics never see
    it. `effective_class_weights` (K,) or (n, K) are the
    factors by which the fit behind the prediction multiplied each class; None where it did not, NaN where they are not
    known. `unsorted` keeps quantiles as they were before the final sort.

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
        if self.rule is None:
            return np.argmax(self.values, axis=1)
        return np.argmax(self.values * self.rule if self.rule.ndim == 1 else self.values @ self.rule, axis=1)


def clip_probabilities(values: Array) -> tuple[Array, int]:
    """Raise probabilities to `SMALLEST_PROBABILITY`, scale rows to sum one, and count the rows that were changed."""
    low = values < SMALLEST_PROBABILITY
    clipped = np.where(low, SMALLEST_PROBABILITY, values)
    return clipped / clipped.sum(axis=1, keepdims=True), int(low.any(axis=1).sum())


def real_values(values: Any) -> Array:
    """Return what a learner or a scheme gave as float64; numpy would drop imaginary parts and masks without a word.

    Raises:
        InvalidPredictionError: a value has an imaginary part, or is masked.
    """
    masked = int(np.ma.getmaskarray(values).sum()) if np.ma.isMaskedArray(values) else 0
    if masked:
        raise InvalidPredictionError(f"the prediction is masked in {masked} places")
    found = np.asarray(values)
    if np.iscomplexobj(found):
        if np.any(found.imag != 0):
            raise InvalidPredictionError("the prediction has an imaginary part")
        found = found.real
    return np.asarray(found, dtype=float)


def validate_values(target: Target, values: Array, n: int) -> Array:
    """Return `values` as float64 of shape (n, K).

    Raises:
        InvalidPredictionError: the shape is wrong, a value is not finite, or a row is not a distribution.
    """
    values = real_values(values)
    if values.shape != (n, target.width):
        raise InvalidPredictionError(f"the prediction has shape {values.shape}, expected {(n, target.width)}")
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise InvalidPredictionError(f"the prediction is not finite on {bad} of {n} rows")
    if target.kind == "class":
        negative = (values < -MOST_NEGATIVE).any(axis=1)
        off = int((negative | (np.abs(values.sum(axis=1) - 1) > FARTHEST_FROM_ONE)).sum())
        if off:
            raise InvalidPredictionError(f"the prediction is no probability distribution on {off} of {n} rows")
    return values


class Cell(NamedTuple):
    """One method on one outer split of one task, on a board: what is computed, scored and recorded as a whole.

    `panel` is the name of the panel that an ensemble combines, and empty where the row belongs to one learner;
    `learner` is the learner, and empty where the row belongs to a panel. A cell ends with one of `STATUSES`.
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
