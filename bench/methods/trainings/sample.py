"""Rows drawn anew: samples, how many rows of each class are wanted, and what a model of a sample has in effect.

Row weights of the task: rows are counted, not their weights. A row of weight zero is left out; copies keep the weight
of their row; a row that is made up has the mean weight of its class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.methods.trainings.fit_context import FitContext, FittedModel

Note = tuple[str, str]
"""What had to be done otherwise, and for which class."""


@dataclass(frozen=True)
class Sample:
    """Rows that are to teach, as they are in the table, with their classes and weights; `notes` tell of departures."""

    X: pd.DataFrame
    y: Array
    weight: Array | None
    notes: tuple[Note, ...] = ()

    def rows(self, index: Array) -> Sample:
        """Return the rows at these positions, which may repeat."""
        weight = None if self.weight is None else self.weight[index]
        return replace(self, X=self.X.iloc[index].reset_index(drop=True), y=self.y[index], weight=weight)

    def with_notes(self, *notes: Note) -> Sample:
        """Return the sample with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_made(self, X: pd.DataFrame, code: int) -> Sample:
        """Return the sample with rows of one class that are made up, of the mean weight of the class."""
        weight = self.weight
        if weight is not None:
            weight = np.append(weight, np.full(len(X), weight[self.y == code].mean()))
        y = np.append(self.y, np.full(len(X), code))
        return replace(self, X=pd.concat([self.X, X], ignore_index=True), y=y, weight=weight)

    def with_last(self, n: int, X: pd.DataFrame) -> Sample:
        """Return the sample with other rows behind the first n, as many as there are."""
        return replace(self, X=pd.concat([self.X.iloc[:n], X], ignore_index=True))


def positive_weight_sample(context: FitContext) -> Sample:
    """Return the rows of a lesson that have any weight."""
    sample = Sample(context.X, context.y, context.weight)
    if context.weight is None or context.weight.min() > 0:
        return sample.rows(np.arange(len(context.y)))
    return sample.rows(np.flatnonzero(context.weight > 0))


def fit_sample(context: FitContext, sample: Sample) -> FittedModel:
    """Teach the learner a sample."""
    predict = context.fit(sample.X, sample.y, sample.weight)
    after = np.bincount(sample.y, weights=sample.weight, minlength=context.target.width).astype(float)
    return FittedModel(predict, resampling_weights(context.counts, after), note_text(context, sample.notes))


def resampling_weights(before: Array, after: Array) -> Array:
    """Return the class weights (K,) that a resampling amounts to: rows drawn over rows there were, Σ n_c w_c = Σ n_c.

    `before` and `after` are the rows of each class, or the sums of their row weights.
    """
    share = np.divide(after, before, out=np.zeros(len(before)), where=before > 0)
    scaled: Array = share * (before.sum() / (share @ before))
    return scaled


def note_text(context: FitContext, notes: tuple[Note, ...]) -> str:
    """Return the notes as one line, the classes of each note together."""
    classes: dict[str, list[str]] = {}
    for what, who in notes:
        classes.setdefault(what, []).extend([who] if who else [])
    return "; ".join(f"{what} for class {', '.join(who)}" if who else what for what, who in classes.items())


def name_of(context: FitContext, code: int) -> str:
    """Return the name of a class."""
    return str(context.target.outputs[code])


def more(y: Array, ratio: float) -> dict[int, int]:
    """Return the rows that each class lacks to the share `ratio` of the largest class; nothing where it lacks none.

    Raises:
        BenchError: the ratio is not above 0 and at most 1.
    """
    counts = np.bincount(y)
    wanted = round(_sound(ratio) * int(counts.max()))
    return {int(c): wanted - int(counts[c]) for c in np.flatnonzero(counts) if counts[c] < wanted}


def fewer(y: Array, ratio: float) -> dict[int, int]:
    """Return the rows that are kept of each class: at most the smallest class over `ratio`; nothing where all are.

    Raises:
        BenchError: the ratio is not above 0 and at most 1.
    """
    counts = np.bincount(y)
    most = round(int(counts[counts > 0].min()) / _sound(ratio))
    return {int(c): most for c in np.flatnonzero(counts > most)}


def _sound(ratio: float) -> float:
    if not 0 < ratio <= 1:
        raise BenchError(f"parameter 'ratio' of a resampling is {ratio}: give a number above 0 and at most 1")
    return ratio


def whole_number(name: str, value: int, least: int = 1) -> int:
    """Return a parameter that counts something.

    Raises:
        BenchError: it is too small.
    """
    if value < least:
        raise BenchError(f"parameter {name!r} of a training scheme is {value}: give {least} or more")
    return value
